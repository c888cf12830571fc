"""Webhooks of the gateway and the carrier: signed, at least once, in any order; forged ones are turned away."""

from datetime import UTC, datetime, timedelta

import orjson
import pytest
from standardwebhooks.webhooks import Webhook

from tests.e2e.orders import a_line, an_order, fresh
from tests.e2e.shop import Shop
from tests.e2e.webhooks import OF, report, send


@pytest.mark.parametrize("of", OF)
def test_a_forged_webhook_is_turned_away(shop: Shop, of: str) -> None:
    body = orjson.dumps({"type": "payment.captured", "data": {}})
    now = datetime.now(UTC)

    assert send(shop, of, body, secret="whsec_" + "A" * 32).status_code == 401
    assert send(shop, of, body, at=now - timedelta(hours=1)).status_code == 401
    assert send(shop, of, body, at=now + timedelta(hours=1)).status_code == 401
    unsigned = shop.ask("POST", OF[of], f"/webhooks/{of}", key="", content=body)
    assert unsigned.status_code == 401
    assert unsigned.headers["content-type"] == "application/problem+json"


@pytest.mark.parametrize("of", OF)
def test_a_webhook_whose_body_was_changed_on_its_way_is_turned_away(shop: Shop, of: str) -> None:
    now, name = datetime.now(UTC), fresh("msg")
    signature = Webhook(shop.webhook_secret(of)).sign(name, now, '{"amount": 1}')

    answer = shop.ask(
        "POST",
        OF[of],
        f"/webhooks/{of}",
        key="",
        content=b'{"amount": 2}',
        headers={
            "webhook-id": name,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": signature,
        },
    )

    assert answer.status_code == 401


@pytest.mark.parametrize("of", OF)
def test_signed_rubbish_is_refused_and_an_unknown_kind_is_taken_note_of(shop: Shop, of: str) -> None:
    assert send(shop, of, b"{").status_code == 422
    known = {"gateway": "payment.captured", "carrier": "parcel.delivered"}[of]
    assert send(shop, of, orjson.dumps({"type": known, "data": {}})).status_code == 422
    assert send(shop, of, orjson.dumps({"type": "coffee.ready", "data": {}})).status_code == 204


def test_a_report_that_comes_twice_counts_once(shop: Shop) -> None:
    order = an_order(a_line(shop.sku(EAST=1)))
    number = shop.publish(order)[0]
    shop.wait(number, "completed")
    [shipment] = shop.shipments(number)
    later = datetime.now(UTC) + timedelta(days=3)
    where = fresh("hub")
    body = report(
        shipment,
        "exception",
        datetime.now(UTC),
        location=where,
        reason="nobody at home",
        estimated_at=later.isoformat(),
    )
    name = fresh("msg")

    assert [send(shop, "carrier", body, name=name).status_code for _ in range(3)] == [204] * 3
    shop.wait(shop.order(a_line(shop.sku(EAST=1))), "completed")

    assert [step.payload.get("location") for step in shop.steps(number)].count(where) == 1
    assert shop.wait(number, "completed")


def test_a_capture_that_nobody_asked_for_alarms_the_payments_team(shop: Shop) -> None:
    with shop.trouble("carrier", "down"):
        number = shop.order(a_line(shop.sku(EAST=1)))
        shop.wait(number, "confirmed")
        [authorisation] = [
            effect["authorisation_id"]
            for effect in shop.client.effects("gateway")
            if effect["reference"] == number
        ]
        notice = {
            "type": "payment.captured",
            "timestamp": datetime.now(UTC).isoformat(),
            "data": {
                "reference": number,
                "authorisation_id": authorisation,
                "operation_id": fresh("cap"),
                "amount": 77,
                "currency": "USD",
                "idempotency_key": fresh("key"),
            },
        }
        assert send(shop, "gateway", orjson.dumps(notice)).status_code == 204
        hold = shop.wait_for_hold(number, "payment_anomaly")
    assert hold["owner"] == "payments"

    shop.decide(number, f"holds/{hold['hold_id']}/release")

    shop.wait(number, "completed")
