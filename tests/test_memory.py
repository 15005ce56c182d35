"""How tensors lie in memory, beside PyTorch: strides, formats, views with any strides, storages."""

import pickle

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn

CHANGES = {
    "to": lambda lib, x: x.to(memory_format=lib.channels_last),
    "to dtype": lambda lib, x: x.to(lib.float64, memory_format=lib.channels_last),
    "contiguous": lambda lib, x: x.contiguous(memory_format=lib.channels_last),
    "clone": lambda lib, x: x.clone(memory_format=lib.channels_last),
    "clone of a clone": lambda lib, x: x.clone(memory_format=lib.channels_last).clone(),
    "preserved": lambda lib, x: x.clone(memory_format=lib.preserve_format),
    "there and back": lambda lib, x: x.to(memory_format=lib.channels_last).contiguous(),
    "back by clone": lambda lib, x: x.to(memory_format=lib.channels_last).clone(memory_format=lib.contiguous_format),
    "double": lambda lib, x: x.double(memory_format=lib.channels_last),
    "transposed": lambda lib, x: x.transpose(1, 2).contiguous(memory_format=lib.contiguous_format),
    "empty": lambda lib, x: lib.empty(2, 3, 4, 5, memory_format=lib.channels_last) * 0,
    "zeros_like": lambda lib, x: lib.zeros_like(x, memory_format=lib.channels_last),
    "3d": lambda lib, x: x[:, :, None].to(memory_format=lib.channels_last_3d),
}


@pytest.mark.parametrize("name", CHANGES)
def test_memory_formats(torch, name):
    found = []
    for lib in (mg, torch):
        x = lib.arange(120.0).reshape(2, 3, 4, 5).requires_grad_()
        y = CHANGES[name](lib, x)
        formats = [lib.channels_last, lib.contiguous_format]
        if y.requires_grad:
            (y * y).sum().backward()
        gradient = None if x.grad is None else x.grad.tolist()
        found.append((tuple(y.stride()), y.tolist(), [y.is_contiguous(memory_format=f) for f in formats], gradient))
    assert found[0] == found[1]


def test_a_module_in_channels_last(torch):
    for lib in (mg, torch):
        net = lib.nn.Sequential(lib.nn.Conv2d(3, 4, 3), lib.nn.Flatten(), lib.nn.Linear(4, 2))
        net = net.to(memory_format=lib.channels_last)
        assert net[0].weight.is_contiguous(memory_format=lib.channels_last)
        assert tuple(net[0].weight.stride()) == (27, 1, 9, 3) and net[2].weight.is_contiguous()
        assert net(lib.rand(2, 3, 3, 3).to(memory_format=lib.channels_last)).shape == (2, 2)


def test_formats_have_names_and_are_one_of_each():
    assert repr(mg.channels_last) == "minigrad.channels_last"
    assert pickle.loads(pickle.dumps(mg.channels_last)) is mg.channels_last
    assert isinstance(mg.preserve_format, mg.memory_format)


VIEWS = {
    "windows": lambda x: x.as_strided((3, 2), (1, 1)),
    "diagonal": lambda x: x.view(2, 3).as_strided((2,), (4,)),
    "from an offset": lambda x: x.as_strided((2, 2), (2, 1), 1),
    "of a slice": lambda x: x[2:].as_strided((2,), (1,)),
    "beyond a slice": lambda x: x[2:4].as_strided((6,), (1,), 0),
    "of a view": lambda x: x.view(3, 2).t()[1].as_strided((2, 2), (1, 3)),
    "one element many times": lambda x: x.as_strided((4,), (0,), 3),
    "nothing": lambda x: x.as_strided((0, 2), (1, 1)),
}


@pytest.mark.parametrize("name", VIEWS)
def test_as_strided(torch, name):
    found = []
    for lib in (mg, torch):
        x = lib.arange(6.0, dtype=lib.float64).requires_grad_()
        y = VIEWS[name](x * 1)
        (g,) = lib.autograd.grad((y**3).sum() + (x**2).sum(), x, create_graph=True)
        (second,) = lib.autograd.grad((g * g).sum(), x)
        place = y.storage_offset() if name != "nothing" else 0
        found.append([tuple(y.stride()), place, y.tolist(), g.tolist(), second.tolist()])
    assert found[0] == found[1]


def test_a_write_through_a_strided_view_reaches_the_memory(torch):
    for lib in (mg, torch):
        x = lib.zeros(6)
        x.as_strided((2,), (3,), 1).add_(1)
        assert x.tolist() == [0, 1, 0, 0, 1, 0]
        w = lib.ones(6, requires_grad=True)
        y = w * 1
        y.as_strided((2,), (3,), 1).mul_(5)
        y.sum().backward()
        assert w.grad.tolist() == [1, 5, 1, 1, 5, 1]


def test_places_in_memory(torch):
    for lib in (mg, torch):
        x = lib.arange(12).reshape(3, 4)
        assert [t.storage_offset() for t in (x, x[1], x[1:, 2:], x.t()[1], x.detach()[2])] == [0, 4, 6, 1, 8]
        assert (
            x[1].untyped_storage().data_ptr()
            == x.untyped_storage().data_ptr()
            != x.clone().untyped_storage().data_ptr()
        )
        assert (x.untyped_storage().nbytes(), x[1].untyped_storage().size()) == (96, 96)
        assert tuple(x.T.stride()) == (1, 4) and not x.T.is_contiguous() and x.T.contiguous().is_contiguous()
    storage = mg.arange(3).storage()
    storage[1] = 7
    assert storage.tolist() == list(storage) == [0, 7, 2] and len(storage) == storage.size() == 3
    assert storage[1] == 7 and storage[1:].tolist() == [7, 2] and "of size 3" in repr(storage)


REFUSED = {
    "rank": lambda lib: lib.zeros(2, 3).contiguous(memory_format=lib.channels_last),
    "rank of a tensor": lambda lib: lib.zeros(2, 3, 4, 5, 6).to(memory_format=lib.channels_last),
    "outside": lambda lib: lib.zeros(3).as_strided((2, 2), (1, 2), 1),
    "lengths": lambda lib: lib.zeros(3).as_strided((2, 2), (1, 2, 3)),
    "negative stride": lambda lib: lib.zeros(3).as_strided((2,), (-1,)),
    "negative offset": lambda lib: lib.zeros(3).as_strided((2,), (1,), -1),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_is_refused(torch, name):
    with pytest.raises(Exception) as theirs:
        REFUSED[name](torch)
    with pytest.raises(type(theirs.value)) as ours:
        REFUSED[name](mg)
    assert str(ours.value).split()[:2] == str(theirs.value).split()[:2]


def test_memory_of_an_array_may_be_in_any_order():
    array = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    x = mg.from_numpy(array)
    assert x.as_strided((6,), (1,), 0).tolist() == [0, 3, 1, 4, 2, 5]
    with pytest.raises(RuntimeError, match="contiguous"):
        mg.from_numpy(array).requires_grad_().as_strided((6,), (1,), 0)
    assert nn.Linear(2, 2).weight.storage_offset() == 0
