"""The sweep: order, reuse, depth, memory, accumulation, and what it refuses."""

import gc
import sys
import warnings
import weakref

import numpy as np
import pytest

import minigrad as mg


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


def test_modes_are_contexts_and_decorators_per_thread():
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
