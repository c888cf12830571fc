"""Answers on standard output: one JSON document for programs, tables for people."""

import json
import sys
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import typer
from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

WIDE = 200
"""Columns where there is no terminal that has a width."""


def as_document(answer: Any) -> None:
    """One JSON document."""
    typer.echo(json.dumps(answer, ensure_ascii=False, indent=2, default=str))


def as_record(title: str, record: Mapping[str, Any]) -> None:
    """A thing with its fields; lists of things become tables below it."""
    table = _table(title)
    table.show_header = False
    table.add_column(style="dim")
    table.add_column()
    below: list[tuple[str, Sequence[Mapping[str, Any]]]] = []
    for name, value in _flat(record):
        if _is_rows(value):
            below.append((name, value))
        else:
            table.add_row(_words(name), cell(value))
    console().print(table)
    for name, rows in below:
        as_table(_words(name), rows)


def as_table(title: str, rows: Sequence[Mapping[str, Any]], columns: Sequence[str] = ()) -> None:
    """Rows under the given columns, or under all that they have."""
    if not rows:
        console().print(Text(f"{title}: none"))
        return
    named = list(columns) or list(dict.fromkeys(name for row in rows for name in row))
    table = _table(title)
    for name in named:
        numeric = all(isinstance(row.get(name), int | float | Decimal | None) for row in rows)
        table.add_column(_words(name), justify="right" if numeric else "left")
    for row in rows:
        table.add_row(*(cell(row.get(name)) for name in named))
    console().print(table)


def say(line: str) -> None:
    """A line of progress, on standard error so that it never mixes with an answer."""
    typer.echo(line, err=True)


def console() -> Console:
    """Standard output as it is now."""
    return Console(width=None if sys.stdout.isatty() else WIDE, highlight=False)


def cell(value: Any) -> Text:
    """A value as text: neither markup nor control characters in it have an effect on the terminal."""
    if value is None:
        return Text("")
    if isinstance(value, bool):
        return Text("yes" if value else "no")
    if isinstance(value, Decimal):
        return Text(f"{value:,}")
    if isinstance(value, Mapping):
        return Text(
            printable(", ".join(f"{name} {inner}" for name, inner in value.items() if inner not in ("", None)))
        )
    if isinstance(value, list | tuple):
        return Text(printable(", ".join(str(cell(item)) for item in value)))
    return Text(printable(str(value)))


def counted(number: int, noun: str) -> str:
    """A number of things: 1 order, 2 orders."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def printable(text: str) -> str:
    """The text with its control characters made visible."""
    return "".join(letter if letter.isprintable() else f"\\x{ord(letter):02x}" for letter in text)


def _flat(record: Mapping[str, Any], prefix: str = "") -> list[tuple[str, Any]]:
    found: list[tuple[str, Any]] = []
    for name, value in record.items():
        if isinstance(value, Mapping) and value:
            found += _flat(value, f"{prefix}{name}.")
        else:
            found.append((f"{prefix}{name}", value))
    return found


def _is_rows(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(row, Mapping) for row in value)


def _words(name: str) -> str:
    return name.replace("_", " ").replace(".", " ")


def _table(title: str) -> Table:
    named = Text(printable(title), style="bold", no_wrap=True, overflow="ignore")
    return Table(title=named, title_justify="left", box=box.SIMPLE_HEAD)
