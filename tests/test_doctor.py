"""The BatchNorm doctor: one failing model a rule, and silence on a clean one."""

import argparse

import mnist
import numpy as np
import pytest
import vanilla_vs_batchnorm

import minigrad as mg
from minigrad import nn, optim
from minigrad.nn import doctor
from minigrad.nn.utils import freeze_batchnorm, recalibrate_batchnorm
from minigrad.utils.data import DataLoader, TensorDataset


def clean():
    return nn.Sequential(
        nn.Linear(4, 8, bias=False), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 3, bias=False), nn.BatchNorm1d(3)
    )


def data(n=64, batch_size=32, features=4, **options):
    x = mg.tensor(np.random.default_rng(0).standard_normal((n, features)).astype(np.float32))
    return DataLoader(TensorDataset(x, mg.zeros(n)), batch_size=batch_size, **options)


def rules(model, *args, **kwargs):
    return {(finding.path, finding.rule) for finding in doctor.check(model, *args, **kwargs)}


def test_silence_on_a_clean_model():
    mg.manual_seed(0)
    model = clean()
    assert rules(model, data(), optim.SGD(model.parameters(), lr=0.1)) == set()
    recalibrate_batchnorm(model, data())
    assert rules(model, data()) == set() and rules(model.eval(), data()) == set()
    assert str(doctor.check(model)) == "no findings"
    assert rules(nn.Linear(2, 2), [mg.ones(3, 2)]) == set()  # nothing to judge


class Hidden(nn.Module):
    """A bias before BatchNorm that only running the model shows, and one that something else reads."""

    def __init__(self):
        super().__init__()
        self.norm, self.layer, self.read_twice, self.second = (
            nn.BatchNorm1d(4), nn.Linear(4, 4), nn.Linear(4, 4), nn.BatchNorm1d(4)
        )  # fmt: skip

    def forward(self, x):
        y = self.read_twice(self.norm(self.layer(x)))
        return self.second(y) + y


def test_bias_before_batch_normalization():
    rule = "bias before Batch Normalization"
    assert rules(nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3))) == {("0", rule)}
    conv = nn.Sequential(nn.Sequential(nn.Conv2d(1, 3, 2), nn.BatchNorm2d(3)))
    assert rules(conv, [mg.randn(9, 1, 4, 4)]) == {("0.0", rule)}
    assert rules(Hidden()) == set() and rules(Hidden(), data()) == {("layer", rule)}
    assert rules(freeze_batchnorm(conv), [mg.randn(9, 1, 4, 4)]) == {("0.1", "evaluation without statistics")}


def test_last_batch_of_one_sample():
    rule = "last batch of one sample"
    assert rules(clean(), data(65)) == {("1", rule)}
    assert rules(clean(), data(65, drop_last=True)) == set()
    assert rules(clean(), [mg.randn(32, 4), mg.randn(1, 4)]) == {("1", rule)}
    conv = nn.Sequential(nn.BatchNorm2d(1))
    assert rules(conv, [mg.randn(32, 1, 4, 4), mg.randn(1, 1, 4, 4)]) == set()  # 16 values a channel


def test_evaluation_without_statistics():
    assert rules(clean().eval()) == {("1", "evaluation without statistics"), ("4", "evaluation without statistics")}


def test_statistics_move_while_parameters_are_frozen():
    model = clean().requires_grad_(False)
    assert rules(model) == {(path, "statistics move while parameters are frozen") for path in "14"}
    assert not rules(recalibrate_batchnorm(model, data()).eval())
    assert not rules(freeze_batchnorm(model.train()))


@pytest.mark.parametrize(("name", "value"), [("running_mean", np.nan), ("running_var", np.inf), ("running_var", -1.0)])
def test_statistics_that_are_not_finite(name, value):
    model = recalibrate_batchnorm(clean(), data())
    getattr(model[1], name)[0] = value
    with np.errstate(all="ignore"):
        assert {path for path, rule in rules(model) if "not finite" in rule} == {"1"}


def test_stale_statistics_and_outputs_apart():
    model = recalibrate_batchnorm(clean(), data())
    model[1].running_mean += 20
    found = rules(model, data())
    assert ("1", "stale statistics") in found and ("4", "stale statistics") not in found
    assert ("", "training and evaluation outputs far apart") in found


def test_dropout_right_before():
    model = nn.Sequential(nn.Linear(4, 3, bias=False), nn.Dropout(0.5), nn.BatchNorm1d(3))
    expected = {("2", "Dropout right before Batch Normalization")}
    assert rules(model) == expected == rules(model, data())
    model[1].p = 0.0
    assert rules(model) == set() == rules(model, data())


def test_dropout_some_layers_before():
    rule = "Dropout before Batch Normalization"
    layers = [nn.Dropout(0.5), nn.Linear(4, 4, bias=False), nn.ReLU(), nn.BatchNorm1d(4)]
    model = nn.Sequential(*layers, nn.Linear(4, 3, bias=False), nn.BatchNorm1d(3))
    assert rules(model) == {("3", rule)} == rules(model, data())
    assert "'0', 2 layers before," in doctor.check(model, data())[0].why

    class Functional(nn.Module):
        def __init__(self):
            super().__init__()
            self.drop, self.linear, self.norm = layers[0], layers[1], layers[3]

        def forward(self, x):
            return self.norm((self.linear(self.drop(x)) + x).relu())

    assert rules(Functional()) == set() and rules(Functional(), data()) == {("norm", rule)}
    layers[0].p = 0.0
    assert rules(model) == set() == rules(model, data())


def test_called_twice_in_a_forward_pass():
    class Twice(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm = nn.BatchNorm1d(4)

        def forward(self, x):
            return self.norm(self.norm(x).relu() - 3)

    assert rules(Twice(), data()) == {("norm", "called 2 times in a forward pass")}
    frozen = freeze_batchnorm(recalibrate_batchnorm(Twice(), data()))
    assert not any("called" in rule for _, rule in rules(frozen, data()))


def test_behind_another():
    model = nn.Sequential(nn.BatchNorm1d(4), nn.BatchNorm1d(4))
    rule = "Batch Normalization behind Batch Normalization"
    assert rules(model) == {("1", rule)} == rules(model, data())
    assert rules(nn.Sequential(nn.BatchNorm1d(4), nn.ReLU(), nn.BatchNorm1d(4)), data()) == set()


@pytest.mark.parametrize(
    ("option", "expected"),
    [
        ({"momentum": 0.99}, {("", "momentum 0.99")}),
        ({"momentum": 0.5}, set()),
        ({"momentum": None}, set()),
        ({"momentum": 0.99, "track_running_stats": False}, set()),
        ({"eps": 0.1}, {("", "eps 0.1")}),
        ({"eps": 0.01}, set()),
    ],
)
def test_numbers_of_a_layer(option, expected):
    assert rules(nn.BatchNorm1d(4, **option)) == expected


def test_batches_sorted_by_class():
    rule = "batches sorted by class"
    x, classes = mg.randn(512, 4), mg.arange(8).repeat_interleave(64)
    mixed = mg.tensor(np.random.default_rng(0).permutation(classes.numpy()))
    for labels, expected in ((classes, {("1", rule)}), (mixed, set()), (classes.float(), set()), (0 * classes, set())):
        assert rules(clean(), DataLoader(TensorDataset(x, labels), batch_size=32)) == expected
    half = mg.arange(2).repeat_interleave(256)  # the first batches hold one class, the last sample is of another
    assert rules(clean(), DataLoader(TensorDataset(x, half), batch_size=16)) == {("1", rule)}
    assert rules(clean(), DataLoader(TensorDataset(x, classes), batch_size=32, shuffle=True)) == set()


def test_ghost_batches_not_smaller_than_the_batch():
    rule = "ghost batches not smaller than the batch"
    assert rules(nn.GhostBatchNorm(4, 32), data(batch_size=32)) == {("", rule)}
    assert rules(nn.GhostBatchNorm(4, 16), data(batch_size=32)) == set() == rules(nn.GhostBatchNorm(4, 64))


def test_constant_features():
    x = mg.randn(32, 4)
    x[:, 2] = 0.1
    assert rules(nn.BatchNorm1d(4), [x]) == {("", "constant features")}
    assert rules(nn.BatchNorm1d(4), [x + mg.tensor([1e4, 0, 0, 0]) + mg.randn(32, 4)]) == set()


def test_batches_too_small():
    found = rules(clean(), data(batch_size=4))
    assert found == {("1", "batches too small"), ("4", "batches too small")}
    assert rules(nn.BatchNorm2d(1), [mg.randn(2, 1, 4, 4)]) == set()


def test_weight_decay():
    model = clean()
    optimizer = optim.SGD(model.parameters(), lr=0.1, weight_decay=1e-4)
    assert rules(model, None, optimizer) == {(path, "weight decay on weight and bias") for path in "14"}
    norms = [p for m in (model[1], model[4]) for p in m.parameters()]
    groups = [{"params": [model[0].weight, model[3].weight]}, {"params": norms, "weight_decay": 0}]
    assert rules(model, None, optim.SGD(groups, lr=0.1, weight_decay=1e-4)) == set()


@pytest.mark.parametrize("net", ["mlp", "cnn", "paper"])
def test_our_own_examples_are_clean(net):
    args = argparse.Namespace(seed=0, model=net, lr=1e-3, weight_decay=0.1, epochs=1, train_size=64, batch_size=16)
    model, optimizer, _ = mnist.build(args, "batch")
    plain, _, _ = mnist.build(args, "none")
    assert rules(model, [mg.randn(16, 1, 28, 28)], optimizer) == set()
    assert all(
        np.array_equal(a.weight.detach(), b.weight.detach())
        for a, b in zip(model, plain, strict=True)
        if hasattr(b, "weight")
    )  # the same start for both
    assert sum(len(group["params"]) for group in optimizer.param_groups) == len(list(model.parameters()))
    assert rules(vanilla_vs_batchnorm.build("batch", 0), [mg.randn(16, 784)]) == set()


def test_it_changes_nothing_and_says_why_and_how():
    model = nn.Sequential(nn.Linear(4, 3), nn.Dropout(0.5), nn.BatchNorm1d(3))
    model[1].eval()
    before = {k: v.numpy().tobytes() for k, v in model.state_dict().items()}
    findings = doctor.check(model, data(), optim.Adam(model.parameters(), weight_decay=0.1))
    assert {k: v.numpy().tobytes() for k, v in model.state_dict().items()} == before
    assert [m.training for m in model] == [True, False, True] and not any(
        m._forward_hooks or m._forward_pre_hooks for m in model.modules()
    )
    assert len(findings) == 2 and all(f.path and len(f.why) > 40 and len(f.remedy) > 20 for f in findings)
    assert str(findings).count("remedy: ") == 2
