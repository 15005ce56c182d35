"""Modules in pictures: frames, names, depth, repeats; and the snapshots of whole pictures."""

import os
import re
import weakref
import xml.etree.ElementTree as ET
from pathlib import Path

import gallery
import pytest

import minigrad as mg
from minigrad import nn, viz
from minigrad.nn import doctor
from minigrad.utils.data import DataLoader, TensorDataset

GOLDEN = Path(__file__).parent / "golden"
EXACT = [p for p in gallery.PICTURES if p is not gallery.linear_batchnorm]  # its norms may differ in a digit


@pytest.mark.parametrize("make", EXACT, ids=lambda make: make.__name__)
def test_golden_dot(make):
    """MINIGRAD_GOLDEN=write takes what is drawn now; look at the difference before committing it."""
    path, text = GOLDEN / f"{make.__name__}.dot", make().dot
    if os.environ.get("MINIGRAD_GOLDEN") == "write":
        GOLDEN.mkdir(exist_ok=True)
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")
    assert text == make().dot


def stacks(model):
    """Record by hooks the module stack around every operation that is made."""
    stack, seen = [], {}

    def enter(module, args):
        stack.append(module)

    def leave(module, args, out):
        seen[out._node.sequence] = [names[m] for m in stack]
        stack.pop()

    names = {m: name for name, m in model.named_modules()}
    for module in model.modules():
        module.register_forward_pre_hook(enter)
        module.register_forward_hook(leave)
    return seen


def test_the_frame_of_a_node_is_the_module_stack_at_its_creation():
    model = nn.Sequential(nn.Linear(3, 4), nn.Sequential(nn.Tanh(), nn.Linear(4, 2)), nn.Sigmoid())
    seen = stacks(model)
    y = model(mg.ones(2, 3)) * 2
    whole = viz.graph(y).whole
    by_id = {c.id: c for c in whole.clusters}
    checked = 0
    for vertex in whole.nodes:
        path, at = [], by_id.get(vertex.cluster)
        while at is not None:
            path.insert(0, at.path)
            at = by_id.get(at.parent)
        if vertex.sequence in seen:  # the hook of the outermost sees the same node last
            assert path[: len(seen[vertex.sequence])] == seen[vertex.sequence]
            checked += 1
    assert checked == 4
    assert next(v for v in whole.nodes if v.label.startswith("mul")).cluster is None
    assert [c.path for c in whole.clusters] == ["", "0", "1", "1.0", "1.1", "2"]
    assert whole.clusters[0].parameters == 26


def test_an_error_in_forward_leaves_the_frame():
    class Bad(nn.Module):
        def forward(self, x):
            raise KeyError

    with pytest.raises(KeyError):
        Bad()(1)
    assert mg.ones(1, requires_grad=True).exp()._node.scope is None


def test_depth_closes_modules():
    model = nn.Sequential(nn.Linear(3, 4), nn.Sequential(nn.Tanh(), nn.Linear(4, 2)))
    boxes = lambda depth: [v.label for v in viz.trace(model, mg.ones(1, 3), depth=depth).nodes if v.kind == "module"]
    assert boxes(0) == ["Sequential · 26 parameters"]
    assert boxes(1) == ["0: Linear · 16 parameters", "1: Sequential · 10 parameters"]
    assert boxes(2) == ["1.0: Tanh", "1.1: Linear · 10 parameters"] and boxes(3) == []


def test_a_chain_of_equal_blocks_is_drawn_once():
    def net(n):
        return nn.Sequential(*(nn.Sequential(nn.Linear(3, 3), nn.ReLU()) for _ in range(n)))

    twelve, one = viz.trace(net(12), mg.ones(1, 3)), viz.trace(net(1), mg.ones(1, 3))
    assert len(twelve.nodes) == len(one.nodes) and len(twelve.edges) == len(one.edges)
    assert [c.times for c in twelve.clusters if c.path == "0"] == [12] and " ×12" in twelve.dot
    assert len(viz.trace(net(12), mg.ones(1, 3), collapse_repeats=False, depth=9).nodes) > 40
    different = nn.Sequential(nn.Linear(3, 3), nn.Linear(3, 3, bias=False))
    assert all(c.times == 1 for c in viz.trace(different, mg.ones(1, 3)).clusters)


def test_parallel_calls_are_not_a_chain():
    class Two(nn.Module):
        def __init__(self):
            super().__init__()
            self.a, self.b = nn.Linear(2, 2), nn.Linear(2, 2)

        def forward(self, x):
            return self.a(x) + self.b(x)

    assert all(c.times == 1 for c in viz.trace(Two(), mg.ones(1, 2)).clusters)


def test_equal_heads_side_by_side_are_drawn_once():
    class Heads(nn.Module):
        def __init__(self, n, last=2):
            super().__init__()
            self.heads = nn.ModuleList(nn.Linear(3, 2 if i < n - 1 else last) for i in range(n))

        def forward(self, x):
            return mg.cat([head(x) for head in self.heads], -1)

    picture = viz.trace(Heads(8), mg.ones(4, 3))
    assert [(c.path, c.times) for c in picture.clusters] == [("", 1), ("heads.0", 8)]
    assert [e.times for e in picture.edges if picture.nodes[e.target].label.startswith("concatenate")] == [8]
    assert "4×2 f32 ×8" in picture.dot and len(picture.nodes) == 6
    assert [c.times for c in viz.trace(Heads(3, last=5), mg.ones(4, 3)).clusters] == [1, 2, 1]
    assert all(c.times == 1 for c in viz.trace(Heads(8), mg.ones(4, 3), collapse_repeats=False).clusters)


@pytest.mark.usefixtures("dot")
@pytest.mark.parametrize("make", [gallery.resnet, gallery.transformer], ids=lambda make: make.__name__)
def test_big_models_fit_a_page(make):
    picture = make()
    assert len(picture.nodes) <= 40
    high = float(re.search(r'height="(\d+)pt"', picture.drawn("svg").decode()).group(1))
    assert 11 * 785 / high > 6  # its letters on A4, in points


def test_argument_names_come_from_forward():
    class Add(nn.Module):
        def forward(self, x, *rest, scale=None):
            return x * rest[0][0] + rest[0][1]

    one, two, three = (mg.ones(2, requires_grad=True) for _ in range(3))
    labels = [v.label for v in viz.trace(Add(), one, [two, three]).nodes if v.kind == "input"]
    assert labels == ["x", "rest 0", "rest 1"]
    assert [v.label for v in viz.trace(Add(), one, [one, one]).nodes if v.kind == "input"] == ["x"]
    named = viz.trace(Add(), one, [two, three], params=[("bias", three)])
    assert [v.label for v in named.nodes if v.kind == "input"] == ["x", "rest 0", "bias"]


def test_a_module_that_keeps_its_output_is_freed_without_the_collector():
    import gc

    class Keeps(nn.Module):
        def forward(self, x):
            self.last = x.exp()
            return self.last

    gc.collect()
    gc.disable()
    try:
        model = Keeps()
        picture = viz.trace(model, mg.ones(2, requires_grad=True))
        gone = weakref.ref(model)
        del model
        assert gone() is None and picture.nodes
    finally:
        gc.enable()


def test_buffers_constants_and_broadcasts():
    bn = nn.BatchNorm1d(3).eval()
    row = mg.ones(3)
    picture = viz.graph(bn(mg.ones(4, 3, requires_grad=True)) + row, {"row": row})
    kinds = {v.label: v.kind for v in picture.nodes}
    assert kinds["running_mean"] == "buffer" and kinds["weight"] == "parameter" and kinds["row"] == "input"
    assert sum(e.broadcast for e in picture.edges) >= 2 and "broadcast" in picture.dot


def test_every_write_is_marked():
    x, row = mg.ones(2, 3, requires_grad=True), mg.ones(3, requires_grad=True)
    source = x * 1
    y = mg.zeros(2, 3).copy_(source)
    y.mul_(2).squeeze_()
    y += row
    y[0] = 0.0
    labels = {v.label.split(":")[0].split("(")[0]: v.in_place for v in viz.graph(y.exp()).nodes}
    assert (labels["copy"], labels["squeeze"], labels["add"], labels["setitem"], labels["exp"]) == (
        "copy_", "squeeze_", "+=", "x[...] = v", None,
    )  # fmt: skip
    assert source._node.in_place is None and "in place: copy_" in viz.graph(y).dot


@pytest.mark.parametrize("when", ["before", "watched", "stepped", "retained"])
def test_statistics_of_every_value(when):
    model = nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5), nn.Tanh(), nn.Linear(5, 3))
    outs = {}
    for name, module in model.named_children():
        module.register_forward_hook(lambda module, args, out, name=name: outs.update({name: out.detach().numpy()}))
    x = mg.randn(8, 4)
    y = (1 - model(x)).pow(2).mean()
    if when == "watched":
        with viz.watch():
            y.backward()
    elif when == "stepped":
        list(viz.backward_steps(y))
    elif when == "retained":
        y.backward(retain_graph=True)
    nodes = viz.graph(y, {"x": x}, show=("values",)).whole.nodes
    assert [v.label for v in nodes if v.value is None] == ["output"]
    by = {v.label: v.value for v in nodes}
    for label, out in (("tanh", outs["2"]), ("sub: 1 − a", 1 - outs["3"]), ("y = weight x̂ + bias", outs["1"])):
        told = by[label]
        assert (told["min"], told["mean"], told["max"]) == pytest.approx((out.min(), out.mean(), out.max()), abs=1e-6)
        assert sum(told["histogram"]) == told["count"] == out.size
    assert all(v.slope is not None for v in nodes if v.kind in ("operation", "named")) == (
        when in ("watched", "stepped")
    )


def test_what_is_kept_for_backward():
    x = mg.ones(10, requires_grad=True)
    assert next(v for v in viz.graph(x.exp()).nodes if v.label == "exp").saved == 40
    assert "keeps 40 B" in viz.graph(x.exp()).dot and "keeps" not in viz.graph(x.exp(), show=()).dot


def test_diff():
    x = mg.ones(3, requires_grad=True)
    one, other = viz.graph(x.exp(), {"x": x}), viz.graph(x.exp().sin(), {"x": x})
    assert not one.diff(viz.graph(x.exp(), {"x": x})) and str(one.diff(one)) == "the same"
    assert "+ node /sin (3,)" in str(one.diff(other)) and "- node /sin (3,)" in str(other.diff(one))


def test_trace_moves_no_statistics_and_options_are_checked():
    bn = nn.BatchNorm1d(3)
    viz.trace(bn, mg.randn(4, 3))
    assert bn.num_batches_tracked.item() == 0
    y = mg.ones(2, requires_grad=True) * 2
    for options in ({"show": ("colours",)}, {"direction": "UP"}, {"depth": -1}, {"max_nodes": 1}):
        with pytest.raises(ValueError, match=r"viz\.graph: "):
            viz.graph(y, **options)
    with pytest.raises(ValueError, match="a result with tensors in it, got int"):
        viz.trace(lambda x: 3, mg.ones(2))


class Scaled(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = nn.Linear(4, 2)
        self.register_buffer("mean", mg.ones(4))

    def forward(self, x):
        return self.layer((x / 255 - self.mean) * mg.full((4,), 2.0))


class Features(nn.Module):
    def __init__(self):
        super().__init__()
        self.body, self.head = nn.Linear(4, 4), nn.Linear(4, 2)

    def forward(self, x):
        with mg.no_grad():
            h = self.body(x).relu()
        return self.head(h)


def frozen(*layers):
    return nn.Sequential(*(layer.requires_grad_(False) for layer in layers))


# model, input, words of all boxes but parameters and the output, frames
BEFORE_THE_FIRST_PARAMETER = {
    "flatten": (nn.Sequential(nn.Flatten(), nn.Linear(4, 2)), (2, 2, 2), "input, reshape, linear", "0 1"),
    "pool": (nn.Sequential(nn.MaxPool2d(2), nn.Flatten(), nn.Linear(1, 2)), (3, 1, 2, 2), "input, max_pool, reshape, linear", "0 1 2"),
    "scaling": (Scaled(), (3, 4), "x, div, mean, sub, constant, mul, linear", "layer"),
    "dropout": (nn.Sequential(nn.Dropout(), nn.Linear(4, 2)), (3, 4), "mask, input, mul, linear", "0 1"),
    "batchnorm": (nn.Sequential(nn.BatchNorm1d(4), nn.ReLU()), (3, 4), "input, μ, sub_mean, σ², x̂, y, relu", "0 1"),
    "evaluation": (nn.BatchNorm1d(4).eval(), (3, 4), "running_mean, input, sub_mean, running_var, div_sqrt, y", ""),
    "frozen": (nn.Sequential(frozen(nn.Linear(4, 4), nn.ReLU()), nn.Linear(4, 2)), (3, 4), "input, linear, relu, linear", "0 0.0 0.1 1"),
    "all frozen": (frozen(nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 2)), (3, 4), "input, linear, tanh, linear", "0 1 2"),
    "no_grad": (Features(), (3, 4), "x, linear, relu, linear", "body head"),
}  # fmt: skip


@pytest.mark.parametrize("name", BEFORE_THE_FIRST_PARAMETER)
@pytest.mark.parametrize("how", ["trace", "graph"])
def test_all_is_drawn_from_the_inputs_on(name, how):
    model, shape, words, frames = BEFORE_THE_FIRST_PARAMETER[name]
    x = mg.rand(*shape)
    picture = (viz.trace(model, x) if how == "trace" else viz.graph(model(x), model=model)).whole
    said = [re.split(": | = ", v.label)[0] for v in picture.nodes if v.kind not in ("parameter", "output")]
    expected = words.split(", ")
    if how == "graph":
        expected = ["input" if word == "x" else word for word in expected]  # what forward calls it is not known
    assert sorted(said) == sorted(expected)
    assert [c.path for c in picture.clusters if c.path] == frames.split()
    assert {v.label for v in picture.nodes if v.kind == "constant"} == {"constant", "mask"} & set(expected)
    assert all(e.source < e.target for e in picture.edges) and not x.requires_grad


def test_trace_draws_what_leaves_the_graph_and_no_further_back_than_the_inputs():
    layer = nn.Linear(4, 4)
    through = viz.trace(lambda x: (h := layer(x)) + (h.round() - h).detach(), mg.ones(2, 4))
    assert [v.label for v in through.nodes][-4:] == ["sub: a − b", "detach", "add: a + b", "output"]
    assert viz.trace(lambda x: layer(x).argmax(1), mg.ones(2, 4)).nodes[-2].label == "argmax"
    for x in (mg.ones(2, 4, requires_grad=True) * 2, frozen(nn.Linear(4, 4))(mg.ones(2, 4)), mg.ones(2, 4).numpy()):
        kinds = [v.kind for v in viz.trace(layer, x).nodes]
        assert kinds == ["parameter", "parameter", "input", "operation", "output"]
    (x,) = viz.trace(nn.Identity(), mg.ones(2)).whole.edges
    assert (x.source, x.target) == (0, 1)
    assert [v.label for v in viz.trace(layer.forward, mg.ones(2, 4)).nodes][:3] == ["weight", "bias", "input"]


def test_writes_that_nothing_records_are_drawn():
    class Writes(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(4, 4)
            self.register_buffer("total", mg.zeros(4))

        def forward(self, x):
            x.mul_(2)[0] = 5.0
            self.total += x.sum(0)
            return self.layer(nn.functional.relu(x - self.total, inplace=True))

    model = Writes()
    picture = viz.trace(model, mg.ones(2, 4))
    drawn = [(re.split("[:(]", v.label)[0], v.in_place) for v in picture.nodes if v.kind not in ("parameter", "output")]
    assert sorted(drawn, key=str) == sorted([
        ("x", None), ("mul", "mul_"), ("setitem", "x[...] = v"), ("sum", None), ("total", None), ("add", "+="),
        ("sub", None), ("relu", "relu_"), ("linear", None),
    ], key=str)  # fmt: skip
    assert model.total.tolist() == [0.0] * 4 and {v.label: v.kind for v in picture.nodes}["total"] == "buffer"
    x = mg.ones(2, 4)
    through = viz.trace(lambda x: (y := x * 2, y.T.add_(1), y * 3)[-1], x)  # a write through a view reaches its base
    assert [v.label.split(":")[0] for v in through.nodes] == [
        "x", "mul", "transpose", "add", "overwrite(a, b)", "mul", "output"
    ]  # fmt: skip


def test_indices_and_classes_are_inputs():
    class Words(nn.Module):
        def __init__(self):
            super().__init__()
            self.table = nn.Parameter(mg.ones(5, 3))

        def forward(self, ids, classes):
            return nn.functional.cross_entropy(self.table[ids], classes)

    picture = viz.trace(Words(), mg.tensor([0, 4]), mg.tensor([1, 2]))
    words = [v.label.split(":")[0] for v in picture.nodes]
    assert [(words[e.source], words[e.target]) for e in picture.edges] == [
        ("table", "getitem"), ("ids", "getitem"), ("getitem", "cross_entropy"), ("classes", "cross_entropy"),
        ("cross_entropy", "output"),
    ]  # fmt: skip
    assert [v.label for v in picture.nodes if v.kind == "input"] == ["ids", "classes"]


def test_what_keeps_a_result_keeps_no_graph():
    layer, kept = nn.Linear(4, 4), []

    class Keeps(nn.Module):
        def forward(self, x):
            h = layer(x)
            with mg.no_grad():
                kept.extend((h.detach(), h * 2, h.argmax(1)))
            return h

    y = Keeps()(mg.ones(2, 4))
    node = weakref.ref(y._node)
    del y
    assert node() is None and len(kept) == 3
    state, cell = mg.ones(1, 4), frozen(nn.Linear(4, 4), nn.Tanh())
    for _ in range(3):
        state = cell(state)
    assert (
        len(viz.graph(state).whole.nodes) == 7 + 1 - 2
    )  # the last call only: input, weight, bias, linear, tanh, output


def test_the_doctor_leaves_the_loader_where_it_is():
    data = TensorDataset(mg.rand(40, 4), mg.zeros(40))
    for generator in (None, mg.Generator()):
        loader = DataLoader(data, batch_size=4, shuffle=True, generator=generator)
        begun = iter(loader)
        next(begun)
        loader.load_state_dict(loader.state_dict())
        before = (generator or mg.random.default_generator).get_state().tolist(), repr(loader.state_dict())
        doctor.check(nn.Sequential(nn.BatchNorm1d(4)), loader)
        assert before == ((generator or mg.random.default_generator).get_state().tolist(), repr(loader.state_dict()))
        assert len(list(loader)) == 9  # what was left of the epoch


class Counts(nn.Module):
    def __init__(self):
        super().__init__()
        self.calls, self.seen, self.bn, self.drop = 0, [], nn.BatchNorm1d(4), nn.Dropout()
        self.lazy = nn.LazyBatchNorm1d()
        self.register_buffer("total", mg.zeros(4))

    def forward(self, x):
        self.calls += 1
        self.seen.append(x)
        self.last = self.train().drop(self.lazy(self.bn(x)))
        self.total += x.sum(0)
        with mg.no_grad():
            self.bn.weight.mul_(2)
            x.mul_(3)
        self.bn.register_forward_hook(print)
        return self.last


LOOKS = [
    viz.trace, viz.summary, lambda model, x: doctor.check(model, [x]), lambda model, x: viz.trace(model.forward, x),
    lambda model, x: viz.trace(lambda x: model(x), x), lambda model, x: viz.trace(lambda x: model(x), x, model=model),
]  # fmt: skip


@pytest.mark.parametrize("look", LOOKS)
def test_looking_changes_nothing(look):
    model, x = Counts().eval(), mg.rand(5, 4)
    model.bn.weight.grad = mg.ones(4)
    describe = lambda: (
        repr({k: repr(v) for k, v in model.state_dict().items()}), x.tolist(), model.calls, len(model.seen),
        [(type(m), m.training, len(m._forward_hooks), len(m._forward_pre_hooks), sorted(vars(m))) for m in model.modules()],
        [(p.requires_grad, None if p.grad is None else p.grad.tolist()) for p in model.parameters()],
        mg.get_rng_state().tolist(),
    )  # fmt: skip
    before = describe()
    look(model, x)
    assert describe() == before and x._constant is None


def test_several_outputs_and_direction():
    x = mg.ones(2, requires_grad=True)
    picture = viz.graph([x.exp(), x.sin()], {"x": x}, direction="LR")
    assert [v.label for v in picture.nodes] == ["x", "exp", "sin", "output 0", "output 1"]
    assert "rankdir=LR" in picture.dot


@pytest.mark.parametrize("make", [gallery.linear_batchnorm, gallery.lstm_cell], ids=lambda make: make.__name__)
def test_the_viewbox_holds_everything(dot, make):
    root = ET.fromstring(make().drawn("svg"))
    left, top, wide, high = map(float, root.get("viewBox").split())
    shift = re.search(r"translate\(([\d.]+) ([\d.]+)\)", root[0].get("transform"))
    dx, dy = map(float, shift.groups())
    points = []
    for e in root[0].iter():
        pairs = re.findall(r"-?[\d.]+,-?[\d.]+", e.get("points", "") + e.get("d", ""))
        points += [tuple(map(float, p.split(","))) for p in pairs]
        if e.tag.endswith("ellipse"):
            cx, cy, rx, ry = (float(e.get(k)) for k in ("cx", "cy", "rx", "ry"))
            points += [(cx - rx, cy - ry), (cx + rx, cy + ry)]
        if e.tag.endswith("text"):  # about half an em a letter
            x, y, size = (float(e.get(k)) for k in ("x", "y", "font-size"))
            half = 0.25 * size * len(e.text)
            start = {"middle": x - half}.get(e.get("text-anchor"), x)
            points += [(start, y - 0.7 * size), (start + 2 * half, y + 0.2 * size)]
    assert len(points) > 200
    for x, y in points:
        assert left - 0.01 <= x + dx <= left + wide + 0.01 and top - 0.01 <= y + dy <= top + high + 0.01


def test_a_digraph_is_graphviz_own(dot):
    made = gallery.diamond().digraph()
    assert made.pipe(format="svg").startswith(b"<?xml")


class Dictionary(nn.Module):
    """Takes a keyword and returns a dictionary; one layer is never called."""

    def __init__(self):
        super().__init__()
        self.body, self.head, self.spare = nn.Linear(3, 4), nn.Linear(4, 2), nn.Linear(4, 1)

    def forward(self, x, *, scale=None, options=None):
        hidden = self.body(x) if scale is None else self.body(x) * scale
        return {"logits": self.head(hidden), "hidden": [hidden, hidden.sum()]}


def test_keywords_keys_and_what_was_never_read():
    x, s = mg.ones(2, 3), mg.ones(4)
    picture = viz.trace(Dictionary(), x, kwargs={"scale": s, "options": {"a": mg.ones(2)}})
    labels = {kind: [v.label for v in picture.nodes if v.kind == kind] for kind in ("input", "output")}
    assert labels["output"] == ["output logits", "output hidden 0", "output hidden 1"]
    assert set(labels["input"]) == {"x", "scale"}
    assert picture.note == "not read: spare.weight, spare.bias" and "spare.bias" in picture.dot
    assert viz.trace(Dictionary().requires_grad_(False), x).note == ""
    with pytest.raises(TypeError, match="unexpected keyword") as caught:
        viz.trace(Dictionary(), x, kwargs={"scales": s})
    assert "inputs of shape (2, 3), (4,)" in caught.value.__notes__[0]
