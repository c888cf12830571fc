"""The one way in: Kafka batches, HTTP calls, due reminders and results of effects share transactions here."""

import asyncio
import random
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Protocol
from uuid import UUID

import structlog
from msgspec import structs

from shared.events.payload import Payload
from shared.eventsourcing.batch import Batch, StateCodec, decide_batch, decode_reply, seal
from shared.eventsourcing.bell import Bell
from shared.eventsourcing.clock import Clock
from shared.eventsourcing.decider import Model, Reply
from shared.eventsourcing.decoding import Decoder
from shared.eventsourcing.definition import IdempotencyConflict, KeyParked, Translate
from shared.eventsourcing.failpoints import reach
from shared.eventsourcing.gathering import WORTH_A_BATCH, rest_after
from shared.eventsourcing.lanes import lane_of
from shared.eventsourcing.messages import Arrival, Malformed, Record
from shared.eventsourcing.parking import correlation_id_of, tried_again, unreadable_record, unstorable
from shared.eventsourcing.store import (
    Append,
    Claim,
    Loaded,
    LogEntry,
    ParkedMessage,
    Store,
    StoreConflict,
    StoredReply,
    StoreRejects,
    StoreUnavailable,
    Transaction,
)

log = structlog.get_logger()

MAX_BATCH = 500
"""At most so many messages are decided in one transaction."""
MAX_AMONG_CALLERS = 50
"""At most so many of the broker's messages while an HTTP caller waits, so that its answer is not delayed."""
CALLING_S = 1.0
"""For how long after a call the next is expected."""
MAX_WAITING = 2_000
"""One more call is refused while so many wait: a few batches, or what comes in seconds without a store."""
BACKOFF_S = (0.05, 5.0)
"""First and longest pause after the store failed."""


class PipelineObserver(Protocol):
    """What is counted about the pipeline."""

    def batch_committed(self, messages: int, duplicates: int, parked: int, seconds: float) -> None:
        """A batch is durable."""
        ...

    def batch_retried(self, cause: str) -> None:
        """A batch is decided again."""
        ...


@dataclass(frozen=True, slots=True)
class Committed:
    """What readers of the log are told after a commit."""

    entries: Sequence[LogEntry]
    earliest_reminder: datetime | None


@dataclass(slots=True, eq=False)
class _Work:
    """Messages that came together and are answered together."""

    arrivals: Sequence[Arrival]
    unreadable: Sequence[ParkedMessage] = ()
    urgent: bool = False
    """Somebody waits for the answer."""
    done: "asyncio.Future[None]" = field(default_factory=lambda: asyncio.get_running_loop().create_future())
    answers: dict[UUID, Reply | Exception] = field(default_factory=dict)

    def finish(self) -> None:
        """Tell who brought them, who may have gone while they were being decided."""
        if not self.done.done():
            self.done.set_result(None)


class Pipeline:
    """Takes messages in order of their coming, a batch a transaction, and answers after the commit."""

    def __init__(
        self,
        model: Model,
        store: Store,
        clock: Clock,
        *,
        translate: Translate,
        decoder: Decoder,
        observer: PipelineObserver,
        on_commit: Callable[[Committed], None],
    ) -> None:
        self._model = model
        self._store = store
        self._clock = clock
        self._translate = translate
        self._decoder = decoder
        self._observer = observer
        self._on_commit = on_commit
        self._codec = StateCodec(model)
        self._waiting: deque[_Work] = deque()
        self._arrived = asyncio.Event()
        self._called = Bell()
        self._called_at = datetime.min.replace(tzinfo=UTC)
        """When somebody who waits for an answer last asked."""
        self._stopping = False

    async def run(self) -> None:
        """Decide batches until `stop`; what waits by then is still decided."""
        while True:
            await self._arrived.wait()
            self._arrived.clear()
            while self._waiting:
                began = self._clock.now()
                await self._decide_until_stored(self._next_batch())
                await self._gather((self._clock.now() - began).total_seconds())
            if self._stopping:
                return

    def stop(self) -> None:
        """Finish what waits, then return from `run`."""
        self._stopping = True
        self._arrived.set()

    async def take_records(self, records: Sequence[Record]) -> None:
        """Take a batch from the broker; returns when all of it is safe in the store."""
        arrivals: list[Arrival] = []
        unreadable: list[ParkedMessage] = []
        for record in records:
            try:
                arrival = self._translate(record)
            except Malformed as error:
                unreadable.append(unreadable_record(self._clock, record, str(error)))
                continue
            except Exception as error:
                log.exception(
                    "message parked: it can't be translated",
                    place=record.place,
                    correlation_id=correlation_id_of(record),
                )
                explanation = f"{type(error).__name__}: {error}"
                unreadable.append(unreadable_record(self._clock, record, explanation))
                continue
            if arrival is not None and type(arrival.message) in self._model.routes:
                arrivals.append(arrival)
        taken = 0
        while unreadable or taken < len(arrivals):
            end = taken + self._most_at_once()
            await self._enqueue(_Work(arrivals[taken:end], unreadable))
            taken, unreadable = end, []

    async def take(self, arrivals: Sequence[Arrival], unreadable: Sequence[ParkedMessage] = ()) -> None:
        """Take reminders or results of effects; returns when they are safe in the store."""
        await self._enqueue(_Work(arrivals, unreadable))

    async def submit(
        self,
        message: Payload,
        *,
        partition_key: str,
        actor: str,
        reason: str = "",
        correlation_id: str = "",
        message_id: UUID | None = None,
        body_digest: bytes = b"",
        patient: bool = False,
    ) -> Reply:
        """Implements `Submit`."""
        if len(self._waiting) >= MAX_WAITING:
            raise StoreUnavailable("too many wait already")
        arrival = Arrival(
            message=message,
            message_id=message_id or self._clock.new_id(),
            partition_key=partition_key,
            correlation_id=correlation_id or partition_key,
            source="http",
            actor=actor,
            reason=reason,
            body_digest=body_digest,
            wants_reply=True,
        )
        work = _Work([arrival], urgent=not patient)
        await self._enqueue(work)
        answer = work.answers[arrival.message_id]
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def retry_parked(self, key: str) -> int:
        """Try the parked messages of a key again, one by one until one fails; returns how many succeeded."""
        succeeded = 0
        row = await self._store.first_parked(key)
        while row is not None:
            try:
                again = tried_again(self._decoder, row)
            except Malformed as error:
                log.warning(
                    "a parked message still can't be read",
                    key=key,
                    correlation_id=row.correlation_id,
                    error=str(error),
                )
                break
            await self._enqueue(_Work([again]))
            following = await self._store.first_parked(key)
            if following is not None and following.id == row.id:
                break
            succeeded += 1
            row = following
        return succeeded

    def _most_at_once(self) -> int:
        quiet_s = (self._clock.now() - self._called_at).total_seconds()
        return MAX_AMONG_CALLERS if quiet_s < CALLING_S else MAX_BATCH

    async def _enqueue(self, work: _Work) -> None:
        if not work.arrivals and not work.unreadable:
            return
        if self._stopping:
            raise StoreUnavailable("the service is stopping")
        self._waiting.append(work)
        self._arrived.set()
        if work.urgent:
            self._called_at = self._clock.now()
            self._called.ring()
        try:
            await work.done
        except asyncio.CancelledError:
            # Nobody was told that it was accepted. What is in hand is decided: its commit may be under way.
            with suppress(ValueError):
                self._waiting.remove(work)
            raise

    async def _gather(self, took_s: float) -> None:
        """Let messages gather while those that wait are few, and until somebody waits for an answer."""
        few = sum(len(work.arrivals) for work in self._waiting) < WORTH_A_BATCH
        if few and not self._stopping and not any(work.urgent for work in self._waiting):
            self._called = Bell()
            await self._called.heard_within(rest_after(took_s))

    def _next_batch(self) -> list[_Work]:
        """Works that fit into one transaction; parked messages that are tried again keep to themselves."""
        batch = [self._waiting.popleft()]
        size = len(batch[0].arrivals)
        while self._waiting and not _retries(batch[0]) and not _retries(self._waiting[0]):
            size += len(self._waiting[0].arrivals)
            if size > MAX_BATCH:
                break
            batch.append(self._waiting.popleft())
        return batch

    async def _decide_until_stored(self, works: list[_Work]) -> None:
        pause = BACKOFF_S[0]
        while True:
            try:
                await self._decide(works)
            except StoreConflict:
                self._observer.batch_retried("conflict")
                await self._clock.sleep(random.uniform(0, 0.01))  # noqa: S311 - spreads out competitors
            except StoreUnavailable as error:
                self._observer.batch_retried("unavailable")
                log.warning("store unavailable, the batch will be decided again", error=str(error), pause_s=pause)
                await self._clock.sleep(pause)
                pause = min(pause * 2, BACKOFF_S[1])
            except (StoreRejects, _Unwritable) as error:
                self._observer.batch_retried("rejected")
                await self._isolate(works, error)
                return
            else:
                for work in works:
                    work.finish()
                return

    async def _isolate(self, works: list[_Work], error: Exception) -> None:
        """Find the message whose outputs can't be stored, and park it alone."""
        arrivals = [(work, arrival) for work in works for arrival in work.arrivals]
        if not arrivals:
            raise error
        if len(arrivals) == 1 and len(works) == 1:
            await self._park_unstorable(works[0], arrivals[0][1], error)
            return
        for work, arrival in arrivals:
            part = _Work([arrival])
            await self._decide_until_stored([part])
            work.answers.update(part.answers)
        for work in works:
            if work.unreadable:
                await self._decide_until_stored([_Work((), work.unreadable)])
            work.finish()

    async def _park_unstorable(self, work: _Work, arrival: Arrival, error: Exception) -> None:
        log.error(
            "message parked: its outputs can't be stored",
            error=str(error),
            message_type=arrival.message.wire_type,
            key=arrival.partition_key,
            correlation_id=arrival.correlation_id,
        )
        work.unreadable = [*work.unreadable, unstorable(self._clock, arrival, str(error))]
        work.answers[arrival.message_id] = KeyParked(arrival.partition_key)
        work.arrivals = ()
        await self._decide_until_stored([work])

    async def _decide(self, works: list[_Work]) -> None:
        began = self._clock.now()
        arrivals = [arrival for work in works for arrival in work.arrivals]
        unreadable = [message for work in works for message in work.unreadable]
        async with self._store.transaction() as transaction:
            fresh, new_unreadable, earlier = await self._claim(transaction, arrivals, unreadable)
            reach("after_claim")
            held = frozenset(one.key for one in new_unreadable if one.blocking)
            batch, append = await self._decide_fresh(transaction, fresh, held)
            if new_unreadable:
                append = structs.replace(
                    append,
                    parked=[*new_unreadable, *append.parked],
                    done_reminders=[
                        *append.done_reminders,
                        *(one.message_id for one in new_unreadable if one.source == "reminder"),
                    ],
                )
            await transaction.append(append)
            reach("before_commit")
        reach("after_commit")
        self._codec.remember(batch)
        self._answer(works, batch, earlier)
        elapsed = (self._clock.now() - began).total_seconds()
        self._observer.batch_committed(len(fresh), len(arrivals) - len(fresh), len(append.parked), elapsed)
        earliest = min((reminder.due_at for reminder in batch.reminders), default=None)
        self._on_commit(Committed(append.entries, earliest))

    async def _claim(
        self, transaction: Transaction, arrivals: Sequence[Arrival], unreadable: Sequence[ParkedMessage]
    ) -> tuple[list[Arrival], list[ParkedMessage], dict[UUID, StoredReply]]:
        """Split off what was taken before; a parked message that is tried again was claimed when it came."""
        claims = [
            Claim(one.message_id, one.source, lane_of(one.partition_key), one.body_digest)
            for one in arrivals
            if not one.parked_id
        ]
        claims += [Claim(one.message_id, one.source, lane_of(one.key)) for one in unreadable]
        claimed = set(await transaction.claim(claims))
        retried = [one.parked_id for one in arrivals if one.parked_id]
        claimed |= await transaction.standing(retried) if retried else frozenset()
        fresh: list[Arrival] = []
        repeated: list[UUID] = []
        for arrival in arrivals:
            id = arrival.parked_id or arrival.message_id
            if id in claimed:
                claimed.discard(id)
                fresh.append(arrival)
            elif arrival.wants_reply:
                repeated.append(arrival.message_id)
        new_unreadable = [one for one in unreadable if one.message_id in claimed]
        earlier = dict(await transaction.replies(repeated)) if repeated else {}
        return fresh, new_unreadable, earlier

    async def _decide_fresh(
        self, transaction: Transaction, fresh: Sequence[Arrival], held: frozenset[str]
    ) -> tuple[Batch, Append]:
        if not fresh:
            return Batch(self._clock.now()), Append(recorded_at=self._clock.now())
        keys = sorted({arrival.partition_key for arrival in fresh})
        loaded = await transaction.load(
            sorted({stream for arrival in fresh for stream in self._streams(arrival)}),
            keys,
            sorted({lane_of(key) for key in keys}),
        )
        if fresh[0].parked_id:
            loaded = Loaded(loaded.streams, frozenset(), loaded.heads)
        if held:
            loaded = Loaded(loaded.streams, loaded.parked_keys | held, loaded.heads)
        with _blaming(fresh):
            batch = decide_batch(self._model, self._codec, self._clock, fresh, loaded)
            return batch, seal(batch, self._codec, self._clock, loaded.heads)

    def _streams(self, arrival: Arrival) -> tuple[str, ...]:
        """The streams that a message touches; none for one that fails to name them, which parks when decided."""
        try:
            return self._model.routes[type(arrival.message)].streams(arrival.message)
        except Exception:
            return ()

    def _answer(self, works: Sequence[_Work], batch: Batch, earlier: dict[UUID, StoredReply]) -> None:
        digests = {one.message_id: one.body_digest for work in reversed(works) for one in reversed(work.arrivals)}
        for work in works:
            for arrival in work.arrivals:
                if arrival.wants_reply:
                    work.answers[arrival.message_id] = _answer_to(arrival, batch, earlier, digests)


def _retries(work: _Work) -> bool:
    return bool(work.arrivals) and work.arrivals[0].parked_id is not None


def _answer_to(
    arrival: Arrival, batch: Batch, earlier: dict[UUID, StoredReply], digests: dict[UUID, bytes]
) -> Reply | Exception:
    stored = earlier.get(arrival.message_id)
    digest = stored.digest if stored else digests[arrival.message_id]
    if arrival.body_digest != digest:
        return IdempotencyConflict("this idempotency key came before with another body")
    if reply := batch.replies.get(arrival.message_id):
        return reply
    if stored and stored.reply:
        return decode_reply(stored.reply)
    return KeyParked(arrival.partition_key)


class _Unwritable(Exception):
    """What a batch decided can't be written down, or a stored state not read."""


@contextmanager
def _blaming(fresh: Sequence[Arrival]) -> Iterator[None]:
    """One message or its stream is at fault: the batch is taken apart, so that it parks alone."""
    try:
        yield
    except Exception as error:
        log.exception("the batch is taken apart", correlation_ids=sorted({one.correlation_id for one in fresh}))
        raise _Unwritable(f"{type(error).__name__}: {error}") from error
