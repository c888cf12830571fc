"""What can't be taken comes back with its bytes and a reason, while the orders around it go through."""

import json
from base64 import b64decode
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

import pytest

from channels.publishing import intake_message
from shared.events.channel import ChannelOrderRejected
from tests.e2e.kafka import Headers
from tests.e2e.orders import a_line, an_order, fresh
from tests.e2e.shop import Shop

KEY = b"the same partition for all"


def headers(**changes: bytes | None) -> Headers:
    """The headers of a good message, with some changed and those that are None left out."""
    good = {
        "ce_specversion": b"1.0",
        "ce_id": str(uuid4()).encode(),
        "ce_source": b"/partner",
        "ce_type": b"channel.order-received.v1",
        "content-type": b"application/json",
    }
    return [(name, value) for name, value in {**good, **changes}.items() if value is not None]


def body(**changes: Any) -> bytes:
    """The body of a good order, with some fields changed."""
    stated = json.loads(intake_message(an_order(a_line("sku-of-nobody"))).value)
    return json.dumps({**stated, **changes}).encode()


def line(**changes: Any) -> dict[str, Any]:
    return {"line_id": "1", "sku": "sku-of-nobody", "quantity": 1, "unit_price": 1_000, **changes}


@dataclass(frozen=True)
class Bad:
    """A message that can't be taken, and why."""

    code: str
    value: Callable[[], bytes | None]
    headers: Callable[[], Headers] = headers
    explained: str = ""


BAD = {
    "bytes that are no text": Bad("malformed", lambda: b"\xff\xfe\x00\x80", explained="not UTF-8"),
    "text that is no JSON": Bad("malformed", lambda: b"{" + fresh("x").encode(), explained="not JSON"),
    "JSON that is no object": Bad("malformed", lambda: json.dumps([fresh("x")]).encode(), explained="object"),
    "an object that is no order": Bad("malformed", lambda: json.dumps({fresh("x"): 1}).encode()),
    "an order without its customer": Bad("malformed", lambda: body(customer=None), explained="customer"),
    "an amount that is no whole number": Bad("malformed", lambda: body(total=10.5), explained="total"),
    "a text with NUL": Bad("malformed", lambda: body(notes="a\u0000b"), explained="NUL"),
    "no body": Bad("malformed", lambda: None),
    "deep nesting": Bad("malformed", lambda: b'{"attributes":' + b"[" * 100_000),
    "no headers": Bad("malformed", body, list, "CloudEvent"),
    "another version of CloudEvents": Bad(
        "malformed", body, lambda: headers(ce_specversion=b"0.3"), "specversion"
    ),
    "an id that is missing": Bad("malformed", body, lambda: headers(ce_id=None), "ce_id"),
    "a header that is no text": Bad("malformed", body, lambda: headers(ce_source=b"\xff\xfe"), "ce_source"),
    "a time that is none": Bad("malformed", body, lambda: headers(ce_time=b"yesterday"), "ce_time"),
    "another kind of message": Bad(
        "unknown_type", body, lambda: headers(ce_type=b"order.placed.v1"), "order.placed"
    ),
    "a megabyte and more": Bad("too_large", lambda: body(notes=fresh("x") + " " * 1_100_000), explained="bytes"),
    "no lines": Bad("no_lines", lambda: body(lines=[], total=0), explained="no lines"),
    "a line twice": Bad("duplicate_line", lambda: body(lines=[line(), line()], total=2_000), explained="1"),
    "a quantity of nothing": Bad("quantity_not_positive", lambda: body(lines=[line(quantity=0)]), explained="0"),
    "a quantity below nothing": Bad("quantity_not_positive", lambda: body(lines=[line(quantity=-2)])),
    "totals that do not add up": Bad("totals_do_not_add_up", lambda: body(total=999), explained="1000"),
    "a currency that is none": Bad("unknown_currency", lambda: body(currency="XQX"), explained="XQX"),
    "a country that is none": Bad(
        "unknown_country",
        lambda: body(
            shipping_address={"name": "A", "street": "1 A St", "city": "B", "country": "XX", "postal_code": ""}
        ),
        explained="XX",
    ),
    "a card without a token": Bad("payment_incomplete", lambda: body(payment={"kind": "card"}), explained="token"),
    "a prepayment without a reference": Bad(
        "payment_incomplete", lambda: body(payment={"kind": "prepaid"}), explained="reference"
    ),
}


@pytest.fixture(scope="module")
def sent(shop: Shop) -> dict[str, tuple[str, bytes]]:
    """Every bad message, with good orders around them in the same partition: place and bytes by name."""
    sku = shop.sku(EAST=len(BAD))
    places, numbers = {}, []
    for name, bad in BAD.items():
        value = bad.value()
        places[name] = (shop.publish_bytes(value, bad.headers(), key=KEY), value or b"")
        numbers += [shop.publish_message(intake_message(an_order(a_line(sku))), key=KEY)]
    shop.wait_all(numbers, "completed")
    return places


@pytest.fixture(scope="module")
def rejected(shop: Shop, sent: dict[str, tuple[str, bytes]]) -> dict[str, ChannelOrderRejected]:
    """What came back, by where it had come from."""

    def all_of_them() -> dict[str, ChannelOrderRejected] | None:
        found = [ChannelOrderRejected.model_validate_json(one.value) for one in shop.rejections()]
        by_place = {one.source: one for one in found}
        assert len(by_place) == len(found), "something was rejected twice"
        return by_place if {place for place, _ in sent.values()} <= by_place.keys() else None

    return shop.until(all_of_them, "every bad message to come back")


@pytest.mark.parametrize("name", BAD)
def test_it_comes_back_with_its_reason_and_its_bytes(
    name: str, sent: dict[str, tuple[str, bytes]], rejected: dict[str, ChannelOrderRejected]
) -> None:
    place, value = sent[name]

    back = rejected[place]

    assert back.code == BAD[name].code
    assert b64decode(back.original) == value
    assert BAD[name].explained in back.explanation
    assert back.explanation[0].isupper()
    assert back.explanation.endswith(".")


def test_a_rejection_is_a_message_like_any_other_and_keeps_the_headers(
    shop: Shop, sent: dict[str, tuple[str, bytes]], rejected: dict[str, ChannelOrderRejected]
) -> None:
    place, _ = sent["another kind of message"]

    assert rejected[place].headers["ce_type"] == "order.placed.v1"
    for message in shop.rejections():
        assert message.headers["ce_specversion"] == b"1.0"
        assert message.headers["ce_source"] == b"/orderstream/order"
        assert message.headers["ce_type"] == b"channel.order-rejected.v1"


def test_nothing_is_parked_and_the_intake_goes_on(shop: Shop, rejected: dict[str, ChannelOrderRejected]) -> None:
    assert shop.client.get("order", "/operations/parked/keys")["keys"] == []

    shop.wait(shop.order(a_line(shop.sku(EAST=1))), "completed")


@pytest.mark.parametrize(
    ("topic", "taken_by"),
    [
        ("order.commands", "order"),
        ("inventory.commands", "inventory"),
        ("payment.events", "order"),
        ("shipping.commands", "shipping"),
    ],
)
def test_rubbish_on_an_inner_topic_is_parked_and_holds_nobody_up(shop: Shop, topic: str, taken_by: str) -> None:
    value = fresh("rubbish").encode()

    nobodys = shop.publish_bytes(value, headers(ce_type=b"nobody.knows.v1"), topic=topic, key=KEY)
    rubbish = shop.publish_bytes(value, [], topic=topic, key=KEY)

    def parked() -> set[str]:
        rows = shop.client.pages_after(taken_by, "/operations/parked", "parked", by="id", payload=False)
        return {one["origin"].get("place", "") for one in rows}

    shop.until(lambda: rubbish in parked(), f"rubbish on {topic} to be parked")
    assert nobodys not in parked()
    shop.wait(shop.order(a_line(shop.sku(EAST=1))), "completed")
