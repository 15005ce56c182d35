"""NumPy both ways: what is recorded, what is refused, and that nothing slips out of the graph."""

import re
from pathlib import Path

import numpy as np
import pytest

import minigrad as mg
from minigrad.ops.elementwise import rsqrt
from minigrad.primitive import TABLE, alias, enter, numpy_name, register


def leaf():
    return mg.tensor([1.0, 2.0, 3.0], requires_grad=True)


@pytest.mark.parametrize(
    ("function", "gradient"),
    [
        (lambda x: np.ones(3) + x, [1, 1, 1]),
        (lambda x: np.arange(3.0) * x, [0, 1, 2]),
        (lambda x: np.float64(2) * x, [2, 2, 2]),
        (lambda x: np.arange(3.0) @ x, [0, 1, 2]),
        (lambda x: np.square(x), [2, 4, 6]),
        (lambda x: np.sum(x * x), [2, 4, 6]),
        (lambda x: np.mean(x, axis=0), [1 / 3] * 3),
        (lambda x: np.max(x), [0, 0, 1]),
        (lambda x: np.add.reduce(x), [1, 1, 1]),
        (lambda x: np.maximum.reduce(x), [0, 0, 1]),
        (lambda x: np.concatenate([x, 2 * x]), [3, 3, 3]),
        (lambda x: np.stack([x, 2 * x], axis=1), [3, 3, 3]),
        (lambda x: np.where(np.array([True, False, True]), x, 0.0), [1, 0, 1]),
        (lambda x: np.multiply.reduce(x), [6, 3, 2]),
        (lambda x: np.minimum.reduce(x), [1, 0, 0]),
        (lambda x: np.add.reduce(np.reshape(x, (3, 1)), axis=1, keepdims=True), [1, 1, 1]),
        (lambda x: np.prod(x), [6, 3, 2]),
        (lambda x: np.sum(a=x, axis=0), [1, 1, 1]),
        (lambda x: np.sum(x, dtype=np.float64), [1, 1, 1]),
        (lambda x: np.concatenate(arrays=[np.ones(3), x]), [1, 1, 1]),
        (lambda x: np.clip(x, 1.5, 2.5), [0, 1, 0]),
        (lambda x: np.clip(np.full(3, 9.0), a_min=None, a_max=x), [1, 1, 1]),
        (lambda x: np.clip(np.full(3, 9.0), 0, x), [1, 1, 1]),
        (lambda x: np.where(np.array([True, False, True]), np.zeros(3), x), [0, 1, 0]),
        (lambda x: np.var(x), [-2 / 3, 0, 2 / 3]),
        (lambda x: np.var(x, ddof=1, keepdims=True), [-1, 0, 1]),
        (lambda x: np.moveaxis(np.reshape(x, (3, 1, 1)), 0, -1), [1, 1, 1]),
        (lambda x: np.hstack([x, x]), [2, 2, 2]),
        (lambda x: np.vstack([x, x]), [2, 2, 2]),
        (lambda x: np.ravel(x) * np.ndim(x) * np.size(x), [3, 3, 3]),
        (lambda x: np.transpose(np.reshape(x, (3, 1))), [1, 1, 1]),
        (lambda x: np.cumsum(np.reshape(x, (3, 1))), [3, 2, 1]),
        (lambda x: np.cumsum(x, axis=0), [3, 2, 1]),
        (lambda x: np.cumprod(x), [9, 4, 2]),
        (lambda x: np.flip(x) * np.arange(3.0), [2, 1, 0]),
        (lambda x: np.flip(x, 0) * np.arange(3.0), [2, 1, 0]),
        (lambda x: np.sort(x)[:2], [1, 1, 0]),
        (lambda x: np.sort(np.reshape(-x, (3, 1)), axis=None)[:2], [0, -1, -1]),
        (lambda x: np.take(x, [0, 0, 2]), [2, 0, 1]),
        (lambda x: np.take(np.reshape(x, (1, 3)), np.array([1]), axis=1), [0, 1, 0]),
        (lambda x: np.split(x, 3)[1], [0, 1, 0]),
        (lambda x: np.split(x, [1])[1], [0, 1, 1]),
        (lambda x: np.array_split(x, 2)[0], [1, 1, 0]),
        (lambda x: np.roll(x, 1) * np.arange(3.0), [1, 2, 0]),
        (lambda x: np.tile(x, 2), [2, 2, 2]),
        (lambda x: np.tile(x, (2, 1)), [2, 2, 2]),
        (lambda x: np.repeat(x, 2), [2, 2, 2]),
        (lambda x: np.diag(x), [1, 1, 1]),
        (lambda x: np.diagonal(np.tril(np.diag(x, k=-1), k=-1), -1), [1, 1, 1]),
        (lambda x: np.triu(np.reshape(x, (1, 3)), 1), [0, 1, 1]),
        (lambda x: np.rot90(np.reshape(x, (1, 3))), [1, 1, 1]),
        (lambda x: np.dstack([x, x]), [2, 2, 2]),
        (lambda x: np.column_stack((x, x)), [2, 2, 2]),
        (lambda x: np.atleast_2d(x), [1, 1, 1]),
        (lambda x: np.nansum(x) + np.nanmean(x), [4 / 3] * 3),
        (lambda x: np.nan_to_num(x), [1, 1, 1]),
        (lambda x: np.fabs(x) + np.around(x, 1), [1, 1, 1]),
    ],
)
def test_numpy_calls_are_recorded(function, gradient):
    x = leaf()
    y = function(x)
    assert isinstance(y, mg.Tensor)
    y.sum().backward()
    np.testing.assert_allclose(x.grad.numpy(), gradient)
    assert x.grad.dtype == np.float32


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda x: np.asarray(x), RuntimeError, "requires grad"),
        (lambda x: np.zeros(3).__setitem__(slice(None), x), RuntimeError, "requires grad"),
        (lambda x: np.gradient(x), TypeError, "np.gradient has no vjp"),
        (lambda x: np.add(x, 1, out=np.zeros(3)), TypeError, "out= is refused"),
        (lambda x: np.sum(x, out=np.zeros(())), TypeError, "out= is refused"),
        (lambda x: np.add.at(np.zeros(3), [0], x), TypeError, "np.add.at"),
        (lambda x: np.cbrt(x), TypeError, "np.cbrt has no vjp"),
        (lambda x: np.average(x), TypeError, "nearest function there is mg.mean"),
        (lambda x: np.median(x), TypeError, "nearest function there is mg.median"),
        (lambda x: np.sum(x, where=np.ones(3, bool)), TypeError, "np.sum with where"),
        (lambda x: np.add(x, 1, where=True), TypeError, "np.add with where"),
        (lambda x: np.multiply.accumulate(x), TypeError, "np.multiply.accumulate has no vjp.* mg.cumprod"),
        (lambda x: np.logaddexp.reduce(x), TypeError, "nearest function there is mg.logsumexp"),
        (lambda x: np.multiply.outer(x, x), TypeError, "nearest function there is mg.outer"),
        (lambda x: np.linalg.lstsq(np.ones((3, 1)), x), TypeError, "np.linalg.lstsq has .* mg.linalg.lstsq"),
        (lambda x: np.fft.fft(x), TypeError, "np.fft.fft has no vjp in minigrad, so it cannot be recorded. Use"),
        (lambda x: np.reshape(x, (3,), order="F"), TypeError, "np.reshape with order has no vjp"),
        (lambda x: np.sum(x, 0, None, np.zeros(())), TypeError, "np.sum has no vjp"),
        (lambda x: np.split(x, 2), ValueError, "equal division"),
        (lambda x: np.where(x > 1, x), ValueError, "both or neither"),
        (lambda x: x.numpy(), RuntimeError, "detach"),
        (lambda x: x.__dlpack__(), BufferError, "require gradient"),
        (lambda x: np.from_dlpack(x), BufferError, "require gradient"),
    ],
)
def test_what_would_lose_a_gradient_raises(call, error, words):
    with pytest.raises(error, match=words):
        call(leaf())


PLAIN = [
    lambda x, i: np.unique(i), lambda x, i: np.unique(i, return_counts=True), lambda x, i: np.median(x),
    lambda x, i: np.histogram(x, bins=2), lambda x, i: np.gradient(x), lambda x, i: np.percentile(x, 30),
    lambda x, i: np.isin(i, [1]), lambda x, i: np.setdiff1d(i, [1]), lambda x, i: np.bincount(i), np.searchsorted,
    lambda x, i: np.corrcoef([x, x]), lambda x, i: np.interp(1.5, i, x), lambda x, i: np.average(x, weights=i),
    lambda x, i: np.diff(x), lambda x, i: np.quantile(a=x, q=0.5), lambda x, i: np.fft.fft(x),
    lambda x, i: np.linalg.cond(np.diag(x)), lambda x, i: np.nanmax(x), lambda x, i: np.meshgrid(x, i)[1],
    lambda x, i: np.lexsort((x, i)), lambda x, i: np.unravel_index(i, (2, 2)), lambda x, i: np.ones_like(x),
]  # fmt: skip
AS_TENSORS = [
    lambda x, i: np.cbrt(x), lambda x, i: np.sum(x, where=[True, False, True]), lambda x, i: np.add(x, 1, dtype="f8"),
    lambda x, i: np.multiply.accumulate(x), lambda x, i: np.maximum.outer(x, i), lambda x, i: np.modf(x),
    lambda x, i: np.sort(x, kind="stable"), lambda x, i: np.reshape(x, (3,), order="F"), lambda x, i: np.gcd(i, 2),
    lambda x, i: np.linalg.svd(np.diag(x), hermitian=True),
]  # fmt: skip


@pytest.mark.parametrize("function", [*PLAIN, *AS_TENSORS])
def test_numpy_answers_where_no_gradient_is_asked_for(function):
    arrays = np.array([1.0, 2.0, 4.0], "float32"), np.array([1, 3, 1])
    ours, theirs = function(*map(mg.from_numpy, arrays)), function(*arrays)
    many = lambda x: list(x) if isinstance(x, (tuple, list)) else [x]
    for a, b in zip(many(ours), many(theirs), strict=True):
        assert isinstance(a, mg.Tensor if function in AS_TENSORS else (np.ndarray, np.generic))
        assert a.dtype == b.dtype
        np.testing.assert_array_equal(np.asarray(a), b)


def test_numpy_answers_of_what_asks_for_a_gradient_where_none_is_recorded():
    x = leaf()
    with mg.no_grad():
        assert np.median(x) == 2 and np.cbrt(x).tolist()[0] == 1
    with pytest.raises(TypeError, match="np.median has no vjp"):
        np.median(x)
    with pytest.raises(TypeError, match="np.average has no vjp"):
        np.average(np.ones(3), weights=x)


@pytest.mark.parametrize(
    "write",
    [
        lambda x: np.put(x, 0, 5.0), lambda x: np.copyto(x, 5.0), lambda x: np.place(x, x > 1, 5.0),
        lambda x: np.putmask(x, x > 1, 5.0), lambda x: np.add.at(x, 0, 5.0), lambda x: np.fill_diagonal(x.view(1, 3), 5.0),
        lambda x: np.put_along_axis(x, np.array([0]), 5.0, 0), lambda x: np.sum(x, 0, None, mg.zeros(())),
    ],
)  # fmt: skip
def test_numpy_does_not_write_into_tensors(write):
    x = mg.tensor([1.0, 2.0, 4.0])
    with pytest.raises(TypeError, match="would write into a Tensor, which no graph would see"):
        write(x)
    assert x.tolist() == [1, 2, 4]


def test_numpy_writes_tensors_into_arrays():
    out = np.zeros(3)
    np.copyto(out, mg.tensor([1.0, 2.0, 3.0]))
    np.add.at(out, mg.tensor([0, 0]), mg.ones(2))
    np.put(out, mg.tensor([2]), mg.tensor([9.0]))
    assert out.tolist() == [3, 2, 9]


def test_the_nearest_function_is_there_and_near():
    from minigrad.tensor.numpy_protocol import _OTHERWISE_CALLED, _nearest

    for name, near in _OTHERWISE_CALLED.items():
        assert _nearest(name) == f"The nearest function there is mg.{near}. "
    for name in ("polyfit", "hanning", "isnat", "bitwise_count", "sort_complex", "ediff1d", "fft.fft"):
        assert _nearest(name) == "", name


def test_without_a_gradient_the_array_is_the_memory():
    x = mg.zeros(3)
    np.asarray(x)[0] = 5
    assert x.tolist() == [5, 0, 0]
    assert leaf().detach().numpy().tolist() == [1, 2, 3]


def test_asarray_takes_dtype_and_copy():
    x = mg.ones(3)
    assert np.asarray(x, dtype=np.float64).dtype == np.float64
    assert np.shares_memory(np.asarray(x), x._data) and np.shares_memory(np.asarray(x, copy=False), x._data)
    assert not np.shares_memory(np.array(x, copy=True), x._data)
    with pytest.raises(ValueError, match="avoid copy"):
        np.asarray(x, dtype=np.float64, copy=False)


def test_an_array_takes_what_has_no_gradient_in_place():
    a = np.ones(3)
    a += mg.ones(3)
    assert a.tolist() == [2, 2, 2]
    with pytest.raises(TypeError, match="out= is refused"):
        a += leaf()


def test_dlpack_both_ways(torch):
    x = mg.arange(6).view(2, 3).mT
    for theirs in (np.from_dlpack(x), torch.from_dlpack(x)):
        theirs[0, 0] = 7
        assert x[0, 0].item() == 7 and tuple(theirs.shape) == (3, 2)
        x[0, 0] = 0
    for given in (np.zeros((2, 3), np.float32), torch.zeros(2, 3)):
        ours = mg.from_dlpack(given)
        ours[1, 2] = 5
        assert given[1, 2] == 5 and ours.dtype == np.float32
    assert x.__dlpack_device__() == (1, 0)


def test_dlpack_refuses_what_may_not_be_written_or_read():
    frozen = np.zeros(3)
    frozen.flags.writeable = False
    with pytest.raises(BufferError, match="read-only"):
        mg.from_dlpack(frozen)
    with pytest.raises(BufferError, match="read-only"):
        np.from_dlpack(mg.zeros(1).expand(3))
    with pytest.raises(BufferError, match="native byte order"):
        mg.from_dlpack(np.zeros(3, ">f8"))
    with pytest.raises(TypeError, match="__dlpack__"):
        mg.from_dlpack([1.0])


def test_what_runs_backwards_through_memory_is_not_handed_over(torch):
    x = mg.arange(6.0)[::-1]
    with pytest.raises(BufferError, match="backwards"):
        x.__dlpack__()  # not by torch.from_dlpack, which would abort the process
    assert torch.from_dlpack(x.clone()).tolist() == x.tolist()


def test_questions_about_values_are_answered():
    x = leaf()
    assert np.allclose(x, [1, 2, 3]) and np.array_equal(x, np.array([1.0, 2.0, 3.0])) and not np.iscomplexobj(x)
    assert np.shares_memory(x, x.detach()) and np.result_type(x, np.float64) == np.float64
    places = np.where(x > 1)
    assert isinstance(places, tuple) and places[0].tolist() == [1, 2]
    assert np.nonzero(x > 1)[0].tolist() == [1, 2] and np.count_nonzero(x > 1) == 2
    assert sorted(np.random.default_rng(0).permutation(x.detach())) == [1, 2, 3]


def test_every_name_that_is_recommended_exists():
    from operator import attrgetter

    from minigrad.tensor.numpy_protocol import _OTHERWISE_CALLED

    assert all(callable(attrgetter(name)(mg)) for name in _OTHERWISE_CALLED.values())


def test_arrays_of_another_byte_order_or_size_are_refused(torch):
    for array, error in ((np.zeros(3, np.dtype("f8").newbyteorder()), ValueError), (np.zeros(3, "U1"), TypeError)):
        for lib in (mg, torch):
            with pytest.raises(error):
                lib.from_numpy(array)
    with pytest.raises(TypeError, match="bool, integer and float"):
        mg.from_numpy(np.zeros(3, np.longdouble))


def test_format_is_pytorchs(torch):
    for text in ("{}", "{:.2f}", "{:>8.1e}"):
        for make in (lambda lib: lib.tensor(1.25), lambda lib: lib.tensor(1.25, requires_grad=True) * 2):
            assert text.format(make(mg)) == text.format(make(torch))
    assert f"{mg.tensor([1.5])}" == "tensor([1.5000])"
    for lib in (mg, torch):
        with pytest.raises(TypeError, match="unsupported format string"):
            format(lib.tensor([1.5]), ".2f")


def test_a_list_of_losses_is_their_numbers(torch):
    for lib in (mg, torch):
        x = lib.tensor([1.0, 2.0], requires_grad=True)
        with pytest.warns(UserWarning, match="Converting a tensor with requires_grad=True to a scalar"):
            y = lib.tensor([x[0], x.sum() * 2])
        assert y.tolist() == [1, 6] and not y.requires_grad


def test_numpy_by_force():
    x = leaf()
    assert (x * 2).numpy(force=True).tolist() == [2, 4, 6] and np.shares_memory(x.numpy(force=True), x._data)


@pytest.mark.parametrize(
    ("function", "again"),
    [
        (np.sum, lambda: enter(np.sum, lambda a: a)),
        (np.add.reduce, lambda: alias(rsqrt, np.add.reduce)),
        (np.exp, lambda: register(np.exp, lambda g, out, _x: g * out)),
    ],
)
def test_a_numpy_function_has_one_entry_and_a_second_is_refused(function, again):
    before = dict(TABLE)
    with pytest.raises(ValueError, match=rf"np\.{numpy_name(function)} has an entry already.* would hide it"):
        again()
    assert before == TABLE


def test_only_enter_writes_into_the_table():
    package = Path(mg.__file__).parent
    pattern = re.compile(r"TABLE\[[^]]*\] *=[^=]|TABLE\.(update|setdefault|pop)|TABLE \|=")
    writers = [path.name for path in package.rglob("*.py") for _ in pattern.finditer(path.read_text())]
    assert writers == ["primitive.py"]
