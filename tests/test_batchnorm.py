"""BatchNorm: the paper's six gradients, second order, statistics, modes, and what it refuses.

The cotangent is always random: a constant one makes the gradient of x vanish, and any rule passes.
"""

import numpy as np
import pytest
from minigrad.nn.batchnorm import batch_norm, normalize

import minigrad as mg
from minigrad import nn
from minigrad.autograd import gradcheck, gradgradcheck

SHAPES = [(2, 3), (7, 4), (60, 5), (4, 3, 5), (3, 2, 4, 3), (1, 3, 2, 2), (2, 2, 2, 2, 3)]


def draw(shape, seed, dtype=np.float64):
    """Return x with features of very different scale and offset, γ, β and a random cotangent."""
    rng = np.random.default_rng(seed)
    per_channel = (1, shape[1]) + (1,) * (len(shape) - 2)
    # float32 has seven digits: an offset of 100 at a scale of 0.01 leaves three of them to x itself
    offset, smallest = (100, -2) if dtype == np.float64 else (1, 0)
    x = rng.standard_normal(shape) * 10 ** rng.uniform(smallest, 1, per_channel)
    x = x + rng.uniform(-offset, offset, per_channel)
    arrays = x, rng.standard_normal(shape[1]), rng.standard_normal(shape[1]), rng.standard_normal(shape)
    return [a.astype(dtype) for a in arrays]


def closed_forms(x, gamma, dy, eps):
    """Return the six gradients of section 3 of the paper, written as printed."""
    axes = tuple(i for i in range(x.ndim) if i != 1)
    m = x.size // x.shape[1]
    gamma = gamma.reshape((1, -1) + (1,) * (x.ndim - 2))
    mu = x.mean(axes, keepdims=True)
    var = ((x - mu) ** 2).mean(axes, keepdims=True)
    x_hat = (x - mu) / np.sqrt(var + eps)
    d_hat = dy * gamma
    d_var = (d_hat * (x - mu) * -0.5 * (var + eps) ** -1.5).sum(axes, keepdims=True)
    d_mu = (-d_hat / np.sqrt(var + eps)).sum(axes, keepdims=True)
    d_mu = d_mu + d_var * (-2 * (x - mu)).sum(axes, keepdims=True) / m
    dx = d_hat / np.sqrt(var + eps) + d_var * 2 * (x - mu) / m + d_mu / m
    found = {"the largest term of x": np.abs(d_hat / np.sqrt(var + eps)).max()}  # they may cancel
    return {**found, "x̂": d_hat, "σ²": d_var, "μ": d_mu, "x": dx, "γ": (dy * x_hat).sum(axes), "β": dy.sum(axes)}


def graph_gradients(x, gamma, beta, dy, eps):
    """Return the same six from the graph, the inner ones by retaining their gradients."""
    x, gamma, beta = (mg.tensor(a, requires_grad=True) for a in (x, gamma, beta))
    y, *_ = normalize(x, gamma, beta, eps)
    nodes = {label: find(y, label) for label in ("μ", "σ²", "x̂")}
    for node in nodes.values():
        node.retains = True
    y.backward(mg.tensor(dy))
    found = {name: node.grad for name, node in nodes.items()}
    found.update({"x": x.grad, "γ": gamma.grad, "β": beta.grad})
    return {name: g.numpy() for name, g in found.items()}


def find(y, label):
    stack = [y._node]
    while stack:
        node = stack.pop()
        if node.label == label:
            return node
        stack.extend(n for n in node.inputs if n is not None)
    raise AssertionError(f"no node is named {label}")


@pytest.mark.parametrize("eps", [1e-5, 1e-3])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-12), (np.float32, 2e-5)])
def test_the_papers_six_gradients(shape, eps, dtype, tolerance):
    x, gamma, beta, dy = draw(shape, seed=sum(shape), dtype=dtype)
    expected = closed_forms(*(a.astype(np.longdouble) for a in (x, gamma, dy)), eps)
    found = graph_gradients(x, gamma, beta, dy, eps)
    terms = expected.pop("the largest term of x")
    for name, want in expected.items():
        size = max(np.abs(want).max(), terms if name == "x" else 1e-3)
        assert np.abs(found[name] - want).max() <= tolerance * size, name
    if np.prod(shape) // shape[1] > 2:  # with two values a channel dx is of the order of eps
        assert np.abs(expected["x"]).max() > 1e-3  # the check is not about zeros


def layer(shape, affine, training):
    kind = {2: nn.BatchNorm1d, 3: nn.BatchNorm1d, 4: nn.BatchNorm2d}[len(shape)]
    bn = kind(shape[1], affine=affine).double()
    bn.train(training)
    rng = np.random.default_rng(1)
    bn.running_mean.copy_(mg.tensor(rng.standard_normal(shape[1])))
    bn.running_var.copy_(mg.tensor(rng.uniform(0.5, 2, shape[1])))
    return bn


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("shape", [(4, 2), (3, 2, 2), (2, 2, 2, 2)])
def test_first_and_second_order(shape, affine, training):
    rng = np.random.default_rng(0)
    bn = layer(shape, affine, training)
    x = mg.tensor(rng.standard_normal(shape), requires_grad=True)
    gamma = mg.tensor(rng.standard_normal(shape[1]), requires_grad=True)
    beta = mg.tensor(rng.standard_normal(shape[1]), requires_grad=True)
    if not affine:
        function = lambda x: bn(x * x)
        args = [x]
    else:
        function = lambda x, g, b: batch_norm(
            x * x, None if training else bn.running_mean, None if training else bn.running_var, g, b, training
        )
        args = [x, gamma, beta]
    assert gradcheck(function, args)
    assert gradgradcheck(function, args, atol=1e-4)


def test_eval_gradients_do_not_couple_the_batch():
    bn = layer((4, 2), True, training=False)
    x = mg.tensor(np.random.default_rng(0).standard_normal((4, 2)), requires_grad=True)
    cotangent = np.zeros((4, 2))
    cotangent[1] = 1.0
    bn(x).backward(mg.tensor(cotangent))
    assert (x.grad.numpy()[[0, 2, 3]] == 0).all() and (x.grad.numpy()[1] != 0).all()


def test_gradients_of_x_sum_to_zero_and_forget_the_bias_before():
    x, gamma, beta, dy = draw((20, 3), seed=3)
    dx = graph_gradients(x, gamma, beta, dy, 1e-5)["x"]
    assert np.abs(dx.sum(0)).max() < 1e-9 * np.abs(dx).max()


def test_two_dimensional_equals_one_dimensional_on_the_reshaped_input():
    x, gamma, beta, _ = draw((3, 4, 5, 2), seed=0)
    args = mg.tensor(gamma), mg.tensor(beta)
    y = batch_norm(mg.tensor(x), None, None, *args, training=True).permute(0, 2, 3, 1).reshape(-1, 4)
    flat = mg.tensor(x).permute(0, 2, 3, 1).reshape(-1, 4)
    np.testing.assert_allclose(y.numpy(), batch_norm(flat, None, None, *args, training=True).numpy(), rtol=1e-9)


@pytest.mark.parametrize("momentum", [0.1, 0.0, 1.0, None])
@pytest.mark.parametrize("shape", [(8, 3), (4, 3, 2), (4, 3, 2, 2)])
def test_like_pytorch(torch, shape, momentum):
    name = "BatchNorm2d" if len(shape) == 4 else "BatchNorm1d"
    ours = getattr(nn, name)(3, momentum=momentum).double()
    theirs = getattr(torch.nn, name)(3, momentum=momentum).double()
    rng = np.random.default_rng(0)
    for i, size in enumerate((shape[0], 2, 5)):  # unequal batches
        x = rng.standard_normal((size, *shape[1:])) * 3 + i
        a, b = mg.tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
        ya, yb = ours(a), theirs(b)
        seed = rng.standard_normal(x.shape)
        ya.backward(mg.tensor(seed))
        yb.backward(torch.tensor(seed))
        np.testing.assert_allclose(ya.detach().numpy(), yb.detach().numpy(), rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(a.grad.numpy(), b.grad.numpy(), rtol=1e-9, atol=1e-10)
    for key, value in theirs.state_dict().items():
        np.testing.assert_allclose(ours.state_dict()[key].numpy(), value.numpy(), rtol=1e-12, err_msg=key)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    x = rng.standard_normal(shape)
    a = ours.eval()(mg.tensor(x)).detach().numpy()
    np.testing.assert_allclose(a, theirs.eval()(torch.tensor(x)).detach().numpy(), rtol=1e-10)


@pytest.mark.parametrize(
    ("kind", "shape", "error", "words"),
    [
        (nn.BatchNorm1d, (1, 3), ValueError, "Expected more than 1 value per channel when training"),
        (nn.BatchNorm1d, (4, 5), RuntimeError, "expected 3 channels"),
        (nn.BatchNorm1d, (4, 3, 2, 2), ValueError, "expected 2D or 3D input"),
        (nn.BatchNorm2d, (4, 3, 2), ValueError, "expected 4D input"),
    ],
)
@pytest.mark.parametrize("options", [{}, {"affine": False, "track_running_stats": False}])
def test_a_refused_batch_changes_nothing(kind, shape, error, words, options):
    bn = kind(3, **options)
    before = {k: v.numpy().tobytes() for k, v in bn.state_dict().items()}
    with pytest.raises(error, match=words):
        bn(mg.ones(shape))
    assert {k: v.numpy().tobytes() for k, v in bn.state_dict().items()} == before


def test_statistics_are_not_part_of_the_graph_and_evaluation_moves_none():
    bn = nn.BatchNorm1d(3)
    x = mg.randn(8, 3, requires_grad=True)
    bn(x)
    assert bn.running_mean.grad_fn is None and not bn.running_mean.requires_grad
    before = bn.running_mean.tolist()
    bn.eval()(x)
    assert bn.running_mean.tolist() == before and bn.num_batches_tracked.item() == 1
    bn.reset_running_stats()
    assert bn.running_mean.tolist() == [0, 0, 0] and bn.num_batches_tracked.item() == 0
    one = nn.BatchNorm1d(3).eval()(mg.ones(1, 3))  # one sample is fine in evaluation
    assert one.shape == (1, 3)
