"""Where a service lives: its database, and the instances that come and go over it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime

from shared.eventsourcing.memory.locks import Locks
from shared.eventsourcing.memory.tables import Tables
from tests.simulation.instance import Instance


@dataclass(slots=True)
class Site:
    """Where a service lives: its database outlives its instances."""

    service: str
    tables: Tables = field(default_factory=Tables)
    locks: Locks = field(default_factory=Locks)
    slots: list[Instance | None] = field(default_factory=list)
    started: int = 0
    upgraded: int = 0
    """How often its views got a new version, which fills beside the old one."""
    stirred: bool = False
    """Something was committed since the last nudge."""
    written: dict[int, None] = field(default_factory=dict)
    """The lanes that hold anything."""
    poisoned: list[Callable[[], None]] = field(default_factory=list)
    """So many of its next decisions fail; what is told when one does."""

    def responsive(self) -> list[Instance]:
        """The instances that a caller reaches."""
        return [one for one in self.slots if one is not None and one.responsive]

    def living(self) -> list[Instance]:
        """The instances that are not dead, be they frozen."""
        return [one for one in self.slots if one is not None and one.process.alive]

    def behind(self) -> Iterator[str]:
        """The readers of its instances that have yet to see something."""
        lanes = self.tables.lanes
        for reader in {name: None for one in self.slots if one is not None for name in one.readers}:
            rows = self.tables.readers.get(reader)
            if rows is None or any(rows[lane].position < lanes[lane].head for lane in self.written):
                yield reader

    def reminders_due(self, now: datetime) -> bool:
        """Whether reminders wait that somebody should have brought."""
        return any(one.due_at <= now for one in self.tables.reminders.values())

    def worth_a_look(self, now: datetime) -> bool:
        """Whether who looks without being woken may find something: work, or lanes that nobody holds any more."""
        healthy = all(one is not None and one.responsive and not one.line.down for one in self.slots)
        return not healthy or self.reminders_due(now) or any(self.behind())
