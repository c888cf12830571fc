"""The service from its command to its customer, with a real carrier, over its public doors."""

import json
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook

from shared.events.shipping import CancelShipment, HoldShipment, RequestShipment, ResumeShipment
from shared.events.values import Address, RequestedLine
from tests.unit.shipping.running import READER, RunningService, eventually, free_socket, running_service
from tests.unit.simulators.running import KEY, NO_FAULTS, SECRET, Simulator, running

ORDER = "7Q2M-XH4T-9KFD"
FULFILMENT = f"{ORDER}-F1"
ADDRESS = Address(
    name="Ada Byron", street="5 Main St", city="Boston", postal_code="02108", region="MA", country="US"
)
NOWHERE = ADDRESS.model_copy(update={"city": "Nowhere"})
STILL = (*NO_FAULTS, f"--key={KEY}", "--refuse=0", "--delay=0", "--exception=0", "--pace=3600")


def request(delivery: str = "ship", address: Address = ADDRESS, **more: Any) -> RequestShipment:
    return RequestShipment.model_validate(
        {
            "order_number": ORDER,
            "fulfilment_id": FULFILMENT,
            "location": "WH-EAST",
            "lines": (RequestedLine(line_id="1", sku="TEA", quantity=2),),
            "weight_grams": 2300,
            "address": address,
            "delivery": delivery,
            **more,
        }
    )


WHO = {"order_number": ORDER, "fulfilment_id": FULFILMENT}


@contextmanager
def carrier(state: Path, *options: str) -> Iterator[Simulator]:
    with running("carrier", state, "--port=0", *options) as simulator:
        yield simulator


def url_of(simulator: Simulator) -> str:
    return f"http://127.0.0.1:{simulator.started['port']}"


@pytest.fixture
def still_carrier(tmp_path: Path) -> Iterator[Simulator]:
    """A carrier whose parcels take an hour, and that calls nobody."""
    with carrier(tmp_path / "carrier", *STILL) as simulator:
        yield simulator


@pytest.fixture
async def automatic(still_carrier: Simulator) -> AsyncIterator[RunningService]:
    async with running_service(free_socket(), url_of(still_carrier)) as service:
        yield service


@pytest.fixture
async def manual(still_carrier: Simulator) -> AsyncIterator[RunningService]:
    async with running_service(free_socket(), url_of(still_carrier), warehouse="manual") as service:
        yield service


@pytest.fixture
async def alone() -> AsyncIterator[RunningService]:
    """A shop without a carrier, where people pick what customers collect."""
    async with running_service(free_socket(), "http://127.0.0.1:9", warehouse="manual") as service:
        yield service


def signed(body: bytes, name: str = "msg_1", at: datetime | None = None, secret: str = SECRET) -> dict[str, str]:
    moment = at or datetime.now(UTC)
    return {
        "webhook-id": name,
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": Webhook(secret).sign(name, moment, body.decode()),
        "content-type": "application/json",
    }


def report(kind: str, tracking_number: str, reference: str = FULFILMENT, **more: Any) -> bytes:
    data = {
        "tracking_number": tracking_number,
        "label_id": "lbl_1",
        "reference": reference,
        "occurred_at": "2026-11-21T10:15:30.123456Z",
        "location": "Newark hub",
        "estimated_at": "2026-11-26T10:15:28Z",
        "reason": None,
    }
    return json.dumps(
        {"type": f"parcel.{kind}", "timestamp": "2026-11-21T10:15:30Z", "data": {**data, **more}}
    ).encode()


async def test_a_parcel_goes_its_whole_road_with_a_real_carrier(tmp_path: Path) -> None:
    bound = free_socket()
    hook = f"--webhook-url=http://127.0.0.1:{bound.getsockname()[1]}/webhooks/carrier"
    quick = (*NO_FAULTS, f"--key={KEY}", "--refuse=0", "--delay=1", "--exception=1", "--pace=0.2")
    with carrier(tmp_path, *quick, hook, f"--webhook-secret={SECRET}", "--webhook-shuffle=1") as simulator:
        async with running_service(bound, url_of(simulator)) as service:
            service.command(request(deliver_by=datetime.now(UTC) + timedelta(days=2, hours=1)), ORDER)
            shipment = await service.reaches(FULFILMENT, "delivered")
            assert shipment["carrier_service"] == "express"
            assert shipment["tracking_status"] == "delivered"
            label = simulator.get(f"/v1/labels?reference={FULFILMENT}")["labels"][0]
            assert shipment["tracking_number"] == label["tracking_number"]
            assert shipment["cost"] == {"amount": label["amount"], "currency": "USD"}

            async def everything_reported() -> bool:
                return service.facts().count("shipping.tracking-received.v1") >= len(label["events"])

            await eventually(everything_reported)
            for once in ("dispatched", "delivered", "label-bought"):
                assert service.facts().count(f"shipping.{once}.v1") == 1


async def test_a_silent_carrier_is_asked_until_it_answers(tmp_path: Path) -> None:
    silent = (*NO_FAULTS, f"--key={KEY}", "--refuse=0", "--pace=3600", "--timeout-after-effect=1")
    with carrier(tmp_path, *silent) as simulator:
        async with running_service(free_socket(), url_of(simulator), carrier_timeout_s=0.3) as service:
            service.command(request(), ORDER)
            await service.reaches(FULFILMENT, "dispatched")
            assert "shipping.carrier-outcome-unknown.v1" in service.facts()
        summary = simulator.get("/v1/ledger/summary")
        assert (summary["bought"], summary["handed_over"], summary["voided"]) == (1, 1, 0)
        assert summary["keys_with_more_than_one_effect"] == 0


async def test_a_refused_address_waits_for_a_person_and_goes_on_to_another(automatic: RunningService) -> None:
    automatic.command(request(address=NOWHERE), ORDER)
    refused = await automatic.reaches(FULFILMENT, "refused")
    assert refused["refusal"].startswith("address_refused")
    automatic.command(ResumeShipment.model_validate({**WHO, "address": ADDRESS}), ORDER)
    assert (await automatic.reaches(FULFILMENT, "dispatched"))["refusal"] == ""


async def test_people_take_a_parcel_through_a_manual_warehouse(
    manual: RunningService, still_carrier: Simulator
) -> None:
    manual.command(request(), ORDER)
    await manual.reaches(FULFILMENT, "picking")
    listed = (await manual.get("/pick-lists?location=WH-EAST")).json()["pick_lists"]
    assert [one["fulfilment_id"] for one in listed] == [FULFILMENT]
    assert (await manual.get("/pick-lists?location=WH-WEST")).json() == {"pick_lists": []}

    assert (await manual.post(f"/shipments/{FULFILMENT}/picked")).json()["status"] == "picked"
    await manual.reaches(FULFILMENT, "picked")
    assert (await manual.get("/pick-lists")).json() == {"pick_lists": []}
    packed = await manual.post(f"/shipments/{FULFILMENT}/packed", {"weight_grams": 2650})
    assert packed.status_code == 202
    labelled = await manual.reaches(FULFILMENT, "labelled")
    assert labelled["weight_grams"] == 2650
    assert (await manual.post(f"/shipments/{FULFILMENT}/dispatch")).json()["status"] == "handing_over"
    await manual.reaches(FULFILMENT, "dispatched")
    assert still_carrier.get("/v1/ledger/summary")["handed_over"] == 1


async def test_a_person_records_a_delivery_that_the_carrier_never_reports(automatic: RunningService) -> None:
    automatic.command(request(), ORDER)
    await automatic.reaches(FULFILMENT, "dispatched")
    path = f"/shipments/{FULFILMENT}/delivered"
    assert (await automatic.post(path)).status_code == 422
    assert (await automatic.post(path, {"reason": ""})).status_code == 422
    assert (await automatic.post(path, {"reason": "x"}, key=READER)).status_code == 403

    told = {"delivered_at": "2026-03-02T10:15:00+01:00", "reason": "the customer says so on the phone"}
    answers = [await automatic.post(path, told) for _ in range(2)]

    assert [answer.status_code for answer in answers] == [202, 202]
    shipment = await automatic.reaches(FULFILMENT, "delivered")
    assert shipment["delivered_at"] == "2026-03-02T09:15:00+00:00"
    assert automatic.deciders("shipping.delivered.v1") == [("ann", told["reason"])]


async def test_a_cancelled_parcel_leaves_no_label_behind(manual: RunningService, still_carrier: Simulator) -> None:
    manual.command(request(), ORDER)
    await manual.reaches(FULFILMENT, "picking")
    await manual.post(f"/shipments/{FULFILMENT}/picked")
    await manual.post(f"/shipments/{FULFILMENT}/packed", {"weight_grams": 2300})
    await manual.reaches(FULFILMENT, "labelled")
    manual.command(CancelShipment.model_validate(WHO), ORDER)
    cancelled = await manual.reaches(FULFILMENT, "cancelled")
    assert (cancelled["cost"], cancelled["tracking_number"]) == (None, "")
    summary = still_carrier.get("/v1/ledger/summary")
    assert (summary["bought"], summary["voided"]) == (1, 1)
    refused = await manual.post(f"/shipments/{FULFILMENT}/dispatch")
    assert refused.status_code == 409
    assert refused.headers["content-type"] == "application/problem+json"
    assert refused.json()["detail"] == f"fulfilment {FULFILMENT} is cancelled: it is cancelled"


async def test_a_held_parcel_is_not_dispatched(alone: RunningService) -> None:
    alone.command(request("collect"), ORDER)
    alone.command(HoldShipment.model_validate(WHO), ORDER)
    await alone.reaches(FULFILMENT, "picking")
    await alone.post(f"/shipments/{FULFILMENT}/picked")
    await alone.post(f"/shipments/{FULFILMENT}/packed", {"weight_grams": 2300})
    refused = await alone.post(f"/shipments/{FULFILMENT}/dispatch")
    assert (refused.status_code, refused.json()["shipment_status"]) == (409, "packed")
    assert (await alone.reaches(FULFILMENT, "packed"))["held"] is True


async def test_shipments_are_found_by_order_and_by_status(alone: RunningService) -> None:
    alone.command(request("collect"), ORDER)
    await alone.reaches(FULFILMENT, "picking")

    async def found(query: str) -> list[str]:
        rows = (await alone.get(f"/shipments?{query}")).json()["shipments"]
        return [row["fulfilment_id"] for row in rows]

    assert await found(f"order_number={ORDER}") == [FULFILMENT]
    assert await found("status=picking") == [FULFILMENT]
    assert await found("status=delivered") == []
    assert await found("has_exception=no") == [FULFILMENT]
    assert await found("has_exception=yes") == []
    assert await found("order_number=unknown") == []
    assert (await alone.get("/shipments?status=lost")).status_code == 422


async def test_an_unknown_shipment_is_not_found(alone: RunningService) -> None:
    for response in (await alone.get("/shipments/none-F1"), await alone.post("/shipments/none-F1/picked")):
        assert response.status_code == 404
        assert response.json()["detail"] == "no shipment of fulfilment none-F1 is known"


async def test_a_weight_of_nothing_is_refused(alone: RunningService) -> None:
    response = await alone.post(f"/shipments/{FULFILMENT}/packed", {"weight_grams": 0})
    assert response.status_code == 422


async def test_every_route_but_the_signed_one_wants_a_key_with_its_scope(alone: RunningService) -> None:
    for path in ("/shipments", f"/shipments/{FULFILMENT}", "/pick-lists"):
        assert (await alone.http.get(path)).status_code == 401
    for verb, body in (
        ("picked", None),
        ("packed", {"weight_grams": 1}),
        ("dispatch", None),
        ("delivered", {"reason": "x"}),
    ):
        path = f"/shipments/{FULFILMENT}/{verb}"
        assert (await alone.http.post(path, json=body)).status_code == 401
        assert (await alone.post(path, body, key=READER)).status_code == 403


async def test_a_signed_report_is_taken_once(automatic: RunningService) -> None:
    automatic.command(request(), ORDER)
    number = (await automatic.reaches(FULFILMENT, "dispatched"))["tracking_number"]
    body = report("delivered", number)
    for _ in range(2):
        response = await automatic.http.post("/webhooks/carrier", content=body, headers=signed(body))
        assert response.status_code == 204
    delivered = await automatic.reaches(FULFILMENT, "delivered")
    assert delivered["delivered_at"] == "2026-11-21T10:15:30.123456+00:00"
    assert automatic.facts().count("shipping.tracking-received.v1") == 1


async def test_a_report_that_is_not_signed_now_by_the_carrier_is_refused(alone: RunningService) -> None:
    body = report("delivered", "CR1")
    other = "whsec_" + "QUJDREVGR0hJSktMTU5PUFFSU1RVVldY"
    long_ago = datetime.now(UTC) - timedelta(minutes=6)
    broken = {**signed(body), "webhook-signature": "v1,not-base64!"}
    no_version = {**signed(body), "webhook-signature": "nonsense"}
    for headers in ({}, signed(body, secret=other), signed(body, at=long_ago), broken, no_version):
        response = await alone.http.post("/webhooks/carrier", content=body, headers=headers)
        assert response.status_code == 401
    changed = body.replace(b"CR1", b"CR2")
    response = await alone.http.post("/webhooks/carrier", content=changed, headers=signed(body))
    assert response.status_code == 401
    response = await alone.http.post("/webhooks/carrier", content=b"\xff\xfe", headers=signed(body))
    assert response.status_code == 401


async def test_reports_that_concern_nothing_of_ours_are_acknowledged(alone: RunningService) -> None:
    unknown = report("delivered", "CR1", reference="someone-elses")
    new_kind = report("weighed", "CR1")
    for name, body in (("msg_1", unknown), ("msg_2", new_kind)):
        response = await alone.http.post("/webhooks/carrier", content=body, headers=signed(body, name))
        assert response.status_code == 204
    assert alone.facts() == []


async def test_a_signed_report_that_says_nothing_readable_is_refused(alone: RunningService) -> None:
    unreadable = (b"{}", b"[]", b"not json", report("delivered", "CR1", occurred_at="yesterday"))
    for body in unreadable:
        response = await alone.http.post("/webhooks/carrier", content=body, headers=signed(body))
        assert response.status_code == 422
        assert response.json()["title"] == "Unreadable report"


async def test_a_huge_report_is_not_read(alone: RunningService) -> None:
    body = b" " * 70_000
    response = await alone.http.post("/webhooks/carrier", content=body, headers=signed(body))
    assert response.status_code == 413
