"""Tensors print as PyTorch's do, character by character."""

import re

import numpy as np
import pytest

import minigrad as mg

rng = np.random.default_rng(0)
CASES = [
    np.float32(1.5), np.float32(2), np.float32("nan"), np.array(3), np.array(True), np.zeros(0, "f"), np.zeros((0, 3), "f"), np.zeros((2, 0)), np.zeros(0, int),
    np.array([1.0, 2.0], "f"), np.array([1.0, 2.5], "f"), np.array([-1e-5, 1.0], "f"), np.array([1e9, 1.0], "f"), np.array([1e5, 0.5], "f"), np.array([0.0, -0.0], "f"),
    np.array([np.nan, 1.0, np.inf, -np.inf], "f"), np.array([np.nan, 0.5], "f"), np.array([np.nan, np.inf], "f"), np.array([np.inf, 1e10, 1.0], "f"),
    np.array([True, False]), np.array([True, True]), np.arange(50), np.arange(-3, 3), np.arange(1001), np.arange(1001.0), rng.standard_normal((3, 4)).astype("f"),
    rng.standard_normal(30).astype("f"), rng.standard_normal((2, 3, 4)), rng.standard_normal((1, 1, 1, 2)).astype("f"), rng.standard_normal((40, 50)).astype("f"), rng.standard_normal((3, 500, 7)).astype("f"),
    np.arange(12, dtype=np.uint8).reshape(3, 4), np.array([1, 2], np.int32), np.array([0.5, 1.5], np.float16), rng.standard_normal((7, 7)) * 1e6, np.full((2, 2), 1e-8, "f"),
]  # fmt: skip


def texts(torch, x, asks=False):
    ours, theirs = mg.tensor(x, requires_grad=asks), torch.tensor(x, requires_grad=asks)
    return broken_alike(repr(ours)), broken_alike(repr(theirs).replace("torch.", "minigrad."))


def broken_alike(text):
    """Our dtypes' names are three characters longer: the line may break before them."""
    return re.sub(r"\s+(?=dtype|grad_fn|requires_grad)", " ", text) if "dtype" in text else text


@pytest.mark.parametrize("x", CASES, ids=lambda x: f"{x.dtype}{x.shape}")
def test_as_pytorch_prints(torch, x):
    ours, theirs = texts(torch, x)
    assert ours == theirs
    if x.dtype.kind == "f":
        ours, theirs = texts(torch, x, True)
        assert ours == theirs
        a, b = mg.tensor(x, requires_grad=True) * 2, torch.tensor(x, requires_grad=True) * 2
        assert broken_alike(repr(a)) == broken_alike(repr(b).replace("torch.", "minigrad."))


OPTIONS = [
    {"precision": 2},
    {"sci_mode": True},
    {"sci_mode": False, "precision": 6},
    {"linewidth": 40},
    {"threshold": 5, "edgeitems": 1},
    {"profile": "short"},
    {"profile": "full"},
]


@pytest.mark.parametrize("options", OPTIONS, ids=str)
def test_options(torch, options):
    try:
        for lib in (mg, torch):
            lib.set_printoptions(**options)
        for x in CASES:
            ours, theirs = texts(torch, x)
            assert ours == theirs
    finally:
        for lib in (mg, torch):
            lib.set_printoptions(profile="default")
    with pytest.raises(ValueError, match="profile"):
        mg.set_printoptions(profile="no")
