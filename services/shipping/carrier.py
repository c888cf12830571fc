"""The carrier as the service needs it, and its adapter over HTTP."""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar
from urllib.parse import quote

import aiohttp
import orjson
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from shared.events.payload import CurrencyCode, Instant, MinorUnits, Name
from shared.events.shipping import CarrierQuote
from shared.events.values import Address

LONGEST_EXPLANATION = 500


@dataclass(frozen=True, slots=True, kw_only=True)
class Sold:
    """A label that is paid for; the amount is minor units."""

    label_id: str
    tracking_number: str
    amount: int
    currency: str
    promised_at: datetime


@dataclass(frozen=True, slots=True)
class Done:
    """The label is voided, or its parcel handed over; perhaps it was so before."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The carrier said no; it stays so under this key."""

    code: str
    explanation: str = ""


@dataclass(frozen=True, slots=True)
class Unknown:
    """No clear answer: it may have happened or not. To be asked again under the same key."""

    explanation: str


class Carrier(Protocol):
    """What the shipping service asks of a carrier; weights are grams.

    Every call is safe to repeat under its key, and none raises for trouble on the way: that is `Unknown`.
    """

    async def quotes(
        self, *, origin: Address, destination: Address, weight_grams: int
    ) -> tuple[CarrierQuote, ...] | Refused | Unknown: ...

    async def buy_label(
        self,
        key: str,
        *,
        service: str,
        reference: str,
        origin: Address,
        destination: Address,
        weight_grams: int,
    ) -> Sold | Refused | Unknown: ...

    async def void(self, key: str, *, label_id: str) -> Done | Refused | Unknown:
        """Refused: the parcel was handed over."""
        ...

    async def hand_over(self, key: str, *, label_id: str) -> Done | Refused | Unknown:
        """Refused: the label was voided."""
        ...


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class _LabelAnswer(_Answer):
    id: Name
    tracking_number: Name
    reference: Name
    amount: MinorUnits
    currency: CurrencyCode
    promised_at: Instant


class _StatusAnswer(_Answer):
    status: str


class _ErrorAnswer(_Answer):
    code: Name
    message: str = ""


class _RecordedAnswer(_Answer):
    """What was answered first under a key."""

    status: int
    answer: dict[str, Any]


A = TypeVar("A")

_QUOTES = TypeAdapter(tuple[CarrierQuote, ...])
_LABEL = TypeAdapter(_LabelAnswer)
_STATUS = TypeAdapter(_StatusAnswer)
_RECORDED = TypeAdapter(_RecordedAnswer)

REFUSALS = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY})
"""Answers that the same request will always get. Any other error says nothing about the request itself."""


class HttpCarrier(AbstractAsyncContextManager["HttpCarrier"]):
    """Speaks docs/protocols/carrier.md. Open it with `async with` before the first call."""

    def __init__(self, url: str, key: str, *, timeout_s: float = 2.0, connections: int = 64) -> None:
        self._url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        self._timeout = aiohttp.ClientTimeout(total=timeout_s)
        self._connections = connections
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        self._session = aiohttp.ClientSession(
            headers=self._headers,
            timeout=self._timeout,
            connector=aiohttp.TCPConnector(limit=self._connections),
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def quotes(
        self, *, origin: Address, destination: Address, weight_grams: int
    ) -> tuple[CarrierQuote, ...] | Refused | Unknown:
        body = {"from": _place(origin), "to": _place(destination), "weight_grams": weight_grams}
        return await self._ask("POST", "/v1/quotes", _QUOTES, body=body)

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
        answer = await self._ask("POST", "/v1/labels", _LABEL, key=key, body=body)
        if isinstance(answer, Refused) and answer.code == "idempotency_conflict":
            answer = await self._answered_first(key)
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
        match await self._ask("POST", path, _STATUS, key=key, body={}):
            case _StatusAnswer(status=status) if status == done:
                return Done()
            case Refused(code=code) as refused if code == too_late:
                return refused
            case Unknown() as unknown:
                return unknown
            case Refused(code=code) | _StatusAnswer(status=code):
                return Unknown(f"{verb} was answered with {code}"[:LONGEST_EXPLANATION])

    async def _answered_first(self, key: str) -> _LabelAnswer | Refused | Unknown:
        """What came of a key whose request differed: our own address may have changed in between."""
        recorded = await self._ask("GET", f"/v1/operations/{quote(key, safe='')}", _RECORDED)
        match recorded:
            case Refused() as refused:
                return Unknown(
                    f"what was answered under {key} is not to be had: {refused.code}"[:LONGEST_EXPLANATION]
                )
            case Unknown():
                return recorded
            case _RecordedAnswer():
                return _understand(recorded.status, orjson.dumps(recorded.answer), _LABEL)

    async def _ask(
        self,
        method: str,
        path: str,
        form: TypeAdapter[A],
        *,
        key: str = "",
        body: Mapping[str, object] | None = None,
    ) -> A | Refused | Unknown:
        if self._session is None:
            raise RuntimeError("the carrier's connections are not open")
        try:
            async with self._session.request(
                method,
                self._url + path,
                data=None if body is None else orjson.dumps(body),
                headers={"Idempotency-Key": key} if key else None,
                allow_redirects=False,
            ) as response:
                status, content = response.status, await response.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            return Unknown(f"{type(error).__name__}: {error}"[:LONGEST_EXPLANATION])
        return _understand(status, content, form)


def _understand(status: int, content: bytes, form: TypeAdapter[A]) -> A | Refused | Unknown:
    try:
        if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
            return form.validate_json(content)
        if status in REFUSALS:
            told = _ErrorAnswer.model_validate_json(content)
            return Refused(told.code, told.message[:LONGEST_EXPLANATION])
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        return Unknown(f"HTTP {status} with a body that is no answer: {first['msg']}"[:LONGEST_EXPLANATION])
    return Unknown(f"HTTP {status}")


def _place(address: Address) -> dict[str, str]:
    """As much of an address as a price depends on."""
    place = {"country": address.country, "postal_code": address.postal_code}
    return {**place, "region": address.region} if address.region else place


def _address(address: Address) -> dict[str, str]:
    return {**_place(address), "name": address.name, "street": address.street, "city": address.city}
