"""Functions of minigrad.nn.functional against PyTorch's: values, first and second derivatives."""

import warnings

import numpy as np
import pytest
from oracle import agree

import minigrad as mg
import minigrad.nn.functional as F

LABELS = np.array([2, 0, 4, 2])
SOME = np.array([2, -100, 4, 2])  # one is ignored
DENSE = np.array([[[0, 1], [2, 0]], [[1, 1], [-100, 2]]])  # (2, 2, 2) of three classes
PROBABILITIES = np.random.default_rng(5).dirichlet(np.ones(5), 4)
WEIGHT = np.array([0.5, 1.0, 2.0, 0.3, 1.5])
X = (4, 5)

SHAPED = {
    "linear": (lambda F, x, w, b: F.linear(x, w, b), (4, 3), (2, 3), (2,)),
    "linear of sequences": (lambda F, x, w: F.linear(x, w), (2, 4, 3), (2, 3)),
    "relu": (lambda F, x: F.relu(x, inplace=False), X),
    "leaky_relu": (lambda F, x: F.leaky_relu(x, 0.2), X),
    "mse_loss with weights": (lambda F, x, y, w: F.mse_loss(x, y, weight=w), X, X, X),
    "l1_loss with weights": (lambda F, x, y, w: F.l1_loss(x, y, weight=w), X, X, X),
    "l1_loss with weights, summed": (lambda F, x, y, w: F.l1_loss(x, y, weight=w, reduction="sum"), X, X, X),
    "huber_loss with weights": (lambda F, x, y, w: F.huber_loss(x, y, weight=w), X, X, X),
    "elu": (lambda F, x: F.elu(x, 0.7), X),
    "selu": (lambda F, x: F.selu(x), X),
    "gelu": (lambda F, x: F.gelu(x), X),
    "gelu tanh": (lambda F, x: F.gelu(x, approximate="tanh"), X),
    "silu": (lambda F, x: F.silu(x), X),
    "mish": (lambda F, x: F.mish(x), X),
    "softplus": (lambda F, x: F.softplus(x * 20, 1.5, 5), X),
    "logsigmoid": (lambda F, x: F.logsigmoid(x), X),
    "softsign": (lambda F, x: F.softsign(x), X),
    "hardtanh": (lambda F, x: F.hardtanh(x, -0.5, 0.8), X),
    "relu6": (lambda F, x: F.relu6(x * 6), X),
    "softmax": (lambda F, x: F.softmax(x, dim=1), X),
    "log_softmax": (lambda F, x: F.log_softmax(x, dim=-1), X),
    "dropout in evaluation": (lambda F, x: F.dropout(x * x, 0.5, training=False), X),
    "pad": (lambda F, x: F.pad(x, (1, 2, 0, 1), value=3.0), X),
    "pad inwards": (lambda F, x: F.pad(x * x, (-1, 2)), X),
    "pad reflect": (lambda F, x: F.pad(x, (1, 3), mode="reflect"), (2, 3, 4)),
    "pad replicate": (lambda F, x: F.pad(x, (2, 5, 1, 0), mode="replicate"), (2, 3, 4, 3)),
    "pad circular": (lambda F, x: F.pad(x, (3, 1, 2, 2), mode="circular"), (2, 3, 4, 3)),
    "cross_entropy": (lambda F, x, y: F.cross_entropy(x, y), X, LABELS),
    "cross_entropy sum": (lambda F, x, y: F.cross_entropy(x, y, reduction="sum"), X, SOME),
    "cross_entropy none": (lambda F, x, y: F.cross_entropy(x, y, reduction="none"), X, SOME),
    "cross_entropy sum of all": (lambda F, x, y: F.cross_entropy(x, y, reduction="sum"), X, LABELS),
    "cross_entropy of each": (lambda F, x, y: F.cross_entropy(x, y, reduction="none"), X, LABELS),
    "cross_entropy of many classes": (lambda F, x, y: F.cross_entropy(x, y), (4, 80), LABELS),
    "cross_entropy ignored": (lambda F, x, y: F.cross_entropy(x, y, ignore_index=2), X, LABELS),
    "cross_entropy weighted": (lambda F, x, y, w: F.cross_entropy(x, y, w.detach()) + w.sum(), X, SOME, WEIGHT),
    "cross_entropy smooth": (lambda F, x, y: F.cross_entropy(x, y, label_smoothing=0.1), X, SOME),
    "cross_entropy images": (lambda F, x, y: F.cross_entropy(x, y, label_smoothing=0.3), (2, 3, 2, 2), DENSE),
    "cross_entropy of one": (lambda F, x, y: F.cross_entropy(x, y, reduction="none"), (5,), np.array(3)),
    "cross_entropy soft": (lambda F, x, p: F.cross_entropy(x, p), X, PROBABILITIES),
    "cross_entropy soft smooth": (lambda F, x, p: F.cross_entropy(x, p, label_smoothing=0.1), X, PROBABILITIES),
    "nll_loss": (lambda F, x, y: F.nll_loss(F.log_softmax(x, 1), y), X, SOME),
    "nll_loss sum": (lambda F, x, y: F.nll_loss(x * x, y, reduction="sum"), X, LABELS),
    "mse_loss": (lambda F, x, y: F.mse_loss(x, y), X, X),
    "mse_loss none": (lambda F, x, y: F.mse_loss(x, y, reduction="none"), X, X),
    "l1_loss": (lambda F, x, y: F.l1_loss(x, y, reduction="sum"), X, X),
    "smooth_l1_loss": (lambda F, x, y: F.smooth_l1_loss(x, y, beta=0.8), X, X),
    "huber_loss": (lambda F, x, y: F.huber_loss(x, y, delta=0.8), X, X),
    "bce_with_logits": (lambda F, x, y: F.binary_cross_entropy_with_logits(x, y), X, X),
}


@pytest.mark.parametrize("name", SHAPED)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_against_pytorch(name, dtype, torch):
    function, *shapes = SHAPED[name]
    agree(torch, function, *shapes, dtype=dtype, rtol=5e-4 if dtype == "float32" else 1e-9)


def test_weights_of_losses_against_pytorch(torch):
    x, w = np.random.default_rng(0).standard_normal(X), np.abs(WEIGHT)
    for kind in ("mean", "sum", "none"):
        for smoothing in (0.0, 0.2):
            for target in (LABELS, SOME, PROBABILITIES):
                options = {"reduction": kind, "label_smoothing": smoothing}
                a = F.cross_entropy(mg.tensor(x), mg.tensor(target), mg.tensor(w), **options)
                b = torch.nn.functional.cross_entropy(*map(torch.tensor, (x, target, w)), **options)
                np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-12)
        a = F.binary_cross_entropy_with_logits(
            mg.tensor(x), mg.tensor(x > 0).double(), mg.tensor(w), reduction=kind, pos_weight=mg.tensor(w)
        )
        b = torch.nn.functional.binary_cross_entropy_with_logits(
            torch.tensor(x), torch.tensor(x > 0).double(), torch.tensor(w), reduction=kind, pos_weight=torch.tensor(w)
        )
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-12)


@pytest.mark.parametrize("name", ["relu", "leaky_relu", "elu", "selu", "relu6", "hardtanh", "softplus", "silu", "gelu"])
def test_gradients_at_kinks_and_far_away(name, torch):
    at = [0.0, 1.0, -1.0, 6.0, 1e4, -1e4]
    x, t = mg.tensor(at, requires_grad=True), torch.tensor(at, requires_grad=True)
    getattr(F, name)(x).sum().backward()
    getattr(torch.nn.functional, name)(t).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), t.grad.numpy(), rtol=1e-6, atol=1e-30)


def test_everything_ignored_is_nan_and_large_logits_are_not():
    assert np.isnan(F.cross_entropy(mg.zeros(2, 3), mg.tensor([-100, -100])).item())
    assert F.cross_entropy(mg.tensor([[1e5, 0.0]]), mg.tensor([1])).item() == 1e5
    assert F.binary_cross_entropy_with_logits(mg.tensor([-1e5]), mg.tensor([1.0])).item() == 1e5


IGNORED = {  # name: (scores, targets): all of them ignored, or a row that is and holds no numbers
    "rows": (np.random.default_rng(0).standard_normal((4, 3)), np.full(4, -100)),
    "one": (np.array([0.5, -1.0, 2.0]), np.array(-100)),
    "images": (np.random.default_rng(0).standard_normal((2, 3, 2, 2)), np.full((2, 2, 2), -100)),
    "-inf in a row": (np.array([[1.0, 2.0, 0.0], [-np.inf, 1.0, -np.inf]]), np.array([1, -100])),
    "NaN in a row": (np.array([[1.0, 2.0, 0.0], [np.nan, 1.0, 0.0]]), np.array([1, -100])),
    "-inf in an image": (
        np.where(np.arange(8).reshape(2, 2, 2) % 3, 1.0, -np.inf),
        np.array([[0, -100], [-100, -100]]),
    ),
}


@pytest.mark.parametrize("weighted", [None, [1.0, 2.0, 3.0], [0.0, 0.0, 0.0]], ids=str)
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
@pytest.mark.parametrize("name", IGNORED)
def test_what_is_ignored_leaves_no_trace(torch, name, reduction, weighted):
    """Not in the value, where anything else is left, and not in the gradients: zeros, to second order."""

    def found(lib, loss, **options):
        scores, targets = IGNORED[name]
        x = lib.tensor(scores, requires_grad=True)
        if weighted:
            options["weight"] = lib.tensor(weighted[: scores.shape[min(1, scores.ndim - 1)]], dtype=lib.float64)
        inner = x if loss == "cross_entropy" else lib.log_softmax(x, min(1, x.ndim - 1))
        y = getattr(lib.nn.functional, loss)(inner, lib.tensor(targets), reduction=reduction, **options)
        (g,) = lib.autograd.grad(y.sum(), x, create_graph=True)
        h = lib.autograd.grad((g * g).sum(), x, allow_unused=True)[0] if g.requires_grad else None
        return [y.detach().numpy(), g.detach().numpy(), np.zeros(x.shape) if h is None else h.numpy()]

    for case in (("cross_entropy", {}), ("cross_entropy", {"label_smoothing": 0.2}), ("nll_loss", {})):
        ours, theirs = (found(lib, case[0], **case[1]) for lib in (mg, torch))
        for a, b in zip(ours, theirs, strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-12, atol=1e-15)
        if (IGNORED[name][1] == -100).all():
            assert not ours[1].any()


FAR = {  # functions whose gradient is tiny far away: nothing may be lost to a difference of large numbers
    "elu": lambda x: F.elu(x),
    "elu, scaled": lambda x: F.elu(x, 0.5),
    "selu": lambda x: F.selu(x),
    "mish": lambda x: F.mish(x),
    "softplus": lambda x: F.softplus(x),
    "logsigmoid": lambda x: F.logsigmoid(-x),
    "expm1": lambda x: x.expm1(),
    "a certain no": lambda x: F.binary_cross_entropy_with_logits(x, x.detach() * 0, reduction="sum"),
    "a certain yes": lambda x: F.binary_cross_entropy_with_logits(-x, x.detach() * 0 + 1, reduction="sum"),
    "weighted": lambda x: F.binary_cross_entropy_with_logits(
        -x, x.detach() * 0 + 1, reduction="sum", pos_weight=mg.tensor(3.0, dtype=x.dtype)
    ),
    "gelu": lambda x: F.gelu(x / 3 - 1),
}


@pytest.mark.parametrize("name", FAR)
def test_far_away_nothing_cancels(name):
    at, found = np.linspace(-30, -2, 57).astype(np.float32), []
    for dtype in (np.float32, np.float64):
        x = mg.from_numpy(at.astype(dtype)).requires_grad_()
        y = FAR[name](x).sum()
        (g,) = mg.autograd.grad(y, x)
        found.append([y.detach().numpy(), g.numpy()])
    np.testing.assert_allclose(found[0][1], found[1][1], rtol=2e-5)
    np.testing.assert_allclose(found[0][0], found[1][0], rtol=2e-6)


@pytest.mark.parametrize("classes", [3, 80])
def test_cross_entropy_at_its_ends_as_pytorch(classes, torch):
    scores = np.zeros((5, classes), np.float32)
    scores[:, :3] = [[1e4, 9999.5, 0], [-np.inf, 1, 2], [np.inf, 0, 0], [np.nan, 0, 0], [100, -100, 0]]
    found = []
    for lib in (mg, torch):
        x = lib.tensor(scores, requires_grad=True)
        losses = lib.nn.functional.cross_entropy(x, lib.tensor([1, 0, 1, 2, 1], dtype=lib.uint8), reduction="none")
        losses.backward(lib.ones(5))
        found.append((losses.detach().numpy(), x.grad.numpy()))
        assert x.grad.is_contiguous()
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-6)


def test_dropout_zeroes_scales_and_keeps_the_mean():
    mg.manual_seed(0)
    x = mg.ones(1000, 50, requires_grad=True)
    y = F.dropout(x, 0.2)
    assert set(np.unique(y.detach().numpy())) == {np.float32(0), np.float32(1.25)}
    assert abs(y.mean().item() - 1) < 0.01
    y.sum().backward()
    np.testing.assert_array_equal(x.grad.numpy(), y.detach().numpy())  # the same mask on the way back
    assert F.dropout(x, 1.0).sum().item() == 0
    assert F.dropout(x, 0.5, training=False) is x
    channels = F.dropout2d(mg.ones(50, 4, 3, 3)).numpy()
    assert set(np.unique(channels.sum((2, 3)))) == {np.float32(0), np.float32(18)}


def test_dropout_masks_are_pytorchs(torch):
    def mask(lib):
        lib.manual_seed(3)
        return lib.nn.functional.dropout(lib.ones(4, 4), 0.5, True).numpy()

    ours, theirs = mask(mg), mask(torch)
    if "mkl" not in torch.__config__.show().lower():  # on Intel PyTorch leaves masks to MKL
        np.testing.assert_array_equal(ours, theirs)
    assert ours.shape == theirs.shape


@pytest.mark.parametrize("shape", [(3,), (5, 6), (3, 4, 5), (2, 3, 4, 5), (2, 3, 4, 5, 2), (2, 3, 2, 2, 2, 2)], ids=str)
@pytest.mark.parametrize("n", [1, 2, 3])
def test_dropout_of_channels_is_pytorchs_for_every_rank(torch, n, shape):
    """The same channels, the same words of warning, the same refusals."""

    def dropped(lib, p, training, turned):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            lib.manual_seed(3)
            x = lib.ones(*shape[::-1]).permute(*range(len(shape))[::-1]) if turned else lib.ones(*shape)
            try:
                y = getattr(lib.nn.functional, f"dropout{n}d")(x, p, training).tolist()
            except RuntimeError as error:
                y = str(error)
        return y, [str(w.message) for w in caught]

    for case in ((0.5, True, False), (0.5, True, True), (0.5, False, False), (0.0, True, False), (1.0, True, False)):
        assert dropped(mg, *case) == dropped(torch, *case)


def test_one_hot(torch):
    for classes, n in (([0, 2, 1], -1), ([[0, 1]], 4)):
        expected = torch.nn.functional.one_hot(torch.tensor(classes), n)
        assert F.one_hot(mg.tensor(classes), n).tolist() == expected.tolist()


def test_softmax_without_dim_guesses_and_warns():
    with pytest.warns(UserWarning, match="Implicit dimension choice for log_softmax"):
        assert F.log_softmax(mg.zeros(1, 2)).shape == (1, 2)


def test_a_loss_of_two_shapes_warns():
    with pytest.warns(UserWarning, match=r"Using a target size \(\[1\]\)"):
        F.mse_loss(mg.zeros(3), mg.zeros(1))


WRONG = {
    "class below": (
        IndexError,
        "Target -1 is out of bounds",
        lambda: F.cross_entropy(mg.zeros(2, 3), mg.tensor([-1, 0])),
    ),
    "class outside": (
        IndexError,
        "Target 5 is out of bounds",
        lambda: F.cross_entropy(mg.zeros(2, 3), mg.tensor([1, 5])),
    ),
    "negative class": (IndexError, "Target -1 is out of", lambda: F.nll_loss(mg.zeros(1, 3), mg.tensor([-1]))),
    "float classes": (RuntimeError, "expected target dtype", lambda: F.cross_entropy(mg.zeros(2, 3), mg.zeros(2))),
    "batches": (ValueError, "Expected input batch_size .2.", lambda: F.cross_entropy(mg.zeros(2, 3), mg.tensor([0]))),
    "target size": (RuntimeError, "Expected target size", lambda: F.nll_loss(mg.zeros(2, 3, 4), mg.zeros(2, 5).long())),
    "integer probabilities": (
        RuntimeError,
        "Expected floating",
        lambda: F.cross_entropy(mg.zeros(2, 3), mg.zeros(2, 3).long()),
    ),
    "smoothing": (
        RuntimeError,
        "label_smoothing must",
        lambda: F.cross_entropy(mg.zeros(1, 2), mg.tensor([0]), label_smoothing=2),
    ),
    "reduction": (
        ValueError,
        "avg is not a valid value",
        lambda: F.mse_loss(mg.zeros(2), mg.zeros(2), reduction="avg"),
    ),
    "bce sizes": (ValueError, "Target size", lambda: F.binary_cross_entropy_with_logits(mg.zeros(2), mg.zeros(3))),
    "dropout": (ValueError, "dropout probability has to be", lambda: F.dropout(mg.zeros(2), 1.5)),
    "one_hot": (RuntimeError, "Class values must be smaller", lambda: F.one_hot(mg.tensor([3]), 3)),
    "one_hot negative": (RuntimeError, "Class values must be non-negative", lambda: F.one_hot(mg.tensor([-1]))),
    "odd padding": (RuntimeError, "expected a pair", lambda: F.pad(mg.zeros(2), (1,))),
    "long reflection": (
        RuntimeError,
        "Padding size should be less",
        lambda: F.pad(mg.zeros(1, 1, 2), (2, 0), "reflect"),
    ),
    "padding mode": (NotImplementedError, "Unrecognised padding mode", lambda: F.pad(mg.zeros(2), (1, 0), "mirror")),
    "linear": (
        RuntimeError,
        "mat1 and mat2 shapes cannot be multiplied .4x3 and 2x5",
        lambda: F.linear(mg.zeros(4, 3), mg.zeros(5, 2), mg.zeros(5)),
    ),
    "approximate": (RuntimeError, "approximate argument", lambda: F.gelu(mg.zeros(2), "sigmoid")),
}


@pytest.mark.parametrize("name", WRONG)
def test_refuses(name):
    error, message, call = WRONG[name]
    with pytest.raises(error, match=message):
        call()


WAYS = {  # operands of a size that is gone through in another way than small ones
    "relu": (lambda F, x: F.relu(x), (130, 200)),
    "softmax of short rows": (lambda F, x: F.softmax(x, -1), (5, 3, 32)),
    "softmax of long rows": (lambda F, x: F.softmax(x, -1), (5, 33)),
    "log_softmax of short rows": (lambda F, x: F.log_softmax(x, -1), (5, 3, 32)),
    "log_softmax of long rows": (lambda F, x: F.log_softmax(x, -1), (5, 33)),
    "linear of stacked rows": (lambda F, x: F.linear(x, x[0, :4]), (6, 5, 7)),
}


@pytest.mark.parametrize("name", WAYS)
def test_sizes_that_go_another_way_are_pytorchs(torch, name):
    function, shape = WAYS[name]
    data = np.random.default_rng(0).standard_normal(shape).astype(np.float32)
    if name == "relu":
        data[0, :5] = np.inf, -np.inf, np.nan, 0.0, -0.0
    found = []
    for lib in (mg, torch):
        x = lib.tensor(data, requires_grad=True)
        y = function(lib.nn.functional, x)
        y.backward(lib.tensor(np.cos(np.arange(np.prod(y.shape))).astype(np.float32).reshape(tuple(y.shape))))
        found.append((y.detach().numpy(), x.grad.numpy()))
    (y, dx), (theirs, d_theirs) = found
    assert y.flags.c_contiguous and y.dtype == dx.dtype == np.float32
    np.testing.assert_allclose(y, theirs, rtol=1e-5, atol=1e-6)
    known = ~np.isnan(y) if y.shape == dx.shape else np.ones_like(dx, bool)  # PyTorch lets a gradient through at NaN
    np.testing.assert_allclose(dx[known], d_theirs[known], rtol=1e-5, atol=1e-6)
