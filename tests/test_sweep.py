"""The sweep: order, reuse, depth, memory, accumulation, and what it refuses."""

import gc
import sys
import warnings
import weakref

import numpy as np
import pytest

import minigrad as mg
from minigrad.ops import indexing, shape


def leaf(*values, dtype=mg.float64):
    return mg.tensor(list(values), dtype=dtype, requires_grad=True)


def test_a_diamond_adds_both_paths():
    x = leaf(3.0)
    a = x * 2
    (a * a + a).backward()
    assert x.grad.tolist() == [2 * 2 * 6 + 2]


def test_the_same_tensor_twice():
    x = leaf(3.0)
    (x * x).backward()
    assert x.grad.tolist() == [6.0]


def test_a_hundred_thousand_additions_with_little_stack():
    x = mg.tensor(1.0, requires_grad=True)
    limit = sys.getrecursionlimit()
    sys.setrecursionlimit(200)
    try:
        y = x
        for _ in range(100_000):
            y = y + 1
        y.backward()
        del y
    finally:
        sys.setrecursionlimit(limit)
    assert x.grad.item() == 1.0


@pytest.mark.filterwarnings("ignore:Using backward")  # .grad is taken away below
@pytest.mark.parametrize("create_graph", [False, True])
def test_a_dropped_graph_is_freed_without_the_garbage_collector(create_graph):
    gc.collect()
    gc.disable()
    try:
        x = leaf(1.0, 2.0)
        y = (x.exp() * x).sum()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of the circle between x and x.grad, which is broken below
            y.backward(create_graph=create_graph)
        node, grad = weakref.ref(y._node), weakref.ref(x.grad)
        tensor, x.grad = weakref.ref(x), None
        del y
        assert node() is None and grad() is None
        del x
        assert tensor() is None
    finally:
        gc.enable()


def test_a_graph_is_freed_after_an_exception_too():
    gc.collect()
    gc.disable()
    try:
        x = leaf(1.0, 2.0)
        y = x.exp()
        node = weakref.ref(y._node)
        with pytest.raises(RuntimeError, match="scalar outputs"):
            y.backward()
        del y
        assert node() is None
    finally:
        gc.enable()


def test_gradients_accumulate_and_do_not_share_memory():
    a, b = leaf(1.0), leaf(2.0)
    (a + b).backward()
    (a + b).backward()
    assert a.grad.tolist() == b.grad.tolist() == [2.0]
    assert not np.shares_memory(a.grad._data, b.grad._data)
    seed = mg.ones(1, dtype=mg.float64)
    c = leaf(1.0)
    (c + 0).backward(seed)
    c.grad.zero_()
    assert seed.tolist() == [1.0]


def test_second_use_of_a_graph():
    x = leaf(2.0)
    y = x.exp()
    y.backward(retain_graph=True)
    y.backward()
    with pytest.raises(RuntimeError, match="backward through the graph a second time"):
        y.backward()


def test_third_order():
    x = leaf(0.7)
    (g1,) = mg.autograd.grad(x.tanh(), x, create_graph=True)
    (g2,) = mg.autograd.grad(g1, x, create_graph=True)
    (g3,) = mg.autograd.grad(g2, x)
    t = np.tanh(0.7)
    np.testing.assert_allclose(g3.item(), (1 - t * t) * (6 * t * t - 2), rtol=1e-13)


def test_inputs_restrict_what_is_filled():
    x, w = leaf(2.0), leaf(3.0)
    h = x * w
    (h * h).backward(inputs=[w])
    assert x.grad is None and w.grad.tolist() == [24.0]
    with pytest.raises(RuntimeError, match="cannot be empty"):
        (x * w).backward(inputs=[])


def test_gradient_of_an_inner_node_and_unused_inputs():
    x, unused = leaf(2.0), leaf(1.0)
    h = x * 3
    y = h * h
    gh, gx = mg.autograd.grad(y, [h, x], retain_graph=True)
    assert (gh.tolist(), gx.tolist()) == ([12.0], [36.0])
    with pytest.raises(RuntimeError, match="appears to not have been used in the graph"):
        mg.autograd.grad(y, [unused], retain_graph=True)
    assert mg.autograd.grad(y, [unused], retain_graph=True, allow_unused=True) == (None,)
    assert mg.autograd.grad(y, unused, materialize_grads=True)[0].tolist() == [0.0]


def test_retained_gradients():
    x = leaf(2.0)
    h = x * 3
    h.retain_grad()
    (h * h).backward()
    assert h.grad.tolist() == [12.0] and x.grad.tolist() == [36.0]


def test_hooks_see_and_change_the_gradient():
    x = leaf(2.0)
    h = x * 3
    seen = []
    handle = h.register_hook(lambda g: seen.append(g.item()))
    h.register_hook(lambda g: g * 10)
    (h * 1).backward()
    assert seen == [1.0] and x.grad.tolist() == [30.0]
    handle.remove()
    handle.remove()


def test_a_value_overwritten_after_it_was_saved_is_an_error():
    x = leaf(1.0, 2.0)
    h = x.exp()
    y = h.sum()
    with mg.no_grad():
        h[0] = 0.0
    with pytest.raises(RuntimeError, match=r"modified by an inplace operation: the result of exp"):
        y.backward()
    z = (x * x).sum()  # a leaf changed by an optimizer between forward and backward
    with mg.no_grad():
        x += 1
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        z.backward()
    (x * x).sum().backward()  # what was saved after the write is fine


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: mg.ones(2).sum().backward(), RuntimeError, "does not require grad"),
        (lambda: (leaf(1.0, 2.0) * 2).backward(), RuntimeError, "only for scalar outputs"),
        (lambda: leaf(1.0).backward(mg.ones(3)), RuntimeError, "Mismatch in shape"),
        (lambda: mg.tensor([1, 2], requires_grad=True), RuntimeError, "floating point"),
        (lambda: (leaf(1.0) * 2).requires_grad_(False), RuntimeError, "leaf variables"),
        (lambda: mg.ones(2).retain_grad(), RuntimeError, "retain_grad"),
        (lambda: leaf(1.0).add_(1), RuntimeError, "a leaf Variable that requires grad"),
    ],
)
def test_errors(call, error, words):
    with pytest.raises(error, match=words):
        call()


def test_modes_are_contexts_and_decorators_per_thread(threads):
    import threading

    x = leaf(1.0)
    seen = []

    @mg.no_grad()
    def quiet():
        return (x * 2).requires_grad

    @mg.no_grad
    def quiet_too():
        return (x * 2).requires_grad

    assert not quiet() and not quiet_too() and mg.is_grad_enabled()
    with mg.no_grad():
        thread = threading.Thread(target=lambda: seen.append(mg.is_grad_enabled()))
        thread.start()
        thread.join()
        with mg.enable_grad():
            assert (x * 2).requires_grad
        with mg.set_grad_enabled(True):
            assert mg.is_grad_enabled()
        assert not mg.is_grad_enabled()
    assert seen == [True]
    mg.set_grad_enabled(False)
    assert not mg.is_grad_enabled()
    mg.set_grad_enabled(True)


# ---- many pieces of one, one of many ---------------------------------------------------------------
PIECES = {
    "rows": lambda L, x: x.unbind(0), "iterated": lambda L, x: list(x), "split": lambda L, x: x.split([2, 1, 3], 1), "chunks": lambda L, x: x.chunk(3, 1),
    "overlapping": lambda L, x: [x[:3], x[1:], x[:, ::2], x[2]], "again and again": lambda L, x: [x[1], x[1], x[-3]],
    "picked": lambda L, x: [x[L.tensor([0, 0, 3])], x[1:], x[:, L.tensor([1, 1])], x[x > 0]], "beside the whole": lambda L, x: [x * x, x[0], x.exp(), x[:2]],
    "pieces of pieces": lambda L, x: [x[1:][0], x[1:][:, 2], x.T[0], x[None, 1]],
}  # fmt: skip


@pytest.mark.parametrize("pieces", PIECES)
def test_gradients_of_pieces_are_pytorchs(torch, pieces):
    results = []
    for lib in (mg, torch):
        x = lib.from_numpy(np.sin(np.arange(24.0)).reshape(4, 6)).requires_grad_()
        y = x * 1.5
        total = sum((p * p * p).sum() * k for k, p in enumerate(PIECES[pieces](lib, y), 1))
        (g,) = lib.autograd.grad(total, x, create_graph=True)
        total.backward(retain_graph=True)
        (g * g).sum().backward()
        results.append([g.detach().numpy(), x.grad.numpy()])
    np.testing.assert_allclose(*results, rtol=1e-12)


def counted(monkeypatch, made, name):
    calls, plain = [], getattr(made, name)
    monkeypatch.setattr(made, name, lambda *args, **named: [calls.append(1), plain(*args, **named)][1])
    return calls


def test_backward_costs_the_pieces_not_the_whole_for_each(monkeypatch):
    wholes = counted(monkeypatch, indexing.scatter_add, "function")
    x = mg.ones(50, 3, requires_grad=True)
    sum(row.sum() for row in x).backward()
    assert x.grad.tolist() == np.ones((50, 3)).tolist() and len(wholes) == 1


def test_backward_of_cat_goes_through_its_operands_once(monkeypatch):
    calls = counted(monkeypatch, shape.concatenate, "every")
    xs = [mg.ones(2, requires_grad=True) for _ in range(50)]
    (mg.cat(xs) * mg.arange(100.0)).sum().backward()
    assert [x.grad.tolist() for x in xs] == np.arange(100.0).reshape(50, 2).tolist() and len(calls) == 1
