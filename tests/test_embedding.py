"""Tables of vectors beside PyTorch: rows, bags, padding, norms; to second order."""

import numpy as np
import pytest
from layers import same_error, same_layer

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import nn
from minigrad.autograd import gradcheck, gradgradcheck

rng = np.random.default_rng(0)
WORDS = rng.integers(0, 6, (4, 5))
FLAT = rng.integers(0, 6, 9)
WEIGHTS = rng.standard_normal(9).astype("float32")
LAYERS = {
    "plain": (lambda L: L.nn.Embedding(6, 3), WORDS),
    "int32": (lambda L: L.nn.Embedding(6, 3), WORDS.astype("int32")),
    "one number": (lambda L: L.nn.Embedding(6, 3), np.array(3)),
    "nothing": (lambda L: L.nn.Embedding(6, 3), np.zeros((0, 2), "int64")),
    "padding": (lambda L: L.nn.Embedding(6, 3, padding_idx=2), WORDS),
    "padding from the end": (lambda L: L.nn.Embedding(6, 3, padding_idx=-2), WORDS),
    "norm": (lambda L: L.nn.Embedding(6, 3, max_norm=1.0), WORDS),
    "other norm": (lambda L: L.nn.Embedding(6, 3, max_norm=1.5, norm_type=1.0), WORDS),
    "frequencies": (lambda L: L.nn.Embedding(6, 3, scale_grad_by_freq=True), WORDS),
    "sparse": (lambda L: L.nn.Embedding(6, 3, sparse=True), WORDS),
    "frozen": (lambda L: L.nn.Embedding.from_pretrained(L.arange(12.0).reshape(6, 2), padding_idx=1), WORDS),
    "trained": (lambda L: L.nn.Embedding.from_pretrained(L.ones(6, 2), freeze=False), WORDS),
    "bags": (lambda L: L.nn.EmbeddingBag(6, 3), WORDS),
    "bags in a row": (lambda L: L.nn.EmbeddingBag(6, 3), FLAT, np.array([0, 3, 3, 7])),
    "sums": (lambda L: L.nn.EmbeddingBag(6, 3, mode="sum"), FLAT, np.array([0, 4, 9])),
    "weighted": (lambda L: L.nn.EmbeddingBag(6, 3, mode="sum"), FLAT, np.array([0, 4, 9]), WEIGHTS),
    "largest": (lambda L: L.nn.EmbeddingBag(6, 3, mode="max"), FLAT, np.array([0, 3, 3, 7])),
    "largest but padding": (lambda L: L.nn.EmbeddingBag(6, 3, mode="max", padding_idx=1), WORDS),
    "means but padding": (lambda L: L.nn.EmbeddingBag(6, 3, padding_idx=-1), FLAT, np.array([0, 1, 7])),
    "bags of a norm": (lambda L: L.nn.EmbeddingBag(6, 3, max_norm=1.0), WORDS),
    "last offset": (lambda L: L.nn.EmbeddingBag(6, 3, include_last_offset=True), FLAT, np.array([0, 4, 9])),
    "bags frozen": (lambda L: L.nn.EmbeddingBag.from_pretrained(L.ones(6, 2), mode="sum"), WORDS),
}


@pytest.mark.parametrize("name", LAYERS)
def test_tables_are_pytorchs(name, torch):
    same_layer(torch, *LAYERS[name])


def test_second_order():
    weight = mg.randn(6, 3, dtype=mg.float64).requires_grad_()
    calls = [
        lambda w: F.embedding(mg.tensor(WORDS), w) ** 2,
        lambda w: F.embedding_bag(mg.tensor(WORDS), w, mode="sum") ** 2,
        lambda w: F.embedding_bag(mg.tensor(FLAT), w, mg.tensor([0, 4, 4])) ** 2,
        lambda w: F.embedding_bag(mg.tensor(WORDS), w, mode="max") ** 3,
    ]
    for call in calls:
        assert gradcheck(call, (weight,)) and gradgradcheck(call, (weight,))
    for options in ({"padding_idx": 2}, {"scale_grad_by_freq": True}):  # what is held back is no derivative
        assert gradgradcheck(lambda w, options=options: F.embedding(mg.tensor(WORDS), w, **options), (weight,))


def test_indices_written_later_do_not_reach_the_gradient():
    words, layer = mg.tensor([0, 1]), nn.Embedding(3, 2)
    y = layer(words)
    words.fill_(2)
    y.sum().backward()
    assert layer.weight.grad.tolist() == [[1, 1], [1, 1], [0, 0]]


ERRORS = {
    "no integers": (lambda L: L.nn.functional.embedding(L.tensor([1.5]), L.rand(3, 2)), 0),
    "too large": (lambda L: L.nn.functional.embedding(L.tensor([3]), L.rand(3, 2)), 26),
    "negative": (lambda L: L.nn.functional.embedding(L.tensor([-1]), L.rand(3, 2)), 26),
    "a list": (lambda L: L.nn.functional.embedding([1], L.rand(3, 2)), 22),
    "no matrix": (lambda L: L.nn.functional.embedding(L.tensor([1]), L.rand(3)), 20),
    "padding outside": (lambda L: L.nn.Embedding(3, 2, padding_idx=3), 40),
    "padding of bags": (lambda L: L.nn.EmbeddingBag(3, 2, padding_idx=-4), 40),
    "other weight": (lambda L: L.nn.Embedding(3, 2, _weight=L.ones(2, 3)), 60),
    "no offsets": (lambda L: L.nn.EmbeddingBag(3, 2)(L.tensor([1])), 40),
    "offsets twice": (lambda L: L.nn.EmbeddingBag(3, 2)(L.tensor([[1]]), L.tensor([0])), 60),
    "offsets from 1": (lambda L: L.nn.EmbeddingBag(3, 2)(L.tensor([1]), L.tensor([1])), 0),
    "unknown mode": (lambda L: L.nn.EmbeddingBag(3, 2, mode="all")(L.tensor([[1]])), 38),
    "weights of means": (lambda L: L.nn.EmbeddingBag(3, 2)(L.tensor([[1]]), None, L.ones(1, 1)), 50),
    "weights that do not fit": (lambda L: L.nn.EmbeddingBag(3, 2)(L.tensor([[1]]), None, L.ones(2)), 30),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors_are_pytorchs(name, torch):
    call, opening = ERRORS[name]
    same_error(torch, call, opening=opening)
