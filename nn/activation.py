"""Activation functions, each as a function and as a module; elementwise unless they take ``dim``.

https://docs.pytorch.org/docs/stable/nn.html#non-linear-activations-weighted-sum-nonlinearity
"""

from __future__ import annotations

import math
from collections.abc import Callable

from minigrad.functions import elementwise as e
from minigrad.functions.arguments import as_number
from minigrad.nn.arguments import tensor_arguments
from minigrad.nn.module import Module
from minigrad.ops.elementwise import hardtanh as hardtanh_primitive
from minigrad.silence import warn
from minigrad.tensor.tensor import Tensor


# ---- functions ----------------------------------------------------------------------------------
@tensor_arguments
def relu(input: Tensor, inplace: bool = False) -> Tensor:
    """Return max(input, 0); the gradient at 0 is 0.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.relu.html

    >>> import minigrad as mg
    >>> relu(mg.tensor([-1.0, 0.0, 2.0]))
    tensor([0., 0., 2.])
    """
    if inplace:
        return input._computed("relu_", relu)
    return e.relu(input)


@tensor_arguments
def sigmoid(input: Tensor) -> Tensor:
    """Return 1/(1 + exp(-input)).

    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.sigmoid.html

    >>> import minigrad as mg
    >>> sigmoid(mg.tensor([-1.0, 0.0, 2.0]))
    tensor([0.2689, 0.5000, 0.8808])
    """
    return e.sigmoid(input)


@tensor_arguments
def tanh(input: Tensor) -> Tensor:
    """Return the hyperbolic tangent.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.tanh.html

    >>> import minigrad as mg
    >>> tanh(mg.tensor([-1.0, 0.0, 2.0]))
    tensor([-0.7616,  0.0000,  0.9640])
    """
    return e.tanh(input)


@tensor_arguments
def leaky_relu(input: Tensor, negative_slope: float = 0.01, inplace: bool = False) -> Tensor:
    """Return input where positive, negative_slope * input elsewhere.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.leaky_relu.html

    >>> import minigrad as mg
    >>> leaky_relu(mg.tensor([-1.0, 0.0, 2.0]))
    tensor([-0.0100,  0.0000,  2.0000])
    """
    if inplace:
        return input._computed("leaky_relu_", leaky_relu, negative_slope)
    return e.where(input > 0, input, input * negative_slope)


@tensor_arguments
def elu(input: Tensor, alpha: float = 1.0, inplace: bool = False) -> Tensor:
    """Return input where positive, alpha * (exp(input) - 1) elsewhere (Clevert et al., 2015).

    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.elu.html

    >>> import minigrad as mg
    >>> elu(mg.tensor([-1.0, 0.0, 2.0]))
    tensor([-0.6321,  0.0000,  2.0000])
    """
    if inplace:
        return input._computed("elu_", elu, alpha)
    low = input <= 0  # NaN is not: it goes on as it is
    return e.where(low, alpha * e.expm1(e.where(low, input, 0.0)), input)


@tensor_arguments
def selu(input: Tensor, inplace: bool = False) -> Tensor:
    """Return 1.0507 * elu(input, 1.6733) (Klambauer et al., 2017).

    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.selu.html

    >>> import minigrad as mg
    >>> selu(mg.tensor([-1.0, 0.0, 2.0]))
    tensor([-1.1113,  0.0000,  2.1014])
    """
    if inplace:
        return input._computed("selu_", selu)
    return 1.0507009873554804934193349852946 * elu(input, 1.6732632423543772848170429916717)


@tensor_arguments
def hardtanh(
    input: Tensor, min_val: float = -1.0, max_val: float = 1.0, inplace: bool = False
) -> Tensor:
    """Return input held between min_val and max_val; RuntimeError for bools.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.hardtanh.html

    >>> import minigrad as mg
    >>> hardtanh(mg.tensor([-1.0, 0.0, 2.0]))
    tensor([-1.,  0.,  1.])
    """
    if inplace:
        return input._computed("hardtanh_", hardtanh, min_val, max_val)
    if input.dtype.kind == "b":
        raise RuntimeError(
            f"Bool inputs not supported for hardtanh, got {input.dtype}; convert first: x.float()"
        )
    if input.dtype.kind != "f":
        min_val, max_val = int(min_val), int(max_val)
    return hardtanh_primitive(input, min=as_number(min_val), max=as_number(max_val))


@tensor_arguments
def relu6(input: Tensor, inplace: bool = False) -> Tensor:
    """Return input held between 0 and 6.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.relu6.html

    >>> import minigrad as mg
    >>> relu6(mg.tensor([-1.0, 0.0, 2.0]))
    tensor([0., 0., 2.])
    """
    if inplace:
        return input._computed("relu6_", relu6)
    return hardtanh(input, 0.0, 6.0)


@tensor_arguments
def softplus(input: Tensor, beta: float = 1.0, threshold: float = 20.0) -> Tensor:
    """Return log(1 + exp(beta * input))/beta; input itself where beta * input > threshold.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.softplus.html

    >>> import minigrad as mg
    >>> softplus(mg.tensor([-1.0, 0.0, 2.0]))
    tensor([0.3133, 0.6931, 2.1269])
    """
    scaled = input if beta == 1 else input * beta
    smooth = e.softplus(scaled)
    return e.where(scaled > threshold, input, smooth if beta == 1 else smooth / beta)


@tensor_arguments
def logsigmoid(input: Tensor) -> Tensor:
    """Return log(sigmoid(input)), without overflow.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.logsigmoid.html

    >>> import minigrad as mg
    >>> logsigmoid(mg.tensor([-1.0, 0.0, 2.0]))
    tensor([-1.3133, -0.6931, -0.1269])
    """
    return (-e.softplus(-input)).contiguous()


@tensor_arguments
def softsign(input: Tensor) -> Tensor:
    """Return input/(1 + |input|).

    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.softsign.html

    >>> import minigrad as mg
    >>> softsign(mg.tensor([-1.0, 0.0, 2.0]))
    tensor([-0.5000,  0.0000,  0.6667])
    """
    return input / (1 + input.abs())


@tensor_arguments
def silu(input: Tensor, inplace: bool = False) -> Tensor:
    """Return input * sigmoid(input).

    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.silu.html

    >>> import minigrad as mg
    >>> silu(mg.tensor([-1.0, 0.0, 2.0]))
    tensor([-0.2689,  0.0000,  1.7616])
    """
    if inplace:
        return input._computed("silu_", silu)
    return input * e.sigmoid(input)


@tensor_arguments
def mish(input: Tensor, inplace: bool = False) -> Tensor:
    """Return input * tanh(softplus(input)).

    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.mish.html

    >>> import minigrad as mg
    >>> mish(mg.tensor([-1.0, 0.0, 2.0]))
    tensor([-0.3034,  0.0000,  1.9440])
    """
    if inplace:
        return input._computed("mish_", mish)
    return input * e.tanh(e.softplus(input))


@tensor_arguments
def gelu(input: Tensor, approximate: str = "none") -> Tensor:
    """Return input * Φ(input), Φ the normal distribution; 'tanh' takes the usual approximation.

    Raises RuntimeError for another approximation.
    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.gelu.html

    >>> import minigrad as mg
    >>> gelu(mg.tensor([-1.0, 0.0, 2.0]))
    tensor([-0.1587,  0.0000,  1.9545])
    """
    if approximate == "tanh":
        inner = math.sqrt(2 / math.pi) * (input + 0.044715 * input**3)
        return 0.5 * input * (1 + e.tanh(inner))
    if approximate != "none":
        raise RuntimeError(
            f"approximate argument must be either none or tanh, but got {approximate!r}"
        )
    complement = e.erfc(input * (-1 / math.sqrt(2)))  # 1 + erf loses the digits far below 0
    return 0.5 * input * complement


# ---- modules ------------------------------------------------------------------------------------
class Activation(Module):
    """A function of the input and of the attributes named in ``options``."""

    function: Callable[..., Tensor]
    options: tuple[str, ...] = ()

    def forward(self, input: Tensor) -> Tensor:
        """Return the function of the input."""
        return type(self).function(input, *(getattr(self, name) for name in self.options))

    def extra_repr(self) -> str:
        return ", ".join(f"{name}={getattr(self, name)!r}" for name in self.options)


class Sigmoid(Activation):
    """1/(1 + exp(-x))."""

    function = staticmethod(sigmoid)


class Tanh(Activation):
    """tanh(x)."""

    function = staticmethod(tanh)


class LogSigmoid(Activation):
    """log(sigmoid(x)), without overflow."""

    function = staticmethod(logsigmoid)


class Softsign(Activation):
    """x/(1 + |x|)."""

    function = staticmethod(softsign)


class Rectifier(Activation):
    """An activation that can be written into its input."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__()
        self.inplace = inplace

    def forward(self, input: Tensor) -> Tensor:
        """Return the function of the input, which is the input itself where ``inplace``."""
        options = [getattr(self, name) for name in self.options]
        return type(self).function(input, *options, self.inplace)

    def extra_repr(self) -> str:
        parts = [super().extra_repr()]
        if self.inplace:
            parts.append("inplace=True")
        return ", ".join(filter(None, parts))


class ReLU(Rectifier):
    """max(x, 0); the gradient at 0 is 0."""

    function = staticmethod(relu)


class SELU(Rectifier):
    """1.0507 elu(x, 1.6733), which keeps mean 0 and variance 1 (Klambauer et al., 2017)."""

    function = staticmethod(selu)


class SiLU(Rectifier):
    """x sigmoid(x)."""

    function = staticmethod(silu)


class Mish(Rectifier):
    """x tanh(softplus(x))."""

    function = staticmethod(mish)


class LeakyReLU(Rectifier):
    """x where positive, negative_slope x elsewhere (default 0.01)."""

    function, options = staticmethod(leaky_relu), ("negative_slope",)

    def __init__(self, negative_slope: float = 0.01, inplace: bool = False) -> None:
        super().__init__(inplace)
        self.negative_slope = negative_slope


class ELU(Rectifier):
    """x where positive, alpha (exp(x) - 1) elsewhere (default 1)."""

    function, options = staticmethod(elu), ("alpha",)

    def __init__(self, alpha: float = 1.0, inplace: bool = False) -> None:
        super().__init__(inplace)
        self.alpha = alpha


_RENAMED = "keyword argument `{}` is deprecated and rename to `{}`"


class Hardtanh(Rectifier):
    """x held between min_val and max_val (-1 and 1), once called min_value and max_value."""

    function, options = staticmethod(hardtanh), ("min_val", "max_val")

    def __init__(
        self,
        min_val: float = -1.0,
        max_val: float = 1.0,
        inplace: bool = False,
        min_value: float | None = None,
        max_value: float | None = None,
    ) -> None:
        super().__init__(inplace)
        if min_value is not None:
            warn(_RENAMED.format("min_value", "min_val"), FutureWarning)
            min_val = min_value
        if max_value is not None:
            warn(_RENAMED.format("max_value", "max_val"), FutureWarning)
            max_val = max_value
        if min_val >= max_val:
            raise AssertionError(
                f"max_val must be larger than min_val, but got {max_val} and {min_val}"
            )
        self.min_val = min_val
        self.max_val = max_val


class ReLU6(Hardtanh):
    """x held between 0 and 6."""

    def __init__(self, inplace: bool = False) -> None:
        super().__init__(0.0, 6.0, inplace)

    def extra_repr(self) -> str:
        return "inplace=True" if self.inplace else ""


class Softplus(Activation):
    """log(1 + exp(beta x))/beta; x itself where beta x > threshold."""

    function, options = staticmethod(softplus), ("beta", "threshold")

    def __init__(self, beta: float = 1.0, threshold: float = 20.0) -> None:
        super().__init__()
        self.beta, self.threshold = beta, threshold


class GELU(Activation):
    """x Φ(x), Φ the normal distribution; approximate='tanh' takes the usual approximation."""

    function, options = staticmethod(gelu), ("approximate",)

    def __init__(self, approximate: str = "none") -> None:
        super().__init__()
        self.approximate = approximate
