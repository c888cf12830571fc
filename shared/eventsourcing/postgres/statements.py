"""The named SQL statements of `statements.sql`."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType


def _read(path: Path) -> Mapping[str, str]:
    named: dict[str, str] = {}
    for part in path.read_text(encoding="utf-8").split("-- name: ")[1:]:
        name, _, statement = part.partition("\n")
        named[name.strip()] = statement.strip().removesuffix(";")
    return MappingProxyType(named)


SQL = _read(Path(__file__).with_name("statements.sql"))
"""Statement by name."""

SCHEMA = Path(__file__).with_name("schema.sql").read_text(encoding="utf-8")
"""The tables of the runtime, as they were first."""

NEAR = Path(__file__).with_name("near.sql").read_text(encoding="utf-8")
"""A column that tells which lanes an instance writes."""

READERS = Path(__file__).with_name("readers.sql").read_text(encoding="utf-8")
"""A column that tells which readers an instance runs."""

APPEND_ONLY = Path(__file__).with_name("append_only.sql").read_text(encoding="utf-8")
"""What vacuum leaves alone."""
