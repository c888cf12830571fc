"""`oms order`, `orders`, `hold`, `approve`, `reject`, `cancel`: orders and the decisions of people."""

from enum import StrEnum
from itertools import islice
from typing import Annotated, Any

import typer

from oms.client import Client, path_of
from oms.options import DEFAULT_STATE, AsJson, Key, OrderNumber, Reason, State
from oms.output import as_document, as_record, as_table, say

LISTED = (
    "order_number",
    "status",
    "on_hold",
    "channel",
    "channel_order_id",
    "customer_id",
    "units",
    "total",
    "currency",
    "confirmed_at",
)
"""What is shown of an order in a list; amounts are minor units."""

LINE = ("line_id", "sku", "name", "quantity", "unit_price", "discount", "tax", "value")

HELD = ("order_number", "hold_id", "reason", "owner", "explanation", "fulfilment_id", "opened_at")


class Status(StrEnum):
    """What a person sees of an order."""

    received = "received"
    reserving = "reserving"
    backordered = "backordered"
    reserved = "reserved"
    authorising = "authorising"
    awaiting_payment = "awaiting_payment"
    held = "held"
    confirmed = "confirmed"
    shipping = "shipping"
    delivered = "delivered"
    completed = "completed"
    cancelling = "cancelling"
    cancelled = "cancelled"


def register(app: typer.Typer) -> None:
    app.command()(order)
    app.command()(orders)
    app.command()(approve)
    app.command()(reject)
    app.command()(cancel)
    holds = typer.Typer(help="Holds: work on an order stands still until each is released.")
    holds.command("list")(list_holds)
    holds.command("release")(release)
    holds.command("open")(open_hold)
    app.add_typer(holds, name="hold")


def order(number: OrderNumber, state: State = DEFAULT_STATE, as_json: AsJson = False) -> None:
    """Show one order."""
    with Client.of(state) as client:
        found = client.get("order", path_of("orders", number))
    if as_json:
        as_document(found)
    else:
        lines = found.pop("lines")
        fulfilments = [{"fulfilment_id": name, **one} for name, one in found.pop("fulfilments", {}).items()]
        as_record(f"order {number}", found)
        as_table("lines", lines, [name for name in LINE if any(name in line for line in lines)])
        if fulfilments:
            as_table("fulfilments", fulfilments)


def orders(
    status: Annotated[Status | None, typer.Option("--status", help="Only orders in this status.")] = None,
    customer: Annotated[str | None, typer.Option("--customer", help="Only this customer's orders.")] = None,
    channel: Annotated[str | None, typer.Option("--channel", help="Only this channel's orders.")] = None,
    limit: Annotated[int, typer.Option("--limit", min=1, max=1_000, help="How many at most.")] = 50,
    offset: Annotated[int, typer.Option("--offset", min=0, help="How many of the newest to pass over.")] = 0,
    state: State = DEFAULT_STATE,
    as_json: AsJson = False,
) -> None:
    """List orders, the newest first."""
    wanted = {"status": status and status.value, "customer": customer, "channel": channel}
    with Client.of(state) as client:
        found = client.get("order", "/orders", **wanted, limit=limit, offset=offset)
    _list("orders", found, found["orders"], LISTED, as_json)


def list_holds(
    owner: Annotated[str | None, typer.Option("--owner", help="Only the holds of this team.")] = None,
    limit: Annotated[int | None, typer.Option("--limit", min=1, help="How many at most; all without it.")] = None,
    state: State = DEFAULT_STATE,
    as_json: AsJson = False,
) -> None:
    """List the open holds of all orders, those of the oldest orders first; alarms, which stop nothing, too."""
    with Client.of(state) as client:
        holds = list(islice(client.pages("order", "/holds", "holds", owner=owner), limit))
    _list("open holds", {"holds": holds}, holds, HELD, as_json)


def release(
    number: OrderNumber,
    hold: Annotated[str, typer.Argument(metavar="HOLD", help="The hold's id, for example H1.")],
    reason: Reason,
    key: Key,
    street: Annotated[str, typer.Option(help="A corrected street, where a label was refused.")] = "",
    city: Annotated[str, typer.Option(help="A corrected city.")] = "",
    postal_code: Annotated[str, typer.Option(help="A corrected postal code.")] = "",
    state: State = DEFAULT_STATE,
    as_json: AsJson = False,
) -> None:
    """Release one hold of an order."""
    corrected = {"street": street, "city": city, "postal_code": postal_code}
    body = {"reason": reason, **{name: value for name, value in corrected.items() if value}}
    path = path_of("orders", number, "holds", hold, "release")
    _decide(state, path, body, f"hold {hold} of {number} is released", key, as_json)


def open_hold(
    number: OrderNumber,
    reason: Reason,
    key: Key,
    owner: Annotated[str, typer.Option("--owner", help="The team that answers for it.")] = "operations",
    state: State = DEFAULT_STATE,
    as_json: AsJson = False,
) -> None:
    """Stop work on an order by hand."""
    body = {"reason": reason, "owner": owner}
    _decide(state, path_of("orders", number, "holds"), body, f"{number} is on hold", key, as_json)


def approve(
    number: OrderNumber, reason: Reason, key: Key, state: State = DEFAULT_STATE, as_json: AsJson = False
) -> None:
    """Release all holds that stop the whole order; an order in review is approved by it."""
    _decide(state, path_of("orders", number, "approve"), {"reason": reason}, f"{number} is approved", key, as_json)


def reject(
    number: OrderNumber, reason: Reason, key: Key, state: State = DEFAULT_STATE, as_json: AsJson = False
) -> None:
    """Cancel an order that is in review, or stopped as a whole by a hold."""
    _decide(state, path_of("orders", number, "reject"), {"reason": reason}, f"{number} is rejected", key, as_json)


def cancel(
    number: OrderNumber, reason: Reason, key: Key, state: State = DEFAULT_STATE, as_json: AsJson = False
) -> None:
    """Cancel an order that has not left yet."""
    done = f"the cancellation of {number} is under way"
    _decide(state, path_of("orders", number, "cancel"), {"reason": reason}, done, key, as_json)


def _decide(state: Any, path: str, body: dict[str, str], done: str, key: str, as_json: bool) -> None:
    with Client.of(state) as client:
        answer = client.post("order", path, body, key=key)
    if as_json:
        as_document(answer)
    else:
        say(done)


def _list(title: str, found: Any, rows: Any, columns: tuple[str, ...], as_json: bool) -> None:
    if as_json:
        as_document(found)
    else:
        as_table(title, rows, [name for name in columns if any(name in row for row in rows)])
