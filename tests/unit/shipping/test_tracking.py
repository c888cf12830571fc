"""Tracking comes in any order; all of it is recorded, and things only move forward."""

from datetime import timedelta

import pytest

from shared.events.shipping import DeliveryDelayed, ShipmentExceptionRaised, TrackingStatus
from shared.eventsourcing.decider import Decision, Recorded, Reply
from shared.eventsourcing.testing import NOON, Scenario
from tests.unit.shipping.road import (
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


def delayed_to(days: int) -> DeliveryDelayed:
    return DeliveryDelayed(**WHO, estimated_delivery=PROMISE + timedelta(days=days))


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
    late = tracked(status, estimated_at=PROMISE + timedelta(days=9))
    up_to("delivered").when(late).then(tracking(status))


def test_a_delay_is_told_with_its_new_estimate() -> None:
    message = tracked("delayed", estimated_at=PROMISE + timedelta(days=2))
    up_to("dispatched").when(message).then(tracking("delayed"), delayed_to(2))


def test_a_delay_is_told_once_for_each_estimate() -> None:
    message = tracked("delayed", estimated_at=PROMISE + timedelta(days=2))
    once = up_to("dispatched").when(message).after
    once.when(message).then(tracking("delayed"))
    longer = tracked("delayed", estimated_at=PROMISE + timedelta(days=3))
    once.when(longer).then(tracking("delayed"), delayed_to(3))


def test_an_outdated_delay_that_comes_after_a_longer_one_is_not_told() -> None:
    longer = tracked("delayed", estimated_at=PROMISE + timedelta(days=3))
    shorter = tracked("delayed", estimated_at=PROMISE + timedelta(days=2))
    up_to("dispatched").when(longer).after.when(shorter).then(tracking("delayed"))


def test_a_delay_without_an_estimate_is_only_recorded() -> None:
    up_to("dispatched").when(tracked("delayed")).then(tracking("delayed"))


def test_an_exception_is_raised_with_what_the_carrier_says_of_it() -> None:
    raised = ShipmentExceptionRaised(**WHO, explanation="nobody at home")
    up_to("dispatched").when(tracked("exception", explanation="nobody at home")).then(
        tracking("exception"), raised
    )


def test_an_exception_without_an_explanation_has_one() -> None:
    raised = ShipmentExceptionRaised(**WHO, explanation="the carrier reports an exception")
    up_to("dispatched").when(tracked("exception")).then(tracking("exception"), raised)


def test_the_same_exception_is_raised_once_and_another_one_again() -> None:
    once = up_to("dispatched").when(tracked("exception")).after
    once.when(tracked("exception")).then(tracking("exception"))
    raised = ShipmentExceptionRaised(**WHO, explanation="the carrier reports an exception")
    once.when(tracked("exception", LATER)).then(tracking("exception", LATER), raised)


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


def test_tracking_of_what_is_cancelled_is_recorded_and_revives_nothing() -> None:
    outcome = nothing_yet().given(STREAM, cancelled).when(tracked("in_transit")).then(tracking("in_transit"))
    assert status_of(outcome.after) == "cancelled"


def test_tracking_of_what_is_collected_changes_nothing() -> None:
    outcome = collecting("packed", MANUAL).when(tracked("delivered")).then(tracking("delivered"))
    assert status_of(outcome.after) == "packed"


@pytest.mark.parametrize("scenario", [nothing_yet(), nothing_yet().given(STREAM, held)])
def test_a_reference_that_nobody_knows_is_answered_and_ignored(scenario: Scenario) -> None:
    found = scenario.when(tracked("in_transit")).decision
    assert found == Decision(reply=Reply("accepted", {"known": False}))
