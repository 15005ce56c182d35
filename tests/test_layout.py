"""How results lie in memory, beside PyTorch: it shows in ``view``, in ``flatten`` and in the order of random numbers."""

import numpy as np
import pytest
from oracle import apply, text

import minigrad as mg
from minigrad.layout import axes_in_memory

DRAWN = np.random.default_rng(1).uniform(0.1, 0.9, 48).astype(np.float32)
PARTS = {
    "C": lambda f: f(2, 3, 4),
    "last two exchanged": lambda f: f(2, 4, 3).transpose(1, 2),
    "reversed": lambda f: f(4, 3, 2).permute(2, 1, 0),
    "first two exchanged": lambda f: f(3, 2, 4).transpose(0, 1),
    "turned": lambda f: f(3, 4, 2).permute(2, 0, 1),
    "turned back": lambda f: f(4, 2, 3).permute(1, 2, 0),
    "stepped": lambda f: f(2, 3, 8)[:, :, ::2],
    "expanded": lambda f: f(2, 1, 4).expand(2, 3, 4),
    "expanded in front": lambda f: f(3, 4).expand(2, 3, 4),
    "expanded behind": lambda f: f(2, 3, 1).expand(2, 3, 4),
    "stepped and exchanged": lambda f: f(2, 8, 3)[:, ::2].transpose(1, 2),
    "expanded and exchanged": lambda f: f(1, 4, 3).expand(2, 4, 3).transpose(1, 2),
}
CALLS = [
    lambda L, x: x.exp(),
    lambda L, x: x.clone(),
    lambda L, x: x.double(),
    lambda L, x: x.long(),
    lambda L, x: x.contiguous(),
    lambda L, x: x + x.clone(),
    lambda L, x: x * x,
    lambda L, x: x > 0.5,
    lambda L, x: x.masked_fill(x > 0.5, 0),
    lambda L, x: L.where(x > 0.5, x, 0),
    lambda L, x: x.sum(0),
    lambda L, x: x.sum(1),
    lambda L, x: x.sum((0, 2)),
    lambda L, x: x.mean(1),
    lambda L, x: x.prod(1),
    lambda L, x: x.amax(1),
    lambda L, x: x.amax((0, 2)),
    lambda L, x: x.argmax(1),
    lambda L, x: x.any(1),
    lambda L, x: x.all(0),
    lambda L, x: x.logsumexp(1),
    lambda L, x: x.var(1),
    lambda L, x: x.norm(dim=1),
    lambda L, x: x.max(1)[0],
    lambda L, x: x.max(1)[1],
    lambda L, x: x.cumsum(1),
    lambda L, x: x.cumprod(0),
    lambda L, x: x.cummax(1)[0],
    lambda L, x: x.cummax(1)[1],
    lambda L, x: x.cummin(2)[1],
    lambda L, x: x.logcumsumexp(1),
    lambda L, x: x.softmax(1),
    lambda L, x: x.log_softmax(0),
    lambda L, x: x.sort(1)[0],
    lambda L, x: x.sort(1)[1],
    lambda L, x: x.argsort(0),
    lambda L, x: x.argsort(2, descending=True),
    lambda L, x: x.topk(2, 1)[0],
    lambda L, x: x.kthvalue(1, 1)[0],
    lambda L, x: x.median(2)[1],
    lambda L, x: x.roll(1, 1),
    lambda L, x: x.roll((1, 1), (0, 2)),
    lambda L, x: x.flip(1),
    lambda L, x: x.tril(),
    lambda L, x: x.triu(1),
    lambda L, x: x[x > 0.5],
    lambda L, x, i: x[:, i],
    lambda L, x, i: x[..., i],
    lambda L, x, i: x[i],
    lambda L, x, i: x[:, i, i],
    lambda L, x, i: x[i, :, i],
    lambda L, x, i: x[i, i],
    lambda L, x, i: x[0, :, i],
    lambda L, x, i: x[:, 0, i],
    lambda L, x, i: x[:, i, 0],
    lambda L, x, i, pair: x[:, :, pair],
    lambda L, x, i, pair: x[:, pair],
    lambda L, x, i: x[:, None, i],
    lambda L, x, i: x[i, None, i],
    lambda L, x, i: x[:, i, :2],
    lambda L, x, i: x[::2, :, i],
    lambda L, x: x[:, (True, False, True)],
    lambda L, x: x[..., (True, False, True, True)],
    lambda L, x, i: x.index_select(0, i),
    lambda L, x, i: x.index_select(1, i),
    lambda L, x, i: x.index_select(2, i),
    lambda L, x: x.repeat_interleave(2, 1),
    lambda L, x, i, pair, z: x.gather(1, z),
    lambda L, x: x.take_along_dim(x.argsort(1), 1),
    lambda L, x: x.masked_select(x > 0.5),
    lambda L, x: x.nonzero(),
    lambda L, x: L.argwhere(x > 0.5),
    lambda L, x, i, pair, z: x.scatter(1, z, 0.0),
    lambda L, x, i, pair, z: x.scatter(1, z, x),
    lambda L, x, i, pair, z: x.scatter_add(1, z, x),
    lambda L, x, i, pair, z: x.scatter_reduce(1, z, x, "amax"),
    lambda L, x, i: x.index_add(1, i, x[:, :2]),
    lambda L, x, i: x.index_copy(1, i, x[:, :2]),
    lambda L, x, i: x.index_fill(1, i, 1.0),
    lambda L, x: x.masked_scatter(x > 0.5, x),
    lambda L, x: x.repeat(1, 2, 1),
    lambda L, x: x.tile(2, 1, 1),
    lambda L, x: L.cat([x, x], 0),
    lambda L, x: L.cat([x, x], 1),
    lambda L, x: L.cat([x, x], 2),
    lambda L, x: L.stack([x, x]),
    lambda L, x: L.stack([x, x], 3),
    lambda L, x: x.reshape(2, 12),
    lambda L, x: x.ravel(),
    lambda L, x: x.flatten(1),
    lambda L, x: L.nn.functional.one_hot(x.long()[0], 2),
    lambda L, x: x.diagonal(0, 1, 2),
    lambda L, x: L.nn.functional.pad(x, (1, 1)),
    lambda L, x: L.nn.functional.pad(x, (1, 1, 2, 0), value=1.0),
    lambda L, x: L.nn.functional.pad(x, (1, 1), mode="reflect"),
    lambda L, x: L.nn.functional.pad(x, (1, 1), mode="circular"),
    lambda L, x: L.nn.functional.pad(x, (1, 1), mode="replicate"),
    lambda L, x: L.nn.functional.max_pool1d(x, 2),
    lambda L, x: L.nn.functional.logsigmoid(x),
    lambda L, x: L.nn.functional.batch_norm(x, None, None, training=True),
    lambda L, x: L.zeros_like(x),
    lambda L, x: L.ones_like(x),
    lambda L, x: L.full_like(x, 2),
    lambda L, x: L.empty_like(x).zero_(),
    lambda L, x: L.rand_like(x),
    lambda L, x: L.randn_like(x),
    lambda L, x: L.randint_like(x, 9),
    lambda L, x: L.bernoulli(x),
    lambda L, x: L.nn.functional.dropout(x, 0.5),
    lambda L, x: x.clone().uniform_(),
    lambda L, x: x.clone().exponential_(),
    lambda L, x: L.multinomial(x[0], 2),
    lambda L, x, i: L.rand_like(x[:, i]),
    lambda L, x, i: L.nn.functional.dropout(x[..., i], 0.5),
    lambda L, x: L.nn.functional.dropout(x.sort(1)[0], 0.5),
]


def answer(lib, call, part):
    lib.manual_seed(0)
    x = PARTS[part](lambda *shape: lib.from_numpy(DRAWN[: np.prod(shape)].reshape(shape).copy()))
    indices = lib.tensor([1, 0]), lib.tensor([[1, 0], [0, 2]]), lib.zeros(2, 2, 4, dtype=lib.int64)
    return apply(lib, call, [x, *indices])


@pytest.mark.parametrize("call", CALLS, ids=text)
def test_results_lie_as_pytorchs(torch, call):
    for part in PARTS:
        ours, theirs = answer(mg, call, part), answer(torch, call, part)
        strides = [[step for step, n in zip(y.stride(), y.shape, strict=True) if n > 1] for y in (ours, theirs)]
        assert strides[0] == strides[1], part
        if not (part.startswith("expanded") and "median" in text(call)):  # which of equal values is nobody's promise
            assert np.allclose(ours.numpy(), theirs.numpy(), atol=1e-5, equal_nan=True), part


@pytest.mark.parametrize(
    "call",
    [
        lambda x: x.sum(0),
        lambda x: x.T * 2,
        lambda x: x[:, [1, 0]],
        lambda x: mg.rand(2, 4) @ x.T,
        lambda x: mg.cat([x, x], 1).T * 2,
        lambda x: x.expand(2, 3, 4),
        lambda x: mg.nn.functional.conv1d(mg.rand(1, 4, 5), x[..., None]),
    ],
    ids=text,
)
def test_gradients_of_leaves_lie_in_c_order(call):
    x = mg.rand(3, 4, requires_grad=True)
    y = call(x)
    y.backward(mg.rand(*y.shape))
    assert x.grad.view(-1).shape == (12,)


def test_what_is_flattened_of_picked_columns_is_a_view():
    y = mg.ones(3, 4)[:, mg.tensor([1, 0])]
    y.flatten().zero_()
    assert not y.any()


def test_axes_lie_by_strides_and_what_was_broadcast_says_nothing():
    assert axes_in_memory((2, 3, 4), (12, 4, 1)) == (0, 1, 2)
    assert axes_in_memory((2, 3, 4), (1, 8, 2)) == (1, 2, 0)
    assert axes_in_memory((2, 3, 4), (0, 1, 3)) == (0, 2, 1)
    assert axes_in_memory((3, 4), (0, 0), (1, 3)) == (1, 0)
