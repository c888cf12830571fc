"""The demonstration, step by step: stack, opening stock, orders, customers and staff who act, closing check."""

import asyncio
import shutil
import signal
import tempfile
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from types import FrameType

from channels.completejourney.baskets import Dirt
from channels.completejourney.fixture import Fixture, Statement
from channels.completejourney.opening_stock import OpeningStock, opening_stock
from channels.publishing import OrderPublisher
from deploy.local.description import Description
from deploy.local.stack import Stack
from deploy.local.status import is_running
from oms.client import Client
from oms.demo.outcome import Outcome
from oms.demo.people import People
from oms.demo.progress import Progress
from oms.demo.report import closing_report
from oms.demo.standing import Standing
from oms.kafka import kafka_access
from oms.options import DEFAULT_STATE
from oms.output import counted, say
from oms.verify.run import verify
from shared.events.channel import ChannelOrderReceived

POLL_S = 0.5
PATIENCE_S = 120.0
"""How long without any change until the demonstration gives up on the orders that are left."""
STOCK_PAGE = 2_000
VERIFY_PATIENCE_S = 60.0
"""The last mails may still be on their way when the last order has ended."""

PACE = {
    # A demonstration lasts a minute, not days: windows that a shop counts in hours are seconds here.
    "order": {"OMS_PAYMENT_WINDOW_S": "12"},
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Demo:
    """What the user asked for."""

    orders: int
    seed: int
    rate: int
    state: Path | None
    keep: bool
    as_json: bool


@dataclass(frozen=True, slots=True)
class Baskets:
    """What the channel will publish, the stock that it takes, and the dirt that was found in the data."""

    statements: Sequence[Statement]
    stock: OpeningStock
    dirt: Dirt


@dataclass(slots=True)
class Publication:
    """What the channel has published, and when."""

    messages: int = 0
    first_at: dict[tuple[str, str], float] = field(default_factory=dict)
    """By channel and channel order id, in seconds since 1970."""


def run_demo(demo: Demo) -> int:
    """Run it; returns 0 only if every order ended or stands on a named hold, and all checks pass."""
    signal.signal(signal.SIGTERM, _interrupt)
    began = time.monotonic()
    stack = _stack(demo)
    good = False
    try:
        with ThreadPoolExecutor(1) as pool:
            say(f"reading {counted(demo.orders, 'real basket')}")
            reading = pool.submit(_read, demo)
            description = stack.start()
            say(f"the stack is up after {time.monotonic() - began:.1f} s")
            baskets = reading.result()
        outcome = _place(demo, description, baskets)
        good = closing_report(outcome, as_json=demo.as_json)
    finally:
        _clear_away(stack, keep=demo.keep or demo.state is not None, good=good)
    return 0 if good else 1


def _read(demo: Demo) -> Baskets:
    fixture = Fixture(demo.orders, demo.seed)
    statements = list(fixture)
    return Baskets(statements, opening_stock(statements, seed=demo.seed), fixture.dirt)


def _interrupt(number: int, frame: FrameType | None) -> None:
    """To be told to end is the same as Ctrl-C."""
    raise KeyboardInterrupt


def _stack(demo: Demo) -> Stack:
    """The stack, not started; a directory made for it does not outlive its failure."""
    state = demo.state or _new_state()
    try:
        return Stack(state, environment=PACE, seed=demo.seed, report=say)
    except BaseException:
        if demo.state is None:
            shutil.rmtree(state, ignore_errors=True)
        raise


def _new_state() -> Path:
    DEFAULT_STATE.mkdir(exist_ok=True)
    return Path(tempfile.mkdtemp(prefix="demo-", dir=DEFAULT_STATE))


def _clear_away(stack: Stack, *, keep: bool, good: bool) -> None:
    if good and not keep:
        stack.discard()
        return
    stack.stop()
    if not is_running(stack.state):  # else it was another process's all the time
        say(f"everything is stopped; data and logs are kept in {stack.state}")


def _place(demo: Demo, stack: Description, baskets: Baskets) -> Outcome:
    with Client(stack) as client:
        _receive(client, baskets.stock)
        publication = Publication()
        began = time.monotonic()
        with Progress(demo.orders, visible=not demo.as_json) as progress:
            asyncio.run(_publish(demo, stack, client, baskets.statements, publication, progress))
            _follow(client, demo.orders, baskets.stock, progress)
        seconds = time.monotonic() - began
        say("checking every promise: oms verify")
        checks = verify(client, patience_s=VERIFY_PATIENCE_S, report=say)
        return Outcome.of(
            client, baskets.statements, publication.first_at, baskets.stock, baskets.dirt, checks, seconds
        )


def _receive(client: Client, stock: OpeningStock) -> None:
    lines = [receipt.model_dump() for receipt in stock.receipts()]
    say(f"receiving opening stock: {len(lines)} lots in three warehouses")
    for start in range(0, len(lines), STOCK_PAGE):
        client.post("inventory", "/stock/bulk-receive", {"lines": lines[start : start + STOCK_PAGE]})


async def _publish(
    demo: Demo,
    stack: Description,
    client: Client,
    statements: Sequence[Statement],
    publication: Publication,
    progress: Progress,
) -> None:
    """Publish at the given rate, in steps of a tenth of a second."""
    step = max(1, demo.rate // 10)
    async with OrderPublisher(kafka_access(stack), prefix=stack.topic_prefix) as publisher:
        due = time.monotonic()
        for start in range(0, len(statements), step):
            orders = [statement.order for statement in statements[start : start + step]]
            _note(orders, publication)
            await publisher.publish(orders)
            publication.messages += len(orders)
            if start // step % 5 == 0:
                progress.show((await asyncio.to_thread(Standing.of, client)).statuses)
            due += step / demo.rate
            await asyncio.sleep(max(0.0, due - time.monotonic()))


def _note(orders: Sequence[ChannelOrderReceived], publication: Publication) -> None:
    for order in orders:
        publication.first_at.setdefault((order.channel, order.channel_order_id), time.time())


def _follow(client: Client, expected: int, stock: OpeningStock, progress: Progress) -> None:
    """Let customers and staff act where an order waits for them, until nothing moves any more."""
    people = People(client, stock)
    stood: Standing | None = None
    changed_at = time.monotonic()
    arrived = False
    while time.monotonic() - changed_at < PATIENCE_S:
        now = Standing.of(client)
        if now != stood:
            stood, changed_at = now, time.monotonic()
            progress.show(now.statuses)
        people.act()
        if not arrived and now.orders == expected and now.waits_for_goods:
            people.goods_arrive()
            arrived = True
        if arrived and now.orders == expected and now.at_rest:
            return
        time.sleep(POLL_S)
