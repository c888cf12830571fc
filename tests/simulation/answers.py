"""What callers were told: nothing before it was in the store, and nothing that is not so in the end."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from services.order.domain.messages import TakeChannelOrder
from services.payment.domain.messages import GatewayNotified
from shared.events.channel import ChannelOrderReceived
from shared.events.inventory import CountStock, SetStockLevels
from shared.events.order import CancelOrder, ReleaseHold
from shared.events.payload import Payload
from shared.events.payment import RefundPayment
from shared.eventsourcing.batch import decode_reply, encode_reply
from shared.eventsourcing.decider import Reply
from shared.eventsourcing.memory.tables import Tables
from shared.eventsourcing.store import LogEntry
from tests.simulation.books import Books, Finding
from tests.simulation.site import Site

FOLLOW, STAND = "answers follow commits", "answers stand"


@dataclass(frozen=True, slots=True)
class Answer:
    """What one message was answered."""

    service: str
    message: Payload
    message_id: UUID
    reply: Reply | None
    """None: it waits behind a parked message."""


@dataclass(slots=True)
class Answers:
    """Every answer, looked at when it is given and once more in the end."""

    sites: Mapping[str, Site]
    books: Books
    given: dict[UUID, Answer] = field(default_factory=dict)

    def note(self, answer: Answer, digest: bytes) -> None:
        """Somebody is told what became of a message."""
        tables, where = self.sites[answer.service].tables, answer.message.wire_type
        claim = tables.inbox.get(answer.message_id)
        if claim is None:
            self.books.find(FOLLOW, answer.service, f"{where} was answered, and its message is not in the store")
        elif claim.digest != digest:
            self.books.find(STAND, answer.service, f"{where} got the answer to another body")
        elif fault := _untrue(answer, tables):
            self.books.find(FOLLOW, answer.service, f"{where} {fault}")
        elif answer.reply is not None:
            self.books.findings.extend(self._carried_out(answer))
        earlier = self.given.get(answer.message_id)
        if earlier is None or earlier.reply is None:
            self.given[answer.message_id] = answer

    def conflict(self, service: str, message_id: UUID, digest: bytes) -> None:
        """Somebody is told that another body came under this key before."""
        claim = self.sites[service].tables.inbox.get(message_id)
        if claim is None or claim.digest == digest:
            self.books.find(STAND, service, f"{message_id} was refused as a conflict and is none")

    def refused(self) -> list[ChannelOrderReceived]:
        """Statements of which their channel was told that they can't be taken, or would be if it asked again."""
        return [
            one.message.order
            for one in self.given.values()
            if isinstance(one.message, TakeChannelOrder) and self._outcome(one) == "refused"
        ]

    def _outcome(self, answer: Answer) -> str:
        stored = self.sites[answer.service].tables.replies.get(answer.message_id)
        return decode_reply(stored).outcome if stored else ""

    def judged(self) -> Iterator[Finding]:
        """What was answered and is not so."""
        for answer in self.given.values():
            tables = self.sites[answer.service].tables
            fault = _untrue(answer, tables)
            if answer.message_id not in tables.inbox:
                fault = "is no longer in the inbox"
            if fault:
                yield Finding(STAND, answer.service, f"{answer.message.wire_type} {answer.message_id} {fault}")
            elif answer.message_id in tables.replies:
                yield from self._carried_out(answer)

    def _carried_out(self, answer: Answer) -> Iterator[Finding]:
        """An order that was created is placed; what was accepted left a fact, or asked for what was so before."""
        about = f"{answer.message.wire_type} {answer.message_id}"
        stored = decode_reply(self.sites[answer.service].tables.replies[answer.message_id])
        left = answer.message_id in self.books.causes[answer.service]
        match answer.message, stored:
            case TakeChannelOrder(order_number=number), _:
                facts = self._facts("order", f"order-{number}")
                if not facts or (stored.outcome == "created" and facts[0].causation_id != answer.message_id):
                    yield Finding("never lost", number, f"{about} was answered as {stored}, and is no such order")
                elif stored.outcome == "accepted" and not left and stored.body.get("outcome") != "unchanged":
                    yield Finding(STAND, number, f"{about} was answered as {stored} and left nothing")
            case CancelOrder() | ReleaseHold() | RefundPayment(), Reply("accepted") if not left:
                # The stream of a service about an order is named after the service.
                facts = self._facts(answer.service, f"{answer.service}-{answer.message.order_number}")
                if not any(fact.type in _SO_BEFORE[type(answer.message)] for fact in facts):
                    yield Finding(STAND, answer.message.order_number, f"{about} was accepted, and is not so")
            case CountStock() | SetStockLevels() | GatewayNotified(), _:
                pass  # they may say what is known
            case _, Reply("accepted") if not left:
                yield Finding(STAND, answer.service, f"{about} was accepted and left nothing")
            case _:
                pass

    def _facts(self, service: str, stream: str) -> Sequence[LogEntry]:
        return self.sites[service].tables.stream_events.get(stream, ())


def _untrue(answer: Answer, tables: Tables) -> str:
    """Why the store does not bear an answer out; empty when it does."""
    identity, reply = answer.message_id, answer.reply
    stored = tables.replies.get(identity)
    if reply is not None:
        return "" if stored == encode_reply(reply) else f"was answered {reply}, and {stored} is stored"
    kept = (*tables.parked.values(), *(one.message for one in tables.discarded))
    if stored is None and all(one.message_id != identity for one in kept):
        return "was to wait behind a parked message, and is not parked"
    return ""


_SO_BEFORE: Mapping[type[Payload], tuple[str, ...]] = {
    CancelOrder: ("order.cancellation-requested.v1", "order.cancelled.v1"),
    ReleaseHold: ("order.hold-released.v1", "order.cancelled.v1", "order.completed.v1"),
    RefundPayment: ("payment.refund-requested.v1", "payment.refunded.v1"),
}
"""Of these facts an order has one already, when a command is accepted and leaves nothing."""
