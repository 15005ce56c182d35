"""Random numbers on NumPy arrays: the same seed gives the same numbers as PyTorch on the CPU.

PyTorch and NumPy's frozen ``RandomState`` make the same Mersenne Twister of a seed, so the raw
draws agree; each method here spends them as PyTorch 2.13 does.  Integers, uniforms, permutations
and masks are equal bit for bit, normals and exponentials to the last bits, and a state taken from
one library may be set in the other.  One difference: on Intel processors PyTorch leaves dropout
masks (``bernoulli_(p)`` with a number p) to MKL; ours are what it gives on AMD and ARM.

https://docs.pytorch.org/docs/stable/generated/torch.Generator.html
"""

from __future__ import annotations

import math
import operator
import secrets
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from minigrad.device import Device
from minigrad.draws import BLOCK, box_muller, check_weights, multiply_add, smallest, swapped
from minigrad.layout import axes_in_memory
from minigrad.modes import noted
from minigrad.places import as_int64

Array = np.ndarray[Any, np.dtype[Any]]
Shape = int | Sequence[int]

_DEFAULT_SEED = 67280421310721  # of a new torch.Generator()
_WORDS = 624  # of 32 bits, in a Mersenne Twister
_FEW = 2000  # up to here a plain loop of swaps is as fast
_PIECE = 1 << 14  # uniforms made at once: what is laid out on the way stays small
_DIGITS = {"float16": 24, "float32": 24, "float64": 53}  # random bits in one uniform
_STATE = np.dtype(  # PyTorch's CPUGeneratorImplState
    {
        "names": ["seed", "left", "seeded", "next", "words", "waiting", "has_waiting"],
        "formats": ["<u8", "<i4", "<i4", "<u8", f"({_WORDS},)<u8", "<f8", "<i4"],
        "offsets": [0, 8, 12, 16, 24, 5024, 5040],
        "itemsize": 5056,
    }
)


class Generator:
    """A stream of random numbers, seeded at first as every new ``torch.Generator()`` is.

    The methods that draw return a new array of ``shape``, an int or a sequence of ints.  Arguments
    which PyTorch refuses raise RuntimeError before anything is drawn.

    >>> Generator().manual_seed(0).permutation(4)  # torch.manual_seed(0); torch.randperm(4)
    array([0, 1, 3, 2])
    """

    def __init__(self, device: Any = "cpu") -> None:
        self.device = Device(device)
        self.manual_seed(_DEFAULT_SEED)

    def manual_seed(self, seed: int) -> Generator:
        """Begin the stream of ``seed``, an int in [-2**63, 2**64), and return the generator.

        A negative seed counts down from 2**64.  As in PyTorch, the low 32 bits alone decide.
        Raises TypeError for a seed that is no int, ValueError outside the range.

        >>> Generator().manual_seed(-1).initial_seed() == 2**64 - 1
        True
        """
        if not isinstance(seed, int | np.integer):
            raise TypeError(f"manual_seed: expected an int, got {seed!r}")
        if not -(2**63) <= seed < 2**64:
            raise ValueError(f"manual_seed: expected a seed in [-2**63, 2**64), got {seed}")
        self._seed = int(seed) % 2**64
        self._twister = np.random.RandomState(self._seed % 2**32)
        self._waiting: float | None = None  # the second normal of a pair
        return self

    def seed(self) -> int:
        """Seed with 64 bits from the operating system, and return them."""
        return self.manual_seed(secrets.randbits(64)).initial_seed()

    def initial_seed(self) -> int:
        """Return the seed the stream began with, in [0, 2**64)."""
        return self._seed

    def get_state(self) -> Array:
        """Return the whole state, uint8 of shape (5056,), laid out as PyTorch's."""
        twister = self._twister.get_state(legacy=False)["state"]
        position = twister["pos"]
        waiting = self._waiting or 0.0
        drawn = (_WORDS + 1 - position, 1, position % _WORDS, twister["key"])
        state = np.zeros(1, _STATE)
        state[0] = (self._seed, *drawn, waiting, self._waiting is not None)
        return state.view(np.uint8)

    def set_state(self, state: Any) -> None:
        """Go on from what ``get_state`` returned, here or in PyTorch.

        Raises TypeError for a dtype other than uint8, RuntimeError for bytes that are no state.
        """
        state = np.asarray(state)
        if state.dtype != np.uint8:
            raise TypeError(f"set_state: RNG state must be of dtype uint8, got {state.dtype}")
        if state.shape != (_STATE.itemsize,):
            raise RuntimeError(f"set_state: expected shape ({_STATE.itemsize},), got {state.shape}")
        saved = np.ascontiguousarray(state).view(_STATE)[0]
        position = _WORDS + 1 - int(saved["left"])
        agree = 1 <= position <= _WORDS and saved["next"] in (position, position % _WORDS)
        if not agree or saved["seeded"] != 1:
            raise RuntimeError(
                "set_state: invalid mt19937 state, expected what get_state() returned, got one "
                f"with {saved['left']} words left and seeded={saved['seeded']}"
            )
        self._seed = int(saved["seed"])
        twister = {"key": saved["words"].astype(np.uint32), "pos": position}
        self._twister.set_state({"bit_generator": "MT19937", "state": twister})
        self._waiting = float(saved["waiting"]) if saved["has_waiting"] else None

    def clone_state(self) -> Generator:
        """Return another generator at the same place of the same stream."""
        other = Generator()
        other.set_state(self.get_state())
        return other

    def random_uint32(self, n: int) -> Array:
        """Return ``n`` draws of 32 bits."""
        return self._twister.randint(0, 2**32, size=n, dtype=np.uint32)

    def random_uint64(self, n: int) -> Array:
        """Return ``n`` numbers of 64 bits, each of two draws, the high half first."""
        return self._twister.randint(0, 2**64, size=n, dtype=np.uint64)

    def random_int64(self) -> int:
        """Return an int in [0, 2**63), as ``torch.empty((), dtype=torch.int64).random_()``."""
        return int(self.random_uint64(1)[0]) % 2**63

    def _bits(self, n: int, digits: int) -> Array:
        """Return ``n`` integers below 2**digits."""
        draws = self.random_uint64(n) if digits > 32 else self.random_uint32(n)
        draws &= draws.dtype.type(2**digits - 1)
        return draws

    def _unit(self, n: int, digits: int) -> Array:
        """Return ``n`` uniforms in [0, 1): float32 of 24 digits, float64 of 53."""
        bits = self._bits(n, digits)
        unit = bits.view(f"i{bits.itemsize}").astype(f"f{bits.itemsize}")  # signed ones are faster
        unit *= 0.5**digits
        return unit

    def uniform(self, shape: Shape, low: float = 0, high: float = 1, dtype: Any = "f4") -> Array:
        """Return floats in [low, high), as ``torch.rand`` and ``Tensor.uniform_``.

        >>> Generator().manual_seed(0).uniform(2).tolist()
        [0.49625658988952637, 0.7682217955589294]
        """
        n = _size(shape)
        dtype, digits = _float("uniform", dtype)
        if not 0 <= high - low < math.inf:
            raise RuntimeError(
                f"uniform_ expects to return a [from, to) range, but found from={low} > to={high}"
            )
        values: Array = np.empty(n, dtype)
        for place in range(0, n, _PIECE):
            part = values[place : place + _PIECE]
            unit = self._unit(len(part), digits)
            start, stop = unit.dtype.type(low), unit.dtype.type(high)
            part[...] = multiply_add(unit, stop - start, start)
            part[part == dtype.type(high)] = dtype.type(low)  # rounding can reach high
        return values.reshape(shape)

    def uniform_where(self, chosen: Array, low: float, high: float, dtype: Any) -> Array:
        """Return doubles in [low, high), rounded to ``dtype``, where ``chosen``; 1 elsewhere."""
        values = np.ones(chosen.shape, dtype)
        values[chosen] = self.uniform(int(chosen.sum()), low, high, "d")
        return values

    def normal(
        self,
        shape: Shape,
        mean: float = 0,
        std: float = 1,
        dtype: Any = "f4",
        one_by_one: bool = False,
    ) -> Array:
        """Return normal floats, as ``torch.randn`` and ``Tensor.normal_``.

        ``one_by_one`` is for memory with gaps.

        >>> Generator().manual_seed(0).normal(3).round(3)
        array([ 1.541, -0.293, -2.179], dtype=float32)
        """
        n, (dtype, _) = _size(shape), _float("normal", dtype)
        if not std >= 0:
            raise RuntimeError(f"normal expects std >= 0.0, but found std {std}")
        values = self._normal_pairs(n) if n < BLOCK or one_by_one else self._normal_blocks(n, dtype)
        scaled: Array = multiply_add(values, std, mean)
        return scaled.astype(dtype, copy=False).reshape(shape)

    def _normal_pairs(self, n: int) -> Array:
        """Return a few normals, float64; one left over from the last pair waits."""
        waiting = [] if self._waiting is None else [self._waiting]
        count = n - len(waiting)
        count += count % 2
        draws = self._unit(count, 53)
        turn, unit = draws.reshape(-1, 2).T
        radius = np.sqrt(-2 * np.log1p(-unit))
        angle = 2 * math.pi * turn
        across = radius * np.cos(angle)
        up = radius * np.sin(angle)
        pairs = np.stack([across, up], axis=1)

        values = np.concatenate([waiting, pairs.ravel()])
        self._waiting = float(values[n]) if len(values) > n else None
        return values[:n]

    def _normal_blocks(self, n: int, dtype: np.dtype[Any]) -> Array:
        """Return many normals: whole blocks, and for a remainder the last sixteen anew."""
        rest, digits = n % BLOCK, _DIGITS[dtype.name]
        values = box_muller(self._unit(n - rest, digits))
        if rest == 0:
            return values

        # PyTorch draws the rest, then overwrites it
        self._unit(rest if dtype != np.float16 else 0, digits)
        last = box_muller(self._unit(BLOCK, digits))
        return np.concatenate([values[: n - BLOCK], last])

    def exponential(self, shape: Shape, lambd: float = 1, dtype: Any = "f4") -> Array:
        """Return exponential floats of rate ``lambd``, as ``Tensor.exponential_``."""
        n, (dtype, _) = _size(shape), _float("exponential", dtype)
        if not lambd > 0:
            raise RuntimeError(f"exponential_ expects lambda > 0.0, but found lambda={lambd}")
        unit = self._unit(n, 53)
        np.log1p(np.negative(unit, out=unit), out=unit)
        unit *= -1 / lambd
        return unit.astype(dtype, copy=False).reshape(shape)

    def bernoulli(self, p: Any, shape: Shape | None = None) -> Array:
        """Return booleans, each True with probability ``p``, as ``bernoulli_`` and dropout masks.

        ``p`` is a number, or an array that broadcasts to ``shape`` (its own shape by default).
        A number and a float64 array take two draws an element, other arrays one.

        >>> Generator().manual_seed(0).bernoulli(0.5, 6).tolist()
        [False, False, True, False, False, False]
        """
        p = np.asarray(p) if np.asarray(p).dtype.kind == "f" else np.asarray(p, float)
        digits = _float("bernoulli", p.dtype)[1]
        if not ((p >= 0) & (p <= 1)).all():
            raise RuntimeError(f"bernoulli_ expects p to be in [0, 1], but got p={p}")
        if shape is None:
            shape = p.shape
        elif isinstance(shape, int | np.integer):
            shape = (int(shape),)
        else:
            shape = tuple(shape)
        limit = np.broadcast_to(p, shape)
        if p.ndim == 0:
            bits = self._bits(_size(shape), digits)
            bound = bits.dtype.type(math.ceil(float(p) * 2.0**digits))
            return np.asarray(bits.reshape(shape) < bound)
        unit = self._unit(_size(shape), digits).reshape(shape)  # both sides are exact
        return np.asarray(unit < limit)

    def integers(self, low: int, high: int, shape: Shape) -> Array:
        """Return int64 numbers in [low, high), as ``torch.randint``."""
        n = _size(shape)
        low, high = operator.index(low), operator.index(high)
        if low >= high:
            raise RuntimeError(
                f"random_ expects 'from' to be less than 'to', but got from={low} >= to={high}"
            )
        draw = self.random_uint64 if high - low >= 2**28 else self.random_uint32
        draws = draw(n)
        span = draws.dtype.type(high - low)
        draws -= draws // span * span  # draws %= span, five times as fast
        return (draws.astype(np.int64) + low).reshape(shape)

    def permutation(self, n: int) -> Array:
        """Return 0 to n - 1 in random order, int64 of shape (n,), as ``torch.randperm``."""
        start = np.arange(_size(n) - 1)
        targets = start + self.random_uint32(start.size) % (n - start)
        if n > _FEW:
            return swapped(targets, n)
        order = list(range(n))
        for i, j in enumerate(targets.tolist()):
            order[i], order[j] = order[j], order[i]
        return np.array(order, np.int64)

    def multinomial(self, weights: Any, num_samples: int, replacement: bool = False) -> Array:
        """Return int64 indices drawn by weight, as ``torch.multinomial``.

        ``weights`` are floats (C,) or (N, C); the result is (num_samples,) or (N, num_samples).

        >>> Generator().manual_seed(2).multinomial([0.3, 0.0, 0.7], 5, replacement=True)
        array([2, 0, 2, 2, 2])
        """
        weights = np.asarray(weights)
        _float("multinomial", weights.dtype)
        check_weights(weights, num_samples, replacement)
        if not replacement or num_samples == 1:
            return self._by_race(weights, num_samples)

        *lead, classes = weights.shape
        steps = np.cumsum(weights, axis=-1)
        steps = steps.reshape(-1, classes)  # (N, C)
        points = self._unit(len(steps) * num_samples, 53)
        points = points.reshape(-1, num_samples)
        rows = zip(steps, points, strict=True)
        indices = [np.searchsorted(step / step[-1], point) for step, point in rows]
        return np.array(indices, np.int64).reshape(*lead, num_samples)

    def _by_race(self, weights: Array, num_samples: int) -> Array:
        """Return the winners of a race of exponentials: indices by weight, without replacement."""
        times = in_memory_order(
            weights,
            lambda shape: self.exponential(shape, dtype=weights.dtype),
        )
        return as_int64(np.ascontiguousarray(smallest(-(weights / times), num_samples)))


_NOTED = """manual_seed seed get_state set_state clone_state random_uint32 random_uint64
random_int64 uniform uniform_where normal exponential bernoulli integers permutation multinomial"""
for _name in _NOTED.split():
    setattr(Generator, _name, noted(getattr(Generator, _name)))


def _size(shape: Shape) -> int:
    dims = [shape] if isinstance(shape, int | np.integer) else list(shape)
    if any(dim < 0 for dim in dims):
        raise RuntimeError(f"Trying to create tensor with negative dimension {min(dims)}: {dims}")
    return math.prod(dims)


def _float(name: str, dtype: Any) -> tuple[np.dtype[Any], int]:
    if (dtype := np.dtype(dtype)).name not in _DIGITS:
        raise NotImplementedError(f"{name}: expected one of {', '.join(_DIGITS)}, got {dtype}")
    return dtype, _DIGITS[dtype.name]


def in_memory_order(like: Array, draw: Callable[..., Array], *arrays: Array) -> Array:
    """Return ``draw(shape, *arrays)``, whose numbers go to elements in the order of memory.

    ``like`` lies in that order; so do PyTorch's.
    """
    if like.flags.c_contiguous:
        return draw(like.shape, *arrays)
    order = axes_in_memory(like.shape, like.strides)
    shape = tuple(like.shape[axis] for axis in order)
    turned = []
    for array in arrays:
        stretched = np.broadcast_to(array, like.shape)
        turned.append(stretched.transpose(order))
    drawn = draw(shape, *turned)
    return drawn.transpose(np.argsort(order))


default_generator = Generator()
default_generator.seed()
get_rng_state = default_generator.get_state
set_rng_state = default_generator.set_state


def seed() -> int:
    """Seed the default generator with 64 bits from the operating system, and return them."""
    return default_generator.seed()


def initial_seed() -> int:
    """Return the seed that the default generator's stream began with, in [0, 2**64)."""
    return default_generator.initial_seed()


def manual_seed(seed: Any) -> Generator:
    """Seed the default generator by anything that ``int`` takes, and return it.

    See ``Generator.manual_seed``.
    https://docs.pytorch.org/docs/stable/generated/torch.manual_seed.html

    >>> import minigrad as mg
    >>> _ = mg.manual_seed(0)
    >>> mg.rand(2)
    tensor([0.4963, 0.7682])
    """
    return default_generator.manual_seed(int(seed))


@contextmanager
def fork_rng(devices: Any = None, enabled: bool = True) -> Iterator[None]:
    """Let the default generator go on after this block as if nothing had been drawn in it.

    ``devices`` is for machines that are not here. https://docs.pytorch.org/docs/stable/random.html
    """
    state = default_generator.get_state()
    try:
        yield
    finally:
        if enabled:
            default_generator.set_state(state)
