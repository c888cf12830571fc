"""The five services as the simulation puts them together: their own models over simulated ports."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

from services.inventory.domain.messages import INTERNAL as INVENTORY_INTERNAL
from services.inventory.domain.model import model as inventory_model
from services.inventory.translate import translate as translate_for_inventory
from services.inventory.views import VIEWS as INVENTORY_VIEWS
from services.notification.domain.messages import INTERNAL as NOTIFICATION_INTERNAL
from services.notification.domain.model import model as notification_model
from services.notification.translate import translate as translate_for_notification
from services.notification.views import VIEWS as NOTIFICATION_VIEWS
from services.order.domain.messages import INTERNAL as ORDER_INTERNAL
from services.order.domain.model import model as order_model
from services.order.domain.review import Finding, ReviewFacts
from services.order.translate import translate as translate_for_order
from services.order.views import VIEWS as ORDER_VIEWS
from services.payment.domain.messages import INTERNAL as PAYMENT_INTERNAL
from services.payment.domain.model import model as payment_model
from services.payment.effects import effects as payment_effects
from services.payment.translate import translate as translate_for_payment
from services.payment.views import VIEWS as PAYMENT_VIEWS
from services.shipping.domain.messages import INTERNAL as SHIPPING_INTERNAL
from services.shipping.domain.model import model as shipping_model
from services.shipping.effects import effects as shipping_effects
from services.shipping.origins import Origins
from services.shipping.translate import translate as translate_for_shipping
from services.shipping.views import VIEWS as SHIPPING_VIEWS
from shared.events.payload import Event, Payload
from shared.events.registry import LISTENERS
from shared.events.values import Address
from shared.eventsourcing.decider import Model
from shared.eventsourcing.definition import Effect, ServiceDefinition, Translate
from shared.eventsourcing.views import Fact, Row, View
from tests.simulation import mailbox
from tests.simulation.carrier import Carrier, CarrierConnection
from tests.simulation.gateway import Gateway, GatewayConnection
from tests.simulation.processes import Process


@dataclass(frozen=True, slots=True)
class Outside:
    """Everyone that the services call."""

    gateway: Gateway
    carrier: Carrier
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
TRANSLATE: Mapping[str, Translate] = {
    "order": translate_for_order,
    "inventory": translate_for_inventory,
    "payment": translate_for_payment,
    "shipping": translate_for_shipping,
    "notification": translate_for_notification,
}
ORIGIN = Address(name="Warehouse", street="1 Dock Rd", city="Newark", region="NJ", country="US")


def counting(view: View) -> View:
    """A view of which every row counts what it was fed: a fact that comes twice shows, whatever it changes."""

    def project(key: str, row: Row | None, fact: Fact) -> Row | None:
        after = view.project(key, row, fact)
        return None if after is None else {**after, "fed": (row or {}).get("fed", 0) + 1}

    return replace(view, project=project)


VIEWS: Mapping[str, tuple[View, ...]] = {
    service: tuple(counting(view) for view in views)
    for service, views in (
        ("order", ORDER_VIEWS),
        ("inventory", INVENTORY_VIEWS),
        ("payment", PAYMENT_VIEWS),
        ("shipping", SHIPPING_VIEWS),
        ("notification", NOTIFICATION_VIEWS),
    )
}


def _effects(service: str, outside: Outside, process: Process) -> Mapping[type[Event], Effect]:
    match service:
        case "payment":
            return payment_effects(GatewayConnection(outside.gateway, process))
        case "shipping":
            return shipping_effects(CarrierConnection(outside.carrier, process), Origins(known={}, other=ORIGIN))
        case "notification":
            return mailbox.effects(outside.mailbox, process)
        case _:
            return {}


def _told(effect: Effect, begins: Callable[[Event], None]) -> Effect:
    async def carry_out(intent: Any) -> Any:
        begins(intent)
        return await effect(intent)

    return carry_out


def definition(
    service: str,
    outside: Outside,
    process: Process,
    *,
    views: tuple[View, ...],
    alter: Callable[[Model], Model],
    begins: Callable[[Event], None],
) -> ServiceDefinition:
    """A service for one process; `begins` is told of each intent before it is carried out."""
    return ServiceDefinition(
        model=alter(MODELS[service]),
        topics=LISTENERS[service],
        translate=TRANSLATE[service],
        internal=INTERNAL[service],
        effects={kind: _told(effect, begins) for kind, effect in _effects(service, outside, process).items()},
        views=views,
    )
