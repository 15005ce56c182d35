"""Normalisation of each sample by itself beside PyTorch, to second order; offsets lose no digits."""

import numpy as np
import pytest
from layers import same_error, same_layer

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import nn
from minigrad.autograd import gradcheck, gradgradcheck

rng = np.random.default_rng(0)
ROWS = rng.standard_normal((3, 4, 5)).astype("float32")
IMAGE = rng.standard_normal((2, 6, 4, 3)).astype("float32")
SPACE = rng.standard_normal((2, 4, 2, 3, 2)).astype("float32")
LAYERS = {
    "layer": (lambda L: L.nn.LayerNorm(5), ROWS),
    "two dimensions": (lambda L: L.nn.LayerNorm((4, 5), eps=1e-3), ROWS),
    "no bias": (lambda L: L.nn.LayerNorm([5], bias=False), ROWS),
    "not affine": (lambda L: L.nn.LayerNorm(5, elementwise_affine=False), ROWS),
    "a vector": (lambda L: L.nn.LayerNorm(5), ROWS[0, 0]),
    "doubles": (lambda L: L.nn.LayerNorm(5, dtype=L.float64), ROWS.astype("float64")),
    "nothing": (lambda L: L.nn.LayerNorm(5), ROWS[:0]),
    "rms": (lambda L: L.nn.RMSNorm(5), ROWS),
    "rms with eps": (lambda L: L.nn.RMSNorm((4, 5), eps=1e-2), ROWS),
    "rms not affine": (lambda L: L.nn.RMSNorm(5, elementwise_affine=False), ROWS),
    "groups": (lambda L: L.nn.GroupNorm(3, 6), IMAGE),
    "one group": (lambda L: L.nn.GroupNorm(1, 6, eps=1e-3), IMAGE),
    "groups of rows": (lambda L: L.nn.GroupNorm(1, 5, bias=False), ROWS[:, 0]),
    "groups not affine": (lambda L: L.nn.GroupNorm(6, 6, affine=False), IMAGE),
    "response": (lambda L: L.nn.LocalResponseNorm(2, alpha=0.5), IMAGE),
    "response of three": (lambda L: L.nn.LocalResponseNorm(3, 0.1, 0.5, 2.0), ROWS),
    "instance 1d": (lambda L: L.nn.InstanceNorm1d(4), ROWS),
    "instance 2d": (lambda L: L.nn.InstanceNorm2d(6, affine=True), IMAGE),
    "instance 3d": (lambda L: L.nn.InstanceNorm3d(4, eps=1e-3), SPACE),
    "instance of one": (lambda L: L.nn.InstanceNorm2d(6, affine=True, bias=False), IMAGE[0]),
    "instance tracked": (lambda L: L.nn.InstanceNorm2d(6, 1e-5, 0.3, True, True), IMAGE),
    "instance of one tracked": (lambda L: L.nn.InstanceNorm1d(4, track_running_stats=True), ROWS[0]),
    "instance without momentum": (lambda L: L.nn.InstanceNorm1d(4, momentum=None, track_running_stats=True), ROWS),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layers_are_pytorchs(name, torch):
    same_layer(torch, *LAYERS[name])


@pytest.mark.parametrize("offset", [1e3, 1e5])
def test_offsets_lose_no_digits(offset):
    x = ROWS.astype("float64") + offset
    exact = F.layer_norm(mg.tensor(x.astype("float32").astype("float64")), (5,)).numpy()
    found = F.layer_norm(mg.tensor(x.astype("float32")), (5,)).numpy()
    np.testing.assert_allclose(found, exact, atol=1e-5)


CALLS = {
    "layer_norm": lambda x, w, b: F.layer_norm(x, (5,), w[0], b[0]),
    "layer_norm of two": lambda x, w, b: F.layer_norm(x, (4, 5), w, b),
    "rms_norm": lambda x, w, b: F.rms_norm(x, (5,), w[0] + b[0]),
    "group_norm": lambda x, w, b: F.group_norm(x, 2, w[:, 0], b[:, 0]),
    "instance_norm": lambda x, w, b: F.instance_norm(x, weight=w[:, 0], bias=b[:, 0]),
    "local_response_norm": lambda x, w, b: F.local_response_norm(x * w + b, 3, alpha=0.7),
}


@pytest.mark.parametrize("name", CALLS)
def test_second_order(name):
    shapes = ((2, 4, 5), (4, 5), (4, 5))
    operands = [mg.tensor(np.random.default_rng(1).standard_normal(s)).requires_grad_() for s in shapes]
    assert gradcheck(CALLS[name], operands) and gradgradcheck(CALLS[name], operands)


def test_other_channels_without_parameters_are_normalised_with_a_warning():
    with pytest.warns(UserWarning, match="does not match num_features"):
        assert nn.InstanceNorm1d(3)(mg.tensor(ROWS)).shape == ROWS.shape


ERRORS = {
    "other shape": (lambda L, x: L.nn.functional.layer_norm(x, (3,)), 99),
    "other weight": (lambda L, x: L.nn.functional.layer_norm(x, (4,), L.ones(3)), 99),
    "other bias": (lambda L, x: L.nn.functional.layer_norm(x, (4,), None, L.ones(3)), 99),
    "a number": (lambda L, x: L.nn.functional.layer_norm(x, 4), 80),
    "no shape": (lambda L, x: L.nn.functional.layer_norm(x, ()), 99),
    "integers": (lambda L, x: L.nn.functional.layer_norm(x.long(), (4,)), 0),
    "a list": (lambda L, x: L.nn.functional.layer_norm([1], (1,)), 60),
    "rms of another shape": (lambda L, x: L.nn.functional.rms_norm(x, (3,)), 99),
    "groups that do not divide": (lambda L, x: L.nn.functional.group_norm(x, 2), 99),
    "weight of groups": (lambda L, x: L.nn.functional.group_norm(x, 3, L.ones(2)), 99),
    "groups of a vector": (lambda L, x: L.nn.functional.group_norm(x[0, 0], 3), 70),
    "one value": (lambda L, x: L.nn.functional.group_norm(x[:1, :, 0], 3), 80),
    "layer of groups": (lambda L, x: L.nn.GroupNorm(2, 3), 60),
    "response of a matrix": (lambda L, x: L.nn.LocalResponseNorm(2)(x[0]), 29),
    "one spatial element": (lambda L, x: L.nn.InstanceNorm1d(3)(x[:, :, :1]), 66),
    "other channels": (lambda L, x: L.nn.InstanceNorm1d(4, affine=True)(x), 80),
    "other rank": (lambda L, x: L.nn.InstanceNorm1d(3)(x[0, 0]), 50),
    "no statistics": (lambda L, x: L.nn.functional.instance_norm(x, use_input_stats=False), 75),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors_are_pytorchs(name, torch):
    call, opening = ERRORS[name]
    same_error(torch, lambda lib: call(lib, lib.ones(2, 3, 4)), opening=opening)
