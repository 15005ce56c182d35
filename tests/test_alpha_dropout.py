"""Dropout for nets of SELU beside PyTorch: the same draws; mean and variance stay."""

import numpy as np
import pytest
from layers import same_error, same_layer

import minigrad as mg
from minigrad import nn

rng = np.random.default_rng(0)
ROWS, IMAGE = (rng.standard_normal(shape).astype("float32") for shape in ((4, 5), (2, 3, 4, 2)))
LAYERS = {
    "alpha": (lambda L: L.nn.AlphaDropout(0.3), ROWS),
    "of images": (lambda L: L.nn.AlphaDropout(), IMAGE),
    "of doubles": (lambda L: L.nn.AlphaDropout(0.2), ROWS.astype("float64")),
    "channels": (lambda L: L.nn.FeatureAlphaDropout(0.4), IMAGE),
    "channels of rows": (lambda L: L.nn.FeatureAlphaDropout(0.4), ROWS),
    "nothing": (lambda L: L.nn.AlphaDropout(0.0), ROWS),
    "everything": (lambda L: L.nn.AlphaDropout(1.0), ROWS),
    "in place": (lambda L: L.nn.Sequential(L.nn.Linear(5, 4), L.nn.AlphaDropout(0.3, inplace=True)), ROWS),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layers_are_pytorchs(name, torch):
    same_layer(torch, *LAYERS[name])


def test_mean_and_variance_stay():
    mg.manual_seed(0)
    y = nn.AlphaDropout(0.3)(mg.randn(200_000))
    assert abs(y.mean().item()) < 0.01 and abs(y.std().item() - 1) < 0.01


def test_errors_are_pytorchs(torch):
    same_error(torch, lambda L: L.nn.AlphaDropout(1.5), opening=48)
    same_error(torch, lambda L: L.nn.functional.alpha_dropout(L.ones(2), 1.5), opening=48)
