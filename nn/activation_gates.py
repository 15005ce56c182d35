"""Activations that gate, shrink, or have a slope of their own; the commoner are in ``activation``.

https://docs.pytorch.org/docs/stable/nn.html#non-linear-activations-weighted-sum-nonlinearity
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.creation import full
from minigrad.functions import elementwise as e
from minigrad.functions.out import call_into
from minigrad.functions.p_norm import norm
from minigrad.nn.activation import Activation, Rectifier, relu6
from minigrad.nn.arguments import check_floats, tensor_arguments
from minigrad.nn.module import Module
from minigrad.nn.parameter import Parameter, on_cpu
from minigrad.random import default_generator
from minigrad.tensor.tensor import Tensor


# ---- gates ---------------------------------------------------------------------------------------
@tensor_arguments
def glu(input: Tensor, dim: int = -1) -> Tensor:
    """Return a · sigmoid(b), a and b the halves of the input along ``dim`` (Dauphin et al., 2017).

    Raises RuntimeError for an odd size.
    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.glu.html

    >>> import minigrad as mg
    >>> glu(mg.tensor([2.0, 0.0]))
    tensor([1.])
    """
    if not input.ndim:
        raise RuntimeError("glu does not support scalars because halving size must be even, got ()")
    size = input.shape[dim]
    if size % 2:
        raise RuntimeError(
            f"Halving dimension must be even, but dimension {dim % input.ndim} is size {size}"
        )
    a, b = input.split(size // 2, dim)
    return a * e.sigmoid(b)


@tensor_arguments
def hardsigmoid(input: Tensor, inplace: bool = False) -> Tensor:
    """Return input / 6 + 1/2, held between 0 and 1.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.hardsigmoid.html

    >>> import minigrad as mg
    >>> hardsigmoid(mg.tensor([-1.0, 0.0, 2.0]))
    tensor([0.3333, 0.5000, 0.8333])
    """
    if inplace:
        return input._computed("hardsigmoid_", hardsigmoid)
    check_floats("hardsigmoid", input)
    return relu6(input + 3) / 6


@tensor_arguments
def hardswish(input: Tensor, inplace: bool = False) -> Tensor:
    """Return input · hardsigmoid(input) (Howard et al., 2019).

    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.hardswish.html

    >>> import minigrad as mg
    >>> hardswish(mg.tensor([-1.0, 0.0, 2.0]))
    tensor([-0.3333,  0.0000,  1.6667])
    """
    if inplace:
        return input._computed("hardswish_", hardswish)
    check_floats("hardswish", input)
    return input * hardsigmoid(input)


@tensor_arguments
def celu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """Return input where positive, alpha (exp(input / alpha) − 1) elsewhere (Barron, 2017).

    Raises RuntimeError for an alpha of 0.
    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.celu.html

    >>> import minigrad as mg
    >>> celu(mg.tensor([-1.0, 0.0, 2.0]))
    tensor([-0.6321,  0.0000,  2.0000])
    """
    if inplace:
        return input._computed("celu_", celu, alpha)
    if alpha == 0:
        raise RuntimeError(f"ZeroDivisionError: alpha cannot be 0 for CELU, got {alpha}")
    low = input <= 0
    return e.where(low, alpha * e.expm1(e.where(low, input, 0.0) / alpha), input)


# ---- shrinkage and thresholds --------------------------------------------------------------------
@tensor_arguments
def hardshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """Return input where its size is above ``lambd``, 0 elsewhere.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.hardshrink.html

    >>> import minigrad as mg
    >>> hardshrink(mg.tensor([-1.0, 0.0, 2.0]))
    tensor([-1.,  0.,  2.])
    """
    check_floats("hardshrink", input)
    return e.where(input.abs() <= lambd, 0.0, input)


@tensor_arguments
def softshrink(input: Tensor, lambd: float = 0.5) -> Tensor:
    """Return input brought nearer to 0 by ``lambd``; RuntimeError where that is negative.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.softshrink.html

    >>> import minigrad as mg
    >>> softshrink(mg.tensor([-1.0, 0.0, 2.0]))
    tensor([-0.5000,  0.0000,  1.5000])
    """
    if lambd < 0:
        raise RuntimeError(f"lambda must be in range [0, inf], but found {lambd}")
    check_floats("softshrink", input)
    near = e.where(input < -lambd, input + lambd, input * 0)
    return e.where(input > lambd, input - lambd, near)


@tensor_arguments
def tanhshrink(input: Tensor) -> Tensor:
    """Return input − tanh(input).

    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.tanhshrink.html

    >>> import minigrad as mg
    >>> tanhshrink(mg.tensor([-1.0, 0.0, 2.0]))
    tensor([-0.2384,  0.0000,  1.0360])
    """
    return input - e.tanh(input)


@tensor_arguments
def threshold(input: Tensor, threshold: float, value: float, inplace: bool = False) -> Tensor:
    """Return input where it is above ``threshold``, ``value`` elsewhere.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.threshold.html

    >>> import minigrad as mg
    >>> threshold(mg.tensor([-1.0, 0.0, 2.0]), 0.5, 9.0)
    tensor([9., 9., 2.])
    """
    if inplace:
        return input._computed("threshold_", _threshold, threshold, value)
    return _threshold(input, threshold, value)


def _threshold(input: Tensor, limit: float, value: float) -> Tensor:
    kind = input.dtype.type
    return e.where(input <= limit, Tensor._wrap(np.asarray(kind(value))), input)


# ---- slopes --------------------------------------------------------------------------------------
@tensor_arguments
def prelu(input: Tensor, weight: Tensor) -> Tensor:
    """Return input where positive, weight · input elsewhere (He et al., 2015).

    ``weight`` has one number, or one for each channel, on axis 1. Raises RuntimeError for others.
    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.prelu.html

    >>> import minigrad as mg
    >>> prelu(mg.tensor([-1.0, 0.0, 2.0]), mg.tensor([0.5]))
    tensor([-0.5000,  0.0000,  2.0000])
    """
    if weight.ndim > 1:
        raise RuntimeError(
            f"prelu: Expected `weight` to be a scalar or 1D tensor, but got: ndim = {weight.ndim}"
        )
    if weight.numel() != 1:
        channels = input.shape[1] if input.ndim > 1 else 1
        if weight.numel() != channels:
            raise RuntimeError(
                "Mismatch of parameter numbers and input channel size. Found parameter numbers = "
                f"{weight.numel()} and channel size = {channels}."
            )
        weight = weight.reshape([-1, *[1] * (input.ndim - 2)])
    elif input.ndim:
        weight = weight.reshape([1] * input.ndim)
    else:
        weight = weight.reshape([])
    return e.where(input > 0, input, weight * input)


@tensor_arguments
def rrelu(
    input: Tensor,
    lower: float = 1 / 8,
    upper: float = 1 / 3,
    training: bool = False,
    inplace: bool = False,
) -> Tensor:
    """Return input where positive, elsewhere a slope from U(lower, upper) times it (Xu, 2015).

    In evaluation the slope is the mean of both. Raises RuntimeError where lower is above upper.
    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.rrelu.html

    >>> import minigrad as mg
    >>> rrelu(mg.tensor([-1.0, 0.0, 2.0]))
    tensor([-0.2292,  0.0000,  2.0000])
    """
    if lower > upper:
        raise RuntimeError(
            f"Lower bound should be less than or equal to the upper bound, got {lower} and {upper}"
        )
    if inplace:
        return input._computed("rrelu_", rrelu, lower, upper, training)
    if not training:
        return e.where(input > 0, input, input * ((lower + upper) / 2))
    slopes = default_generator.uniform_where(input._data <= 0, lower, upper, input.dtype)
    return input * Tensor._wrap(slopes)


@tensor_arguments
def normalize(
    input: Tensor, p: float = 2.0, dim: int = 1, eps: float = 1e-12, out: Any = None
) -> Tensor:
    """Return input / max(‖input‖_p, eps), the norm taken along ``dim``.

    With ``out`` the result is written there, where nothing is recorded.
    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.normalize.html

    >>> import minigrad as mg
    >>> normalize(mg.tensor([[3.0, 4.0]]))
    tensor([[0.6000, 0.8000]])
    """
    if out is not None:
        result: Tensor = call_into(out, normalize, (input, p, dim, eps), {})
        return result
    return input / norm(input, p, dim, True).clamp(min=eps)


# ---- modules -------------------------------------------------------------------------------------
class GLU(Activation):
    """a sigmoid(b), a and b the halves along ``dim``; see :func:`glu`."""

    function, options = staticmethod(glu), ("dim",)

    def __init__(self, dim: int = -1) -> None:
        super().__init__()
        self.dim = dim

    def extra_repr(self) -> str:
        return f"dim={self.dim}"


class _Unprinted(Rectifier):
    """An activation whose ``inplace`` PyTorch does not print."""

    def extra_repr(self) -> str:
        return ""


class Hardsigmoid(_Unprinted):
    """x / 6 + 1/2, held between 0 and 1."""

    function = staticmethod(hardsigmoid)


class Hardswish(_Unprinted):
    """x hardsigmoid(x)."""

    function = staticmethod(hardswish)


class CELU(Rectifier):
    """x where positive, alpha (exp(x / alpha) - 1) elsewhere (default 1)."""

    function, options = staticmethod(celu), ("alpha",)

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__(inplace)
        self.alpha = alpha


class Hardshrink(Activation):
    """x where |x| is above ``lambd``, 0 elsewhere."""

    function, options = staticmethod(hardshrink), ("lambd",)

    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__()
        self.lambd = lambd

    def extra_repr(self) -> str:
        return str(self.lambd)


class Softshrink(Activation):
    """x brought nearer to 0 by ``lambd``."""

    function, options = staticmethod(softshrink), ("lambd",)

    def __init__(self, lambd: float = 0.5) -> None:
        super().__init__()
        self.lambd = lambd

    def extra_repr(self) -> str:
        return str(self.lambd)


class Tanhshrink(Activation):
    """x - tanh(x)."""

    function = staticmethod(tanhshrink)


class Threshold(Rectifier):
    """x where it is above ``threshold``, ``value`` elsewhere."""

    function, options = staticmethod(threshold), ("threshold", "value")

    def __init__(self, threshold: float, value: float, inplace: bool = False) -> None:
        super().__init__(inplace)
        self.threshold, self.value = threshold, value


class PReLU(Module):
    """x where positive, a learned slope times x elsewhere: one, or one per channel (He, 2015).

    https://docs.pytorch.org/docs/stable/generated/torch.nn.PReLU.html
    """

    def __init__(
        self, num_parameters: int = 1, init: float = 0.25, device: Any = None, dtype: Any = None
    ) -> None:
        super().__init__()
        on_cpu(device)
        self.num_parameters = num_parameters
        self.init = init
        self.weight = Parameter(full((num_parameters,), float(init), dtype=dtype))

    def reset_parameters(self) -> None:
        """Set the slopes to their initial value."""
        self.weight.data.fill_(self.init)

    def forward(self, input: Tensor) -> Tensor:
        """Return the function of the input."""
        return prelu(input, self.weight)

    def extra_repr(self) -> str:
        return f"num_parameters={self.num_parameters}"


class RReLU(Rectifier):
    """x where positive, a random slope times x elsewhere; their mean in evaluation."""

    def __init__(self, lower: float = 1 / 8, upper: float = 1 / 3, inplace: bool = False) -> None:
        super().__init__(inplace)
        self.lower, self.upper = lower, upper

    def forward(self, input: Tensor) -> Tensor:
        """Return the function of the input."""
        return rrelu(input, self.lower, self.upper, self.training, self.inplace)

    def extra_repr(self) -> str:
        inplace = ", inplace=True" if self.inplace else ""
        return f"lower={self.lower}, upper={self.upper}{inplace}"
