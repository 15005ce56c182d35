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
    "laplace": (lambda D, a, b: D.Laplace(a, b), T["loc"], T["scale"]),
    "cauchy": (lambda D, a, b: D.Cauchy(a, b), T["loc"], T["scale"]),
    "exponential": (lambda D, a: D.Exponential(a), [0.5, 2.0]),
    "geometric": (lambda D, p: D.Geometric(p), [0.2, 0.5, 0.9]),
    "geometric logits": (lambda D, p: D.Geometric(logits=p), [0.2, -1.0]),
    "gumbel": (lambda D, a, b: D.Gumbel(a, b), T["loc"], T["scale"]),
    "half normal": (lambda D, a: D.HalfNormal(a), [0.5, 2.0]),
    "half cauchy": (lambda D, a: D.HalfCauchy(a), [0.5, 2.0]),
    "log normal": (lambda D, a, b: D.LogNormal(a, b), T["loc"], T["scale"]),
    "logistic normal": (lambda D, a, b: D.LogisticNormal(a, b), [T["loc"]] * 2, [T["scale"]] * 2),
    "pareto": (lambda D, a, b: D.Pareto(a, b), [0.5, 2.0], [3.0, 5.0]),
    "one hot": (lambda D, p: D.OneHotCategorical(p), [[0.2, 0.5, 0.9], [1.0, 2.0, 3.0]]),
    "straight through": (lambda D, p: D.OneHotCategoricalStraightThrough(logits=p), [0.2, -0.5, 0.9]),
    "relaxed bernoulli": (lambda D, t, p: D.RelaxedBernoulli(t, p), 0.7, [0.2, 0.5, 0.9]),
    "relaxed one hot": (
        lambda D, t, p: D.RelaxedOneHotCategorical(t, logits=p),
        0.7,
        [[0.2, 0.5, 0.9], [1.0, 2.0, 3.0]],
    ),
    "gamma": (lambda D, a, b: D.Gamma(a, b), [0.3, 2.0, 20.0], [0.5, 1.0, 2.0]),
    "gamma small": (lambda D, a, b: D.Gamma(a, b), [0.3, 2.0], [0.5, 1.0]),
    "beta small": (lambda D, a, b: D.Beta(a, b), [0.3, 2.0], [0.5, 3.0]),
    "chi2": (lambda D, a: D.Chi2(a), [0.5, 3.0]),
    "inverse gamma": (lambda D, a, b: D.InverseGamma(a, b), [2.5, 3.0], [0.5, 2.0]),
    "beta": (lambda D, a, b: D.Beta(a, b), [0.3, 2.0, 20.0], [0.5, 3.0, 10.0]),
    "beta of numbers": (lambda D, a: D.Independent(D.Beta(a, 2.0), 1), [0.3, 2.0, 1.0]),
    "dirichlet": (lambda D, a: D.Dirichlet(a), [[0.3, 2.0, 0.5], [1.5, 3.0, 8.0]]),
    "poisson": (lambda D, a: D.Poisson(a), [0.3, 4.0, 30.0]),
    "binomial": (lambda D, p: D.Binomial(5, p), [0.2, 0.45, 0.9]),
    "binomial many": (lambda D, p: D.Binomial(90, logits=p), [0.2, -2.0, 3.0]),
    "negative binomial": (lambda D, a, p: D.NegativeBinomial(a, p), [2.0, 10.0], [0.3, 0.8]),
    "multinomial": (lambda D, p: D.Multinomial(6, p), [[0.2, 0.5, 0.9], [1.0, 2.0, 4.0]]),
    "student": (lambda D, n, a, b: D.StudentT(n, a, b), [3.0, 8.0], T["loc"], T["scale"]),
    "fisher": (lambda D, a, b: D.FisherSnedecor(a, b), [3.0, 8.0], [6.0, 9.0]),
    "weibull": (lambda D, a, b: D.Weibull(a, b), [0.5, 2.0], [1.5, 3.0]),
    "kumaraswamy": (lambda D, a, b: D.Kumaraswamy(a, b), [1.5, 2.0], [2.5, 3.0]),
    "continuous bernoulli": (lambda D, p: D.ContinuousBernoulli(p), [0.2, 0.9]),
    "continuous bernoulli logits": (lambda D, p: D.ContinuousBernoulli(logits=p), [[0.2, -3.0], [2.0, 1.0]]),
    "von mises": (lambda D, a, b: D.VonMises(a, b), [0.5, -1.0, 3.0], [0.4, 3.0, 20.0]),
    "low rank": (
        lambda D, a, w, d: D.LowRankMultivariateNormal(a, w, d),
        [[0.5, -1.0, 2.0]] * 2,
        [[1.0, 0.3], [-0.5, 0.2], [0.1, 2.0]],
        [0.5, 1.0, 2.0],
    ),
    "independent": (lambda D, a, b: D.Independent(D.Normal(a, b), 1), [T["loc"]] * 3, T["scale"]),
    "sigmoid of normal": (
        lambda D, a, b: D.TransformedDistribution(D.Normal(a, b), D.SigmoidTransform()),
        T["loc"],
        T["scale"],
    ),
    "logistic": (
        lambda D, a, b: D.TransformedDistribution(
            D.Uniform(a * 0, a * 0 + 1), [D.SigmoidTransform().inv, D.AffineTransform(a, b)]
        ),
        T["loc"],
        T["scale"],
    ),
    "tanh of normal": (
        lambda D, a, b: D.Independent(D.TransformedDistribution(D.Normal(a, b), [D.TanhTransform(cache_size=1)]), 1),
        T["loc"],
        T["scale"],
    ),
    "mixture": (
        lambda D, p, a, b: D.MixtureSameFamily(D.Categorical(p), D.Normal(a, b)),
        [[0.2, 0.5, 0.9], [3.0, 1.0, 1.0]],
        [[0.0, 1.0, 4.0]] * 2,
        [1.0, 2.0, 0.5],
    ),
    "mixture of vectors": (
        lambda D, p, a, b: D.MixtureSameFamily(D.Categorical(logits=p), D.Independent(D.Normal(a, b), 1)),
        [0.2, 0.5, 0.9],
        [[0.0, 1.0, 4.0, 2.0]] * 3,
        [[1.0, 2.0, 0.5, 1.0]] * 3,
    ),
}
# PyTorch's polygamma is right to nine digits, and its entropy of counts is computed in float32
LOOSE = dict.fromkeys(["gamma", "beta", "dirichlet", "beta small"], 1e-7) | {"multinomial": 1e-6}
MOMENTS = ("mean", "variance", "stddev", "mode")


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


def unless_refused(call):
    """Return what a call gives, or None where it says that there is no such thing."""
    try:
        return call()
    except (NotImplementedError, AttributeError):
        return None


@pytest.mark.parametrize("name", MADE)
def test_log_prob_entropy_and_moments(torch, name):
    found = []
    for lib, distribution, leaves in both(torch, name, "float64"):
        lib.manual_seed(0)
        value = distribution.sample((3,))
        log_prob, entropy = distribution.log_prob(value), unless_refused(distribution.entropy)
        total = log_prob.sum() if entropy is None else log_prob.sum() + 2 * entropy.sum()
        gradients = lib.autograd.grad(total, leaves, create_graph=True)
        second = lib.autograd.grad(sum((g * g).sum() for g in gradients), leaves, allow_unused=True)
        moments = [unless_refused(lambda d=distribution, what=what: getattr(d, what)) for what in MOMENTS]
        results = [log_prob, entropy, *moments, *gradients, *second]
        found.append([None if r is None else r.detach().numpy() for r in results])
        assert not np.isnan(found[-1][0]).any()
    for a, b in zip(*found, strict=True):
        assert (a is None) == (b is None)
        if a is not None:
            assert a.shape == b.shape
            np.testing.assert_allclose(a, b, rtol=LOOSE.get(name, 1e-9), atol=1e-10)


@pytest.mark.parametrize("name", MADE)
def test_shapes_support_repr_and_expand(torch, name):
    found = []
    for lib, distribution, _ in both(torch, name, "float64"):
        wider = distribution.expand((2, *distribution.batch_shape))
        lib.manual_seed(1)
        sample = wider.sample((2,))
        flags = (distribution.has_rsample, distribution.has_enumerate_support)
        texts = [
            repr(d).replace("torch.Size([", "(").replace("])", ",)").replace(",,", ",") for d in (distribution, wider)
        ]
        support = (
            repr(distribution.support).replace(", dtype=torch.float64", "").replace(", grad_fn=<SelectBackward0>", "")
        )
        shapes = [
            tuple(s) for s in (distribution.batch_shape, distribution.event_shape, wider.batch_shape, sample.shape)
        ]
        found.append((flags, shapes, texts, support, sample.numpy(), wider.log_prob(sample).detach().numpy()))
    ours, theirs = found
    assert ours[:2] == theirs[:2]
    np.testing.assert_allclose(ours[4], theirs[4], rtol=1e-9)
    np.testing.assert_allclose(ours[5], theirs[5], rtol=1e-9)


HAVE_RSAMPLE = [name for name, (make, *p) in MADE.items() if make(mg.distributions, *map(mg.tensor, p)).has_rsample]


@pytest.mark.parametrize("name", HAVE_RSAMPLE)
def test_rsample_carries_gradients(torch, name):
    found = []
    for lib, distribution, leaves in both(torch, name, "float64"):
        lib.manual_seed(0)
        total = (distribution.rsample((4,)) ** 2).sum()
        found.append([g.numpy() for g in lib.autograd.grad(total, leaves, allow_unused=True) if g is not None])
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


HAVE_QUANTILES = ["normal", "uniform", "laplace", "cauchy", "exponential", "gumbel", "pareto", "logistic"]
HAVE_QUANTILES += ["continuous bernoulli", "half normal", "half cauchy", "log normal", "sigmoid of normal"]


@pytest.mark.parametrize("name", HAVE_QUANTILES)
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
    *(
        (name, name)
        for name in ("laplace", "cauchy", "exponential", "geometric", "gumbel", "half normal", "log normal")
    ),
    *((name, name) for name in ("pareto", "one hot", "independent", "sigmoid of normal", "gamma", "beta", "dirichlet")),
    *((name, name) for name in ("poisson", "binomial")),
    ("exponential", "normal"),
    ("exponential", "gamma small"),
    ("exponential", "pareto"),
    ("exponential", "uniform"),
    ("gumbel", "normal"),
    ("laplace", "normal"),
    ("laplace", "exponential"),
    ("normal", "laplace"),
    ("normal", "gamma small"),
    ("uniform", "exponential"),
    ("gamma small", "exponential"),
    ("gamma small", "normal"),
    ("gamma small", "uniform"),
    ("chi2", "gamma small"),
    ("beta small", "gamma small"),
    ("beta small", "exponential"),
    ("beta small", "normal"),
    ("beta small", "uniform"),
    ("bernoulli", "poisson"),
    ("poisson", "bernoulli"),
    ("poisson", "binomial"),
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
        np.testing.assert_allclose(a, b, rtol=LOOSE.get(p, 1e-9), atol=1e-12)


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
    "concentration": lambda lib, D: D.Gamma(0.0, 1.0),
    "0-d concentration": lambda lib, D: D.Dirichlet(lib.tensor(1.0)),
    "beyond one": lambda lib, D: D.Beta(1.0, 1.0).log_prob(lib.tensor(1.5)),
    "off the simplex": lambda lib, D: D.Dirichlet(lib.ones(2)).log_prob(lib.tensor([0.5, 0.6])),
    "rate": lambda lib, D: D.Poisson(-1.0),
    "half a count": lambda lib, D: D.Poisson(1.0).log_prob(lib.tensor(0.5)),
    "more than all": lambda lib, D: D.Binomial(3, lib.tensor(0.5)).log_prob(lib.tensor(4.0)),
    "trials of two kinds": lambda lib, D: D.Binomial(lib.tensor([1.0, 2.0]), lib.tensor([0.5, 0.5])).entropy(),
    "never": lambda lib, D: D.Geometric(0.0),
    "draws of two kinds": lambda lib, D: D.Multinomial(lib.tensor([1, 2]), lib.ones(2)),
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


def test_the_generalized_pareto_is_pytorchs_in_its_only_dtype(torch):
    """PyTorch's densities take float32 only."""
    found = []
    for lib in (mg, torch):
        parameters = [[0.5, -1.0, 0.0], [1.5, 0.3, 2.0], [0.3, -0.4, 0.0]]
        leaves = [lib.tensor(p, requires_grad=True) for p in parameters]
        distribution = lib.distributions.GeneralizedPareto(*leaves)
        lib.manual_seed(0)
        sample = distribution.rsample((4,))
        value, after = sample.detach(), lib.rand(1)
        wider = distribution.expand((2, 3))
        results = [distribution.log_prob(value), distribution.cdf(value), distribution.log_cdf(value), sample]
        results += [distribution.log_survival_function(value), wider.log_prob(value[:2]), distribution.entropy()]
        results += [distribution.mean, distribution.variance, distribution.mode, distribution.icdf(after)]
        total = sum(r.sum() for r in results[:7])
        results += lib.autograd.grad(total, leaves)
        found.append([r.detach().numpy() for r in (*results, after)])
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-5, atol=1e-5)
    with pytest.raises(ValueError, match="scale"):
        mg.distributions.GeneralizedPareto(0.0, -1.0, 0.5, validate_args=True)
    doubles = [mg.tensor(p, dtype=mg.float64) for p in (0.0, 1.0, 0.5)]
    assert mg.distributions.GeneralizedPareto(*doubles).log_prob(doubles[1]).dtype == mg.float64


def test_the_continuous_bernoulli_within_its_limits(torch):
    found = []
    for lib in (mg, torch):
        p = lib.tensor([0.5, 0.4995, 0.5008, 0.2], requires_grad=True)
        distribution = lib.distributions.ContinuousBernoulli(p)
        x = lib.tensor([0.1, 0.9, 0.5, 1.0])
        results = [distribution.log_prob(x), distribution.mean, distribution.variance, distribution.cdf(x)]
        (gradient,) = lib.autograd.grad(sum(r.sum() for r in results), p)
        found.append([r.detach().numpy() for r in (*results, gradient)])
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_the_matrices_and_refusals_of_a_covariance_of_low_rank(torch):
    found = []
    for lib in (mg, torch):
        loc, factor = lib.zeros(2, 3), lib.tensor([[1.0, 0.3], [-0.5, 0.2], [0.1, 2.0]])
        distribution = lib.distributions.LowRankMultivariateNormal(loc, factor, lib.tensor([0.5, 1.0, 2.0]))
        names = ("covariance_matrix", "precision_matrix", "scale_tril")
        found.append([getattr(distribution, name).numpy() for name in names])
        for shapes in (
            ((), (3, 2), (3,)),
            ((3,), (3,), (3,)),
            ((3,), (2, 2), (3,)),
            ((3,), (3, 2), (2,)),
            ((2, 3), (4, 3, 1), (3,)),
        ):
            with pytest.raises(ValueError):
                lib.distributions.LowRankMultivariateNormal(*map(lib.ones, shapes))
    for a, b in zip(*found, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
