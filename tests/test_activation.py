"""Activations that gate, shrink or have slopes of their own, beside PyTorch; to second order."""

import numpy as np
import pytest
from layers import same_error, same_layer
from oracle import agree

import minigrad as mg
import minigrad.nn.functional as F
from minigrad.autograd import gradcheck, gradgradcheck

rng = np.random.default_rng(0)
X = (3, 4)
KINKS = np.array([[-4.0, -3.0, -0.5, 0.0], [0.5, 3.0, 4.0, -0.0], [0.6, np.inf, -np.inf, 1.0]])
SHAPED = {
    "glu": (lambda F, x: F.glu(x), X),
    "glu of rows": (lambda F, x: F.glu(x, 0), (4, 3)),
    "celu": (lambda F, x: F.celu(x, 0.5), X),
    "hardshrink": (lambda F, x: F.hardshrink(x * x * x, 0.2), X),
    "softshrink": (lambda F, x: F.softshrink(x * x * x, 0.2), X),
    "tanhshrink": (lambda F, x: F.tanhshrink(x), X),
    "threshold": (lambda F, x: F.threshold(x * x, 0.3, -2.0), X),
    "prelu": (lambda F, x, w: F.prelu(x, w), X, (4,)),
    "prelu of one": (lambda F, x, w: F.prelu(x, w), (2, 3, 2), (1,)),
    "rrelu in evaluation": (lambda F, x: F.rrelu(x) * x, X),
    "softmin": (lambda F, x: F.softmin(x, dim=1), X),
    "normalize": (lambda F, x: F.normalize(x), X),
    "normalize by another norm": (lambda F, x: F.normalize(x, 3.0, dim=0), X),
}


@pytest.mark.parametrize("name", SHAPED)
def test_functions_are_pytorchs(name, torch):
    agree(torch, *SHAPED[name])


@pytest.mark.parametrize("call", [F.hardsigmoid, F.hardswish])
def test_second_order(call):
    x = mg.tensor(rng.standard_normal(X) * 3).requires_grad_()
    assert gradcheck(call, (x,)) and gradgradcheck(lambda x: call(x) * x, (x,))


CALLS = [
    lambda F, x: F.hardsigmoid(x), lambda F, x: F.hardswish(x), lambda F, x: F.celu(x), lambda F, x: F.hardshrink(x),
    lambda F, x: F.softshrink(x), lambda F, x: F.threshold(x, 0.5, 9.0), lambda F, x: F.prelu(x, x.new_ones(1) / 4),
    lambda F, x: F.rrelu(x),
]  # fmt: skip


@pytest.mark.parametrize("call", CALLS)
def test_kinks_and_ends_are_pytorchs(call, torch):
    found = []
    for lib in (mg, torch):
        x = lib.tensor(KINKS).requires_grad_()
        y = call(lib.nn.functional, x)
        y.sum().backward()
        found.append((y.detach().numpy(), x.grad.numpy()))
    for ours, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)  # PyTorch's sixths are float32 in doubles, too


ROWS = rng.standard_normal((3, 4)).astype("float32")
IMAGE = rng.standard_normal((2, 4, 3, 2)).astype("float32")
LAYERS = {
    "GLU": (lambda L: L.nn.GLU(), ROWS),
    "GLU of channels": (lambda L: L.nn.GLU(1), IMAGE),
    "Hardsigmoid": (lambda L: L.nn.Hardsigmoid(), ROWS),
    "Hardswish": (lambda L: L.nn.Hardswish(), ROWS),
    "CELU": (lambda L: L.nn.CELU(2.0), ROWS),
    "Hardshrink": (lambda L: L.nn.Hardshrink(), ROWS),
    "Softshrink": (lambda L: L.nn.Softshrink(0.3), ROWS),
    "Tanhshrink": (lambda L: L.nn.Tanhshrink(), ROWS),
    "Threshold": (lambda L: L.nn.Threshold(0.1, 2.0), ROWS),
    "PReLU": (lambda L: L.nn.PReLU(), ROWS),
    "PReLU of channels": (lambda L: L.nn.PReLU(4, init=0.1), IMAGE),
    "RReLU": (lambda L: L.nn.RReLU(), ROWS),
    "RReLU of doubles": (lambda L: L.nn.RReLU(0.1, 0.9), ROWS.astype("float64")),
    "Softmin": (lambda L: L.nn.Softmin(dim=1), ROWS),
    "Softmax2d": (lambda L: L.nn.Softmax2d(), IMAGE),
    "in place": (
        lambda L: L.nn.Sequential(L.nn.Linear(4, 4), L.nn.CELU(inplace=True), L.nn.Linear(4, 4), L.nn.RReLU(inplace=True)),
        ROWS,
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LAYERS)
def test_layers_are_pytorchs(name, torch):
    same_layer(torch, *LAYERS[name])


@pytest.mark.parametrize("hard", [False, True])
def test_gumbel_softmax_draws_as_pytorchs(hard, torch):
    def make(L):
        class Layer(L.nn.Module):
            def forward(self, x):
                return L.nn.functional.gumbel_softmax(x, tau=0.7, hard=hard)

        return Layer()

    same_layer(torch, make, ROWS)


ERRORS = {
    "negative lambda": (lambda L, x: L.nn.functional.softshrink(x, -1.0), 24),
    "odd halves": (lambda L, x: L.nn.functional.glu(x), 60),
    "a scalar": (lambda L, x: L.nn.functional.glu(x[0, 0]), 60),
    "slopes of other channels": (lambda L, x: L.nn.functional.prelu(x, L.ones(2)), 99),
    "a matrix of slopes": (lambda L, x: L.nn.functional.prelu(x, L.ones(1, 3)), 68),
    "alpha of 0": (lambda L, x: L.nn.functional.celu(x, 0.0), 44),
    "channels of a vector": (lambda L, x: L.nn.Softmax2d()(x[0]), 60),
    "crossed slopes": (lambda L, x: L.nn.RReLU(0.5, 0.1)(x), 58),
    "hardswish of integers": (lambda L, x: L.nn.functional.hardswish(x.long()), 0),
    "draws of integers": (lambda L, x: L.nn.functional.gumbel_softmax(x.long()), 60),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors_are_pytorchs(name, torch):
    call, opening = ERRORS[name]
    same_error(torch, lambda lib: call(lib, lib.ones(2, 3)), opening=opening)


WRITTEN = {
    "relu_": (), "elu_": (0.7,), "selu_": (), "celu_": (0.5,), "hardtanh_": (-0.5, 0.4), "leaky_relu_": (0.2,),
    "rrelu_": (0.1, 0.3, True), "threshold_": (0.2, 3.0),
}  # fmt: skip


@pytest.mark.parametrize("name", WRITTEN)
def test_functions_with_an_underscore_write_into_their_input(name, torch):
    results = []
    for lib in (mg, torch):
        lib.manual_seed(0)
        leaf = lib.tensor(ROWS).requires_grad_()
        x = leaf * 1
        y = getattr(lib.nn.functional, name)(x, *WRITTEN[name])
        assert y is x
        (y * y.detach()).sum().backward()
        results.append((y.detach().numpy(), leaf.grad.numpy()))
    for ours, theirs in zip(*results, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)
    with pytest.raises(TypeError, match=rf"{name}\(\): argument 'input' \(position 1\) must be Tensor, not ndarray"):
        getattr(F, name)(ROWS.copy(), *WRITTEN[name])
