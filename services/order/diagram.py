"""`python -m services.order.diagram [--check]`: draws the placement saga into docs/architecture.md."""

import argparse
import sys
from pathlib import Path

from services.order.domain.compensating import TO_UNDO
from services.order.domain.placement import Placement
from services.order.domain.saga import STEPS, Step

PAGE = Path(__file__).resolve().parents[2] / "docs" / "architecture.md"
BEGIN, END = "<!-- diagram: placement -->", "<!-- /diagram -->"

_UNDOES = {"stock": "ReleaseStock", "payment": "VoidPayment"}


def drawn(page: str) -> str:
    """The page with the diagram as the table of steps has it now."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n```mermaid\n{diagram()}```\n{END}{after}"


def diagram() -> str:
    """The placement as a mermaid state diagram, drawn from the table that runs it."""
    lines = ["stateDiagram-v2", "    [*] --> idle"]
    for status, step in STEPS.items():
        lines += _arrows(status, step)
        lines += _note(status, step)
    lines += ["    idle --> [*]: cancelled", "    shipping --> [*]: completed"]
    return "\n".join(lines) + "\n"


def transitions() -> frozenset[tuple[str, str]]:
    """Every change of status that the table knows."""
    return frozenset(
        (name_of(status), name_of(target))
        for status, step in STEPS.items()
        for target in (
            *step.follows,
            *step.overdue_leads_to,
            *(target for answer in step.answers.values() for target in answer.leads_to),
        )
    )


def name_of(status: type[Placement]) -> str:
    """A status as it stands in the state."""
    return str(status.__dataclass_fields__["status"].default)


def main() -> int:
    """Write the page, or with --check say whether it is up to date."""
    parser = argparse.ArgumentParser(prog="python -m services.order.diagram", description=__doc__)
    parser.add_argument("--check", action="store_true", help="only tell whether it is up to date")
    page = PAGE.read_text(encoding="utf-8")
    if not parser.parse_args().check:
        PAGE.write_text(drawn(page), encoding="utf-8")
        return 0
    if drawn(page) == page:
        return 0
    sys.stdout.write("docs/architecture.md is not up to date: run python -m services.order.diagram\n")
    return 1


def _arrows(status: type[Placement], step: Step) -> list[str]:
    labels: dict[str, list[str]] = {}
    for message, answer in step.answers.items():
        for target in answer.leads_to:
            labels.setdefault(name_of(target), []).append(message.__name__)
    for target in step.overdue_leads_to:
        labels.setdefault(name_of(target), []).append("deadline")
    for target in step.follows:
        labels.setdefault(name_of(target), [])
    source = name_of(status)
    return [
        f"    {source} --> {target}" + (f": {', '.join(causes)}" if causes else "")
        for target, causes in labels.items()
    ]


def _note(status: type[Placement], step: Step) -> list[str]:
    notes = []
    if step.sends:
        notes.append("sends " + ", ".join(command.__name__ for command in step.sends))
    if step.deadlines:
        notes.append("waits " + ", ".join(step.deadlines))
    if status in TO_UNDO:
        notes.append("undone by " + ", ".join(_UNDOES[part] for part in TO_UNDO[status]))
    if not notes:
        return []
    return [f"    note right of {name_of(status)}", *(f"        {note}" for note in notes), "    end note"]


if __name__ == "__main__":
    sys.exit(main())
