"""Random tensors: the same seed gives the numbers of PyTorch's CPU generator.

https://docs.pytorch.org/docs/stable/torch.html#random-sampling
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad import random
from minigrad.creation import _dtype, _size, placed
from minigrad.dtypes import category
from minigrad.functions.arguments import accepts_numpy_names
from minigrad.layout import axes_in_memory
from minigrad.random import Generator, default_generator, in_memory_order
from minigrad.tensor.tensor import Tensor


@placed
def rand(*size: Any, generator: Generator | None = None, dtype: Any = None, requires_grad: bool = False,
         **named: Any) -> Tensor:  # fmt: skip
    """Return uniform numbers in [0, 1).

    >>> import minigrad as mg
    >>> _ = mg.manual_seed(0)
    >>> mg.rand(2)
    tensor([0.4963, 0.7682])
    """
    drawn = (generator or default_generator).uniform(_size(size, named), dtype=_dtype(dtype))
    return Tensor._wrap(drawn, requires_grad=requires_grad)


@placed
def randn(*size: Any, generator: Generator | None = None, dtype: Any = None, requires_grad: bool = False,
          **named: Any) -> Tensor:  # fmt: skip
    """Return normal numbers of mean 0 and standard deviation 1."""
    drawn = (generator or default_generator).normal(_size(size, named), dtype=_dtype(dtype))
    return Tensor._wrap(drawn, requires_grad=requires_grad)


@placed
def randint(*args: Any, generator: Generator | None = None, dtype: Any = None, requires_grad: bool = False,
            **named: Any) -> Tensor:  # fmt: skip
    """Return integers in [low, high): ``randint(high, size)`` or ``randint(low, high, size)``."""
    if named:
        names = ("low", "high", "size")[3 - len(args) - len(named) :]
        rest = iter(args)
        args = tuple(named[name] if name in named else next(rest) for name in names)
    low, high, size = args if len(args) == 3 else (0, *args)
    dtype = np.dtype(dtype or np.int64)
    low, high = _bounds(low, high, dtype)
    drawn = (generator or default_generator).integers(low, high, _size((size,)))
    return Tensor._wrap(drawn.astype(dtype, copy=False), requires_grad=requires_grad)


def _bounds(low: int, high: int, dtype: np.dtype[Any]) -> tuple[int, int]:
    """Return the bounds, those of floats drawn in to integers that the dtype holds; RuntimeError beyond the dtype."""
    if category(dtype) == 2:
        digits = np.finfo(dtype).nmant + 1
        step = [1 << max(abs(end).bit_length() - digits, 0) for end in (low + 1, high - 1)]
        if int(dtype.type(low + 1)) < low:
            low = int(dtype.type(low + 1)) + step[0]
        if int(dtype.type(high - 1)) >= high:
            high = int(dtype.type(high - 1)) - step[1]
        return low, high
    least, most = (0, 1) if dtype.kind == "b" else (np.iinfo(dtype).min, np.iinfo(dtype).max)
    for name, value in (("from", low), ("to - 1", high - 1)):
        if not least <= value <= most:
            raise RuntimeError(f"{name} is out of bounds for {dtype}: {value}")
    return low, high


@placed
def randperm(
    n: int, *, generator: Generator | None = None, dtype: Any = None, requires_grad: bool = False
) -> Tensor:
    """Return the integers below ``n`` in random order."""
    drawn = (generator or default_generator).permutation(n)
    return Tensor._wrap(drawn.astype(dtype or np.int64, copy=False), requires_grad=requires_grad)


@placed
@accepts_numpy_names
def rand_like(input: Tensor, *, dtype: Any = None, requires_grad: bool = False,
              generator: Generator | None = None) -> Tensor:  # fmt: skip
    """Return uniform numbers in the shape and dtype of ``input``."""
    generator, dtype = generator or default_generator, dtype or input.dtype
    drawn = in_memory_order(input._data, lambda shape: generator.uniform(shape, dtype=dtype))
    return Tensor._wrap(drawn, requires_grad=requires_grad)


@placed
@accepts_numpy_names
def randn_like(input: Tensor, *, dtype: Any = None, requires_grad: bool = False,
               generator: Generator | None = None) -> Tensor:  # fmt: skip
    """Return normal numbers in the shape and dtype of ``input``."""
    generator, dtype = generator or default_generator, dtype or input.dtype
    axes = [
        axis for axis in axes_in_memory(input.shape, input._data.strides) if input.shape[axis] > 1
    ]
    turned = axes != sorted(axes)
    drawn = in_memory_order(
        input._data, lambda shape: generator.normal(shape, dtype=dtype, one_by_one=turned)
    )
    return Tensor._wrap(drawn, requires_grad=requires_grad)


@placed
@accepts_numpy_names
def randint_like(
    input: Tensor, *bounds: Any, dtype: Any = None, requires_grad: bool = False, **named: Any
) -> Tensor:
    """Return integers in [low, high) in the shape and dtype of ``input``: ``(input, high)``, ``(input, low, high)``."""
    low, high = (named.get("low", 0), named.get("high")) if not bounds else (0, *bounds)[-2:]
    dtype = np.dtype(dtype or input.dtype)
    low, high = _bounds(low, high, dtype)
    drawn = in_memory_order(input._data, lambda shape: default_generator.integers(low, high, shape))
    return Tensor._wrap(drawn.astype(dtype, copy=False), requires_grad=requires_grad)


@placed
def normal(mean: Any = 0.0, std: Any = 1.0, size: Any = None, *, generator: Generator | None = None,
           dtype: Any = None, requires_grad: bool = False) -> Tensor:  # fmt: skip
    """Return normal numbers: of ``size`` with numbers as mean and std, or one for each element of the tensors.

    Raises RuntimeError for a negative standard deviation.
    """
    generator = generator or default_generator
    tensors = [x._data for x in (mean, std) if isinstance(x, Tensor)]
    low = float(np.min(std._data, initial=0)) if isinstance(std, Tensor) else std
    if low < 0:
        raise RuntimeError(f"normal expects all elements of std >= 0.0, found {low}")
    if not tensors:
        if size is None:
            raise TypeError(
                "normal(): with two numbers the size is needed: normal(mean, std, size)"
            )
        drawn = generator.normal(_size((size,)), mean, std, _dtype(dtype))
        return Tensor._wrap(drawn, requires_grad=requires_grad)
    if size is not None:
        raise TypeError(
            "normal(): takes its shape from the tensors; size goes with two numbers only"
        )
    shape = np.broadcast_shapes(*(x.shape for x in tensors))
    drawn = generator.normal(shape, dtype=tensors[0].dtype)
    values = [x._data if isinstance(x, Tensor) else drawn.dtype.type(x) for x in (mean, std)]
    return Tensor._wrap(
        (drawn * values[1] + values[0]).astype(drawn.dtype, copy=False), requires_grad=requires_grad
    )


@accepts_numpy_names
def bernoulli(input: Tensor, p: Any = None, *, generator: Generator | None = None) -> Tensor:
    """Return 1 where a draw falls below the element (or below ``p``), else 0."""
    return input.bernoulli(p, generator=generator)


@accepts_numpy_names
def multinomial(input: Tensor, num_samples: int, replacement: bool = False, *,
                generator: Generator | None = None) -> Tensor:  # fmt: skip
    """Return int64 indices drawn by weight: (num_samples,) of a vector, (N, num_samples) of N rows."""
    return input.multinomial(num_samples, replacement, generator=generator)


def get_rng_state() -> Tensor:
    """Return the state of the default generator, uint8 of shape (5056,), as PyTorch lays it out."""
    return Tensor._wrap(random.get_rng_state())


def set_rng_state(new_state: Any) -> None:
    """Go on from what ``get_rng_state`` returned, here or in PyTorch."""
    random.set_rng_state(new_state._data if isinstance(new_state, Tensor) else new_state)
