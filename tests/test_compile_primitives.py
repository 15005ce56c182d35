"""Every primitive, written down and replayed with other numbers, is bit for bit what it is eagerly."""

import pytest
from test_primitives import ALL, CASES, called, samples, tensors
from test_recording import LARGE, floats

import minigrad as mg

OTHER = (1.0, 0.97, 0.9, 1.03, 0.95)  # factors of the numbers: the same side of every bound, in other places


def bits(results):
    return [(y.dtype, y.shape, y.numpy().tobytes()) for y in results]


def two_orders(function):
    """Return a function of operands and a seed that gives value, gradients and second gradients."""

    def orders(*operands):
        xs = [x.detach().requires_grad_() if x.is_floating_point() else x for x in operands]
        leaves = [x for x in xs if x.requires_grad]
        y = function(*xs)
        if not y.requires_grad:
            return [y]
        first = mg.autograd.grad(y, leaves, mg.ones_like(y), retain_graph=True, create_graph=True)
        live = [g for g in first if g.requires_grad]
        second = mg.autograd.grad(live, leaves, [mg.ones_like(g) for g in live], allow_unused=True) if live else []
        return [x.detach() for x in (y, *first, *second) if x is not None]

    return orders


def check(function, operands):
    eager, compiled = two_orders(function), mg.compile(two_orders(function))
    for factor in OTHER:
        xs = [x * factor if x.is_floating_point() else x for x in operands]
        assert bits(compiled(*xs)) == bits(eager(*xs))
    assert compiled.source.count("\n") > 3


@pytest.mark.parametrize(("name", "i"), CASES)
def test_a_primitive_replays(name, i):
    operands, params = samples(name)[i]
    fresh = lambda: {key: dict(value) if isinstance(value, dict) else value for key, value in params.items()}
    check(lambda *xs: called(name)(*xs, **fresh()), [x.detach() for x in tensors(operands)])


@pytest.mark.parametrize(
    ("name", "i"), [case for case in CASES if case[0].split(".")[0] in ("bessel", "gamma", "normal", "special")]
)
def test_what_is_computed_in_float64_replays(name, i):
    operands, params = samples(name)[i]
    check(
        lambda *xs: called(name)(*xs, **params),
        [x.detach().float() if x.is_floating_point() else x for x in tensors(operands)],
    )


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize(("name", "shapes", "params"), LARGE, ids=lambda v: v if isinstance(v, str) else "")
def test_a_large_one_replays(name, shapes, params, turned):
    shapes = shapes if isinstance(shapes[0], tuple) else (shapes,)
    function = lambda *xs: ALL[name](*xs, **params)
    turn = lambda x: x.transpose(0, -1).contiguous().transpose(0, -1)
    check(
        (lambda *xs: function(*map(turn, xs))) if turned else function, [mg.tensor(floats(*shape)) for shape in shapes]
    )
