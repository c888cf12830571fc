"""One fulfilment and the facts of its road, in the order in which they happen."""

from datetime import datetime, timedelta
from typing import Any

from services.shipping.domain.messages import (
    AskCarrierAgain,
    CarrierSilent,
    HandoverAnswered,
    HandoverDeclined,
    LabelAnswered,
    LabelDeclined,
    ParcelTracked,
    QuotesAnswered,
    VoidAnswered,
)
from services.shipping.domain.model import model
from services.shipping.domain.policy import Policy
from shared.events.payload import Event
from shared.events.shipping import (
    CancelShipment,
    CarrierQuote,
    HandoverRequested,
    HoldShipment,
    ItemsPicked,
    LabelBought,
    LabelRefused,
    LabelRequested,
    LabelVoided,
    LabelVoidRequested,
    ParcelPacked,
    PickListIssued,
    QuotesRequested,
    RateChosen,
    RequestShipment,
    ResumeShipment,
    ShipmentCancellationRequested,
    ShipmentCancelled,
    ShipmentDelivered,
    ShipmentDispatched,
    ShipmentHeld,
    ShipmentRequested,
    ShipmentResumed,
    TrackingReceived,
    TrackingStatus,
)
from shared.events.values import Address, RequestedLine
from shared.eventsourcing.decider import Reminder
from shared.eventsourcing.testing import NOON, Scenario

ORDER = "1001"
FULFILMENT = "1001-F1"
STREAM = f"shipment-{FULFILMENT}"
WHO: dict[str, Any] = {"order_number": ORDER, "fulfilment_id": FULFILMENT}
HOME = Address(name="Ada Byron", street="5 Main St", city="Boston", postal_code="02108", region="MA", country="US")
ELSEWHERE = Address(
    name="Ada Byron", street="7 Side St", city="Salem", postal_code="01970", region="MA", country="US"
)
LINES = (RequestedLine(line_id="1", sku="TEA", quantity=2), RequestedLine(line_id="2", sku="CUP", quantity=1))
PROMISE = NOON + timedelta(days=3)

AUTOMATIC = Policy()
MANUAL = Policy(warehouse="manual")
LEISURELY = Policy(picking_takes=timedelta(minutes=20))

ECONOMY = CarrierQuote(service="economy", amount=760, currency="USD", days=5)
STANDARD = CarrierQuote(service="standard", amount=1010, currency="USD", days=3)
EXPRESS = CarrierQuote(service="express", amount=1950, currency="USD", days=1)
QUOTES = (ECONOMY, STANDARD, EXPRESS)

REQUEST = RequestShipment(
    **WHO,
    location="WH-EAST",
    lines=LINES,
    weight_grams=2300,
    address=HOME,
    delivery="ship",
    deliver_by=PROMISE,
)
COLLECT = REQUEST.model_copy(update={"delivery": "collect"})
HOLD = HoldShipment(**WHO)
CANCEL = CancelShipment(**WHO)
QUOTES_ANSWERED = QuotesAnswered(**WHO, asked=1, quotes=QUOTES)

requested = ShipmentRequested(**dict(REQUEST))
collect_requested = ShipmentRequested(**dict(COLLECT))
rate_chosen = RateChosen(**WHO, service="standard", amount=1010, currency="USD", days=3, keeps_promise=True)
pick_list = PickListIssued(**WHO, location="WH-EAST", lines=LINES)
picked = ItemsPicked(**WHO)
packed = ParcelPacked(**WHO, weight_grams=2300)
refused = LabelRefused(**WHO, refusal_code="address_refused", explanation="not served")
held = ShipmentHeld(**WHO)
cancellation_requested = ShipmentCancellationRequested(**WHO)
cancelled = ShipmentCancelled(**WHO)


def resume(address: Address = HOME) -> ResumeShipment:
    return ResumeShipment(**WHO, address=address)


def resumed(address: Address = HOME) -> ShipmentResumed:
    return ShipmentResumed(**WHO, address=address)


def quotes_requested(asked: int = 1, address: Address = HOME) -> QuotesRequested:
    return QuotesRequested(**WHO, location="WH-EAST", address=address, weight_grams=2300, asked=asked)


def label_requested(
    attempt: int = 1, asked: int = 1, address: Address = HOME, weight: int = 2300
) -> LabelRequested:
    return LabelRequested(
        **WHO,
        service="standard",
        location="WH-EAST",
        address=address,
        weight_grams=weight,
        idempotency_key=f"{FULFILMENT}-label-{attempt}",
        asked=asked,
    )


def label_bought(attempt: int = 1) -> LabelBought:
    return LabelBought(
        **WHO,
        label_id=f"lbl_{attempt}",
        tracking_number=f"CR{attempt}",
        amount=1010,
        currency="USD",
        promised_at=PROMISE,
    )


def void_requested(attempt: int = 1, asked: int = 1) -> LabelVoidRequested:
    key = f"{FULFILMENT}-void-{attempt}"
    return LabelVoidRequested(**WHO, label_id=f"lbl_{attempt}", idempotency_key=key, asked=asked)


def voided(attempt: int = 1) -> LabelVoided:
    return LabelVoided(**WHO, label_id=f"lbl_{attempt}")


def handover_requested(attempt: int = 1, asked: int = 1) -> HandoverRequested:
    key = f"{FULFILMENT}-handover-{attempt}"
    return HandoverRequested(**WHO, label_id=f"lbl_{attempt}", idempotency_key=key, asked=asked)


def dispatched(attempt: int = 1) -> ShipmentDispatched:
    return ShipmentDispatched(
        **WHO,
        location="WH-EAST",
        lines=LINES,
        carrier_service="standard",
        tracking_number=f"CR{attempt}",
        estimated_delivery=PROMISE,
    )


collected = ShipmentDispatched(
    **WHO, location="WH-EAST", lines=LINES, carrier_service="", tracking_number="", estimated_delivery=None
)


def delivered(at: datetime = NOON) -> ShipmentDelivered:
    return ShipmentDelivered(**WHO, delivered_at=at)


def tracked(status: TrackingStatus, at: datetime = NOON, **more: Any) -> ParcelTracked:
    return ParcelTracked(**WHO, **{"tracking_number": "CR1", "status": status, "occurred_at": at, **more})


def tracking(status: TrackingStatus, at: datetime = NOON, **more: Any) -> TrackingReceived:
    return TrackingReceived(**WHO, **{"tracking_number": "CR1", "status": status, "occurred_at": at, **more})


def label_answer(attempt: int = 1) -> LabelAnswered:
    bought = label_bought(attempt)
    return LabelAnswered(**dict(bought), idempotency_key=f"{FULFILMENT}-label-{attempt}")


def label_refusal(attempt: int = 1) -> LabelDeclined:
    key = f"{FULFILMENT}-label-{attempt}"
    return LabelDeclined(**WHO, idempotency_key=key, refusal_code="address_refused", explanation="not served")


def void_answer(attempt: int = 1) -> VoidAnswered:
    return VoidAnswered(**WHO, label_id=f"lbl_{attempt}")


def handover_answer(attempt: int = 1) -> HandoverAnswered:
    return HandoverAnswered(**WHO, label_id=f"lbl_{attempt}")


def handover_refusal(attempt: int = 1) -> HandoverDeclined:
    return HandoverDeclined(**WHO, label_id=f"lbl_{attempt}")


def silence(question: str, asked: int = 1) -> CarrierSilent:
    key = f"{FULFILMENT}-{question}"
    return CarrierSilent(**WHO, idempotency_key=key, asked=asked, explanation="no answer within 2 s")


def again(question: str, asked: int = 1) -> AskCarrierAgain:
    return AskCarrierAgain(**WHO, idempotency_key=f"{FULFILMENT}-{question}", asked=asked)


def deadline(question: str, asked: int = 1) -> Reminder:
    """The reminder that comes with every question."""
    return Reminder(NOON + AUTOMATIC.answer_within, again(question, asked))


ROAD: dict[str, tuple[Event, ...]] = {
    "requested": (requested, quotes_requested()),
    "rated": (rate_chosen,),
    "picking": (pick_list,),
    "picked": (picked,),
    "packed": (packed,),
    "labelling": (label_requested(),),
    "labelled": (label_bought(),),
    "handing_over": (handover_requested(),),
    "dispatched": (dispatched(),),
    "delivered": (delivered(),),
}
STATUSES = tuple(ROAD)


def up_to(status: str, policy: Policy = AUTOMATIC) -> Scenario:
    """A shipment that has come so far."""
    past: list[Event] = []
    for reached, events in ROAD.items():
        past += events
        if reached == status:
            break
    return Scenario(model(policy)).given(STREAM, *past)


def collecting(status: str, policy: Policy = AUTOMATIC) -> Scenario:
    """A shipment that the customer collects."""
    steps: dict[str, Event] = {
        "requested": collect_requested,
        "picking": pick_list,
        "picked": picked,
        "packed": packed,
    }
    past = list(steps.values())[: list(steps).index(status) + 1]
    return Scenario(model(policy)).given(STREAM, *past)


def nothing_yet(policy: Policy = AUTOMATIC) -> Scenario:
    return Scenario(model(policy))


def status_of(scenario: Scenario) -> str:
    """The status that the shipment has."""
    return str(scenario.states[STREAM].status)
