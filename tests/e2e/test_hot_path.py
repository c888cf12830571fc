"""The budget of the hot path: statements, round trips and bytes of a batch; time is not looked at.

A service takes 200 messages that lie ready in its topic, in one batch, and publishes what comes of them. All that
it says to PostgreSQL and Kafka meanwhile passes a tap. What goes by the clock, such as leases and polls, is told
apart by its statements and not counted.

When a figure grows for a good reason, the budget is the place to say so; when it falls, lower the budget with it.
"""

import asyncio
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import pytest

from deploy.local.components import service
from deploy.local.kafka import Detour
from deploy.local.ports import HOST, Ports
from deploy.local.stack import Stack
from shared.events.cloudevents import Metadata, headers_of
from shared.events.inventory import ReserveStock
from shared.events.registry import topic_of
from shared.events.values import Customer, RequestedLine
from shared.eventsourcing.postgres.migrate import migrate
from tests.breakable import breakable
from tests.e2e.kafka import Headers, publish_many
from tests.e2e.orders import a_line, an_order
from tests.e2e.shop import Shop
from tests.wire.figures import bytes_in_kafka, bytes_in_postgres, counts_in_kafka, counts_in_postgres, excess
from tests.wire.tap import Connection, Tap

SERVICES = ("order", "inventory")
MESSAGES = 200
SKUS = [f"hot-path-{number:02}" for number in range(20)]

COUNTS = {
    # figure: order, inventory
    "pipeline: begin": (1, 1),
    "pipeline: claim_messages": (1, 1),
    "pipeline: lock_streams": (1, 1),
    "pipeline: lock_lanes": (1, 1),
    "pipeline: append": (1, 1),
    "pipeline: commit": (1, 1),
    "pipeline: round trips": (6, 6),
    "view orders: begin": (1, 0),
    "view orders: advance": (1, 0),
    "view orders: lock_view_rows": (1, 0),
    "view orders: add_view_rows": (1, 0),
    "view orders: commit": (1, 0),
    "view orders: round trips": (5, 0),
    "view reservations: begin": (0, 1),
    "view reservations: advance": (0, 1),
    "view reservations: lock_view_rows": (0, 1),
    "view reservations: add_view_rows": (0, 1),
    "view reservations: commit": (0, 1),
    "view reservations: round trips": (0, 5),
    "view stock: begin": (0, 1),
    "view stock: advance": (0, 1),
    "view stock: lock_view_rows": (0, 1),
    "view stock: rewrite_view_rows": (0, 1),
    "view stock: commit": (0, 1),
    "view stock: round trips": (0, 5),
    "consumer: fetches that bring records": (1, 1),
    "consumer: commits of offsets": (1, 1),
    "relay: produce requests": (3, 2),  # the producer sends what it has while it is given the rest
    "relay: record batches": (16, 8),
    "relay: records": (800, 800),
}
"""Of one batch; never more."""

BYTES = {
    # figure: order, inventory
    "pipeline: bytes to PostgreSQL a message": (5052, 3110),
    "pipeline: bytes from PostgreSQL a message": (52.1, 67.9),
    "view orders: bytes to PostgreSQL a message": (562, 0),
    "view orders: bytes from PostgreSQL a message": (4.7, 0),
    "view reservations: bytes to PostgreSQL a message": (0, 384),
    "view reservations: bytes from PostgreSQL a message": (0, 4.6),
    "view stock: bytes to PostgreSQL a message": (0, 41.3),
    "view stock: bytes from PostgreSQL a message": (0, 36.4),
    "consumer: bytes fetched a message": (1362, 570),
    "relay: bytes produced a record": (906, 702),
}
MARGIN = 0.02
"""Of bytes: how many lanes and partitions a batch touches depends on its keys."""

LEASES = (
    "begin commit seen lock_reader add_reader other_instances take_leases renew_leases give_up_leases "
    "release_leases forget_instances"
)
POLLS = "read_lanes read_lanes_of_types advance due_reminders next_reminder_at"
QUESTIONS = "lanes reader_positions backlog"
LISTENING = ('listen "log"', "select 1", 'unlisten "log"')
BY_THE_CLOCK = frozenset({*LEASES.split(), *POLLS.split(), *QUESTIONS.split(), *LISTENING})
"""Not counted: leases, polls and positions of readers, what operators ask, wake-ups from other instances."""


@dataclass(frozen=True, slots=True)
class Overheard:
    """What one service said while it took the batch."""

    postgres: Sequence[Connection]
    kafka: Sequence[Connection]


class Bench:
    """Kafka and PostgreSQL, and services that reach both by taps alone."""

    def __init__(self, stack: Stack, postgres: Tap, kafka: Tap) -> None:
        self.shop = Shop(stack)
        self._stack = stack
        self._postgres = postgres
        self._kafka = kafka
        self._added: set[str] = set()

    def add(self, of: str) -> None:
        """Let a service have a database of its own and nothing to do, and be down."""
        if of not in self._added:
            self._start(of)
            self._added.add(of)
            self.end(of)

    def _start(self, of: str) -> None:
        known = self._stack.description
        migrate(of, known.databases[of])
        settings = {
            "OMS_DATABASE_URL": _by_port(known.databases[of], self._postgres.listens),
            "OMS_KAFKA_BOOTSTRAP": f"{HOST}:{self._kafka.listens}",
        }
        self._stack.add(service(of, environment=settings))
        self.shop.client.stack = self._stack.description

    def receive(self, skus: Iterable[str]) -> None:
        """Let the inventory, which is down, have enough of each."""
        self._stack.restart("inventory")
        for sku in skus:
            self.shop.receive(sku, "EAST", MESSAGES)
        self.end("inventory")

    def end(self, of: str) -> None:
        """Let a service finish all that it has, and end it."""
        self.shop.until(partial(self._has_caught_up, of), f"the readers of {of}")
        self.shop.terminate(of)

    def overhear(self, of: str) -> Overheard:
        """Let a service that is down come up, take what lies ready, publish what comes of it, and go down."""
        all_taken = partial(self._has_taken_all, of)
        return self.overhear_while(of, lambda: self.shop.until(all_taken, f"{of} to take {MESSAGES} messages"))

    def overhear_while(self, of: str, happens: Callable[[], object]) -> Overheard:
        """Let a service that is down come up for what happens, publish what comes of it, and go down."""
        self._cut()
        self._stack.restart(of)
        happens()
        self.end(of)
        return self._cut()

    def _cut(self) -> Overheard:
        return Overheard(self._postgres.cut(), self._kafka.cut())

    def _has_taken_all(self, of: str) -> bool:
        metrics = self.shop.ask("GET", of, "/metrics").text
        taken = re.search(r'^oms_messages_total{outcome="decided"} (\S+)$', metrics, re.MULTILINE)
        return taken is not None and float(taken[1]) >= MESSAGES

    def _has_caught_up(self, of: str) -> bool:
        readers = self.shop.client.get(of, "/operations/lag")["readers"]
        return all(row["position"] == row["head"] for row in readers)


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """The servers alone; the taps need a broker that names its clients the tap's port."""
    ports = Ports({})
    detour = Detour(listens=ports.of("kafka detour"), advertised=ports.of("kafka tap"))
    stack = Stack(
        tmp_path_factory.mktemp("hot-path"), components=(), infrastructure=breakable(), kafka_detour=detour
    )
    try:
        server = urlsplit(stack.start().postgres).port or 0
        with (
            Tap(listens=ports.of("postgres tap"), target=server) as postgres,
            Tap(listens=detour.advertised, target=detour.listens) as kafka,
        ):
            bench = Bench(stack, postgres, kafka)
            yield bench
            bench.shop.close()
            stack.stop()
    finally:
        stack.discard()


def test_200_orders_cost_the_order_service_no_more_than_their_budget(bench: Bench) -> None:
    bench.add("order")
    lines = [a_line(sku, line_id=str(number)) for number, sku in enumerate(SKUS[:3])]
    bench.shop.publish(*(an_order(*lines, **identity(number)) for number in range(MESSAGES)))

    expect_no_more_than_budgeted("order", bench.overhear("order"))


def test_200_reservations_cost_the_inventory_no_more_than_their_budget(bench: Bench) -> None:
    bench.add("inventory")
    bench.receive(SKUS)
    known = bench.shop.client.stack
    asyncio.run(
        publish_many(
            known.kafka, known.topic_prefix, topic_of(ReserveStock), list(map(reservation, range(MESSAGES)))
        )
    )

    expect_no_more_than_budgeted("inventory", bench.overhear("inventory"))


def test_a_call_is_answered_after_no_more_statements_than_a_batch_takes(bench: Bench) -> None:
    bench.add("inventory")

    overheard = bench.overhear_while("inventory", lambda: bench.shop.receive(SKUS[0], "EAST", 1))

    counts = counts_in_postgres(overheard.postgres, by_the_clock=BY_THE_CLOCK)
    found = excess(of_the_pipeline(counts), of_the_pipeline(budget(COUNTS, "inventory")))
    assert not found, "what inventory spends on a call:\n" + "\n".join(found)


def expect_no_more_than_budgeted(of: str, overheard: Overheard) -> None:
    counts = counts_in_postgres(overheard.postgres, by_the_clock=BY_THE_CLOCK) + counts_in_kafka(overheard.kafka)
    sizes = bytes_in_postgres(overheard.postgres, MESSAGES) | bytes_in_kafka(overheard.kafka, MESSAGES)
    found = excess(counts, budget(COUNTS, of)) + excess(sizes, budget(BYTES, of), margin=MARGIN)
    assert not found, f"what {of} spends on a batch of {MESSAGES} messages:\n" + "\n".join(found)


def budget(table: Mapping[str, tuple[float, float]], of: str) -> dict[str, float]:
    """The column of a service."""
    return {name: row[SERVICES.index(of)] for name, row in table.items() if row[SERVICES.index(of)]}


def of_the_pipeline(figures: Mapping[str, float]) -> dict[str, float]:
    return {name: figure for name, figure in figures.items() if name.startswith("pipeline: ")}


def identity(number: int) -> dict[str, Any]:
    """Names of the same length in every run."""
    name = f"hot-path-{number:03}"
    return {
        "channel_order_id": name,
        "customer": Customer(id=f"customer-of-{name}", name="Ada Byron", email=f"{name}@example.com"),
    }


def reservation(number: int) -> tuple[bytes, bytes, Headers]:
    """A request for three of the SKUs, as the order service sends it: key, value, headers."""
    order = f"HOT0-PATH-{number:04}"
    lines = tuple(
        RequestedLine(line_id=str(line), sku=SKUS[(3 * number + line) % len(SKUS)], quantity=1)
        for line in range(3)
    )
    expires_at = datetime.now(UTC) + timedelta(days=1)
    command = ReserveStock(order_number=order, lines=lines, country="US", expires_at=expires_at)
    metadata = Metadata(
        id=str(uuid4()),
        source="/orderstream/order",
        type=command.wire_type,
        correlation_id=order,
        partition_key=order,
    )
    return order.encode(), command.model_dump_json().encode(), headers_of(metadata)


def _by_port(url: str, port: int) -> str:
    parts = urlsplit(url)
    return url.replace(f":{parts.port}/", f":{port}/")
