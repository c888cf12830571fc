"""A service's moving parts on any store, broker and clock: pipeline, relay, reminders, effects, views."""

import asyncio
from collections.abc import Collection, Coroutine, Iterable, Sequence
from functools import partial
from typing import Any

import structlog

from shared.events.payload import Event, Payload
from shared.events.registry import CONTRACT
from shared.eventsourcing.broker import Broker
from shared.eventsourcing.clock import Clock
from shared.eventsourcing.decider import Reply
from shared.eventsourcing.decoding import Decoder
from shared.eventsourcing.definition import ServiceDefinition, Submit
from shared.eventsourcing.effects import EffectWorker
from shared.eventsourcing.metrics import Metrics
from shared.eventsourcing.nul import holds_nul
from shared.eventsourcing.pipeline import Committed, Pipeline
from shared.eventsourcing.projections import Projector
from shared.eventsourcing.reading_lanes import LEASE_S, LaneReader
from shared.eventsourcing.relay import Relay
from shared.eventsourcing.reminders import Reminders
from shared.eventsourcing.store import Store, StoreRejects, StoreUnavailable
from shared.eventsourcing.tail import Tail
from shared.eventsourcing.views import view_id

log = structlog.get_logger()

ANSWER_WITHIN_S = 20.0
"""How long an HTTP caller is kept waiting for the commit."""


class Runtime:
    """Starts and stops the parts of a service in an order in which nothing is lost."""

    def __init__(
        self,
        definition: ServiceDefinition,
        store: Store,
        broker: Broker,
        clock: Clock,
        *,
        metrics: Metrics,
        owner: str,
        source: str,
        lease_s: float = LEASE_S,
    ) -> None:
        self.service = definition.model.service
        internal = {message.wire_type: message for message in definition.internal}
        self.decoder = Decoder({**CONTRACT, **internal}, definition.upcasters)
        self.running = False
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._definition = definition
        self._store = store
        self._broker = broker
        self._clock = clock
        self._owner = owner
        self._lease_s = lease_s
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self.pipeline = Pipeline(
            definition.model,
            store,
            clock,
            translate=definition.translate,
            decoder=self.decoder,
            observer=metrics,
            on_commit=self._committed,
        )
        self.submit: Submit = self._submit
        self._tail = Tail()
        self._readers: list[LaneReader] = []
        self._relay = Relay(self._reader("relay"), broker, clock, source=source, published=metrics.published)
        self._reminders = Reminders(store, clock, self.pipeline, self.decoder)
        self._effects = self._effect_worker(metrics) if definition.effects else None
        self._projectors = [
            Projector(view, self._reader(view_id(view), view.handles), store, clock, self.decoder)
            for view in definition.views
        ]
        broker.subscribe(
            definition.topics, self.service, self.pipeline.take_records, partial(self._fail, "deliveries")
        )

    async def start(self) -> None:
        """Take over at once what an earlier process of this name left, start the parts, deliveries last.

        Raises:
            BrokerUnavailable: no broker answers.
        """
        await self._release(self._owner.partition("/")[0])
        self._spawn("pipeline", self.pipeline.run())
        self._spawn("relay", self._relay.run())
        self._spawn("reminders", self._reminders.run())
        if self._effects is not None:
            self._spawn("effects", self._effects.run())
        for number, projector in enumerate(self._projectors):
            self._spawn(f"view {number}", projector.run())
        await self._broker.start()
        self.running = True

    async def stop(self) -> None:
        """Take nothing new, finish what is in hand, give the leases back; what is not published yet will be."""
        started, self.running = self.running, False
        self._relay.stop()
        await self._ended(["relay"], within_s=15 if started else 1)  # the broker that it waits for may not come
        await self._broker_stopped()
        self._reminders.stop()
        if self._effects is not None:
            self._effects.stop()
        for projector in self._projectors:
            projector.stop()
        await self._ended([name for name in self._tasks if name not in ("pipeline", "relay")])
        self.pipeline.stop()
        await self._ended(["pipeline"])
        await self._release(self._owner)

    def wake_all(self, *, elsewhere: bool = True) -> None:
        """Say that something was committed, by this process or by another one."""
        for reader in self._readers:
            reader.wake(elsewhere=elsewhere)

    def written_elsewhere(self, lanes: Collection[int]) -> None:
        """Say to which lanes another process has written."""
        for reader in self._readers:
            reader.written_elsewhere(lanes)

    async def _release(self, owner: str) -> None:
        try:
            await self._store.release_leases(owner)
        except StoreUnavailable as error:
            log.warning("leases run out by themselves", error=str(error))

    async def _submit(
        self, message: Payload, *, partition_key: str, actor: str, reason: str = "", **metadata: Any
    ) -> Reply:
        """A caller can be told what a broker's record could only be parked for."""
        if holds_nul(message, partition_key, actor, reason):
            raise StoreRejects("a text holds the character NUL")
        # Callers have a task each: what goes wrong there says what it is about.
        structlog.contextvars.bind_contextvars(correlation_id=metadata.get("correlation_id") or partition_key)
        metadata |= {"partition_key": partition_key, "actor": actor, "reason": reason}
        async with asyncio.timeout(ANSWER_WITHIN_S):
            return await self.pipeline.submit(message, **metadata)

    async def _broker_stopped(self) -> None:
        try:
            await asyncio.wait_for(self._broker.stop(), 15)
        except TimeoutError:
            log.warning("the broker did not let go in time; its last batch will be delivered again")

    def _committed(self, committed: Committed) -> None:
        if committed.entries:
            self._tail.add(committed.entries)
            self.wake_all(elsewhere=False)
        self._reminders.wake(committed.earliest_reminder)

    def _effect_worker(self, metrics: Metrics) -> EffectWorker:
        effects = self._definition.effects
        # A few of each lane at a time: thousands of tasks at once would keep the rest of the process waiting.
        reader = self._reader("effects", effects, limit_per_lane=8)
        return EffectWorker(
            reader,
            self._store,
            self._clock,
            self.pipeline,
            effects,
            self.decoder,
            failed=metrics.effect_failed,
        )

    def _reader(
        self, name: str, events: Iterable[type[Event]] | None = None, *, limit_per_lane: int = 200
    ) -> LaneReader:
        reader = LaneReader(
            self._store,
            self._clock,
            name=name,
            owner=self._owner,
            tail=self._tail,
            types=None if events is None else self.decoder.versions_of(events),
            limit_per_lane=limit_per_lane,
            lease_s=self._lease_s,
            near=self._broker.near,
        )
        self._readers.append(reader)
        return reader

    def _spawn(self, name: str, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work, name=name)
        self._tasks[name] = task
        task.add_done_callback(self._ended_early)

    def _ended_early(self, task: asyncio.Task[None]) -> None:
        """A part that fails takes the process with it: a half-dead service must not look alive."""
        if not task.cancelled() and (error := task.exception()):
            self._fail(task.get_name(), error)

    def _fail(self, part: str, error: BaseException) -> None:
        if not self.failed.done():
            log.error("a part of the service failed", part=part, exc_info=error)
            self.failed.set_exception(error)

    async def _ended(self, names: Sequence[str], within_s: float = 15) -> None:
        tasks = [self._tasks[name] for name in names if name in self._tasks]
        if not tasks:
            return
        _, late = await asyncio.wait(tasks, timeout=within_s)
        for task in late:
            log.warning("a part of the service did not end in time", part=task.get_name())
            task.cancel()
