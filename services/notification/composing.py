"""Writes a notice down as a mail."""

import hashlib
from collections.abc import Mapping
from email.headerregistry import Address, HeaderRegistry
from email.message import EmailMessage
from email.policy import EmailPolicy
from functools import cache
from typing import Any

from email_validator import validate_email

from services.notification.letters import Letters, one_line
from shared.events.notification import NoticeRequested

_USUAL: Mapping[str, str] = {"payment": "card", "delivery": "ship"}
"""What the templates take for granted where a notice was requested before it told these."""


def address_of(notice: NoticeRequested) -> Address:
    """Where the notice goes, in the form that mail servers read.

    Raises:
        ValueError: the customer's address is none.
    """
    valid = validate_email(notice.email, check_deliverability=False, globally_deliverable=False)
    return Address(
        display_name=one_line(notice.name),
        username=valid.local_part,
        domain=valid.ascii_domain,
    )


def compose(
    notice: NoticeRequested, recipient: Address, letters: Letters, *, sender: str, sender_name: str = ""
) -> EmailMessage:
    """The notice as a mail; the same notice makes the same `Message-ID` however often it is composed.

    Raises:
        liquid.exceptions.UndefinedError: the notice lacks a fact that its template wants.
    """
    letter = letters.write(
        notice.kind,
        notice.language,
        {**_USUAL, "order_number": notice.order_number, "name": notice.name, **notice.facts},
    )
    mail = EmailMessage(policy=_POLICY)
    mail["From"] = _sender(one_line(sender_name), sender)
    mail["To"] = recipient
    mail["Subject"] = letter.subject
    mail["Message-ID"] = (
        f"<{hashlib.sha256(notice.notice_id.encode()).hexdigest()[:40]}@{sender.rpartition('@')[2]}>"
    )
    mail["X-Notice-Id"] = one_line(notice.notice_id)
    mail["X-Notice-Kind"] = notice.kind
    mail["Auto-Submitted"] = "auto-generated"
    mail.set_content(letter.body)
    return mail


@cache
def _sender(name: str, address: str) -> Address:
    """The same for every mail, and dear to parse."""
    return Address(display_name=name, addr_spec=address)


class _Trusting(EmailPolicy):
    """Headers that are plain text need no parser to be written down, and parsing costs more than sending."""

    def header_store_parse(self, name: str, value: Any) -> tuple[str, Any]:
        text = str(value)
        if text.isascii() and text.isprintable():
            return name, text
        return super().header_store_parse(name, value)


class _Headers(HeaderRegistry):
    """A header's class is made once, and not at each look: a mail takes dozens of looks."""

    def __init__(self) -> None:
        super().__init__()
        self._made: dict[str, type] = {}

    def __getitem__(self, name: str) -> type:
        made = self._made.get(name)
        if made is None:
            made = self._made[name] = super().__getitem__(name)
        return made


_POLICY = _Trusting(linesep="\r\n", header_factory=_Headers())
