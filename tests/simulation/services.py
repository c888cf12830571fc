"""The five services as the simulation puts them together: their own models over simulated ports."""

import base64
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from services.inventory.domain.messages import INTERNAL as INVENTORY_INTERNAL
from services.inventory.domain.model import model as inventory_model
from services.notification.domain.messages import INTERNAL as NOTIFICATION_INTERNAL
from services.notification.domain.model import model as notification_model
from services.notification.views import VIEWS as NOTIFICATION_VIEWS
from services.order.domain.messages import INTERNAL as ORDER_INTERNAL
from services.order.domain.messages import TakeChannelOrder
from services.order.domain.model import model as order_model
from services.order.domain.number import order_number
from services.order.domain.review import Finding, ReviewFacts
from services.payment.domain.messages import INTERNAL as PAYMENT_INTERNAL
from services.payment.domain.model import model as payment_model
from services.payment.effects import effects as payment_effects
from services.payment.views import VIEWS as PAYMENT_VIEWS
from services.shipping.domain.messages import INTERNAL as SHIPPING_INTERNAL
from services.shipping.domain.model import model as shipping_model
from shared.events.channel import ChannelOrderReceived
from shared.events.payload import Event, Payload
from shared.events.registry import CONTRACT, LISTENERS
from shared.eventsourcing.decider import Model
from shared.eventsourcing.definition import Effect, ServiceDefinition, Translate
from shared.eventsourcing.messages import Arrival, Malformed, Record
from shared.eventsourcing.reading import arrival_of, attributes_of, first_fault, read_contract
from shared.eventsourcing.views import View
from tests.simulation import carrier, mailbox
from tests.simulation.gateway import Gateway, GatewayConnection
from tests.simulation.processes import Process

SERVICES = ("order", "inventory", "payment", "shipping", "notification")


@dataclass(frozen=True, slots=True)
class Outside:
    """Everyone that the services call."""

    gateway: Gateway
    carrier: carrier.Carrier
    mailbox: mailbox.Mailbox


def review(facts: ReviewFacts) -> tuple[Finding, ...]:
    """Holds orders of blocked customers and those that ask for a look."""
    if facts.occasion == "order" and facts.customer is not None and facts.customer.blocked:
        return (Finding(reason="customer_blocked", owner="fraud", explanation="The customer is blocked."),)
    if facts.occasion == "order" and facts.order.attributes.get("look") == "twice":
        return (Finding(reason="amount_over_limit", owner="sales", explanation="It asks for a look."),)
    return ()


MODELS: Mapping[str, Model] = {
    "order": order_model(review=review),
    "inventory": inventory_model(),
    "payment": payment_model(),
    "shipping": shipping_model(),
    "notification": notification_model(),
}
INTERNAL: Mapping[str, tuple[type[Payload], ...]] = {
    "order": ORDER_INTERNAL,
    "inventory": INVENTORY_INTERNAL,
    "payment": PAYMENT_INTERNAL,
    "shipping": SHIPPING_INTERNAL,
    "notification": NOTIFICATION_INTERNAL,
}
VIEWS: Mapping[str, tuple[View, ...]] = {"payment": PAYMENT_VIEWS, "notification": NOTIFICATION_VIEWS}


def taken_by(model: Model) -> dict[str, type[Payload]]:
    """The messages of the contract that a model takes, by wire type."""
    return {message.wire_type: message for message in model.routes if message.wire_type in CONTRACT}


def _translate_orders() -> Translate:
    read_others = read_contract(taken_by(MODELS["order"]))

    def translate(record: Record) -> Arrival | None:
        if record.topic != "channel.orders":
            return read_others(record)
        metadata, body = attributes_of(record)
        try:
            order = ChannelOrderReceived.model_validate_json(body)
        except ValidationError as wrong:
            raise Malformed(first_fault(wrong)) from None
        number = order_number(order.channel, order.channel_order_id)
        taken = TakeChannelOrder(
            order_number=number,
            order=order,
            source=record.place,
            original_base64=base64.b64encode(body).decode(),
        )
        return arrival_of(record, metadata._replace(partition_key=number, correlation_id=number), taken)

    return translate


TRANSLATE: Mapping[str, Translate] = {
    "order": _translate_orders(),
    **{service: read_contract(taken_by(MODELS[service])) for service in SERVICES if service != "order"},
}


def _effects(service: str, outside: Outside, process: Process) -> Mapping[type[Event], Effect]:
    match service:
        case "payment":
            return payment_effects(GatewayConnection(outside.gateway, process))
        case "shipping":
            return carrier.effects(outside.carrier, process)
        case "notification":
            return mailbox.effects(outside.mailbox, process)
        case _:
            return {}


def definition(
    service: str,
    outside: Outside,
    process: Process,
    *,
    views: bool,
    alter: Callable[[Model], Any] = lambda model: model,
) -> ServiceDefinition:
    """A service for one process."""
    return ServiceDefinition(
        model=alter(MODELS[service]),
        topics=LISTENERS[service],
        translate=TRANSLATE[service],
        internal=INTERNAL[service],
        effects=_effects(service, outside, process),
        views=VIEWS.get(service, ()) if views else (),
    )
