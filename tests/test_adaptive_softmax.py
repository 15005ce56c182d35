"""AdaptiveLogSoftmaxWithLoss and functions by their older names, beside PyTorch."""

import numpy as np
import pytest
from layers import array, same_error, same_layer
from oracle import agree, text

import minigrad as mg
from minigrad.nn import functional as F

X, TARGETS = np.random.default_rng(0).standard_normal((6, 16)).astype("float32"), np.array([0, 3, 11, 4, 19, 9])
LAYERS = [
    (lambda L: L.nn.AdaptiveLogSoftmaxWithLoss(16, 20, [5, 10]), TARGETS),
    (lambda L: L.nn.AdaptiveLogSoftmaxWithLoss(16, 20, (5, 10, 15), div_value=2.0, head_bias=True), TARGETS),
    (lambda L: L.nn.AdaptiveLogSoftmaxWithLoss(16, 20, [19]), TARGETS),
    (lambda L: L.nn.AdaptiveLogSoftmaxWithLoss(16, 20, [5, 10]), np.array([0, 1, 2, 3, 4, 0])),
]


@pytest.mark.parametrize(("make", "targets"), LAYERS, ids=[text(make) for make, _ in LAYERS])
def test_is_pytorchs(make, targets, torch):
    same_layer(torch, make, X, targets)

    def more(lib):
        lib.manual_seed(0)
        layer = make(lib)
        x = lib.tensor(X)
        alone = layer(x[0], lib.tensor(int(targets[0])))
        return [array(t) for t in (layer.log_prob(x), layer.predict(x), *alone, layer.predict(x * 9))]

    for ours, theirs in zip(more(mg), more(torch), strict=True):
        assert ours.dtype == theirs.dtype
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize(
    "call",
    [
        lambda L: L.nn.AdaptiveLogSoftmaxWithLoss(8, 20, []),
        lambda L: L.nn.AdaptiveLogSoftmaxWithLoss(8, 20, [5, 5]),
        lambda L: L.nn.AdaptiveLogSoftmaxWithLoss(8, 20, [5, 20]),
        lambda L: L.nn.AdaptiveLogSoftmaxWithLoss(8, 20, [0, 5]),
        lambda L: L.nn.AdaptiveLogSoftmaxWithLoss(8, 20, [1.5]),
        lambda L: L.nn.AdaptiveLogSoftmaxWithLoss(8, 20, [5])(L.zeros(2, 8), L.tensor([1, 20])),
        lambda L: L.nn.AdaptiveLogSoftmaxWithLoss(8, 20, [5])(L.zeros(2, 8), L.tensor([1, 2, 3])),
        lambda L: L.nn.AdaptiveLogSoftmaxWithLoss(8, 20, [5])(L.zeros(8), L.tensor([1])),
        lambda L: L.nn.AdaptiveLogSoftmaxWithLoss(8, 20, [5])(L.zeros(2, 8), L.tensor([[1], [2]])),
    ],
    ids=text,
)
def test_refuses_as_pytorch(call, torch):
    same_error(torch, call)


def test_older_names(torch):
    agree(torch, lambda F, x, w, b: F.conv_tbc(x, w, b, 1), (5, 2, 3), (2, 3, 4), (4,))
    image = mg.rand(1, 2, 3, 3)
    with pytest.warns(UserWarning, match="`nn.functional.upsample_nearest` is deprecated"):
        assert (F.upsample_nearest(image, scale_factor=2) == F.interpolate(image, scale_factor=2)).all()
    with pytest.warns(UserWarning, match="`nn.functional.upsample_bilinear` is deprecated"):
        expected = F.interpolate(image, (5, 5), mode="bilinear", align_corners=True)
        assert (F.upsample_bilinear(image, (5, 5)) == expected).all()
    with pytest.warns(FutureWarning, match="`NLLLoss2d` has been deprecated"):
        loss = mg.nn.NLLLoss2d(reduction="sum")
    assert repr(loss) == "NLLLoss2d()" and loss(mg.zeros(1, 2, 2, 2) - 1, mg.zeros(1, 2, 2).long()).item() == 4
