"""Where a derivative jumps or does not exist, the gradient is the installed PyTorch's, where that is finite."""

import numpy as np
import pytest
from oracle import apply, as_array, text

import minigrad as mg

nan, inf = float("nan"), float("inf")
KINKS = {
    "abs at 0": (lambda L, x: x.abs(), [-1.0, 0.0, 2.0]),
    "relu at 0": (lambda L, x: x.relu(), [-1.0, 0.0, 2.0]),
    "sign at 0": (lambda L, x: x.sign(), [-1.0, 0.0, 2.0]),
    "floor at a step": (lambda L, x: x.floor(), [-1.0, 0.5, 2.0]),
    "ties of max": (lambda L, x: x.max(), [1.0, 3.0, 3.0, 3.0]),
    "ties of min": (lambda L, x: x.min(), [1.0, 1.0, 3.0]),
    "ties of amax": (lambda L, x: x.amax(1), [[1.0, 1.0], [2.0, 3.0]]),
    "ties of amin": (lambda L, x: x.amin((0, 1)), [[1.0, 1.0], [2.0, 1.0]]),
    "ties of max(dim)": (lambda L, x: x.max(1)[0], [[1.0, 1.0], [2.0, 3.0]]),
    "ties of aminmax": (lambda L, x: sum(L.aminmax(x)), [1.0, 1.0, 3.0]),
    "ties of median": (lambda L, x: x.median(), [2.0, 1.0, 2.0, 3.0, 2.0]),
    "ties of cummax": (lambda L, x: x.cummax(0)[0], [1.0, 1.0, 2.0, 2.0]),
    "ties of cummin": (lambda L, x: x.cummin(0)[0], [2.0, 2.0, 1.0, 1.0]),
    "ties of maximum": (lambda L, x, y: L.maximum(x, y), [1.0, 2.0, 3.0], [1.0, 3.0, 2.0]),
    "ties of minimum": (lambda L, x, y: L.minimum(x, y), [1.0, 2.0, 3.0], [1.0, 3.0, 2.0]),
    "norm at 0": (lambda L, x: x.norm(), [0.0, 0.0]),
    "norm of rows, one of zeros": (lambda L, x: x.norm(dim=1), [[0.0, 0.0], [3.0, 4.0]]),
    "norm 1 at 0": (lambda L, x: x.norm(1), [0.0, -2.0]),
    "norm 3 at 0": (lambda L, x: x.norm(3), [0.0, 0.0]),
    "norm 1.5 with a zero": (lambda L, x: x.norm(1.5), [0.0, 2.0]),
    "norm inf with ties": (lambda L, x: x.norm(float("inf")), [-2.0, 2.0, 1.0]),
    "std of constants": (lambda L, x: x.std(), [2.0, 2.0, 2.0]),
    "std of rows, one constant": (lambda L, x: x.std(1), [[2.0, 2.0], [1.0, 3.0]]),
    "var of constants": (lambda L, x: x.var(), [2.0, 2.0, 2.0]),
    "clamp with bounds crossed": (lambda L, x, y: x.clamp(y, y - 1), [-1.0, 0.0, 1.0], [0.0, 0.0, 0.0]),
    "hardtanh at its bounds": (lambda L, x: L.nn.functional.hardtanh(x), [-1.0, 0.0, 1.0]),
    "sqrt at 0": (lambda L, x: x.sqrt(), [0.0, 4.0]),
    "rsqrt at 0": (lambda L, x: x.rsqrt(), [0.0, 4.0]),
    "log at 0": (lambda L, x: x.log(), [0.0, 4.0]),
    "asin at its ends": (lambda L, x: x.asin(), [-1.0, 0.5, 1.0]),
    "0 ** y": (lambda L, x, y: x**y, [0.0, 0.0, 0.0, 0.0], [0.0, 0.5, 1.0, 2.0]),
    "0 ** -1": (lambda L, x, y: x**y, [0.0, 0.0], [-1.0, -2.0]),
    "negative ** y": (lambda L, x, y: x**y, [-2.0, -2.0], [2.0, 3.0]),
    "x ** 0": (lambda L, x: x**0, [0.0, 2.0, -1.0]),
    "x ** 1 at 0": (lambda L, x: x**1, [0.0, 2.0]),
    "x ** 2.0 at 0": (lambda L, x: x**2.0, [0.0, 2.0]),
    "0 ** tensor": (lambda L, x: 0**x, [0.0, 1.0, 2.0]),
    "prod without zeros": (lambda L, x: x.prod(), [2.0, 3.0, 4.0]),
    "prod with one zero": (lambda L, x: x.prod(), [2.0, 0.0, 4.0]),
    "prod with two zeros": (lambda L, x: x.prod(), [0.0, 3.0, 0.0]),
    "prod of rows with zeros": (lambda L, x: x.prod(1), [[2.0, 0.0, 4.0], [0.0, 0.0, 1.0], [1.0, 2.0, 3.0]]),
    "cumprod with zeros": (lambda L, x: x.cumprod(0), [2.0, 0.0, 4.0, 0.0, 5.0]),
    "atan2 at 0": (lambda L, x, y: L.atan2(x, y), [0.0, 0.0], [0.0, 1.0]),
    "hypot at 0": (lambda L, x, y: L.hypot(x, y), [0.0, 3.0], [0.0, 4.0]),
    "xlogy at 0": (lambda L, x, y: L.xlogy(x, y), [0.0, 0.0, 2.0], [0.0, 3.0, 3.0]),
    "logsumexp of -inf": (lambda L, x: L.logsumexp(x, 0), [-inf, 1.0]),
    "logaddexp of equals": (lambda L, x, y: L.logaddexp(x, y), [1.0, 1000.0], [1.0, -1000.0]),
    "where behind log": (lambda L, x: L.where(x > 0, x, 0.0), [0.0, 1.0]),
    "remainder at 0": (lambda L, x: x % 2, [0.0, 2.0, -3.0]),
    "remainder of tensors at 0": (lambda L, x, y: x % y, [0.0, 2.0, -3.0], [2.0, 2.0, 2.0]),
    "leaky_relu at 0": (lambda L, x: L.nn.functional.leaky_relu(x, 0.1), [-1.0, 0.0, 2.0]),
    "relu6 at both ends": (lambda L, x: L.nn.functional.relu6(x), [-1.0, 0.0, 6.0, 7.0]),
    "l1_loss at 0": (lambda L, x, y: L.nn.functional.l1_loss(x, y), [1.0, 2.0], [1.0, 3.0]),
    "smooth_l1_loss at beta": (
        lambda L, x, y: L.nn.functional.smooth_l1_loss(x, y),
        [0.0, 1.0, -1.0, 3.0],
        [0.0, 0.0, 0.0, 0.0],
    ),
    "huber_loss at delta": (
        lambda L, x, y: L.nn.functional.huber_loss(x, y),
        [0.0, 1.0, -1.0, 3.0],
        [0.0, 0.0, 0.0, 0.0],
    ),
    "binary_cross_entropy at both ends": (
        lambda L, x, y: L.nn.functional.binary_cross_entropy(x, y),
        [0.0, 1.0, 0.5],
        [0.0, 1.0, 1.0],
    ),
    "ties of max_pool2d": (lambda L, x: L.nn.functional.max_pool2d(x, 2), [[[[1.0, 1.0], [1.0, 1.0]]]]),
    "ties of overlapping windows": (lambda L, x: L.nn.functional.max_pool1d(x, 2, stride=1), [[[1.0, 1.0, 2.0, 2.0]]]),
    "ties of sort": (lambda L, x: x.sort(descending=True)[0], [2.0, 1.0, 2.0, 1.0]),
    "ties of topk": (lambda L, x: x.topk(2)[0], [2.0, 1.0, 2.0, 1.0]),
    "ties of kthvalue": (lambda L, x: x.kthvalue(2)[0], [2.0, 1.0, 2.0, 1.0]),
    "ties of scattered amax": (
        lambda L, x, y: x.scatter_reduce(0, L.tensor([0, 0, 1]), y, "amax"),
        [1.0, 5.0, 0.0],
        [1.0, 1.0, 5.0],
    ),
    "ties of scattered amin": (
        lambda L, x, y: x.scatter_reduce(0, L.tensor([0, 0, 1]), y, "amin"),
        [1.0, 5.0, 0.0],
        [1.0, 1.0, 5.0],
    ),
    "scattered prod with zeros": (
        lambda L, x, y: x.scatter_reduce(0, L.tensor([0, 0, 1]), y, "prod"),
        [1.0, 5.0, 0.0],
        [0.0, 1.0, 5.0],
    ),
    "det of a singular matrix": (lambda L, x: L.linalg.det(x), [[1.0, 2.0], [2.0, 4.0]]),
    "det of zeros": (lambda L, x: L.linalg.det(x), [[0.0, 0.0], [0.0, 0.0]]),
    "norm of a matrix of zeros": (lambda L, x: L.linalg.norm(x), [[0.0, 0.0], [0.0, 0.0]]),
    "var of one element": (lambda L, x: x.var(correction=0), [2.0]),
    "logit at eps": (lambda L, x: x.logit(0.1), [0.05, 0.1, 0.5, 0.9, 0.95]),
    "acosh at 1": (lambda L, x: x.acosh(), [1.0, 2.0]),
    "softmax of -inf": (lambda L, x: L.softmax(x, 0), [-inf, 1.0, 1.0]),
    "log_softmax of -inf": (lambda L, x: L.log_softmax(x, 0), [-inf, 1.0, 1.0]),
    "nanmean": (lambda L, x: x.nanmean(), [1.0, nan, 3.0]),
    "max of NaN": (lambda L, x: x.max(), [1.0, nan, 0.0]),
    "min of two NaN": (lambda L, x: x.min(), [nan, 1.0, nan]),
    "median of NaN": (lambda L, x: x.median(), [nan, 1.0, nan, 2.0]),
    "amax of NaN": (lambda L, x: x.amax(1), [[1.0, nan], [2.0, 3.0]]),
    "amin of NaN": (lambda L, x: x.amin(), [1.0, nan]),
    "aminmax of NaN": (lambda L, x: sum(L.aminmax(x, dim=1)), [[1.0, nan], [2.0, 3.0]]),
    "max(dim) of NaN": (lambda L, x: x.max(1)[0], [[1.0, nan, nan], [2.0, 3.0, -inf]]),
    "maximum beside NaN": (lambda L, x, y: L.maximum(x, y), [1.0, nan, nan, 2.0], [nan, 1.0, nan, 2.0]),
    "minimum beside NaN": (lambda L, x, y: L.minimum(x, y), [1.0, nan, nan, 2.0], [nan, 1.0, nan, 2.0]),
    "relu of NaN": (lambda L, x: x.relu(), [1.0, nan, 0.0, -2.0]),
    "elu of NaN": (lambda L, x: L.nn.functional.elu(x), [1.0, nan, -2.0]),
    "selu of NaN": (lambda L, x: L.nn.functional.selu(x), [1.0, nan, -2.0]),
    "leaky_relu of NaN": (lambda L, x: L.nn.functional.leaky_relu(x), [1.0, nan, 0.0, -2.0]),
    "hardtanh of NaN": (lambda L, x: L.nn.functional.hardtanh(x), [1.0, nan, 0.0, -2.0]),
    "norm inf of NaN": (lambda L, x: x.norm(float("inf")), [1.0, nan, 2.0]),
    "sort of NaN": (lambda L, x: x.sort()[0], [1.0, nan, 0.0]),
    "topk of NaN": (lambda L, x: x.topk(2)[0], [1.0, nan, 0.0]),
    "cummax of NaN": (lambda L, x: x.cummax(0)[0], [1.0, nan, 0.0, 3.0]),
    "scattered amax of NaN": (
        lambda L, x, y: x.scatter_reduce(0, L.tensor([0, 0, 1]), y, "amax"),
        [1.0, nan, 0.0],
        [nan, 1.0, 5.0],
    ),
    "max_pool of NaN and -inf": (
        lambda L, x: L.nn.functional.max_pool1d(x, 2),
        [[[nan, 1.0, 5.0, 2.0, -inf, -inf, nan, nan]]],
    ),
    "max_pool with padding": (
        lambda L, x: L.nn.functional.max_pool1d(x, 3, 1, 1),
        [[[-inf, -inf, -inf, 2.0, -inf, -inf, nan, nan, nan, 1.0]]],
    ),
    "max_pool dilated": (
        lambda L, x: L.nn.functional.max_pool1d(x, 2, 1, dilation=2),
        [[[-inf, nan, -inf, 2.0, nan, nan, 1.0]]],
    ),
    "max_pool beyond the end": (
        lambda L, x: L.nn.functional.max_pool1d(x, 3, 2, ceil_mode=True),
        [[[nan, 1.0, nan, nan, -inf, -inf]]],
    ),
    "max_pool2d of -inf": (lambda L, x: L.nn.functional.max_pool2d(x, 3, 1, 1), [[[[-inf] * 4] * 4]]),
    "max_pool2d of NaN": (
        lambda L, x: L.nn.functional.max_pool2d(x, 2, padding=1),
        [[[[nan, -inf, -inf], [-inf, -inf, nan], [nan, nan, -inf]]]],
    ),
    "logit at 0 and 1": (lambda L, x: x.logit(), [0.0, 1.0, 0.5, -0.1, 1.1, nan]),
    "logit held": (lambda L, x: x.logit(0.1), [0.0, 1.0, 0.5, nan, 0.1, 0.9]),
    "logit held, eps 0": (lambda L, x: x.logit(0.0), [0.0, 1.0, 0.5, -0.1, 1.1]),
    "logit held, bounds crossed": (lambda L, x: x.logit(0.6), [0.0, 1.0, 0.5, 0.4, 0.45, 0.6]),
    "huber_loss of infinities": (lambda L, x, y: L.nn.functional.huber_loss(x, y), [inf, -inf, 1.0], [0.0, 0.0, inf]),
    "smooth_l1_loss of infinities": (
        lambda L, x, y: L.nn.functional.smooth_l1_loss(x, y),
        [inf, -inf, 1.0],
        [0.0, 0.0, inf],
    ),
}


def gradients(lib, call, arrays):
    xs = [lib.tensor(a, dtype=lib.float64, requires_grad=True) for a in arrays]
    y = apply(lib, call, xs)
    weights = lib.from_numpy(np.arange(1.0, y.numel() + 1).reshape(tuple(y.shape)))
    first = lib.autograd.grad((y * weights).sum(), xs, create_graph=True)
    total = sum((g * g).sum() for g in first)
    second = lib.autograd.grad(total, xs, allow_unused=True) if total.requires_grad else [None] * len(xs)
    return [*map(as_array, first)], [None if g is None else as_array(g) for g in second]


@pytest.mark.parametrize("kink", KINKS)
def test_the_gradient_is_pytorchs(torch, kink):
    call, *arrays = KINKS[kink]
    (ours, ours2), (theirs, theirs2) = (gradients(lib, call, arrays) for lib in (mg, torch))
    for a, b in zip(ours, theirs, strict=True):
        finite = np.isfinite(b)
        np.testing.assert_allclose(a[finite], b[finite], rtol=1e-12, atol=1e-15, err_msg=kink)
        assert (np.isfinite(a) == finite).all(), f"{a}, PyTorch {b}"
    for a, b in zip(ours2, theirs2, strict=True):
        if a is not None and b is not None:
            finite = np.isfinite(a) & np.isfinite(b)
            np.testing.assert_allclose(a[finite], b[finite], rtol=1e-9, atol=1e-12, err_msg=f"{kink}, order 2")


MASKED = [
    lambda L, x: L.relu(x),
    lambda L, x: x.clamp(min=-0.5),
    lambda L, x: x.clamp(-0.5, 9),
    lambda L, x: L.nn.functional.relu6(x),
    lambda L, x: L.nn.functional.hardtanh(x, -0.5, 9.0),
    lambda L, x: L.maximum(x, L.full(x.shape, -0.5)),
    lambda L, x: L.minimum(L.full(x.shape, 2.5), x),
    lambda L, x: L.fmax(x, L.full(x.shape, -0.5)),
    lambda L, x: x.clamp(L.tensor(-0.5), L.tensor(9.0)),
]


@pytest.mark.parametrize("call", MASKED, ids=text)
@pytest.mark.parametrize("n", [1, 1000])
def test_what_is_held_back_is_0_whatever_arrives(torch, call, n):
    """As in sqrt(relu(x)): infinity times 0 would be NaN."""

    def gradient(lib):
        x = lib.tensor([-1.0, 0.5, 3.0, -7.0] * n, requires_grad=True)
        arriving = lib.tensor([float("inf"), 2.0, float("nan"), -float("inf")] * n)
        return lib.autograd.grad(call(lib, x), x, arriving)[0].numpy()

    np.testing.assert_array_equal(gradient(mg), gradient(torch))
