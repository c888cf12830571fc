"""Signed notices are read from their raw bytes; nothing else is believed."""

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from standardwebhooks.webhooks import Webhook

from services.payment.webhooks import reports
from shared.eventsourcing.webhooks import BadSignature, Report, Unreadable
from tests.unit.payment.given import ORDER, auth_key, notice

SECRET = "whsec_" + base64.b64encode(b"a secret of the gateway").decode()
DATA = {
    "reference": ORDER,
    "authorisation_id": "auth_1",
    "operation_id": "auth_1",
    "amount": 100,
    "currency": "EUR",
    "idempotency_key": auth_key(),
}


def body(kind: str = "payment.authorised", **changes: Any) -> bytes:
    told = {"type": kind, "timestamp": "2026-11-21T10:15:30Z", "data": {**DATA, **changes}}
    return json.dumps(told).encode()


def signed(content: bytes, at: datetime | None = None, secret: str = SECRET) -> dict[str, str]:
    moment = at or datetime.now(UTC)
    return {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(moment.timestamp())),
        "webhook-signature": Webhook(secret).sign("msg_1", moment, content.decode()),
    }


def test_a_signed_notice_is_read() -> None:
    read = reports(SECRET).read(signed(body()), body())
    assert read.report == Report(ORDER, notice("authorised", auth_key()))


def test_the_reason_of_a_decline_is_read() -> None:
    content = body("payment.declined", decline_code="expired_card")
    read = reports(SECRET).read(signed(content), content)
    assert read.report == Report(ORDER, notice("declined", auth_key(), code="expired_card"))


def test_the_same_notice_has_the_same_id_whenever_it_is_signed() -> None:
    signatures = reports(SECRET)
    earlier = signed(body(), datetime.now(UTC) - timedelta(minutes=4))
    assert signatures.read(earlier, body()).webhook_id == signatures.read(signed(body()), body()).webhook_id
    other = {**signed(body()), "webhook-id": "msg_2"}
    other["webhook-signature"] = Webhook(SECRET).sign("msg_2", datetime.now(UTC), body().decode())
    assert signatures.read(other, body()).webhook_id != signatures.read(signed(body()), body()).webhook_id


def test_what_is_not_signed_or_not_now_is_not_believed() -> None:
    now = datetime.now(UTC)
    for headers in (
        {},
        signed(body(), secret="whsec_" + base64.b64encode(b"another").decode()),
        signed(body(amount=1)),
        signed(body(), now - timedelta(minutes=6)),
        signed(body(), now + timedelta(minutes=6)),
        {**signed(body()), "webhook-id": "msg_2"},
        {**signed(body()), "webhook-signature": "v1"},
        {**signed(body()), "webhook-signature": "v1,%%%"},
        {**signed(body()), "webhook-timestamp": "nan"},
        {**signed(body()), "webhook-timestamp": "1e400"},
        {**signed(body()), "webhook-signature": "v1,v1,v1"},
        {**signed(body()), "webhook-signature": "v1,\xff"},
    ):
        with pytest.raises(BadSignature):
            reports(SECRET).read(headers, body())


def test_bytes_that_are_no_text_are_not_believed() -> None:
    with pytest.raises(BadSignature):
        reports(SECRET).read(signed(body()), b"\xff\xfe")


def test_a_kind_that_the_service_has_no_use_for_is_no_message() -> None:
    content = body("payment.disputed")
    assert reports(SECRET).read(signed(content), content).report is None


@pytest.mark.parametrize(
    "content",
    [
        b"[]",
        b"{}",
        b"nonsense",
        body(amount=-1),
        body(currency="euro"),
        body(reference=""),
        b'{"type": "payment.authorised"}',
    ],
)
def test_a_signed_notice_without_its_fields_is_told_apart(content: bytes) -> None:
    with pytest.raises(Unreadable):
        reports(SECRET).read(signed(content), content)
