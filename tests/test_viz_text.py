"""Pictures as text: Mermaid's language and JSON, and drawing by another engine than dot."""

import json
import re

import pytest

import minigrad as mg
from minigrad import nn, viz


def pictures():
    """An open, a closed, a watched, a folded and an odd one."""
    mg.manual_seed(0)
    model = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.ReLU())
    deep = nn.Sequential(*(nn.Sequential(nn.Linear(2, 2), nn.Tanh()) for _ in range(6)))
    x = mg.randn(4, 2)
    loss = model(x).sum()
    with viz.watch():
        loss.backward()
    everything = ("shapes", "dtypes", "saved", "gradients", "values")
    yield viz.trace(model, x)
    yield viz.trace(model, x, depth=0)
    yield viz.graph(loss, show=everything)
    yield viz.graph(deep(x).sum(), depth=3, direction="LR")
    odd = mg.tensor([float("nan"), float("inf")], requires_grad=True)
    picture = viz.graph((odd * float("inf")).sum() * mg.tensor(-float("inf")), {'a"\n<#`\\n': odd}, show=everything)
    picture.title, picture.note = 'one \\ "title"', "ünï"
    yield picture


@pytest.fixture(params=range(5), ids=["open", "closed", "watched", "folded", "odd"])
def picture(request):
    return list(pictures())[request.param]


def test_mermaid_has_every_vertex_edge_and_frame(picture):
    text = picture.mermaid()
    assert f"flowchart {picture.direction}\n" in text
    assert sorted(map(int, re.findall(r"^ +n(\d+)[(\[]", text, re.M))) == sorted(v.id for v in picture.nodes)
    arrows = re.findall(r"^  n(\d+) (?:-->|-\.->)(?:\|.*?\|)? n(\d+)$", text, re.M)
    assert [(int(a), int(b)) for a, b in arrows] == [(e.source, e.target) for e in picture.edges]
    depth = 0
    for line in text.splitlines():
        depth += ("subgraph " in line) - (line.strip() == "end")
        assert depth >= 0
    assert depth == 0 and text.count("subgraph ") == len(picture.clusters)
    labels = re.findall(r'^ *n\d+[(\[]+"(.*)"[)\]]+:::', text, re.M)
    assert len(labels) == len(picture.nodes) and not any(c in label for label in labels for c in '"`')
    assert {v.kind for v in picture.nodes} == set(re.findall(r"classDef (\w+)", text))


def test_mermaid_frames_hold_what_their_calls_did():
    text = next(pictures()).mermaid()
    linear = text[text.index('["0: Linear') : text.index('["1: BatchNorm1d')]
    assert '("weight<br>3×2"):::parameter' in linear and "linear" in linear and "σ²" not in linear


def test_names_are_shown_as_they_are():
    *_, odd = pictures()
    assert odd.mermaid().startswith('---\ntitle: "one \\\\ \\"title\\""\n---\n')
    assert '["a#quot; #lt;#35;#96;\\\u200bn<br>length 2"]' in re.sub(r"<br>‖.*?(?=\")", "", odd.mermaid())


def test_json_comes_back_the_same(picture):
    text = picture.json(indent=1)
    json.loads(text, parse_constant=pytest.fail)  # strict: no NaN, no Infinity
    again = viz.from_json(text)
    assert again.dot == picture.dot and again.mermaid() == picture.mermaid() and again.json(1) == text
    assert not again.diff(picture) and again.show == picture.show


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("", "Expecting value"),
        ("[1]", "indices must be integers"),
        ('{"version": 2}', "its version is 2, expected 1"),
        ('{"version": 1, "title": ""}', "'note'"),
        ('{"version":1,"title":"","note":"","direction":"TB","show":[],"nodes":[{"id":1}],"edges":[],"clusters":[]}', "missing"),
    ],
)  # fmt: skip
def test_another_text_is_refused(text, fault):
    with pytest.raises(ValueError, match=f"not the JSON of a picture: .*{fault}"):
        viz.from_json(text)


def test_another_engine_draws(monkeypatch, tmp_path):
    picture = next(pictures())
    monkeypatch.setenv("PATH", "")
    assert picture._repr_svg_() is None
    asked = []

    def engine(text, kind):
        asked.append((text, kind))
        return f"<svg>{kind}</svg>"

    viz.set_engine(engine)
    try:
        assert picture._repr_svg_() == "<svg>svg</svg>"
        assert picture.render(tmp_path / "a.png").read_bytes() == b"<svg>png</svg>"
        picture.html(tmp_path / "a.html")  # a page draws itself
        assert asked == [(picture.dot, "svg"), (picture.dot, "png")]
        assert repr(picture) == f"Graph({len(picture.nodes)} nodes, {len(picture.edges)} edges)"
    finally:
        viz.set_engine(None)
    assert picture._repr_svg_() is None
