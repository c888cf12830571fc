"""The gateway's HTTP side."""

import sqlite3
from collections.abc import Callable
from typing import Any

from aiohttp import web

from simulators.gateway import books, rules
from simulators.gateway.rules import AmountBody, AuthorisationBody, Desk, Terms
from simulators.ledger import Ledger
from simulators.operations import Answer, Request, perform, recorded
from simulators.surface import Surface, as_json, page, parse, read_request
from simulators.webhooks import Courier

Work = Callable[[Desk], Answer]


class Gateway:
    """Routes to rules; every POST is one piece of work for the ledger."""

    def __init__(self, ledger: Ledger, terms: Terms, surface: Surface, courier: Courier | None) -> None:
        self._ledger = ledger
        self._terms = terms
        self._surface = surface
        self._courier = courier

    def application(self) -> web.Application:
        return self._surface.application(
            [
                web.post("/v1/authorisations", self.authorise),
                web.post("/v1/authorisations/{id}/captures", self.capture),
                web.post("/v1/authorisations/{id}/void", self.void),
                web.post("/v1/authorisations/{id}/renew", self.renew),
                web.post("/v1/captures/{id}/refunds", self.refund),
                web.get("/v1/operations/{key:.+}", self.operation),
                web.get("/v1/authorisations", self.authorisations),
                web.get("/v1/authorisations/{id}", self.authorisation),
                web.get("/v1/ledger", self.effects),
                web.get("/v1/ledger/summary", self.summary),
            ]
        )

    async def authorise(self, http: web.Request) -> web.Response:
        request = await read_request(http, "authorise")
        body = parse(AuthorisationBody, request.body)

        def work(desk: Desk) -> Answer:
            return perform(
                desk.db,
                request,
                body.reference,
                lambda: rules.authorisation_fault(desk, body),
                lambda: rules.authorise(desk, body),
            )

        return await self._do(http, request, work)

    async def capture(self, http: web.Request) -> web.Response:
        request = await read_request(http, "capture")
        body = parse(AmountBody, request.body)
        return await self._on_authorisation(http, request, lambda desk, row: rules.capture(desk, row, body))

    async def void(self, http: web.Request) -> web.Response:
        return await self._on_authorisation(http, await read_request(http, "void"), rules.void)

    async def renew(self, http: web.Request) -> web.Response:
        return await self._on_authorisation(http, await read_request(http, "renew"), rules.renew)

    async def refund(self, http: web.Request) -> web.Response:
        request = await read_request(http, "refund")
        body = parse(AmountBody, request.body)

        def work(desk: Desk) -> Answer:
            captured = desk.capture(http.match_info["id"])
            row = desk.authorisation(captured["authorisation_id"])
            return perform(
                desk.db,
                request,
                row["id"],
                lambda: rules.later_fault(desk, row),
                lambda: rules.refund(desk, row, captured, body),
            )

        return await self._do(http, request, work)

    async def operation(self, http: web.Request) -> web.Response:
        return await self._ask(lambda db: recorded(db, http.match_info["key"]))

    async def authorisation(self, http: web.Request) -> web.Response:
        def work(desk: Desk) -> dict[str, Any]:
            return books.authorisation_view(desk.db, desk.authorisation(http.match_info["id"]))

        question = Request(operation="show", key=None, method=http.method, path=http.path, body={})
        return await self._ask(lambda db: work(Desk(db, self._terms, question, False)))

    async def authorisations(self, http: web.Request) -> web.Response:
        return await self._ask(lambda db: books.authorisations_of(db, http.query.get("reference", "")))

    async def effects(self, http: web.Request) -> web.Response:
        after, limit = page(http, default=500)
        return await self._ask(lambda db: books.effects(db, after, limit))

    async def summary(self, _: web.Request) -> web.Response:
        return await self._ask(books.summary)

    async def _on_authorisation(
        self, http: web.Request, request: Request, rule: Callable[[Desk, sqlite3.Row], Answer]
    ) -> web.Response:
        def work(desk: Desk) -> Answer:
            row = desk.authorisation(http.match_info["id"])
            return perform(
                desk.db, request, row["id"], lambda: rules.later_fault(desk, row), lambda: rule(desk, row)
            )

        return await self._do(http, request, work)

    async def _do(self, http: web.Request, request: Request, work: Work) -> web.Response:
        refusing = self._surface.switch.mode == "refuse"
        answer = await self._ledger.run(lambda db: work(Desk(db, self._terms, request, refusing)))
        if self._courier is not None:
            self._courier.wake()
        return await self._surface.send(http, answer)

    async def _ask(self, question: Callable[[sqlite3.Connection], dict[str, Any]]) -> web.Response:
        return as_json(await self._ledger.run(question))
