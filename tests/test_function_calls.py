"""Special functions, statistics, differences, histograms, sets, distances: each call equal to PyTorch's, or refused so."""

import numpy as np
import pytest
from oracle import VALUES, arrays, check, text

import minigrad as mg

UNARY = ["deg2rad", "digamma", "erfinv", "i0", "isneginf", "isposinf", "isreal", "lgamma", "rad2deg", "signbit", "sinc"]
SPECIAL = [
    "digamma",
    "entr",
    "erfcx",
    "erfinv",
    "expit",
    "gammaln",
    "i0",
    "i0e",
    "i1",
    "i1e",
    "log_ndtr",
    "ndtr",
    "ndtri",
    "psi",
    "sinc",
    "exp2",
    "expm1",
    "log1p",
    "round",
]
BINARY = ["copysign", "gcd", "heaviside", "igamma", "igammac", "lcm", "ldexp", "logaddexp2"]
SPECIAL_BINARY = ["gammainc", "gammaincc", "xlog1py", "xlogy", "zeta"]
OPERANDS = [name for name in VALUES if name not in ("special", "bools")]
nan, inf = float("nan"), float("inf")


def without_poles(name, x):
    """Return the operand without -1, where the slope of digamma is infinite, PyTorch's a number of 33 digits."""
    return np.where(x == -1, -0.5, x) if name in ("digamma", "psi") and x.dtype.kind == "f" else x


@pytest.mark.parametrize("operand", OPERANDS)
@pytest.mark.parametrize("name", UNARY)
def test_unary(torch, name, operand):
    x = without_poles(name, VALUES[operand]())
    check(torch, lambda L, x: getattr(L, name)(x), x, label=f"{name} of {operand}")
    check(torch, lambda L, x: getattr(x, name)(), x, label=f"x.{name}() of {operand}")


@pytest.mark.parametrize("operand", [*OPERANDS, "bools"])
@pytest.mark.parametrize("name", SPECIAL)
def test_special(torch, name, operand):
    if name == "round" and operand in ("ints", "int32", "bytes"):
        pytest.skip("torch.special.round has no integers, torch.round has")
    x = without_poles(name, VALUES[operand]())
    check(torch, lambda L, x: getattr(L.special, name)(x), x, label=f"special.{name} of {operand}")


ENDS = np.array([nan, inf, -inf, 0.0, -0.0, 1.0, -1.0, 2.0, -2.0, 2.5, -2.5, 0.5, 1e-3, -1e-3, 30.0, -30.0, 1e5])


@pytest.mark.parametrize("name", SPECIAL)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_ends_of_special_functions(torch, name, dtype):
    x = ENDS.astype(dtype)
    theirs = getattr(torch.special, name)(torch.from_numpy(x)).numpy()
    ours = getattr(mg.special, name)(mg.from_numpy(x)).numpy()
    if name in ("i0", "i1"):  # PyTorch's are NaN at ±inf, which has a limit
        theirs[np.isinf(x)] = [inf, inf] if name == "i0" else [inf, -inf]
    assert ours.dtype == theirs.dtype
    np.testing.assert_allclose(
        ours, theirs, rtol=1e-12 if dtype == "float64" else 2e-5, atol=1e-30 if name != "sinc" else 1e-7
    )


@pytest.mark.parametrize("name", [*UNARY, *BINARY, "polygamma", "mvlgamma", "cov", "corrcoef", "quantile", "nanquantile",
    "nanmedian", "mode", "isin", "unique_consecutive", "histogram", "histogramdd", "frexp", "nextafter", "logaddexp2",
    "renorm", "dist", "cdist", "vdot", "block_diag", "cartesian_prod", "combinations", "split_with_sizes", "diff",
    "select_scatter", "slice_scatter", "diagonal_scatter", "index_reduce", "put", "unravel_index", "msort", "vander",
    "gradient", "trapezoid", "trapz", "cumulative_trapezoid", "broadcast_tensors"])  # fmt: skip
def test_methods_are_pytorchs(torch, name):
    assert hasattr(mg, name)
    for suffix in ("", "_"):
        assert hasattr(mg.Tensor, name + suffix) == hasattr(torch.Tensor, name + suffix)


PAIRS = [
    (lambda L, x, y: L.copysign(x, y), (2, 3), (3,)),
    (lambda L, x, y: L.copysign(x, y), (2, 3), np.array([0.0, -0.0, -2.0])),
    (lambda L, x, y: x.copysign(-1), (2, 3), ()),
    (lambda L, x, y: L.copysign(x, 2), np.array([1, -2]), ()),
    (lambda L, x, y: L.copysign(2.0, x), (3,), ()),
    (lambda L, x, y: L.ldexp(x, y), (2, 3), (3,)),
    (lambda L, x, y: L.ldexp(x, y), (2, 3), np.array([1, 0, 3])),
    (lambda L, x, y: L.ldexp(x.detach(), y), (2, 3), np.array([1, -2, 3])),
    (lambda L, x, y: L.ldexp(x, y), np.array([1, 2]), np.array([1, 2])),
    (lambda L, x, y: L.ldexp(x, 2), (2, 3), ()),
    (lambda L, x, y: L.logaddexp2(x, y), (2, 3), (3,)),
    (lambda L, x, y: L.logaddexp2(x, y), np.array([1, 2]), np.array([1, 2])),
    (lambda L, x, y: L.logaddexp2(x, 1.0), (3,), ()),
    (lambda L, x, y: L.frexp(x), (2, 3), ()),
    (lambda L, x, y: L.frexp(x), np.array([1, 2]), ()),
    (lambda L, x, y: L.nextafter(x, y).detach(), (2, 3), (3,)),
    (lambda L, x, y: L.nextafter(x, y), np.array([1, 2]), np.array([1, 2])),
    (lambda L, x, y: L.heaviside(x.detach(), y.detach()), np.array([-1.0, 0.0, 2.0, nan]), (4,)),
    (lambda L, x, y: L.heaviside(x, y), np.array([-1, 0, 2]), np.array([5])),
    (lambda L, x, y: L.heaviside(x, y), (3,), np.array([1, 2, 3])),
    (lambda L, x, y: L.heaviside(x, 1.0), (3,), ()),
    (lambda L, x, y: L.gcd(x, y), np.array([12, -8, 0, 5]), np.array([18, 12, 0, 7], np.int32)),
    (lambda L, x, y: x.lcm(y), np.array([12, -8, 0, 5]), np.array([18, 12, 0, 7])),
    (lambda L, x, y: L.gcd(x, y), (2,), (2,)),
    (lambda L, x, y: L.gcd(x, 2), np.array([1, 2]), ()),
    (lambda L, x, y: L.igamma(x.detach().abs(), y.abs()), (20,), (20,)),
    (lambda L, x, y: L.igammac(x.detach().abs() * 9, y.abs() * 9), (20,), (20,)),
    (lambda L, x, y: L.special.zeta(x.detach().abs() + 1.1, y.abs()), (20,), (20,)),
    (lambda L, x, y: L.special.zeta(3, y.abs()), (), (20,)),
    (lambda L, x, y: L.special.zeta(x.detach(), 2.0), np.array([2.0, 3.5, 1.0, 0.5]), ()),
    (lambda L, x, y: L.special.zeta(x, 2.0).sum().backward(), (3,), ()),
    (lambda L, x, y: L.igamma(x, y).sum().backward(), (3,), (3,)),
    (lambda L, x, y: L.special.xlog1py(x, y.abs()), (2, 3), (3,)),
    (lambda L, x, y: L.special.xlog1py(x, 2), np.array([0.0, 1.0, -2.0]), ()),
    (lambda L, x, y: L.special.xlog1py(2, y.abs()), (), (3,)),
    (lambda L, x, y: L.special.xlog1py(2, 2), (), ()),
    (lambda L, x, y: L.special.xlogy(x, y.abs()), (2, 3), (3,)),
    (lambda L, x, y: L.polygamma(0, x.abs()), (3,), ()),
    (lambda L, x, y: L.polygamma(2, x.abs() + 0.1), (30,), ()),
    (lambda L, x, y: (x.float().abs() + 0.1).polygamma(1), (3,), ()),
    (lambda L, x, y: L.polygamma(3, x), np.array([1, 2, 3]), ()),
    (lambda L, x, y: L.polygamma(-1, x), (3,), ()),
    (lambda L, x, y: L.polygamma(1.5, x), (3,), ()),
    (lambda L, x, y: L.mvlgamma(x.abs() + 1, 3), (2, 3), ()),
    (lambda L, x, y: L.special.multigammaln(x.abs() + 1, 2), (2, 3), ()),
    (lambda L, x, y: L.mvlgamma(x, 1), np.array([1, 2, 3]), ()),
    (lambda L, x, y: L.mvlgamma(x, 0), (3,), ()),
    (lambda L, x, y: x.abs().add(1).mvlgamma(2), (3,), ()),
    (lambda L, x, y: L.special.logit(x, 0.1), np.array([0.05, 0.5, 0.99]), ()),
    (lambda L, x, y: L.special.logsumexp(x, 1), (2, 3), ()),
    (lambda L, x, y: L.special.softmax(x, 1), (2, 3), ()),
    (lambda L, x, y: L.special.log_softmax(x, dim=0), (2, 3), ()),
    (lambda L, x, y: L.special.polygamma(2, x.abs()), (3,), ()),
    (lambda L, x, y: L.special.modified_bessel_i0(x.detach()), (3,), ()),
    (lambda L, x, y: L.special.modified_bessel_i1(x.detach()), (3,), ()),
    (lambda L, x, y: L.vdot(x, y), (3,), (3,)),
    (lambda L, x, y: x.vdot(y), (3,), (4,)),
    (lambda L, x, y: L.vdot(x, y), (3, 2), (3, 2)),
    # distances
    (lambda L, x, y: L.cdist(x, y), (4, 3), (5, 3)),
    (lambda L, x, y: L.cdist(x, y), (30, 3), (5, 3)),
    (lambda L, x, y: L.cdist(x, y), (2, 1, 4, 3), (3, 5, 3)),
    (lambda L, x, y: L.cdist(x, y, 1.0), (4, 3), (5, 3)),
    (lambda L, x, y: L.cdist(x, y, p=3), (4, 3), (5, 3)),
    (lambda L, x, y: L.cdist(x, y, p=inf), (4, 3), (5, 3)),
    (lambda L, x, y: L.cdist(x, y, p=0.0), (4, 3), (5, 3)),
    (lambda L, x, y: L.cdist(x, y, compute_mode="use_mm_for_euclid_dist"), (4, 3), (5, 3)),
    (lambda L, x, y: L.cdist(x, y, compute_mode="donot_use_mm_for_euclid_dist"), (4, 3), (5, 3)),
    (lambda L, x, y: L.cdist(x, y, compute_mode="x"), (4, 3), (5, 3)),
    (lambda L, x, y: L.cdist(x, x), np.array([[0.0, 1.0], [0.0, 1.0], [2.0, 2.0]]), ()),
    (lambda L, x, y: L.cdist(x, y, -1), (4, 3), (5, 3)),
    (lambda L, x, y: L.cdist(x, y), (4, 3), (5, 2)),
    (lambda L, x, y: L.cdist(x, y), (3,), (5, 3)),
    (lambda L, x, y: L.cdist(x, y), np.ones((2, 3), int), (5, 3)),
    (lambda L, x, y: L.cdist(x, y), np.ones((2, 3), np.float32), (5, 3)),
    (lambda L, x, y: L.cdist(x, y), (0, 3), (5, 3)),
    (lambda L, x, y: L.cdist(x, y), (2, 0), (5, 0)),
    (lambda L, x, y: L.cdist(x, y), (3, 2, 4), (2, 2, 4)),
    (lambda L, x, y: L.dist(x, y), (2, 3), (3,)),
    (lambda L, x, y: L.dist(x, y, 1), (2, 3), (3,)),
    (lambda L, x, y: x.dist(y, p=inf), (2, 3), (3,)),
    (lambda L, x, y: L.dist(x, y, 0), (2, 3), (3,)),
    (lambda L, x, y: L.dist(x, x), (2, 3), ()),
    (lambda L, x, y: L.dist(x, y), np.array([1, 2]), np.array([1, 2])),
    (lambda L, x, y: L.renorm(x, 2, 0, 1.0), (3, 4), ()),
    (lambda L, x, y: x.renorm(1, 1, 0.5), (3, 4, 2), ()),
    (lambda L, x, y: L.renorm(x, p=3, dim=-1, maxnorm=0.5), (3, 4), ()),
    (lambda L, x, y: L.renorm(x, 2, 0, 1.0), (3,), ()),
    (lambda L, x, y: L.renorm(x, -1, 0, 1.0), (3, 2), ()),
    (lambda L, x, y: L.renorm(x, 2, 0, -1.0), (3, 2), ()),
    (lambda L, x, y: L.renorm(x, 2, 0, 1.0), np.ones((2, 2), int), ()),
    # differences, derivatives, integrals
    (lambda L, x, y: L.diff(x), (2, 5), ()),
    (lambda L, x, y: x.diff(n=2, dim=0), (4, 3), ()),
    (lambda L, x, y: L.diff(x, prepend=y), (2, 3), (2, 1)),
    (lambda L, x, y: L.diff(x, 1, 0, y, y), (2, 3), (2, 3)),
    (lambda L, x, y: L.diff(x, append=y), np.array([1, 3, 7]), np.array([1.5])),
    (lambda L, x, y: L.diff(x), np.array([True, False, False]), ()),
    (lambda L, x, y: L.diff(x, n=0), (3,), ()),
    (lambda L, x, y: L.diff(x, n=9), (3,), ()),
    (lambda L, x, y: L.diff(x, -1), (3,), ()),
    (lambda L, x, y: L.diff(x), (), ()),
    (lambda L, x, y: L.diff(x, prepend=y), (3,), ()),
    (lambda L, x, y: L.diff(x, prepend=y), (2, 3), (3, 1)),
    (lambda L, x, y: L.gradient(x), (4, 5), ()),
    (lambda L, x, y: L.gradient(x, spacing=0.5), (4, 5), ()),
    (lambda L, x, y: L.gradient(x, spacing=[0.5, 2]), (4, 5), ()),
    (lambda L, x, y: L.gradient(x, dim=1, edge_order=2), (4, 5), ()),
    (lambda L, x, y: L.gradient(x, spacing=(y, y * 2), edge_order=2), (4, 4), np.array([0.0, 1.0, 3.0, 7.0])),
    (lambda L, x, y: L.gradient(x, spacing=(y,), dim=0), (4, 5), np.array([0.0, 1.0, 3.0, 7.0])),
    (lambda L, x, y: L.gradient(x, spacing=(y,), dim=0), (4,), np.array([0, 1, 2, 3])),
    (lambda L, x, y: L.gradient(x), np.array([1, 3, 7, 2]), ()),
    (lambda L, x, y: L.gradient(x, spacing=[1.0, 2.0]), (4,), ()),
    (lambda L, x, y: L.gradient(x, edge_order=3), (4,), ()),
    (lambda L, x, y: L.gradient(x), (1,), ()),
    (lambda L, x, y: L.gradient(x, edge_order=2), (2,), ()),
    (lambda L, x, y: L.gradient(x, dim=(0, 0)), (4, 5), ()),
    (lambda L, x, y: L.gradient(x, dim=3), (4, 5), ()),
    (lambda L, x, y: L.gradient(x, spacing=(y, y)), (4, 4), (4, 4)),
    (lambda L, x, y: L.trapezoid(x), (2, 5), ()),
    (lambda L, x, y: L.trapz(x, dx=0.5, dim=0), (2, 5), ()),
    (lambda L, x, y: L.trapezoid(x, y), (2, 5), (5,)),
    (lambda L, x, y: L.trapezoid(x, y, dim=0), (3, 5), (3,)),
    (lambda L, x, y: L.trapezoid(x, y), (2, 5), (2, 5)),
    (lambda L, x, y: L.trapezoid(x, y), (3, 2, 5), (2, 5)),
    (lambda L, x, y: L.trapezoid(x), np.array([1, 3, 7]), ()),
    (lambda L, x, y: L.trapezoid(x), np.array([True, False]), ()),
    (lambda L, x, y: L.trapezoid(x, x, dx=2), (3,), ()),
    (lambda L, x, y: L.trapezoid(x, y), (2, 5), (3,)),
    (lambda L, x, y: L.trapezoid(x.detach()), (0,), ()),
    (lambda L, x, y: L.trapezoid(x), (1,), ()),
    (lambda L, x, y: L.trapezoid(x), (), ()),
    (lambda L, x, y: L.cumulative_trapezoid(x), (2, 5), ()),
    (lambda L, x, y: L.cumulative_trapezoid(x, y, dim=0), (3, 5), (3,)),
    (lambda L, x, y: L.cumulative_trapezoid(x, dx=2), np.array([1, 3, 7]), ()),
    (lambda L, x, y: L.cumulative_trapezoid(x), (1,), ()),
    # statistics
    (lambda L, x, y: L.cov(x), (3, 5), ()),
    (lambda L, x, y: x.cov(correction=0), (3, 5), ()),
    (lambda L, x, y: L.cov(x), (5,), ()),
    (lambda L, x, y: L.cov(x), np.array([[1, 3, 7], [2, 2, 5]]), ()),
    (lambda L, x, y: L.cov(x, fweights=y), (3, 4), np.array([1, 2, 3, 1])),
    (lambda L, x, y: L.cov(x, aweights=y.abs()), (3, 4), (4,)),
    (lambda L, x, y: L.cov(x, correction=0, aweights=y.abs()), (3, 4), (4,)),
    (lambda L, x, y: L.cov(x, fweights=L.tensor([1, 2, 3, 1]), aweights=y.abs()), (3, 4), (4,)),
    (lambda L, x, y: L.cov(x, correction=9), (2, 4), ()),
    (lambda L, x, y: L.cov(x), (2, 2, 2), ()),
    (lambda L, x, y: L.cov(x), np.array([True, False]), ()),
    (lambda L, x, y: L.cov(x, fweights=y), (3, 4), (4,)),
    (lambda L, x, y: L.cov(x, fweights=y), (3, 4), np.array([1, 2, -3, 1])),
    (lambda L, x, y: L.cov(x, fweights=y), (3, 4), np.array([1, 2])),
    (lambda L, x, y: L.cov(x, fweights=y), (3, 4), np.array([0, 0, 0, 0])),
    (lambda L, x, y: L.cov(x, aweights=y), (3, 4), np.array([1, 2, 1, 1])),
    (lambda L, x, y: L.cov(x, aweights=y), (3, 4), (2, 2)),
    (lambda L, x, y: L.corrcoef(x), (3, 5), ()),
    (lambda L, x, y: x.corrcoef(), (5,), ()),
    (lambda L, x, y: L.corrcoef(x), (2, 2, 2), ()),
    (lambda L, x, y: L.quantile(x, 0.3), (3, 5), ()),
    (lambda L, x, y: L.quantile(x, 0.3, 1), (3, 5), ()),
    (lambda L, x, y: L.quantile(x, 0.3, 0, keepdim=True), (3, 5), ()),
    (lambda L, x, y: L.quantile(x, 0.3, keepdim=True), (3, 5), ()),
    (lambda L, x, y: x.quantile(y, dim=1), (3, 5), np.array([0.0, 0.3, 1.0])),
    (lambda L, x, y: L.quantile(x, y, dim=1, keepdim=True), (3, 5, 2), np.array([0.25, 0.7])),
    (lambda L, x, y: L.quantile(x, y, keepdim=True), (3, 5, 2), np.array([0.25, 0.7])),
    (lambda L, x, y: L.quantile(x, y), (3, 5), np.array(0.3)),
    *(
        (lambda L, x, y, name=name: L.quantile(x, y, 0, interpolation=name), (4, 3), np.array([0.1, 0.5, 0.9]))
        for name in ("linear", "lower", "higher", "midpoint", "nearest", "other")
    ),
    (lambda L, x, y: L.quantile(x, 0.5, 1), np.array([[1.0, nan, 2.0], [1.0, 2.0, 3.0]]), ()),
    (lambda L, x, y: L.nanquantile(x, 0.4, 1), np.array([[1.0, nan, 2.0], [1.0, 2.0, 3.0], [nan] * 3]), ()),
    (lambda L, x, y: L.nanquantile(x, y, 1), np.array([[1.0, nan, 2.0], [1.0, 2.0, 3.0], [nan] * 3]), np.array([0.2, 1])),
    (lambda L, x, y: x.nanquantile(0.4), np.array([[1.0, nan, 2.0], [1.0, 2.0, 3.0]]), ()),
    (lambda L, x, y: L.quantile(x, 0.5), np.array([inf, inf, -inf]), ()),
    (lambda L, x, y: L.quantile(x, 0.5), (), ()),
    (lambda L, x, y: L.quantile(x, 0.5, 0, True), (), ()),
    (lambda L, x, y: L.quantile(x, 2.0), (3,), ()),
    (lambda L, x, y: L.quantile(x, y), (3,), np.array([0.5, 2.0])),
    (lambda L, x, y: L.quantile(x, 0.5), np.array([1, 2]), ()),
    (lambda L, x, y: L.quantile(x, y), (3,), np.array([0.5], np.float32)),
    (lambda L, x, y: L.quantile(x, 0.5), (0,), ()),
    (lambda L, x, y: L.quantile(x, y), (3,), (2, 2)),
    (lambda L, x, y: L.quantile(x, [0.5]), (3,), ()),
    (lambda L, x, y: L.quantile(x, 0.5, 3), (3,), ()),
    (lambda L, x, y: L.nanmedian(x), np.array([[5.0, nan, 2.0], [1.0, 2.0, 3.0]]), ()),
    (lambda L, x, y: x.nanmedian(1), np.array([[5.0, nan, 2.0], [1.0, 2.0, 3.0]]), ()),
    (lambda L, x, y: L.nanmedian(x, 0, keepdim=True), np.array([[5.0, nan, 2.0], [1.0, 2.0, 3.0]]), ()),
    (lambda L, x, y: L.nanmedian(x, 1)[0], np.array([[nan, nan], [1.0, 2.0]]), ()),
    (lambda L, x, y: L.nanmedian(x), np.array([nan, nan]), ()),
    (lambda L, x, y: L.nanmedian(x), np.array([3, 1, 2]), ()),
    (lambda L, x, y: L.nanmedian(x, 0), np.zeros((0, 2)), ()),
    (lambda L, x, y: L.nanmedian(x), np.array([True]), ()),
    (lambda L, x, y: L.mode(x), np.array([[3, 1, 1, 3, 2], [5, 4, 3, 2, 1]]), ()),
    (lambda L, x, y: x.mode(0, keepdim=True)[0], np.array([[3.0, 1.0, 1.0], [5.0, 1.0, 3.0], [3.0, 2.0, 3.0]]), ()),
    (lambda L, x, y: L.mode(x), (), ()),
    (lambda L, x, y: L.mode(x), np.array([True, False]), ()),
    (lambda L, x, y: L.mode(x), (0,), ()),
    (lambda L, x, y: L.histogram(x.detach(), 4), (20,), ()),
    (lambda L, x, y: x.detach().histogram(4, range=(-1.0, 1.0)), (20,), ()),
    (lambda L, x, y: L.histogram(x.detach(), y, density=True), (20,), np.array([-1.0, 0.0, 0.5, 2.0])),
    (lambda L, x, y: L.histogram(x.detach(), 3, weight=y.detach()), (20,), (20,)),
    (lambda L, x, y: L.histogram(x, 4), np.array([2.0, 2.0]), ()),
    (lambda L, x, y: L.histogram(x, 4), (0,), ()),
    (lambda L, x, y: L.histogram(x, 3), np.array([1, 2]), ()),
    (lambda L, x, y: L.histogram(x, 0), (3,), ()),
    (lambda L, x, y: L.histogram(x, 3, range=(2.0, 0.0)), (3,), ()),
    (lambda L, x, y: L.histogram(x, 3), np.array([1.0, nan]), ()),
    (lambda L, x, y: L.histogram(x, 3, weight=y), (3,), (2,)),
    (lambda L, x, y: L.histogram(x, y), (3,), np.array([1, 2, 6])),
    (lambda L, x, y: L.histogram(x, y), (3,), (2, 2)),
    (lambda L, x, y: [*L.histogramdd(x.detach(), [2, 3])[1], L.histogramdd(x.detach(), [2, 3])[0]], (20, 2), ()),
    (lambda L, x, y: L.histogramdd(x.detach(), 3)[0], (20, 2), ()),
    (lambda L, x, y: L.histogramdd(x.detach(), [2, 3], range=[-1.0, 1.0, 0.0, 2.0], density=True)[0], (20, 2), ()),
    (lambda L, x, y: L.histogramdd(x.detach(), [y.detach(), y.detach()])[0], (20, 2), np.array([-1.0, 0.2, 1.0])),
    (lambda L, x, y: L.histogramdd(x, [2]), (20, 2), ()),
    (lambda L, x, y: L.histogramdd(x, [2]), (20,), ()),
    (lambda L, x, y: L.histogramdd(x, [2, 3], range=[0.0, 5.0, 0.0]), (20, 2), ()),
    # sets
    (lambda L, x, y: L.isin(x, y), np.array([[1, 2], [3, 4]]), np.array([2, 4, 9])),
    (lambda L, x, y: L.isin(x, y, invert=True), np.array([1.0, nan, 3.0]), np.array([nan, 3.0])),
    (lambda L, x, y: L.isin(x, 2), np.array([1, 2, 3]), ()),
    (lambda L, x, y: L.isin(2, x), np.array([1, 2, 3]), ()),
    (lambda L, x, y: L.isin(x, y), np.array([1, 2, 3]), np.array([1.0, 2.5])),
    (lambda L, x, y: L.isin(2, 2), (), ()),
    (lambda L, x, y: L.isin(x, [1]), np.array([1, 2]), ()),
    (lambda L, x, y: L.isin(x, y), np.array([True]), np.array([1])),
    (lambda L, x, y: L.unique_consecutive(x, True, True), np.array([[1, 2, 2, 5], [3, 3, 1, 1]]), ()),
    (lambda L, x, y: x.unique_consecutive(dim=0, return_counts=True), np.array([[1, 2], [1, 2], [3, 4]]), ()),
    (lambda L, x, y: L.unique_consecutive(x, return_inverse=True, dim=1), np.array([[1, 1], [2, 2]]), ()),
    (lambda L, x, y: L.unique_consecutive(x, True, True), np.zeros(0), ()),
    (lambda L, x, y: L.unique_consecutive(x), np.array(3), ()),
    (lambda L, x, y: L.combinations(x), (4,), ()),
    (lambda L, x, y: L.combinations(x, 3, with_replacement=True), (3,), ()),
    (lambda L, x, y: L.combinations(x, 1), (3,), ()),
    (lambda L, x, y: L.combinations(x.detach(), 0), (3,), ()),
    (lambda L, x, y: L.combinations(x, 4), (3,), ()),
    (lambda L, x, y: L.combinations(x), (3, 2), ()),
    (lambda L, x, y: L.combinations(x, -1), (3,), ()),
    (lambda L, x, y: L.cartesian_prod(x, y), (3,), (2,)),
    (lambda L, x, y: L.cartesian_prod(x), (3,), ()),
    (lambda L, x, y: L.cartesian_prod(x, y), (3, 2), (2,)),
    (lambda L, x, y: L.cartesian_prod(x, y), (3,), np.array([1, 2])),
    (lambda L, x, y: L.cartesian_prod(), (), ()),
    # joining, taking apart, writing
    (lambda L, x, y: L.block_diag(x, y, x), (2, 3), (2,)),
    (lambda L, x, y: L.block_diag(x, y), (), np.array([[1, 2]])),
    (lambda L, x, y: L.block_diag(), (), ()),
    (lambda L, x, y: L.block_diag(x), (0,), ()),
    (lambda L, x, y: L.block_diag(x), (2, 2, 2), ()),
    (lambda L, x, y: L.block_diag(1.0), (), ()),
    (lambda L, x, y: L.broadcast_tensors(x, y), (2, 1), (3,)),
    (lambda L, x, y: L.split_with_sizes(x, [1, 3]), (4, 2), ()),
    (lambda L, x, y: x.split_with_sizes((1, 1), dim=1), (4, 2), ()),
    (lambda L, x, y: L.split_with_sizes(x, [1, 2]), (4,), ()),
    (lambda L, x, y: L.select_scatter(x, y, 0, 1), (2, 3), (3,)),
    (lambda L, x, y: x.select_scatter(y, -1, -2), (2, 3), (2,)),
    (lambda L, x, y: L.select_scatter(x, y, 0, 0), (2, 3), (2,)),
    (lambda L, x, y: L.select_scatter(x, y, 0, 5), (2, 3), (3,)),
    (lambda L, x, y: L.select_scatter(x, y, 0, 1), (2, 3), np.ones(3, np.float32)),
    (lambda L, x, y: L.slice_scatter(x, y, 1, 1, 3), (2, 4), (2, 2)),
    (lambda L, x, y: x.slice_scatter(y, dim=1, step=2), (2, 4), (2, 2)),
    (lambda L, x, y: L.slice_scatter(x, y, 1, -2), (2, 4), (2, 2)),
    (lambda L, x, y: L.slice_scatter(x, y, 0, 5), (2, 4), (0, 4)),
    (lambda L, x, y: L.slice_scatter(x, y, 1, 1, 3), (2, 4), (2, 3)),
    (lambda L, x, y: L.slice_scatter(x, y, 1, 0, 4, -2), (2, 4), (2, 2)),
    (lambda L, x, y: L.diagonal_scatter(x, y), (3, 4), (3,)),
    (lambda L, x, y: x.diagonal_scatter(y, 1, 2, 0), (2, 3, 4), (3, 1)),
    (lambda L, x, y: L.diagonal_scatter(x, y, offset=-1), (3, 4), (2,)),
    (lambda L, x, y: L.diagonal_scatter(x, y), (3, 4), (4,)),
    *(
        (lambda L, x, y, name=name, own=own: L.index_reduce(x, 0, L.tensor([0, 2, 0]), y, name, include_self=own), (3, 2), (3, 2))
        for name in ("prod", "mean", "amax", "amin", "sum")
        for own in (True, False)
    ),
    (lambda L, x, y: x.index_reduce(1, L.tensor([1, 1]), y, "amax"), (2, 3), (2, 2)),
    (lambda L, x, y: L.index_reduce(x, 0, L.tensor([0, 0]), y, "mean"), np.array([[1, 2], [3, 4]]), np.array([[5, 5], [6, 6]])),
    (lambda L, x, y: L.index_reduce(x, 0, L.tensor([0, 5]), y, "amax"), (2, 3), (2, 3)),
    (lambda L, x, y: L.index_reduce(x, 0, L.tensor([0, 1]), y, "amax"), (2, 3), (3,)),
    (lambda L, x, y: L.index_reduce(x, 0, L.tensor([0.0, 1.0]), y, "amax"), (2, 3), (2, 3)),
    (lambda L, x, y: L.index_reduce(x, 0, L.tensor([0, 1]), y, "amax"), (2, 3), np.ones((2, 3), np.float32)),
    (lambda L, x, y: L.put(x, L.tensor([1, -1]), y), (2, 3), (2,)),
    (lambda L, x, y: x.put(L.tensor([[1, 1]]), y, accumulate=True), (2, 3), (2,)),
    (lambda L, x, y: L.put(x, L.tensor([1, 9]), y), (2, 3), (2,)),
    (lambda L, x, y: L.put(x, L.tensor([1, 1]), y), (2, 3), (3,)),
    (lambda L, x, y: L.put(x, L.tensor([1.0, 1.0]), y), (2, 3), (2,)),
    (lambda L, x, y: L.put(x, L.tensor([1]), y), (2, 3), np.ones(1, np.float32)),
    (lambda L, x, y: L.unravel_index(x, (2, 3)), np.array([[5, 2], [0, 1]]), ()),
    (lambda L, x, y: L.unravel_index(x, 6), np.array(5), ()),
    (lambda L, x, y: L.unravel_index(x, (2, 3)), np.array([7, -1]), ()),
    (lambda L, x, y: L.unravel_index(x, (2, 3)), (2,), ()),
    (lambda L, x, y: L.unravel_index(x, (2, -3)), np.array([1]), ()),
    (lambda L, x, y: L.msort(x), (4, 3), ()),
    (lambda L, x, y: L.vander(x), (4,), ()),
    (lambda L, x, y: L.vander(x, 2, increasing=True), (4,), ()),
    (lambda L, x, y: L.vander(x), np.array([1, 2, 3]), ()),
    (lambda L, x, y: L.vander(x.detach(), N=0), (4,), ()),
    (lambda L, x, y: L.vander(x, -1), (4,), ()),
    (lambda L, x, y: L.vander(x), (4, 2), ()),
]  # fmt: skip


@pytest.mark.parametrize(("call", "x", "y"), PAIRS, ids=[text(case[0]) for case in PAIRS])
@pytest.mark.filterwarnings("ignore:cov", "ignore:index_reduce")
def test_calls(torch, call, x, y):
    check(torch, call, *arrays(x, y))


WRITTEN = [
    lambda L, x: x.lgamma_(),
    lambda L, x: x.digamma_(),
    lambda L, x: x.erfinv_(),
    lambda L, x: x.i0_(),
    lambda L, x: x.sinc_(),
    lambda L, x: x.deg2rad_().rad2deg_(),
    lambda L, x: x.copysign_(-1),
    lambda L, x: x.ldexp_(L.tensor(3)),
    lambda L, x: x.polygamma_(2),
    lambda L, x: x.mvlgamma_(1),
    lambda L, x: x.heaviside_(L.tensor(0.5, dtype=x.dtype)),
    lambda L, x: x.nextafter_(x + 1),
    lambda L, x: x.igamma_(x),
    lambda L, x: x.put_(L.tensor([1]), L.tensor([2.0], dtype=x.dtype)),
    lambda L, x: x.index_reduce_(0, L.tensor([1]), L.tensor([2.0], dtype=x.dtype), "amax"),
    lambda L, x: x.long().gcd_(L.tensor(2)).lcm_(L.tensor(3)),
    lambda L, x: x.reshape(2, 2).renorm_(2, 0, 0.5),
    lambda L, x: x.long().lgamma_(),
]


@pytest.mark.parametrize("call", WRITTEN, ids=text)
def test_written_in_place(torch, call):
    check(torch, call, np.array([0.7, 0.2, 0.9, 0.4]), recorded=False)
