"""The adapter speaks the carrier's protocol: what is clear is an answer, everything else is unknown."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from services.shipping.carrier import Done, Sold
from services.shipping.http_carrier import HttpCarrier
from shared.events.values import Address
from shared.eventsourcing.partners import Refused, Unknown
from tests.unit.simulators.running import KEY, NO_FAULTS, Simulator, running

DOCK = Address(name="East", street="1 Dock Rd", city="Newark", postal_code="07101", region="NJ", country="US")
HOME = Address(name="Ada", street="5 Main St", city="Boston", postal_code="02108", region="MA", country="US")
NOWHERE = HOME.model_copy(update={"city": "Nowhere"})
ABROAD = Address(name="Li", street="1 Nanjing Rd", city="Shanghai", postal_code="200000", country="CN")


@pytest.fixture(scope="module")
def simulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    state: Path = tmp_path_factory.mktemp("carrier")
    still = (*NO_FAULTS, f"--key={KEY}", "--refuse=0", "--pace=3600")
    with running("carrier", state, "--port=0", *still) as simulator:
        yield simulator


@pytest.fixture
async def carrier(simulator: Simulator) -> AsyncIterator[HttpCarrier]:
    async with HttpCarrier(f"http://127.0.0.1:{simulator.started['port']}/", KEY) as carrier:
        yield carrier


async def buy(
    carrier: HttpCarrier, key: str, destination: Address = HOME, origin: Address = DOCK
) -> Sold | Refused | Unknown:
    reference = key.partition("/")[0]
    return await carrier.buy_label(
        key,
        service="economy",
        reference=reference,
        origin=origin,
        destination=destination,
        weight_grams=2300,
    )


async def bought(carrier: HttpCarrier, key: str) -> Sold:
    sold = await buy(carrier, key)
    assert isinstance(sold, Sold)
    return sold


async def test_the_carrier_names_its_services(carrier: HttpCarrier) -> None:
    quotes = await carrier.quotes(origin=DOCK, destination=HOME, weight_grams=2300)
    assert isinstance(quotes, tuple)
    assert [(one.service, one.amount, one.currency, one.days) for one in quotes] == [
        ("economy", 760, "USD", 5),
        ("standard", 1010, "USD", 3),
        ("express", 1950, "USD", 1),
    ]


async def test_an_address_without_a_region_is_understood(carrier: HttpCarrier) -> None:
    quotes = await carrier.quotes(origin=DOCK, destination=ABROAD, weight_grams=900)
    assert isinstance(quotes, tuple)
    assert quotes[0].amount == 1690


async def test_a_label_is_bought_once_for_each_key(carrier: HttpCarrier, simulator: Simulator) -> None:
    first = await buy(carrier, "once/1")
    again = await buy(carrier, "once/1")
    assert isinstance(first, Sold)
    assert again == first
    assert (first.amount, first.currency) == (760, "USD")
    labels = simulator.get("/v1/labels?reference=once")["labels"]
    assert [label["id"] for label in labels] == [first.label_id]


async def test_an_address_that_is_not_served_is_refused_with_its_reason(carrier: HttpCarrier) -> None:
    refused = await buy(carrier, "refused/1", NOWHERE)
    assert isinstance(refused, Refused)
    assert refused.code == "address_refused"
    assert refused.explanation


async def test_under_a_key_whose_request_has_changed_the_first_answer_counts(carrier: HttpCarrier) -> None:
    first = await buy(carrier, "moved/1")
    assert await buy(carrier, "moved/1", origin=ABROAD) == first
    refused = await buy(carrier, "moved-too/1", NOWHERE)
    assert await buy(carrier, "moved-too/1", NOWHERE, origin=ABROAD) == refused


async def test_a_label_is_voided_however_often_it_is_asked(carrier: HttpCarrier) -> None:
    label = await bought(carrier, "void/1")
    for key in ("void-1", "void-1", "void-2"):
        assert await carrier.void(key, label_id=label.label_id) == Done()
    refused = await carrier.hand_over("handover-1", label_id=label.label_id)
    assert isinstance(refused, Refused)
    assert refused.code == "voided"


async def test_a_parcel_is_handed_over_however_often_it_is_asked(carrier: HttpCarrier) -> None:
    label = await bought(carrier, "over/1")
    for key in ("handover-2", "handover-2", "handover-3"):
        assert await carrier.hand_over(key, label_id=label.label_id) == Done()
    refused = await carrier.void("void-3", label_id=label.label_id)
    assert isinstance(refused, Refused)
    assert refused.code == "handed_over"


async def test_a_label_that_the_carrier_does_not_know_is_no_answer(carrier: HttpCarrier) -> None:
    assert await carrier.void("void-4", label_id="lbl/../none") == Unknown("HTTP 404")


async def test_a_carrier_that_is_down_leaves_the_outcome_unknown(
    carrier: HttpCarrier, simulator: Simulator
) -> None:
    simulator.mode("down")
    try:
        outcomes = [
            await carrier.quotes(origin=DOCK, destination=HOME, weight_grams=2300),
            await buy(carrier, "down/1"),
            await carrier.void("void-5", label_id="lbl_1"),
            await carrier.hand_over("handover-5", label_id="lbl_1"),
        ]
    finally:
        simulator.mode("up")
    assert outcomes == [Unknown("HTTP 503")] * 4


async def test_a_wrong_key_leaves_the_outcome_unknown(simulator: Simulator) -> None:
    async with HttpCarrier(f"http://127.0.0.1:{simulator.started['port']}", "wrong") as stranger:
        assert await buy(stranger, "stranger/1") == Unknown("HTTP 401")


@asynccontextmanager
async def answering(status: int, body: str, delay: float = 0.0) -> AsyncIterator[HttpCarrier]:
    """A carrier that answers everything in one way."""

    async def answer(_: web.Request) -> web.Response:
        await asyncio.sleep(delay)
        return web.Response(status=status, text=body, headers={"Location": "/elsewhere"})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    async with TestServer(app) as server, HttpCarrier(str(server.make_url("")), KEY, timeout_s=0.3) as made:
        yield made


@pytest.mark.parametrize("status", [301, 403, 404, 429, 500, 502, 504])
async def test_other_errors_leave_the_outcome_unknown(status: int) -> None:
    async with answering(status, "{}") as carrier:
        assert await buy(carrier, "F/1") == Unknown(f"HTTP {status}")


@pytest.mark.parametrize("body", ["", "<html>", "[]", '{"id": "lbl_1"}'])
async def test_a_success_without_an_answer_leaves_the_outcome_unknown(body: str) -> None:
    async with answering(201, body) as carrier:
        outcome = await buy(carrier, "F/1")
    assert isinstance(outcome, Unknown)
    assert outcome.explanation.startswith("HTTP 201 with a body that is no answer")


async def test_a_refusal_without_a_code_leaves_the_outcome_unknown() -> None:
    async with answering(422, "no") as carrier:
        assert isinstance(await buy(carrier, "F/1"), Unknown)


async def test_an_answer_about_another_parcel_leaves_the_outcome_unknown() -> None:
    label = {
        "id": "lbl_1",
        "tracking_number": "CR1",
        "reference": "another",
        "amount": 1,
        "currency": "USD",
        "promised_at": "2026-11-21T10:00:00Z",
    }
    async with answering(201, json.dumps(label)) as carrier:
        expected = Unknown("the carrier's answer is about another parcel than was asked")
        assert await buy(carrier, "F/1") == expected


async def test_a_conflict_that_can_not_be_looked_up_leaves_the_outcome_unknown() -> None:
    async with answering(409, '{"code": "idempotency_conflict", "message": ""}') as carrier:
        expected = Unknown("what was answered under F/1 is not to be had: idempotency_conflict")
        assert await buy(carrier, "F/1") == expected


async def test_another_refusal_of_a_void_or_a_hand_over_is_no_answer() -> None:
    async with answering(422, '{"code": "invalid", "message": ""}') as carrier:
        assert await carrier.void("V", label_id="lbl_1") == Unknown("void was answered with invalid")
        assert await carrier.hand_over("H", label_id="lbl_1") == Unknown("handover was answered with invalid")
    async with answering(200, '{"status": "bought"}') as carrier:
        assert await carrier.void("V", label_id="lbl_1") == Unknown("void was answered with bought")


async def test_no_answer_in_time_leaves_the_outcome_unknown() -> None:
    async with answering(201, "{}", delay=5) as carrier:
        outcome = await buy(carrier, "F/1")
    assert isinstance(outcome, Unknown)
    assert "Timeout" in outcome.explanation


async def test_a_carrier_that_can_not_be_reached_leaves_the_outcome_unknown() -> None:
    async with HttpCarrier("http://127.0.0.1:9", KEY) as carrier:
        assert isinstance(await buy(carrier, "F/1"), Unknown)


async def test_connections_are_opened_first() -> None:
    with pytest.raises(RuntimeError, match="not open"):
        await buy(HttpCarrier("http://127.0.0.1:9", KEY), "F/1")
