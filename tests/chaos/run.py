"""A run, step by step: stack, stock, load and troubles, healing, judgement."""

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from deploy.local.stack import Stack
from oms.client import SERVICES, Client
from oms.demo.standing import Standing
from oms.errors import OmsError
from oms.output import say
from tests.chaos.bounds import Bounds
from tests.chaos.breaker import Breaker
from tests.chaos.judge import ENDED, judge
from tests.chaos.lines import new_ground
from tests.chaos.load import Channel, Published
from tests.chaos.plan import Pace, plan
from tests.chaos.report import Report
from tests.chaos.traffic import Load

LOOK_S = 1.0
STILL_S = 120.0
"""How long without any change until what is left is given up on."""
STOCK_PAGE = 1_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Look:
    """How far a run is: for whoever shows its progress."""

    elapsed_s: float
    published: Published
    statuses: dict[str, int]
    """Empty while the order service is away."""
    troubles: int


def run(
    load: Load,
    pace: Pace,
    state: Path,
    bounds: Bounds,
    progress: Callable[[Look], None] = lambda look: None,
) -> Report:
    """Run in a state directory; the stack is stopped in the end, and what it stored is kept."""
    ground = new_ground(state, seed=load.seed, takeover_s=pace.takeover_s, report=lambda line: None)
    with ground.proxy, ground.stack as stack, Client(stack.description) as client:
        _receive(client, load)
        breaker = Breaker(stack, ground.proxy)
        channel = Channel(load, stack.description, kafka=ground.kafka, orders=ground.orders)
        began = time.monotonic()
        breaker.start(plan(load.seed, load.seconds, pace))
        try:
            watch = _Watch(client, channel.published, breaker, began, progress)
            asyncio.run(channel.publish(watch.look))
            load_s = time.monotonic() - began
            ended = time.monotonic()
            breaker.heal()
            back_s = time.monotonic() - ended
            behind, healed = _settled(watch, len(channel.published.accepted))
            quiet = _quiet(client) if healed else None
        finally:
            breaker.stop()
        say("checking every promise: oms verify")
        judgement = judge(client, load, channel.published, say)
        return Report(
            load=load,
            bounds=bounds,
            published=channel.published,
            troubles=dict(breaker.done),
            ended_unasked=tuple(breaker.ended_unasked),
            false_starts=breaker.false_starts,
            behind=behind,
            load_s=load_s,
            back_s=back_s,
            heal_s=healed and healed - ended,
            quiet_s=quiet and quiet - ended,
            judgement=judgement,
        )


def _receive(client: Client, load: Load) -> None:
    lines = [receipt.model_dump() for receipt in load.stock()]
    for start in range(0, len(lines), STOCK_PAGE):
        client.post("inventory", "/stock/bulk-receive", {"lines": lines[start : start + STOCK_PAGE]})


def _settled(watch: "_Watch", expected: int) -> tuple[int, float | None]:
    """Wait until every order has ended or is held; how many had not at first, and when the last one had."""
    behind = expected
    counts: dict[str, int] = {}
    changed_at = time.monotonic()
    while time.monotonic() - changed_at < STILL_S:
        if (now := watch.counts()) and now != counts:
            settled = sum(now.get(status, 0) for status in (*ENDED, "held"))
            if not counts:
                behind = expected - settled
            counts, changed_at = now, time.monotonic()
            if settled == expected:
                return behind, changed_at
        time.sleep(LOOK_S / 2)
    return behind, None


def _quiet(client: Client) -> float | None:
    """Wait until no reader of any log is behind; when that was, None if it never came to that."""
    before, changed_at = -1, time.monotonic()
    while time.monotonic() - changed_at < STILL_S:
        lag = sum(
            reader["head"] - reader["position"]
            for service in SERVICES
            for reader in client.get(service, "/operations/lag")["readers"]
        )
        if lag == 0:
            return time.monotonic()
        if lag != before:
            before, changed_at = lag, time.monotonic()
        time.sleep(LOOK_S)
    return None


class _Watch:
    """Looks at the orders now and then, and tells of it."""

    def __init__(
        self,
        client: Client,
        published: Published,
        breaker: Breaker,
        began: float,
        progress: Callable[[Look], None],
    ) -> None:
        self._client = client
        self._published = published
        self._breaker = breaker
        self._began = began
        self._progress = progress
        self._looked_at = 0.0

    def look(self, published: Published) -> None:
        """Tell how far things are without asking anybody: the load must not wait."""
        if time.monotonic() - self._looked_at >= LOOK_S:
            self._tell({})

    def counts(self) -> dict[str, int]:
        """Orders by status, none while the service is away."""
        statuses: dict[str, int] = {}
        with suppress(OmsError):
            statuses = dict(Standing.of(self._client).statuses)
        self._tell(statuses)
        return statuses

    def _tell(self, statuses: dict[str, int]) -> None:
        self._looked_at = time.monotonic()
        self._progress(
            Look(
                elapsed_s=self._looked_at - self._began,
                published=self._published,
                statuses=statuses,
                troubles=sum(self._breaker.done.values()),
            )
        )


def discard(state: Path) -> None:
    """Remove all that a run stored."""
    Stack(state, infrastructure="local").discard()
