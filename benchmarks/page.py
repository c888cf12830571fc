"""One HTML page with everything in it: figures, and plots by uPlot, which is kept beside this file."""

from collections.abc import Iterable, Mapping, Sequence
from html import escape
from pathlib import Path

import orjson

from benchmarks.measure import Step

HERE = Path(__file__).parent
UPLOT = HERE / "uplot"


def page(
    configuration: Mapping[str, str],
    sections: Iterable[tuple[str, Sequence[str], Iterable[Sequence[str]]]],
    steps: Sequence[Step],
) -> str:
    """The page; without steps of load it has no plots."""
    parts = {
        "style": (UPLOT / "uPlot.min.css").read_text(encoding="utf-8"),
        "plots": _plots(steps) if steps else "",
        "tables": "\n".join(_table(title, columns, rows) for title, columns, rows in sections),
        "configuration": _table("configuration", ("what", "is"), configuration.items()),
    }
    text = (HERE / "page.html").read_text(encoding="utf-8")
    for name, part in parts.items():
        text = text.replace(f"<!-- {name} -->", part)
    return text


def _plots(steps: Sequence[Step]) -> str:
    data = {
        "offered": [step.offered for step in steps],
        "achieved": [step.achieved for step in steps],
        "latency": {name: [step.latency[name] for step in steps] for name in steps[0].latency},
    }
    document = orjson.dumps(data).decode().replace("</", "<\\/")
    library = (UPLOT / "uPlot.iife.min.js").read_text(encoding="utf-8")
    drawing = (HERE / "page.js").read_text(encoding="utf-8")
    return (
        f"<div id=plots></div>\n<script>{library}</script>\n<script>const data = {document};\n{drawing}</script>"
    )


def _table(title: str, columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(column)}</th>" for column in columns)
    body = "\n".join("<tr>" + "".join(f"<td>{escape(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f"<h2>{escape(title)}</h2>\n<table>\n<tr>{head}</tr>\n{body}\n</table>"
