"""What a compiled step needs beside its net: the program goes, work is done where nothing else lives."""

import gc
import tracemalloc

import numpy as np
import pytest
from test_compile_nets import OPTIMIZERS, Run

import minigrad as mg
from minigrad import nn
from minigrad.compiler import program
from minigrad.compiler.planning import again
from minigrad.ops import elementwise, window
from minigrad.ops.workspace import Workspace

rng = np.random.default_rng(0)
IMAGES = rng.standard_normal((6, 8, 10, 9)).astype(np.float32)
TRIO = {"stride": (1, 1), "padding": ((1, 1), (1, 1)), "dilation": (1, 1), "groups": 1}
OPTIONS = [
    {}, {"stride": (2, 1)}, {"dilation": (2, 2)}, {"groups": 2}, {"groups": 8}, {"padding": ((0, 0), (2, 0))},
]  # fmt: skip


def of(*shape):
    return rng.standard_normal(shape).astype(np.float32)


def convolution(options, kernel=(3, 3), results=16):
    p = TRIO | options
    w = of(results, 8 // p["groups"], *kernel)
    y = window.conv.function(IMAGES, w, **p)
    yield window.conv, (IMAGES, w), p
    yield window.conv_input, (y, w), {**p, "shape": IMAGES.shape}
    yield window.conv_weight, (IMAGES, y), {**p, "shape": w.shape}


def pooling(kernel, stride, padding):
    p = {"kernel": kernel, "stride": stride, "padding": padding, "dilation": (1, 1)}
    best = window.max_pool.function(IMAGES, **p)
    winner = window.argmax_windows.function(IMAGES, best, **p)
    yield window.max_pool, (IMAGES,), p
    yield window.max_pool, (IMAGES.transpose(0, 3, 1, 2),), p
    yield window.argmax_windows, (IMAGES, best), p
    yield window.scatter_windows, (best, winner), {**p, "shape": IMAGES.shape}


CALLS = [
    *(call for options in OPTIONS for call in convolution(options)),
    *convolution({"padding": ((0, 0), (0, 0))}, kernel=(1, 1)),
    *convolution({}, results=80),  # fewer numbers in a window than results
    *pooling((2, 2), (2, 2), ((0, 0), (0, 0))),
    *pooling((3, 2), (2, 1), ((1, 1), (0, 0))),
    (elementwise.masked, (of(50, 60), of(50, 60) > 0), {}),
]


@pytest.mark.parametrize("i", range(len(CALLS)))
def test_a_workspace_of_the_size_that_is_told_changes_nothing(i):
    primitive, operands, parameters = CALLS[i]
    measure = Workspace()
    expected = primitive.function(*operands, **parameters, workspace=measure)
    memory = rng.integers(0, 256, measure.used + 64, np.uint8)
    behind = memory[measure.used :].tobytes()
    out = np.full_like(expected, 7)
    for _ in range(2):
        found = primitive.function(*operands, **parameters, out=out, workspace=memory[: measure.used])
        assert found is out or found.base is out
        assert out.tobytes() == expected.tobytes() and out.strides == expected.strides
    assert memory[measure.used :].tobytes() == behind


def images():
    return nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.MaxPool2d(2),
        nn.Conv2d(8, 16, 3, padding=1), nn.BatchNorm2d(16), nn.ReLU(), nn.MaxPool2d(2),
        nn.Flatten(), nn.Linear(16 * 36, 10),
    )  # fmt: skip


def batch():
    return mg.tensor(of(16, 3, 24, 24)), mg.tensor(rng.integers(0, 10, 16))


def equal(make, kind, inputs, steps=6, **options):
    """Train eagerly and compiled; return the compiled step."""
    eager, fast = (Run(make, OPTIMIZERS[kind], compiled=compiled) for compiled in (False, True))
    for _ in range(steps):
        args = inputs()
        assert fast(*args) == eager(*args)
    for a, b in zip(fast.model.state_dict().values(), eager.model.state_dict().values(), strict=True):
        assert a.numpy().tobytes() == b.numpy().tobytes()
    return fast


@pytest.mark.parametrize("kind", ["SGD", "Adam"])
def test_a_step_of_images_works_in_its_own_memory(kind):
    fast = equal(images, kind, batch)
    assert fast.step.source.count("workspace=") >= 8
    args = batch()
    fast(*args)
    tracemalloc.start()
    try:
        fast(*args)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2**17  # a convolution's columns alone are four times as large


def alive(*kinds):
    """Return how many objects of these classes there are: by type, as objects of others may answer anything."""
    return sum(type(x) in kinds for x in gc.get_objects())


def test_the_objects_of_a_program_go_when_its_page_is_written():
    gc.collect()
    calls, all_kinds = (program.Call, program.Place), (program.Call, program.Place, program.Memory)
    calls_before, before = alive(*calls), alive(*all_kinds)  # of other tests
    fast = Run(images, OPTIMIZERS["Adam"], compiled=True)
    for i in range(4):
        fast(*batch())
        if i == 0:  # packed until the next recording; Memory tells two memories apart
            assert alive(*calls) <= calls_before
    assert alive(*all_kinds) <= before
    assert "replayed" in fast.step.explain() and fast.step.picture().nodes


@pytest.mark.parametrize("kind", ["SGD", "momentum", "Adam"])
def test_large_parameters_are_updated_where_their_gradients_are(kind):
    make = lambda: nn.Sequential(nn.Linear(80, 90), nn.Tanh(), nn.Linear(90, 80), nn.Tanh(), nn.Linear(80, 10))
    inputs = lambda: (mg.tensor(of(5, 80)), mg.tensor(rng.integers(0, 10, 5)))
    lines = equal(make, kind, inputs).step.source.splitlines()
    updates = {n: next(i for i, line in enumerate(lines) if f", model_{n}_weight)" in line) for n in (0, 2)}
    readers = [i for i, line in enumerate(lines) if ".dot(model_2_weight" in line]
    backward = lines.index("    # model.0: Linear, backward")
    assert max(readers) < updates[2] < backward < updates[0]


@pytest.mark.parametrize("most", [1, 3])
def test_what_is_computed_again_at_the_peak_is_the_same(monkeypatch, most):
    plain = equal(images, "SGD", batch).step.explain()
    monkeypatch.setattr(again, "LARGE", 1024)
    monkeypatch.setattr(again, "PARTS", most)
    smaller = equal(images, "SGD", batch).step.explain()
    number = lambda told, what: float(told.split(what)[0].split()[-1])
    assert number(smaller, " after planning") > number(plain, " after planning")
    assert number(smaller, " MiB") < number(plain, " MiB")
