"""What a batch cost, by name, and what of it exceeds a budget."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

from shared.eventsourcing.postgres.statements import SQL
from tests.wire.kafka import FETCH, OFFSET_COMMIT, PRODUCE, Request, requests_of
from tests.wire.postgres import Transaction, prepared_again, transactions_of
from tests.wire.tap import Connection

Figures = Mapping[str, float]

_NAMES = {sql: name for name, sql in SQL.items()}


def counts_in_postgres(connections: Sequence[Connection], *, by_the_clock: frozenset[str]) -> Counter[str]:
    """Statements and round trips, each under the part of the service that runs them.

    A statement `by_the_clock` runs as time passes, however many messages there are: it is not counted.
    """
    counts: Counter[str] = Counter()
    for connection in connections:
        counts.update(f"prepared again: {_name(one)}" for one in prepared_again(connection))
        for transaction in transactions_of(connection):
            part = _part(transaction)
            if part:
                counts.update(f"{part}: {_name(one)}" for one in transaction.statements)
                counts[f"{part}: round trips"] += len(transaction.exchanges)
            elif not {_name(one) for one in transaction.statements} <= by_the_clock:
                counts.update(f"elsewhere: {_name(one)}" for one in transaction.statements)
    return counts


def bytes_in_postgres(connections: Sequence[Connection], messages: int) -> dict[str, float]:
    """Bytes a message of the parts that do something for each message."""
    sums: Counter[str] = Counter()
    for connection in connections:
        for transaction in transactions_of(connection):
            if part := _part(transaction):
                sums[f"{part}: bytes to PostgreSQL a message"] += transaction.sent
                sums[f"{part}: bytes from PostgreSQL a message"] += transaction.received
    return {name: total / messages for name, total in sums.items()}


def counts_in_kafka(connections: Sequence[Connection]) -> Counter[str]:
    """Requests of the consumer and of the relay."""
    by_kind = _by_kind(connections)
    return Counter(
        {
            "consumer: fetches that bring records": sum(1 for one in by_kind(FETCH) if one.records),
            "consumer: commits of offsets": len(by_kind(OFFSET_COMMIT)),
            "relay: produce requests": len(by_kind(PRODUCE)),
            "relay: record batches": sum(one.batches for one in by_kind(PRODUCE)),
            "relay: records": sum(one.records for one in by_kind(PRODUCE)),
        }
    )


def bytes_in_kafka(connections: Sequence[Connection], messages: int) -> dict[str, float]:
    """Bytes a message that came in, and bytes a record that went out."""
    by_kind = _by_kind(connections)
    fetched = sum(one.received for one in by_kind(FETCH) if one.records)
    produced = sum(one.sent for one in by_kind(PRODUCE))
    return {
        "consumer: bytes fetched a message": fetched / messages,
        "relay: bytes produced a record": produced / sum(one.records for one in by_kind(PRODUCE)),
    }


def excess(measured: Figures, budget: Figures, *, margin: float = 0.0) -> list[str]:
    """One sentence for each figure that exceeds its budget, has none, or is budgeted for and never came."""
    found = [
        f"{name}: {figure:g}, and the budget allows {budget.get(name, 0):g}"
        for name, figure in sorted(measured.items())
        if figure > budget.get(name, 0) * (1 + margin)
    ]
    return found + [
        f"{name}: never seen, so its budget guards nothing" for name in budget.keys() - measured.keys()
    ]


def _by_kind(connections: Sequence[Connection]) -> Callable[[int], list[Request]]:
    requests: Iterable[Request] = [one for connection in connections for one in requests_of(connection)]
    return lambda kind: [one for one in requests if one.kind == kind]


def _part(transaction: Transaction) -> str:
    """Which part of the service does this for messages; empty for what is done in any case."""
    names = [_name(one) for one in transaction.statements]
    if "claim_messages" in names:
        return "pipeline"
    if "begin" in names and "advance" in names:
        view = transaction.exchanges[names.index("advance")].argument.decode()
        return f"view {view.partition('@')[0]}"
    return ""


def _name(statement: str) -> str:
    """The name under which the runtime keeps a statement; another one is its own name, in one short line."""
    return _NAMES.get(statement) or " ".join(statement.split())[:100].rstrip(";").lower()
