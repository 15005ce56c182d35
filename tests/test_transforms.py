"""Changes of variables beside PyTorch: there, back, the Jacobian, shapes, equality, what is refused."""

import numpy as np
import pytest

import minigrad as mg

VECTOR = [[0.3, -0.7, 1.1], [-0.2, 0.4, 2.0]]
POSITIVE = [[0.3, 0.7, 1.1], [1.2, 0.4, 2.0]]
MATRIX = [[1.0, 0.3], [-0.4, 0.5]]
MADE = {
    "exp": (lambda D, lib: D.ExpTransform(), VECTOR),
    "exp backwards": (lambda D, lib: D.ExpTransform().inv, POSITIVE),
    "power": (lambda D, lib: D.PowerTransform(lib.tensor([2.0, -1.0, 0.5], dtype=lib.float64)), POSITIVE),
    "sigmoid": (lambda D, lib: D.SigmoidTransform(), VECTOR),
    "softplus": (lambda D, lib: D.SoftplusTransform(), VECTOR),
    "tanh": (lambda D, lib: D.TanhTransform(), VECTOR),
    "tanh remembered": (lambda D, lib: D.TanhTransform(cache_size=1), VECTOR),
    "affine": (lambda D, lib: D.AffineTransform(1.0, -2.0), VECTOR),
    "affine of tensors": (
        lambda D, lib: D.AffineTransform(lib.ones(3), lib.tensor([1.0, 2.0, -3.0]), event_dim=1),
        VECTOR,
    ),
    "cdf": (lambda D, lib: D.CumulativeDistributionTransform(D.Normal(0.0, 1.0)), VECTOR),
    "softmax": (lambda D, lib: D.SoftmaxTransform(), VECTOR),
    "sticks": (lambda D, lib: D.StickBreakingTransform(), VECTOR),
    "correlation": (lambda D, lib: D.CorrCholeskyTransform(), VECTOR),
    "cholesky": (lambda D, lib: D.LowerCholeskyTransform(), MATRIX),
    "positive definite": (lambda D, lib: D.PositiveDefiniteTransform(), MATRIX),
    "composed": (lambda D, lib: D.ComposeTransform([D.AffineTransform(0.5, 2.0), D.StickBreakingTransform()]), VECTOR),
    "nothing": (lambda D, lib: D.identity_transform, VECTOR),
    "independent": (lambda D, lib: D.IndependentTransform(D.ExpTransform(), 1), VECTOR),
    "reshaped": (lambda D, lib: D.ReshapeTransform((3,), (3, 1)), VECTOR),
    "pieces": (
        lambda D, lib: D.CatTransform([D.ExpTransform(), D.AffineTransform(1, 2)], dim=1, lengths=[1, 2]),
        VECTOR,
    ),
    "slices": (lambda D, lib: D.StackTransform([D.ExpTransform(), D.TanhTransform()], dim=0), VECTOR),
}
REFUSES_JACOBIAN = {"softmax", "cholesky", "positive definite"}


def both(torch, name):
    make, value = MADE[name]
    for lib in (mg, torch):
        yield lib, make(lib.distributions, lib), lib.tensor(value, dtype=lib.float64, requires_grad=True)


@pytest.mark.parametrize("name", MADE)
def test_there_and_back_and_the_jacobian(torch, name):
    found = []
    for lib, transform, x in both(torch, name):
        y = transform(x)
        back = transform.inv(y)
        results = [y, back]
        if name not in REFUSES_JACOBIAN:
            results.append(transform.log_abs_det_jacobian(x, y))
            results.append(transform.inv.log_abs_det_jacobian(y, x))
        total = sum((r * r).sum() for r in results)
        (g,) = lib.autograd.grad(total, x, create_graph=True)
        (second,) = lib.autograd.grad((g * g).sum(), x, allow_unused=True)
        results += [g, *([] if second is None else [second])]
        found.append([r.detach().numpy() for r in results])
        if name in REFUSES_JACOBIAN:
            with pytest.raises(NotImplementedError):
                transform.log_abs_det_jacobian(x, y)
    for a, b in zip(*found, strict=True):
        assert a.shape == b.shape
        np.testing.assert_allclose(a, b, rtol=1e-8, atol=1e-10)


@pytest.mark.parametrize("name", MADE)
def test_what_a_transform_tells(torch, name):
    found = []
    for lib, transform, x in both(torch, name):
        again = MADE[name][0](lib.distributions, lib)
        shape = transform.forward_shape(tuple(x.shape))
        told = [transform.bijective, tuple(shape), tuple(transform.inverse_shape(shape)), repr(transform)]
        told += [transform.domain.event_dim, transform.codomain.event_dim, transform == again, transform == 3]
        told += [transform.inv.inv is transform]
        told += [transform.with_cache(1)._cache_size if name != "pieces" and name != "slices" else 1]
        found.append(told)
    assert found[0] == found[1]


def test_the_cache_makes_the_inverse_exact():
    tanh = mg.distributions.TanhTransform(cache_size=1)
    x = mg.tensor(30.0)
    y = tanh(x)
    assert tanh.inv(y) is x and tanh(x) is y
    assert mg.distributions.TanhTransform().inv(mg.distributions.TanhTransform()(x)).item() == np.inf


REFUSED = {
    "cache": lambda D, lib: D.ExpTransform(cache_size=2),
    "no transform": lambda D, lib: D.TransformedDistribution(D.Normal(0.0, 1.0), [3]),
    "no list": lambda D, lib: D.TransformedDistribution(D.Normal(0.0, 1.0), 3),
    "too few dimensions": lambda D, lib: D.TransformedDistribution(D.Normal(0.0, 1.0), D.StickBreakingTransform()),
    "elements": lambda D, lib: D.ReshapeTransform((3,), (2,)),
    "shape": lambda D, lib: D.ReshapeTransform((3,), (3, 1)).forward_shape((2,)),
    "triangle": lambda D, lib: D.CorrCholeskyTransform().forward_shape((5,)),
    "square": lambda D, lib: D.CorrCholeskyTransform().inverse_shape((3, 2)),
    "independent": lambda D, lib: D.IndependentTransform(D.ExpTransform(), 2)(lib.zeros(3)),
    "batch": lambda D, lib: D.Independent(D.Normal(lib.zeros(2), 1.0), 2),
    "abs": lambda D, lib: D.AbsTransform().log_abs_det_jacobian(lib.zeros(1), lib.zeros(1)),
    "mixture": lambda D, lib: D.MixtureSameFamily(D.Normal(0.0, 1.0), D.Normal(lib.zeros(2), 1.0)),
    "components": lambda D, lib: D.MixtureSameFamily(D.Categorical(lib.ones(3)), D.Normal(lib.zeros(2), 1.0)),
    "no components": lambda D, lib: D.MixtureSameFamily(D.Categorical(lib.ones(3)), 3),
    "lists of supports": lambda D, lib: D.Independent(D.Bernoulli(lib.ones(2)), 1).enumerate_support(),
    "temperature": lambda D, lib: D.RelaxedBernoulli(lib.tensor(1.0)),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_pytorch_refuses(torch, name):
    with pytest.raises(Exception) as theirs:
        REFUSED[name](torch.distributions, torch)
    with pytest.raises(type(theirs.value)):
        REFUSED[name](mg.distributions, mg)


C = {
    "real": (lambda C: C.real, [1.0, np.nan]),
    "positive": (lambda C: C.positive, [1.0, 0.0]),
    "nonnegative": (lambda C: C.nonnegative, [0.0, -1.0]),
    "interval": (lambda C: C.interval(-1, 2), [-1.0, 2.0, 3.0]),
    "half open": (lambda C: C.half_open_interval(-1, 2), [-1.0, 2.0]),
    "less": (lambda C: C.less_than(2), [1.0, 2.0]),
    "greater or equal": (lambda C: C.greater_than_eq(2), [1.0, 2.0]),
    "integers": (lambda C: C.integer_interval(0, 2), [0.0, 2.0, 0.5, 3.0]),
    "naturals": (lambda C: C.positive_integer, [0.0, 1.0, 1.5]),
    "boolean": (lambda C: C.boolean, [0.0, 1.0, 2.0]),
    "one hot": (lambda C: C.one_hot, [[0.0, 1.0], [1.0, 1.0]]),
    "simplex": (lambda C: C.simplex, [[0.5, 0.5], [1.0, 1.0]]),
    "vector": (lambda C: C.real_vector, [[0.5, 0.5], [1.0, np.nan]]),
    "independent": (lambda C: C.independent(C.positive, 1), [[0.5, 0.5], [1.0, -1.0]]),
    "multinomial": (lambda C: C.multinomial(2), [[1.0, 1.0], [3.0, 0.0]]),
    "triangle": (lambda C: C.lower_triangular, [[[1.0, 0.0], [2.0, -1.0]], [[1.0, 1.0], [2.0, 3.0]]]),
    "factor": (lambda C: C.lower_cholesky, [[[1.0, 0.0], [2.0, 1.0]], [[1.0, 0.0], [2.0, -3.0]]]),
    "correlation": (lambda C: C.corr_cholesky, [[[1.0, 0.0], [0.6, 0.8]], [[1.0, 0.0], [2.0, 1.0]]]),
    "definite": (lambda C: C.positive_definite, [[[2.0, 0.5], [0.5, 1.0]], [[1.0, 2.0], [2.0, 1.0]]]),
    "semidefinite": (lambda C: C.positive_semidefinite, [[[1.0, 0.0], [0.0, 0.0]], [[1.0, 2.0], [1.0, 1.0]]]),
    "square": (lambda C: C.square, [[[1.0, 0.0]], [[0.0, 0.0]]]),
    "symmetric": (lambda C: C.symmetric, [[[1.0, 0.0], [0.0, 0.0]], [[1.0, 2.0], [1.0, 1.0]]]),
    "pieces": (lambda C: C.cat([C.positive, C.boolean], 1, [1, 2]), [[1.0, 1.0, 2.0], [-1.0, 0.0, 1.0]]),
    "slices": (lambda C: C.stack([C.positive, C.boolean], 1), [[1.0, 1.0], [-1.0, 0.0]]),
}


@pytest.mark.parametrize("name", C)
def test_constraints(torch, name):
    make, value = C[name]
    ours, theirs = make(mg.distributions.constraints), make(torch.distributions.constraints)
    checked = ours.check(mg.tensor(value)), theirs.check(torch.tensor(value))
    assert checked[0].tolist() == checked[1].tolist()
    assert (ours.event_dim, ours.is_discrete) == (theirs.event_dim, theirs.is_discrete)
    if name not in ("pieces", "slices", "multinomial"):  # their own repr has no bounds
        assert repr(ours) == repr(theirs)
