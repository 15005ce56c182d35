"""Linear algebra on batches of matrices, (..., n, m). Every rule is written in primitives of this file.

What has several results packs them into one array, (..., total), and its rule unpacks the cotangent
and the result alike: one node, one rule, every order. Formulas: Giles, "Collected matrix derivative
results for forward and reverse mode algorithmic differentiation" (2008), and PyTorch's for QR and det.
"""

from __future__ import annotations

import math

import numpy as np

from minigrad.layout import c_ordered
from minigrad.ops.reduction import restore_axes
from minigrad.ops.shape import astype, reshape
from minigrad.ops.summation import in_float32, sum_axes
from minigrad.primitive import alias, primitive


class LinAlgError(RuntimeError):
    """A matrix has no such inverse or factor. In PyTorch, too, a RuntimeError."""


def mT(x):
    return np.swapaxes(x, -1, -2)


def _eye(x):
    return np.eye(x.shape[-1], dtype=x.dtype)


def _column(x):
    return np.expand_dims(x, -1)


def _diagonal(x):
    """(..., n, n) -> (..., n), as a sum: right on Tensors, too."""
    return np.sum(x * _eye(x), axis=-1)


# ---- sums and products ------------------------------------------------------------------------
@primitive(lambda g, _out, _x: g * np.eye(*_x.shape, dtype=_x.dtype))
def trace(x):
    return np.asarray(np.trace(x))


@primitive(
    lambda g, _out, _x, y, *, axis: cross(y, g, axis=axis),
    lambda g, _out, x, _y, *, axis: cross(g, x, axis=axis),
    promotes=0,
)
def cross(x, y, *, axis):
    """x × y along an axis of length three, counted from the end."""
    x, y = (np.moveaxis(v, axis, 0) for v in np.broadcast_arrays(x, y))
    out = np.stack([x[i - 2] * y[i - 1] - x[i - 1] * y[i - 2] for i in range(3)])
    return np.moveaxis(out, 0, axis).copy()  # in C order, as PyTorch's


# ---- inverse, determinant, systems ------------------------------------------------------------
def _singular(x, name):
    """Raise LinAlgError for the first matrix that has no inverse."""
    bad = np.flatnonzero(np.linalg.matrix_rank(x).reshape(-1) < x.shape[-1])
    which = f"(Batch element {bad[0]}): " if x.ndim > 2 and bad.size else ""
    raise LinAlgError(
        f"{name}: {which}The input matrix is singular, so this could not be completed."
    ) from None


@primitive(lambda g, out, _x: -np.matmul(mT(out), np.matmul(g, mT(out))))
def inv(x):
    try:
        return np.linalg.inv(x)
    except np.linalg.LinAlgError:
        _singular(x, "linalg.inv")


def _solve_left(g, out, a, _b):
    return -np.matmul(solve(mT(a), g), mT(out))


@primitive(_solve_left, lambda g, _out, a, _b: solve(mT(a), g))
def solve(a, b):
    """The x of a @ x = b: (..., n, n), (..., n, k) -> (..., n, k)."""
    try:
        return np.linalg.solve(a, b)
    except np.linalg.LinAlgError:
        _singular(a, "torch.linalg.solve")


def _minors(s, left_out):
    """The products of all singular values (..., k) but those ``left_out``, (..., *left_out)."""
    k = s.shape[-1]
    hidden = np.zeros((*left_out, k), bool)
    for place in np.ndindex(*left_out):
        hidden[(*place, list(place))] = True
    s = s.reshape(*s.shape[:-1], *(1,) * len(left_out), k)
    return np.prod(np.where(hidden, 1, s), axis=-1)


def _svd_with_sign(x):
    u, s, vh = np.linalg.svd(x)
    return u, s, vh, np.linalg.det(u) * np.linalg.det(vh)


@primitive(lambda g, _out, x: np.expand_dims(g, (-1, -2)) * cofactor(x))
def det(x):
    return np.asarray(np.linalg.det(x))


@primitive(lambda g, _out, x: cofactor_vjp(x, g))
def cofactor(x):
    """det(x) inv(x).mT, the derivative of det; by singular values where one is nearly singular, which has it, too."""
    value = np.linalg.det(x)
    largest = np.prod(np.sqrt(np.sum(x * x, axis=-1)), axis=-1)  # Hadamard's bound of |det|
    if (np.abs(value) > np.finfo(x.dtype).eps ** 0.5 * largest).all():
        return value[..., None, None] * mT(np.linalg.inv(x))
    u, s, vh, sign = _svd_with_sign(x)
    k = s.shape[-1]
    return (u * (sign[..., None] * _minors(s, (k,)))[..., None, :]) @ vh


def _third_order(h, x, g):
    """The vjp of cofactor_vjp in x, of regular matrices."""
    back = inv(x)
    p, q = np.matmul(back, g), np.matmul(back, h)
    tp, tq, tpq = (np.expand_dims(_total(_diagonal(m)), (-1, -2)) for m in (p, q, np.matmul(p, q)))
    inner = (tp * tq - tpq) * _eye(x) - tq * p - tp * q + np.matmul(p, q) + np.matmul(q, p)
    return np.expand_dims(det(x), (-1, -2)) * mT(np.matmul(inner, back))


def _total(x):
    return np.sum(x, axis=-1)


@primitive(lambda h, _out, x, g: _third_order(h, x, g), lambda h, _out, x, _g: cofactor_vjp(x, h))
def cofactor_vjp(x, g):
    """The second derivative of det in the direction g, (..., n, n) each, by singular values."""
    u, s, vh, sign = _svd_with_sign(x)
    k = s.shape[-1]
    minors = _minors(s, (k, k)) * (1 - np.eye(k, dtype=x.dtype)) * sign[..., None, None]
    inner = mT(u) @ g @ mT(vh)
    diagonal = np.matmul(minors, np.diagonal(inner, axis1=-2, axis2=-1)[..., None])[..., 0]
    turned = diagonal[..., None] * np.eye(k, dtype=x.dtype) - minors * mT(inner)
    return u @ turned @ vh


@primitive(lambda g, _out, x: np.expand_dims(g, (-1, -2)) * mT(inv(x)))
def logabsdet(x):
    return np.asarray(np.linalg.slogdet(x)[1])


@primitive(None)
def sign_of_det(x):
    return np.asarray(np.linalg.slogdet(x)[0])


# ---- factors ----------------------------------------------------------------------------------
def _lower(x):
    """The lower triangle with half the diagonal."""
    n = x.shape[-1]
    return x * (np.tri(n, dtype=x.dtype) - np.eye(n, dtype=x.dtype) / 2)


def _cholesky_vjp(g, out):
    inner = _lower(np.matmul(mT(out), g))
    half = solve(mT(out), mT(solve(mT(out), mT(inner))))
    return (half + mT(half)) / 2


@primitive(lambda g, out, _x: _cholesky_vjp(g, out))
def cholesky(x):
    """The lower L of L @ L.mT = x, of which the lower triangle is read."""
    try:
        return np.linalg.cholesky(x)
    except np.linalg.LinAlgError:
        _not_positive(x)


def _not_positive(x):
    for i, matrix in enumerate(x.reshape(-1, *x.shape[-2:])):
        for n in range(1, x.shape[-1] + 1):
            try:
                np.linalg.cholesky(matrix[:n, :n])
            except np.linalg.LinAlgError:
                which = f"(Batch element {i}): " if x.ndim > 2 else ""
                raise LinAlgError(
                    f"linalg.cholesky: {which}The factorization could not be completed because the input is not "
                    f"positive-definite (the leading minor of order {n} is not positive-definite)."
                ) from None


def _pack(*parts):
    """Matrices (..., n, m) and vectors (..., n) side by side, flat: (..., total)."""
    lead = parts[0].shape[:-2]
    return np.concatenate(
        [p.reshape(*lead, math.prod(p.shape[len(lead) :])) for p in parts], axis=-1
    )


def unpack(x, *shapes):
    """Take apart what ``_pack`` put together, whether an array or a Tensor."""
    parts, start, lead = [], 0, x.shape[:-1]
    for shape in shapes:
        n = math.prod(shape)
        parts.append(reshape(x[..., start : start + n], shape=(*lead, *shape)))
        start += n
    return parts


def qr_shapes(x):
    *_, n, m = x.shape
    k = min(n, m)
    return (n, k), (k, m)


def _qr_tall_vjp(gq, gr, q, r):
    """q (n, k), r (k, k), by gq Q + upper triangle, turned by the inverse of r."""
    upper = np.triu(np.ones(r.shape[-2:], r.dtype))
    inner = (np.matmul(gr, mT(r)) - np.matmul(mT(q), gq)) * upper
    whole = inner + mT(inner) * (1 - _eye(r))
    return mT(solve(r, mT(gq + np.matmul(q, whole))))


def _qr_vjp(g, out, x):
    gq, gr = unpack(g, *qr_shapes(x))
    q, r = unpack(out, *qr_shapes(x))
    n, m = x.shape[-2:]
    if n >= m:
        return _qr_tall_vjp(gq, gr, q, r)
    left = _qr_tall_vjp(gq + np.matmul(x[..., n:], mT(gr[..., n:])), gr[..., :n], q, r[..., :n])
    return np.concatenate([left, np.matmul(q, gr[..., n:])], axis=-1)


@primitive(lambda g, out, x: _qr_vjp(g, out, x))
def qr(x):
    """Q (n, k) and R (k, m), packed; k is the smaller of n and m."""
    q, r = np.linalg.qr(x)
    return _pack(q, r)


def svd_shapes(x):
    *_, n, m = x.shape
    k = min(n, m)
    return (n, k), (k,), (k, m)


def _quotient(numerator, denominator):
    """Divide, where 0/0 (equal values that nobody asks to tell apart) is 0."""
    return numerator / np.where(np.logical_and(numerator == 0, denominator == 0), 1.0, denominator)


def _svd_vjp(g, out, x):
    gu, gs, gvh = unpack(g, *svd_shapes(x))
    u, s, vh = unpack(out, *svd_shapes(x))
    n, m = x.shape[-2:]
    row = np.expand_dims(s, -2)
    apart = row * row - _column(s) * _column(s) + np.eye(s.shape[-1], dtype=x.dtype)
    du, dv = np.matmul(mT(u), gu), np.matmul(vh, mT(gvh))
    inner = _quotient(du - mT(du), apart) * row + _column(s) * _quotient(dv - mT(dv), apart)
    inner = inner + _column(gs) * np.eye(s.shape[-1], dtype=x.dtype)
    made = np.matmul(u, np.matmul(inner, vh))
    if n > s.shape[-1]:
        made = made + np.matmul(_quotient(gu - np.matmul(u, du), row), vh)
    if m > s.shape[-1]:
        made = made + np.matmul(u, _quotient(gvh - np.matmul(mT(dv), vh), _column(s)))
    return made


@primitive(lambda g, out, x: _svd_vjp(g, out, x))
def svd(x):
    """U (n, k), S (k,) and Vh (k, m), packed; k is the smaller of n and m."""
    if not np.isfinite(x).all():
        raise LinAlgError(
            "linalg.svd: The algorithm failed to converge because the input matrix contained non-finite values."
        )
    try:
        u, s, vh = np.linalg.svd(x, full_matrices=False)
    except np.linalg.LinAlgError:
        raise LinAlgError("linalg.svd: The algorithm failed to converge") from None
    return _pack(u, s, vh)


def _eigh_vjp(g, out, x):
    n = x.shape[-1]
    gl, gv = unpack(g, (n,), (n, n))
    values, v = unpack(out, (n,), (n, n))
    eye = np.eye(n, dtype=x.dtype)
    inner = np.matmul(mT(v), gv) * (1 - eye)
    inner = _quotient(inner, np.expand_dims(values, -2) - _column(values) + eye) + _column(gl) * eye
    dx = np.matmul(v, np.matmul(inner, mT(v)))
    return (
        dx + mT(dx)
    ) * 0.5  # of a symmetric matrix, whichever triangle was read: PyTorch's choice


@primitive(lambda g, out, x, *, lower: _eigh_vjp(g, out, x))
def eigh(x, *, lower):
    """Eigenvalues (n,), rising, and eigenvectors (n, n) of symmetric matrices, packed; one triangle is read."""
    if not np.isfinite(x).all():
        return np.full((*x.shape[:-2], x.shape[-1] * (x.shape[-1] + 1)), np.nan, x.dtype)
    try:
        values, vectors = np.linalg.eigh(x, UPLO="L" if lower else "U")
    except np.linalg.LinAlgError:
        raise LinAlgError("linalg.eigh: The algorithm failed to converge") from None
    lead = x.shape[:-2]
    return np.concatenate([values, vectors.reshape(*lead, x.shape[-1] ** 2)], axis=-1)


def _pinv_vjp(g, out, x):
    g = mT(g)
    if x.shape[-2] <= x.shape[-1]:
        k = np.matmul(g, out)
        k_out = np.matmul(k, mT(out))
        first = k_out - mT(np.matmul(out, k)) - np.matmul(np.matmul(x, out), k_out)
        return first + np.matmul(np.matmul(mT(out), out), g - np.matmul(k, x))
    k = np.matmul(out, g)
    out_k = np.matmul(mT(out), k)
    first = out_k - mT(np.matmul(k, out)) - np.matmul(np.matmul(out_k, out), x)
    return first + np.matmul(g - np.matmul(x, k), np.matmul(out, mT(out)))


@primitive(lambda g, out, x, *, atol, rtol: _pinv_vjp(g, out, x))
def pinv(x, *, atol, rtol):
    """The pseudoinverse (..., m, n): singular values up to max(atol, rtol * largest) count as 0."""
    if 0 in x.shape[-2:]:
        return np.zeros((*x.shape[:-2], x.shape[-1], x.shape[-2]), x.dtype)
    u, s, vh = unpack(svd(x), *svd_shapes(x))
    kept = s > np.maximum(atol, rtol * s[..., :1])
    return mT(vh) @ (np.where(kept, 1 / np.where(kept, s, 1), 0)[..., None] * mT(u)).astype(x.dtype)


# ---- norms ------------------------------------------------------------------------------------
def _masked_power(x, exponent):
    """x to a power, and 0 where x is 0: the subgradient PyTorch takes."""
    zero = x == 0
    return np.power(np.where(zero, 1.0, x), exponent) * np.logical_not(zero)


def _norm_vjp(g, out, x, order, axis, keepdims):
    g, out = restore_axes(g, axis, keepdims), restore_axes(out, axis, keepdims)
    size = np.abs(x)
    if order == 0:
        return g * np.zeros(x.shape, x.dtype)
    if order == 1:
        return g * np.sign(x)
    if order == 2:
        return x * (g * _masked_power(out, -1.0))
    if math.isinf(order):
        hit = size == out
        ties = np.maximum(np.sum(hit * 1, axis=axis, keepdims=True), 1)  # NaN equals nothing
        return np.sign(x) * hit * (g / astype(ties, dtype=np.result_type(g.dtype, np.float32)))
    return np.sign(x) * _masked_power(size, order - 1.0) * (g * _masked_power(out, 1.0 - order))


@primitive(
    lambda g, out, x, *, order, axis, keepdims: _norm_vjp(g, out, x, order, axis, keepdims),
    name="linalg_vector_norm",
)
@c_ordered
@in_float32
def vector_norm(x, *, order, axis, keepdims):
    """sum(|x|**order) ** (1/order) along axes; order 0 counts, ±inf take the largest and the smallest."""
    size = np.abs(x)
    if math.isinf(order):
        reduced = (np.maximum if order > 0 else np.minimum).reduce(
            size, axis=axis, keepdims=keepdims
        )
    elif order == 0:
        reduced = np.sum(x != 0, axis=axis, keepdims=keepdims).astype(x.dtype)
    elif order == 1:
        reduced = sum_axes(size, axis, keepdims)
    elif order == 2:
        reduced = np.sqrt(sum_axes(x * x, axis, keepdims))
    else:
        with np.errstate(divide="ignore"):
            reduced = sum_axes(size**order, axis, keepdims) ** (1 / order)
    return np.asarray(reduced, x.dtype)


alias(inv, np.linalg.inv)
alias(det, np.linalg.det)
alias(
    cholesky,
    np.linalg.cholesky,
    call=lambda a, /, *, upper=False: mT(cholesky(a)) if upper else cholesky(a),
)
