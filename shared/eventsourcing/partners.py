"""Calls to a partner over HTTP: bounded in time and number; trouble on the way is an unknown outcome."""

from collections.abc import Mapping, Set
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from http import HTTPStatus
from types import TracebackType
from typing import Any, Protocol, Self, TypeVar
from urllib.parse import quote

import aiohttp
import orjson
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from shared.events.payload import Name

LONGEST_EXPLANATION = 500
CONFLICT = "idempotency_conflict"
"""The key already belongs to another request: that one may have had an effect."""


@dataclass(frozen=True, slots=True)
class Refused:
    """The partner said no; it stays so under this key."""

    code: str
    explanation: str = ""


@dataclass(frozen=True, slots=True)
class Unknown:
    """No clear answer: it may have happened or not. To be asked again under the same key."""

    explanation: str


class Answer(BaseModel):
    """What a partner answers; what it says beside is not looked at."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Recorded(Answer):
    """What a partner answered first under a key."""

    operation: str = ""
    status: int
    answer: dict[str, Any]


A = TypeVar("A")
A_co = TypeVar("A_co", covariant=True)


class Form(Protocol[A_co]):
    """How an answer is read; pydantic's `TypeAdapter` is one."""

    def validate_json(self, data: bytes, /) -> A_co:
        """The answer.

        Raises:
            ValidationError: it is none.
        """
        ...


class HttpPartner(AbstractAsyncContextManager["HttpPartner"]):
    """A partner who knows idempotency keys. Open it with `async with` before the first call."""

    refusals: Set[HTTPStatus]
    """Answers that the same request will always get. Any other error says nothing about the request itself."""

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

    async def ask(
        self,
        method: str,
        path: str,
        form: Form[A],
        *,
        key: str = "",
        body: Mapping[str, object] | None = None,
    ) -> A | Refused | Unknown:
        """Make one request and read its answer.

        Raises:
            RuntimeError: the partner was not opened.
        """
        if self._session is None:
            raise RuntimeError("the connections to the partner are not open")
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
        return self._understand(status, content, form)

    async def answered_first(self, key: str) -> Recorded | Unknown:
        """What the partner answered first under a key."""
        recorded = await self.ask("GET", f"/v1/operations/{quote(key, safe='')}", _RECORDED)
        if isinstance(recorded, Refused):
            return Unknown(
                f"what was answered under {key} is not to be had: {recorded.code}"[:LONGEST_EXPLANATION]
            )
        return recorded

    def read(self, recorded: Recorded, form: Form[A]) -> A | Refused | Unknown:
        """What a recorded answer says."""
        return self._understand(recorded.status, orjson.dumps(recorded.answer), form)

    def _understand(self, status: int, content: bytes, form: Form[A]) -> A | Refused | Unknown:
        try:
            if HTTPStatus.OK <= status < HTTPStatus.MULTIPLE_CHOICES:
                return form.validate_json(content)
            if status in self.refusals:
                told = _REFUSAL.validate_json(content)
                return Refused(told.code, told.message[:LONGEST_EXPLANATION])
        except ValidationError as error:
            first = error.errors(include_url=False, include_input=False)[0]
            return Unknown(f"HTTP {status} with a body that is no answer: {first['msg']}"[:LONGEST_EXPLANATION])
        return Unknown(f"HTTP {status}")


class _Refusal(Answer):
    code: Name
    message: str = ""


_RECORDED = TypeAdapter(Recorded)
_REFUSAL = TypeAdapter(_Refusal)
