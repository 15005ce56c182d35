"""docs/ops.md says what is: every sampled primitive has its line, every line its cells, no cell a failure."""

import opsheet
import pytest
from test_primitives import SAMPLES


@pytest.fixture(scope="module")
def lines():
    table = [line for line in opsheet.FILE.read_text().splitlines() if line.startswith("| ")][2:]
    return {cells[0]: cells[1:] for cells in ([c.strip() for c in line.strip("| ").split(" | ")] for line in table)}


def test_every_primitive_has_a_line_and_every_cell_is_filled(lines):
    assert sorted(lines) == sorted(SAMPLES), "run: python tests/opsheet.py --write"
    for name, cells in lines.items():
        assert len(cells) == len(opsheet.COLUMNS) and all(cells), name
        assert opsheet.NO not in cells, name


@pytest.mark.parametrize("name", SAMPLES)
def test_a_line_is_what_is_seen_now(torch, lines, name):
    assert tuple(lines.get(name, ())) == opsheet.row(torch, name), "run: python tests/opsheet.py --write"


def test_a_wrong_cell_would_be_seen(torch, monkeypatch):
    monkeypatch.setitem(opsheet.ALL, "trigonometric.sin", opsheet.ALL["trigonometric.cos"])
    assert opsheet.row(torch, "trigonometric.sin")[-1] == opsheet.NO
