"""The carrier's protocol, through its own door."""

import base64
import itertools
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx2
import pytest
from standardwebhooks import Webhook

from tests.unit.simulators.conftest import Start
from tests.unit.simulators.running import KEY, NO_FAULTS, SECRET, Receiver, Simulator, eventually, running

CALM = (f"--key={KEY}", "--refuse=0", "--delay=0", "--exception=0")
IN_ORDER = ("--webhook-shuffle=0", "--webhook-double=0")
NEWARK = {"name": "East", "street": "1 Dock Rd", "city": "Newark", "postal_code": "07101", "country": "US"}
BOSTON = {"name": "Ada", "street": "5 Main St", "city": "Boston", "postal_code": "02108", "country": "US"}
ROAD = ["parcel.accepted", "parcel.in_transit", "parcel.out_for_delivery", "parcel.delivered"]
numbers = itertools.count(1)


@pytest.fixture(scope="module")
def carrier(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Simulator]:
    state = tmp_path_factory.mktemp("carrier")
    with running("carrier", state, *CALM, *NO_FAULTS, "--pace=0.2") as simulator:
        yield simulator


@pytest.fixture
def reference() -> str:
    return f"F-{next(numbers)}"


def buy(carrier: Simulator, reference: str, key: str | None = None, **changed: object) -> httpx2.Response:
    address = {"from": NEWARK, "to": {**BOSTON, **changed}}
    body = {"service": "economy", "reference": reference, "weight_grams": 2300, **address}
    return carrier.post("/v1/labels", body, key or f"{reference}/label")


def bought(carrier: Simulator, reference: str) -> dict[str, Any]:
    response = buy(carrier, reference)
    assert response.status_code == 201, response.text
    return dict(response.json())


def handed_over(carrier: Simulator, reference: str) -> dict[str, Any]:
    label = bought(carrier, reference)
    assert carrier.post(f"/v1/labels/{label['id']}/handover").status_code == 202
    return label


@pytest.mark.parametrize(
    ("origin", "to", "zone", "prices"),
    [
        (("US", "NY"), ("US", "NY"), "regional", [570, 730, 1440]),
        (("US", "NY"), ("US", "CA"), "national", [760, 1010, 1950]),
        (("US", None), ("US", None), "national", [760, 1010, 1950]),
        (("US", "NY"), ("CA", "NY"), "abroad", [2490, 3190, 6190]),
    ],
)
def test_a_quote_goes_by_zone_and_started_kilogram(
    carrier: Simulator, origin: tuple[str, str], to: tuple[str, str], zone: str, prices: list[int]
) -> None:
    places = [{"country": country, "region": region, "postal_code": "1"} for country, region in (origin, to)]
    body = {"from": places[0], "to": places[1], "weight_grams": 2001, "parcels": 1}
    offers = carrier.post("/v1/quotes", body).json()
    assert [offer["service"] for offer in offers] == ["economy", "standard", "express"]
    assert [(offer["amount"], offer["zone"]) for offer in offers] == [(price, zone) for price in prices]


def test_a_label_is_bought_once_for_each_key(carrier: Simulator, reference: str) -> None:
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: buy(carrier, reference), range(6)))
    label = answers[0].json()
    assert {a.content for a in answers} == {answers[0].content}
    assert (label["amount"], label["status"]) == (760, "bought")
    assert label["tracking_number"] in base64.b64decode(label["label"]).decode()
    assert len(carrier.get(f"/v1/labels?reference={reference}")["labels"]) == 1
    assert carrier.get(f"/v1/operations/{reference}/label")["answer"] == label
    assert buy(carrier, reference, city="Salem").json()["code"] == "idempotency_conflict"


@pytest.mark.parametrize("changed", [{"postal_code": "00000"}, {"city": "Nowhere"}])
def test_an_address_that_is_not_served_is_refused(
    carrier: Simulator, reference: str, changed: dict[str, str]
) -> None:
    refused = [buy(carrier, reference, **changed) for _ in range(2)]
    assert [(r.status_code, r.json()["code"]) for r in refused] == [(422, "address_refused")] * 2
    assert carrier.get(f"/v1/labels?reference={reference}") == {"labels": []}
    assert buy(carrier, reference, key=f"{reference}/corrected").status_code == 201


def test_a_bad_field_is_named(carrier: Simulator, reference: str) -> None:
    response = buy(carrier, reference, country="usa")
    assert (response.status_code, response.json()["code"]) == (422, "invalid")
    assert "country" in response.json()["message"]


def test_a_label_is_voided_before_the_hand_over_but_not_after(carrier: Simulator, reference: str) -> None:
    label, other = bought(carrier, reference), handed_over(carrier, f"{reference}-2")
    void, late = (f"/v1/labels/{each['id']}/void" for each in (label, other))

    voided = [carrier.post(void) for _ in range(2)]

    assert [(v.status_code, v.json()["status"]) for v in voided] == [(200, "voided")] * 2
    assert (carrier.post(late).status_code, carrier.post(late).json()["code"]) == (409, "handed_over")
    assert carrier.post(f"/v1/labels/{label['id']}/handover").json()["code"] == "voided"


def test_a_hand_over_is_the_same_however_often_and_leads_to_delivery(carrier: Simulator, reference: str) -> None:
    label = bought(carrier, reference)
    path = f"/v1/labels/{label['id']}"

    answers = [carrier.post(f"{path}/handover", key=key) for key in (None, f"{reference}/h", f"{reference}/h")]

    assert {a.status_code for a in answers} == {202}
    assert len({a.content for a in answers}) == 1
    eventually(lambda: carrier.get(path)["status"] == "delivered")
    assert [event["type"] for event in carrier.get(path)["events"]] == ROAD


def test_the_ledger_agrees_with_its_summary(carrier: Simulator, reference: str) -> None:
    label = bought(carrier, reference)
    carrier.post(f"/v1/labels/{label['id']}/void", key=f"{reference}/void")
    effects = carrier.get("/v1/ledger?limit=5000")["effects"]
    summary = carrier.get("/v1/ledger/summary")
    mine = [(e["operation"], e["amount"], e["idempotency_key"]) for e in effects if e["reference"] == reference]
    assert mine == [("buy_label", 760, f"{reference}/label"), ("void", 760, f"{reference}/void")]
    assert summary["bought"] == sum(e["operation"] == "buy_label" for e in effects)
    assert summary["keys_with_more_than_one_effect"] == 0


def test_the_whole_carrier_can_be_down_or_refuse_every_address(carrier: Simulator, reference: str) -> None:
    carrier.mode("down")
    assert buy(carrier, reference).status_code == 503
    carrier.mode("refuse")
    assert buy(carrier, reference).json()["code"] == "address_refused"
    carrier.mode("up")
    assert buy(carrier, reference, key=f"{reference}/again").status_code == 201


def test_a_parcel_with_every_misfortune_is_delivered_and_told_in_signed_webhooks(
    start: Start, receiver: Receiver
) -> None:
    misfortunes = ("--refuse=0", "--delay=1", "--exception=1", "--pace=0.2")
    carrier = start("carrier", f"--key={KEY}", *misfortunes, *NO_FAULTS, *IN_ORDER, *receiver.options)
    label = handed_over(carrier, "F-1")

    eventually(lambda: "parcel.delivered" in receiver.types())

    for headers, raw in receiver.received:
        Webhook(SECRET).verify(raw, headers)
    told = sorted((event["data"]["occurred_at"], event["type"]) for event in receiver.events)
    assert [kind for _, kind in told] == [
        "parcel.accepted",
        "parcel.in_transit",
        "parcel.delayed",
        "parcel.out_for_delivery",
        "parcel.exception",
        "parcel.out_for_delivery",
        "parcel.delivered",
    ]
    delayed = next(event["data"] for event in receiver.events if event["type"] == "parcel.delayed")
    assert delayed["estimated_at"] > label["promised_at"]
    assert delayed["reason"]
    assert (delayed["tracking_number"], delayed["label_id"]) == (label["tracking_number"], label["id"])


def test_a_carrier_killed_on_the_way_goes_on_where_it_stood(start: Start, receiver: Receiver) -> None:
    carrier = start("carrier", *CALM, *NO_FAULTS, "--pace=1", *IN_ORDER, *receiver.options)
    label = handed_over(carrier, "F-1")
    eventually(lambda: "parcel.accepted" in receiver.types())

    carrier.kill()
    carrier.start_again()

    eventually(lambda: "parcel.delivered" in receiver.types())
    told = {(event["data"]["occurred_at"], event["type"]) for event in receiver.events}
    assert [kind for _, kind in sorted(told)] == ROAD
    assert carrier.get(f"/v1/labels/{label['id']}")["label"] == label["label"]
    assert carrier.get("/v1/ledger/summary")["delivered"] == 1


def test_a_seed_repeats_refusals_and_a_timeout_after_effect_is_answered_on_the_retry(start: Start) -> None:
    faults = ("--refuse=0.3", "--timeout-after-effect=0.3", "--latency-ms=0", "--hold-s=0.01", "--seed=5")
    first, second = (start("carrier", f"--key={KEY}", *faults, state=name) for name in ("one", "two"))

    def outcomes(carrier: Simulator, key: str) -> list[str]:
        def one(reference: str) -> str:
            try:
                return str(buy(carrier, reference, key=f"{key}/{reference}").status_code)
            except httpx2.TransportError:
                return "timeout"

        return [one(f"F-{n}") for n in range(25)]

    tried = outcomes(first, "a")
    assert tried == outcomes(second, "b")
    assert set(tried) == {"201", "422", "timeout"}
    retried = outcomes(first, "a")
    assert set(retried) == {"201", "422"}
    assert first.get("/v1/ledger/summary")["bought"] == retried.count("201")
