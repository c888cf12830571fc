"""What goes wrong, decided by a seed and by a switch, never by chance."""

import hashlib
from dataclasses import dataclass
from enum import StrEnum


class Fault(StrEnum):
    """What happens to one request beside its business answer."""

    NONE = "none"
    TIMEOUT_BEFORE_EFFECT = "timeout_before_effect"
    TIMEOUT_AFTER_EFFECT = "timeout_after_effect"
    SERVER_ERROR_BEFORE_EFFECT = "server_error_before_effect"
    SERVER_ERROR_AFTER_EFFECT = "server_error_after_effect"
    SERVER_ERROR_ALWAYS = "server_error_always"

    @property
    def hides_effect(self) -> bool:
        return self in (Fault.TIMEOUT_AFTER_EFFECT, Fault.SERVER_ERROR_AFTER_EFFECT)

    @property
    def is_timeout(self) -> bool:
        return self in (Fault.TIMEOUT_AFTER_EFFECT, Fault.TIMEOUT_BEFORE_EFFECT)


def draw(seed: int, kind: str, *scope: object) -> float:
    """A number in [0, 1) that depends on nothing but the seed, the kind of fault and its scope."""
    text = "\x1f".join(map(str, (seed, kind, *scope)))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") / 2**64


@dataclass(frozen=True, slots=True, kw_only=True)
class FaultRates:
    """Shares of requests, each from 0 to 1, that meet a fault."""

    seed: int
    timeout_before_effect: float = 0.0
    timeout_after_effect: float = 0.0
    server_error: float = 0.0

    def choose(self, *scope: object) -> Fault:
        """The fault of the request with this scope; a server error hides an effect in half of the cases."""
        number = draw(self.seed, "fault", *scope)
        if number < self.timeout_before_effect:
            return Fault.TIMEOUT_BEFORE_EFFECT
        number -= self.timeout_before_effect
        if number < self.timeout_after_effect:
            return Fault.TIMEOUT_AFTER_EFFECT
        number -= self.timeout_after_effect
        if number < self.server_error / 2:
            return Fault.SERVER_ERROR_AFTER_EFFECT
        return Fault.SERVER_ERROR_BEFORE_EFFECT if number < self.server_error else Fault.NONE


@dataclass(slots=True)
class Switch:
    """The mode of a whole simulator, set over HTTP; a restart puts it back to up."""

    mode: str = "up"
    hold_s: float = 0.0
