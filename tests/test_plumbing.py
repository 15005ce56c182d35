"""What scripts carry along and what means nothing on a CPU, beside PyTorch: mixed precision, devices, timers, names."""

import sys
import warnings

import numpy as np
import pytest

import minigrad as mg
from minigrad.utils import benchmark


def test_mixed_precision_that_is_switched_off(torch):
    for lib in (mg, torch):
        w = lib.ones(2, requires_grad=True)
        optimizer, scaler = lib.optim.SGD([w], lr=1.0), lib.amp.GradScaler(enabled=False)
        with lib.autocast("cpu", enabled=False), lib.amp.autocast("cuda", dtype=lib.float16, enabled=False):
            loss = (w * 2).sum()
            assert loss.dtype == lib.float32 and not lib.is_autocast_enabled()
        scaler.scale(loss).backward()
        scaler.unscale_(optimizer)
        scaler.step(optimizer)
        scaler.update()
        assert w.tolist() == [-1.0, -1.0]
        assert (scaler.get_scale(), scaler.is_enabled(), scaler.state_dict()) == (1.0, False, {})
        scaler.load_state_dict({})

        @lib.autocast("cpu", enabled=False)
        def double(x):
            return x * 2

        assert double(lib.ones(1)).tolist() == [2.0]


def test_mixed_precision_for_a_device_that_is_not_here_warns_and_is_switched_off(torch):
    for lib in (mg, torch):
        with pytest.warns(UserWarning, match="CUDA is not available"), lib.autocast("cuda"):
            assert (lib.ones(2) @ lib.ones(2)).dtype == lib.float32
        with pytest.warns(UserWarning, match="not available"):
            assert not lib.amp.GradScaler("cuda").is_enabled()


def test_mixed_precision_on_the_cpu_says_what_is_not_there():
    with pytest.raises(RuntimeError, match="bfloat16"):
        mg.autocast("cpu")
    with pytest.raises(RuntimeError, match="enabled=False"):
        mg.amp.GradScaler("cpu")
    with pytest.raises(RuntimeError, match="unsupported autocast device_type"):
        mg.autocast("gpu")
    with pytest.raises(ValueError, match="type `str`"):
        mg.autocast(3)
    with mg.cuda.amp.autocast(enabled=False):
        pass


SAME = {
    "cuda": lambda lib: (
        lib.cuda.is_available(),
        lib.cuda.device_count(),
        lib.cuda.manual_seed(1),
        lib.cuda.empty_cache(),
    ),
    "cuda memory": lambda lib: (lib.cuda.memory_allocated(), lib.cuda.max_memory_reserved(), lib.cuda.is_initialized()),
    "mps": lambda lib: (
        lib.backends.mps.is_available(),
        lib.mps.is_available() if hasattr(lib.mps, "is_available") else False,
    ),
    "threads": lambda lib: lib.set_num_threads(1),
    "deterministic": lambda lib: lib.use_deterministic_algorithms(False),
    "precision": lambda lib: lib.set_float32_matmul_precision("highest"),
    "device": lambda lib: (lib.set_default_device("cpu"), str(lib.get_default_device())),
    "flags": lambda lib: [setattr(lib.backends.cudnn, n, False) for n in ("benchmark", "deterministic")],
    "attention": lambda lib: [
        (getattr(lib.backends.cuda, f"enable_{n}_sdp")(on), getattr(lib.backends.cuda, f"{n}_sdp_enabled")())
        for n in ("flash", "mem_efficient", "math", "cudnn")
        for on in (False, True)
    ],
    "where": lambda lib: (lib.ones(1).is_cuda, lib.ones(1).is_mps, lib.ones(1).is_pinned(), str(lib.ones(1).device)),
    "new": lambda lib: [tuple(lib.ones(2).new(*a).shape) for a in ((2, 3), (lib.ones(3, 1).shape,), ([1.0],))],
}


@pytest.mark.parametrize("name", SAME)
def test_the_plain_answer_is_pytorchs(torch, name):
    assert SAME[name](mg) == SAME[name](torch)


REFUSED = {
    "cuda": lambda: mg.ones(1).cuda(),
    "module cuda": lambda: mg.nn.Linear(1, 1).cuda(),
    "to": lambda: mg.ones(1).to("cuda"),
    "default": lambda: mg.set_default_device("cuda"),
    "name": lambda: mg.cuda.get_device_name(0),
    "stream": lambda: mg.cuda.Stream(),
    "type": lambda: mg.set_default_tensor_type("torch.cuda.FloatTensor"),
    "pinned": lambda: mg.ones(1).pin_memory(),
}


@pytest.mark.parametrize("name", REFUSED)
def test_another_device_is_refused_in_clear_words(name):
    with pytest.raises(RuntimeError, match="CPU"):
        REFUSED[name]()


@pytest.mark.parametrize("name", ["jit", "fft", "sparse"])
def test_a_family_that_will_not_come_says_what_to_do(name):
    with pytest.raises(AttributeError, match=f"minigrad has no '{name}': "):
        getattr(mg, name)


def test_the_default_type_by_its_old_name():
    mg.set_default_tensor_type("torch.DoubleTensor")
    try:
        assert mg.ones(1).dtype == mg.float64
    finally:
        mg.set_default_tensor_type(mg.FloatTensor)
    assert mg.ones(1).dtype == mg.float32


def test_a_timer_measures_runs():
    calls = []
    timer = benchmark.Timer("f(1)", globals={"f": calls.append}, label="label", sub_label="sub", description="what")
    once = timer.timeit(100)
    assert len(calls) == 102 and once.number_per_run == 100 and len(once.times) == 1  # two to warm up
    assert once.mean == once.median == once.raw_times[0] / 100 and once.iqr == 0
    many = timer.blocked_autorange(min_run_time=0.01)
    assert sum(many.raw_times) >= 0.01 and len(many.times) == len(many.raw_times)
    assert sorted(many.times)[0] <= many.median <= sorted(many.times)[-1] and many.iqr >= 0
    assert timer.adaptive_autorange(max_run_time=0.05).number_per_run >= 1
    text = repr(many)
    assert "label: sub" in text and "what" in text and "Median: " in text and f"{many.number_per_run} runs per" in text
    assert "1 measurement, 100 runs" in repr(once)


def test_a_measurement_is_pytorchs(torch):
    from torch.utils import benchmark as theirs

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        spec = theirs.TaskSpec("pass", "pass")
        one = theirs.Measurement(10, [1.0, 2.0, 3.0, 7.0], spec)
    other = benchmark.Measurement(10, [1.0, 2.0, 3.0, 7.0], "pass")
    assert one.times == other.times
    assert [one.mean, one.median, one.iqr] == pytest.approx([other.mean, other.median, other.iqr])


def test_a_timer_refuses_what_pytorchs_refuses(torch):
    for timer in (benchmark.Timer("pass"), torch.utils.benchmark.Timer("pass")):
        for name in ("repeat", "autorange"):
            with pytest.raises(NotImplementedError, match="blocked_autorange"):
                getattr(timer, name)()
    with pytest.raises(ValueError, match="python"):
        benchmark.Timer("pass", language="c++")


CLOSE = {
    "equal": lambda lib: (lib.ones(2), lib.ones(2)),
    "near": lambda lib: (lib.tensor([1.0, 2.0]), lib.tensor([1.0, 2.000001])),
    "far": lambda lib: (lib.tensor([1.0, 2.0]), lib.tensor([1.0, 2.0001])),
    "shapes": lambda lib: (lib.ones(2), lib.ones(2, 1)),
    "dtypes": lambda lib: (lib.ones(2), lib.ones(2, dtype=lib.float64)),
    "integers": lambda lib: (lib.tensor([1, 2]), lib.tensor([1, 3])),
    "bools": lambda lib: (lib.tensor([True]), lib.tensor([False])),
    "nan": lambda lib: (lib.tensor([float("nan")]), lib.tensor([float("nan")])),
    "lists": lambda lib: ([lib.ones(1), 2.0], [lib.ones(1), 2.0]),
    "lengths": lambda lib: ([lib.ones(1)], [lib.ones(1), 2.0]),
    "dicts": lambda lib: ({"a": lib.ones(1)}, {"a": lib.zeros(1)}),
    "keys": lambda lib: ({"a": lib.ones(1)}, {"b": lib.ones(1)}),
}


@pytest.mark.parametrize("name", CLOSE)
@pytest.mark.parametrize(
    "options", [{}, {"rtol": 1e-3, "atol": 0}, {"equal_nan": True}, {"check_dtype": False}, {"rtol": 1}]
)
def test_assert_close(torch, name, options):
    outcomes = []
    for lib in (mg, torch):
        try:
            outcomes.append(lib.testing.assert_close(*CLOSE[name](lib), **options))
        except (AssertionError, ValueError) as error:
            outcomes.append(type(error))
    assert outcomes[0] == outcomes[1]


@pytest.mark.parametrize("name", ["bfloat16", "complex64", "complex128", "cfloat", "cdouble"])
def test_a_dtype_that_is_not_here_may_be_asked_for_and_not_used(name):
    dtype = getattr(mg, name)
    assert mg.ones(1).dtype != dtype and mg.float32 not in {dtype} and repr(dtype) == f"minigrad.{name}"
    for use in (
        lambda: mg.ones(1).to(dtype),
        lambda: mg.zeros(2, dtype=dtype),
        lambda: mg.nn.Linear(1, 1, dtype=dtype),
    ):
        # NumPy before 2.4 does not ask the dtype, and refuses it in words of its own
        asks = np.lib.NumpyVersion(np.__version__) >= "2.4.0"
        with pytest.raises(RuntimeError if asks else (RuntimeError, TypeError), match=f"{name}: " if asks else name):
            use()


def test_paths_of_devices_and_of_dtypes():
    from minigrad.cuda.amp import GradScaler, autocast

    assert (GradScaler, autocast) == (mg.amp.GradScaler, mg.amp.autocast)
    assert isinstance(mg.float32, mg.dtype) and mg.version.cuda is None
    assert mg.cuda.get_rng_state_all() == [] and mg.xpu.device_count() == mg.mps.device_count() == 0


def test_what_optimizers_of_ones_own_and_layers_import(torch):
    from minigrad.nn.common_types import _size_2_t  # noqa: F401
    from minigrad.nn.modules.transformer import _get_clones
    from minigrad.optim import Optimizer
    from minigrad.optim.adamw import AdamW
    from minigrad.optim.optimizer import ParamsT, required  # noqa: F401
    from minigrad.utils.tensorboard import SummaryWriter

    assert AdamW is mg.optim.AdamW and SummaryWriter is mg.viz.SummaryWriter
    assert len(_get_clones(mg.nn.ReLU(), 3)) == 3
    weight = (4, 3, 2)
    for mode in ("fan_in", "fan_out"):
        fans = [lib.nn.init._calculate_correct_fan(lib.ones(*weight), mode) for lib in (mg, torch)]
        assert fans[0] == fans[1]
    assert repr(required) == "<required parameter>"
    own = type("Own", (Optimizer,), {"__init__": lambda self, p, lr=required: Optimizer.__init__(self, p, {"lr": lr})})
    assert own([mg.ones(1)], lr=0.1).param_groups[0]["lr"] == 0.1
    with pytest.raises(ValueError, match="didn't specify a value of required optimization parameter lr"):
        own([mg.ones(1)])


def test_an_import_of_a_missing_name_says_as_much_as_its_use():
    for module, name, words in (
        ("minigrad", "jit", "nothing to script"),
        ("minigrad.nn", "Embeding", "did you mean 'Embedding'.*docs/layers.md"),
        ("minigrad.nn.functional", "leaky", "docs/layers.md"),
        ("minigrad.optim", "Lion", "docs/layers.md lists the optimizers"),
    ):
        with pytest.raises(ImportError, match=words):
            exec(f"from {module} import {name}")
        with pytest.raises(AttributeError, match=words):
            exec(f"import {module}; {module}.{name}")
        assert not hasattr(sys.modules[module], name)


def test_the_default_type_is_called_tensor_and_mocks_are_attributes(torch):
    from unittest.mock import MagicMock

    for lib in (mg, torch):
        assert (lib.ones(2) > 0).type(lib.Tensor).dtype == lib.float32
        net = lib.nn.Linear(1, 1)
        net.helper = MagicMock(return_value=3)
        assert net.helper() == 3 and "helper" not in net.state_dict()


@pytest.mark.parametrize("name", ("eig", "eigvals"))
def test_what_is_complex_says_so_and_names_the_way_out(name):
    with pytest.raises(AttributeError, match=rf"no 'linalg.{name}'.*complex.*linalg.eig(val)?s?h"):
        getattr(mg.linalg, name)
    with pytest.raises(AttributeError, match="complex"):
        mg.stft  # noqa: B018


def test_channels_are_shuffled_by_either_name(torch):
    for lib in (mg, torch):
        x = lib.arange(8.0).reshape(1, 4, 1, 2)
        for shuffle in (lib.native_channel_shuffle, lib.nn.functional.native_channel_shuffle):
            assert shuffle(x, 2).tolist() == lib.channel_shuffle(x, 2).tolist()
