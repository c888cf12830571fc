"""The broker port in memory: partitioned logs, consumer groups, committed offsets, redelivery."""

import asyncio
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

import structlog

from shared.events.topics import MAX_MESSAGE_BYTES, PARTITIONS
from shared.eventsourcing.broker import BrokerUnavailable, Handle, Outgoing
from shared.eventsourcing.lanes import lanes_of
from shared.eventsourcing.messages import Record

log = structlog.get_logger()

MAX_RECORDS = 500
PAUSE_AFTER_FAILURE_S = 0.5
"""How long a batch rests that could not be handled."""


@dataclass(slots=True)
class Cluster:
    """Topics and offsets. It outlives the processes that use it."""

    partitions: int = PARTITIONS
    topics: dict[tuple[str, int], list[Record]] = field(default_factory=dict)
    offsets: dict[tuple[str, str, int], int] = field(default_factory=dict)
    members: dict[str, list["MemoryBroker"]] = field(default_factory=dict)

    def append(self, message: Outgoing) -> None:
        """Add a message to the partition of its lane."""
        place = message.topic, message.lane % self.partitions
        log = self.topics.setdefault(place, [])
        log.append(
            Record(
                topic=place[0],
                partition=place[1],
                offset=len(log),
                key=message.key,
                value=message.value,
                headers=tuple(message.headers),
            )
        )
        for members in self.members.values():
            for member in members:
                member.arrived(place)

    def rebalance(self, group: str) -> None:
        """Share the partitions out anew; each member begins at the committed offsets."""
        members = self.members.get(group, [])
        for place, member in enumerate(members):
            member.assign(range(place, self.partitions, len(members)))


Hazard = Callable[[str], None]
"""Called at `before publish` and `after publish`; a simulation raises BrokerUnavailable from it."""


def _calm(moment: str) -> None:
    return None


class MemoryBroker:
    """Implements `Broker`: one process's connection to a cluster."""

    def __init__(self, cluster: Cluster, hazard: Hazard = _calm) -> None:
        self._cluster = cluster
        self._hazard = hazard
        self._topics: Sequence[str] = ()
        self._group = ""
        self._handle: Handle | None = None
        self._ended: Callable[[Exception], None] | None = None
        self._delivering: asyncio.Task[None] | None = None
        self._stopping = False
        self.positions: dict[tuple[str, int], int] = {}
        self._partitions: frozenset[int] = frozenset()
        self._assigned: dict[tuple[str, int], None] = {}
        self._unread: dict[tuple[str, int], None] = {}
        """Assigned partitions that may hold something new."""
        self._woken = asyncio.Event()

    def subscribe(
        self, topics: Sequence[str], group: str, handle: Handle, ended: Callable[[Exception], None]
    ) -> None:
        self._topics, self._group, self._handle, self._ended = topics, group, handle, ended

    async def start(self) -> None:
        if self._handle is not None:
            self._cluster.members.setdefault(self._group, []).append(self)
            self._cluster.rebalance(self._group)
            self._delivering = asyncio.create_task(self._deliver())
            self._delivering.add_done_callback(self._ended_early)

    async def stop(self) -> None:
        self._stopping = True
        self._woken.set()
        if self._delivering is not None:
            await asyncio.wait({self._delivering})
        self.leave()

    def leave(self) -> None:
        """Be gone from the group, properly or by a crash."""
        members = self._cluster.members.get(self._group, [])
        if self in members:
            members.remove(self)
            self.assign(())
            self._cluster.rebalance(self._group)

    async def publish(self, messages: Sequence[Outgoing]) -> Sequence[bool]:
        acknowledged = [False] * len(messages)
        stuck: set[int] = set()
        failed: set[tuple[str, int]] = set()
        for number, message in enumerate(messages):
            place = message.topic, message.lane % self._cluster.partitions
            if message.lane in stuck or place in failed:
                continue
            if message.size > MAX_MESSAGE_BYTES:
                log.error(
                    "a message is too large for the broker and holds its lane",
                    bytes=message.size,
                    lane=message.lane,
                )
                stuck.add(message.lane)
                continue
            try:
                await self._send(message)
            except BrokerUnavailable:
                failed.add(place)
            else:
                acknowledged[number] = True
        await asyncio.sleep(0)
        return acknowledged

    async def _send(self, message: Outgoing) -> None:
        self._hazard("before publish")
        self._cluster.append(message)
        self._hazard("after publish")

    def delivering(self) -> bool:
        return self._handle is None or self in self._cluster.members.get(self._group, [])

    def near(self) -> frozenset[int]:
        return lanes_of(self._partitions, self._cluster.partitions)

    async def ping(self) -> None:
        await asyncio.sleep(0)

    async def _deliver(self) -> None:
        assert self._handle is not None
        while not self._stopping:
            self._woken.clear()
            batch = self._next_batch()
            if not batch:
                await self._woken.wait()
                continue
            try:
                await self._handle(batch)
            except Exception:
                log.exception("a batch was not handled; it is fetched again", records=len(batch))
                self._seek_back()
                await asyncio.sleep(PAUSE_AFTER_FAILURE_S)
                continue
            for record in batch:
                self._commit(record)

    def _ended_early(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and isinstance(error := task.exception(), Exception) and self._ended is not None:
            self._ended(error)

    def assign(self, partitions: Iterable[int]) -> None:
        """Begin anew, with these partitions of every topic, at the committed offsets."""
        self._partitions = frozenset(partitions)
        self._assigned = dict.fromkeys((topic, partition) for topic in self._topics for partition in partitions)
        self._seek_back()

    def arrived(self, place: tuple[str, int]) -> None:
        """A partition holds something new."""
        if place in self._assigned:
            self._unread[place] = None
            self._woken.set()

    def _seek_back(self) -> None:
        self.positions.clear()
        self._unread = dict(self._assigned)
        self._woken.set()

    def _commit(self, record: Record) -> None:
        if (record.topic, record.partition) in self._assigned:
            self._cluster.offsets[self._group, record.topic, record.partition] = record.offset + 1

    def _next_batch(self) -> list[Record]:
        batch: list[Record] = []
        for place in list(self._unread):
            log = self._cluster.topics.get(place, [])
            start = self.positions.get(place)
            if start is None:
                start = self._cluster.offsets.get((self._group, *place), 0)
            taken = log[start : start + MAX_RECORDS - len(batch)]
            batch.extend(taken)
            self.positions[place] = start + len(taken)
            if self.positions[place] >= len(log):
                del self._unread[place]
        return batch
