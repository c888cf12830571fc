"""Reading an order as a channel sends it, and saying what is wrong with one that can't be taken."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pycountry
from pydantic import ValidationError
from pydantic_core import from_json

from services.order.domain.content import stated_total
from services.order.domain.desk import complete_method
from shared.events.channel import ChannelOrderReceived, RejectionCode
from shared.eventsourcing.reading import first_fault

MOST_BYTES = 1024 * 1024
"""The largest order that is taken."""

CURRENCIES = frozenset(currency.alpha_3 for currency in pycountry.currencies)
COUNTRIES = frozenset(country.alpha_2 for country in pycountry.countries)


@dataclass(frozen=True, slots=True)
class Fault:
    """Why an order can't be taken."""

    code: RejectionCode
    explanation: str
    """A sentence for a person."""
    channel: str = ""
    channel_order_id: str = ""


def read_order(body: bytes) -> ChannelOrderReceived | Fault:
    """The order in a message body, or what is wrong with it."""
    if len(body) > MOST_BYTES:
        return Fault("too_large", f"The order has {len(body)} bytes; {MOST_BYTES} are taken at most.")
    try:
        order = ChannelOrderReceived.model_validate_json(body)
    except ValidationError as error:
        return _fault_of(body, error)
    if b"\\u0000" in body and _holds_nul(order.model_dump()):
        return _about(order, "malformed", "A text of the order holds the character NUL.")
    return _checked(order)


def _checked(order: ChannelOrderReceived) -> ChannelOrderReceived | Fault:
    if not order.lines:
        return _about(order, "no_lines", "The order has no lines.")
    if twice := _first_twice(line.line_id for line in order.lines):
        return _about(order, "duplicate_line", f"The line id {twice} stands on more than one line.")
    if order.currency not in CURRENCIES:
        return _about(order, "unknown_currency", f"{order.currency} is no currency of ISO 4217.")
    addresses = [order.shipping_address, *([order.billing_address] if order.billing_address else [])]
    for address in addresses:
        if address.country not in COUNTRIES:
            return _about(order, "unknown_country", f"{address.country} is no country of ISO 3166.")
    if order.total > 0 and not complete_method(order.payment):
        needed = "a token" if order.payment.kind == "card" else "the reference of the payment"
        return _about(order, "payment_incomplete", f"The payment by {order.payment.kind} lacks {needed}.")
    stated = stated_total(order)
    if stated != order.total:
        explanation = f"The lines and charges add up to {stated}, and the order's total is {order.total}."
        return _about(order, "totals_do_not_add_up", explanation)
    return order


def _fault_of(body: bytes, error: ValidationError) -> Fault:
    """The most telling reason why the bytes hold no order."""
    try:
        stated = from_json(body, allow_inf_nan=False)
    except ValueError as unreadable:
        return Fault("malformed", f"The message is not JSON: {unreadable}.")
    if not isinstance(stated, Mapping):
        return Fault("malformed", "The message is not a JSON object.")
    named = _text(stated.get("channel")), _text(stated.get("channel_order_id"))
    lines = stated.get("lines")
    if isinstance(lines, list):
        if not lines:
            return Fault("no_lines", "The order has no lines.", *named)
        for line in lines:
            quantity = line.get("quantity") if isinstance(line, Mapping) else None
            if isinstance(quantity, int) and quantity <= 0:
                explanation = f"Line {_text(line.get('line_id'))} has the quantity {str(quantity)[:40]}."
                return Fault("quantity_not_positive", explanation, *named)
    return Fault("malformed", f"The order can't be read: {first_fault(error)[:1_900]}.", *named)


def _about(order: ChannelOrderReceived, code: RejectionCode, explanation: str) -> Fault:
    return Fault(code, explanation, order.channel, order.channel_order_id)


def _first_twice(names: Iterable[str]) -> str:
    seen: set[str] = set()
    for name in names:
        if name in seen:
            return name
        seen.add(name)
    return ""


def _holds_nul(value: Any) -> bool:
    match value:
        case str():
            return "\x00" in value
        case Mapping():
            return any(_holds_nul(part) for part in (*value.keys(), *value.values()))
        case list() | tuple():
            return any(_holds_nul(part) for part in value)
        case _:
            return False


def _text(value: Any) -> str:
    return value[:200].replace("\x00", "") if isinstance(value, str) else ""
