"""Checkpointed parts: the same numbers, less memory kept, and what is refused."""

import gc
import weakref

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.autograd import gradcheck, gradgradcheck
from minigrad.utils.checkpoint import CheckpointError, checkpoint, checkpoint_sequential


def leaf(*shape, seed=0):
    return mg.tensor(np.random.default_rng(seed).standard_normal(shape), requires_grad=True)


def net(x):
    return (x.exp().sin() * x).tanh()


def test_gradients_are_those_without_a_checkpoint():
    w = leaf(3, 3, seed=1)
    plain, kept = leaf(2, 3), leaf(2, 3)
    net(plain @ w).sum().backward()
    expected, w.grad = w.grad, None
    checkpoint(lambda x: net(x @ w), kept, use_reentrant=False).sum().backward()  # w is not an argument
    np.testing.assert_array_equal(kept.grad.numpy(), plain.grad.numpy())
    np.testing.assert_array_equal(w.grad.numpy(), expected.numpy())


def test_every_order_and_a_checkpoint_in_a_checkpoint():
    def inner(x):
        return checkpoint(net, x * 2, use_reentrant=False)

    for f in (inner, lambda x: checkpoint(inner, x.sin(), use_reentrant=False).exp()):
        assert gradcheck(f, leaf(4))
        assert gradgradcheck(f, leaf(4))


def test_the_inside_is_not_kept_and_the_function_runs_once_more():
    runs, inside = [], []

    def f(x):
        runs.append(1)
        hidden = x.exp()
        inside.append(weakref.ref(hidden._data))
        return hidden.sin().cos()

    gc.collect()
    gc.disable()
    try:
        x = leaf(4)
        y = checkpoint(f, x, use_reentrant=False)
        assert inside[0]() is None
        loss = y.sum()
        loss.backward(retain_graph=True)
        assert len(runs) == 2
        first = x.grad.clone()
        loss.backward()
        assert len(runs) == 3 and all(ref() is None for ref in inside)
        np.testing.assert_array_equal(x.grad.numpy(), 2 * first.numpy())
        with pytest.raises(RuntimeError, match="a second time"):
            loss.backward()
        node = weakref.ref(y._node)
        del y, loss
        assert node() is None  # no circle through the region
    finally:
        gc.enable()


def test_random_numbers_are_drawn_again_and_the_stream_goes_on():
    x = mg.ones(1000, requires_grad=True)
    mg.manual_seed(0)
    y = checkpoint(lambda x: nn.functional.dropout(x, 0.5).exp(), x, use_reentrant=False)
    after = mg.get_rng_state()
    y.sum().backward()
    np.testing.assert_array_equal(mg.get_rng_state(), after)
    np.testing.assert_allclose(x.grad.numpy(), np.where(y.detach().numpy() > 1, 2 * np.exp(2.0), 0), rtol=1e-6)


def test_running_statistics_are_counted_once():
    layer, x = nn.BatchNorm1d(3), leaf(5, 3)
    checkpoint(layer.double(), x, use_reentrant=False).sum().backward()
    assert layer.num_batches_tracked.item() == 1
    again = nn.BatchNorm1d(3).double()
    again(x)
    np.testing.assert_array_equal(layer.running_var.numpy(), again.running_var.numpy())


def test_arguments_and_results_of_any_nesting():
    x, y = leaf(3), leaf(3, seed=1)
    out = checkpoint(lambda pair, scale: {"a": [pair[0].exp() * scale], "b": pair[1].sin()}, (x, y), scale=3.0,
                     use_reentrant=False)  # fmt: skip
    (out["a"][0] * out["b"]).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), 3 * np.exp(x._data) * np.sin(y._data))
    np.testing.assert_allclose(y.grad.numpy(), 3 * np.exp(x._data) * np.cos(y._data))


def test_without_recording_it_is_a_call():
    x = leaf(3)
    with mg.no_grad():
        assert not checkpoint(net, x, use_reentrant=False).requires_grad
    assert not checkpoint(net, x.detach(), use_reentrant=False).requires_grad


def test_what_changed_in_between_is_an_error():
    x, w = leaf(3), leaf(3, seed=1)
    y = checkpoint(lambda x: (x * w).exp().sin(), x, use_reentrant=False)
    with mg.no_grad():
        w += 1
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()
    h = x * 2
    y = checkpoint(lambda x: (x + 1).exp(), h, use_reentrant=False)
    h += 1  # recorded: a new value, the checkpoint has the old one
    y.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), 2 * np.exp(2 * x._data + 1))


def test_writes_of_the_function_itself_are_no_error():
    def f(x):
        scale = mg.zeros(3, dtype=mg.float64)
        scale += 2
        return (x * scale).exp()

    assert gradcheck(lambda x: checkpoint(f, x, use_reentrant=False), leaf(3))


def test_a_function_that_writes_into_its_recorded_argument_cannot_run_again():
    class Squared(mg.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x.clone())
            ctx.mark_dirty(x)
            return x.mul_(x)

        @staticmethod
        def backward(ctx, g):
            return g * 2 * ctx.saved_tensors[0]

    h = leaf(3) * 2
    y = checkpoint(lambda h: Squared.apply(h).exp(), h, use_reentrant=False)
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()
    running = mg.zeros(3, dtype=mg.float64), mg.ones(3, dtype=mg.float64)  # read by nobody in training
    x = leaf(4, 3)
    y = checkpoint(nn.functional.batch_norm, x, *running, training=True, use_reentrant=False)
    y.exp().sum().backward()
    z = leaf(4, 3)
    nn.functional.batch_norm(z, None, None, training=True).exp().sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), z.grad.numpy(), rtol=1e-10)


def test_another_graph_the_second_time_is_an_error():
    turns = []

    def fickle(x):
        turns.append(1)
        return x.exp() if len(turns) == 1 else x.exp().sin()

    def reshaped(x):
        turns.append(1)
        return (x.sin() if len(turns) == 1 else x.cos()).sum()

    for f, words in ((fickle, "different number"), (reshaped, "different metadata")):
        turns.clear()
        y = checkpoint(f, leaf(3), use_reentrant=False)
        with pytest.raises(CheckpointError, match=words):
            y.sum().backward()
    with pytest.raises(ValueError, match="determinism_check should be one of"):
        checkpoint(net, leaf(3), determinism_check="perhaps")


def test_contexts_around_both_runs():
    seen = []

    class Note:
        def __init__(self, name):
            self.name = name

        def __enter__(self):
            seen.append(self.name)

        def __exit__(self, *_):
            seen.append("end")

    x = leaf(2)
    y = checkpoint(net, x, use_reentrant=False, context_fn=lambda: (Note("first"), Note("second")))
    y.sum().backward()
    assert seen == ["first", "end", "second", "end"]


def test_a_failure_in_the_second_run_leaves_the_modes_as_they_were():
    turns = []

    def f(x):
        turns.append(1)
        if len(turns) > 1:
            raise KeyError("second")
        return x.exp()

    mg.manual_seed(0)
    y = checkpoint(f, leaf(2), use_reentrant=False)
    state = mg.get_rng_state()
    with pytest.raises(KeyError):
        y.sum().backward()
    assert mg.is_grad_enabled() and not mg.modes.MODES.hold_statistics
    np.testing.assert_array_equal(mg.get_rng_state(), state)


def test_sequential_in_segments():
    model = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 4), nn.Tanh(), nn.Linear(4, 1))
    x = mg.randn(2, 3, requires_grad=True)
    model(x).sum().backward()
    expected = [p.grad for p in model.parameters()]
    model.zero_grad()
    checkpoint_sequential(model, 2, x, use_reentrant=False).sum().backward()
    for p, e in zip(model.parameters(), expected, strict=True):
        np.testing.assert_allclose(p.grad.numpy(), e.numpy(), rtol=1e-6)


@pytest.mark.parametrize("training", [False, True])
def test_statistics_that_moved_are_an_error_where_they_are_read_again(training):
    norm = mg.nn.BatchNorm1d(3, dtype=mg.float64).train(training)
    x = leaf(4, 3)
    y = checkpoint(lambda x: norm(x).sin(), x, use_reentrant=False)
    expected = mg.autograd.grad(norm(x).sin().sum(), x)[0]
    norm.train()(x.detach() * 3)
    norm.train(training)
    if training:  # the batch's own are computed again
        np.testing.assert_allclose(mg.autograd.grad(y.sum(), x)[0], expected)
    else:
        with pytest.raises(RuntimeError, match="a checkpoint reads again was overwritten by batch_norm"):
            y.sum().backward()


def test_what_asks_for_no_gradient_may_be_computed_on_the_way():
    model = nn.Sequential(nn.ReLU(), nn.Linear(3, 2))
    x = mg.randn(4, 3)
    checkpoint(model, x, use_reentrant=False).sum().backward()
    checkpointed = model[1].weight.grad.numpy().copy()
    model.zero_grad()
    model(x).sum().backward()
    np.testing.assert_array_equal(checkpointed, model[1].weight.grad.numpy())
