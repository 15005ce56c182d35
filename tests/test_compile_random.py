"""Random programs and random nets, compiled, are bit for bit what they are eagerly, or run eagerly."""

import collections
import contextlib
import random
import re
import warnings

import fuzz
import numpy as np
import pytest
from test_compile_nets import OPTIMIZERS, Run, rows, same

import minigrad as mg
from minigrad import nn


def drawn(seed, torch):
    """Return the lines of the fuzzer's program of this seed, those alone that raise nothing."""
    fuzz.torch = torch
    rng = random.Random(seed)
    pair, lines = fuzz.Pair(watch=False), []

    def emit(line):
        if pair.step(line):
            raise fuzz.Found
        if not pair.raised:
            lines.append(line)

    with contextlib.suppress(fuzz.Found, fuzz.Lenient, fuzz.Refused):
        fuzz.draw(rng, rng.choice(["float64", "float32"]), True, pair, emit)
    return lines


LEAF = re.compile(r"\bleaf\(")


def program(lines):
    """Return a function of the numbers of the leaves that runs the lines and returns what they leave behind."""
    codes = [compile(line, "program", "exec") for line in lines]

    def function(*leaves):
        remaining = iter(leaves)
        names = fuzz.namespace(mg)
        names["leaf"] = lambda *args, **kwargs: next(remaining).clone()
        known = set(names)
        for code in codes:
            exec(code, names)
        tensors = [x for name, x in names.items() if name not in known and isinstance(x, mg.Tensor)]
        grads = [x.grad for x in tensors if x.is_leaf and x.grad is not None]
        return [x.detach().clone() for x in (*tensors, *grads)]

    return function


def numbers(lines):
    """Return the numbers that the leaves of a program begin with."""
    leaves = []
    names = fuzz.namespace(mg)

    def leaf(*args, **kwargs):
        leaves.append(fuzz.leaf(*args, **kwargs))
        return leaves[-1].clone()

    names["leaf"] = leaf
    for line in lines:
        exec(compile(line, "program", "exec"), names)
    return leaves


def moved(x, i):
    """Return other numbers; those of every third call lie elsewhere."""
    if not x.is_floating_point():
        return x.clone()
    return x * (1 + 0.01 * i) if i % 3 else -x + 0.3


def outcome(function, leaves):
    """Return what a call gives, as bytes, or the name of its error; and the random stream afterwards."""
    mg.manual_seed(0)
    try:
        results = [(x.dtype, x.shape, x.numpy().tobytes()) for x in function(*leaves)]
    except Exception as error:
        results = type(error).__name__
    return results, mg.get_rng_state().numpy().tobytes()


def agree(seed, torch, counts):
    lines = drawn(seed, torch)
    eager, compiled = program(lines), mg.compile(program(lines), strict=False)
    try:
        leaves = numbers(lines)
    except Exception:
        counts["not run"] += 1
        return
    for i in (1, 1, 2, 4, 3, 5, 6, 7, 8):
        given = [moved(x, i) for x in leaves]
        ours, theirs = outcome(compiled, given), outcome(eager, [moved(x, i) for x in leaves])
        assert ours == theirs, f"seed {seed}, call {i}:\n" + "\n".join(lines)
    replays = [v.checked for many in compiled.variants.values() for v in many]
    counts["replayed" if any(replays) else "eager"] += 1


def test_random_programs(torch):
    counts = collections.Counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for i in range(60):
            agree(2000 + i, torch, counts)
    assert counts["replayed"] > counts["eager"], counts


@pytest.mark.parametrize("seed", [
    616850850603,  # a view that as_strided made is written through its base
    829436142774,  # the power of a scalar
])  # fmt: skip
def test_programs_that_once_differed(torch, seed):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        agree(seed, torch, collections.Counter())


@pytest.mark.slow
def test_hundreds_of_random_programs(torch):
    counts = collections.Counter()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for i in range(600):
            agree(i, torch, counts)


LAYERS = {  # each keeps the width
    "linear": lambda n: nn.Linear(n, n), "no bias": lambda n: nn.Linear(n, n, bias=False), "bn": lambda n: nn.BatchNorm1d(n),
    "bn of all": lambda n: nn.BatchNorm1d(n, momentum=None), "ln": lambda n: nn.LayerNorm(n), "relu": lambda n: nn.ReLU(), "tanh": lambda n: nn.Tanh(),
    "in place": lambda n: nn.Sequential(nn.Linear(n, n), nn.ReLU(inplace=True)), "gelu": lambda n: nn.GELU(), "sigmoid": lambda n: nn.Sigmoid(),
    "softmax": lambda n: nn.Softmax(1), "dropout": lambda n: nn.Dropout(0.2), "glu": lambda n: nn.Sequential(nn.Linear(n, 2 * n), nn.GLU()),
    "elu": lambda n: nn.ELU(), "softplus": lambda n: nn.Softplus(), "rms": lambda n: nn.RMSNorm(n), "prelu": lambda n: nn.PReLU(),
    "conv": lambda n: nn.Sequential(nn.Unflatten(1, (1, n)), nn.Conv1d(1, 2, 3, padding=1), nn.BatchNorm1d(2), nn.ReLU(), nn.MaxPool1d(2), nn.Flatten()),
    "residual": lambda n: Residual(nn.Sequential(nn.Linear(n, n), nn.BatchNorm1d(n), nn.Tanh())),
}  # fmt: skip


class Residual(nn.Module):
    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, x):
        return x + self.inner(x)


@pytest.mark.parametrize("seed", range(13))
def test_random_nets(seed):
    rng = random.Random(seed)
    kinds, n, size = rng.choices(list(LAYERS), k=rng.randint(2, 6)), 2 * rng.randint(2, 20), rng.randint(2, 70)
    optimizer, clip = rng.choice(list(OPTIMIZERS)), rng.choice([None, 0.5])

    def make():
        return nn.Sequential(nn.Linear(12, n), *(LAYERS[kind](n) for kind in kinds), nn.Linear(n, 10))

    runs = [Run(make, OPTIMIZERS[optimizer], compiled=compiled, clip=clip) for compiled in (False, True)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        same(*runs, [*rows(10, size=size), *rows(4, size=size + 1), *rows(3, size=size)])


def test_the_generator_makes_programs(torch):
    lines = [drawn(i, torch) for i in range(20)]
    assert np.mean([len(x) for x in lines]) > 8
