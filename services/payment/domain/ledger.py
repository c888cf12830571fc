"""Double entry: every money fact as debits and credits that balance.

Accounts, all in minor units of the fact's currency:

- `authorised` and `authorised_contra`: memorandum accounts; their balance is what is set aside, uncaptured.
  An authorisation raises both, each capture and void lowers both.
- `void_differences`: a memorandum of what the gateway let go less than was set aside by our record, or more.
- `gateway_clearing`: what the gateway collected for us and owes us, less what it paid back.
- `channel_clearing`: the same for what sales channels took (prepaid orders).
- `revenue`: what customers were charged, recognised at dispatch.
- `refunds`: what was paid back, kept apart from revenue.
- `suspense`: what the gateway collected without a capture of ours, until a person has cleared it.
"""

from dataclasses import dataclass
from typing import Literal

from services.payment.domain.payment import PREPAID
from shared.events.payload import Event
from shared.events.payment import (
    AuthorisationVoided,
    PartiallyCaptured,
    PartiallyRefunded,
    PaymentAuthorised,
    PaymentCaptured,
    PaymentRefunded,
)

Account = Literal[
    "authorised",
    "authorised_contra",
    "void_differences",
    "gateway_clearing",
    "channel_clearing",
    "revenue",
    "refunds",
    "suspense",
]

MONEY_FACTS: tuple[type[Event], ...] = (
    PaymentAuthorised,
    AuthorisationVoided,
    PartiallyCaptured,
    PaymentCaptured,
    PartiallyRefunded,
    PaymentRefunded,
)
"""The facts that are booked; one that is only repeated is not booked again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One line of the ledger: an amount on one side of one account, in minor units."""

    account: Account
    debit: int = 0
    credit: int = 0


def entries(fact: Event) -> tuple[Entry, ...]:
    """What a fact books; nothing for one that moves no money. Debits and credits are equal."""
    match fact:
        case PaymentAuthorised(repeated=False):
            return _pair("authorised", "authorised_contra", fact.amount)
        case AuthorisationVoided():
            return _void(fact)
        case PartiallyCaptured():
            return _capture(fact.capture_id, fact.amount)
        case PaymentCaptured(repeated=False):
            return _capture(fact.capture_id, fact.amount - fact.already_captured)
        case PartiallyRefunded():
            return _pair("refunds", _clearing(fact.capture_id), fact.amount)
        case PaymentRefunded(repeated=False):
            return _pair("refunds", _clearing(fact.capture_id), fact.amount - fact.already_refunded)
        case _:
            return ()


def operation(fact: Event) -> str:
    """What a money fact books, named once and for all: the same operation is never booked twice.

    Raises:
        LookupError: the fact is none that the ledger books.
    """
    match fact:
        case PaymentAuthorised():
            return f"{fact.order_number}/authorisation/{fact.attempt}"
        case AuthorisationVoided():
            return f"{fact.order_number}/void/{fact.attempt}"
        case PartiallyCaptured() | PaymentCaptured():
            return f"{fact.order_number}/capture/{fact.capture_id}"
        case PartiallyRefunded() | PaymentRefunded():
            return f"{fact.order_number}/refund/{fact.refund_id}/{fact.already_refunded}"
        case _:
            raise LookupError(f"the ledger does not book {fact.wire_type}")


def _void(fact: AuthorisationVoided) -> tuple[Entry, ...]:
    """All that was uncaptured by our record leaves the authorised balance, whatever the gateway says of it."""
    gone = fact.amount + fact.captured_unrecorded
    less = 0 if fact.expected is None else fact.expected - gone
    return (
        *_pair("authorised_contra", "authorised", gone),
        *_pair("void_differences", "authorised", less),
        *_pair("authorised", "void_differences", -less),
        *_pair("gateway_clearing", "suspense", fact.captured_unrecorded),
    )


def _capture(capture_id: str, amount: int) -> tuple[Entry, ...]:
    return _pair("authorised_contra", "authorised", amount) + _pair(_clearing(capture_id), "revenue", amount)


def _clearing(capture_id: str) -> Account:
    return "channel_clearing" if capture_id.startswith(PREPAID) else "gateway_clearing"


def _pair(debited: Account, credited: Account, amount: int) -> tuple[Entry, ...]:
    if amount <= 0:
        return ()
    return (Entry(account=debited, debit=amount), Entry(account=credited, credit=amount))
