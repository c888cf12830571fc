"""Orders as a file states them.

A file is NDJSON (one `channel.order-received.v1` a line) or CSV (one row for each line of an order,
COLUMNS below).
"""

import codecs
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

NOTHING = "nothing of the file is published, for it may belong to any order"


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
        lines = file.read_bytes().removeprefix(codecs.BOM_UTF8).splitlines()
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
    """One row that can't be told from another order's might belong to any of them, so then none is stated."""
    orders: dict[tuple[str, str], dict[str, list[_Row]]] = {}
    nobodys: list[Fault] = []
    for row in _rows(lines):
        if isinstance(row, Fault):
            nobodys.append(row)
        else:
            order = orders.setdefault((row.cells.get("channel") or "file", row.cells["channel_order_id"]), {})
            order.setdefault(row.cells.get("channel_updated_at", ""), []).append(row)
    if nobodys:
        yield from nobodys
        return
    for restatements in orders.values():
        found = [_order_of(rows) for rows in restatements.values()]
        # A row with a wrong time may be what another statement of its order lacks.
        yield from [one for one in found if isinstance(one, Fault)] or found


@dataclass(frozen=True, slots=True)
class _Row:
    """One row of a CSV, from the given line of the file on."""

    line: int
    cells: Mapping[str, str]


def _rows(lines: Sequence[bytes]) -> Iterator[_Row | Fault]:
    """The rows below the header; a fault for each of which it can't be told whose it is."""
    try:
        reader = csv.reader([line.decode() + "\n" for line in lines], strict=True)
    except UnicodeDecodeError:
        raise WrongUsage("the file is not UTF-8") from None
    header: list[str] = []
    begin = 1
    try:
        for cells in reader:
            if not header:
                header = _header(cells)
            elif cells and len(cells) != len(header):
                yield Fault(begin, f"the row has more or fewer cells than the header; {NOTHING}")
            elif cells:
                row = _Row(begin, dict(zip(header, cells, strict=True)))
                named = row.cells["channel_order_id"]
                yield row if named else Fault(begin, f"the row has no channel_order_id; {NOTHING}")
            begin = reader.line_num + 1
    except csv.Error as error:
        yield Fault(begin, f"not CSV: {error}; what follows was not read, and {NOTHING}")
        return
    if not header:
        _header([])


def _header(names: list[str]) -> list[str]:
    """The names of the columns.

    Raises:
        WrongUsage: they are not those of orders.
    """
    if missing := {"channel_order_id", "sku", "quantity", "unit_price"} - set(names):
        raise WrongUsage(f"the CSV lacks the columns {', '.join(sorted(missing))}")
    if unknown := set(names) - set(COLUMNS):
        raise WrongUsage(f"the CSV has unknown columns {', '.join(sorted(unknown))}")
    if twice := {name for name in names if names.count(name) > 1}:
        raise WrongUsage(f"the CSV has twice the columns {', '.join(sorted(twice))}")
    return names


def _order_of(rows: Sequence[_Row]) -> Statement | Fault:
    """The order that consecutive or scattered rows of one (channel, id, time) make together."""
    first = rows[0]
    order: dict[str, Any] = {"channel": "file", "lines": []}
    for row in rows:
        if differs := [name for name in ORDER_COLUMNS if row.cells.get(name) != first.cells.get(name)]:
            return Fault(row.line, f"{differs[0]} differs from line {first.line} of the same order")
        cells = {name: row.cells[name] for name in LINE_COLUMNS if row.cells.get(name)}
        order["lines"].append({"line_id": str(len(order["lines"]) + 1), **cells})
    for name, place in ORDER_COLUMNS.items():
        if value := first.cells.get(name):
            _put(order, place, value)
    return _valid(rows, order)


def _valid(rows: Sequence[_Row], order: dict[str, Any]) -> Statement | Fault:
    first = rows[0]
    try:
        order.setdefault("total", 0)
        received = ChannelOrderReceived.model_validate_json(json.dumps(order))
    except ValidationError as error:
        place = error.errors()[0]["loc"]
        number = rows[place[1]].line if len(place) > 1 and place[0] == "lines" and isinstance(place[1], int) else 0
        return Fault(number or first.line, _explanation(error))
    if not first.cells.get("total"):
        received = received.model_copy(update={"total": _added_up(received)})
        if received.total < 0:
            return Fault(first.line, "the discounts are larger than the order")
    return Statement(first.line, received)


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
