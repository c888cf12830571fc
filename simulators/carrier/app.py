"""The carrier's HTTP side."""

import sqlite3
from collections.abc import Callable
from typing import Any

from aiohttp import web

from simulators.carrier import books, labels
from simulators.carrier.journey import Network
from simulators.carrier.labels import Desk, LabelBody, Terms
from simulators.carrier.tariff import QuoteBody, quotes
from simulators.faults import Fault
from simulators.ledger import Ledger
from simulators.operations import Answer, Request, earlier, perform, recorded
from simulators.surface import Surface, as_json, page, parse, read_json, read_request


class Carrier:
    """Routes to rules; every POST but a quote is one piece of work for the ledger."""

    def __init__(self, ledger: Ledger, terms: Terms, surface: Surface, network: Network) -> None:
        self._ledger = ledger
        self._terms = terms
        self._surface = surface
        self._network = network

    def application(self) -> web.Application:
        return self._surface.application(
            [
                web.post("/v1/quotes", self.quote),
                web.post("/v1/labels", self.buy),
                web.post("/v1/labels/{id}/void", self.void),
                web.post("/v1/labels/{id}/handover", self.hand_over),
                web.get("/v1/operations/{key:.+}", self.operation),
                web.get("/v1/labels", self.labels),
                web.get("/v1/labels/{id}", self.label),
                web.get("/v1/ledger", self.effects),
                web.get("/v1/ledger/summary", self.summary),
            ]
        )

    async def quote(self, http: web.Request) -> web.Response:
        body = parse(QuoteBody, await read_json(http))
        await self._surface.hold()
        return as_json(quotes(body, self._terms.currency))

    async def buy(self, http: web.Request) -> web.Response:
        request = await read_request(http, "buy_label")
        body = parse(LabelBody, request.body)

        def work(desk: Desk) -> Answer:
            return perform(
                desk.db,
                request,
                body.reference,
                lambda: self._fault(desk, body.reference, body.reference),
                lambda: labels.buy(desk, body),
            )

        return await self._do(http, request, work)

    async def void(self, http: web.Request) -> web.Response:
        return await self._on_label(http, "void", labels.void)

    async def hand_over(self, http: web.Request) -> web.Response:
        return await self._on_label(http, "hand_over", labels.hand_over)

    async def operation(self, http: web.Request) -> web.Response:
        return await self._ask(lambda db: recorded(db, http.match_info["key"]))

    async def label(self, http: web.Request) -> web.Response:
        question = Request(operation="show", key=None, method=http.method, path=http.path, body={})

        def work(db: sqlite3.Connection) -> dict[str, Any]:
            return books.label_view(db, Desk(db, self._terms, question, False).label(http.match_info["id"]))

        return await self._ask(work)

    async def labels(self, http: web.Request) -> web.Response:
        return await self._ask(lambda db: books.labels_of(db, http.query.get("reference", "")))

    async def effects(self, http: web.Request) -> web.Response:
        after, limit = page(http, default=500)
        return await self._ask(lambda db: books.effects(db, after, limit))

    async def summary(self, _: web.Request) -> web.Response:
        return await self._ask(books.summary)

    async def _on_label(
        self, http: web.Request, operation: str, rule: Callable[[Desk, sqlite3.Row], Answer]
    ) -> web.Response:
        request = await read_request(http, operation, key_needed=False)

        def work(desk: Desk) -> Answer:
            row = desk.label(http.match_info["id"])
            return perform(
                desk.db,
                request,
                row["id"],
                lambda: self._fault(desk, row["id"], row["reference"]),
                lambda: rule(desk, row),
            )

        return await self._do(http, request, work)

    def _fault(self, desk: Desk, subject: str, reference: str) -> Fault:
        operation = desk.request.operation
        return self._terms.rates.choose(operation, reference, earlier(desk.db, operation, subject))

    async def _do(self, http: web.Request, request: Request, work: Callable[[Desk], Answer]) -> web.Response:
        refusing = self._surface.switch.mode == "refuse"
        answer = await self._ledger.run(lambda db: work(Desk(db, self._terms, request, refusing)))
        if request.operation == "hand_over":
            self._network.wake()
        return await self._surface.send(http, answer)

    async def _ask(self, question: Callable[[sqlite3.Connection], dict[str, Any]]) -> web.Response:
        return as_json(await self._ledger.run(question))
