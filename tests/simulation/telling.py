"""Customers are told: each fact that concerns them once, at their own address, and nothing that did not happen."""

from collections.abc import Iterator, Mapping

import orjson

from shared.events.notification import NoticeFailed, NoticeSent
from shared.events.order import OrderBackordered, OrderCancelled, OrderConfirmed, PaymentWindowOpened
from shared.events.payload import Event
from shared.events.shipping import DeliveryDelayed, ShipmentDelivered, ShipmentDispatched
from tests.simulation.books import Finding
from tests.simulation.dealings import Statements
from tests.simulation.recorded import Record
from tests.simulation.world import World

RULE = "told once"


def judge_notices(world: World, records: Mapping[str, Record], statements: Statements) -> Iterator[Finding]:
    """Every notice that was sent, and every one that should have been."""
    yield from _taken(world)
    for number, record in records.items():
        due = {notice for _, event in record.facts if (notice := _due(event))}
        late = {one.notice_id for one in record.of(NoticeFailed) if one.cause == "too_late"}
        sent = {one.notice_id for one in record.of(NoticeSent)}
        for notice in sorted(due - sent - late):
            yield Finding(RULE, number, f"nobody was told {notice}")
        for notice in sorted(sent - due):
            yield Finding(RULE, number, f"{notice} was told, and nothing of the kind happened")
        addresses = {one.customer.email for one in statements.get(number, ())}
        for notice in sorted(sent):
            if wrong := world.outside.mailbox.addresses[notice] - addresses:
                yield Finding(RULE, number, f"{notice} went to {', '.join(sorted(wrong))}")


def _taken(world: World) -> Iterator[Finding]:
    """What is recorded as sent is with the mail server, and nothing is still on its way."""
    mails = world.outside.mailbox.mails
    for notice in sorted(world.books.sent - mails.keys()):
        yield Finding(RULE, notice, "is recorded as sent, and no mail was taken")
    for stream, row in world.sites["notification"].tables.streams.items():
        for identity, notice in orjson.loads(row.state)["notices"].items():
            if notice["status"] in ("offered", "delayed"):
                yield Finding(RULE, identity, f"is still {notice['status']} in {stream}")
    if not world.troubled:
        for notice, times in mails.items():
            if times > 1:
                yield Finding(RULE, notice, f"{times} mails in a world without trouble")


def _due(event: Event) -> str:
    """The notice that a fact calls for; empty: none."""
    match event:
        case OrderConfirmed():
            return f"{event.order_number}-confirmation"
        case OrderBackordered():
            return f"{event.order_number}-delay"
        case OrderCancelled():
            return f"{event.order_number}-cancelled"
        case PaymentWindowOpened():
            return f"{event.order_number}-payment_failed-{event.until:%Y%m%dT%H%M%S%fZ}"
        case DeliveryDelayed():
            return f"{_of_parcel(event.fulfilment_id, 'delay')}-{event.estimated_delivery:%Y%m%dT%H%M%S%fZ}"
        case ShipmentDispatched():
            return _of_parcel(event.fulfilment_id, "dispatch")
        case ShipmentDelivered():
            return _of_parcel(event.fulfilment_id, "delivered")
        case _:
            return ""


def _of_parcel(fulfilment: str, kind: str) -> str:
    number, _, parcel = fulfilment.rpartition("-")
    return f"{number}-{kind}-{parcel}"
