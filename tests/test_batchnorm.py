"""BatchNorm: the paper's six gradients, second order, statistics, modes, and what it refuses.

The cotangent is always random: a constant one makes the gradient of x vanish, and any rule passes.
"""

import copy

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.autograd import gradcheck, gradgradcheck
from minigrad.nn.batchnorm.layers import batch_norm, normalize
from minigrad.ops.shape import expand_channels


def drawn(seed, dtype):
    """Return a case: x with features of very different scale and offset, γ, β, a random cotangent, eps.

    Ranks 2 to 5, down to two values a channel, also not contiguous, γ sometimes 0.
    """
    rng = np.random.default_rng(seed)
    rank = int(rng.integers(2, 6))
    channels = int(rng.integers(1, 5))
    shape = (int(rng.integers(2, 9)), channels, *rng.integers(1, 4, rank - 2).tolist())
    if seed % 5 == 0:
        shape = (2, channels, *(1,) * (rank - 2)) if seed % 2 else (1, channels, *(2, 1, 1)[: rank - 2])
        shape = shape if np.prod(shape) // channels == 2 else (2, channels)
    per_channel = (1, channels) + (1,) * (len(shape) - 2)
    x = rng.standard_normal(shape) * 10 ** rng.uniform(-2, 1, per_channel) + rng.uniform(-100, 100, per_channel)
    gamma = rng.standard_normal(channels) * (seed % 7 != 0)
    arrays = x, gamma, rng.standard_normal(channels), rng.standard_normal(shape)
    x, gamma, beta, dy = (a.astype(dtype) for a in arrays)
    if seed % 3 == 0:
        x, dy = np.repeat(x, 2, axis=0)[::2], np.asfortranarray(dy)
    return x, gamma, beta, dy, (0.0, 1e-5, 1e-3)[seed % 4 % 3]


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
    found = {"the terms of x": np.abs(d_hat / np.sqrt(var + eps))}  # where m = 2 they cancel
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


@pytest.mark.parametrize("seed", range(200))
@pytest.mark.parametrize(("dtype", "tolerance"), [(np.float64, 1e-12), (np.float32, 2e-5)])
def test_the_papers_six_gradients(seed, dtype, tolerance):
    x, gamma, beta, dy, eps = drawn(seed, dtype)
    expected = closed_forms(*(a.astype(np.longdouble) for a in (x, gamma, dy)), eps)
    found = graph_gradients(x, gamma, beta, dy, eps)
    terms = expected.pop("the terms of x").max()
    for name, want in expected.items():
        size = terms if name == "x" else np.abs(dy).max()
        assert np.abs(found[name] - want).max() <= tolerance * max(size, np.abs(want).max()), name
    if x.size // x.shape[1] > 2 and gamma.all():
        assert np.abs(expected["x"]).max() > 1e-4 * terms  # the check is not about zeros


@pytest.mark.parametrize("shape", [(32, 4, 256), (32, 16, 8, 8), (9, 3, 40, 40), (8, 2, 13, 13, 13)])
def test_the_six_gradients_of_large_batches(shape):
    """Their channels are stretched over the places of a sample before they meet the batch (``expand_channels``)."""
    rng = np.random.default_rng(3)
    x, dy = rng.standard_normal((2, *shape)) + 1
    gamma, beta = rng.uniform(0.5, 2, (2, shape[1]))
    c = np.arange(shape[1]).reshape(1, -1, *(1,) * (len(shape) - 2))
    stretched = expand_channels(c, x)
    assert stretched.shape == (1, *shape[1:]) and (stretched == c).all()
    expected, found = closed_forms(x, gamma, dy, 1e-5), graph_gradients(x, gamma, beta, dy, 1e-5)
    for name in found:
        assert np.abs(found[name] - expected[name]).max() <= 1e-12 * max(
            np.abs(expected[name]).max(), np.abs(dy).max()
        ), name


def layer(shape, affine, training):
    kind = {2: nn.BatchNorm1d, 3: nn.BatchNorm1d, 4: nn.BatchNorm2d, 5: nn.BatchNorm3d}[len(shape)]
    bn = kind(shape[1], affine=affine).double()
    bn.train(training)
    rng = np.random.default_rng(1)
    bn.running_mean.copy_(mg.tensor(rng.standard_normal(shape[1])))
    bn.running_var.copy_(mg.tensor(rng.uniform(0.5, 2, shape[1])))
    return bn


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("affine", [True, False])
@pytest.mark.parametrize("shape", [(4, 2), (3, 2, 2), (2, 2, 2, 2), (2, 2, 2, 1, 2)])
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


def of_x(x, dy, gamma, beta, eps):
    """Return y and the gradient of x."""
    x = mg.tensor(x, requires_grad=True)
    y, *_ = normalize(x, mg.tensor(gamma), mg.tensor(beta), eps)
    y.backward(mg.tensor(dy))
    return y.detach().numpy(), x.grad.numpy()


def case(eps=0.0, seed=3, shape=(20, 3)):
    rng = np.random.default_rng(seed)
    x, dy = rng.standard_normal(shape) * 3 + 1, rng.standard_normal(shape)
    return x, dy, rng.standard_normal(shape[1]), rng.standard_normal(shape[1]), eps


@pytest.mark.parametrize("eps", [0.0, 1e-3])
def test_gradients_of_x_sum_to_zero_and_are_orthogonal_to_x_hat(eps):
    x, dy, gamma, _, _ = args = case(eps)
    _, dx = of_x(*args)
    assert np.abs(dx.sum(0)).max() < 1e-13 * np.abs(dx).sum()
    var = x.var(0)
    x_hat = (x - x.mean(0)) / np.sqrt(var + eps)
    expected = gamma / np.sqrt(var + eps) * (dy * x_hat).sum(0) * eps / (var + eps)
    np.testing.assert_allclose((dx * x_hat).sum(0), expected, rtol=1e-9, atol=1e-13 * np.abs(dx).sum())
    assert np.abs(dx).min() > 1e-6  # the sums vanish, not the gradients


def test_the_norm_of_dx_is_the_one_of_santurkars_theorem():
    x, dy, gamma, _, _ = args = case()
    _, dx = of_x(*args)
    m, x_hat = len(x), (x - x.mean(0)) / x.std(0)
    inner = (dy**2).sum(0) - dy.sum(0) ** 2 / m - (dy * x_hat).sum(0) ** 2 / m
    np.testing.assert_allclose((dx**2).sum(0), gamma**2 / x.var(0) * inner, rtol=1e-12)


@pytest.mark.parametrize("a", [1e-3, 0.1, 7.0, 1e3])
def test_scale_and_shift_of_the_input_are_forgotten(a):
    x, dy, *rest = case()
    y, dx = of_x(x, dy, *rest)
    scaled, d_scaled = of_x(a * x + 5, dy, *rest)
    np.testing.assert_allclose(scaled, y, rtol=0, atol=1e-11 / min(a, 1))
    np.testing.assert_allclose(d_scaled * a, dx, rtol=0, atol=1e-11 / min(a, 1))
    mirrored, _ = of_x(-a * x, dy, *rest)  # but not the sign: the paper leaves out a > 0
    assert np.abs(mirrored - y).max() > 1


def test_weights_before_it_are_scale_invariant_and_orthogonal_to_their_gradient():
    rng = np.random.default_rng(0)
    u, w, dy = rng.standard_normal((30, 4)), rng.standard_normal((4, 3)), rng.standard_normal((30, 3))

    def gradient(w):
        w = mg.tensor(w, requires_grad=True)
        normalize(mg.tensor(u) @ w, None, None, 0.0)[0].backward(mg.tensor(dy))
        return w.grad.numpy()

    dw = gradient(w)
    assert np.abs((w * dw).sum(0)).max() < 1e-13 * np.abs(w * dw).sum()
    np.testing.assert_allclose(gradient(9 * w) * 9, dw, rtol=1e-11)


def test_a_bias_before_it_has_no_gradient_and_no_effect():
    x, dy, *rest = case(1e-5)
    y, dx = of_x(x, dy, *rest)
    shifted, _ = of_x(x + np.array([1.0, -2.0, 30.0]), dy, *rest)
    np.testing.assert_allclose(shifted, y, atol=1e-12)
    assert np.abs(dx.sum(0)).max() < 1e-13 * np.abs(dx).sum()


def test_the_order_of_the_batch_does_not_matter():
    x, dy, *rest = case(1e-5)
    y, dx = of_x(x, dy, *rest)
    order = np.random.default_rng(1).permutation(len(x))
    y_permuted, dx_permuted = of_x(x[order], dy[order], *rest)
    np.testing.assert_allclose(y_permuted, y[order], rtol=1e-12, atol=1e-13)
    np.testing.assert_allclose(dx_permuted, dx[order], rtol=1e-11, atol=1e-13)


def test_it_can_be_the_identity():
    x, dy, *_ = case()
    y, _ = of_x(x, dy, np.sqrt(x.var(0) + 1e-5), x.mean(0), 1e-5)
    np.testing.assert_allclose(y, x, rtol=1e-12, atol=1e-12)


def test_two_values_leave_no_gradient_and_a_zero_gamma_leaves_its_own():
    x, dy, *rest = case(shape=(2, 3))
    assert np.abs(of_x(x, dy, *rest)[1]).max() < 1e-13
    x, dy, _, beta, eps = case(1e-5)
    found = graph_gradients(x, np.zeros(3), beta, dy, eps)
    assert not found["x"].any() and np.abs(found["γ"]).min() > 1e-3


def test_eps_stands_under_the_root():
    x = np.array([[0.001], [-0.001]])  # a variance of 1e-6 beside an eps of 1e-5
    y, *_ = normalize(mg.tensor(x), None, None, 1e-5)
    np.testing.assert_allclose(y.numpy(), x / np.sqrt(1e-6 + 1e-5), rtol=1e-12)


@pytest.mark.parametrize("offset", [0.0, 1e2, 1e4, 1e6])
@pytest.mark.parametrize("shape", [(4096, 3), (64, 3, 8, 8)])
def test_float32_statistics_keep_six_digits_at_any_offset(shape, offset):
    x = (np.random.default_rng(0).standard_normal(shape) + offset).astype(np.float32)
    axes = tuple(i for i in range(len(shape)) if i != 1)
    _, mean, var, m = normalize(mg.tensor(x), None, None, 1e-5)
    assert m == x.size // 3 and mean.dtype == var.dtype == np.float32
    exact = x.astype(np.longdouble)
    np.testing.assert_allclose(mean.ravel(), exact.mean(axes), rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(var.ravel(), exact.var(axes), rtol=1e-6)


def flattened(x):
    return x.permute(0, *range(2, x.ndim), 1).reshape(-1, x.shape[1])  # (N·H·W, C)


@pytest.mark.parametrize("shape", [(3, 4, 5), (3, 4, 5, 2), (2, 3, 2, 2, 2)])
def test_all_ranks_equal_one_dimensional_on_the_reshaped_input(shape):
    rng = np.random.default_rng(0)
    x = mg.tensor(rng.standard_normal(shape), requires_grad=True)
    gamma, beta = (mg.tensor(rng.standard_normal(shape[1]), requires_grad=True) for _ in range(2))
    dy = mg.tensor(rng.standard_normal(shape))
    y = batch_norm(x, None, None, gamma, beta, training=True)
    flat = batch_norm(flattened(x), None, None, gamma, beta, training=True)
    np.testing.assert_allclose(flattened(y).detach().numpy(), flat.detach().numpy(), rtol=1e-12, atol=1e-13)
    found = mg.autograd.grad(y, [x, gamma, beta], dy)
    expected = mg.autograd.grad(flat, [x, gamma, beta], flattened(dy))
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-11, atol=1e-13)
    assert gamma.numel() == shape[1]  # one γ a feature map, not one a position


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("shape", [(6, 3), (4, 3, 2), (3, 3, 2, 2), (2, 3, 2, 2, 2)])
def test_hessian_vector_products_like_pytorch(torch, shape, training):
    rng = np.random.default_rng(5)
    arrays = [rng.standard_normal(shape), rng.standard_normal(3), rng.standard_normal(3)]
    c, v = rng.standard_normal(shape), rng.standard_normal(shape)
    running = [rng.standard_normal(3), rng.uniform(0.5, 2, 3)]

    def products(library, function):
        x, gamma, beta = (library.tensor(a, requires_grad=True) for a in arrays)
        buffers = [None, None] if training else [library.tensor(a) for a in running]
        y = function(x * x, *buffers, gamma, beta, training)
        (dx,) = library.autograd.grad((y * y * library.tensor(c)).sum(), [x], create_graph=True)
        return [g.detach().numpy() for g in library.autograd.grad((dx * library.tensor(v)).sum(), [x, gamma, beta])]

    ours, theirs = products(mg, batch_norm), products(torch, torch.nn.functional.batch_norm)
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-9 * np.abs(b).max())


@pytest.mark.parametrize("momentum", [0.1, 0.0, 1.0, None])
@pytest.mark.parametrize("shape", [(8, 3), (4, 3, 2), (4, 3, 2, 2), (4, 3, 2, 2, 2)])
def test_like_pytorch(torch, shape, momentum):
    name = f"BatchNorm{max(len(shape) - 2, 1)}d"
    ours = getattr(nn, name)(3, momentum=momentum).double()
    theirs = getattr(torch.nn, name)(3, momentum=momentum).double()
    rng = np.random.default_rng(0)
    for i, size in enumerate((shape[0], 2, 5)):  # unequal batches
        x = rng.standard_normal((size, *shape[1:])) * 3 + i
        a, b = mg.tensor(x, requires_grad=True), torch.tensor(x, requires_grad=True)
        ya, yb = ours(a), theirs(b)
        for bn in (ours, theirs):  # a batch that is refused between them counts for nothing
            with pytest.raises(ValueError, match="Expected more than 1 value per channel"):
                bn(mg.ones(1, 3, *(1,) * (x.ndim - 2)).double()) if bn is ours else bn.eval().train()(
                    torch.ones(1, 3, *(1,) * (x.ndim - 2)).double()
                )
        theirs.num_batches_tracked -= 1  # PyTorch counts it
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
        (nn.BatchNorm3d, (4, 3, 2, 2), ValueError, "expected 5D input"),
        (nn.BatchNorm2d, (1, 3, 1, 1), ValueError, "Expected more than 1 value per channel when training"),
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


def state(bn):
    return {k: v.numpy().tobytes() for k, v in bn.state_dict().items()}


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf, 3e38])
@pytest.mark.parametrize("momentum", [0.1, None])
def test_a_batch_that_is_not_finite_never_reaches_the_statistics(bad, momentum):
    x = np.ones((4, 3), np.float32)
    x[0], x[2, 1] = 2, bad
    warns, stops = nn.BatchNorm1d(3, momentum=momentum), nn.BatchNorm1d(3, momentum=momentum, on_nonfinite="raise")
    before = state(warns)
    with np.errstate(all="ignore"), pytest.warns(RuntimeWarning, match=r"channels \[1\].*left out"):
        y = warns(mg.tensor(x))
    assert np.isfinite(y.detach().numpy()[:, [0, 2]]).all() and state(warns) == before
    with np.errstate(all="ignore"), pytest.raises(ValueError, match=r"channels \[1\].*have not changed"):
        stops(mg.tensor(x))
    assert state(stops) == before
    with pytest.raises(ValueError, match="'warn', 'raise'"):
        nn.BatchNorm1d(3, on_nonfinite="ignore")


@pytest.mark.parametrize("training", [True, False])
def test_what_the_functional_form_refuses(training):
    f, x, c = nn.functional.batch_norm, mg.ones(4, 3), mg.ones(5)
    buffers = mg.zeros(3), mg.ones(3)
    for args in ((c, buffers[1]), (buffers[0], c), (*buffers, c), (*buffers, None, c)):
        with pytest.raises(RuntimeError, match="should contain 3 elements not 5"):
            f(x, *args, training=training)
    with pytest.raises(IndexError, match="shape"):
        f(mg.ones(3), *buffers, training=training)
    with pytest.raises(NotImplementedError, match="int64"):
        f(mg.ones(4, 3).long(), *buffers, training=training)
    if training:
        with pytest.raises(ValueError, match="eps must be positive during training, but got 0"):
            f(x, *buffers, training=True, eps=0)
    else:
        with pytest.raises(RuntimeError, match="running_mean must be defined in evaluation mode"):
            f(x, None, None)
    assert buffers[0].tolist() == [0, 0, 0] and buffers[1].tolist() == [1, 1, 1]


@pytest.mark.parametrize("momentum", [0.3, None])
@pytest.mark.parametrize("shape", [(0, 3), (0, 3, 2), (4, 3, 0)])
def test_an_empty_batch_is_counted_and_says_nothing_like_pytorch(torch, shape, momentum):
    x, states = np.random.default_rng(0).standard_normal((5, 3)), []
    for lib in (mg, torch):
        bn, empty = lib.nn.BatchNorm1d(3, momentum=momentum).double(), lib.zeros(shape).double().requires_grad_()
        bn(lib.tensor(x))
        y = bn(empty)
        y.sum().backward()
        bn(lib.tensor(x))
        assert tuple(y.shape) == tuple(empty.grad.shape) == shape and bn.weight.grad.tolist() == [0, 0, 0]
        states.append({k: v.tolist() for k, v in bn.state_dict().items()})
    assert states[0].keys() == states[1].keys() and states[0]["num_batches_tracked"] == 3
    for key, value in states[1].items():
        np.testing.assert_allclose(states[0][key], value, rtol=1e-12)
    before = [mg.ones(3), mg.ones(3)]
    batch_norm(mg.ones(0, 3), *before, training=True)
    assert before[0].tolist() == before[1].tolist() == [1, 1, 1]


MOVES = {
    "a training batch": lambda bn: bn.train()(mg.randn(6, 3).double() * 9),
    "reset_running_stats": lambda bn: bn.reset_running_stats(),
    "load_state_dict": lambda bn: bn.load_state_dict({"running_var": mg.ones(3)}, strict=False),
    "recalibrate_batchnorm": lambda bn: nn.utils.recalibrate_batchnorm(bn, [mg.randn(6, 3).double() * 9]),
    "an average's step": lambda bn: [buffer.mul_(2) for buffer in (bn.running_mean, bn.running_var)],
}


@pytest.mark.parametrize("move", MOVES)
@pytest.mark.parametrize("kind", ["plain", "sync", "ghost", "frozen", "functional"])
def test_statistics_that_move_after_an_evaluation_do_not_reach_its_gradients(kind, move):
    """As a GAN does it: its backward reads the numbers that its forward read."""
    made = {"sync": nn.SyncBatchNorm, "ghost": lambda n: nn.GhostBatchNorm(n, 2)}.get(kind, nn.BatchNorm1d)(3).double()
    made(mg.randn(5, 3).double())
    made.freeze(affine=False) if kind == "frozen" else made.eval()
    buffers, saved = (made.running_mean, made.running_var), made.state_dict()
    x, dy = (mg.tensor(np.random.default_rng(i).standard_normal((4, 3)), requires_grad=True) for i in range(2))

    def forward():
        return batch_norm(x, *buffers, made.weight, made.bias) if kind == "functional" else made(x)

    def gradients(y):
        (dx,) = mg.autograd.grad((y * y * dy).sum(), x, create_graph=True)
        return dx, *mg.autograd.grad((dx * dx).sum(), [x, dy, made.weight])

    expected, y = gradients(forward()), forward()
    made.unfreeze(affine=False)
    before = buffers[1].tolist()
    MOVES[move](made)
    assert buffers[1].tolist() != before  # it did move, in the memory that everybody holds
    assert made.running_var is buffers[1] and saved["running_var"].tolist() == buffers[1].tolist()
    for found, want in zip(gradients(y), expected, strict=True):
        np.testing.assert_array_equal(found.detach().numpy(), want.detach().numpy())
        assert np.abs(want.detach().numpy()).max() > 1e-3


def test_frozen_layers_stay_frozen_through_train():
    bn = nn.BatchNorm1d(3)
    x = mg.randn(8, 3)
    bn(x)
    before = state(bn)
    model = nn.utils.freeze_batchnorm(nn.Sequential(nn.Linear(3, 3), bn))
    model.train()
    y = bn(x)
    np.testing.assert_array_equal(y.numpy(), bn.eval()(x).numpy())  # by running statistics
    assert state(bn) == before and not y.requires_grad and "frozen='stats, affine'" in repr(model)
    nn.utils.unfreeze_batchnorm(model, stats=False).train()
    assert bn.weight.requires_grad and bn.frozen == "stats" and bn(x).requires_grad and state(bn) == before
    nn.utils.unfreeze_batchnorm(model)
    assert bn.frozen == "" and "frozen" not in repr(bn)
    bn(x)
    assert state(bn) != before and bn.num_batches_tracked.item() == 2


def test_unfreezing_gives_back_what_was_there():
    bn = nn.BatchNorm1d(2)
    bn.bias.requires_grad_(False)
    for _ in range(2):
        bn.freeze().freeze()
        assert not bn.weight.requires_grad
        bn.unfreeze().unfreeze()
        assert bn.weight.requires_grad and not bn.bias.requires_grad
    model = nn.Sequential(nn.BatchNorm1d(2).requires_grad_(False), nn.BatchNorm1d(2))
    nn.utils.unfreeze_batchnorm(nn.utils.freeze_batchnorm(model))
    assert [p.requires_grad for p in model.parameters()] == [False, False, True, True]
    nn.utils.freeze_batchnorm(model)[1].unfreeze(affine=False)
    assert not model[1].weight.requires_grad and copy.deepcopy(model[1]).unfreeze().weight.requires_grad


class Any2d(nn.BatchNorm2d):
    """As scripts have it: rows and images alike."""

    def _check_input_dim(self, input):
        if input.ndim not in (2, 4):
            super()._check_input_dim(input)


def test_a_subclass_checks_the_rank_itself():
    for x in (mg.randn(5, 3), mg.randn(5, 3, 2, 2)):
        assert Any2d(3)(x).shape == x.shape
    with pytest.raises(ValueError, match=r"expected 4D input \(got 3D input\)"):
        Any2d(3)(mg.randn(5, 3, 2))

    class Unchecked(nn.BatchNorm1d):
        def _check_input_dim(self, input):
            pass

    assert Unchecked(3)(mg.randn(2, 3, 1, 1, 1, 2)).ndim == 6
    for wrong in (mg.randn(3), mg.randn(3, 2)):
        with pytest.raises(RuntimeError, match="expected 3 channels"):
            Unchecked(3)(wrong)


def test_freezing_part_of_a_layer():
    bn = nn.BatchNorm1d(2).freeze(stats=False)
    bn(mg.randn(4, 2, requires_grad=True)).sum().backward()
    assert bn.weight.grad is None and bn.num_batches_tracked.item() == 1 and bn.frozen == "affine"
    with pytest.raises(ValueError, match="no statistics to hold"):
        nn.BatchNorm1d(2, track_running_stats=False).freeze()
    model = nn.utils.freeze_batchnorm(nn.Sequential(nn.BatchNorm1d(2, track_running_stats=False)))
    assert model[0].frozen == "affine"
    bn = nn.BatchNorm1d(2)
    bn(mg.randn(4, 2)).pow(3).sum().backward()
    assert bn.weight.grad is not None and bn.freeze().weight.grad is None  # no optimizer moves it by an old one


def test_track_running_stats_switched_off_later_like_pytorch(torch):
    x = np.random.default_rng(0).standard_normal((6, 2))
    ours, theirs = nn.BatchNorm1d(2).double(), torch.nn.BatchNorm1d(2).double()
    for bn in (ours, theirs):
        bn.track_running_stats = False
    for mode in (True, False):
        a = ours.train(mode)(mg.tensor(x)).detach().numpy()
        np.testing.assert_allclose(a, theirs.train(mode)(torch.tensor(x)).detach().numpy(), rtol=1e-10)
    assert ours.num_batches_tracked.item() == 0 and ours.running_mean.tolist() == [0, 0]


def test_bias_alone_may_be_left_out():
    bn = nn.BatchNorm1d(3, bias=False)
    assert bn.bias is None and next(iter(bn.state_dict())) == "weight" and "bias=False" in repr(bn)
    assert bn(mg.randn(4, 3)).shape == (4, 3)


def test_a_state_without_the_count_loads_when_it_is_old(torch):
    new = nn.BatchNorm1d(3).state_dict()
    assert new._metadata == {"": {"version": 2}}
    del new["num_batches_tracked"]
    with pytest.raises(RuntimeError, match='Missing key.*"num_batches_tracked"'):
        nn.BatchNorm1d(3).load_state_dict(new)
    assert not nn.BatchNorm1d(3).load_state_dict(dict(new)).missing_keys
    nested = nn.Sequential(nn.BatchNorm1d(3))
    assert nested.state_dict()._metadata == dict(torch.nn.Sequential(torch.nn.BatchNorm1d(3)).state_dict()._metadata)
    assert not nested.load_state_dict({f"0.{k}": v for k, v in new.items()}).missing_keys


def test_train_and_eval_agree_when_the_running_statistics_are_the_batchs():
    x = mg.tensor(np.random.default_rng(0).standard_normal((7, 3)) * 1e-3)
    bn = nn.BatchNorm1d(3).double()
    bn.running_mean.copy_(x.mean(0))
    bn.running_var.copy_(x.var(0, correction=0))
    np.testing.assert_allclose(bn.eval()(x).detach().numpy(), bn.train()(x).detach().numpy(), rtol=1e-12)


def test_a_checkpoint_counts_a_batch_once():
    x = mg.randn(8, 3, requires_grad=True)
    bn = nn.BatchNorm1d(3)
    y = mg.utils.checkpoint.checkpoint(lambda x: bn(x).tanh(), x, use_reentrant=False)
    before = state(bn)
    y.pow(3).sum().backward()
    assert state(bn) == before and bn.num_batches_tracked.item() == 1 and x.grad.abs().max().item() > 1e-3


def test_accumulated_gradients_count_each_batch():
    bn = nn.BatchNorm1d(3)
    for part in mg.randn(12, 3).split(4):
        bn(part).pow(3).sum().backward()
    assert bn.num_batches_tracked.item() == 3 and bn.weight.grad is not None


def test_third_derivatives_are_right():
    def second(x):
        """A number of the gradient of the gradient: what is checked of it is of third order."""
        y = nn.BatchNorm1d(3, dtype=mg.float64)(x)
        (first,) = mg.autograd.grad(y[:2, -1].exp().sum(), x, create_graph=True)
        return mg.autograd.grad((first * first).sum(), x, create_graph=True)[0]

    x = mg.tensor(np.random.default_rng(0).standard_normal((4, 3)), requires_grad=True)
    assert gradcheck(second, x)
