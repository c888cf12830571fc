"""What the carrier is asked, and how it is asked again under the same key until the outcome is known."""

from datetime import datetime
from typing import NamedTuple

from services.shipping.domain.messages import AskCarrierAgain, CarrierSilent
from services.shipping.domain.policy import Policy
from services.shipping.domain.shipment import (
    SHIPMENT,
    HandingOver,
    Label,
    Labelling,
    Packed,
    Parcel,
    Requested,
    Shipment,
    Voiding,
)
from shared.events.payload import Event
from shared.events.shipping import (
    CarrierOutcomeUnknown,
    HandoverRequested,
    LabelRequested,
    LabelVoidRequested,
    QuotesRequested,
)
from shared.events.values import Address
from shared.eventsourcing.decider import NOTHING, Context, Decision, Recorded, Reminder, Reply


def quotes_key(fulfilment_id: str) -> str:
    """The key of the question for rates; it has no effect at the carrier, so all askings share it."""
    return f"{fulfilment_id}-quotes"


def label_key(fulfilment_id: str, attempt: int) -> str:
    """The key of a label; one refused or taken back is followed by another under the next number."""
    return f"{fulfilment_id}-label-{attempt}"


class Question(NamedTuple):
    """What the carrier was asked, and how often."""

    idempotency_key: str
    asked: int


def open_question(shipment: Shipment) -> Question | None:
    """The question that the shipment waits for."""
    match shipment:
        case Requested(parcel=parcel) | Packed(parcel=parcel, requoting=True) if parcel.quotes_asked:
            return Question(quotes_key(parcel.fulfilment_id), parcel.quotes_asked)
        case Labelling(parcel=parcel, asked=asked):
            return Question(label_key(parcel.fulfilment_id, parcel.labels_asked), asked)
        case Voiding(parcel=parcel, asked=asked):
            return Question(_void_key(parcel), asked)
        case HandingOver(parcel=parcel, asked=asked):
            return Question(_handover_key(parcel), asked)
        case _:
            return None


def facts(
    fulfilment_id: str, *events: Event, reminders: tuple[Reminder, ...] = (), reply: Reply | None = None
) -> Decision:
    """Facts of one shipment."""
    stream = SHIPMENT.stream(fulfilment_id)
    return Decision(events=tuple(Recorded(stream, event) for event in events), reminders=reminders, reply=reply)


def ask_quotes(parcel: Parcel, now: datetime, policy: Policy) -> Decision:
    """Ask for the rates to where the parcel goes now."""
    asked = parcel.quotes_asked + 1
    event = QuotesRequested(
        order_number=parcel.order_number,
        fulfilment_id=parcel.fulfilment_id,
        location=parcel.location,
        address=parcel.address,
        weight_grams=parcel.weight_grams,
        asked=asked,
    )
    return _ask(parcel, event, Question(quotes_key(parcel.fulfilment_id), asked), now, policy)


def ask_label(parcel: Parcel, now: datetime, policy: Policy) -> Decision:
    """Ask for the next label, to where the parcel goes now."""
    question = Question(label_key(parcel.fulfilment_id, parcel.labels_asked + 1), 1)
    return _ask_label(parcel, parcel.address, question, now, policy)


def ask_void(parcel: Parcel, label: Label, now: datetime, policy: Policy, asked: int = 1) -> Decision:
    """Ask the carrier to take a label back."""
    key = _void_key(parcel)
    event = LabelVoidRequested(
        order_number=parcel.order_number,
        fulfilment_id=parcel.fulfilment_id,
        label_id=label.label_id,
        idempotency_key=key,
        asked=asked,
    )
    return _ask(parcel, event, Question(key, asked), now, policy)


def ask_handover(parcel: Parcel, label: Label, now: datetime, policy: Policy, asked: int = 1) -> Decision:
    """Tell the carrier that the parcel is handed over."""
    key = _handover_key(parcel)
    event = HandoverRequested(
        order_number=parcel.order_number,
        fulfilment_id=parcel.fulfilment_id,
        label_id=label.label_id,
        idempotency_key=key,
        asked=asked,
    )
    return _ask(parcel, event, Question(key, asked), now, policy)


def note_silence(shipment: Shipment, message: CarrierSilent, context: Context, policy: Policy) -> Decision:
    """No clear answer to the open question: it is asked again after a while."""
    if open_question(shipment) != Question(message.idempotency_key, message.asked):
        return NOTHING
    again_at = context.now + policy.back_off.after(message.asked)
    unknown = CarrierOutcomeUnknown(
        order_number=message.order_number,
        fulfilment_id=message.fulfilment_id,
        explanation=message.explanation,
        ask_again_at=again_at,
    )
    reminder = AskCarrierAgain(
        order_number=message.order_number,
        fulfilment_id=message.fulfilment_id,
        idempotency_key=message.idempotency_key,
        asked=message.asked,
    )
    return facts(message.fulfilment_id, unknown, reminders=(Reminder(again_at, reminder),))


def ask_again(shipment: Shipment, message: AskCarrierAgain, context: Context, policy: Policy) -> Decision:
    """Ask the same once more, also on a hold: what was asked may have taken effect, and has to be known."""
    if open_question(shipment) != Question(message.idempotency_key, message.asked):
        return NOTHING
    asked = message.asked + 1
    match shipment:
        case Requested(parcel=parcel) | Packed(parcel=parcel):
            return ask_quotes(parcel, context.now, policy)
        case Labelling(parcel=parcel, address=address):
            return _ask_label(parcel, address, Question(message.idempotency_key, asked), context.now, policy)
        case Voiding(parcel=parcel, label=label):
            return ask_void(parcel, label, context.now, policy, asked)
    assert isinstance(shipment, HandingOver)
    return ask_handover(shipment.parcel, shipment.label, context.now, policy, asked)


def _ask_label(parcel: Parcel, address: Address, question: Question, now: datetime, policy: Policy) -> Decision:
    event = LabelRequested(
        order_number=parcel.order_number,
        fulfilment_id=parcel.fulfilment_id,
        service=parcel.service,
        location=parcel.location,
        address=address,
        weight_grams=parcel.weight_grams,
        idempotency_key=question.idempotency_key,
        asked=question.asked,
    )
    return _ask(parcel, event, question, now, policy)


def _ask(parcel: Parcel, event: Event, question: Question, now: datetime, policy: Policy) -> Decision:
    """State the intent; should no answer of any kind come back, a reminder asks again."""
    reminder = AskCarrierAgain(
        order_number=parcel.order_number,
        fulfilment_id=parcel.fulfilment_id,
        idempotency_key=question.idempotency_key,
        asked=question.asked,
    )
    deadline = Reminder(now + policy.answer_within, reminder)
    return facts(parcel.fulfilment_id, event, reminders=(deadline,))


def _void_key(parcel: Parcel) -> str:
    return f"{parcel.fulfilment_id}-void-{parcel.labels_asked}"


def _handover_key(parcel: Parcel) -> str:
    return f"{parcel.fulfilment_id}-handover-{parcel.labels_asked}"
