"""Products, einsum, mg.linalg beside PyTorch: values, dtypes, both orders of gradients, refusals."""

import numpy as np
import pytest
from oracle import agree, version

import minigrad as mg


def lib_of(F):
    return mg if F is mg.nn.functional else __import__("torch")


def spd(x):
    return x @ x.mT + 2 * lib_of_tensor(x).eye(x.shape[-1], dtype=x.dtype)


def lib_of_tensor(x):
    return mg if isinstance(x, mg.Tensor) else __import__("torch")


PRODUCTS = {
    "matmul": [
        ((2, 3), (3, 4)),
        ((3,), (3,)),
        ((3,), (3, 2)),
        ((2, 3), (3,)),
        ((4, 1, 2, 3), (5, 3, 2)),
        ((3,), (2, 3, 2)),
    ],
    "mm": [((2, 3), (3, 4)), ((1, 1), (1, 1))],
    "bmm": [((2, 3, 4), (2, 4, 1))],
    "mv": [((2, 3), (3,))],
    "dot": [((3,), (3,))],
    "inner": [((3,), (3,)), ((2, 3), (4, 3)), ((2, 3), ()), ((2, 3), (3,))],
    "outer": [((3,), (4,))],
    "kron": [((2, 3), (2, 2)), ((2,), (2, 3)), ((), (2, 3))],
    "cross": [((4, 3), (4, 3)), ((3, 2), (3, 1))],
    "addmm": [((2, 4), (2, 3), (3, 4)), ((4,), (2, 3), (3, 4)), ((), (2, 3), (3, 4))],
    "addmv": [((2,), (2, 3), (3,))],
    "baddbmm": [((2, 2, 3), (2, 2, 4), (2, 4, 3)), ((3,), (2, 2, 4), (2, 4, 3))],
    "addbmm": [((2, 3), (2, 2, 4), (2, 4, 3))],
    "trace": [((3, 4),), ((2, 2),)],
}


@pytest.mark.parametrize(("name", "shapes"), [(n, s) for n, cases in PRODUCTS.items() for s in cases])
def test_products(torch, name, shapes):
    extra = {"dim": shapes[0].index(3)} if name == "cross" else {}
    agree(torch, lambda F, *xs: getattr(lib_of(F), name)(*xs, **extra), *shapes)
    agree(torch, lambda F, *xs: getattr(lib_of(F), name)(*xs, **extra), *shapes, dtype="float32")
    if not extra and hasattr(torch.Tensor, name):
        agree(torch, lambda F, x, *xs: getattr(x, name)(*xs), *shapes)


def test_scaled_sums_and_a_beta_of_zero(torch):
    agree(torch, lambda F, c, a, b: lib_of(F).addmm(c, a, b, beta=0.5, alpha=2.0), (2, 2), (2, 3), (3, 2))
    nan = mg.full((2, 2), float("nan"))
    assert mg.addmm(nan, mg.ones(2, 3), mg.ones(3, 2), beta=0).tolist() == [[3, 3], [3, 3]]
    whole = mg.ones(2, 2).long()
    assert mg.addmm(whole, whole, whole, alpha=2, beta=1).dtype == mg.int64


@pytest.mark.parametrize("dims", [0, 1, 2, ([1], [0]), ([0, 1], [1, 0]), ([-1], [-2])])
def test_tensordot(torch, dims):
    agree(torch, lambda F, a, b: lib_of(F).tensordot(a, b, dims=dims), (3, 3), (3, 3))


EQUATIONS = [
    ("ij,jk->ik", (2, 3), (3, 4)),
    ("ij,jk", (2, 3), (3, 4)),
    ("ii", (3, 3)),
    ("ii->i", (3, 3)),
    ("ba", (2, 3)),
    ("ij->", (2, 3)),
    ("...ij,...jk->...ik", (2, 1, 2, 3), (4, 3, 2)),
    ("i...->...", (2, 3)),
    ("...", (2, 3)),
    ("bij,bjk,bkl->bil", (2, 2, 3), (2, 3, 4), (2, 4, 2)),
    ("i,j,k->kji", (2,), (3,), (4,)),
    ("ij,ij->ij", (2, 3), (1, 3)),
    ("iij,jk->ik", (2, 2, 3), (3, 2)),
    ("bhqd,bhkd->bhqk", (2, 2, 3, 4), (2, 2, 5, 4)),
    ("a b , b -> a", (2, 3), (3,)),
    ("ij,kj,lj,mj->iklm", (2, 3), (2, 3), (2, 3), (2, 3)),
    (",", (), ()),
    ("i,->i", (3,), ()),
    ("...a,...a", (2, 3), (3,)),
    ("iiii->i", (2, 2, 2, 2)),
    ("ijij->ij", (2, 3, 2, 3)),
    ("ij,j->i", (2, 3), (1,)),
]


@pytest.mark.parametrize("case", EQUATIONS, ids=lambda case: case[0])
def test_einsum(torch, case):
    equation, *shapes = case
    agree(torch, lambda F, *xs: lib_of(F).einsum(equation, *xs), *shapes)


def test_einsum_takes_sublists_and_lists_and_empty_operands(torch):
    a, b = mg.randn(2, 3), mg.randn(3, 4)
    np.testing.assert_allclose(mg.einsum(a, [0, 1], b, [1, 2], [2, 0]).numpy(), (a @ b).mT.numpy(), rtol=1e-5)
    assert mg.einsum(a, [..., 1], [..., 1]).shape == (2, 3)
    assert mg.einsum("ij,jk", [a, b]).shape == (2, 4)
    assert mg.einsum("ij,jk->ik", mg.ones(2, 0), mg.ones(0, 3)).tolist() == [[0, 0, 0], [0, 0, 0]]


def test_einsum_of_a_long_chain_takes_the_cheap_path():
    big, thin = mg.ones(1000, 1000), mg.ones(1000)
    assert mg.einsum("ij,jk,kl,l->i", big, big, big, thin)[0].item() == 1e9


I3 = np.eye(3)
LINALG = {
    "inv": [lambda L, x: L.inv(x), ((3, 3),), ((2, 3, 3),), ((1, 1),)],
    "det": [lambda L, x: L.det(x), ((3, 3),), ((2, 2, 3, 3),), ((1, 1),)],
    "slogdet": [lambda L, x: L.slogdet(x)[1], ((3, 3),), ((2, 3, 3),)],
    "solve": [
        lambda L, a, b: L.solve(a, b),
        ((3, 3), (3, 2)),
        ((3, 3), (3,)),
        ((2, 3, 3), (2, 3)),
        ((2, 3, 3), (3, 2)),
    ],
    "solve right": [lambda L, a, b: L.solve(a, b, left=False), ((3, 3), (2, 3))],
    "triangular": [lambda L, a, b: L.solve_triangular(a, b, upper=False), ((3, 3), (3, 2)), ((2, 3, 3), (3, 1))],
    "triangular right": [
        lambda L, a, b: L.solve_triangular(a, b, upper=True, left=False, unitriangular=True),
        ((3, 3), (2, 3)),
    ],
    "cholesky": [lambda L, x: L.cholesky(spd(x)), ((3, 3),), ((2, 2, 2),), ((1, 1),)],
    "cholesky upper": [lambda L, x: L.cholesky(spd(x), upper=True), ((3, 3),)],
    "qr q": [lambda L, x: L.qr(x).Q, ((3, 3),), ((4, 2),), ((2, 4),), ((2, 4, 3),)],
    "qr r": [lambda L, x: L.qr(x).R, ((3, 3),), ((4, 2),), ((2, 4),)],
    "svd s": [lambda L, x: L.svd(x, full_matrices=False).S, ((3, 3),), ((4, 2),), ((2, 2, 4),)],
    "svd": [
        lambda L, x: (lambda r: (r[0] * r[0]) @ (r[1][..., None] * r[2] ** 2))(L.svd(x, full_matrices=False)),
        ((3, 3),),
        ((4, 2),),
        ((2, 4),),
    ],
    "svd with the null space": [
        lambda L, x: (lambda r: (r[0] ** 2).sum(0) * L.det(r[0] @ r[0].mT) + (r[2] ** 2)[..., :1, :1] + r[1].sum())(
            L.svd(x)
        ),
        ((4, 2),),
        ((2, 4),),
    ],
    "svdvals": [lambda L, x: L.svdvals(x), ((3, 2),)],
    "eigh": [lambda L, x: L.eigh(spd(x)).eigenvectors ** 2, ((3, 3),), ((2, 3, 3),)],
    "eigvalsh": [lambda L, x: L.eigvalsh(spd(x)), ((3, 3),)],
    "pinv": [lambda L, x: L.pinv(x), ((3, 2),), ((2, 3),), ((2, 3, 3),)],
    "pinv hermitian": [lambda L, x: L.pinv(spd(x), hermitian=True), ((3, 3),)],
    "power": [lambda L, x: L.matrix_power(x, 3), ((3, 3),), ((2, 2, 2),)],
    "power one": [lambda L, x: L.matrix_power(x, 1), ((3, 3),)],
    "power nought": [lambda L, x: L.matrix_power(x, 0) * x, ((3, 3),), ((2, 2, 2),)],
    "power negative": [lambda L, x: L.matrix_power(x, -2), ((3, 3),)],
    "multi_dot": [
        lambda L, *xs: L.multi_dot(xs),
        ((2, 3), (3, 4), (4, 2)),
        ((3,), (3, 4), (4,)),
        ((2, 3), (3,)),
        ((3,), (3, 2)),
    ],
    "lstsq": [lambda L, a, b: L.lstsq(a, b)[0], ((4, 2), (4, 3)), ((4, 2), (4,))],
    "cross": [lambda L, a, b: L.cross(a, b), ((2, 3), (2, 3)), ((2, 3), (1, 3))],
}


@pytest.mark.parametrize(("name", "shapes"), [(n, s) for n, (_, *cases) in LINALG.items() for s in cases])
def test_linalg(torch, name, shapes):
    function = LINALG[name][0]
    agree(torch, lambda F, *xs: function(lib_of(F).linalg, *xs), *shapes, rtol=1e-7)


@pytest.mark.parametrize("ord", [2, 1, 0, 3, 0.5, -1, float("inf"), -float("inf")])
@pytest.mark.parametrize("dim", [None, 0, (0, 2), -1])
def test_vector_norm(torch, ord, dim):
    if ord == 0:
        x = np.array([[[1.0, 0.0], [2.0, 0.0]]])
        ours, theirs = (lib.linalg.vector_norm(lib.tensor(x), 0, dim).tolist() for lib in (mg, torch))
        assert ours == theirs
        return
    agree(torch, lambda F, x: lib_of(F).linalg.vector_norm(x, ord, dim, keepdim=dim == 0), (2, 3, 4))


@pytest.mark.parametrize("ord", ["fro", "nuc", 2, -2, 1, -1, float("inf"), -float("inf")])
@pytest.mark.parametrize(("shape", "dim"), [((3, 4), (-2, -1)), ((2, 4, 3), (2, 0))])
def test_matrix_norm(torch, ord, shape, dim):
    agree(torch, lambda F, x: lib_of(F).linalg.matrix_norm(x, ord, dim, keepdim=True), shape, rtol=1e-8)
    if dim == (-2, -1):
        agree(torch, lambda F, x: lib_of(F).linalg.norm(x, ord), shape, rtol=1e-8)


@pytest.mark.parametrize("ord", [1, 2, 0.5, 1.5, 3, float("inf")])
def test_the_gradient_of_a_norm_at_zero_is_pytorchs(torch, ord):
    def gradient(lib):
        x = lib.zeros(3, dtype=lib.float64, requires_grad=True)
        lib.linalg.vector_norm(x, ord).backward()
        return x.grad.tolist()

    assert gradient(mg) == gradient(torch)


def test_a_singular_matrix_has_a_gradient_of_its_determinant():
    x = mg.tensor([[1.0, 2.0], [2.0, 4.0]], dtype=mg.float64, requires_grad=True)
    (g,) = mg.autograd.grad(mg.linalg.det(x), x, create_graph=True)
    np.testing.assert_allclose(g.detach().numpy(), [[4, -2], [-2, 1]], atol=1e-12)
    (h,) = mg.autograd.grad(g[0, 0], x)
    np.testing.assert_allclose(h.numpy(), [[0, 0], [0, 1]], atol=1e-12)


@pytest.mark.parametrize("shape", [(0, 0), (0, 3, 3), (2, 0, 0)])
def test_empty_matrices(torch, shape):
    for name in ("inv", "det", "cholesky", "svdvals", "pinv", "eigvalsh"):
        ours, theirs = (getattr(lib.linalg, name)(lib.ones(*shape)) for lib in (mg, torch))
        assert tuple(ours.shape) == tuple(theirs.shape), name
        assert ours.tolist() == theirs.tolist()


def test_full_matrices_and_complete(torch):
    x = np.random.default_rng(0).standard_normal((4, 2))
    for call in (
        lambda L, a: L.svd(a),
        lambda L, a: L.qr(a, mode="complete"),
        lambda L, a: L.qr(a, mode="r"),
        lambda L, a: L.svd(a.mT),
    ):
        for a, b in zip(call(mg.linalg, mg.tensor(x)), call(torch.linalg, torch.tensor(x)), strict=True):
            assert a.shape == tuple(b.shape)
            if a.shape == (4, 4):  # the complement is any orthonormal basis
                np.testing.assert_allclose((a @ a.mT).numpy(), np.eye(4), atol=1e-12)
            else:  # signs are LAPACK's, which are not the same everywhere
                np.testing.assert_allclose(abs(a.numpy()), abs(b.numpy()), atol=1e-12)
    leaf = mg.tensor(x, requires_grad=True)
    mg.linalg.svd(leaf).S.sum().backward()
    assert leaf.grad is not None
    for made in (mg.linalg.qr(leaf, mode="complete").Q, mg.linalg.qr(leaf, mode="r").R):
        with pytest.raises(RuntimeError, match="not differentiable|not computed"):
            made.sum().backward()


SQUARE, FLAT, WHOLE, WIDE = [[0.0, 0.0], [0.0, 0.0]], [1.0, 2.0], [[1, 2], [3, 4]], [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]]
REFUSED = {
    **{
        f"{n} {k}": (lambda lib, n=n, v=v: getattr(lib.linalg, n)(lib.tensor(v)))
        for n in ("inv", "det", "slogdet", "cholesky", "eigh")
        for k, v in (("flat", FLAT), ("whole", WHOLE), ("wide", WIDE))
    },
    **{
        f"{n} {k}": (lambda lib, n=n, v=v: getattr(lib.linalg, n)(lib.tensor(v)))
        for n in ("qr", "svd", "pinv", "svdvals", "matrix_norm")
        for k, v in (("flat", FLAT), ("whole", WHOLE))
    },
    "inv singular": lambda lib: lib.linalg.inv(lib.tensor(SQUARE)),
    "solve singular": lambda lib: lib.linalg.solve(lib.tensor(SQUARE), lib.ones(2)),
    "cholesky singular": lambda lib: lib.linalg.cholesky(lib.tensor([SQUARE])),
    "svd nan": lambda lib: lib.linalg.svd(lib.tensor(SQUARE) * float("nan")),
    "power": lambda lib: lib.linalg.matrix_power(lib.tensor(SQUARE), -1),
    "power wide": lambda lib: lib.linalg.matrix_power(lib.tensor(WIDE), 2),
    "solve shapes": lambda lib: lib.linalg.solve(lib.eye(2), lib.ones(3)),
    "solve dtypes": lambda lib: lib.linalg.solve(lib.eye(2), lib.ones(2).double()),
    "lstsq": lambda lib: lib.linalg.lstsq(lib.ones(3, 2), lib.ones(2, 1)),
    "multi_dot one": lambda lib: lib.linalg.multi_dot([lib.ones(2, 2)]),
    "multi_dot fit": lambda lib: lib.linalg.multi_dot([lib.ones(2, 3), lib.ones(2, 3)]),
    "norm order": lambda lib: lib.linalg.norm(lib.ones(2, 3), 3),
    "norm whole": lambda lib: lib.linalg.norm(lib.tensor(WHOLE)),
    "norm 3d": lambda lib: lib.linalg.norm(lib.ones(2, 2, 2), 2),
    "norm empty": lambda lib: lib.linalg.vector_norm(lib.ones(0), float("inf")),
    "matrix_norm dims": lambda lib: lib.linalg.matrix_norm(lib.ones(2, 2), 2, (0, 0)),
    "mm": lambda lib: lib.mm(lib.ones(2, 3), lib.ones(2, 3)),
    "mm vector": lambda lib: lib.mm(lib.ones(3), lib.ones(3, 3)),
    "mm dtypes": lambda lib: lib.mm(lib.ones(2, 2), lib.ones(2, 2).double()),
    "matmul bool": lambda lib: lib.matmul(lib.ones(2, 2).bool(), lib.ones(2, 2).bool()),
    "matmul 0-d": lambda lib: lib.matmul(lib.tensor(1.0), lib.ones(2, 2)),
    "@ dtypes": lambda lib: lib.ones(2, 2) @ lib.ones(2, 2).long(),
    "bmm": lambda lib: lib.bmm(lib.ones(2, 2, 3), lib.ones(1, 3, 3)),
    "mv": lambda lib: lib.mv(lib.ones(2, 3), lib.ones(2)),
    "dot": lambda lib: lib.dot(lib.ones(2), lib.ones(3)),
    "inner": lambda lib: lib.inner(lib.ones(2), lib.ones(3)),
    "outer": lambda lib: lib.outer(lib.ones(2, 2), lib.ones(3)),
    "addmm": lambda lib: lib.addmm(lib.ones(4), lib.ones(2, 3), lib.ones(3, 2)),
    "addmm dtypes": lambda lib: lib.addmm(lib.ones(2).double(), lib.ones(2, 3), lib.ones(3, 2)),
    "trace": lambda lib: lib.trace(lib.ones(2)),
    "trace bool": lambda lib: lib.trace(lib.ones(2, 2).bool()),
    "cross": lambda lib: lib.cross(lib.ones(2), lib.ones(2)),
    "cross dims": lambda lib: lib.linalg.cross(lib.ones(2, 3), lib.ones(3)),
    "tensordot": lambda lib: lib.tensordot(lib.ones(2, 3), lib.ones(2, 3), 1),
    "tensordot lists": lambda lib: lib.tensordot(lib.ones(2, 3), lib.ones(2, 3), ([1], [0, 1])),
    **{
        f"einsum {e}": (lambda lib, e=e: lib.einsum(e, lib.ones(2, 3), lib.ones(3, 2)))
        for e in ("ij", "ij,jk,k", "ij,kl->ijm", "ij,jk->ii", "ijk,jk", "ij,ij", "i$,jk", "ii,jk", "i....,jk")
    },
    "einsum dtypes": lambda lib: lib.einsum("i,i", lib.ones(2), lib.ones(2).double()),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_pytorch_refuses_is_refused_with_its_type(torch, name):
    with pytest.raises(Exception) as theirs:
        REFUSED[name](torch)
    with pytest.raises(Exception) as ours:
        REFUSED[name](mg)
    singular = isinstance(theirs.value, torch.linalg.LinAlgError)
    assert isinstance(ours.value, mg.linalg.LinAlgError) == singular
    same = type(theirs.value)
    if version(torch) < (2, 15) and "floating point" in str(theirs.value):
        same = NotImplementedError  # a RuntimeError before
    if not singular:
        assert type(ours.value) is same


def test_errors_of_linear_algebra_are_runtime_errors_and_name_the_batch_element():
    with pytest.raises(RuntimeError, match=r"linalg.inv: \(Batch element 1\).*singular"):
        mg.linalg.inv(mg.tensor([np.eye(2).tolist(), SQUARE]))
    with pytest.raises(mg.linalg.LinAlgError, match="leading minor of order 2"):
        mg.linalg.cholesky(mg.tensor([[1.0, 2.0], [2.0, 1.0]]))


@pytest.mark.parametrize(
    "call",
    [
        lambda x: np.einsum("ij,jk->ik", x, x),
        lambda x: np.tensordot(x, x, axes=1),
        lambda x: np.dot(x, x),
        lambda x: np.kron(x, np.eye(2)),
        lambda x: np.trace(x),
        lambda x: np.linalg.inv(x),
        lambda x: np.linalg.norm(x),
        lambda x: np.linalg.norm(x, axis=1),
        lambda x: np.linalg.det(x),
        lambda x: np.linalg.solve(x, np.eye(3)),
        lambda x: np.cross(x, np.eye(3)),
        lambda x: np.outer(x, x),
        lambda x: np.inner(x, x),
        lambda x: np.linalg.pinv(x),
        lambda x: np.linalg.matrix_power(x, 3),
        lambda x: np.linalg.cholesky(x @ x.T + np.eye(3)),
        lambda x: np.linalg.svd(x)[1],
        lambda x: np.linalg.eigh(x @ x.T)[0],
        lambda x: np.linalg.slogdet(x)[1],
    ],
)
def test_numpy_calls_are_recorded(call):
    array = np.random.default_rng(0).standard_normal((3, 3))
    y = call(mg.tensor(array, requires_grad=True))
    assert y.requires_grad
    np.testing.assert_allclose(y.detach().numpy(), call(array), rtol=1e-12)


def test_methods_and_short_names_are_those_of_linalg():
    x = mg.tensor([[2.0, 1.0], [1.0, 3.0]], dtype=mg.float64)
    for name in ("det", "inverse", "logdet", "cholesky", "pinverse"):
        in_linalg = {"inverse": "inv", "pinverse": "pinv"}.get(name, name)
        expected = mg.det(x).log() if name == "logdet" else getattr(mg.linalg, in_linalg)(x)
        assert getattr(x, name)().tolist() == getattr(mg, name)(x).tolist()
        np.testing.assert_allclose(getattr(x, name)().numpy(), expected.numpy(), rtol=1e-12)
    assert x.matrix_power(2).tolist() == (x @ x).tolist()
    assert x.matrix_power(1).data_ptr() != x.data_ptr()
    assert (x / 0).matrix_power(0).tolist() == np.eye(len(x)).tolist()
    assert mg.slogdet(-x).sign.item() == 1 and mg.logdet(mg.tensor([[-1.0]])).isnan().item()


@pytest.mark.parametrize("driver", [None, "gels", "gelsd", "gelss", "gelsy"])
@pytest.mark.parametrize("shapes", [((5, 2), (5, 3)), ((2, 5, 3), (2, 5, 1)), ((2, 3), (2, 2))])
def test_what_lstsq_returns(torch, driver, shapes):
    rng = np.random.default_rng(0)
    a, b = (rng.standard_normal(shape) for shape in shapes)
    ours = mg.linalg.lstsq(mg.tensor(a), mg.tensor(b), driver=driver)
    theirs = torch.linalg.lstsq(torch.tensor(a), torch.tensor(b), driver=driver)
    for name, x, y in zip(ours._fields, ours, theirs, strict=True):
        assert x.shape == tuple(y.shape), name
        np.testing.assert_allclose(x.numpy(), y.numpy(), rtol=1e-9, err_msg=name)


def test_the_two_ways_to_the_cofactors_agree():
    rng = np.random.default_rng(0)
    x = rng.standard_normal((3, 3)) + 2 * np.eye(3)
    low = np.outer(*rng.standard_normal((2, 3))) + 1e-9 * np.eye(3)  # nearly of rank one
    regular, by_singular_values = (mg.ops.linalg.cofactor(v) for v in (x, np.stack([x, low])))
    np.testing.assert_allclose(by_singular_values[0], regular, rtol=1e-12)
    minors = [
        [(-1) ** (i + j) * np.linalg.det(np.delete(np.delete(low, i, 0), j, 1)) for j in range(3)] for i in range(3)
    ]
    np.testing.assert_allclose(by_singular_values[1], minors, rtol=1e-5, atol=1e-14)


@pytest.mark.parametrize("function", [lambda L, x: L.cholesky(x), lambda L, x: L.eigh(x).eigenvectors ** 2])
def test_the_gradient_of_a_symmetric_leaf_is_pytorchs_in_every_element(torch, function):
    rng = np.random.default_rng(0)
    x, weight = rng.standard_normal((2, 3, 3))
    x = x @ x.T + np.diag([1.0, 2.0, 4.0])
    found = []
    for lib in (mg, torch):
        leaf = lib.tensor(x, requires_grad=True)
        (function(lib.linalg, leaf) * lib.tensor(weight)).sum().backward()
        found.append(leaf.grad.numpy())
    np.testing.assert_allclose(*found, rtol=1e-9, atol=1e-12)
