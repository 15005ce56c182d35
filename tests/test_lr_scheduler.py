"""Schedules: rates beside PyTorch's, alone and together, stopped and gone on."""

import warnings

import pytest

import minigrad as mg
from minigrad import optim

SCHEDULES = [
    ("StepLR", {"step_size": 3, "gamma": 0.5}),
    ("MultiStepLR", {"milestones": [5, 2, 5], "gamma": 0.1}),
    ("ExponentialLR", {"gamma": 0.9}),
    ("CosineAnnealingLR", {"T_max": 6, "eta_min": 0.01}),
    ("CosineAnnealingLR", {"T_max": 1}),
    ("LinearLR", {}),
    ("LinearLR", {"start_factor": 0.25, "end_factor": 0.5, "total_iters": 7}),
    ("LambdaLR", {"lr_lambda": lambda t: 1 / (1 + t)}),
    ("LambdaLR", {"lr_lambda": [lambda t: 0.5**t, lambda t: t]}),
    ("OneCycleLR", {"max_lr": 0.5, "total_steps": 20}),
    ("OneCycleLR", {"max_lr": [0.5, 2.0], "epochs": 5, "steps_per_epoch": 5, "anneal_strategy": "linear",
                    "pct_start": 0.25, "cycle_momentum": False}),
    ("OneCycleLR", {"max_lr": 0.5, "total_steps": 24, "three_phase": True, "base_momentum": [0.7, 0.8]}),
]  # fmt: skip


def two_groups(m, o, name="SGD"):
    a, b = m.ones(1, requires_grad=True), m.ones(1, requires_grad=True)
    options = {"momentum": 0.9} if name == "SGD" else {}
    return getattr(o, name)([{"params": [a], "lr": 0.3}, {"params": [b]}], lr=0.07, **options)


def rates(optimizer, schedulers, n=20):
    seen = []
    for _ in range(n):
        momenta = [g.get("momentum", g.get("betas")) for g in optimizer.param_groups]
        seen.append(([g["lr"] for g in optimizer.param_groups], [s.get_last_lr() for s in schedulers], momenta))
        optimizer.step()
        for scheduler in schedulers:
            scheduler.step()
    return seen


def both(torch, make, n=20):
    import torch.optim

    return [rates(*make(m, o), n) for m, o in ((mg, optim), (torch, torch.optim))]


@pytest.mark.parametrize("optimizer", ["SGD", "Adam"])
@pytest.mark.parametrize(("name", "options"), SCHEDULES)
def test_the_same_bits_as_pytorch(torch, name, options, optimizer):
    def make(m, o):
        made = two_groups(m, o, optimizer)
        return made, [getattr(o.lr_scheduler, name)(made, **options)]

    ours, theirs = both(torch, make)
    assert ours == theirs  # to the bit, past the end of the schedule too


def test_two_schedules_on_one_optimizer_like_pytorch(torch):
    def make(m, o):
        made = two_groups(m, o)
        schedules = o.lr_scheduler
        return made, [schedules.LinearLR(made), schedules.CosineAnnealingLR(made, 9), schedules.StepLR(made, 4)]

    ours, theirs = both(torch, make)
    assert ours == theirs


def add_group(m, optimizer):
    optimizer.add_param_group({"params": [m.ones(1, requires_grad=True)], "lr": 0.2})


@pytest.mark.parametrize(("name", "options"), SCHEDULES)
def test_a_group_added_later_like_pytorch(torch, name, options):
    import torch.optim

    steps = {"LambdaLR": 0, "OneCycleLR": 0, "CosineAnnealingLR": options.get("T_max", 1) - 1}.get(name, 15)
    seen = []
    for m, o in ((mg, optim), (torch, torch.optim)):
        optimizer = two_groups(m, o)
        scheduler = getattr(o.lr_scheduler, name)(optimizer, **options)
        rates(optimizer, [scheduler], 1)
        add_group(m, optimizer)
        seen.append(rates(optimizer, [scheduler], steps))
    assert seen[0] == seen[1]
    if steps != 15:  # PyTorch raises of zip(), or a KeyError
        before = vars(ours := remade(name, options, steps)).copy()
        lr = [g["lr"] for g in ours.optimizer.param_groups]
        ours.optimizer.step()
        for _ in range(2):
            with pytest.raises(ValueError, match="was made for 2 parameter groups, and the optimizer has 3 now"):
                ours.step()
        assert vars(ours) == before and [g["lr"] for g in ours.optimizer.param_groups] == lr


def remade(name, options, steps):
    optimizer = two_groups(mg, optim)
    scheduler = getattr(optim.lr_scheduler, name)(optimizer, **options)
    rates(optimizer, [scheduler], 1)
    add_group(mg, optimizer)
    rates(optimizer, [scheduler], steps)
    return scheduler


@pytest.mark.parametrize(("name", "options"), SCHEDULES)
def test_a_group_fewer_like_pytorch(torch, name, options):
    import torch.optim

    answers = []
    for m, o in ((mg, optim), (torch, torch.optim)):
        optimizer = two_groups(m, o)
        scheduler = getattr(o.lr_scheduler, name)(optimizer, **options)
        del optimizer.param_groups[1]
        try:
            answers.append(rates(optimizer, [scheduler], 3))
        except ValueError as error:
            assert m is torch or "parameter groups" in str(error)
            answers.append("refused")
    assert answers[0] == answers[1] or answers[1] == "refused"


@pytest.mark.filterwarnings("ignore:The epoch parameter")
@pytest.mark.parametrize(("name", "options"), SCHEDULES)
def test_steps_to_an_epoch_like_pytorch(torch, name, options):
    def make(m, o):
        made = two_groups(m, o)
        scheduler = getattr(o.lr_scheduler, name)(made, **options)
        made.step()
        seen = []
        for epoch in (1, 4, 2, None, 7, 12.5, 0):
            scheduler.step(epoch)
            seen.append((scheduler.last_epoch, scheduler.get_last_lr()))
        return seen

    import torch.optim

    assert make(mg, optim) == make(torch, torch.optim)


def test_steps_to_an_epoch_warn():
    optimizer = two_groups(mg, optim)
    scheduler = optim.lr_scheduler.StepLR(optimizer, 2)
    optimizer.step()
    with pytest.warns(UserWarning, match=r"The epoch parameter in `scheduler.step\(\)` was not necessary"):
        scheduler.step(2)


@pytest.mark.parametrize(("name", "options"), SCHEDULES)
def test_a_stopped_schedule_goes_on(name, options, tmp_path):
    make = lambda: [two_groups(mg, optim)]
    whole, first, second = make(), make(), make()
    for parts in (whole, first, second):
        parts.append(getattr(optim.lr_scheduler, name)(parts[0], **options))
    expected = rates(whole[0], whole[1:])[8:]
    rates(first[0], first[1:], 8)
    mg.save([part.state_dict() for part in first], tmp_path / "s")
    for part, state in zip(second, mg.load(tmp_path / "s"), strict=True):
        part.load_state_dict(state)
    assert rates(second[0], second[1:], 12) == expected


@pytest.mark.parametrize(
    ("name", "options"), [("StepLR", {"step_size": 3}), ("CosineAnnealingLR", {"T_max": 6}), ("LinearLR", {})]
)
def test_last_epoch_like_pytorch(torch, name, options):
    def make(m, o):
        made = two_groups(m, o)
        for group in made.param_groups:
            group["initial_lr"] = 0.5
        return made, [getattr(o.lr_scheduler, name)(made, last_epoch=3, **options)]

    ours, theirs = both(torch, make)
    assert ours == theirs
    with pytest.raises(KeyError, match=r"'initial_lr' is not specified in param_groups\[0\]"):
        getattr(optim.lr_scheduler, name)(two_groups(mg, optim), last_epoch=3, **options)


def test_a_schedule_ahead_of_its_optimizer_warns(torch):
    import torch.optim

    for m, o in ((mg, optim), (torch, torch.optim)):
        optimizer = two_groups(m, o)
        scheduler = o.lr_scheduler.StepLR(optimizer, 1)
        with pytest.warns(UserWarning, match=r"call of `lr_scheduler.step\(\)` before `optimizer.step\(\)`"):
            scheduler.step()
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            scheduler.step()


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda s, o: s.StepLR(3, 1), TypeError, "int is not an Optimizer"),
        (lambda s, o: s.LinearLR(o, start_factor=0.0), ValueError, "Starting multiplicative factor expected"),
        (lambda s, o: s.LinearLR(o, end_factor=2.0), ValueError, "Ending multiplicative factor expected"),
        (lambda s, o: s.LambdaLR(o, [abs]), ValueError, "Expected 2 lr_lambdas, but got 1"),
        (lambda s, o: s.OneCycleLR(o, 1.0), ValueError, "You must define either total_steps OR"),
        (lambda s, o: s.OneCycleLR(o, 1.0, total_steps=0), ValueError, "Expected positive integer total_steps"),
        (lambda s, o: s.OneCycleLR(o, 1.0, 9, pct_start=2.0), ValueError, "Expected float between 0 and 1"),
        (lambda s, o: s.OneCycleLR(o, 1.0, 9, anneal_strategy="x"), ValueError, "anneal_strategy must be one of"),
        (lambda s, o: s.OneCycleLR(o, [1.0], 9), ValueError, "must have the same length as optimizer.param_groups"),
    ],
)
def test_errors_like_pytorch(torch, call, error, words):
    import torch.optim

    for m, o in ((mg, optim), (torch, torch.optim)):
        with pytest.raises(error, match=words):
            call(o.lr_scheduler, two_groups(m, o))


def test_errors_of_our_own():
    optimizer = two_groups(mg, optim)
    for name in ("StepLR", "CosineAnnealingLR"):
        with pytest.raises(ValueError, match="must be a positive integer, got 0"):
            getattr(optim.lr_scheduler, name)(optimizer, 0)
    with pytest.raises(ValueError, match="no 'last_epoch' among"):
        optim.lr_scheduler.StepLR(optimizer, 1).load_state_dict({"weight": 1})


def test_one_cycle_has_an_end():
    optimizer = two_groups(mg, optim)
    scheduler = optim.lr_scheduler.OneCycleLR(optimizer, 1.0, total_steps=3)
    rates(optimizer, [scheduler], 3)
    with pytest.raises(ValueError, match="Tried to step 4 times. The specified number of total steps is 3"):
        scheduler.step()
