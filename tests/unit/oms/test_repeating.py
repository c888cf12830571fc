"""A command whose answer does not come says how to repeat it, and a repeat does nothing twice."""

import re
import socket
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from deploy.local.description import Description, write_description
from tests.unit.oms.conftest import Oms
from tests.unit.oms.stack import Answer, Services

RECEIVE = ("receive", "TEA", "7", "--at", "EAST")
COUNT = ("count", "TEA", "7", "--at", "EAST", "--reason", "yearly count")
ROUTES = {
    RECEIVE: "/inventory/stock/TEA/receive",
    COUNT: "/inventory/stock/TEA/count",
    ("cancel", "SO-7", "--reason", "x"): "/order/orders/SO-7/cancel",
    ("hold", "open", "SO-7", "--reason", "x"): "/order/orders/SO-7/holds",
    ("hold", "release", "SO-7", "H1", "--reason", "x"): "/order/orders/SO-7/holds/H1/release",
}
CHANGES = pytest.mark.parametrize("change", ROUTES, ids=" ".join)


@pytest.fixture
def cut_line() -> Iterator[tuple[str, list[bytes]]]:
    """The address of a service that takes each request and closes the line, and what it was asked."""
    asked: list[bytes] = []

    def serve() -> None:
        while True:
            try:
                line, _ = server.accept()
            except OSError:
                return
            with line:
                asked.append(line.recv(65_536))

    with socket.create_server(("127.0.0.1", 0)) as server:
        thread = threading.Thread(target=serve)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}", asked
        server.shutdown(socket.SHUT_RDWR)
    thread.join()


def key_told(line: str) -> str:
    found = re.search(r"; repeat it with --key (\S+)\n$", line)
    assert found, line
    return found[1]


@CHANGES
def test_a_change_carries_a_new_key_each_time(oms: Oms, services: Services, change: tuple[str, ...]) -> None:
    services.answer("POST", ROUTES[change], {})

    assert [oms(*change)[0] for _ in range(2)] == [0, 0]

    keys = [asked.idempotency_key for asked in services.asked]
    assert all(keys)
    assert len(set(keys)) == 2


@CHANGES
@pytest.mark.parametrize("status", [502, 503, 504])
def test_a_change_that_got_no_answer_names_the_key_to_repeat_it_with(
    oms: Oms, services: Services, change: tuple[str, ...], status: int
) -> None:
    services.answer("POST", ROUTES[change], {"detail": "no store"}, status)

    code, out, err = oms(*change)

    assert (code, out, err.count("\n")) == (3, "", 1)
    repeat_does_the_same(oms, services, change, key_told(err))


@CHANGES
def test_a_change_that_was_interrupted_names_the_key_to_repeat_it_with(
    oms: Oms, services: Services, ctrl_c: Answer, change: tuple[str, ...]
) -> None:
    services.answer("POST", ROUTES[change], ctrl_c)

    code, out, err = oms(*change)

    assert (code, out, err.count("\n")) == (130, "", 1)
    repeat_does_the_same(oms, services, change, key_told(err))


def test_a_change_whose_line_is_cut_is_sent_once_more_under_its_key(
    oms: Oms, services: Services, tmp_path: Path, cut_line: tuple[str, list[bytes]]
) -> None:
    address, asked = cut_line
    write_description(tmp_path, described(services, "inventory", address))

    code, _, err = oms(*RECEIVE)

    assert code == 3
    assert len(asked) == 2
    assert all(key_told(err).encode() in one for one in asked)


def test_what_has_no_key_and_got_no_answer_is_sent_once_and_says_that_it_may_be_done(
    oms: Oms, services: Services, tmp_path: Path, cut_line: tuple[str, list[bytes]]
) -> None:
    address, asked = cut_line
    write_description(tmp_path, described(services, "order", address))

    code, _, err = oms("parked", "retry", "order", "SO-7")

    assert code == 3
    assert err.endswith("; it may be done all the same: look before you repeat it\n")
    assert sum(one.startswith(b"POST") for one in asked) == 1


def test_what_never_reached_a_service_is_not_said_to_be_done(oms: Oms, services: Services, tmp_path: Path) -> None:
    write_description(tmp_path, described(services, "inventory", "http://127.0.0.1:9"))

    code, _, err = oms(*RECEIVE)

    assert code == 3
    assert err.endswith("; see `oms status`\n")


@pytest.mark.parametrize("key", ["", "two words", "k" * 201])
def test_a_key_that_can_be_none_is_wrong_usage(oms: Oms, services: Services, key: str) -> None:
    assert oms(*RECEIVE, "--key", key) == (
        2,
        "",
        "oms: Invalid value for '--key': a key is 1 to 200 visible characters\n",
    )
    assert services.asked == []


def repeat_does_the_same(oms: Oms, services: Services, change: tuple[str, ...], key: str) -> None:
    services.answer("POST", ROUTES[change], {})

    assert oms(*change, "--key", key)[0] == 0

    first, second = services.asked
    assert first.idempotency_key == key
    assert first == second


def described(services: Services, service: str, address: str) -> Description:
    """The stack, with one service at another address."""
    stack = services.description()
    return stack.model_copy(update={"services": {**stack.services, service: address}})
