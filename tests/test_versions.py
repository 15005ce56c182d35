"""What differs between versions of PyTorch: ours is the newest's, by heart; an installed one answers as its version does."""

import warnings

import pytest
from oracle import apply, text, version

import minigrad as mg

nan, inf = float("nan"), float("inf")
T = [-1.0, 0.0, 0.5, 1.0, 2.0, nan]
# name: (since, call, operands, gradients of the sum); the call is of x, y, z
GRADIENTS = {
    "clamp": ((2, 14), lambda L, x: x.clamp(0, 1), [T], [[0, 0, 1, 0, 0, 0]]),
    "clamp, min": ((2, 14), lambda L, x: x.clamp(min=0), [T], [[0, 0, 1, 1, 1, 0]]),
    "clamp, max": ((2, 14), lambda L, x: L.clip(x, max=1), [T], [[1, 1, 1, 0, 0, 0]]),
    "clamp_min": ((2, 14), lambda L, x: x.clamp_min(0), [T], [[0, 0, 1, 1, 1, 0]]),
    "clamp_max": ((2, 14), lambda L, x: L.clamp_max(x, 1), [T], [[1, 1, 1, 0, 0, 0]]),
    "clamp of infinities": ((2, 14), lambda L, x: x.clamp(-L.inf, L.inf), [[-inf, 0.0, inf]], [[0, 1, 0]]),
    "clamp in place": ((2, 14), lambda L, x: x.clone().clamp_(0, 1), [T], [[0, 0, 1, 0, 0, 0]]),
    "clamp by numbers of no dimensions": ((2, 14), lambda L, x: x.clamp(0, L.tensor(1.0)), [T], [[0, 0, 1, 0, 0, 0]]),
    "a tensor min": (
        (2, 14),
        lambda L, x, y: x.clamp(min=y),
        [[0.0, 1.0, 2.0, nan], [1.0] * 4],
        [[0, 0.5, 1, 1], [1, 0.5, 0, 1]],
    ),
    "a tensor max": (
        (2, 14),
        lambda L, x, y: x.clamp(max=y),
        [[0.0, 1.0, 2.0, 2.0], [1.0] * 3 + [nan]],
        [[1, 0.5, 0, 1], [0, 0.5, 1, 1]],
    ),
    "two tensors": (
        (2, 14),
        lambda L, x, y, z: x.clamp(y, z),
        [[-1.0, 0.0, 0.5, 1.0, 2.0], [0.0] * 5, [1.0] * 5],
        [[0, 0.5, 1, 0.5, 0], [1, 0.5, 0, 0, 0], [0, 0, 0, 0.5, 1]],
    ),
    "bounds that are one": (
        (2, 14),
        lambda L, x, y, z: x.clamp(y, z),
        [[0.0, 1.0, 2.0], [1.0] * 3, [1.0] * 3],
        [[0, 1, 0], [1, 0, 0], [0, 0, 1]],
    ),
    "bounds crossed": (
        (2, 14),
        lambda L, x, y, z: x.clamp(y, z),
        [[0.0, 1.0, 2.0, 3.0, nan], [2.0] * 5, [1.0] * 5],
        [[0, 0, 0, 0, 1], [0] * 5, [1] * 5],
    ),
    "bounds of NaN": (
        (2, 14),
        lambda L, x, y, z: x.clamp(y, z),
        [[0.0, 2.0, 0.0, 2.0], [nan, nan, 1.0, 1.0], [1.0, 1.0, nan, nan]],
        [[1, 0, 0, 1], [0] * 4, [0] * 4],
    ),
    "fmax": (
        (2, 15),
        lambda L, x, y: L.fmax(x, y),
        [[1.0, nan, 3.0, nan], [1.0, 3.0, nan, nan]],
        [[0.5, 0, 1, 1], [0.5, 1, 0, 0]],
    ),
    "fmin": (
        (2, 15),
        lambda L, x, y: L.fmin(x, y),
        [[1.0, nan, 3.0, nan], [1.0, 3.0, nan, nan]],
        [[0.5, 0, 1, 1], [0.5, 1, 0, 0]],
    ),
}


def gradients(lib, call, operands):
    xs = [lib.tensor(x, dtype=lib.float64, requires_grad=True) for x in operands]
    return [g.tolist() for g in lib.autograd.grad(apply(lib, call, xs).sum(), xs)]


@pytest.mark.parametrize("name", GRADIENTS)
def test_gradients_are_the_newests(name):
    _, call, operands, expected = GRADIENTS[name]
    assert gradients(mg, call, operands) == expected


@pytest.mark.parametrize("name", GRADIENTS)
def test_the_installed_pytorch_has_the_gradients_of_its_version(torch, name):
    since, call, operands, expected = GRADIENTS[name]
    assert (gradients(torch, call, operands) == expected) == (version(torch) >= since)


def small(L):
    return L.tensor([1, 44, 200], dtype=L.uint8)


# call, since, and the values, or the error and its words
VALUES = [
    (lambda L: L.arange(0.0, -8.000001, -4.0, dtype=L.int64), (2, 14), [0, -4, -8]),
    (lambda L: L.arange(2.5, dtype=L.int64), (2, 14), [0, 1, 2]),
    (lambda L: L.arange(0, 5, 1.5, dtype=L.int64), (2, 14), [0, 1, 2, 3]),
    (lambda L: L.arange(5, 3, -0.5, dtype=L.int64), (2, 14), [5, 5, 5, 5]),
    (lambda L: small(L).clamp(2, 300), (2, 15), [2, 44, 200]),
    (lambda L: small(L).clamp(-5, 10), (2, 15), [1, 10, 10]),
    (lambda L: small(L).clamp(min=300), (2, 15), RuntimeError("outside the representable range")),
    (lambda L: small(L).clamp(max=-5), (2, 15), RuntimeError("outside the representable range")),
    (lambda L: small(L).int().clamp(max=2**40), (2, 15), [1, 44, 200]),
    (lambda L: small(L).to(L.int8).clamp_(-1000, 5), (2, 15), [1, 5, -56]),
    (lambda L: L.tensor([1, 2]).mean(), (2, 15), NotImplementedError("floating")),
    (lambda L: L.tensor([1, 2]).std(), (2, 15), NotImplementedError("floating")),
    (lambda L: L.tensor([1, 2]).nanmean(), (2, 15), NotImplementedError("floating")),
    (lambda L: L.tensor([1, 2]).norm(), (2, 15), NotImplementedError("floating")),
    (lambda L: L.linalg.svd(L.tensor([[1, 2], [3, 4]])), (2, 15), NotImplementedError("floating")),
    (lambda L: L.tensor([True]).argmax(), (2, 15), NotImplementedError("bool")),
    (lambda L: L.tensor([True]).topk(1), (2, 15), NotImplementedError("bool")),
]


def is_so(lib, call, expected):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            found = call(lib).tolist()
        except Exception as error:
            return type(error) is type(expected) and str(expected).lower() in str(error).lower()
    return found == expected


@pytest.mark.parametrize(("call", "since", "expected"), VALUES, ids=[text(call) for call, *_ in VALUES])
def test_values_and_errors_are_the_newests(call, since, expected):
    assert is_so(mg, call, expected)


@pytest.mark.parametrize(("call", "since", "expected"), VALUES, ids=[text(call) for call, *_ in VALUES])
def test_the_installed_pytorch_answers_as_its_version(torch, call, since, expected):
    assert is_so(torch, call, expected) == (version(torch) >= since)
