"""NumPy both ways: what is recorded, what is refused, and that nothing slips out of the graph."""

import numpy as np
import pytest

import minigrad as mg


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

    from minigrad.interop import _OTHERWISE_CALLED

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
