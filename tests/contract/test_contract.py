"""The published contract: what it says of itself, what it promises to yesterday's messages."""

import json
import re
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from shared.events.asyncapi import asyncapi_document
from shared.events.compatibility import breaking_changes
from shared.events.generate import differences, main, write
from shared.events.json_schema import Schema, resolve, schema_of
from shared.events.payload import Command, Event, Payload
from shared.events.registry import CONTRACT, LISTENERS, OWNERS, SENDERS, TOPICS, topic_of
from shared.events.upcasters import read_payload
from tests.contract import sampling
from tests.contract.sampling import INTERNAL, KEPT, SAMPLES, baselines, missing, sample

ASYNCAPI_SCHEMA = Path(__file__).parent / "asyncapi" / "3.0.0.schema.json"
MESSAGES = sorted(CONTRACT)
YESTERDAYS = sorted(path.relative_to(SAMPLES) for path in SAMPLES.glob("*/*.json"))


def _load(path: Path) -> Any:
    return json.loads(path.read_text(encoding="utf-8"))


@pytest.mark.parametrize("complete", [True, False])
@pytest.mark.parametrize("wire_type", MESSAGES)
def test_every_message_round_trips(wire_type: str, complete: bool) -> None:
    model = CONTRACT[wire_type]
    value = sample(schema_of(model), complete=complete)
    message = model.model_validate_json(json.dumps(value))

    again = model.model_validate_json(message.model_dump_json())

    assert again == message
    jsonschema.validate(message.model_dump(mode="json"), schema_of(model), jsonschema.Draft202012Validator)


@pytest.mark.parametrize("kept", YESTERDAYS, ids=str)
def test_todays_models_read_yesterdays_messages_and_lose_nothing(kept: Path) -> None:
    value = _load(SAMPLES / kept)

    message = read_payload(KEPT, kept.parent.name, json.dumps(value).encode())

    assert message is not None, f"no message of today reads {kept.parent.name}"
    assert _holds(message.model_dump(mode="json"), value)


def _holds(whole: Any, part: Any) -> bool:
    """Whether all that is in the part is in the whole: defaults may have come to it."""
    if isinstance(part, dict):
        return all(name in whole and _holds(whole[name], value) for name, value in part.items())
    if isinstance(part, list):
        return len(whole) == len(part) and all(map(_holds, whole, part))
    return bool(whole == part)


def test_no_message_breaks_its_baseline() -> None:
    today = {wire_type: schema_of(model) for wire_type, model in KEPT.items()}

    for wire_type, published in baselines().items():
        for schema in published:
            assert breaking_changes({wire_type: schema}, today) == []


def test_every_message_has_a_baseline_and_samples_as_it_is_now() -> None:
    assert missing() == [], "run python -m tests.contract.sampling"


def test_a_message_that_has_grown_since_is_missing_until_it_is_kept_again(monkeypatch: pytest.MonkeyPatch) -> None:
    before = {wire_type: list(published) for wire_type, published in baselines().items()}
    smaller = json.loads(json.dumps(before["order.placed.v1"][-1]))
    optional = next(name for name in smaller["properties"] if name not in smaller["required"])
    del smaller["properties"][optional]
    before["order.placed.v1"][-1] = smaller

    monkeypatch.setattr(sampling, "baselines", lambda: before)

    assert missing() == ["order.placed.v1"]


def test_what_a_service_says_to_itself_is_no_message_of_the_contract() -> None:
    assert INTERNAL
    assert not INTERNAL.keys() & CONTRACT.keys()


def test_the_generated_files_are_up_to_date() -> None:
    assert differences() == [], "run python -m shared.events.generate"


def test_generating_names_what_is_outdated_missing_or_left_over_and_repairs_it(tmp_path: Path) -> None:
    write(tmp_path)
    schemas = tmp_path / "shared" / "events" / "schemas"
    (schemas / "order.placed.v1.json").write_text("{}", encoding="utf-8")
    (schemas / "order.dreamt.v1.json").write_text("{}", encoding="utf-8")
    (tmp_path / "docs" / "events.md").unlink()

    assert differences(tmp_path) == [
        "docs/events.md",
        "shared/events/schemas/order.dreamt.v1.json",
        "shared/events/schemas/order.placed.v1.json",
    ]
    write(tmp_path)
    assert differences(tmp_path) == []


def test_the_check_alone_writes_nothing_and_succeeds_on_an_up_to_date_tree() -> None:
    assert main(["--check"]) == 0


def test_the_asyncapi_document_is_valid() -> None:
    jsonschema.validate(asyncapi_document(), _load(ASYNCAPI_SCHEMA), jsonschema.Draft7Validator)


def test_every_reference_in_the_asyncapi_document_leads_somewhere() -> None:
    document = asyncapi_document()
    schemas = {f"./{wire_type}.json" for wire_type in CONTRACT}
    for reference in re.findall(r'"\$ref": "([^"]+)"', json.dumps(document)):
        if not reference.startswith("#/"):
            assert reference in schemas
            continue
        target = document
        for step in reference.removeprefix("#/").split("/"):
            target = target[step]


def test_every_message_travels_on_one_channel_of_the_asyncapi_document() -> None:
    channels = asyncapi_document()["channels"]

    assert set(channels) == set(TOPICS)
    assert sorted(name for channel in channels.values() for name in channel["messages"]) == MESSAGES


def test_every_topic_with_facts_or_requests_of_a_service_is_sent_and_listened_to_by_its_owner() -> None:
    for service in OWNERS.keys() - {"channel"}:
        assert f"{service}.events" in SENDERS[service]
    for model in CONTRACT.values():
        if issubclass(model, Command):
            assert topic_of(model) in LISTENERS[model.message_name.partition(".")[0]]
    assert {topic for topics in (*LISTENERS.values(), *SENDERS.values()) for topic in topics} <= set(TOPICS)


@pytest.mark.parametrize("wire_type", MESSAGES)
def test_a_message_is_named_for_its_owner_and_its_version(wire_type: str) -> None:
    model = CONTRACT[wire_type]

    assert re.fullmatch(r"[a-z]+\.[a-z]+(-[a-z]+)*\.v[1-9][0-9]*", wire_type)
    assert model.__module__ == f"shared.events.{wire_type.partition('.')[0]}"
    assert issubclass(model, Event) != issubclass(model, Command)


@pytest.mark.parametrize("wire_type", MESSAGES)
def test_every_message_value_and_field_says_what_it_is(wire_type: str) -> None:
    schema = schema_of(CONTRACT[wire_type])

    undocumented = [place for place, part in _parts(wire_type, schema) if not _description(part, schema)]

    assert undocumented == []


@pytest.mark.parametrize("wire_type", MESSAGES)
def test_every_number_has_a_unit_and_money_has_a_currency_beside_it(wire_type: str) -> None:
    schema = schema_of(CONTRACT[wire_type])
    for place, part in _parts(wire_type, schema):
        for number in (part, *part.get("anyOf", ())):
            if number.get("type") in ("integer", "number"):
                assert number["type"] == "integer", f"{place} is not a whole number"
                assert number.get("x-unit"), f"{place} has no unit"
    if any(part.get("x-unit") == "minor units" for part in schema["properties"].values()):
        assert "currency" in schema["properties"]


def test_a_message_from_tomorrow_is_read_without_what_is_new_in_it() -> None:
    class Noted(Event, name="made-up.noted", version=1):
        text: str

    types: dict[str, type[Payload]] = {Noted.wire_type: Noted}

    assert read_payload(types, Noted.wire_type, b'{"text":"a","colour":"blue"}') == Noted(text="a")


def _parts(name: str, schema: Schema) -> list[tuple[str, Schema]]:
    objects = [(name, schema), *schema.get("$defs", {}).items()]
    fields = [
        (f"{owner}.{field}", part)
        for owner, whole in objects
        for field, part in whole.get("properties", {}).items()
    ]
    return objects + fields


def _description(part: Schema, schema: Schema) -> str:
    candidates = [part, *part.get("anyOf", ()), part.get("items", {})]
    return next((found for one in candidates if (found := resolve(one, schema).get("description", ""))), "")
