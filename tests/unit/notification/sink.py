"""A real SMTP server that keeps what it takes and refuses what it is told to."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTPUTF8
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session


@dataclass
class Sink:
    """What the server has seen, and what it says."""

    mails: list[EmailMessage] = field(default_factory=list)
    recipients: list[str] = field(default_factory=list)
    connections: int = 0
    says_to_recipient: str = "250 OK"
    says_to_mail: str = "250 OK"
    takes_any_script: bool = True
    """Whether addresses may have letters beyond ASCII."""
    silent: bool = False
    """Take the mail and never answer."""
    port: int = 0

    async def handle_RCPT(  # noqa: N802 - the name is aiosmtpd's
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self.says_to_recipient.startswith("250"):
            envelope.rcpt_tos.append(address)
        return self.says_to_recipient

    async def handle_DATA(  # noqa: N802 - the name is aiosmtpd's
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        if self.silent:
            await asyncio.Event().wait()
        if self.says_to_mail.startswith("250"):
            content = envelope.content
            assert isinstance(content, bytes)
            mail: Any = message_from_bytes(content, policy=SMTPUTF8)
            self.mails.append(mail)
            self.recipients += envelope.rcpt_tos
        return self.says_to_mail


@asynccontextmanager
async def running(sink: Sink) -> AsyncIterator[Sink]:
    """Serve on a free port; `restart` by entering again keeps the port."""

    def connected() -> SMTP:
        sink.connections += 1
        loop = asyncio.get_running_loop()
        return SMTP(sink, enable_SMTPUTF8=sink.takes_any_script, hostname="localhost", loop=loop)

    server = await asyncio.get_running_loop().create_server(connected, "127.0.0.1", sink.port)
    sink.port = server.sockets[0].getsockname()[1]
    try:
        yield sink
    finally:
        server.close()
