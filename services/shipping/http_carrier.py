"""The carrier over HTTP."""

from http import HTTPStatus
from urllib.parse import quote

from pydantic import TypeAdapter

from services.shipping.carrier import Done, Sold
from shared.events.payload import CurrencyCode, Instant, MinorUnits, Name
from shared.events.shipping import CarrierQuote
from shared.events.values import Address
from shared.eventsourcing.partners import CONFLICT, LONGEST_EXPLANATION, Answer, HttpPartner, Refused, Unknown


class _LabelAnswer(Answer):
    id: Name
    tracking_number: Name
    reference: Name
    amount: MinorUnits
    currency: CurrencyCode
    promised_at: Instant


class _StatusAnswer(Answer):
    status: str


_QUOTES = TypeAdapter(tuple[CarrierQuote, ...])
_LABEL = TypeAdapter(_LabelAnswer)
_STATUS = TypeAdapter(_StatusAnswer)


class HttpCarrier(HttpPartner):
    """Speaks docs/protocols/carrier.md."""

    refusals = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY})

    async def quotes(
        self, *, origin: Address, destination: Address, weight_grams: int
    ) -> tuple[CarrierQuote, ...] | Refused | Unknown:
        body = {"from": _place(origin), "to": _place(destination), "weight_grams": weight_grams}
        return await self.ask("POST", "/v1/quotes", _QUOTES, body=body)

    async def buy_label(
        self,
        key: str,
        *,
        service: str,
        reference: str,
        origin: Address,
        destination: Address,
        weight_grams: int,
    ) -> Sold | Refused | Unknown:
        body = {
            "service": service,
            "reference": reference,
            "from": _address(origin),
            "to": _address(destination),
            "weight_grams": weight_grams,
        }
        answer = await self.ask("POST", "/v1/labels", _LABEL, key=key, body=body)
        if isinstance(answer, Refused) and answer.code == CONFLICT:
            answer = await self._bought_first(key)
        if isinstance(answer, Refused | Unknown):
            return answer
        if answer.reference != reference:
            return Unknown("the carrier's answer is about another parcel than was asked")
        return Sold(
            label_id=answer.id,
            tracking_number=answer.tracking_number,
            amount=answer.amount,
            currency=answer.currency,
            promised_at=answer.promised_at,
        )

    async def void(self, key: str, *, label_id: str) -> Done | Refused | Unknown:
        return await self._on_label(key, label_id, "void", done="voided", too_late="handed_over")

    async def hand_over(self, key: str, *, label_id: str) -> Done | Refused | Unknown:
        return await self._on_label(key, label_id, "handover", done="handed_over", too_late="voided")

    async def _on_label(
        self, key: str, label_id: str, verb: str, *, done: str, too_late: str
    ) -> Done | Refused | Unknown:
        path = f"/v1/labels/{quote(label_id, safe='')}/{verb}"
        match await self.ask("POST", path, _STATUS, key=key, body={}):
            case _StatusAnswer(status=status) if status == done:
                return Done()
            case Refused(code=code) as refused if code == too_late:
                return refused
            case Unknown() as unknown:
                return unknown
            case Refused(code=code) | _StatusAnswer(status=code):
                return Unknown(f"{verb} was answered with {code}"[:LONGEST_EXPLANATION])

    async def _bought_first(self, key: str) -> _LabelAnswer | Refused | Unknown:
        """What came of a key whose request differed: our own address may have changed in between."""
        recorded = await self.answered_first(key)
        if isinstance(recorded, Unknown):
            return recorded
        return self.read(recorded, _LABEL)


def _place(address: Address) -> dict[str, str]:
    """As much of an address as a price depends on."""
    place = {"country": address.country, "postal_code": address.postal_code}
    return {**place, "region": address.region} if address.region else place


def _address(address: Address) -> dict[str, str]:
    return {**_place(address), "name": address.name, "street": address.street, "city": address.city}
