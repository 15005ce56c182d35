"""How results lie in memory, beside PyTorch: it shows in ``view``, in ``flatten`` and in the order of random numbers."""

import numpy as np
import pytest

import minigrad as mg
from minigrad.layout import axes_in_memory

DRAWN = np.random.default_rng(1).uniform(0.1, 0.9, 48).astype(np.float32)
PARTS = {
    "C": lambda f: f(2, 3, 4), "last two exchanged": lambda f: f(2, 4, 3).transpose(1, 2), "reversed": lambda f: f(4, 3, 2).permute(2, 1, 0),
    "first two exchanged": lambda f: f(3, 2, 4).transpose(0, 1), "turned": lambda f: f(3, 4, 2).permute(2, 0, 1), "turned back": lambda f: f(4, 2, 3).permute(1, 2, 0),
    "stepped": lambda f: f(2, 3, 8)[:, :, ::2], "expanded": lambda f: f(2, 1, 4).expand(2, 3, 4), "expanded in front": lambda f: f(3, 4).expand(2, 3, 4),
    "expanded behind": lambda f: f(2, 3, 1).expand(2, 3, 4), "stepped and exchanged": lambda f: f(2, 8, 3)[:, ::2].transpose(1, 2),
    "expanded and exchanged": lambda f: f(1, 4, 3).expand(2, 4, 3).transpose(1, 2),
}  # fmt: skip
CALLS = """
x.exp(); x.clone(); x.double(); x.long(); x.contiguous(); x + x.clone(); x * x; x > 0.5; x.masked_fill(x > 0.5, 0); L.where(x > 0.5, x, 0)
x.sum(0); x.sum(1); x.sum((0, 2)); x.mean(1); x.prod(1); x.amax(1); x.amax((0, 2)); x.argmax(1); x.any(1); x.all(0); x.logsumexp(1); x.var(1); x.norm(dim=1); x.max(1)[0]; x.max(1)[1]
x.cumsum(1); x.cumprod(0); x.cummax(1)[0]; x.cummax(1)[1]; x.cummin(2)[1]; x.logcumsumexp(1); x.softmax(1); x.log_softmax(0)
x.sort(1)[0]; x.sort(1)[1]; x.argsort(0); x.argsort(2, descending=True); x.topk(2, 1)[0]; x.kthvalue(1, 1)[0]; x.median(2)[1]; x.roll(1, 1); x.roll((1, 1), (0, 2)); x.flip(1); x.tril(); x.triu(1)
x[x > 0.5]; x[:, i]; x[..., i]; x[i]; x[:, i, i]; x[i, :, i]; x[i, i]; x[0, :, i]; x[:, 0, i]; x[:, i, 0]; x[:, :, pair]; x[:, pair]; x[:, None, i]; x[i, None, i]; x[:, i, :2]; x[::2, :, i]; x[:, (True, False, True)]; x[..., (True, False, True, True)]
x.index_select(0, i); x.index_select(1, i); x.index_select(2, i); x.repeat_interleave(2, 1); x.gather(1, z); x.take_along_dim(x.argsort(1), 1); x.masked_select(x > 0.5); x.nonzero(); L.argwhere(x > 0.5)
x.scatter(1, z, 0.0); x.scatter(1, z, x); x.scatter_add(1, z, x); x.scatter_reduce(1, z, x, 'amax'); x.index_add(1, i, x[:, :2]); x.index_copy(1, i, x[:, :2]); x.index_fill(1, i, 1.0); x.masked_scatter(x > 0.5, x)
x.repeat(1, 2, 1); x.tile(2, 1, 1); L.cat([x, x], 0); L.cat([x, x], 1); L.cat([x, x], 2); L.stack([x, x]); L.stack([x, x], 3); x.reshape(2, 12); x.ravel(); x.flatten(1); F.one_hot(x.long()[0], 2); x.diagonal(0, 1, 2)
F.pad(x, (1, 1)); F.pad(x, (1, 1, 2, 0), value=1.0); F.pad(x, (1, 1), mode='reflect'); F.pad(x, (1, 1), mode='circular'); F.pad(x, (1, 1), mode='replicate'); F.max_pool1d(x, 2); F.logsigmoid(x); F.batch_norm(x, None, None, training=True)
L.zeros_like(x); L.ones_like(x); L.full_like(x, 2); L.empty_like(x) * 0; L.rand_like(x); L.randn_like(x); L.randint_like(x, 9); L.bernoulli(x); F.dropout(x, 0.5); x.clone().uniform_(); x.clone().exponential_(); L.multinomial(x[0], 2); L.rand_like(x[:, i]); F.dropout(x[..., i], 0.5); F.dropout(x.sort(1)[0], 0.5)
"""
CALLS = [call.strip() for line in CALLS.strip().split("\n") for call in line.split(";")]


def called(lib, call, part):
    lib.manual_seed(0)
    x = PARTS[part](lambda *shape: lib.from_numpy(DRAWN[: np.prod(shape)].reshape(shape).copy()))
    names = {"i": lib.tensor([1, 0]), "pair": lib.tensor([[1, 0], [0, 2]]), "z": lib.zeros(2, 2, 4, dtype=lib.int64)}
    return eval(call, {"L": lib, "F": lib.nn.functional, "x": x, **names})


@pytest.mark.parametrize("call", CALLS)
def test_results_lie_as_pytorchs(torch, call):
    for part in PARTS:
        ours, theirs = called(mg, call, part), called(torch, call, part)
        strides = [[step for step, n in zip(y.stride(), y.shape, strict=True) if n > 1] for y in (ours, theirs)]
        assert strides[0] == strides[1], part
        if not (part.startswith("expanded") and "median" in call):  # which of equal values is nobody's promise
            assert np.allclose(ours.numpy(), theirs.numpy(), atol=1e-5, equal_nan=True), part


@pytest.mark.parametrize(
    "call",
    ["x.sum(0)", "x.T * 2", "x[:, [1, 0]]", "mg.rand(2, 4) @ x.T", "mg.cat([x, x], 1).T * 2", "x.expand(2, 3, 4)",
     "mg.nn.functional.conv1d(mg.rand(1, 4, 5), x[..., None])"],
)  # fmt: skip
def test_gradients_of_leaves_lie_in_c_order(call):
    x = mg.rand(3, 4, requires_grad=True)
    y = eval(call, {"x": x, "mg": mg})
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
