"""A carrier that gives no clear answer is asked again under the same key, never guessed at."""

from datetime import datetime, timedelta

import pytest

from services.shipping.domain.policy import Policy
from shared.events.payload import Event
from shared.events.shipping import CarrierOutcomeUnknown
from shared.eventsourcing.back_off import BackOff
from shared.eventsourcing.decider import NOTHING, Reminder
from shared.eventsourcing.testing import NOON, Scenario
from tests.unit.shipping.road import (
    ELSEWHERE,
    STATUSES,
    STREAM,
    WHO,
    again,
    cancelled,
    collecting,
    deadline,
    handover_requested,
    held,
    label_requested,
    nothing_yet,
    quotes_requested,
    requested,
    resumed,
    silence,
    up_to,
    void_requested,
)


def voiding() -> Scenario:
    return up_to("labelled").given(STREAM, held, resumed(ELSEWHERE), void_requested())


def unknown(ask_again_at: datetime) -> CarrierOutcomeUnknown:
    return CarrierOutcomeUnknown(**WHO, explanation="no answer within 2 s", ask_again_at=ask_again_at)


WAITING = [
    (up_to("requested"), "quotes", quotes_requested(2)),
    (up_to("labelling"), "label-1", label_requested(asked=2)),
    (voiding(), "void-1", void_requested(asked=2)),
    (up_to("handing_over"), "handover-1", handover_requested(asked=2)),
]


@pytest.mark.parametrize(("scenario", "question", "intent"), WAITING)
def test_a_silence_is_recorded_and_the_question_asked_again_after_a_while(
    scenario: Scenario, question: str, intent: Event
) -> None:
    soon = NOON + timedelta(seconds=1)
    outcome = scenario.when(silence(question)).then(unknown(soon))
    assert outcome.reminders == (Reminder(soon, again(question)),)


@pytest.mark.parametrize(("scenario", "question", "intent"), WAITING)
def test_the_same_is_asked_again_under_the_same_key(scenario: Scenario, question: str, intent: Event) -> None:
    outcome = scenario.when(again(question)).then(intent)
    assert outcome.reminders == (deadline(question, 2),)
    assert outcome.after.when(silence(question, 2)).reminders[0].message == again(question, 2)


@pytest.mark.parametrize(("scenario", "question", "intent"), WAITING)
def test_also_on_a_hold_the_outcome_of_what_was_asked_is_found_out(
    scenario: Scenario, question: str, intent: Event
) -> None:
    scenario.given(STREAM, held).when(again(question)).then(intent)


@pytest.mark.parametrize(("scenario", "question", "intent"), WAITING)
def test_a_silence_or_a_reminder_of_an_earlier_asking_decides_nothing(
    scenario: Scenario, question: str, intent: Event
) -> None:
    asked_twice = scenario.given(STREAM, intent)
    assert asked_twice.when(silence(question, 1)).decision == NOTHING
    assert asked_twice.when(again(question, 1)).decision == NOTHING


@pytest.mark.parametrize("question", ["quotes", "label-1", "void-1", "handover-1"])
@pytest.mark.parametrize("status", STATUSES)
def test_a_silence_or_a_reminder_about_a_closed_question_decides_nothing(status: str, question: str) -> None:
    open_in = {"requested": "quotes", "labelling": "label-1", "handing_over": "handover-1"}
    if open_in.get(status) == question:
        question = "label-9"
    assert up_to(status).when(silence(question)).decision == NOTHING
    assert up_to(status).when(again(question)).decision == NOTHING


@pytest.mark.parametrize(
    "scenario",
    [
        nothing_yet(),
        nothing_yet().given(STREAM, cancelled),
        nothing_yet().given(STREAM, held, requested),
        collecting("requested"),
    ],
)
def test_where_nothing_was_asked_a_reminder_decides_nothing(scenario: Scenario) -> None:
    assert scenario.when(again("quotes")).decision == NOTHING


def test_a_label_is_asked_again_for_the_address_it_was_first_asked_for() -> None:
    scenario = up_to("labelling").given(STREAM, held, resumed(ELSEWHERE))
    scenario.when(again("label-1")).then(label_requested(asked=2))


def test_the_pause_doubles_with_every_asking_up_to_a_limit() -> None:
    policy = Policy(back_off=BackOff(first=timedelta(seconds=2), longest=timedelta(seconds=30)))
    pauses = [policy.back_off.after(asked).total_seconds() for asked in (1, 2, 3, 4, 5, 6, 1_000)]
    assert pauses == [2, 4, 8, 16, 30, 30, 30]
