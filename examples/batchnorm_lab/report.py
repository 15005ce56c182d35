"""REPORT.md, report.html and the pictures, made from results.json alone."""

from __future__ import annotations

import base64
import html
import json
from pathlib import Path
from typing import Any

from batchnorm_lab.claim import Judgement
from batchnorm_lab.claims import claims
from batchnorm_lab.runner import results
from minigrad.serialization import write_atomically

TITLE = "Batch Normalization: the claims, run and judged"
MARKS = {
    "reproduced": "●",
    "partly": "◐",
    "not at this scale": "○",
    "not testable here": "–",
}  # told apart without color


def write(out: Path) -> None:
    """Draw the pictures and write both reports into ``out``."""
    found = json.loads((out / "results.json").read_text())
    (out / "figures").mkdir(exist_ok=True)
    parts = []
    for name, claim in claims().items():
        if name in found["claims"]:
            done = results(found["cells"][claim.of or name])
            _draw(claim, done, out / "figures" / f"{name}.png")
            parts.append((claim, claim.judge(done)))
    write_atomically(out / "REPORT.md", _markdown(found, parts).encode())
    write_atomically(out / "report.html", _html(found, parts, out).encode())


def _draw(claim: Any, done: list, path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure = plt.figure(figsize=claim.size, layout="constrained")
    claim.draw(figure, done)
    figure.savefig(
        path, dpi=150, metadata={"Software": None}
    )  # the same bytes for the same results
    plt.close(figure)


def _made(found: dict) -> str:
    settings, versions = found["settings"], found["versions"]
    cpu = sum(claim["seconds"] for claim in found["claims"].values())
    return (
        f"{settings['data']}; {settings['mode']} run, {settings['seeds']} seeds; {_code(found)}, "
        f"`{found['command']}`; "
        f"{cpu / 60:.1f} core-minutes, {settings['seconds'] / 60:.1f} minutes by the clock; "
        + ", ".join(f"{name} {version}" for name, version in versions.items())
    )


def _code(found: dict) -> str:
    """Return the commit, and those of cells that an earlier call measured with other code."""
    measured = {
        cell.get("commit", "unknown") for cells in found["cells"].values() for cell in cells
    }
    text = f"commit {found['commit']}"
    return (
        text
        if measured <= {found["commit"]}
        else f"{text}, cells measured at {', '.join(sorted(measured))}"
    )


def _cost(claim: Any, found: dict) -> str:
    if claim.of:
        return f"the runs of {claim.of}"
    cells = found["cells"][claim.id]
    return f"{len(cells)} cells, {sum(cell['seconds'] for cell in cells):.0f} s"


def _facts(claim: Any, judgement: Judgement) -> list[tuple[str, str]]:
    return [
        ("Claimed", claim.claimed),
        ("Source", claim.source),
        ("Done", claim.protocol),
        ("Criterion", claim.criterion),
        ("Reference", claim.reference),
        ("Found", judgement.figure),
        ("Verdict", f"{MARKS[judgement.verdict]} {judgement.verdict}. {judgement.sentence}"),
    ]


def _markdown(found: dict, parts: list) -> str:
    lines = [
        f"# {TITLE}",
        "",
        _made(found),
        "",
        "| | claim | verdict | found | reference |",
        "| --- | --- | --- | --- | --- |",
    ]
    for claim, judged in parts:
        cells = (
            claim.title,
            f"{MARKS[judged.verdict]} {judged.verdict}",
            judged.figure,
            claim.reference,
        )
        lines.append(
            f"| [{claim.id}](#{claim.id.lower()}) | " + " | ".join(map(_cell, cells)) + " |"
        )
    for claim, judged in parts:
        lines += ["", f'<a id="{claim.id.lower()}"></a>', f"## {claim.id}. {claim.title}", ""]
        lines += [f"- **{name}:** {text}" for name, text in _facts(claim, judged)]
        lines += [
            f"- {_cost(claim, found)}",
            "",
            f"![{claim.title}](figures/{claim.id}.png)",
            "",
        ]
        for i, row in enumerate(judged.table):
            lines.append("| " + " | ".join(map(_cell, row)) + " |")
            if i == 0:
                lines.append("|" + " --- |" * len(row))
    return "\n".join(lines) + "\n"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")


STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; \
padding: 0 1rem; color: #222; }
table { border-collapse: collapse; margin: 1rem 0; font-size: .9em; } img { max-width: 100%; }
td, th { border-bottom: 1px solid #ccc; padding: .3em .6em; text-align: left; vertical-align: top; }
dt { font-weight: 600; } dd { margin: 0 0 .4em 1.5em; } .verdict { white-space: nowrap; }
@media print { section { break-inside: avoid; } }
"""


def _html(found: dict, parts: list, out: Path) -> str:
    escape = html.escape
    head = "<!doctype html><html lang=en><meta charset=utf-8>"
    head += f"<title>{TITLE}</title><style>{STYLE}</style>"
    rows = [
        f"<tr><td><a href=#{c.id}>{c.id}</a><td>{escape(c.title)}<td "
        f"class=verdict>{MARKS[j.verdict]} {j.verdict}"
        f"<td>{escape(j.figure)}<td>{escape(c.reference)}"
        for c, j in parts
    ]
    top = "<tr><th><th>claim<th>verdict<th>found<th>reference"
    body = [head, f"<h1>{TITLE}</h1><p>{escape(_made(found))}<table>{top}{''.join(rows)}</table>"]
    for claim, judged in parts:
        picture = base64.b64encode((out / "figures" / f"{claim.id}.png").read_bytes()).decode()
        facts = "".join(f"<dt>{name}<dd>{escape(text)}" for name, text in _facts(claim, judged))
        table = "".join(
            "<tr>" + "".join(f"<{'td' if i else 'th'}>{escape(text)}" for text in row)
            for i, row in enumerate(judged.table)
        )
        body.append(
            f"<section id={claim.id}><h2>{claim.id}. {escape(claim.title)}</h2><dl>{facts}</dl>"
            f'<img alt="{escape(claim.title)}" '
            f'src="data:image/png;base64,{picture}"><table>{table}</table>'
            f"<p>{_cost(claim, found)}</section>"
        )
    return "\n".join(body) + "</html>\n"
