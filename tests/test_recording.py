"""A training step is written in NumPy's calls alone: an array that notes them sees every number on its way."""

import numpy as np
import pytest
from recorder import Noted, noted
from test_primitives import ALL, CASES, called, samples

from minigrad.engine.backward import wrap_in_tensor
from minigrad.engine.sweep import sweep
from minigrad.tensor.tensor import Tensor
from minigrad.utils.tree import tree_map

rng = np.random.default_rng(0)


def tensor(array, requires_grad=True):
    """Wrap an array without touching it."""
    result = Tensor.__new__(Tensor)
    result._data = array
    return result.requires_grad_() if requires_grad and array.dtype.kind == "f" else result


def swept(y, cotangent, leaves, create_graph):
    lift = wrap_in_tensor if create_graph else None
    results = sweep([y._node], [cotangent], retain_graph=True, lift=lift, targets=[x._node for x in leaves])
    return [results[x._node][0] for x in leaves if x._node in results]


def two_orders(function, operands, put):
    """Return value, gradients and second gradients."""
    xs = [tensor(put(x)) for x in operands]
    leaves = [x for x in xs if x.requires_grad]
    y = function(*xs)
    random = np.random.default_rng(3)
    if not y.requires_grad:
        return [y._data]
    seed = tensor(put(random.standard_normal(y.shape).astype(y.dtype)))
    first, again = swept(y, seed._data, leaves, False), swept(y, seed, leaves, True)
    second = []
    for g in again:
        if g.requires_grad:
            weights = put(random.standard_normal(g.shape).astype(g.dtype))
            second += swept(g, weights, [seed, *leaves], False)
    return [y._data, *first, *(g._data for g in again), *second]


def changed(x):
    """Return other numbers that take the same way."""
    return x * np.asarray(0.97, x.dtype) if x.dtype.kind == "f" else x


def check(function, operands):
    """Check that all numbers are seen: what comes is bit for bit what comes of plain arrays, and nothing else comes in."""
    runs = []
    for numbers in (operands, list(map(changed, operands))):
        Noted.calls, Noted.owners = [], {}
        results, plain = two_orders(function, numbers, noted), two_orders(function, numbers, np.array)
        runs.append(Noted.calls)
        assert len(results) == len(plain)
        for ours, array in zip(results, plain, strict=True):
            assert type(ours) is Noted and ours.seen
            array = np.asarray(array)
            assert (ours.dtype, ours.shape) == (array.dtype, array.shape)
            assert ours.tobytes.__name__ and np.array_equal(np.asarray(ours), array, equal_nan=True)
            assert ours.size < 2 or ours.strides == array.strides
    assert runs[0] == runs[1]
    assert runs[0]


@pytest.mark.parametrize(("name", "i"), CASES)
def test_a_primitive_is_seen(name, i):
    operands, params = samples(name)[i]

    def function(*xs):
        arrays = noted if type(xs[0]._data) is Noted else np.array
        return called(name)(*xs, **tree_map(lambda v: arrays(v) if isinstance(v, np.ndarray) else v, params))

    check(function, [np.asarray(x) for x in operands])


def floats(*shape):
    return rng.standard_normal(shape).astype(np.float32)


KEEP = {"keepdims": True}
CONV = {"stride": (1, 1), "padding": ((1, 1), (1, 1)), "dilation": (1, 1), "groups": 1}
POOL = {"kernel": (2, 2), "stride": (2, 2), "padding": ((0, 0), (0, 0))}
LARGE = [  # where memory is laid out by hand, or sums are products
    *(("reduction.sum", shape, {"axis": axis, "keepdims": keep})
      for shape, axis in (((300, 40), (0,)), ((300, 40), (1,)), ((300, 4), (0,)), ((8, 16, 12, 12), (0, 2, 3)), ((8, 300, 9), (1,)), ((5000, 2), (0, 1)), ((3, 700, 3), (1,)))
      for keep in (False, True)),
    *((f"reduction.{name}", (8, 16, 12, 12), {"axis": (0, 2, 3), **KEEP}) for name in ("mean", "mean_square", "amax")),
    *((f"reduction.{name}", shape, {"axis": 1}) for name in ("softmax", "log_softmax", "cumsum") for shape in ((60, 10), (60, 100), (8, 16, 12))),
    ("reduction.centred", (300, 40), {"axis": (0,)}),
    ("norm.vector_norm", (300, 40), {"axis": (0, 1), "order": 2, "keepdims": False}),
    *((f"special.{name}", (300, 200), {}) for name in ("erf", "erfc")),
    *((f"elementwise.{name}", (200, 300), {}) for name in ("relu", "sigmoid", "abs", "softplus")),
    ("elementwise.hardtanh", (200, 300), {"min": -0.5, "max": 0.5}),
    *((f"elementwise.{name}", ((16, 32, 16, 16), (32, 1, 1)), {}) for name in ("mul", "sub", "div", "maximum")),
    *((f"elementwise.{name}", ((16, 32, 16, 16), (1, 32, 1, 1)), {}) for name in ("mul", "add", "sub_mean")),
    ("elementwise.addcmul", ((1, 32, 1, 1), (16, 32, 16, 16), (1, 32, 1, 1)), {}),
    *((f"elementwise.{name}", ((60, 100), (100,)), {}) for name in ("mul", "add", "sub_mean")),
    *(("matmul.matmul", shapes, {}) for shapes in (((60, 100), (100, 50)), ((8, 16, 32), (32, 70)), ((8, 4, 16, 32), (8, 4, 32, 16)))),
    ("matmul.linear", ((60, 784), (100, 784), (100,)), {}),
    ("window.conv", ((8, 3, 14, 14), (6, 3, 3, 3)), CONV),
    ("window.conv", ((8, 3, 14, 14), (6, 3, 3, 3)), {**CONV, "stride": (2, 2)}),
    ("window.conv", ((4, 16, 14, 14), (32, 16, 3, 3)), CONV),
    ("window.max_pool", (4, 3, 8, 8), {**POOL, "dilation": (1, 1)}),
    ("window.max_pool", (4, 3, 8, 8), {**POOL, "padding": ((1, 1), (1, 1)), "kernel": (3, 3), "dilation": (1, 1)}),
    ("window.window_sum", (4, 3, 8, 8), {**POOL, "padding": ((1, 1), (1, 1)), "kernel": (3, 3)}),
    ("shape.concatenate", ((60, 10), (60, 20)), {"axis": 1}),
    ("scan.cumprod", (60, 20), {"axis": 0}), ("scan.logcumsumexp", (60, 20), {"axis": 1}),
]  # fmt: skip


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize(("name", "shapes", "params"), LARGE, ids=lambda v: v if isinstance(v, str) else "")
def test_a_large_one_is_seen(name, shapes, params, turned):
    shapes = shapes if isinstance(shapes[0], tuple) else (shapes,)
    operands = [floats(*shape) for shape in shapes]
    function = lambda *xs: ALL[name](*xs, **params)
    if turned:
        check(lambda *xs: function(*(x.transpose(0, -1).contiguous().transpose(0, -1) for x in xs)), operands)
    else:
        check(function, operands)
