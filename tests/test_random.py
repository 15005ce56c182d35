"""minigrad.random against PyTorch's CPU streams, and against stored numbers where it is absent."""

from __future__ import annotations

import copy
import math
import random
from fractions import Fraction

import numpy as np
import pytest

import minigrad
from minigrad import random as mg_random
from minigrad.random import Generator

SIZES = [
    (0,),
    (1,),
    (2,),
    (15,),
    (16,),
    (17,),
    (31,),
    (100,),
    (624,),
    (),
    (3, 5),
    (4, 4),
    (2, 3, 4),
]
WIDE = -(2**63), 2**63 - 1


@pytest.fixture
def default():
    """The default generator, put back afterwards."""
    state = mg_random.get_rng_state()
    yield mg_random.default_generator
    mg_random.set_rng_state(state)


def seeded(seed):
    return Generator().manual_seed(seed)


def chances(n, dtype=np.float64):
    return np.linspace(0, 1, math.prod(n), dtype=dtype).reshape(n)


def weights(n, dtype=np.float64):
    return (1 + np.arange(3 * (math.prod(n) % 7 + 2)) ** 2).reshape(3, -1).astype(dtype)


# name: (ours, PyTorch's) for t = torch, g = the generator, n = the shape
CALLS = {
    "rand": (lambda g, n: g.uniform(n), lambda t, g, n: t.rand(n, generator=g)),
    "rand float64": (
        lambda g, n: g.uniform(n, dtype=np.float64),
        lambda t, g, n: t.rand(n, generator=g, dtype=t.float64),
    ),
    "uniform_": (
        lambda g, n: g.uniform(n, -0.123, 0.345),
        lambda t, g, n: t.empty(n).uniform_(-0.123, 0.345, generator=g),
    ),
    "uniform_ float64": (
        lambda g, n: g.uniform(n, -0.123, 0.345, np.float64),
        lambda t, g, n: t.empty(n).double().uniform_(-0.123, 0.345, generator=g),
    ),
    "randn": (lambda g, n: g.normal(n), lambda t, g, n: t.randn(n, generator=g)),
    "randn float64": (
        lambda g, n: g.normal(n, dtype=np.float64),
        lambda t, g, n: t.randn(n, generator=g, dtype=t.float64),
    ),
    "normal_": (
        lambda g, n: g.normal(n, -5, 0.01),
        lambda t, g, n: t.empty(n).normal_(-5, 0.01, generator=g),
    ),
    "exponential_": (
        lambda g, n: g.exponential(n, 2.5),
        lambda t, g, n: t.empty(n).exponential_(2.5, generator=g),
    ),
    "randint": (
        lambda g, n: g.integers(-7, 100, n),
        lambda t, g, n: t.randint(-7, 100, n, generator=g),
    ),
    "randint below 2**28": (
        lambda g, n: g.integers(0, 2**28 - 1, n),
        lambda t, g, n: t.randint(0, 2**28 - 1, n, generator=g),
    ),
    "randint from 2**28": (
        lambda g, n: g.integers(0, 2**28, n),
        lambda t, g, n: t.randint(0, 2**28, n, generator=g),
    ),
    "randint int64": (
        lambda g, n: g.integers(*WIDE, n),
        lambda t, g, n: t.randint(*WIDE, n, generator=g),
    ),
    "randperm": (
        lambda g, n: g.permutation(math.prod(n)),
        lambda t, g, n: t.randperm(math.prod(n), generator=g),
    ),
    "random_": (
        lambda g, n: np.array(g.random_int64()),
        lambda t, g, n: t.empty((), dtype=t.int64).random_(generator=g),
    ),
    "bernoulli_": (
        lambda g, n: g.bernoulli(0.3, n),
        lambda t, g, n: t.empty(n, dtype=t.bool).bernoulli_(0.3, generator=g),
    ),
    "bernoulli float32": (
        lambda g, n: g.bernoulli(chances(n, np.float32)),
        lambda t, g, n: t.from_numpy(chances(n, np.float32)).bernoulli(generator=g).bool(),
    ),
    "bernoulli float64": (
        lambda g, n: g.bernoulli(chances(n)),
        lambda t, g, n: t.from_numpy(chances(n)).bernoulli(generator=g).bool(),
    ),
    "multinomial": (
        lambda g, n: g.multinomial(weights(n, np.float32), 2),
        lambda t, g, n: t.from_numpy(weights(n, np.float32)).multinomial(2, generator=g),
    ),
    "multinomial with replacement": (
        lambda g, n: g.multinomial(weights(n), 9, replacement=True),
        lambda t, g, n: t.from_numpy(weights(n)).multinomial(9, True, generator=g),
    ),
    "multinomial of one": (
        lambda g, n: g.multinomial(weights(n)[1], 1, replacement=True),
        lambda t, g, n: t.from_numpy(weights(n)[1]).multinomial(1, True, generator=g),
    ),
}
RTOL = {"randn": 1e-6, "normal_": 1e-6, "exponential_": 1e-6, "randn float64": 1e-14}  # others: 0


def uses_mkl(torch):
    """PyTorch on Intel processors: one draw seeds another generator for bernoulli_(p)."""
    generator = torch.Generator().manual_seed(0)
    torch.empty(2).bernoulli_(0.5, generator=generator)
    return generator.get_state()[16] != 4


def same_call(torch, name, ours, theirs, n):
    """Make one call on both sides; the values and what is left of the streams must agree."""
    if name == "bernoulli_" and uses_mkl(torch):
        return
    our_call, their_call = CALLS[name]
    got, expected = our_call(ours, n), their_call(torch, theirs, n).numpy()
    assert isinstance(got, np.ndarray)
    assert (got.shape, got.dtype) == (expected.shape, expected.dtype)
    np.testing.assert_allclose(got, expected, rtol=RTOL.get(name, 0), err_msg=name)
    same_state(ours.get_state(), theirs.get_state().numpy())


def same_state(*states):
    (got, expected) = parts = [  # seed and draws left; next; the twister; is a normal waiting?
        (state[:16], int(state[16:24].view("<u8")[0]) % 624, state[24:5016], state[5040:]) for state in states
    ]
    for ours, theirs in zip(got, expected, strict=True):
        np.testing.assert_array_equal(ours, theirs)
    if parts[0][3][0]:
        np.testing.assert_allclose(*(state[5024:5032].view("<f8") for state in states), rtol=1e-14)


@pytest.mark.parametrize("seed", [0, 1, 12345])
@pytest.mark.parametrize("name", CALLS)
def test_every_size_is_equal_to_pytorch(torch, name, seed):
    if name == "bernoulli_" and uses_mkl(torch):
        pytest.skip("PyTorch takes bernoulli_(p) from MKL on this processor")
    for n in SIZES:
        same_call(torch, name, seeded(seed), torch.Generator().manual_seed(seed), n)


@pytest.mark.parametrize("seed", range(30))
def test_any_sequence_of_calls_is_equal_to_pytorch(torch, seed):
    ours, theirs = seeded(seed), torch.Generator().manual_seed(seed)
    choose = random.Random(seed)
    for _ in range(30):
        same_call(torch, choose.choice(list(CALLS)), ours, theirs, choose.choice(SIZES))


@pytest.mark.parametrize("name", ["rand", "uniform_ float64", "randn", "randint", "randperm"])
def test_a_million_are_equal_to_pytorch(torch, name):
    same_call(torch, name, seeded(5), torch.Generator().manual_seed(5), (1_000_003,))


@pytest.mark.parametrize("n", [3, 17, 32])
def test_float16_is_equal_to_pytorch(torch, n):
    if tuple(int(part) for part in torch.__version__.split(".")[:2]) < (2, 13):
        pytest.skip("older PyTorch draws float16 in another way")
    ours, theirs = seeded(0), torch.Generator().manual_seed(0)
    got = np.stack([ours.uniform(n, dtype="f2"), ours.normal(n, dtype="f2")])
    draws = [f(n, generator=theirs, dtype=torch.float16) for f in (torch.rand, torch.randn)]
    assert got.dtype == np.float16
    np.testing.assert_allclose(got, torch.stack(draws).numpy(), rtol=1e-3)
    same_state(ours.get_state(), theirs.get_state().numpy())


def test_dropout_masks_are_equal_to_pytorch(torch):
    if uses_mkl(torch):
        pytest.skip("PyTorch takes dropout masks from MKL on this processor")
    with torch.random.fork_rng():
        torch.manual_seed(3)
        expected = torch.nn.functional.dropout(torch.ones(20, 30), 0.3).numpy()
    np.testing.assert_array_equal(seeded(3).bernoulli(1 - 0.3, (20, 30)), expected != 0)


@pytest.mark.parametrize("seed", [0, 2**32 + 3, 2**63, 2**64 - 1, -1, -(2**63), True, np.int64(7)])
def test_every_seed_is_equal_to_pytorch(torch, seed):
    ours, theirs = seeded(seed), torch.Generator().manual_seed(int(seed))
    assert ours.initial_seed() == theirs.initial_seed()
    np.testing.assert_array_equal(ours.get_state(), theirs.get_state().numpy())
    same_call(torch, "rand", ours, theirs, (3,))


def test_a_new_generator_is_equal_to_pytorch(torch):
    same_call(torch, "randn", Generator(), torch.Generator(device="cpu"), (5,))


def test_states_pass_to_pytorch_and_back(torch):
    ours = seeded(9)
    ours.normal(3)  # one waits
    theirs = torch.Generator()
    theirs.set_state(torch.from_numpy(ours.get_state()))
    same_call(torch, "randn", ours, theirs, (2,))
    again = Generator()
    again.set_state(theirs.get_state())
    same_call(torch, "randn", again, theirs, (5,))


# As PyTorch 2.13 printed them.
FIVE = [0.1, 0.2, 0.7, 0.0, 0.5]
STORED = [
    (lambda g: g.uniform(3), [0.49625658988952637, 0.7682217955589294, 0.08847743272781372]),
    (lambda g: g.uniform(2, dtype="f8"), [0.9700530018065531, 0.707819864399788]),
    (lambda g: g.uniform(2, -0.1, 0.3), [0.09850263595581055, 0.2072887271642685]),
    (lambda g: g.uniform(2, -0.1, 0.3, "f8"), [0.2880212007226212, 0.1831279457599152]),
    (lambda g: g.normal(3), [1.5409960746765137, -0.293428897857666, -2.1787893772125244]),
    (lambda g: g.normal(5)[3:], [0.5684312582015991, -1.0845223665237427]),
    (lambda g: g.normal(17)[[0, 1]], [-1.1258398294448853, -1.6959311962127686]),
    (lambda g: g.normal(17)[[8, 16]], [0.46809640526771545, 0.9318265914916992]),
    (lambda g: g.normal(16, dtype="f8")[:2], [-2.310411800234176, -0.3732508612577643]),
    (lambda g: g.exponential(2, 2.0), [1.754163146018982, 0.6151923537254333]),
    (lambda g: g.integers(0, 10, 8), [4, 9, 3, 0, 3, 9, 7, 3]),
    (lambda g: g.integers(0, 2**28, 3), [130329135, 136432832, 195187451]),
    (lambda g: g.integers(-5, 2**40, 3), [741234585336, 506077272957, 291397093751]),
    (lambda g: g.permutation(10), [4, 1, 7, 5, 3, 9, 0, 8, 6, 2]),
    (lambda g: g.random_int64(), 900450186894289455),
    (lambda g: g.bernoulli(0.3, 10), [0, 0, 0, 0, 0, 0, 1, 0, 0, 1]),
    (lambda g: g.bernoulli(np.full(10, 0.3, "f4")), [0, 0, 1, 1, 0, 0, 0, 0, 0, 0]),
    (lambda g: g.multinomial(np.float32(FIVE), 4), [2, 4, 1, 0]),
    (lambda g: g.multinomial(np.float32(FIVE), 6, True), [4, 4, 2, 4, 2, 4]),
    (lambda g: g.manual_seed(-1).uniform(2), [0.9937993884086609, 0.5713063478469849]),
    (lambda g: Generator().uniform(2), [0.267295241355896, 0.8725283145904541]),
]


@pytest.mark.parametrize(("draw", "expected"), STORED)
def test_seed_0_gives_the_stored_numbers(draw, expected):
    rtol = 0 if isinstance(np.ravel(expected)[0], np.integer) else 3e-7
    np.testing.assert_allclose(draw(seeded(0)), expected, rtol=rtol)


def test_a_normal_that_waits_comes_next():
    generator = seeded(0)
    split = np.concatenate([generator.normal(size) for size in (3, 0, 2)])
    np.testing.assert_array_equal(split, seeded(0).normal(5))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_bernoulli_is_true_strictly_below_p(dtype):
    unit = seeded(0).uniform((), dtype=dtype)
    assert not seeded(0).bernoulli(unit)
    assert seeded(0).bernoulli(np.nextafter(unit, dtype(1)))


def test_64_bits_are_two_draws_of_32_the_high_half_first():
    halves = seeded(4).random_uint32(20).astype(np.uint64)
    np.testing.assert_array_equal(seeded(4).random_uint64(10), halves[::2] << 32 | halves[1::2])


def test_scaling_rounds_once():
    x = seeded(0).uniform(500, dtype=np.float64)
    for scale, shift in [(0.468, -0.123), (7.3, 1e-3), (1e-9, 1.0), (3, -1)]:
        exact = [float(Fraction(v) * Fraction(scale) + Fraction(shift)) for v in x.tolist()]
        assert mg_random.multiply_add(x, scale, shift).tolist() == exact


def test_uniform_never_returns_high():
    high = float(np.nextafter(np.float32(1), np.float32(2)))  # halves of the values round to it
    assert set(seeded(0).uniform(1000, 1.0, high).tolist()) == {1.0}


@pytest.mark.parametrize("drawn", [0, 1, 2, 3, 16, 624, 1000])
def test_state_goes_on_bit_for_bit(drawn):
    generator = seeded(1)
    generator.normal(drawn)
    state = generator.get_state()
    assert (state.shape, state.dtype) == ((5056,), np.uint8)
    expected = generator.normal(3), generator.uniform(700)
    other = Generator()
    other.set_state(state)
    assert other.initial_seed() == 1
    np.testing.assert_array_equal(other.get_state(), state)
    for got, value in zip((other.normal(3), other.uniform(700)), expected, strict=True):
        np.testing.assert_array_equal(got, value)


def test_state_survives_safetensors():
    safetensors = pytest.importorskip("safetensors.numpy")
    generator = seeded(1)
    generator.normal(3)
    saved = safetensors.save({"rng": generator.get_state()})
    other = Generator()
    other.set_state(safetensors.load(saved)["rng"])
    np.testing.assert_array_equal(other.normal(3), generator.normal(3))


def test_a_deepcopy_draws_the_same():
    generator = seeded(1)
    twin = copy.deepcopy(generator)
    np.testing.assert_array_equal(twin.uniform(5), generator.uniform(5))


def damaged(**bytes_at):
    state = seeded(1).get_state()
    for at, value in bytes_at.items():
        state[int(at[1:])] = value
    return state


@pytest.mark.parametrize(
    ("call", "error", "opening"),
    [
        (lambda g: Generator(0), RuntimeError, "device 0: minigrad computes on the CPU alone"),
        (lambda g: g.manual_seed(1.5), TypeError, "manual_seed: expected an int, got 1.5"),
        (lambda g: g.manual_seed("1"), TypeError, "manual_seed: expected an int, got '1'"),
        (lambda g: g.manual_seed(2**64), ValueError, "manual_seed: expected a seed in"),
        (lambda g: g.manual_seed(-(2**63) - 1), ValueError, "manual_seed: expected a seed in"),
        (lambda g: g.set_state(np.zeros(5056)), TypeError, "set_state: RNG state must be"),
        (lambda g: g.set_state(np.zeros(9, np.uint8)), RuntimeError, "set_state: expected shape"),
        (lambda g: g.set_state(damaged(_12=0)), RuntimeError, "set_state: invalid"),
        (lambda g: g.set_state(damaged(_8=0, _16=1)), RuntimeError, "set_state: invalid"),
        (lambda g: g.set_state(damaged(_16=5)), RuntimeError, "set_state: invalid"),
        (lambda g: g.set_state(damaged(_9=3)), RuntimeError, "set_state: invalid"),
        (lambda g: g.uniform(3, 2, 1), RuntimeError, "uniform_ expects to return"),
        (lambda g: g.uniform((2, -1)), RuntimeError, "Trying to create tensor with negative"),
        (lambda g: g.uniform(3, dtype=int), NotImplementedError, "uniform: expected one of"),
        (lambda g: g.normal(3, 0, -1), RuntimeError, "normal expects std >= 0.0"),
        (lambda g: g.normal(3, dtype=bool), NotImplementedError, "normal: expected one of"),
        (lambda g: g.exponential(3, 0), RuntimeError, "exponential_ expects lambda > 0.0"),
        (lambda g: g.bernoulli(1.5, 2), RuntimeError, "bernoulli_ expects p to be in"),
        (lambda g: g.bernoulli(np.nan, 2), RuntimeError, "bernoulli_ expects p to be in"),
        (lambda g: g.bernoulli(np.zeros((3, 4)), 4), ValueError, "input operand has more"),
        (lambda g: g.integers(3, 3, 2), RuntimeError, "random_ expects 'from' to be less"),
        (lambda g: g.integers(0, 2.5, 2), TypeError, "'float' object cannot be"),
        (lambda g: g.permutation(-1), RuntimeError, "Trying to create tensor with negative"),
        (lambda g: g.multinomial([0.5, -1], 1), RuntimeError, "multinomial: expected finite"),
        (lambda g: g.multinomial([0.0, 0.0], 1), RuntimeError, "multinomial: expected finite"),
        (lambda g: g.multinomial([0.5, 1], 3), RuntimeError, "multinomial: cannot sample 3"),
        (lambda g: g.multinomial([0.5, 1], 0, True), RuntimeError, "multinomial: cannot sample 0"),
        (lambda g: g.multinomial([1, 2], 1), NotImplementedError, "multinomial: expected one of"),
    ],
)
def test_errors_leave_the_stream_where_it_was(call, error, opening):
    generator = seeded(1)
    generator.normal(1)
    before = generator.get_state()
    with pytest.raises(error) as caught:
        call(generator)
    assert str(caught.value).startswith(opening)
    np.testing.assert_array_equal(generator.get_state(), before)


def test_what_is_given_may_be_read_only():
    generator, p, state = seeded(0), np.full((2, 3), 0.5), seeded(0).get_state()
    p.flags.writeable = state.flags.writeable = False
    generator.set_state(state)
    assert generator.bernoulli(p).shape == (2, 3)
    assert generator.multinomial(p, 2).shape == (2, 2)


def test_the_module_speaks_for_its_default_generator(default):
    assert mg_random.manual_seed(5) is default
    assert mg_random.initial_seed() == default.initial_seed() == 5
    state = mg_random.get_rng_state()
    first = default.normal(3)
    mg_random.set_rng_state(state)
    np.testing.assert_array_equal(default.normal(3), first)
    seeds = {mg_random.seed() for _ in range(3)}
    assert len(seeds) == 3
    assert mg_random.initial_seed() in seeds


def test_what_seeds_and_what_forks(torch):
    found = []
    for lib in (minigrad, torch):
        seeds = [lib.manual_seed(s).initial_seed() for s in (3, 3.7, np.int64(3), lib.tensor(3), "3")]
        with lib.random.fork_rng():
            lib.rand(5)
        first = lib.rand(2).tolist()
        copied = lib.default_generator.clone_state()
        same = lib.rand(3, generator=copied).tolist() == lib.rand(3).tolist()
        with pytest.raises(RuntimeError):
            copied.set_state(lib.zeros(5, dtype=lib.uint8))
        found.append((seeds, first, same, lib.Generator().device.type))
    assert found[0] == found[1]
