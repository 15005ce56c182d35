"""Optimizers and schedules: twenty steps beside PyTorch, state taken over, refused options."""

import numpy as np
import pytest

import minigrad as mg
from minigrad import optim

CASES = [
    ("SGD", {"lr": 0.1}),
    ("SGD", {"lr": 0.1, "momentum": 0.9}),
    ("SGD", {"lr": 0.1, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01}),
    ("SGD", {"lr": 0.1, "momentum": 0.5, "dampening": 0.3, "maximize": True}),
    ("Adam", {"lr": 0.05}),
    ("Adam", {"lr": 0.05, "betas": (0.8, 0.99), "eps": 1e-6, "weight_decay": 0.1, "amsgrad": True}),
    ("AdamW", {"lr": 0.05}),
    ("AdamW", {"lr": 0.05, "weight_decay": 0.3, "maximize": True}),
]


def steps(m, optimizer, w, b, n, start=0):
    for i in range(start, start + n):
        optimizer.zero_grad()
        x = m.tensor(np.sin(np.arange(6.0) + i).reshape(2, 3).tolist(), dtype=w.dtype)
        ((x @ w - 1) ** 2).sum().backward() if i % 3 else (((x @ w + b) ** 2).sum()).backward()
        optimizer.step()


def parameters(m, dtype):
    w = m.tensor([[0.5, -1.0], [2.0, 0.3], [0.0, 1.0]], dtype=dtype, requires_grad=True)
    return w, m.tensor([0.1, -0.2], dtype=dtype, requires_grad=True)


@pytest.mark.parametrize(("name", "options"), CASES)
@pytest.mark.parametrize(("dtype", "tolerance"), [("float64", 1e-12), ("float32", 2e-5)])
def test_twenty_steps_like_pytorch(torch, name, options, dtype, tolerance):
    ours, theirs = parameters(mg, getattr(mg, dtype)), parameters(torch, getattr(torch, dtype))
    steps(mg, getattr(optim, name)(ours, **options), *ours, 20)
    steps(torch, getattr(torch.optim, name)(theirs, **options), *theirs, 20)
    for a, b in zip(ours, theirs, strict=True):
        assert a.dtype == np.dtype(dtype)
        np.testing.assert_allclose(a.tolist(), b.tolist(), rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize(("name", "options"), CASES)
def test_state_taken_over_goes_on_bit_for_bit(name, options, tmp_path):
    whole, halves = parameters(mg, mg.float32), parameters(mg, mg.float32)
    make = lambda params: getattr(optim, name)(params, **options)
    steps(mg, make(whole), *whole, 8)
    first = make(halves)
    steps(mg, first, *halves, 5)
    mg.save(first.state_dict(), tmp_path / "o")
    second = make(halves)
    second.load_state_dict(mg.load(tmp_path / "o"))
    steps(mg, second, *halves, 3, start=5)
    for a, b in zip(whole, halves, strict=True):
        assert a.tolist() == b.tolist()


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda o, p: o.SGD([], lr=1), ValueError, "optimizer got an empty parameter list"),
        (lambda o, p: o.SGD(p, lr=1), TypeError, "should be an iterable of Tensors or dicts"),
        (lambda o, p: o.SGD([p], lr=-1), ValueError, "Invalid learning rate: -1"),
        (lambda o, p: o.SGD([p], momentum=-1), ValueError, "Invalid momentum value: -1"),
        (lambda o, p: o.SGD([p], nesterov=True), ValueError, "Nesterov momentum requires"),
        (lambda o, p: o.Adam([p], betas=(1.0, 0.9)), ValueError, "Invalid beta parameter at index 0"),
        (lambda o, p: o.Adam([p * 2]), ValueError, "can't optimize a non-leaf Tensor"),
        (lambda o, p: o.SGD([{"params": [p]}, {"params": [p]}]), ValueError, "more than one parameter group"),
    ],
)
def test_errors_like_pytorch(torch, call, error, words):
    import torch.optim

    for m, o in ((mg, optim), (torch, torch.optim)):
        with pytest.raises(error, match=words):
            call(o, m.ones(2, requires_grad=True))


def test_groups_and_parameters_without_a_gradient():
    a, b = mg.ones(2, requires_grad=True), mg.ones(2, requires_grad=True)
    optimizer = optim.SGD([{"params": [a], "lr": 1.0}, {"params": [b]}], lr=0.5)
    a.sum().backward()
    optimizer.step()
    assert a.tolist() == [0, 0] and b.tolist() == [1, 1] and b.grad is None


SCHEDULES = [
    ("StepLR", {"step_size": 3, "gamma": 0.5}),
    ("MultiStepLR", {"milestones": [2, 5], "gamma": 0.1}),
    ("ExponentialLR", {"gamma": 0.9}),
    ("CosineAnnealingLR", {"T_max": 6, "eta_min": 0.01}),
    ("LambdaLR", {"lr_lambda": lambda t: 1 / (1 + t)}),
]


@pytest.mark.parametrize(("name", "options"), SCHEDULES)
def test_schedules_like_pytorch(torch, name, options):
    def rates(m, o, schedulers):
        p = m.ones(1, requires_grad=True)
        optimizer = o.SGD([p], lr=0.3)
        scheduler = getattr(schedulers, name)(optimizer, **options)
        seen = []
        for _ in range(15):  # past T_max too
            seen.append(scheduler.get_last_lr()[0])
            optimizer.step()
            scheduler.step()
        return seen

    ours, theirs = rates(mg, optim, optim.lr_scheduler), rates(torch, torch.optim, torch.optim.lr_scheduler)
    np.testing.assert_allclose(ours, theirs, rtol=1e-9, atol=1e-12)


def test_a_schedule_ahead_of_its_optimizer_warns():
    p = mg.ones(1, requires_grad=True)
    p.sum().backward()
    scheduler = optim.lr_scheduler.StepLR(optim.SGD([p], lr=1.0), 1)
    with pytest.warns(UserWarning, match=r"before `optimizer.step\(\)`"):
        scheduler.step()
    with pytest.raises(TypeError, match="is not an Optimizer"):
        optim.lr_scheduler.StepLR(p, 1)
