"""NumPy both ways: what is recorded, what is refused, and that nothing slips out of the graph."""

import numpy as np
import pytest

import minigrad as mg


def leaf():
    return mg.tensor([1.0, 2.0, 3.0], requires_grad=True)


@pytest.mark.parametrize(
    ("function", "gradient"),
    [
        (lambda x: np.ones(3) + x, [1, 1, 1]),
        (lambda x: np.arange(3.0) * x, [0, 1, 2]),
        (lambda x: np.float64(2) * x, [2, 2, 2]),
        (lambda x: np.arange(3.0) @ x, [0, 1, 2]),
        (lambda x: np.square(x), [2, 4, 6]),
        (lambda x: np.sum(x * x), [2, 4, 6]),
        (lambda x: np.mean(x, axis=0), [1 / 3] * 3),
        (lambda x: np.max(x), [0, 0, 1]),
        (lambda x: np.add.reduce(x), [1, 1, 1]),
        (lambda x: np.maximum.reduce(x), [0, 0, 1]),
        (lambda x: np.concatenate([x, 2 * x]), [3, 3, 3]),
        (lambda x: np.stack([x, 2 * x], axis=1), [3, 3, 3]),
        (lambda x: np.where(np.array([True, False, True]), x, 0.0), [1, 0, 1]),
        (lambda x: np.transpose(np.reshape(x, (3, 1))), [1, 1, 1]),
    ],
)
def test_numpy_calls_are_recorded(function, gradient):
    x = leaf()
    y = function(x)
    assert isinstance(y, mg.Tensor)
    y.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), gradient)
    assert x.grad.dtype == np.float32


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda x: np.asarray(x), RuntimeError, "requires grad"),
        (lambda x: np.zeros(3).__setitem__(slice(None), x), RuntimeError, "requires grad"),
        (lambda x: np.gradient(x), TypeError, "np.gradient has no vjp"),
        (lambda x: np.add(x, 1, out=np.zeros(3)), TypeError, "out= is refused"),
        (lambda x: np.sum(x, out=np.zeros(())), TypeError, "out= is refused"),
        (lambda x: np.add.at(np.zeros(3), [0], x), TypeError, "np.add.at"),
        (lambda x: np.cbrt(x), TypeError, "np.cbrt has no vjp"),
        (lambda x: x.numpy(), RuntimeError, "detach"),
    ],
)
def test_what_would_lose_a_gradient_raises(call, error, words):
    with pytest.raises(error, match=words):
        call(leaf())


def test_without_a_gradient_the_array_is_the_memory():
    x = mg.zeros(3)
    np.asarray(x)[0] = 5
    assert x.tolist() == [5, 0, 0]
    assert leaf().detach().numpy().tolist() == [1, 2, 3]
