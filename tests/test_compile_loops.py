"""Compiled steps with loops: equal to rounding, whatever is fused."""

import inspect
import math
import subprocess
import sys

import numpy as np
import pytest
from test_compile_nets import DROPPING, LAYERS, OPTIMIZERS, Run, batches, nets, rows, small

import minigrad as mg
from minigrad import nn, optim
from minigrad.compiler.loops import loop_files, products
from minigrad.compiler.loops.statements import FORMULAS
from minigrad.compiler.trial import close
from minigrad.nn import functional as F

numba = pytest.importorskip("numba", reason="loops are compiled by Numba")
EPSILON = {np.dtype("f"): 2e-5, np.dtype("d"): 1e-12}


@pytest.fixture(scope="module", autouse=True)
def _own_cache(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MINIGRAD_CACHE", str(tmp_path_factory.mktemp("cache")))
        yield


def both(make, optimizer, **options):
    loops = {"compiled": True, "loops": "numba"}
    return Run(make, OPTIMIZERS[optimizer], **options), Run(make, OPTIMIZERS[optimizer], **loops, **options)


def near(eager, fast, data, tolerance=1e-4):
    for i, batch in enumerate(data):
        ours, theirs = (np.frombuffer(run(*batch), np.float32) for run in (fast, eager))
        np.testing.assert_allclose(ours, theirs, rtol=tolerance, err_msg=f"the loss of step {i + 1}")
    ours, theirs = fast.model.state_dict(), eager.model.state_dict()
    for name, x in theirs.items():
        difference = np.abs(ours[name].numpy() - x.numpy()).max()
        assert difference <= tolerance * max(1.0, np.abs(x.numpy()).max()), name
    assert "loop(" in fast.step.source
    assert "0 calls decided otherwise and ran eagerly" in fast.step.explain()


@pytest.mark.parametrize("optimizer", ["SGD", "Adam"])
@pytest.mark.parametrize("net", ["fig1", "fig1_bn"])
def test_a_net_learns_the_same_but_for_rounding(net, optimizer):
    near(*both(lambda: nets.build(net, mg, nn), optimizer), batches(net, 30), 1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("optimizer", ["SGD", "Adam"])
@pytest.mark.parametrize("net", [net for net in nets.NETS if not net.startswith("fig1")])
def test_a_large_net_learns_the_same_but_for_rounding(net, optimizer):
    near(*both(lambda: nets.build(net, mg, nn), optimizer), batches(net, 6), 1e-2)


def smooth():
    """No bias in front of a BatchNorm: its gradient is rounding alone, which some optimizers divide by its size."""
    return nn.Sequential(nn.Linear(12, 16, bias=False), nn.BatchNorm1d(16), nn.Sigmoid(), nn.Linear(16, 10))


@pytest.mark.parametrize(
    "optimizer",
    ["Nesterov", *(pytest.param(x, marks=pytest.mark.slow) for x in ("AMSGrad", "AdamW", "RMSprop", "Adadelta"))],
)
def test_an_optimizer_steps_the_same_but_for_rounding(optimizer):
    near(*both(smooth, optimizer), rows(12), 1e-3)


def test_what_rounding_does_not_explain_is_not_used(monkeypatch):
    eager, fast = both(smooth, "SGD")
    monkeypatch.setitem(FORMULAS, np.exp, "exp{bits}({0}) * {zero}")
    with pytest.warns(UserWarning, match="rounding does not explain what loops gave"):
        for batch in rows(6):
            assert fast(*batch) == eager(*batch)


@pytest.mark.parametrize("optimizer", ["RMSprop", "Adagrad", "Rprop", "NAdam"])
def test_steps_that_rounding_decides_are_taken_in_loops(optimizer):
    eager, fast = both(small, optimizer)  # a bias in front of a BatchNorm
    for batch in rows(6):
        eager(*batch), fast(*batch)
    assert "loop(" in fast.step.source and fast.step.explain().startswith("1 of")


@pytest.mark.parametrize("bits", [32, 64])
def test_a_wrong_step_is_seen_however_small_it_is(monkeypatch, bits):
    model = smooth().double() if bits == 64 else smooth()
    optimizer = optim.Adam(model.parameters(), lr=1e-5)
    monkeypatch.setitem(FORMULAS, np.sqrt, "np.sqrt({0}) * 1.05")

    @mg.compile(loops="numba")
    def step(x, y):
        F.cross_entropy(model[0](x), y).backward()
        optimizer.step()
        optimizer.zero_grad()

    with pytest.warns(UserWarning, match="rounding does not explain what loops gave"):
        for x, y in rows(4):
            step(x.double() if bits == 64 else x, y)


@pytest.mark.slow
@pytest.mark.parametrize("net", [*LAYERS, *DROPPING])
def test_layers_learn_the_same_but_for_rounding(net):
    near(*both({**LAYERS, **DROPPING}[net], "SGD"), rows(8), 1e-3)


def pair(function):
    return function, mg.compile(function, loops="numba")


FUNCTIONS = {
    "a chain": lambda x: ((x * 2 - 1).exp() + 1).sqrt() / 3,
    "sums of columns": lambda x: (x - x.mean(0)) / (x.var(0, correction=0) + 1e-5).sqrt(),
    "sums of rows": lambda x: F.layer_norm(x, (x.shape[1],)),
    "softmax": lambda x: F.softmax(x, 1) * 2,
    "all": lambda x: (x * x + 1).sum() * 2,
    "where": lambda x: mg.where(x > 0, x * 2, x - 1).relu() + x.abs(),
    "clamped": lambda x: mg.maximum(mg.minimum(x, x * x), -x) * 3,
    "turned": lambda x: (x.T * 2 + 1).T * x,
    "a row beside": lambda x: (x + x[0]) * x[:, :1] - 2,
    "written": lambda x: x.clone().mul_(2).add_(x).sub_(1),
    "gelu": lambda x: F.gelu(x * 2),
    "maxima of rows": lambda x: (x - x.amax(1, keepdim=True).detach()).exp() * (x.amin(1, keepdim=True).detach() + 3),
    "maxima of columns": lambda x: (x * 2 - x.amax(0).detach()) / (x.amin(0).detach() - 5),
    "log of softmax": lambda x: F.log_softmax(x * 2, 1).exp() - F.softmax(x, 0),
    "elu": lambda x: F.elu(x * 2) + F.selu(x),
    "softplus": lambda x: F.softplus(x * 2) + F.mish(x) + F.logsigmoid(x),
    "cube": lambda x: F.gelu(x * 2, approximate="tanh") + x**3,
    "signs": lambda x: x.sign() * x + (x * 2).abs() + F.hardtanh(x) + F.softsign(x),
    "masks": lambda x: x * (x > 0).to(x.dtype) + x * ((x < 1) & ~(x < -1) ^ (x > 2)),
    "log of sums": lambda x: x.logsumexp(1, keepdim=True) + (x * 2).logsumexp(0),
    "sums of maxima": lambda x: (x.detach() * 2).reshape(37, 9, 5).amax(2).sum(1) * 3 + x.sum(1),
    "maxima of sums": lambda x: (x.detach() * 2).reshape(37, 9, 5).sum(2).amax(1) * 3 + x.sum(1),
    "sums of a product": lambda x: ((x * x).sum(0) * x + 1).sum(0),
}  # fmt: skip


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", FUNCTIONS)
def test_functions_and_their_gradients(name, dtype):
    def step(x):
        x = x.detach().requires_grad_()
        y = FUNCTIONS[name](x)
        (g,) = mg.autograd.grad((y * weights[: y.numel()].reshape(y.shape)).sum(), x)
        return y.detach(), g

    rng = np.random.default_rng(0)
    weights = mg.tensor(rng.standard_normal(37 * 45).astype(dtype))
    eager, fast = pair(step)
    for _ in range(6):
        x = mg.tensor(rng.standard_normal((37, 45)).astype(dtype))
        for ours, theirs in zip(fast(x), eager(x), strict=True):
            largest = np.abs(theirs.numpy()).max()
            tolerance = EPSILON[np.dtype(dtype)]
            np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=tolerance, atol=tolerance * largest)


def test_convolutions_are_compiled():
    def step(x):
        y = F.conv2d(x, w, padding=1)
        (g,) = mg.autograd.grad((y * y).sum(), w)
        return y.detach(), g

    w = mg.randn(4, 2, 3, 3, requires_grad=True)
    eager, fast = pair(step)
    for _ in range(5):
        x = mg.randn(3, 2, 5, 7)
        for ours, theirs in zip(fast(x), eager(x), strict=True):
            np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-4, atol=1e-3)
    assert sum("plus_product(" in text for text in texts(fast)) == 2


def test_exp_is_right_to_an_ulp_at_all_ends():
    for dtype, low, high in ((np.float32, -104, 89), (np.float64, -746, 710)):
        fast = mg.compile(lambda x: (x * 1.0).exp() * 1.0, loops="numba")
        ends = [np.inf, -np.inf, np.nan, 0.0, -0.0, 1e-30, -1e30, 1e30]
        x = np.concatenate([np.linspace(low, high, 100_001 - len(ends)), ends]).astype(dtype)
        for _ in range(4):
            ours = fast(mg.tensor(x)).numpy()
        with np.errstate(all="ignore"):
            exact = np.exp(x.astype(np.longdouble)).astype(dtype)
            apart = np.abs(ours - exact)
        tiny = np.isfinite(exact) & (np.abs(exact) < 4 * np.finfo(dtype).tiny)
        usual = np.isfinite(exact) & ~tiny
        assert np.max(apart[usual] / np.spacing(exact[usual])) <= 2
        assert np.array_equal(np.isnan(ours), np.isnan(exact))
        assert np.array_equal(np.isinf(ours), np.isinf(exact))
        assert np.max(apart[tiny]) <= np.finfo(dtype).tiny


def test_nan_stays_nan():
    eager, fast = pair(lambda x: (x.relu() * 2, mg.maximum(x, 1 - x) + 1, (x > 0).float() * 2 + x.exp()))
    x = mg.tensor(np.linspace(-2, 2, 200, dtype=np.float32))
    x[5] = float("nan")
    for _ in range(4):
        for ours, theirs in zip(fast(x), eager(x), strict=True):
            np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-6)


def test_close_refuses_what_is_not():
    a = np.linspace(0, 1, 50, dtype=np.float32)
    assert close(a, a * np.float32(1 + 1e-6))
    assert not close(a, a + np.float32(0.01))
    assert not close(a, np.where(a > 0.5, np.nan, a))
    assert not close(np.arange(3), np.arange(3) + 1)
    assert not close(a + 1, a + 1 + np.float32(1e-5), start=a + np.float32(0.999))  # 1 % of what was added
    assert close(a + 1, a + 1 + np.float32(1e-5), start=a + np.float32(0.999), spread=2e-6)
    assert close(a + 1, np.nextafter(a + 1, np.float32(2)), start=a + 1)
    infinite = np.where(a > 0.5, np.inf, a)
    assert close(infinite, infinite, start=infinite) and not close(infinite, -infinite)


def test_without_the_extra_nothing_of_numba_is_imported():
    text = "import sys, minigrad as mg; f = mg.compile(lambda x: x * 2); [f(mg.ones(3)) for _ in range(4)]; print('numba' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", text], capture_output=True, text=True)
    assert done.stdout == "False\n", done.stderr


@pytest.fixture
def doubled(tmp_path, monkeypatch):
    """What a loop makes of 3, from its files in a folder or without: a new process each time, as far as loops know."""
    monkeypatch.setenv("MINIGRAD_CACHE", str(tmp_path))
    text = loop_files.head() + "    p0 = pointer_float64(table[0])\n    store(p0, 0, 0, load(p0, 0, 0) * 2)\n"

    def run():
        for name in [name for name in sys.modules if name.startswith("loop_")]:
            monkeypatch.delitem(sys.modules, name)
        number = np.array([3.0])
        loop_files.compiled(text)(np.array([number.ctypes.data]))
        return number.item()

    return run


@pytest.mark.parametrize("kind", ["py", "nbi", "nbc"])
@pytest.mark.parametrize("damage", [b"", b"\xff\x00"])
def test_damaged_files_of_loops_are_made_anew(doubled, kind, damage, tmp_path):
    assert doubled() == 6
    (file,) = tmp_path.rglob(f"*.{kind}")
    file.write_bytes(damage)
    assert doubled() == 6
    (file,) = tmp_path.rglob(f"*.{kind}")
    assert len(file.read_bytes()) > 2
    assert doubled() == 6


def test_where_loops_cannot_be_kept_they_are_compiled_each_time(doubled, tmp_path, monkeypatch):
    monkeypatch.setattr(loop_files, "_said", [])
    monkeypatch.setenv("MINIGRAD_CACHE", str(tmp_path / "file"))
    (tmp_path / "file").touch()
    with pytest.warns(UserWarning, match="as they cannot be kept .*set MINIGRAD_CACHE"):
        assert doubled() == 6
    assert doubled() == 6  # and says it once


def test_loops_are_named_or_none():
    with pytest.raises(ValueError, match="loops is None or 'numba', got 'c'"):
        mg.compile(lambda x: x, loops="c")


@pytest.mark.parametrize(
    ("name", "dtype"),
    [(name, dtype) for name in ("log", "tanh", "log1p", "expm1") for dtype in (np.float32, np.float64)],
)
def test_functions_are_right_to_two_ulps_at_all_numbers(name, dtype):
    fast = mg.compile(lambda x: getattr(x * 1.0, name)() * 1.0, loops="numba")
    bits = np.random.default_rng(0).integers(
        0, 2 ** (8 * np.dtype(dtype).itemsize), 100_000, dtype=np.dtype(f"u{np.dtype(dtype).itemsize}")
    )
    ends = np.array(
        [0.0, -0.0, np.nan, np.inf, -np.inf, 1, -1, np.finfo(dtype).smallest_subnormal, np.finfo(dtype).max], dtype
    )
    x = np.concatenate(
        [bits.view(dtype), np.linspace(-3, 3, 50_000, dtype=dtype), np.linspace(0.5, 2, 50_000, dtype=dtype), ends]
    )
    with np.errstate(all="ignore"):
        for _ in range(4):
            ours = fast(mg.tensor(x)).numpy()
        exact = getattr(np, name)(x.astype(np.longdouble))
        theirs = exact.astype(dtype)
        finite = np.isfinite(theirs)
        step = np.spacing(np.maximum(np.abs(theirs[finite]), np.finfo(dtype).tiny))
        most = 5 if (name, dtype) == ("expm1", np.float64) else 2  # where x is a little above log(2)/2
        assert (np.abs(ours[finite] - exact[finite]) / step).max() <= most
    assert np.array_equal(np.isnan(ours), np.isnan(theirs))
    assert np.array_equal(ours[np.isinf(theirs)], theirs[np.isinf(theirs)])
    zeros = finite & (theirs == 0)
    assert np.array_equal(np.signbit(ours[zeros]), np.signbit(theirs[zeros]))
    assert f"{name}{8 * np.dtype(dtype).itemsize}(" in "".join(texts(fast))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ["erf", "erfc"])
def test_error_functions_are_right_to_two_or_three_ulps_at_all_numbers(name, dtype):
    fast = mg.compile(lambda x: getattr(mg.special, name)(x * 1.0) * 1.0, loops="numba")
    kind = np.dtype(dtype)
    bits = np.random.default_rng(0).integers(0, 2 ** (8 * kind.itemsize), 20_000, dtype=f"u{kind.itemsize}")
    ends = [0.0, -0.0, np.nan, np.inf, -np.inf, 0.5, -0.5, 1e30, np.finfo(dtype).smallest_subnormal, 10.05, 26.54, 27.2]
    x = np.concatenate([bits.view(dtype), np.linspace(-7, 28, 30_000, dtype=dtype), np.array(ends, dtype)])
    with np.errstate(all="ignore"):
        for _ in range(4):
            ours = fast(mg.tensor(x)).numpy()
    exact = [getattr(math, name)(v) for v in x.tolist()]
    theirs = np.array(exact).astype(dtype)
    step = np.spacing(np.maximum(np.abs(theirs), np.finfo(dtype).tiny))
    apart = np.abs(ours - np.array(exact)) / step
    number = ~np.isnan(theirs)
    assert apart[number].max() <= (2 if name == "erf" else 3)
    assert np.array_equal(number, ~np.isnan(ours))
    assert np.array_equal(np.signbit(ours[number]), np.signbit(theirs[number]))
    assert f"{name}{8 * kind.itemsize}(" in "".join(texts(fast))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("axis", [0, 1])
@pytest.mark.parametrize("reduce", ["amax", "amin"])
def test_maxima_are_numpys(reduce, axis, dtype):
    def step(x):
        y = x * 1.0
        return (y - getattr(y, reduce)(axis, keepdim=True)) * 1.0, getattr(y, reduce)(axis)

    eager, fast = pair(step)
    x = np.random.default_rng(0).standard_normal((40, 33)).astype(dtype)
    negative_nan = -np.copysign(dtype(np.nan), dtype(1))
    for i, value in enumerate((np.nan, negative_nan, np.inf, -np.inf, 0.0, -0.0, np.finfo(dtype).smallest_subnormal)):
        x[i, 3 + i], x[20 + i, :] = value, value
    for _ in range(4):
        for ours, theirs in zip(fast(mg.tensor(x)), eager(mg.tensor(x)), strict=True):
            assert np.array_equal(ours.numpy(), theirs.numpy(), equal_nan=True)
    assert ("high" if reduce == "amax" else "low") in "".join(texts(fast)) or axis == 0


@pytest.mark.parametrize("n", [5, 40])
@pytest.mark.parametrize("name", ["softmax", "log_softmax", "cross_entropy", "attention"])
def test_rows_are_one_loop(name, n):
    def step(x, y):
        x = x.detach().requires_grad_()
        if name == "cross_entropy":
            z = F.cross_entropy(x, y, reduction="none")
        elif name == "attention":
            z = F.scaled_dot_product_attention(x[None], x[None], x[None], is_causal=True)
        else:
            z = getattr(F, name)(x, 1)
        (g,) = mg.autograd.grad((z * z).sum(), x)
        return z.detach(), g

    eager, fast = pair(step)
    rng = np.random.default_rng(0)
    for i in range(5):
        x = rng.standard_normal((50, n)).astype(np.float32)
        x[3, 2], x[4, 1] = (np.inf, np.nan) if i == 4 and name != "attention" else (0, 0)
        args = mg.tensor(x), mg.tensor(rng.integers(0, n, 50))
        for ours, theirs in zip(fast(*args), eager(*args), strict=True):
            np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=2e-5, atol=2e-5)
    assert fast.source.count("maximum.reduce(") == (name == "cross_entropy")  # that of the classes


def texts(fast):
    names = fast.programs.all()[0].replay.run.__globals__
    loops = [x for x in names.values() if hasattr(x, "py_func")]
    return [inspect.getsource(inspect.getmodule(loop.py_func)) for loop in loops]


def layout(shape, transposed=False):
    array = np.empty(shape[::-1], "f").T if transposed else np.empty(shape, "f")
    return array.shape, array.strides, array.dtype


@pytest.mark.parametrize("form", products.FORMS)
def test_a_product_is_the_same_in_each_form(form, monkeypatch):
    a, b = (np.random.default_rng(i).standard_normal(shape).astype("f") for i, shape in enumerate([(7, 5), (4, 5)]))
    for more in (1, 3, 7, 9) if form is products.dot_in_rows else (np.empty((5, 4), "f"),):
        ours = form(a, b.T, more, out=np.full((7, 4), np.nan, "f"))
        np.testing.assert_allclose(ours, a @ b.T, rtol=1e-5)
    monkeypatch.setattr(products, "_quickest", lambda a, b: form)
    monkeypatch.setitem(products.FORMS, products.dot_in_rows, lambda a, b: 7)
    monkeypatch.setitem(products.FORMS, products.dot_by_rows, lambda a, b: np.empty(b.shape, "f"))
    eager, fast = both(lambda: nets.build("fig1_bn", mg, nn), "SGD")
    near(eager, fast, batches("fig1_bn", 8), 1e-3)
    assert fast.step.source.count(f"{form.__name__}(") == 11


@pytest.mark.parametrize("shapes", [((60, 10), (10, 10)), ((4096, 512), (512, 512))])
def test_products_that_are_small_or_large_are_not_tried(shapes, monkeypatch):
    monkeypatch.setattr(products, "_seconds", None)
    assert products._quickest(*map(layout, shapes)) is None


@pytest.mark.parametrize(
    ("in_rows", "by_rows", "expected"),
    [(0.5, 0.9, "dot_in_rows"), (0.9, 0.5, "dot_by_rows"), (0.98, 0.98, ""), (2.0, 0.96, "dot_by_rows")],
)
def test_the_quickest_form_is_taken(monkeypatch, in_rows, by_rows, expected):
    seconds = {"dot_in_rows": in_rows, "dot_by_rows": by_rows}
    monkeypatch.setattr(products, "_seconds", lambda function, *_: seconds.get(function.__name__, 1.0))
    products._quickest.cache_clear()
    form = products._quickest(layout((60, 784)), layout((784, 100), transposed=True))
    assert getattr(form, "__name__", "") == expected
    products._quickest.cache_clear()


def test_only_what_can_be_gained_is_tried():
    """A small product is not divided, and what lies in rows is not copied."""
    a, b = np.empty((60, 100), "f"), np.empty((100, 100), "f")
    assert products._rows(a, b) is None
    assert products._copy(a, b) is None
    assert products._copy(a, b.T).shape == (100, 100)
    assert products._rows(np.empty((60, 784), "f"), np.empty((784, 100), "f")) == 12
