"""The intake's checks: what is taken, and what is said of the rest."""

import json
from base64 import b64decode
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from services.order.domain.messages import RefuseIntake, TakeChannelOrder
from services.order.reading import Fault, read_order
from services.order.translate import MOST_GIVEN_BACK, translate
from shared.events.channel import MOST_BYTES, ChannelOrderReceived
from shared.events.inventory import StockReserved
from shared.events.payment import PaymentVoided
from shared.eventsourcing.messages import Arrival, Malformed, Record
from tests.unit.order.samples import NUMBER, channel_order, line

ORDER = channel_order()
BODY = ORDER.model_dump_json().encode()
HEADERS = (
    ("ce_specversion", b"1.0"),
    ("ce_id", b"m-1"),
    ("ce_source", b"/partner"),
    ("ce_type", b"channel.order-received.v1"),
    ("content-type", b"application/json"),
)


def stated(**changes: Any) -> bytes:
    """The sample order with top-level fields set, or left out where None."""
    fields = ORDER.model_dump(mode="json") | changes
    return json.dumps({name: value for name, value in fields.items() if value is not None}).encode()


def with_line(**changes: Any) -> bytes:
    lines = ORDER.model_dump(mode="json")["lines"]
    return stated(lines=[lines[0] | changes, lines[1]])


def with_address(**changes: Any) -> bytes:
    return stated(shipping_address=ORDER.shipping_address.model_dump(mode="json") | changes)


def fault(body: bytes) -> Fault:
    found = read_order(body)
    assert isinstance(found, Fault), found
    return found


def test_a_good_order_is_read() -> None:
    assert read_order(BODY) == ORDER


def test_fields_that_are_not_known_are_ignored() -> None:
    assert read_order(stated(loyalty={"tier": "gold"})) == ORDER


@pytest.mark.parametrize(
    ("body", "code", "says"),
    [
        (b"", "malformed", "not JSON"),
        (b"{", "malformed", "not JSON"),
        (b"\xff\xfe", "malformed", "not UTF-8"),
        (b"[]", "malformed", "not a JSON object"),
        (b"null", "malformed", "not a JSON object"),
        (b"[" * 200_000, "malformed", ""),
        (b'{"total": NaN}', "malformed", "NaN"),
        (b'{"x": Infinity}', "malformed", "Infinity"),
        (b'{"total": ' + b"9" * 5_000 + b"}", "malformed", ""),
        (BODY.replace(b'"total":1300', b'"total":1300,"total":1300'), "malformed", "'total' stands twice"),
        (stated(notes="a\x00b"), "malformed", "NUL"),
        (BODY.replace(b'"notes":""', b'"notes":"\\ud800"'), "malformed", ""),
        (stated(channel=None), "malformed", "channel"),
        (stated(total="1300"), "malformed", "total"),
        (stated(total=1300.5), "malformed", "total"),
        (stated(total=-1), "malformed", "total"),
        (stated(total=10**18), "malformed", "total"),
        (stated(allow_partial=1), "malformed", "allow_partial"),
        (stated(placed_at="2026-03-02T09:00:00"), "malformed", "placed_at"),
        (stated(placed_at=1772442000), "malformed", "placed_at"),
        (stated(placed_at="0001-01-01T00:00:00+14:00"), "malformed", "placed_at: Value error, in UTC"),
        (stated(requested_delivery="9999-12-31T23:59:59-14:00"), "malformed", "requested_delivery"),
        (stated(placed_at="1"), "malformed", "placed_at is not an RFC 3339 time"),
        (stated(requested_delivery="1767225600.5"), "malformed", "requested_delivery is not"),
        (stated(lines=[{}] * 5_001), "malformed", "5001 lines; 5000 are taken"),
        (stated(lines=[1] * 5_000), "malformed", "lines.0: Input should be an object."),
        (stated(attributes={str(number): 1 for number in range(101)}), "malformed", "101 attributes"),
        (with_line(quantity=True), "malformed", "lines.0.quantity"),
        (with_line(quantity=1.5), "malformed", "lines.0.quantity"),
        (stated(lines=None), "no_lines", "no lines"),
        (stated(lines=[]), "no_lines", "no lines"),
        (with_line(quantity=0), "quantity_not_positive", "Line 1 (L1) has the quantity 0"),
        (with_line(quantity=-3), "quantity_not_positive", "-3"),
        (with_line(line_id="L2"), "duplicate_line", "L2"),
        (stated(currency="XYZ"), "unknown_currency", "XYZ"),
        (stated(currency="usd"), "unknown_currency", "usd"),
        (stated(currency="XXX"), "unknown_currency", "XXX"),
        (stated(currency="XTS"), "unknown_currency", "XTS"),
        (stated(currency="XAU"), "unknown_currency", "XAU"),
        (with_address(country="ZZ"), "unknown_country", "ZZ"),
        (with_address(country="United States"), "unknown_country", "United States"),
        (stated(total=1299), "totals_do_not_add_up", "1300"),
        (stated(shipping_charge=100), "totals_do_not_add_up", "1400"),
        (stated(payment={"kind": "card"}), "payment_incomplete", "token"),
        (stated(payment={"kind": "prepaid", "token": "x"}), "payment_incomplete", "reference"),
        (b" " * (MOST_BYTES + 1), "too_large", "1048577"),
    ],
)
def test_an_order_that_can_not_be_taken_is_refused_with_a_reason(body: bytes, code: str, says: str) -> None:
    found = fault(body)
    assert found.code == code, found
    assert says in found.explanation
    assert found.explanation.endswith(".")
    assert found.explanation[0].isalnum()


def test_a_fault_without_a_reason_of_its_own_makes_the_whole_order_malformed() -> None:
    assert fault(stated(currency="usd", total="x")).code == "malformed"


def test_a_country_of_the_billing_address_is_checked_as_well() -> None:
    billing = ORDER.shipping_address.model_dump(mode="json") | {"country": "ZZ"}
    assert fault(stated(billing_address=billing)).code == "unknown_country"


def test_a_fault_names_the_order_where_the_bytes_tell() -> None:
    found = fault(stated(total=1))
    assert (found.channel, found.channel_order_id) == ("web", "1001")


@pytest.mark.parametrize("field", ["street", "city"])
def test_an_address_without_street_or_city_is_read_and_left_to_the_review(field: str) -> None:
    address = ORDER.shipping_address.model_dump(mode="json")
    without_it = stated(shipping_address={name: value for name, value in address.items() if name != field})
    for body in (without_it, with_address(**{field: ""})):
        order = read_order(body)
        assert isinstance(order, ChannelOrderReceived)
        assert getattr(order.shipping_address, field) == ""


def test_a_free_order_needs_no_payment() -> None:
    free = channel_order(lines=(line(unit_price=0),), payment={"kind": "card"})
    assert read_order(free.model_dump_json().encode()) == free


@given(st.binary(max_size=300) | st.text(max_size=300).map(str.encode))
def test_no_bytes_make_the_reading_fail(body: bytes) -> None:
    assert isinstance(read_order(body), Fault)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=5,
)


@given(st.dictionaries(st.sampled_from(sorted(type(ORDER).model_fields)), JSON, max_size=3))
@example({"notes": " at the back door\n", "allow_partial": True, "attributes": {"gift": "yes"}})
def test_any_value_in_any_field_is_taken_as_it_was_stated_or_refused_with_a_sentence(
    changes: dict[str, Any],
) -> None:
    fields = ORDER.model_dump(mode="json") | changes
    match read_order(json.dumps(fields).encode()):
        case Fault(explanation=explanation):
            assert explanation.endswith(".")
        case order:
            taken = order.model_dump(mode="json")
            assert taken | fields == taken


def record(value: bytes | None = BODY, headers: Any = HEADERS, offset: int = 7) -> Record:
    return Record(topic="channel.orders", partition=0, offset=offset, key=None, value=value, headers=headers)


def without(name: str) -> tuple[tuple[str, bytes], ...]:
    return tuple(header for header in HEADERS if header[0] != name)


def arrival(value: bytes | None = BODY, headers: Any = HEADERS, offset: int = 7) -> Arrival:
    found = translate(record(value, headers, offset))
    assert found is not None
    return found


def refusal(value: bytes | None = BODY, headers: Any = HEADERS) -> RefuseIntake:
    message = arrival(value, headers).message
    assert isinstance(message, RefuseIntake), message
    return message


def test_a_record_becomes_the_order_under_its_number_with_its_original_bytes() -> None:
    found = arrival()
    assert isinstance(found.message, TakeChannelOrder)
    assert found.message.order == ORDER
    assert b64decode(found.message.original_base64) == BODY
    assert found.message.source == "channel.orders/0/7"
    assert found.message.headers["ce_id"] == "m-1"
    assert (found.partition_key, found.correlation_id, found.message.order_number) == (NUMBER, NUMBER, NUMBER)


def test_the_same_message_again_has_the_same_id_and_another_body_another() -> None:
    assert arrival().message_id == arrival(offset=8).message_id
    assert arrival().message_id != arrival(stated(notes="other")).message_id
    other = (*without("ce_id"), ("ce_id", b"m-2"))
    assert arrival().message_id != arrival(headers=other).message_id


def test_a_structured_message_is_read_as_well_and_kept_as_it_came() -> None:
    envelope = {
        "specversion": "1.0",
        "id": "m-1",
        "source": "/partner",
        "type": "channel.order-received.v1",
        "data": json.loads(BODY),
    }
    value = json.dumps(envelope).encode()
    found = arrival(value, (("content-type", b"application/cloudevents+json; charset=utf-8"),))
    assert isinstance(found.message, TakeChannelOrder)
    assert found.message.order == ORDER
    assert b64decode(found.message.original_base64) == value


@pytest.mark.parametrize("name", ["ce_specversion", "ce_id", "ce_source", "ce_type"])
def test_a_record_without_a_mandatory_header_is_malformed(name: str) -> None:
    found = refusal(headers=without(name))
    assert found.code == "malformed"
    assert name in found.explanation
    assert b64decode(found.original_base64) == BODY


@pytest.mark.parametrize(
    "headers",
    [
        (),
        (*without("ce_id"), ("ce_id", b"\xff")),
        (*HEADERS, ("ce_time", b"yesterday")),
        (*without("ce_specversion"), ("ce_specversion", b"0.3")),
        (("content-type", b"application/cloudevents+json"),),
    ],
)
def test_wrong_headers_are_malformed(headers: Any) -> None:
    assert refusal(headers=headers).code == "malformed"


def test_a_foreign_type_is_refused_by_its_name() -> None:
    found = refusal(headers=(*without("ce_type"), ("ce_type", b"partner.invoice.v1")))
    assert found.code == "unknown_type"
    assert "partner.invoice.v1" in found.explanation


@pytest.mark.parametrize("value", [None, b"", b"\x00\xff"])
def test_a_record_without_a_body_or_with_bytes_is_refused(value: bytes | None) -> None:
    found = refusal(value)
    assert found.code == "malformed"
    assert b64decode(found.original_base64) == (value or b"")


def test_a_record_that_is_too_large_is_refused_whole_before_it_is_read() -> None:
    value = b"[" * (MOST_BYTES + 1)
    found = refusal(value)
    assert found.code == "too_large"
    assert b64decode(found.original_base64) == value


def test_a_message_that_no_topic_could_give_back_comes_back_cut() -> None:
    refused = refusal(b"a" * (MOST_GIVEN_BACK + 1))

    assert b64decode(refused.original_base64) == b"a" * MOST_GIVEN_BACK
    assert refused.explanation.endswith("at most. The first 2097152 come back.")


def test_what_is_refused_has_the_same_id_when_it_is_read_again_and_another_one_at_its_place_another() -> None:
    first = translate(record(b"{"))
    again, of_a_topic_made_anew = translate(record(b"{")), translate(record(b"[", ()))
    assert first is not None
    assert again is not None
    assert of_a_topic_made_anew is not None
    assert first.message_id == again.message_id != of_a_topic_made_anew.message_id
    assert isinstance(first.message, RefuseIntake)
    assert isinstance(of_a_topic_made_anew.message, RefuseIntake)
    assert first.message.intake_id != of_a_topic_made_anew.message.intake_id


def test_headers_that_are_no_text_are_kept_readable() -> None:
    found = refusal(b"{", (*HEADERS, ("x\x00", b"\xff\x00")))
    assert found.headers["x\ufffd"] == "\ufffd\ufffd"


@given(
    st.none() | st.binary(max_size=200),
    st.lists(st.tuples(st.text(max_size=12), st.none() | st.binary(max_size=20)), max_size=4),
)
def test_no_record_makes_the_intake_fail(value: bytes | None, headers: list[tuple[str, bytes]]) -> None:
    assert isinstance(translate(record(value, (*HEADERS, *headers))), Arrival)
    assert isinstance(translate(record(value, tuple(headers))), Arrival)


def of_topic(topic: str, message: Any) -> Record:
    headers = (*without("ce_type"), ("ce_type", message.wire_type.encode()))
    body = message.model_dump_json().encode()
    return Record(topic=topic, partition=0, offset=1, key=NUMBER.encode(), value=body, headers=headers)


def test_answers_of_other_services_are_read_by_the_contract() -> None:
    voided = PaymentVoided(order_number=NUMBER, amount=1, currency="USD")
    found = translate(of_topic("payment.events", voided))
    assert found is not None
    assert (found.message, found.partition_key) == (voided, NUMBER)


def test_a_broken_answer_of_another_service_is_malformed() -> None:
    broken = Record(
        topic="inventory.events",
        partition=0,
        offset=1,
        key=b"k",
        value=b"{}",
        headers=(*without("ce_type"), ("ce_type", StockReserved.wire_type.encode())),
    )
    with pytest.raises(Malformed):
        translate(broken)
