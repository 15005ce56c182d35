"""Broadcasting over drawn shapes: gradients, of both orders, are those of operands stretched beforehand."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import mutually_broadcastable_shapes

import minigrad as mg

quick = settings(max_examples=40, deadline=None, derandomize=True, database=None)


def shapes(n):
    return mutually_broadcastable_shapes(num_shapes=n, min_dims=0, max_dims=4, min_side=0, max_side=3)


BINARY = {
    "add": lambda x, y: x + y,
    "sub": lambda x, y: x - y,
    "mul": lambda x, y: x * y,
    "div": lambda x, y: x / (y * y + 1),
    "pow": lambda x, y: (x * x + 1) ** y,
    "maximum": mg.maximum,
    "minimum": mg.minimum,
}
TERNARY = {
    "where": lambda x, y, z: mg.where(x > 0, y, z) * x,
    "lerp": lambda x, y, z: mg.lerp(x, y, z),
    "addcmul": lambda x, y, z: mg.addcmul(x, y, z, value=2),
    "addcdiv": lambda x, y, z: mg.addcdiv(x, y, z * z + 1),
    "clamp": lambda x, y, z: mg.clamp(x, mg.minimum(y, z), mg.maximum(y, z)) * x,
}


def reduced(g, shape):
    """Sum over what was stretched, written independently of the sweep."""
    while g.ndim > len(shape):
        g = g.sum(axis=0)
    for axis, n in enumerate(shape):
        if n == 1 and g.shape[axis] != 1:
            g = g.sum(axis=axis, keepdims=True)
    return g


def two_orders(f, arrays, seed):
    """Return the value, the gradients, and the gradients of a combination of those."""
    xs = [mg.tensor(a, requires_grad=True) for a in arrays]
    y = f(*xs)
    rng = np.random.default_rng(seed)
    first = mg.autograd.grad(y, xs, mg.tensor(rng.standard_normal(y.shape)), create_graph=True, materialize_grads=True)
    total = sum((g * g).sum() for g in first)
    second = mg.autograd.grad(total, xs, materialize_grads=True) if total.requires_grad else [x * 0 for x in xs]
    return y.detach().numpy(), [g.detach().numpy() for g in first], [g.detach().numpy() for g in second]


def check(f, drawn, seed):
    rng = np.random.default_rng(seed)
    arrays = [rng.standard_normal(shape) for shape in drawn.input_shapes]
    y, first, _ = two_orders(f, arrays, seed)
    assert y.shape == drawn.result_shape
    stretched = [np.array(np.broadcast_to(a, drawn.result_shape)) for a in arrays]
    expected, gs, _ = two_orders(f, stretched, seed)
    np.testing.assert_allclose(y, expected, rtol=1e-12)
    for a, g, h in zip(arrays, first, gs, strict=True):
        assert g.shape == a.shape and g.dtype == a.dtype
        np.testing.assert_allclose(g, reduced(h, a.shape), rtol=1e-9, atol=1e-12)


def check_second(f, drawn, seed):
    """The same of the function that stretches by itself, as one composed function of its operands."""
    rng = np.random.default_rng(seed)
    arrays = [rng.standard_normal(shape) for shape in drawn.input_shapes]
    _, _, second = two_orders(f, arrays, seed)
    _, _, expected = two_orders(lambda *xs: f(*(x.expand(drawn.result_shape) for x in xs)), arrays, seed)
    for a, b in zip(second, expected, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", BINARY)
@quick
@given(drawn=shapes(2), seed=st.integers(0, 100))
def test_two_operands(name, drawn, seed):
    check(BINARY[name], drawn, seed)
    check_second(BINARY[name], drawn, seed)


@pytest.mark.parametrize("name", TERNARY)
@quick
@given(drawn=shapes(3), seed=st.integers(0, 100))
def test_three_operands(name, drawn, seed):
    check(TERNARY[name], drawn, seed)
    check_second(TERNARY[name], drawn, seed)


@quick
@given(drawn=mutually_broadcastable_shapes(signature="(i,j),(j,k)->(i,k)", max_dims=3, min_side=1, max_side=3))
def test_matmul(drawn):
    rng = np.random.default_rng(0)
    arrays = [rng.standard_normal(shape) for shape in drawn.input_shapes]
    y, first, second = two_orders(lambda a, b: a @ b, arrays, 0)
    assert y.shape == drawn.result_shape
    lead = drawn.result_shape[:-2]
    stretched = [np.array(np.broadcast_to(a, lead + a.shape[-2:])) for a in arrays]
    expected, gs, _ = two_orders(lambda a, b: a @ b, stretched, 0)
    np.testing.assert_allclose(y, expected, rtol=1e-10, atol=1e-12)
    for a, g, h in zip(arrays, first, gs, strict=True):
        np.testing.assert_allclose(g, reduced(h, a.shape), rtol=1e-9, atol=1e-12)
    widened = two_orders(lambda a, b: (a[..., None] * b[..., None, :, :]).sum(-2), arrays, 0)
    for a, b in zip(second, widened[2], strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-10)


def test_shapes_that_do_not_fit():
    for f in (*BINARY.values(),):
        with pytest.raises(RuntimeError, match=r"The size of tensor a \(2\) must match the size of tensor b \(3\)"):
            f(mg.ones(2), mg.ones(3))
