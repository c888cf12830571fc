"""Every HTTP route of every service, asked by its own OpenAPI description and against it."""

import json
from collections.abc import Iterator
from contextlib import suppress
from functools import cache
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, Phase, Verbosity, given, settings
from hypothesis.errors import Unsatisfiable
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    missing_required_header,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from deploy.local.topics import SERVICES
from shared.eventsourcing.problems import PROBLEM_JSON
from tests.contract.sampling import sample
from tests.extent import extent
from tests.hostile.orders import good_order
from tests.hostile.serving import KEY, NO_SCOPE, Served, served

CHECKS = [
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    negative_data_rejection,
    missing_required_header,
    unsupported_method,
]
EXAMPLES = extent(part=3, whole=10)
"""Good requests to each route, and as many bad ones."""
BEARER = {"Authorization": f"Bearer {KEY}"}
OPEN = {"/health", "/ready", "/metrics"}
SIGNED = {"/webhooks/gateway", "/webhooks/carrier"}
BYTES = {"/orders", *SIGNED}
"""Their bodies are read as they come, whatever they are called."""
SHARED = ("/operations", *OPEN)
"""The same in every service: asked in one of them."""
ODD_BODIES = {
    "nothing": b"",
    "no JSON": b"{",
    "no UTF-8": b"\xff\xfe",
    "NaN": b'{"quantity": NaN, "reason": NaN, "amount": NaN}',
    "half a surrogate": b'{"reason": "\\ud800", "location": "\\ud800", "\\ud800": 1}',
    "deep": b"[" * 100_000,
    "many digits": b'{"quantity": ' + b"9" * 100_000 + b"}",
    "a list": b"[]",
    "null": b"null",
    "many parts": b'{"lines": [' + b"{}," * 300_000 + b"{}]}",
    "too large": b" " * (1024 * 1024 + 1),
}
ODD_TEXTS = {
    "%00": "NUL",
    "a%00b": "NUL inside",
    "%ff": "no UTF-8",
    "%ed%a0%80": "half a surrogate",
    "%F0%9F%92%A3": "a bomb",
    "%2e%2e%2f": "a way up",
    "a" * 5_000: "a long text",
    "9" * 5_000: "many digits",
    "%0d%0a": "a new line",
}
JSON = "application/json"
TYPES = (
    "text/plain",
    "application/x-www-form-urlencoded",
    "multipart/form-data",
    "image/png",
    "?",
)


@pytest.fixture(scope="module", params=SERVICES)
def service(request: pytest.FixtureRequest) -> Iterator[tuple[str, Served]]:
    """Each service in turn."""
    with served(request.param) as running:
        yield request.param, running


@cache
def session() -> requests.Session:
    made = requests.Session()
    made.trust_env = False
    return made


def every_route(running: Served) -> list[tuple[str, str, dict[str, Any]]]:
    """Method, path and description of every route."""
    return [
        (method, path, told) for path, item in running.openapi["paths"].items() for method, told in item.items()
    ]


def own_routes(service: tuple[str, Served]) -> list[tuple[str, str, dict[str, Any]]]:
    """The routes without those that every service has alike, which only the first one is asked for."""
    name, running = service
    return [one for one in every_route(running) if name == SERVICES[0] or not one[1].startswith(SHARED)]


def ask(running: Served, method: str, path: str, **given: Any) -> requests.Response:
    filled = path.replace("{", "").replace("}", "")
    return session().request(method, running.url + filled, timeout=60, **given)


def fitting(running: Served, told: dict[str, Any]) -> bytes:
    """A body that the description of a route asks for."""
    described = json.dumps(
        [told["requestBody"]["content"][JSON]["schema"], running.openapi["components"]["schemas"]]
    )
    schema, components = json.loads(described.replace("#/components/schemas/", "#/$defs/"))
    return json.dumps(sample({**schema, "$defs": components}, complete=False)).encode()


def is_problem(answer: requests.Response) -> bool:
    body = answer.json()
    return answer.headers["content-type"] == PROBLEM_JSON and {"type", "title", "status", "detail"} <= body.keys()


def test_requests_that_fit_the_description_and_those_that_do_not_are_answered_by_it(
    service: tuple[str, Served],
) -> None:
    _, running = service
    schema = schemathesis.openapi.from_dict(running.openapi)
    schema.config.generation.update(with_security_parameters=False, allow_extra_parameters=False)
    own = {(method, path) for method, path, _ in own_routes(service)}

    for found in schema.get_all_operations():
        assert isinstance(found, Ok)
        operation = found.ok()
        if (operation.method, operation.path) not in own:
            continue
        has_input = operation.definition.raw.get("parameters") or operation.body
        modes = [schemathesis.GenerationMode.POSITIVE]
        if has_input:
            modes.append(schemathesis.GenerationMode.NEGATIVE)
        for mode in modes:

            @settings(
                max_examples=EXAMPLES if has_input else 1,
                database=None,
                deadline=None,
                derandomize=True,
                phases=[Phase.generate],
                verbosity=Verbosity.quiet,
                suppress_health_check=list(HealthCheck),
            )
            @given(case=operation.as_strategy(generation_mode=mode))
            def answered(case: schemathesis.Case[Any]) -> None:
                case.call_and_validate(running.url, session(), BEARER, checks=CHECKS)

            with suppress(Unsatisfiable):  # any text fits some parameters
                answered()
    assert not running.tables.parked, "a request of a stranger parked a message"


def test_every_route_wants_a_key_that_is_known_and_has_the_scope(service: tuple[str, Served]) -> None:
    _, running = service

    for method, path, told in every_route(running):
        if path in OPEN:
            assert ask(running, method, path).status_code == 200
            continue
        for presented in ("", "Bearer nobody", KEY, "Basic x"):
            answer = ask(running, method, path, headers={"Authorization": presented}, data=b"{}")
            assert answer.status_code == 401, (method, path, presented)
            assert is_problem(answer)
        if path not in SIGNED:
            assert told["security"], (method, path)
            answer = ask(running, method, path, headers={"Authorization": f"Bearer {NO_SCOPE}"}, data=b"{}")
            assert answer.status_code == 403, (method, path)


@pytest.mark.parametrize("name", ODD_BODIES)
def test_a_body_that_nobody_expects_is_refused(service: tuple[str, Served], name: str) -> None:
    _, running = service

    for method, path, told in own_routes(service):
        if "requestBody" in told:
            headers = BEARER | {"Content-Type": JSON}
            answer = ask(running, method, path, headers=headers, data=ODD_BODIES[name])
            assert 400 <= answer.status_code < 500, (method, path, answer.text[:300])
            assert is_problem(answer), (method, path)

    assert not running.tables.parked
    assert ask(running, "GET", "/ready").status_code == 200


def test_a_content_type_that_nobody_expects_is_refused(service: tuple[str, Served]) -> None:
    _, running = service
    asking = BEARER | {"Idempotency-Key": "a-key"}

    for method, path, told in own_routes(service):
        if "requestBody" in told and path not in BYTES:
            body = fitting(running, told)
            for content_type in TYPES:
                answer = ask(running, method, path, headers=asking | {"Content-Type": content_type}, data=body)
                assert answer.status_code == 422, (method, path, content_type)
                assert is_problem(answer), (method, path)
            answer = ask(running, method, path, headers=asking | {"Content-Type": JSON}, data=body)
            assert answer.status_code in (200, 202, 404, 409), (method, path, answer.text[:300])


def test_an_order_is_an_order_whatever_its_content_is_called() -> None:
    body = good_order("called anything", 0).model_dump_json().encode()

    with served("order") as running:
        for content_type in (*TYPES, JSON):
            headers = BEARER | {"Idempotency-Key": "the-same", "Content-Type": content_type}
            assert ask(running, "POST", "/orders", headers=headers, data=body).status_code == 201
            refused = ask(running, "POST", "/orders", headers=headers | {"Idempotency-Key": "new"}, data=b"a=1")
            assert (refused.status_code, is_problem(refused)) == (422, True)


@pytest.mark.parametrize("text", [pytest.param(text, id=name) for text, name in ODD_TEXTS.items()])
def test_a_text_that_nobody_expects_in_a_path_or_a_query_is_answered(
    service: tuple[str, Served], text: str
) -> None:
    _, running = service

    for method, path, told in own_routes(service):
        asked, query = path, []
        for parameter in told.get("parameters", []):
            name = parameter["name"]
            asked = asked.replace(f"{{{name}}}", text)
            query += [f"{name}={text}"] if parameter["in"] == "query" else []
        answer = ask(running, method, f"{asked}?{'&'.join(query)}", headers=BEARER, data=b"{}")
        assert answer.status_code < 500, (method, asked, query, answer.text[:300])

    assert not running.tables.parked
    assert ask(running, "GET", "/ready").status_code == 200
