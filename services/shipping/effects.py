"""From intent to outcome: each fact that asks the carrier, carried out after its commit."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypedDict

from services.shipping.carrier import Carrier, Done, Sold
from services.shipping.domain.asking import quotes_key
from services.shipping.domain.messages import (
    CarrierSilent,
    HandoverAnswered,
    HandoverDeclined,
    LabelAnswered,
    LabelDeclined,
    QuotesAnswered,
    QuotesDeclined,
    VoidAnswered,
    VoidDeclined,
)
from services.shipping.origins import Origins
from shared.events.payload import Command, Event
from shared.events.shipping import HandoverRequested, LabelRequested, LabelVoidRequested, QuotesRequested
from shared.eventsourcing.definition import Effect
from shared.eventsourcing.partners import Refused, Unknown

Intent = QuotesRequested | LabelRequested | LabelVoidRequested | HandoverRequested


def effects(carrier: Carrier, origins: Origins) -> Mapping[type[Event], Effect]:
    """What is carried out for each intent; its result tells what came of it."""
    calls = CarrierCalls(carrier, origins)
    return {
        QuotesRequested: calls.quotes,
        LabelRequested: calls.buy_label,
        LabelVoidRequested: calls.void,
        HandoverRequested: calls.hand_over,
    }


@dataclass(frozen=True, slots=True)
class CarrierCalls:
    """One call for each intent, under the intent's key."""

    carrier: Carrier
    origins: Origins

    async def quotes(self, intent: QuotesRequested) -> Command:
        outcome = await self.carrier.quotes(
            origin=self.origins.of(intent.location),
            destination=intent.address,
            weight_grams=intent.weight_grams,
        )
        about = _fulfilment(intent)
        match outcome:
            case Unknown():
                return _silent(intent, quotes_key(intent.fulfilment_id), outcome)
            case Refused():
                return QuotesDeclined(
                    **about, asked=intent.asked, refusal_code=outcome.code, explanation=outcome.explanation
                )
            case _:
                return QuotesAnswered(**about, asked=intent.asked, quotes=outcome)

    async def buy_label(self, intent: LabelRequested) -> Command:
        outcome = await self.carrier.buy_label(
            intent.idempotency_key,
            service=intent.service,
            reference=intent.fulfilment_id,
            origin=self.origins.of(intent.location),
            destination=intent.address,
            weight_grams=intent.weight_grams,
        )
        about = _fulfilment(intent)
        match outcome:
            case Sold():
                return LabelAnswered(
                    **about,
                    idempotency_key=intent.idempotency_key,
                    label_id=outcome.label_id,
                    tracking_number=outcome.tracking_number,
                    amount=outcome.amount,
                    currency=outcome.currency,
                    promised_at=outcome.promised_at,
                )
            case Refused():
                return LabelDeclined(
                    **about,
                    idempotency_key=intent.idempotency_key,
                    refusal_code=outcome.code,
                    explanation=outcome.explanation,
                )
            case Unknown():
                return _silent(intent, intent.idempotency_key, outcome)

    async def void(self, intent: LabelVoidRequested) -> Command:
        outcome = await self.carrier.void(intent.idempotency_key, label_id=intent.label_id)
        about = _fulfilment(intent)
        match outcome:
            case Done():
                return VoidAnswered(**about, label_id=intent.label_id)
            case Refused():
                return VoidDeclined(**about, label_id=intent.label_id)
            case Unknown():
                return _silent(intent, intent.idempotency_key, outcome)

    async def hand_over(self, intent: HandoverRequested) -> Command:
        outcome = await self.carrier.hand_over(intent.idempotency_key, label_id=intent.label_id)
        about = _fulfilment(intent)
        match outcome:
            case Done():
                return HandoverAnswered(**about, label_id=intent.label_id)
            case Refused():
                return HandoverDeclined(**about, label_id=intent.label_id)
            case Unknown():
                return _silent(intent, intent.idempotency_key, outcome)


class _Fulfilment(TypedDict):
    order_number: str
    fulfilment_id: str


def _fulfilment(intent: Intent) -> _Fulfilment:
    return {"order_number": intent.order_number, "fulfilment_id": intent.fulfilment_id}


def _silent(intent: Intent, key: str, outcome: Unknown) -> CarrierSilent:
    return CarrierSilent(
        **_fulfilment(intent), idempotency_key=key, asked=intent.asked, explanation=outcome.explanation
    )
