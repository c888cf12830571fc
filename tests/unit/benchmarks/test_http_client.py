"""The client that posts orders."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from benchmarks.http_client import Answers, Task, carry_out

ORDERS = tuple(f'{{"order": {number}}}' for number in range(40))


class Shop:
    """Takes orders, and refuses some."""

    def __init__(self) -> None:
        self.bodies: list[str] = []
        self.keys: list[str] = []
        self.authorised: set[str] = set()

    async def take(self, request: web.Request) -> web.Response:
        self.bodies.append(await request.text())
        self.keys.append(request.headers["Idempotency-Key"])
        self.authorised.add(request.headers["Authorization"])
        return web.Response(status=422 if '"order": 7}' in self.bodies[-1] else 201)


@pytest.mark.parametrize("rate", [None, 2_000.0])
async def test_every_order_is_posted_once_under_a_key_of_its_own_and_timed(rate: float | None) -> None:
    async with open_shop() as (shop, url):
        answers = await posted(url, rate)

    assert sorted(shop.bodies) == sorted(ORDERS)
    assert len(set(shop.keys)) == len(ORDERS)
    assert shop.authorised == {"Bearer secret"}
    assert len(answers.late_ms) == len(ORDERS)
    assert min(answers.late_ms) > 0


async def test_what_was_refused_is_told() -> None:
    async with open_shop() as (_, url):
        answers = await posted(url, None)

    assert answers.statuses == {201: len(ORDERS) - 1, 422: 1}


async def posted(url: str, rate: float | None) -> Answers:
    return await carry_out(Task(url=url, key="secret", connections=8, rate=rate, bodies=ORDERS))


@asynccontextmanager
async def open_shop() -> AsyncIterator[tuple[Shop, str]]:
    shop, application = Shop(), web.Application()
    application.router.add_post("/orders", shop.take)
    async with TestServer(application) as server:
        yield shop, str(server.make_url("/orders"))
