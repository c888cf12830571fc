"""The HTTP side of a service: health, readiness, metrics, the operations API and the service's own routes."""

from collections.abc import Awaitable, Callable, Sequence

from fastapi import APIRouter, FastAPI
from fastapi.responses import JSONResponse, PlainTextResponse
from fastapi.routing import APIRoute
from prometheus_client import generate_latest
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared.eventsourcing.api_keys import ApiKey, ask_first
from shared.eventsourcing.metrics import Metrics
from shared.eventsourcing.openapi import Application
from shared.eventsourcing.problems import PROBLEM_JSON, answer_problems

MOST_DIGITS = 18
"""Of a declared length that is looked at."""

Ready = Callable[[], Awaitable[dict[str, bool]]]
"""What must be there before the service can work, and whether it is."""

Measure = Callable[[], Awaitable[None]]
"""Brings the metrics up to date that nobody keeps."""


async def _nothing_to_measure() -> None:
    return None


def application(
    service: str,
    routers: Sequence[APIRouter],
    *,
    api_keys: Sequence[ApiKey],
    metrics: Metrics,
    ready: Ready,
    measure: Measure = _nothing_to_measure,
    max_body_bytes: int,
) -> FastAPI:
    """The ASGI application of a service."""
    app = Application(
        title=f"Orderstream {service}", version="1.0", docs_url=None, redoc_url=None, redirect_slashes=False
    )
    app.state.api_keys = tuple(api_keys)
    answer_problems(app)

    @app.get("/health", tags=["health"], summary="The process runs")
    async def health() -> dict[str, str]:
        return {"service": service, "status": "alive"}

    @app.get(
        "/ready",
        tags=["health"],
        summary="Database, broker and subscriptions work",
        responses={503: {"description": "One of them does not", "content": {"application/json": {}}}},
    )
    async def readiness() -> JSONResponse:
        parts = await ready()
        return JSONResponse({"service": service, **parts}, 200 if all(parts.values()) else 503)

    @app.get("/metrics", tags=["health"], summary="Prometheus metrics", response_class=PlainTextResponse)
    async def prometheus() -> PlainTextResponse:
        await measure()
        return PlainTextResponse(generate_latest(metrics.registry))

    for router in routers:
        # include_router() would put a matcher of its own before them, a sixth of what a request costs.
        app.router.routes.extend(router.routes)
    for route in app.router.routes:
        if isinstance(route, APIRoute):
            ask_first(route)
    app.add_middleware(BoundedBody, limit=max_body_bytes)
    app.add_middleware(HeadOfGet)
    return app


class HeadOfGet:
    """Answers HEAD as GET is answered, without the body."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    def __call__(self, scope: Scope, receive: Receive, send: Send) -> Awaitable[None]:
        # All others pass without a coroutine of its own.
        if scope.get("method") != "HEAD":
            return self._app(scope, receive, send)

        async def without_body(message: Message) -> None:
            await send({**message, "body": b""} if message["type"] == "http.response.body" else message)

        return self._app({**scope, "method": "GET"}, receive, without_body)


class BoundedBody:
    """Refuses a request body over the limit with 413, before anybody reads it whole."""

    def __init__(self, app: ASGIApp, limit: int) -> None:
        self._app = app
        self._limit = limit

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        declared = dict(scope["headers"]).get(b"content-length", b"0")
        if not declared.isdigit() or len(declared) > MOST_DIGITS or int(declared) > self._limit:
            await self._refuse(scope, receive, send)
            return
        received = 0
        refused = False

        async def bounded() -> Message:
            nonlocal received, refused
            message = await receive()
            received += len(message.get("body", b""))
            if received > self._limit:
                refused = True
                return {"type": "http.disconnect"}
            return message

        async def unless_refused(message: Message) -> None:
            if not refused:
                await send(message)

        try:
            await self._app(scope, bounded, unless_refused)
        except Exception:
            if not refused:
                raise
        if refused:
            await self._refuse(scope, receive, send)

    async def _refuse(self, scope: Scope, receive: Receive, send: Send) -> None:
        body = {
            "type": "about:blank",
            "title": "Too large",
            "status": 413,
            "detail": f"a request body holds {self._limit} bytes at most",
        }
        await JSONResponse(body, 413, media_type=PROBLEM_JSON)(scope, receive, send)
