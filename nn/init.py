"""Initial values, written in place; the same seed gives PyTorch's.

Fans are counted as PyTorch counts them: weight (out, in, *kernel). Each function returns the
tensor it filled, and draws from ``generator`` where one is given.
https://docs.pytorch.org/docs/stable/nn.init.html
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

from minigrad.modes import no_grad
from minigrad.nn.arguments import no_arrays
from minigrad.random import Generator, default_generator
from minigrad.silence import warn
from minigrad.tensor.tensor import Tensor

__all__ = [
    "calculate_gain",
    "constant",
    "constant_",
    "dirac",
    "dirac_",
    "eye",
    "eye_",
    "kaiming_normal",
    "kaiming_normal_",
    "kaiming_uniform",
    "kaiming_uniform_",
    "normal",
    "normal_",
    "ones_",
    "orthogonal",
    "orthogonal_",
    "sparse",
    "sparse_",
    "trunc_normal_",
    "uniform",
    "uniform_",
    "xavier_normal",
    "xavier_normal_",
    "xavier_uniform",
    "xavier_uniform_",
    "zeros_",
]

F = TypeVar("F", bound=Callable[..., Any])
_GAINS = {"tanh": 5 / 3, "relu": math.sqrt(2), "selu": 0.75}
_GAINS |= dict.fromkeys(("linear", "sigmoid", "conv1d", "conv2d", "conv3d"), 1.0)
_GAINS |= dict.fromkeys([f"conv_transpose{n}d" for n in (1, 2, 3)], 1.0)


def calculate_gain(nonlinearity: str, param: float | None = None) -> float:
    """Return the recommended gain of a nonlinearity; ``param`` is leaky_relu's slope (0.01).

    Raises ValueError for one that is not known, and for a slope that is no number.

    >>> calculate_gain("leaky_relu", 1.0)
    1.0
    """
    if nonlinearity == "leaky_relu":
        slope = 0.01 if param is None else param
        if isinstance(slope, bool) or not isinstance(slope, (int, float)):
            raise ValueError(f"negative_slope {slope} not a valid number")
        return math.sqrt(2 / (1 + slope**2))
    if nonlinearity not in _GAINS:
        raise ValueError(
            f"Unsupported nonlinearity {nonlinearity}; known are leaky_relu, {', '.join(_GAINS)}"
        )
    return _GAINS[nonlinearity]


def _fill(tensor: Tensor, values: Any) -> Tensor:
    with no_grad():
        if np.ndim(values):
            tensor.copy_(Tensor._wrap(values))
        else:
            tensor.fill_(values)
    return tensor


# ---- drawn without looking at the shape ---------------------------------------------------------
@no_arrays
def uniform_(
    tensor: Tensor, a: float = 0.0, b: float = 1.0, generator: Generator | None = None
) -> Tensor:
    """Fill from U(a, b).

    >>> import minigrad as mg
    >>> _ = mg.manual_seed(0)
    >>> uniform_(mg.empty(2))
    tensor([0.4963, 0.7682])
    """
    return _fill(tensor, (generator or default_generator).uniform(tensor.shape, a, b, tensor.dtype))


@no_arrays
def normal_(
    tensor: Tensor, mean: float = 0.0, std: float = 1.0, generator: Generator | None = None
) -> Tensor:
    """Fill from N(mean, std²)."""
    return _fill(
        tensor, (generator or default_generator).normal(tensor.shape, mean, std, tensor.dtype)
    )


@no_arrays
def constant_(tensor: Tensor, val: float) -> Tensor:
    """Fill with one value."""
    return _fill(tensor, val)


@no_arrays
def ones_(tensor: Tensor) -> Tensor:
    """Fill with ones."""
    return _fill(tensor, 1)


@no_arrays
def zeros_(tensor: Tensor) -> Tensor:
    """Fill with zeros."""
    return _fill(tensor, 0)


# ---- scaled by fans -----------------------------------------------------------------------------
def _calculate_fan_in_and_fan_out(tensor: Tensor) -> tuple[int, int]:
    """Return how many inputs feed an output of this weight, and how many outputs an input feeds."""
    if tensor.ndim < 2:
        raise ValueError(
            "Fan in and fan out can not be computed for tensor with fewer than 2 dimensions, "
            f"got shape {tensor.shape}"
        )
    taps = math.prod(tensor.shape[2:])
    return tensor.shape[1] * taps, tensor.shape[0] * taps


def _calculate_correct_fan(tensor: Tensor, mode: str) -> int:
    modes = ("fan_in", "fan_out")
    if mode not in modes:
        raise ValueError(f"Mode {mode} not supported, please use one of {list(modes)}")
    return _calculate_fan_in_and_fan_out(tensor)[modes.index(mode)]


@no_arrays
def xavier_uniform_(
    tensor: Tensor, gain: float = 1.0, generator: Generator | None = None
) -> Tensor:
    """Fill from U(±gain √(6 / (fan_in + fan_out))) (Glorot & Bengio, 2010)."""
    bound = gain * math.sqrt(6 / sum(_calculate_fan_in_and_fan_out(tensor)))
    return uniform_(tensor, -bound, bound, generator)


@no_arrays
def xavier_normal_(tensor: Tensor, gain: float = 1.0, generator: Generator | None = None) -> Tensor:
    """Fill from N(0, 2 gain² / (fan_in + fan_out)) (Glorot & Bengio, 2010)."""
    std = gain * math.sqrt(2 / sum(_calculate_fan_in_and_fan_out(tensor)))
    return normal_(tensor, 0.0, std, generator)


@no_arrays
def kaiming_uniform_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:
    """Fill from U(±gain √(3 / fan)), ``a`` the slope of leaky_relu (He et al., 2015)."""
    if _is_empty(tensor):
        return tensor
    bound = (
        math.sqrt(3)
        * calculate_gain(nonlinearity, a)
        / math.sqrt(_calculate_correct_fan(tensor, mode))
    )
    return uniform_(tensor, -bound, bound, generator)


@no_arrays
def kaiming_normal_(
    tensor: Tensor,
    a: float = 0,
    mode: str = "fan_in",
    nonlinearity: str = "leaky_relu",
    generator: Generator | None = None,
) -> Tensor:
    """Fill from N(0, gain² / fan), ``a`` the slope of leaky_relu (He et al., 2015)."""
    if _is_empty(tensor):
        return tensor
    std = calculate_gain(nonlinearity, a) / math.sqrt(_calculate_correct_fan(tensor, mode))
    return normal_(tensor, 0.0, std, generator)


def _is_empty(tensor: Tensor) -> bool:
    if 0 in tensor.shape:
        warn("Initializing zero-element tensors is a no-op")
    return 0 in tensor.shape


def default_(weight: Tensor, bias: Tensor | None) -> None:
    """Fill as Linear and Conv do: both from U(±1/√fan_in)."""
    kaiming_uniform_(weight, a=math.sqrt(5))
    if bias is not None:
        fan_in = _calculate_correct_fan(weight, "fan_in")
        bound = 1 / math.sqrt(fan_in) if fan_in > 0 else 0.0
        uniform_(bias, -bound, bound)


# ---- other distributions ------------------------------------------------------------------------
@no_arrays
def trunc_normal_(
    tensor: Tensor,
    mean: float = 0.0,
    std: float = 1.0,
    a: float = -2.0,
    b: float = 2.0,
    generator: Generator | None = None,
) -> Tensor:
    """Fill from N(mean, std²) conditioned to [a, b]: what falls outside is drawn again.

    Where less than 0.3 of the distribution lies inside, uniform candidates are taken or left by
    their density instead, as PyTorch does.
    """
    draw = generator or default_generator
    inside = _normal_cdf((b - mean) / std) - _normal_cdf((a - mean) / std)
    if inside <= 0.3:
        return _fill(tensor, _truncated_by_rejection(tensor, mean, std, a, b, draw))
    values = draw.normal(tensor.shape, mean, std, tensor.dtype)
    while True:
        outside = (values < a) | (values > b)
        if not outside.any():
            return _fill(tensor, values)
        again = draw.normal(tensor.shape, mean, std, tensor.dtype)
        values = np.where(outside, again, values)


def _normal_cdf(x: float) -> float:
    return 0.5 * (1 + math.erf(x / math.sqrt(2)))


def _truncated_by_rejection(
    tensor: Tensor, mean: float, std: float, a: float, b: float, draw: Generator
) -> np.ndarray:
    """Return uniform candidates in [a, b], each kept with its density over the highest one."""
    shape, dtype = tensor.shape, tensor.dtype
    mode = max(a, min(mean, b))
    peak = -0.5 * ((mode - mean) / std) ** 2  # logarithm of the highest density
    values = np.zeros(shape, dtype)
    pending = np.ones(shape, bool)
    while pending.any():
        candidates = draw.uniform(shape, a, b, dtype)
        values = np.where(pending, candidates, values)
        with np.errstate(divide="ignore"):  # the logarithm of 0 is below every density
            level = np.log(draw.uniform(shape, dtype=dtype))
        pending &= level > -0.5 * ((candidates - mean) / std) ** 2 - peak
    return values


@no_arrays
def orthogonal_(tensor: Tensor, gain: float = 1, generator: Generator | None = None) -> Tensor:
    """Fill a weight, seen as (out, rest), with orthonormal rows or columns (Saxe et al., 2013)."""
    if tensor.ndim < 2:
        raise ValueError(
            f"Only tensors with 2 or more dimensions are supported, got shape {tensor.shape}"
        )
    if tensor.numel() == 0:
        return tensor
    rows, columns = tensor.shape[0], math.prod(tensor.shape[1:])
    draw = generator or default_generator
    matrix = draw.normal((rows, columns), dtype=tensor.dtype)
    is_wide = rows < columns
    q, r = np.linalg.qr(matrix.T if is_wide else matrix)
    q = q * np.sign(np.diagonal(r))  # makes the decomposition, so the distribution, uniform
    orthonormal = q.T if is_wide else q
    return _fill(tensor, gain * np.reshape(orthonormal, tensor.shape))


@no_arrays
def sparse_(
    tensor: Tensor, sparsity: float, std: float = 0.01, generator: Generator | None = None
) -> Tensor:
    """Fill a matrix from N(0, std²), a fraction ``sparsity`` of each column 0 (Martens, 2010)."""
    if tensor.ndim != 2:
        raise ValueError(f"Only tensors with 2 dimensions are supported, got shape {tensor.shape}")
    draw = generator or default_generator
    values = draw.normal(tensor.shape, 0.0, std, tensor.dtype)
    zeros = math.ceil(sparsity * tensor.shape[0])
    for column in values.T:
        order = draw.permutation(len(column))
        column[order[:zeros]] = 0
    return _fill(tensor, values)


@no_arrays
def eye_(tensor: Tensor) -> Tensor:
    """Fill a matrix with the identity."""
    if tensor.ndim != 2:
        raise ValueError(f"Only tensors with 2 dimensions are supported, got shape {tensor.shape}")
    return _fill(tensor, np.eye(*tensor.shape, dtype=tensor.dtype))


@no_arrays
def dirac_(tensor: Tensor, groups: int = 1) -> Tensor:
    """Fill a convolution's weight so that it passes its input on, in each of the groups."""
    if tensor.ndim not in (3, 4, 5):
        raise ValueError(
            f"Only tensors with 3, 4, or 5 dimensions are supported, got shape {tensor.shape}"
        )
    if tensor.shape[0] % groups:
        raise ValueError(
            f"dim 0 must be divisible by groups, got shape {tensor.shape} and groups={groups}"
        )
    out = tensor.shape[0] // groups
    values = np.zeros(tensor.shape, tensor.dtype)
    for i in range(min(out, tensor.shape[1])):
        center = [n // 2 for n in tensor.shape[2:]]
        index: Any = (slice(i, None, out), i, *center)
        values[index] = 1
    return _fill(tensor, values)


# ---- names of long ago --------------------------------------------------------------------------
def _deprecated(fill: F) -> F:
    """Return a function by the name without underscore, which warns."""
    new = fill.__name__
    old = new.removesuffix("_")

    @functools.wraps(fill)
    def function(*args: Any, **kwargs: Any) -> Any:
        warn(f"`nn.init.{old}` is now deprecated in favor of `nn.init.{new}`.", FutureWarning)
        return fill(*args, **kwargs)

    function.__name__ = function.__qualname__ = old
    function.__doc__ = f"As :func:`{new}`, by its deprecated name."
    return function  # type: ignore[return-value]


uniform = _deprecated(uniform_)
normal = _deprecated(normal_)
constant = _deprecated(constant_)
eye = _deprecated(eye_)
dirac = _deprecated(dirac_)
xavier_uniform = _deprecated(xavier_uniform_)
xavier_normal = _deprecated(xavier_normal_)
kaiming_uniform = _deprecated(kaiming_uniform_)
kaiming_normal = _deprecated(kaiming_normal_)
orthogonal = _deprecated(orthogonal_)
sparse = _deprecated(sparse_)
