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
}


def arguments(lib, name):
    function, *parts = CALLS[name]
    options = parts.pop() if isinstance(parts[-1], dict) else {}
    return getattr(lib, function), [lib.tensor(p) if isinstance(p, list) else p for p in parts], options


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("dtype", ["float32", "float64", "int64", "bool"])
def test_out_takes_what_pytorchs_takes(torch, name, dtype):
    found = []
    for lib in (mg, torch):
        function, parts, options = arguments(lib, name)
        plain = function(*parts, **options)
        out = lib.ones(tuple(plain.shape), dtype=getattr(lib, dtype))
        before = out.tolist()
        try:
            result = function(*parts, **options, out=out)
        except RuntimeError as error:
            assert out.tolist() == before
            found.append(type(error))
        else:
            assert result is out
            found.append((str(out.dtype).split(".")[-1], out.tolist()))
    ours, theirs = found
    assert isinstance(ours, tuple) == isinstance(theirs, tuple)
    if isinstance(ours, tuple):
        assert ours[0] == theirs[0]
        np.testing.assert_allclose(ours[1], theirs[1], rtol=1e-6)


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
