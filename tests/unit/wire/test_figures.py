"""What the figures of a batch tell apart, and how an excess is said."""

import struct
from collections import Counter

import pytest

from shared.eventsourcing.postgres.statements import SQL
from tests.wire.figures import bytes_in_postgres, counts_in_postgres, excess
from tests.wire.tap import Connection

BEGIN, COMMIT = "BEGIN;", "COMMIT;"
BATCH = [BEGIN, SQL["claim_messages"], SQL["append"], COMMIT]
COST = {
    "pipeline: begin": 1,
    "pipeline: claim_messages": 1,
    "pipeline: append": 1,
    "pipeline: commit": 1,
    "pipeline: round trips": 4,
}


def message(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack(">i", len(body) + 4) + body


def a_connection(*statements: str, flush: bool = False) -> Connection:
    """A login, and statements one after the other; those that end without a semicolon are prepared first.

    With `flush` the driver doesn't wait for the end of the preparation.
    """
    argument = b"orders@1"
    connection = Connection()
    connection.sent += struct.pack(">ii", 8, 80877103) + struct.pack(">ii", 8, 196608) + message(b"p", b"secret")
    connection.received += b"N" + message(b"R", b"") + message(b"Z", b"I")
    known: dict[str, bytes] = {}
    for statement in statements:
        if statement.endswith(";"):
            connection.sent += message(b"Q", statement.encode() + b"\0")
        else:
            if statement not in known:
                known[statement] = b"s%d" % len(known)
                parse = known[statement] + b"\0" + statement.encode() + b"\0" + struct.pack(">h", 0)
                connection.sent += message(b"P", parse) + message(b"H" if flush else b"S", b"")
                connection.received += message(b"1", b"") + (b"" if flush else message(b"Z", b"I"))
            bound = struct.pack(">hhi", 0, 1, len(argument)) + argument + struct.pack(">h", 0)
            connection.sent += message(b"B", b"\0" + known[statement] + b"\0" + bound) + message(b"S", b"")
        connection.received += message(b"C", b"DONE\0") + message(b"Z", b"I")
    return connection


def counts(*statements: str) -> Counter[str]:
    return counts_in_postgres([a_connection(*statements)], by_the_clock=frozenset({"seen"}))


def test_a_batch_is_counted_by_the_names_of_its_statements() -> None:
    assert counts(*BATCH) == COST
    assert excess(counts(*BATCH), COST) == []


def test_a_statement_that_runs_once_more_is_named() -> None:
    more = counts(*BATCH[:2], SQL["claim_messages"], *BATCH[2:])

    assert excess(more, COST) == [
        "pipeline: claim_messages: 2, and the budget allows 1",
        "pipeline: round trips: 5, and the budget allows 4",
    ]


def test_a_statement_without_a_name_is_quoted_wherever_it_runs() -> None:
    inside = counts(*BATCH[:2], "select\n  42", *BATCH[2:])
    outside = counts(*BATCH, "select\n  42")

    assert "pipeline: select 42: 1, and the budget allows 0" in excess(inside, COST)
    assert excess(outside, COST) == ["elsewhere: select 42: 1, and the budget allows 0"]


def test_views_and_what_goes_by_the_clock_are_told_apart() -> None:
    found = counts(*BATCH, SQL["seen"], BEGIN, SQL["advance"], SQL["lock_view_rows"], COMMIT)

    assert found - Counter(COST) == {
        "view orders: begin": 1,
        "view orders: advance": 1,
        "view orders: lock_view_rows": 1,
        "view orders: commit": 1,
        "view orders: round trips": 4,
    }


@pytest.mark.parametrize("flush", [False, True])
def test_bytes_are_those_of_executions_and_not_of_preparations(flush: bool) -> None:
    def cost(*statements: str) -> tuple[float, float]:
        found = bytes_in_postgres([a_connection(*statements, flush=flush)], 1)
        return found["pipeline: bytes to PostgreSQL a message"], found["pipeline: bytes from PostgreSQL a message"]

    claim = SQL["claim_messages"]
    none, once, twice = (cost(BEGIN, *[claim] * times, SQL["append"], claim, COMMIT) for times in (0, 1, 2))

    assert twice[0] - once[0] == once[0] - none[0]
    assert twice[1] - once[1] == once[1] - none[1] == len(message(b"C", b"DONE\0") + message(b"Z", b"I"))


def test_a_budget_that_guards_nothing_is_said() -> None:
    assert excess({"a": 1}, {"a": 1, "b": 1}) == ["b: never seen, so its budget guards nothing"]


def test_a_margin_is_allowed_where_one_is_given() -> None:
    assert excess({"bytes": 101}, {"bytes": 100}, margin=0.02) == []
    assert excess({"bytes": 103}, {"bytes": 100}, margin=0.02) == ["bytes: 103, and the budget allows 100"]
