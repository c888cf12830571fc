"""The SMTP side: a mail is on disk before its 250."""

import asyncio

from aiosmtpd.smtp import SMTP, Envelope, Session

from simulators.faults import Switch
from simulators.ledger import Ledger
from simulators.mailbox.mails import keep, read_mail
from simulators.process import log

MOST_BYTES = 32 * 1024 * 1024
REJECTIONS = {
    "down": "421 4.3.2 Service not available",
    "reject_temporarily": "451 4.3.0 Try again later",
    "reject_permanently": "554 5.7.1 Not wanted here",
}


class Door:
    """Listens for mail; closed when the sink is down, so that connections are refused."""

    def __init__(self, ledger: Ledger, switch: Switch, host: str, port: int) -> None:
        self._ledger = ledger
        self._switch = switch
        self._host = host
        self._server: asyncio.Server | None = None
        self.port = port

    async def open(self) -> None:
        """Listen; a port of 0 becomes a free one and stays it. Raises OSError when the port is taken."""
        if self._server is not None:
            return
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._session, self._host, self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    def close(self) -> None:
        if self._server is not None:
            self._server.close()
            self._server = None

    async def set_mode(self, mode: str) -> None:
        if mode == "down":
            self.close()
        else:
            await self.open()

    async def handle_DATA(  # noqa: N802 (the name that aiosmtpd calls)
        self, _server: SMTP, _session: Session, envelope: Envelope
    ) -> str:
        """Keep a mail, or reject it as the mode asks."""
        if self._switch.mode in REJECTIONS:
            return REJECTIONS[self._switch.mode]
        content = envelope.content
        assert isinstance(content, bytes)
        mail = read_mail(envelope.mail_from or "", tuple(envelope.rcpt_tos), content)
        sequence = await self._ledger.run(lambda db: keep(db, mail))
        return f"250 2.0.0 Kept as {sequence}"

    async def handle_exception(self, error: Exception) -> str:
        log("error", error=repr(error))
        return "451 4.3.0 Something went wrong here"

    def _session(self) -> SMTP:
        return SMTP(self, enable_SMTPUTF8=True, data_size_limit=MOST_BYTES, hostname="mailbox", ident="mailbox")
