"""What stands between brackets, drawn by hypothesis, beside PyTorch: reading, writing, gradients of both."""

import warnings

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from oracle import text

import minigrad as mg
from minigrad.autograd import gradcheck, gradgradcheck

SHAPE = (3, 4, 2)
KINDS = [
    "int",
    "slice",
    "none",
    "ellipsis",
    "array",
    "array",
    "mask",
    "list",
    "tuple",
    "numpy",
    "range",
    "mask as tuple",
]


class Numpys:
    """A part of an index that stays NumPy's."""

    def __init__(self, value):
        self.value = value

    def __repr__(self):
        return f"Numpys({self.value!r})"


@st.composite
def indices(draw):
    """Draw an index of SHAPE as NumPy data: ints, slices, None, ellipsis, masks and integer arrays mixed."""
    parts, axis, ellipsis = [], 0, False
    common = draw(st.sampled_from([(), (2,), (1,), (2, 2), (0,)]))  # index arrays broadcast
    while axis < len(SHAPE) and draw(st.integers(0, 5)):
        n = SHAPE[axis]
        kind = draw(st.sampled_from(KINDS))
        if kind == "none":
            parts.append(None)
            continue
        if kind == "ellipsis" and not ellipsis:
            ellipsis = True
            parts.append(...)
            axis += draw(st.integers(0, len(SHAPE) - axis))
            continue
        if kind == "slice":
            ends = st.none() | st.integers(-n - 2, n + 2)
            parts.append(slice(draw(ends), draw(ends), draw(st.sampled_from([None, 1, 2, 3]))))
        elif kind in ("array", "list", "tuple", "numpy"):
            values = draw(
                st.lists(st.integers(-n, n - 1), min_size=int(np.prod(common)), max_size=int(np.prod(common)))
            )
            array = np.array(values, np.int64).reshape(common)
            forms = {
                "array": array,
                "numpy": Numpys(array if common else array[()]),
                "list": array.tolist(),
                "tuple": array.tolist() if array.ndim == 0 else tuple(array.tolist()),
            }
            parts.append(forms[kind])
        elif kind == "range":
            parts.append(range(draw(st.integers(1, n))))
        elif kind in ("mask", "mask as tuple"):
            mask = draw(st.lists(st.booleans(), min_size=n, max_size=n))
            parts.append(np.array(mask) if kind == "mask" else tuple(mask))
        else:
            parts.append(draw(st.integers(-n, n - 1)))
        axis += 1
    alone = len(parts) == 1 and not isinstance(parts[0], (list, tuple)) and draw(st.booleans())
    return parts[0] if alone else tuple(parts)


def of(lib, index):
    if isinstance(index, tuple):
        return tuple(of(lib, p) for p in index)
    if isinstance(index, Numpys):
        return index.value
    return lib.tensor(index) if isinstance(index, np.ndarray) else index


def outcome(action):
    try:
        return action()
    except (IndexError, RuntimeError) as error:
        return type(error)


def same(ours, theirs):
    if isinstance(ours, type) or isinstance(theirs, type):
        assert ours is theirs
        return
    for a, b in zip(ours, theirs, strict=True):
        assert tuple(a.shape) == tuple(b.shape)
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=1e-12)


VALUES = np.arange(24.0).reshape(SHAPE) + 1


def read(lib, index):
    x = lib.tensor(VALUES, requires_grad=True)
    y = x[of(lib, index)]
    (g,) = lib.autograd.grad((y * y * y).sum() if y.numel() else x.sum() * 0, x, create_graph=True)
    (h,) = lib.autograd.grad((g * g).sum(), x, allow_unused=True)
    return [y, g] if h is None else [y, g, h]


@settings(max_examples=300, deadline=None)
@given(index=indices())
def test_reading(torch, index):
    ours, theirs = outcome(lambda: read(mg, index)), outcome(lambda: read(torch, index))
    if isinstance(ours, list) and isinstance(theirs, list):
        ours, theirs = ours[:2], theirs[:2]
    same(ours, theirs)


def written(lib, index, value, recorded):
    x = lib.tensor(VALUES, requires_grad=recorded)
    v = lib.tensor(value, requires_grad=recorded)
    y = x * 1.0 if recorded else x
    y[of(lib, index)] = v
    return [y, *lib.autograd.grad((y * y).sum(), [x, v])] if recorded else [y]


@settings(max_examples=300, deadline=None)
@given(index=indices(), full=st.booleans(), recorded=st.booleans())
def test_writing(torch, index, full, recorded):
    try:
        shape = tuple(torch.zeros(SHAPE)[of(torch, index)].shape)
    except IndexError:
        shape = ()
    value = (np.arange(float(np.prod(shape))) + 100).reshape(shape) if full else np.array(7.0)
    if _named_twice(torch, index):
        value = np.full_like(value, 7.0)  # the order of writes to one place is nobody's promise,
        recorded = False  # and PyTorch hands the gradient to all of them: see the next test
    ours = outcome(lambda: written(mg, index, value, recorded))
    if ours is IndexError and 0 in shape:  # PyTorch looks at no index where nothing is written
        return
    same(ours, outcome(lambda: written(torch, index, value, recorded)))


INDEX = np.array([2, 0, 2, 1, 2], np.int64)
WRITES = {  # of several values written to one place the last stays, and it alone gets the gradient
    "x[i] = v": lambda x, v: _put(x, mg.tensor(INDEX), v),
    "x[list] = v": lambda x, v: _put(x, INDEX.tolist(), v),
    "x[i, 0] = v": lambda x, v: _put(x, (mg.tensor(INDEX), 0), v[:, 0]),
    "x[i] = number": lambda x, v: _put(x, mg.tensor(INDEX), v[0, 0]),
    "x[0][..., i] = v": lambda x, v: _put(x, (0, ..., mg.tensor([1, 1])), v[0]),
    "index_put": lambda x, v: x.index_put((mg.tensor(INDEX),), v),
    "index_copy": lambda x, v: x.index_copy(0, mg.tensor(INDEX), v),
    "index_fill": lambda x, v: x.index_fill(0, mg.tensor(INDEX), v[0, 0]),
    "scatter": lambda x, v: x.scatter(0, mg.tensor(np.stack([INDEX, INDEX[::-1]], 1).copy()), v),
}


def _put(x, index, v):
    x = x * 1
    x[index] = v
    return x


@pytest.mark.parametrize("name", WRITES)
def test_the_last_of_several_written_to_one_place_gets_the_gradient(name):
    x, v = (mg.randn(*shape, dtype=mg.float64, requires_grad=True) for shape in ((4, 2), (5, 2)))
    assert gradcheck(WRITES[name], (x, v)) and gradgradcheck(lambda x, v: WRITES[name](x * x, v * v), (x, v))


def _named_twice(torch, index):
    try:
        picked = torch.arange(24).reshape(SHAPE)[of(torch, index)].flatten().tolist()
    except IndexError:
        return False
    return len(set(picked)) < len(picked)


@pytest.mark.parametrize(
    "index",
    [slice(None, None, -1), (0, slice(2, 0, -1)), (..., slice(None, None, -2)), ([0, 2], slice(None, None, -1))],
    ids=str,
)
def test_negative_steps_are_numpys(index):
    x = mg.tensor(VALUES, requires_grad=True)
    plain = tuple(np.array(p) if isinstance(p, list) else p for p in index) if isinstance(index, tuple) else index
    assert x[index].tolist() == VALUES[plain].tolist()
    (x[index] ** 2).sum().backward()
    expected = np.zeros(SHAPE)
    expected[plain] = 2 * VALUES[plain]
    assert x.grad.tolist() == expected.tolist()
    y = mg.tensor(VALUES)
    y[index] = 0
    assert (y == 0).sum().item() == VALUES[plain].size


def test_views_and_masks_of_old():
    x = mg.tensor(VALUES)
    x[mg.tensor(1)][0] = -1  # a whole 0-d tensor selects, and what is selected is a view
    assert x[1, 0].tolist() == [-1, -1]
    for mask in (mg.tensor([1, 0, 1], dtype=mg.uint8), np.array([1, 0, 1], np.uint8)):
        with pytest.warns(UserWarning, match="uint8 is deprecated"):
            assert x[mask].shape == (2, 4, 2)
    assert x[[]].shape == (0, 4, 2) and x[range(2)].shape == (2, 4, 2)
    assert x[:, [0, 1], 0].shape == (3, 2) and x[0, :, [0, 1]].shape == (4, 2)


@pytest.mark.parametrize(
    "line",
    [
        "x[0] = lib.ones(3)",
        "x[lib.tensor([0, 1])] = lib.ones(3, 4, 2)",
        "x[5] = 1",
        "x[lib.tensor([9])] = 1.0",
        "x[1, (2, 1, 0), [0, 1, 0]] = 7",
        "x[:, (2, 1, 0), 1] = 7",
        "x[None, 1, (2, 1), np.array([0, 1])] = x[:1, 0]",
        "x[1, (True, False, False, True), (0, 1)] = 7",
        "i[lib.tensor([0, 1])] = lib.tensor([1.5, 2.5])",
        "i[[0, 1]] = lib.tensor(1.5)",
        "i[lib.tensor([True, False])] = lib.tensor(1.5)",
        "i[lib.tensor([True, False])] = lib.tensor([1.5])",
        "i[0:2] = lib.tensor([1.5, 2.5])",
        "i[[0, 1]] = 1.5",
        "v[0, True] = 7",
        "v[lib.tensor(True), 0] = 7",
        "x[lib.tensor([0, 1], dtype=lib.int16)] = 1",
        "x['a'] = 1",
        "x[0, '1'] = 1",
        "x[lib.tensor([True])] = 1",
        "x[0.5] = 1",
        "i[0] = 1.7",
        "i[0] = lib.tensor(1.7)",
        "b[0] = 3",
        "x[0] = lib.ones(1, 1, 2)",
        "x[0] = True",
    ],
)
def test_writes_and_refusals_are_pytorchs(torch, line):
    results = []
    for lib in (mg, torch):
        names = {
            "lib": lib,
            "x": lib.tensor(VALUES),
            "i": lib.tensor([1, 2]),
            "b": lib.tensor([True, False]),
            "v": lib.zeros(2),
            "np": np,
        }
        try:
            exec(line, names)
            results.append([names[k].tolist() for k in "xibv"])
        except Exception as error:
            results.append(type(error))
    assert results[0] == results[1]


@pytest.mark.parametrize(
    "call",
    [
        lambda L, x: x[[[0, 1]]],
        lambda L, x: x[[[0, 1], [1, 0]]],
        lambda L, x: x[[(0, 1), (1, 0)]],
        lambda L, x: x[[L.tensor([0, 1]), 0]],
        lambda L, x: x[[slice(0, 1), None]],
        lambda L, x: x[[..., 0]],
        lambda L, x: x[[[True, False, True]]],
        lambda L, x: x[[np.array([0, 1])]],
        lambda L, x: x[[[]]],
        lambda L, x: x[[L.tensor(0), L.tensor(1)]],
    ],
    ids=text,
)
def test_a_list_of_more_than_numbers_is_a_tuple_with_a_warning(torch, call):
    found = []
    for lib in (mg, torch):
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            found.append(call(lib, lib.tensor(VALUES)).tolist())
        assert lib is torch or ("non-tuple sequence" in str(seen[0].message) and seen[0].filename == __file__)
    assert found[0] == found[1]


def test_lists_of_numbers_are_arrays_whatever_their_length():
    x = mg.arange(3)
    assert x[[0] * 40].shape == (40,) and x[[[0, 1]] * 32].shape == (32, 2)


@pytest.mark.parametrize(
    "index",
    [
        (None, 0, ..., 0, 1),
        (0, ..., 0, 0),
        (slice(None), 0, ..., 0),
        (None, 0, ..., 0, 0),
        (0, 1, ..., 0),
        (..., 0, 0, 0),
    ],
    ids=str,
)
def test_an_ellipsis_that_stands_for_nothing_keeps_nothing_apart(torch, index):
    found = []
    for lib in (mg, torch):
        pair = lib.tensor([0, 1])  # stands where the index says 0
        at = tuple(pair if p == 0 and type(p) is int else p for p in index)
        x = lib.tensor(VALUES)
        y = x[at]
        x[at] = y * 10
        found.append((tuple(y.shape), y.tolist(), x.tolist()))
    assert found[0] == found[1]
