"""Raw bytes at the webhooks of partners: signed or not, they are answered, and only what is signed is believed."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from random import Random
from typing import Any

import httpx2
import pytest
from standardwebhooks.webhooks import Webhook

from shared.eventsourcing.webhooks import MOST_BYTES
from tests.hostile import wild
from tests.hostile.bytewise import BYTEWISE
from tests.hostile.serving import SECRET, Served, served

INPUTS = 200
TOLD: dict[str, dict[str, Any]] = {
    "gateway": {
        "type": "payment.authorised",
        "data": {
            "reference": "A1B2-C3D4-E5F6",
            "authorisation_id": "auth_1",
            "operation_id": "auth_1",
            "amount": 100,
            "currency": "USD",
            "idempotency_key": "k",
        },
    },
    "carrier": {
        "type": "parcel.delivered",
        "data": {
            "tracking_number": "T1",
            "reference": "A1B2-C3D4-E5F6-F1",
            "occurred_at": "2026-03-02T12:00:00Z",
            "location": "Boston",
        },
    },
}
MALICE = (
    "1e400",
    "nan",
    "-1",
    "v1",
    "v1,",
    "v1,v1,v1",
    "v1,%%%",
    "v1,\xff",
    "9" * 1_000,
    "0001-01-01T00:00:00+14:00",
)
SERVICE = {"gateway": "payment", "carrier": "shipping"}


@pytest.fixture(scope="module", params=TOLD)
def partner(request: pytest.FixtureRequest) -> Iterator[tuple[str, Served, httpx2.Client]]:
    """Each partner, the service that it tells, and a client."""
    with served(SERVICE[request.param]) as running, httpx2.Client(trust_env=False, timeout=60) as client:
        yield request.param, running, client


def send(partner: tuple[str, Served, httpx2.Client], body: bytes, headers: dict[str, str]) -> httpx2.Response:
    name, running, client = partner
    raw = {header.encode(): value.encode("latin-1") for header, value in headers.items()}
    return client.post(f"{running.url}/webhooks/{name}", content=body, headers=raw)


def signed(body: bytes, id: str = "msg_1") -> dict[str, str]:
    now = datetime.now(UTC)
    told = body.decode(errors="surrogateescape")
    try:
        signature = Webhook(SECRET).sign(id, now, told)
    except UnicodeEncodeError:
        signature = "v1,bm90aGluZw=="
    return {"webhook-id": id, "webhook-timestamp": str(int(now.timestamp())), "webhook-signature": signature}


def hostile_body(random: Random, told: dict[str, Any]) -> bytes:
    """A webhook with something wrong in its bytes or its values."""
    if random.random() < 0.4:
        _, change = random.choice(BYTEWISE)
        return change(random, json.dumps(told).encode())
    data = {**told["data"], random.choice([*told["data"], *wild.NAMES]): wild.value(random)}
    whole = {**told, "data": data} if random.random() < 0.9 else {**told, "type": wild.value(random)}
    return json.dumps(whole).encode()


def test_signed_rubbish_is_answered_and_nothing_is_parked(partner: tuple[str, Served, httpx2.Client]) -> None:
    name, running, _ = partner
    random = Random(name)

    for number in range(INPUTS):
        body = hostile_body(random, TOLD[name])
        answer = send(partner, body, signed(body, f"msg_{number}"))
        assert answer.status_code in (204, 401, 413, 422), (body, answer.text)

    assert not running.tables.parked
    good = json.dumps(TOLD[name]).encode()
    assert send(partner, good, signed(good, "good")).status_code == 204


def test_what_is_not_signed_is_not_believed(partner: tuple[str, Served, httpx2.Client]) -> None:
    name, running, _ = partner
    body = json.dumps(TOLD[name]).encode()
    random, taken = Random(name), len(running.tables.inbox)

    for header in ("webhook-id", "webhook-timestamp", "webhook-signature"):
        for text in (*random.sample(wild.TEXTS, 15), *MALICE):
            value = "".join(letter for letter in text if letter.isprintable() and ord(letter) < 256).strip()
            answer = send(partner, body, signed(body, f"msg_{random.random()}") | {header: value})
            assert answer.status_code == 401, (header, text)

    assert len(running.tables.inbox) == taken


def test_a_webhook_over_the_limit_is_refused_before_it_is_read(partner: tuple[str, Served, httpx2.Client]) -> None:
    body = b" " * (MOST_BYTES + 1)

    assert send(partner, body, signed(body)).status_code == 413
