"""Making, converting and drawing beside PyTorch; what public scripts still use."""

import subprocess
import sys

import numpy as np
import pytest
from oracle import check, text

import minigrad as mg
from minigrad import nn

CALLS = [
    lambda L: L.zeros(2, 3),
    lambda L: L.ones((2,)),
    lambda L: L.zeros(size=(1, 2), device="cpu"),
    lambda L: L.zeros(()),
    lambda L: L.full((2, 2), 7),
    lambda L: L.full((2,), 1.5, dtype=L.float64),
    lambda L: L.full((), True),
    lambda L: L.eye(3),
    lambda L: L.eye(2, 3, dtype=L.int64),
    lambda L: L.arange(5),
    lambda L: L.arange(1, 5, 2),
    lambda L: L.arange(0.0, 1.0, 0.25),
    lambda L: L.arange(start=1, end=3),
    lambda L: L.arange(5, 1, -2),
    lambda L: L.arange(3, dtype=L.float32),
    lambda L: L.linspace(0, 1, 5),
    lambda L: L.linspace(3, 10, steps=1),
    lambda L: L.logspace(0, 2, 3),
    lambda L: L.logspace(0, 3, 4, base=2),
    lambda L, x: L.zeros_like(x),
    lambda L, x: L.ones_like(x, dtype=L.int32),
    lambda L, x: L.full_like(x, 3),
    lambda L, x: x.new_zeros(2, 3),
    lambda L, x: x.new_ones((2,), dtype=L.int64),
    lambda L, x: x.new_full((2,), 3),
    lambda L, x: x.new_tensor([1, 2]),
    lambda L: L.scalar_tensor(3),
    lambda L: L.tensor([[1, 2], [3, 4]]),
    lambda L: L.tensor(True),
    lambda L: L.tensor([]),
    lambda L: L.tensor([1, 2.5]),
    lambda L: L.as_tensor([1, 2]),
    lambda L: L.asarray([1.0]),
    lambda L: L.tril_indices(3, 4),
    lambda L: L.triu_indices(3, 3, 1),
    lambda L, x: x.to(L.float64),
    lambda L, x: x.to("cpu"),
    lambda L, x: x.to("cpu", L.int64),
    lambda L, x: x.to(dtype=L.float64, copy=True),
    lambda L, x: x.to(L.zeros(1, dtype=L.int32)),
    lambda L, x: x.half(),
    lambda L, x: x.double(),
    lambda L, x: x.long(),
    lambda L, x: x.int(),
    lambda L, x: x.short(),
    lambda L, x: x.bool(),
    lambda L, x: x.cpu(),
    lambda L, x: x.type(L.float64),
    lambda L, x: x.type_as(L.zeros(1, dtype=L.int8)),
    lambda L, x: x.to(L.device("cpu")),
    lambda L: L.FloatTensor([1, 2]),
    lambda L: L.LongTensor([[1], [2]]),
    lambda L: L.FloatTensor(),
    lambda L, x: L.autograd.Variable(x),
    lambda L, x: L.nonzero(x > 1),
    lambda L, x: L.argwhere(x > 1),
    lambda L, x: x.nonzero(as_tuple=True)[0],
    lambda L: L.repeat_interleave(L.tensor([1, 0, 2])),
    # drawn
    lambda L: L.rand(3),
    lambda L: L.randn(20),
    lambda L: L.randn(2, 2, dtype=L.float64),
    lambda L: L.randint(10, (5,)),
    lambda L: L.randint(3, 9, size=(4,)),
    lambda L: L.randint(low=3, high=9, size=(4,)),
    lambda L: L.randperm(7),
    lambda L: L.randperm(5000),
    lambda L, x: L.rand_like(x),
    lambda L, x: L.randn_like(x, dtype=L.float64),
    lambda L, x: L.randint_like(x, 5),
    lambda L, x: L.randint_like(x, 2, 5),
    lambda L: L.normal(0.0, 2.0, (3,)),
    lambda L, x: L.normal(x, 0.5),
    lambda L, x: L.normal(1.0, x),
    lambda L, x: L.normal(x, x),
    lambda L: L.normal(mean=L.zeros(20)),
    lambda L, x: L.bernoulli(x / 9),
    lambda L, x: x.bernoulli(0.3),
    lambda L, x: L.multinomial(x, 2),
    lambda L, x: x.multinomial(5, replacement=True),
    lambda L, x: x.uniform_(-1, 1),
    lambda L, x: x.normal_(1, 2),
    lambda L, x: x.exponential_(2),
    lambda L, x: x.bernoulli_(x / 9),
    lambda L: L.empty(3, dtype=L.float64).bernoulli_(L.tensor(0.5, dtype=L.float64)),
    lambda L: L.zeros(30).normal_(),
    lambda L: L.zeros(5, dtype=L.int64).random_(10),
    lambda L: L.zeros(5).random_(3, 6),
    lambda L: L.zeros(5, dtype=L.int64).random_(),
    lambda L: L.zeros(5).random_(),
    lambda L: L.zeros(5, dtype=L.uint8).random_(),
    lambda L: L.zeros(5, dtype=L.int32).random_(),
    lambda L: L.zeros(5, dtype=L.float64).random_(),
    lambda L: L.nn.init.trunc_normal_(L.zeros(4)),
    # asked
    lambda L, x: x.nelement(),
    lambda L, x: x.is_cuda,
    lambda L, x: str(x.device),
    lambda L: L.cuda.is_available(),
    lambda L, x: L.is_tensor(x),
    lambda L, x: L.numel(x),
    lambda L, x: x.type().split(".")[-1],
    lambda L, x: x.stride(),
    lambda L, x: x.is_contiguous(),
    lambda L, x: x.element_size(),
    lambda L, x: x.dim(),
    lambda L, x: x.ndimension(),
    lambda L, x: x.is_floating_point(),
    lambda L, x: isinstance(x, L.FloatTensor),
    lambda L: L.device("cpu").type,
    lambda L, x: x.get_device(),
    lambda L, x: x.nbytes,
    lambda L, x: tuple(x.size()),
    lambda L, x: x.size(-1),
    # refused
    lambda L: L.zeros(-1),
    lambda L: L.arange(0, 5, -1),
    lambda L: L.arange(1, 2, 0),
    lambda L: L.linspace(0, 1, -1),
    lambda L: L.full((-1,), 1),
    lambda L, x: L.normal(x, -1.0),
    lambda L: L.normal(0.0, -1.0, (2,)),
    lambda L, x: L.multinomial(x, 9),
    lambda L, x: L.bernoulli(x * 9),
    lambda L, x: x.multinomial(0),
    lambda L: L.randint(5, 5, (2,)),
    lambda L: L.rand(2, dtype=L.int64),
    lambda L: L.from_numpy([1]),
    lambda L, x: x.size(5),
    lambda L: L.zeros(2).type("torch.Nothing"),
    lambda L: L.zeros(1.5),
    lambda L: L.randint(0, (2,)),
    lambda L: L.tensor("a"),
    lambda L: L.ones(2, dtype=L.int64).bernoulli(),
]


@pytest.mark.parametrize("call", CALLS, ids=text)
def test_beside_pytorch(torch, call):
    check(torch, call, np.array([1.5, 0.0, 3.0], np.float32), recorded=False, seed=3, tolerance=1e-6)


def test_states_are_exchanged_with_pytorch(torch):
    mg.manual_seed(5)
    mg.rand(7)
    state = mg.get_rng_state()
    assert isinstance(state, mg.Tensor) and state.dtype == np.uint8
    torch.set_rng_state(torch.tensor(state.numpy()))
    assert mg.rand(3).tolist() == torch.rand(3).tolist()
    mg.set_rng_state(mg.tensor(torch.get_rng_state().numpy()))
    assert mg.randn(3).tolist() == pytest.approx(torch.randn(3).tolist())
    assert mg.initial_seed() == 5


def test_tensor_of_an_array_is_of_the_default_dtype_on_its_memory_where_it_is_so_already():
    array = np.zeros(2, np.float32)
    mg.Tensor(array)[0] = 5
    assert array.tolist() == [5, 0] and mg.from_numpy(np.zeros(2)).dtype == mg.float64
    mg.set_default_dtype(mg.float64)
    try:
        assert mg.Tensor(array).dtype == mg.nn.Parameter(mg.Tensor(array)).dtype == mg.float64
    finally:
        mg.set_default_dtype(mg.float32)


@pytest.mark.parametrize("n", [1999, 2001, 2002, 40000])
def test_permutations_by_loop_and_at_once(torch, n):
    assert (
        mg.randperm(n, generator=mg.Generator().manual_seed(1)).tolist()
        == torch.randperm(n, generator=torch.Generator().manual_seed(1)).tolist()
    )


@pytest.mark.parametrize(
    "old", [{"size_average": False}, {"reduce": False}, {"size_average": True, "reduce": True}], ids=str
)
@pytest.mark.parametrize(
    "loss", ["MSELoss", "L1Loss", "CrossEntropyLoss", "BCEWithLogitsLoss", "mse_loss", "cross_entropy"]
)
def test_old_keywords_of_losses(torch, loss, old):
    results = []
    for lib in (mg, torch):
        x, y = lib.tensor([[0.5, 2.0]]), lib.tensor([[1.0, 0.0]])
        with pytest.warns(UserWarning, match="size_average and reduce args will be deprecated"):
            made = (
                getattr(lib.nn, loss)(**old)(x, y)
                if loss[0].isupper()
                else getattr(lib.nn.functional, loss)(x, y, **old)
            )
        results.append(made.tolist())
    assert np.allclose(*results)


@pytest.mark.parametrize(
    "make",
    [
        lambda: mg.tensor(1j),
        lambda: mg.tensor([1.0, 2j]),
        lambda: mg.from_numpy(np.ones(2, complex)),
        lambda: mg.zeros(2, dtype=complex),
        lambda: mg.ones(2) * 1j,
        lambda: mg.ones(2).to(np.complex64),
    ],
)
def test_complex_numbers_are_refused(make):
    with pytest.raises(TypeError, match="complex|number"):
        make()


MACHINE = [
    lambda L: L.cuda.is_available(),
    lambda L: L.cuda.device_count(),
    lambda L: L.cuda.manual_seed(0),
    lambda L: L.cuda.manual_seed_all(0),
    lambda L: L.cuda.empty_cache(),
    lambda L: L.cuda.seed_all(),
    lambda L: L.cuda.is_initialized(),
    lambda L: L.cuda.memory_allocated(),
    lambda L: L.cuda.max_memory_allocated(),
    lambda L: L.cuda.get_rng_state_all(),
    lambda L: L.cuda.set_rng_state_all([]),
    lambda L: L.backends.cudnn.is_available(),
    lambda L: L.backends.cudnn.version(),
    lambda L: L.backends.cudnn.enabled,
    lambda L: L.backends.cudnn.benchmark,
    lambda L: L.backends.cudnn.deterministic,
    lambda L: L.backends.cudnn.allow_tf32,
    lambda L: L.backends.cuda.matmul.allow_tf32,
    lambda L: L.backends.cuda.is_built(),
    lambda L: L.backends.mps.is_available(),
    lambda L: L.backends.mps.is_built(),
    lambda L: L.mps.is_available(),
    lambda L: L.mps.manual_seed(0),
    lambda L: L.xpu.is_available(),
    lambda L: L.xpu.device_count(),
    lambda L: L.xpu.manual_seed_all(0),
    lambda L: L.are_deterministic_algorithms_enabled(),
    lambda L: L.use_deterministic_algorithms(True),
    lambda L: L.are_deterministic_algorithms_enabled(),
    lambda L: L.use_deterministic_algorithms(False, warn_only=True),
    lambda L: L.are_deterministic_algorithms_enabled(),
    lambda L: L.is_deterministic_algorithms_warn_only_enabled(),
    lambda L: L.use_deterministic_algorithms(False),
    lambda L: L.get_float32_matmul_precision(),
    lambda L: L.set_float32_matmul_precision("high"),
    lambda L: L.get_float32_matmul_precision(),
    lambda L: L.set_float32_matmul_precision("highest"),
    lambda L: L.set_default_device("cpu"),
    lambda L: L.set_default_device(None),
    lambda L: L.get_default_device().type,
]


def test_names_of_machines_that_are_not_here_answer_as_pytorchs(torch):
    if torch.cuda.is_available():
        pytest.skip("they are here")
    for ask in MACHINE:
        if torch.version.cuda and text(ask).endswith(("is_available()", "version()", "is_built()")):
            continue  # this PyTorch was built for machines that are not here
        assert repr(ask(mg)) == repr(ask(torch)), text(ask)
    import minigrad.backends.cudnn as cudnn

    assert cudnn is mg.backends.cudnn
    with pytest.raises(TypeError, match="'mode' must be bool, not int"):
        mg.use_deterministic_algorithms(1)
    with pytest.raises(ValueError, match="expected 'highest', 'high' or 'medium', got 'low'"):
        mg.set_float32_matmul_precision("low")
    with pytest.raises(RuntimeError, match="CPU alone"):
        mg.set_default_device("cuda")


def test_other_devices_are_refused():
    for make in (
        lambda: mg.zeros(2, device="cuda"),
        lambda: mg.ones(2).to("cuda:0"),
        lambda: mg.device("cuda"),
        lambda: mg.ones(2).cuda(),
    ):
        with pytest.raises(RuntimeError, match="CPU|cpu"):
            make()
    assert nn.Linear(2, 2).to("cpu") is not None


def test_threads_are_set_lazily():
    code = "import sys, minigrad as mg; a = 'threadpoolctl' in sys.modules; mg.set_num_threads(1); print(a, mg.get_num_threads())"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "1"]
    with pytest.raises(RuntimeError, match="positive"):
        mg.set_num_threads(0)


COMPLEX = [
    lambda x, c: mg.tensor([1j]),
    lambda x, c: mg.tensor(1j),
    lambda x, c: mg.tensor(c),
    lambda x, c: mg.as_tensor(c),
    lambda x, c: mg.asarray(c),
    lambda x, c: mg.from_numpy(c),
    lambda x, c: mg.Tensor(c),
    lambda x, c: mg.Tensor([1j]),
    lambda x, c: mg.from_dlpack(c),
    lambda x, c: mg.tensor([1.0], dtype=complex),
    lambda x, c: mg.zeros(2, dtype=complex),
    lambda x, c: mg.empty(2, dtype="complex64"),
    lambda x, c: mg.full((2,), 1j),
    lambda x, c: mg.full((2,), 1j, dtype=mg.float32),
    lambda x, c: mg.full_like(x, 1j),
    lambda x, c: mg.full((2,), 1.0, dtype=complex),
    lambda x, c: mg.arange(1j),
    lambda x, c: mg.arange(3, dtype=complex),
    lambda x, c: mg.linspace(0, 1j, 3),
    lambda x, c: mg.linspace(0, 1, 3, dtype=complex),
    lambda x, c: mg.logspace(0, 1, 3, base=1j),
    lambda x, c: mg.rand(2, dtype=complex),
    lambda x, c: mg.randn(2, dtype=complex),
    lambda x, c: mg.randint(3, (2,), dtype=complex),
    lambda x, c: mg.set_default_dtype(complex),
    lambda x, c: x + 1j,
    lambda x, c: 1j + x,
    lambda x, c: x * 1j,
    lambda x, c: x / 1j,
    lambda x, c: x**1j,
    lambda x, c: 1j**x,
    lambda x, c: x < 1j,
    lambda x, c: x == 1j,
    lambda x, c: x != 1j,
    lambda x, c: x + c,
    lambda x, c: c + x,
    lambda x, c: c * x,
    lambda x, c: x + np.complex64(1j),
    lambda x, c: np.complex64(1j) * x,
    lambda x, c: np.add(x, c),
    lambda x, c: np.multiply(x, 1j),
    lambda x, c: mg.add(x, 1j),
    lambda x, c: mg.add(x, x, alpha=1j),
    lambda x, c: mg.mul(x, 1j),
    lambda x, c: mg.pow(x, 1j),
    lambda x, c: mg.pow(1j, x),
    lambda x, c: mg.float_power(x, 1j),
    lambda x, c: mg.lerp(x, x, 1j),
    lambda x, c: mg.addcmul(x, x, x, value=1j),
    lambda x, c: x.fill_(1j),
    lambda x, c: x.masked_fill(x > 0, 1j),
    lambda x, c: x.clamp(1j),
    lambda x, c: x.clamp(0, 1j),
    lambda x, c: x.clamp(max=np.complex64(1j)),
    lambda x, c: mg.where(x > 0, x, 1j),
    lambda x, c: x.to(complex),
    lambda x, c: x.to("complex64"),
    lambda x, c: x.type(complex),
    lambda x, c: x.view(np.complex64),
    lambda x, c: x.__setitem__(0, 1j),
    lambda x, c: x.__setitem__(slice(None), c),
    lambda x, c: x.data.__setitem__(0, 1j),
    lambda x, c: x.index_fill(0, mg.tensor([0]), 1j),
    lambda x, c: x.scatter(0, mg.tensor([0]), 1j),
    lambda x, c: x.new_tensor([1j]),
    lambda x, c: x.new_full((2,), 1j),
    lambda x, c: x.new_zeros(2, dtype=complex),
    lambda x, c: x.sum(dtype=complex),
    lambda x, c: x.cumsum(0, dtype=complex),
    lambda x, c: setattr(x, "data", c),
    lambda x, c: mg.isclose(x, c),
    lambda x, c: mg.stack([x, c]),
    lambda x, c: x @ c,
    lambda x, c: c @ x,
    lambda x, c: x.__iadd__(1j),
    lambda x, c: x.__imul__(c),
    lambda x, c: mg.nan_to_num(x, nan=1j),
    lambda x, c: mg.scalar_tensor(1j),
    lambda x, c: mg.exp(1j),
    lambda x, c: mg.round(1j),
    lambda x, c: mg.norm(x, dtype=complex),
    lambda x, c: mg.FloatTensor(c),
    lambda x, c: mg.autograd.Variable(c),
    lambda x, c: mg.promote_types(complex, mg.float32),
    lambda x, c: mg.result_type(x, 1j),
    lambda x, c: mg.searchsorted(x, 1j),
    lambda x, c: x.uniform_(0, 1j),
    lambda x, c: mg.bernoulli(x, 1j),
    lambda x, c: x.exponential_(1j),
    lambda x, c: x.copy_(1j),
    lambda x, c: mg.dot(x, c),
    lambda x, c: mg.finfo(complex),
]


@pytest.mark.parametrize("call", COMPLEX, ids=text)
def test_complex_is_refused_wherever_it_could_come_in(call):
    x = mg.tensor([1.0, 2.0])
    with pytest.raises((TypeError, RuntimeError)):
        call(x, np.array([1j, 2.0]))
    assert x.dtype == mg.float32
    assert x.tolist() == [1.0, 2.0]
