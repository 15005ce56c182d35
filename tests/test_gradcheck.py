"""gradcheck is right to pass, right to fail, and refuses what it could not have failed."""

import numpy as np
import pytest

import minigrad as mg
from minigrad.autograd import Function, GradcheckError, NotDifferentiableError, gradcheck, gradgradcheck
from minigrad.primitive import Primitive


def leaf(*values):
    return mg.tensor(list(values), dtype=mg.float64, requires_grad=True)


@pytest.mark.parametrize("fast", [False, True])
def test_what_is_right_passes(fast):
    x, y = leaf(0.5, -2.0), leaf(3.0, 1.0)
    assert gradcheck(lambda x, n, y: (x * y, (x * n).sin()), (x, 2, y), fast_mode=fast)
    assert gradgradcheck(lambda x, y: x.exp() * y, (x, y), fast_mode=fast)
    assert gradgradcheck(lambda x: x**3, x, mg.tensor([1.0, 2.0], dtype=mg.float64))
    assert gradcheck(lambda x: (1000 * x).sin() * 1000, x)  # steep and bent, but smooth
    assert gradcheck(mg.exp, mg.tensor(0.3, dtype=mg.float64, requires_grad=True))


@pytest.mark.parametrize("fast", [False, True])
@pytest.mark.parametrize(
    "rule",
    [lambda g, out, _x: 2 * g * out, lambda g, out, _x: g * out.sum() / 3, lambda g, out, _x: g * 0,
     lambda g, out, _x: g * out[::-1]],
)  # fmt: skip
def test_what_is_wrong_fails(rule, fast):
    wrong = Primitive(np.exp, (rule,))
    with pytest.raises(GradcheckError, match="mismatch"):
        gradcheck(wrong, leaf(0.5, -2.0), fast_mode=fast)
    assert gradcheck(wrong, leaf(0.5, -2.0), fast_mode=fast, raise_exception=False) is False


def test_a_wrong_second_derivative_fails():
    class Once(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x.exp())
            return x.exp()

        @staticmethod
        def backward(ctx, g):
            return g * ctx.saved_tensors[0]  # right, but a constant to the second derivative

    assert gradcheck(Once.apply, leaf(0.5))
    with pytest.raises(GradcheckError, match="mismatch"):
        gradgradcheck(Once.apply, leaf(0.5))


def test_a_check_that_could_not_fail_is_refused():
    for f in (lambda x: x * 0.0, lambda x: (x - x.mean()).sum(), lambda x: mg.nn.functional.softmax(x, 0).sum()):
        with pytest.raises(GradcheckError, match="every gradient is zero"):
            gradcheck(f, leaf(1.0, 2.0))
    with pytest.raises(GradcheckError, match="float64"):
        gradcheck(mg.exp, mg.ones(2, requires_grad=True))
    x, w = leaf(1.0, 2.0), leaf(0.5, -1.0)
    with pytest.raises(GradcheckError, match="every gradient of input 0 is zero"):  # w's gradients are not
        gradcheck(lambda x, w: ((x - x.mean()).sum() + w.exp()).sum(), (x, w))
    assert gradcheck(lambda x, w: ((x - x.mean()).sum() + w.exp()).sum(), (x.detach(), w))
    assert gradcheck(lambda x, w: w.exp(), (x, w))  # no rule leads to x
    assert gradgradcheck(lambda x, w: (x.abs() * w).sum(), (x, w))
    with pytest.raises(GradcheckError, match="not recorded"):
        gradcheck(lambda x: x.detach(), leaf(1.0))
    with pytest.raises(ValueError, match="at least one input tensor"):
        gradcheck(mg.exp, mg.ones(2))


@pytest.mark.parametrize(
    ("f", "values"),
    [
        (lambda x: x.abs(), [1.0, 0.0]),
        (lambda x: x.relu(), [0.0, 1.0]),
        (lambda x: x.max(), [2.0, 2.0]),
        (lambda x: x.clamp(min=0.5), [0.5, 2.0]),
        (lambda x: x.floor() + x, [2.0]),
        (lambda x: x.sqrt(), [0.0, 1.0]),
        (lambda x: x.norm(), [0.0, 0.0]),
    ],
)
def test_points_without_a_derivative_are_reported_as_such(f, values):
    with pytest.raises(NotDifferentiableError, match=r"not differentiable at input 0, \(\d,\)|not recorded"):
        gradcheck(f, leaf(*values))


def test_two_backward_passes_that_differ():
    turns = []

    class Fickle(Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

        @staticmethod
        def backward(ctx, g):
            turns.append(1)
            return g * (2 + 1e-9 * len(turns))

    with pytest.raises(GradcheckError, match="not reentrant"):
        gradcheck(Fickle.apply, leaf(1.0))
    assert gradcheck(Fickle.apply, leaf(1.0), nondet_tol=1e-6)


def test_a_read_only_input_and_nothing_is_changed():
    x = leaf(1.0, 2.0)
    x._data.flags.writeable = False
    assert gradcheck(mg.exp, x) and x.tolist() == [1.0, 2.0] and x.grad is None


class Pair(Function):
    """Two outputs, whose backward takes None for the one that nothing depends on; rightly or not."""

    @staticmethod
    def forward(ctx, x, fault):
        ctx.set_materialize_grads(False)
        ctx.fault = fault
        return x * 2, x * 3

    @staticmethod
    def backward(ctx, g, h):
        if g is None and ctx.fault:
            return h, None
        return (0 if g is None else g * 2) + (0 if h is None else h * 3), None


def test_outputs_without_a_cotangent():
    assert gradcheck(lambda x: Pair.apply(x, False), leaf(1.0, 2.0))
    with pytest.raises(GradcheckError, match="handle undefined output grads.*output 1 alone.*input 0"):
        gradcheck(lambda x: Pair.apply(x, True), leaf(1.0, 2.0))
    assert gradcheck(lambda x: Pair.apply(x, True), leaf(1.0, 2.0), check_undefined_grad=False)


def test_pytorchs_keywords(torch):
    for lib in (mg, torch):
        x = lib.tensor([0.5, -2.0], dtype=lib.float64, requires_grad=True)
        options = {"check_batched_grad": False, "check_backward_ad": True, "masked": None, "check_grad_dtypes": True}
        options |= {"eps": 1e-6, "atol": 1e-5, "rtol": 1e-3, "nondet_tol": 0.0, "fast_mode": False}
        assert lib.autograd.gradcheck(lib.exp, x, check_forward_ad=False, **options)
        options.pop("check_backward_ad"), options.pop("masked")
        assert lib.autograd.gradgradcheck(lib.exp, x, gen_non_contig_grad_outputs=True, **options)
    for name in ("check_batched_grad", "check_batched_forward_grad", "check_forward_ad"):
        with pytest.raises(NotImplementedError, match=name):
            gradcheck(mg.exp, leaf(0.5), **{name: True})
    with pytest.raises(NotImplementedError, match="check_fwd_over_rev"):
        gradgradcheck(mg.exp, leaf(0.5), check_fwd_over_rev=True)
    for check, name in ((gradcheck, "check_backward_ad"), (gradgradcheck, "check_rev_over_rev")):
        with pytest.raises(ValueError, match="at least one of"):
            check(mg.exp, leaf(0.5), **{name: False})
    with pytest.raises(TypeError, match="must return a tensor"):
        gradcheck(lambda x: (x, 5), leaf(0.5))
