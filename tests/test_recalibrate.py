"""Exact statistics of a whole data set: Algorithm 2."""

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.nn.utils import freeze_batchnorm, recalibrate_batchnorm
from minigrad.utils.data import DataLoader, TensorDataset


def parts(x, sizes):
    ends = np.cumsum([0, *sizes])
    return [mg.tensor(x[a:b]) for a, b in zip(ends, ends[1:], strict=False)]


SIZES = [(100,), (90, 10), (33, 33, 32, 2), (2, 97, 1), (0, 50, 0, 50, 0), (1,) * 100]


@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("shape", [(100, 3), (100, 3, 2, 2)])
def test_it_finds_the_statistics_of_the_whole_set_whatever_the_batches(shape, sizes):
    x = np.random.default_rng(0).standard_normal(shape) * 3 + 1e4
    kind = nn.BatchNorm1d if len(shape) == 2 else nn.BatchNorm2d
    bn = recalibrate_batchnorm(kind(3).double(), parts(x, sizes))
    axes = tuple(i for i in range(x.ndim) if i != 1)
    np.testing.assert_allclose(bn.running_mean.numpy(), x.mean(axes), rtol=1e-12)
    exact = x.astype(np.longdouble).var(axes, ddof=1)
    np.testing.assert_allclose(bn.running_var.numpy(), exact, rtol=1e-12)
    assert bn.num_batches_tracked.item() == sum(size > 0 for size in sizes) and bn.training


def test_the_papers_average_over_batches():
    x = np.random.default_rng(0).standard_normal((60, 2)) * np.linspace(1, 4, 60)[:, None]
    batches = parts(x, (20, 20, 20))
    bn = recalibrate_batchnorm(nn.BatchNorm1d(2).double(), batches, average="paper")
    means = [b.numpy().mean(0) for b in batches]
    biased = [b.numpy().var(0) for b in batches]
    np.testing.assert_allclose(bn.running_mean.numpy(), np.mean(means, 0), rtol=1e-12)
    np.testing.assert_allclose(bn.running_var.numpy(), 20 / 19 * np.mean(biased, 0), rtol=1e-12)
    assert np.abs(bn.running_var.numpy() / x.var(0, ddof=1) - 1).min() > 1e-3  # not the population's


def test_every_layer_of_a_net_in_one_pass_and_deeper_ones_see_normalised_batches():
    mg.manual_seed(0)
    model = nn.Sequential(
        nn.Linear(4, 5), nn.BatchNorm1d(5), nn.Dropout(0.9), nn.Linear(5, 3), nn.BatchNorm1d(3)
    ).double()
    x = np.random.default_rng(0).standard_normal((50, 4))
    data = TensorDataset(mg.tensor(x), mg.arange(50))
    recalibrate_batchnorm(model, DataLoader(data, batch_size=25))
    first = model[0](mg.tensor(x))
    np.testing.assert_allclose(model[1].running_mean.numpy(), first.detach().numpy().mean(0), rtol=1e-12, atol=1e-14)
    hidden = [model[3](model[1](model[0](mg.tensor(part)))).detach().numpy() for part in (x[:25], x[25:])]
    np.testing.assert_allclose(model[4].running_var.numpy(), np.concatenate(hidden).var(0, ddof=1), rtol=1e-12)


def test_a_lone_sample_is_normalised_by_what_was_seen_and_layers_behind_it_stay_sane():
    mg.manual_seed(0)
    model = nn.Sequential(nn.Linear(4, 5), nn.BatchNorm1d(5), nn.Linear(5, 3), nn.BatchNorm1d(3)).double()
    x = mg.randn(400, 4).double()
    hidden = model[0](x).detach().numpy()
    exact = recalibrate_batchnorm(model, [x])[3].running_var.numpy().copy()
    for batches in ([x[:399], x[399:]], list(x.split(1))):
        recalibrate_batchnorm(model, batches)
        np.testing.assert_allclose(model[1].running_var.numpy(), hidden.var(0, ddof=1), rtol=1e-12)
        np.testing.assert_allclose(model[3].running_var.numpy(), exact, rtol=0.1)
    last = (hidden[399] - hidden.mean(0)) / np.sqrt(hidden.var(0) + 1e-5)  # by all that was seen
    recalibrate_batchnorm(model, [x[:399], x[399:]])
    firsts = model[1](model[0](x[:399])).detach().numpy()
    behind = model[2](mg.tensor(np.vstack([firsts, last]))).detach().numpy()
    np.testing.assert_allclose(model[3].running_var.numpy(), behind.var(0, ddof=1), rtol=1e-12)


def test_the_papers_average_leaves_a_lone_sample_out_of_the_variances():
    x = np.random.default_rng(0).standard_normal((7, 2))
    bn = recalibrate_batchnorm(nn.BatchNorm1d(2).double(), parts(x, (3, 3, 1)), average="paper")
    np.testing.assert_allclose(bn.running_mean.numpy(), (x[:3].mean(0) + x[3:6].mean(0) + x[6]) / 3, rtol=1e-12)
    variances = (x[:3].var(0, ddof=1) + x[3:6].var(0, ddof=1)) / 2
    np.testing.assert_allclose(bn.running_var.numpy(), variances, rtol=1e-12)


def test_a_layer_that_gets_nothing_of_a_batch_is_passed_over():
    class Masked(nn.Module):
        def __init__(self):
            super().__init__()
            self.bn, self.idle = nn.BatchNorm1d(2), nn.BatchNorm1d(2)

        def forward(self, x):
            return self.bn(x[x[:, 0] > 0])

    model = recalibrate_batchnorm(Masked(), [-mg.ones(4, 2), mg.tensor([[1.0, 2.0], [3.0, 6.0]])])
    assert model.bn.running_mean.tolist() == [2, 4] and model.idle.num_batches_tracked.item() == 0


def test_frozen_layers_modes_and_gradients_are_left_alone():
    model = freeze_batchnorm(nn.Sequential(nn.BatchNorm1d(2), nn.Dropout()))
    model[1].eval()
    recalibrate_batchnorm(model, [mg.randn(8, 2)])
    assert model[0].num_batches_tracked.item() == 0 and model[0].training and not model[1].training


@pytest.mark.parametrize(
    ("loader", "options", "words"),
    [
        ([], {}, "no batch"),
        ([mg.ones(3, 2)], {"average": "mean"}, "'population' or 'paper', got 'mean'"),
        ([mg.randn(3, 2), mg.full((3, 2), float("nan"))], {}, "layer '0' met nan or inf"),
        ([mg.randn(1, 2)], {}, "Expected more than 1 value per channel for layer '0'"),
        (
            [mg.randn(1, 2), mg.randn(1, 2)],
            {"average": "paper"},
            "Expected more than 1 value per channel for layer '0'",
        ),
        ([mg.randn(0, 2), mg.randn(0, 2)], {}, "no batch, or only empty ones"),
    ],
)
@pytest.mark.filterwarnings("ignore:batch_norm")
def test_a_refusal_changes_nothing(loader, options, words):
    model = nn.Sequential(nn.BatchNorm1d(2)).eval()
    before = {k: v.numpy().tobytes() for k, v in model.state_dict().items()}
    with np.errstate(all="ignore"), pytest.raises(ValueError, match=words):
        recalibrate_batchnorm(model, loader, **options)
    assert {k: v.numpy().tobytes() for k, v in model.state_dict().items()} == before and not model[0].training
    assert not model[0]._forward_pre_hooks


def test_progress_is_shown_when_asked(capsys):
    pytest.importorskip("tqdm", reason="tqdm is not installed")
    recalibrate_batchnorm(nn.BatchNorm1d(2), [mg.randn(3, 2)], progress=True)
    assert "recalibrating" in capsys.readouterr().err
