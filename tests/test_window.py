"""Convolution and pooling against PyTorch: values, first and second derivatives, and the trio's closure."""

import numpy as np
import pytest
from oracle import agree

import minigrad as mg
import minigrad.nn.functional as F
from minigrad.autograd import gradcheck, gradgradcheck
from minigrad.ops import columns, window

X = (2, 4, 7, 6)
CASES = {
    "conv1d": (lambda F, x, w, b: F.conv1d(x, w, b, 2, 1), (2, 3, 8), (4, 3, 3), (4,)),
    "conv2d": (lambda F, x, w, b: F.conv2d(x, w, b), X, (3, 4, 3, 2), (3,)),
    "conv2d strides": (lambda F, x, w: F.conv2d(x, w, stride=(2, 3), padding=(1, 2)), X, (3, 4, 3, 3)),
    "conv2d dilation": (lambda F, x, w: F.conv2d(x, w, dilation=(2, 1), padding=2), X, (3, 4, 3, 3)),
    "conv2d groups": (lambda F, x, w, b: F.conv2d(x, w, b, groups=2, stride=2), X, (6, 2, 3, 3), (6,)),
    "conv2d depthwise": (lambda F, x, w: F.conv2d(x, w, groups=4, padding=1), X, (4, 1, 3, 3)),
    "conv2d 1x1": (lambda F, x, w: F.conv2d(x, w), X, (3, 4, 1, 1)),
    "conv2d same": (lambda F, x, w: F.conv2d(x, w, padding="same", dilation=(1, 2)), X, (3, 4, 4, 2)),
    "conv2d valid": (lambda F, x, w: F.conv2d(x, w, padding="valid"), X, (3, 4, 7, 6)),
    "conv2d without N": (lambda F, x, w, b: F.conv2d(x, w, b, padding=1), (4, 5, 5), (3, 4, 3, 3), (3,)),
    "conv2d of wide padding": (lambda F, x, w: F.conv2d(x, w, stride=(1, 3), padding=4), X, (3, 4, 3, 2)),
    "conv2d of leftover": (lambda F, x, w: F.conv2d(x, w, stride=4), X, (3, 4, 2, 2)),  # ends unread
    "max_pool2d": (lambda F, x: F.max_pool2d(x * x, 2), X),
    "max_pool2d overlapping": (lambda F, x: F.max_pool2d(x * x, 3, 2, 1), X),
    "max_pool2d dilated": (lambda F, x: F.max_pool2d(x * x, (2, 3), 1, (1, 1), (2, 1)), X),
    "max_pool2d ceil": (lambda F, x: F.max_pool2d(x * x, 2, ceil_mode=True), X),
    "max_pool2d ceil padded": (lambda F, x: F.max_pool2d(x * x, 3, (2, 3), 1, ceil_mode=True), X),
    "max_pool2d without N": (lambda F, x: F.max_pool2d(x * x, 2), X[1:]),
    "max_pool1d": (lambda F, x: F.max_pool1d(x * x, 3, 2), (2, 3, 8)),
    "avg_pool2d": (lambda F, x: F.avg_pool2d(x * x, 2), X),
    "avg_pool2d overlapping": (lambda F, x: F.avg_pool2d(x * x, 3, 2, 1), X),
    "avg_pool2d inner": (lambda F, x: F.avg_pool2d(x * x, 3, 2, 1, count_include_pad=False), X),
    "avg_pool2d ceil": (lambda F, x: F.avg_pool2d(x * x, 3, 2, 1, ceil_mode=True), X),
    "avg_pool2d ceil inner": (lambda F, x: F.avg_pool2d(x * x, 2, 2, 0, True, False), X),
    "avg_pool2d divisor": (lambda F, x: F.avg_pool2d(x * x, 2, divisor_override=3), X),
    "avg_pool1d": (lambda F, x: F.avg_pool1d(x * x, 3, 2, 1), (2, 3, 8)),
    "adaptive_avg_pool2d": (lambda F, x: F.adaptive_avg_pool2d(x * x, (3, 4)), X),
    "adaptive_avg_pool2d 1": (lambda F, x: F.adaptive_avg_pool2d(x * x, 1), X),
    "adaptive_avg_pool2d None": (lambda F, x: F.adaptive_avg_pool2d(x * x, (None, 9)), X),
}


@pytest.mark.filterwarnings("ignore:Using padding='same'")  # PyTorch's, of a copy it makes
@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_against_pytorch(name, dtype, torch):
    function, *shapes = CASES[name]
    agree(torch, function, *shapes, dtype=dtype, rtol=1e-3 if dtype == "float32" else 1e-10)


def test_of_equals_the_first_gets_the_gradient(torch):
    x = np.random.default_rng(0).integers(0, 2, (2, 3, 6, 6)).astype(float)  # full of ties
    for options in ((2,), (3, 2, 1), (3, 1)):
        agree(torch, lambda F, x, o=options: F.max_pool2d(x, *o), x)


TRIO = {"stride": (2, 1), "padding": ((1, 0), (2, 1)), "dilation": (1, 2), "groups": 2}
WINDOW = {"kernel": (3, 2), "stride": (2, 1), "padding": ((1, 1), (0, 1))}
rng = np.random.default_rng(3)
x, w = rng.standard_normal((2, 4, 5, 6)), rng.standard_normal((6, 2, 3, 2))
y = window.conv(x, w, **TRIO)
pooled = window.window_sum(x, **WINDOW)
best = window.max_pool(x, **WINDOW, dilation=(1, 1))
winner = window.argmax_windows(x, best, **WINDOW, dilation=(1, 1))
PRIMITIVES = {
    "conv": (lambda x, w: window.conv(x, w, **TRIO), x, w),
    "conv_input": (lambda y, w: window.conv_input(y, w, shape=x.shape, **TRIO), y, w),
    "conv_weight": (lambda x, y: window.conv_weight(x, y, shape=w.shape, **TRIO), x, y),
    "max_pool": (lambda x: window.max_pool(x * x, **WINDOW, dilation=(1, 1)), x),
    "scatter_windows": (
        lambda y: window.scatter_windows(y * y, winner, shape=x.shape, **WINDOW, dilation=(1, 1)),
        best,
    ),
    "gather_windows": (lambda x: window.gather_windows(x * x, winner, **WINDOW, dilation=(1, 1)), x),
    "window_sum": (lambda x: window.window_sum(x * x, **WINDOW), x),
    "window_spread": (lambda y: window.window_spread(y * y, shape=x.shape, **WINDOW), pooled),
}


@pytest.mark.parametrize("name", PRIMITIVES)
def test_each_primitive_to_second_order(name):
    function, *operands = PRIMITIVES[name]
    xs = [mg.tensor(a, requires_grad=True) for a in operands]
    assert gradcheck(function, xs)
    assert gradgradcheck(function, xs)


@pytest.mark.parametrize("name", PRIMITIVES)
def test_each_primitive_leaves_its_operands_alone(name):
    function, *operands = PRIMITIVES[name]
    expected = function(*operands)
    odd = [np.asfortranarray(a) for a in operands]
    for a in odd:
        a.flags.writeable = False
    np.testing.assert_allclose(function(*odd), expected, rtol=1e-12)
    assert function(*(a.astype(np.float32) for a in operands)).dtype == np.float32


def test_the_trio_is_one_trilinear_form():
    """<conv(x, w), y>, <x, conv_input(y, w)> and <w, conv_weight(x, y)> are the same number."""
    g = rng.standard_normal(y.shape)
    values = [
        (window.conv(x, w, **TRIO) * g).sum(),
        (window.conv_input(g, w, shape=x.shape, **TRIO) * x).sum(),
        (window.conv_weight(x, g, shape=w.shape, **TRIO) * w).sum(),
    ]
    np.testing.assert_allclose(values, values[0], rtol=1e-12)


@pytest.mark.parametrize("options", [{}, {"stride": (1, 2)}, {"dilation": (2, 1)}, {"groups": 2}])
def test_parts_and_shares_change_nothing(options, monkeypatch):
    p = {"stride": (1, 1), "padding": ((1, 1), (2, 0)), "dilation": (1, 1), "groups": 1} | options
    x, w = rng.standard_normal((7, 4, 6, 5)), rng.standard_normal((24, 4 // p["groups"], 3, 3))
    few = rng.standard_normal((40 * p["groups"], 4 // p["groups"], 3, 3))  # fewer numbers in a window than results
    y, z = window.conv(x, w, **p), window.conv(x, few, **p)

    def trio():
        for weight, result in ((w, y), (few, z)):
            yield window.conv(x, weight, **p)
            yield window.conv_input(result, weight, shape=x.shape, **p)
            yield window.conv_weight(x, result, shape=weight.shape, **p)

    whole = list(trio())
    for module in (columns, window):
        monkeypatch.setattr(module, "BLOCK", 2000)  # two or three parts, the last with fewer samples
    monkeypatch.setattr(columns, "LONG", 24)
    monkeypatch.setattr(columns, "QUICK", 36 * 24 * 8)
    for one, other in zip(whole, trio(), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-12)


def test_a_kernel_of_one_takes_images_in_any_order():
    p = {"stride": (1, 1), "padding": ((0, 0), (0, 0)), "dilation": (1, 1), "groups": 1}
    images, w = rng.standard_normal((3, 5, 6, 4)).transpose(0, 3, 1, 2), rng.standard_normal((7, 4, 1, 1))
    expected = window.conv.function(np.ascontiguousarray(images), w, **p)
    np.testing.assert_allclose(window.conv.function(images, w, **p), expected, rtol=1e-12)


def test_three_dimensions_and_third_order(torch):
    agree(torch, lambda F, x, w: window.conv(x, w, stride=(1, 2, 1), padding=((1, 1),) * 3, dilation=(1, 1, 1), groups=1)
          if F is mg.nn.functional else torch.nn.functional.conv3d(x, w, stride=(1, 2, 1), padding=1),
          (2, 2, 3, 4, 3), (3, 2, 2, 3, 2))  # fmt: skip
    t = mg.tensor(x, requires_grad=True)
    total = (window.conv(t, mg.tensor(w), **TRIO) ** 3).sum()
    for _ in range(3):  # of a cubic form, the third derivative in one direction does not vanish
        (g,) = mg.autograd.grad(total, (t,), create_graph=True)
        total = (g * mg.tensor(x)).sum()
    np.testing.assert_allclose(total.item(), 6 * (y**3).sum(), rtol=1e-9)


def test_padding_never_wins_and_an_empty_batch_passes():
    assert F.max_pool2d(-mg.ones(1, 1, 2, 2), 2, 2, 1).max().item() == -1
    w = mg.zeros(4, 3, 3, 3, requires_grad=True)
    y = F.max_pool2d(F.conv2d(mg.zeros(0, 3, 8, 8), w), 2)
    assert y.shape == (0, 4, 3, 3)
    y.sum().backward()
    assert w.grad.shape == w.shape


IMAGE = mg.zeros(1, 2, 8, 8)
KERNEL = mg.zeros(4, 3, 3, 3)
WRONG = {
    "channels": (
        r"Given groups=1, weight of size \[4, 3, 3, 3\], expected input\[1, 2, 8, 8\] to have 3 channels, "
        "but got 2 channels instead",
        lambda: F.conv2d(IMAGE, KERNEL),
    ),
    "rank": (r"Expected 3D \(unbatched\) or 4D \(batched\) input to conv2d", lambda: F.conv2d(mg.zeros(2, 2), KERNEL)),
    "room": (
        r"Calculated padded input size per channel: \(2 x 2\). Kernel size: \(3 x 3\)",
        lambda: F.conv2d(mg.zeros(1, 3, 2, 2), KERNEL),
    ),
    "bias": ("expected bias to be 1-dimensional with 4", lambda: F.conv2d(mg.zeros(1, 3, 8, 8), KERNEL, mg.zeros(3))),
    "stride": ("stride must be one positive", lambda: F.conv2d(mg.zeros(1, 3, 8, 8), KERNEL, stride=0)),
    "same": ("not supported for strided", lambda: F.conv2d(mg.zeros(3, 8, 8), KERNEL, stride=2, padding="same")),
    "word": ("Invalid padding string", lambda: F.conv2d(mg.zeros(3, 8, 8), KERNEL, padding="full")),
    "pool rank": ("Expected 3D or 4D input", lambda: F.max_pool2d(mg.zeros(2, 2), 2)),
    "pool padding": ("pad should be at most half", lambda: F.max_pool2d(IMAGE, 2, padding=2)),
    "pool room": ("Output size is too small", lambda: F.avg_pool2d(IMAGE, 9)),
    "pool kernel": ("kernel_size must be one positive", lambda: F.avg_pool2d(IMAGE, (1, 2, 3))),
}


@pytest.mark.parametrize("name", WRONG)
def test_refuses(name):
    message, call = WRONG[name]
    with pytest.raises(RuntimeError, match=message):
        call()


@pytest.mark.parametrize("kernel", [1, 2])
def test_any_layout_of_memory_will_do(kernel):
    x = np.random.default_rng(0).standard_normal((2, 3, 8))
    weight = mg.tensor(np.random.default_rng(1).standard_normal((2, 3, kernel)))
    expected = F.conv1d(mg.tensor(x[..., ::2].copy()), weight, stride=2).numpy()
    for stepped in (x[..., ::2], np.asfortranarray(x[..., ::2])):
        np.testing.assert_allclose(F.conv1d(mg.from_numpy(stepped), weight, stride=2).numpy(), expected)
