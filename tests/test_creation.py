"""Making, converting and drawing beside PyTorch; what public scripts still use."""

import subprocess
import sys

import numpy as np
import pytest
from test_calls import split

import minigrad as mg
from minigrad import nn

LINES = [
    "lib.zeros(2, 3)", "lib.ones((2,))", "lib.zeros(size=(1, 2), device='cpu')", "lib.zeros(())", "lib.full((2, 2), 7)", "lib.full((2,), 1.5, dtype=lib.float64)", "lib.full((), True)", "lib.eye(3)", "lib.eye(2, 3, dtype=lib.int64)",
    "lib.arange(5)", "lib.arange(1, 5, 2)", "lib.arange(0.0, 1.0, 0.25)", "lib.arange(start=1, end=3)", "lib.arange(5, 1, -2)", "lib.arange(3, dtype=lib.float32)", "lib.linspace(0, 1, 5)", "lib.linspace(3, 10, steps=1)", "lib.logspace(0, 2, 3)", "lib.logspace(0, 3, 4, base=2)",
    "lib.zeros_like(x)", "lib.ones_like(x, dtype=lib.int32)", "lib.full_like(x, 3)", "x.new_zeros(2, 3)", "x.new_ones((2,), dtype=lib.int64)", "x.new_full((2,), 3)", "x.new_tensor([1, 2])", "lib.scalar_tensor(3)", "lib.tensor([[1, 2], [3, 4]])", "lib.tensor(True)", "lib.tensor([])", "lib.tensor([1, 2.5])",
    "lib.as_tensor([1, 2])", "lib.asarray([1.0])", "lib.tril_indices(3, 4)", "lib.triu_indices(3, 3, 1)", "x.to(lib.float64)", "x.to('cpu')", "x.to('cpu', lib.int64)", "x.to(dtype=lib.float64, copy=True)", "x.to(lib.zeros(1, dtype=lib.int32))", "x.half()", "x.double()", "x.long()", "x.int()", "x.short()", "x.bool()", "x.cpu()", "x.type(lib.float64)", "x.type_as(lib.zeros(1, dtype=lib.int8))", "x.to(lib.device('cpu'))",
    "lib.FloatTensor([1, 2])", "lib.LongTensor([[1], [2]])", "lib.FloatTensor()", "lib.autograd.Variable(x)", "lib.nonzero(x > 1)", "lib.argwhere(x > 1)", "x.nonzero(as_tuple=True)[0]", "lib.repeat_interleave(lib.tensor([1, 0, 2]))",
    # drawn
    "lib.rand(3)", "lib.randn(20)", "lib.randn(2, 2, dtype=lib.float64)", "lib.randint(10, (5,))", "lib.randint(3, 9, size=(4,))", "lib.randint(low=3, high=9, size=(4,))", "lib.randperm(7)", "lib.randperm(5000)", "lib.rand_like(x)", "lib.randn_like(x, dtype=lib.float64)", "lib.randint_like(x, 5)", "lib.randint_like(x, 2, 5)",
    "lib.normal(0.0, 2.0, (3,))", "lib.normal(x, 0.5)", "lib.normal(1.0, x)", "lib.normal(x, x)", "lib.normal(mean=lib.zeros(20))", "lib.bernoulli(x / 9)", "x.bernoulli(0.3)", "lib.multinomial(x, 2)", "x.multinomial(5, replacement=True)",
    "x.uniform_(-1, 1)", "x.normal_(1, 2)", "x.exponential_(2)", "x.bernoulli_(x / 9)", "lib.empty(3, dtype=lib.float64).bernoulli_(lib.tensor(0.5, dtype=lib.float64))", "lib.zeros(30).normal_()", "lib.zeros(5, dtype=lib.int64).random_(10)", "lib.zeros(5).random_(3, 6)", "lib.zeros(5, dtype=lib.int64).random_()", "lib.zeros(5).random_()", "lib.zeros(5, dtype=lib.uint8).random_()", "lib.zeros(5, dtype=lib.int32).random_()", "lib.zeros(5, dtype=lib.float64).random_()",
    "lib.nn.init.trunc_normal_(lib.zeros(4))",
    # asked
    "x.nelement()", "x.is_cuda", "str(x.device)", "lib.cuda.is_available()", "lib.is_tensor(x)", "lib.numel(x)", "x.type().split('.')[-1]", "x.stride()", "x.is_contiguous()", "x.element_size()", "x.dim()", "x.ndimension()", "x.is_floating_point()", "isinstance(x, lib.FloatTensor)", "lib.device('cpu').type", "x.get_device()", "x.nbytes", "tuple(x.size())", "x.size(-1)",
    # refused
    "lib.zeros(-1)", "lib.arange(0, 5, -1)", "lib.arange(1, 2, 0)", "lib.linspace(0, 1, -1)", "lib.full((-1,), 1)", "lib.normal(x, -1.0)", "lib.normal(0.0, -1.0, (2,))", "lib.multinomial(x, 9)", "lib.bernoulli(x * 9)", "x.multinomial(0)", "lib.randint(5, 5, (2,))", "lib.rand(2, dtype=lib.int64)", "lib.from_numpy([1])", "x.size(5)", "lib.zeros(2).type('torch.Nothing')", "lib.zeros(1.5)", "lib.randint(0, (2,))", "lib.tensor('a')", "lib.ones(2, dtype=lib.int64).bernoulli()",
]  # fmt: skip


@pytest.mark.parametrize("line", LINES)
def test_beside_pytorch(torch, line):
    results = []
    for lib in (mg, torch):
        lib.manual_seed(3)
        try:
            y = eval(line, {"lib": lib, "x": lib.tensor([1.5, 0.0, 3.0])})
            if hasattr(y, "numpy"):
                array = y.detach().numpy()
                y = (str(array.dtype), array.shape, np.round(array.astype(float), 5).tolist())
            results.append(y)
        except Exception as error:
            results.append(type(error))
    assert results[0] == results[1]


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
    *(f"cuda.{name}" for name in (
        "is_available()", "device_count()", "manual_seed(0)", "manual_seed_all(0)", "empty_cache()", "seed_all()",
        "is_initialized()", "memory_allocated()", "max_memory_allocated()", "get_rng_state_all()", "set_rng_state_all([])",
    )),
    "backends.cudnn.is_available()", "backends.cudnn.version()", "backends.cudnn.enabled", "backends.cudnn.benchmark",
    "backends.cudnn.deterministic", "backends.cudnn.allow_tf32", "backends.cuda.matmul.allow_tf32",
    "backends.cuda.is_built()", "backends.mps.is_available()", "backends.mps.is_built()", "mps.is_available()",
    "mps.manual_seed(0)", "xpu.is_available()", "xpu.device_count()", "xpu.manual_seed_all(0)",
    "are_deterministic_algorithms_enabled()", "use_deterministic_algorithms(True)",
    "are_deterministic_algorithms_enabled()", "use_deterministic_algorithms(False, warn_only=True)",
    "are_deterministic_algorithms_enabled()", "is_deterministic_algorithms_warn_only_enabled()",
    "use_deterministic_algorithms(False)", "get_float32_matmul_precision()", "set_float32_matmul_precision('high')",
    "get_float32_matmul_precision()", "set_float32_matmul_precision('highest')", "set_default_device('cpu')",
    "set_default_device(None)", "get_default_device().type",
]  # fmt: skip


def test_names_of_machines_that_are_not_here_answer_as_pytorchs(torch):
    if torch.cuda.is_available():
        pytest.skip("they are here")
    for ask in MACHINE:
        if torch.version.cuda and ask.endswith(("is_available()", "version()", "is_built()")):
            continue  # this PyTorch was built for machines that are not here
        assert repr(eval(f"lib.{ask}", {"lib": mg})) == repr(eval(f"lib.{ask}", {"lib": torch})), ask
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


COMPLEX = """
mg.tensor([1j]); mg.tensor(1j); mg.tensor(c); mg.as_tensor(c); mg.asarray(c); mg.from_numpy(c); mg.Tensor(c); mg.Tensor([1j]); mg.from_dlpack(c)
mg.tensor([1.0], dtype=complex); mg.zeros(2, dtype=complex); mg.empty(2, dtype="complex64"); mg.full((2,), 1j); mg.full((2,), 1j, dtype=mg.float32)
mg.full_like(x, 1j); mg.full((2,), 1.0, dtype=complex); mg.arange(1j); mg.arange(3, dtype=complex); mg.linspace(0, 1j, 3); mg.linspace(0, 1, 3, dtype=complex)
mg.logspace(0, 1, 3, base=1j); mg.rand(2, dtype=complex); mg.randn(2, dtype=complex); mg.randint(3, (2,), dtype=complex); mg.set_default_dtype(complex)
x + 1j; 1j + x; x * 1j; x / 1j; x**1j; 1j**x; x < 1j; x == 1j; x != 1j; x + c; c + x; c * x; x + np.complex64(1j); np.complex64(1j) * x; np.add(x, c); np.multiply(x, 1j)
mg.add(x, 1j); mg.add(x, x, alpha=1j); mg.mul(x, 1j); mg.pow(x, 1j); mg.pow(1j, x); mg.float_power(x, 1j); mg.lerp(x, x, 1j); mg.addcmul(x, x, x, value=1j)
x.fill_(1j); x.masked_fill(x > 0, 1j); x.clamp(1j); x.clamp(0, 1j); x.clamp(max=np.complex64(1j)); mg.where(x > 0, x, 1j); x.to(complex); x.to("complex64"); x.type(complex)
x.view(np.complex64); x.__setitem__(0, 1j); x.__setitem__(slice(None), c); x.data.__setitem__(0, 1j); x.index_fill(0, mg.tensor([0]), 1j)
x.scatter(0, mg.tensor([0]), 1j); x.new_tensor([1j]); x.new_full((2,), 1j); x.new_zeros(2, dtype=complex); x.sum(dtype=complex); x.cumsum(0, dtype=complex)
setattr(x, "data", c); mg.isclose(x, c); mg.stack([x, c]); x @ c; c @ x; x.__iadd__(1j); x.__imul__(c); mg.nan_to_num(x, nan=1j); mg.scalar_tensor(1j)
mg.exp(1j); mg.round(1j); mg.norm(x, dtype=complex); mg.FloatTensor(c); mg.autograd.Variable(c); mg.promote_types(complex, mg.float32); mg.result_type(x, 1j)
mg.searchsorted(x, 1j); x.uniform_(0, 1j); mg.bernoulli(x, 1j); x.exponential_(1j); x.copy_(1j); mg.dot(x, c); mg.finfo(complex)
"""  # fmt: skip


@pytest.mark.parametrize("call", split(COMPLEX))
def test_complex_is_refused_wherever_it_could_come_in(call):
    names = {"mg": mg, "np": np, "x": mg.tensor([1.0, 2.0]), "c": np.array([1j, 2.0])}
    with pytest.raises((TypeError, RuntimeError)):
        eval(call, names)
    assert names["x"].dtype == mg.float32
    assert names["x"].tolist() == [1.0, 2.0]
