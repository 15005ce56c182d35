"""A program runs only where it fits: what a step rests on is looked at, what cannot be replayed is refused by name."""

import argparse
import array
import collections
import contextvars
import ctypes
import functools
import gc
import itertools
import multiprocessing
import optparse
import queue
import random
import sys
import threading
import types
import unittest.mock
import warnings
import weakref

import numpy as np
import pytest
from test_compile_nets import OPTIMIZERS, Run, programs, rows, same, small

import minigrad as mg
from minigrad import nn, optim
from minigrad.compiler.guards.libraries import top_of
from minigrad.nn import functional as F
from minigrad.utils.tree import tree_leaves


def pair(make=small, optimizer="momentum", **options):
    return [Run(make, OPTIMIZERS[optimizer], compiled=compiled, **options) for compiled in (False, True)]


# ---- what is guarded ------------------------------------------------------------------------------------------------
def forget_memory(run):
    run.model[0].weight.data = run.model[0].weight.data.clone() * 2


def double_in_place(run):
    with mg.no_grad():
        run.model[0].weight.mul_(2)


def load(run):
    run.model.load_state_dict(
        {name: x * 0.5 if x.is_floating_point() else x for name, x in run.model.state_dict().items()}
    )


def load_optimizer(run):
    state = run.optimizer.state_dict()
    state["param_groups"][0]["lr"] = 0.05
    run.optimizer.load_state_dict(state)


def set_option(**options):
    return lambda run: run.optimizer.param_groups[0].update(options)


CHANGES = {
    "training": lambda run: run.model.eval(),
    "frozen": lambda run: run.model[1].freeze(),
    "frozen statistics": lambda run: run.model[1].freeze(affine=False),
    "requires_grad": lambda run: run.model[0].weight.requires_grad_(False),
    "another memory": forget_memory,
    "another value": double_in_place,
    "load_state_dict": load,
    "load_state_dict of the optimizer": load_optimizer,
    "another layer": lambda run: run.model.append(nn.Tanh()),
    "a layer's option": lambda run: setattr(run.model[1], "momentum", 0.5),
    "eps": lambda run: setattr(run.model[1], "eps", 0.1),
    "lr": set_option(lr=0.3),
    "no momentum": set_option(momentum=0.0),
    "nesterov": set_option(nesterov=True, dampening=0),
    "maximize": set_option(maximize=True),
    "weight decay": set_option(weight_decay=0.0),
    "a group more": lambda run: run.optimizer.add_param_group({"params": [mg.ones(3, requires_grad=True)]}),
    "an activation": lambda run: run.model.__setitem__(2, nn.Sigmoid()),
    "reset": lambda run: run.model[1].reset_parameters(),
}


@pytest.mark.parametrize("change", CHANGES)
def test_what_changes_between_two_calls_is_seen(change):
    eager, compiled = pair()
    same(eager, compiled, rows(6))
    for run in (eager, compiled):
        CHANGES[change](run)
    same(eager, compiled, rows(6))
    if change in ("training", "frozen"):
        for run in (eager, compiled):
            run.model.train() if change == "training" else run.model[1].unfreeze()
        before = programs(compiled.step)
        same(eager, compiled, rows(3))
        assert change != "training" or programs(compiled.step) == before, "the first program fits again"


def test_arguments_are_guarded():
    make = lambda: lambda x, scale=1.0, flag=False: ((x * scale).sum(0) if flag else (x * scale).sum(-1)) + 1
    eager, compiled = make(), mg.compile(make())
    x = mg.rand(4, 6)
    calls = [
        (x,), (x, 2.0), (x, 2), (x, 2.0, True), (x.double(),), (x.T,), (x[:2],), (mg.ones(0, 6),),
        (x.clone().requires_grad_(),), (mg.rand(4, 6, 1),),
    ]  # fmt: skip
    with pytest.warns(UserWarning, match="8 programs"):
        for _ in range(5):
            for args in calls:
                ours, theirs = compiled(*args), eager(*args)
                assert (ours.dtype, ours.shape, ours.detach().numpy().tobytes()) == (
                    theirs.dtype,
                    theirs.shape,
                    theirs.detach().numpy().tobytes(),
                )


def test_grad_mode_and_default_dtype():
    model = small().eval()
    make = lambda: lambda x: model(x) + mg.zeros(10)
    eager, compiled = make(), mg.compile(make())
    (x, _), *_ = rows(1)
    for _ in range(5):
        with mg.no_grad():
            assert not compiled(x).requires_grad
        with mg.inference_mode():
            assert compiled(x).numpy().tobytes() == eager(x).numpy().tobytes()
        mg.set_default_dtype(mg.float64)
        try:
            assert compiled(x).dtype == eager(x).dtype == np.float64
        finally:
            mg.set_default_dtype(mg.float32)
        assert compiled(x).dtype == np.float32


def test_a_global_and_a_closure_are_guarded():
    scale = 2.0
    function = lambda x: x * scale

    compiled = mg.compile(function)
    for scale in (2.0, 2.0, 2.0, 2.0, 3.0, 3.0, 3.0, 3.0):
        assert compiled(mg.ones(2)).tolist() == [scale, scale]


FACTOR = shift = 2.0


class Scaled:
    shift = 1.0


def test_globals_are_guarded_and_attributes_of_the_same_name_are_not():
    """A name that only stands behind a point is no global's."""
    global FACTOR, shift
    scaled = Scaled()

    @mg.compile
    def step(x):
        def inner():
            return FACTOR

        return x * (inner() + scaled.shift)

    for FACTOR in (2.0, 2.0, 2.0, 2.0, 3.0, 3.0, 3.0):
        assert step(mg.ones(2)).tolist() == [FACTOR + 1] * 2
    written = len(step.programs.written())
    shift = 5.0
    for _ in range(3):
        step(mg.ones(2))
    assert len(step.programs.written()) == written
    assert "shift" not in [name for variant in step.programs.all() for name, *_ in variant.checks.names]


# ---- a transaction --------------------------------------------------------------------------------------------------
def test_a_batch_with_nan_warns_and_is_left_out():
    eager, compiled = pair()
    same(eager, compiled, rows(6))
    (x, y), *_ = rows(1)
    x[0, 0] = float("nan")
    for run in (eager, compiled):
        with pytest.warns(RuntimeWarning, match="nan, inf or overflow in the batch"):
            run.loss = run(x, y)
    assert eager.loss == compiled.loss
    assert [name for name, value in eager.state().items() if compiled.state()[name] != value] == []


@pytest.mark.parametrize("wrong", [10, -1])
def test_a_class_out_of_range_does_what_it_does_eagerly(wrong):
    eager, compiled = pair()
    same(eager, compiled, rows(6))
    for x, y in rows(2):
        y[3] = wrong
        for run in (eager, compiled):
            with pytest.raises(IndexError, match=f"Target {wrong} is out of bounds"):
                run(x, y)
        assert compiled.state() == eager.state()
    same(eager, compiled, rows(4))


def test_a_wrong_shape_raises_the_eager_error_and_changes_nothing():
    eager, compiled = pair()
    same(eager, compiled, rows(6))
    before = compiled.state()
    (x, y), *_ = rows(1, width=5)
    with pytest.raises(RuntimeError, match="shape"):
        compiled(x, y)
    assert compiled.state() == before
    same(eager, compiled, rows(4))


def test_what_decides_by_values_takes_the_eager_way_where_it_decides_otherwise():
    def function(x):
        if (x > 0).all():
            return x.log()
        return -x

    compiled = mg.compile(function)
    for sign in (1, 1, 1, 1, -1, 1, -1, -1, 1):
        x = mg.ones(3) * sign * 2
        assert compiled(x).tolist() == function(x).tolist()


def test_sizes_that_follow_from_values():
    function = lambda x: (x[x > 0].sum(), x.nonzero().float().sum(), mg.unique(x.round()).sum())
    compiled = mg.compile(function, strict=False)
    rng = np.random.default_rng(0)
    for i in range(12):
        numbers = rng.standard_normal(9) if i > 5 else rng.permutation(9) - 4.4  # as many above 0 at first
        x = mg.tensor(numbers.astype(np.float32))
        assert [y.item() for y in compiled(x)] == [y.item() for y in function(x)]


# ---- what is refused ------------------------------------------------------------------------------------------------
def counting(model, optimizer):
    count = [0]

    def step(x, y):
        count[0] += 1
        return (F.cross_entropy(model(x), y) * (0.1 * count[0])).detach()

    return step


def counting_in_arrays(model, optimizer):
    numbers = itertools.count(1)
    return lambda x, y: (F.cross_entropy(model(x), y) * mg.tensor([0.1 * next(numbers)])).detach()


def keeping(model, optimizer):
    seen = []

    def step(x, y):
        loss = F.cross_entropy(model(x), y)
        seen.append(loss)
        return loss.detach()

    return step


def scheduled(model, optimizer):
    schedule = optim.lr_scheduler.StepLR(optimizer, 3)

    def step(x, y):
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        schedule.step()
        return loss.detach()

    return step


def as_a_number(model, optimizer):
    def step(x, y):
        loss = F.cross_entropy(model(x), y)
        return loss.detach() * (1 / float(loss))

    return step


def drawing(model, optimizer):
    rng = np.random.default_rng(0)
    return lambda x, y: (model(x) * float(rng.random())).sum().detach()


def hooked(model, optimizer):
    model[0].register_forward_hook(lambda module, args, result: None)
    return lambda x, y: F.cross_entropy(model(x), y).detach()


def hooked_leaf(model, optimizer):
    model[0].weight.register_hook(lambda g: None)

    def step(x, y):
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        return loss.detach()

    return step


def deciding_too_late(model, optimizer):
    weight = model[0].weight

    def step(x, y):
        loss = F.cross_entropy(model(x), y)
        loss.backward()
        optimizer.step()
        return loss.detach() if weight.sum() < 1e6 else loss.detach() * 2

    return step


REFUSED = {
    "a number that changes": (counting, r"changes|differ"),
    "an array that changes": (counting_in_arrays, r"changes from step to step"),
    "a list that grows": (keeping, r"list|alive|kept|differ|append"),
    "a schedule": (scheduled, r"schedul"),
    "a number of Python's": (as_a_number, r"number"),
    "a number drawn elsewhere": (drawing, r"number"),
    "a decision after a write": (deciding_too_late, r"rests on 'model.0.weight'.*Decide before the write"),
    "a hook": (hooked, r"hook"),
    "a hook of a tensor": (hooked_leaf, r"hook"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_replayed_is_refused_with_its_line(name):
    make, match = REFUSED[name]
    mg.manual_seed(0)
    model = small()
    step = mg.compile(make(model, optim.SGD(model.parameters(), lr=0.01)))
    with pytest.raises((TypeError, RuntimeError), match=match) as error:
        for x, y in rows(6):
            step(x, y)
    assert str(error.value).startswith("compile: ")
    if name not in ("a hook", "a hook of a tensor", "a list that grows"):
        assert "test_compile_guards.py" in str(error.value)


@pytest.mark.parametrize("name", REFUSED)
def test_not_strict_it_runs_eagerly_and_says_so_once(name):
    make, _ = REFUSED[name]
    losses = []
    for compiled in (False, True):
        mg.manual_seed(0)
        model = small()
        step = make(model, optim.SGD(model.parameters(), lr=0.01))
        if not compiled:
            losses.append([step(x, y).item() for x, y in rows(6)])
            continue
        step = mg.compile(step, strict=False)
        with pytest.warns(UserWarning, match="compile: .*eager") as said:
            losses.append([step(x, y).item() for x, y in rows(6)])
        assert len(said) == 1
    assert losses[0] == losses[1]


# ---- threads, re-entry, many programs -------------------------------------------------------------------------------
def test_results_are_nobody_elses():
    compiled = mg.compile(lambda x: (x + 1, x.reshape(-1)))
    kept = [compiled(mg.full((2, 2), float(i))) for i in range(6)]
    assert [float(a[0, 0]) for a, _ in kept] == [1, 2, 3, 4, 5, 6]
    kept[4][0].fill_(9)
    kept[4][1].fill_(9)
    assert compiled(mg.zeros(2, 2))[0].tolist() == [[1, 1], [1, 1]]


def test_threads_run_beside_each_other():
    model = small().eval()
    compiled = mg.compile(lambda x: model(x).detach())
    data = [x for x, _ in rows(40)]
    for x in data[:5]:
        compiled(x)
    results, errors = {}, []

    def work(k):
        try:
            for i in range(k, 40, 4):
                results[i] = compiled(data[i]).numpy().tobytes()
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert all(results[i] == model(x).detach().numpy().tobytes() for i, x in enumerate(data))


def test_a_compiled_function_inside_itself_and_inside_another():
    @mg.compile
    def power(x, n):
        return x if n == 1 else x * power(x, n - 1)

    outer = mg.compile(lambda x: power(x, 2) + 1)
    for i in range(6):
        assert power(mg.tensor([2.0, i]), 3).tolist() == [8.0, float(i) ** 3]
        assert outer(mg.tensor([2.0, i])).tolist() == [5.0, float(i) ** 2 + 1]
    assert programs(power) == programs(outer) == 1


def test_at_most_eight_programs_then_eager_with_one_warning():
    compiled = mg.compile(lambda x: x.sum() * 2)
    with pytest.warns(UserWarning, match="8 programs") as said:
        for _ in range(4):
            for n in range(1, 13):
                assert compiled(mg.ones(n)).item() == 2 * n
    assert programs(compiled) == 8
    assert len(said) == 1


def test_what_was_written_down_once_gives_way_to_what_comes_again():
    compiled = mg.compile(lambda x, scale: x * scale)
    for n in range(1, 9):
        compiled(mg.ones(n), 0.5)
    with pytest.warns(UserWarning, match="8 programs.* changes; it runs eagerly") as said:
        for n in range(9, 16):  # more than there may be, none of which comes again
            assert compiled(mg.ones(n), 0.5).sum().item() == n / 2
    assert len(said) == 1
    for i in range(5):
        assert compiled(mg.ones(50) * i, 0.5).tolist() == [i / 2] * 50
    assert [v.checked for v in compiled.programs.written()] == [True]
    latest = []
    for n in range(40):  # another number at each call: it is not written down forever
        assert compiled(mg.ones(2), n + 0.1).tolist() == [mg.tensor(n + 0.1).item()] * 2
        latest.append(max(variant.number for variant in compiled.programs.all()))
    assert len(set(latest[20:])) == 1 and len(compiled.programs.all()) == 8
    for _ in range(5):  # what comes again after that is
        assert compiled(mg.ones(3), 7.0).tolist() == [7.0] * 3
    assert [v.checked for v in compiled.programs.written()] == [True, True]
    assert compiled.explain().startswith("2 of at most 8 programs")


def test_an_option_that_is_another_one_at_each_call_is_not_written_down_forever():
    module = nn.Softplus()
    compiled = mg.compile(lambda x: module(x))
    with pytest.warns(UserWarning, match="beta changes"):
        for n in range(30):
            module.beta = 1 + n / 8
            assert compiled(mg.ones(3)).numpy().tobytes() == module(mg.ones(3)).numpy().tobytes()
    assert not compiled.programs.written() and len(compiled.programs.all()) == 8


def test_an_argument_that_stands_twice_is_one():
    kinds = {
        "tensors": (lambda v: mg.tensor([v, 2.0]), lambda a, b: a * 3 - b),
        "arrays": (lambda v: np.array([v, 2.0]), lambda a, b: mg.from_numpy(a) * 3 - mg.from_numpy(b)),
        "written": (lambda v: mg.tensor([v, 2.0]), lambda a, b: a.add_(b) * 1),
    }
    for make, function in kinds.values():
        step = mg.compile(function)
        for i in range(12):
            ours, theirs = ([make(float(i)), make(i + 5.0)] for _ in range(2))
            if i < 4 or i == 9:
                ours[1], theirs[1] = ours[0], theirs[0]
            assert step(*ours).tolist() == function(*theirs).tolist()
            assert ours[0].tolist() == theirs[0].tolist()
        assert len(step.variants) == 2


FUNCTION_PARTS = {
    "defaults": lambda f, g: setattr(f, "__defaults__", g.__defaults__),
    "defaults by name": lambda f, g: setattr(f, "__kwdefaults__", g.__kwdefaults__),
    "a default by name": lambda f, g: f.__kwdefaults__.update(g.__kwdefaults__),
    "attributes": lambda f, g: setattr(f, "factor", g.factor),
    "code": lambda f, g: setattr(f, "__code__", g.__code__),
}


@pytest.mark.parametrize("part", FUNCTION_PARTS)
def test_what_a_function_is_made_of_is_guarded(part):
    def function(x, a=2.0, *, b=3.0):
        return x * a * b * function.factor

    def other(x, a=5.0, *, b=7.0):
        return x * a + b * other.factor

    function.factor, other.factor = 11.0, 13.0
    step = mg.compile(function)
    for i in range(8):
        if i == 5:
            FUNCTION_PARTS[part](function, other)
        assert step(mg.ones(1) * i).item() == function(mg.ones(1) * i).item()


def test_gradients_that_the_next_call_adds_to_are_left():
    """Who does not zero gradients in the step, or forgets some of them now and then, gets what eager gives."""
    runs = pair()
    for run in runs:
        run.optimizer.zero_grad = lambda *args: None
    for i, batch in enumerate(rows(16)):
        for run in runs:
            if i >= 5 and i % 4 == 1:
                run.model[0].weight.grad = None
        same(*runs, [batch])


def test_a_tensor_of_the_state_is_returned_as_it_is():
    total = mg.zeros(2)

    def function(x):
        total.add_(x)
        return total, total * 2

    step = mg.compile(function)
    for i in range(6):
        first, second = step(mg.ones(2))
        assert first is total and second.tolist() == [2.0 * (i + 1)] * 2
    assert "replayed" in step.explain()


def test_names_that_are_exchanged_are_noticed():
    held = {"a": mg.tensor([1.0]), "b": mg.tensor([10.0])}
    step = mg.compile(lambda x: x * held["a"])
    for i in range(5):
        assert step(mg.ones(1) * i).item() == i
    first, second = held.values()
    held.clear()
    held.update(b=first, a=second)  # the same values in the same order
    assert step(mg.ones(1)).item() == 10


def test_every_number_of_a_large_array_is_guarded():
    table = np.zeros((1001, 101), np.float32)
    step = mg.compile(lambda x: x + mg.tensor(table).sum())
    for i in range(12):
        table[31 * (i // 5), -1 - i // 5] = i // 5
        assert step(mg.ones(1) * i).item() == i + table.sum()


def test_kinds_of_call_that_were_given_up_are_no_programs():
    compiled = mg.compile(lambda x, as_number: x * float(x.sum()) if as_number else x * 2, strict=False)
    with pytest.warns(UserWarning, match="Python number") as said:
        for n in range(1, 13):
            assert compiled(mg.ones(n), True).tolist() == [float(n)] * n
    for _ in range(4):
        assert compiled(mg.ones(3), False).tolist() == [2.0] * 3
    assert compiled.explain().startswith("1 of at most 8 programs")
    assert "replayed" in compiled.explain() and len(said) == 1


def test_an_error_of_the_step_comes_through():
    def step(x):
        if x.shape[0] == 3:
            raise KeyError("mine")
        return x * 2

    compiled = mg.compile(step)
    for _ in range(3):
        with pytest.raises(KeyError, match="mine"):
            compiled(mg.ones(3))
        assert compiled(mg.ones(2)).tolist() == [2, 2]


def test_a_model_is_eager_while_it_trains():
    eager, model = small(), small()
    model.load_state_dict(eager.state_dict())
    predict = mg.compile(model)
    for training in (True, False, False, False, False, True, False):
        for x, _ in rows(2):
            ours, theirs = (
                predict.train(training)(x) if hasattr(predict, "train") else (model.train(training), predict(x))[1],
                eager.train(training)(x),
            )
            assert ours.detach().numpy().tobytes() == theirs.detach().numpy().tobytes()
    assert eager[1].running_mean.tolist() == model[1].running_mean.tolist()


def test_a_tensor_made_and_written_inside():
    def function(x):
        out = mg.zeros(3, 4)
        for i in range(3):
            out[i] = x * i
        out += 1
        out[:, 0] = 0
        return out.sum(0), out

    compiled = mg.compile(function)
    for i in range(6):
        x = mg.arange(4.0) + i
        assert [y.tolist() for y in compiled(x)] == [y.tolist() for y in function(x)]


def element(x):
    y = x.clone()
    first, last = y.select(0, 0), y[-1]
    kept = first * 2
    first.detach().add_(3)
    y.neg_()
    return y.clone(), first.clone(), last.clone(), kept


def turned_and_spread(x):
    y = mg.randn_like(x)
    y.unsqueeze_(0)
    y.unsqueeze_(0)
    return mg.linalg.cross(y.softmax(-1), x.expand(1, 1, 2, 3), dim=-1) + y


def added_at(x):
    y = x.new_zeros(2, 3)
    y.index_copy_(0, mg.tensor([1]), x[:1])
    y.index_add_(0, mg.tensor([0, 0]), x)
    y.T[0].mul_(2)
    return y.sum(), y


WRITES = {"one element": (element, (3,)), "axes of one": (turned_and_spread, (2, 3)), "places": (added_at, (2, 3))}


@pytest.mark.parametrize("name", WRITES)
def test_writes_through_views_of_what_is_made_inside(name):
    function, shape = WRITES[name]
    compiled = mg.compile(function)
    for i in range(6):
        results = []
        for f in (compiled, function):
            mg.manual_seed(i)
            results.append([y.tolist() for y in tree_leaves(f(mg.rand(shape)))])
        assert results[0] == results[1]


class Slotted:
    __slots__ = ("value",)


class Private:
    __slots__ = ("__value",)

    def __init__(self):
        self.set(1.0)

    def set(self, value):
        self.__value = value

    def get(self):
        return self.__value


class Dictionary(dict):
    @property
    def of_property(self):
        return GLOBAL


class Listed(list):
    value = 1.0


class Number(float):
    value = 1.0


class Named(collections.namedtuple("Named", "x")):
    def scaled(self):
        return self.x * GLOBAL


class Classwide:
    value = kind = 1.0

    @property
    def of_property(self):
        return GLOBAL


class Otherwise(Classwide):
    kind = 2.0


class Earlier:
    def method(self):
        return 1.0


class Later(Earlier):
    pass


class Ruler(type):
    value = 1.0


class Ruled(metaclass=Ruler):
    pass


@functools.cache
def constantly(value):
    return lambda self: value


def reads_missing(x):
    try:
        return MISSING
    except NameError:
        return 1.0


def set_missing(x, i):
    if i > 1:
        globals()["MISSING"] = float(i)


def shadow(x, i):
    if i > 1:
        globals()["round"] = lambda x: float(i)


BESIDE = sys.modules["beside.inner"] = types.ModuleType("beside.inner")
BESIDE_TOO = {"__package__": "beside"}  # a module that imports it relatively
sys.modules["beside"] = types.ModuleType("beside")
exec("def imports_beside(x):\n from .inner import value\n return value", BESIDE_TOO)
imports_beside = BESIDE_TOO["imports_beside"]
WEAK = argparse.Namespace()
ENTRIES = {}
GLOBAL = 1.0
PACKAGE = types.ModuleType("package")
PACKAGE.inner = types.ModuleType("package.inner")
cached = functools.lru_cache(1)(lambda: PACKAGE.inner.value)


def set_inner(x, i):
    x.inner.value = float(i)
    cached.cache_clear()


set_value = lambda x, i: setattr(x, "value", float(i))
set_global = lambda x, i: globals().update(GLOBAL=float(i))

kept_for_ever = functools.lru_cache(None)(lambda: types.SimpleNamespace())
kept = functools.lru_cache(2)(lambda: types.SimpleNamespace())

OUTSIDE = {  # what a step reads, and the way it is changed between two calls
    "an array as a number": (np.array(1.0), lambda x: float(x), lambda x, i: x.fill(i)),
    "an array": (np.ones(2, np.float32), lambda x: mg.tensor(x), lambda x, i: x.fill(i)),
    "an array as it lies": (np.ones(2, np.float32), lambda x: mg.from_numpy(x), lambda x, i: x.fill(i)),
    "a list": ([1.0], lambda x: x[0], lambda x, i: x.__setitem__(0, float(i))),
    "a set": (set(), lambda x: len(x), lambda x, i: x.add(i)),
    "a deque": (collections.deque(), lambda x: len(x), lambda x, i: x.append(i) if i > 1 else None),
    "a slot": (Slotted(), lambda x: x.value, lambda x, i: setattr(x, "value", float(i))),
    "a class": (Classwide, lambda x: x.value, lambda x, i: setattr(x, "value", float(i))),
    "a property": (Classwide(), lambda x: x.of_property, lambda x, i: globals().update(GLOBAL=float(i))),
    "a module within a module": (PACKAGE, lambda x: PACKAGE.inner.value, set_inner),
    "a cached function": (PACKAGE, lambda x: cached(), set_inner),
    "a namespace": (argparse.Namespace(value=1.0), lambda x: x.value, lambda x, i: setattr(x, "value", float(i))),
    "a plain namespace": (types.SimpleNamespace(), lambda x: x.value, lambda x, i: setattr(x, "value", float(i))),
    "a dictionary of the user's": (collections.UserDict(), lambda x: x["a"], lambda x, i: x.update(a=float(i))),
    "a dictionary that is read alone": (
        (ENTRIES, types.MappingProxyType(ENTRIES)),
        lambda x: x[1]["a"],
        lambda x, i: x[0].update(a=float(i)),
    ),
    "a method of a dictionary's": (
        (ENTRIES, ENTRIES.get),
        lambda x: x[1]("a"),
        lambda x, i: x[0].update(a=float(i)),
    ),
    "values of a dictionary": ((ENTRIES, ENTRIES.values()), lambda x: sum(x[1]), lambda x, i: x[0].update(a=float(i))),
    "an array of Python's": (array.array("d", [0]), lambda x: x[0], lambda x, i: x.__setitem__(0, float(i))),
    "a view of bytes": (memoryview(bytearray(1)), lambda x: x[0], lambda x, i: x.__setitem__(0, i)),
    "a context variable": (contextvars.ContextVar("x"), lambda x: x.get(), lambda x, i: x.set(float(i))),
    "an object held weakly": (weakref.ref(WEAK), lambda x: x().value, lambda x, i: setattr(WEAK, "value", float(i))),
    "objects in an array": (
        np.array([[1.0], None], object),
        lambda x: x[0][0],
        lambda x, i: x[0].__setitem__(0, float(i)),
    ),
    "a module that an object holds": (
        types.SimpleNamespace(package=PACKAGE),
        lambda x: x.package.value,
        lambda x, i: setattr(PACKAGE, "value", float(i)),
    ),
    "a module's attribute by its name": (
        PACKAGE,
        lambda x: getattr(PACKAGE, "value"),  # noqa: B009
        lambda x, i: setattr(PACKAGE, "value", float(i)),
    ),
    "a module beside the function's": (None, imports_beside, lambda x, i: setattr(BESIDE, "value", float(i))),
    "globals()": (None, lambda x: globals()["GLOBAL"], lambda x, i: globals().update(GLOBAL=float(i))),
    "a global that is missing at first": (None, reads_missing, set_missing),
    "a function in a built-in one's place": (None, lambda x: round(1.4), shadow),
    "an attribute of a class's class": (
        Classwide,
        lambda x: Ruled.value,
        lambda x, i: setattr(Ruler, "value", float(i)),
    ),
    "a method that a subclass defines later": (
        Later(),
        lambda x: x.method(),
        lambda x, i: i > 1 and setattr(Later, "method", lambda self: 2.0),
    ),
    "a method that is called by brackets": (
        Classwide(),
        lambda x: x(),
        lambda x, i: setattr(Classwide, "__call__", constantly(float(i))),
    ),
    "which class an object is of": (
        Classwide(),
        lambda x: x.kind,
        lambda x, i: setattr(x, "__class__", (Classwide, Otherwise)[i > 1]),
    ),
    "an attribute of a dictionary": (Dictionary(), lambda x: x.value, set_value),
    "a property of a dictionary": (Dictionary(), lambda x: x.of_property, set_global),
    "an attribute of a list": (Listed(), lambda x: x.value, set_value),
    "an attribute of a number": (Number(), lambda x: x.value, set_value),
    "an attribute of a tensor": (mg.ones(2), lambda x: x * x.value, set_value),
    "an attribute of a parameter": (nn.Linear(1, 1).weight, lambda x: x.value, set_value),
    "a parameter's attribute that comes later": (
        nn.Linear(1, 1).weight,
        lambda x: getattr(x, "value", 1.0),
        lambda x, i: i > 1 and set_value(x, i),
    ),
    "the sign of a layer's zero": (
        nn.LeakyReLU(0.0),
        lambda x: x(mg.tensor([-1.0])),
        lambda x, i: setattr(x, "negative_slope", 0.0 if i == 1 else -0.0),
    ),
    "what a cached function returned": (kept, lambda x: x().value, lambda x, i: set_value(x(), i)),
    "what a function keeps for ever": (kept_for_ever, lambda x: x().value, lambda x, i: set_value(x(), i)),
    "a private slot": (Private(), lambda x: x.get(), lambda x, i: x.set(float(i))),
    "options of a command line": (optparse.Values(), lambda x: x.value, set_value),
    "a queue": (queue.Queue(), lambda x: x.qsize(), lambda x, i: i > 1 and x.put(i)),
    "a value that processes share": (multiprocessing.Value("d"), lambda x: x.value, set_value),
    "a number of C's": (ctypes.c_double(), lambda x: x.value, set_value),
    "a stand-in of a test's": (unittest.mock.Mock(), lambda x: x.value, set_value),
    "a function of NumPy's": (np.vectorize(lambda x: x * GLOBAL), lambda x: float(x(2.0)), set_global),
    "an object's class": (Classwide(), lambda x: x.value, lambda x, i: setattr(Classwide, "value", float(i))),
}


@pytest.mark.parametrize("name", OUTSIDE)
def test_what_is_read_outside_of_tensors_is_guarded(name):
    thing, read, change = OUTSIDE[name]
    function = lambda x: x * read(thing)
    compiled = mg.compile(function)
    for i in (1, 1, 1, 1, 1, 2, 2, 2, 3):
        change(thing, i)
        x = mg.rand(2)
        assert compiled(x).tolist() == function(x).tolist()
    assert programs(compiled) > 1 or name == "an array as it lies"


def test_classes_and_attributes_of_arguments_are_guarded():
    function = lambda named, other: named.scaled() * getattr(other, "value", 1.0) * float(other[0])
    compiled = mg.compile(function)
    others = Listed([1.0]), Listed([1.0])
    for i in (1, 1, 1, 1, 2, 2, 2, 2):
        set_global(None, i)
        for value in (1.0, 2.0):
            others[value > 1].value = value
            x = Named(mg.rand(2))
            assert compiled(x, others[value > 1]).tolist() == function(x, others[value > 1]).tolist()
    assert [variant.checked for variant in compiled.programs.all()] == [True] * 4


def test_containers_keep_what_they_are():
    def function(batch):
        result = Listed([batch["x"] * batch["missing"]])
        result.value = 2.0
        return result

    compiled = mg.compile(function)
    for i in range(6):
        for x in (mg.tensor([float(i)]), np.array([float(i)])):
            batch = collections.defaultdict(lambda: 3.0, x=x)
            result = compiled(batch)
            assert (type(result), result.value, result[0].tolist()) == (Listed, 2.0, [3.0 * i])


def test_numbers_are_told_apart_by_what_they_are():
    class Silent(float):
        def __repr__(self):
            return "a number"

    function = lambda x, number: x * float(number)
    compiled = mg.compile(function)
    for i in (1, 1, 1, 1, 2, 2, 2, 2):
        assert compiled(mg.ones(1), Silent(i)).item() == i


class Own(optim.Optimizer):
    noise = 1.0

    def __init__(self, params):
        super().__init__(params, {"lr": 0.1})
        self.scale = 1.0

    @mg.no_grad()
    def step(self, closure=None):
        for group in self.param_groups:
            for p in group["params"]:
                p.add_(p.grad, alpha=-group["lr"] * self.scale * GLOBAL)


class OwnFormula(optim.Optimizer):
    def __init__(self, params):
        super().__init__(params, {"lr": 0.1})
        self.scale = 1.0

    def update(self, p, g, state, group):
        p -= group["lr"] * self.scale * GLOBAL * np.sign(g)


sgd = lambda params: optim.SGD(params, lr=0.1)
group_of = lambda optimizer: optimizer.param_groups[0]
READ = {  # of an optimizer, besides what it asks for: how it is made, what a step reads, and what changes
    "lr": (sgd, lambda o: group_of(o)["lr"], lambda o: group_of(o).update(lr=0.01)),
    "lr by get": (sgd, lambda o: group_of(o).get("lr"), lambda o: group_of(o).update(lr=0.01)),
    "all of a group": (sgd, lambda o: dict(group_of(o))["lr"], lambda o: group_of(o).update(lr=0.01)),
    "the entries of a group": (sgd, lambda o: {**group_of(o)}["lr"], lambda o: group_of(o).update(lr=0.01)),
    "an entry of its own": (sgd, lambda o: group_of(o).get("alpha", 1.0), lambda o: group_of(o).update(alpha=0.5)),
    "defaults": (sgd, lambda o: o.defaults["lr"], lambda o: o.defaults.update(lr=0.5)),
    "an attribute": (Own, lambda o: 1.0, lambda o: setattr(o, "scale", 0.5)),
    "an attribute in a formula": (OwnFormula, lambda o: 1.0, lambda o: setattr(o, "scale", 0.5)),
    "a global": (Own, lambda o: 1.0, lambda o: set_global(None, 2)),
    "a global in a formula": (OwnFormula, lambda o: 1.0, lambda o: set_global(None, 2)),
}


@pytest.mark.parametrize("name", READ)
def test_what_a_step_reads_of_an_optimizer_is_guarded(name):
    make, read, change = READ[name]
    losses = []
    for compiled in (False, True):
        set_global(None, 1)
        w = mg.ones(3, requires_grad=True)
        optimizer = make([w])

        def step(x, w=w, optimizer=optimizer):
            optimizer.zero_grad()
            loss = (w * x).sum() ** 2
            loss.backward()
            optimizer.step()
            with mg.no_grad():
                w.mul_(1 - 0.1 * read(optimizer))
            return loss.detach()

        run = mg.compile(step) if compiled else step
        losses.append([])
        for i in range(10):
            if i == 5:
                change(optimizer)
            losses[-1].append(run(mg.arange(3.0) + i).item())
        assert type(group_of(optimizer)) is dict
    assert losses[0] == losses[1]
    assert programs(run) == 2
    assert [variant.checked for variant in run.programs.all()] == [True, True]


def test_a_schedule_that_no_step_reads_makes_no_program():
    runs = pair()
    for run in runs:
        run.set_rate = lambda i, run=run: group_of(run.optimizer).update(lr=0.1 / (i + 1))
    for i, (x, y) in enumerate(rows(8)):
        for run in runs:
            run.set_rate(i)
        same(*runs, [(x, y)])
    assert programs(runs[1].step) == 1


@pytest.mark.parametrize("optimizer", ["momentum", "Adam"])
def test_an_optimizers_step_alone(optimizer):
    weights = []
    for compiled in (False, True):
        mg.manual_seed(0)
        model = small()
        update = OPTIMIZERS[optimizer](model.parameters())
        step = mg.compile(lambda update=update: update.step()) if compiled else update.step
        for x, y in rows(8):
            update.zero_grad()
            F.cross_entropy(model(x), y).backward()
            step()
        weights.append([p.tolist() for p in model.parameters()])
    assert weights[0] == weights[1]
    assert step.programs.all()[0].checked


COUNTED = {
    "an array": (np.zeros(1), lambda x: x.__iadd__(1), "the numbers of the array"),
    "a set": (set(), lambda x: x.add(len(x)), "entries"),
    "a deque": (collections.deque(), lambda x: x.append(1), "entries"),
    "Python's random stream": (random.random, lambda x: x(), "random stream"),
    "NumPy's random stream": (np.random.default_rng(0), lambda x: x.random(), "random stream"),
}


@pytest.mark.parametrize("name", COUNTED)
def test_what_a_step_changes_outside_of_tensors_is_refused(name):
    thing, change, match = COUNTED[name]

    def step(x):
        change(thing)
        return x * 2

    compiled = mg.compile(step)
    with pytest.raises(TypeError, match=match):
        for _ in range(3):
            compiled(mg.rand(2))


def test_arguments_in_one_memory():
    def function(x, y):
        before = y * 2
        x.add_(1)
        return mg.stack([before, y * 2])

    compiled = mg.compile(function, strict=False)
    base = mg.rand(4)
    with pytest.raises(TypeError, match="the same memory"):
        mg.compile(function)(base[:2], base[1:3])
    for i in range(8):
        results = []
        for f in (compiled, function):
            x = mg.ones(3) * i
            y = x if i > 4 else x.clone()
            results.append((f(x, y).tolist(), x.tolist()))
        assert results[0] == results[1]
    programs = [v.checked for many in compiled.variants.values() for v in many]
    assert programs == [True, True]  # one argument, and two
    results = []
    for f in (compiled, function):
        base = mg.arange(4.0)
        result = f(base[:3], base[1:])  # recorded with two that lie apart
        results.append((result.tolist(), base.tolist()))
    assert results[0] == results[1]


GRADS_OF_ARGUMENTS = {  # what a step does first, and what is done after each call
    "added to": (lambda x: None, lambda x: None),
    "begun anew": (lambda x: setattr(x, "grad", None), lambda x: None),
    "taken away": (lambda x: None, lambda x: setattr(x, "grad", None)),
    "made zero": (lambda x: None, lambda x: x.grad.zero_()),
}


@pytest.mark.parametrize("name", GRADS_OF_ARGUMENTS)
@pytest.mark.parametrize("reused", [False, True])
def test_gradients_of_arguments_are_their_own(name, reused):
    first, afterwards = GRADS_OF_ARGUMENTS[name]

    def step(x, y):
        first(x)
        loss = (x * y).sum() ** 2
        loss.backward()
        return loss.detach()

    results = []
    for run in (step, mg.compile(step)):
        mg.manual_seed(0)
        results.append([])
        weights = [mg.rand(3, requires_grad=True) for _ in range(2)]
        for i in range(12):
            x = weights[i % 2] if reused else mg.rand(3, requires_grad=True)
            loss = run(x, mg.rand(3))
            results[-1].append((loss.item(), x.grad.tolist()))
            afterwards(x)
    assert results[0] == results[1]
    assert run.programs.all()[-1].checked


def test_an_argument_with_a_graph_or_a_hook_is_another():
    def step(x):
        loss = (x * x).sum()
        loss.backward()
        return loss.detach()

    w, hooked = mg.ones(3, requires_grad=True), mg.ones(3, requires_grad=True)
    hooked.register_hook(lambda g: g * 2)
    compiled = mg.compile(step, strict=False)
    for _ in range(5):
        x = mg.ones(3, requires_grad=True)
        compiled(x)
        assert x.grad.tolist() == [2, 2, 2]
    with pytest.warns(UserWarning, match="it runs eagerly"):
        compiled(w * 3)
    assert w.grad.tolist() == [18, 18, 18]
    with pytest.raises(TypeError, match="hooks"):
        mg.compile(step)(hooked)


SLICES = {  # of an array (6, 8), as arguments
    "columns": lambda x: x[:, :-1],
    "every other row": lambda x: x[::2],
    "one column": lambda x: x[:, 2],
    "backwards": lambda x: x[::-1, 1:],
    "turned": lambda x: x.T[1:],
    "expanded": lambda x: np.broadcast_to(x[0, :3], (4, 3)),
    "none": lambda x: x[:0, :3],
    "a diagonal": lambda x: x.diagonal(),
}


@pytest.mark.parametrize("name", SLICES)
@pytest.mark.parametrize("of_numpy", [False, True])
def test_slices_are_arguments(name, of_numpy):
    def function(x):
        x = mg.from_numpy(x) if of_numpy else x
        return x, x * 2, x[..., 1:] - x[..., :-1], x.T @ x, x.reshape(-1) + 1, x.contiguous().cumsum(0)

    compiled = mg.compile(function)
    data = np.random.default_rng(0).standard_normal((6, 6, 8)).astype(np.float32)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # an expanded one is read alone
        for array in map(SLICES[name], data):
            x = array if of_numpy else mg.from_numpy(array)
            assert [y.tolist() for y in compiled(x)] == [y.tolist() for y in function(x)]
    assert compiled.programs.all()[0].checked


@pytest.mark.parametrize("name", ["columns", "every other row", "one column", "turned", "none"])
def test_slices_that_are_written(name):
    def function(x):
        x.mul_(2)
        x[:1] = 3
        return x.sum(), x

    results = []
    for run in (function, mg.compile(function)):
        data = np.random.default_rng(0).standard_normal((6, 6, 8)).astype(np.float32)
        rows = [[y.tolist() for y in run(mg.from_numpy(SLICES[name](x)))] for x in data]
        results.append((rows, data.tolist()))
    assert results[0] == results[1]
    assert run.programs.all()[0].checked


def test_a_cache_that_is_cleared_is_noticed():
    values = [1.0]
    value = functools.lru_cache(None)(lambda: values[0])
    compiled = mg.compile(lambda x: x * value())
    value()
    for i in range(12):
        if i == 4:
            values[0] = 2.0
        if i == 8:
            value.cache_clear()
        assert compiled(mg.ones(1)).item() == (1.0 if i < 8 else 2.0)


def test_a_module_of_the_users_may_be_called_as_one_of_pythons(monkeypatch):
    library, own = {"__name__": "profile", "value": 1.0}, types.ModuleType("profile")
    own.__file__ = "profile.py"
    monkeypatch.setitem(sys.modules, "profile", own)
    top_of.cache_clear()
    exec("def read(x):\n return x * value", library)
    compiled = mg.compile(library["read"])
    for i in (1.0, 1.0, 1.0, 1.0, 2.0, 2.0):
        library["value"] = i
        assert compiled(mg.ones(1)).item() == i
    top_of.cache_clear()


def test_arguments_that_are_written():
    def function(x):
        x.mul_(2)
        return x.sum()

    compiled = mg.compile(function)
    for i in range(6):
        x, y = mg.ones(3) * i, mg.ones(3) * i
        assert compiled(x).item() == function(y).item()
        assert x.tolist() == y.tolist()


def test_memory_that_numpy_takes_for_two():
    """Two arrays of one buffer have no array in common."""
    buffer = bytearray(4 * 4)
    weight, other = (mg.from_numpy(np.frombuffer(buffer, np.float32)) for _ in range(2))

    def together(x):
        weight.add_(x)
        return other * 1

    def alone(x):
        before = x * 2
        weight.add_(1)  # stands behind the decision in the page
        after = before + x
        return after if before.sum() < 1e9 else before

    with pytest.raises(TypeError, match="'other' and 'weight' lie in one memory"):
        mg.compile(together)(mg.ones(4))
    step = mg.compile(alone)
    for i in range(8):
        x = other if i > 5 else mg.ones(4)
        expected = x.numpy() * 3 + (i > 5)
        assert step(x).tolist() == expected.tolist()


def test_a_check_that_is_interrupted_has_changed_nothing(monkeypatch):
    eager, compiled = pair()
    batches = list(rows(6))
    same(eager, compiled, batches[:3])
    state = lambda: [x.numpy().tobytes() for x in compiled.model.state_dict().values()]
    before = state()
    with monkeypatch.context() as patch:
        patch.setattr("minigrad.compiler.trial.arrays_in", interrupted)
        with pytest.raises(KeyboardInterrupt):
            compiled.step(*batches[3])
    assert state() == before
    same(eager, compiled, batches[3:])
    assert programs(compiled.step) == 1


def interrupted(*_):
    raise KeyboardInterrupt


def test_trees_of_arguments_and_results():
    def function(batch, *rest, scale):
        return {"sum": batch["x"] + batch["y"][0] * scale, "rest": list(rest)}, batch["x"].shape

    compiled = mg.compile(function)
    for i in range(6):
        x = mg.ones(2) * i
        ours, theirs = (f({"x": x, "y": (x + 1, "name")}, x * 3, scale=2.0) for f in (compiled, function))
        assert ours[0]["sum"].tolist() == theirs[0]["sum"].tolist()
        assert ours[0]["rest"][0].tolist() == theirs[0]["rest"][0].tolist()
        assert ours[1] == theirs[1]


def test_hooks_of_all_and_of_optimizers_are_not_lost():
    """Hooks that come later end the replay: of all modules, of an optimizer, of all optimizers."""
    layer = mg.nn.Linear(2, 1)
    optimizer = mg.optim.SGD(layer.parameters(), lr=0.1)

    def step(x):
        optimizer.zero_grad()
        loss = layer(x).sum()
        loss.backward()
        optimizer.step()
        return loss

    everywhere = mg.nn.modules.module.register_module_forward_hook
    for register in (
        everywhere,
        optimizer.register_step_post_hook,
        mg.optim.optimizer.register_optimizer_step_pre_hook,
    ):
        compiled = mg.compile(step)
        for _ in range(4):
            compiled(mg.ones(3, 2))
        with register(lambda *_: None), pytest.raises(TypeError, match="hooks on"):
            compiled(mg.ones(3, 2))


def test_neither_parameters_nor_their_state_outlive_a_compiled_step():
    run = Run(small, OPTIMIZERS["Adam"], compiled=True)
    for x, y in rows(6):
        run(x, y)
    state = run.optimizer.state[run.model[0].weight]
    references = [weakref.ref(x._data) for x in (run.model[0].weight, *state.values())]
    del run, state
    gc.collect()
    assert [reference() for reference in references] == [None] * len(references)
