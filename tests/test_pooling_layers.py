"""Pooling and padding layers in one to three dimensions, beside PyTorch; to second order."""

import numpy as np
import pytest
from layers import same_error, same_layer
from oracle import agree

import minigrad as mg

rng = np.random.default_rng(0)


def floats(*shape):
    return rng.standard_normal(shape).astype("float32")


LINE, IMAGE, SPACE = floats(2, 3, 8), floats(2, 3, 6, 7), floats(2, 3, 6, 5, 4)
LAYERS = {
    "MaxPool1d": (lambda L: L.nn.MaxPool1d(2), LINE),
    "MaxPool1d with every option": (lambda L: L.nn.MaxPool1d(3, 2, 1, 2, ceil_mode=True), LINE),
    "MaxPool1d without batch": (lambda L: L.nn.MaxPool1d(3), LINE[0]),
    "MaxPool3d": (lambda L: L.nn.MaxPool3d(2), SPACE),
    "MaxPool3d with every option": (lambda L: L.nn.MaxPool3d((2, 3, 2), (2, 1, 2), (1, 1, 0), ceil_mode=True), SPACE),
    "MaxPool1d with indices": (lambda L: L.nn.MaxPool1d(3, 2, 1, 2, True, True), LINE),
    "MaxPool2d with indices": (lambda L: L.nn.MaxPool2d((2, 3), (1, 2), (1, 0), return_indices=True), IMAGE),
    "MaxPool2d with indices, no batch": (lambda L: L.nn.MaxPool2d(2, return_indices=True), IMAGE[0]),
    "MaxPool3d with indices": (lambda L: L.nn.MaxPool3d(2, 1, dilation=2, return_indices=True), SPACE),
    "MaxUnpool1d": (lambda L: L.nn.MaxUnpool1d(2), LINE[..., :4], np.array([[[0, 3, 4, 7]] * 3] * 2)),
    "MaxUnpool2d": (lambda L: L.nn.MaxUnpool2d(2, 2), IMAGE[..., :2, :2], np.array([[[[0, 3], [8, 15]]] * 3] * 2)),
    "AvgPool1d": (lambda L: L.nn.AvgPool1d(2), LINE),
    "AvgPool1d with every option": (lambda L: L.nn.AvgPool1d(3, 2, 1, True, False), LINE),
    "AvgPool3d": (lambda L: L.nn.AvgPool3d(2), SPACE),
    "AvgPool3d with every option": (lambda L: L.nn.AvgPool3d((2, 3, 2), 2, 1, True, False, 5), SPACE),
    "AdaptiveAvgPool1d": (lambda L: L.nn.AdaptiveAvgPool1d(3), LINE),
    "AdaptiveAvgPool3d": (lambda L: L.nn.AdaptiveAvgPool3d((3, None, 2)), SPACE),
    "AdaptiveAvgPool3d to one": (lambda L: L.nn.AdaptiveAvgPool3d(1), SPACE[0]),
    "LPPool1d": (lambda L: L.nn.LPPool1d(2, 3, 2), LINE),
    "LPPool2d": (lambda L: L.nn.LPPool2d(3.0, (2, 3), ceil_mode=True), abs(IMAGE)),
    "LPPool3d": (lambda L: L.nn.LPPool3d(2, 2), SPACE),
    "LPPool1d of the largest": (lambda L: L.nn.LPPool1d(float("inf"), 2), LINE),
    "LPPool1d of the smallest": (lambda L: L.nn.LPPool1d(-float("inf"), 2), LINE),
    "ZeroPad1d": (lambda L: L.nn.ZeroPad1d(2), LINE),
    "ZeroPad2d": (lambda L: L.nn.ZeroPad2d((1, 2, 0, -1)), IMAGE),
    "ZeroPad3d": (lambda L: L.nn.ZeroPad3d(1), SPACE),
    "ConstantPad1d": (lambda L: L.nn.ConstantPad1d((1, 2), 3.5), LINE),
    "ConstantPad2d": (lambda L: L.nn.ConstantPad2d(1, 2.0), IMAGE),
    "ConstantPad3d": (lambda L: L.nn.ConstantPad3d((1, 0, 2, 0, 0, 1), -1.0), SPACE),
    "ReflectionPad1d": (lambda L: L.nn.ReflectionPad1d((3, 1)), LINE),
    "ReflectionPad2d": (lambda L: L.nn.ReflectionPad2d(2), IMAGE),
    "ReflectionPad3d": (lambda L: L.nn.ReflectionPad3d(1), SPACE),
    "ReplicationPad1d": (lambda L: L.nn.ReplicationPad1d((3, 1)), LINE),
    "ReplicationPad2d": (lambda L: L.nn.ReplicationPad2d((1, 0, 2, 3)), IMAGE),
    "ReplicationPad3d": (lambda L: L.nn.ReplicationPad3d(2), SPACE),
    "CircularPad1d": (lambda L: L.nn.CircularPad1d(3), LINE),
    "CircularPad1d that takes away": (lambda L: L.nn.CircularPad1d((2, -1)), LINE),
    "ReflectionPad1d that takes away": (lambda L: L.nn.ReflectionPad1d((-3, 1)), LINE),
    "CircularPad2d": (lambda L: L.nn.CircularPad2d((1, 0, 2, 3)), IMAGE),
    "CircularPad3d": (lambda L: L.nn.CircularPad3d(2), SPACE),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layers_are_pytorchs(name, torch):
    same_layer(torch, *LAYERS[name])


def test_what_was_pooled_is_put_back(torch):
    results = []
    for lib in (mg, torch):
        x = lib.tensor(IMAGE).requires_grad_()
        y, places = lib.nn.MaxPool2d(2, 2, return_indices=True)(x)
        back = lib.nn.MaxUnpool2d(2, 2)(y * y, places, output_size=(6, 7))
        (back * back).sum().backward()
        results.append((back.detach().numpy(), x.grad.numpy()))
    for ours, theirs in zip(*results, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5)


SHAPED = {
    "avg_pool3d": (lambda F, x: F.avg_pool3d(x, 2, 1), (1, 2, 3, 3, 4)),
    "lp_pool2d": (lambda F, x: F.lp_pool2d(x * x + 0.1, 3, 2), (1, 2, 4, 4)),
    "adaptive_avg_pool1d": (lambda F, x: F.adaptive_avg_pool1d(x * x, 3), (2, 3, 7)),
    "max_pool2d without a stride": (lambda F, x: F.max_pool2d(x * x, 2, stride=()), (1, 2, 4, 4)),
    "avg_pool1d without a stride": (lambda F, x: F.avg_pool1d(x * x, 2, stride=()), (1, 2, 4)),
    "lp_pool1d without a stride": (lambda F, x: F.lp_pool1d(x * x + 0.1, 2, 2, stride=()), (1, 2, 4)),
    "adaptive_avg_pool3d": (lambda F, x: F.adaptive_avg_pool3d(x * x, (2, 1, 3)), (1, 2, 3, 3, 4)),
}


@pytest.mark.parametrize("name", SHAPED)
def test_second_order_is_pytorchs(name, torch):
    agree(torch, *SHAPED[name])


ERRORS = {
    "pool of a matrix": lambda L, x: L.nn.MaxPool3d(2)(x),
    "too large a window": lambda L, x: L.nn.AvgPool1d(9)(x),
    "adaptive pool of a vector": lambda L, x: L.nn.AdaptiveAvgPool1d(2)(x[0, 0]),
    "too large an output": lambda L, x: L.nn.MaxUnpool1d(2)(x, x.long(), (40,)),
    "indices of another shape": lambda L, x: L.nn.MaxUnpool1d(2)(x, x.long()[..., :2]),
    "indices beyond": lambda L, x: L.nn.MaxUnpool1d(2)(x, x.long() * 99),
    "a far reflection": lambda L, x: L.nn.ReflectionPad1d(8)(x),
    "no channels": lambda L, x: L.nn.functional.max_pool1d(x[:, :0], 2),
    "no length": lambda L, x: L.nn.functional.avg_pool1d(x[..., :0], 2),
    "a divisor of zero": lambda L, x: L.nn.AvgPool2d(2, divisor_override=0)(x),
    "adaptive pool to too few sizes": lambda L, x: L.nn.AdaptiveAvgPool2d((3,))(x),
    "a value beside a reflection": lambda L, x: L.nn.functional.pad(x, (1, 1), "reflect", value=3),
    "more taken away than there is": lambda L, x: L.nn.functional.pad(x, (-9, 1)),
    "nothing left to repeat": lambda L, x: L.nn.functional.pad(x, (-8, 0), "replicate"),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors_are_pytorchs(name, torch):
    same_error(torch, lambda lib: ERRORS[name](lib, lib.ones(2, 3, 8)))
