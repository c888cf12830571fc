"""What the pages say is what the code does."""

import re
from pathlib import Path

from services.order.diagram import PAGE, drawn

ROOT = Path(__file__).resolve().parents[3]


def pages() -> list[Path]:
    """All but those of libraries and of what the tests leave behind, in folders whose names begin with a dot."""
    found = [
        page
        for page in ROOT.rglob("*.md")
        if not any(part.startswith(".") for part in page.relative_to(ROOT).parts)
    ]
    assert len(found) > 40
    return found


def test_the_saga_in_the_architecture_page_is_the_table_that_runs() -> None:
    page = PAGE.read_text(encoding="utf-8")

    assert drawn(page) == page, "run python -m services.order.diagram"


def test_every_link_between_pages_leads_somewhere() -> None:
    broken = [
        f"{page.relative_to(ROOT)}: {target}"
        for page in pages()
        for target in re.findall(r"\]\(([^)\s:]*)\)", page.read_text(encoding="utf-8"))
        if not leads_somewhere(page, target)
    ]

    assert broken == []


def leads_somewhere(page: Path, target: str) -> bool:
    name, _, anchor = target.partition("#")
    file = page.parent / name if name else page
    return file.exists() and (not anchor or anchor in anchors(file))


def anchors(page: Path) -> set[str]:
    """Of its headings, as they are made where pages are shown."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_every_decision_is_numbered_once_and_stands_in_the_index_under_its_title() -> None:
    folder = ROOT / "docs" / "adr"
    decisions = sorted(folder.glob("[0-9]*.md"))
    index = re.findall(r"^\d+\. .+$", (folder / "README.md").read_text(encoding="utf-8"), re.MULTILINE)

    assert [page.name[:4] for page in decisions] == [f"{number:04}" for number in range(1, len(decisions) + 1)]
    assert index == [re.sub(r"# (\d+\. )(.+)", rf"\1[\2]({page.name})", first_line(page)) for page in decisions]


def first_line(page: Path) -> str:
    return page.read_text(encoding="utf-8").partition("\n")[0]
