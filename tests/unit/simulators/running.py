"""Simulators as real processes, and a receiver of their webhooks."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx2

ROOT = Path(__file__).parents[3]
KEY = "sim-key"
SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
NO_FAULTS = ("--timeout-after-effect=0", "--server-error=0", "--latency-ms=0", "--hold-s=0.2")
PATIENCE_S = 10.0


class Simulator:
    """One running simulator: `python -m simulators.<name>` on free ports."""

    def __init__(self, name: str, state: Path, *options: str) -> None:
        self.name, self.state, self.options = name, state, options
        self.process, self.started = self._start()
        self.http = self._client()

    def kill(self) -> None:
        """kill -9."""
        self.process.send_signal(signal.SIGKILL)
        self.process.wait(PATIENCE_S)

    def start_again(self) -> None:
        """The same options, state and ports."""
        self.http.close()
        kept = [f"--{name.replace('_', '-')}={port}" for name, port in self._ports().items()]
        self.process, self.started = self._start(*kept)
        self.http = self._client()

    def stop(self) -> int:
        """SIGTERM; the exit code."""
        self.http.close()
        if self.process.poll() is None:
            self.process.terminate()
        code = self.process.wait(PATIENCE_S)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code

    def post(
        self, path: str, body: object | None = None, key: str | None = None, **headers: str
    ) -> httpx2.Response:
        if key is not None:
            headers["Idempotency-Key"] = key
        return self.http.post(path, json=body if body is not None else {}, headers=headers)

    def get(self, path: str) -> Any:
        response = self.http.get(path)
        assert response.status_code == 200, response.text
        return response.json()

    def mode(self, mode: str, **more: object) -> None:
        assert self.post("/control/faults", {"mode": mode, **more}).status_code == 200

    def _start(self, *ports: str) -> tuple[subprocess.Popen[str], dict[str, Any]]:
        process = subprocess.Popen(
            [sys.executable, "-m", f"simulators.{self.name}", f"--state={self.state}", *self.options, *ports],
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
        )
        assert process.stdout is not None
        line = process.stdout.readline()
        assert line, f"{self.name} did not start"
        started = json.loads(line)
        assert started["event"] == "started"
        threading.Thread(target=process.stdout.read, daemon=True).start()
        return process, started

    def _ports(self) -> dict[str, int]:
        return {name: port for name, port in self.started.items() if name.endswith("port")}

    def _client(self) -> httpx2.Client:
        port = self.started.get("port") or self.started["http_port"]
        return httpx2.Client(
            base_url=f"http://127.0.0.1:{port}",
            headers={"Authorization": f"Bearer {KEY}"},
            timeout=PATIENCE_S,
        )


class Receiver:
    """Takes webhooks; answers as told."""

    def __init__(self) -> None:
        self.status = 200
        self.received: list[tuple[dict[str, str], bytes]] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                receiver.received.append((dict(self.headers), body))
                self.send_response(receiver.status)
                self.send_header("content-length", "0")
                self.end_headers()

            def log_message(self, format: str, *args: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()

    @property
    def options(self) -> tuple[str, ...]:
        url = f"http://127.0.0.1:{self._server.server_address[1]}/webhooks"
        return f"--webhook-url={url}", f"--webhook-secret={SECRET}"

    @property
    def events(self) -> list[dict[str, Any]]:
        return [json.loads(body) for _, body in list(self.received)]

    def types(self) -> list[str]:
        return [event["type"] for event in self.events]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@contextmanager
def running(name: str, state: Path, *options: str) -> Iterator[Simulator]:
    simulator = Simulator(name, state, *options)
    try:
        yield simulator
    finally:
        simulator.stop()


def eventually(condition: Callable[[], object]) -> None:
    """Wait until it holds; fail when it never does."""
    end = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < end, "it never came true"
        time.sleep(0.01)
