"""The gateway's ledger, operation by operation, against what was asked for and what was recorded."""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from shared.events.payload import Event
from shared.events.payment import (
    AuthorisationRenewalRequested,
    AuthorisationRenewed,
    AuthorisationRequested,
    AuthorisationVoided,
    CaptureRequested,
    PartiallyCaptured,
    PaymentAuthorised,
    PaymentCaptured,
    RefundRequested,
    VoidRequested,
)
from tests.simulation.books import Finding, is_outside
from tests.simulation.gateway import Effect
from tests.simulation.recorded import Record

RULE = "the ledger agrees"


@dataclass(frozen=True, slots=True)
class Operation:
    """What was asked of the gateway, or recorded of it, for an order."""

    name: str
    number: str
    amount: int | None = None
    """In minor units; None where it is not said."""
    currency: str = ""
    """Empty where it is not said."""

    def is_done_by(self, effect: Effect) -> bool:
        """Whether an effect is just that."""
        return (
            (effect.operation, effect.reference) == (self.name, self.number)
            and self.amount in (None, effect.amount)
            and self.currency in ("", effect.currency)
        )


def misbooked(records: Mapping[str, Record], effects: list[Effect]) -> Iterator[Finding]:
    """Effects that are not what was asked for, and records that are not what took effect."""
    asked: dict[str, Operation] = {}
    recorded: dict[tuple[str, str], Operation] = {}
    for number, record in records.items():
        for _, event in record.facts:
            if (wanted := _asked(event)) is not None:
                asked[wanted[0]] = wanted[1]
            elif (done := _recorded(event)) is not None:
                recorded[done[1].name, done[0]] = done[1]
        yield from _left_set_aside(number, record)
    for effect in effects:
        for known in (asked.get(effect.key), recorded.get((effect.operation, effect.operation_id))):
            if known is not None and not known.is_done_by(effect):
                told = f"{effect.operation} {effect.amount} {effect.currency} under {effect.key}, and not {known}"
                yield Finding(RULE, effect.reference, told)
    yield from _never_done(records, effects)


def _never_done(records: Mapping[str, Record], effects: list[Effect]) -> Iterator[Finding]:
    """What is recorded as let go of or renewed, oftener than it was."""
    done = Counter((effect.operation, effect.authorisation_id) for effect in effects)
    for number, record in records.items():
        told = Counter(("renew", one.authorisation_id) for one in record.of(AuthorisationRenewed))
        told.update(("void", one.authorisation_id) for one in record.of(AuthorisationVoided) if one.amount)
        for operation, identity in sorted(told - done):
            if not is_outside(identity):
                yield Finding(RULE, number, f"a {operation} of {identity} is recorded, and none is in the ledger")


def _asked(event: Event) -> tuple[str, Operation] | None:
    """What an intent asks of the gateway, and under which key."""
    match event:
        case AuthorisationRequested():
            name = "authorise"
        case CaptureRequested():
            name = "capture"
        case RefundRequested():
            name = "refund"
        case VoidRequested():
            return event.idempotency_key, Operation("void", event.order_number)
        case AuthorisationRenewalRequested():
            return event.idempotency_key, Operation("renew", event.order_number)
        case _:
            return None
    return event.idempotency_key, Operation(name, event.order_number, event.amount, event.currency)


def _recorded(event: Event) -> tuple[str, Operation] | None:
    """What a fact says that the gateway did, and under which id; authorisations and captures have one."""
    match event:
        case PaymentAuthorised(repeated=False):
            return event.authorisation_id, Operation("authorise", event.order_number, event.amount, event.currency)
        case PartiallyCaptured():
            return event.capture_id, Operation("capture", event.order_number, event.amount, event.currency)
        case PaymentCaptured(repeated=False):
            last = event.amount - event.already_captured
            return event.capture_id, Operation("capture", event.order_number, last, event.currency)
        case _:
            return None


def _left_set_aside(number: str, record: Record) -> Iterator[Finding]:
    """A void lets go of all that is uncaptured of an authorisation: neither less nor more."""
    left: dict[str, int] = defaultdict(int)
    for _, event in record.facts:
        match event:
            case PaymentAuthorised(repeated=False):
                left[event.authorisation_id] += event.amount
            case PartiallyCaptured():
                left[event.authorisation_id] -= event.amount
            case PaymentCaptured(repeated=False):
                left[event.authorisation_id] -= event.amount - event.already_captured
            case AuthorisationVoided():
                expected = event.amount if event.expected is None else event.expected
                if left.pop(event.authorisation_id, 0) != expected:
                    yield Finding(RULE, number, f"{event.authorisation_id} was let go of, and {expected} of it")
            case _:
                pass
