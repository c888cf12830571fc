"""The table of rules: which message meets which rule, and after which facts a shipment goes on by itself."""

from collections.abc import Callable
from typing import Any

from services.shipping.domain import answers, asking, intervention, tracking, warehouse
from services.shipping.domain.messages import (
    AskCarrierAgain,
    CarrierSilent,
    FinishPicking,
    HandoverAnswered,
    HandoverDeclined,
    LabelAnswered,
    LabelDeclined,
    ParcelTracked,
    QuotesAnswered,
    QuotesDeclined,
    VoidAnswered,
    VoidDeclined,
)
from services.shipping.domain.next_step import FOLLOWED, go_on
from services.shipping.domain.policy import Policy
from services.shipping.domain.shipment import SHIPMENT, Shipment
from shared.events.payload import Payload
from shared.events.shipping import (
    CancelShipment,
    ConfirmDelivered,
    ConfirmPacked,
    ConfirmPicked,
    DispatchParcel,
    HoldShipment,
    RequestShipment,
    ResumeShipment,
)
from shared.eventsourcing.decider import Context, Decision, Model, Route, States

Rule = Callable[[Shipment, Any, Context, Policy], Decision]
"""One business rule: the shipment, the message, and what may be known beside them."""

RULES: dict[type[Payload], Rule] = {
    RequestShipment: answers.request,
    HoldShipment: intervention.hold,
    ResumeShipment: intervention.resume,
    CancelShipment: intervention.cancel,
    ConfirmPicked: warehouse.confirm_picked,
    ConfirmPacked: warehouse.confirm_packed,
    DispatchParcel: warehouse.dispatch,
    ConfirmDelivered: warehouse.confirm_delivered,
    FinishPicking: warehouse.finish_picking,
    QuotesAnswered: answers.rates_named,
    QuotesDeclined: answers.rates_declined,
    LabelAnswered: answers.label_bought,
    LabelDeclined: answers.label_refused,
    VoidAnswered: answers.label_voided,
    VoidDeclined: answers.parcel_taken,
    HandoverAnswered: answers.parcel_taken,
    HandoverDeclined: answers.label_voided,
    CarrierSilent: asking.note_silence,
    AskCarrierAgain: asking.ask_again,
    ParcelTracked: tracking.track,
}


def model(policy: Policy | None = None) -> Model:
    """All that shipping decides, under a policy."""
    chosen = policy or Policy()

    def following(states: States, event: Any, context: Context) -> Decision:
        return go_on(states.of(SHIPMENT, event.fulfilment_id), context, chosen)

    return Model(
        service="shipping",
        categories=(SHIPMENT,),
        routes={message: _route(rule, chosen) for message, rule in RULES.items()},
        reactions=dict.fromkeys(FOLLOWED, following),
    )


def _route(rule: Rule, policy: Policy) -> Route[Any]:
    def decide(states: States, message: Any, context: Context) -> Decision:
        return rule(states.of(SHIPMENT, message.fulfilment_id), message, context, policy)

    return Route(streams=lambda message: (SHIPMENT.stream(message.fulfilment_id),), decide=decide)
