"""Integers are int64 on every machine: also where NumPy's own are 32 bits wide, as in a browser."""

import numpy as np
import pytest

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import nn

X = mg.tensor([3.0, 1.0, 2.0, 1.0])
I32 = X.to(mg.int32)
INT64 = {
    "tensor(5)": lambda: mg.tensor(5),
    "tensor of a list": lambda: mg.tensor([[1, 2]]),
    "as_tensor of a list": lambda: mg.as_tensor([1, 2]),
    "tensor of booleans and integers": lambda: mg.tensor([True, 2]),
    "product beyond 32 bits": lambda: mg.tensor([100000]) * 100000,
    "full": lambda: mg.full((2,), 3),
    "arange": lambda: mg.arange(3),
    "zeros long": lambda: X.long(),
    "sum of booleans": lambda: (X > 1).sum(),
    "sum of int32": lambda: I32.sum(),
    "sum of int32 along": lambda: I32.sum(0),
    "prod of int32": lambda: I32.prod(),
    "cumsum of int32": lambda: I32.cumsum(0),
    "cumprod of booleans": lambda: (X > 0).cumprod(0),
    "count_nonzero": lambda: X.count_nonzero(),
    "argmax": lambda: X.argmax(),
    "argmin along": lambda: X.argmin(0),
    "max indices": lambda: X.max(0).indices,
    "min indices": lambda: X.min(0).indices,
    "median indices": lambda: X.median(0).indices,
    "nanmedian indices": lambda: X.nanmedian(0).indices,
    "mode indices": lambda: X.mode(0).indices,
    "kthvalue indices": lambda: X.kthvalue(2).indices,
    "sort indices": lambda: X.sort().indices,
    "argsort": lambda: X.argsort(),
    "topk indices": lambda: X.topk(2).indices,
    "cummax indices": lambda: X.cummax(0).indices,
    "cummin indices": lambda: X.cummin(0).indices,
    "unique inverse": lambda: X.unique(return_inverse=True)[1],
    "unique counts": lambda: X.unique(return_counts=True)[1],
    "unique_consecutive counts": lambda: X.unique_consecutive(return_counts=True)[1],
    "nonzero": lambda: X.nonzero(),
    "where": lambda: mg.where(X > 1)[0],
    "searchsorted": lambda: mg.searchsorted(X.sort().values, X),
    "bucketize": lambda: mg.bucketize(X, mg.tensor([1.5])),
    "bincount": lambda: mg.bincount(X.long()),
    "one_hot": lambda: F.one_hot(mg.tensor([1, 2]), 4),
    "multinomial": lambda: mg.multinomial(mg.ones(3), 2),
    "multinomial of one": lambda: mg.multinomial(mg.ones(3), 1),
    "randint": lambda: mg.randint(5, (2,)),
    "randperm": lambda: mg.randperm(4),
    "triu_indices": lambda: mg.triu_indices(3, 3),
    "combined with a number": lambda: mg.tensor([True]) + 1,
    "max_pool indices": lambda: F.max_pool1d(X[None], 2, return_indices=True)[1],
    "a batch counted": lambda: nn.BatchNorm1d(2).num_batches_tracked,
}  # fmt: skip


@pytest.mark.parametrize("name", INT64)
def test_integers_are_int64(name):
    assert INT64[name]().dtype == mg.int64


def test_their_values_go_beyond_32_bits():
    assert (mg.tensor([100000]) * 100000).item() == 10**10
    assert (mg.full((3,), 2**31 - 1).to(mg.int32)).sum().item() == 3 * (2**31 - 1)
    layer = nn.BatchNorm1d(2)
    layer(mg.randn(4, 2))
    assert layer.num_batches_tracked.dtype == mg.int64 and layer.num_batches_tracked.item() == 1


@pytest.mark.parametrize(
    ("read", "expected"),
    [
        (lambda i: X[i], [1, 3]),
        (lambda i: X.take(i), [1, 3]),
        (lambda i: X.index_select(0, i), [1, 3]),
        (lambda i: X.gather(0, i), [1, 3]),
        (lambda i: mg.take_along_dim(X, i, 0), [1, 3]),
        (lambda i: X.index_fill(0, i, 7.0), [7, 7, 2, 1]),
        (lambda i: X.index_add(0, i, mg.ones(2)), [4, 2, 2, 1]),
        (lambda i: X.scatter(0, i, 9.0), [9, 9, 2, 1]),
        (lambda i: F.embedding(i, X[:, None])[:, 0], [1, 3]),
        (lambda i: mg.histc(X, 3), [2, 1, 1]),
        (lambda i: F.cross_entropy(mg.zeros(2, 3), i, reduction="none").exp().round(), [3, 3]),
        (lambda i: i.repeat_interleave(i + 1), [1, 1, 0]),
    ],
)
def test_places_of_64_bits_are_read(read, expected):
    assert read(mg.tensor([1, 0])).tolist() == expected
    assert np.array(mg.tensor([1, 0])).dtype == np.int64
