"""`oms stock`, `receive`, `count`: what is on hand, what arrives, and what a count found."""

from typing import Annotated

import typer

from oms.client import Client, path_of
from oms.options import DEFAULT_STATE, AsJson, Key, State
from oms.output import as_document, as_record, counted, say

Sku = Annotated[str, typer.Argument(metavar="SKU", help="The stock-keeping unit.")]


def register(app: typer.Typer) -> None:
    app.command()(stock)
    app.command()(receive)
    app.command()(count)


def stock(sku: Sku, state: State = DEFAULT_STATE, as_json: AsJson = False) -> None:
    """Show the stock of one SKU at all its locations."""
    with Client.of(state) as client:
        found = client.get("inventory", path_of("stock", sku))
    if as_json:
        as_document(found)
    else:
        as_record(f"stock of {sku}", found)


def receive(
    sku: Sku,
    quantity: Annotated[int, typer.Argument(metavar="QTY", min=1, help="Units that arrived.")],
    location: Annotated[str, typer.Option("--at", help="Where they are now.")],
    key: Key,
    state: State = DEFAULT_STATE,
    as_json: AsJson = False,
) -> None:
    """Take units into stock; backorders that wait for them are served."""
    body = {"location": location, "quantity": quantity}
    with Client.of(state) as client:
        answer = client.post("inventory", path_of("stock", sku, "receive"), body, key=key)
    if as_json:
        as_document(answer)
    else:
        say(f"{counted(quantity, 'unit')} of {sku} received at {location}")


def count(
    sku: Sku,
    counted_units: Annotated[int, typer.Argument(metavar="UNITS", min=0, help="Units that the count found.")],
    location: Annotated[str, typer.Option("--at", help="Where they were counted.")],
    reason: Annotated[str, typer.Option("--reason", help="Why it was counted; kept with the stock for good.")],
    key: Key,
    state: State = DEFAULT_STATE,
    as_json: AsJson = False,
) -> None:
    """State what a count found; fewer than are reserved there are refused, with the orders that hold them."""
    body = {"location": location, "counted": counted_units, "reason": reason}
    with Client.of(state) as client:
        answer = client.post("inventory", path_of("stock", sku, "count"), body, key=key)
    if as_json:
        as_document(answer)
    else:
        say(f"{counted(counted_units, 'unit')} of {sku} counted at {location}")
