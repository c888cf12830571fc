"""Reading an order as a channel sends it, and saying what is wrong with one that can't be taken."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import pycountry
from pydantic import ValidationError
from pydantic_core import ErrorDetails

from services.order.domain.content import net, stated_total
from services.order.domain.desk import complete_method
from shared.events.channel import MOST_ATTRIBUTES, MOST_BYTES, MOST_LINES, ChannelOrderReceived, RejectionCode
from shared.events.strict_json import read_strictly
from shared.eventsourcing.reading import first_fault

MOST_OF = {"lines": MOST_LINES, "attributes": MOST_ATTRIBUTES}
MOMENTS = frozenset({"channel_updated_at", "placed_at", "requested_delivery"})
DATE = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}[Tt ]")
"""What a moment begins with; otherwise a text of digits would count seconds since 1970."""

NO_MONEY = frozenset({"XAG", "XAU", "XBA", "XBB", "XBC", "XBD", "XDR", "XPD", "XPT", "XSU", "XTS", "XUA", "XXX"})
"""Codes of ISO 4217 without a minor unit: metals, units of account, a test, and no currency at all."""
CURRENCIES = frozenset(currency.alpha_3 for currency in pycountry.currencies) - NO_MONEY
COUNTRIES = frozenset(country.alpha_2 for country in pycountry.countries)


@dataclass(frozen=True, slots=True)
class Fault:
    """Why an order can't be taken."""

    code: RejectionCode
    explanation: str
    """A sentence for a person."""
    channel: str = ""
    channel_order_id: str = ""


def too_large(size: int) -> Fault:
    """The fault of a message of so many bytes."""
    return Fault("too_large", f"The message has {size} bytes; {MOST_BYTES} are taken at most.")


def read_order(body: bytes) -> ChannelOrderReceived | Fault:
    """The order in a message body, or what is wrong with it."""
    if len(body) > MOST_BYTES:
        return too_large(len(body))
    try:
        stated = read_strictly(body.decode())
    except UnicodeDecodeError as error:
        return Fault("malformed", f"The message is not UTF-8: byte {error.start} can't be read.")
    except RecursionError:
        return Fault("malformed", "The message is nested too deeply.")
    except ValueError as error:
        return Fault("malformed", f"The message is not JSON: {_short(str(error))}.")
    if not isinstance(stated, dict):
        return Fault("malformed", "The message is not a JSON object.")
    if crowded := _crowded(stated):
        return Fault("malformed", crowded, _text(stated.get("channel")), _text(stated.get("channel_order_id")))
    try:
        order = ChannelOrderReceived.model_validate_json(body, strict=True)
    except ValidationError as error:
        return _fault_of(stated, error)
    for name in MOMENTS & stated.keys():
        if stated[name] is not None and not DATE.match(stated[name]):
            return _about(order, "malformed", f"The field {name} is not an RFC 3339 time with an offset.")
    if b"\\u0000" in body and _holds_nul(stated):
        return _about(order, "malformed", "A text of the order holds the character NUL.")
    return _checked(order)


def _checked(order: ChannelOrderReceived) -> ChannelOrderReceived | Fault:
    if not order.lines:
        return _about(order, "no_lines", "The order has no lines.")
    if twice := _first_twice(line.line_id for line in order.lines):
        return _about(order, "duplicate_line", f"The line id {twice} stands on more than one line.")
    if order.currency not in CURRENCIES:
        return _about(order, "unknown_currency", f"{order.currency} is no currency of ISO 4217 to pay in.")
    addresses = [order.shipping_address, *([order.billing_address] if order.billing_address else [])]
    for address in addresses:
        if address.country not in COUNTRIES:
            return _about(order, "unknown_country", f"{address.country} is no country of ISO 3166.")
    if order.total > 0 and not complete_method(order.payment):
        needed = "a token" if order.payment.kind == "card" else "the reference of the payment"
        return _about(order, "payment_incomplete", f"The payment by {order.payment.kind} lacks {needed}.")
    stated = stated_total(order)
    if stated != order.total:
        lines = sum(net(line) for line in order.lines)
        explanation = (
            f"The lines add up to {lines}; less the discount of {order.order_discount}, plus shipping of"
            f" {order.shipping_charge} and tax of {order.tax} that is {stated}, and the total says {order.total}."
        )
        return _about(order, "totals_do_not_add_up", explanation)
    return order


def _crowded(stated: Mapping[str, Any]) -> str:
    """What there is too much of, told before each of them can cost a fault of its own; empty when nothing."""
    for name, most in MOST_OF.items():
        parts = stated.get(name)
        if isinstance(parts, list | dict) and len(parts) > most:
            return f"The order has {len(parts)} {name}; {most} are taken at most."
    return ""


def _fault_of(stated: Mapping[str, Any], error: ValidationError) -> Fault:
    """The reason of its own where every fault has one; otherwise the order is malformed."""
    named = _text(stated.get("channel")), _text(stated.get("channel_order_id"))
    telling = []
    for fault in error.errors(include_url=False, include_context=False):
        told = _telling(fault, stated)
        if told is None:
            return Fault("malformed", f"The order can't be read: {_short(first_fault(error))}.", *named)
        telling.append(told)
    code, explanation = telling[0]
    return Fault(code, explanation, *named)


def _telling(fault: ErrorDetails, stated: Mapping[str, Any]) -> tuple[RejectionCode, str] | None:
    match fault["loc"], fault["type"]:
        case ("lines",), "missing":
            return "no_lines", "The order has no lines."
        case ("lines", int(place), "quantity"), "greater_than":
            line = stated["lines"][place]
            quantity = _short(str(line["quantity"]))
            return (
                "quantity_not_positive",
                f"Line {place + 1} ({_text(line.get('line_id'))}) has the quantity {quantity}; 1 is the least.",
            )
        case ("currency",), "string_pattern_mismatch":
            return "unknown_currency", f"The text {_text(stated['currency'])!r} is no currency of ISO 4217."
        case (_, "country"), "string_pattern_mismatch":
            return "unknown_country", f"The text {_text(fault['input'])!r} is no country of ISO 3166."
        case _:
            return None


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
        case dict():
            return any(_holds_nul(part) for part in (*value.keys(), *value.values()))
        case list():
            return any(_holds_nul(part) for part in value)
        case _:
            return False


def _text(value: Any) -> str:
    return value[:200] if isinstance(value, str) else ""


def _short(text: str) -> str:
    return text if len(text) <= 300 else f"{text[:300]}…"
