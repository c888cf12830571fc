"""Domain code is pure: what it may import is listed here, and all else is outside."""

import ast
from collections.abc import Iterator
from pathlib import Path

SERVICES = Path(__file__).resolve().parents[3] / "services"

PURE = {
    "bisect",
    "collections",
    "dataclasses",
    "datetime",
    "functools",
    "hashlib",
    "itertools",
    "math",
    "pydantic",
}
PURE |= {"re", "types", "typing"}
"""What rules and their messages are made of. Of the standard library: what neither asks nor tells the world."""
RUNTIME = ("shared.eventsourcing.back_off.", "shared.eventsourcing.decider.")
"""Of the runtime: the protocol of decisions, and how long to wait before one asks again."""


def test_domain_code_imports_the_contract_the_decider_protocol_and_its_own_rules_alone() -> None:
    strangers = [
        f"{file.relative_to(SERVICES)}: {module}"
        for service in services()
        for file in (SERVICES / service / "domain").rglob("*.py")
        for module in imported(file)
        if not allowed(module, service)
    ]

    assert strangers == []


def services() -> list[str]:
    found = [app.parent.name for app in SERVICES.glob("*/app.py")]
    assert len(found) == 5
    return found


def imported(file: Path) -> Iterator[str]:
    """Modules by their whole names, wherever in the file they are imported."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
        match node:
            case ast.Import(names=names):
                yield from (name.name for name in names)
            case ast.ImportFrom(module=module, names=names, level=level):
                yield from ("." * level + f"{module or ''}.{name.name}" for name in names)


def allowed(module: str, service: str) -> bool:
    rooms = ("shared.events.", *RUNTIME, f"services.{service}.domain.")
    return module.split(".")[0] in PURE or f"{module}.".startswith(rooms)
