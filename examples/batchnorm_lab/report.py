"""REPORT.md, report.html and the pictures, made from results.json alone."""

from __future__ import annotations

import base64
import html
import io
import json
import re
from pathlib import Path
from typing import Any, NamedTuple

from batchnorm_lab.claim import Judgement
from batchnorm_lab.claims import claims
from batchnorm_lab.runner import results
from batchnorm_lab.tuning import at_the_edge
from minigrad.serialization import write_atomically

DPI = 96
TITLE = "Batch Normalization: the claims, run and judged"
MARKS = {
    "reproduced": "●",
    "partly": "◐",
    "not at this scale": "○",
    "not testable here": "–",
}  # told apart without color


class Part(NamedTuple):
    """A claim of the report."""

    claim: Any
    judged: Judgement
    edges: str  # settings at an end of what was tried


def parts_of(found: dict) -> list[Part]:
    """Return the claims of results.json, judged by its cells."""
    parts = []
    for name, claim in claims().items():
        if name in found["claims"]:
            done = results(found["cells"][claim.of or name])
            parts.append(Part(claim, claim.judge(done), "" if claim.of else _edges(done)))
    return parts


def write(out: Path) -> None:
    """Draw the pictures and write both reports into ``out``."""
    found = json.loads((out / "results.json").read_text())
    (out / "figures").mkdir(exist_ok=True)
    parts = parts_of(found)
    for claim, *_ in parts:
        done = results(found["cells"][claim.of or claim.id])
        _draw(claim, done, out / "figures" / f"{claim.id}.png")
    write_atomically(out / "REPORT.md", markdown(found, parts).encode())
    write_atomically(out / "report.html", _html(found, parts, out).encode())


def _draw(claim: Any, done: list, path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure = plt.figure(figsize=claim.size, layout="constrained")
    claim.draw(figure, done)
    drawn = io.BytesIO()
    figure.savefig(drawn, dpi=DPI)
    plt.close(figure)
    write_atomically(path, _small(drawn))


def _small(drawn: io.BytesIO) -> bytes:
    """Return the picture in few colors, a third of the bytes; the same for the same results."""
    from PIL import Image

    out = io.BytesIO()
    Image.open(drawn).convert("RGB").quantize(48, kmeans=2, dither=Image.Dither.NONE).save(
        out, "PNG", optimize=True
    )
    return out.getvalue()


def _embedded(path: Path) -> str:
    """Return a picture as the page holds it: WebP without loss, four fifths of the bytes."""
    from PIL import Image

    out = io.BytesIO()
    Image.open(path).convert("RGB").save(out, "WEBP", lossless=True, quality=80, method=4)
    return "data:image/webp;base64," + base64.b64encode(out.getvalue()).decode()


def _made(found: dict) -> str:
    settings, versions = found["settings"], found["versions"]
    cpu = sum(claim["seconds"] for claim in found["claims"].values())
    return (
        f"{settings['data']}; {settings['mode']} run, {settings['seeds']} seeds; {_code(found)}, "
        f"`{found['command']}`; "
        f"{cpu / 60:.1f} minutes in cells, {settings['seconds'] / 60:.1f} minutes by the clock; "
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


NOTES = (
    "In tables `a (b..c)` of accuracies is the median with the lowest and the highest seed, and a "
    "band in a picture is those two around the median. In the lines Found and Verdict, and where "
    "a head says so, `(b..c)` is the 95 % interval of the mean over seeds by Student's t, of "
    "ratios (×) of the geometric mean. Where a verdict rests on several comparisons, the intervals "
    "that it goes by are widened to hold together in 95 % (Bonferroni).",
    "“Equal” gives both arms one rate, “tuned” each arm its own best: chosen with other seeds on "
    "training images that are held out. No choice of a setting looks at the test set; one at the "
    "edge of what was tried is told with its claim.",
    "Criteria are fixed before a run, but their thresholds followed small pilot runs, and some "
    "were sharpened after an earlier full run: read a verdict as a summary of its table, not as a "
    "registered test.",
)


def _cost(claim: Any, found: dict) -> str:
    if claim.of:
        return f"the runs of {claim.of}"
    cells = found["cells"][claim.id]
    return f"{len(cells)} cells, {sum(cell['seconds'] for cell in cells):.0f} s"


def _edges(done: list) -> str:
    """Return which arms were given the smallest or the largest setting that was tried."""
    ends = at_the_edge(done)
    return "; ".join(f"{end}: {', '.join(arms)}" for end, arms in ends.items())


def _facts(part: Part) -> list[tuple[str, str]]:
    claim, judgement, edges = part
    facts = [
        ("Claimed", claim.claimed),
        ("Source", claim.source),
        ("Done", claim.protocol),
        ("Criterion", claim.criterion),
        ("Reference", claim.reference),
        ("Found", judgement.figure),
        ("Verdict", f"{MARKS[judgement.verdict]} {judgement.verdict}. {judgement.sentence}"),
    ]
    beyond = f"{edges}. A better one may lie beyond."
    return [*facts, ("Chosen at the edge of the grid", beyond)] if edges else facts


def markdown(found: dict, parts: list[Part]) -> str:
    """Return REPORT.md."""
    lines = [
        f"# {TITLE}",
        "",
        _made(found),
        *(line for note in NOTES for line in ("", note)),
        "",
        "| | claim | verdict | found | reference |",
        "| --- | --- | --- | --- | --- |",
    ]
    for claim, judged, _ in parts:
        cells = (
            claim.title,
            f"{MARKS[judged.verdict]} {judged.verdict}",
            judged.figure,
            claim.reference,
        )
        lines.append(
            f"| [{claim.id}](#{claim.id.lower()}) | " + " | ".join(map(_cell, cells)) + " |"
        )
    for part in parts:
        claim, judged, _ = part
        lines += ["", f'<a id="{claim.id.lower()}"></a>', f"## {claim.id}. {claim.title}", ""]
        lines += [f"- **{name}:** {text}" for name, text in _facts(part)]
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
:root { color-scheme: light dark; --ink: #222; --paper: #fff; --line: #ccc; --link: #0b57a4; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #ddd; --paper: #16181c; --line: #444; --link: #8ab8f0; }
  img { filter: invert(.9) hue-rotate(180deg); }
}
body { font: 16px/1.5 system-ui, sans-serif; max-width: 62rem; margin: 2rem auto; \
padding: 0 1rem; color: var(--ink); background: var(--paper); overflow-wrap: anywhere; }
a { color: var(--link); } h1, h2 { line-height: 1.2; } code { font-size: .9em; }
table { border-collapse: collapse; font-size: .9em; overflow-wrap: normal; }
td, th { border-bottom: 1px solid var(--line); padding: .3em .6em; text-align: left; \
vertical-align: top; }
.wide { overflow-x: auto; margin: 1rem 0; } .wide img { display: block; max-width: 100%; \
min-width: min(100%, 40rem); }
dt { font-weight: 600; } dd { margin: 0 0 .4em 1.5em; }
@media (min-width: 45rem) { .verdict { white-space: nowrap; } }
@media (max-width: 45rem) {
  body { margin: 1rem auto; } dd { margin-left: 0; } .wide img { min-width: 40rem; }
  .claims thead { display: none; } .claims tr { display: block; padding: .6em 0; \
border-bottom: 1px solid var(--line); }
  .claims td { display: block; border: 0; padding: .1em 0; }
  .claims td[data-head]::before { content: attr(data-head) ": "; font-weight: 600; }
}
@media print { section { break-inside: avoid; } }
"""


def _text(text: str) -> str:
    """Return text for HTML; what stands between backticks is code."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", html.escape(text))


def _claims_table(parts: list) -> str:
    """Return the table of verdicts; on a phone each claim is a block."""
    rows = [
        f"<tr><td><a href=#{claim.id}>{claim.id}</a><td>{_text(claim.title)}"
        f"<td class=verdict>{MARKS[judged.verdict]} {judged.verdict}"
        f"<td data-head=found>{_text(judged.figure)}"
        f"<td data-head=reference>{_text(claim.reference)}"
        for claim, judged, _ in parts
    ]
    head = "<thead><tr><th><th>claim<th>verdict<th>found<th>reference</thead>"
    return f"<table class=claims>{head}<tbody>{''.join(rows)}</tbody></table>"


def _table(rows: Any) -> str:
    """Return a table that is scrolled by itself where it is wider than the page."""
    lines = (
        "<tr>" + "".join(f"<{'td' if i else 'th'}>{_text(text)}" for text in row)
        for i, row in enumerate(rows)
    )
    return f"<div class=wide><table>{''.join(lines)}</table></div>"


def _section(part: Part, found: dict, out: Path) -> str:
    claim, judged, _ = part
    picture = _embedded(out / "figures" / f"{claim.id}.png")
    facts = "".join(f"<dt>{name}<dd>{_text(text)}" for name, text in _facts(part))
    title = _text(claim.title)
    return (
        f"<section id={claim.id}><h2>{claim.id}. {title}</h2><dl>{facts}</dl>"
        f'<div class=wide><img alt="{html.escape(claim.title)}" '
        f'src="{picture}"></div>'
        f"{_table(judged.table)}<p>{_cost(claim, found)}</section>"
    )


def _html(found: dict, parts: list, out: Path) -> str:
    head = "<!doctype html><html lang=en><meta charset=utf-8>"
    head += "<meta name=viewport content='width=device-width, initial-scale=1'>"
    head += f"<title>{TITLE}</title><style>{STYLE}</style>"
    notes = "".join(f"<p>{_text(note)}" for note in NOTES)
    top = f"<h1>{TITLE}</h1><p>{_text(_made(found))}{notes}{_claims_table(parts)}"
    sections = (_section(part, found, out) for part in parts)
    return "\n".join([head, top, *sections]) + "</html>\n"
