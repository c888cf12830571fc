"""The HTTP surface that all simulators share: bearer key, JSON, problems, mode."""

import asyncio
import hmac
from collections.abc import Awaitable, Callable, Collection
from typing import Any, TypeVar

import msgspec
import orjson
from aiohttp import web

from simulators.errors import RequestError
from simulators.faults import Fault, Switch
from simulators.operations import Answer, Request
from simulators.process import log

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
Body = TypeVar("Body", bound=msgspec.Struct)

MOST_ROWS = 5000


class Surface:
    """Lets a request in, and an answer out with the faults it meets."""

    def __init__(
        self,
        *,
        key: str | None,
        modes: Collection[str],
        latency_s: float = 0.0,
        hold_s: float = 5.0,
    ) -> None:
        self.switch = Switch()
        self._key = key.encode() if key is not None else None
        self._modes = modes
        self._latency_s = latency_s
        self._hold_s = hold_s
        self.health: dict[str, object] = {}
        self.on_mode: Callable[[str], Awaitable[None]] | None = None

    def application(self, routes: Collection[web.RouteDef]) -> web.Application:
        app = web.Application(middlewares=[self._guard], client_max_size=1 << 20)
        app.add_routes(routes)
        app.add_routes(
            [
                web.get("/health", self._health),
                web.get("/control/faults", self._show_mode),
                web.post("/control/faults", self._set_mode),
            ]
        )
        return app

    async def send(self, request: web.Request, answer: Answer) -> web.Response:
        """The answer as the caller meets it: at once, late, as a server error, or never."""
        if answer.fault is not Fault.NONE:
            log(
                "fault",
                fault=answer.fault,
                path=request.path,
                idempotency_key=request.headers.get("Idempotency-Key"),
            )
        if answer.fault.is_timeout:
            await asyncio.sleep(self._hold_s)
            if request.transport is not None:
                request.transport.abort()
            raise web.HTTPServiceUnavailable  # reaches nobody: the connection is gone
        await self.hold()
        if answer.fault is Fault.SERVER_ERROR_AFTER_EFFECT:
            return as_json({"code": "server_error", "message": "Something went wrong here."}, 500)
        headers = {"Idempotent-Replayed": "true"} if answer.replayed else None
        return as_json(answer.body, answer.status, headers)

    async def hold(self) -> None:
        """Wait as the mode asks."""
        if self.switch.mode == "slow":
            await asyncio.sleep(self.switch.hold_s)

    @web.middleware
    async def _guard(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            if request.path != "/health":
                self._authenticate(request)
            if request.path.startswith("/v1/"):
                if self.switch.mode == "down":
                    raise RequestError(503, "down", "The service is down; the outcome is unknown.")
                await asyncio.sleep(self._latency_s)
            response = await handler(request)
            if request.method == "GET" and request.path.startswith("/v1/"):
                await self.hold()
            return response
        except RequestError as problem:
            return as_json({"code": problem.code, "message": problem.message}, problem.status)
        except web.HTTPException as error:
            code = {404: "not_found", 405: "method_not_allowed"}.get(error.status, "malformed")
            return as_json(
                {"code": code, "message": f"{request.method} {request.path}: {error.reason}."}, error.status
            )
        except Exception as error:
            log("error", path=request.path, error=repr(error))
            return as_json({"code": "server_error", "message": "Something went wrong here."}, 500)

    def _authenticate(self, request: web.Request) -> None:
        if self._key is None:
            return
        given = request.headers.get("Authorization", "")
        if not hmac.compare_digest(given.encode(errors="replace"), b"Bearer " + self._key):
            raise RequestError(401, "unauthorised", "A valid bearer key is needed.")

    async def _health(self, _: web.Request) -> web.Response:
        return as_json({"status": "ok", "mode": self.switch.mode, **self.health})

    async def _show_mode(self, _: web.Request) -> web.Response:
        return as_json({"mode": self.switch.mode, "hold_ms": round(self.switch.hold_s * 1000)})

    async def _set_mode(self, request: web.Request) -> web.Response:
        body = await read_json(request)
        mode, hold_ms = body.get("mode"), body.get("hold_ms", 2000)
        if mode not in self._modes:
            raise RequestError(422, "invalid", f"mode must be one of {', '.join(self._modes)}.")
        if not isinstance(hold_ms, (int, float)) or not 0 <= hold_ms <= 600_000:
            raise RequestError(422, "invalid", "hold_ms must be milliseconds from 0 to 600000.")
        self.switch.mode, self.switch.hold_s = str(mode), hold_ms / 1000
        if self.on_mode is not None:
            await self.on_mode(self.switch.mode)
        log("mode", mode=self.switch.mode)
        return await self._show_mode(request)


def as_json(content: object, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
    return web.Response(
        body=orjson.dumps(content), status=status, headers=headers, content_type="application/json"
    )


async def read_json(request: web.Request) -> dict[str, Any]:
    """The body as an object; an empty body is an empty one. Raises RequestError."""
    raw = await request.read()
    try:
        body = orjson.loads(raw) if raw else {}
    except orjson.JSONDecodeError as error:
        raise RequestError(400, "malformed", f"The body is not JSON: {error}.") from None
    if not isinstance(body, dict):
        raise RequestError(400, "malformed", "The body must be a JSON object.")
    return body


async def read_request(request: web.Request, operation: str, *, key_needed: bool = True) -> Request:
    """A POST with its idempotency key. Raises RequestError."""
    key = request.headers.get("Idempotency-Key")
    usable = key is not None and 0 < len(key) <= 255 and key.isascii() and key.isprintable()
    if not usable and (key_needed or key is not None):
        raise RequestError(
            400, "idempotency_key_required", "Idempotency-Key must be 1 to 255 printable ASCII characters."
        )
    body = await read_json(request)
    return Request(operation=operation, key=key, method=request.method, path=request.path, body=body)


def parse(model: type[Body], body: dict[str, Any]) -> Body:
    """The body as a model. Raises RequestError that names the first bad field."""
    try:
        return msgspec.convert(body, model)
    except msgspec.ValidationError as error:
        raise RequestError(422, "invalid", f"{error}.") from None


def page(request: web.Request, default: int, most: int = MOST_ROWS) -> tuple[int, int]:
    """`after` and `limit` of a query. Raises RequestError."""
    try:
        after, limit = int(request.query.get("after") or 0), int(request.query.get("limit") or default)
    except ValueError:
        raise RequestError(422, "invalid", "after and limit must be whole numbers.") from None
    if not 0 <= after < 2**63 or not 1 <= limit <= most:
        raise RequestError(422, "invalid", f"after must be 0 or more, limit from 1 to {most}.")
    return after, limit
