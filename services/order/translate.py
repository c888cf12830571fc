"""Which topics the service consumes, and how their records become messages; a bad order is refused, never lost."""

from base64 import b64encode
from uuid import UUID

from services.order.domain.messages import RefuseIntake, TakeChannelOrder
from services.order.domain.model import model
from services.order.domain.number import order_number
from services.order.reading import Fault, read_order, too_large
from shared.events.channel import MOST_BYTES, ChannelOrderReceived
from shared.events.cloudevents import Metadata, read_message, said_in
from shared.events.registry import LISTENERS, in_contract
from shared.eventsourcing.ids import named_id
from shared.eventsourcing.messages import Arrival, Record
from shared.eventsourcing.reading import read_contract

INTAKE = "channel.orders"
TOPICS = LISTENERS["order"]

MOST_HEADERS = 50
MOST_GIVEN_BACK = 2 * 1024 * 1024
"""Bytes of a message that come back: a compressed batch may hold far larger ones than a topic takes."""

_contract = read_contract(in_contract(model().routes))


def translate(record: Record) -> Arrival | None:
    """A record of any of the topics as the pipeline takes it; None for what the service has no use for."""
    return read_intake(record) if record.topic == INTAKE else _contract(record)


def read_intake(record: Record) -> Arrival:
    """An order from a channel, or the refusal of what can't be taken. It never raises."""
    received = record.value or b""
    if len(received) > MOST_GIVEN_BACK:
        fault = too_large(len(received))
        return _refusal(record, Fault(fault.code, f"{fault.explanation} The first {MOST_GIVEN_BACK} come back."))
    if len(received) > MOST_BYTES:
        return _refusal(record, too_large(len(received)))
    try:
        metadata, body = read_message(record.headers, received)
    except (ValueError, RecursionError) as error:
        return _refusal(record, Fault("malformed", f"The message is no CloudEvent: {error}."[:2_000]))
    if metadata.type != ChannelOrderReceived.wire_type:
        explanation = (
            f"The type {metadata.type[:200]} is not taken here; orders are {ChannelOrderReceived.wire_type}."
        )
        return _refusal(record, Fault("unknown_type", explanation))
    order = read_order(body)
    if isinstance(order, Fault):
        return _refusal(record, order)
    number = order_number(order.channel, order.channel_order_id)
    return Arrival(
        message=TakeChannelOrder(
            order_number=number,
            order=order,
            source=record.place,
            headers=_headers(record),
            original_base64=b64encode(received).decode(),
        ),
        message_id=_identity(metadata, received),
        partition_key=number,
        correlation_id=number,
        source=INTAKE,
        actor=order.channel,
        occurred_at=metadata.time,
        traceparent=metadata.traceparent,
        origin={"place": record.place},
    )


def _identity(metadata: Metadata, body: bytes) -> UUID:
    """The same for the same message again; another body under the same id is for the rules to see."""
    return named_id(said_in(metadata, body))


def _refusal(record: Record, fault: Fault) -> Arrival:
    identity = record.identity
    key = str(identity)
    return Arrival(
        message=RefuseIntake(
            intake_id=key,
            code=fault.code,
            explanation=_printable(fault.explanation),
            channel=_printable(fault.channel),
            channel_order_id=_printable(fault.channel_order_id),
            source=record.place,
            headers=_headers(record),
            original_base64=b64encode((record.value or b"")[:MOST_GIVEN_BACK]).decode(),
        ),
        message_id=identity,
        partition_key=key,
        correlation_id=key,
        source=INTAKE,
        origin={"place": record.place},
    )


def _headers(record: Record) -> dict[str, str]:
    """The headers as far as they are text."""
    return {
        _printable(name[:200]): _printable((value or b"")[:8_000].decode(errors="replace")[:2_000])
        for name, value in record.headers[:MOST_HEADERS]
    }


def _printable(text: str) -> str:
    if text.isprintable():
        return text
    return "".join(letter if letter.isprintable() else "\ufffd" for letter in text)
