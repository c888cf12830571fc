"""What a customer is told, once, and what becomes of it."""

from datetime import timedelta
from itertools import permutations
from typing import Literal

import pytest
from pydantic import TypeAdapter

from services.notification.domain.due import Telling
from services.notification.domain.messages import MailAnswered, OfferAgain
from services.notification.domain.model import model
from services.notification.domain.notice import NOTICE, Correspondence, Delayed, Failed, Offered, Owed, Sent
from services.notification.domain.policy import Policy
from shared.events.notification import (
    ContactNoted,
    NoticeDelayed,
    NoticeFailed,
    NoticeOwed,
    NoticeRequested,
    NoticeSent,
)
from shared.events.order import OrderApproved, OrderPlaced
from shared.events.payload import Event
from shared.events.values import OrderContent
from shared.eventsourcing.back_off import BackOff
from shared.eventsourcing.decider import Recorded, Reminder
from shared.eventsourcing.testing import NOON, Scenario
from tests.unit.notification.samples import (
    BACKORDERED,
    CANCELLED,
    CONFIRMATION_FACTS,
    CONFIRMED,
    CONTACT,
    DECLINED,
    DELAYED,
    DELIVERED,
    NUMBER,
    PLACED,
    PREPAID,
    REPLACED,
    STREAM,
    THURSDAY,
    WITHOUT_ADDRESS,
    content,
    dispatched,
    requested,
)

IDENTITY = "SO-7-confirmation"
SENT = NoticeSent(order_number=NUMBER, notice_id=IDENTITY, kind="confirmation")
REFUSED = NoticeFailed(order_number=NUMBER, notice_id=IDENTITY, kind="confirmation", explanation="550 who?")
OWED = NoticeOwed(
    order_number=NUMBER,
    kind="confirmation",
    subject_id="",
    facts=CONFIRMATION_FACTS,
)
DOWN = NoticeDelayed(
    order_number=NUMBER, notice_id=IDENTITY, explanation="down", ask_again_at=NOON + timedelta(seconds=2)
)
BRISK = Policy(back_off=BackOff(first=timedelta(seconds=10), longest=timedelta(seconds=30)))


def scenario(*events: Event, policy: Policy | None = None) -> Scenario:
    return Scenario(model(policy)).given(STREAM, *events)


def answered(
    outcome: Literal["sent", "refused", "address_refused", "unknown"], asked: int = 1, explanation: str = ""
) -> MailAnswered:
    return MailAnswered(
        order_number=NUMBER, notice_id=IDENTITY, asked=asked, outcome=outcome, explanation=explanation
    )


def again(asked: int) -> OfferAgain:
    return OfferAgain(order_number=NUMBER, notice_id=IDENTITY, asked=asked)


def test_a_placed_order_names_the_contact() -> None:
    scenario().when(PLACED).then(Recorded(STREAM, CONTACT))


def test_the_same_contact_again_changes_nothing() -> None:
    scenario(CONTACT).when(PLACED).then_nothing_happened()


def test_a_restatement_with_another_address_changes_the_contact() -> None:
    scenario(CONTACT).when(REPLACED).then(CONTACT.model_copy(update={"email": "ada@example.org"}))


def test_spaces_around_an_address_do_not_make_another_contact() -> None:
    spaced = PLACED.model_copy(update={"content": content(email=" ada@example.com ")})

    scenario(CONTACT).when(spaced).then_nothing_happened()


def test_a_confirmed_order_is_confirmed_to_the_customer() -> None:
    outcome = scenario(CONTACT).when(CONFIRMED).then(Recorded(STREAM, requested()))

    assert outcome.state(NOTICE, NUMBER).notices == {
        IDENTITY: Offered(kind="confirmation", facts=requested().facts, asked=1, email="ada@example.com")
    }


def test_each_worse_estimate_of_a_parcel_is_told_of_once() -> None:
    worse = DELAYED.model_copy(update={"estimated_delivery": THURSDAY + timedelta(days=9)})
    told = scenario(CONTACT).when(DELAYED)

    assert told.after.when(DELAYED).events == ()
    (again,) = told.after.when(worse).events
    assert isinstance(again, NoticeRequested)
    assert again.facts["estimated_delivery"] == (THURSDAY + timedelta(days=9)).isoformat()


@pytest.mark.parametrize(
    ("event", "identity", "facts"),
    [
        (BACKORDERED, "SO-7-delay", {"cause": "stock", "units": "3"}),
        (
            DELAYED,
            f"SO-7-delay-F1-{THURSDAY:%Y%m%dT%H%M%S%fZ}",
            {"cause": "carrier", "estimated_delivery": THURSDAY.isoformat()},
        ),
        (
            dispatched(),
            "SO-7-dispatch-F1",
            {
                "carrier_service": "economy",
                "tracking_number": "CR123",
                "estimated_delivery": THURSDAY.isoformat(),
                "units": "3",
            },
        ),
        (
            dispatched(estimated=None),
            "SO-7-dispatch-F1",
            {
                "carrier_service": "economy",
                "tracking_number": "CR123",
                "estimated_delivery": "",
                "units": "3",
            },
        ),
        (DELIVERED, "SO-7-delivered-F1", {"delivered_at": THURSDAY.isoformat()}),
        (CANCELLED, "SO-7-cancelled", {"cause": "shortage"}),
        (DECLINED, "SO-7-payment_failed-20260305T093000000000Z", {"until": THURSDAY.isoformat()}),
    ],
)
def test_each_fact_that_concerns_the_customer_is_told(
    event: Telling, identity: str, facts: dict[str, str]
) -> None:
    (told,) = scenario(CONTACT).when(event).events

    assert isinstance(told, NoticeRequested)
    spoken_of_in_all = {"payment": "card", "delivery": "ship"}
    assert (told.notice_id, told.facts, told.asked) == (identity, facts | spoken_of_in_all, 1)


@pytest.mark.parametrize(
    ("placed", "payment", "delivery"),
    [
        (content(), "card", "ship"),
        (content(payment=PREPAID, delivery="collect"), "prepaid", "collect"),
        (content(total=0), "none", "ship"),
        (content(payment=PREPAID, total=0), "none", "ship"),
    ],
)
def test_a_notice_tells_how_the_order_is_paid_and_reaches_its_customer(
    placed: OrderContent, payment: str, delivery: str
) -> None:
    known = scenario().when(OrderPlaced(order_number=NUMBER, content=placed)).after

    (told,) = known.when(CANCELLED).events

    assert isinstance(told, NoticeRequested)
    assert told.facts == {"cause": "shortage", "payment": payment, "delivery": delivery}


def test_an_order_that_was_paid_again_otherwise_is_confirmed_as_it_was_paid() -> None:
    (told,) = scenario(CONTACT).when(CONFIRMED.model_copy(update={"paid_by": "prepaid"})).events

    assert isinstance(told, NoticeRequested)
    assert told.facts["payment"] == "prepaid"


def test_a_notice_offered_again_speaks_of_the_order_as_it_stands_now() -> None:
    collected = CONTACT.model_copy(update={"delivery": "collect"})

    (told,) = scenario(CONTACT, requested(), DOWN, collected).when(again(1)).events

    assert isinstance(told, NoticeRequested)
    assert told.facts["delivery"] == "collect"


@pytest.mark.parametrize(
    "later",
    [
        (),
        (SENT,),
        (REFUSED,),
        (DOWN,),
    ],
)
def test_a_fact_that_comes_again_is_not_told_again(later: tuple[Event, ...]) -> None:
    scenario(CONTACT, requested(), *later).when(CONFIRMED).then_nothing_happened()


def test_a_notice_that_is_owed_is_owed_once() -> None:
    scenario(OWED).when(CONFIRMED).then_nothing_happened()


def test_two_fulfilments_are_dispatched_with_a_notice_each() -> None:
    first = scenario(CONTACT).when(dispatched("SO-7-F1"))
    second = first.after.when(dispatched("SO-7-F2"))

    assert set(second.state(NOTICE, NUMBER).notices) == {"SO-7-dispatch-F1", "SO-7-dispatch-F2"}


def test_a_second_declined_payment_is_told_of_again() -> None:
    later = DECLINED.model_copy(update={"until": THURSDAY + timedelta(days=1)})
    outcome = scenario(CONTACT).when(DECLINED).after.when(later)

    assert len(outcome.events) == 1


def test_a_payment_declined_after_the_confirmation_is_told_of_once() -> None:
    first = scenario(CONTACT, requested()).when(DECLINED)
    (told,) = first.events
    assert isinstance(told, NoticeRequested)
    assert told.kind == "payment_failed"
    first.after.when(DECLINED.model_copy(update={"decline_code": "no_funds"})).then_nothing_happened()


def test_a_notice_due_before_the_contact_is_known_is_owed() -> None:
    scenario().when(CONFIRMED).then(Recorded(STREAM, OWED))


def test_what_is_owed_is_sent_when_the_contact_comes() -> None:
    scenario(OWED).when(PLACED).then(CONTACT, requested())


def test_in_any_order_of_the_topics_the_same_notices_are_asked_for() -> None:
    told: set[frozenset[str]] = set()
    for order in permutations([PLACED, CONFIRMED, dispatched(), DELIVERED]):
        moving = scenario()
        requests: list[str] = []
        for event in order:
            outcome = moving.when(event)
            moving = outcome.after
            requests += [told.notice_id for told in outcome.events if isinstance(told, NoticeRequested)]
        assert len(requests) == len(set(requests))
        told.add(frozenset(requests))

    assert told == {frozenset({IDENTITY, "SO-7-dispatch-F1", "SO-7-delivered-F1"})}


def test_a_customer_without_an_address_is_not_told_and_that_is_recorded() -> None:
    nowhere = CONTACT.model_copy(update={"email": ""})
    failed = NoticeFailed(
        order_number=NUMBER,
        notice_id=IDENTITY,
        kind="confirmation",
        explanation="the customer gave no address",
        cause="no_address",
        facts=OWED.facts,
    )

    scenario(nowhere).when(CONFIRMED).then(Recorded(STREAM, failed))
    scenario(OWED).when(WITHOUT_ADDRESS).then(nowhere, failed)


def test_a_notice_that_the_mail_server_took_is_sent() -> None:
    outcome = scenario(CONTACT, requested()).when(answered("sent")).then(Recorded(STREAM, SENT))

    assert outcome.state(NOTICE, NUMBER).notices == {IDENTITY: Sent()}


def test_a_notice_refused_for_good_fails() -> None:
    outcome = scenario(CONTACT, requested()).when(answered("refused", explanation="550 who?")).then(REFUSED)

    assert outcome.state(NOTICE, NUMBER).notices == {
        IDENTITY: Failed(kind="confirmation", facts=requested().facts, asked=1)
    }


def test_a_mail_server_that_is_down_delays_the_notice() -> None:
    outcome = scenario(CONTACT, requested()).when(answered("unknown", explanation="down")).then(DOWN)

    assert outcome.reminders == (Reminder(NOON + timedelta(seconds=2), again(1)),)
    assert outcome.state(NOTICE, NUMBER).notices == {
        IDENTITY: Delayed(kind="confirmation", facts=requested().facts, asked=1, email="ada@example.com")
    }


def test_a_delayed_notice_is_offered_again_to_the_address_as_it_stands_now() -> None:
    moved = CONTACT.model_copy(update={"email": "ada@example.org"})

    scenario(CONTACT, requested(), DOWN, moved).when(again(1)).then(requested(2, email="ada@example.org"))


def test_a_delayed_notice_whose_address_was_taken_back_fails() -> None:
    nowhere = CONTACT.model_copy(update={"email": ""})

    outcome = scenario(CONTACT, requested(), DOWN, nowhere).when(again(1))

    assert [type(event) for event in outcome.events] == [NoticeFailed]


@pytest.mark.parametrize(
    "past",
    [
        (),
        (CONTACT,),
        (OWED,),
        (CONTACT, requested()),
        (CONTACT, requested(), DOWN, requested(2)),
        (CONTACT, requested(), DOWN, requested(2), DOWN),
        (CONTACT, requested(), SENT),
        (CONTACT, requested(), REFUSED),
    ],
)
def test_a_reminder_that_comes_after_the_notice_moved_on_decides_nothing(past: tuple[Event, ...]) -> None:
    scenario(*past).when(again(1)).then_nothing_happened()


@pytest.mark.parametrize(
    "past", [(), (CONTACT,), (OWED,), (CONTACT, requested(), SENT), (CONTACT, requested(), REFUSED)]
)
@pytest.mark.parametrize("outcome", ["sent", "refused", "address_refused", "unknown"])
def test_an_answer_to_what_is_not_under_way_changes_nothing(
    past: tuple[Event, ...], outcome: Literal["sent", "refused", "address_refused", "unknown"]
) -> None:
    scenario(*past).when(answered(outcome)).then_nothing_happened()


def test_a_late_success_of_an_earlier_offer_ends_the_notice() -> None:
    scenario(CONTACT, requested(), DOWN, requested(2)).when(answered("sent", asked=1)).then(SENT)
    scenario(CONTACT, requested(), DOWN).when(answered("sent", asked=1)).then(SENT)


def test_a_late_failure_of_an_earlier_offer_changes_nothing() -> None:
    offered_twice = scenario(CONTACT, requested(), DOWN, requested(2))

    offered_twice.when(answered("refused", asked=1)).then_nothing_happened()
    offered_twice.when(answered("unknown", asked=1)).then_nothing_happened()


def test_an_unknown_outcome_told_twice_sets_one_reminder() -> None:
    scenario(CONTACT, requested(), DOWN).when(answered("unknown")).then_nothing_happened()


def test_a_delayed_notice_that_proves_refused_fails() -> None:
    scenario(CONTACT, requested(), DOWN).when(answered("refused", explanation="550 who?")).then(REFUSED)


def test_waits_double_up_to_a_cap() -> None:
    waits = [BRISK.back_off.after(asked).total_seconds() for asked in (1, 2, 3, 4, 10_000)]

    assert waits == [10, 20, 30, 30, 30]


@pytest.mark.parametrize("asked", [1, 500, 100_000])
def test_a_mail_server_that_stays_down_is_asked_at_the_longest_wait_for_good(asked: int) -> None:
    outcome = scenario(CONTACT, requested(asked), policy=BRISK).when(answered("unknown", asked, "down"))

    assert [type(event) for event in outcome.events] == [NoticeDelayed]
    assert outcome.reminders == (Reminder(NOON + BRISK.back_off.after(asked), again(asked)),)


def test_a_delay_of_what_is_not_under_way_folds_to_nothing() -> None:
    state = Correspondence()

    assert NOTICE.evolve(state, DOWN) == state


def test_foreign_facts_change_nothing() -> None:
    state = Correspondence()

    assert NOTICE.evolve(state, OrderApproved(order_number=NUMBER, automatic=True)) == state


def test_every_status_survives_the_trip_through_json() -> None:
    facts = {"units": "3"}
    state = NOTICE.evolve(
        Correspondence(
            notices={
                "a": Owed(kind="delay", facts=facts),
                "b": Offered(kind="delay", facts=facts, asked=2),
                "c": Delayed(kind="delay", facts=facts, asked=2),
                "d": Sent(),
                "e": Failed(kind="delay", facts=facts, asked=2, cause="address_refused"),
            }
        ),
        ContactNoted(order_number=NUMBER, name="李雷", email="l@example.com", language="zh"),
    )
    adapter: TypeAdapter[Correspondence] = TypeAdapter(NOTICE.state_type)

    assert adapter.validate_json(adapter.dump_json(state)) == state


def test_what_was_stored_with_less_is_read() -> None:
    adapter: TypeAdapter[Correspondence] = TypeAdapter(NOTICE.state_type)
    older = (
        b'{"contact": {"name": "Ada Byron", "email": "ada@example.com", "language": "en"},'
        b' "notices": {"a": {"kind": "delay", "facts": {}, "asked": 1, "status": "offered"}}}'
    )
    offered = Correspondence(notices={"a": Offered(kind="delay", facts={}, asked=1, email="")})

    assert adapter.validate_json(older) == NOTICE.evolve(offered, CONTACT)
