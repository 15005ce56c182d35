"""Random programs against PyTorch; faults that are planted, to prove that they are found; shrinking and printing."""

import collections
import os
import random

import fuzz
import numpy as np
import pytest

import minigrad as mg
from minigrad.primitive import TABLE
from minigrad.tensor import inplace


@pytest.fixture(autouse=True)
def _judge(torch):
    fuzz.torch = torch


def fresh_seed():
    return int(os.environ.get("MINIGRAD_FUZZ_SEED") or random.randrange(10**6))


def agree(programs, seconds=None):
    seed, counts = fresh_seed(), collections.Counter()
    print(f"seed {seed}")
    for lines, difference in fuzz.differing(seed, programs, seconds, counts):
        pytest.fail(f"MINIGRAD_FUZZ_SEED={seed} repeats it\n{fuzz.report(lines, difference)}")
    assert counts["steps"] > 5 * min(programs, 200)


def test_random_programs_agree():
    agree(300, seconds=15)


@pytest.mark.slow
def test_thousands_of_random_programs_agree():
    agree(5000)


# ---- planted faults: how a primitive or a method is broken, and what of it a program must show ------------------
def rule(name, vjp):
    return lambda patch: patch.setattr(TABLE[getattr(np, name)], "vjps", (vjp,))


def value(name, change):
    primitive = TABLE[getattr(np, name)]
    return lambda patch: patch.setattr(primitive, "function", lambda x, f=primitive.function: change(f(x)))


def method(name, instead):
    return lambda patch: patch.setattr(mg.Tensor, name, instead(getattr(mg.Tensor, name)))


def drawing_once_more(dropout):
    return lambda *args, **names: (mg.rand(1), dropout(*args, **names))[1]


PLANTED = {
    "a wrong gradient": (rule("tanh", lambda g, out, _x: g * (1 - out)), "tanh"),
    "a wrong gradient of the gradient": (rule("sin", lambda g, _out, x: g * np.cos(getattr(x, "_data", x))), "sin"),
    "a wrong value": (value("exp", lambda y: y * 1.001), "exp"),
    "float64 of float32": (value("cos", lambda y: y.astype("float64")), "cos"),
    "another layout": (value("square", np.asfortranarray), "square"),
    "a view that is a copy": (method("t_", lambda f: lambda x: x), "t_"),
    "an error that is missing": (method("view", lambda f: mg.Tensor.reshape), "view"),
    "a hook called twice": (
        method("register_hook", lambda f: lambda x, hook: (f(x, hook), f(x, hook))[1]), "register_hook"),
    "a write that is not counted": (
        lambda patch: patch.setattr(inplace, "bump_version", lambda *a: None), "_("),
    "one random number too many": (
        lambda patch: patch.setattr(mg.nn.functional, "dropout", drawing_once_more(mg.nn.functional.dropout)), "dropout"),
}  # fmt: skip


@pytest.mark.parametrize("fault", PLANTED)
def test_planted_faults_are_found(monkeypatch, fault):
    plant, text = PLANTED[fault]
    plant(monkeypatch)
    programs = (lines for lines, _ in fuzz.differing(2, 1500) if any(text in line for line in lines))
    lines = next(programs, None)
    assert lines is not None, "not found in 1500 programs"
    assert len(lines) <= 12, "it should have been shrunk"
