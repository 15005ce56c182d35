"""Linear algebra on batches of matrices, (..., n, m), each rule in primitives of this file.

What has several results packs them into one array, (..., total), and its rule unpacks the cotangent
and the result alike: one node, one rule, every order. Formulas: Giles, "Collected matrix derivative
results for forward and reverse mode algorithmic differentiation" (2008), and PyTorch's for QR and
det.
"""

from __future__ import annotations

import math

import numpy as np

from minigrad.layout import as_array
from minigrad.ops.shape import reshape
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
    return as_array(np.trace(x))


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
        _singular(a, "linalg.solve")


def _minors(s, left_out):
    """The products of all singular values (..., k) but those ``left_out``, (..., *left_out)."""
    *lead, k = s.shape
    hidden = np.zeros((*left_out, k), bool)
    for place in np.ndindex(*left_out):
        hidden[(*place, list(place))] = True

    ones = [1] * len(left_out)
    s = s.reshape(*lead, *ones, k)
    return np.prod(np.where(hidden, 1, s), axis=-1)


def _svd_with_sign(x):
    u, s, vh = np.linalg.svd(x)
    return u, s, vh, np.linalg.det(u) * np.linalg.det(vh)


@primitive(lambda g, _out, x: np.expand_dims(g, (-1, -2)) * cofactor(x))
def det(x):
    return as_array(np.linalg.det(x))


@primitive(lambda g, _out, x: cofactor_vjp(x, g), whole=True)
def cofactor(x):
    """det(x) inv(x).mT, the derivative of det.

    Where a matrix is nearly singular it is computed from the singular values.
    """
    value = np.linalg.det(x)
    row_norms = np.sqrt(np.sum(x * x, axis=-1))
    largest = np.prod(row_norms, axis=-1)  # Hadamard's bound of |det|
    precision = np.finfo(x.dtype).eps ** 0.5
    if (np.abs(value) > precision * largest).all():
        return value[..., None, None] * mT(np.linalg.inv(x))

    u, s, vh, sign = _svd_with_sign(x)
    k = s.shape[-1]
    minors = _minors(s, (k,)) * sign[..., None]
    scaled = u * minors[..., None, :]
    return scaled @ vh


def _cofactor_vjp_vjp_x(h, _out, x, g):
    """The third derivative of det, of regular matrices."""
    back = inv(x)
    p = np.matmul(back, g)
    q = np.matmul(back, h)
    pq = np.matmul(p, q)
    tp, tq, tpq = _traces(p), _traces(q), _traces(pq)
    inner = (tp * tq - tpq) * _eye(x)
    inner = inner - tq * p - tp * q
    inner = inner + pq + np.matmul(q, p)
    return _matrix_scalar(det(x)) * mT(np.matmul(inner, back))


def _traces(x):
    """(..., n, n) -> (..., 1, 1)."""
    return _matrix_scalar(np.sum(_diagonal(x), axis=-1))


def _matrix_scalar(x):
    """(...) -> (..., 1, 1), which meets matrices."""
    return np.expand_dims(x, (-1, -2))


@primitive(_cofactor_vjp_vjp_x, lambda h, _out, x, _g: cofactor_vjp(x, h))
def cofactor_vjp(x, g):
    """The second derivative of det in the direction g, (..., n, n) each, by singular values."""
    u, s, vh, sign = _svd_with_sign(x)
    k = s.shape[-1]
    eye = np.eye(k, dtype=x.dtype)
    minors = _minors(s, (k, k)) * (1 - eye)
    minors = minors * sign[..., None, None]

    inner = mT(u) @ g @ mT(vh)
    diagonal = np.diagonal(inner, axis1=-2, axis2=-1)
    weighted = minors @ diagonal[..., None]  # (..., k, 1)
    turned = weighted * eye - minors * mT(inner)
    return u @ turned @ vh


@primitive(lambda g, _out, x: np.expand_dims(g, (-1, -2)) * mT(inv(x)))
def logabsdet(x):
    return as_array(np.linalg.slogdet(x)[1])


@primitive(None)
def sign_of_det(x):
    return as_array(np.linalg.slogdet(x)[0])


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
                    f"linalg.cholesky: {which}The factorization could not be completed because "
                    "the input is not positive-definite "
                    f"(the leading minor of order {n} is not positive-definite)."
                ) from None


def _pack(*parts):
    """Matrices (..., n, m) and vectors (..., n) side by side, flat: (..., total)."""
    lead = parts[0].shape[:-2]
    flat = [p.reshape(*lead, math.prod(p.shape[len(lead) :])) for p in parts]
    return np.concatenate(flat, axis=-1)


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
    symmetric = inner + mT(inner) * (1 - _eye(r))
    return mT(solve(r, mT(gq + np.matmul(q, symmetric))))


def _qr_vjp(g, out, x):
    shapes = qr_shapes(x)
    gq, gr = unpack(g, *shapes)
    q, r = unpack(out, *shapes)
    n, m = x.shape[-2:]
    if n >= m:
        return _qr_tall_vjp(gq, gr, q, r)

    # of a wide matrix the first n columns have the tall rule, the others are q @ r
    g_left, g_right = gr[..., :n], gr[..., n:]
    gq = gq + np.matmul(x[..., n:], mT(g_right))
    left = _qr_tall_vjp(gq, g_left, q, r[..., :n])
    right = np.matmul(q, g_right)
    return np.concatenate([left, right], axis=-1)


@primitive(_qr_vjp)
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
    shapes = svd_shapes(x)
    gu, gs, gvh = unpack(g, *shapes)
    u, s, vh = unpack(out, *shapes)
    n, m = x.shape[-2:]
    k = s.shape[-1]
    eye = np.eye(k, dtype=x.dtype)
    row, column = np.expand_dims(s, -2), _column(s)
    gaps = row * row - column * column + eye

    du = np.matmul(mT(u), gu)
    dv = np.matmul(vh, mT(gvh))
    inner = _quotient(du - mT(du), gaps) * row
    inner = inner + column * _quotient(dv - mT(dv), gaps)
    inner = inner + _column(gs) * eye
    result = np.matmul(u, np.matmul(inner, vh))

    if n > k:
        rest = gu - np.matmul(u, du)
        result = result + np.matmul(_quotient(rest, row), vh)
    if m > k:
        rest = gvh - np.matmul(mT(dv), vh)
        result = result + np.matmul(u, _quotient(rest, column))
    return result


@primitive(_svd_vjp)
def svd(x):
    """U (n, k), S (k,) and Vh (k, m), packed; k is the smaller of n and m."""
    if not np.isfinite(x).all():
        raise LinAlgError(
            "linalg.svd: The algorithm failed to converge because the input matrix contained "
            f"non-finite values, {np.count_nonzero(~np.isfinite(x))} of shape {x.shape}."
        )
    try:
        u, s, vh = np.linalg.svd(x, full_matrices=False)
    except np.linalg.LinAlgError:
        raise LinAlgError(
            f"linalg.svd: The algorithm failed to converge, for input of shape {x.shape}"
        ) from None
    return _pack(u, s, vh)


def _eigh_vjp(g, out, x, *, lower):
    n = x.shape[-1]
    gl, gv = unpack(g, (n,), (n, n))
    values, v = unpack(out, (n,), (n, n))
    eye = np.eye(n, dtype=x.dtype)

    gaps = np.expand_dims(values, -2) - _column(values) + eye
    inner = np.matmul(mT(v), gv) * (1 - eye)
    inner = _quotient(inner, gaps) + _column(gl) * eye
    dx = np.matmul(v, np.matmul(inner, mT(v)))
    # of a symmetric matrix, whichever triangle was read: PyTorch's choice
    return (dx + mT(dx)) * 0.5


@primitive(_eigh_vjp)
def eigh(x, *, lower):
    """Eigenvalues (n,), rising, and eigenvectors (n, n) of symmetric matrices, packed.

    One triangle is read.
    """
    *lead, n, _ = x.shape
    if not np.isfinite(x).all():
        return np.full((*lead, n + n * n), np.nan, x.dtype)
    try:
        values, vectors = np.linalg.eigh(x, UPLO="L" if lower else "U")
    except np.linalg.LinAlgError:
        raise LinAlgError(
            f"linalg.eigh: The algorithm failed to converge, for input of shape {x.shape}"
        ) from None
    flat = vectors.reshape(*lead, n * n)
    return np.concatenate([values, flat], axis=-1)


def _pinv_vjp(g, out, x, *, atol, rtol):
    """The rule for wide matrices; tall ones are transposed."""
    if x.shape[-2] > x.shape[-1]:
        return mT(_pinv_vjp(mT(g), mT(out), mT(x), atol=atol, rtol=rtol))

    g = mT(g)
    k = np.matmul(g, out)
    k_out = np.matmul(k, mT(out))
    result = k_out - mT(np.matmul(out, k))
    result = result - np.matmul(np.matmul(x, out), k_out)
    rest = g - np.matmul(k, x)
    return result + np.matmul(np.matmul(mT(out), out), rest)


@primitive(_pinv_vjp)
def pinv(x, *, atol, rtol):
    """The pseudoinverse (..., m, n): singular values up to max(atol, rtol * largest) count as 0."""
    *lead, n, m = x.shape
    if 0 in (n, m):
        return np.zeros((*lead, m, n), x.dtype)

    u, s, vh = unpack(svd(x), *svd_shapes(x))
    limit = np.maximum(atol, rtol * s[..., :1])
    counts = s > limit
    inverse = np.where(counts, 1 / np.where(counts, s, 1), 0)
    scaled = inverse[..., None] * mT(u)
    return mT(vh) @ scaled.astype(x.dtype)


alias(inv, np.linalg.inv)
alias(det, np.linalg.det)
alias(
    cholesky,
    np.linalg.cholesky,
    call=lambda a, /, *, upper=False: mT(cholesky(a)) if upper else cholesky(a),
)
