"""The HTTP side of the mail sink."""

from aiohttp import web

from simulators.ledger import Ledger
from simulators.mailbox import mails
from simulators.surface import Surface, as_json, page

MOST_MAILS = 1000


class Mailbox:
    """Shows what the sink has kept."""

    def __init__(self, ledger: Ledger, surface: Surface) -> None:
        self._ledger = ledger
        self._surface = surface

    def application(self) -> web.Application:
        return self._surface.application(
            [
                web.get("/mails", self.find),
                web.get("/mails/summary", self.summary),
                web.get(r"/mails/{sequence:\d{1,18}}", self.content),
            ]
        )

    async def find(self, http: web.Request) -> web.Response:
        after, limit = page(http, default=100, most=MOST_MAILS)
        to, subject = http.query.get("to", ""), http.query.get("subject", "")
        found = await self._ledger.run(lambda db: mails.find(db, to=to, subject=subject, after=after, limit=limit))
        return as_json(found)

    async def summary(self, _: web.Request) -> web.Response:
        return as_json(await self._ledger.run(mails.summary))

    async def content(self, http: web.Request) -> web.Response:
        sequence = int(http.match_info["sequence"])
        raw = await self._ledger.run(lambda db: mails.content(db, sequence))
        return web.Response(body=raw, content_type="message/rfc822")
