"""What callers were told is held against what came of it."""

from collections.abc import Collection
from typing import Any

import pytest

from tests.chaos.answered import unkept
from tests.chaos.callers import Answer
from tests.chaos.load import Published

NUMBER = "SO-7"
PLACED = Answer(201, {"order_number": NUMBER, "status": "received"})
CANCELLING = Answer(202, {"order_number": NUMBER, "status": "cancelling"})
TOO_LATE = Answer(409, {"title": "Refused"})


def _row(status: str, *fulfilments: str) -> dict[str, dict[str, Any]]:
    by_name = {f"{NUMBER}-F{place}": {"status": one} for place, one in enumerate(fulfilments, 1)}
    return {NUMBER: {"order_number": NUMBER, "status": status, "fulfilments": by_name}}


def _told(*answers: Answer) -> Published:
    published = Published(offered=1)
    published.answers[NUMBER] += answers
    return published


def _called_off(answer: Answer) -> Published:
    published = Published(offered=1)
    published.cancellations[NUMBER] = answer
    return published


def test_an_order_that_is_told_the_same_each_time_is_as_promised() -> None:
    assert list(unkept(_told(PLACED, PLACED), _row("completed", "delivered"), ())) == []


@pytest.mark.parametrize(
    ("answers", "what"),
    [
        ((Answer(422, {"title": "Order refused"}),), "was answered over HTTP with 422"),
        ((Answer(201, {"order_number": "another"}),), "was answered over HTTP with 201"),
        ((PLACED, Answer(200, dict(PLACED.body))), "and its repetition with 200"),
        ((PLACED, Answer(201, {"order_number": NUMBER, "status": "held"})), "and its repetition with 201"),
    ],
)
def test_an_order_that_is_refused_or_told_something_else_is_found(answers: tuple[Answer, ...], what: str) -> None:
    [found] = unkept(_told(*answers), _row("completed", "delivered"), ())

    assert f"order {NUMBER}" in found
    assert what in found


@pytest.mark.parametrize(
    ("answer", "rows"),
    [
        (CANCELLING, _row("cancelled", "cancelled")),
        (CANCELLING, _row("completed", "delivered", "cancelled")),
        (TOO_LATE, _row("completed", "delivered")),
        (CANCELLING, {}),
    ],
)
def test_a_cancellation_that_came_too_late_or_was_carried_out_is_kept_to(
    answer: Answer, rows: dict[str, dict[str, Any]]
) -> None:
    assert list(unkept(_called_off(answer), rows, {NUMBER})) == []


@pytest.mark.parametrize(
    ("status", "fulfilment", "too_late"),
    [
        ("completed", "delivered", ()),
        ("confirmed", "planned", {NUMBER}),
        ("held", "held", ()),
        ("cancelling", "requested", ()),
    ],
)
def test_an_accepted_cancellation_that_nothing_came_of_is_found(
    status: str, fulfilment: str, too_late: Collection[str]
) -> None:
    [found] = unkept(_called_off(CANCELLING), _row(status, fulfilment), too_late)

    assert found.startswith(f"order {NUMBER} is {status}, though its cancellation was accepted")
