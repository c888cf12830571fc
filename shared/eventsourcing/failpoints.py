"""Named points at which tests let a process die, to show that nothing is lost there. Inert unless switched on."""

import os
import signal
from collections.abc import Callable
from typing import Literal

Failpoint = Literal[
    "after_claim",
    "before_commit",
    "after_commit",
    "before_offset_commit",
    "before_publish",
    "after_publish",
    "before_effect",
    "after_effect",
]
"""Where a process may die."""

_reached: Callable[[Failpoint], None] | None = None


def reach(point: Failpoint) -> None:
    """Say that the process is at a failpoint."""
    if _reached is not None:
        _reached(point)


def on_reach(action: Callable[[Failpoint], None] | None) -> None:
    """Call `action` at every failpoint; None switches them off."""
    global _reached
    _reached = action


def die_at(specification: str) -> None:
    """Kill this process with SIGKILL at the nth time it reaches a point: `after_claim` or `after_claim:3`.

    Raises:
        ValueError: the number is not a positive whole number.
    """
    point, _, nth = specification.partition(":")
    left = int(nth or 1)
    if left < 1:
        raise ValueError(f"{specification}: a failpoint is reached once or more")

    def count(reached: Failpoint) -> None:
        nonlocal left
        if reached == point:
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    on_reach(count)
