"""``out=`` beside PyTorch: values, dtypes, shapes, what is refused, and that a refusal changes nothing."""

import warnings

import numpy as np
import pytest

import minigrad as mg

X, Y, M = [0.3, -0.7, 1.1], [1.2, 0.4, 2.0], [[1.0, 2.0], [3.0, 4.0]]
UNARY = [
    "exp",
    "sin",
    "tanh",
    "abs",
    "neg",
    "ceil",
    "floor",
    "round",
    "sign",
    "square",
    "sigmoid",
    "erf",
    "logical_not",
]
BINARY = [
    "add",
    "sub",
    "mul",
    "div",
    "pow",
    "maximum",
    "minimum",
    "atan2",
    "eq",
    "lt",
    "logical_and",
    "hypot",
    "fmod",
    "remainder",
    "dot",
]
CALLS = {
    **{n: (n, X) for n in UNARY},
    **{n: (n, X, Y) for n in BINARY},
    **{n: (n, M, M) for n in ("mm", "matmul", "kron")},
    "mv": ("mv", M, Y[:2]),
    "outer": ("outer", X, Y),
    "inner": ("inner", X, Y),
    "tensordot": ("tensordot", M, M),
    "bmm": ("bmm", [M], [M]),
    "addmm": ("addmm", M, M, M),
    "addmv": ("addmv", Y[:2], M, Y[:2]),
    "baddbmm": ("baddbmm", [M], [M], [M]),
    "clamp": ("clamp", X, 0.0, 1.0),
    "where": ("where", [True, False, True], X, Y),
    "lerp": ("lerp", X, Y, 0.5),
    "addcmul": ("addcmul", X, X, Y),
    "add alpha": ("add", X, Y, {"alpha": 2}),
    "div floor": ("div", X, Y, {"rounding_mode": "floor"}),
    "float_power": ("float_power", X, 2.0),
    **{f"{n} of a dim": (n, M, 1) for n in ("sum", "mean", "prod", "amax", "amin", "argmax", "argmin", "all", "any")},
    **{f"{n} of all": (n, M) for n in ("mean", "max", "min", "argmax", "any")},
    "sum kept": ("sum", M, (0, 1), True),
    "sum in a dtype": ("sum", M, 0, {"dtype": mg.float64}),
    "var": ("var", M, {"dim": 1}),
    "std": ("std", M, {"dim": 1}),
    "cumsum": ("cumsum", M, 0),
    "cumprod": ("cumprod", M, 1),
    "max of two": ("max", X, Y),
    "cat": ("cat", (X, Y), 0),
    "stack": ("stack", (X, Y), 1),
    "gather": ("gather", M, 1, [[0], [1]]),
    "index_select": ("index_select", M, 1, [1]),
    "masked_select": ("masked_select", X, [True, False, True]),
    "take": ("take", M, [0, 3]),
    "nonzero": ("nonzero", M),
    "msort": ("msort", X),
    "zeros": ("zeros", 2, 3),
    "full": ("full", (2,), 3.0),
    "eye": ("eye", 3),
    "linspace": ("linspace", 0, 4, 5),
    "randint": ("randint", 0, 5, (2,)),
    "arange": ("arange", 4),
    "rand": ("rand", 2, 3),
    "randn": ("randn", 2, 3),
    "randperm": ("randperm", 4),
}
# what PyTorch has no kernel for, and NumPy has: (function, dtype)
ONLY_HERE = {
    *((n, "bool") for n in ("cumsum", "cumprod", "arange", "randperm")),
}


def arguments(lib, name):
    function, *parts = CALLS[name]
    options = parts.pop() if isinstance(parts[-1], dict) else {}
    options = {n: getattr(lib, str(x)) if n == "dtype" else x for n, x in options.items()}
    made = [lib.tensor(p) if isinstance(p, list) else p for p in parts]
    made = [tuple(map(lib.tensor, p)) if isinstance(p, tuple) and isinstance(p[0], list) else p for p in made]
    return getattr(lib, function), made, options


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "bool"])
def test_out_takes_what_pytorchs_takes(torch, name, dtype):
    if (name, dtype) in ONLY_HERE:
        return
    found = []
    for lib in (mg, torch):
        lib.manual_seed(0)
        function, parts, options = arguments(lib, name)
        plain = function(*parts, **options)
        out = lib.ones(tuple(plain.shape), dtype=getattr(lib, dtype))
        before = out.tolist()
        lib.manual_seed(0)
        try:
            result = function(*parts, **options, out=out)
        except (RuntimeError, TypeError) as error:
            assert lib is torch or out.tolist() == before
            found.append(type(error))
        else:
            assert result is out
            found.append((str(out.dtype).split(".")[-1], out.tolist()))
    ours, theirs = found
    assert isinstance(ours, tuple) == isinstance(theirs, tuple)
    if isinstance(ours, tuple):
        assert ours[0] == theirs[0]
        np.testing.assert_allclose(ours[1], theirs[1], rtol=1e-6)


PAIRS = {
    **{n: (n, M, 1) for n in ("max", "min", "sort", "median", "mode", "nanmedian", "cummax", "cummin")},
    "topk": ("topk", X, 2),
    "kthvalue": ("kthvalue", X, 2),
    "aminmax": ("aminmax", M, {"dim": 1}),
}
DTYPES = [("float32", "int64"), ("float32", "float32"), ("float64", "int64"), ("int64", "int64")]


@pytest.mark.parametrize("name", PAIRS)
@pytest.mark.parametrize("dtypes", DTYPES, ids="-".join)
def test_two_results_are_written_into_two_tensors(torch, name, dtypes):
    found = []
    for lib in (mg, torch):
        function, *parts = PAIRS[name]
        options = parts.pop() if isinstance(parts[-1], dict) else {}
        outs = tuple(lib.empty(0, dtype=getattr(lib, dtype)) for dtype in dtypes)
        try:
            results = getattr(lib, function)(lib.tensor(parts[0]), *parts[1:], **options, out=outs)
        except RuntimeError as error:
            assert lib is torch or not any(map(len, outs))
            found.append(type(error))
        else:
            assert [x.tolist() for x in results] == [x.tolist() for x in outs]
            assert lib is torch or all(map(lambda a, b: a is b, results, outs))
            found.append([(str(x.dtype).split(".")[-1], x.tolist()) for x in outs])
    assert found[0] == found[1]


def test_one_tensor_for_two_results_is_refused(torch):
    for lib in (mg, torch):
        with pytest.raises(TypeError):
            lib.sort(lib.ones(3), out=lib.empty(0))
        with pytest.raises(TypeError):
            lib.sum(lib.ones(3), 0, out=(lib.empty(0), lib.empty(0)))


def test_another_shape_is_taken_over(torch):
    for lib in (mg, torch):
        empty = lib.empty(0)
        lib.exp(lib.zeros(2, 3), out=empty)
        assert tuple(empty.shape) == (2, 3) and empty.tolist() == [[1.0] * 3] * 2
        short = lib.zeros(2)
        with pytest.warns(UserWarning, match="was resized"):
            lib.add(lib.ones(3), 1, out=short)
        assert short.tolist() == [2.0] * 3
        strided = lib.zeros(6)
        lib.add(lib.ones(3), 1, out=strided[::2])
        assert strided.tolist() == [2.0, 0.0, 2.0, 0.0, 2.0, 0.0]
        same = lib.ones(3)
        assert lib.exp(same, out=same) is same and same[0].item() == pytest.approx(np.e)


REFUSED = {
    "requires grad": lambda lib: lib.exp(lib.ones(3, requires_grad=True), out=lib.empty(3)),
    "second requires grad": lambda lib: lib.add(lib.ones(3), lib.ones(3, requires_grad=True), out=lib.empty(3)),
    "out requires grad": lambda lib: lib.mm(lib.ones(2, 2), lib.ones(2, 2), out=lib.empty(2, 2, requires_grad=True)),
    "no tensor": lambda lib: lib.exp(lib.ones(3), out=[1.0]),
    "no tensor for a product": lambda lib: lib.matmul(lib.ones(3), lib.ones(3), out=3),
    "overlap": lambda lib: (lambda x: lib.add(x[:-1], 1, out=x[1:]))(lib.arange(4.0)),
    "expanded": lambda lib: lib.exp(lib.zeros(3, 2), out=lib.zeros(3, 1).expand(3, 2)),
    "dtype": lambda lib: lib.exp(lib.ones(3), out=lib.ones(3, dtype=lib.int64)),
    "dtype of a product": lambda lib: lib.mm(lib.ones(2, 2), lib.ones(2, 2), out=lib.ones(2, 2, dtype=lib.float64)),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(torch, name):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with pytest.raises(Exception) as theirs:
            REFUSED[name](torch)
    with pytest.raises(type(theirs.value)) as ours:
        REFUSED[name](mg)
    opening = str(theirs.value).split()[:4]
    assert str(ours.value).split()[:4] == opening


def test_where_nothing_is_recorded_a_parameter_may_be_read_and_written():
    w = mg.ones(3, requires_grad=True)
    with mg.no_grad():
        mg.mul(w, 2, out=w)
    assert w.requires_grad and w.tolist() == [2.0] * 3


def test_what_was_saved_for_backward_and_is_written_is_noticed():
    x, kept = mg.ones(3, requires_grad=True), mg.ones(3)
    y = (x * kept).sum()
    mg.exp(mg.ones(3), out=kept)
    with pytest.raises(RuntimeError, match="exp"):
        y.backward()
