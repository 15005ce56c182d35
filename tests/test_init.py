"""Initial values: PyTorch's numbers for PyTorch's seed, its fans and gains, and what is refused."""

import math
import warnings

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn

SHAPES = [(7, 5), (4, 3, 3, 3), (3, 30)]
FILLS = {
    "uniform": lambda init, w: init.uniform_(w, -1, 2),
    "normal": lambda init, w: init.normal_(w, 1, 0.1),
    "constant": lambda init, w: init.constant_(w, 0.3),
    "ones": lambda init, w: init.ones_(w),
    "zeros": lambda init, w: init.zeros_(w),
    "xavier_uniform": lambda init, w: init.xavier_uniform_(w, gain=1.5),
    "xavier_normal": lambda init, w: init.xavier_normal_(w),
    "kaiming_uniform": lambda init, w: init.kaiming_uniform_(w, mode="fan_out", nonlinearity="relu"),
    "kaiming_normal": lambda init, w: init.kaiming_normal_(w, a=0.2),
    "trunc_normal": lambda init, w: init.trunc_normal_(w, 0.1, 0.5, -0.6, 0.9),
    "orthogonal": lambda init, w: init.orthogonal_(w, gain=2),
}


@pytest.mark.parametrize("name", FILLS)
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_the_same_seed_gives_pytorchs_numbers(name, shape, dtype, torch):
    ours, theirs = mg.empty(shape, dtype=dtype), torch.empty(shape, dtype=getattr(torch, dtype))
    for lib, w in ((mg, ours), (torch, theirs)):
        lib.manual_seed(5)
        assert FILLS[name](lib.nn.init, w) is w
    assert ours.dtype == dtype
    np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-5, atol=1e-6)


LAYERS = {
    "Linear": lambda nn: nn.Linear(3, 4),
    "Linear without bias": lambda nn: nn.Linear(50, 20, bias=False),
    "Conv2d": lambda nn: nn.Conv2d(4, 6, (3, 2), groups=2),
    "Conv1d": lambda nn: nn.Conv1d(2, 3, 5),
    "net": lambda nn: nn.Sequential(nn.Linear(784, 100), nn.BatchNorm1d(100), nn.ReLU(), nn.Linear(100, 10)),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layers_start_exactly_as_pytorchs(name, torch):
    made = []
    for lib in (mg, torch):
        lib.manual_seed(0)
        made.append(LAYERS[name](lib.nn).state_dict())
    assert list(made[0]) == list(made[1])
    for key, value in made[0].items():
        np.testing.assert_array_equal(value.numpy(), made[1][key].numpy())


def test_a_generator_of_ones_own_leaves_the_default_alone():
    mg.manual_seed(1)
    before = mg.get_rng_state()
    a, b = (nn.init.xavier_normal_(mg.empty(4, 4), generator=mg.Generator().manual_seed(2)) for _ in range(2))
    assert (a == b).all()
    assert (mg.get_rng_state() == before).all()


def test_filling_a_parameter_is_not_recorded():
    w = nn.Parameter(mg.zeros(3, 4))
    nn.init.kaiming_normal_(w)
    assert w.is_leaf
    assert w.requires_grad
    assert w.detach().abs().sum() > 0


def test_gains(torch):
    for name in ("linear", "conv2d", "sigmoid", "tanh", "relu", "leaky_relu", "selu"):
        assert nn.init.calculate_gain(name) == pytest.approx(torch.nn.init.calculate_gain(name))
    assert nn.init.calculate_gain("leaky_relu", 0.3) == pytest.approx(math.sqrt(2 / 1.09))


def test_fans(torch):
    for shape in ((3, 4), (6, 2, 3, 5), (4, 3, 2)):
        fans = torch.nn.init._calculate_fan_in_and_fan_out(torch.empty(shape))
        assert nn.init._calculate_fan_in_and_fan_out(mg.empty(shape)) == fans


@pytest.mark.parametrize(("rows", "columns"), [(5, 3), (3, 5), (4, 4)])
def test_orthogonal_is(rows, columns):
    w = nn.init.orthogonal_(mg.empty(rows, columns, dtype=mg.float64)).numpy()
    gram = w.T @ w if rows > columns else w @ w.T
    np.testing.assert_allclose(gram, np.eye(min(rows, columns)), atol=1e-12)


def test_shaped_fills(torch):
    for shape, groups in (((4, 2, 3, 3), 2), ((3, 3, 5), 1), ((2, 4, 1, 3), 1)):
        expected = torch.nn.init.dirac_(torch.empty(shape), groups)
        np.testing.assert_array_equal(nn.init.dirac_(mg.empty(shape), groups).numpy(), expected.numpy())
    np.testing.assert_array_equal(nn.init.eye_(mg.empty(2, 3)).numpy(), np.eye(2, 3))
    sparse = nn.init.sparse_(mg.empty(10, 4), 0.25).numpy()
    assert ((sparse == 0).sum(0) == 3).all()


def test_trunc_normal_is_normal_and_stays_inside():
    w = nn.init.trunc_normal_(mg.empty(20000)).numpy()
    assert np.abs(w).max() <= 2
    assert w.std() == pytest.approx(0.8796, abs=0.02)  # of the standard normal cut at two


def test_nothing_to_fill_warns():
    with pytest.warns(UserWarning, match="zero-element"):
        assert nn.Linear(0, 3).weight.shape == (3, 0)


WRONG = {
    "gain": ("Unsupported nonlinearity sine", lambda: nn.init.calculate_gain("sine")),
    "mode": ("Mode fan not supported", lambda: nn.init.kaiming_normal_(mg.empty(2, 2), mode="fan")),
    "vector": ("fewer than 2 dimensions", lambda: nn.init.xavier_uniform_(mg.empty(3))),
    "eye": ("Only tensors with 2 dimensions", lambda: nn.init.eye_(mg.empty(3))),
    "orthogonal": ("2 or more dimensions", lambda: nn.init.orthogonal_(mg.empty(3))),
    "dirac": ("3, 4, or 5 dimensions", lambda: nn.init.dirac_(mg.empty(3, 3))),
    "dirac groups": ("dim 0 must be divisible", lambda: nn.init.dirac_(mg.empty(3, 3, 3), 2)),
    "sparse": ("Only tensors with 2 dimensions", lambda: nn.init.sparse_(mg.empty(3), 0.1)),
}


@pytest.mark.parametrize("name", WRONG)
def test_refuses(name):
    message, call = WRONG[name]
    with pytest.raises(ValueError, match=message):
        call()


CALLS = """
init.sparse_(w(6, 4), 0.4)
init.sparse_(w(6, 4), sparsity=0.1, std=0.5)
init.eye_(w(3, 5))
init.dirac_(w(4, 2, 3))
init.dirac_(w(4, 2, 3, 3), 2)
init.dirac_(w(2, 4, 1, 2, 3))
init.xavier_uniform_(w(4))
init.xavier_normal_(w())
init.kaiming_normal_(w(4))
init.kaiming_uniform_(w(4, 2), mode="fan")
init.kaiming_uniform_(w(4, 2), nonlinearity="elu")
init.kaiming_uniform_(w(4, 2, 3), 0.3, "fan_out", "conv_transpose1d")
init.orthogonal_(w(4))
init.orthogonal_(w(0, 4))
init.orthogonal_(w(4, 2, 3), 0.5)
init.eye_(w(3))
init.sparse_(w(3), 0.1)
init.dirac_(w(3, 3))
init.dirac_(w(3, 2, 3), 2)
init.trunc_normal_(w(3, 2), 5.0, 1.0, -1.0, 1.0)
init.constant_(w(2), 3)
init.calculate_gain("conv_transpose2d")
init.calculate_gain("leaky_relu", True)
init.calculate_gain("leaky_relu", "a")
init.calculate_gain("leaky_relu", 2)
init.calculate_gain("gelu")
init.uniform(w(3, 2))
init.normal(w(3, 2), 1, 2)
init.constant(w(3), 2.0)
init.eye(w(2, 3))
init.dirac(w(2, 2, 3))
init.xavier_uniform(w(3, 2), gain=2)
init.xavier_normal(w(3, 2))
init.kaiming_uniform(w(3, 2), a=1)
init.kaiming_normal(w(3, 2))
init.orthogonal(w(3, 2))
init.sparse(w(3, 2), 0.5)
init.uniform_(w(3).long())
""".strip().split("\n")


@pytest.mark.parametrize("call", CALLS)
def test_fills_warns_and_refuses_as_pytorch(call, torch):
    def seen(lib):
        lib.manual_seed(0)
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            try:
                result = eval(call, {"init": lib.nn.init, "w": lambda *shape: lib.zeros(shape)})
            except Exception as error:
                return type(error).__name__, None
        warned = [(str(w.message), w.category) for w in caught if w.category is FutureWarning]
        return warned, result.numpy() if hasattr(result, "numpy") else result

    (ours, a), (theirs, b) = seen(mg), seen(torch)
    assert ours == theirs
    if b is not None:
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)
