"""What the order service has taken from the public intake."""

from dataclasses import dataclass
from typing import Protocol

from deploy.local.description import Description


@dataclass(frozen=True, slots=True)
class Taken:
    """One message that the order service has taken from the intake."""

    place: str
    """`topic/partition/offset`, without the prefix of the installation."""
    order: tuple[str, str] | None
    """Channel and channel order id; None where the bytes do not tell."""


class Intake(Protocol):
    """The messages that the order service has taken."""

    def news(self, stack: Description) -> list[Taken]:
        """What was taken since the last time."""
        ...
