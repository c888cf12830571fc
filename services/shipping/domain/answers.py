"""How a shipment begins, and what the carrier's answers mean; late and repeated answers change nothing."""

from services.shipping.domain.asking import facts, label_key
from services.shipping.domain.messages import (
    HandoverAnswered,
    HandoverDeclined,
    LabelAnswered,
    LabelDeclined,
    QuotesAnswered,
    QuotesDeclined,
    VoidAnswered,
    VoidDeclined,
)
from services.shipping.domain.next_step import cancelled, go_for_label, left_with_carrier
from services.shipping.domain.policy import Policy
from services.shipping.domain.rate_choice import choose_rate, keeps_promise
from services.shipping.domain.shipment import (
    Cancelled,
    HandingOver,
    Labelling,
    Packed,
    Parcel,
    Refused,
    Requested,
    Shipment,
    Unknown,
    Voiding,
)
from shared.events.shipping import (
    LabelBought,
    LabelRefused,
    LabelVoided,
    RateChosen,
    RequestShipment,
    ShipmentRequested,
)
from shared.eventsourcing.decider import NOTHING, Context, Decision


def request(shipment: Shipment, message: RequestShipment, context: Context, policy: Policy) -> Decision:
    """Begin to ship a fulfilment; one that was cancelled before, or refused, is answered so again."""
    match shipment:
        case Unknown():
            return facts(message.fulfilment_id, ShipmentRequested(**dict(message)))
        case Cancelled():
            return facts(message.fulfilment_id, cancelled(message.order_number, message.fulfilment_id))
        case Refused(parcel=parcel, refusal_code=code, explanation=explanation):
            return facts(message.fulfilment_id, _refused(parcel, code, explanation))
        case _:
            return NOTHING


def rates_named(shipment: Shipment, message: QuotesAnswered, context: Context, policy: Policy) -> Decision:
    """Choose among the carrier's services."""
    match shipment:
        case Requested(parcel=parcel) | Packed(parcel=parcel, requoting=True) if (
            message.asked == parcel.quotes_asked
        ):
            if not message.quotes:
                return facts(
                    message.fulfilment_id,
                    _refused(parcel, "no_service", "the carrier offers no service for this parcel"),
                )
            chosen = choose_rate(message.quotes, parcel.deliver_by, context.now)
            event = RateChosen(
                order_number=parcel.order_number,
                fulfilment_id=parcel.fulfilment_id,
                service=chosen.service,
                amount=chosen.amount,
                currency=chosen.currency,
                days=chosen.days,
                keeps_promise=keeps_promise(chosen, parcel.deliver_by, context.now),
            )
            return facts(message.fulfilment_id, event)
        case _:
            return NOTHING


def rates_declined(shipment: Shipment, message: QuotesDeclined, context: Context, policy: Policy) -> Decision:
    """Without a rate there will be no label: a person decides."""
    match shipment:
        case Requested(parcel=parcel) | Packed(parcel=parcel, requoting=True) if (
            message.asked == parcel.quotes_asked
        ):
            return facts(message.fulfilment_id, _refused(parcel, message.refusal_code, message.explanation))
        case _:
            return NOTHING


def label_bought(shipment: Shipment, message: LabelAnswered, context: Context, policy: Policy) -> Decision:
    """Put the label on the parcel."""
    match shipment:
        case Labelling(parcel=parcel) if message.idempotency_key == _current_key(parcel):
            bought = LabelBought(
                order_number=parcel.order_number,
                fulfilment_id=parcel.fulfilment_id,
                label_id=message.label_id,
                tracking_number=message.tracking_number,
                amount=message.amount,
                currency=message.currency,
                promised_at=message.promised_at,
            )
            return facts(message.fulfilment_id, bought)
        case _:
            return NOTHING


def label_refused(shipment: Shipment, message: LabelDeclined, context: Context, policy: Policy) -> Decision:
    """A person decides; unless the refused address is no longer where the parcel goes."""
    match shipment:
        case Labelling(parcel=parcel, address=address) if message.idempotency_key == _current_key(parcel):
            if address != parcel.address and not parcel.held and not parcel.cancel_requested:
                return go_for_label(parcel, context, policy)
            return facts(message.fulfilment_id, _refused(parcel, message.refusal_code, message.explanation))
        case _:
            return NOTHING


def label_voided(
    shipment: Shipment, message: VoidAnswered | HandoverDeclined, context: Context, policy: Policy
) -> Decision:
    """The label is gone: on request, or voided elsewhere before the carrier could take the parcel."""
    match shipment, message:
        case (Voiding(label=label), VoidAnswered()) | (HandingOver(label=label), HandoverDeclined()) if (
            label.label_id == message.label_id
        ):
            voided = LabelVoided(
                order_number=message.order_number,
                fulfilment_id=message.fulfilment_id,
                label_id=message.label_id,
            )
            return facts(message.fulfilment_id, voided)
        case _:
            return NOTHING


def parcel_taken(
    shipment: Shipment, message: HandoverAnswered | VoidDeclined, context: Context, policy: Policy
) -> Decision:
    """The carrier has the parcel: handed over, or taken along before its label could be voided."""
    match shipment, message:
        case (HandingOver(label=label), HandoverAnswered()) | (Voiding(label=label), VoidDeclined()) if (
            label.label_id == message.label_id
        ):
            assert isinstance(shipment, HandingOver | Voiding)
            return facts(message.fulfilment_id, *left_with_carrier(shipment))
        case _:
            return NOTHING


def _current_key(parcel: Parcel) -> str:
    return label_key(parcel.fulfilment_id, parcel.labels_asked)


def _refused(parcel: Parcel, code: str, explanation: str) -> LabelRefused:
    return LabelRefused(
        order_number=parcel.order_number,
        fulfilment_id=parcel.fulfilment_id,
        refusal_code=code,
        explanation=explanation,
    )
