"""The profiler: counts what ran, leaves everything as it was, and writes a trace."""

import gc
import json

import pytest

import minigrad as mg
from minigrad import nn
from minigrad.primitive import PRIMITIVES
from minigrad.utils.profiler import profile


def test_every_call_is_counted_once_and_everything_is_put_back():
    before = {p: (p.function, p.vjps, p.each, p.every, p.into) for p in PRIMITIVES}
    model = nn.Sequential(nn.Conv2d(1, 2, 3, bias=False), nn.BatchNorm2d(2), nn.ReLU())
    x = mg.randn(4, 1, 8, 8, requires_grad=True)
    with profile() as found:
        mg.cat([model(x), model(x)]).pow(2).sum().backward()
    rows = {row.name: row for row in found.rows}
    assert rows["conv"].forward_calls == 2 and rows["conv"].backward_calls == 4  # two operands each
    assert "conv_weight" not in rows  # its time is the rule's
    assert rows["concatenate"].backward_calls == 1 and rows["relu"].bytes == 2 * 2 * (4 * 2 * 36 * 4)
    assert 0 < sum(row.total for row in found.rows) <= found.seconds
    assert {p: (p.function, p.vjps, p.each, p.every, p.into) for p in PRIMITIVES if p in before} == before


def test_results_are_the_same_and_second_order_works():
    x = mg.tensor([0.5], requires_grad=True)
    with profile():
        (g,) = mg.autograd.grad(x.tanh(), [x], create_graph=True)
        g.backward()
    t = x.detach().tanh().item()
    assert x.grad.item() == pytest.approx(-2 * t * (1 - t * t))


def test_a_function_first_called_inside_is_counted_and_can_be_forgotten():
    class Twice(mg.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return g * 2

    for _ in range(2):
        with profile() as found:
            Twice.apply(mg.ones(2, requires_grad=True)).sum().backward()
        rows = {row.name: row for row in found.rows}
        assert rows["Twice"].backward_calls == 1 and rows["mul"].forward_calls == 1
    assert any(p.name == "Twice" for p in PRIMITIVES)
    del Twice, found
    gc.collect()
    assert not any(p.name == "Twice" for p in PRIMITIVES)


def test_an_exception_closes_it_and_two_do_not_nest():
    with pytest.raises(ZeroDivisionError), profile():
        1 / 0  # noqa: B018
    with profile(), pytest.raises(RuntimeError, match="do not nest"), profile():
        pass
    with profile() as found:
        mg.ones(2) + 1
    assert found.rows[0].name == "add"


def test_table_and_trace(tmp_path):
    with profile() as found:
        mg.ones(2).exp().sin()
    text = str(found)
    assert "exp" in text and "everything else" in text and len(found.table(1).splitlines()) == 4
    found.export_chrome_trace(tmp_path / "trace.json")
    events = json.loads((tmp_path / "trace.json").read_text())["traceEvents"]
    assert [e["name"] for e in events] == ["exp", "sin"] and all(e["dur"] > 0 and e["ph"] == "X" for e in events)
