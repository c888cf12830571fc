"""One world: five services, their customers and everyone outside, under virtual time, from one seed."""

import asyncio
import random as global_random
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import copy_context
from dataclasses import dataclass, replace
from datetime import timedelta
from random import Random
from typing import Any
from uuid import UUID

from deploy.local.topics import SERVICES
from shared.events.cloudevents import Metadata, headers_of
from shared.events.payload import Payload
from shared.eventsourcing import failpoints, reading_lanes, reminders
from shared.eventsourcing.broker import Outgoing
from shared.eventsourcing.decider import Model, Reply
from shared.eventsourcing.definition import IdempotencyConflict, KeyParked
from shared.eventsourcing.lanes import lane_of
from shared.eventsourcing.memory.virtual_time import VirtualClock
from shared.eventsourcing.store import Append, Claim, StoreUnavailable
from shared.eventsourcing.views import View
from tests.simulation.answers import Answer, Answers
from tests.simulation.books import Books
from tests.simulation.carrier import Carrier
from tests.simulation.faults import Fault
from tests.simulation.gateway import Effect, Gateway
from tests.simulation.instance import Instance
from tests.simulation.log_cluster import SlowCluster
from tests.simulation.mailbox import Mailbox
from tests.simulation.parked import Parked
from tests.simulation.processes import Process, ProcessLoop, reached
from tests.simulation.services import VIEWS, Outside, definition
from tests.simulation.site import Site
from tests.simulation.trace import Trace
from tests.simulation.wire import Wire

POLL_S = 4.0
"""How often an instance looks without being woken, where there may be something to see."""
NUDGE_S = 1.0
NEVER_S = 1e9
LONG_S = 60.0
"""A wait that is worth leaping over."""
LEASE = timedelta(seconds=reading_lanes.LEASE_S)
SESSION_S = 6.0
"""After so long without a word the broker takes a member for dead."""
HTTP_PATIENCE = 400
"""Attempts of a caller that will not take no for an answer."""


def keeps_views(seed: int) -> bool:
    """Whether the services of a world keep views: to do without costs less, and shows as much of the rest."""
    return Random(f"{seed}/views").random() < 0.5


class World:
    """Puts the world together and keeps it turning; what is done in it is the script's business."""

    def __init__(self, seed: int, loop: ProcessLoop) -> None:
        self.seed = seed
        self.loop = loop
        self.trace = Trace()
        self.books = Books()
        self.random = self.stream("world")
        self.clock = VirtualClock(loop, self.stream("clock"))
        self.cluster = SlowCluster(loop)
        self.sites = {service: Site(service) for service in SERVICES}
        self.answers = Answers(self.sites, self.books)
        self.parked = Parked(self.books)
        self.views = keeps_views(seed)
        self.deliveries: dict[UUID, float] = {}
        """Notices from outside that have yet to arrive, and when they set out."""
        self.calls = 0
        """HTTP calls under way."""
        self.published: dict[UUID, str] = {}
        """Id of each channel message to the number of its order; empty where the bytes hold no order."""
        self.awaited: dict[tuple[str, str], asyncio.Event] = {}
        """Order and type of the facts that somebody waits for."""
        self.seen_to: dict[str, int] = {}
        """How often operators have seen to an order."""
        self.troubled = True
        self.struck: set[Fault] = set()
        """Faults that really did something."""
        self.fenced: Counter[str] = Counter()
        """How often somebody was kept from going on with what others had taken over."""
        self.mistimed: set[str] = set()
        """Processes whose clocks were set."""
        self.wires = {name: Wire(self.stream(name)) for name in ("payment", "shipping", "notification")}
        self.outside = Outside(
            gateway=Gateway(self.clock.now, self.wires["payment"], self._gateway_tells, self._gateway_did),
            carrier=Carrier(
                self.clock.now,
                self.wires["shipping"],
                self.stream("parcels"),
                self._carrier_tells,
                self._carrier_did,
            ),
            mailbox=Mailbox(self.wires["notification"]),
        )
        self.alter: Callable[[Model, Site], Model] = lambda model, site: model
        self._stirred = asyncio.Event()
        self._context = copy_context()
        self._tasks: list[asyncio.Task[Any]] = []
        self._looking = self.spawn(self._look())

    def stream(self, name: str) -> Random:
        """A source of chance of its own, so that one consumer more does not change what others draw."""
        return Random(f"{self.seed}/{name}")  # seeded by the text itself, not by its hash

    @property
    def now(self) -> float:
        """Virtual seconds since the world began."""
        return self.loop.time()

    def note(self, who: str, what: str) -> None:
        """Write a line into the trace."""
        self.trace.note(self.now, who, what)

    def spawn(self, work: Any) -> "asyncio.Task[Any]":
        """Run something outside of every process."""
        task = self.loop.create_task(work, context=self._context.copy())
        task.add_done_callback(self._must_not_fail)
        self._tasks.append(task)
        return task

    def launch(self, service: str, slot: int) -> Instance:
        """Start an instance of a service."""
        site = self.sites[service]
        site.started += 1
        name = f"{service}-{site.started}"
        process = Process(name, self.loop)
        instance = self._context.copy().run(self._instance, site, process)
        while len(site.slots) <= slot:
            site.slots.append(None)
        site.slots[slot] = instance
        self.note(name, "starts")
        instance.start()
        return instance

    def kill(self, instance: Instance) -> None:
        """End an instance where it stands; the broker takes a while to notice."""
        slots = self.sites[instance.service].slots
        if instance in slots:
            self.note(instance.name, "is dead")
            instance.process.kill()
            slots[slots.index(instance)] = None
            self.loop.call_later(SESSION_S, instance.leave_group, context=self._context)

    def stir(self, service: str, lanes: Iterable[int]) -> None:
        """A service has committed something."""
        site = self.sites[service]
        site.stirred = True
        site.written.update(dict.fromkeys(lanes))
        self._stirred.set()

    async def heard(self, number: str, fact: str, patience_s: float) -> None:
        """Wait for a fact about an order, but not for ever."""
        stated = self.awaited.setdefault((number, fact), asyncio.Event())
        with suppress(TimeoutError):
            async with asyncio.timeout(patience_s):
                await stated.wait()

    async def call(
        self,
        service: str,
        message: Payload,
        *,
        key: str,
        correlation: str,
        actor: str,
        reason: str = "",
        message_id: UUID,
        digest: bytes = b"",
    ) -> Reply | None:
        """Call a service over HTTP, again and again under the same id until it answers; None if it never does."""
        self.calls += 1
        try:
            for attempt in range(HTTP_PATIENCE):
                instances = self.sites[service].responsive()
                if instances:
                    try:
                        reply = await self.random.choice(instances).runtime.submit(
                            message,
                            partition_key=key,
                            correlation_id=correlation,
                            actor=actor,
                            reason=reason,
                            message_id=message_id,
                            body_digest=digest,
                        )
                    except KeyParked:
                        self.answers.note(Answer(service, message, message_id, None), digest)
                        return Reply("accepted")
                    except (StoreUnavailable, TimeoutError):
                        pass
                    except IdempotencyConflict:
                        self.answers.conflict(service, message_id, digest)
                        return Reply("conflict")
                    else:
                        self.answers.note(Answer(service, message, message_id, reply), digest)
                        return reply
                await asyncio.sleep(min(0.5 * (attempt + 1), 20.0))
            return None
        finally:
            self.calls -= 1

    def publish(self, identity: UUID, kind: Payload, key: str, source: str, *, times: int = 1) -> None:
        """Send a channel's message, perhaps several times."""
        headers = headers_of(
            Metadata(
                id=str(identity), source=source, type=kind.wire_type, time=self.clock.now(), partition_key=key
            )
        )
        value = kind.model_dump_json().encode()
        for _ in range(times):
            self.cluster.append(
                Outgoing(topic="channel.orders", lane=lane_of(key), key=key.encode(), value=value, headers=headers)
            )

    def deliver(self, service: str, after_s: float, identity: UUID, message: Any, actor: str) -> None:
        """Let a notice from outside arrive: late, perhaps twice, and again until it is taken."""
        lateness = self.random.choice((0.0, 0.0, 0.005, 0.05, 0.5, 5.0))
        self.deliveries[identity] = self.now + after_s + lateness
        self.spawn(self._delivery(service, after_s + lateness, identity, message, actor))

    async def leap(self, seconds: float) -> None:
        """Let time pass. Over a long wait nobody looks without being woken: there would be nothing to see."""
        if seconds > LONG_S:
            self._looking.cancel()
            nudging = self.spawn(self._nudge())
            await asyncio.sleep(seconds)
            nudging.cancel()
            self._keep_leases()
            for site in self.sites.values():
                self._wake(site)
            self._looking = self.spawn(self._look())
        else:
            await asyncio.sleep(max(0.0, seconds))

    async def _look(self) -> None:
        """Instances look without being woken, but for the looks that would find nothing."""
        while True:
            await asyncio.sleep(POLL_S)
            self._keep_leases()
            for site in self.sites.values():
                if site.worth_a_look(self.clock.now()):
                    self._wake(site)

    async def _nudge(self) -> None:
        """Where something was committed, instances look at least once after it."""
        while True:
            await self._stirred.wait()
            self._stirred.clear()
            await asyncio.sleep(NUDGE_S)
            stirred = [site for site in self.sites.values() if site.stirred]
            for site in stirred:
                site.stirred = False
                self._wake(site)

    def _wake(self, site: Site) -> None:
        for instance in site.slots:
            if instance is not None and instance.process.alive:
                instance.poll()

    def _keep_leases(self) -> None:
        """What the looks that were left out would have done: who lives keeps what it holds."""
        until = self.clock.now() + LEASE
        for site in self.sites.values():
            living = {one.name for one in site.slots if one is not None and one.responsive and not one.line.down}
            for rows in site.tables.readers.values():
                for row in rows.values():
                    if row.expires_at < until and row.owner in living:
                        row.expires_at = until
            for name in sorted(living):
                if name in site.tables.instances:
                    site.tables.instances[name] = max(site.tables.instances[name], until)

    def views_of(self, site: Site) -> tuple[View, ...]:
        """The views of a service as an instance that starts now keeps them."""
        views = VIEWS[site.service] if self.views else ()
        return tuple(replace(view, version=view.version + site.upgraded) for view in views)

    def unrest(self) -> Iterator[str]:
        """What is under way; nothing when the world is at rest."""
        for name, wire in self.wires.items():
            if wire.under_way:
                yield f"{name} has requests under way"
        if self.calls:
            yield f"{self.calls} HTTP calls are under way"
        for site in self.sites.values():
            for reader in site.behind():
                yield f"{site.service}: {reader} is behind"
            if site.reminders_due(self.clock.now()):
                yield f"{site.service}: reminders are due"
            if not site.responsive():
                yield f"{site.service}: nobody runs"
        yield from self.cluster.unread()

    def part_failed(self) -> Iterator[tuple[str, BaseException]]:
        """Instances of which a part ended by itself."""
        for site in self.sites.values():
            for instance in site.slots:
                if instance is not None and instance.process.alive and (error := instance.failure()):
                    yield instance.name, error

    def _instance(self, site: Site, process: Process) -> Instance:
        witness = _Witness(self, site.service)
        return Instance(
            definition(
                site.service,
                self.outside,
                process,
                views=self.views_of(site),
                alter=lambda model: self.alter(model, site),
                begins=lambda intent: witness.carries_out(process.name, intent),
            ),
            process,
            tables=site.tables,
            locks=site.locks,
            cluster=self.cluster,
            clock=VirtualClock(self.loop, self.stream(f"{process.name} ids")),
            store_clock=self.clock,
            random=self.stream(f"{process.name} line"),
            witness=witness,
        )

    def _must_not_fail(self, task: "asyncio.Task[Any]") -> None:
        if not task.cancelled() and (error := task.exception()):
            self.books.find("the simulation itself", repr(task.get_coro()), f"{type(error).__name__}: {error}")

    def _gateway_tells(self, identity: UUID, notice: Any) -> None:
        self.deliver("payment", 0.0, identity, notice, "gateway")

    def _gateway_did(self, effect: Effect) -> None:
        told = f"{effect.operation} {effect.amount} for {effect.reference} under {effect.key}"
        self.note("gateway", f"{told}, asked by {effect.caused_by}")
        self.books.effect(effect)

    def _carrier_did(self, what: str, key: str) -> None:
        self.note("carrier", f"{what} under {key}")
        self.books.carrier_effect(what, key)

    def _carrier_tells(self, after_s: float, identity: UUID, tracked: Any) -> None:
        self.deliver("shipping", after_s, identity, tracked, "carrier")

    async def _delivery(self, service: str, after_s: float, identity: UUID, message: Any, actor: str) -> None:
        await asyncio.sleep(after_s)
        number = message.order_number
        while True:
            reply = await self.call(
                service, message, key=number, correlation=number, actor=actor, message_id=identity
            )
            if reply is not None:
                if self.random.random() < 0.1:
                    continue
                break
        self.deliveries.pop(identity, None)


@dataclass(frozen=True, slots=True)
class _Witness:
    """Implements `Witness` for one service."""

    world: World
    service: str

    def committed(self, instance: str, append: Append, claims: Sequence[Claim]) -> None:
        if append.entries or append.parked or append.reminders:
            self.world.stir(self.service, append.heads)
            self.world.trace.note(self.world.now, instance, append)
            if awaited := self.world.awaited:
                for entry in append.entries:
                    if stated := awaited.get((entry.correlation_id, entry.type)):
                        stated.set()
        self.world.books.committed(self.service, append, claims)
        self.world.parked.committed(self.service, append)

    def cursor(self, reader: str, lane: int, before: int, after: int) -> None:
        self.world.books.cursor(f"{self.service} {reader}", lane, before, after)

    def fenced(self, what: str) -> None:
        self.world.fenced[what] += 1

    def carries_out(self, owner: str, intent: Any) -> None:
        self.begins(owner, "effects", (lane_of(intent.order_number),))

    def begins(self, owner: str, reader: str, lanes: Collection[int]) -> None:
        """A zombie that looks at its clock, as it has to, begins nothing that others have taken over."""
        rows, now = self.world.sites[self.service].tables.readers[reader], self.world.clock.now()
        lost = [lane for lane in lanes if rows[lane].owner != owner and rows[lane].expires_at > now]
        if lost and owner not in self.world.mistimed:
            told = f"{reader} went on in lane {min(lost)}, which is {rows[min(lost)].owner}'s"
            self.world.books.find("zombies begin nothing", owner, told)


@contextmanager
def world(seed: int) -> Iterator[World]:
    """A world that can be run on the current thread; in the end nothing of it is left."""
    before = reading_lanes.POLL_S, reminders.POLL_S
    state = global_random.getstate()
    loop = ProcessLoop(Random(f"{seed}/schedule"))
    reading_lanes.POLL_S = reminders.POLL_S = NEVER_S  # the world says when it is worth while
    failpoints.on_reach(reached)
    global_random.seed(seed)
    asyncio.set_event_loop(loop)
    try:
        yield World(seed, loop)
    finally:
        failpoints.on_reach(None)
        reading_lanes.POLL_S, reminders.POLL_S = before
        global_random.setstate(state)
        end(loop)


def end(loop: ProcessLoop) -> None:
    """Cancel all that still runs, and close the loop."""
    loop.steps = 0
    tasks = [task for task in asyncio.all_tasks(loop) if not task.done()]
    for task in tasks:
        task.cancel()
    try:
        if tasks:
            loop.run_until_complete(asyncio.gather(*tasks, return_exceptions=True))
    finally:
        asyncio.set_event_loop(None)
        loop.close()
