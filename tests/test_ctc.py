"""Connectionist temporal classification beside PyTorch and beside counting all ways; to second order."""

import itertools

import numpy as np
import pytest
from layers import same_error

import minigrad as mg
import minigrad.nn.functional as F
from minigrad.autograd import gradcheck, gradgradcheck

rng = np.random.default_rng(0)
LOGITS = rng.standard_normal((6, 3, 4))
TARGETS = np.array([[1, 2, 2], [3, 3, 0], [1, 0, 0]])
FULL = ([6, 5, 6], [3, 2, 1])
CASES = {
    "mean": (TARGETS, *FULL, {}),
    "sum": (TARGETS, *FULL, {"reduction": "sum"}),
    "none": (TARGETS, *FULL, {"reduction": "none"}),
    "other blank": (TARGETS * 0 + [1, 2, 1], *FULL, {"blank": 3}),
    "in a row": (np.array([1, 2, 2, 3, 3, 1]), *FULL, {"reduction": "none"}),
    "no labels": (TARGETS, [6, 5, 6], [0, 2, 1], {"reduction": "none"}),
    "too short": (TARGETS, [2, 5, 6], [3, 2, 1], {"reduction": "none", "zero_infinity": True}),
    "nothing": (TARGETS, [0, 5, 6], [0, 2, 1], {"reduction": "none"}),
    "tensors": (TARGETS, np.array([6, 5, 6]), np.array([3, 2, 1]), {}),
}


@pytest.mark.parametrize("name", CASES)
def test_losses_and_gradients_are_pytorchs(name, torch):
    targets, lengths, sizes, options = CASES[name]
    results = []
    for lib in (mg, torch):
        x = lib.tensor(LOGITS).requires_grad_()
        given = [lib.tensor(v) if isinstance(v, np.ndarray) else v for v in (lengths, sizes)]
        y = lib.nn.functional.ctc_loss(x.log_softmax(-1), lib.tensor(targets), *given, **options)
        (y * y).sum().backward()
        results.append((y.detach().numpy(), x.grad.numpy()))
    for ours, theirs in zip(*results, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-8, atol=1e-9)


def test_an_impossible_target_costs_infinity(torch):
    for lib in (mg, torch):
        lp = lib.tensor(LOGITS).log_softmax(-1)
        y = lib.nn.functional.ctc_loss(lp, lib.tensor(TARGETS), [2, 5, 6], [3, 2, 1], reduction="none")
        assert y[0].item() == float("inf") and np.isfinite(y[1:].numpy()).all()


def test_one_sequence_and_the_module(torch):
    results = []
    for lib in (mg, torch):
        loss = lib.nn.CTCLoss(reduction="sum")
        x = lib.tensor(LOGITS[:, 0].astype("float32")).log_softmax(-1)
        results.append((repr(loss), loss(x, lib.tensor([1, 2]), lib.tensor(6), lib.tensor(2)).item()))
    assert results[0][0] == results[1][0] and results[0][1] == pytest.approx(results[1][1], rel=1e-5)


def test_it_is_the_sum_over_all_ways():
    probabilities = np.exp(LOGITS[:4, 0]) / np.exp(LOGITS[:4, 0]).sum(-1, keepdims=True)
    total = 0.0
    for way in itertools.product(range(4), repeat=4):
        labels = [k for k, _ in itertools.groupby(way) if k]
        if labels == [1, 2]:
            total += np.prod([probabilities[t, k] for t, k in enumerate(way)])
    loss = F.ctc_loss(mg.tensor(np.log(probabilities)), mg.tensor([1, 2]), [4], [2], reduction="sum")
    assert loss.item() == pytest.approx(-np.log(total))


def test_second_order():
    x = mg.tensor(LOGITS[:4]).requires_grad_()
    call = lambda x: F.ctc_loss(x.log_softmax(-1), mg.tensor(TARGETS[:, :2]), [4, 3, 4], [2, 1, 1])
    assert gradcheck(call, (x,)) and gradgradcheck(call, (x,))


ERRORS = {
    "long sequences": (lambda L, x, t: L.nn.functional.ctc_loss(x, t, [7, 6], [2, 2]), 60),
    "long targets": (lambda L, x, t: L.nn.functional.ctc_loss(x, t, [6, 6], [3, 2]), 0),
    "one sequence": (lambda L, x, t: L.nn.functional.ctc_loss(x, t, [6], [2, 2]), 40),
    "one target": (lambda L, x, t: L.nn.functional.ctc_loss(x, t, [6, 6], [2]), 41),
    "other blank": (lambda L, x, t: L.nn.functional.ctc_loss(x, t, [6, 6], [2, 2], blank=5), 28),
    "integers": (lambda L, x, t: L.nn.functional.ctc_loss(x.long(), t, [6, 6], [2, 2]), 0),
    "unknown reduction": (lambda L, x, t: L.nn.functional.ctc_loss(x, t, [6, 6], [2, 2], reduction="x"), 36),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors_are_pytorchs(name, torch):
    call, opening = ERRORS[name]
    same_error(torch, lambda L: call(L, L.zeros(6, 2, 4), L.tensor([[1, 2], [3, 3]])), opening=opening)
