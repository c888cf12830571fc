"""The payment gateway as the service needs it, and its adapter over HTTP."""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from types import TracebackType
from typing import Literal, Protocol, Self, TypeVar
from urllib.parse import quote

import aiohttp
import orjson
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from shared.events.payload import Instant, Name

LONGEST_EXPLANATION = 500


@dataclass(frozen=True, slots=True)
class Authorised:
    """The amount is set aside until it expires."""

    authorisation_id: str
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Captured:
    """The amount was collected."""

    capture_id: str


@dataclass(frozen=True, slots=True)
class Voided:
    """What was uncaptured was let go, in minor units."""

    amount: int


@dataclass(frozen=True, slots=True)
class Renewed:
    """The authorisation stands longer."""

    expires_at: datetime


@dataclass(frozen=True, slots=True)
class Refunded:
    """The amount was paid back."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The gateway said no; it stays so under this key."""

    code: str


@dataclass(frozen=True, slots=True)
class Unknown:
    """No clear answer: it may have happened or not. To be asked again under the same key."""

    explanation: str


class Gateway(Protocol):
    """What the payment service asks of a gateway; amounts are minor units.

    Every call is safe to repeat under its key, and none raises for trouble on the way: that is `Unknown`.
    """

    async def authorise(
        self, key: str, *, reference: str, amount: int, currency: str, token: str
    ) -> Authorised | Refused | Unknown: ...

    async def capture(
        self, key: str, *, authorisation_id: str, amount: int, currency: str
    ) -> Captured | Refused | Unknown: ...

    async def void(self, key: str, *, authorisation_id: str) -> Voided | Refused | Unknown: ...

    async def renew(self, key: str, *, authorisation_id: str) -> Renewed | Refused | Unknown: ...

    async def refund(
        self, key: str, *, capture_id: str, amount: int, currency: str
    ) -> Refunded | Refused | Unknown: ...


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class _Money(_Answer):
    amount: int
    currency: str

    def is_about(self, amount: int, currency: str) -> bool:
        return (self.amount, self.currency) == (amount, currency)


class _AuthorisationAnswer(_Money):
    id: Name
    status: Literal["authorised", "declined"]
    decline_code: str | None = None
    expires_at: Instant | None = None


class _CaptureAnswer(_Money):
    id: Name
    status: Literal["captured", "refused"]
    refusal_code: str | None = None


class _VoidAnswer(_Answer):
    status: Literal["voided"]
    voided_amount: int = Field(ge=0)


class _RenewalAnswer(_Answer):
    status: Literal["renewed", "refused"]
    refusal_code: str | None = None
    expires_at: Instant | None = None


class _RefundAnswer(_Money):
    status: Literal["refunded", "refused"]
    refusal_code: str | None = None


class _ErrorAnswer(_Answer):
    code: Name


A = TypeVar("A", bound=_Answer)

REFUSALS = frozenset(
    {
        HTTPStatus.BAD_REQUEST,
        HTTPStatus.NOT_FOUND,
        HTTPStatus.CONFLICT,
        HTTPStatus.UNPROCESSABLE_ENTITY,
    }
)
"""Answers that the same request will always get. Any other error says nothing about the request itself."""
ANOTHER_AMOUNT = Unknown("the gateway's answer names another amount or currency than was asked")


class HttpGateway(AbstractAsyncContextManager["HttpGateway"]):
    """Speaks docs/protocols/gateway.md. Open it with `async with` before the first call."""

    def __init__(self, url: str, key: str, *, timeout_seconds: float = 2.0, connections: int = 64) -> None:
        self._url = url.rstrip("/")
        self._headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        self._timeout = aiohttp.ClientTimeout(total=timeout_seconds)
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

    async def authorise(
        self, key: str, *, reference: str, amount: int, currency: str, token: str
    ) -> Authorised | Refused | Unknown:
        body = {"reference": reference, "amount": amount, "currency": currency, "token": token}
        answer = await self._ask("/v1/authorisations", key, body, _AuthorisationAnswer)
        match answer:
            case Refused() | Unknown():
                return answer
            case _AuthorisationAnswer(status="declined"):
                return Refused(_code(answer.decline_code, "declined"))
            case _AuthorisationAnswer(expires_at=None):
                return Unknown("the gateway authorised and did not say for how long")
            case _AuthorisationAnswer(id=authorisation_id, expires_at=datetime() as expires_at):
                about = answer.is_about(amount, currency)
                return Authorised(authorisation_id, expires_at) if about else ANOTHER_AMOUNT
        raise AssertionError(answer)

    async def capture(
        self, key: str, *, authorisation_id: str, amount: int, currency: str
    ) -> Captured | Refused | Unknown:
        path = f"/v1/authorisations/{quote(authorisation_id, safe='')}/captures"
        answer = await self._ask(path, key, {"amount": amount}, _CaptureAnswer)
        if isinstance(answer, Refused | Unknown):
            return answer
        if answer.status == "refused":
            return Refused(_code(answer.refusal_code, "refused"))
        return Captured(answer.id) if answer.is_about(amount, currency) else ANOTHER_AMOUNT

    async def void(self, key: str, *, authorisation_id: str) -> Voided | Refused | Unknown:
        path = f"/v1/authorisations/{quote(authorisation_id, safe='')}/void"
        answer = await self._ask(path, key, {}, _VoidAnswer)
        return answer if isinstance(answer, Refused | Unknown) else Voided(answer.voided_amount)

    async def renew(self, key: str, *, authorisation_id: str) -> Renewed | Refused | Unknown:
        path = f"/v1/authorisations/{quote(authorisation_id, safe='')}/renew"
        answer = await self._ask(path, key, {}, _RenewalAnswer)
        if isinstance(answer, Refused | Unknown):
            return answer
        if answer.status == "refused":
            return Refused(_code(answer.refusal_code, "refused"))
        if answer.expires_at is None:
            return Unknown("the gateway renewed and did not say for how long")
        return Renewed(answer.expires_at)

    async def refund(
        self, key: str, *, capture_id: str, amount: int, currency: str
    ) -> Refunded | Refused | Unknown:
        path = f"/v1/captures/{quote(capture_id, safe='')}/refunds"
        answer = await self._ask(path, key, {"amount": amount}, _RefundAnswer)
        if isinstance(answer, Refused | Unknown):
            return answer
        if answer.status == "refused":
            return Refused(_code(answer.refusal_code, "refused"))
        return Refunded() if answer.is_about(amount, currency) else ANOTHER_AMOUNT

    async def _ask(self, path: str, key: str, body: Mapping[str, object], form: type[A]) -> A | Refused | Unknown:
        if self._session is None:
            raise RuntimeError("the gateway's connections are not open")
        try:
            async with self._session.post(
                self._url + path,
                data=orjson.dumps(body),
                headers={"Idempotency-Key": key},
                allow_redirects=False,
            ) as response:
                status, content = response.status, await response.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            return Unknown(f"{type(error).__name__}: {error}"[:LONGEST_EXPLANATION])
        return _understand(status, content, form)


def _understand(status: int, content: bytes, form: type[A]) -> A | Refused | Unknown:
    try:
        if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
            return form.model_validate_json(content)
        if status in REFUSALS:
            return Refused(_ErrorAnswer.model_validate_json(content).code)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        return Unknown(f"HTTP {status} with a body that is no answer: {first['msg']}"[:LONGEST_EXPLANATION])
    return Unknown(f"HTTP {status}")


def _code(given: str | None, otherwise: str) -> str:
    return (given or otherwise)[:200]
