"""A stack's ports are its own from the moment they are chosen, not from the moment somebody listens there."""

import socket

import pytest

from deploy.local.errors import StackError
from deploy.local.ports import HOST, Ports, check_free


def bound(port: int, *, shared: bool) -> socket.socket:
    """A socket on this port, the way servers bind theirs (shared) or the way others look for a free one."""
    one = socket.socket()
    one.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, int(shared))
    try:
        one.bind((HOST, port))
    except OSError:
        one.close()
        raise
    return one


def listening(port: int) -> socket.socket:
    server = bound(port, shared=True)
    server.listen()
    return server


def test_a_port_that_was_chosen_is_given_to_nobody_else_though_nobody_listens_there_yet() -> None:
    ports = Ports({})
    port = ports.of("order")

    with pytest.raises(OSError, match="in use"):
        bound(port, shared=False)


def test_its_owner_listens_there_ends_and_listens_again() -> None:
    ports = Ports({})
    port = ports.of("order")

    for _ in range(2):
        check_free(port, "order", patience_s=0)
        with listening(port), pytest.raises(StackError, match=f"port {port} of order is in use"):
            check_free(port, "order", patience_s=0)


def test_it_stays_its_owners_while_the_owner_is_away() -> None:
    ports = Ports({})
    port = ports.of("order")
    listening(port).close()

    with pytest.raises(OSError, match="in use"):
        bound(port, shared=False)


def test_a_port_that_is_let_go_is_free_and_the_same_when_it_is_asked_for_again() -> None:
    ports = Ports({})
    port = ports.of("order")

    ports.let_go()
    bound(port, shared=False).close()

    assert ports.of("order") == port
    with pytest.raises(OSError, match="in use"):
        bound(port, shared=False)


def test_a_port_that_is_kept_for_one_is_not_given_to_another_though_nobody_has_asked_for_it_yet(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kept, free = Ports({}).of("order"), Ports({}).of("order")
    monkeypatch.setattr("deploy.local.ports.RANGE", [*[kept] * 20, free])

    ports = Ports({"order": kept})

    assert ports.of("payment") == free
    assert ports.of("order") == kept


def test_a_kept_port_that_somebody_else_took_meanwhile_is_named_not_changed() -> None:
    with listening(0) as other:
        taken = other.getsockname()[1]
        ports = Ports({"order": taken})

        assert ports.of("order") == taken
        with pytest.raises(StackError, match=f"port {taken} of order is in use by another program"):
            check_free(taken, "order", patience_s=0)


def test_two_processes_that_know_one_stack_both_keep_its_ports_for_it() -> None:
    first = Ports({})
    port = first.of("order")
    second = Ports(first.kept())

    assert second.of("order") == port
    first.let_go()
    with pytest.raises(OSError, match="in use"):
        bound(port, shared=False)
