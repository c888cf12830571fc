"""What the order service has taken from the public intake."""

from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Protocol

import orjson

from deploy.local.description import Description
from shared.events.channel import ChannelOrderReceived
from shared.events.cloudevents import read_message, said_in
from shared.events.strict_json import read_strictly


@dataclass(frozen=True, slots=True)
class Taken:
    """One message that the order service has taken from the intake."""

    place: str
    """`topic/partition/offset`, without the prefix of the installation."""
    order: tuple[str, str] | None
    """Channel and channel order id; None where the bytes do not tell."""
    said: str = ""
    """Who said what under which id, as a digest: the same when it comes again. Empty: nothing that can be read."""


class Intake(Protocol):
    """The messages that the order service has taken."""

    def news(self, stack: Description) -> list[Taken]:
        """What was taken since the last time."""
        ...


def taken(place: str, headers: Sequence[tuple[str, bytes | None]], value: bytes | None) -> Taken:
    """What a record of the intake says, as far as it can be read."""
    try:
        metadata, body = read_message(headers, value)
    except ValueError:
        return Taken(place, None)
    said = sha256(said_in(metadata, value or b"").encode()).hexdigest()
    return Taken(place, order_in(body) if metadata.type == ChannelOrderReceived.wire_type else None, said)


def order_in(body: bytes) -> tuple[str, str] | None:
    """Channel and channel order id of a stated order; None where the bytes do not tell."""
    try:
        stated = _read(body)
        return str(stated["channel"]), str(stated["channel_order_id"])
    except (ValueError, KeyError, TypeError, RecursionError):
        return None


def _read(body: bytes) -> dict[str, object]:
    try:
        stated: dict[str, object] = orjson.loads(body)
    except (
        orjson.JSONDecodeError
    ):  # it reads no number beyond a double, which the intake ignores where it has no use
        stated = read_strictly(body.decode())
    return stated
