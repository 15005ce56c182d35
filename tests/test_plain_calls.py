"""What has a plain answer here, windows, ranges, random counts, layers' functions by torch's own arguments: as PyTorch's."""

import numpy as np
import pytest
from oracle import arrays, check, text

IMAGE = (1, 2, 4, 4)
CALLS = [
    *(
        (lambda L, x, y, name=name, n=n: getattr(L, name)(*n), (), ())
        for name in ("hann_window", "hamming_window", "blackman_window", "bartlett_window", "kaiser_window")
        for n in ((5,), (4, False), (1,), (0,), (7, True))
    ),
    (lambda L, x, y: L.hann_window(-1), (), ()),
    (lambda L, x, y: L.hann_window(4, dtype=L.int64), (), ()),
    (lambda L, x, y: L.hann_window(4, dtype=L.float64, requires_grad=True), (), ()),
    (lambda L, x, y: L.hamming_window(6, True, 0.5, 0.3), (), ()),
    (lambda L, x, y: L.kaiser_window(6, False, beta=3.0), (), ()),
    (lambda L, x, y: L.range(0, 2, 0.5), (), ()),
    (lambda L, x, y: L.range(4, 1, -1), (), ()),
    (lambda L, x, y: L.range(1, 4, dtype=L.int64), (), ()),
    (lambda L, x, y: L.range(4, 1), (), ()),
    (lambda L, x, y: L.range(1, 4, 0), (), ()),
    (lambda L, x, y: L.range(3), (), ()),
    (lambda L, x, y: L.real(x), (3,), ()),
    (lambda L, x, y: x.real * x.conj(), (3,), ()),
    (lambda L, x, y: L.imag(x), (3,), ()),
    (lambda L, x, y: x.imag, (3,), ()),
    (lambda L, x, y: L.angle(x), np.array([1.0, -2.0, 0.0, -0.0]), ()),
    (lambda L, x, y: x.angle(), np.array([1, -2]), ()),
    (lambda L, x, y: L.angle(x), np.array([True, False]), ()),
    (lambda L, x, y: L.angle(x.detach()), np.array([np.nan, np.inf, -np.inf]), ()),
    (lambda L, x, y: L.conj_physical(x) + L.resolve_conj(x) + L.resolve_neg(x), (3,), ()),
    (lambda L, x, y: (L.is_conj(x), x.is_neg(), x.is_meta, x.is_pinned(), x.is_shared()), (3,), ()),
    (lambda L, x, y: (L.is_nonzero(x[0]), x[0].is_nonzero()), np.array([2, 0]), ()),
    (lambda L, x, y: L.is_nonzero(x), (2,), ()),
    (lambda L, x, y: L.is_nonzero(x), (0,), ()),
    (lambda L, x, y: (L.is_same_size(x, y), x.is_same_size(x)), (2, 3), (3,)),
    (lambda L, x, y: L.is_signed(x), np.array([True]), ()),
    (lambda L, x, y: [L.can_cast(a, b) for a in (L.int8, L.uint8, L.float32, L.bool) for b in (L.int64, L.uint8, L.float16, L.bool)], (), ()),
    (lambda L, x, y: L.detach(x), (3,), ()),
    (lambda L, x, y: L.narrow_copy(x.detach(), 1, 1, 2), (2, 4), ()),
    (lambda L, x, y: x.detach().narrow_copy(0, 1, 9), (2, 4), ()),
    (lambda L, x, y: x.sum_to_size(1, 3), (2, 3), ()),
    (lambda L, x, y: x.sum_to_size((3,)), (2, 3), ()),
    (lambda L, x, y: x.sum_to_size(5), (2, 3), ()),
    (lambda L, x, y: x.detach().apply_(lambda v: v * 2), (2, 3), ()),
    (lambda L, x, y: x.apply_(lambda v: v * 2), (2, 3), ()),
    (lambda L, x, y: x.detach().map_(y.detach(), lambda a, b: a + b), (2, 3), (2, 3)),
    (lambda L, x, y: x.new(2, 3).shape, (3,), ()),
    (lambda L, x, y: x.new([1, 2]), np.array([3]), ()),
    (lambda L, x, y: x.detach().resize_(2, 2), (2, 3), ()),
    (lambda L, x, y: x.detach().resize_as_(L.ones(1, 3)), (3,), ()),
    (lambda L, x, y: x.resize_(2, 2), (2, 3), ()),
    (lambda L, x, y: (x.dim_order(), x.mT.dim_order(), x.is_set_to(x), x.is_set_to(x[1:])), (2, 3, 4), ()),
    (lambda L, x, y: x.to_dense() + x, (3,), ()),
    (lambda L, x, y: x.pin_memory(), (3,), ()),
    (lambda L, x, y: L.frombuffer(bytearray(range(8)), dtype=L.int16, count=2, offset=2), (), ()),
    (lambda L, x, y: L.frombuffer(bytearray(range(8)), dtype=L.uint8), (), ()),
    *(
        (lambda L, x, y, options=options: L.frombuffer(bytearray(b"abc"), **{"dtype": getattr(L, options.get("dtype", "uint8")), **{k: n for k, n in options.items() if k != "dtype"}}), (), ())
        for options in ({"dtype": "int16"}, {"offset": 5}, {"count": 5}, {"count": 0})
    ),
    (lambda L, x, y: L.frombuffer([1], dtype=L.uint8), (), ()),
    (lambda L, x, y: L.svd_lowrank(x, q=2)[1], (6, 4), ()),
    (lambda L, x, y: L.svd_lowrank(x, 2, 0, y)[1], (3, 7), (7,)),
    (lambda L, x, y: (lambda u, s, v: (u * s) @ v.mT)(*L.pca_lowrank(x, q=3)), (6, 3), ()),
    (lambda L, x, y: L.pca_lowrank(x, q=5), (6, 3), ()),
    (lambda L, x, y: L.relu_(L.ones(3) - 2) + L.selu_(L.ones(3)) + L.threshold_(L.ones(3), 0.1, 1.0), (), ()),
    # functions of layers
    (lambda L, x, y: L.dropout(x, 0.5, False), (2, 3), ()),
    (lambda L, x, y: L.dropout(x, 0.5, True), (2, 3), ()),
    (lambda L, x, y: L.alpha_dropout(x, 0.5, True), (2, 3), ()),
    (lambda L, x, y: L.feature_dropout(x, 0.5, True), IMAGE, ()),
    (lambda L, x, y: L.feature_alpha_dropout(x, 0.5, True), IMAGE, ()),
    (lambda L, x, y: L.embedding(x, L.tensor([[0, 2], [1, 1]])), (3, 2), ()),
    (lambda L, x, y: L.embedding(x, L.tensor([0, 1]), 1), (3, 2), ()),
    (lambda L, x, y: L.batch_norm(x, y, y, None, None, True, 0.1, 1e-5, False), (4, 3), (3,)),
    (lambda L, x, y: L.batch_norm(x, None, None, L.zeros(3).double(), L.ones(3).double(), False, 0.1, 1e-5, True), (4, 3), ()),
    (lambda L, x, y: L.instance_norm(x, y, y, None, None, True, 0.1, 1e-5, False), IMAGE, (2,)),
    (lambda L, x, y: L.layer_norm(x, (3,), y, y, 1e-5, True), (4, 3), (3,)),
    (lambda L, x, y: L.group_norm(x, 2, y, y), IMAGE, (2,)),
    (lambda L, x, y: L.rms_norm(x, (3,), y), (4, 3), (3,)),
    (lambda L, x, y: L.constant_pad_nd(x, (1, 0), 2.0), (2, 3), ()),
    (lambda L, x, y: L.constant_pad_nd(x, (1, 0)), (2, 3), ()),
    *(
        (lambda L, x, y, n=n: L.binary_cross_entropy_with_logits(x, y.detach().sigmoid(), None, None, n), (2, 3), (2, 3))
        for n in (0, 1, 2)
    ),
    *((lambda L, x, y, n=n: L.kl_div(x, y.detach().sigmoid(), n, log_target=False), (2, 3), (2, 3)) for n in (0, 1, 2)),
    (lambda L, x, y: L.max_pool1d(x, 2), (1, 2, 6), ()),
    (lambda L, x, y: L.max_pool2d(x, 2, (1, 1), 1), IMAGE, ()),
    (lambda L, x, y: L.max_pool3d(x, 2, 1), (1, 1, 3, 3, 3), ()),
    (lambda L, x, y: L.avg_pool1d(x, 2), (1, 2, 6), ()),
    (lambda L, x, y: L.adaptive_avg_pool1d(x, 3), (1, 2, 6), ()),
    (lambda L, x, y: L.conv1d(x, y, None, 2, 1), (1, 2, 6), (3, 2, 3)),
    (lambda L, x, y: L.conv2d(x, y, padding="same"), IMAGE, (3, 2, 3, 3)),
    (lambda L, x, y: L.conv3d(x, y), (1, 1, 3, 3, 3), (2, 1, 2, 2, 2)),
    (lambda L, x, y: L.conv_transpose1d(x, y, stride=2), (1, 2, 6), (2, 3, 3)),
    (lambda L, x, y: L.conv_transpose2d(x, y), IMAGE, (2, 3, 2, 2)),
    (lambda L, x, y: L.conv_transpose3d(x, y), (1, 1, 2, 2, 2), (1, 2, 2, 2, 2)),
    (lambda L, x, y: L.bilinear(x, x, y), (4, 3), (2, 3, 3)),
    (lambda L, x, y: L.cosine_similarity(x, y), (4, 3), (4, 3)),
    (lambda L, x, y: L.pairwise_distance(x, y), (4, 3), (4, 3)),
    (lambda L, x, y: L.pdist(x), (4, 3), ()),
    (lambda L, x, y: L.prelu(x, y), (4, 3), (3,)),
    *((lambda L, x, y, name=name: getattr(L, name)(x), (4, 3), ()) for name in ("celu", "selu", "rrelu", "hardshrink")),
    (lambda L, x, y: L.threshold(x, 0.1, 2.0), (4, 3), ()),
    (lambda L, x, y: L.pixel_unshuffle(L.pixel_shuffle(x, 2), 2), (1, 4, 2, 2), ()),
    (lambda L, x, y: L.channel_shuffle(x, 2), (1, 4, 2, 2), ()),
    # random counts
    (lambda L, x, y: L.poisson(x.detach()), np.array([0.0, 0.5, 3.0, 30.0, 4.0]), ()),
    (lambda L, x, y: L.poisson(x.float().detach()), np.array([2.5, 0.5, 3.0, 30.0, 4.0]), ()),
    (lambda L, x, y: L.poisson(x), np.array([-1.0]), ()),
    (lambda L, x, y: L.poisson(x), np.array([1]), ()),
    (lambda L, x, y: L.binomial(x.detach(), y.detach()), np.array([5.0, 40.0, 9.0]), np.array([0.3, 0.5, 0.9])),
    (lambda L, x, y: L.binomial(x, y), np.array([5.0]), np.array([0.3], np.float32)),
]  # fmt: skip


@pytest.mark.parametrize(("call", "x", "y"), CALLS, ids=[f"{text(case[0])}-{case[1]}" for case in CALLS])
@pytest.mark.filterwarnings("ignore:torch.range", "ignore:An output", "ignore:non-inplace")
def test_calls(torch, call, x, y):
    check(torch, call, *arrays(x, y), seed=3)
