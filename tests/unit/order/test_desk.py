"""What people decide: each with a reason, each answered, a refusal kept."""

import pytest

from services.order.domain.messages import DeadlinePassed, FulfilmentOverdue
from shared.events.inventory import ReleaseStock, ReservationRefused, ReservationReleased, ReserveStock
from shared.events.order import (
    ApproveOrder,
    BlockCustomer,
    CancellationRefused,
    CancellationRequested,
    CancelOrder,
    CommandRefused,
    CreditLimitSet,
    CustomerBlocked,
    CustomerUnblocked,
    HoldOpened,
    HoldReason,
    HoldReleased,
    OpenHold,
    OrderApproved,
    OrderCancelled,
    RejectOrder,
    ReleaseHold,
    ReservationRequested,
    SetCreditLimit,
    UnblockCustomer,
)
from shared.events.payload import Command, Payload
from shared.events.payment import PaymentAnomalyDetected, PaymentVoided, VoidPayment
from shared.events.shipping import CancelShipment, LabelRefused, ResumeShipment, ShipmentCancelled
from shared.events.values import Shortage
from shared.eventsourcing.decider import Recorded, Reply
from shared.eventsourcing.testing import Scenario
from tests.unit.order.samples import (
    ADDRESS,
    EXPIRES,
    F1,
    F2,
    NUMBER,
    SPLIT,
    VALUE,
    after,
    captured,
    delivered,
    dispatched,
    finding,
    finds,
    new,
    of_order,
    of_placement,
    reserving,
    shipping,
    take,
)

APPROVED = OrderApproved(order_number=NUMBER, automatic=False)
BEGUN = ReservationRequested(order_number=NUMBER, expires_at=EXPIRES)
HELD = OpenHold(order_number=NUMBER, explanation="the customer called", owner="care")
APPROVE, REJECT = ApproveOrder(order_number=NUMBER), RejectOrder(order_number=NUMBER)
ANOMALY = PaymentAnomalyDetected(order_number=NUMBER, explanation="unknown capture")
REJECTED = OrderCancelled(order_number=NUMBER, cause="rejected")


def in_review(*reasons: HoldReason) -> Scenario:
    found = [finding(reason) for reason in reasons] or [finding()]
    return after(new(finds("order", *found)), take())


def released(number: int = 1, reason: str = "amount_over_limit") -> HoldReleased:
    return HoldReleased.model_validate({"order_number": NUMBER, "hold_id": f"H{number}", "reason": reason})


def release(number: int = 1, **corrected: str) -> ReleaseHold:
    return ReleaseHold(order_number=NUMBER, hold_id=f"H{number}", **corrected)


def short_of_stock() -> Scenario:
    """Approved by the review, which held the order when its stock was refused."""
    lacks = (Shortage(line_id="L2", sku="B", missing=1),)
    refused = ReservationRefused(order_number=NUMBER, shortages=lacks, expires_at=EXPIRES)
    return after(reserving(finds("shortage", finding("shortage"))), refused)


def contradicted(*messages: Payload) -> Scenario:
    """Confirmed in two fulfilments, and held since for its payment."""
    confirmed = shipping(SPLIT, finds("payment_anomaly", finding("payment_anomaly")))
    return after(confirmed, *messages, ANOMALY)


def accepted(status: str) -> Reply:
    return Reply("accepted", {"order_number": NUMBER, "status": status})


def test_the_release_of_the_last_hold_approves_an_order_in_review() -> None:
    once = in_review("amount_over_limit", "customer_blocked").when(release(1), reason="known customer")
    once.then(*of_order(released(1))).then_asked()
    assert once.reply == accepted("released")
    twice = once.after.when(release(2), reason="known customer")
    twice.then(*of_order(released(2, "customer_blocked"), APPROVED), *of_placement(BEGUN))
    assert isinstance(twice.commands[0], ReserveStock)


def test_an_address_corrected_in_review_is_the_one_that_counts() -> None:
    outcome = in_review("address_missing").when(
        release(street="2 High Street", city="Ogdenville"), reason="called"
    )
    address = ADDRESS.model_copy(update={"street": "2 High Street", "city": "Ogdenville"})
    event = outcome.events[0]
    assert isinstance(event, HoldReleased)
    assert event.address == address
    outcome.after.when(take()).then_nothing_happened()


def test_the_release_of_an_alarm_corrects_no_address() -> None:
    late = after(shipping(), FulfilmentOverdue(order_number=NUMBER, fulfilment_id=F1, wait=1))
    outcome = late.when(release(street="2 High Street"), reason="called")
    (refused,) = outcome.events
    assert isinstance(refused, CommandRefused)
    assert refused.explanation.startswith("The hold shipment_overdue stops nothing")
    assert outcome.reply == Reply("refused", {"order_number": NUMBER, "detail": refused.explanation})
    assert outcome.after.when(release(), reason="called").reply == accepted("released")


def test_a_hold_that_was_released_before_is_answered_and_changes_nothing() -> None:
    outcome = after(in_review(), release()).when(release(), reason="again")
    outcome.then_nothing_happened()
    assert outcome.reply == accepted("released")


def test_the_holds_of_an_order_end_with_it() -> None:
    outcome = after(in_review(), CancelOrder(order_number=NUMBER)).when(release(), reason="late")
    outcome.then_nothing_happened()
    assert outcome.reply == accepted("released")


@pytest.mark.parametrize("hold_id", ["H7", "H0", "x"])
def test_an_unknown_hold_is_not_found(hold_id: str) -> None:
    outcome = in_review().when(ReleaseHold(order_number=NUMBER, hold_id=hold_id), reason="why not")
    outcome.then_nothing_happened()
    detail = f"Order {NUMBER} has no hold {hold_id}."
    assert outcome.reply == Reply("not_found", {"order_number": NUMBER, "detail": detail})


def test_an_approval_releases_every_hold_of_the_review() -> None:
    outcome = in_review("amount_over_limit", "customer_blocked").when(APPROVE, reason="looked at")
    outcome.then(*of_order(released(1), released(2, "customer_blocked"), APPROVED), *of_placement(BEGUN))
    assert outcome.reply == accepted("approved")


def test_a_rejected_order_is_cancelled() -> None:
    outcome = in_review().when(REJECT, reason="fraud")
    outcome.then(
        *of_order(
            CancellationRequested(order_number=NUMBER, cause="rejected"),
            REJECTED,
        )
    ).then_asked()
    assert outcome.reply == accepted("cancelled")


def test_an_approval_lets_an_order_go_on_that_the_review_held_after_approving_it_itself() -> None:
    outcome = short_of_stock().when(APPROVE, reason="found some")
    outcome.then(*of_order(released(1, "shortage")), *of_placement(BEGUN))
    assert isinstance(outcome.commands[0], ReserveStock)
    assert outcome.reply == accepted("released")


def test_an_approval_after_confirmation_releases_all_that_stops_the_order_and_the_shipments_go_on() -> None:
    outcome = after(contradicted(), HELD).when(APPROVE, actor="ann", reason="settled")
    assert outcome.events[:2] == (released(1, "payment_anomaly"), released(2, "manual"))
    outcome.then_asked(
        *(ResumeShipment(order_number=NUMBER, fulfilment_id=name, address=ADDRESS) for name in (F1, F2))
    )
    assert outcome.reply == accepted("released")


def test_an_approval_leaves_alarms_and_the_holds_of_fulfilments_to_those_who_look_after_them() -> None:
    label = LabelRefused(order_number=NUMBER, fulfilment_id=F1, refusal_code="x", explanation="no")
    late = FulfilmentOverdue(order_number=NUMBER, fulfilment_id=F2, wait=1)
    outcome = contradicted(label, late).when(APPROVE, reason="settled")
    assert [event for event in outcome.events if isinstance(event, HoldReleased)] == [
        released(3, "payment_anomaly")
    ]
    outcome.then_asked(ResumeShipment(order_number=NUMBER, fulfilment_id=F2, address=ADDRESS))


def test_an_order_that_the_review_held_after_approving_it_itself_is_rejected_at_once() -> None:
    outcome = short_of_stock().when(REJECT, reason="too large a risk")
    outcome.then(*of_order(CancellationRequested(order_number=NUMBER, cause="rejected"), REJECTED)).then_asked()
    assert outcome.reply == accepted("cancelled")


def test_a_rejection_after_confirmation_calls_the_shipments_back_and_takes_all_back() -> None:
    outcome = contradicted().when(REJECT, reason="fraud")
    outcome.then_asked(*(CancelShipment(order_number=NUMBER, fulfilment_id=name) for name in (F1, F2)))
    assert outcome.reply == accepted("cancelling")
    called_back = [ShipmentCancelled(order_number=NUMBER, fulfilment_id=name) for name in (F1, F2)]
    recalled = after(outcome.after, called_back[0]).when(called_back[1])
    recalled.then_asked(ReleaseStock(order_number=NUMBER, skus=("A", "B")), VoidPayment(order_number=NUMBER))
    given_back = after(recalled.after, ReservationReleased(order_number=NUMBER, fulfilments=()))
    voided = given_back.when(PaymentVoided(order_number=NUMBER, amount=VALUE, currency="USD"))
    assert voided.events[-1] == REJECTED


def test_a_rejection_is_refused_where_everything_has_left_and_the_hold_stays() -> None:
    outcome = contradicted(dispatched(F1), dispatched(F2)).when(REJECT, reason="fraud")
    outcome.then(*of_order(CancellationRefused(order_number=NUMBER, dispatched=(F1, F2)))).then_asked()
    assert outcome.reply is not None
    assert outcome.reply.outcome == "refused"
    outcome.after.when(APPROVE, reason="settled").then(*of_order(released(1, "payment_anomaly")))


@pytest.mark.parametrize("command", [APPROVE, REJECT])
def test_an_order_that_no_hold_stops_as_a_whole_can_not_be_approved_or_rejected(command: Command) -> None:
    label = LabelRefused(order_number=NUMBER, fulfilment_id=F1, refusal_code="x", explanation="no")
    for scenario, status in (
        (reserving(), "approved"),
        (after(reserving(), DeadlinePassed(order_number=NUMBER, step=1)), "approved"),
        (after(shipping(), label), "confirmed"),
    ):
        outcome = scenario.when(command, reason="late")
        explanation = f"The order is {status}, and no hold stops the whole of it."
        outcome.then(
            *of_order(CommandRefused(order_number=NUMBER, command=command.wire_type, explanation=explanation))
        )
        assert outcome.reply == Reply("refused", {"order_number": NUMBER, "detail": explanation})


def test_a_hold_by_hand_is_opened_with_its_owner_and_explanation() -> None:
    outcome = reserving().when(HELD, reason="the customer called")
    hold = HoldOpened(
        order_number=NUMBER, hold_id="H1", reason="manual", explanation="the customer called", owner="care"
    )
    outcome.then(*of_order(hold)).then_asked()
    assert outcome.reply == Reply("accepted", {"order_number": NUMBER, "status": "held", "hold_id": "H1"})


def test_a_hold_by_hand_without_an_explanation_is_explained_by_its_reason() -> None:
    (hold,) = reserving().when(OpenHold(order_number=NUMBER, explanation=" "), reason="the customer called").events
    assert isinstance(hold, HoldOpened)
    assert hold.explanation == "the customer called"


def test_a_hold_by_hand_keeps_an_order_in_review_after_its_other_holds() -> None:
    stopped = after(in_review(), HELD)
    once = stopped.when(release(1), reason="fine").then(*of_order(released(1)))
    assert once.after.when(release(2), reason="fine").events[1] == APPROVED


@pytest.mark.parametrize(
    ("scenario", "command"),
    [
        (in_review(), release()),
        (in_review(), APPROVE),
        (in_review(), REJECT),
        (in_review(), CancelOrder(order_number=NUMBER)),
        (reserving(), CancelOrder(order_number=NUMBER)),
        (shipping(), CancelOrder(order_number=NUMBER)),
        (in_review(), OpenHold(order_number=NUMBER, explanation=" ")),
    ],
)
def test_a_decision_without_a_reason_is_refused(scenario: Scenario, command: Command) -> None:
    outcome = scenario.when(command, reason=" ")
    outcome.then(
        *of_order(
            CommandRefused(
                order_number=NUMBER,
                command=command.wire_type,
                explanation="A decision of a person needs a reason.",
            )
        )
    )
    assert outcome.reply is not None
    assert outcome.reply.outcome == "refused"


@pytest.mark.parametrize(
    "command",
    [
        release(),
        APPROVE,
        REJECT,
        CancelOrder(order_number=NUMBER),
        HELD,
    ],
)
def test_an_unknown_order_is_not_found(command: Command) -> None:
    outcome = new().when(command, reason="why not")
    outcome.then_nothing_happened()
    assert outcome.reply == Reply("not_found", {"order_number": NUMBER, "detail": f"There is no order {NUMBER}."})


@pytest.mark.parametrize("command", [HELD, APPROVE, REJECT])
def test_nothing_more_is_decided_about_an_order_that_has_ended(command: Command) -> None:
    done = after(shipping(), dispatched(), captured(), delivered())
    cancelled = after(in_review(), CancelOrder(order_number=NUMBER))
    for scenario in (done, cancelled, after(cancelled, ANOMALY)):
        assert [type(event) for event in scenario.when(command, reason="late").events] == [CommandRefused]


def test_a_customer_is_blocked_and_unblocked_once() -> None:
    block, unblock = BlockCustomer(customer_id="C1"), UnblockCustomer(customer_id="C1")
    blocked = new().when(block, reason="fraud").then(Recorded("customer-C1", CustomerBlocked(customer_id="C1")))
    assert blocked.reply == Reply("accepted", {"customer_id": "C1"})
    blocked.after.when(block, reason="fraud").then_nothing_happened()
    free = blocked.after.when(unblock, reason="sorry")
    free.then(Recorded("customer-C1", CustomerUnblocked(customer_id="C1")))
    free.after.when(unblock, reason="sorry").then_nothing_happened()


def test_a_credit_limit_is_set_once() -> None:
    limit = SetCreditLimit(customer_id="C1", limit=100, currency="USD")
    fact = CreditLimitSet(customer_id="C1", limit=100, currency="USD")
    outcome = new().when(limit, reason="contract").then(Recorded("customer-C1", fact))
    outcome.after.when(limit, reason="contract").then_nothing_happened()


def test_a_fact_that_is_not_about_the_customer_leaves_the_customer_as_it_is() -> None:
    blocked = new().given("customer-C1", CustomerBlocked(customer_id="C1"))
    assert blocked.given("customer-C1", APPROVED).states == blocked.states


def test_a_decision_about_a_customer_without_a_reason_is_refused() -> None:
    for command in (
        BlockCustomer(customer_id="C1"),
        UnblockCustomer(customer_id="C1"),
        SetCreditLimit(customer_id="C1", limit=1, currency="USD"),
    ):
        outcome = new().when(command)
        outcome.then_nothing_happened()
        detail = "A decision of a person needs a reason."
        assert outcome.reply == Reply("refused", {"customer_id": "C1", "detail": detail})
