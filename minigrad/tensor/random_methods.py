"""Methods that make tensors like this one (``new_*``) or fill it at random (``normal_``)."""

from __future__ import annotations

import functools
from typing import Any

import numpy as np

from minigrad.device import is_device
from minigrad.dtypes import full_array
from minigrad.functions.arguments import integers
from minigrad.functions.return_types import Size
from minigrad.random import Generator, default_generator, in_memory_order


class RandomFillMethods:
    """``new_*`` and PyTorch's random fills, the same numbers for the same seed.

    Mixed into Tensor.
    """

    _data: Any
    _wrap: Any
    _assign: Any
    shape: Any
    dtype: Any

    # ---- like this one -----------------------------------------------------------------------
    def new(self, *args: Any, device: Any = None) -> Any:
        """Return new memory of a size, or a copy of data, in this dtype; as before PyTorch 0.4."""
        is_device(device)
        first = args[0] if args else []
        if isinstance(first, (int, Size)):
            return RandomFillMethods.new_empty(self, *args)
        return RandomFillMethods.new_tensor(self, first)

    def new_tensor(
        self, data: Any, *, dtype: Any = None, device: Any = None, requires_grad: bool = False
    ) -> Any:
        """Return a new tensor of ``data`` in this dtype."""
        is_device(device)
        data = data._data if isinstance(data, RandomFillMethods) else data
        return self._wrap(np.array(data, dtype or self.dtype), requires_grad)

    def new_full(
        self,
        size: Any,
        fill_value: Any,
        *,
        dtype: Any = None,
        device: Any = None,
        requires_grad: bool = False,
    ) -> Any:
        """Return ``fill_value`` everywhere in this size, in this dtype."""
        is_device(device)
        return self._wrap(
            full_array(integers((size,)), fill_value, dtype or self.dtype), requires_grad
        )

    def new_zeros(
        self, *size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False
    ) -> Any:
        """Return zeros of this size in this dtype."""
        return RandomFillMethods.new_full(
            self, integers(size), 0, dtype=dtype, device=device, requires_grad=requires_grad
        )

    def new_ones(
        self, *size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False
    ) -> Any:
        """Return ones of this size in this dtype."""
        return RandomFillMethods.new_full(
            self, integers(size), 1, dtype=dtype, device=device, requires_grad=requires_grad
        )

    def new_empty(
        self, *size: Any, dtype: Any = None, device: Any = None, requires_grad: bool = False
    ) -> Any:
        """Return memory of this size in this dtype that nobody has filled yet."""
        is_device(device)
        return self._wrap(np.empty(integers(size), dtype or self.dtype), requires_grad)

    # ---- random ------------------------------------------------------------------------------
    def uniform_(
        self, from_: float = 0, to: float = 1, *, generator: Generator | None = None, **names: float
    ) -> Any:
        """Fill with uniform numbers in [from, to)."""
        low = names.pop("from", from_)
        return self._drawn(
            generator, "uniform_", lambda g, shape: g.uniform(shape, low, to, self.dtype)
        )

    def normal_(
        self, mean: float = 0, std: float = 1, *, generator: Generator | None = None
    ) -> Any:
        """Fill with normal numbers."""
        gaps = not self._data.flags.c_contiguous
        return self._drawn(
            generator, "normal_", lambda g, shape: g.normal(shape, mean, std, self.dtype, gaps)
        )

    def exponential_(self, lambd: float = 1, *, generator: Generator | None = None) -> Any:
        """Fill with exponential numbers of rate ``lambd``."""
        return self._drawn(
            generator, "exponential_", lambda g, shape: g.exponential(shape, lambd, self.dtype)
        )

    def cauchy_(
        self, median: float = 0, sigma: float = 1, *, generator: Generator | None = None
    ) -> Any:
        """Fill with Cauchy numbers around ``median``."""
        return self._drawn(
            generator,
            "cauchy_",
            lambda g, shape: median + sigma * np.tan(np.pi * (g.uniform(shape, dtype="f8") - 0.5)),
        )

    def log_normal_(
        self, mean: float = 1, std: float = 2, *, generator: Generator | None = None
    ) -> Any:
        """Fill with exp of normal numbers of this mean and standard deviation."""
        return self._drawn(
            generator,
            "log_normal_",
            lambda g, shape: np.exp(g.normal(shape, mean, std, np.float64, one_by_one=True)),
        )

    def geometric_(self, p: float, *, generator: Generator | None = None) -> Any:
        """Fill with the number of the first success, of probability ``p``."""
        if not 0 < p < 1:
            raise RuntimeError(f"geometric_ expects p to be in (0, 1), but got p={p}")
        return self._drawn(
            generator,
            "geometric_",
            lambda g, shape: np.ceil(np.log(g.uniform(shape, dtype=np.float64)) / np.log1p(-p)),
        )

    def bernoulli_(self, p: Any = 0.5, *, generator: Generator | None = None) -> Any:
        """Fill with 1 with probability ``p`` (a number or a tensor), else with 0."""
        chances = (p._data,) if isinstance(p, RandomFillMethods) else ()
        return self._drawn(
            generator,
            "bernoulli_",
            lambda g, shape, *each: g.bernoulli(*(each or (p,)), shape),
            *chances,
        )

    def random_(
        self, from_: int | None = None, to: int | None = None, *, generator: Generator | None = None
    ) -> Any:
        """Fill with integers in [from, to), or [0, from), or all that the dtype holds exactly."""
        if from_ is not None:
            low, high = (0, from_) if to is None else (from_, to)
            return self._drawn(generator, "random_", lambda g, shape: g.integers(low, high, shape))
        return self._drawn(generator, "random_", self._any_integers)

    def _any_integers(self, generator: Generator, shape: tuple[int, ...]) -> np.ndarray:
        kind, n = self.dtype, self._data.size
        if kind.kind == "f":
            span = 2 ** (np.finfo(kind).nmant + 1) + 1
        else:
            span = 2 if kind.kind == "b" else int(np.iinfo(kind).max) + 1
        draws = (
            generator.random_uint64(n)
            if kind.name in ("float64", "int64")
            else generator.random_uint32(n)
        )
        return (draws % draws.dtype.type(span)).reshape(shape)

    def _drawn(self, generator: Generator | None, by: str, draw: Any, *arrays: Any) -> Any:
        self._check_target(by)  # type: ignore[attr-defined]
        drawn = in_memory_order(
            self._data, functools.partial(draw, generator or default_generator), *arrays
        )
        return self._assign(drawn.astype(self.dtype, copy=False), by)

    def bernoulli(self, p: Any = None, *, generator: Generator | None = None) -> Any:
        """Return 1 where a draw falls below the element (or below ``p``), else 0."""
        if self.dtype.kind != "f" and p is None:
            raise NotImplementedError(f"bernoulli: expected float probabilities, got {self.dtype}")
        generator = generator or default_generator
        drawn = generator.bernoulli(self._data if p is None else p, self.shape)
        return self._wrap(drawn.astype(self.dtype), False)

    def multinomial(
        self, num_samples: int, replacement: bool = False, *, generator: Generator | None = None
    ) -> Any:
        """Return int64 indices drawn by weight.

        (num_samples,) of a vector, (N, num_samples) of N rows.
        """
        if self._data.ndim not in (1, 2):
            raise RuntimeError(f"prob_dist must be 1 or 2 dim, got {list(self._data.shape)}")
        return self._wrap(
            (generator or default_generator).multinomial(self._data, num_samples, replacement),
            False,
        )
