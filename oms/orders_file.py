"""Orders as a file states them.

A file is NDJSON (one `channel.order-received.v1` a line) or CSV (one row for each line of an order,
COLUMNS below).
"""

import csv
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from oms.errors import WrongUsage
from shared.events.channel import ChannelOrderReceived

ORDER_COLUMNS: Mapping[str, tuple[str, ...]] = {
    "channel": ("channel",),
    "channel_order_id": ("channel_order_id",),
    "channel_updated_at": ("channel_updated_at",),
    "placed_at": ("placed_at",),
    "customer_id": ("customer", "id"),
    "customer_name": ("customer", "name"),
    "customer_email": ("customer", "email"),
    "customer_phone": ("customer", "phone"),
    "customer_language": ("customer", "language"),
    "ship_name": ("shipping_address", "name"),
    "ship_street": ("shipping_address", "street"),
    "ship_city": ("shipping_address", "city"),
    "ship_postal_code": ("shipping_address", "postal_code"),
    "ship_region": ("shipping_address", "region"),
    "ship_country": ("shipping_address", "country"),
    "currency": ("currency",),
    "order_discount": ("order_discount",),
    "shipping_charge": ("shipping_charge",),
    "order_tax": ("tax",),
    "total": ("total",),
    "payment_kind": ("payment", "kind"),
    "payment_token": ("payment", "token"),
    "payment_reference": ("payment", "reference"),
    "requested_delivery": ("requested_delivery",),
    "priority": ("priority",),
    "delivery": ("delivery",),
    "allow_partial": ("allow_partial",),
    "allow_backorder": ("allow_backorder",),
    "notes": ("notes",),
}
"""Columns that say something of the order, the same in each of its rows, and where each goes."""

LINE_COLUMNS = ("line_id", "sku", "name", "quantity", "unit_price", "discount", "tax")
"""Columns that say something of one line; amounts are minor units."""

COLUMNS = (*ORDER_COLUMNS, *LINE_COLUMNS)
"""All columns of the CSV. Empty cells and missing columns take the contract's defaults; an empty `channel` is
`file`, an empty `line_id` the row's place in the order, and an empty `total` is added up."""


@dataclass(frozen=True, slots=True)
class Statement:
    """An order as the file states it, from the given line of the file on."""

    line: int
    order: ChannelOrderReceived


@dataclass(frozen=True, slots=True)
class Fault:
    """What can't be published, and where it stands in the file."""

    line: int
    explanation: str


def read_orders(file: Path) -> Iterator[Statement | Fault]:
    """The orders of an NDJSON or CSV file; what is wrong is a fault, and reading goes on.

    Raises:
        WrongUsage: there is no such file, or it is of another kind.
    """
    readers = {".ndjson": _read_ndjson, ".jsonl": _read_ndjson, ".csv": _read_csv}
    reader = readers.get(file.suffix.lower())
    if reader is None:
        raise WrongUsage(f"{file.name} is neither .ndjson nor .csv")
    try:
        lines = file.read_bytes().splitlines()
    except OSError as error:
        raise WrongUsage(f"{file} can't be read: {error.strerror}") from None
    yield from reader(lines)


def _read_ndjson(lines: Sequence[bytes]) -> Iterator[Statement | Fault]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            yield Statement(number, ChannelOrderReceived.model_validate_json(line))
        except ValidationError as error:
            yield Fault(number, _explanation(error))


def _read_csv(lines: Sequence[bytes]) -> Iterator[Statement | Fault]:
    try:
        text = [line.decode("utf-8-sig") + "\n" for line in lines]
    except UnicodeDecodeError:
        raise WrongUsage("the file is not UTF-8") from None
    reader = csv.DictReader(text, strict=True)
    unknown = set(reader.fieldnames or ()) - set(COLUMNS)
    if missing := {"channel_order_id", "sku", "quantity", "unit_price"} - set(reader.fieldnames or ()):
        raise WrongUsage(f"the CSV lacks the columns {', '.join(sorted(missing))}")
    if unknown:
        raise WrongUsage(f"the CSV has unknown columns {', '.join(sorted(unknown))}")
    gathered: dict[tuple[str, str, str], list[tuple[int, dict[str, str]]]] = {}
    try:
        for row in reader:
            identity = tuple(row.get(name) or "" for name in ("channel", "channel_order_id", "channel_updated_at"))
            gathered.setdefault((identity[0], identity[1], identity[2]), []).append((reader.line_num, row))
    except csv.Error as error:
        yield Fault(reader.line_num, f"not CSV: {error}; what follows was not read")
    for rows in gathered.values():
        yield _order_of(rows)


def _order_of(rows: Sequence[tuple[int, Mapping[str, Any]]]) -> Statement | Fault:
    """The order that consecutive or scattered rows of one (channel, id, time) make together."""
    first_line, first = rows[0]
    order: dict[str, Any] = {"channel": "file", "lines": []}
    for number, row in rows:
        if None in row or None in row.values():
            return Fault(number, "the row has more or fewer cells than the header")
        if differs := [name for name in ORDER_COLUMNS if row.get(name) != first.get(name)]:
            return Fault(number, f"{differs[0]} differs from line {first_line} of the same order")
        cells = {name: row[name] for name in LINE_COLUMNS if row.get(name)}
        order["lines"].append({"line_id": str(len(order["lines"]) + 1), **cells})
    for name, place in ORDER_COLUMNS.items():
        if first.get(name):
            _put(order, place, first[name])
    return _valid(rows, order)


def _valid(rows: Sequence[tuple[int, Mapping[str, Any]]], order: dict[str, Any]) -> Statement | Fault:
    try:
        order.setdefault("total", 0)
        received = ChannelOrderReceived.model_validate_json(json.dumps(order))
    except ValidationError as error:
        place = error.errors()[0]["loc"]
        number = rows[place[1]][0] if len(place) > 1 and place[0] == "lines" and isinstance(place[1], int) else 0
        return Fault(number or rows[0][0], _explanation(error))
    if not rows[0][1].get("total"):
        received = received.model_copy(update={"total": _added_up(received)})
        if received.total < 0:
            return Fault(rows[0][0], "the discounts are larger than the order")
    return Statement(rows[0][0], received)


def _added_up(order: ChannelOrderReceived) -> int:
    lines = sum(line.quantity * line.unit_price - line.discount + line.tax for line in order.lines)
    return lines - order.order_discount + order.shipping_charge + order.tax


def _put(order: dict[str, Any], place: tuple[str, ...], value: str) -> None:
    *path, last = place
    for name in path:
        order = order.setdefault(name, {})
    order[last] = value


def _explanation(error: ValidationError) -> str:
    faults = error.errors(include_url=False, include_context=False, include_input=False)
    place = ".".join(str(part) for part in faults[0]["loc"])
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    return f"{place}: {faults[0]['msg']}{more}" if place else f"{faults[0]['msg']}{more}"
