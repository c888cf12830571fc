"""Stands in for a service or a simulator: it is ready, and says how it was started."""

import json
import os
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class Stub(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        if os.environ.get("STUB_NEVER_READY"):
            self.send_error(503)
            return
        body = json.dumps({"environment": dict(os.environ), "arguments": sys.argv[1:]}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        pass


def port() -> int:
    for option in ("--port", "--http-port"):
        if option in sys.argv:
            return int(sys.argv[sys.argv.index(option) + 1])
    return int(os.environ["OMS_HTTP_PORT"])


def main() -> None:
    if failure := os.environ.get("STUB_FAILS"):
        sys.exit(failure)
    ThreadingHTTPServer(("127.0.0.1", port()), Stub).serve_forever()


if __name__ == "__main__":
    main()
