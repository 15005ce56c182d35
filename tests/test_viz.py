"""The first drawing: every operand an edge, the same text everywhere, nothing kept alive."""

import gc
import subprocess
import sys
import weakref

import pytest

import minigrad as mg
from minigrad import nn, viz

PROGRAM = """
import minigrad as mg
from minigrad import nn
mg.manual_seed(0)
bn = nn.BatchNorm1d(3)
y = bn(mg.randn(4, 3) @ mg.ones(3, 3, requires_grad=True)).relu()
print(mg.viz.graph(y, bn.named_parameters()).dot)
"""


def test_each_operand_is_an_edge_and_order_is_numbered():
    x = mg.ones(3, requires_grad=True)
    picture = viz.graph(x * x - 1.0, {"x": x})
    assert [n.label for n in picture.nodes] == ["x", "mul", "sub 1", "output"]
    assert [(e.source, e.target, e.place) for e in picture.edges][:2] == [(0, 1, 0), (0, 1, 1)]
    assert picture.dot.count("n0 -> n1") == 2


def test_the_text_is_the_same_in_every_process():
    runs = {
        subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True).stdout for _ in "12"
    }
    assert len(runs) == 1
    (text,) = runs
    for name in ("μ = mean", "σ² = mean", "x̂ = mul", "y = add", "weight", "bias"):
        assert name in text


def test_after_backward_named_nodes_show_their_gradients():
    bn = nn.BatchNorm1d(3).double()
    x = mg.randn(8, 3, dtype=mg.float64, requires_grad=True)
    y = viz.retain(bn(x))
    before = viz.graph(y)
    assert not any(n.gradient for n in before.nodes) and "gradient" not in before.dot
    dy = mg.randn(8, 3, dtype=mg.float64)
    y.backward(dy)
    shown = {n.label.split()[0]: n.gradient for n in viz.graph(y, {"x": x, "γ": bn.weight}).nodes if n.gradient}
    assert set(shown) == {"x", "γ", "bias", "μ", "σ²", "x̂", "y"}
    assert shown["y"] == pytest.approx(dy.norm().item()) and shown["x"] == pytest.approx(x.grad.norm().item())
    assert f"‖gradient‖ {shown['μ']:.3g}" in viz.graph(y).dot


def test_a_picture_keeps_nothing_alive():
    gc.collect()
    gc.disable()
    try:
        y = mg.ones(3, requires_grad=True).exp()
        node = weakref.ref(y._node)
        picture = viz.graph(y)
        del y
        assert node() is None and len(picture.nodes) == 3
    finally:
        gc.enable()


def test_a_hundred_thousand_nodes():
    y = mg.ones(1, requires_grad=True)
    for _ in range(100_000):
        y = y + 1
    picture = viz.graph(y, max_nodes=50)
    assert len(picture.nodes) == 50 and "⋯ 99,953 more ⋯" in [n.label for n in picture.nodes]
    assert len(picture.whole.nodes) == 100_002


def test_rendering(dot, tmp_path):
    model = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    picture = viz.graph(model(mg.ones(4, 2)).sum(), model.named_parameters())
    for kind, start in (("svg", b"<?xml"), ("png", b"\x89PNG"), ("pdf", b"%PDF")):
        assert picture.render(tmp_path / f"g.{kind}").read_bytes().startswith(start)
    assert "image/svg+xml" in picture._repr_mimebundle_()


def test_errors(monkeypatch, tmp_path):
    picture = viz.graph(mg.ones(1, requires_grad=True) * 2)
    with pytest.raises(ValueError, match=r"ending in .svg"):
        picture.render(tmp_path / "g.gif")
    with pytest.raises(ValueError, match="has no graph"):
        viz.graph(mg.ones(1))
    with pytest.raises(TypeError, match="call the model first"):
        viz.graph(nn.Linear(1, 1))
    monkeypatch.setenv("PATH", "")
    with pytest.raises(RuntimeError, match=r"apt install graphviz.*brew install graphviz.*winget install"):
        picture.render(tmp_path / "g.svg")
    assert picture._repr_mimebundle_() == {"text/plain": picture.dot}
