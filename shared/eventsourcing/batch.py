"""Deciding a whole batch in memory, without the store: a transaction needs only to load, write and commit."""

from collections import OrderedDict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Annotated, Any, Literal, get_args
from uuid import UUID

import orjson
import structlog
from msgspec import Struct
from pydantic import Discriminator, TypeAdapter

from shared.events.payload import Payload
from shared.events.registry import topic_of
from shared.eventsourcing.chain import entry_hash
from shared.eventsourcing.clock import Clock
from shared.eventsourcing.decider import Context, Decision, Model, Reply, StreamStates, decide
from shared.eventsourcing.lanes import lane_of
from shared.eventsourcing.messages import Arrival
from shared.eventsourcing.parking import undecided
from shared.eventsourcing.store import (
    Append,
    LaneHead,
    Loaded,
    LogEntry,
    ParkedMessage,
    StoredReminder,
    StreamRow,
    StreamWrite,
)

log = structlog.get_logger()

CACHED_STATES = 5_000
"""Decoded states kept in memory, the least recently used go first."""


@dataclass(slots=True)
class Batch:
    """What a batch decided so far; `seal` gives it its places in the lanes."""

    now: datetime
    outputs: list["Output"] = field(default_factory=list)
    states: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, int] = field(default_factory=dict)
    new_streams: set[str] = field(default_factory=set)
    changed: set[str] = field(default_factory=set)
    reminders: list[StoredReminder] = field(default_factory=list)
    done_reminders: list[UUID] = field(default_factory=list)
    replies: dict[UUID, Reply] = field(default_factory=dict)
    parked: list[ParkedMessage] = field(default_factory=list)
    unparked: list[UUID] = field(default_factory=list)
    parked_keys: set[str] = field(default_factory=set)


class Output(Struct, frozen=True, gc=False):
    """A fact or a request on its way into a lane."""

    lane: int
    cause: Arrival
    message: Payload
    stream: str
    version: int


class StateCodec:
    """States as JSON, and a cache that saves decoding what this process wrote itself."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._adapters = {one.name: _adapter(one.state_type) for one in model.categories}
        self._cache: OrderedDict[str, tuple[int, Any]] = OrderedDict()

    def decode(self, stream: str, row: StreamRow) -> Any:
        """The state of a stream as it stands in the store."""
        cached = self._cache.get(stream)
        if cached is not None and cached[0] == row.version:
            self._cache.move_to_end(stream)
            return cached[1]
        return self._adapters[stream.partition("-")[0]].validate_json(row.state)

    def encode(self, stream: str, state: Any) -> str:
        """The JSON of a state."""
        return self._adapters[stream.partition("-")[0]].dump_json(state).decode()

    def remember(self, batch: Batch) -> None:
        """Keep the states of a batch that is known to be committed."""
        for stream in batch.changed:
            self._cache[stream] = (batch.versions[stream], batch.states[stream])
            self._cache.move_to_end(stream)
        while len(self._cache) > CACHED_STATES:
            self._cache.popitem(last=False)


def decide_batch(
    model: Model, codec: StateCodec, clock: Clock, arrivals: Sequence[Arrival], loaded: Loaded
) -> Batch:
    """Decide messages in order. One whose key is parked queues behind it; one that raises parks its key alone."""
    batch = Batch(now=clock.now(), parked_keys=set(loaded.parked_keys))
    for stream, row in loaded.streams.items():
        batch.states[stream] = codec.decode(stream, row)
        batch.versions[stream] = row.version
    states = StreamStates(model, batch.states)
    for arrival in arrivals:
        if arrival.partition_key in batch.parked_keys:
            _park(batch, clock, arrival, "queued behind a parked message of the same key")
            continue
        try:
            decision, after = decide(model, states, arrival.message, _context(batch, arrival))
        except Exception as error:
            log.exception(
                "message parked",
                message_type=arrival.message.wire_type,
                key=arrival.partition_key,
                correlation_id=arrival.correlation_id,
            )
            _park(batch, clock, arrival, f"{type(error).__name__}: {error}")
            continue
        _take(batch, clock, arrival, decision, after)
    return batch


def seal(batch: Batch, codec: StateCodec, clock: Clock, heads: Mapping[int, LaneHead]) -> Append:
    """Give every output its position and hash, and gather all that the batch writes."""
    reached = dict(heads)
    entries = []
    for output in batch.outputs:
        entry = _entry(output, reached[output.lane], batch.now, clock.new_id())
        reached[output.lane] = LaneHead(entry.position, entry.hash)
        entries.append(entry)
    return Append(
        recorded_at=batch.now,
        entries=entries,
        heads={lane: head for lane, head in reached.items() if head != heads[lane]},
        streams=[
            StreamWrite(
                stream=stream,
                version=batch.versions[stream],
                state=codec.encode(stream, batch.states[stream]),
                is_new=stream in batch.new_streams,
            )
            for stream in sorted(batch.changed)
        ],
        reminders=batch.reminders,
        done_reminders=batch.done_reminders,
        replies={message_id: encode_reply(reply) for message_id, reply in batch.replies.items()},
        parked=batch.parked,
        unparked=batch.unparked,
    )


def encode_reply(reply: Reply) -> str:
    """A reply as it is kept for a caller who asks again."""
    return orjson.dumps({"outcome": reply.outcome, "body": dict(reply.body)}).decode()


def decode_reply(stored: str) -> Reply:
    """A kept reply."""
    return Reply(**orjson.loads(stored))


def _context(batch: Batch, arrival: Arrival) -> Context:
    return Context(
        now=batch.now,
        message_id=arrival.message_id,
        partition_key=arrival.partition_key,
        correlation_id=arrival.correlation_id,
        actor=arrival.actor,
        reason=arrival.reason,
    )


def _take(batch: Batch, clock: Clock, arrival: Arrival, decision: Decision, after: StreamStates) -> None:
    lane = lane_of(arrival.partition_key)
    for recorded in decision.events:
        version = batch.versions.get(recorded.stream, 0) + 1
        if version == 1:
            batch.new_streams.add(recorded.stream)
        batch.versions[recorded.stream] = version
        batch.changed.add(recorded.stream)
        batch.outputs.append(Output(lane, arrival, recorded.event, recorded.stream, version))
    for stream, state in after.items():
        if stream in batch.versions:
            batch.states[stream] = state
    for command in decision.commands:
        batch.outputs.append(Output(lane, arrival, command, "", 0))
    for reminder in decision.reminders:
        key = reminder.partition_key or arrival.partition_key
        batch.reminders.append(
            StoredReminder(
                id=clock.new_id(),
                due_at=reminder.at,
                type=reminder.message.wire_type,
                payload=_json(reminder.message),
                partition_key=key,
                correlation_id=arrival.correlation_id if key == arrival.partition_key else key,
                actor=arrival.actor,
                traceparent=arrival.traceparent,
            )
        )
    if arrival.wants_reply:
        batch.replies[arrival.message_id] = decision.reply or Reply("accepted")
    _finish(batch, arrival)
    if arrival.parked_id:
        batch.unparked.append(arrival.parked_id)


def _finish(batch: Batch, arrival: Arrival) -> None:
    if arrival.source == "reminder":
        batch.done_reminders.append(arrival.message_id)


def _park(batch: Batch, clock: Clock, arrival: Arrival, explanation: str) -> None:
    batch.parked_keys.add(arrival.partition_key)
    if arrival.parked_id:
        return
    batch.parked.append(undecided(clock, arrival, explanation, batch.now))
    _finish(batch, arrival)


def _entry(output: Output, before: LaneHead, now: datetime, id: UUID) -> LogEntry:
    cause, message = output.cause, output.message
    position = before.head + 1
    payload = _json(message)
    kind: Literal["event", "command"] = "event" if output.stream else "command"
    topic = topic_of(type(message))
    occurred_at = message.happened_at() or now
    return LogEntry(
        lane=output.lane,
        position=position,
        id=id,
        kind=kind,
        type=message.wire_type,
        topic=topic,
        stream=output.stream,
        version=output.version,
        partition_key=cause.partition_key,
        correlation_id=cause.correlation_id,
        causation_id=cause.message_id,
        actor=cause.actor,
        reason=cause.reason,
        occurred_at=occurred_at,
        recorded_at=now,
        traceparent=cause.traceparent or _new_trace(cause.message_id),
        payload=payload,
        message=message,
        hash=entry_hash(
            before.chain_hash,
            lane=output.lane,
            position=position,
            id=str(id),
            kind=kind,
            type=message.wire_type,
            topic=topic,
            stream=output.stream,
            version=output.version,
            partition_key=cause.partition_key,
            correlation_id=cause.correlation_id,
            causation_id=str(cause.message_id),
            actor=cause.actor,
            reason=cause.reason,
            occurred_at=occurred_at,
            recorded_at=now,
            payload=payload,
        ),
    )


def _json(message: Payload) -> str:
    return message.__pydantic_serializer__.to_json(message).decode()


def _new_trace(message_id: UUID) -> str:
    return f"00-{message_id.hex}-{message_id.hex[16:]}-01"


@cache
def _adapter(state_type: Any) -> TypeAdapter[Any]:
    """Costly to make, and the same for every pipeline of a process."""
    return TypeAdapter[Any](_discriminated(state_type))


def _discriminated(state_type: Any) -> Any:
    """A union of statuses is told apart by its `status`."""
    return Annotated[state_type, Discriminator("status")] if len(get_args(state_type)) > 1 else state_type
