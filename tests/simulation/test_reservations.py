"""Worlds in which a reservation runs out almost at once: often in the moment in which its order is confirmed."""

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch

from services.order.domain.delivery import Delivery
from services.order.domain.model import model
from services.order.domain.policy import Policy
from shared.eventsourcing.decider import NOTHING, Decision
from tests.extent import extent
from tests.simulation import services
from tests.simulation.running import narrate, plan, run

WORLDS = extent(part=20, whole=200)


@dataclass(frozen=True, slots=True, kw_only=True)
class Hasty(Policy):
    """Has no patience with reservations."""

    def reservation_expires_at(self, now: datetime, allow_backorder: bool) -> datetime:
        return now + timedelta(milliseconds=300)


@contextmanager
def hasty(*also: Any) -> Iterator[None]:
    order = model(Hasty(), review=services.review)
    with ExitStack() as stack:
        stack.enter_context(patch.object(services, "MODELS", {**services.MODELS, "order": order}))
        for one in also:
            stack.enter_context(one)
        yield


@contextmanager
def hasty_and_careless() -> Iterator[None]:
    """The order does not wait until its stock is kept, and hears nothing of a reservation that ran out."""

    def asked(self: Delivery, event: Any) -> Delivery:
        return self

    def lost(case: Any, message: Any, delivery: Delivery) -> Decision:
        return NOTHING

    with hasty(
        patch.object(Delivery, "asked", asked), patch("services.order.domain.reserving.reservation_lost", lost)
    ):
        yield


def test_nothing_leaves_unreserved_where_reservations_run_out_as_orders_are_confirmed() -> None:
    asked: Counter[tuple[int, str]] = Counter()
    for seed in range(WORLDS):
        outcome = run(plan(seed), hasty)
        assert outcome.findings == (), "\n".join(narrate(outcome))
        lines = [line for line in outcome.trace.lines() if "order.keep-requested.v1" in line]
        asked.update((seed, line.split()[-1]) for line in lines)
    assert max(asked.values()) > 1, "none was taken again"


def test_the_checker_finds_that_a_confirmed_order_does_not_wait_for_its_stock() -> None:
    rules = (finding.rule for seed in range(40) for finding in run(plan(seed), hasty_and_careless).findings)

    assert "nothing leaves unreserved" in rules
