"""LU, LDL, exponential, rank, condition, tensors as maps: each call equal to PyTorch's, or refused so."""

import numpy as np
import pytest
from oracle import arrays, check, text

import minigrad as mg

nan, inf = float("nan"), float("inf")
ZERO = np.zeros((3, 3))
SPD = np.array([[4.0, 1.0, 0.5], [1.0, 3.0, 0.2], [0.5, 0.2, 2.0]])
INDEFINITE = np.array([[1.0, 2.0, 3.0], [2.0, 0.1, 4.0], [3.0, 4.0, 0.2]])
TWISTED = np.array([[0.0, 1.0, 2.0, 0.5], [1.0, 0.0, 3.0, 1.0], [2.0, 3.0, 0.0, 2.0], [0.5, 1.0, 2.0, 0.1]])
SINGULAR = np.array([[1.0, 2.0], [2.0, 4.0]])
BOTH = np.stack([SPD, INDEFINITE])
REFLECT = np.random.default_rng(0).permutation(40).reshape(40)[:12].reshape(4, 3) / 40

CALLS = [
    (lambda L, x, y: L.linalg.lu(x), (4, 4), ()),
    (lambda L, x, y: L.linalg.lu(x), (2, 3, 5), ()),
    (lambda L, x, y: L.linalg.lu(x), (2, 2, 5, 3), ()),
    (lambda L, x, y: L.linalg.lu(x.detach()), ZERO, ()),
    (lambda L, x, y: L.linalg.lu(x), (0, 3), ()),
    (lambda L, x, y: L.linalg.lu(x, pivot=False), (3, 3), ()),
    (lambda L, x, y: L.linalg.lu_factor(x), (4, 4), ()),
    (lambda L, x, y: L.linalg.lu_factor(x), (2, 3, 4), ()),
    (lambda L, x, y: L.linalg.lu_factor(x), (4, 3), ()),
    (lambda L, x, y: L.linalg.lu_factor(x), ZERO, ()),
    (lambda L, x, y: L.linalg.lu_factor_ex(x.detach()), ZERO, ()),
    (lambda L, x, y: L.linalg.lu_factor_ex(x), (2, 3, 3), ()),
    (lambda L, x, y: L.linalg.lu_factor_ex(x, check_errors=True), ZERO, ()),
    (lambda L, x, y: L.linalg.lu_factor(x), np.ones((2, 2), int), ()),
    (lambda L, x, y: L.linalg.lu_factor(x), (3,), ()),
    (lambda L, x, y: L.linalg.lu_solve(*L.linalg.lu_factor(x), y), (3, 3), (3, 2)),
    (lambda L, x, y: L.linalg.lu_solve(*L.linalg.lu_factor(x), y, left=False), (3, 3), (2, 3)),
    (lambda L, x, y: L.linalg.lu_solve(*L.linalg.lu_factor(x), y, adjoint=True), (3, 3), (3, 2)),
    (lambda L, x, y: L.linalg.lu_solve(*L.linalg.lu_factor(x), y, left=False, adjoint=True), (3, 3), (2, 3)),
    (lambda L, x, y: L.linalg.lu_solve(*L.linalg.lu_factor(x), y), (2, 1, 3, 3), (4, 3, 2)),
    (lambda L, x, y: L.linalg.lu_solve(*L.linalg.lu_factor(x), y), (3, 3), (3,)),
    (lambda L, x, y: L.linalg.lu_solve(*L.linalg.lu_factor(x), y), (3, 3), (2, 3)),
    (lambda L, x, y: L.linalg.lu_solve(*L.linalg.lu_factor(x), y), (3, 3), np.ones((3, 2), np.float32)),
    (lambda L, x, y: L.linalg.lu_solve(L.linalg.lu_factor(x)[0], L.tensor([1, 2, 3]), y), (3, 3), (3, 2)),
    (lambda L, x, y: L.linalg.ldl_factor(x.detach()), SPD, ()),
    (lambda L, x, y: L.linalg.ldl_factor(x.detach()), INDEFINITE, ()),
    (lambda L, x, y: L.linalg.ldl_factor(x.detach()), TWISTED, ()),
    (lambda L, x, y: L.linalg.ldl_factor_ex(x.detach()), BOTH, ()),
    *((lambda L, x, y: L.linalg.ldl_factor(x.detach() + x.detach().mT), (n, n), ()) for n in (1, 5, 9)),
    *(
        (lambda L, x, y: L.linalg.ldl_solve(*L.linalg.ldl_factor(x.detach()), y.detach()), x, (*x.shape[:-2], x.shape[-1], 2))
        for x in (SPD, INDEFINITE, TWISTED, BOTH)
    ),
    (lambda L, x, y: L.linalg.ldl_factor(x), ZERO, ()),
    (lambda L, x, y: L.linalg.ldl_factor(x), (2, 3), ()),
    (lambda L, x, y: L.linalg.cholesky_ex(x), SPD, ()),
    (lambda L, x, y: L.linalg.cholesky_ex(x, upper=True), SPD, ()),
    (lambda L, x, y: L.linalg.cholesky_ex(x.detach())[1], BOTH, ()),
    (lambda L, x, y: L.linalg.cholesky_ex(x.detach())[0][0], BOTH, ()),
    (lambda L, x, y: L.linalg.cholesky_ex(x), (2, 3), ()),
    (lambda L, x, y: L.linalg.inv_ex(x), (2, 3, 3), ()),
    (lambda L, x, y: L.linalg.inv_ex(x)[1], SINGULAR, ()),
    (lambda L, x, y: L.linalg.solve_ex(x, y), (3, 3), (3, 2)),
    (lambda L, x, y: L.linalg.solve_ex(x, y), (3, 3), (3,)),
    (lambda L, x, y: L.linalg.solve_ex(x.detach(), y.detach())[1], SINGULAR, (2, 2)),
    (lambda L, x, y: L.linalg.matrix_exp(x), (3, 3), ()),
    (lambda L, x, y: L.linalg.matrix_exp(x * 9), (2, 3, 3), ()),
    (lambda L, x, y: L.matrix_exp(x), (1, 1), ()),
    (lambda L, x, y: x.matrix_exp(), (0, 0), ()),
    (lambda L, x, y: L.linalg.matrix_exp(x), np.ones((2, 2), int), ()),
    (lambda L, x, y: L.linalg.matrix_exp(x), (2, 3), ()),
    (lambda L, x, y: L.linalg.matrix_exp(x), (3,), ()),
    (lambda L, x, y: L.linalg.matrix_rank(x), (3, 4), ()),
    (lambda L, x, y: L.linalg.matrix_rank(x), SINGULAR, ()),
    (lambda L, x, y: L.linalg.matrix_rank(x, tol=1.5), INDEFINITE, ()),
    (lambda L, x, y: L.linalg.matrix_rank(x, atol=0.5, rtol=0.1), BOTH, ()),
    (lambda L, x, y: L.linalg.matrix_rank(x, atol=y.detach()), BOTH, np.array([0.1, 4.5])),
    (lambda L, x, y: L.linalg.matrix_rank(x, hermitian=True), INDEFINITE, ()),
    (lambda L, x, y: L.linalg.matrix_rank(x), (0, 3), ()),
    (lambda L, x, y: L.linalg.matrix_rank(x), (3,), ()),
    *(
        (lambda L, x, y, p=p: L.linalg.cond(x, p), (2, 3, 3), ())
        for p in (None, 2, -2, 1, -1, inf, -inf, "fro", "nuc", 3, "foo")
    ),
    (lambda L, x, y: L.linalg.cond(x), (2, 4), ()),
    (lambda L, x, y: L.linalg.cond(x, 1), (2, 4), ()),
    (lambda L, x, y: L.linalg.cond(x.detach(), 1), SINGULAR, ()),
    (lambda L, x, y: L.linalg.cond(x), (3,), ()),
    (lambda L, x, y: L.linalg.cond(x.detach()), (0, 0), ()),
    (lambda L, x, y: L.linalg.householder_product(x, y), (4, 3), (3,)),
    (lambda L, x, y: L.linalg.householder_product(x, y), (2, 4, 3), (2, 2)),
    (lambda L, x, y: L.orgqr(x, y), (3, 3), (1,)),
    (lambda L, x, y: L.linalg.householder_product(x, y), (3, 3), (4,)),
    (lambda L, x, y: L.linalg.householder_product(x, y), (2, 3), (2,)),
    (lambda L, x, y: L.linalg.householder_product(x, y), (3, 3), (1, 2)),
    (lambda L, x, y: L.linalg.householder_product(x, y), (3, 3), np.ones(2, np.float32)),
    (lambda L, x, y: L.linalg.tensorinv(x, ind=2), (2, 3, 6), ()),
    (lambda L, x, y: L.linalg.tensorinv(x, 1), (6, 3, 2), ()),
    (lambda L, x, y: L.linalg.tensorinv(x, ind=0), (3, 3), ()),
    (lambda L, x, y: L.linalg.tensorinv(x), (2, 3, 5), ()),
    (lambda L, x, y: L.linalg.tensorsolve(x, y), (2, 3, 6), (2, 3)),
    (lambda L, x, y: L.linalg.tensorsolve(x, y, dims=(0, 2)), (3, 4, 2, 6), (4, 6)),
    (lambda L, x, y: L.linalg.tensorsolve(x, y), (2, 3, 6), (2, 2)),
    (lambda L, x, y: L.linalg.vecdot(x, y), (2, 3), (3,)),
    (lambda L, x, y: L.linalg.vecdot(x, y, dim=0), (2, 3), (2, 1)),
    (lambda L, x, y: L.linalg.vecdot(x, y), (2,), np.array([1, 2])),
    (lambda L, x, y: L.linalg.vecdot(x, x), np.array([1, 2]), ()),
    (lambda L, x, y: L.linalg.diagonal(x), (2, 3, 4), ()),
    (lambda L, x, y: L.linalg.diagonal(x, offset=1, dim1=0), (2, 3, 4), ()),
    (lambda L, x, y: L.linalg.diagonal(x), (3,), ()),
    (lambda L, x, y: L.linalg.diagonal(x, 1), (3, 3), ()),
    (lambda L, x, y: L.linalg.vander(x), (2, 3), ()),
    (lambda L, x, y: L.linalg.vander(x, N=2), np.array([1, 2, 3]), ()),
    (lambda L, x, y: L.linalg.vander(x, N=0), (3,), ()),
    # older names
    (lambda L, x, y: L.svd(x)[1], (2, 3, 4), ()),
    (lambda L, x, y: (lambda u, s, v: (u * s.unsqueeze(-2)) @ v.mT)(*L.svd(x)), (4, 3), ()),
    (lambda L, x, y: x.detach().svd(compute_uv=False), (4, 3), ()),
    (lambda L, x, y: [part.abs() for part in L.svd(x.detach(), some=False)][:2], (4, 3), ()),
    (lambda L, x, y: L.qr(x), (4, 3), ()),
    (lambda L, x, y: L.qr(x.detach(), some=False)[1], (4, 3), ()),
    (lambda L, x, y: L.lu(x), (3, 3), ()),
    (lambda L, x, y: tuple(L.lu(x.detach(), get_infos=True)), ZERO, ()),
    (lambda L, x, y: L.lu_unpack(*L.lu(x)), (4, 3), ()),
    (lambda L, x, y: L.lu_unpack(*L.lu(x), unpack_pivots=False), (3, 3), ()),
    (lambda L, x, y: L.lu_solve(y, *L.lu(x)), (3, 3), (3, 2)),
    (lambda L, x, y: y.lu_solve(*x.lu()), (3, 3), (3, 2)),
    (lambda L, x, y: L.triangular_solve(y, x), (3, 3), (3, 2)),
    (lambda L, x, y: L.triangular_solve(y, x, upper=False, transpose=True, unitriangular=True), (3, 3), (3, 2)),
    (lambda L, x, y: L.cholesky_solve(y, x.tril()), (3, 3), (3, 2)),
    (lambda L, x, y: L.cholesky_solve(y, x.triu(), upper=True), (3, 3), (3, 2)),
    (lambda L, x, y: L.cholesky_inverse(x.tril()), (2, 3, 3), ()),
    (lambda L, x, y: L.cholesky_inverse(x.triu(), upper=True), (3, 3), ()),
    (lambda L, x, y: L.chain_matmul(x, y, x), (2, 3), (3, 2)),
]  # fmt: skip
IDS = [f"{text(call)}, {getattr(x, 'shape', x)}, {getattr(y, 'shape', y)}" for call, x, y in CALLS]


@pytest.mark.parametrize(("call", "x", "y"), CALLS, ids=IDS)
@pytest.mark.filterwarnings("ignore:torch", "ignore:An output")
def test_calls(torch, call, x, y):
    check(torch, call, *arrays(x, y), tolerance=1e-8)


@pytest.mark.parametrize("n", [1, 3, 20])
def test_float32_is_kept(torch, n):
    x = np.random.default_rng(n).standard_normal((n, n)).astype(np.float32)
    for call in (lambda L, x: L.linalg.lu(x), lambda L, x: L.linalg.matrix_exp(x), lambda L, x: L.linalg.lu_factor(x)):
        check(torch, call, x, tolerance=2e-4)


def test_gradients_of_a_factorization_reach_what_was_factored():
    x = mg.tensor([[1.0, 2.0], [3.0, 4.0]], dtype=mg.float64, requires_grad=True)
    _, L, U = mg.linalg.lu(x)
    assert mg.autograd.gradcheck(lambda x: mg.linalg.lu(x)[1:], x)
    (L @ U).sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), 1)


@pytest.mark.parametrize("name", ["cholesky_ex", "inv_ex"])
def test_errors_are_raised_where_they_are_asked_for(torch, name):
    for lib, error in ((mg, mg.linalg.LinAlgError), (torch, torch.linalg.LinAlgError)):
        with pytest.raises(error, match="could not be completed"):
            getattr(lib.linalg, name)(lib.zeros(2, 2), check_errors=True)
