"""How a reader of the log holds lanes and walks through them: leases, cursors, wake-ups."""

from collections.abc import Callable, Collection, Mapping, Sequence

import structlog

from shared.eventsourcing.bell import Bell
from shared.eventsourcing.clock import Clock
from shared.eventsourcing.store import LaneSlice, Lease, Store
from shared.eventsourcing.tail import Tail

log = structlog.get_logger()

LEASE_S = 10.0
"""How long a lane stays with a reader that is no longer heard of, unless the service is set otherwise."""
ASK_AGAIN_S = 1.0
"""How often a reader asks for a lane that its process writes and another one holds."""
POLL_S = 1.0
"""How often a reader looks without being woken, and asks the store though nobody has told it to."""
TELL_S = 0.2
"""How long positions gather before the store is told of them; after a crash so much is read again."""


class LaneReader:
    """One reader's lanes: it renews its leases in time and forgets a lane as soon as it is lost."""

    def __init__(
        self,
        store: Store,
        clock: Clock,
        *,
        name: str,
        owner: str,
        tail: Tail | None = None,
        types: Collection[str] | None = None,
        limit_per_lane: int = 200,
        lease_s: float = LEASE_S,
        near: Callable[[], Collection[int]] = frozenset,
    ) -> None:
        """`near` says which lanes the process writes by now."""
        self.name = name
        self.owner = owner
        self._store = store
        self._clock = clock
        self._tail = tail or Tail()
        self._types = None if types is None else frozenset(types)
        self._limit = limit_per_lane
        self._lease_s = lease_s
        self._near = near
        self._was_near: Collection[int] = ()
        self.tenures = 0
        """Rises whenever a lane was won or lost."""
        self._leases: dict[int, Lease] = {}
        self._noted: dict[int, int] = {}
        self._reached: dict[int, int] = {}
        """How far each lane is done, whether the store was told of it or not."""
        self._told_at = 0.0
        self._ask_store = True
        self._asked_at = 0.0
        self._renew_at: float | None = None
        self._held_until = 0.0
        self._woken = Bell()

    @property
    def lapsed(self) -> bool:
        """Whether the leases may have run out: this process stood still or had no store for too long."""
        return self._clock.now().timestamp() >= self._held_until

    @property
    def leases(self) -> Mapping[int, Lease]:
        """The lanes it holds, with the position up to which each is done."""
        return self._leases

    def wake(self, *, elsewhere: bool = False) -> None:
        """Say that there may be something new: in the tail, or written by another process."""
        self._ask_store = self._ask_store or elsewhere
        self._woken.ring()

    def written_elsewhere(self, lanes: Collection[int]) -> None:
        """Say to which lanes another process has written."""
        if not self._leases.keys().isdisjoint(lanes):
            self.wake(elsewhere=True)

    async def pause(self) -> None:
        """Wait until woken, or until it is time to look anyway; a quiet moment is used to tell what was noted."""
        if self._noted and await self._woken.heard_within(TELL_S):
            return
        await self.tell()
        if not await self._woken.heard_within(POLL_S):
            self._ask_store = True

    async def hold(self) -> None:
        """Renew the leases when a third of their time has passed, and tell what was noted for some time."""
        now = self._clock.now().timestamp()
        if self._noted and not 0 <= now - self._told_at < TELL_S:
            await self.tell()
        near, third = self._near(), self._lease_s / 3
        due_in = 0.0 if self._renew_at is None else self._renew_at - now
        if near == self._was_near and 0 < due_in <= third:  # more: the clock was set back
            return
        held = await self._store.lease_lanes(self.name, self.owner, self._lease_s, near)
        self._was_near = near
        misses_some = not held.keys() >= set(near)
        self._renew_at = now + (min(third, ASK_AGAIN_S) if misses_some else third)
        self._held_until = now + self._lease_s
        self._ask_store = self._ask_store or held.keys() != self._leases.keys()
        self._noted = {lane: position for lane, position in self._noted.items() if lane in held}
        self._take_over(held)

    async def read(self, after: Mapping[int, int] | None = None) -> Sequence[LaneSlice]:
        """What comes after the given positions, or after its own; nothing once the leases have run out."""
        slices = await self._after(after)
        if slices and self.lapsed:
            log.warning("leases ran out while reading", reader=self.name)
            self.forget()
            self._woken.ring()
            return []
        return slices

    async def _after(self, after: Mapping[int, int] | None) -> Sequence[LaneSlice]:
        if after is None:
            after = self._reached
        known = self._tail.after(after, self._limit, self._types)
        if not (self._ask_store or self._poll_is_due() or self._tail.reaches_beyond(after)):
            return known
        known_lanes = {one.lane for one in known}
        rest = {lane: position for lane, position in after.items() if lane not in known_lanes}
        if not rest:
            return known
        self._asked_at = self._clock.now().timestamp()
        self._ask_store = False  # before the store is asked: what is written meanwhile may not be in its answer
        stored = await self._store.read(rest, self._limit, self._types)
        self._ask_store |= bool(stored)
        return [*known, *stored]

    def _poll_is_due(self) -> bool:
        """However often it is woken: what its own process commits wakes it, and tells nothing of the others."""
        return not 0 <= self._clock.now().timestamp() - self._asked_at < POLL_S

    def note(self, positions: Mapping[int, int]) -> None:
        """Go on from how far the lanes are done; the store is told soon, in one go with what follows."""
        moved = {lease.lane: lease.position for lease in self.moved(positions)}
        self._noted.update(moved)
        self._reached.update(moved)

    async def tell(self) -> None:
        """Let the store know what was noted; a lane that somebody else holds by now is dropped."""
        self._told_at = self._clock.now().timestamp()
        noted, self._noted = self._noted, {}
        if moved := self.moved(noted):
            self.settle(moved, await self._store.advance(self.name, self.owner, moved))

    def moved(self, positions: Mapping[int, int]) -> list[Lease]:
        """The leases of lanes that got further."""
        return [
            Lease(lane, position, self._leases[lane].epoch)
            for lane, position in sorted(positions.items())
            if lane in self._leases and position > self._leases[lane].position
        ]

    def settle(self, moved: Sequence[Lease], held: Collection[int]) -> None:
        """Take over positions that the store has accepted."""
        for lease in moved:
            if lease.lane in held:
                self._leases[lease.lane] = lease
                self._reached[lease.lane] = max(lease.position, self._noted.get(lease.lane, 0))
            else:
                log.warning("lane lost to another reader", reader=self.name, lane=lease.lane)
                del self._leases[lease.lane], self._reached[lease.lane]
                self.tenures += 1

    def forget(self) -> None:
        """Drop all leases; the next `hold` asks the store anew."""
        self._leases, self._noted, self._reached = {}, {}, {}
        self.tenures += 1
        self._ask_store = True
        self._renew_at = None

    def _take_over(self, held: Mapping[int, Lease]) -> None:
        """Hold these lanes; a lane that was held before goes on where this reader is, not where the store is."""
        before, kept = self._leases, {}
        for lane, lease in held.items():
            mine = before.get(lane)
            kept[lane] = mine if mine is not None and mine.epoch == lease.epoch else lease
        if kept == before:
            return
        self._leases = kept
        self._reached = {lane: max(lease.position, self._noted.get(lane, 0)) for lane, lease in kept.items()}
        self.tenures += 1
