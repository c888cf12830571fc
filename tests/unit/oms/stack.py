"""A small real HTTP server that stands for the services and simulators of a stack."""

import json
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from deploy.local.description import Description, write_description
from oms.client import SERVICES

KEY = "oms_secret"

Answer = Callable[[Mapping[str, str], Any], Any]
"""(query parameters, body) -> answer."""


@dataclass(frozen=True)
class Asked:
    """A request as it came."""

    method: str
    path: str
    parameters: dict[str, str]
    """One that is given several times stands with commas between."""
    body: Any
    key: str
    idempotency_key: str = ""


@dataclass
class Services:
    """What the server answers, by method and path; the path begins with the service's name."""

    answers: dict[tuple[str, str], tuple[int, Answer]] = field(default_factory=dict)
    asked: list[Asked] = field(default_factory=list)
    url: str = "http://127.0.0.1:9"

    def answer(self, method: str, path: str, body: Any, status: int = 200) -> None:
        """Answer a request with a value, or with what a function makes of its parameters and body."""
        reply = body if callable(body) else lambda parameters, given: body
        self.answers[method, path] = (status, reply)

    def description(self) -> Description:
        return Description(
            kafka="127.0.0.1:1",
            topic_prefix="orderstream",
            postgres="",
            operator_key=KEY,
            services={service: f"{self.url}/{service}" for service in SERVICES},
            gateway_url=f"{self.url}/gateway",
            gateway_key="gateway-key",
            carrier_url=f"{self.url}/carrier",
            carrier_key="carrier-key",
        )


@contextmanager
def running(state: Path) -> Iterator[Services]:
    """Serve, and describe the server in `<state>/stack.json` as a stack does."""
    services = Services()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer("GET")

        def do_POST(self) -> None:
            self._answer("POST")

        def _answer(self, method: str) -> None:
            split = urlsplit(self.path)
            given = self.rfile.read(int(self.headers.get("content-length", 0)))
            asked = Asked(
                method,
                unquote(split.path),
                {name: ",".join(values) for name, values in parse_qs(split.query, keep_blank_values=True).items()},
                json.loads(given) if given else None,
                self.headers.get("authorization", "").removeprefix("Bearer "),
                self.headers.get("idempotency-key", ""),
            )
            services.asked.append(asked)
            unknown = (404, lambda parameters, body: {"detail": f"nothing at {asked.path}"})
            status, reply = services.answers.get((method, asked.path), unknown)
            text = json.dumps(reply(asked.parameters, asked.body)).encode()
            with suppress(ConnectionError):  # whoever asked did not wait
                self.send_response(status)
                self.send_header("content-length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

        def log_message(self, format: str, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    services.url = f"http://127.0.0.1:{server.server_port}"
    write_description(state, services.description())
    try:
        yield services
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
