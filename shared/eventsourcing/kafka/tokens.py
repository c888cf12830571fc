"""Tokens for SASL OAUTHBEARER: fetched with the client's credentials (RFC 6749, 4.4), kept while they are good."""

import asyncio
import ssl
import time
from collections.abc import Callable
from http import HTTPStatus
from urllib.parse import quote_plus

import aiohttp
from aiokafka import conn
from aiokafka.abc import AbstractTokenProvider
from aiokafka.errors import KafkaConnectionError, SaslAuthenticationFailed
from pydantic import BaseModel, ConfigDict, Field, ValidationError

TIMEOUT = aiohttp.ClientTimeout(total=5.0)
GOOD_FOR = 0.8
"""The share of its life for which a token is used: one that is about to expire might do so on its way."""
LONGEST_EXPLANATION = 500


class TokenRefused(SaslAuthenticationFailed):  # type: ignore[misc]  # aiokafka ships no types for it
    """The endpoint gives this client no token; asking again mends nothing."""


class TokenUnavailable(KafkaConnectionError):  # type: ignore[misc]  # aiokafka ships no types for it
    """The endpoint is not there, or has trouble of its own."""


class Tokens(AbstractTokenProvider):  # type: ignore[misc]  # aiokafka ships no types for it
    """The tokens of one client, for all its connections to the cluster."""

    def __init__(
        self,
        url: str,
        *,
        client_id: str,
        client_secret: str,
        scope: str = "",
        tls: ssl.SSLContext | None = None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """`now` is in seconds from any moment on."""
        _hear_refusals()
        self._url = url
        client = aiohttp.encode_basic_auth(quote_plus(client_id), quote_plus(client_secret))
        self._headers = {"Authorization": client, "Accept": "application/json"}
        self._form = {"grant_type": "client_credentials", **({"scope": scope} if scope else {})}
        self._tls = tls
        self._now = now
        self._asking = asyncio.Lock()
        self._kept = ""
        self._good_until = now()

    async def token(self) -> str:
        """A token that is good for a while yet.

        Raises:
            TokenRefused: there is none for this client.
            TokenUnavailable: nobody could be asked.
        """
        async with self._asking:
            asked = self._now()
            if asked >= self._good_until:
                answer = await self._fetch()
                self._kept, self._good_until = answer.access_token, asked + answer.expires_in * GOOD_FOR
            return self._kept

    async def _fetch(self) -> "_Answer":
        try:
            async with (
                aiohttp.ClientSession(headers=self._headers, timeout=TIMEOUT) as session,
                session.post(self._url, data=self._form, ssl=self._tls or True, allow_redirects=False) as response,
            ):
                status, content = response.status, await response.read()
        except (aiohttp.ClientError, TimeoutError) as error:
            raise TokenUnavailable(f"{self._url}: {str(error) or type(error).__name__}") from error
        if status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
            raise TokenUnavailable(f"{self._url}: HTTP {status}")
        if status != HTTPStatus.OK:
            raise TokenRefused(f"{self._url}: HTTP {status}{_explanation(content)}")
        try:
            return _Answer.model_validate_json(content)
        except ValidationError:  # its text may hold the token
            raise TokenRefused(f"{self._url}: HTTP {status} with a body that is no token") from None


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    access_token: str = Field(pattern=r"^[\x21-\x7e]+$")
    expires_in: float = Field(default=0, ge=0, allow_inf_nan=False)
    """Seconds; a token of which it is not said is used once."""


class _Refusal(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    error: str
    error_description: str = ""


def _explanation(content: bytes) -> str:
    try:
        refusal = _Refusal.model_validate_json(content)
    except ValidationError:
        return ""
    return " ".join(f", {refusal.error} {refusal.error_description}".split())[:LONGEST_EXPLANATION]


def _hear_refusals() -> None:
    """Let every connection of the process fail at once when the broker does not take its token.

    The broker says so by a challenge (RFC 7628, 3.2.2), which aiokafka takes for a success: the requests that
    follow would fail for no reason that anybody could see.
    """
    conn.OAuthAuthenticator = _Authenticator


class _Authenticator(conn.OAuthAuthenticator):  # type: ignore[misc]  # aiokafka ships no types for it
    async def step(self, challenge: bytes | None) -> tuple[bytes, bool] | None:
        if challenge:
            said = challenge.decode(errors="replace")[:LONGEST_EXPLANATION]
            raise SaslAuthenticationFailed(f"the broker does not take the token: {said}")
        answer: tuple[bytes, bool] | None = await super().step(challenge)
        return answer
