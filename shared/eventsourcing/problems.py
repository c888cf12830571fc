"""Refusals over HTTP as RFC 9457 problem details."""

from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic_core import PydanticSerializationError
from starlette.exceptions import HTTPException
from starlette.routing import Match, Route

from shared.eventsourcing.definition import IdempotencyConflict, KeyParked
from shared.eventsourcing.store import StoreConflict, StoreRejects, StoreUnavailable

PROBLEM_JSON = "application/problem+json"


class Problem(Exception):
    """A refusal; `extra` members stand beside the standard ones."""

    def __init__(self, status: int, title: str, detail: str, **extra: Any) -> None:
        super().__init__(detail)
        self.status = status
        self.body = {"type": "about:blank", "title": title, "status": status, "detail": detail, **extra}


def problem(status: int, title: str, detail: str, **extra: Any) -> Problem:
    """A refusal to be raised by a route."""
    return Problem(status, title, detail, **extra)


def answer_problems(app: FastAPI) -> None:
    """Let every refusal of the application be answered as problem details."""

    @app.exception_handler(Problem)
    async def refused(_: Request, error: Problem) -> JSONResponse:
        return _response(error)

    @app.exception_handler(HTTPException)
    async def http_error(request: Request, error: HTTPException) -> JSONResponse:
        response = _response(Problem(error.status_code, "Refused", str(error.detail)))
        response.headers.update(error.headers or {})
        if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
            response.headers["Allow"] = ", ".join(sorted(_methods(app, request)))
        return response

    @app.exception_handler(RequestValidationError)
    async def invalid(_: Request, error: RequestValidationError) -> JSONResponse:
        faults = [
            {"field": ".".join(str(part) for part in fault["loc"]), "message": fault["msg"]}
            for fault in error.errors()
        ]
        summary = "; ".join(f"{fault['field']}: {fault['message']}" for fault in faults[:3])
        return _response(Problem(422, "Invalid request", summary, errors=faults))

    @app.exception_handler(IdempotencyConflict)
    async def conflict(_: Request, error: IdempotencyConflict) -> JSONResponse:
        return _response(Problem(409, "Idempotency conflict", str(error)))

    @app.exception_handler(KeyParked)
    async def parked(_: Request, error: KeyParked) -> JSONResponse:
        detail = f"work on {error} stands still until operations has dealt with it; the request is kept"
        return _response(Problem(409, "Parked", detail))

    for unavailable in (StoreUnavailable, StoreConflict, TimeoutError):
        app.add_exception_handler(unavailable, _unavailable)
    for unfit in (StoreRejects, PydanticSerializationError):  # half a surrogate can't even be written
        app.add_exception_handler(unfit, _rejected)


def _methods(app: FastAPI, request: Request) -> set[str]:
    """All that a path takes: each of its methods is a route of its own, which knows of no other."""
    methods: set[str] = set()
    for route in app.router.routes:
        if isinstance(route, Route) and route.matches(request.scope)[0] is not Match.NONE:
            methods |= route.methods or set()
    return methods | ({"HEAD"} if "GET" in methods else set())


async def _unavailable(_: Request, error: Exception) -> JSONResponse:
    detail = "the store does not answer; try again under the same idempotency key"
    return _response(Problem(503, "Unavailable", detail), {"Retry-After": "1"})


async def _rejected(_: Request, error: Exception) -> JSONResponse:
    return _response(Problem(422, "Invalid request", "the request holds a value that can't be stored"))


def _response(error: Problem, headers: dict[str, str] | None = None) -> JSONResponse:
    return JSONResponse(error.body, error.status, headers, media_type=PROBLEM_JSON)
