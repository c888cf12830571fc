"""The table of steps as a picture."""

from services.order.domain.compensating import TO_UNDO
from services.order.domain.placement import Placement
from services.order.domain.saga import STEPS, Step


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


_UNDOES = {"stock": "ReleaseStock", "payment": "VoidPayment"}
