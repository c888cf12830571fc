"""Orders as the script for Emmett reads them: each is a list of commands, each on one stream."""

import json
from collections import Counter
from collections.abc import Sequence
from itertools import groupby
from operator import attrgetter
from pathlib import Path
from typing import Any
from uuid import uuid4

from benchmarks.peers.facts import FACTS_PER_ORDER, PLENTY, STEPS, PlacementOrder, all_skus, facts, orders

CONCURRENCIES = (2, 8, 24)
WARM_UP = 60
RUNS = 3
ORDERS = 300


def write_orders(path: Path) -> None:
    """What the script places: some orders for each concurrency that it tries, then the runs."""
    contents = {
        "skus": all_skus(),
        "plenty": PLENTY,
        "facts_per_order": FACTS_PER_ORDER,
        "warm_ups": {concurrency: _batch(WARM_UP) for concurrency in CONCURRENCIES},
        "runs": [_batch(ORDERS) for _ in range(RUNS)],
    }
    path.write_text(json.dumps(contents))


def commands(order: PlacementOrder) -> Sequence[dict[str, Any]]:
    """A command a stream and step: the events that it appends, and how many the stream must have before."""
    stored = Counter[str]()
    result = []
    for step in STEPS:
        for stream, appended in groupby(facts(order, step), key=attrgetter("stream")):
            events = [{"type": fact.type, "data": fact.payload} for fact in appended]
            result.append({"stream": stream, "events": events, "follows": stored[stream]})
            stored[stream] += len(events)
    return result


def _batch(count: int) -> list[Sequence[dict[str, Any]]]:
    return [commands(order) for order in orders(count, run=uuid4().hex[:12])]
