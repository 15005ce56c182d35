"""Distributions beside PyTorch: samples of the same seed, values, gradients, refusals."""

import numpy as np
import pytest

import minigrad as mg

T = {"loc": [0.5, -1.0], "scale": [1.5, 0.3]}
COV = [[2.0, 0.5], [0.5, 1.0]]
MADE = {
    "normal": (lambda D, a, b: D.Normal(a, b), T["loc"], T["scale"]),
    "normal 0-d": (lambda D, a, b: D.Normal(a, b), 0.5, 2.0),
    "normal broadcast": (lambda D, a, b: D.Normal(a, b), [[0.5], [1.0]], [1.0, 2.0, 3.0]),
    "uniform": (lambda D, a, b: D.Uniform(a, b), [0.0, -1.0], [2.0, 3.0]),
    "bernoulli": (lambda D, p: D.Bernoulli(p), [0.2, 0.5, 0.9]),
    "bernoulli logits": (lambda D, p: D.Bernoulli(logits=p), [[0.2, -3.0], [4.0, 0.0]]),
    "categorical": (lambda D, p: D.Categorical(p), [0.2, 0.5, 0.9]),
    "categorical batch": (lambda D, p: D.Categorical(p), [[0.2, 0.5, 0.9], [1.0, 2.0, 3.0]]),
    "categorical logits": (lambda D, p: D.Categorical(logits=p), [[0.2, -0.5, 0.9], [1.0, 2.0, 3.0]]),
    "multivariate": (lambda D, a, c: D.MultivariateNormal(a, c), [0.5, -1.0], COV),
    "multivariate factor": (
        lambda D, a, c: D.MultivariateNormal(a, scale_tril=c),
        [[0.5, -1.0], [1.0, 2.0]],
        [[2.0, 0.0], [0.5, 1.0]],
    ),
    "multivariate precision": (lambda D, a, c: D.MultivariateNormal(a, precision_matrix=c), [0.5, -1.0], [COV, COV]),
}


def both(torch, name, dtype="float32"):
    make, *parameters = MADE[name]
    for lib in (mg, torch):
        leaves = [lib.tensor(p, dtype=getattr(lib, dtype), requires_grad=True) for p in parameters]
        yield lib, make(lib.distributions, *leaves), leaves


@pytest.mark.parametrize("name", MADE)
@pytest.mark.parametrize("shape", [(), (5,), (3, 4), (40,)])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_samples_are_pytorchs(torch, name, shape, dtype):
    drawn = []
    for lib, distribution, _ in both(torch, name, dtype):
        lib.manual_seed(3)
        drawn.append((distribution.sample(shape), lib.rand(1)))  # as much of the stream is spent
    (a, after_a), (b, after_b) = drawn
    assert a.shape == tuple(b.shape) and str(a.dtype) == str(b.dtype).split(".")[1]
    assert not a.requires_grad
    np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=3e-6 if dtype == "float32" else 1e-12, atol=1e-6)
    assert after_a.item() == after_b.item()


@pytest.mark.parametrize("name", MADE)
def test_log_prob_entropy_and_moments(torch, name):
    found = []
    for lib, distribution, leaves in both(torch, name, "float64"):
        lib.manual_seed(0)
        value = distribution.sample((3,))
        results = [distribution.log_prob(value), distribution.entropy(), distribution.variance, distribution.stddev]
        results += [distribution.mode * 1.0] if "uniform" not in name else []
        total = sum((i + 1) * r.sum() for i, r in enumerate(results[:2]))
        gradients = lib.autograd.grad(total, leaves, create_graph=True)
        second = lib.autograd.grad(sum((g * g).sum() for g in gradients), leaves)
        found.append([r.detach().numpy() for r in (*results, *gradients, *second)])
        assert not np.isnan(found[-1][0]).any()
    for a, b in zip(*found, strict=True):
        assert a.shape == b.shape
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("name", ["normal", "uniform", "multivariate", "multivariate precision"])
def test_rsample_carries_gradients(torch, name):
    found = []
    for lib, distribution, leaves in both(torch, name, "float64"):
        lib.manual_seed(0)
        found.append([g.numpy() for g in lib.autograd.grad((distribution.rsample((4,)) ** 2).sum(), leaves)])
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", ["normal", "uniform"])
def test_cdf_and_its_inverse(torch, name):
    found = []
    for lib, distribution, _ in both(torch, name, "float64"):
        x = lib.tensor([[0.3, 0.2], [0.99, 0.5], [1e-6, 0.999999]], dtype=lib.float64, requires_grad=True)
        y = distribution.icdf(x)
        (g,) = lib.autograd.grad(y.sum(), x, create_graph=True)
        found.append([r.detach().numpy() for r in (y, distribution.cdf(y), g)])
        np.testing.assert_allclose(found[-1][1], x.detach().numpy(), rtol=1e-9)
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-8)


def test_the_inverse_error_function_at_its_ends(torch):
    x = np.array([-2, -1, -0.9999999, -0.5, 0, 1e-10, 0.3, 0.9999, 1, 2, np.nan])
    for dtype in ("float32", "float64"):
        ours = mg.distributions.Normal(0.0, 1.0).icdf((mg.tensor(x.astype(dtype)) + 1) / 2).numpy()
        theirs = torch.distributions.Normal(0.0, 1.0).icdf((torch.tensor(x.astype(dtype)) + 1) / 2).numpy()
        np.testing.assert_allclose(ours, theirs, rtol=1e-5 if dtype == "float32" else 1e-7)


PAIRS = [
    ("normal", "normal 0-d"),
    ("uniform", "normal"),
    ("uniform", "uniform"),
    ("normal", "uniform"),
    ("bernoulli", "bernoulli"),
    ("bernoulli logits", "bernoulli logits"),
    ("categorical", "categorical batch"),
    ("multivariate", "multivariate factor"),
    ("multivariate precision", "multivariate"),
    ("categorical logits", "categorical"),
]


@pytest.mark.parametrize(("p", "q"), PAIRS)
def test_divergences(torch, p, q):
    values = []
    for (lib, a, leaves), (_, b, others) in zip(both(torch, p, "float64"), both(torch, q, "float64"), strict=True):
        value = lib.distributions.kl_divergence(a, b)
        values.append([value.detach().numpy()])
        if value.requires_grad and np.isfinite(values[-1][0]).all():
            values[-1] += [g.numpy() for g in lib.autograd.grad(value.sum(), leaves + others) if g is not None]
    for a, b in zip(*values, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


def test_a_divergence_outside_the_support_is_infinite(torch):
    for lib in (mg, torch):
        D = lib.distributions
        assert D.kl_divergence(D.Uniform(0.0, 2.0), D.Uniform(0.0, 1.0)).item() == np.inf
        assert D.kl_divergence(D.Bernoulli(0.5), D.Bernoulli(0.0)).item() == np.inf
        assert D.kl_divergence(D.Bernoulli(0.0), D.Bernoulli(0.5)).item() == pytest.approx(np.log(2), rel=1e-6)


REFUSED = {
    "scale": lambda lib, D: D.Normal(0.0, -1.0),
    "scale of a batch": lambda lib, D: D.Normal(lib.zeros(2), lib.tensor([1.0, 0.0])),
    "nan": lambda lib, D: D.Normal(0.0, 1.0).log_prob(lib.tensor(float("nan"))),
    "no tensor": lambda lib, D: D.Normal(0.0, 1.0).log_prob(1.0),
    "text": lambda lib, D: D.Normal("a", 1.0),
    "shapes": lambda lib, D: D.Normal(lib.zeros(3), 1.0).log_prob(lib.zeros(2)),
    "low": lambda lib, D: D.Uniform(1.0, 0.0),
    "outside": lambda lib, D: D.Uniform(0.0, 1.0).log_prob(lib.tensor(2.0)),
    "probability": lambda lib, D: D.Bernoulli(1.5),
    "neither": lambda lib, D: D.Bernoulli(),
    "both": lambda lib, D: D.Bernoulli(0.5, 0.1),
    "half": lambda lib, D: D.Bernoulli(0.5).log_prob(lib.tensor(0.5)),
    "rsample": lambda lib, D: D.Bernoulli(0.5).rsample(),
    "cdf": lambda lib, D: D.Bernoulli(0.5).cdf(lib.tensor(0.0)),
    "weights": lambda lib, D: D.Categorical(lib.tensor([0.0, 0.0])),
    "negative": lambda lib, D: D.Categorical(lib.tensor([-1.0, 2.0])),
    "0-d": lambda lib, D: D.Categorical(lib.tensor(1.0)),
    "index": lambda lib, D: D.Categorical(lib.ones(2)).log_prob(lib.tensor(2)),
    "covariance": lambda lib, D: D.MultivariateNormal(lib.zeros(2), lib.zeros(2, 2)),
    "no covariance": lambda lib, D: D.MultivariateNormal(lib.zeros(2)),
    "vector": lambda lib, D: D.MultivariateNormal(lib.zeros(2), lib.ones(2)),
    "factor": lambda lib, D: D.MultivariateNormal(lib.zeros(2), scale_tril=-lib.eye(2)),
    "event": lambda lib, D: D.MultivariateNormal(lib.zeros(2), lib.eye(2)).log_prob(lib.zeros(3)),
    "loc": lambda lib, D: D.MultivariateNormal(lib.tensor(0.0), lib.eye(2)),
    "pair": lambda lib, D: D.kl_divergence(D.Categorical(lib.ones(2)), D.MultivariateNormal(lib.zeros(2), lib.eye(2))),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_pytorch_refuses_is_refused_with_its_type_and_words(torch, name):
    with pytest.raises(Exception) as theirs:
        REFUSED[name](torch, torch.distributions)
    with pytest.raises(type(theirs.value)) as ours:
        REFUSED[name](mg, mg.distributions)
    if name not in ("pair", "text") and str(theirs.value):
        assert str(ours.value).split()[:3] == str(theirs.value).split()[:3]


def test_validation_can_be_switched_off():
    assert mg.distributions.Uniform(0.0, 1.0, validate_args=False).log_prob(mg.tensor(2.0)).item() == -np.inf


def test_expand_and_enumerate(torch):
    for lib in (mg, torch):
        D = lib.distributions
        assert D.Normal(lib.zeros(2), 1.0).expand((3, 2)).sample().shape == (3, 2)
        assert D.MultivariateNormal(lib.zeros(2), lib.eye(2)).expand((3,)).rsample((4,)).shape == (4, 3, 2)
        assert D.Categorical(lib.ones(2, 3)).enumerate_support().shape == (3, 2)
        assert D.Bernoulli(lib.ones(2) / 2).enumerate_support(expand=False).tolist() == [[0.0], [1.0]]
        assert D.Categorical(logits=lib.zeros(3)).expand((2,)).perplexity().tolist() == pytest.approx([3.0, 3.0])
        assert repr(D.Normal(0.0, 1.0)) == "Normal(loc: 0.0, scale: 1.0)"
