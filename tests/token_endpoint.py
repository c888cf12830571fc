"""An authorisation server's token endpoint: for its client's credentials it gives a token that nobody signed."""

import base64
import json
import ssl
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Self
from urllib.parse import parse_qs, unquote_plus

CLIENT, SECRET, SCOPE = "order", "s3cret: +%&é", "kafka"


class TokenEndpoint:
    """Knows one client and one scope; it answers on a port of its own for as long as the context lasts."""

    def __init__(self, *, port: int = 0, lives_s: float = 3600, context: ssl.SSLContext | None = None) -> None:
        """`context` is for HTTPS; tokens live for `lives_s` seconds."""
        self.lives_s = lives_s
        self.given: list[str] = []
        self.answer: tuple[int, bytes] | None = None
        """What is answered instead, whoever asks."""
        self._server = _Server(("127.0.0.1", port), _Handler)
        self._server.endpoint = self
        if context is not None:
            # The handshake is for the connection's own thread: it must not keep others waiting.
            self._server.socket = context.wrap_socket(
                self._server.socket, server_side=True, do_handshake_on_connect=False
            )
        scheme = "http" if context is None else "https"
        self.url = f"{scheme}://127.0.0.1:{self._server.server_address[1]}/token"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def respond(self, authorisation: str, form: dict[str, list[str]]) -> tuple[int, bytes]:
        """The status and the body for one request."""
        if self.answer is not None:
            return self.answer
        if _credentials(authorisation) != (CLIENT, SECRET):
            return _refused(401, "invalid_client", "no such client,\nor another secret")
        if form != {"grant_type": ["client_credentials"], "scope": [SCOPE]}:
            return _refused(400, "invalid_scope", "")
        self.given.append(unsigned_token(CLIENT, self.lives_s))
        answer = {"access_token": self.given[-1], "token_type": "Bearer", "expires_in": self.lives_s}
        return 200, json.dumps(answer).encode()


def unsigned_token(subject: str, lives_s: float) -> str:
    """A JSON Web Token as an authorisation server makes it, without a signature."""
    now = time.time()
    claims = {"sub": subject, "scope": SCOPE, "iat": now, "exp": now + lives_s, "jti": str(time.monotonic_ns())}
    return f"{_base64({'alg': 'none'})}.{_base64(claims)}."


class _Server(ThreadingHTTPServer):
    endpoint: TokenEndpoint


class _Handler(BaseHTTPRequestHandler):
    server: _Server

    def do_POST(self) -> None:
        form = parse_qs(self.rfile.read(int(self.headers["content-length"])).decode())
        status, body = self.server.endpoint.respond(self.headers["authorization"], form)
        self.send_response(status)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Say nothing."""


def _credentials(authorisation: str) -> tuple[str, str]:
    name, _, secret = base64.b64decode(authorisation.removeprefix("Basic ")).decode().partition(":")
    return unquote_plus(name), unquote_plus(secret)


def _refused(status: int, error: str, description: str) -> tuple[int, bytes]:
    return status, json.dumps({"error": error, "error_description": description}).encode()


def _base64(part: dict[str, object]) -> str:
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()
