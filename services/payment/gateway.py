"""The payment gateway as the service needs it, and its adapter over HTTP."""

from abc import abstractmethod
from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from types import MappingProxyType, TracebackType
from typing import Any, Literal, Protocol, Self, TypeVar
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


Outcome = Authorised | Captured | Voided | Renewed | Refunded | Refused | Unknown


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

    async def query(self, key: str) -> Outcome:
        """What came of the first request under a key; unknown as well where none was ever decided."""
        ...


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")


class _OperationAnswer(_Answer):
    """What is answered to an operation."""

    @abstractmethod
    def outcome(self) -> Outcome:
        """What it means."""


class _Money(_OperationAnswer):
    amount: int
    currency: str

    def is_about(self, amount: int, currency: str) -> bool:
        return (self.amount, self.currency) == (amount, currency)


class _AuthorisationAnswer(_Money):
    id: Name
    status: Literal["authorised", "declined"]
    decline_code: str | None = None
    expires_at: Instant | None = None

    def outcome(self) -> Authorised | Refused | Unknown:
        if self.status == "declined":
            return Refused(_code(self.decline_code, "declined"))
        if self.expires_at is None:
            return Unknown("the gateway authorised and did not say for how long")
        return Authorised(self.id, self.expires_at)


class _CaptureAnswer(_Money):
    id: Name
    status: Literal["captured", "refused"]
    refusal_code: str | None = None

    def outcome(self) -> Captured | Refused:
        return Captured(self.id) if self.status == "captured" else Refused(_code(self.refusal_code, "refused"))


class _VoidAnswer(_OperationAnswer):
    status: Literal["voided"]
    voided_amount: int = Field(ge=0)

    def outcome(self) -> Voided:
        return Voided(self.voided_amount)


class _RenewalAnswer(_OperationAnswer):
    status: Literal["renewed", "refused"]
    refusal_code: str | None = None
    expires_at: Instant | None = None

    def outcome(self) -> Renewed | Refused | Unknown:
        if self.status == "refused":
            return Refused(_code(self.refusal_code, "refused"))
        if self.expires_at is None:
            return Unknown("the gateway renewed and did not say for how long")
        return Renewed(self.expires_at)


class _RefundAnswer(_Money):
    status: Literal["refunded", "refused"]
    refusal_code: str | None = None

    def outcome(self) -> Refunded | Refused:
        return Refunded() if self.status == "refunded" else Refused(_code(self.refusal_code, "refused"))


class _ErrorAnswer(_Answer):
    code: Name


class _RecordedAnswer(_Answer):
    """What was answered first under a key."""

    operation: Literal["authorise", "capture", "void", "renew", "refund"]
    status: int
    answer: dict[str, Any]


FORMS: Mapping[str, type[_OperationAnswer]] = MappingProxyType(
    {
        "authorise": _AuthorisationAnswer,
        "capture": _CaptureAnswer,
        "void": _VoidAnswer,
        "renew": _RenewalAnswer,
        "refund": _RefundAnswer,
    }
)
"""How the answer to each operation is read."""

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
CONFLICT = "idempotency_conflict"
"""The key already belongs to another request: that one may have had an effect."""
ANOTHER_AMOUNT = Unknown("the gateway's answer names another amount or currency than was asked")
ANOTHER_REQUEST = Unknown("the gateway knows the key of another request, which had another answer")


class HttpGateway(AbstractAsyncContextManager["HttpGateway"]):
    """Speaks docs/protocols/gateway.md. Open it with `async with` before the first call."""

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

    async def authorise(
        self, key: str, *, reference: str, amount: int, currency: str, token: str
    ) -> Authorised | Refused | Unknown:
        body = {"reference": reference, "amount": amount, "currency": currency, "token": token}
        path, about = "/v1/authorisations", {"reference": reference}
        answer = await self._ask(path, key, body, "authorise", _AuthorisationAnswer, about)
        if isinstance(answer, Refused | Unknown):
            return answer
        outcome = answer.outcome()
        wrong = isinstance(outcome, Authorised) and not answer.is_about(amount, currency)
        return ANOTHER_AMOUNT if wrong else outcome

    async def capture(
        self, key: str, *, authorisation_id: str, amount: int, currency: str
    ) -> Captured | Refused | Unknown:
        path = f"/v1/authorisations/{quote(authorisation_id, safe='')}/captures"
        about = {"authorisation_id": authorisation_id}
        answer = await self._ask(path, key, {"amount": amount}, "capture", _CaptureAnswer, about)
        if isinstance(answer, Refused | Unknown):
            return answer
        outcome = answer.outcome()
        wrong = isinstance(outcome, Captured) and not answer.is_about(amount, currency)
        return ANOTHER_AMOUNT if wrong else outcome

    async def void(self, key: str, *, authorisation_id: str) -> Voided | Refused | Unknown:
        path = f"/v1/authorisations/{quote(authorisation_id, safe='')}/void"
        answer = await self._ask(path, key, {}, "void", _VoidAnswer, {"id": authorisation_id})
        return answer if isinstance(answer, Refused | Unknown) else answer.outcome()

    async def renew(self, key: str, *, authorisation_id: str) -> Renewed | Refused | Unknown:
        path = f"/v1/authorisations/{quote(authorisation_id, safe='')}/renew"
        answer = await self._ask(path, key, {}, "renew", _RenewalAnswer, {"id": authorisation_id})
        return answer if isinstance(answer, Refused | Unknown) else answer.outcome()

    async def refund(
        self, key: str, *, capture_id: str, amount: int, currency: str
    ) -> Refunded | Refused | Unknown:
        path = f"/v1/captures/{quote(capture_id, safe='')}/refunds"
        answer = await self._ask(
            path, key, {"amount": amount}, "refund", _RefundAnswer, {"capture_id": capture_id}
        )
        if isinstance(answer, Refused | Unknown):
            return answer
        outcome = answer.outcome()
        wrong = isinstance(outcome, Refunded) and not answer.is_about(amount, currency)
        return ANOTHER_AMOUNT if wrong else outcome

    async def query(self, key: str) -> Outcome:
        recorded = await self._recorded(key)
        if isinstance(recorded, Unknown):
            return recorded
        answer = _understand(recorded.status, orjson.dumps(recorded.answer), FORMS[recorded.operation])
        return answer if isinstance(answer, Refused | Unknown) else answer.outcome()

    async def _ask(
        self,
        path: str,
        key: str,
        body: Mapping[str, object],
        operation: str,
        form: type[A],
        about: Mapping[str, str],
    ) -> A | Refused | Unknown:
        """The answer to an operation; the first one under its key, if that is about the same."""
        answer = await self._send("POST", path, form, key=key, body=body)
        if not isinstance(answer, Refused) or answer.code != CONFLICT:
            return answer
        recorded = await self._recorded(key)
        if isinstance(recorded, Unknown):
            return recorded
        if recorded.operation != operation or not about.items() <= recorded.answer.items():
            return ANOTHER_REQUEST
        return _understand(recorded.status, orjson.dumps(recorded.answer), form)

    async def _recorded(self, key: str) -> _RecordedAnswer | Unknown:
        """What was answered first under a key."""
        recorded = await self._send("GET", f"/v1/operations/{quote(key, safe='')}", _RecordedAnswer)
        if isinstance(recorded, Refused):
            return Unknown(
                f"what was answered under {key} is not to be had: {recorded.code}"[:LONGEST_EXPLANATION]
            )
        return recorded

    async def _send(
        self,
        method: str,
        path: str,
        form: type[A],
        *,
        key: str = "",
        body: Mapping[str, object] | None = None,
    ) -> A | Refused | Unknown:
        if self._session is None:
            raise RuntimeError("the gateway's connections are not open")
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
