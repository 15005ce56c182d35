"""Transposed convolutions, and convolutions in three dimensions, beside PyTorch; to second order."""

import numpy as np
import pytest
from layers import same_error, same_layer
from oracle import agree

import minigrad as mg

rng = np.random.default_rng(0)


def floats(*shape):
    return rng.standard_normal(shape).astype("float32")


LINE, IMAGE, SPACE = floats(2, 4, 5), floats(2, 4, 5, 3), floats(2, 4, 3, 4, 2)
LAYERS = {
    "1d": (lambda L: L.nn.ConvTranspose1d(4, 6, 3), LINE),
    "strided": (lambda L: L.nn.ConvTranspose1d(4, 6, 3, stride=2, padding=1, output_padding=1), LINE),
    "far output": (lambda L: L.nn.ConvTranspose1d(4, 6, 3, dilation=4, output_padding=3), LINE),
    "far output, padded": (lambda L: L.nn.ConvTranspose1d(4, 6, 3, 2, 2, 2, dilation=3), LINE),
    "2d": (lambda L: L.nn.ConvTranspose2d(4, 6, 3), IMAGE),
    "every option": (lambda L: L.nn.ConvTranspose2d(4, 6, (3, 2), 2, 1, (1, 0), 2, False, 2), IMAGE),
    "no batch": (lambda L: L.nn.ConvTranspose2d(4, 6, 2, 2), IMAGE[0]),
    "one channel a group": (lambda L: L.nn.ConvTranspose2d(4, 4, 3, 2, groups=4), IMAGE),
    "3d": (lambda L: L.nn.ConvTranspose3d(4, 6, 2, (2, 1, 3), output_padding=(1, 0, 2)), SPACE),
    "conv3d": (lambda L: L.nn.Conv3d(4, 6, 2), SPACE),
    "conv3d with every option": (
        lambda L: L.nn.Conv3d(4, 6, (2, 3, 1), (1, 2, 1), (1, 1, 0), 1, 2, False), SPACE
    ),
    "conv3d padded": (lambda L: L.nn.Conv3d(4, 6, 3, padding="same", padding_mode="replicate"), SPACE),
    "conv3d without batch": (lambda L: L.nn.Conv3d(4, 2, 2), SPACE[0]),
}  # fmt: skip


@pytest.mark.parametrize("name", LAYERS)
def test_layers_are_pytorchs(name, torch):
    same_layer(torch, *LAYERS[name])


@pytest.mark.parametrize("size", [[12], [2, 6, 11]])
def test_output_sizes_are_chosen(size, torch):
    same_layer(torch, lambda L: L.nn.ConvTranspose1d(4, 6, 3, 2), LINE, output_size=size)


SHAPED = {
    "conv_transpose1d": (lambda F, x, w, b: F.conv_transpose1d(x, w, b, 2, 1), (2, 4, 5), (4, 3, 3), (3,)),
    "conv_transpose2d": (
        lambda F, x, w: F.conv_transpose2d(x, w, stride=(2, 1), output_padding=(1, 0), groups=2), (2, 4, 3, 3), (4, 1, 2, 2)
    ),
    "conv_transpose3d": (lambda F, x, w: F.conv_transpose3d(x, w, dilation=2), (1, 2, 2, 2, 2), (2, 1, 2, 2, 1)),
    "conv3d": (lambda F, x, w, b: F.conv3d(x, w, b, 2, 1), (1, 2, 3, 4, 3), (3, 2, 2, 3, 2), (3,)),
}  # fmt: skip


@pytest.mark.parametrize("name", SHAPED)
def test_functions_are_pytorchs(name, torch):
    agree(torch, *SHAPED[name])


ERRORS = {
    "output padding": (lambda L, x: L.nn.ConvTranspose1d(4, 6, 3, 2, output_padding=2)(x), 66),
    "too large a size": (lambda L, x: L.nn.ConvTranspose1d(4, 6, 3, 2)(x, [20]), 80),
    "too many sizes": (lambda L, x: L.nn.ConvTranspose1d(4, 6, 3, 2)(x, [2, 3]), 80),
    "other channels": (lambda L, x: L.nn.ConvTranspose1d(4, 6, 3)(x[:, :3]), 99),
    "reflection": (lambda L, x: L.nn.ConvTranspose1d(4, 6, 3, padding_mode="reflect"), 38),
    "groups": (lambda L, x: L.nn.ConvTranspose1d(4, 6, 3, groups=3), 36),
    "too many dimensions": (lambda L, x: L.nn.ConvTranspose2d(4, 6, 3)(x[None, None]), 80),
    "other bias": (lambda L, x: L.nn.functional.conv_transpose1d(x, L.rand(4, 3, 2), L.rand(5)), 99),
    "other weight": (lambda L, x: L.nn.functional.conv_transpose1d(x, L.rand(4, 3, 2, 2)), 0),
    "too much padding": (lambda L, x: L.nn.functional.conv_transpose1d(x, L.rand(4, 3, 2), padding=9), 0),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors_are_pytorchs(name, torch):
    call, opening = ERRORS[name]
    same_error(torch, lambda lib: call(lib, lib.ones(2, 4, 5)), opening=opening)


EMPTY = {
    "no channel comes out": lambda F, x, z: F.conv2d(x, z(0, 2, 3, 3)),
    "no channel comes out, 1d": lambda F, x, z: F.conv1d(x[0], z(0, 5, 3)),
    "no channel comes out, 3d": lambda F, x, z: F.conv3d(x[None], z(0, 1, 1, 3, 3)),
    "a kernel of length 0": lambda F, x, z: F.conv2d(x, z(3, 2, 0, 3)),
    "a height of 0": lambda F, x, z: F.conv2d(z(1, 2, 0, 5), z(3, 2, 3, 3), padding=2),
    "no group": lambda F, x, z: F.conv2d(x, z(3, 2, 3, 3), groups=0),
    "3 channels in 2 groups": lambda F, x, z: F.conv2d(x, z(3, 1, 3, 3), groups=2),
    "1 channel in 2 groups": lambda F, x, z: F.conv2d(x, z(1, 1, 3, 3), groups=2),
    "transposed, none comes out": lambda F, x, z: F.conv_transpose2d(x, z(2, 0, 3, 3)),
    "transposed, none comes in": lambda F, x, z: F.conv_transpose2d(z(1, 0, 5, 5), z(0, 2, 3, 3)),
    "transposed, a kernel of length 0": lambda F, x, z: F.conv_transpose2d(x, z(2, 2, 0, 3)),
    "transposed, a height of 0": lambda F, x, z: F.conv_transpose2d(z(1, 2, 0, 5), z(2, 2, 3, 3)),
}  # fmt: skip


@pytest.mark.parametrize("name", EMPTY)
def test_convolutions_of_nothing_are_refused_as_pytorchs(torch, name):
    same_error(torch, lambda lib: EMPTY[name](lib.nn.functional, lib.zeros(1, 2, 5, 5), lib.zeros), opening=9)


@pytest.mark.parametrize("name", ("conv2d", "conv_transpose2d"))
def test_a_batch_of_no_sample_is_convolved(torch, name):
    found = [getattr(lib.nn.functional, name)(lib.zeros(0, 2, 5, 5), lib.zeros(2, 2, 3, 3)) for lib in (mg, torch)]
    assert tuple(found[0].shape) == tuple(found[1].shape)


@pytest.mark.parametrize("name", ["conv2d", "conv_transpose2d"])
def test_no_image_at_all_with_strides(name, torch):
    results = []
    for lib in (mg, torch):
        x = lib.zeros(0, 2, 5, 5, requires_grad=True)
        y = getattr(lib.nn.functional, name)(x, lib.zeros(2, 2, 3, 3), stride=2, padding=1)
        y.sum().backward()
        results.append((tuple(y.shape), tuple(x.grad.shape)))
    assert results[0] == results[1]
