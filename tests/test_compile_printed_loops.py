"""What loops print, interpreted: every primitive, random programs and nets, and numbers at all ends, equal to rounding."""

import random
import warnings

import numpy as np
import pytest
from loop_interpreter import LENGTHS, interpreted
from test_compile_nets import OPTIMIZERS, Run, rows
from test_compile_primitives import OTHER, two_orders
from test_compile_random import LAYERS, drawn, moved, numbers, program
from test_primitives import CASES, called, samples, tensors

import minigrad as mg
from minigrad import nn, optim
from minigrad.compiler.loops.convolutions import convolved
from minigrad.compiler.loops.fusion import fused
from minigrad.compiler.loops.pooling import MAX, SCATTER, Pooling, Scattering
from minigrad.compiler.program import Call, Memory, Program
from minigrad.nn import functional as F
from minigrad.ops import window

pytest.importorskip("numba", reason="loops are compiled by Numba")
EPSILON = {"e": 2e-3, "f": 3e-5, "d": 1e-11}
NOISE = {"linalg.cofactor_vjp": 1e-14}  # whose second gradient is 0 but for rounding


def near(ours, theirs, where="", noise=0.0):
    """Raise where two arrays differ by more than rounding; what is no number must be so in both."""
    ours, theirs = ours.numpy(), theirs.numpy()
    assert (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape), where
    if ours.dtype.kind != "f":
        assert np.array_equal(ours, theirs), where
        return
    finite = np.abs(theirs[np.isfinite(theirs)]).max(initial=0)
    tolerance = EPSILON[ours.dtype.char]
    np.testing.assert_allclose(ours, theirs, rtol=tolerance, atol=tolerance * finite + noise, err_msg=where)


@pytest.mark.parametrize(("name", "i"), CASES)
def test_a_primitive_in_loops(name, i, monkeypatch):
    operands, params = samples(name)[i]
    fresh = lambda: {key: dict(value) if isinstance(value, dict) else value for key, value in params.items()}
    orders = two_orders(lambda *xs: called(name)(*xs, **fresh()))
    fast = mg.compile(two_orders(lambda *xs: called(name)(*xs, **fresh())), loops="numba")
    with interpreted(monkeypatch):
        for factor in OTHER:
            xs = [x.detach() * factor if x.is_floating_point() else x.detach() for x in tensors(operands)]
            for ours, theirs in zip(fast(*xs), orders(*xs), strict=True):
                near(ours, theirs, noise=NOISE.get(name, 0.0))


@pytest.mark.parametrize("name", ["elementwise.exp", "elementwise.mul", "elementwise.sqrt", "elementwise.log"])
def test_a_primitive_has_loops(name, monkeypatch):
    operands, params = samples(name)[0]
    fast = mg.compile(two_orders(lambda *xs: called(name)(*xs, **params)), loops="numba")
    with interpreted(monkeypatch) as interpreter:
        for factor in OTHER:
            fast(*(x.detach() * factor for x in tensors(operands)))
    assert interpreter.runs


@pytest.mark.parametrize("first", range(0, 60, 10))
def test_random_programs_in_loops(first, torch, monkeypatch):
    for seed in range(7000 + first, 7010 + first):
        lines = drawn(seed, torch)
        with warnings.catch_warnings(), interpreted(monkeypatch):
            warnings.filterwarnings("ignore", category=RuntimeWarning)
            warnings.filterwarnings("ignore", message="compile: (?!rounding)")
            try:
                leaves = numbers(lines)
            except Exception:
                continue
            eager, fast = program(lines), mg.compile(program(lines), loops="numba", strict=False)
            for i in (1, 1, 2, 4, 3, 5):
                compare(eager, fast, leaves, i, f"seed {seed}:\n" + "\n".join(lines))


def compare(eager, fast, leaves, i, where):
    outcomes = []
    for function in (eager, fast):
        mg.manual_seed(0)
        try:
            outcomes.append(function(*(moved(x, i) for x in leaves)))
        except Exception as error:
            outcomes.append(type(error).__name__)
    theirs, ours = outcomes
    if isinstance(theirs, str) or isinstance(ours, str):
        assert ours == theirs, where
        return
    for a, b in zip(ours, theirs, strict=True):
        near(a, b, where)


@pytest.mark.parametrize("seed", range(12))
def test_random_nets_in_loops(seed, monkeypatch):
    rng = random.Random(100 + seed)
    kinds, n = rng.choices(list(LAYERS), k=rng.randint(2, 6)), 2 * rng.randint(2, 6)

    def make():
        return nn.Sequential(nn.Linear(12, n), *(LAYERS[kind](n) for kind in kinds), nn.Linear(n, 10))

    with interpreted(monkeypatch) as interpreter:
        eager = Run(make, OPTIMIZERS["SGD"])
        fast = Run(make, OPTIMIZERS["SGD"], compiled=True, loops="numba")
        for batch in rows(6, size=7):
            ours, theirs = (np.frombuffer(run(*batch), np.float32) for run in (fast, eager))
            np.testing.assert_allclose(ours, theirs, rtol=2e-3, err_msg=str(kinds))
    assert interpreter.runs


def images(make):
    """Return a function of images: what a net gives, its statistics, and the gradient of its input."""

    mg.manual_seed(0)
    net = make().train()

    def step(x):
        x = x.detach().requires_grad_()
        y = net(x)
        (g,) = mg.autograd.grad((y * y.sigmoid()).sum(), x)
        return [y.detach(), g, *(b.clone() for b in net.buffers())]

    return step


POOLS = {
    "2": {}, "3, 2": {"kernel_size": 3, "stride": 2}, "overlapping": {"kernel_size": 3, "stride": 1}, "dilated": {"dilation": 2},
    "padded": {"kernel_size": 3, "padding": 1}, "odd": {"kernel_size": (2, 3), "stride": (1, 3)},
}  # fmt: skip


@pytest.mark.parametrize("pool", POOLS)
def test_pooling_in_loops(pool, monkeypatch):
    params = {"kernel_size": 2, **POOLS[pool]}
    step = lambda x: two_orders(lambda x: F.max_pool2d(x.relu(), **params))(x)
    fast = mg.compile(step, loops="numba")
    rng = np.random.default_rng(0)
    with interpreted(monkeypatch) as interpreter:
        for i in range(5):
            x = rng.integers(-3, 3, (2, 3, 7, 8)).astype(np.float32)  # with ties
            if i > 1:
                x[0, 0, 2, 3:5], x[1, 1, 4, 4], x[1, 2] = np.nan, np.inf, -np.inf
            for ours, theirs in zip(fast(mg.tensor(x)), step(mg.tensor(x)), strict=True):
                near(ours, theirs)
    printed = any("winner" in text for text in interpreter.texts)
    assert printed == (pool != "padded")


IMAGES = (
    (2, 1, 2, 2),
    (1, 1, 8, 12),
    (3, 2, 6, 10),
    (2, 3, 4, 40),
    (2, 2, 2, 64),
    (40, 1, 2, 2),
    (2, 3, 18),
    (2, 1, 4, 2, 6),
)


@pytest.mark.parametrize("shape", IMAGES)
def test_rows_of_windows_end_where_their_memory_does(shape, monkeypatch):
    n, kernel = len(shape) - 2, (2,) * (len(shape) - 2)
    params = {"kernel": kernel, "stride": kernel, "padding": ((0, 0),) * n, "dilation": (1,) * n}
    pooled = (*shape[:2], *(size // 2 for size in shape[2:]))
    rng = np.random.default_rng(0)
    x, y = rng.standard_normal(shape, np.float32), np.zeros(pooled, np.float32)
    back, winner = np.zeros_like(x), rng.integers(0, 2**n, pooled, np.uint8)
    x_place, y_place, back_place, winner_place = (
        Memory("temporary", a.shape, a.strides, a.dtype).place for a in (x, y, back, winner)
    )
    forward = Pooling([Call(MAX, (x_place,), params, y_place)])
    backward = Scattering(Call(SCATTER, (y_place, winner_place), params, back_place))
    with interpreted(monkeypatch):
        for text, arrays in ((forward, (y, x)), (backward, (back, y, winner))):
            for array in arrays:
                monkeypatch.setitem(LENGTHS, array.ctypes.data, array.size)
            text.compiled()(np.array([array.ctypes.data for array in arrays]))
    assert np.array_equal(y, MAX(x, **params))
    assert np.array_equal(back, SCATTER(y, winner, shape=shape, **params))


def correlated(x, w, padding):
    """Return what a convolution gives, and the windows it goes over."""
    padded = np.pad(x, ((0, 0), (0, 0), *padding))
    windows = np.lib.stride_tricks.sliding_window_view(padded, w.shape[2:], (2, 3))
    return np.einsum("nchwyx,ocyx->nohw", windows, w), windows


def convolutions(shape, channels, kernel, padding):
    """Yield the three convolutions as calls, their arguments, and what each gives."""
    rng = np.random.default_rng(0)
    params = {"stride": (1, 1), "padding": padding, "dilation": (1, 1), "groups": 1}
    x, w = rng.standard_normal(shape, np.float32), rng.standard_normal((channels, shape[1], *kernel), np.float32)
    x[0, 0, -1, -1], x[-1, -1, 0, 0] = np.nan, np.inf
    y, windows = correlated(x, w, padding)
    g = rng.standard_normal(y.shape, np.float32)
    back = [(k - 1 - a, k - 1 - b) for k, (a, b) in zip(kernel, padding, strict=True)]
    turned = w.transpose(1, 0, 2, 3)[:, :, ::-1, ::-1]
    for function, arrays, own, result in (
        (window.conv.function, (x, w), {}, y),
        (window.conv_input.function, (g, w), {"shape": x.shape}, correlated(g, turned, back)[0]),
        (window.conv_weight.function, (x, g), {"shape": w.shape}, np.einsum("nohw,nchwyx->ocyx", g, windows)),
    ):
        result = np.ascontiguousarray(result)
        places = [Memory("temporary", a.shape, a.strides, a.dtype).place for a in (*arrays, result)]
        yield Call(function, tuple(places[:2]), {**own, **params}, places[2]), arrays, result


SAME, NO, BEFORE = ((1, 1), (1, 1)), ((0, 0), (0, 0)), ((1, 0), (0, 2))
CONVOLUTIONS = {
    "seven wide": ((2, 3, 5, 7), 4, (3, 3), SAME), "fourteen": ((3, 2, 4, 14), 6, (3, 3), SAME), "two registers": ((1, 1, 2, 28), 3, (3, 3), SAME),
    "whole": ((2, 2, 3, 16), 5, (1, 1), NO), "a wide kernel": ((1, 2, 4, 18), 2, (2, 5), NO), "uneven": ((2, 1, 3, 14), 1, (2, 3), BEFORE),
    "many samples": ((70, 1, 1, 8), 2, (1, 3), ((0, 0), (1, 1))),
}  # fmt: skip


@pytest.mark.parametrize("name", CONVOLUTIONS)
def test_convolutions_in_loops(name, monkeypatch):
    done = 0
    with interpreted(monkeypatch):
        for call, arrays, expected in convolutions(*CONVOLUTIONS[name]):
            for loop in convolved([call]):
                if not loop.is_loop:
                    continue
                result = np.full_like(expected, 7)
                own = [place.memory.array for place in loop.function.pointers[3:]]
                for array in (result, *arrays, *own):
                    monkeypatch.setitem(LENGTHS, array.ctypes.data, array.size)
                addresses = [array.ctypes.data for array in (result, *arrays, *own)]
                for _ in range(2):  # what the first leaves behind does not count
                    loop.function.compiled()(np.array(addresses + loop.function.numbers))
                finite = np.isfinite(expected)
                assert np.array_equal(finite, np.isfinite(result))
                np.testing.assert_allclose(result[finite], expected[finite], rtol=1e-4, atol=1e-5)
                done += 1
    assert done >= 2


NETS = {
    "BatchNorm2d": lambda: nn.Sequential(nn.BatchNorm2d(3), nn.ReLU(), nn.MaxPool2d(2)),
    "GroupNorm": lambda: nn.GroupNorm(3, 6), "InstanceNorm2d": lambda: nn.InstanceNorm2d(3),
    "LayerNorm": lambda: nn.LayerNorm((5, 6)), "Softmax2d": lambda: nn.Softmax2d(), "Softmax of rows": lambda: nn.Softmax(3),
    "AvgPool2d": lambda: nn.Sequential(nn.Tanh(), nn.AvgPool2d(2)), "PReLU": lambda: nn.PReLU(3), "GELU": lambda: nn.GELU(),
}  # fmt: skip


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize("net", NETS)
def test_images_in_loops(net, turned, monkeypatch):
    step, fast = images(NETS[net]), mg.compile(images(NETS[net]), loops="numba")
    rng = np.random.default_rng(0)
    channels = 6 if net == "GroupNorm" else 3
    with interpreted(monkeypatch) as interpreter:
        for _ in range(4):
            x = mg.tensor(rng.standard_normal((4, channels, 5, 6)).astype(np.float32))
            x = x.permute(0, 2, 3, 1).contiguous().permute(0, 3, 1, 2) if turned else x
            for ours, theirs in zip(fast(x), step(x), strict=True):
                near(ours, theirs)
    assert interpreter.texts


SPECIAL = np.array([0.0, -0.0, np.nan, np.inf, -np.inf, 1e-38, -1e-45, 3e38, -3e38, 1.0, -1.0, 88.0, -104.0, 0.5])
ENDS = {
    "relu": lambda x: x.relu() * 1, "clamp": lambda x: x.clamp(-1, 2) + 0.0, "hardtanh": lambda x: F.hardtanh(x) * 2,
    "sigmoid": lambda x: x.sigmoid() * 1, "tanh": lambda x: x.tanh() * 1, "max": lambda x: mg.maximum(x, -x) * 1,
    "min": lambda x: mg.minimum(x, x * 2) - 0, "where": lambda x: mg.where(x == x, x, x * 0) * 1, "abs": lambda x: x.abs() * 1,
    "root": lambda x: x.sqrt() * 1, "quotient": lambda x: (1 / x) * 1, "log": lambda x: x.log() * 1, "exp": lambda x: x.exp() * 1,
    "gelu": lambda x: F.gelu(x) * 1, "sum": lambda x: (x * 1).sum(0) * 1, "softmax": lambda x: F.softmax(x * 1, 0) * 1,
    "compared": lambda x: ((x > 0) & (x < 1)) | (x != x), "signs": lambda x: 1 / (x * 0 - 0.0).clamp(min=-1),
}  # fmt: skip


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.float16])
@pytest.mark.parametrize("name", ENDS)
def test_numbers_at_all_ends(name, dtype, monkeypatch):
    function = lambda x: ENDS[name](x)
    fast = mg.compile(function, loops="numba")
    with np.errstate(all="ignore"), warnings.catch_warnings(), interpreted(monkeypatch):
        warnings.filterwarnings("ignore", category=RuntimeWarning)
        for i in range(5):
            x = np.roll(np.repeat(SPECIAL, 3), i).astype(dtype)
            ours, theirs = fast(mg.tensor(x)), function(mg.tensor(x))
            near(ours, theirs)
            if ours.is_floating_point() and name not in ("relu", "max", "min"):  # of 0 and -0 NumPy takes either
                zeros = theirs.numpy() == 0
                assert np.array_equal(np.signbit(ours.numpy())[zeros], np.signbit(theirs.numpy())[zeros])


SHAPES = {
    "empty": (0, 3), "0-d": (), "one": (1,), "a row": (1, 5), "a column": (5, 1), "no columns": (4, 0), "many axes": (2, 1, 3, 1, 2),
}  # fmt: skip


@pytest.mark.parametrize("shape", SHAPES)
def test_shapes_at_all_ends(shape, monkeypatch):
    step = two_orders(lambda x: ((x * 2 + 1).exp() - x.mean()) * x.sum(-1, keepdim=True) if x.ndim else x * 2 + 1)
    fast = mg.compile(step, loops="numba")
    with warnings.catch_warnings(), interpreted(monkeypatch):
        warnings.simplefilter("ignore")
        for i in range(4):
            x = mg.tensor(np.full(SHAPES[shape], 0.3 + 0.1 * i))
            for ours, theirs in zip(fast(x), step(x), strict=True):
                near(ours, theirs)


def test_integers_and_bools_stay_what_they_are(monkeypatch):
    def step(x, b):
        return x * 2 + 1, (b | (x > 1)) & ~b, (x * b).float() * 2 - 1, b.float() * 2, x // 2 + x

    fast = mg.compile(step, loops="numba")
    with interpreted(monkeypatch):
        for i in range(4):
            x, b = mg.arange(20) + i, mg.arange(20) % (2 + i) == 0
            for ours, theirs in zip(fast(x, b), step(x, b), strict=True):
                near(ours, theirs)


def overwritten_source(x):
    y = x * 2
    apart = y - 1
    total = apart.sum(0)
    y.view(-1).add_(5)
    return apart * total, y * 1


def sums_along_both(x):
    y = x * 2
    return y.sum(0) * 3, y.sum(1) * 3, y + 1


def overwritten_before_it_is_broadcast(x):
    small = x[:1] * 2
    wide = mg.zeros(4, 3, dtype=x.dtype)
    wide.copy_(small)
    small.view(-1).add_(1)
    return x * wide + 1, small * 1


def added_up_before_it_is_overwritten(x):
    y = x * 2
    total = y.sum(0)
    y.view(-1).add_(5)
    return total.sum() * 3, y * 1


def ones_beside_each_other(x):
    return (mg.ones(4, 1, dtype=x.dtype) @ (x[:1] * 2)) * x + 1


ORDERS = (
    overwritten_source,
    sums_along_both,
    overwritten_before_it_is_broadcast,
    added_up_before_it_is_overwritten,
    ones_beside_each_other,
)


@pytest.mark.parametrize("step", ORDERS)
def test_order_and_axes_of_a_loop(step, monkeypatch):
    fast = mg.compile(step, loops="numba")
    with interpreted(monkeypatch) as interpreter:
        for i in range(4):
            x = mg.tensor(np.arange(12.0).reshape(4, 3) + i)
            for ours, theirs in zip(fast(x), step(x), strict=True):
                near(ours, theirs)
    assert interpreter.runs


@pytest.mark.parametrize("other", [lambda w: w.T, lambda w: w[0], lambda w: w[:, :1], lambda w: w.T.sum(0)])
def test_a_parameter_is_written_when_all_its_numbers_were_read(other, monkeypatch):
    def made():
        w = nn.Parameter(mg.arange(9.0).view(3, 3))
        optimizer = optim.SGD([w], 0.1)

        def step(x):
            before = w.detach()
            w.grad = (before + other(before)) * x
            optimizer.step()
            return before * 1

        return step

    eager, fast = made(), mg.compile(made(), loops="numba")
    with interpreted(monkeypatch) as interpreter:
        for i in range(6):
            near(fast(mg.ones(3, 3) * i), eager(mg.ones(3, 3) * i))
    assert interpreter.runs


def test_what_is_overwritten_was_read_before(monkeypatch):
    x, y, total, z = (Memory(kind, (4, 3), (24, 8), np.dtype("d")) for kind in ("input", *3 * ["temporary"]))
    total.shape, total.strides = (3,), (8,)
    calls = [Call(np.multiply, (x.place, 2.0), {}, y.place), Call(np.add.reduce, (y.place,), {"axis": 0}, total.place)]
    calls.append(Call(np.multiply, (y.place, total.place), {}, z.place))  # reads y after a sum
    calls.append(Call(np.add, (y.place, 1.0), {}, None, writes=(y.place,), overwrites=True))
    arrays = {memory: np.zeros(memory.shape) for memory in (y, total, z)} | {x: np.arange(12.0).reshape(4, 3)}
    with interpreted(monkeypatch) as interpreter:
        for call in fused(Program(calls, [x], [], [y.place, z.place, total.place])).calls:
            addresses = [arrays[place.memory].ctypes.data + place.offset for place in call.function.pointers]
            interpreter(call.function.text)(np.array(addresses))
    doubled = 2 * arrays[x]
    assert np.array_equal(arrays[z], doubled * doubled.sum(0))
    assert np.array_equal(arrays[y], doubled + 1)


def losses(reduction):
    def step(x, y):
        x = x.detach().requires_grad_()
        loss = F.cross_entropy(x * 1, y, reduction=reduction)
        (g,) = mg.autograd.grad((loss * loss).sum(), x)
        return loss.detach(), g

    return step


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("n", [1, 2, 7, 40])
@pytest.mark.parametrize("reduction", ["none", "sum", "mean"])
def test_classes_in_loops(reduction, n, dtype, monkeypatch):
    rng = np.random.default_rng(0)
    eager, fast = losses(reduction), mg.compile(losses(reduction), loops="numba")
    with interpreted(monkeypatch) as interpreter, warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        for i in range(7):
            x, y = rng.standard_normal((9, n)).astype(dtype), rng.integers(0, n, 9)
            x[1, 0], x[2, n - 1] = ((0, 0), (np.nan, np.inf), (-np.inf, -0.0))[max(0, i - 4)]
            for a, b in zip(fast(mg.tensor(x), mg.tensor(y)), eager(mg.tensor(x), mg.tensor(y)), strict=True):
                near(a, b)
        for wrong in (-1, n, -n - 1, 10**9):
            y[4] = wrong
            with pytest.raises(IndexError):
                fast(mg.tensor(x), mg.tensor(y))
    assert any("==" in text for text in interpreter.texts)
    assert "[constant, y]" not in fast.source


def test_the_sign_of_zero_is_picked(monkeypatch):
    def step(x, y):
        return F.nll_loss(x * 1, y, reduction="none") * 1

    fast = mg.compile(step, loops="numba")
    x, y = np.zeros((9, 3), np.float32), np.arange(9) % 3
    x[::2] = -0.0
    with interpreted(monkeypatch):
        for _ in range(5):
            ours, theirs = fast(mg.tensor(x), mg.tensor(y)), step(mg.tensor(x), mg.tensor(y))
            assert np.array_equal(np.signbit(ours.numpy()), np.signbit(theirs.numpy()))


def test_an_index_that_nobody_checks_is_no_class(monkeypatch):
    step = lambda x, y: (x * 2)[mg.arange(9), y] * 3
    fast = mg.compile(step, loops="numba")
    with interpreted(monkeypatch):
        for i in range(6):
            x, y = mg.randn(9, 5), (mg.arange(9) + i) % 10 - 5  # backwards, too
            near(fast(x, y), step(x, y))
