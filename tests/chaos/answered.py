"""What callers were told over HTTP, held against what came of it."""

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from tests.chaos.callers import Answer
from tests.chaos.load import Published

LEFT = ("dispatched", "delivered")

Row = Mapping[str, Any]


def unkept(published: Published, by_number: Mapping[str, Row], too_late: Collection[str]) -> Iterator[str]:
    """Answers that were not as promised, or were not kept to.

    `too_late` are the orders whose cancellation was taken, and then refused by a fact: a parcel had left.
    """
    for number, answers in published.answers.items():
        yield from _orders(number, answers)
    for number, answer in published.cancellations.items():
        if number in by_number and answer.accepted:
            yield from _cancellation(number, by_number[number], too_late=number in too_late)


def _orders(number: str, answers: list[Answer]) -> Iterator[str]:
    """An order that fits is taken under its own number, and a repetition is told the same."""
    first, *repeated = answers
    if not first.accepted or first.body.get("order_number") != number:
        yield f"order {number} was answered over HTTP with {_told(first)}"
    for again in repeated:
        if again != first:
            yield f"order {number} was answered with {_told(first)}, and its repetition with {_told(again)}"


def _cancellation(number: str, row: Row, *, too_late: bool) -> Iterator[str]:
    """What was cancelled ends so, unless something of it had left before it could be called back."""
    left = any(one["status"] in LEFT for one in row["fulfilments"].values())
    if row["status"] != "cancelled" and not (left and too_late):
        yield f"order {number} is {row['status']}, though its cancellation was accepted and came in time"


def _told(answer: Answer) -> str:
    return f"{answer.status} {dict(answer.body)}"
