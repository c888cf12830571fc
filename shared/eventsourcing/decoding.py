"""Reading the messages that a service's own store keeps: every version of them, as today's."""

from collections.abc import Iterable, Mapping

from pydantic import ValidationError

from shared.events.payload import Payload
from shared.events.upcasters import UPCASTERS, Upcasters, current_type, read_payload
from shared.eventsourcing.messages import Malformed
from shared.eventsourcing.reading import first_fault


class Decoder:
    """The one way from a stored wire type and its JSON to a message."""

    def __init__(self, types: Mapping[str, type[Payload]], upcasters: Upcasters = UPCASTERS) -> None:
        self._types = types
        self._upcasters = upcasters

    def read(self, wire_type: str, payload: bytes | str) -> Payload:
        """The message in some stored JSON.

        Raises:
            Malformed: no message of today reads it.
        """
        try:
            message = read_payload(self._types, wire_type, payload, self._upcasters)
        except ValidationError as wrong:
            raise Malformed(f"{wire_type}: {first_fault(wrong)}") from None
        except Exception as error:  # an upcaster that met a body it does not know
            raise Malformed(f"{wire_type}: {type(error).__name__}: {error}") from error
        if message is None:
            raise Malformed(f"{wire_type}: nobody here knows this message")
        return message

    def versions_of(self, messages: Iterable[type[Payload]]) -> list[str]:
        """The wire types under which the store may keep these messages, those of old versions too."""
        today = [message.wire_type for message in messages]
        return [*today, *(old for old in self._upcasters if current_type(old, self._upcasters) in today)]
