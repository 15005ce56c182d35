"""grid_sample and affine_grid: PyTorch's values and gradients, and their own gradients to second order."""

import itertools

import numpy as np
import pytest
from layers import same_error
from oracle import agree, text

import minigrad as mg

rng = np.random.default_rng(0)
IMAGE, GRID = rng.standard_normal((2, 3, 4, 5)), rng.uniform(-1.7, 1.7, (2, 3, 6, 2))
SPACE, SPACE_GRID = rng.standard_normal((2, 2, 3, 4, 5)), rng.uniform(-1.7, 1.7, (2, 2, 3, 4, 3))
CORNERS = (
    np.array(list(itertools.product((-3.0, -1.0, -0.5, 0.0, 1.0, 2.0), repeat=2))).reshape(1, 6, 6, 2).repeat(2, 0)
)
LOST = np.array([np.nan, np.inf, -np.inf, 1e30, -1e30, 0.3])
OPTIONS = list(itertools.product(("bilinear", "nearest", "bicubic"), ("zeros", "border", "reflection"), (True, False)))


def sampled(lib, x, grid, mode, padding_mode, align, dtype):
    """Return the samples, and the gradients of image and grid."""
    leaves = [lib.tensor(values.astype(dtype)).requires_grad_() for values in (x, grid)]
    y = lib.nn.functional.grid_sample(*leaves, mode, padding_mode, align)
    (y * y * y + y).sum().backward()
    return [y.detach().numpy(), *(leaf.grad.numpy() for leaf in leaves)]


@pytest.mark.parametrize(("mode", "padding_mode", "align"), OPTIONS)
def test_samples_are_pytorchs(mode, padding_mode, align, torch):
    cases = [(IMAGE, GRID), (IMAGE[:, :, :1, :1], GRID), (IMAGE[:, :, :2], CORNERS), (SPACE, SPACE_GRID)]
    for x, grid in cases[: 3 if mode == "bicubic" else 4]:
        for dtype, tolerance in (("float64", 1e-10), ("float32", 3e-4)):
            ours, theirs = (sampled(lib, x, grid, mode, padding_mode, align, dtype) for lib in (mg, torch))
            for a, b in zip(ours, theirs, strict=True):
                assert a.dtype == b.dtype and a.shape == b.shape
                np.testing.assert_allclose(a, b, rtol=tolerance, atol=tolerance * max(1, np.abs(b).max()))


@pytest.mark.parametrize(("mode", "padding_mode", "align"), OPTIONS)
def test_gradients_are_right_to_second_order(mode, padding_mode, align):
    for x, grid in ((IMAGE[:1, :2], GRID[:1, :1]), (SPACE[:1, :1], SPACE_GRID[:1, :1, :2]))[: 1 + (mode != "bicubic")]:
        leaves = [mg.tensor(x).requires_grad_(), mg.tensor(grid).requires_grad_(mode != "nearest")]
        call = lambda *leaves: mg.nn.functional.grid_sample(*leaves, mode, padding_mode, align) ** 2
        assert mg.autograd.gradcheck(call, leaves)
        if mode != "nearest":
            assert mg.autograd.gradgradcheck(call, leaves)


@pytest.mark.parametrize("mode", ["bilinear", "nearest"])
def test_places_that_no_integer_can_tell(mode, torch):
    grid = np.stack(np.meshgrid(LOST, [0.1, 0.2]), -1)[None].repeat(2, 0)
    ours, theirs = (lib.nn.functional.grid_sample(lib.tensor(IMAGE), lib.tensor(grid), mode, align_corners=True)
                    for lib in (mg, torch))  # fmt: skip
    np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-10)


GRIDS = [
    lambda F, theta: F.affine_grid(theta[:, :2, :3], [2, 1, 3, 4], True),
    lambda F, theta: F.affine_grid(theta[:, :2, :3], (2, 1, 3, 4), align_corners=False),
    lambda F, theta: F.affine_grid(theta[:, :2, :3], [2, 5, 1, 4], False),
    lambda F, theta: F.affine_grid(theta, [2, 1, 2, 3, 4], True),
    lambda F, theta: F.affine_grid(theta, [2, 1, 2, 3, 4], False),
]


@pytest.mark.parametrize("call", GRIDS, ids=text)
def test_grids_are_pytorchs_to_second_order(call, torch):
    agree(torch, lambda F, theta: call(F, theta * theta), (2, 3, 4))


@pytest.mark.parametrize(
    "call",
    [
        lambda F, L: F.grid_sample(L.zeros(1, 2, 3, 3), L.zeros(2, 2, 2), align_corners=True),
        lambda F, L: F.grid_sample(L.zeros(1, 2, 3, 3), L.zeros(1, 2, 2), align_corners=True),
        lambda F, L: F.grid_sample(L.zeros(1, 2, 3, 3), L.zeros(2, 2, 2, 2), align_corners=True),
        lambda F, L: F.grid_sample(L.zeros(1, 2, 3, 3), L.zeros(1, 2, 2, 3), align_corners=True),
        lambda F, L: F.grid_sample(L.zeros(1, 2, 3, 3), L.zeros(1, 2, 2, 2), mode="linear"),
        lambda F, L: F.grid_sample(L.zeros(1, 2, 3, 3), L.zeros(1, 2, 2, 2), padding_mode="reflect"),
        lambda F, L: F.grid_sample(L.zeros(1, 2, 3, 3, 3), L.zeros(1, 2, 2, 2, 3), "bicubic", align_corners=True),
        lambda F, L: F.grid_sample(L.zeros(1, 2, 3, 3), L.zeros(1, 2, 2, 2).double(), align_corners=True),
        lambda F, L: F.grid_sample(L.zeros(1, 2, 0, 3), L.zeros(1, 2, 2, 2), align_corners=True),
        lambda F, L: F.grid_sample(L.zeros(1, 2, 3, 3).long(), L.zeros(1, 2, 2, 2), align_corners=True),
        lambda F, L: F.affine_grid(L.zeros(1, 2, 3), [1, 2, 3], align_corners=True),
        lambda F, L: F.affine_grid(L.zeros(1, 2, 3), [1, 2, 3, 0], align_corners=False),
        lambda F, L: F.affine_grid(L.zeros(1, 2, 4), [1, 2, 3, 4], align_corners=False),
        lambda F, L: F.affine_grid(L.zeros(1, 2, 3).long(), [1, 2, 3, 4], align_corners=False),
        lambda F, L: F.affine_grid(L.zeros(2, 2, 3), [1, 2, 3, 4], align_corners=False),
    ],
    ids=text,
)
def test_refuses_as_pytorch(call, torch):
    same_error(torch, lambda lib: call(lib.nn.functional, lib))


def test_a_silent_choice_of_corners_warns():
    with pytest.warns(UserWarning, match="Default grid_sample and affine_grid behavior has changed"):
        mg.nn.functional.grid_sample(mg.zeros(1, 1, 2, 2), mg.zeros(1, 1, 1, 2))
    with pytest.warns(UserWarning, match="Default grid_sample and affine_grid behavior has changed"):
        mg.nn.functional.affine_grid(mg.zeros(1, 2, 3), [1, 1, 2, 2])
