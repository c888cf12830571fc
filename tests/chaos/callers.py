"""What is asked over HTTP, as careful callers ask: the same again until there is an answer that stays."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from datetime import timedelta
from typing import Any, NamedTuple

import httpx2

from channels.publishing import IntakeMessage, NotAcknowledged

PAUSE_S = 1.0


class Answer(NamedTuple):
    """What the service said in the end."""

    status: int
    body: Mapping[str, Any]

    @property
    def accepted(self) -> bool:
        return httpx2.codes.is_success(self.status)


class Callers:
    """Asks the order service under one API key."""

    def __init__(self, http: httpx2.AsyncClient, url: str, key: str, patience: timedelta) -> None:
        """`patience` is how long to ask again before giving up."""
        self._http = http
        self._url = url
        self._headers = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        self._patience = patience

    async def place(self, order: IntakeMessage) -> Answer:
        """Place an order; its channel's own id is the idempotency key.

        Raises:
            NotAcknowledged: no answer stayed for longer than the patience.
        """
        return await self._insist("/orders", order.value, {"Idempotency-Key": order.key.decode()})

    async def call_off(self, number: str) -> Answer:
        """Cancel an order; raises as `place` does."""
        return await self._insist(f"/orders/{number}/cancel", b'{"reason": "changed my mind"}', {})

    async def _insist(self, path: str, body: bytes, headers: Mapping[str, str]) -> Answer:
        try:
            async with asyncio.timeout(self._patience.total_seconds()):
                while True:
                    pause = PAUSE_S
                    with suppress(httpx2.TransportError):
                        response = await self._http.post(
                            self._url + path, content=body, headers={**self._headers, **headers}
                        )
                        if not _passes(response):
                            return Answer(response.status_code, response.json())
                        pause = float(response.headers.get("Retry-After", PAUSE_S))
                    await asyncio.sleep(pause)
        except TimeoutError:
            raise NotAcknowledged(f"{self._url}{path} gave no answer that stays") from None


def _passes(response: httpx2.Response) -> bool:
    """Whether the same request may have another answer later: too much to do, broken, or the key is parked."""
    match response.status_code:
        case httpx2.codes.CONFLICT:
            return bool(response.json()["title"] == "Parked")
        case httpx2.codes.TOO_MANY_REQUESTS:
            return True
        case status:
            return httpx2.codes.is_server_error(status)
