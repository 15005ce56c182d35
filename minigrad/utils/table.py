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
    """Return the lines of a table: head, rule, rows.

    The first ``left`` columns are aligned left, the others right.

    >>> print(*text_table(("layer", "size"), [("0", "12"), ("1", "4")]), sep="\\n")
    layer  size
    ───────────
    0        12
    1         4
    """
    cells = [head, *rows]
    columns = zip(*cells, strict=True)
    widths = [max(map(_width, column)) for column in columns]
    first, *others = [_text_row(row, widths, left) for row in cells]
    gaps = 2 * (len(widths) - 1)
    length = sum(widths) + gaps
    return [first, rule * length, *others]


def _text_row(row: Sequence[str], widths: Sequence[int], left: int) -> str:
    parts = []
    for i, width in enumerate(widths):
        cell = row[i]
        padding = " " * (width - _width(cell))
        parts.append(cell + padding if i < left else padding + cell)
    return "  ".join(parts).rstrip()


def html_table(
    head: Sequence[str], rows: Sequence[Sequence[str]], caption: str = "", foot: str = ""
) -> str:
    """Return the table in HTML; blanks of a cell stay."""
    lines = ["<table>"]
    if caption:
        lines.append(f"<caption>{escape(caption)}</caption>")
    titles = [f"<th>{escape(cell)}</th>" for cell in head]
    lines.append(f"<tr>{''.join(titles)}</tr>")
    for row in rows:
        lines.append(f"<tr>{''.join(map(_html_cell, row))}</tr>")
    lines.append("</table>")
    if foot:
        lines.append(f"<p>{escape(foot)}</p>")
    return "\n".join(lines)


def _html_cell(text: str) -> str:
    style = " style=white-space:pre" if text.startswith(" ") else ""
    return f"<td{style}>{escape(text)}</td>"
