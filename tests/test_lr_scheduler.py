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
    ("MultiplicativeLR", {"lr_lambda": lambda t: 1 - 1 / (2 + t)}),
    ("MultiplicativeLR", {"lr_lambda": [lambda t: 0.9, lambda t: 1.1]}),
    ("ConstantLR", {}),
    ("ConstantLR", {"factor": 0.7, "total_iters": 12}),
    ("PolynomialLR", {}),
    ("PolynomialLR", {"total_iters": 16, "power": 2.5}),
    ("CosineAnnealingWarmRestarts", {"T_0": 4}),
    ("CosineAnnealingWarmRestarts", {"T_0": 3, "T_mult": 2, "eta_min": 0.01}),
    ("CyclicLR", {"base_lr": 0.1, "max_lr": 0.7, "step_size_up": 4}),
    ("CyclicLR", {"base_lr": [0.1, 0.2], "max_lr": [0.7, 0.9], "step_size_up": 4, "step_size_down": 7,
                  "mode": "triangular2", "base_momentum": 0.5, "max_momentum": 0.99}),
    ("CyclicLR", {"base_lr": 0.1, "max_lr": 0.7, "step_size_up": 5, "mode": "exp_range", "gamma": 0.95}),
    ("CyclicLR", {"base_lr": 0.1, "max_lr": 0.7, "step_size_up": 3, "scale_fn": lambda t: 1 / (1 + t),
                  "scale_mode": "iterations", "cycle_momentum": False}),
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

    ours, theirs = both(torch, make, 20 if name == "OneCycleLR" else 120)
    assert ours == theirs  # to the bit, past the end of the schedule too


def warmup_then_cosine(s, optimizer):
    parts = [s.LinearLR(optimizer, 0.1, total_iters=5), s.CosineAnnealingLR(optimizer, 20)]
    return s.SequentialLR(optimizer, parts, milestones=[5])


COMPOSED = [
    ("warmup, then a cosine", warmup_then_cosine),
    ("three in a row", lambda s, o: s.SequentialLR(
        o, [s.ConstantLR(o), s.ExponentialLR(o, 0.9), s.StepLR(o, 4)], milestones=[7, 30])),
    ("the last rate goes on", lambda s, o: s.SequentialLR(
        o, [s.MultiplicativeLR(o, lambda t: 0.8), s.MultiplicativeLR(o, lambda t: 0.9)], milestones=[3])),
    ("the second from the start", lambda s, o: s.SequentialLR(
        o, [s.ConstantLR(o), s.LambdaLR(o, lambda t: 0.9**t)], milestones=[0])),
    ("then in cycles", lambda s, o: s.SequentialLR(
        o, [s.LinearLR(o), s.CyclicLR(o, 0.1, 0.7, 4), s.CosineAnnealingWarmRestarts(o, 5)], milestones=[6, 40])),
    ("chained", lambda s, o: s.ChainedScheduler([s.ConstantLR(o, 0.5, 9), s.ExponentialLR(o, 0.95)])),
    ("chained, the optimizer named", lambda s, o: s.ChainedScheduler([s.StepLR(o, 5), s.LinearLR(o)], optimizer=o)),
    ("a chain in a row", lambda s, o: s.SequentialLR(
        o, [s.ChainedScheduler([s.ConstantLR(o), s.StepLR(o, 2)]), s.ExponentialLR(o, 0.9)], milestones=[8])),
    ("a row in a chain", lambda s, o: s.ChainedScheduler([warmup_then_cosine(s, o), s.StepLR(o, 9)])),
]  # fmt: skip


@pytest.mark.filterwarnings("ignore:Detected call of")  # PyTorch's too, where a chain stands in a row
@pytest.mark.parametrize("optimizer", ["SGD", "Adam"])
@pytest.mark.parametrize("make", [make for _, make in COMPOSED], ids=[name for name, _ in COMPOSED])
def test_schedules_of_schedules_like_pytorch(torch, make, optimizer):
    def build(m, o):
        built = two_groups(m, o, optimizer)
        return built, [make(o.lr_scheduler, built)]

    ours, theirs = both(torch, build, 120)
    assert ours == theirs


@pytest.mark.filterwarnings("ignore:Detected call of")
@pytest.mark.parametrize("make", [make for _, make in COMPOSED], ids=[name for name, _ in COMPOSED])
def test_a_stopped_schedule_of_schedules_goes_on(make, tmp_path):
    whole, first, second = ([two_groups(mg, optim)] for _ in range(3))
    for parts in (whole, first, second):
        parts.append(make(optim.lr_scheduler, parts[0]))
    expected = rates(whole[0], whole[1:], 50)[8:]
    rates(first[0], first[1:], 8)
    mg.save([part.state_dict() for part in first], tmp_path / "s")
    for part, state in zip(second, mg.load(tmp_path / "s"), strict=True):
        part.load_state_dict(state)
    assert rates(second[0], second[1:], 42) == expected


PLATEAUS = [
    {},
    {"patience": 2, "factor": 0.5, "min_lr": 0.05},
    {"patience": 0, "mode": "max", "min_lr": [0.01, 0.02]},
    {"patience": 1, "threshold": 0.1, "cooldown": 3, "factor": 0.9},
    {"patience": 1, "threshold": 0.05, "threshold_mode": "abs", "eps": 1e-3},
    {"patience": 1, "threshold": 0.05, "threshold_mode": "abs", "mode": "max", "factor": 0.7},
]


def plateau(m, o, options, saved=None):
    """A hundred metrics that sink, rise and stand still; a nan among them."""
    optimizer = two_groups(m, o)
    scheduler = o.lr_scheduler.ReduceLROnPlateau(optimizer, **options)
    seen = []
    for i in range(100):
        metric = 1 / (1 + i % 37) + 0.3 * ((i * 7) % 5) if i != 50 else float("nan")
        optimizer.step()
        scheduler.step(m.tensor(metric) if i % 2 else metric)
        seen.append((scheduler.get_last_lr(), scheduler.best, scheduler.num_bad_epochs, scheduler.cooldown_counter))
        if i == 30:
            state = scheduler.state_dict()
            scheduler = o.lr_scheduler.ReduceLROnPlateau(optimizer, "max", 0.25)
            scheduler.load_state_dict(saved or state)
    return repr(seen), state


@pytest.mark.parametrize("options", PLATEAUS)
def test_plateaus_like_pytorch(torch, options):
    import torch.optim

    theirs, state = plateau(torch, torch.optim, options)
    ours, own_state = plateau(mg, optim, options)
    assert ours == theirs and own_state == state
    assert plateau(mg, optim, options, state)[0] == theirs  # PyTorch's state is taken over


@pytest.mark.parametrize(("name", "options"), SCHEDULES)
def test_a_state_of_pytorch_goes_on(torch, name, options):
    import torch.optim

    theirs, ours = two_groups(torch, torch.optim), two_groups(mg, optim)
    there = getattr(torch.optim.lr_scheduler, name)(theirs, **options)
    here = getattr(optim.lr_scheduler, name)(ours, **options)
    rates(theirs, [there], 8)
    assert list(here.state_dict()) == list(there.state_dict())
    here.load_state_dict(there.state_dict())
    ours.load_state_dict(theirs.state_dict())
    ours.step()
    assert rates(ours, [here], 12) == rates(theirs, [there], 12)


class Halving:
    def __init__(self, start):
        self.start = start

    def __call__(self, t):
        return 0.5 ** (t + self.start)


def test_attributes_of_callable_objects_are_saved_like_pytorchs(torch):
    import torch.optim

    for m, o in ((mg, optim), (torch, torch.optim)):
        states = []
        for make in (
            lambda s, g, f: s.LambdaLR(g, f),
            lambda s, g, f: s.MultiplicativeLR(g, [f, lambda t: 1]),
            lambda s, g, f: s.CyclicLR(g, 0.1, 0.2, scale_fn=f),
        ):
            state = make(o.lr_scheduler, two_groups(m, o), Halving(3)).state_dict()
            function = Halving(0)
            make(o.lr_scheduler, two_groups(m, o), function).load_state_dict(dict(state))
            states.append((state.get("lr_lambdas"), state.get("_scale_fn_custom"), function.start))
        assert states == [
            ([{"start": 3}] * 2, None, 3),
            ([{"start": 3}, None], None, 3),
            (None, {"start": 3}, 3),
        ]


def test_two_schedules_on_one_optimizer_like_pytorch(torch):
    def make(m, o):
        made = two_groups(m, o)
        schedules = o.lr_scheduler
        return made, [schedules.LinearLR(made), schedules.CosineAnnealingLR(made, 9), schedules.StepLR(made, 4)]

    ours, theirs = both(torch, make)
    assert ours == theirs


FIXED_GROUPS = ("LambdaLR", "MultiplicativeLR", "OneCycleLR", "CyclicLR", "CosineAnnealingWarmRestarts")


def add_group(m, optimizer):
    optimizer.add_param_group({"params": [m.ones(1, requires_grad=True)], "lr": 0.2})


@pytest.mark.parametrize(("name", "options"), SCHEDULES)
def test_a_group_added_later_like_pytorch(torch, name, options):
    import torch.optim

    steps = {"CosineAnnealingLR": options.get("T_max", 1) - 1}.get(name, 0 if name in FIXED_GROUPS else 15)
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
        (lambda s, o: s.MultiplicativeLR(o, 0.5), TypeError, "lr_lambda should be a function, but got float"),
        (lambda s, o: s.MultiplicativeLR(o, [abs]), ValueError, "Expected 2 lr_lambdas, but got 1"),
        (lambda s, o: s.ConstantLR(o, 1.5), ValueError, "Constant multiplicative factor expected to be between 0"),
        (lambda s, o: s.CosineAnnealingWarmRestarts(o, 0), ValueError, "Expected positive integer T_0, but got 0"),
        (lambda s, o: s.CosineAnnealingWarmRestarts(o, 2.5), ValueError, "Expected positive integer T_0, but got 2.5"),
        (lambda s, o: s.CosineAnnealingWarmRestarts(o, 2, 0), ValueError, "Expected integer T_mult >= 1, but got 0"),
        (lambda s, o: s.CosineAnnealingWarmRestarts(o, 2, eta_min="0"), ValueError, "Expected float or int eta_min"),
        (lambda s, o: s.CosineAnnealingWarmRestarts(o, 2).step(-1), ValueError, "Expected non-negative epoch, but"),
        (lambda s, o: s.CyclicLR(3, 0.1, 1.0), TypeError, "int is not an Optimizer"),
        (lambda s, o: s.CyclicLR(o, 0.1, 1.0, mode="x"), ValueError, "mode is invalid and scale_fn is None"),
        (lambda s, o: s.CyclicLR(o, [0.1], 1.0), ValueError, "base_lr must have the same length as optimizer.param"),
        (lambda s, o: s.ReduceLROnPlateau(o, factor=1.0), ValueError, "Factor should be < 1.0"),
        (lambda s, o: s.ReduceLROnPlateau(3), TypeError, "int is not an Optimizer"),
        (lambda s, o: s.ReduceLROnPlateau(o, "x"), ValueError, "mode x is unknown!"),
        (lambda s, o: s.ReduceLROnPlateau(o, threshold_mode="x"), ValueError, "threshold mode x is unknown!"),
        (lambda s, o: s.ReduceLROnPlateau(o, min_lr=[0.1]), ValueError, "expected 2 min_lrs, got 1"),
        (lambda s, o: s.SequentialLR(o, [], []), ValueError, "SequentialLR expects at least one scheduler, but got no"),
        (lambda s, o: s.SequentialLR(o, [s.StepLR(o, 1)], [3]), ValueError, "Sequential Schedulers expects number of"),
        (
            lambda s, o: s.SequentialLR(o, [s.ReduceLROnPlateau(o)], []),
            ValueError,
            "SequentialLR does not support `ReduceLROnPlateau` scheduler as it requires",
        ),
        (lambda s, o: s.SequentialLR(o, [3], []), TypeError, "SequentialLR at index 0 should have `optimizer` as its"),
        (lambda s, o: s.ChainedScheduler([]), ValueError, "ChainedScheduler expects at least one scheduler to be"),
        (
            lambda s, o: s.ChainedScheduler([s.StepLR(o, 1)], object()),
            ValueError,
            "ChainedScheduler expects all schedulers to belong to the same optimizer, but got scheduler StepLR at index 0",
        ),
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
