"""What a recall ends besides the shipments: its alarm, and the holds on what was called back."""

import pytest

from services.order.domain.messages import DeadlinePassed, ReleaseOverdue
from shared.events.inventory import ReleaseStock, ReservationReleased
from shared.events.order import (
    CancellationRefused,
    CancellationRequested,
    CancelOrder,
    CompensationBegan,
    FulfilmentProgressed,
    HoldReleased,
    LinesDropped,
    RecallBegan,
    RecallEnded,
)
from shared.events.payload import Payload
from shared.events.payment import VoidPayment
from shared.events.shipping import LabelRefused, ShipmentCancellationRefused, ShipmentCancelled
from shared.events.values import Shortage
from tests.unit.order.samples import (
    F1,
    F2,
    NUMBER,
    SPLIT,
    after,
    captured,
    delivered,
    dispatched,
    of_order,
    of_placement,
    plan,
    shipping,
)

CANCEL = CancelOrder(order_number=NUMBER, cause="customer")
ANSWERED = HoldReleased(order_number=NUMBER, hold_id="H1", reason="compensation_overdue")
F3 = f"{NUMBER}-F3"


THREE = (plan(1, ("L1", "A", 1)), plan(2, ("L1", "A", 1)), plan(3, ("L2", "B", 1)))
"""One unit in each of three fulfilments."""


def called_back(name: str) -> ShipmentCancelled:
    return ShipmentCancelled(order_number=NUMBER, fulfilment_id=name)


def too_late(name: str = F1) -> ShipmentCancellationRefused:
    return ShipmentCancellationRefused(order_number=NUMBER, fulfilment_id=name)


REFUSED_LABEL = LabelRefused(order_number=NUMBER, fulfilment_id=F2, refusal_code="bad", explanation="No.")
NO_LABEL = HoldReleased(order_number=NUMBER, hold_id="H1", reason="carrier_refused", fulfilment_id=F2)
F2_CANCELLED = FulfilmentProgressed(order_number=NUMBER, fulfilment_id=F2, status="cancelled")
F2_DROPPED = LinesDropped(
    order_number=NUMBER,
    dropped=(Shortage(line_id="L1", sku="A", missing=1),),
    amount=500,
    currency="USD",
    cause="cancelled",
)
F2_GIVEN_BACK = RecallEnded(order_number=NUMBER, released=(F2,))


@pytest.mark.parametrize("answer", [too_late(), dispatched()], ids=["refused", "dispatched"])
def test_the_alarm_of_a_recall_ends_when_the_shipment_turns_out_to_have_left(answer: Payload) -> None:
    alarmed = after(shipping(), CANCEL, DeadlinePassed(order_number=NUMBER, step=3))
    assert ANSWERED in alarmed.when(answer).events


def test_the_alarm_of_a_recall_stays_open_for_stock_that_is_still_being_given_back() -> None:
    part = after(shipping(THREE), CANCEL, too_late(F1), too_late(F2), called_back(F3))
    alarmed = after(part, ReleaseOverdue(order_number=NUMBER, fulfilments=(F3,)), CANCEL)
    settled = after(alarmed, too_late(F1)).when(too_late(F2))
    assert ANSWERED not in settled.events
    assert settled.after.when(ReservationReleased(order_number=NUMBER, fulfilments=(F3,))).events[0] == ANSWERED


def test_a_hold_on_a_fulfilment_ends_with_the_fulfilment_s_cancellation() -> None:
    recalling = after(shipping(SPLIT), REFUSED_LABEL, dispatched(F1), CANCEL)
    outcome = recalling.when(called_back(F2))
    outcome.then(
        *of_placement(F2_CANCELLED),
        *of_order(NO_LABEL, CancellationRefused(order_number=NUMBER, dispatched=(F1,)), F2_DROPPED),
        *of_placement(F2_GIVEN_BACK),
    )


def test_a_hold_on_a_fulfilment_that_is_cancelled_late_ends_as_well_and_ends_nothing_else() -> None:
    going_on = after(shipping(SPLIT), REFUSED_LABEL, dispatched(F1), captured(F1, 800), delivered(F1))
    going_on.when(called_back(F2)).then(
        *of_placement(F2_CANCELLED),
        *of_order(F2_DROPPED),
        *of_placement(F2_GIVEN_BACK),
        *of_order(NO_LABEL),
    )


def test_a_hold_on_the_last_fulfilment_that_is_cancelled_late_ends_and_the_order_with_it() -> None:
    going_on = after(shipping(SPLIT), REFUSED_LABEL, CANCEL, too_late(F2), called_back(F1))
    assert going_on.when(called_back(F2)).events == (
        F2_CANCELLED,
        CancellationRequested(order_number=NUMBER, cause="operator"),
        NO_LABEL,
        RecallBegan(order_number=NUMBER, fulfilments=()),
        CompensationBegan(order_number=NUMBER, parts=("stock", "payment"), skus=("A", "B")),
    )


def test_one_more_fulfilment_that_is_cancelled_late_does_not_end_an_order_of_which_another_goes_on() -> None:
    going_on = after(shipping(THREE), CANCEL, called_back(F3), too_late(F1), too_late(F2))
    going_on.when(called_back(F2)).then(
        *of_placement(F2_CANCELLED), *of_order(F2_DROPPED), *of_placement(F2_GIVEN_BACK)
    )


def test_stock_that_is_not_given_back_is_asked_for_again_without_that_of_another_fulfilment() -> None:
    part = after(shipping(THREE), CANCEL, called_back(F3), too_late(F1), too_late(F2), called_back(F2))
    part.when(ReleaseOverdue(order_number=NUMBER, fulfilments=(F3,))).then_asked(
        ReleaseStock(order_number=NUMBER, skus=("B",), fulfilments=(F3,))
    )


def test_a_label_that_is_refused_during_a_recall_is_no_answer_to_it() -> None:
    once = after(shipping(SPLIT), CANCEL, REFUSED_LABEL).when(called_back(F1)).then_asked()
    assert len(once.events) == 1
    once.after.when(called_back(F2)).then_asked(
        ReleaseStock(order_number=NUMBER, skus=("A", "B")), VoidPayment(order_number=NUMBER)
    )


def test_what_is_given_back_after_one_recall_is_not_given_back_after_the_next() -> None:
    part = after(shipping(THREE), CANCEL, called_back(F3), too_late(F1), too_late(F2))
    given_back = ReservationReleased(order_number=NUMBER, fulfilments=(F3,))
    settled = (after(part, given_back, CANCEL), after(part, CANCEL, given_back))
    for recalling in (*settled, after(part, CANCEL)):
        after(recalling, too_late(F1)).when(called_back(F2)).then(
            *of_placement(F2_CANCELLED),
            *of_order(CancellationRefused(order_number=NUMBER, dispatched=(F1,)), F2_DROPPED),
            *of_placement(F2_GIVEN_BACK),
        )
    for recalling in settled:
        recalling.when(ReleaseOverdue(order_number=NUMBER, fulfilments=(F3,))).then_nothing_happened()
