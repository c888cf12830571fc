"""A caller asks the same again until there is an answer that stays."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import httpx2
import pytest

from channels.publishing import IntakeMessage, NotAcknowledged
from tests.chaos.callers import PAUSE_S, Answer, Callers

ORDER = IntakeMessage(b"chaos-1-17", b'{"channel": "chaos"}', [])
PLACED = httpx2.Response(201, json={"order_number": "N", "status": "received"})
LOST = httpx2.ReadError("reset")


def _refusal(status: int, title: str, **headers: str) -> httpx2.Response:
    return httpx2.Response(status, json={"title": title}, headers=headers)


class Service:
    """Answers with what it is given, one after the other, and remembers what it was asked."""

    def __init__(self, *answers: httpx2.Response | Exception) -> None:
        self.asked: list[httpx2.Request] = []
        self._answers = list(answers)

    def __call__(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append(request)
        answer = self._answers.pop(0) if len(self._answers) > 1 else self._answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


async def _place(service: Service, patience_s: float = 30) -> Answer:
    async with httpx2.AsyncClient(transport=httpx2.MockTransport(service)) as http:
        return await Callers(http, "http://orders", "key", timedelta(seconds=patience_s)).place(ORDER)


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> Sequence[float]:
    """How long the caller waited each time, which takes no time here."""
    waited: list[float] = []

    async def sleep(seconds: float) -> None:
        waited.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", sleep)
    return waited


@pytest.mark.parametrize("passing", [LOST, _refusal(500, "Error"), _refusal(503, "Away"), _refusal(409, "Parked")])
async def test_what_passes_is_asked_again_under_the_same_key(
    passing: httpx2.Response | Exception, pauses: Sequence[float]
) -> None:
    service = Service(passing, passing, PLACED)

    answer = await _place(service)

    assert (answer.status, answer.body["order_number"], answer.accepted) == (201, "N", True)
    assert [request.headers["Idempotency-Key"] for request in service.asked] == ["chaos-1-17"] * 3
    assert {request.content for request in service.asked} == {ORDER.value}
    assert pauses == [PAUSE_S] * 2


@pytest.mark.parametrize("status", [429, 503])
async def test_a_service_that_says_how_long_to_wait_is_given_that_time(
    status: int, pauses: Sequence[float]
) -> None:
    await _place(Service(_refusal(status, "Busy", **{"Retry-After": "7"}), PLACED))

    assert pauses == [7.0]


@pytest.mark.parametrize("refusal", [_refusal(409, "Idempotency conflict"), _refusal(422, "Order refused")])
async def test_a_refusal_stays(refusal: httpx2.Response, pauses: Sequence[float]) -> None:
    service = Service(refusal, PLACED)

    answer = await _place(service)

    assert (answer.status, answer.accepted, len(service.asked), pauses) == (refusal.status_code, False, 1, [])


async def test_a_service_that_never_answers_is_given_up_on() -> None:
    with pytest.raises(NotAcknowledged, match="http://orders/orders gave no answer"):
        await _place(Service(LOST), patience_s=0.05)
