"""The placement over aggregates of the `eventsourcing` library and its PostgreSQL recorder, five commands each."""

import sys
from collections import defaultdict
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import unquote, urlsplit
from uuid import NAMESPACE_URL, UUID, uuid5

import psycopg
from eventsourcing.application import Application
from eventsourcing.domain import Aggregate, event

from benchmarks.peers.facts import (
    FACTS_PER_ORDER,
    LINES_PER_ORDER,
    PLENTY,
    STEPS,
    PlacementOrder,
    all_skus,
    facts,
)
from benchmarks.peers.trial import Trial, UnsoundPeer, run_trial

CONCURRENCIES = (1, 2, 4)


def _id(category: str, name: str) -> UUID:
    return uuid5(NAMESPACE_URL, f"/{category}/{name}")


class Order(Aggregate):
    """Placed, approved, confirmed."""

    @event("Placed")
    def __init__(self, number: str, payload: dict[str, Any]) -> None:
        self.status = "placed"

    @staticmethod
    def create_id(number: str, payload: dict[str, Any]) -> UUID:
        """By its number: an order taken twice is refused by the recorder."""
        return _id("order", number)

    @event("Approved")
    def approve(self, payload: dict[str, Any]) -> None:
        """Review is over."""
        self.status = "approved"

    @event("Confirmed")
    def confirm(self, payload: dict[str, Any]) -> None:
        """Reserved and authorised."""
        self.status = "confirmed"


class Stock(Aggregate):
    """One SKU."""

    @event("Received")
    def __init__(self, sku: str, quantity: int) -> None:
        self.on_hand = quantity
        self.reserved = 0

    @staticmethod
    def create_id(sku: str, quantity: int) -> UUID:
        """By its SKU."""
        return _id("stock", sku)

    def allocate(self, payload: dict[str, Any]) -> None:
        """Reserve a unit.

        Raises:
            UnsoundPeer: there is none.
        """
        if self.reserved >= self.on_hand:
            raise UnsoundPeer("stock ran out")
        self._allocated(payload)

    @event("Allocated")
    def _allocated(self, payload: dict[str, Any]) -> None:
        self.reserved += 1


class Reservation(Aggregate):
    """What is reserved for one order."""

    @event("Reserved")
    def __init__(self, number: str, payload: dict[str, Any]) -> None:
        self.kept = False

    @staticmethod
    def create_id(number: str, payload: dict[str, Any]) -> UUID:
        """By the order's number."""
        return _id("reservation", number)

    @event("Kept")
    def keep(self, payload: dict[str, Any]) -> None:
        """The order was confirmed."""
        self.kept = True


class Payment(Aggregate):
    """Authorised."""

    @event("Authorised")
    def __init__(self, number: str, payload: dict[str, Any]) -> None:
        self.captured = 0

    @staticmethod
    def create_id(number: str, payload: dict[str, Any]) -> UUID:
        """By the order's number."""
        return _id("payment", number)


class Shipment(Aggregate):
    """Requested."""

    @event("Requested")
    def __init__(self, number: str, payload: dict[str, Any]) -> None:
        self.dispatched = False

    @staticmethod
    def create_id(number: str, payload: dict[str, Any]) -> UUID:
        """By the order's number."""
        return _id("shipment", number)


class Placement(Application):
    """Five commands; each stores its facts in one transaction."""

    def receive(self, sku: str) -> None:
        """Plenty of a SKU."""
        self.save(Stock(sku, PLENTY))

    def take(self, order: PlacementOrder) -> None:
        """Accept the order."""
        placed, approved = facts(order, "take")
        taken = Order(order.number, placed.payload)
        taken.approve(approved.payload)
        self.save(taken)

    def reserve(self, order: PlacementOrder) -> None:
        """Reserve its three lines."""
        *allocated, reserved = facts(order, "reserve")
        touched = []
        for sku, fact in zip(order.skus, allocated, strict=True):
            stock = self.repository.get(_id("stock", sku))
            stock.allocate(fact.payload)
            touched.append(stock)
        self.save(*touched, Reservation(order.number, reserved.payload))

    def authorise(self, order: PlacementOrder) -> None:
        """Authorise its payment."""
        (authorised,) = facts(order, "authorise")
        self.save(Payment(order.number, authorised.payload))

    def confirm(self, order: PlacementOrder) -> None:
        """Confirm it, and keep what is reserved."""
        confirmed, kept = facts(order, "confirm")
        taken = self.repository.get(_id("order", order.number))
        taken.confirm(confirmed.payload)
        reservation = self.repository.get(_id("reservation", order.number))
        reservation.keep(kept.payload)
        self.save(taken, reservation)

    def hand_over(self, order: PlacementOrder) -> None:
        """Hand it to shipping."""
        (requested,) = facts(order, "hand over")
        self.save(Shipment(order.number, requested.payload))


class EventSourcingPeer:
    """One process, the only writer: aggregates stay in its cache, as the library allows then."""

    def __init__(self, url: str) -> None:
        self._url = url
        self._application = Placement(_environment(url))
        for sku in all_skus():
            self._application.receive(sku)

    def place(self, orders: Sequence[PlacementOrder], concurrency: int) -> None:
        """Share the orders out by SKU, so that no thread waits for, or conflicts with, another's aggregates."""
        shares = defaultdict(list)
        for order in orders:
            shares[int(order.skus[0].rpartition("-")[2]) // LINES_PER_ORDER % concurrency].append(order)
        with ThreadPoolExecutor(concurrency) as threads:
            list(threads.map(self._place_share, shares.values()))

    def check(self, orders: Sequence[PlacementOrder]) -> None:
        """Count the events, and fold every order and SKU from them, without the cache."""
        with psycopg.connect(self._url) as connection:
            stored = connection.execute("select count(*) from placement_events").fetchone()
        if stored != (len(orders) * FACTS_PER_ORDER + len(all_skus()),):
            raise UnsoundPeer(f"{len(orders)} orders were placed, but {stored} events are stored")
        with Placement(_environment(self._url) | {"AGGREGATE_CACHE_MAXSIZE": ""}) as fresh:
            for order in orders:
                if fresh.repository.get(_id("order", order.number)).status != "confirmed":
                    raise UnsoundPeer(f"order {order.number} is not confirmed")
            reserved = sum(fresh.repository.get(_id("stock", sku)).reserved for sku in all_skus())
        if reserved != len(orders) * LINES_PER_ORDER:
            raise UnsoundPeer(f"{len(orders)} orders of {LINES_PER_ORDER} units, but {reserved} are reserved")

    def close(self) -> None:
        """Close the connections."""
        self._application.close()

    def _place_share(self, orders: Sequence[PlacementOrder]) -> None:
        commands = self._application
        for order in orders:
            for command in (
                commands.take, commands.reserve, commands.authorise, commands.confirm, commands.hand_over
            ):  # fmt: skip
                command(order)


def _environment(url: str) -> dict[str, str]:
    parts = urlsplit(url)
    return {
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
        "POSTGRES_HOST": parts.hostname or "",
        "POSTGRES_PORT": str(parts.port),
        "POSTGRES_USER": unquote(parts.username or ""),
        "POSTGRES_PASSWORD": unquote(parts.password or ""),
        "POSTGRES_DBNAME": parts.path.removeprefix("/"),
        "POSTGRES_POOL_SIZE": str(max(CONCURRENCIES)),
        "AGGREGATE_CACHE_MAXSIZE": "0",
        "AGGREGATE_CACHE_FASTFORWARD": "n",
    }


TRIAL = Trial(
    library="eventsourcing",
    setting="one process, aggregates cached, a transaction a command",
    open=EventSourcingPeer,
    commands_per_order=len(STEPS),
    concurrencies=CONCURRENCIES,
    warm_up=50,
    orders=300,
)

if __name__ == "__main__":
    sys.exit(run_trial(TRIAL))
