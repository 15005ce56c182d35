"""Random tensors and fills: with one seed PyTorch's numbers, and its stream goes on where ours does."""

import numpy as np
import pytest
from oracle import text

import minigrad as mg

CALLS = [
    lambda L, N, D: L.rand(N, dtype=D),
    lambda L, N, D: L.randn(N, dtype=D),
    lambda L, N, D: L.randint(10, (N,)),
    lambda L, N, D: L.randint(-5, 2**40, (N,)),
    lambda L, N, D: L.randint(0, 2**31, (N,), dtype=D),
    lambda L, N, D: L.randperm(N),
    lambda L, N, D: L.bernoulli(L.full((N,), 0.3, dtype=D)),
    lambda L, N, D: L.bernoulli(L.zeros(N, dtype=D), 0.3),
    lambda L, N, D: L.bernoulli(L.linspace(0, 1, 3 * N, dtype=D).reshape(3, N).t()),
    lambda L, N, D: L.multinomial(L.arange(1, N + 2).to(D), N, replacement=True),
    lambda L, N, D: L.multinomial(L.arange(1, N + 2).to(D), 1),
    lambda L, N, D: L.multinomial(L.arange(1, N + 2).to(D), N),
    lambda L, N, D: L.multinomial(L.arange(1, 6 * N + 1).to(D).reshape(3, -1), 2),
    lambda L, N, D: L.normal(2.0, 3.0, (N,), dtype=D),
    lambda L, N, D: L.normal(L.zeros(N, dtype=D), 2.0),
    lambda L, N, D: L.normal(0.0, L.ones(N, dtype=D)),
    lambda L, N, D: L.normal(L.zeros(3, 1, dtype=D), L.ones(N, dtype=D)),
    lambda L, N, D: L.empty(N, dtype=D).exponential_(2.0),
    lambda L, N, D: L.empty(N, dtype=D).uniform_(-1, 2),
    lambda L, N, D: L.empty(N, dtype=D).normal_(1, 2),
    lambda L, N, D: L.empty(N, dtype=D).bernoulli_(0.3),
    lambda L, N, D: L.empty(N, dtype=D).random_(),
    lambda L, N, D: L.empty(N, dtype=D).random_(100),
    lambda L, N, D: L.empty(N, dtype=L.int64).random_(),
    lambda L, N, D: L.empty(N, dtype=L.uint8).random_(),
    lambda L, N, D: L.nn.init.trunc_normal_(L.empty(N, dtype=D)),
    lambda L, N, D: L.nn.init.trunc_normal_(L.empty(N, dtype=D), 1.0, 2.0, -1.0, 1.5),
    lambda L, N, D: L.nn.functional.dropout(L.ones(N, dtype=D), 0.3),
    lambda L, N, D: L.nn.functional.dropout(L.ones(3, N, dtype=D), 0.5),
    lambda L, N, D: L.nn.functional.dropout2d(L.ones(2, N, 2, 2, dtype=D)),
    lambda L, N, D: L.nn.functional.dropout(L.ones(3, N, dtype=D).t() * 2, 0.4),
    lambda L, N, D: L.rand_like(L.zeros(3, N, dtype=D).t()),
    lambda L, N, D: L.randn_like(L.zeros(3, N, dtype=D).t()),
    lambda L, N, D: L.randn_like(L.zeros(N, 4, dtype=D)[:, ::2]),
    lambda L, N, D: L.zeros(3, N, dtype=D).t().normal_(),
    lambda L, N, D: L.zeros(3, N, dtype=D).t().uniform_(),
    lambda L, N, D: L.zeros(N, 4, dtype=D)[:, ::2].normal_(),
    lambda L, N, D: L.zeros(N, 4, dtype=D)[:, 1].uniform_(),
    lambda L, N, D: L.zeros(3, N, dtype=D).t().exponential_(),
    lambda L, N, D: L.zeros(3, N, dtype=D).t().bernoulli_(0.4),
    lambda L, N, D: L.zeros(3, N, dtype=D).t().random_(7),
    lambda L, N, D: L.zeros(3, N, dtype=D).t().bernoulli_(L.linspace(0, 1, 3 * N, dtype=L.float64).reshape(N, 3)),
    lambda L, N, D: L.bernoulli(L.zeros(3, N, dtype=D).t(), 0.3),
    lambda L, N, D: L.randint_like(L.zeros(N, dtype=D), 3, 9),
]


@pytest.fixture(autouse=True)
def _seeds():
    state = mg.get_rng_state()
    yield
    mg.set_rng_state(state)


@pytest.mark.filterwarnings("ignore:to - 1 is out of bounds")  # PyTorch's, of float32
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("call", CALLS, ids=text)
def test_the_stream_is_pytorchs(torch, call, dtype):
    for n in (1, 15, 16, 17, 1000):
        for before in (0, 1):
            found = []
            for lib in (mg, torch):
                lib.manual_seed(42)
                lib.randn(before)
                drawn = call(lib, n, getattr(lib, dtype))
                found.append([drawn.numpy(), lib.randn(17).numpy(), lib.rand(2).numpy()])
            for ours, theirs in zip(*found, strict=True):
                assert (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape)
                tolerance = 1e-5 if ours.dtype == np.float32 else 1e-13
                np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize(
    "call",
    [
        lambda x: x.uniform_(2, 1),
        lambda x: x.normal_(0, -1),
        lambda x: x.exponential_(-1),
        lambda x: x.bernoulli_(2),
        lambda x: x.random_(5, 2),
    ],
    ids=text,
)
def test_refused_as_pytorch_refuses(torch, call):
    errors = []
    for lib in (mg, torch):
        with pytest.raises(Exception) as caught:
            call(lib.ones(3))
        errors.append(caught.type)
    assert errors[0] is errors[1]
