"""Losses of margins and likelihoods, and distances, beside PyTorch: values, first and second order, errors."""

import numpy as np
import pytest
from layers import same_error, same_layer
from oracle import agree

import minigrad as mg
import minigrad.nn.functional as F
from minigrad.autograd import gradcheck, gradgradcheck

rng = np.random.default_rng(0)
X, ROW = (4, 5), (5,)
SIGNS = np.array([1.0, -1.0, 1.0, -1.0])
MANY = rng.choice([-1.0, 1.0], X)
CLASSES = np.array([0, 3, 4, 1])
LABELS = np.array([[0, 3, -1, 1, 2], [1, -1, 0, 0, 0], [4, 2, 0, 1, 3], [-1, 0, 0, 0, 0]])
ZERO_ONE = rng.integers(0, 2, X).astype("float64")
COUNTS = rng.integers(0, 5, X).astype("float64")
P = rng.dirichlet(np.ones(5), 4)
WEIGHT = np.array([0.5, 1.0, 2.0, 0.3, 1.5])
SHAPED = {
    "kl_div": (lambda F, x, p: F.kl_div(x, p, reduction="sum"), X, P),
    "kl_div batchmean": (lambda F, x, p: F.kl_div(x, p, reduction="batchmean"), X, P),
    "kl_div none": (lambda F, x, y: F.kl_div(x, y, reduction="none", log_target=True), X, X),
    "poisson_nll_loss": (lambda F, x, y: F.poisson_nll_loss(x, y), X, COUNTS),
    "poisson_nll_loss full": (lambda F, x, y: F.poisson_nll_loss(x, y.detach(), full=True, reduction="none") * y, X, COUNTS),
    "poisson_nll_loss of rates": (lambda F, x, y: F.poisson_nll_loss(x * x + 0.1, y, log_input=False), X, COUNTS),
    "gaussian_nll_loss": (lambda F, x, y, v: F.gaussian_nll_loss(x, y, v * v), X, X, X),
    "gaussian_nll_loss full": (
        lambda F, x, y, v: F.gaussian_nll_loss(x, y, v * v, full=True, reduction="sum"), X, X, (4,)
    ),
    "gaussian_nll_loss of one": (lambda F, x, y: F.gaussian_nll_loss(x, y, 0.5, reduction="none"), X, X),
    "gaussian_nll_loss of small": (lambda F, x, y, v: F.gaussian_nll_loss(x, y, v * v, eps=0.5), X, X, (4, 1)),
    "hinge_embedding_loss": (lambda F, x, y: F.hinge_embedding_loss(x, y), X, MANY),
    "hinge_embedding_loss none": (lambda F, x, y: F.hinge_embedding_loss(x, y, 0.3, reduction="none"), X, MANY),
    "soft_margin_loss": (lambda F, x, y: F.soft_margin_loss(x * 30, y.detach()) * y, X, MANY),
    "margin_ranking_loss": (lambda F, x, y, t: F.margin_ranking_loss(x, y, t, 0.2), X, X, MANY),
    "cosine_embedding_loss": (lambda F, x, y, t: F.cosine_embedding_loss(x, y, t, 0.1), X, X, SIGNS),
    "cosine_embedding_loss of one": (lambda F, x, y: F.cosine_embedding_loss(x, y, y.new_tensor(1.0)), ROW, ROW),
    "triplet_margin_loss": (lambda F, a, p, n: F.triplet_margin_loss(a, p, n), X, X, X),
    "triplet_margin_loss swapped": (lambda F, a, p, n: F.triplet_margin_loss(a, p, n, 2.0, 1.5, swap=True), X, X, X),
    "triplet_margin_with_distance_loss": (
        lambda F, a, p, n: F.triplet_margin_with_distance_loss(
            a, p, n, distance_function=lambda x, y: ((x - y) ** 2).sum(-1), reduction="sum"
        ), X, X, X,
    ),
    "multilabel_soft_margin_loss": (lambda F, x, y: F.multilabel_soft_margin_loss(x, y), X, ZERO_ONE),
    "multilabel_soft_margin_loss weighted": (
        lambda F, x, y, w: F.multilabel_soft_margin_loss(x, y, w, reduction="none"), X, ZERO_ONE, WEIGHT
    ),
    "pairwise_distance": (lambda F, x, y: F.pairwise_distance(x, y), X, X),
    "pairwise_distance p": (lambda F, x, y: F.pairwise_distance(x, y, 3.0, keepdim=True), X, X),
    "cosine_similarity": (lambda F, x, y: F.cosine_similarity(x, y), X, X),
    "cosine_similarity of all": (lambda F, x, y: F.cosine_similarity(x.unsqueeze(1), y, dim=-1), X, X),
}  # fmt: skip


@pytest.mark.parametrize("name", SHAPED)
def test_functions_are_pytorchs(name, torch):
    agree(torch, *SHAPED[name])


SECOND = {  # these have no second order in PyTorch
    "multi_margin_loss": lambda x: F.multi_margin_loss(x, mg.tensor(CLASSES)) * x.sum(),
    "multi_margin_loss squared": lambda x: F.multi_margin_loss(x, mg.tensor(CLASSES), p=2, margin=0.5),
    "multilabel_margin_loss": lambda x: F.multilabel_margin_loss(x, mg.tensor(LABELS)) * x.sum(),
    "soft_margin_loss": lambda x: F.soft_margin_loss(x, mg.tensor(MANY)),
    "pdist": lambda x: F.pdist(x),
}


@pytest.mark.parametrize("name", SECOND)
def test_second_order(name):
    x = mg.tensor(rng.standard_normal(X)).requires_grad_()
    assert gradcheck(SECOND[name], (x,)) and gradgradcheck(SECOND[name], (x,))


@pytest.mark.parametrize("p", [2.0, 1.0, 3.0, float("inf")])
def test_distances_of_all_pairs(p, torch):
    x = rng.standard_normal(X)
    found = []
    for lib in (mg, torch):
        leaf = lib.tensor(x).requires_grad_()
        y = lib.nn.functional.pdist(leaf, p)
        (y * y).sum().backward()
        found.append((y.detach().numpy(), leaf.grad.numpy()))
    for ours, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-12)


def test_multilabel_margins_stop_at_the_first_negative(torch):
    x = rng.standard_normal(X)
    for reduction in ("mean", "sum", "none"):
        ours, theirs = (
            lib.nn.functional.multilabel_margin_loss(lib.tensor(x), lib.tensor(LABELS), reduction=reduction)
            for lib in (mg, torch)
        )
        np.testing.assert_allclose(ours.numpy(), theirs.numpy())


def test_weights_of_the_target_count(torch):
    x = rng.standard_normal(X)
    ours, theirs = (
        lib.nn.functional.multi_margin_loss(lib.tensor(x), lib.tensor(CLASSES), weight=lib.tensor(WEIGHT))
        for lib in (mg, torch)
    )
    np.testing.assert_allclose(ours.numpy(), theirs.numpy())


def floats(*shape):
    return rng.standard_normal(shape).astype("float32")


A, B, C = floats(4, 5), floats(4, 5), floats(4, 5)
PLUS = SIGNS.astype("float32")
LAYERS = {
    "KLDivLoss": (lambda L: L.nn.KLDivLoss(reduction="batchmean"), A, P.astype("float32")),
    "PoissonNLLLoss": (lambda L: L.nn.PoissonNLLLoss(full=True), A, COUNTS.astype("int64")),
    "GaussianNLLLoss": (lambda L: L.nn.GaussianNLLLoss(full=True), A, B, C * C),
    "HingeEmbeddingLoss": (lambda L: L.nn.HingeEmbeddingLoss(0.5, reduction="sum"), A, MANY.astype("float32")),
    "SoftMarginLoss": (lambda L: L.nn.SoftMarginLoss(), A, MANY.astype("int64")),
    "MarginRankingLoss": (lambda L: L.nn.MarginRankingLoss(0.1), A, B, MANY.astype("float32")),
    "CosineEmbeddingLoss": (lambda L: L.nn.CosineEmbeddingLoss(margin=0.2), A, B, PLUS),
    "TripletMarginLoss": (lambda L: L.nn.TripletMarginLoss(swap=True), A, B, C),
    "TripletMarginWithDistanceLoss": (lambda L: L.nn.TripletMarginWithDistanceLoss(margin=2.0), A, B, C),
    "MultiMarginLoss": (lambda L: L.nn.MultiMarginLoss(p=2), A, CLASSES),
    "MultiLabelMarginLoss": (lambda L: L.nn.MultiLabelMarginLoss(), A, LABELS),
    "MultiLabelSoftMarginLoss": (lambda L: L.nn.MultiLabelSoftMarginLoss(L.ones(5)), A, ZERO_ONE.astype("float32")),
    "PairwiseDistance": (lambda L: L.nn.PairwiseDistance(keepdim=True), A, B),
    "MultiMarginLoss of one": (lambda L: L.nn.MultiMarginLoss(margin=0.5), A[0], np.array(2)),
    "MultiLabelMarginLoss of one": (lambda L: L.nn.MultiLabelMarginLoss(reduction="sum"), A[0], LABELS[0]),
    "CosineSimilarity": (lambda L: L.nn.CosineSimilarity(dim=0), A, B),
}


@pytest.mark.parametrize("name", LAYERS)
def test_modules_are_pytorchs(name, torch):
    same_layer(torch, *LAYERS[name])


ERRORS = {
    "negative variance": (lambda L, x: L.nn.functional.gaussian_nll_loss(x, x, -x), 30),
    "other variance": (lambda L, x: L.nn.functional.gaussian_nll_loss(x, x, L.ones(3)), 24),
    "no margin": (lambda L, x: L.nn.TripletMarginLoss(margin=0.0), 70),
    "no margin in a call": (lambda L, x: L.nn.functional.triplet_margin_loss(x, x, x, margin=0.0), 38),
    "third power": (lambda L, x: L.nn.MultiMarginLoss(p=3), 30),
    "weights of two dimensions": (lambda L, x: L.nn.MultiMarginLoss(weight=x), 60),
    "other ranks": (lambda L, x: L.nn.functional.margin_ranking_loss(x, x, x[0]), 70),
    "targets of two dimensions": (lambda L, x: L.nn.functional.cosine_embedding_loss(x, x, x), 30),
    "labels of another shape": (lambda L, x: L.nn.functional.multilabel_margin_loss(x, L.ones(2, 3).long()), 0),
    "labels beyond the classes": (lambda L, x: L.nn.functional.multilabel_margin_loss(x, x.long() * 5), 0),
    "labels below -1": (lambda L, x: L.nn.functional.multilabel_margin_loss(x, x.long() * -2), 0),
    "vectors": (lambda L, x: L.nn.functional.pdist(x[0]), 40),
    "unknown reduction": (lambda L, x: L.nn.SoftMarginLoss(reduction="all")(x, x), 38),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors_are_pytorchs(name, torch):
    call, opening = ERRORS[name]
    same_error(torch, lambda lib: call(lib, lib.ones(4, 5)), opening=opening)


def test_kl_div_warns_of_its_mean():
    with pytest.warns(UserWarning, match="batchmean"):
        F.kl_div(mg.zeros(2), mg.ones(2))
