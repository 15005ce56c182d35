"""Function: a backward of one's own, beside PyTorch's."""

import gc
import warnings
import weakref

import numpy as np
import pytest

import minigrad as mg
from minigrad.autograd import Function, gradcheck, gradgradcheck
from minigrad.autograd.function import once_differentiable
from minigrad.utils.checkpoint import checkpoint


def leaf(*values):
    return mg.tensor(list(values), dtype=mg.float64, requires_grad=True)


def functions(lib):
    """Return the same Functions for either library."""

    class Product(lib.autograd.Function):
        @staticmethod
        def forward(ctx, x, y, scale):
            ctx.save_for_backward(x, y)
            ctx.scale = scale
            return scale * x * y

        @staticmethod
        def backward(ctx, g):
            x, y = ctx.saved_tensors
            needs = ctx.needs_input_grad
            return g * y * ctx.scale if needs[0] else None, g * x * ctx.scale if needs[1] else None, None

    class Exp(lib.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            out = x.exp()
            ctx.save_for_backward(out)
            return out

        @staticmethod
        def backward(ctx, g):
            return g * ctx.saved_tensors[0]

    class SumAndDifference(lib.autograd.Function):
        @staticmethod
        def forward(x, y):
            return x.sin() + y, x - y

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.save_for_backward(*inputs)

        @staticmethod
        def backward(ctx, a, b):
            return a * ctx.saved_tensors[0].cos() + b, a - b

    return Product, Exp, SumAndDifference


def programs(lib):
    product, exp, both = functions(lib)
    return [
        lambda x, y: product.apply(x, y, 3.0),
        lambda x, y: product.apply(x, x, 2.0) * y,
        lambda x, y: exp.apply(exp.apply(x) * y),
        lambda x, y: both.apply(x, y)[0] * both.apply(y, x)[1],
        lambda x, y: both.apply(x, x * y)[1].exp(),
        lambda x, y: product.apply(*both.apply(x, y), 1.0) + exp.apply(y),
    ]


@pytest.mark.parametrize("i", range(6))
def test_values_and_two_orders_beside_pytorch(torch, i):
    found = []
    for lib in (mg, torch):
        x, y = (lib.tensor(v, dtype=lib.float64, requires_grad=True) for v in ([0.5, -1.0], [2.0, 0.3]))
        out = programs(lib)[i](x, y)
        first = lib.autograd.grad(out.sum(), (x, y), create_graph=True)
        second = lib.autograd.grad((first[0] * first[1]).sum(), (x, y), allow_unused=True, materialize_grads=True)
        found.append([t.detach().numpy() for t in (out, *first, *second)])
    for ours, theirs in zip(*found, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=1e-12)


@pytest.mark.parametrize("i", range(6))
def test_gradcheck_alone_and_in_a_checkpoint(i):
    f = programs(mg)[i]
    args = leaf(0.5, -1.0), leaf(2.0, 0.3)
    assert gradcheck(f, args) and gradgradcheck(f, args)
    assert gradgradcheck(lambda x, y: checkpoint(f, x, y, use_reentrant=False), args)


def test_the_gradient_of_a_gradient_by_the_output_itself():
    _, exp, _ = functions(mg)
    x = leaf(0.5)
    y = exp.apply(x)
    (gx,) = mg.autograd.grad(y, x, create_graph=True)  # y
    (gy,) = mg.autograd.grad(gx, y)
    assert gy.tolist() == [1.0]


def test_outputs_that_are_no_gradient_matter(torch):
    def seen_by(lib, materialize):
        seen = []

        class Many(lib.autograd.Function):
            @staticmethod
            def forward(ctx, x):
                mask, half = x > 1, x / 2
                ctx.mark_non_differentiable(half)
                ctx.set_materialize_grads(materialize)
                return x * 2, mask, "word", None, half, x * 3

            @staticmethod
            def backward(ctx, *grads):
                seen.extend(None if g is None else g.tolist() for g in grads)
                return grads[0]

        x = lib.tensor([1.0, 2.0], requires_grad=True)
        out = Many.apply(x)
        out[0].sum().backward()
        flags = [y.requires_grad for y in out if not isinstance(y, (str, type(None)))]
        return flags, out[2:4], seen, x.grad.tolist()

    for materialize in (True, False):
        assert seen_by(mg, materialize) == seen_by(torch, materialize)


def test_backward_runs_once_for_all_inputs_and_outputs():
    runs = []

    class Both(Function):
        @staticmethod
        def forward(ctx, x, y):
            return x + y, x * 1

        @staticmethod
        def backward(ctx, a, b):
            runs.append((a.tolist(), b.tolist()))
            return a + b, a

    x, y = leaf(1.0), leaf(2.0)
    a, b = Both.apply(x, y)
    (a * 2 + b * 3 + a).backward()
    assert runs == [([3.0], [3.0])]
    assert (x.grad.tolist(), y.grad.tolist()) == ([6.0], [3.0])


def test_none_is_no_gradient_and_nothing_is_written_into():
    kept = mg.tensor([5.0], dtype=mg.float64)

    class Given(Function):
        @staticmethod
        def forward(ctx, x, y):
            return x + y

        @staticmethod
        def backward(ctx, g):
            return kept, None

    x, y = leaf(1.0), leaf(2.0)
    older = x * 2
    (Given.apply(x, y) + older).backward()  # what backward returned arrives first, and more is added to it
    assert x.grad.tolist() == [7.0] and y.grad is None and kept.tolist() == [5.0]


def test_an_input_handed_through_is_another_tensor():
    class Same(Function):
        @staticmethod
        def forward(ctx, x):
            return x

        @staticmethod
        def backward(ctx, g):
            return -g

    x = leaf(1.0)
    y = Same.apply(x)
    assert y is not x and x.is_leaf and np.shares_memory(x._data, y._data)
    y.backward()
    assert x.grad.tolist() == [-1.0]


def test_an_input_written_in_place(torch):
    def gradients(lib):
        class Squared(lib.autograd.Function):
            @staticmethod
            def forward(ctx, x):
                ctx.save_for_backward(x.clone())
                ctx.mark_dirty(x)
                return x.mul_(x)

            @staticmethod
            def backward(ctx, g):
                return g * 2 * ctx.saved_tensors[0]

        x = lib.tensor([3.0], dtype=lib.float64, requires_grad=True)
        h = x * 2
        y = Squared.apply(h)
        assert y is h and h.grad_fn.name() == "SquaredBackward"
        with pytest.raises(RuntimeError, match="a leaf Variable that requires grad"):
            Squared.apply(x)
        y.sum().backward()
        return y.tolist(), x.grad.tolist()

    assert gradients(mg) == gradients(torch)


ERRORS = {
    "too many": (lambda ctx, x: x * 2, lambda ctx, g: (g, g)),
    "too few": (lambda ctx, x: x * 2, lambda ctx, g: ()),
    "shape": (lambda ctx, x: x * 2, lambda ctx, g: g[:1]),
    "no tensor": (lambda ctx, x: x * 2, lambda ctx, g: 3),
    "saved": (lambda ctx, x: (ctx.save_for_backward(3), x * 2)[1], lambda ctx, g: g),
    "dirty": (lambda ctx, x: (ctx.mark_dirty(x), x * 2)[1], lambda ctx, g: g),
    "keyword": (lambda ctx, x, *, k: x, lambda ctx, g: g),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors_beside_pytorch(torch, name):
    found = []
    for lib in (mg, torch):
        forward, backward = ERRORS[name]
        body = {"forward": staticmethod(forward), "backward": staticmethod(backward)}
        made = type("A", (lib.autograd.Function,), body)
        x = lib.tensor([1.0, 2.0], requires_grad=True)
        with pytest.raises(Exception) as caught:
            made.apply(x).sum().backward()
        found.append((caught.type, str(caught.value)))
    assert found[0][0] is found[1][0]
    ours, theirs = (text.removeprefix("ABackward: ").lower().replace("<lambda>", "forward")[:40] for _, text in found)
    assert ours.split("(")[0] == theirs.split("(")[0] or ours == theirs


def test_without_a_backward():
    class Bare(Function):
        @staticmethod
        def forward(ctx, x):
            return x * 2

    with pytest.raises(NotImplementedError, match="You must implement either the backward or vjp method"):
        Bare.apply(leaf(1.0)).backward()
    with pytest.raises(NotImplementedError, match="forward"):
        Function.apply(leaf(1.0))


def test_a_second_use_and_what_was_overwritten():
    product, exp, _ = functions(mg)
    x = leaf(1.0, 2.0)
    y = exp.apply(x).sum()
    y.backward(retain_graph=True)
    y.backward()
    with pytest.raises(RuntimeError, match="backward through the graph a second time"):
        y.backward()
    h = x * 2
    y = product.apply(h, x, 1.0)
    with mg.no_grad():
        h.zero_()
    with pytest.raises(RuntimeError, match="modified by an inplace operation"):
        y.sum().backward()


def test_an_inference_tensor_cannot_be_saved(torch):
    for lib in (mg, torch):
        product, _, _ = functions(lib)
        with lib.inference_mode():
            made = lib.ones(1)
        with pytest.raises(RuntimeError, match="Inference tensors cannot be saved for backward"):
            product.apply(lib.ones(1, requires_grad=True), made, 1.0)


def test_once_differentiable_says_so():
    class Square(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * x

        @staticmethod
        @once_differentiable
        def backward(ctx, g):
            assert not mg.is_grad_enabled()
            return 2 * g * ctx.saved_tensors[0]

    x = leaf(3.0)
    Square.apply(x).backward()
    assert x.grad.tolist() == [6.0]
    (g,) = mg.autograd.grad(Square.apply(x), x, create_graph=True)
    assert g.tolist() == [6.0]
    with pytest.raises(RuntimeError, match="once_differentiable"):
        g.backward()


def test_recording_is_off_in_forward_and_without_gradients():
    product, _, _ = functions(mg)
    x = leaf(1.0)
    with mg.no_grad():
        assert not product.apply(x, x, 1.0).requires_grad
    assert not product.apply(x.detach(), x.detach(), 1.0).requires_grad
    assert product.apply(x, 2 * mg.ones(1), 1.0).grad_fn.name() == "ProductBackward"


def test_no_circle_even_where_forward_keeps_its_output():
    class Keeper(Function):
        @staticmethod
        def forward(ctx, x):
            ctx.out = x.exp()
            ctx.save_for_backward(ctx.out)
            return ctx.out

        @staticmethod
        def backward(ctx, g):
            return g * ctx.saved_tensors[0]

    gc.collect()
    gc.disable()
    try:
        x = leaf(1.0)
        y = Keeper.apply(x)
        with pytest.warns(UserWarning, match="reference cycle"):
            y.backward(retain_graph=True, create_graph=True)
        x.grad = None
        node, data = weakref.ref(y._node), weakref.ref(y._data)
        del y
        assert node() is None and data() is None
    finally:
        gc.enable()


def test_a_long_chain_of_calls():
    _, _, both = functions(mg)
    x = y = leaf(0.1)
    for _ in range(2000):
        y = both.apply(y, x)[1]
    y.backward()
    assert x.grad.tolist() == [1.0 - 2000.0]


def test_an_instance_is_not_called(torch):
    for lib in (mg, torch):

        class Old(lib.autograd.Function):
            def forward(self, x):
                return x

        with warnings.catch_warnings(), pytest.raises(RuntimeError, match="Legacy autograd function with non-static"):
            warnings.simplefilter("ignore")  # PyTorch warns of the instance already
            Old()(lib.ones(1, requires_grad=True))


@pytest.mark.parametrize("ours", [True, False])
def test_what_was_saved_requires_grad_in_backward_too(torch, ours):
    lib = mg if ours else torch

    class Solved(lib.autograd.Function):
        @staticmethod
        def forward(ctx, x, w):
            ctx.save_for_backward(x, w)
            return x * w

        @staticmethod
        def backward(ctx, g):
            x, w = ctx.saved_tensors
            with lib.enable_grad():
                (of_w,) = lib.autograd.grad((x.detach() * w).sum(), w)
            return None, of_w * g

    w = lib.ones(2, requires_grad=True)
    Solved.apply(lib.tensor([1.0, 2.0]), w).sum().backward()
    assert w.grad.tolist() == [1.0, 2.0]
