"""How long a process that ended unasked stays away before it is started again."""

FIRST_S = 0.5
DOUBLINGS = 6
LONGEST_S = 30.0
STEADY_S = 60.0
"""Who has run for so long begins with the first pause again."""


class Restarts:
    """The ends of processes by name; each end in a row doubles the pause."""

    def __init__(self) -> None:
        self._ends: dict[str, int] = {}
        self._running_since: dict[str, float] = {}

    def pause_s(self, name: str) -> float:
        """The pause after an end; to be asked once for each."""
        self._running_since.pop(name, None)
        before = self._ends.get(name, 0)
        self._ends[name] = before + 1
        return min(LONGEST_S, FIRST_S * (1 << min(before, DOUBLINGS)))

    def runs(self, name: str, now: float) -> None:
        """It is seen to run."""
        if now - self._running_since.setdefault(name, now) >= STEADY_S:
            self._ends.pop(name, None)
