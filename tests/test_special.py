"""The error functions against the C library's, the ends included; selecting few of many."""

import math

import numpy as np
import pytest

import minigrad as mg


@pytest.mark.parametrize("name", ["erf", "erfc"])
def test_error_functions_to_the_last_digits(name):
    x = np.concatenate([np.linspace(-7, 27, 40_001), [0.0, -0.0, 0.46875, 4.0, 1e-300, 1e300, -1e300]])  # pieces, too
    expected = np.array([getattr(math, name)(v) for v in x])
    found = getattr(mg, name)(mg.from_numpy(x)).numpy()
    normal = expected > 1e-300 if name == "erfc" else np.ones(len(x), bool)
    np.testing.assert_allclose(found[normal], expected[normal], rtol=2e-15, atol=0)
    assert np.isnan(getattr(mg, name)(mg.tensor(math.nan)).item())
    assert getattr(mg, name)(mg.tensor([math.inf, -math.inf])).tolist() == ([1, -1] if name == "erf" else [0, 2])
    x, expected = x[np.abs(x) < 1e30], expected[np.abs(x) < 1e30]
    single = getattr(mg, name)(mg.from_numpy(x.astype(np.float32)))
    assert single.dtype == np.float32
    np.testing.assert_allclose(single.numpy(), expected, atol=4e-7)


@pytest.mark.parametrize("largest", [True, False])
@pytest.mark.parametrize("dim", [0, 1])
def test_topk_of_many(torch, largest, dim):
    x = np.random.default_rng(0).permutation(120 * 90).reshape(120, 90) / 7
    x[3, 5] = np.nan
    ours = mg.topk(mg.from_numpy(x), 4, dim, largest)
    theirs = torch.topk(torch.from_numpy(x), 4, dim, largest)
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(a.numpy(), b.numpy())


def test_sigmoid_of_float16_is_rounded_once(torch):
    x = np.arange(-12, 12, 0.125).astype(np.float16)
    theirs = torch.from_numpy(x).sigmoid().numpy()
    np.testing.assert_array_equal(mg.from_numpy(x).sigmoid().numpy(), theirs)
