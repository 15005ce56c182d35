"""Every registered primitive, from one table of samples: value kept in float32, first and second
order against finite differences, read-only and non-contiguous operands, empty arrays, NumPy calls.

A primitive without a sample fails here, so a new one cannot slip by untested.
"""

import importlib
import pkgutil

import numpy as np
import pytest

import minigrad as mg
import minigrad.ops
from minigrad import ops
from minigrad.autograd import GradcheckError, gradcheck, gradgradcheck
from minigrad.primitive import TABLE, Primitive

MODULES = [importlib.import_module(f"minigrad.ops.{info.name}") for info in pkgutil.iter_modules(minigrad.ops.__path__)]
ALL = {
    f"{module.__spec__.name.split('.')[-1]}.{name}": made
    for module in MODULES
    for name, made in vars(module).items()
    if isinstance(made, Primitive) and made.differentiable
    if getattr(made.function, "__module__", None) in (module.__spec__.name, "numpy", None) and name != "_primitive"
}

rng = np.random.default_rng(0)


def away(*shape):
    """Values that keep away from 0 and 1, where some functions have kinks or ends."""
    return rng.uniform(0.2, 0.8, shape)


def signed(*shape):
    return away(*shape) * rng.choice([-1.0, 1.0], shape)


def spaced(*shape):
    """Values all different by far more than a finite difference."""
    return rng.permutation(int(np.prod(shape))).reshape(shape) / 7.0 - 1.0


MIXED = np.array([[-0.7, 0.5, 0.3], [0.6, -0.4, -0.8]])  # above and below what it meets: either operand wins somewhere
INDICES = np.array([[2, 0, 1, 1], [0, 0, 2, 1]])[:, None, :]
REDUCE = {"axis": (0, 2), "keepdims": False}

# name: (operands, parameters); several samples may stand in a list
SAMPLES = {
    **{
        f"elementwise.{name}": [((signed(2, 3), signed(*shape)), {}) for shape in ((3,), (2, 1), ())]
        for name in (
            "add", "sub", "mul", "div", "remainder", "fmod", "floor_divide", "trunc_divide",
        )
    },
    **{
        f"elementwise.{name}": [((MIXED, np.array(y)), {}) for y in ([0.2, -0.1, -0.5], [[0.1], [-0.6]], 0.25)]
        for name in ("maximum", "minimum", "fmax", "fmin", "clamp_min", "clamp_max")
    },
    **{
        f"{name}": [((signed(2, 3), signed(*shape)), {}) for shape in ((3,), (2, 1), ())]
        for name in ("trigonometric.atan2", "trigonometric.hypot", "special.logaddexp")
    },
    "special.xlogy": [((signed(2, 3), away(*shape)), {}) for shape in ((3,), (2, 1), ())],
    **{
        f"trigonometric.{name}": ((signed(2, 3),), {})
        for name in ("sin", "cos", "tan", "asin", "acos", "atan", "sinh", "cosh", "tanh", "asinh", "atanh")
    },
    "trigonometric.acosh": ((away(2, 3) + 1,), {}),
    **{f"special.{name}": ((signed(2, 3) * 6,), {}) for name in ("erf", "erfc")},
    "special.nan_to_num": ((signed(2, 3),), {}),
    "special.logit": [((away(2, 3),), {"eps": eps}) for eps in (None, 0.4)],
    "lu.lu": [((signed(*shape) + 9 * np.eye(*shape[-2:]),), {}) for shape in ((3, 3), (2, 4), (2, 4, 2))],
    "lu.matrix_exp": ((signed(2, 3, 3),), {}),
    "special.erfcx": ((signed(2, 3) * 2,), {}),
    **{f"gamma.{name}": ((np.array([[-2.4, -1.5, -0.6], [0.4, 1.7, 5.0]]),), {}) for name in ("lgamma", "digamma")},
    "gamma.polygamma": [((np.array([[-2.4, -1.5, -0.6], [0.4, 1.7, 5.0]]),), {"n": n}) for n in (0, 1, 2)],
    "gamma.zeta": ((np.array([2, 3, 4]), away(2, 3)), {}),
    **{f"gamma.{name}": ((np.array([1, 2, 3]), away(2, 3) * 5), {}) for name in ("igamma", "igammac")},
    **{f"bessel.{name}": ((signed(2, 3) * 4,), {}) for name in ("i0", "i1", "i0e", "i1e")},
    "normal.ndtr": ((signed(2, 3) * 4,), {}),
    "normal.log_ndtr": ((signed(2, 3) * 4,), {}),
    **{f"normal.{name}": ((away(2, 3),), {}) for name in ("ndtri", "entr")},
    "normal.xlog1py": [((signed(2, 3), away(*shape)), {}) for shape in ((3,), (2, 1), ())],
    "floats.copysign": ((signed(2, 3), np.array([1, -1, 2])), {}),
    "floats.logaddexp2": [((signed(2, 3), signed(*shape)), {}) for shape in ((3,), (2, 1), ())],
    "floats.mantissa": ((signed(2, 3) * 9,), {}),
    **{f"scan.{name}": [((signed(2, 3, 4),), {"axis": axis}) for axis in (0, 1, 2)] for name in ("cumprod", "logcumsumexp")},
    "scan.prod": [((signed(2, 3, 4),), {"axis": 1, "keepdims": keep}) for keep in (False, True)],
    **{
        f"elementwise.{name}": ((away(2, 3),), {})
        for name in ("log", "log2", "log10", "sqrt", "safe_sqrt", "rsqrt", "log1p", "reciprocal")
    },
    **{
        f"elementwise.{name}": ((signed(2, 3),), {})
        for name in (
            "neg", "positive", "abs", "square", "exp", "exp2", "expm1", "sigmoid", "relu", "softplus", "sign",
            "floor", "ceil", "trunc", "rint", "frac",
        )
    },
    "elementwise.pow": [((away(2, 3), signed(3)), {}), ((away(2, 3), away(2, 1)), {})],
    "elementwise.pow_scalar": [((signed(2, 3),), {"exponent": n}) for n in (2, 3, -1)],
    "elementwise.hardtanh": ((spaced(2, 3),), {"min": -0.9, "max": -0.5}),
    "elementwise.clamp": ((spaced(2, 3),), {"min": -0.9, "max": -0.5}),
    "elementwise.clamp_between": [((MIXED, np.array(low), np.array(high)), {}) for low, high in (([-0.3, -0.1, 0.6], 0.55), (0.2, [[0.7], [-0.6]]))],
    "elementwise.masked": [((spaced(*shape), signed(*shape) > 0), {}) for shape in ((2, 3), (50, 60))],
    "elementwise.where": ((spaced(2, 3) > -0.5, signed(2, 3), signed(3)), {}),
    "elementwise.div_sqrt": [((signed(4, 3), away(*y)), {"eps": eps}) for y, eps in (((3,), 1e-3), ((1, 3), 0.5), ((4, 3), 0.0))],
    "elementwise.sub_mean": [((signed(4, 3), signed(*y)), {}) for y in ((3,), (1, 3), (4, 3), (2, 4, 3))],
    "elementwise.addcmul": [((signed(*c), signed(*x), signed(2, 3)), {}) for c in ((3,), (2, 3)) for x in ((2, 3), (3,), (2, 1))],
    "reduction.sum_of_product": [
        ((signed(4, 3, 5, 6), signed(4, 3, 5, 6)), {"shape": shape}) for shape in ((1, 3, 1, 1), (3, 1, 1), (5, 1), (6,), (4, 1, 5, 6))
    ],
    **{f"reduction.{name}": ((spaced(2, 3, 4),), REDUCE) for name in ("sum", "mean", "mean_square", "amax", "amin", "logsumexp")},
    "reduction.centred": ((spaced(2, 3, 4),), {"axis": (0, 2)}),
    **{f"reduction.{name}": ((signed(2, 3, 4),), {"axis": 1}) for name in ("softmax", "log_softmax", "cumsum")},
    "shape.reshape": ((signed(2, 3, 4),), {"shape": (4, 6)}),
    "shape.transpose": ((signed(2, 3, 4),), {"axes": (2, 0, 1)}),
    "shape.swapaxes": ((signed(2, 3, 4),), {"axis1": 0, "axis2": -1}),
    "shape.broadcast_to": ((signed(3, 1),), {"shape": (2, 3, 4)}),
    "shape.expand_dims": ((signed(2, 3),), {"axis": 1}),
    "shape.squeeze": ((signed(2, 1, 3),), {"axis": (1,)}),
    "shape.flip": ((signed(2, 3),), {"axis": (0,)}),
    "shape.concatenate": ((signed(2, 3), signed(2, 2), signed(2, 1)), {"axis": 1}),
    "shape.pad": ((signed(2, 3),), {"widths": ((1, 0), (2, 1))}),
    "shape.astype": ((signed(2, 3),), {"dtype": np.dtype(float)}),
    "shape.copy": ((signed(2, 3),), {}),
    "shape.contiguous": ((signed(2, 3),), {}),
    "shape.arranged": ((signed(2, 3, 2),), {"axes": (0, 2, 1)}),
    "strided.as_strided": ((signed(2, 3),), {"shape": (2, 2, 2), "strides": (2, 1, 1), "offset": 1}),
    "shape.roll": ((signed(2, 3),), {"shift": (1, -1), "axis": (0, 1)}),
    "diagonal.tril": ((signed(2, 3, 4),), {"k": 1}),
    "diagonal.triu": ((signed(2, 3, 4),), {"k": -1}),
    "diagonal.diagonal": ((signed(2, 3, 4),), {"offset": 1, "axis1": 0, "axis2": 2}),
    "diagonal.diagonal_embed": ((signed(3, 2),), {"offset": -1, "axis1": 2, "axis2": 0, "shape": (2, 3, 3)}),
    "diagonal.unfold": ((signed(2, 7),), {"axis": 1, "size": 3, "step": 2}),
    "diagonal.fold": ((signed(2, 3, 3),), {"axis": 1, "step": 2, "shape": (2, 7)}),
    "indexing.getitem": [
        ((signed(3, 4),), {"index": index})
        for index in (1, (slice(None, None, -2), None), ([0, 0, 2],), (spaced(3, 4) > -0.5,), ...)
    ],
    "indexing.scatter_add": ((signed(3, 4),), {"index": ([0, 0, 2],), "shape": (3, 4)}),
    "embedding.embedding": ((signed(3, 4),), {"indices": np.array([[0, 2], [2, 0]]), "padding_idx": None, "scale_grad_by_freq": False}),
    "embedding.embedding_backward": [
        ((signed(2, 2, 4),), {"indices": np.array([[0, 2], [2, 0]]), "rows": 3, "padding_idx": 2, "scale_grad_by_freq": False}),
        ((signed(3, 4),), {"indices": np.array([0, 2, 2]), "rows": 3, "padding_idx": None, "scale_grad_by_freq": True}),
    ],
    "attention.masked_softmax": [((signed(2, 3, 4), signed(*mask)), {}) for mask in ((2, 3, 4), (3, 4), (2, 1, 4))],
    "recurrence.turned_rows": ((signed(3, 4),), {"order": np.array([2, 1, 0])}),
    "recurrence.rnn": [((signed(5, 3), signed(2, 3), signed(3, 3)), {"sizes": (2, 2, 1), "nonlinearity": kind}) for kind in ("tanh", "relu")],
    "lstm.lstm": [((signed(n, 2), signed(2, 3), signed(2, 3), signed(12, 2), signed(12, 3), signed(12)), {"sizes": sizes, "kept": {}}) for n, sizes in ((4, (2, 2)), (3, (2, 1)))],
    "gru.gru": [((signed(n, 9), signed(2, 3), signed(9, 3), signed(9)), {"sizes": sizes, "kept": {}}) for n, sizes in ((4, (2, 2)), (3, (2, 1)))],
    "indexing.setitem": [
        ((signed(3, 4), signed(4)), {"index": (slice(0, 2),)}),
        ((signed(2, 3, 4), signed(3, 2)), {"within": (1,), "index": (slice(None), np.array([0, 2]))}),
    ],
    "indexing.overwrite": [
        ((signed(3, 4), signed(2, 2)), {"view": ((ops.shape.transpose, {"axes": (1, 0)}), (ops.indexing.getitem, {"index": (slice(0, 4, 2), slice(1, 3))}))}),
        ((signed(3, 4), signed(6)), {"view": ((ops.shape.reshape, {"shape": (2, 6)}), (ops.indexing.getitem, {"index": (1,)}))}),
    ],
    "indexing.scatter_reduce": [
        ((spaced(3, 2), signed(4, 2) + spaced(4, 2)), {"index": (np.array([0, 0, 2, 0]),), "reduce": reduce})
        for reduce in ("prod", "amax", "amin")
    ],
    "indexing.take_along_axis": [
        ((signed(2, 3, 4),), {"indices": INDICES, "axis": 1}),
        ((MIXED,), {"indices": INDICES[:, 0], "axis": 1}),  # the same element several times
    ],
    "indexing.put_along_axis": [
        ((signed(2, 1, 4),), {"indices": INDICES, "axis": 1, "shape": (2, 3, 4)}),
        ((np.array([[0.3, -0.7, 0.5, 0.2], [-0.4, 0.6, 0.8, -0.9]]),), {"indices": INDICES[:, 0], "axis": 1, "shape": (2, 3)}),
    ],
    "loss.binary_cross_entropy": ((away(2, 3), away(2, 3)), {}),
    "loss.binary_cross_entropy_of_logits": [((signed(2, 3) * 9, away(2, 3), away(*w) * 3), {}) for w in ((3,), (2, 3))],
    "loss.huber": ((signed(2, 3) * 2,), {"delta": 0.9}),
    "loss.cross_entropy": [
        ((signed(4, 3),), {"classes": np.array([0, 2, 1, 2]), "reduction": how, "kept": {}}) for how in ("none", "mean", "sum")
    ],
    "loss.nll": [
        ((signed(4, 3),), {"classes": np.array([0, 2, 1, 2])}),
        ((signed(2, 3, 2, 2),), {"classes": np.array([[[0, 2], [1, 1]], [[2, 0], [0, 1]]])}),
    ],
    "loss.softmax_minus_onehot": ((signed(4, 3),), {"classes": np.array([0, 2, 1, 2])}),
    "matmul.matmul": [
        ((signed(*a), signed(*b)), {})
        for a, b in (((2, 3), (3, 4)), ((2, 2, 3), (3, 4)), ((3,), (3,)), ((2, 3), (3,)), ((3,), (2, 3, 2)), ((2, 1, 2, 3), (4, 3, 2)))
    ],
    "matmul.matmul_t": [((signed(2, 3), signed(4, 3)), {}), ((signed(2, 2, 3), signed(4, 3)), {})],
    "matmul.linear": [((signed(2, 3), signed(4, 3), signed(4)), {}), ((signed(2, 2, 3), signed(4, 3), signed(4)), {})],
    "erfinv.erfinv": ((signed(2, 3),), {}),
    "linalg.trace": ((signed(3, 4),), {}),
    "linalg.cross": [
        ((signed(*a), signed(*b)), {"axis": axis}) for a, b, axis in (((2, 3), (2, 3), -1), ((3, 2), (3, 1), -2), ((3,), (3,), -1))
    ],
    **{f"linalg.{name}": [((signed(*shape) + 2 * np.eye(3),), {}) for shape in ((3, 3), (2, 3, 3))] for name in ("inv", "det", "cofactor", "logabsdet")},
    "linalg.solve": [((signed(*a) + 2 * np.eye(3), signed(*b)), {}) for a, b in (((3, 3), (3, 2)), ((2, 3, 3), (3, 1)))],
    "linalg.cofactor_vjp": ((signed(2, 3, 3) + 2 * np.eye(3), signed(2, 3, 3)), {}),
    "linalg.cholesky": [((away(*shape) + 2 * np.eye(3),), {}) for shape in ((3, 3), (2, 3, 3))],
    "linalg.eigh": [((signed(2, 3, 3) + np.diag([1.0, 3.0, 6.0]),), {"lower": lower}) for lower in (True, False)],
    "linalg.qr": [((signed(*shape) + np.eye(*shape[-2:]),), {}) for shape in ((2, 3, 3), (4, 2), (2, 4))],
    "linalg.svd": [((signed(*shape) + np.eye(*shape[-2:]) * np.arange(1, shape[-1] + 1),), {}) for shape in ((2, 3, 3), (4, 2), (2, 4))],
    "linalg.pinv": [((signed(*shape),), {"atol": 0.0, "rtol": 1e-9}) for shape in ((2, 3, 2), (2, 3))],
    "norm.vector_norm": [((signed(2, 3, 4),), {**REDUCE, "order": order}) for order in (2, 1, 3, 0.5, 1.5, -1)]
    + [((spaced(2, 3, 4) + 1.3,), {**REDUCE, "order": order}) for order in (np.inf, -np.inf)],
    "einsum.einsum": [
        (tuple(signed(*shape) for shape in shapes), {"inputs": tuple(inputs.split(",")), "output": output})
        for shapes, inputs, output in (
            (((2, 3), (3, 4)), "ij,jk", "ik"), (((2, 3, 4), (2, 4, 3)), "bij,bji", "b"), (((3, 3),), "ii", "i"),
            (((3, 3, 2, 3),), "iiji", "ji"), (((2, 3), (3, 4), (4, 2)), "ij,jk,kl", "li"), (((2, 3), (2, 1)), "ij,ij", "i"),
            (((2, 3), (4,)), "ij,k", "k"), (((2,), (3,)), "i,j", "ij"),
        )
    ],
}  # fmt: skip

SYMMETRIC = {"linalg.cholesky", "linalg.eigh"}  # functions of symmetric matrices, of which they read one triangle


def called(name):
    """Return the primitive, made a function of all elements where it reads half of them."""
    made = ALL[name]
    return (lambda x, **params: made(x + np.swapaxes(x, -1, -2), **params)) if name in SYMMETRIC else made


FLAT = {f"elementwise.{name}" for name in ("sign", "floor", "ceil", "trunc", "rint", "floor_divide", "trunc_divide")}


def samples(name):
    found = SAMPLES[name]
    return found if isinstance(found, list) else [found]


CASES = [(name, i) for name in SAMPLES for i in range(len(samples(name)))]


def tensors(operands, dtype=np.float64):
    return [
        mg.tensor(x) if x.dtype.kind in "bi" else mg.tensor(x.astype(dtype), requires_grad=True)
        for x in map(np.asarray, operands)
    ]


def test_every_primitive_has_a_sample():
    tested_with_their_layers = {name for name in ALL if name.startswith("window.")}
    assert set(ALL) - tested_with_their_layers == set(SAMPLES)


@pytest.mark.parametrize(("name", "i"), CASES)
def test_first_and_second_order(name, i):
    operands, params = samples(name)[i]
    made = called(name)
    xs = tensors(operands)
    if name in FLAT:
        gs = mg.autograd.grad(made(*xs, **params).sum(), xs, create_graph=True)
        assert not any(np.any(g._data) for g in gs)
        return
    assert gradcheck(lambda *xs: made(*xs, **params), xs)
    curved = [lambda *xs: made(*xs, **params), lambda *xs: made(*(x * x for x in xs), **params)]
    try:
        assert gradgradcheck(curved[0], xs)
    except GradcheckError as error:  # a linear function has no curvature of its own: bend its input
        if "every gradient is zero" not in str(error):
            raise
        assert gradgradcheck(curved[1], xs)


@pytest.mark.parametrize(("name", "i"), CASES)
def test_float32_is_kept_and_nothing_is_written_in_place(name, i):
    operands, params = samples(name)[i]
    if "dtype" in params:
        params = {"dtype": np.dtype(np.float32)}
    xs = tensors(operands, np.float32)
    for x in xs:
        x._data = np.array(x._data)
        x._data.flags.writeable = False
    y = called(name)(*xs, **params)
    assert y.dtype == np.float32
    seed = np.broadcast_to(np.float32(0.5), y.shape)  # read-only and without a stride of its own
    wanted = [x for x in xs if x.requires_grad]
    for create_graph in (False, True):
        gs = mg.autograd.grad(y, wanted, mg.from_numpy(seed), retain_graph=True, create_graph=create_graph)
        for g, x in zip(gs, wanted, strict=True):
            assert (g.dtype, g.shape) == (x.dtype, x.shape)
            assert isinstance(g._data, np.ndarray)


@pytest.mark.parametrize(("name", "i"), CASES)
def test_memory_layout_does_not_matter(name, i):
    operands, params = samples(name)[i]
    plain = tensors(operands)
    odd = tensors(operands)
    for x in odd:
        x._data = np.asfortranarray(x._data)
    a, b = (called(name)(*xs, **params) for xs in (plain, odd))
    np.testing.assert_allclose(a._data, b._data, rtol=1e-13, atol=1e-14)  # sums run in another order
    np.testing.assert_allclose(called(name)(*(x._data for x in plain), **params), a._data)
    seed = mg.tensor(rng.standard_normal(a.shape))
    for y in (a, b):
        y.backward(seed)
    for p, q in zip(plain, odd, strict=True):
        if p.requires_grad:
            np.testing.assert_allclose(p.grad._data, q.grad._data, rtol=1e-11, atol=1e-12)


def test_a_rule_that_reads_what_it_declared_unread_fails():
    wrong = Primitive(np.multiply, (lambda g, _out, _x, _y: g * _y, None), name="wrong")
    x = mg.ones(3, requires_grad=True)
    with pytest.raises((TypeError, AttributeError)):
        wrong(x, mg.ones(3)).sum().backward()


def test_gradcheck_refuses_a_check_that_could_not_fail():
    x = mg.tensor([1.0, 2.0], dtype=mg.float64, requires_grad=True)
    with pytest.raises(GradcheckError, match="every gradient is zero"):
        gradcheck(lambda x: x * 0.0, x)
    with pytest.raises(GradcheckError, match="mismatch"):
        wrong = Primitive(np.exp, (lambda g, out, _x: 2 * g * out,))
        gradcheck(wrong, x)
    with pytest.raises(GradcheckError, match="float64"):
        gradcheck(mg.exp, mg.ones(2, requires_grad=True))


@pytest.mark.parametrize("function", [f for f in TABLE if isinstance(f, np.ufunc)], ids=lambda f: f.__name__)
def test_numpy_ufuncs_on_tensors_give_numpys_values(function):
    kind = bool if "bitwise" in function.__name__ or "invert" in function.__name__ else float
    kind = int if "shift" in function.__name__ or function.__name__ in ("gcd", "lcm") else kind
    operands = [mg.tensor((away(2, 3) + (function is np.arccosh)).astype(kind)) for _ in range(function.nin)]
    if function is np.matmul:
        operands[1] = operands[1].T
    expected = function(*(x.numpy() for x in operands))
    np.testing.assert_allclose(function(*operands).numpy(), expected, rtol=1e-12)
    mixed = function(operands[0].numpy(), *operands[1:]) if function.nin == 2 else function(operands[0])
    np.testing.assert_allclose(mixed.numpy(), expected, rtol=1e-12)
