"""Planted bugs where messages come in and go out: callers, what is parked or refused, and what is published."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from typing import Any
from unittest.mock import patch

from msgspec import structs

from services.order.domain import taking
from services.order.domain.model import model as order_model
from shared.events.order import ApproveOrder, CancelOrder, RejectOrder, ReleaseHold
from shared.events.payload import Payload
from shared.eventsourcing import relay
from shared.eventsourcing.decider import NOTHING, Decision, Reply, Route
from shared.eventsourcing.memory.store import MemoryStore
from shared.eventsourcing.messages import Malformed, Record
from shared.eventsourcing.pipeline import Pipeline
from shared.eventsourcing.store import ParkedMessage
from tests.simulation import services


@contextmanager
def answered_early() -> Iterator[None]:
    right, right_fresh = Pipeline._decide, Pipeline._decide_fresh
    in_hand: dict[Pipeline, list[Any]] = {}

    async def decide(self: Pipeline, works: list[Any]) -> None:
        in_hand[self] = works
        await right(self, works)

    async def decide_fresh(self: Pipeline, *about: Any) -> Any:
        batch, append = await right_fresh(self, *about)
        works = [one for one in in_hand[self] if all(each.message_id in batch.replies for each in one.arrivals)]
        self._answer(works, batch, {})
        for work in works:
            work.finish()
        return batch, append

    with patch.object(Pipeline, "_decide", decide), patch.object(Pipeline, "_decide_fresh", decide_fresh):
        yield


@contextmanager
def wish_ignored() -> Iterator[None]:
    def decide(states: Any, message: Any, context: Any) -> Decision:
        return Decision(reply=Reply("accepted"))

    right = order_model(review=services.review)
    ignored: dict[type[Payload], Route[Any]] = {
        wish: Route(right.routes[wish].streams, decide)
        for wish in (ReleaseHold, ApproveOrder, RejectOrder, CancelOrder)
    }
    model = replace(right, routes={**right.routes, **ignored})
    with patch.object(services, "MODELS", {**services.MODELS, "order": model}):
        yield


@contextmanager
def newest_parked_first() -> Iterator[None]:
    async def first_parked(self: MemoryStore, key: str) -> ParkedMessage | None:
        rows = [row for row in await self.parked(key) if row.blocking]
        return rows[-1] if rows else None

    with patch.object(MemoryStore, "first_parked", first_parked):
        yield


@contextmanager
def unreadable_dropped() -> Iterator[None]:
    right = Pipeline.take_records

    async def take_records(self: Pipeline, records: Sequence[Record]) -> None:
        readable = []
        for record in records:
            try:
                self._translate(record)
            except Malformed:
                continue
            readable.append(record)
        await right(self, readable)

    with patch.object(Pipeline, "take_records", take_records):
        yield


@contextmanager
def refusal_kept_back() -> Iterator[None]:
    right = taking._reject

    def reject(case: Any, message: Any, *why: Any) -> Decision:
        return NOTHING if message.original_base64 else right(case, message, *why)

    with patch.object(taking, "_reject", reject):
        yield


@contextmanager
def cause_left_out() -> Iterator[None]:
    right = relay._outgoing

    def outgoing(entry: Any, source: str) -> Any:
        message = right(entry, source)
        kept = [header for header in message.headers if header[0] != "ce_causationid"]
        return structs.replace(message, headers=kept)

    with patch.object(relay, "_outgoing", outgoing):
        yield
