"""Recipes of the pages that need packages of others: they run as they stand."""

import re
from pathlib import Path

import pytest

PAGE = Path(__file__).parent.parent / "docs" / "data.md"


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_tensorboard_takes_tensors_as_they_are(tmp_path, monkeypatch):
    pytest.importorskip("tensorboardX", reason="tensorboardX is not installed")
    monkeypatch.chdir(tmp_path)
    (recipe,) = re.findall(r"runs this -->\n```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    exec(recipe, {})
    (events,) = (tmp_path / "runs" / "first").iterdir()
    raw = events.read_bytes()
    assert events.stat().st_size > 4000 and b"weights" in raw and raw.count(b"loss") == 100
