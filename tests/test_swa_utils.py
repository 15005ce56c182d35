"""Averaged models: beside PyTorch's, function by function, and their schedule."""

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn, optim


def ours_and_theirs(torch):
    import torch.optim

    return (mg, nn, optim.swa_utils), (torch, torch.nn, torch.optim.swa_utils)


def model(n):
    return n.Sequential(n.Linear(2, 3), n.BatchNorm1d(3), n.Linear(3, 1))


def fill(m, net, i):
    """Parameters and running statistics that are the same for everybody."""
    with m.no_grad():
        for k, (name, value) in enumerate(sorted(net.state_dict().items())):
            if "num_batches" in name:
                value.fill_(i)
            else:
                numbers = np.sin(np.arange(float(value.numel())) + k + 3 * i) + 1.5
                value.copy_(m.tensor(numbers.reshape(tuple(value.shape)).tolist()))


AVERAGES = [
    ("swa", lambda s: {}),
    ("swa, with buffers", lambda s: {"use_buffers": True}),
    ("a function", lambda s: {"avg_fn": lambda average, present, n: average * 0.5 + present / (n + 1)}),
    ("swa by function", lambda s: {"avg_fn": s.get_swa_avg_fn()}),
    ("ema by function", lambda s: {"avg_fn": s.get_ema_avg_fn(0.9), "use_buffers": True}),
    ("swa of all", lambda s: {"multi_avg_fn": s.get_swa_multi_avg_fn()}),
    ("ema of all", lambda s: {"multi_avg_fn": s.get_ema_multi_avg_fn(0.9)}),
    ("ema of all, with buffers", lambda s: {"multi_avg_fn": s.get_ema_multi_avg_fn(), "use_buffers": True}),
]


@pytest.mark.parametrize("options", [options for _, options in AVERAGES], ids=[name for name, _ in AVERAGES])
def test_averaged_models_like_pytorch(torch, options):
    states, outputs = [], []
    for m, n, s in ours_and_theirs(torch):
        net = model(n)
        averaged = s.AveragedModel(net, **options(s))
        for i in range(7):
            fill(m, net, i)
            averaged.update_parameters(net)
        states.append(averaged.state_dict())
        outputs.append(averaged.eval()(m.ones(2, 2)).tolist())
    assert list(states[0]) == list(states[1])
    for name in states[0]:
        np.testing.assert_allclose(states[0][name].tolist(), states[1][name].tolist(), rtol=2e-6, err_msg=name)
    np.testing.assert_allclose(*outputs, rtol=2e-5)


def test_an_averaged_model_is_a_copy():
    net = model(nn)
    averaged = optim.swa_utils.AveragedModel(net, "cpu")
    averaged.update_parameters(net)
    before = averaged.module[0].weight.tolist()
    with mg.no_grad():
        net[0].weight.add_(1)
    assert averaged.module[0].weight.tolist() == before
    again = optim.swa_utils.AveragedModel(model(nn))
    again.load_state_dict(averaged.state_dict())
    assert again.n_averaged == 1 and again.module[0].weight.tolist() == before


def test_update_bn_like_pytorch(torch):
    data = np.cos(np.arange(48.0)).reshape(6, 4, 2).tolist()
    states = []
    for m, n, s in ours_and_theirs(torch):
        net = model(n).eval()
        fill(m, net, 1)
        net[1].momentum = 0.3
        s.update_bn([(m.tensor(batch), None) if i % 2 else m.tensor(batch) for i, batch in enumerate(data)], net, "cpu")
        assert net[1].momentum == 0.3 and not net.training
        states.append({name: value.tolist() for name, value in net[1].state_dict().items()})
    for name in states[0]:
        np.testing.assert_allclose(states[0][name], states[1][name], rtol=1e-5, atol=1e-7)
    net = model(nn).eval()
    with pytest.raises(TypeError):
        optim.swa_utils.update_bn([3], net)
    assert net[1].momentum == 0.1 and not net.training
    optim.swa_utils.update_bn([3], nn.Linear(1, 1))  # nothing to do: no batch is looked at


SCHEDULES = [
    {"swa_lr": 0.05},
    {"swa_lr": [0.05, 0.5], "anneal_epochs": 7, "anneal_strategy": "linear"},
    {"swa_lr": 0.01, "anneal_epochs": 0},
    {"swa_lr": 0.01, "anneal_epochs": 1, "anneal_strategy": "linear"},
]


def groups(m, o):
    a, b = m.ones(1, requires_grad=True), m.ones(1, requires_grad=True)
    return o.SGD([{"params": [a], "lr": 0.3}, {"params": [b]}], lr=0.07)


@pytest.mark.parametrize("options", SCHEDULES)
def test_swalr_like_pytorch(torch, options):
    import torch.optim

    seen, optimizers = [], []
    for m, o in ((mg, optim), (torch, torch.optim)):
        optimizer = groups(m, o)
        scheduler, decay = o.swa_utils.SWALR(optimizer, **options), o.lr_scheduler.ExponentialLR(optimizer, 0.99)
        rates = []
        for i in range(120):
            optimizer.step()
            (decay if i < 3 else scheduler).step()
            rates.append([group["lr"] for group in optimizer.param_groups])
            if i == 8:
                state = scheduler.state_dict()
                scheduler = o.swa_utils.SWALR(optimizer, 0.9)
                scheduler.load_state_dict(state)
                for group, lr, target in zip(optimizer.param_groups, rates[-1], [0.05, 0.5], strict=True):
                    group.update(lr=lr, swa_lr=target)
        seen.append(rates)
        optimizers.append(optimizer)
    assert seen[0] == seen[1]
    assert optimizers[0].state_dict()["param_groups"][0].keys() == optimizers[1].state_dict()["param_groups"][0].keys()


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda s, o, n: s.get_ema_avg_fn(1.5), ValueError, "Invalid decay value 1.5 provided"),
        (lambda s, o, n: s.get_ema_multi_avg_fn(-1), ValueError, "Invalid decay value -1 provided"),
        (lambda s, o, n: s.AveragedModel(n, avg_fn=abs, multi_avg_fn=abs), AssertionError, "Only one of avg_fn and"),
        (lambda s, o, n: s.SWALR(o, [0.1]), ValueError, "swa_lr must have the same length as optimizer.param_groups"),
        (lambda s, o, n: s.SWALR(o, 0.1, anneal_strategy="x"), ValueError, "anneal_strategy must be one of 'cos' or"),
        (lambda s, o, n: s.SWALR(o, 0.1, anneal_epochs=-1), ValueError, "anneal_epochs must be equal or greater than"),
    ],
)  # fmt: skip
def test_errors_like_pytorch(torch, call, error, words):
    import torch.optim

    for m, n, s in ours_and_theirs(torch):
        o = optim if m is mg else torch.optim
        with pytest.raises(error, match=words):
            call(s, groups(m, o), model(n))
