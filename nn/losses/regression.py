"""Losses between two tensors of the same shape: mean squared error and its robust relatives."""

from __future__ import annotations

from minigrad.functions import elementwise as e
from minigrad.nn.arguments import tensor_arguments
from minigrad.nn.losses.reduction import _Loss, legacy_reduction, reduce_loss
from minigrad.ops import loss as ops
from minigrad.silence import warn
from minigrad.tensor.tensor import Tensor


# ---- functions ----------------------------------------------------------------------------------
@legacy_reduction
@tensor_arguments
def mse_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    """Return the squared difference, averaged by default; warns where shapes differ.

    ``weight``, of the input's shape, multiplies it; the mean is then over the sum of the weights.
    Raises ValueError for a weight of another shape.
    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.mse_loss.html

    >>> import minigrad as mg
    >>> mse_loss(mg.tensor([1.0, 2.0]), mg.tensor([1.0, 4.0]))
    tensor(2.)
    """
    _warn_of_broadcasting(input, target)
    return _reduce_weighted(e.square(_difference(input, target)), input, weight, reduction)


@legacy_reduction
@tensor_arguments
def l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    weight: Tensor | None = None,
) -> Tensor:
    """Return the absolute difference, averaged by default; ``weight`` as :func:`mse_loss`'s.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.l1_loss.html

    >>> import minigrad as mg
    >>> l1_loss(mg.tensor([1.0, 2.0]), mg.tensor([1.0, 4.0]))
    tensor(1.)
    """
    _warn_of_broadcasting(input, target)
    return _reduce_weighted(e.abs(input - target), input, weight, reduction)


@legacy_reduction
@tensor_arguments
def smooth_l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    beta: float = 1.0,
) -> Tensor:
    """Return d²/(2 beta) where |d| < beta, |d| - beta/2 elsewhere, d the difference.

    Averaged by default. Raises RuntimeError for a negative ``beta``.
    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.smooth_l1_loss.html

    >>> import minigrad as mg
    >>> smooth_l1_loss(mg.tensor([0.0, 0.0]), mg.tensor([1.0, 4.0]), reduction="none")
    tensor([0.5000, 3.5000])
    """
    if beta < 0:
        raise RuntimeError(
            f"smooth_l1_loss does not support negative values for beta, but got {beta}"
        )
    if beta == 0:
        return l1_loss(input, target, reduction=reduction)
    return huber_loss(input, target, reduction, beta) / beta


@tensor_arguments
def huber_loss(
    input: Tensor,
    target: Tensor,
    reduction: str = "mean",
    delta: float = 1.0,
    weight: Tensor | None = None,
) -> Tensor:
    """Return d²/2 where |d| < delta, delta (|d| - delta/2) elsewhere, d the difference.

    Averaged by default; ``weight``, of the input's shape, multiplies it. Raises RuntimeError
    unless ``delta`` is positive, ValueError for a weight of another shape.
    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.huber_loss.html

    >>> import minigrad as mg
    >>> huber_loss(mg.tensor([0.0, 0.0]), mg.tensor([1.0, 4.0]), delta=2.0)
    tensor(3.2500)
    """
    if delta <= 0:
        raise RuntimeError(
            f"huber_loss does not support non-positive values for delta, but got {delta}"
        )
    _warn_of_broadcasting(input, target)
    loss = ops.huber(_difference(input, target), delta=delta)
    if weight is not None:
        _check_weight(weight, input)
        loss = loss * weight
    return reduce_loss(loss, reduction)


def _reduce_weighted(loss: Tensor, input: Tensor, weight: Tensor | None, reduction: str) -> Tensor:
    """Return the reduced loss; a weighted mean is over the sum of the weights."""
    if weight is None:
        return reduce_loss(loss, reduction)
    _check_weight(weight, input)
    if reduction == "mean":
        return (loss * weight).sum() / weight.sum()
    return reduce_loss(loss * weight, reduction)


def _check_weight(weight: Tensor, input: Tensor) -> None:
    if weight.shape != input.shape:
        raise ValueError(
            "Weights and input must have the same size, but got "
            f"{list(weight.shape)} and {list(input.shape)}"
        )


def _warn_of_broadcasting(input: Tensor, target: Tensor) -> None:
    if input.shape != target.shape:
        warn(
            f"Using a target size ({list(target.shape)}) that is different to the input size "
            f"({list(input.shape)}). This will likely lead to incorrect results due to "
            "broadcasting. Please ensure they have the same size."
        )


def _difference(input: Tensor, target: Tensor) -> Tensor:
    """Return input - target; bools, which ``-`` refuses, count as 0 and 1 beside numbers."""
    if input.dtype == bool and target.dtype != bool:
        input = input.to(target.dtype)
    if target.dtype == bool and input.dtype != bool:
        target = target.to(input.dtype)
    return input - target


# ---- modules ------------------------------------------------------------------------------------
class MSELoss(_Loss):
    """The squared difference (input - target)²."""

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss."""
        return mse_loss(input, target, reduction=self.reduction)


class L1Loss(_Loss):
    """The absolute difference |input - target|."""

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss."""
        return l1_loss(input, target, reduction=self.reduction)


class SmoothL1Loss(_Loss):
    """Quadratic below ``beta``, linear above, with slope 1; see :func:`smooth_l1_loss`."""

    def __init__(
        self,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
        beta: float = 1.0,
    ) -> None:
        super().__init__(reduction=reduction)
        self.beta = beta

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss."""
        return smooth_l1_loss(input, target, reduction=self.reduction, beta=self.beta)


class HuberLoss(_Loss):
    """Quadratic below ``delta``, linear above, with slope delta; see :func:`huber_loss`."""

    def __init__(self, reduction: str = "mean", delta: float = 1.0) -> None:
        super().__init__(reduction=reduction)
        self.delta = delta

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss."""
        return huber_loss(input, target, self.reduction, self.delta)
