"""Lazy layers: features from the first input or from a state, and nothing on a refusal."""

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn, optim

KINDS = [
    (nn.LazyBatchNorm1d, nn.BatchNorm1d, (4, 3)),
    (nn.LazyBatchNorm2d, nn.BatchNorm2d, (4, 3, 2, 2)),
    (nn.LazyBatchNorm3d, nn.BatchNorm3d, (4, 3, 2, 1, 2)),
]


@pytest.mark.parametrize(("lazy", "plain", "shape"), KINDS)
def test_the_first_input_tells_the_features(lazy, plain, shape):
    a, b = lazy(eps=1e-3, momentum=None), plain(3, eps=1e-3, momentum=None)
    x = mg.randn(*shape)
    np.testing.assert_array_equal(a(x).detach().numpy(), b(x).detach().numpy())
    assert type(a) is plain and repr(a) == repr(b)
    for key, value in b.state_dict().items():
        np.testing.assert_array_equal(a.state_dict()[key].numpy(), value.numpy())


@pytest.mark.parametrize(("lazy", "plain", "shape"), KINDS)
def test_a_state_tells_the_features(lazy, plain, shape):
    old = plain(3)
    old(mg.randn(*shape))
    new = nn.Sequential(lazy())
    new.load_state_dict({f"0.{k}": v for k, v in old.state_dict().items()})
    assert type(new[0]) is plain and new[0].num_features == 3
    np.testing.assert_array_equal(new[0].running_mean.numpy(), old.running_mean.numpy())


def test_a_refusal_leaves_it_lazy():
    lazy = nn.LazyBatchNorm1d()
    for x, error in ((mg.randn(1, 3), "more than 1 value"), (mg.randn(2, 3, 2, 2), "expected 2D or 3D input")):
        with pytest.raises(ValueError, match=error):
            lazy(x)
        assert type(lazy) is nn.LazyBatchNorm1d and lazy.num_features == 0 and lazy.weight.shape == (0,)
    with pytest.raises(RuntimeError, match="Missing key"):
        lazy.load_state_dict({"weight": np.ones(3)})
    assert type(lazy) is nn.LazyBatchNorm1d and lazy.running_mean.shape == (0,)
    assert lazy.double()(mg.randn(4, 2).double()).dtype == mg.float64


def test_an_optimizer_made_before_holds_the_same_parameters():
    model = nn.Sequential(nn.Linear(2, 3, bias=False), nn.LazyBatchNorm1d())
    optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    model(mg.randn(4, 2)).pow(3).sum().backward()
    optimizer.step()
    assert model[1].weight.shape == (3,) and (model[1].weight.detach().numpy() != 1).all()
