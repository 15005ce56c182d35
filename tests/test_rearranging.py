"""Resampling, shuffling, windows as columns beside PyTorch: values, first and second order, errors."""

import numpy as np
import pytest
from layers import same_error, same_layer
from oracle import agree

import minigrad as mg

rng = np.random.default_rng(0)
L3, L4, L5 = (2, 3, 5), (2, 3, 5, 4), (1, 2, 3, 4, 2)
SHAPED = {
    "nearest": (lambda F, x: F.interpolate(x, 7), L3),
    "nearest of images": (lambda F, x: F.interpolate(x * x, (3, 9)), L4),
    "nearest by factors": (lambda F, x: F.interpolate(x, scale_factor=(1.7, 0.6)), L4),
    "nearest-exact": (lambda F, x: F.interpolate(x, (7, 3), mode="nearest-exact"), L4),
    "nearest of volumes": (lambda F, x: F.interpolate(x, scale_factor=2), L5),
    "linear": (lambda F, x: F.interpolate(x, 8, mode="linear"), L3),
    "linear, corners aligned": (lambda F, x: F.interpolate(x, 8, mode="linear", align_corners=True), L3),
    "bilinear": (lambda F, x: F.interpolate(x, (8, 3), mode="bilinear"), L4),
    "bilinear by a factor": (lambda F, x: F.interpolate(x, scale_factor=1.7, mode="bilinear"), L4),
    "bilinear, factor computed anew": (
        lambda F, x: F.interpolate(x, scale_factor=1.7, mode="bilinear", recompute_scale_factor=True), L4
    ),
    "bilinear to one": (lambda F, x: F.interpolate(x, (1, 1), mode="bilinear", align_corners=True), L4),
    "bicubic": (lambda F, x: F.interpolate(x, (8, 3), mode="bicubic"), L4),
    "bicubic, corners aligned": (lambda F, x: F.interpolate(x, (8, 3), mode="bicubic", align_corners=True), L4),
    "bicubic by factors": (lambda F, x: F.interpolate(x, scale_factor=(0.7, 2.5), mode="bicubic"), L4),
    "trilinear": (lambda F, x: F.interpolate(x, (4, 3, 5), mode="trilinear"), L5),
    "area": (lambda F, x: F.interpolate(x, (3, 7), mode="area"), L4),
    "area by a factor": (lambda F, x: F.interpolate(x, scale_factor=0.5, mode="area"), L3),
    "pixel_shuffle": (lambda F, x: F.pixel_shuffle(x, 2), (2, 8, 3, 2)),
    "pixel_unshuffle": (lambda F, x: F.pixel_unshuffle(x, 2), (3, 4, 6)),
    "channel_shuffle": (lambda F, x: F.channel_shuffle(x, 3), (2, 6, 3)),
    "unfold": (lambda F, x: F.unfold(x, (2, 3)), L4),
    "unfold with every option": (lambda F, x: F.unfold(x, (3, 2), 2, (2, 1), (1, 2)), L4),
    "fold": (lambda F, x: F.fold(x, (4, 5), (2, 2), stride=2), (2, 12, 4)),
    "fold with every option": (lambda F, x: F.fold(x, (5, 4), (3, 2), 2, (2, 1), (1, 2)), (2, 18, 10)),
}  # fmt: skip
FIRST = {  # those have no second order in PyTorch
    "antialias": (lambda F, x: F.interpolate(x, (3, 2), mode="bilinear", antialias=True), L4),
    "antialias larger": (lambda F, x: F.interpolate(x, (9, 2), mode="bicubic", antialias=True), L4),
}


@pytest.mark.parametrize("name", SHAPED)
def test_functions_are_pytorchs(name, torch):
    agree(torch, *SHAPED[name])


@pytest.mark.parametrize("name", FIRST)
def test_functions_without_second_order_are_pytorchs(name, torch):
    function, shape = FIRST[name]
    x = rng.standard_normal(shape).astype("float32")

    def make(L):
        class Layer(L.nn.Module):
            def forward(self, x):
                return function(L.nn.functional, x)

        return Layer()

    same_layer(torch, make, x)


X, COLUMNS = (rng.standard_normal(shape).astype("float32") for shape in ((2, 4, 4, 6), (2, 12, 4)))
LAYERS = {
    "Upsample": (lambda L: L.nn.Upsample(scale_factor=2), X),
    "Upsample to a size": (lambda L: L.nn.Upsample((3, 5), mode="bilinear", align_corners=True), X),
    "Upsample by factors": (lambda L: L.nn.Upsample(scale_factor=(2, 1.5), mode="bicubic"), X),
    "UpsamplingNearest2d": (lambda L: L.nn.UpsamplingNearest2d(scale_factor=2), X),
    "UpsamplingBilinear2d": (lambda L: L.nn.UpsamplingBilinear2d(size=7), X),
    "PixelShuffle": (lambda L: L.nn.PixelShuffle(2), X),
    "PixelUnshuffle": (lambda L: L.nn.PixelUnshuffle(2), X),
    "ChannelShuffle": (lambda L: L.nn.ChannelShuffle(2), X),
    "Unfold": (lambda L: L.nn.Unfold(3, padding=1, stride=(2, 1)), X),
    "Unfold without batch": (lambda L: L.nn.Unfold((3, 2)), X[0]),
    "Fold": (lambda L: L.nn.Fold((4, 4), 2, stride=2), COLUMNS),
    "Fold without batch": (lambda L: L.nn.Fold((4, 4), (2, 2), stride=2), COLUMNS[0]),
    "Unflatten": (lambda L: L.nn.Unflatten(1, (2, 2)), X),
    "Unflatten from the end": (lambda L: L.nn.Unflatten(-1, [3, -1]), X),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layers_are_pytorchs(name, torch):
    same_layer(torch, *LAYERS[name])


def test_infinities_stay_where_they_are(torch):
    x = X.copy()
    x[0, 0, 1, 1] = np.inf
    ours, theirs = (lib.nn.functional.unfold(lib.tensor(x), 2).numpy() for lib in (mg, torch))
    np.testing.assert_array_equal(ours, theirs)


def resize(L, *args, **options):
    return L.nn.functional.interpolate(*args, **options)


ERRORS = {
    "two sizes": (lambda L, x: resize(L, x, 2, 2.0), 50),
    "no size": (lambda L, x: resize(L, x), 44),
    "another number of sizes": (lambda L, x: resize(L, x, (2, 2, 2)), 70),
    "corners of nearest": (lambda L, x: resize(L, x, 2, align_corners=True), 60),
    "linear images": (lambda L, x: resize(L, x, 2, mode="linear"), 30),
    "unknown mode": (lambda L, x: resize(L, x, 2, mode="cubic"), 60),
    "antialias of nearest": (lambda L, x: resize(L, x, 2, antialias=True), 40),
    "matrices": (lambda L, x: resize(L, x[0, 0], 2), 0),
    "channels that do not divide": (lambda L, x: L.nn.PixelShuffle(3)(x), 80),
    "pixels that do not divide": (lambda L, x: L.nn.PixelUnshuffle(4)(x), 60),
    "a vector of pixels": (lambda L, x: L.nn.PixelShuffle(2)(x[0, 0, 0]), 60),
    "groups that do not divide": (lambda L, x: L.nn.ChannelShuffle(3)(x), 50),
    "a large window": (lambda L, x: L.nn.Unfold(9)(x), 40),
    "other columns": (lambda L, x: L.nn.Fold((4, 4), 3)(x[0]), 0),
    "a size of floats": (lambda L, x: L.nn.Unflatten(1, (2.0, 2)), 50),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors_are_pytorchs(name, torch):
    call, opening = ERRORS[name]
    same_error(torch, lambda lib: call(lib, lib.ones(2, 4, 4, 6)), opening=opening)
