"""`python -m shared.events.generate [--check]`: writes what is derived from the models of the contract.

That is a JSON Schema for each message, the AsyncAPI document and the catalogue in docs/. With `--check` nothing is
written: the names of the files that differ are printed and the exit code is 1.
"""

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from shared.events.asyncapi import asyncapi_document
from shared.events.catalogue import catalogue
from shared.events.json_schema import schema_of
from shared.events.registry import CONTRACT

ROOT = Path(__file__).parents[2]
SCHEMAS = Path("shared/events/schemas")
CATALOGUE = Path("docs/events.md")


def documents() -> dict[Path, str]:
    """Every generated file by its path in the tree."""
    files = {SCHEMAS / f"{wire_type}.json": _json(schema_of(message)) for wire_type, message in CONTRACT.items()}
    files[SCHEMAS / "asyncapi.json"] = _json(asyncapi_document())
    files[CATALOGUE] = catalogue()
    return files


def differences(root: Path = ROOT) -> list[str]:
    """The generated files that are missing, outdated or left over, each as its path in the tree."""
    expected = documents()
    outdated = [path for path, text in expected.items() if _text(root / path) != text]
    return sorted(str(path) for path in (*outdated, *_left_over(root, expected)))


def write(root: Path = ROOT) -> None:
    """Bring the generated files up to date; schemas of messages that are no more are removed."""
    expected = documents()
    for path in _left_over(root, expected):
        (root / path).unlink()
    for path, text in expected.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")


def main(arguments: list[str] | None = None) -> int:
    """Run the command; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m shared.events.generate", description=__doc__)
    parser.add_argument("--check", action="store_true", help="only tell what differs")
    if not parser.parse_args(arguments).check:
        write()
        return 0
    different = differences()
    for name in different:
        sys.stdout.write(f"{name} is not up to date\n")
    return 1 if different else 0


def _left_over(root: Path, expected: Mapping[Path, str]) -> list[Path]:
    present = (path.relative_to(root) for path in (root / SCHEMAS).glob("*.json"))
    return [path for path in present if path not in expected]


def _text(path: Path) -> str | None:
    return path.read_text(encoding="utf-8") if path.exists() else None


def _json(document: Mapping[str, Any]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.exit(main())
