"""From intent to outcome: each fact that asks the gateway, carried out after its commit."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypedDict

from services.payment.domain.messages import (
    AuthorisationAnswered,
    CaptureAnswered,
    RefundAnswered,
    RenewalAnswered,
    VoidAnswered,
)
from services.payment.gateway import Authorised, Captured, Gateway, Refunded, Renewed, Voided
from shared.events.payload import Event
from shared.events.payment import (
    AuthorisationRenewalRequested,
    AuthorisationRequested,
    CaptureRequested,
    RefundRequested,
    VoidRequested,
)
from shared.eventsourcing.definition import Effect
from shared.eventsourcing.partners import Refused, Unknown

Intent = (
    AuthorisationRequested | CaptureRequested | VoidRequested | AuthorisationRenewalRequested | RefundRequested
)


def effects(gateway: Gateway) -> Mapping[type[Event], Effect]:
    """What is carried out for each intent; its result tells what came of it."""
    calls = GatewayCalls(gateway)
    return {
        AuthorisationRequested: calls.authorise,
        CaptureRequested: calls.capture,
        VoidRequested: calls.void,
        AuthorisationRenewalRequested: calls.renew,
        RefundRequested: calls.refund,
    }


@dataclass(frozen=True, slots=True)
class GatewayCalls:
    """One call for each intent, under the intent's key."""

    gateway: Gateway

    async def authorise(self, intent: AuthorisationRequested) -> AuthorisationAnswered:
        outcome = await self.gateway.authorise(
            intent.idempotency_key,
            reference=intent.order_number,
            amount=intent.amount,
            currency=intent.currency,
            token=intent.payment.token,
        )
        told: _OfAttempt = {**_question(intent), "attempt": intent.attempt}
        match outcome:
            case Authorised():
                return AuthorisationAnswered(
                    **told,
                    outcome="authorised",
                    authorisation_id=outcome.authorisation_id,
                    expires_at=outcome.expires_at,
                )
            case Refused():
                return AuthorisationAnswered(**told, outcome="declined", code=outcome.code)
            case Unknown():
                return AuthorisationAnswered(**told, outcome="unknown", explanation=outcome.explanation)

    async def capture(self, intent: CaptureRequested) -> CaptureAnswered:
        outcome = await self.gateway.capture(
            intent.idempotency_key,
            authorisation_id=intent.authorisation_id,
            amount=intent.amount,
            currency=intent.currency,
        )
        told: _OfFulfilment = {**_question(intent), "fulfilment_id": intent.fulfilment_id}
        match outcome:
            case Captured():
                return CaptureAnswered(**told, outcome="captured", capture_id=outcome.capture_id)
            case Refused():
                return CaptureAnswered(**told, outcome="refused", code=outcome.code)
            case Unknown():
                return CaptureAnswered(**told, outcome="unknown", explanation=outcome.explanation)

    async def void(self, intent: VoidRequested) -> VoidAnswered:
        outcome = await self.gateway.void(intent.idempotency_key, authorisation_id=intent.authorisation_id)
        told: _OfAuthorisation = {**_question(intent), "authorisation_id": intent.authorisation_id}
        match outcome:
            case Voided():
                return VoidAnswered(**told, outcome="voided", amount=outcome.amount)
            case Refused():
                return VoidAnswered(**told, outcome="refused", code=outcome.code)
            case Unknown():
                return VoidAnswered(**told, outcome="unknown", explanation=outcome.explanation)

    async def renew(self, intent: AuthorisationRenewalRequested) -> RenewalAnswered:
        outcome = await self.gateway.renew(intent.idempotency_key, authorisation_id=intent.authorisation_id)
        told: _OfAuthorisation = {**_question(intent), "authorisation_id": intent.authorisation_id}
        match outcome:
            case Renewed():
                return RenewalAnswered(**told, outcome="renewed", expires_at=outcome.expires_at)
            case Refused():
                return RenewalAnswered(**told, outcome="refused", code=outcome.code)
            case Unknown():
                return RenewalAnswered(**told, outcome="unknown", explanation=outcome.explanation)

    async def refund(self, intent: RefundRequested) -> RefundAnswered:
        outcome = await self.gateway.refund(
            intent.idempotency_key,
            capture_id=intent.capture_id,
            amount=intent.amount,
            currency=intent.currency,
        )
        told: _OfRefund = {**_question(intent), "refund_id": intent.refund_id}
        match outcome:
            case Refunded():
                return RefundAnswered(**told, outcome="refunded")
            case Refused():
                return RefundAnswered(**told, outcome="refused", code=outcome.code)
            case Unknown():
                return RefundAnswered(**told, outcome="unknown", explanation=outcome.explanation)


class _Question(TypedDict):
    order_number: str
    idempotency_key: str
    asked: int


class _OfAttempt(_Question):
    attempt: int


class _OfFulfilment(_Question):
    fulfilment_id: str


class _OfAuthorisation(_Question):
    authorisation_id: str


class _OfRefund(_Question):
    refund_id: str


def _question(intent: Intent) -> _Question:
    return {
        "order_number": intent.order_number,
        "idempotency_key": intent.idempotency_key,
        "asked": intent.asked,
    }
