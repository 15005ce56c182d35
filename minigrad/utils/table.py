"""Tables of results, for a terminal and for a notebook."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from html import escape


def _width(text: str) -> int:
    return sum(not unicodedata.combining(c) for c in text)  # the hat of x̂ takes no room


def text_table(
    head: Sequence[str], rows: Sequence[Sequence[str]], left: int = 1, rule: str = "─"
) -> list[str]:
    """Return the lines of a table: head, rule, rows; the first ``left`` columns begin at the left, the others end at the right.

    >>> print(*text_table(("layer", "size"), [("0", "12"), ("1", "4")]), sep="\\n")
    layer  size
    ───────────
    0        12
    1         4
    """
    cells = [head, *rows]
    wide = [max(map(_width, column)) for column in zip(*cells, strict=True)]
    lines = []
    for row in cells:
        pads = [" " * (w - _width(c)) for c, w in zip(row, wide, strict=True)]
        lines.append(
            "  ".join(
                c + p if i < left else p + c for i, (c, p) in enumerate(zip(row, pads, strict=True))
            )
        )
    return [
        lines[0].rstrip(),
        rule * (sum(wide) + 2 * (len(wide) - 1)),
        *(line.rstrip() for line in lines[1:]),
    ]


def html_table(
    head: Sequence[str], rows: Sequence[Sequence[str]], caption: str = "", foot: str = ""
) -> str:
    """Return the table in HTML; blanks of a cell stay."""
    lines = [f"<caption>{escape(caption)}</caption>"] if caption else []
    lines.append("<tr>" + "".join(f"<th>{escape(cell)}</th>" for cell in head) + "</tr>")
    for row in rows:
        cells = (
            f"<td{' style=white-space:pre' * cell.startswith(' ')}>{escape(cell)}</td>"
            for cell in row
        )
        lines.append("<tr>" + "".join(cells) + "</tr>")
    return "\n".join(["<table>", *lines, "</table>", *([f"<p>{escape(foot)}</p>"] if foot else [])])
