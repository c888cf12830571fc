"""What can be asked of orders: the view folded from the facts of real decisions."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import pytest

from oms.commands.orders import Status
from services.order.domain.messages import DeadlinePassed
from services.order.views import ORDERS
from shared.events.inventory import ReservationReleased, StockBackordered
from shared.events.order import CancelOrder, OpenHold, PayAgain, ReleaseHold
from shared.events.payload import Event, Payload
from shared.events.payment import AuthorisationLapsed, PaymentAnomalyDetected, PaymentDeclined, PaymentVoided
from shared.events.shipping import ShipmentCancelled
from shared.events.values import Shortage
from shared.eventsourcing.testing import NOON, Scenario
from shared.eventsourcing.views import Fact, Row
from tests.unit.order.samples import (
    F1,
    F2,
    NUMBER,
    OTHER_CARD,
    POLICY,
    SPLIT,
    T0,
    authorised,
    captured,
    delivered,
    dispatched,
    finding,
    finds,
    new,
    plan,
    stock_reserved,
    take,
)

HELD = OpenHold(order_number=NUMBER, explanation="wait", owner="care")
CANCEL = CancelOrder(order_number=NUMBER)
ANOMALY = PaymentAnomalyDetected(order_number=NUMBER, explanation="captured by nobody")
DECLINED = PaymentDeclined(order_number=NUMBER, attempt=1, decline_code="no_funds")
VOIDED = PaymentVoided(order_number=NUMBER, amount=0, currency="USD")
RELEASED = ReservationReleased(order_number=NUMBER, fulfilments=())


@dataclass
class Shown:
    """An order as decided so far, and as the view shows it."""

    scenario: Scenario
    row: Row

    def then(self, *messages: Payload) -> "Shown":
        shown = self
        for message in messages:
            outcome = shown.scenario.when(message, actor="ann", reason="because")
            shown = Shown(outcome.after, folded(shown.row, outcome.events))
        return shown

    @property
    def status(self) -> str:
        return str(self.row["status"])


def folded(row: Row, events: Iterable[Event]) -> Row:
    for event in events:
        if not isinstance(event, ORDERS.handles):
            continue
        for key in ORDERS.keys(event):
            row = ORDERS.project(key, row or None, fact(event)) or {}
    return row


def fact(event: Event) -> Fact:
    return Fact(
        event=event,
        id=UUID(int=1),
        stream=f"order-{NUMBER}",
        version=1,
        lane=0,
        position=1,
        partition_key=NUMBER,
        correlation_id=NUMBER,
        actor="ann",
        reason="because",
        occurred_at=NOON,
        recorded_at=NOON,
    )


def start(scenario: Scenario | None = None) -> Shown:
    return Shown(scenario or new(), {})


def test_an_order_is_shown_from_its_placement_to_its_completion() -> None:
    shown = start().then(take())
    assert shown.row["order_number"] == NUMBER
    assert (shown.row["channel"], shown.row["channel_order_id"]) == ("web", "1001")
    assert (shown.row["total"], shown.row["currency"], shown.row["customer_id"]) == (1300, "USD", "C1")
    statuses = [shown.status]
    for message in (stock_reserved(), authorised(), dispatched(), captured()):
        shown = shown.then(message)
        statuses.append(shown.status)
    assert statuses == ["reserving", "authorising", "confirmed", "shipping", "shipping"]
    assert (shown.row["fulfilments"][F1]["status"], shown.row["fulfilments"][F1]["units"]) == ("dispatched", 3)
    done = shown.then(delivered())
    assert (done.status, done.row["order_status"], done.row["payment_status"]) == (
        "completed",
        "completed",
        "charged",
    )
    assert done.row["charged"] == 1300
    assert "step" not in done.row
    assert done.row["fulfilments"][F1]["status"] == "delivered"


def test_an_order_with_a_hold_says_why_since_when_and_who_answers_for_it() -> None:
    held = start(new(finds("order", finding()))).then(take())
    assert (held.status, held.row["on_hold"]) == ("held", "yes")
    (hold,) = held.row["holds"]
    assert (hold["hold_id"], hold["reason"], hold["owner"]) == ("H1", "amount_over_limit", "sales")
    assert hold["opened_at"] == NOON.isoformat()
    free = held.then(ReleaseHold(order_number=NUMBER, hold_id="H1"))
    assert (free.status, free.row["on_hold"], free.row["holds"]) == ("reserving", "no", [])


def test_an_alarm_is_shown_as_a_hold_and_does_not_hide_how_far_the_order_is() -> None:
    late = start().then(take(), DeadlinePassed(order_number=NUMBER, step=1))
    assert (late.status, late.row["on_hold"]) == ("reserving", "yes")
    assert late.row["holds"][0]["reason"] == "reservation_overdue"


def test_a_backorder_and_a_declined_payment_are_shown() -> None:
    waiting = (Shortage(line_id="L2", sku="B", missing=1),)
    backordered = start().then(take(allow_backorder=True), StockBackordered(order_number=NUMBER, waiting=waiting))
    assert backordered.status == "backordered"
    declined = start().then(take(), stock_reserved(), DECLINED)
    assert (declined.status, declined.row["payment_status"]) == ("awaiting_payment", "declined")
    again = declined.then(PayAgain(order_number=NUMBER, payment=OTHER_CARD))
    assert (again.status, again.row["payment_status"]) == ("authorising", "authorising")


def test_a_changed_backorder_is_shown_as_waiting_while_it_keeps_its_place() -> None:
    waiting = (Shortage(line_id="L2", sku="B", missing=1),)
    placed = start().then(take(allow_backorder=True), StockBackordered(order_number=NUMBER, waiting=waiting))
    later = T0 + timedelta(hours=1)
    assert placed.then(take(allow_backorder=True, notes="x", channel_updated_at=later)).status == "backordered"
    assert placed.then(take(allow_backorder=True, priority=1, channel_updated_at=later)).status == "received"


def test_units_that_are_dropped_for_want_of_stock_are_counted() -> None:
    short = (Shortage(line_id="L2", sku="B", missing=1),)
    plans = (plan(1, ("L1", "A", 2)),)
    shown = start().then(take(allow_partial=True), stock_reserved(plans, short=short))
    assert (shown.row["units_short"], shown.row["dropped"]) == (1, 300)


def test_what_came_of_a_content_that_was_replaced_is_forgotten() -> None:
    short, plans = (Shortage(line_id="L2", sku="B", missing=1),), (plan(1, ("L1", "A", 2)),)
    declined = start().then(take(allow_partial=True), stock_reserved(plans, short=short), DECLINED)
    forgotten = {"dropped", "units_short", "payment_window_until", "decline_code"}
    assert forgotten <= declined.row.keys()
    changed = declined.then(take(notes="x", channel_updated_at=T0 + timedelta(hours=1)))
    assert not forgotten & changed.row.keys()


def test_an_order_waits_for_no_stock_once_it_is_there_but_it_did() -> None:
    waiting = (Shortage(line_id="L2", sku="B", missing=1),)
    backordered = start().then(take(allow_backorder=True), StockBackordered(order_number=NUMBER, waiting=waiting))
    expires_at = POLICY.reservation_expires_at(NOON, allow_backorder=True)
    later = take(allow_backorder=True, priority=1, channel_updated_at=T0 + timedelta(hours=1))
    assert backordered.row["waiting"] == [one.model_dump() for one in waiting]
    for after_it in (
        backordered.then(stock_reserved(expires_at=expires_at)),
        backordered.then(HELD, stock_reserved(expires_at=expires_at)),
        backordered.then(later),
    ):
        assert "waiting" not in after_it.row
        assert after_it.row["waited"]


def test_a_hold_while_the_stock_or_the_payment_is_there_is_shown() -> None:
    stocked = start().then(take(), HELD, stock_reserved())
    assert stocked.status == "held"
    paid = start().then(take(), stock_reserved(), HELD, authorised())
    assert (paid.status, paid.row["payment_status"]) == ("held", "authorised")


def test_a_cancellation_is_shown_with_its_cause_until_it_is_done() -> None:
    cancelling = start().then(take(), CANCEL)
    assert cancelling.status == "cancelling"
    done = cancelling.then(RELEASED)
    assert (done.status, done.row["cancelled_cause"]) == ("cancelled", "operator")
    assert done.row["holds"] == []


@pytest.mark.parametrize("answer", [authorised(), DECLINED], ids=["authorised", "declined"])
def test_a_cancelled_order_shows_that_its_payment_was_let_go(answer: Event) -> None:
    cancelled = start().then(take(), stock_reserved(), HELD, answer, CANCEL, VOIDED, RELEASED)
    assert (cancelled.status, cancelled.row["payment_status"]) == ("cancelled", "voided")


def test_an_order_is_charged_when_all_is_that_was_not_dropped() -> None:
    confirmed = start().then(take(), stock_reserved(SPLIT), authorised())
    one = confirmed.then(dispatched(F1), captured(F1, 800))
    assert (one.row["charged"], one.row["payment_status"]) == (800, "authorised")

    assert one.then(dispatched(F2), captured(F2, 500)).row["payment_status"] == "charged"
    lapsed = one.then(AuthorisationLapsed(order_number=NUMBER, authorisation_id="a1"))
    assert lapsed.row["payment_status"] == "lapsed"
    called_back = one.then(CANCEL, ShipmentCancelled(order_number=NUMBER, fulfilment_id=F2))
    assert (called_back.row["dropped"], called_back.row["payment_status"]) == (500, "charged")


def test_an_order_stays_charged_when_the_rest_of_its_payment_is_let_go() -> None:
    half = start().then(take(), stock_reserved(SPLIT), authorised(), dispatched(F1), captured(F1, 800), CANCEL)
    gone = half.then(ShipmentCancelled(order_number=NUMBER, fulfilment_id=F2), delivered(F1))
    done = gone.then(ReservationReleased(order_number=NUMBER, fulfilments=(F2,)), VOIDED)
    assert (done.status, done.row["payment_status"]) == ("completed", "charged")


def test_an_order_that_has_ended_shows_the_anomaly_of_its_payment_until_a_person_has_seen_to_it() -> None:
    held = start().then(take(), stock_reserved(), CANCEL, HELD, ANOMALY)
    ended = held.then(RELEASED, PaymentVoided(order_number=NUMBER, amount=0, currency="USD"))
    assert (ended.status, ended.row["on_hold"]) == ("cancelled", "yes")
    assert [(hold["reason"], hold["owner"]) for hold in ended.row["holds"]] == [("payment_anomaly", "payments")]
    settled = ended.then(ReleaseHold(order_number=NUMBER, hold_id="H1"))
    assert (settled.status, settled.row["on_hold"]) == ("cancelled", "no")


def test_an_order_that_goes_on_after_a_refused_cancellation_is_no_longer_cancelling() -> None:
    shown = start().then(take(), stock_reserved(SPLIT), authorised(), dispatched(F1), CANCEL)
    assert shown.status == "cancelling"
    going_on = shown.then(ShipmentCancelled(order_number=NUMBER, fulfilment_id=F2))
    assert going_on.status == "shipping"
    assert going_on.row["cancelled_cause"] == ""
    assert going_on.row["dropped"] == 500
    assert going_on.row["fulfilments"][F2]["status"] == "cancelled"
    rest = going_on.then(
        captured(F1, 800), delivered(F1), ReservationReleased(order_number=NUMBER, fulfilments=(F2,))
    )
    assert rest.status == "delivered"
    done = rest.then(PaymentVoided(order_number=NUMBER, amount=500, currency="USD"))
    assert done.status == "completed"


def test_a_lapsed_authorisation_and_its_replacement_are_shown() -> None:
    lapsed = start().then(
        take(), stock_reserved(), authorised(), AuthorisationLapsed(order_number=NUMBER, authorisation_id="a")
    )
    assert (lapsed.status, lapsed.row["payment_status"]) == ("held", "lapsed")
    again = lapsed.then(ReleaseHold(order_number=NUMBER, hold_id="H1"), authorised(2))
    assert (again.status, again.row["payment_status"]) == ("confirmed", "authorised")


def test_the_command_line_knows_every_status_that_an_order_is_shown_with() -> None:
    waiting = (Shortage(line_id="L2", sku="B", missing=1),)
    taken = start().then(take())
    confirmed = taken.then(stock_reserved(SPLIT), authorised())
    gone = confirmed.then(dispatched(F1), dispatched(F2))
    shown = (
        taken,
        taken.then(take(channel_updated_at=T0 + timedelta(hours=1), priority=2)),
        start().then(take(allow_backorder=True), StockBackordered(order_number=NUMBER, waiting=waiting)),
        taken.then(stock_reserved()),
        taken.then(stock_reserved(), DECLINED),
        taken.then(HELD),
        confirmed,
        gone,
        gone.then(delivered(F1), delivered(F2)),
        gone.then(captured(F1, 800), captured(F2, 500), delivered(F1), delivered(F2)),
        taken.then(CANCEL),
        taken.then(CANCEL, RELEASED),
    )
    passed_through = {"reserved"}  # the payment is sought at once
    assert {one.status for one in shown} | passed_through == set(Status)


def test_a_changed_order_is_shown_as_it_stands_now() -> None:
    later = take(channel_updated_at=T0 + timedelta(hours=1), shipping_charge=100, priority=2)
    changed = start().then(take(), later)
    assert (changed.row["total"], changed.status) == (1400, "received")
    assert changed.then(RELEASED).status == "reserving"


def test_an_order_that_keeps_its_stock_when_it_is_stated_anew_shows_what_was_not_there() -> None:
    later = T0 + timedelta(hours=1)
    short = (Shortage(line_id="L2", sku="B", missing=1),)
    part = start().then(
        take(allow_partial=True), stock_reserved((plan(1, ("L1", "A", 2)),), short=short), DECLINED
    )

    annotated = part.then(take(channel_updated_at=later, allow_partial=True, notes="ring twice"))
    assert annotated.status == "awaiting_payment"
    assert (annotated.row["dropped"], annotated.row["units_short"]) == (300, 1)
    assert annotated.row["payment_window_until"] == part.row["payment_window_until"]
    assert annotated.row["payment_status"] == "declined"

    begun_anew = part.then(take(channel_updated_at=later, allow_partial=True, priority=2))
    assert begun_anew.status == "received"
    assert "dropped" not in begun_anew.row
