"""Every net of the benchmarks, compiled, is trained as the eager one is, bit for bit."""

import sys
from pathlib import Path

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn, optim
from minigrad.nn import functional as F

sys.path.insert(0, str(Path(__file__).parent.parent / "benchmarks"))
import nets

OPTIMIZERS = {
    "SGD": lambda p: optim.SGD(p, lr=0.01),
    "momentum": lambda p: optim.SGD(p, lr=0.01, momentum=0.9, weight_decay=1e-3),
    "Nesterov": lambda p: optim.SGD(p, lr=0.01, momentum=0.9, nesterov=True),
    "dampening": lambda p: optim.SGD(p, lr=0.01, momentum=0.9, dampening=0.2, maximize=True),
    "Adam": lambda p: optim.Adam(p, lr=1e-3),
    "AMSGrad": lambda p: optim.Adam(p, lr=1e-3, amsgrad=True, weight_decay=1e-2),
    "AdamW": lambda p: optim.AdamW(p, lr=1e-3),
    "RMSprop": lambda p: optim.RMSprop(p, lr=1e-3, momentum=0.5, centered=True),
    "Adagrad": lambda p: optim.Adagrad(p, lr=1e-2, lr_decay=1e-2),
    "Adadelta": lambda p: optim.Adadelta(p),
    "Adamax": lambda p: optim.Adamax(p),
    "NAdam": lambda p: optim.NAdam(p),
    "RAdam": lambda p: optim.RAdam(p),  # another formula from step 6 on
    "ASGD": lambda p: optim.ASGD(p, t0=10.0),
    "Rprop": lambda p: optim.Rprop(p),
    "Adafactor": lambda p: optim.Adafactor(p),
}


class Run:
    """A model, its optimizer and a step; ``state`` is all that a step may change, as bytes."""

    def __init__(self, make, make_optimizer, criterion=F.cross_entropy, compiled=False, clip=None, **options):
        mg.manual_seed(0)
        model = self.model = make()
        optimizer = self.optimizer = make_optimizer(model.parameters())

        def step(x, y):
            loss = criterion(model(x), y)
            optimizer.zero_grad()
            loss.backward()
            if clip is not None:
                nn.utils.clip_grad_norm_(model.parameters(), clip)
            optimizer.step()
            return loss.detach()

        self.step = mg.compile(step, **options) if compiled else step
        self.random = mg.get_rng_state()

    def __call__(self, *batch):
        mg.set_rng_state(self.random)
        loss = self.step(*batch)
        self.random = mg.get_rng_state()
        return loss.numpy().tobytes()

    def state(self):
        tensors = dict(self.model.state_dict())
        for i, p in enumerate(self.model.parameters()):
            tensors |= {f"{name} of {i}": x for name, x in self.optimizer.state[p].items() if isinstance(x, mg.Tensor)}
        return {name: x.numpy().tobytes() for name, x in tensors.items()} | {"random": self.random.numpy().tobytes()}


def batches(net, n):
    """Yield n batches of other numbers."""
    x, y = nets.data(net)
    rng = np.random.default_rng(3)
    for _ in range(n):
        x = (
            rng.standard_normal(x.shape).astype(np.float32)
            if x.dtype.kind == "f"
            else rng.integers(0, nets.VOCABULARY, x.shape)
        )
        y = rng.integers(0, nets.VOCABULARY if net == "gpt" else 10, y.shape)
        yield mg.tensor(x), mg.tensor(y)


def same(eager, compiled, data, every=1):
    """Train both on the data; losses are equal at each step, all that is changed every so often."""
    for i, batch in enumerate(data):
        assert compiled(*batch) == eager(*batch), f"the loss of step {i + 1}"
        if i % every == 0:
            ours, theirs = compiled.state(), eager.state()
            assert ours.keys() == theirs.keys()
            assert [name for name in ours if ours[name] != theirs[name]] == [], f"step {i + 1}"
    ours, theirs = compiled.state(), eager.state()
    assert [name for name in ours if ours[name] != theirs[name]] == []


def both(make, optimizer, **options):
    return Run(make, OPTIMIZERS[optimizer], **options), Run(make, OPTIMIZERS[optimizer], compiled=True, **options)


STEPS = {"fig1": 50, "fig1_bn": 50, "wide_bn": 50, "cnn_bn": 12, "resnet": 6, "gpt": 5, "lstm": 6, "gru": 6}


@pytest.mark.parametrize("optimizer", ["SGD", "Adam"])
@pytest.mark.parametrize("net", nets.NETS)
def test_a_net_learns_the_same(net, optimizer):
    same(*both(lambda: nets.build(net, mg, nn), optimizer), batches(net, STEPS[net]), every=5)


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", ["SGD", "Adam"])
@pytest.mark.parametrize("net", [net for net, steps in STEPS.items() if steps < 50])
def test_a_large_net_learns_the_same_for_fifty_steps(net, optimizer):
    same(*both(lambda: nets.build(net, mg, nn), optimizer), batches(net, 50), every=10)


def small():
    return nn.Sequential(
        nn.Linear(12, 16), nn.BatchNorm1d(16), nn.ReLU(), nn.Linear(16, 8), nn.Tanh(), nn.Linear(8, 10)
    )


def rows(n, width=12, size=20):
    rng = np.random.default_rng(1)
    for _ in range(n):
        yield mg.tensor(rng.standard_normal((size, width)).astype(np.float32)), mg.tensor(rng.integers(0, 10, size))


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_an_optimizer_steps_the_same(optimizer):
    same(*both(small, optimizer), rows(50))


@pytest.mark.parametrize("options", [{}, {"nesterov": False, "adjust_lr_fn": "match_rms_adamw"}])
def test_muon_steps_the_same(options):
    def make():
        return nn.Sequential(nn.Linear(12, 16, bias=False), nn.ReLU(), nn.Linear(16, 10, bias=False))

    def muon(parameters):
        return optim.Muon(parameters, lr=0.01, **options)

    same(Run(make, muon), learner := Run(make, muon, compiled=True), rows(12))
    assert learner.step.source


class Words(nn.Module):
    """Vectors of a few long rows, which are scaled down where they are looked up."""

    def __init__(self):
        super().__init__()
        self.table = nn.Embedding(12, 6, max_norm=1.5)
        self.head = nn.Sequential(nn.Dropout(), nn.Linear(6, 10))

    def forward(self, x):
        return self.head(self.table(x)).mean(1)


def test_rows_scaled_down_in_place_are_the_same():
    rng = np.random.default_rng(4)
    data = [(mg.tensor(rng.integers(0, 12, (20, 3))), mg.tensor(rng.integers(0, 10, 20))) for _ in range(12)]
    eager, compiled = both(Words, "SGD")
    same(eager, compiled, data)
    assert compiled.step.source


def test_random_slopes_are_the_same():
    def make():
        return nn.Sequential(nn.Linear(12, 16), nn.RReLU(), nn.Linear(16, 10), nn.RReLU(0.2, 0.4, inplace=True))

    eager, compiled = both(make, "SGD")
    same(eager, compiled, rows(12))
    assert "uniform_where" in compiled.step.source


@pytest.mark.parametrize("clip", [0.05, 100.0])
@pytest.mark.parametrize("optimizer", ["SGD", "Adam"])
def test_clipped_gradients(optimizer, clip):
    same(*both(small, optimizer, clip=clip), rows(20))


SCHEDULES = {
    "StepLR": lambda o: optim.lr_scheduler.StepLR(o, 7),
    "CosineAnnealingLR": lambda o: optim.lr_scheduler.CosineAnnealingLR(o, 20),
    "OneCycleLR": lambda o: optim.lr_scheduler.OneCycleLR(o, 0.1, total_steps=60),  # momentum, too
    "LambdaLR": lambda o: optim.lr_scheduler.LambdaLR(o, lambda i: 1 / (1 + i)),
}


@pytest.mark.parametrize("optimizer", ["SGD", "momentum", "Adam", "AdamW"])
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_schedule_makes_no_new_program(schedule, optimizer):
    if schedule == "OneCycleLR" and optimizer == "SGD":
        pytest.skip("cycles a momentum that is not there")
    eager, compiled = both(small, optimizer)
    schedules = [SCHEDULES[schedule](run.optimizer) for run in (eager, compiled)]
    for batch in rows(40):
        same(eager, compiled, [batch])
        for scheduler in schedules:
            scheduler.step()
    assert programs(compiled.step) == 1


class Sign(optim.SGD):
    def update(self, p, g, state, group):  # its numbers are SGD's, of which it asks for none
        p -= group["lr"] * np.sign(g)


class Steps(optim.Adam):
    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                with mg.no_grad():
                    p.sub_(p.grad, alpha=group["lr"])


@pytest.mark.parametrize("kind", [Sign, Steps])
def test_a_formula_of_ones_own_follows_a_schedule(kind):
    runs = [Run(small, lambda p: kind(p, lr=0.1), compiled=compiled) for compiled in (False, True)]
    for i, batch in enumerate(rows(16)):
        for run in runs:
            run.optimizer.param_groups[0]["lr"] = 0.1 / (1 + i // 5)
        same(*runs, [batch])
    assert programs(runs[1].step) >= 4


def programs(step):
    return sum(map(len, step.variants.values()))


DROPPING = {
    "Dropout": lambda: nn.Sequential(nn.Linear(12, 16), nn.Dropout(0.3), nn.ReLU(), nn.Dropout(0.5), nn.Linear(16, 10)),
    "AlphaDropout": lambda: nn.Sequential(nn.Linear(12, 16), nn.SELU(), nn.AlphaDropout(0.2), nn.Linear(16, 10)),
}


@pytest.mark.parametrize("net", DROPPING)
def test_random_streams_go_on(net):
    same(*both(DROPPING[net], "Adam"), rows(20))


LAYERS = {
    "no running statistics": lambda: nn.Sequential(nn.Linear(12, 10), nn.BatchNorm1d(10, track_running_stats=False)),
    "average of all batches": lambda: nn.Sequential(nn.Linear(12, 10), nn.BatchNorm1d(10, momentum=None)),
    "not affine": lambda: nn.Sequential(nn.Linear(12, 10), nn.BatchNorm1d(10, affine=False)),
    "ghost batches": lambda: nn.Sequential(nn.Linear(12, 10), nn.GhostBatchNorm(10, 5)),
    "layer norm": lambda: nn.Sequential(nn.Linear(12, 16), nn.LayerNorm(16), nn.GELU(), nn.Linear(16, 10)),
    "rms norm": lambda: nn.Sequential(nn.Linear(12, 16), nn.RMSNorm(16), nn.SiLU(), nn.Linear(16, 10)),
    "activations": lambda: nn.Sequential(nn.Linear(12, 16), nn.ELU(), nn.Linear(16, 16), nn.Softplus(), nn.Linear(16, 10), nn.Hardtanh()),
    "in place": lambda: nn.Sequential(nn.Linear(12, 16), nn.ReLU(inplace=True), nn.Linear(16, 16), nn.LeakyReLU(inplace=True), nn.Linear(16, 10)),
    "images": lambda: nn.Sequential(nn.Unflatten(1, (3, 2, 2)), nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU(), nn.AvgPool2d(2), nn.Flatten(), nn.Linear(4, 10)),
    "weights used twice": lambda: Tied(),
    "softmax": lambda: nn.Sequential(nn.Linear(12, 16), nn.Softmax(1), nn.Linear(16, 10), nn.LogSoftmax(1)),
}  # fmt: skip


class Tied(nn.Module):
    """A weight in two places, one of them turned."""

    def __init__(self):
        super().__init__()
        self.first, self.last = nn.Linear(12, 12, bias=False), nn.Linear(12, 10)

    def forward(self, x):
        hidden = self.first(x).relu()
        return self.last(hidden @ self.first.weight + x.mean(0))


@pytest.mark.parametrize("net", LAYERS)
def test_layers_learn_the_same(net):
    same(*both(LAYERS[net], "momentum"), rows(12))


LOSSES = {
    "smoothed": lambda y, c: F.cross_entropy(y, c, label_smoothing=0.1),
    "weighted": lambda y, c: F.cross_entropy(y, c, weight=mg.arange(10.0) + 1),
    "summed": lambda y, c: F.cross_entropy(y, c, reduction="sum"),
    "squared": lambda y, c: F.mse_loss(y, F.one_hot(c, 10).float()),
    "binary": lambda y, c: F.binary_cross_entropy_with_logits(y, F.one_hot(c, 10).float()),
    "huber": lambda y, c: F.huber_loss(y, F.one_hot(c, 10).float()),
}


@pytest.mark.parametrize("loss", LOSSES)
def test_losses(loss):
    same(*both(small, "SGD", criterion=LOSSES[loss]), rows(12))


def test_batches_of_two_sizes_make_two_programs():
    eager, compiled = both(small, "Adam")
    data = [b for _ in range(6) for b in (*rows(3, size=20), *rows(1, size=7))]
    same(eager, compiled, data)
    assert programs(compiled.step) == 2


def test_groups_of_parameters_with_their_own_numbers():
    make_optimizer = lambda p: optim.Adam(
        [{"params": (ps := list(p))[:2], "lr": 0.1}, {"params": ps[2:], "weight_decay": 0.1}], lr=1e-3
    )
    runs = [Run(small, make_optimizer, compiled=compiled) for compiled in (False, True)]
    same(*runs, rows(20))


def test_double_precision():
    same(*both(lambda: small().double(), "Adam"), ((x.double(), y) for x, y in rows(12)))
