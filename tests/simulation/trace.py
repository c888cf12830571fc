"""What happened in a world, in the order in which it happened."""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from shared.eventsourcing.store import Append


@dataclass(slots=True)
class Trace:
    """Lines for a person, and a digest that tells two runs apart. Written out only when somebody asks."""

    _noted: list[tuple[float, str, str | Append]] = field(default_factory=list)

    def note(self, at: float, who: str, what: str | Append) -> None:
        """Somebody did something."""
        self._noted.append((at, who, what))

    def lines(self) -> Iterator[str]:
        """One line for each deed."""
        for at, who, what in self._noted:
            told = [what] if isinstance(what, str) else _commit(what)
            for line in told:
                yield f"{at:12.3f}  {who:<18}  {line}"

    def digest(self) -> str:
        """SHA-256 of all that happened, with every id and every hash."""
        digest = hashlib.sha256()
        for line in self.lines():
            digest.update(line.encode())
        for _, _, what in self._noted:
            if isinstance(what, Append):
                digest.update(b"".join(entry.hash for entry in what.entries))
        return digest.hexdigest()


def _commit(append: Append) -> Sequence[str]:
    lines = [
        f"{entry.lane}:{entry.position}  {entry.type}  {entry.stream or '-> ' + entry.topic} {entry.version or ''}"
        f"  [{entry.correlation_id}]"
        for entry in append.entries
    ]
    lines += [f"parks {one.type or 'bytes'} under {one.key}: {one.explanation}" for one in append.parked]
    return lines
