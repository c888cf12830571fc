"""The operations API, the same in every service: facts, streams, parked messages, reminders, lag, chain."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

import orjson
import structlog
from fastapi import APIRouter, Depends, Query
from fastapi.responses import StreamingResponse
from pydantic import BaseModel, Field, TypeAdapter

from shared.eventsourcing.api_keys import Caller, requires
from shared.eventsourcing.decider import Model
from shared.eventsourcing.decoding import Decoder
from shared.eventsourcing.folds import LAST_VERSION, Folds, Period
from shared.eventsourcing.ids import NO_ID
from shared.eventsourcing.lanes import LANES
from shared.eventsourcing.pipeline import Pipeline
from shared.eventsourcing.problems import Problem, problem
from shared.eventsourcing.store import LogEntry, ParkedMessage, Store, StreamRow

log = structlog.get_logger()

PAGE = 1_000
"""Rows of one page."""
WHOLE = 100
"""Messages of one page that come with their payloads: each may hold a megabyte."""
MOST_DISCARDED = 10_000
"""Messages dropped in one request."""

Position = Annotated[int, Query(ge=0, le=2**62)]
LaneNumber = Annotated[int, Query(ge=0, lt=LANES)]
Limit = Annotated[int, Query(ge=1, le=PAGE)]
StreamNames = Annotated[list[str], Query(min_length=1, max_length=100)]
CorrelationIds = Annotated[list[str], Query(min_length=1, max_length=200)]


async def _rows(payload: bool = True, limit: Annotated[int | None, Query(ge=1, le=PAGE)] = None) -> int:
    """How many messages a page holds; with their payloads fewer."""
    most = WHOLE if payload else PAGE
    if limit is not None and limit > most:
        raise problem(422, "Invalid request", f"a page holds {WHOLE} messages with payloads, {PAGE} without")
    return limit or most


Rows = Annotated[int, Depends(_rows)]
Writer = Annotated[Caller, Depends(requires("operations:write"))]


class Discard(BaseModel, frozen=True):
    """Which parked messages of a key are dropped, and why."""

    reason: str = Field(min_length=1, max_length=2_000)
    messages: tuple[UUID, ...] | None = Field(
        default=None,
        min_length=1,
        max_length=MOST_DISCARDED,
        description="Their ids; without them all that are parked under the key when it is done, seen or not.",
    )


def operations_routers(
    model: Model,
    store: Store,
    pipeline: Pipeline,
    taken_from: dict[str, list[str]],
    decoder: Decoder,
) -> tuple[APIRouter, APIRouter]:
    """The routes under `/operations`: those that read, and those that write.

    `taken_from` says which wire types the service takes from which topic; `oms verify` compares by it.
    """
    reads, writes = _requiring("operations:read"), _requiring("operations:write")
    _tell_facts(reads, model, store)
    _tell_streams(reads, model, store, Folds(model, store, decoder))
    _handle_parked(reads, writes, store, pipeline)
    _tell_log(reads, store, taken_from)
    return reads, writes


def _requiring(scope: str) -> APIRouter:
    return APIRouter(prefix="/operations", tags=["operations"], dependencies=[Depends(requires(scope))])


def _tell_facts(reads: APIRouter, model: Model, store: Store) -> None:
    @reads.get("/facts", summary="All that the service recorded about one order")
    async def facts(correlation_id: Annotated[str, Query(min_length=1, max_length=200)]) -> dict[str, Any]:
        return {
            "service": model.service,
            "facts": [entry_json(entry) for entry in await store.correlated(correlation_id)],
        }

    @reads.get("/streams", summary="Streams of a category, by name")
    async def streams(category: str, after: str = "", limit: Limit = PAGE) -> dict[str, Any]:
        rows = await store.streams(category, after, limit)
        return {
            "streams": [
                {"stream": name, "version": row.version, "state": orjson.loads(row.state)} for name, row in rows
            ]
        }


def _tell_streams(reads: APIRouter, model: Model, store: Store, folding: Folds) -> None:
    async def comparison(stream: str) -> dict[str, Any]:
        fold, fault = None, ""
        try:
            fold = await folding.fold(stream, Period())
        except Problem as altered:
            fault = str(altered)
        current = await store.stream(stream)
        if current is None:
            return {"stream": stream, "fault": "has no stored state"}
        if fold is None:
            return {"stream": stream, "fault": fault}
        return {"stream": stream, "version": fold.facts, "state": fold.state, **_stored(current)}

    async def with_events(answer: dict[str, Any], stream: str, period: Period) -> AsyncIterator[bytes]:
        yield orjson.dumps(answer).removesuffix(b"}") + b',"events":['
        separator = b""
        async for page in folding.pages(stream, period):
            if page:
                yield separator + b",".join(orjson.dumps(entry_json(entry)) for entry in page)
                separator = b","
        yield b"]}"

    @reads.get(
        "/streams/{stream:path}",
        summary="One stream, now or as of a version or a time",
        response_model=dict[str, Any],
    )
    async def stream(
        stream: str, version: Position | None = None, at: datetime | None = None
    ) -> StreamingResponse:
        if at is not None and at.tzinfo is None:
            raise problem(422, "Invalid request", "at needs an offset, for example 2026-03-02T14:34:00Z")
        fold = await folding.fold(stream, Period(version=LAST_VERSION if version is None else version, at=at))
        current = await store.stream(stream)
        if current is None:
            raise problem(404, "Unknown stream", f"{model.service} has no stream {stream}")
        answer = {"stream": stream, "version": fold.facts, "state": fold.state, **_stored(current)}
        events = with_events(answer, stream, Period(version=fold.version, at=at))
        return StreamingResponse(events, media_type="application/json")

    @reads.get("/folds", summary="Several streams: what is stored of each, and the fold of its facts")
    async def folds(stream: StreamNames) -> dict[str, Any]:
        return {"folds": [await comparison(name) for name in stream]}


def _stored(row: StreamRow) -> dict[str, Any]:
    return {"stored_version": row.version, "stored_state": orjson.loads(row.state)}


def _handle_parked(reads: APIRouter, writes: APIRouter, store: Store, pipeline: Pipeline) -> None:
    @reads.get("/parked", summary="Messages that wait for a person, in the order of their ids")
    async def parked(
        rows: Rows, after: UUID = NO_ID, key: str | None = None, payload: bool = True
    ) -> dict[str, Any]:
        found = await store.parked(key, after=after, limit=rows, whole=payload)
        return {"parked": [_parked_json(one, payload) for one in found]}

    @reads.get("/parked/keys", summary="Keys that stand still: the first message of each, how many are behind it")
    async def parked_keys(rows: Rows, after: str = "", payload: bool = True) -> dict[str, Any]:
        found = await store.parked_keys(after, rows, whole=payload)
        return {
            "keys": [{**_parked_json(one.first, payload), "waiting_behind": one.messages - 1} for one in found]
        }

    @writes.post("/parked/{key:path}/retry", summary="Try a key's parked messages again, in their order")
    async def retry(key: str, caller: Writer) -> dict[str, int]:
        outcome = {"went_through": await pipeline.retry_parked(key), "left": await store.parked_under(key)}
        log.info("parked messages were tried again", key=key, actor=caller.name, **outcome)
        return outcome

    @writes.post("/parked/{key:path}/discard", summary="Drop parked messages of a key, some or all")
    async def discard(key: str, why: Discard, caller: Writer) -> dict[str, Any]:
        count = await store.discard_parked(
            key, at=datetime.now(UTC), actor=caller.name, reason=why.reason, only=why.messages
        )
        log.info("parked messages were discarded", key=key, actor=caller.name, reason=why.reason, discarded=count)
        return {"discarded": count, "left": await store.parked_under(key), "reason": why.reason}

    @reads.get("/discarded", summary="Messages that a person dropped, with who and why")
    async def discarded(rows: Rows, after: UUID = NO_ID, payload: bool = True) -> dict[str, Any]:
        found = await store.discarded(after=after, limit=rows, whole=payload)
        return {
            "discarded": [
                {
                    **_parked_json(one.message, payload),
                    "discarded_at": one.at.isoformat(),
                    "discarded_by": one.actor,
                    "discarded_because": one.reason,
                }
                for one in found
            ]
        }

    @reads.get("/reminders", summary="What the service will remind itself of, about some orders")
    async def reminders(correlation_id: CorrelationIds) -> dict[str, Any]:
        return {
            "reminders": [
                {
                    "id": str(one.id),
                    "due_at": one.due_at.isoformat(),
                    "type": one.type,
                    "key": one.partition_key,
                    "correlation_id": one.correlation_id,
                }
                for one in await store.reminders(correlation_id)
            ]
        }


def _tell_log(reads: APIRouter, store: Store, taken_from: dict[str, list[str]]) -> None:
    @reads.get("/lag", summary="How far every reader is in each lane, and which instance holds it")
    async def lag() -> dict[str, Any]:
        positions = await store.reader_positions()
        return {
            "readers": [
                {
                    "reader": one.reader,
                    "lane": one.lane,
                    "position": one.position,
                    "head": one.head,
                    "owner": one.owner,
                    "epoch": one.epoch,
                }
                for one in positions
            ]
        }

    @reads.get("/lanes", summary="The head and the chain hash of every lane")
    async def lanes() -> dict[str, Any]:
        return {
            "lanes": [
                {"lane": lane, "head": head.head, "chain_hash": head.chain_hash.hex()}
                for lane, head in (await store.lanes()).items()
            ]
        }

    @reads.get("/chain", summary="A segment of a lane with its hashes")
    async def chain(lane: LaneNumber, after: Position = 0, limit: Limit = PAGE) -> dict[str, Any]:
        slices = await store.read({lane: after}, limit)
        return {"entries": [entry_json(entry, chained=True) for one in slices for entry in one.entries]}

    @reads.get("/takes", summary="Which wire types the service takes from which topic")
    async def takes() -> dict[str, Any]:
        return {"takes": taken_from}

    @reads.get("/published", summary="Ids of log entries for a topic, in order")
    async def published(
        topic: str,
        types: Annotated[list[str], Query()],
        lane: LaneNumber,
        after: UUID = NO_ID,
        limit: Limit = PAGE,
    ) -> dict[str, Any]:
        return {"ids": [str(id) for id in await store.published(topic, types, lane, after, limit)]}

    @reads.get("/consumed", summary="Ids of messages taken from a source, in order")
    async def consumed(source: str, after: UUID = NO_ID, limit: Limit = PAGE) -> dict[str, Any]:
        return {"ids": [str(id) for id in await store.consumed(source, after, limit)]}

    @reads.get("/answers", summary="What callers over HTTP were answered, by the ids of their messages, in order")
    async def answers(after: UUID = NO_ID, limit: Limit = PAGE) -> dict[str, Any]:
        kept = await store.answers(after, limit)
        return {"answers": [{"message_id": str(id), **orjson.loads(reply)} for id, reply in kept]}


def entry_json(entry: LogEntry, *, chained: bool = False) -> dict[str, Any]:
    """A log entry as JSON; with `chained` the payload is the exact text that was hashed."""
    return {
        "id": str(entry.id),
        "kind": entry.kind,
        "type": entry.type,
        "topic": entry.topic,
        "stream": entry.stream,
        "version": entry.version,
        "lane": entry.lane,
        "position": entry.position,
        "partition_key": entry.partition_key,
        "correlation_id": entry.correlation_id,
        "causation_id": str(entry.causation_id),
        "actor": entry.actor,
        "reason": entry.reason,
        "occurred_at": _moment(entry.occurred_at),
        "recorded_at": _moment(entry.recorded_at),
        "payload": entry.payload if chained else orjson.loads(entry.payload),
        **({"hash": entry.hash.hex()} if chained else {}),
    }


_MOMENT = TypeAdapter(datetime)


def _moment(moment: datetime) -> str:
    text: str = _MOMENT.dump_python(moment, mode="json")
    return text


def _parked_json(message: ParkedMessage, payload: bool) -> dict[str, Any]:
    told = {
        "id": str(message.id),
        "key": message.key,
        "blocking": message.blocking,
        "message_id": str(message.message_id),
        "source": message.source,
        "type": message.type,
        "correlation_id": message.correlation_id,
        "reason": message.explanation,
        "origin": dict(message.origin),
        "parked_at": message.parked_at.isoformat(),
    }
    return {**told, "payload": message.payload.decode(errors="replace")} if payload else told
