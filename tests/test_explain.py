"""explain: who contributed to a gradient, and each reason why there is none."""

import doctest
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

import minigrad as mg
from minigrad.autograd import Function, detect_anomaly, explain, record_lines
from minigrad.engine.tap import Observer, observing
from minigrad.modes import MODES, RESULTS


def leaf(*values):
    return mg.tensor(list(values), dtype=mg.float64, requires_grad=True)


def this_line():
    return sys._getframe(1).f_lineno


def test_contributions_sum_to_the_gradient():
    w = leaf(3.0, 4.0)
    loss = (w * w).sum() + (2 * w.exp()).sum()
    found = explain(w, loss)
    assert found.reason == "contributions"
    assert [c.consumer for c in found.contributions] == ["ExpBackward0", "MulBackward0", "MulBackward0"]
    np.testing.assert_allclose([c.norm for c in found.contributions][1:], 5.0)
    np.testing.assert_allclose(found.contributions[0].norm, np.linalg.norm(2 * np.exp(w._data)))
    loss.backward()  # explaining used nothing up, and added nothing
    total = np.linalg.norm(w.grad.numpy())
    np.testing.assert_allclose(float(found.text.split("norm ")[1].split(";")[0]), total, rtol=1e-4)


def test_contributions_with_their_lines_after_a_recorded_backward():
    w = leaf(3.0, 4.0)
    with record_lines():
        h, line = w * 2, this_line()
        h.sum().backward()
    found = explain(w)
    assert found.reason == "contributions" and found.contributions[0].line == (__file__, line)
    assert "test_explain.py" in repr(found) and "h, line = w * 2" in repr(found)
    w.grad = None
    w.sum().backward()
    assert len(explain(w).contributions) == 1  # of the last recorded sweep


def test_of_a_cotangent_an_inner_tensor_and_the_output_itself():
    w = leaf(3.0, 4.0)
    h = w * 2
    y = h * h
    found = explain(h, y, mg.tensor([1.0, 0.0], dtype=mg.float64))
    np.testing.assert_allclose([c.norm for c in found.contributions], [6.0, 6.0])
    total = y.sum()
    assert explain(total, total).text == "The gradient of this tensor has norm 1: it is the output itself."
    assert explain(h, h.sum()).reason == "contributions"
    assert explain(w, (w * 0).sum()).text.startswith("The gradient of this tensor is zero everywhere")


def test_contributions_to_a_tensor_without_dimensions():
    w, x = mg.tensor(2.0, requires_grad=True), mg.tensor([3.0, 4.0])
    found = explain(w, (w * x).sum() + w)
    assert "norm 8;" in found.text
    assert sorted(c.norm for c in found.contributions) == [1.0, 7.0]


def test_a_leaf_that_never_asked():
    assert explain(mg.ones(2)).reason == "not asked"


def test_an_output_that_is_not_recorded():
    found = explain(leaf(1.0), mg.ones(2).sum())
    assert found.reason == "not recorded" and "output" in found.text


def test_a_tensor_detached_at_a_line():
    x = leaf(1.0)
    with record_lines():
        d, line = x.exp().detach(), this_line()
        y = d * 2
    for tensor in (d, y):
        found = explain(tensor)
        assert (found.reason, found.line) == ("detached", (__file__, line))


def test_a_result_of_no_grad_at_a_line():
    x = leaf(1.0)
    with record_lines(), mg.no_grad():
        y, line = x * 2, this_line()
        z = y.sin()
    for tensor in (y, z):
        found = explain(tensor)
        assert (found.reason, found.line) == ("no_grad", (__file__, line))
        assert "`mul` ran under no_grad" in found.text


def test_an_operation_without_a_gradient():
    x = leaf(1.0, 2.0)
    with record_lines():
        y = x.argmax()
    found = explain(y)
    assert found.reason == "no gradient" and "argmax" in found.text


def test_a_way_that_is_cut():
    def build(cut):
        x, w = leaf(1.0), leaf(2.0)
        with record_lines():
            h = cut(x * 2)
            return x, (h.sin() * w).sum()

    def under_no_grad(h):
        with mg.no_grad():
            return h.exp()

    for cut, reason in ((lambda h: h.detach(), "detached"), (under_no_grad, "no_grad"), (lambda h: h.data, "detached"),
                        (lambda h: h > 0, "no gradient")):  # fmt: skip
        x, loss = build(cut)
        found = explain(x, loss)
        assert found.reason == reason and found.line[0] == __file__, found
    x, w = leaf(1.0), leaf(2.0)
    with record_lines():
        first, line = x.detach(), this_line()
        second = (first * w).detach()
        loss = (second * w).sum()
    assert explain(x, loss).line == (__file__, line)
    assert explain(leaf(5.0), loss).reason == "no path"


class Withholds(Function):
    @staticmethod
    def forward(ctx, x, y):
        return x * y

    @staticmethod
    def backward(ctx, g):
        return None, g


def test_a_function_that_returned_none():
    w, v = leaf(1.0), leaf(2.0)
    found = explain(w, Withholds.apply(w * 2, v).sum())
    assert found.reason == "no gradient" and "backward of Withholds returned None" in found.text
    with record_lines():
        y, line = Withholds.apply(w.exp(), v), this_line()
    found = explain(w, y)
    assert found.line == (__file__, line) and "y, line = Withholds.apply" in found.text
    assert explain(v, y).reason == "contributions"


def test_what_is_no_tensor_or_no_float():
    w = leaf(1.0)
    for args in ((3,), (w, 3.0)):
        with pytest.raises(TypeError, match="explain: expected a Tensor, got"):
            explain(*args)
    assert "int64: x.float() could" in explain(mg.tensor([1])).text


def test_no_way_at_all():
    found = explain(leaf(1.0), (leaf(1.0) * 2).sum())
    assert found.reason == "no path" and "record_lines" in found.text


def test_used_before_it_asked():
    x, w = mg.ones(2), leaf(1.0)
    loss = (x * w).sum()
    x.requires_grad_()
    assert explain(x, loss).reason == "used before asked"


def test_an_inner_tensor_that_keeps_no_gradient():
    h = leaf(1.0) * 2
    assert explain(h).reason == "not retained"
    h.retain_grad()
    assert explain(h).reason == "no backward"
    h.backward()
    assert explain(h).reason == "contributions"


def test_nothing_is_noted_and_nothing_installed_outside():
    before = sys.getprofile()
    x = leaf(1.0)
    with record_lines(), record_lines():
        inside = x * 2
    outside = x * 2
    assert sys.getprofile() is before and (MODES.observers, MODES.on_result, RESULTS.hooked) == ((), None, 0)
    assert inside._node.line and outside._node.line is None
    with pytest.raises(KeyError), detect_anomaly_quietly():
        raise KeyError
    assert sys.getprofile() is before and (MODES.observers, MODES.on_result, RESULTS.hooked) == ((), None, 0)


def test_an_observer_is_shown_each_contribution_once_and_as_it_was():
    seen = []

    class Keeps(Observer):
        def see(self, node, g, saved, sent):
            seen.extend((place, operand, cotangent) for place, operand, cotangent in sent)

    x, w = leaf(3.0), mg.tensor([2.0], requires_grad=True)
    with record_lines(), observing(Keeps), record_lines():
        (x * x * x + w).backward()
        found = explain(x)
    assert [c.norm for c in found.contributions] == [9, 9, 9]
    assert [(place, c.item()) for place, operand, c in seen if operand is x._node] == [(1, 9), (0, 9), (1, 9)]


def detect_anomaly_quietly():
    with pytest.warns(UserWarning, match="Anomaly Detection has been enabled"):
        return detect_anomaly()


# ---- detect_anomaly -----------------------------------------------------------------------------
def anomaly(function):
    with pytest.raises(RuntimeError) as caught, detect_anomaly_quietly():
        function()
    return str(caught.value)


@pytest.mark.parametrize(
    ("name", "value", "f"),
    [("Sqrt", 0.0, lambda x: x.sqrt()), ("Log", 0.0, lambda x: x.log() + x), ("Div", 0.0, lambda x: 1 / x)],
)
def test_a_branch_that_where_masked(name, value, f):
    x = leaf(value, 4.0)

    def program():
        mg.where(x > 0, f(x) + 1, 0.0).sum().backward()

    text = anomaly(program)
    assert "returned nan values in its" in text and "masked by `where`" in text
    assert text.count("test_explain.py") == 2


def test_anomaly_opens_as_pytorchs(torch):
    found = []
    for lib in (mg, torch):
        x = lib.tensor([0.0, 4.0], requires_grad=True)
        with pytest.warns(UserWarning, match="Anomaly"):
            mode = lib.autograd.detect_anomaly()
        with warnings.catch_warnings(), pytest.raises(RuntimeError) as caught, mode:
            warnings.simplefilter("ignore")
            lib.where(x > 0, x.sqrt(), lib.zeros(2)).sum().backward()
        found.append(str(caught.value).split("\n")[0].rstrip("."))
    assert found[0] == found[1]


def test_a_value_that_was_nan_before():
    x = leaf(-1.0)
    lines = []

    def program():
        y = x.log() * 2; lines.append(this_line())  # fmt: skip  # noqa: E702
        (y * x).backward()

    text = anomaly(program)
    assert f"born in log at test_explain.py:{lines[0]}" in text


def test_a_value_born_nan_in_a_function():
    class Root(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x**0.5

        @staticmethod
        def backward(ctx, g):
            return g * 0.5 * ctx.saved_tensors[0] ** -0.5

    x = leaf(-1.0)
    text = anomaly(lambda: (Root.apply(x) * x).sum().backward())
    assert "born in output of Root at test_explain.py" in text
    x = leaf(0.0)
    assert "Function 'RootBackward' returned nan" in anomaly(lambda: (Root.apply(x) * 0).sum().backward())


def test_a_nan_without_dimensions_is_blamed_on_the_operation_that_made_it():
    def program():
        x = leaf(0.0, 0.0)
        total = x.sum()
        (x / total).sum().backward()

    text = anomaly(program)
    assert text.startswith("Function 'DivBackward0' returned nan values in its 1th output")
    assert "x / total" in text


def test_a_gradient_that_came_in_nan():
    x = leaf(1.0)
    assert "came in is NaN already" in anomaly(lambda: (x * 2).backward(mg.tensor([np.nan], dtype=mg.float64)))


def test_an_error_in_backward_gets_the_forward_line():
    class Bad(Function):
        @staticmethod
        def forward(ctx, x):
            return x * 1

        @staticmethod
        def backward(ctx, g):
            raise KeyError("no")

    x = leaf(1.0)
    with pytest.raises(KeyError) as caught, detect_anomaly_quietly():
        Bad.apply(x).backward()
    assert "Bad.apply(x).backward()" in caught.value.__notes__[0]


def test_an_overwritten_value_names_its_line():
    x = leaf(1.0)

    def program():
        h = x.exp()
        y = h.sum()
        with mg.no_grad():
            h.zero_()
        y.backward()

    text = anomaly(program)
    assert "modified by an inplace operation" in text and "test_explain.py" in text


def test_without_the_check_and_by_switch():
    x = leaf(0.0)
    with pytest.warns(UserWarning, match="Anomaly"):
        mode = detect_anomaly(check_nan=False)
    with mode:
        assert mg.autograd.is_anomaly_enabled() and not mg.autograd.is_anomaly_check_nan_enabled()
        (x.sqrt() * 0).backward()
    assert not mg.autograd.is_anomaly_enabled()
    with mg.autograd.set_detect_anomaly(True), pytest.raises(RuntimeError, match="returned nan"):
        (x.sqrt() * 0).backward()
    mg.autograd.set_detect_anomaly(True)
    assert mg.autograd.is_anomaly_enabled()
    mg.autograd.set_detect_anomaly(False)
    assert not mg.autograd.is_anomaly_enabled() and sys.getprofile() is None


def test_recorded_gradients_are_watched_too():
    x = leaf(0.0)
    text = anomaly(lambda: mg.autograd.grad((x.sqrt() * 0), x, create_graph=True))
    assert "SqrtBackward0" in text


def test_the_page_about_it():
    page = Path(__file__).parent.parent / "docs" / "autograd.md"
    with warnings.catch_warnings():
        assert doctest.testfile(str(page), module_relative=False).failed == 0
