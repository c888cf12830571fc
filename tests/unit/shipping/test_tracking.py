"""Tracking comes in any order; all of it is recorded, and judged by when it occurred."""

from datetime import datetime, timedelta
from itertools import permutations

import pytest

from shared.events.shipping import DeliveryDelayed, ShipmentExceptionRaised, TrackingStatus
from shared.eventsourcing.decider import Decision, Recorded, Reply
from shared.eventsourcing.testing import NOON, Scenario
from tests.unit.shipping.road import (
    CANCEL,
    MANUAL,
    PROMISE,
    STREAM,
    WHO,
    cancelled,
    collecting,
    delivered,
    dispatched,
    handover_answer,
    held,
    nothing_yet,
    silence,
    status_of,
    tracked,
    tracking,
    up_to,
)

LATER = NOON + timedelta(hours=5)
ANSWER = Reply("accepted", {"known": True})
ALL: list[TrackingStatus] = [
    "accepted",
    "in_transit",
    "out_for_delivery",
    "delayed",
    "exception",
    "delivered",
]


def arriving(days: int) -> datetime:
    """So many days after the promise."""
    return PROMISE + timedelta(days=days)


def delayed_to(days: int) -> DeliveryDelayed:
    return DeliveryDelayed(**WHO, estimated_delivery=arriving(days))


def exception(
    explanation: str = "the carrier reports an exception", at: datetime = NOON
) -> ShipmentExceptionRaised:
    return ShipmentExceptionRaised(**WHO, explanation=explanation, occurred_at=at)


@pytest.mark.parametrize("status", ["accepted", "in_transit", "out_for_delivery"])
def test_a_report_from_the_road_is_recorded(status: TrackingStatus) -> None:
    outcome = up_to("dispatched").when(tracked(status, location="Newark hub"))
    outcome.then(Recorded(STREAM, tracking(status, location="Newark hub")))
    assert outcome.reply == ANSWER


def test_a_delivery_is_stated_with_the_time_the_carrier_names() -> None:
    outcome = up_to("dispatched").when(tracked("delivered", LATER))
    outcome.then(tracking("delivered", LATER), delivered(LATER))
    assert outcome.reply == ANSWER
    assert status_of(outcome.after) == "delivered"


@pytest.mark.parametrize("status", ALL)
def test_what_comes_after_the_delivery_is_recorded_and_changes_nothing_else(status: TrackingStatus) -> None:
    late = tracked(status, estimated_at=arriving(9))
    up_to("delivered").when(late).then(tracking(status, estimated_delivery=arriving(9)))


def test_a_delay_is_told_with_its_new_estimate() -> None:
    message = tracked("delayed", estimated_at=arriving(2))
    up_to("dispatched").when(message).then(tracking("delayed", estimated_delivery=arriving(2)), delayed_to(2))


def test_a_delay_is_told_once_for_each_estimate() -> None:
    message = tracked("delayed", estimated_at=arriving(2))
    once = up_to("dispatched").when(message).after
    once.when(message).then(tracking("delayed", estimated_delivery=arriving(2)))
    longer = tracked("delayed", LATER, estimated_at=arriving(3))
    once.when(longer).then(tracking("delayed", LATER, estimated_delivery=arriving(3)), delayed_to(3))


def test_an_estimate_that_occurred_before_the_one_that_stands_is_not_taken() -> None:
    newer = up_to("dispatched").when(tracked("delayed", LATER, estimated_at=arriving(1))).after
    outdated = newer.when(tracked("delayed", estimated_at=arriving(5)))
    outdated.then(tracking("delayed", estimated_delivery=arriving(5)))
    assert outdated.after.states[STREAM].estimated_delivery == arriving(1)


@pytest.mark.parametrize("status", ["delayed", "in_transit", "out_for_delivery", "exception"])
def test_a_newer_estimate_is_taken_from_any_report_and_a_better_one_is_no_delay(status: TrackingStatus) -> None:
    worse = up_to("dispatched").when(tracked("delayed", estimated_at=arriving(5))).after
    outcome = worse.when(tracked(status, LATER, estimated_at=arriving(1)))
    assert not [event for event in outcome.events if isinstance(event, DeliveryDelayed)]
    assert outcome.after.states[STREAM].estimated_delivery == arriving(1)


def test_a_delay_that_is_first_seen_on_a_later_report_is_told_once() -> None:
    overtaking = tracked("in_transit", LATER, estimated_at=arriving(2))
    outcome = up_to("dispatched").when(overtaking)
    outcome.then(tracking("in_transit", LATER, estimated_delivery=arriving(2)), delayed_to(2))
    overtaken = tracked("delayed", estimated_at=arriving(2))
    outcome.after.when(overtaken).then(tracking("delayed", estimated_delivery=arriving(2)))


def test_a_delay_without_an_estimate_is_only_recorded() -> None:
    outcome = up_to("dispatched").when(tracked("delayed")).then(tracking("delayed"))
    promised = tracked("in_transit", LATER, estimated_at=PROMISE)
    outcome.after.when(promised).then(tracking("in_transit", LATER, estimated_delivery=PROMISE))


def test_an_exception_that_is_told_after_a_delay_from_later_on_is_raised() -> None:
    late = up_to("dispatched").when(tracked("delayed", LATER)).after
    late.when(tracked("exception")).then(tracking("exception"), exception())


def test_an_exception_from_before_another_is_only_recorded_however_many_come() -> None:
    raised = up_to("dispatched").when(tracked("exception", LATER)).after
    earlier = raised.when(tracked("exception")).then(tracking("exception"))
    between = NOON + timedelta(hours=1)
    earlier.after.when(tracked("exception", between)).then(tracking("exception", between))


def test_an_exception_is_raised_with_what_the_carrier_says_of_it() -> None:
    raised = exception("nobody at home")
    up_to("dispatched").when(tracked("exception", explanation="nobody at home")).then(
        tracking("exception"), raised
    )


def test_an_exception_without_an_explanation_has_one() -> None:
    up_to("dispatched").when(tracked("exception")).then(tracking("exception"), exception())


def test_the_same_exception_is_raised_once_and_another_one_again() -> None:
    once = up_to("dispatched").when(tracked("exception")).after
    once.when(tracked("exception")).then(tracking("exception"))
    once.when(tracked("exception", LATER)).then(tracking("exception", LATER), exception(at=LATER))


@pytest.mark.parametrize("status", ["accepted", "in_transit", "out_for_delivery"])
def test_an_exception_from_before_the_parcel_moved_on_is_only_recorded(status: TrackingStatus) -> None:
    recovered = up_to("dispatched").when(tracked(status, LATER)).after
    recovered.when(tracked("exception")).then(tracking("exception"))
    again = LATER + timedelta(hours=1)
    recovered.when(tracked("exception", again)).then(tracking("exception", again), exception(at=again))


def test_a_late_report_of_an_earlier_move_does_not_bring_an_old_exception_back() -> None:
    late = up_to("dispatched").when(tracked("out_for_delivery", LATER)).after.when(tracked("accepted")).after
    late.when(tracked("exception", NOON + timedelta(hours=1))).then(
        tracking("exception", NOON + timedelta(hours=1))
    )


def test_what_is_known_of_a_parcel_does_not_depend_on_the_order_of_its_reports() -> None:
    reports = (
        tracked("in_transit", NOON, estimated_at=arriving(0)),
        tracked("delayed", NOON + timedelta(hours=1), estimated_at=arriving(5)),
        tracked("exception", NOON + timedelta(hours=2)),
        tracked("out_for_delivery", NOON + timedelta(hours=3), estimated_at=arriving(1)),
    )
    known = set()
    for order in permutations(reports):
        scenario = up_to("dispatched")
        for message in order:
            scenario = scenario.when(message).after
        known.add(scenario.states[STREAM])
    assert len(known) == 1
    assert known.pop().estimated_delivery == arriving(1)


@pytest.mark.parametrize("status", ["labelled", "handing_over"])
def test_tracking_before_the_hand_over_is_confirmed_implies_the_dispatch(status: str) -> None:
    outcome = up_to(status, MANUAL).when(tracked("in_transit"))
    outcome.then(dispatched(), tracking("in_transit"))
    outcome.after.when(handover_answer()).then()
    outcome.after.when(silence("handover-1")).then()


def test_tracking_on_a_hold_implies_the_dispatch_as_well() -> None:
    up_to("labelled").given(STREAM, held).when(tracked("accepted")).then(dispatched(), tracking("accepted"))


def test_a_delivery_before_the_hand_over_is_confirmed_implies_the_whole_road() -> None:
    outcome = up_to("handing_over").when(tracked("delivered", LATER))
    outcome.then(dispatched(), tracking("delivered", LATER), delivered(LATER))


@pytest.mark.parametrize("status", ["labelled", "handing_over", "dispatched"])
def test_tracking_of_another_parcel_is_recorded_and_changes_nothing_else(status: str) -> None:
    outcome = up_to(status).when(tracked("delivered", tracking_number="CR999"))
    outcome.then(tracking("delivered", tracking_number="CR999"))
    assert status_of(outcome.after) == status


def test_tracking_of_another_parcel_says_nothing_of_this_one() -> None:
    foreign = tracked("out_for_delivery", LATER, tracking_number="CR999", estimated_at=arriving(9))
    before = up_to("dispatched")
    assert before.when(foreign).after.states == before.states


@pytest.mark.parametrize("status", ALL)
def test_a_parcel_that_moves_though_it_was_cancelled_is_an_exception_and_revives_nothing(
    status: TrackingStatus,
) -> None:
    outcome = nothing_yet().given(STREAM, cancelled).when(tracked(status))
    explanation = "The shipment was cancelled, and the carrier has its parcel CR1 all the same."
    outcome.then(tracking(status), exception(explanation))
    assert status_of(outcome.after) == "cancelled"
    assert outcome.reply == ANSWER


def test_the_moves_of_what_is_cancelled_are_one_exception_whatever_is_asked_meanwhile() -> None:
    told = nothing_yet().given(STREAM, cancelled).when(tracked("accepted")).after
    told.when(tracked("in_transit", LATER)).then(tracking("in_transit", LATER))
    asked_again = told.when(CANCEL).then(cancelled).after
    asked_again.when(tracked("delivered", LATER)).then(tracking("delivered", LATER))


def test_tracking_of_what_is_collected_changes_nothing() -> None:
    outcome = collecting("packed", MANUAL).when(tracked("delivered")).then(tracking("delivered"))
    assert status_of(outcome.after) == "packed"


@pytest.mark.parametrize("scenario", [nothing_yet(), nothing_yet().given(STREAM, held)])
def test_a_reference_that_nobody_knows_is_answered_and_ignored(scenario: Scenario) -> None:
    found = scenario.when(tracked("in_transit")).decision
    assert found == Decision(reply=Reply("accepted", {"known": False}))
