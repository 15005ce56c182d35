"""Sums that lose no digits: a million numbers of float32 in every layout, float16 beyond its own range."""

import functools

import numpy as np
import pytest
from oracle import text

import minigrad as mg

N = 1_000_000
F = mg.nn.functional
LONG = {  # name: (function of a tensor, the shape of what it is given)
    "whole": (lambda x: x.sum(), (N,)),
    "leading axis": (lambda x: x.sum(0), (N, 2)),
    "middle axis": (lambda x: x.sum(1), (2, N, 2)),
    "middle axes": (lambda x: x.sum((1, 2)), (4, 500, 500, 4)),
    "every other axis": (lambda x: x.sum((0, 2)), (1000, 2, 1000, 2)),
    "transposed": (lambda x: x.T.sum(1), (N, 2)),
    "channels last": (lambda x: x.permute(0, 3, 1, 2).sum((0, 2, 3)), (100, 100, 100, 3)),
    "columns of a matrix": (lambda x: x[:, :2].sum(0), (N, 3)),
    "a matrix with gaps": (lambda x: x[:, :2].sum(), (N, 3)),
    "every other number": (lambda x: x[::2].sum(), (2 * N,)),
    "backwards": (lambda x: x.flip(0).sum(0), (N, 2)),
    "stretched": (lambda x: x.expand(N, 2).sum(0), (2,)),
    "mean": (lambda x: x.mean(1), (2, N, 2)),
    "nansum": (lambda x: x.nansum(1), (2, N, 2)),
    "np.sum": (lambda x: np.sum(x, axis=1), (2, N, 2)),
    "einsum": (lambda x: mg.einsum("ijk->ik", x), (2, N, 2)),
    "norm": (lambda x: x.norm(dim=0), (N, 2)),
    "norm 1": (lambda x: x.norm(1, dim=0), (N, 2)),
    "norm 3": (lambda x: x.norm(3, dim=0), (N, 2)),
    "logsumexp": (lambda x: x.logsumexp(0), (N, 2)),
    "softmax": (lambda x: x.softmax(0), (N, 2)),
    "log_softmax": (lambda x: x.log_softmax(1), (2, N, 2)),
    "cumsum": (lambda x: x.cumsum(0), (N,)),
    "cumsum of columns": (lambda x: x.cumsum(0), (N, 2)),
    "cumprod": (lambda x: x.clamp(min=1 + 2**-20, max=1 + 2**-20).cumprod(0), (N,)),
    "prod": (lambda x: x.clamp(min=1 + 2**-20, max=1 + 2**-20).prod(), (N,)),
    "logcumsumexp": (lambda x: x.logcumsumexp(0), (N,)),
    "var": (lambda x: x.T.var(1), (N, 2)),
    "mse_loss": (lambda x: F.mse_loss(x.T, x.T * 0), (N, 2)),
    "cross_entropy": (lambda x: F.cross_entropy(x, mg.zeros(N, dtype=mg.int64)), (N, 2)),
    "batch variance, transposed": (lambda x: _batch_variance(x.T), (2, N)),
    "batch variance, channels last": (lambda x: _batch_variance(x.permute(0, 3, 1, 2)), (100, 100, 100, 3)),
    "unbroadcast": (lambda x: _gradient(lambda v: (x * v).sum(), mg.ones(2, 1, 2, dtype=x.dtype)), (2, N, 2)),
    "unbroadcast, transposed": (lambda x: _gradient(lambda v: (x.T * v).sum(), mg.ones(2, 1, dtype=x.dtype)), (N, 2)),
    "gradient of cumsum": (lambda x: _gradient(lambda v: (v.cumsum(0) * 0.1).sum(), x), (N,)),
    "gradient of cumprod": (
        lambda x: _gradient(lambda v: v.cumprod(0).sum() * 1e-6, (x.float() * 1e-5 + 1).to(x.dtype)),
        (100_000,),
    ),
}


def _batch_variance(x):
    c = x.shape[1]
    running = mg.ones(c, dtype=x.dtype)
    F.batch_norm(x, mg.zeros(c, dtype=x.dtype), running, training=True, momentum=1.0)
    return running


def _gradient(function, x):
    x = x.clone().requires_grad_()
    function(x).backward()
    return x.grad


@functools.cache
def _numbers(shape, kind):
    equal = np.full(shape, 0.1, np.float32)
    return equal if kind == "equal" else np.random.default_rng(0).random(shape, np.float32)


@pytest.mark.parametrize("kind", ["equal", "random"])
@pytest.mark.parametrize("name", LONG)
def test_a_million_numbers_of_float32(name, kind):
    """To 1e-6, where a running sum of equal numbers is off by a hundredth."""
    if kind == "equal" and "var" in name:
        return
    function, shape = LONG[name]
    x = _numbers(shape, kind)
    short, exact = (function(mg.from_numpy(x.astype(dtype))) for dtype in (np.float32, np.float64))
    assert short.dtype == np.float32
    np.testing.assert_allclose(short.detach().numpy(), exact.detach().numpy(), rtol=1e-6)


@pytest.mark.parametrize("axis", [(0,), (1,), (2,), (0, 1), (0, 2), (1, 2), (0, 1, 2), ()])
@pytest.mark.parametrize("shape", [(3, 4, 5), (1, 300, 2), (700, 3, 1), (5, 1, 600), (2, 70_000, 1), (0, 3, 2)])
@pytest.mark.parametrize("order", [(0, 1, 2), (2, 0, 1), (1, 0, 2)])
@pytest.mark.parametrize("keepdims", [False, True])
def test_every_layout_is_numpys(shape, axis, order, keepdims):
    """Of whole numbers, exactly; the result lies in C order."""
    from minigrad.ops.summation import sum_axes

    x = np.random.default_rng(0).integers(-9, 9, shape).astype(np.float32).transpose(order)
    for array in (x, x[::-1], np.broadcast_to(x[:, :1], x.shape), x[:, ::2], x.astype(np.float16), x.astype(int)):
        expected = np.asarray(np.sum(array.astype(np.float64), axis=axis, keepdims=keepdims))
        with np.errstate(over="ignore"):  # float16 ends at 65,504
            found, expected = np.asarray(sum_axes(array, axis, keepdims)), expected.astype(array.dtype)
        assert found.shape == expected.shape and found.flags.c_contiguous
        assert found.dtype == array.dtype
        np.testing.assert_allclose(found, expected, rtol=1e-3 if array.dtype == np.float16 else 0)


rng = np.random.default_rng(0)
ONES, TENS = np.ones((70_000, 2), np.float16), np.full((64, 784), 10, np.float16)
WILD = (rng.standard_normal((40, 50)) * 400).astype(np.float16)
IMAGES = (rng.random((4, 3, 32, 32)) * 2000).astype(np.float16)
LOGITS = rng.standard_normal((70_000, 3)).astype(np.float16)
HALF = {  # name: (call, operand): as PyTorch, value and gradient
    "sum back in range": (lambda L, x: x.sum(), np.array([60_000, 60_000, -60_000], np.float16)),
    "cumsum back in range": (lambda L, x: x.cumsum(0), np.array([60_000, 60_000, -60_000], np.float16)),
    "sum of columns": (lambda L, x: x.sum(0), ONES[:5000]),
    "mean": (lambda L, x: x.mean(), TENS),
    "mean of rows": (lambda L, x: x.mean(1), TENS),
    "mean of many": (lambda L, x: x.mean(0), ONES),
    "var": (lambda L, x: x.var(), ONES * LOGITS[:, :2]),
    "var of columns": (lambda L, x: x.var(0), TENS),
    "std": (lambda L, x: x.std(0), WILD),
    "std of all": (lambda L, x: x.std(), WILD),
    "norm": (lambda L, x: x.norm(), WILD),
    "norm 1": (lambda L, x: x.norm(1), ONES),
    "norm 3": (lambda L, x: x.norm(3), WILD),
    "norm inf": (lambda L, x: x.norm(float("inf")), ONES),
    "amax": (lambda L, x: x.amax(), ONES),
    "amin": (lambda L, x: x.amin(), ONES),
    "max": (lambda L, x: x.max(), ONES),
    "prod": (lambda L, x: (x * 1.0001).prod(0), ONES),
    "softmax": (lambda L, x: x.softmax(1), LOGITS),
    "log_softmax": (lambda L, x: x.log_softmax(1), WILD),
    "logsumexp of few": (lambda L, x: x.logsumexp(1), LOGITS),
    "einsum": (lambda L, x: L.einsum("ij->j", x), TENS),
    "linear": (lambda L, x: L.nn.functional.linear(x, x[:9]), TENS),
    "mse_loss": (lambda L, x: L.nn.functional.mse_loss(x, x * 0), TENS),
    "l1_loss": (lambda L, x: L.nn.functional.l1_loss(x, x * 0), ONES),
    "huber_loss": (lambda L, x: L.nn.functional.huber_loss(x, x * 0), TENS),
    "bce": (lambda L, x: L.nn.functional.binary_cross_entropy_with_logits(x, x * 0), ONES),
    "gelu": (lambda L, x: L.nn.functional.gelu(x), WILD / 100),
    "erf": (lambda L, x: x.erf(), WILD / 100),
    "avg_pool2d": (lambda L, x: L.nn.functional.avg_pool2d(x, 8), IMAGES),
    "avg_pool2d, borders": (lambda L, x: L.nn.functional.avg_pool2d(x, 7, 3, 2, count_include_pad=False), IMAGES),
    "adaptive_avg_pool2d": (lambda L, x: L.nn.functional.adaptive_avg_pool2d(x, 3), IMAGES),
    "to one": (lambda L, x: L.nn.functional.adaptive_avg_pool2d(x, 1), IMAGES),
    "batch_norm": (lambda L, x: L.nn.functional.batch_norm(x, None, None, training=True), IMAGES),
    "evaluation": (
        lambda L, x: L.nn.functional.batch_norm(x, x[0, :, 0, 0].detach(), L.ones(3, dtype=x.dtype) * 9),
        IMAGES,
    ),
    "batch_norm with float32 parameters": (
        lambda L, x: L.nn.functional.batch_norm(x, None, None, L.ones(3) * 2, L.ones(3), training=True),
        IMAGES,
    ),
}


@pytest.mark.parametrize("name", HALF)
def test_float16_is_pytorchs(torch, name):
    call, array = HALF[name]
    found = []
    for lib in (mg, torch):
        x = lib.from_numpy(array.astype(np.float16)).requires_grad_()
        y = call(lib, x)
        weights = np.cos(np.arange(y.numel())).reshape(tuple(y.shape)).astype(np.float16)
        y.backward(lib.from_numpy(weights))
        found.append([y.detach().numpy(), x.grad.numpy()])
    for ours, theirs in zip(*found, strict=True):
        assert ours.dtype == theirs.dtype == np.float16
        scale = np.abs(theirs[np.isfinite(theirs)].astype(float)).max(initial=0)
        np.testing.assert_allclose(ours.astype(float), theirs.astype(float), rtol=4e-3, atol=2e-3 * min(1.0, scale))


LOSSES = (
    lambda L, x: L.nn.functional.cross_entropy(x, L.arange(70000) % 3),
    lambda L, x: L.nn.functional.cross_entropy(x, L.arange(70000) % 3, label_smoothing=0.1),
    lambda L, x: L.nn.functional.nll_loss(x, L.arange(70000) % 3),
    lambda L, x: L.nn.functional.cross_entropy(x, L.arange(70000) % 3, weight=L.ones(3, dtype=x.dtype)),
    lambda L, x: L.nn.functional.cross_entropy(x, L.arange(70000) % 3, ignore_index=1),
    lambda L, x: L.nn.functional.cross_entropy(x, (x.detach() * 2).softmax(1)),
    lambda L, x: x.nanmean(),
    lambda L, x: x.mean(0).sum(),
)


@pytest.mark.parametrize("call", LOSSES, ids=text)
def test_float16_of_many_rows_is_float32s(call):
    """Where PyTorch's own sums and counts end at 65,504."""
    found = []
    for x in (mg.from_numpy(LOGITS).requires_grad_(), mg.from_numpy(LOGITS.astype(np.float32)).requires_grad_()):
        y = call(mg, x)
        y.backward()
        found.append([y.detach().numpy(), x.grad.numpy()])
    for half, single in zip(*found, strict=True):
        assert half.dtype == np.float16
        np.testing.assert_allclose(half.astype(float), single, rtol=3e-3, atol=3e-7)


@pytest.mark.parametrize("dim", [None, 0, 1, (0, 1)])
@pytest.mark.parametrize("offset", [0.0, 1e6, -1e8])
def test_variances_at_any_offset(dim, offset):
    x = (offset + np.random.default_rng(0).standard_normal((300, 40)) * max(1.0, abs(offset) * 1e-6)).astype(np.float32)
    exact = np.var(x.astype(float), axis=dim, ddof=1)
    for array in map(mg.from_numpy, (x, np.asfortranarray(x))):
        for variance in (
            array.var(dim),
            array.std(dim) ** 2,
            mg.var_mean(array, dim)[0],
            mg.std_mean(array, dim)[0] ** 2,
        ):
            np.testing.assert_allclose(variance.numpy(), exact, rtol=2e-6)


@pytest.mark.parametrize("dim", [None, 0, 1])
def test_equal_numbers_have_no_variance(dim):
    x = mg.full((1000, 7), -1e8, requires_grad=True)
    assert x.var(dim=dim).abs().max().item() == 0 and x.std(dim=dim).abs().max().item() == 0
    x.std(dim=dim).sum().backward()
    assert not x.grad.numpy().any()


@pytest.mark.parametrize("size", [1e20, 1e-30])
def test_deviations_whose_squares_are_beyond_float32(torch, size):
    array = (np.random.default_rng(0).standard_normal((5, 6)) * size).astype(np.float32)
    found = []
    for lib in (mg, torch):
        x = lib.from_numpy(array).requires_grad_()
        x.std(0).sum().backward()
        found.append([x.std(1).detach().numpy(), lib.std_mean(x)[0].detach().numpy(), x.grad.numpy()])
    for ours, theirs in zip(found[0][:2], found[1][:2], strict=True):
        assert ours.dtype == np.float32
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)
    exact = array.astype(float)
    np.testing.assert_allclose(found[0][2], (exact - exact.mean(0)) / 4 / exact.std(0, ddof=1), rtol=1e-5, atol=1e-6)
