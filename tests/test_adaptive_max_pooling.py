"""Maxima over as many windows as asked for, and over windows at random: PyTorch's values, places and gradients."""

import numpy as np
import pytest
from layers import same_error, same_layer
from oracle import agree, check, text

import minigrad as mg

rng = np.random.default_rng(0)
LINE, IMAGE, SPACE = (
    rng.standard_normal((2, 3, 7)),
    rng.standard_normal((2, 3, 7, 5)),
    rng.standard_normal((2, 2, 5, 4, 6)),
)
TIES = rng.integers(0, 3, (2, 2, 6, 7)).astype(float)
CALLS = [
    (lambda F, x: F.adaptive_max_pool1d(x, 3), LINE),
    (lambda F, x: F.adaptive_max_pool1d(x[0], 9), LINE),
    (lambda F, x: F.adaptive_max_pool2d(x, 3), IMAGE),
    (lambda F, x: F.adaptive_max_pool2d(x, (None, 2)), IMAGE),
    (lambda F, x: F.adaptive_max_pool2d(x[1], (1, 7)), IMAGE),
    (lambda F, x: F.adaptive_max_pool2d(x, (4, 3)), TIES),
    (lambda F, x: F.adaptive_max_pool3d(x, (2, 3, 4)), SPACE),
    (lambda F, x: F.adaptive_max_pool3d(x[0], 1), SPACE),
]


@pytest.mark.parametrize(("call", "x"), CALLS, ids=[text(call) for call, _ in CALLS])
def test_adaptive_maxima_are_pytorchs_to_second_order(call, x, torch):
    agree(torch, call, x)


PLACES = [
    (lambda L, x: L.nn.functional.adaptive_max_pool1d(x, 3, True), LINE),
    (lambda L, x: L.nn.functional.adaptive_max_pool2d(x, (4, 3), return_indices=True), TIES),
    (lambda L, x: L.nn.functional.adaptive_max_pool2d_with_indices(x, 2), IMAGE),
    (lambda L, x: L.nn.functional.adaptive_max_pool3d(x, (2, 3, 4), True), SPACE),
    (lambda L, x: L.nn.functional.max_pool2d_with_indices(x, 3, 2, 1), IMAGE),
    (lambda L, x: L.nn.functional.max_pool1d_with_indices(x, 2), LINE),
    (lambda L, x: L.nn.functional.max_pool3d_with_indices(x, 2, ceil_mode=True), SPACE),
    (lambda L, x: L.nn.functional.fractional_max_pool2d(x, 2, (4, 3), return_indices=True), TIES),
    (lambda L, x: L.nn.functional.fractional_max_pool2d_with_indices(x[0], (2, 1), output_ratio=(0.6, 0.7)), IMAGE),
    (lambda L, x: L.nn.functional.fractional_max_pool3d(x, 2, (3, 2, 4), return_indices=True), SPACE),
    (lambda L, x: L.nn.functional.fractional_max_pool3d_with_indices(x[0], 1, (1, 2, 4)), SPACE),
]


@pytest.mark.parametrize(("call", "x"), PLACES, ids=[text(call) for call, _ in PLACES])
def test_places_and_random_windows_are_pytorchs(call, x, torch):
    for values in (x, x.astype("float32")):
        assert check(torch, call, values, seed=3) == "gradients"


MODULES = [
    (lambda L: L.nn.AdaptiveMaxPool1d(4), LINE),
    (lambda L: L.nn.AdaptiveMaxPool2d((3, None), return_indices=True), IMAGE),
    (lambda L: L.nn.AdaptiveMaxPool3d(2), SPACE),
    (lambda L: L.nn.FractionalMaxPool2d(2, output_size=3), IMAGE),
    (lambda L: L.nn.FractionalMaxPool2d((3, 2), output_ratio=0.5, return_indices=True), IMAGE),
    (lambda L: L.nn.FractionalMaxPool3d(2, output_ratio=(0.6, 0.5, 0.6)), SPACE),
]


@pytest.mark.parametrize(("make", "x"), MODULES, ids=[text(make) for make, _ in MODULES])
def test_layers_are_pytorchs(make, x, torch):
    same_layer(torch, make, x.astype("float32"))


@pytest.mark.parametrize(
    "call",
    [
        lambda L: L.nn.functional.adaptive_max_pool2d(L.zeros(2, 3), 2),
        lambda L: L.nn.functional.adaptive_max_pool2d(L.zeros(1, 2, 3, 3), (2, 2, 2)),
        lambda L: L.nn.functional.adaptive_max_pool2d(L.zeros(1, 2, 0, 3), 2),
        lambda L: L.nn.functional.adaptive_max_pool2d(L.zeros(1, 2, 3, 3).long(), 2),
        lambda L: L.nn.functional.fractional_max_pool2d(L.zeros(1, 2, 5, 5), 2),
        lambda L: L.nn.functional.fractional_max_pool2d(L.zeros(1, 2, 5, 5), 2, 9),
        lambda L: L.nn.FractionalMaxPool2d(2),
        lambda L: L.nn.FractionalMaxPool2d(2, output_size=2, output_ratio=0.5),
        lambda L: L.nn.FractionalMaxPool3d(2, output_ratio=1.5),
    ],
    ids=text,
)
def test_refuses_as_pytorch(call, torch):
    same_error(torch, call)


def test_empty_batches_and_sizes():
    assert mg.nn.functional.adaptive_max_pool2d(mg.zeros(0, 2, 3, 3), 2).shape == (0, 2, 2, 2)
    assert mg.nn.functional.adaptive_max_pool2d(mg.zeros(1, 2, 3, 3), 0).shape == (1, 2, 0, 0)
