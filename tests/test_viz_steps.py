"""backward_steps is backward, seen node by node; summary is the table of a model."""

import gallery
import numpy as np
import pytest

import minigrad as mg
from minigrad import nn, viz


def net():
    mg.manual_seed(3)
    model = nn.Sequential(
        *(nn.Linear(4, 4), nn.Sigmoid()) * 2, nn.Linear(4, 5), nn.BatchNorm1d(5), nn.Tanh(), gallery.Twice(5)
    )
    return model, nn.functional.cross_entropy(model(mg.randn(6, 4)), mg.tensor([0, 1, 2, 3, 4, 0]))


def test_all_steps_equal_backward_bit_for_bit():
    (one, loss), (other, same) = net(), net()
    loss.backward()
    steps = list(viz.backward_steps(same))
    assert len(steps) > 15
    for p, q in zip(one.parameters(), other.parameters(), strict=True):
        assert p.grad._data.tobytes() == q.grad._data.tobytes() and p.grad.norm().item() > 0
    with pytest.raises(RuntimeError, match="second time"):
        next(viz.backward_steps(same))


def test_steps_add_up():
    model, loss = net()
    steps = list(viz.backward_steps(loss, params=model.named_parameters(), retain_graph=True))
    gathered = {}
    for step in steps:
        if step.sequence in gathered:
            np.testing.assert_allclose(step.cotangent.numpy(), gathered[step.sequence], rtol=1e-5, atol=1e-7)
        for s in step.sent:
            gathered[s.to] = gathered.get(s.to, 0) + s.cotangent.numpy()
    for p in model.parameters():
        np.testing.assert_allclose(p.grad.numpy(), gathered[p._node.sequence], rtol=1e-5, atol=1e-6)
    last = {s.to: s.accumulated for step in steps for s in step.sent}
    for p in model.parameters():
        assert p.grad.numpy().tobytes() == last[p._node.sequence].numpy().tobytes()
    assert [s.sequence for s in steps] == sorted((s.sequence for s in steps), reverse=True)
    loss.backward()  # retained


def test_stopping_early_leaves_all_as_it_was():
    x = mg.tensor([1.0, 2.0], requires_grad=True)
    y = (x * x).sum()
    steps = viz.backward_steps(y)
    assert next(steps).rule == "SumBackward0"
    steps.close()
    assert x.grad is None and y._node.observed is None
    y.backward()  # the graph is not used up
    assert x.grad.tolist() == [2.0, 4.0]


def test_an_interrupt_leaves_all_as_it_was():
    x = mg.tensor([1.0, 2.0], requires_grad=True)
    h = x * x
    y = h.sum()

    def interrupt(g):
        raise KeyboardInterrupt

    with h.register_hook(interrupt), pytest.raises(KeyboardInterrupt):
        list(viz.backward_steps(y))
    assert x.grad is None
    y.backward()
    assert x.grad.tolist() == [2.0, 4.0] and y._node.observed is None


class Both(mg.autograd.Function):
    runs = 0

    @staticmethod
    def forward(ctx, a, b):
        ctx.save_for_backward(a, b)
        return a * b, a + b

    @staticmethod
    def backward(ctx, g, h):
        Both.runs += 1
        a, b = ctx.saved_tensors
        return g * b + h, g * a + h


def test_hooks_functions_and_recorded_lines_are_seen_once():
    Both.runs = 0
    a, b = (mg.tensor(v, requires_grad=True) for v in ([1.0, 2.0], [3.0, 5.0]))
    p, s = Both.apply(a, b)
    seen = []
    p.register_hook(lambda g: seen.append(1) or g * 10)
    a.register_post_accumulate_grad_hook(lambda t: seen.append(2))
    with mg.autograd.record_lines():
        steps = list(viz.backward_steps((p + s).sum(), params={"a": a}))
    assert seen == [1, 2] and Both.runs == 1
    assert a.grad.tolist() == [31.0, 51.0] and b.grad.tolist() == [11.0, 21.0]
    (last,) = [step for step in steps if "Both" in step.rule and len(step.sent) == 2]
    assert last.sent[0].cotangent.tolist() == [31.0, 51.0] and "    a = a: length 2" in str(last)


def test_steps_accumulate_into_what_is_there_and_take_a_cotangent():
    x = mg.tensor([1.0, 2.0], requires_grad=True)
    y = x * 3
    y.backward(mg.ones(2), retain_graph=True)
    list(viz.backward_steps(y, mg.tensor([1.0, 10.0])))
    assert x.grad.tolist() == [6.0, 33.0]


def test_shown_gradients_are_the_retained_ones():
    mg.manual_seed(0)
    bn = nn.BatchNorm1d(3)
    x = mg.randn(8, 3, requires_grad=True)
    y = bn(x)
    nodes, todo = set(), [y._node]
    while todo:
        if (node := todo.pop()) is not None and node not in nodes:
            nodes.add(node)
            todo += node.inputs
    for node in nodes:
        node.retains = True
    steps = list(viz.backward_steps(y, mg.randn(8, 3), retain_graph=True))
    shown = {v.sequence: v.gradient for v in viz.graph(y).whole.nodes if v.gradient is not None}
    kept = {n.sequence: n.grad.norm().item() for n in nodes if n.grad is not None}
    assert len(kept) >= 8 and shown == pytest.approx(kept, rel=1e-6)
    for node in nodes:
        node.grad = None
    seen = {v.sequence: v.gradient for v in viz.graph(y).whole.nodes if v.gradient is not None}
    assert seen == pytest.approx(kept, rel=1e-6) and len(steps) == 5


class Odd(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv = nn.Conv2d(4, 6, 3, padding=1, groups=2)
        self.frozen = nn.Linear(6, 2).requires_grad_(False)

    def forward(self, x):
        x = self.conv(x)
        x = x.mean((2, 3))
        return self.frozen(x) + self.frozen(x), x


def test_summary():
    model = Odd()
    table = viz.summary(model, mg.ones(2, 4, 5, 5))
    by = {row.path: row for row in table.rows}
    assert [row.path for row in table.rows] == ["", "conv", "frozen", "frozen"]
    assert by["conv"].multiply_adds == 2 * 6 * 25 * 2 * 9 and by["frozen"].multiply_adds == 2 * 2 * 6
    assert by[""].multiply_adds == table.multiply_adds == 5400 + 48
    assert by["conv"].shape == (2, 6, 5, 5) and by["conv"].bytes == 1200
    assert table.parameters == 6 * 2 * 9 + 6 + 14 and table.trainable == table.parameters - 14
    assert not model._forward_hooks and all(p.grad is None for p in model.parameters())
    assert "<td style=white-space:pre>  conv: Conv2d</td>" in table.html() == table._repr_html_()
    assert "5,448 multiply-adds" in str(table)


# equation or function of x and w, their shapes, and the multiply-adds of the plain loops
PRODUCTS = [
    (lambda x, w: mg.einsum("ij,jk->ik", x, w), (2, 3), (3, 5), 2 * 3 * 5),
    (lambda x, w: mg.einsum("bij,bkj->bik", x, w), (2, 3, 4), (2, 5, 4), 2 * 3 * 4 * 5),
    (lambda x, w: mg.einsum("ij,ij->", x, w), (2, 3), (2, 3), 6),
    (lambda x, w: mg.einsum("...j,kj->...k", x, w), (7, 2, 3), (5, 3), 7 * 2 * 3 * 5),
    (
        lambda x, w: mg.einsum("ij,jk,kl->il", x, w, mg.ones(5, 2)),
        (2, 3),
        (3, 5),
        3 * 5 * 2 + 2 * 3 * 2,
    ),  # the smaller first
    (lambda x, w: mg.einsum("ii,i->", x, w), (3, 3), (3,), 3),
    (lambda x, w: mg.einsum("i,j->ij", x, w), (3,), (4,), 0),  # nothing is added up, as in x * w
    (lambda x, w: mg.tensordot(x, w, dims=1), (2, 3), (3, 5), 30),
    (lambda x, w: mg.tensordot(x, w, dims=([0, 1], [1, 0])), (2, 3), (3, 2), 6),
    (lambda x, w: mg.inner(x, w), (2, 3), (4, 3), 24),
    (lambda x, w: x @ w, (6, 2, 3), (3, 5), 6 * 30),
    (lambda x, w: x.long() @ w.long(), (2, 3), (3, 5), 30),
    (lambda x, w: (x @ w).detach().argmax(), (2, 3), (3, 5), 30),
]


@pytest.mark.parametrize(("function", "shape", "weight", "expected"), PRODUCTS)
def test_multiply_adds(function, shape, weight, expected):
    class Product(nn.Module):
        def __init__(self):
            super().__init__()
            self.w = nn.Parameter(mg.ones(*weight))

        def forward(self, x):
            return function(x, self.w)

    assert viz.summary(Product(), mg.ones(*shape)).multiply_adds == expected


def test_results_print_as_tables_in_a_shell_and_in_a_notebook():
    model = nn.Sequential(nn.Linear(3, 2), nn.BatchNorm1d(2))
    table = viz.summary(model, mg.randn(4, 3))
    with viz.Histograms(model) as seen:
        assert repr(seen) == "Histograms: no call was seen yet"
        model(mg.randn(4, 3)).sum().backward()
    report = nn.batchnorm_report(mg.randn(4, 3).double(), mg.randn(4, 3).double())
    for result, words in (
        (table, "multiply-adds"), (seen, "log10 |gradient|, last step"), (report, "graph vs closed form"),
        (nn.doctor.check(model), "bias before Batch Normalization"),
    ):  # fmt: skip
        assert repr(result) == str(result) and words in repr(result) and len(repr(result).splitlines()) > 2
        assert result._repr_html_().startswith("<table>") and words in result._repr_html_()
    assert nn.doctor.check(nn.ReLU())._repr_html_() == "<p>no findings</p>"
    with pytest.raises(TypeError, match=r"viz\.summary: expected a module, got function"):
        viz.summary(lambda x: x, mg.ones(1))


def test_summary_needs_no_dot(monkeypatch):
    monkeypatch.setenv("PATH", "")
    bn = nn.BatchNorm1d(3)
    assert "BatchNorm1d" in str(viz.summary(bn, mg.randn(4, 3))) and bn.num_batches_tracked.item() == 0
