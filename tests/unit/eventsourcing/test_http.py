"""The HTTP side: every refusal is problem details, every route denies by default."""

import hashlib
from collections.abc import AsyncIterator

import httpx2
import pytest
from fastapi import APIRouter, Depends
from pydantic import BaseModel

from shared.eventsourcing.api_keys import ApiKey, requires
from shared.eventsourcing.definition import IdempotencyConflict, KeyParked
from shared.eventsourcing.http import application
from shared.eventsourcing.metrics import Metrics
from shared.eventsourcing.problems import problem
from shared.eventsourcing.store import StoreConflict, StoreRejects, StoreUnavailable

LIMIT = 1_000
FAILURES = {
    "conflict": IdempotencyConflict("this key came before"),
    "parked": KeyParked("O1"),
    "unavailable": StoreUnavailable("no database at 10.0.0.1"),
    "store-conflict": StoreConflict("came first"),
    "timeout": TimeoutError(),
    "rejects": StoreRejects("NUL"),
    "problem": problem(404, "Unknown order", "there is no order 7", order="7"),
}


class Body(BaseModel):
    """A body."""

    name: str


def _router() -> APIRouter:
    router = APIRouter(dependencies=[Depends(requires("orders:write"))])

    @router.post("/orders")
    async def post(body: Body) -> str:
        return body.name

    @router.post("/customers")
    async def post_customer(body: Body) -> str:
        return body.name

    @router.get("/orders")
    async def orders() -> list[str]:
        return ["O1"]

    @router.get("/fails/{how}")
    async def fails(how: str) -> str:
        raise FAILURES[how]

    return router


def _key(secret: str, *scopes: str) -> ApiKey:
    return ApiKey(name=secret, sha256=hashlib.sha256(secret.encode()).hexdigest(), scopes=scopes)


@pytest.fixture
async def http() -> AsyncIterator[httpx2.AsyncClient]:
    """A client of an application whose broker is away."""

    async def ready() -> dict[str, bool]:
        return {"database": True, "subscriptions": False}

    app = application(
        "order",
        [_router()],
        api_keys=[_key("writer", "orders:write"), _key("reader", "orders:read"), _key("root", "*")],
        metrics=Metrics(),
        ready=ready,
        max_body_bytes=LIMIT,
    )
    transport = httpx2.ASGITransport(app)
    async with httpx2.AsyncClient(transport=transport, base_url="http://order") as client:
        yield client


def _bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


def _is_problem(answer: httpx2.Response, status: int) -> dict[str, object]:
    assert answer.status_code == status
    assert answer.headers["content-type"] == "application/problem+json"
    body: dict[str, object] = answer.json()
    assert body["status"] == status
    assert {"type", "title", "detail"} <= set(body)
    return body


async def test_a_known_key_with_the_scope_passes(http: httpx2.AsyncClient) -> None:
    for secret in ("writer", "root"):
        answer = await http.post("/orders", json={"name": "a"}, headers=_bearer(secret))
        assert (answer.status_code, answer.json()) == (200, "a")


@pytest.mark.parametrize("headers", [{}, _bearer("unknown"), {"Authorization": "Basic d3JpdGVyOg=="}])
async def test_who_shows_no_known_key_gets_401(http: httpx2.AsyncClient, headers: dict[str, str]) -> None:
    answer = await http.post("/orders", json={"name": "a"}, headers=headers)

    _is_problem(answer, 401)
    assert answer.headers["www-authenticate"] == "Bearer"


async def test_a_key_without_the_scope_gets_403_and_learns_which_it_lacks(http: httpx2.AsyncClient) -> None:
    body = _is_problem(await http.post("/orders", json={"name": "a"}, headers=_bearer("reader")), 403)

    assert body["detail"] == "the key reader lacks the scope orders:write"


async def test_the_description_of_a_route_names_the_scope_that_it_wants(http: httpx2.AsyncClient) -> None:
    paths = (await http.get("/openapi.json")).json()["paths"]

    assert paths["/orders"]["post"]["security"] == [{"HTTPBearer": ["orders:write"]}]
    assert "security" not in paths["/health"]["get"]


@pytest.mark.parametrize("body", [b"{bad", b'{"nome":1}', b'{"name":"a"}'])
async def test_the_key_is_asked_for_before_the_body_is_looked_at(http: httpx2.AsyncClient, body: bytes) -> None:
    _is_problem(await http.post("/orders", content=body), 401)
    _is_problem(await http.post("/orders", content=body, headers=_bearer("unknown")), 401)
    _is_problem(await http.post("/orders", content=body, headers=_bearer("reader")), 403)


async def test_a_body_of_a_stranger_is_not_even_received(http: httpx2.AsyncClient) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        raise AssertionError("the body was read")
        yield b""

    _is_problem(await http.post("/orders", content=pieces()), 401)


async def test_an_unknown_path_is_404_with_and_without_a_slash_at_its_end(http: httpx2.AsyncClient) -> None:
    for path in ("/nowhere", "/orders/", "/health/"):
        _is_problem(await http.get(path), 404)


@pytest.mark.parametrize(
    ("method", "path", "allowed"),
    [
        ("DELETE", "/orders", "GET, HEAD, POST"),
        ("POST", "/fails/problem", "GET, HEAD"),
        ("HEAD", "/customers", "POST"),
        ("PUT", "/health", "GET, HEAD"),
    ],
)
async def test_a_wrong_method_is_405_with_all_that_the_path_takes(
    http: httpx2.AsyncClient, method: str, path: str, allowed: str
) -> None:
    answer = await http.request(method, path)

    assert (answer.status_code, answer.headers["allow"]) == (405, allowed)


async def test_head_is_answered_as_get_without_the_body(http: httpx2.AsyncClient) -> None:
    for path, headers in (("/health", {}), ("/orders", _bearer("root")), ("/fails/problem", {})):
        get, head = await http.get(path, headers=headers), await http.head(path, headers=headers)

        assert (head.status_code, head.headers) == (get.status_code, get.headers)
        assert (head.content, bool(get.content)) == (b"", True)


async def test_an_invalid_body_names_its_faults(http: httpx2.AsyncClient) -> None:
    body = _is_problem(await http.post("/orders", json={}, headers=_bearer("writer")), 422)

    assert body["errors"] == [{"field": "body.name", "message": "Field required"}]


async def test_a_body_over_the_limit_is_413_whether_it_says_its_length_or_not(http: httpx2.AsyncClient) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b"x" * 100

    declared = await http.post("/orders", content=b"x" * (LIMIT + 1), headers=_bearer("writer"))
    streamed = await http.post("/orders", content=pieces(), headers=_bearer("writer"))
    lengthy = await http.post("/orders", content=b"", headers=_bearer("writer") | {"Content-Length": "9" * 5_000})

    for answer in (declared, streamed, lengthy):
        assert _is_problem(answer, 413)["detail"] == "a request body holds 1000 bytes at most"


@pytest.mark.parametrize(
    ("how", "status", "title"),
    [
        ("conflict", 409, "Idempotency conflict"),
        ("parked", 409, "Parked"),
        ("unavailable", 503, "Unavailable"),
        ("store-conflict", 503, "Unavailable"),
        ("timeout", 503, "Unavailable"),
        ("rejects", 422, "Invalid request"),
        ("problem", 404, "Unknown order"),
    ],
)
async def test_what_a_route_raises_is_answered_without_a_word_about_the_inside(
    http: httpx2.AsyncClient, how: str, status: int, title: str
) -> None:
    answer = await http.get(f"/fails/{how}", headers=_bearer("writer"))
    body = _is_problem(answer, status)

    assert body["title"] == title
    assert "10.0.0.1" not in answer.text
    assert body.get("order") == ("7" if how == "problem" else None)
    assert ("retry-after" in answer.headers) == (status == 503)


async def test_health_readiness_and_metrics_are_open(http: httpx2.AsyncClient) -> None:
    health, ready, metrics = [await http.get(path) for path in ("/health", "/ready", "/metrics")]

    assert (health.status_code, health.json()) == (200, {"service": "order", "status": "alive"})
    assert (ready.status_code, ready.json()["subscriptions"]) == (503, False)
    assert "oms_messages_total" in metrics.text
