"""Reading a copied conversation with PostgreSQL: which statements ran, in which transaction, for how many bytes.

The protocol is version 3 (chapter "Frontend/Backend Protocol" of PostgreSQL's manual), without TLS.
"""

import struct
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from tests.wire.tap import Connection

SSL_REQUEST, CANCEL_REQUEST = 80877103, 80877102
LEARNS_TYPES = ("WITH RECURSIVE typeinfo_tree(", "SELECT current_setting('jit') AS cur,")
"""How the driver's own statements begin, by which a connection learns a type: once, as it prepares a statement."""
PREPARES, PREPARED = b"PDHC", b"1tTn3"
"""Messages that teach a connection a statement (parse, describe, flush, close), and what the server answers.

A driver may send them without waiting for the end of an exchange.
"""
_LENGTH = struct.Struct(">i")
_TWO = struct.Struct(">ii")


@dataclass(slots=True)
class Exchange:
    """What a client sends before it waits, and the answer: one round trip."""

    statements: list[str] = field(default_factory=list)
    """Those that are executed, as SQL; none where a connection only learns what to execute."""
    prepared: list[str] = field(default_factory=list)
    argument: bytes = b""
    """The first argument of the first statement, where it has one."""
    sent: int = 0
    """Bytes, but for those that prepare."""
    received: int = 0
    """Bytes, but for those that prepare."""
    rows: int = 0

    @property
    def opens(self) -> bool:
        return any(one.upper().startswith("BEGIN") for one in self.statements)

    @property
    def closes(self) -> bool:
        return any(one.upper().startswith(("COMMIT", "ROLLBACK")) for one in self.statements)


@dataclass(frozen=True, slots=True)
class Transaction:
    """From BEGIN to its end; a statement outside of one stands for itself."""

    exchanges: list[Exchange]

    @property
    def statements(self) -> list[str]:
        return [statement for exchange in self.exchanges for statement in exchange.statements]

    @property
    def sent(self) -> int:
        """Bytes."""
        return sum(exchange.sent for exchange in self.exchanges)

    @property
    def received(self) -> int:
        """Bytes."""
        return sum(exchange.received for exchange in self.exchanges)


def transactions_of(connection: Connection) -> list[Transaction]:
    """All that ran over a connection; what only prepared it is left out."""
    found: list[Transaction] = []
    open_one: list[Exchange] | None = None
    for exchange in exchanges_of(connection):
        if all(map(_learns_types, exchange.statements)):
            continue
        if exchange.opens:
            open_one = []
        if open_one is None:
            found.append(Transaction([exchange]))
            continue
        open_one.append(exchange)
        if exchange.closes:
            found.append(Transaction(open_one))
            open_one = None
    return found


def prepared_again(connection: Connection) -> list[str]:
    """Statements that were prepared although the connection knew them."""
    prepared = Counter(one for exchange in exchanges_of(connection) for one in exchange.prepared)
    return [one for one, times in prepared.items() if times > 1 and not _learns_types(one)]


def exchanges_of(connection: Connection) -> list[Exchange]:
    """The round trips of a connection after its login; one that was not answered is left out."""
    sent = bytes(connection.sent)
    place, asked_for_tls = _after_login(sent)
    if place is None:
        return []
    answers = _answers(bytes(connection.received)[asked_for_tls:])
    next(answers, None)  # the login's own
    return [
        _answered(exchange, received, rows)
        for exchange, (received, rows) in zip(_exchanges(sent[place:]), answers, strict=False)
    ]


def _learns_types(statement: str) -> bool:
    return " ".join(statement.split()).startswith(LEARNS_TYPES)


def _answered(exchange: Exchange, received: int, rows: int) -> Exchange:
    exchange.received, exchange.rows = received, rows
    return exchange


def _after_login(sent: bytes) -> tuple[int | None, int]:
    """Where the messages with a type begin, and how many single-byte answers precede those of the server."""
    place = asked = 0
    while len(sent) >= place + 8:
        length, code = _TWO.unpack_from(sent, place)
        place += length
        if code == CANCEL_REQUEST:
            return None, asked
        if code != SSL_REQUEST:
            return place, asked
        asked += 1
    return None, asked


def _messages(data: bytes) -> Iterator[tuple[bytes, bytes]]:
    place = 0
    while place + 5 <= len(data):
        (length,) = _LENGTH.unpack_from(data, place + 1)
        yield data[place : place + 1], data[place + 5 : place + 1 + length]
        place += 1 + length


def _exchanges(data: bytes) -> Iterator[Exchange]:
    """What is between one wait for the server and the next."""
    known: dict[bytes, str] = {}
    exchange = Exchange()
    for kind, body in _messages(data):
        if kind == b"p":  # still the login
            continue
        exchange.sent += 0 if kind in PREPARES else len(body) + 5
        match kind:
            case b"P":
                name, query, _ = body.split(b"\0", 2)
                known[name] = query.decode()
                exchange.prepared.append(query.decode())
            case b"B":
                _, name, rest = body.split(b"\0", 2)
                if not exchange.statements:
                    exchange.argument = _first_argument(rest)
                exchange.statements.append(known[name])
            case b"Q":
                exchange.statements += [
                    one.strip() for one in body.rstrip(b"\0").decode().split(";") if one.strip()
                ]
        if kind in (b"S", b"Q"):
            yield exchange
            exchange = Exchange()


def _first_argument(bound: bytes) -> bytes:
    (formats,) = struct.unpack_from(">h", bound)
    place = 2 + 2 * formats
    (arguments,) = struct.unpack_from(">h", bound, place)
    if not arguments:
        return b""
    (length,) = _LENGTH.unpack_from(bound, place + 2)
    return bound[place + 6 : place + 6 + max(length, 0)]


def _answers(data: bytes) -> Iterator[tuple[int, int]]:
    """Bytes and rows of each answer, up to the server's being ready again."""
    size = rows = 0
    for kind, body in _messages(data):
        size += 0 if kind in PREPARED else len(body) + 5
        rows += kind == b"D"
        if kind == b"Z":
            yield size, rows
            size = rows = 0
