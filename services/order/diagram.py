"""`python -m services.order.diagram [--check]`: draws the placement saga into docs/architecture.md."""

import argparse
import sys
from pathlib import Path

from services.order.domain.diagram import diagram

PAGE = Path(__file__).resolve().parents[2] / "docs" / "architecture.md"
BEGIN, END = "<!-- diagram: placement -->", "<!-- /diagram -->"


def drawn(page: str) -> str:
    """The page with the diagram as the table of steps has it now."""
    before, _, rest = page.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n```mermaid\n{diagram()}```\n{END}{after}"


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
    sys.stdout.write("docs/architecture.md is not up to date\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
