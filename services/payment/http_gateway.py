"""The payment gateway over HTTP."""

from abc import abstractmethod
from collections.abc import Mapping
from http import HTTPStatus
from types import MappingProxyType
from typing import Literal, TypeVar
from urllib.parse import quote

from pydantic import Field, TypeAdapter

from services.payment.gateway import Authorised, Captured, Outcome, Refunded, Renewed, Voided
from shared.events.payload import Instant, Name
from shared.eventsourcing.partners import (
    CONFLICT,
    LONGEST_EXPLANATION,
    Answer,
    Form,
    HttpPartner,
    Refused,
    Unknown,
)


class _OperationAnswer(Answer):
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


_AUTHORISATION = TypeAdapter(_AuthorisationAnswer)
_CAPTURE = TypeAdapter(_CaptureAnswer)
_VOID = TypeAdapter(_VoidAnswer)
_RENEWAL = TypeAdapter(_RenewalAnswer)
_REFUND = TypeAdapter(_RefundAnswer)
FORMS: Mapping[str, Form[_OperationAnswer]] = MappingProxyType(
    {"authorise": _AUTHORISATION, "capture": _CAPTURE, "void": _VOID, "renew": _RENEWAL, "refund": _REFUND}
)
"""How the answer to each operation is read."""

A = TypeVar("A", bound=Answer)

ANOTHER_AMOUNT = Unknown("the gateway's answer names another amount or currency than was asked")
ANOTHER_REQUEST = Unknown("the gateway knows the key of another request, which had another answer")


class HttpGateway(HttpPartner):
    """Speaks docs/protocols/gateway.md."""

    refusals = frozenset(
        {
            HTTPStatus.BAD_REQUEST,
            HTTPStatus.NOT_FOUND,
            HTTPStatus.CONFLICT,
            HTTPStatus.UNPROCESSABLE_ENTITY,
        }
    )

    async def authorise(
        self, key: str, *, reference: str, amount: int, currency: str, token: str
    ) -> Authorised | Refused | Unknown:
        body = {"reference": reference, "amount": amount, "currency": currency, "token": token}
        path, about = "/v1/authorisations", {"reference": reference}
        answer = await self._operate(path, key, body, "authorise", _AUTHORISATION, about)
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
        answer = await self._operate(path, key, {"amount": amount}, "capture", _CAPTURE, about)
        if isinstance(answer, Refused | Unknown):
            return answer
        outcome = answer.outcome()
        wrong = isinstance(outcome, Captured) and not answer.is_about(amount, currency)
        return ANOTHER_AMOUNT if wrong else outcome

    async def void(self, key: str, *, authorisation_id: str) -> Voided | Refused | Unknown:
        path = f"/v1/authorisations/{quote(authorisation_id, safe='')}/void"
        answer = await self._operate(path, key, {}, "void", _VOID, {"id": authorisation_id})
        return answer if isinstance(answer, Refused | Unknown) else answer.outcome()

    async def renew(self, key: str, *, authorisation_id: str) -> Renewed | Refused | Unknown:
        path = f"/v1/authorisations/{quote(authorisation_id, safe='')}/renew"
        answer = await self._operate(path, key, {}, "renew", _RENEWAL, {"id": authorisation_id})
        return answer if isinstance(answer, Refused | Unknown) else answer.outcome()

    async def refund(
        self, key: str, *, capture_id: str, amount: int, currency: str
    ) -> Refunded | Refused | Unknown:
        path = f"/v1/captures/{quote(capture_id, safe='')}/refunds"
        answer = await self._operate(path, key, {"amount": amount}, "refund", _REFUND, {"capture_id": capture_id})
        if isinstance(answer, Refused | Unknown):
            return answer
        outcome = answer.outcome()
        wrong = isinstance(outcome, Refunded) and not answer.is_about(amount, currency)
        return ANOTHER_AMOUNT if wrong else outcome

    async def query(self, key: str) -> Outcome:
        recorded = await self.answered_first(key)
        if isinstance(recorded, Unknown):
            return recorded
        form = FORMS.get(recorded.operation)
        if form is None:
            return Unknown(f"no operation is called {recorded.operation}"[:LONGEST_EXPLANATION])
        answer = self.read(recorded, form)
        return answer if isinstance(answer, Refused | Unknown) else answer.outcome()

    async def _operate(
        self,
        path: str,
        key: str,
        body: Mapping[str, object],
        operation: str,
        form: Form[A],
        about: Mapping[str, str],
    ) -> A | Refused | Unknown:
        """The answer to an operation; the first one under its key, if that is about the same."""
        answer = await self.ask("POST", path, form, key=key, body=body)
        if not isinstance(answer, Refused) or answer.code != CONFLICT:
            return answer
        recorded = await self.answered_first(key)
        if isinstance(recorded, Unknown):
            return recorded
        if recorded.operation != operation or not about.items() <= recorded.answer.items():
            return ANOTHER_REQUEST
        return self.read(recorded, form)


def _code(given: str | None, otherwise: str) -> str:
    return (given or otherwise)[:200]
