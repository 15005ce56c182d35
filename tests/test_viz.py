"""The first drawing: every operand an edge, the same text everywhere, nothing kept alive."""

import gc
import re
import subprocess
import sys
import weakref
from xml.etree import ElementTree

import numpy as np
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
    assert [n.label for n in picture.nodes] == ["x", "mul: x × x", "sub: a − 1", "output"]
    assert [(e.source, e.target, e.place) for e in picture.edges][:2] == [(0, 1, 0), (0, 1, 1)]
    assert picture.dot.count("n0 -> n1") == 2
    y = mg.ones(3, requires_grad=True)
    apart = viz.graph((1 - x) / y, {"x": x, "y": y})
    assert [n.label for n in apart.nodes] == ["x", "y", "sub: 1 − x", "div: a / y", "output"]
    assert 'a: length 3 f32"' in apart.dot and [e.letter for e in apart.edges] == ["", "a", "", ""]
    assert [e.letter for e in viz.graph((x - 1) / (y - 1)).edges] == ["", "", "a", "b", ""]


def test_the_text_is_the_same_in_every_process():
    runs = {
        subprocess.run([sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True).stdout for _ in "12"
    }
    assert len(runs) == 1
    (text,) = runs
    for name in ("μ = mean", "σ² = mean(a²)", "x̂ = a / √(σ² + ε)", "y = weight x̂ + bias", "weight", "bias"):
        assert name in text


def test_after_backward_values_show_their_gradients():
    bn = nn.BatchNorm1d(3).double()
    x = mg.randn(8, 3, dtype=mg.float64, requires_grad=True)
    y = bn(x)
    before = viz.graph(y)
    assert not any(n.gradient for n in before.nodes) and "‖" not in before.dot
    dy = mg.randn(8, 3, dtype=mg.float64)
    with viz.watch():
        y.backward(dy)
    picture = viz.graph(y, {"x": x, "γ": bn.weight})
    shown = {n.label.split()[0]: n.gradient for n in picture.nodes if n.gradient and n.kind != "operation"}
    assert set(shown) == {"x", "γ", "bias", "μ", "σ²", "x̂", "y"}
    assert shown["y"] == pytest.approx(dy.norm().item()) and shown["x"] == pytest.approx(x.grad.norm().item())
    assert f"‖∂ℓ/∂μ‖ = {shown['μ']:.3g}" in picture.dot and not picture.note
    assert all(e.gradient is not None for e in picture.edges) and picture.dot.count("arrowtail") == len(picture.edges)


def test_along_an_edge_flows_what_this_operand_got():
    x = mg.tensor([1.0, 2.0], requires_grad=True)
    h = x * 1
    y = (h * mg.tensor([3.0, 4.0]) + h * mg.tensor([5.0, 12.0])).sum()
    with viz.watch():
        y.backward()
    picture = viz.graph(y, {"x": x})
    labels = [n.label for n in picture.nodes]
    first = labels.index("mul: x × 1")
    assert sorted(e.gradient for e in picture.edges if e.source == first) == [5.0, 13.0]
    assert picture.nodes[first].gradient == pytest.approx(np.hypot(8, 16))


def test_only_what_was_watched_is_shown_and_the_picture_says_how_to_see_it():
    w, x = mg.ones(2, requires_grad=True), mg.tensor([1.0, 2.0], requires_grad=True)
    (w * 100).sum().backward()
    y = (x * x * w).sum()
    loss = y * 2
    for when in ("before", "swept"):
        picture = viz.graph(loss, {"x": x, "w": w})
        assert {v.gradient for v in picture.nodes} == {e.gradient for e in picture.edges} == {None}, when
        assert "with viz.watch(): loss.backward()" in picture.note and picture.note in picture.dot
        loss.backward(retain_graph=True)
    with viz.watch():
        y.backward(retain_graph=True)
    assert {v.gradient for v in viz.graph(loss).nodes} == {None}  # that was another graph's sweep, though of its nodes
    shown = {v.label: v.gradient for v in viz.graph(y, {"x": x, "w": w}).nodes}
    assert shown["w"] == pytest.approx(np.hypot(1, 4)) and shown["sum"] == 1.0 and not viz.graph(y).note
    h = x * 1
    one, other = (h * 3).sum(), (h * 5).sum()
    with viz.watch():
        one.backward(retain_graph=True)
        other.backward(retain_graph=True)
    gradients = {v.label: v.gradient for v in viz.graph(one, {"x": x}).nodes}
    assert gradients["sum"] == 1.0 and gradients["x"] is None is gradients["mul: x × 1"]  # the other's sweep was later
    h = x.exp()
    h.retain_grad()
    h.sum().backward()
    assert [v.gradient for v in viz.graph(h).nodes][:2] == [None, pytest.approx(np.sqrt(2))]  # its own


def test_merged_edges_show_the_norm_of_the_sum():
    mg.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3))
    y = model(mg.randn(8, 4))
    with viz.watch():
        y.backward(mg.randn(8, 3))
    picture = viz.graph(y, depth=1)
    (edge,) = [
        e for e in picture.edges if [picture.nodes[i].kind for i in (e.source, e.target)] == ["module", "module"]
    ]
    box = picture.nodes[edge.source]
    assert edge.gradient == pytest.approx(box.gradient, rel=1e-6) and edge.flow.parts
    into = [e.gradient for e in viz.graph(y).whole.edges if e.shape == (8, 3) and e.target > e.source][:2]
    assert abs(into[0] - box.gradient) > 0.01  # one of them alone is another number


def test_a_residual_join_shows_the_whole_gradient():
    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(4, 4)

        def forward(self, x):
            return x + self.layer(x).tanh()

    mg.manual_seed(0)
    x, model = mg.randn(8, 4, requires_grad=True), nn.Sequential(*(Block() for _ in range(3)))
    y = model(x)
    with viz.watch():
        y.backward(mg.randn(8, 4))
    for depth in (0, 1):
        for repeats in (True, False):
            picture = viz.graph(y, {"x": x}, depth=depth, collapse_repeats=repeats)
            (start,) = [v for v in picture.nodes if v.label == "x"]
            edges = [e.gradient for e in picture.edges if e.source == start.id]
            assert edges == [pytest.approx(x.grad.norm().item(), rel=1e-6)] == [pytest.approx(start.gradient, rel=1e-6)]


def test_folded_blocks_show_ranges_and_sums():
    mg.manual_seed(0)
    model = nn.Sequential(*(nn.Sequential(nn.Linear(8, 8), nn.Sigmoid()) for _ in range(10)))
    y = model(mg.randn(4, 8)).sum()
    with viz.watch():
        y.backward()
    picture = viz.graph(y)
    (weight,) = [v for v in picture.nodes if v.kind == "parameter" and v.label == "weight"]
    norms = [layer[0].weight.grad.norm().item() for layer in model]
    assert weight.gradient == pytest.approx((min(norms), max(norms)), rel=1e-5) and weight.times == 10
    assert f"‖∂ℓ/∂weight‖ = {min(norms):.3g} … {max(norms):.3g}" in picture.dot
    kept = sum(v.saved for v in picture.whole.nodes)
    for depth in (None, 0, 1, 2):
        assert sum(v.saved for v in viz.graph(y, depth=depth).nodes) == kept
    assert sum(v.saved for v in viz.graph(y, max_nodes=4).nodes) == kept and " in all" in picture.dot


def test_a_module_of_several_results_shows_the_gradients_of_all():
    class Two(nn.Module):
        def forward(self, x):
            return x * 2, x * 3

    x = mg.ones(4, requires_grad=True)
    a, b = Two()(x)
    y = (a * 5 + b * 7).sum()
    with viz.watch():
        y.backward()
    picture = viz.graph(y, {"x": x}, depth=0)
    (box,) = [v for v in picture.nodes if v.kind == "module"]
    assert box.gradient == (10.0, 14.0)
    assert [e.gradient for e in picture.edges if e.target == box.id] == [x.grad.norm().item()]


def test_scalars_show_value_and_signed_gradient():
    a, b = mg.tensor(2.0, requires_grad=True), mg.tensor(-3.0, requires_grad=True)
    c = (a * b).named("c")
    loss = c * 2
    with viz.watch():
        loss.backward()
    picture = viz.graph(loss, {"a": a, "b": b})
    told = {v.label: (v.number, v.gradient) for v in picture.nodes}
    assert told == {
        "a": (2.0, -6.0), "b": (-3.0, 4.0), "c = a × b": (-6.0, 2.0), "mul: c × 2": (-12.0, 1.0), "output": (-12.0, None)
    }  # fmt: skip
    assert "= -3" in picture.dot and "∂ℓ/∂a = -6" in picture.dot and "∂ -6" in picture.dot and "‖" not in picture.dot
    with mg.no_grad():
        a.add_(1)
    assert viz.graph(loss, {"a": a}).nodes[0].number is None  # it has another value than it had in this graph


def test_no_letter_is_another_operands_name():
    a, b, c, d, e = (mg.ones(2, requires_grad=True) for _ in "abcde")
    y = ((e + c).named("d") + (a * 2)).exp() - d
    labels = [v.label for v in viz.graph(y, {"a": a, "b": b, "c": c, "e": e, "f": d}).nodes]
    assert labels == ["a", "c", "f", "e", "d = e + c", "mul: a × 2", "add: d + b", "exp", "sub: b − f", "output"]
    odd = viz.graph(a - b, {"a − b": a, "x" * 30: b})
    assert odd.nodes[2].label == "sub: a − b"  # names that would not read as names stay out of formulas
    bn, x = nn.BatchNorm1d(2), mg.ones(3, 2, requires_grad=True)
    labels = [v.label for v in viz.graph(bn(x), {"x": x, "γ": bn.weight, "β": bn.bias}).nodes]
    assert "y = γ x̂ + β" in labels and "sub_mean: x − μ" in labels


def test_a_note_leaves_titles_on_top_and_functions_show_no_shapes(dot):
    class Cube(mg.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x**3

        @staticmethod
        def backward(ctx, g):
            (x,) = ctx.saved_tensors
            return 3 * g * x**2

    layer = nn.Linear(2, 2)
    y = Cube.apply(layer(mg.ones(1, 2))).sum()
    y.backward()
    picture = viz.graph(y)
    assert picture.note and "object" not in picture.dot and "output of Cube" in picture.dot
    heights = {
        e.text: float(e.get("y")) for e in ElementTree.fromstring(picture.drawn("svg")).iter() if e.tag.endswith("text")
    }
    assert heights["Linear · 6 parameters"] < heights["weight"] < heights[picture.note]


def test_watching_changes_nothing_and_ends():
    def grads(watch):
        mg.manual_seed(0)
        model, seen = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Linear(4, 2)), []
        x = mg.randn(5, 3, requires_grad=True)
        h = model(x)
        h.register_hook(lambda g: seen.append(g.norm().item()) or g * 2)
        loss = (h * h).sum() + h.sum()
        if watch:
            with viz.watch():
                loss.backward(retain_graph=True)
        else:
            loss.backward(retain_graph=True)
        loss.backward()
        with pytest.raises(RuntimeError, match="second time"):
            loss.backward()
        return [p.grad.numpy().tobytes() for p in [x, *model.parameters()]], seen

    assert grads(True) == grads(False)
    y = mg.ones(2, requires_grad=True).exp().sum()
    with pytest.raises(KeyError), viz.watch():
        raise KeyError
    y.backward()
    assert y._node.observed is None


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


def test_what_was_watched_goes_with_the_graph():
    gc.collect()
    gc.disable()
    try:
        x = mg.ones(3, requires_grad=True)
        y = (x.exp() * x).sum()
        nodes = [weakref.ref(n) for n in (y._node, y._node.inputs[0])]
        with viz.watch():
            y.backward(retain_graph=True)
        picture = viz.graph(y, {"x": x})
        list(viz.backward_steps(y))
        del y
        assert [n() for n in nodes] == [None, None] and picture.nodes
    finally:
        gc.enable()


def test_a_hundred_thousand_nodes():
    y = mg.ones(1, requires_grad=True)
    for _ in range(100_000):
        y = y + 1
    picture = viz.graph(y, max_nodes=50)
    assert len(picture.nodes) == 50 and "⋯ 99,953 more ⋯" in [n.label for n in picture.nodes]
    assert len(picture.whole.nodes) == 100_002


def test_what_is_read_far_away_is_drawn_there_again(dot):
    """So `dot` draws it at once: each long edge is as many points to be placed as boxes that it passes."""
    w, q = mg.ones(2, requires_grad=True), (mg.ones(250, requires_grad=True) * 2).named("q = 2x")
    tied = viz.graph(fold(range(240), lambda y, _: (y * w).sin()), {"w": w})
    cut = viz.graph(fold(range(120), lambda y, i: (y + q[i]).sin()))
    for picture, name in ((tied, "w"), (cut, "q")):
        stand_ins = set(re.findall(rf'(n\d+) \[id="n\d+", label="{name}, again"', picture.dot))
        assert len(stand_ins) > 100 and len(picture.edges) == picture.dot.count(" -> ")
        again = re.findall(r"(n\d+) -> (n\d+)", picture.dot)
        for e, (source, target) in zip(picture.edges, again, strict=True):
            assert target == f"n{e.target}" and (source == f"n{e.source}" or source in stand_ins)
        assert not any("again" in v.label for v in picture.nodes) and picture.drawn("svg").count(b", again<") > 100
    few = viz.graph(fold(range(40), lambda y, _: (y * w).sin()), {"w": w})
    assert "again" not in few.dot


def fold(steps, step):
    y = mg.ones(2, requires_grad=True)
    for i in steps:
        y = step(y, i)
    return y


def test_rendering(dot, tmp_path):
    model = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    picture = viz.graph(model(mg.ones(4, 2)).sum(), model.named_parameters())
    for kind, start in (("svg", b"<?xml"), ("png", b"\x89PNG"), ("pdf", b"%PDF")):
        assert picture.render(tmp_path / f"g.{kind}").read_bytes().startswith(start)
    assert "image/svg+xml" in picture._repr_mimebundle_()


NAMES = ['a"b', "a\\nb\\", "<b>&amp;", "ünï ∂", "two\nlines", "nul\0bell\a", "long" * 50]


@pytest.mark.parametrize("back", [False, True])
def test_any_name_is_drawn_as_it_is(dot, back):
    leaves = [mg.ones(2, requires_grad=True) for _ in NAMES]
    y = sum(leaves[1:], leaves[0])
    with viz.watch():
        if back:
            y.sum().backward()
    root = ElementTree.fromstring(viz.graph(y, dict(zip(NAMES, leaves, strict=True))).drawn("svg"))
    texts = [e.text for e in root.iter("{http://www.w3.org/2000/svg}text")]
    for name in NAMES[:4]:
        assert name in texts
    assert {"two lines", "nul bell "} <= {*texts} and any(
        t.startswith("longlong") and "…" in t and len(t) < 60 for t in texts
    )


def test_errors(monkeypatch, tmp_path):
    picture = viz.graph(mg.ones(1, requires_grad=True) * 2)
    with pytest.raises(ValueError, match=r"ending in .svg"):
        picture.render(tmp_path / "g.gif")
    with pytest.raises(ValueError, match="has no graph"):
        viz.graph(mg.ones(1))
    with pytest.raises(TypeError, match="call the model first"):
        viz.graph(nn.Linear(1, 1))
    y = mg.ones(1, requires_grad=True) * 2
    for params in (nn.Linear(2, 2).parameters(), ["w"]):
        with pytest.raises(TypeError, match="model.named_parameters"):
            viz.graph(y, params)
    with pytest.raises(TypeError, match=r"viz\.backward_steps: params"):
        next(viz.backward_steps(y, params=[y]))
    with pytest.raises(RuntimeError, match="cannot be multiplied") as caught:
        viz.trace(nn.Linear(2, 2), mg.ones(4, 5))
    assert caught.value.__notes__ == ["in viz.trace, which called Linear with inputs of shape (4, 5)"]
    monkeypatch.setenv("PATH", "")
    with pytest.raises(RuntimeError, match=r"apt install graphviz.*brew install graphviz.*winget install"):
        picture.render(tmp_path / "g.svg")
    for text in (repr(picture), picture._repr_mimebundle_()["text/plain"], picture._repr_mimebundle_()["text/html"]):
        assert text.startswith("Graph(") == ("<" not in text) and "apt install graphviz" in text
    assert picture._repr_svg_() is None
