"""Random tensors: the same seed gives the numbers of PyTorch's CPU generator.

https://docs.pytorch.org/docs/stable/torch.html#random-sampling
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad import random, rejection
from minigrad.creation import dtype_or_default, placed, placed_out, size_of_arguments
from minigrad.dtypes import category
from minigrad.functions.arguments import accepts_numpy_names, accepts_out
from minigrad.layout import axes_in_memory
from minigrad.random import Generator, default_generator, in_memory_order
from minigrad.tensor.tensor import Tensor


@placed_out
def rand(
    *size: Any,
    generator: Generator | None = None,
    dtype: Any = None,
    requires_grad: bool = False,
    **named: Any,
) -> Tensor:
    """Return uniform numbers in [0, 1).

    https://docs.pytorch.org/docs/stable/generated/torch.rand.html

    >>> import minigrad as mg
    >>> _ = mg.manual_seed(0)
    >>> mg.rand(2)
    tensor([0.4963, 0.7682])
    """
    drawn = (generator or default_generator).uniform(
        size_of_arguments(size, named), dtype=dtype_or_default(dtype)
    )
    return Tensor._wrap(drawn, requires_grad=requires_grad)


@placed_out
def randn(
    *size: Any,
    generator: Generator | None = None,
    dtype: Any = None,
    requires_grad: bool = False,
    **named: Any,
) -> Tensor:
    """Return normal numbers of mean 0 and standard deviation 1.

    https://docs.pytorch.org/docs/stable/generated/torch.randn.html

    >>> import minigrad as mg
    >>> mg.randn(2, 3).shape
    (2, 3)
    """
    drawn = (generator or default_generator).normal(
        size_of_arguments(size, named), dtype=dtype_or_default(dtype)
    )
    return Tensor._wrap(drawn, requires_grad=requires_grad)


@placed_out
def randint(
    *args: Any,
    generator: Generator | None = None,
    dtype: Any = None,
    requires_grad: bool = False,
    **named: Any,
) -> Tensor:
    """Return integers in [low, high): ``randint(high, size)`` or ``randint(low, high, size)``.

    https://docs.pytorch.org/docs/stable/generated/torch.randint.html

    >>> import minigrad as mg
    >>> mg.randint(10, (2, 3)).shape
    (2, 3)
    """
    if named:
        names = ("low", "high", "size")[3 - len(args) - len(named) :]
        positional = iter(args)
        args = tuple(named[name] if name in named else next(positional) for name in names)
    low, high, size = args if len(args) == 3 else (0, *args)
    dtype = np.dtype(dtype or np.int64)
    low, high = _bounds(low, high, dtype)
    shape = size_of_arguments((size,))
    drawn = (generator or default_generator).integers(low, high, shape)
    return Tensor._wrap(drawn.astype(dtype, copy=False), requires_grad=requires_grad)


def _bounds(low: int, high: int, dtype: np.dtype[Any]) -> tuple[int, int]:
    """Return the bounds, of a float dtype moved inwards to integers that it holds.

    Raises RuntimeError where they are beyond an integer dtype.
    """
    if category(dtype) == 2:
        return _bounds_in_floats(low, high, dtype)
    if dtype.kind == "b":
        least, most = 0, 1
    else:
        limits = np.iinfo(dtype)
        least, most = int(limits.min), int(limits.max)
    for name, value in (("from", low), ("to - 1", high - 1)):
        if not least <= value <= most:
            raise RuntimeError(f"{name} is out of bounds for {dtype}: {value}")
    return low, high


def _bounds_in_floats(low: int, high: int, dtype: np.dtype[Any]) -> tuple[int, int]:
    after_low, before_high = low + 1, high - 1
    rounded = int(dtype.type(after_low))
    if rounded < low:
        low = rounded + _spacing(after_low, dtype)
    rounded = int(dtype.type(before_high))
    if rounded >= high:
        high = rounded - _spacing(before_high, dtype)
    return low, high


def _spacing(value: int, dtype: np.dtype[Any]) -> int:
    """Return how far apart floats of this dtype are near an integer, at least 1."""
    digits = np.finfo(dtype).nmant + 1
    return 1 << max(abs(value).bit_length() - digits, 0)


@placed_out
def randperm(
    n: int, *, generator: Generator | None = None, dtype: Any = None, requires_grad: bool = False
) -> Tensor:
    """Return the integers below ``n`` in random order.

    https://docs.pytorch.org/docs/stable/generated/torch.randperm.html

    >>> import minigrad as mg
    >>> mg.randperm(3).sort().values
    tensor([0, 1, 2])
    """
    drawn = (generator or default_generator).permutation(n)
    return Tensor._wrap(drawn.astype(dtype or np.int64, copy=False), requires_grad=requires_grad)


@placed
@accepts_numpy_names
def rand_like(
    input: Tensor,
    *,
    dtype: Any = None,
    requires_grad: bool = False,
    generator: Generator | None = None,
) -> Tensor:
    """Return uniform numbers in the shape and dtype of ``input``.

    https://docs.pytorch.org/docs/stable/generated/torch.rand_like.html

    >>> import minigrad as mg
    >>> mg.rand_like(mg.tensor([1.0, 2.0, 3.0])).shape
    (3,)
    """
    generator, dtype = generator or default_generator, dtype or input.dtype
    drawn = in_memory_order(input._data, lambda shape: generator.uniform(shape, dtype=dtype))
    return Tensor._wrap(drawn, requires_grad=requires_grad)


@placed
@accepts_numpy_names
def randn_like(
    input: Tensor,
    *,
    dtype: Any = None,
    requires_grad: bool = False,
    generator: Generator | None = None,
) -> Tensor:
    """Return normal numbers in the shape and dtype of ``input``.

    https://docs.pytorch.org/docs/stable/generated/torch.randn_like.html

    >>> import minigrad as mg
    >>> mg.randn_like(mg.tensor([1.0, 2.0, 3.0])).shape
    (3,)
    """
    generator, dtype = generator or default_generator, dtype or input.dtype
    order = axes_in_memory(input.shape, input._data.strides)
    axes = [axis for axis in order if input.shape[axis] > 1]
    is_permuted = axes != sorted(axes)

    def draw(shape: tuple[int, ...]) -> np.ndarray:
        return generator.normal(shape, dtype=dtype, one_by_one=is_permuted)

    drawn = in_memory_order(input._data, draw)
    return Tensor._wrap(drawn, requires_grad=requires_grad)


@placed
@accepts_numpy_names
def randint_like(
    input: Tensor, *bounds: Any, dtype: Any = None, requires_grad: bool = False, **named: Any
) -> Tensor:
    """Return integers in [low, high) in the shape and dtype of ``input``.

    It is called as ``randint_like(input, high)`` or ``randint_like(input, low, high)``.
    https://docs.pytorch.org/docs/stable/generated/torch.randint_like.html

    >>> import minigrad as mg
    >>> mg.randint_like(mg.tensor([1.0, 2.0, 3.0]), 10).shape
    (3,)
    """
    if bounds:
        low, high = (0, *bounds)[-2:]
    else:
        low, high = named.get("low", 0), named.get("high")
    dtype = np.dtype(dtype or input.dtype)
    low, high = _bounds(low, high, dtype)

    def draw(shape: tuple[int, ...]) -> np.ndarray:
        return default_generator.integers(low, high, shape)

    drawn = in_memory_order(input._data, draw)
    return Tensor._wrap(drawn.astype(dtype, copy=False), requires_grad=requires_grad)


@placed_out
def normal(
    mean: Any = 0.0,
    std: Any = 1.0,
    size: Any = None,
    *,
    generator: Generator | None = None,
    dtype: Any = None,
    requires_grad: bool = False,
) -> Tensor:
    """Return normal numbers: of ``size`` with numeric mean and std, or one per element of tensors.

    Raises RuntimeError for a negative standard deviation.
    https://docs.pytorch.org/docs/stable/generated/torch.normal.html

    >>> import minigrad as mg
    >>> mg.normal(0.0, 1.0, (2,)).shape
    (2,)
    """
    generator = generator or default_generator
    arrays = [x._data for x in (mean, std) if isinstance(x, Tensor)]
    least_std = float(np.min(std._data, initial=0)) if isinstance(std, Tensor) else std
    if least_std < 0:
        raise RuntimeError(f"normal expects all elements of std >= 0.0, found {least_std}")
    if not arrays:
        if size is None:
            raise TypeError(
                f"normal(): with two numbers the size is needed: normal({mean}, {std}, size)"
            )
        drawn = generator.normal(size_of_arguments((size,)), mean, std, dtype_or_default(dtype))
        return Tensor._wrap(drawn, requires_grad=requires_grad)
    if size is not None:
        raise TypeError(
            f"normal(): takes its shape from the tensors; size requires numeric mean and std, "
            f"got size={size}"
        )
    shape = np.broadcast_shapes(*(x.shape for x in arrays))
    drawn = generator.normal(shape, dtype=arrays[0].dtype)
    means, stds = (x._data if isinstance(x, Tensor) else drawn.dtype.type(x) for x in (mean, std))
    values = (drawn * stds + means).astype(drawn.dtype, copy=False)
    return Tensor._wrap(values, requires_grad=requires_grad)


@accepts_out
def bernoulli(input: Tensor, p: Any = None, *, generator: Generator | None = None) -> Tensor:
    """Return 1 where a draw falls below the element (or below ``p``), else 0.

    https://docs.pytorch.org/docs/stable/generated/torch.bernoulli.html

    >>> import minigrad as mg
    >>> mg.bernoulli(mg.ones(2))
    tensor([1., 1.])
    """
    return input.bernoulli(p, generator=generator)


@accepts_out
def multinomial(
    input: Tensor,
    num_samples: int,
    replacement: bool = False,
    *,
    generator: Generator | None = None,
) -> Tensor:
    """Return int64 indices drawn by weight: (num_samples,) of a vector, (N, num_samples) of rows.

    https://docs.pytorch.org/docs/stable/generated/torch.multinomial.html

    >>> import minigrad as mg
    >>> mg.multinomial(mg.tensor([0.0, 1.0]), 1)
    tensor([1])
    """
    return input.multinomial(num_samples, replacement, generator=generator)


@accepts_numpy_names
def poisson(input: Tensor, generator: Generator | None = None) -> Tensor:
    """Return how many events came that come ``input`` times on average, in its dtype.

    Raises RuntimeError for rates below 0.
    https://docs.pytorch.org/docs/stable/generated/torch.poisson.html

    >>> import minigrad as mg
    >>> mg.poisson(mg.zeros(2))
    tensor([0., 0.])
    """
    rates = input._data
    if rates.dtype.kind != "f":
        raise NotImplementedError(
            f"poisson(): not implemented for {rates.dtype}; convert first: x.float()"
        )
    if (rates < 0).any():
        raise RuntimeError(
            f"invalid Poisson rate, expected rate to be non-negative, got {rates.min()}"
        )
    counts = rejection.poisson(generator or default_generator, rates)
    return Tensor._wrap(counts.astype(rates.dtype))


@accepts_numpy_names
def binomial(count: Tensor, prob: Tensor, generator: Generator | None = None) -> Tensor:
    """Return how many of ``count`` trials of probability ``prob`` succeeded, in their dtype.

    Shapes broadcast. Raises RuntimeError for two dtypes.
    https://docs.pytorch.org/docs/stable/generated/torch.binomial.html

    >>> import minigrad as mg
    >>> mg.binomial(mg.tensor([5.0]), mg.tensor([1.0]))
    tensor([5.])
    """
    if count.dtype != prob.dtype:
        raise RuntimeError(
            f"Found dtype {prob.dtype} but expected {count.dtype}; "
            "convert one: prob.to(count.dtype)"
        )
    counts, probs = np.broadcast_arrays(count._data, prob._data)
    generator = generator or default_generator
    successes = rejection.binomial(generator, counts, probs)
    values = successes.astype(count.dtype)
    return Tensor._wrap(values)


def get_rng_state() -> Tensor:
    """Return the state of the default generator, uint8 of shape (5056,), as PyTorch lays it out.

    https://docs.pytorch.org/docs/stable/generated/torch.get_rng_state.html

    >>> import minigrad as mg
    >>> state = mg.get_rng_state()
    >>> x = mg.rand(2)
    >>> mg.set_rng_state(state)
    >>> bool((mg.rand(2) == x).all())
    True
    """
    return Tensor._wrap(random.get_rng_state())


def set_rng_state(new_state: Any) -> None:
    """Go on from what ``get_rng_state`` returned, here or in PyTorch.

    https://docs.pytorch.org/docs/stable/generated/torch.set_rng_state.html

    >>> import minigrad as mg
    >>> state = mg.get_rng_state()
    >>> x = mg.rand(2)
    >>> mg.set_rng_state(state)
    >>> bool((mg.rand(2) == x).all())
    True
    """
    random.set_rng_state(new_state._data if isinstance(new_state, Tensor) else new_state)
