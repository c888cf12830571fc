"""The outside port to a mail server, and its adapter to SMTP."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from email.message import EmailMessage
from types import TracebackType
from typing import Literal, Protocol, Self

from aiosmtplib import (
    SMTP,
    SMTPDataError,
    SMTPException,
    SMTPNotSupported,
    SMTPRecipientsRefused,
    SMTPResponseException,
)


@dataclass(frozen=True, slots=True)
class Answer:
    """What became of a mail; `unknown` is anything but a clear answer about this very mail."""

    outcome: Literal["sent", "refused", "address_refused", "unknown"]
    explanation: str = ""


class MailServer(Protocol):
    """Takes mails for delivery."""

    async def send(self, mail: EmailMessage, *, sender: str, recipient: str) -> Answer:
        """Offer one mail; expected trouble is an answer, not an exception."""
        ...


@dataclass(slots=True)
class _Connection:
    smtp: SMTP
    mails: int = 0
    idle_since: float = 0.0


class SmtpMailServer:
    """A few connections that are kept open and carry several mails each."""

    def __init__(
        self,
        *,
        host: str,
        port: int,
        username: str = "",
        password: str = "",
        security: Literal["none", "starttls", "tls"] = "none",
        connections: int = 4,
        mails_per_connection: int = 100,
        idle_s: float = 10.0,
        timeout_s: float = 10.0,
    ) -> None:
        def smtp() -> SMTP:
            return SMTP(
                hostname=host,
                port=port,
                username=username or None,
                password=password or None,
                use_tls=security == "tls",
                start_tls=security == "starttls",
                # Servers check this name less than a lookup of our own would cost.
                local_hostname="localhost",
                timeout=timeout_s,
            )

        self._smtp: Callable[[], SMTP] = smtp
        self._free = asyncio.Semaphore(connections)
        self._idle: list[_Connection] = []
        self._mails_per_connection = mails_per_connection
        self._idle_s = idle_s

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        while self._idle:
            await _quit(self._idle.pop())

    async def send(self, mail: EmailMessage, *, sender: str, recipient: str) -> Answer:
        """Offer one mail.

        A server that refuses the recipient for good (5xx) refuses the address, one that refuses what was sent the
        mail. One that can't be reached, does not want us, or breaks off has said nothing about the mail: unknown.
        """
        async with self._free:
            try:
                connection = await self._connection()
            except (SMTPException, OSError) as error:
                return Answer("unknown", _described(error))
            whole = False
            try:
                await connection.smtp.send_message(mail, sender=sender, recipients=[recipient])
                answer, whole = Answer("sent"), True
            except SMTPRecipientsRefused as error:
                answer, whole = _answer(error.recipients[0], "address_refused"), True
            except SMTPDataError as error:
                answer, whole = _answer(error, "refused"), True
            except SMTPNotSupported as error:
                # The address has letters that this server can't write.
                answer = Answer("address_refused", _described(error))
            except ValueError as error:
                answer = Answer("refused", _described(error))
            except (SMTPException, OSError) as error:
                answer = Answer("unknown", _described(error))
            finally:
                # After a timeout the late answer would be taken for that of the next mail.
                if not whole:
                    connection.smtp.close()
            if whole:
                await self._put_back(connection)
            return answer

    async def _connection(self) -> _Connection:
        now = asyncio.get_running_loop().time()
        while self._idle:
            connection = self._idle.pop()
            if connection.smtp.is_connected and now - connection.idle_since < self._idle_s:
                return connection
            connection.smtp.close()
        connection = _Connection(self._smtp())
        await connection.smtp.connect()
        return connection

    async def _put_back(self, connection: _Connection) -> None:
        connection.mails += 1
        if not connection.smtp.is_connected:
            connection.smtp.close()
        elif connection.mails >= self._mails_per_connection:
            await _quit(connection)
        else:
            connection.idle_since = asyncio.get_running_loop().time()
            self._idle.append(connection)


async def _quit(connection: _Connection) -> None:
    with suppress(SMTPException, OSError):
        await connection.smtp.quit()
    connection.smtp.close()


def _answer(refusal: SMTPResponseException, for_good: Literal["refused", "address_refused"]) -> Answer:
    return Answer(for_good if refusal.code >= 500 else "unknown", f"{refusal.code} {refusal.message}"[:2_000])


def _described(error: Exception) -> str:
    return f"{type(error).__name__}: {error}"[:2_000]
