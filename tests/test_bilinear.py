"""The layer of two inputs beside PyTorch, to second order."""

import numpy as np
import pytest
from layers import same_error, same_layer
from oracle import agree

rng = np.random.default_rng(0)
A, B = (rng.standard_normal(shape).astype("float32") for shape in ((4, 2, 3), (4, 2, 5)))
LAYERS = {
    "with bias": (lambda L: L.nn.Bilinear(3, 5, 2), A, B),
    "without": (lambda L: L.nn.Bilinear(3, 5, 2, bias=False), A, B),
    "of vectors": (lambda L: L.nn.Bilinear(3, 5, 2), A[0, 0], B[0, 0]),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layers_are_pytorchs(name, torch):
    same_layer(torch, *LAYERS[name])


def test_second_order_is_pytorchs(torch):
    agree(torch, lambda F, x, y, w, b: F.bilinear(x, y, w, b), (4, 3), (4, 5), (2, 3, 5), (2,))


ERRORS = {
    "other batches": (lambda L, x: L.nn.Bilinear(3, 3, 2)(x, x[:1]), 46),
    "other features": (lambda L, x: L.nn.Bilinear(4, 3, 2)(x, x), 50),
    "no features": (lambda L, x: L.nn.Bilinear(0, 3, 2), 30),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors_are_pytorchs(name, torch):
    call, opening = ERRORS[name]
    same_error(torch, lambda lib: call(lib, lib.ones(2, 3)), opening=opening)
