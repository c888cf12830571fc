"""How every peer written in Python is tried: settings checked, warm-up, several runs, its own result checked."""

import argparse
import json
import signal
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Protocol
from uuid import uuid4

import psycopg

from benchmarks.peers.facts import PlacementOrder, orders

RUNS = 3
DURABLE = ("fsync", "synchronous_commit", "full_page_writes")


class UnsoundPeer(Exception):
    """The peer's database isn't durable, or its facts don't add up: there is nothing to report."""


class Peer(Protocol):
    """A library that places orders durably in one database."""

    def place(self, orders: Sequence[PlacementOrder], concurrency: int) -> None:
        """Take every order through all steps, so many at a time; return when all are done."""

    def check(self, orders: Sequence[PlacementOrder]) -> None:
        """Raises UnsoundPeer unless the facts of these orders alone are stored, each once, and stock adds up."""

    def close(self) -> None:
        """Let go of connections and threads."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """What to try: the library, how it is opened, and how much of it."""

    library: str
    """Its name on the package index."""
    setting: str
    """How it is used here, in a few words."""
    open: Callable[[str], Peer]
    """Makes the peer on an empty database, by its URL."""
    commands_per_order: int
    concurrencies: tuple[int, ...]
    """The warm-up tries each; the runs keep the fastest."""
    warm_up: int
    """Orders with which each is tried."""
    orders: int
    """In each run."""


def run_trial(trial: Trial) -> int:
    """The program of a peer: one line of JSON on standard output, or one line on standard error and 1."""
    parser = argparse.ArgumentParser(description=f"Place orders with {trial.library}.")
    parser.add_argument("--database", required=True, help="URL of an empty PostgreSQL database")
    url = parser.parse_args().database
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # so that what a peer started ends with it
    try:
        insist_on_durability(url)
        peer = trial.open(url)
        try:
            result = _measure(trial, peer)
        finally:
            peer.close()
    except (UnsoundPeer, psycopg.Error) as error:
        print(f"{trial.library}: {error}", file=sys.stderr)
        return 1
    print(json.dumps(result))
    return 0


def insist_on_durability(url: str) -> None:
    """Raises UnsoundPeer when a commit would not be on disk."""
    with psycopg.connect(url) as connection:
        for name in DURABLE:
            row = connection.execute("select current_setting(%s)", [name]).fetchone()
            if row != ("on",):
                raise UnsoundPeer(f"PostgreSQL runs without {name}")


def _measure(trial: Trial, peer: Peer) -> dict[str, object]:
    placed: list[PlacementOrder] = []

    def rate(count: int, concurrency: int) -> float:
        batch = orders(count, run=uuid4().hex[:12])
        placed.extend(batch)
        began = time.perf_counter()
        peer.place(batch, concurrency)
        return count / (time.perf_counter() - began)

    rate(trial.warm_up, trial.concurrencies[0])
    tried = {concurrency: rate(trial.warm_up, concurrency) for concurrency in trial.concurrencies}
    best = max(tried, key=lambda concurrency: tried[concurrency])
    runs = [rate(trial.orders, best) for _ in range(RUNS)]
    peer.check(placed)
    return {
        "peer": f"{trial.library} {version(trial.library)}",
        "setting": f"{trial.setting}, {best} at a time",
        "commands_per_order": trial.commands_per_order,
        "orders_per_second": runs,
    }
