"""Losses between two tensors of one shape; ``reduction`` is 'mean' (default), 'sum' or 'none'."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar

from minigrad.functions import elementwise as e
from minigrad.nn.arguments import tensor_arguments
from minigrad.nn.module import Module
from minigrad.ops import loss as ops
from minigrad.silence import warn
from minigrad.tensor.tensor import Tensor

F = TypeVar("F", bound=Callable[..., Any])
REDUCTIONS = ("mean", "sum", "none")


def check_reduction(reduction: str) -> None:
    """Raise ValueError for what is no reduction."""
    if reduction not in REDUCTIONS:
        raise ValueError(f"{reduction} is not a valid value for reduction; use one of {REDUCTIONS}")


def old_reduction(function: F) -> F:
    """Turn ``size_average`` and ``reduce`` of PyTorch's past, in their old places, into ``reduction``, with its warning."""
    bind, names = inspect.signature(function).bind, [*inspect.signature(function).parameters]
    if "size_average" not in names:
        return function
    first = names.index("size_average")

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        if len(args) <= first and "size_average" not in kwargs and "reduce" not in kwargs:
            return function(*args, **kwargs)
        given = bind(*args, **kwargs).arguments
        old = [given.pop(name, None) for name in ("size_average", "reduce")]
        for value in old:
            if isinstance(value, str):
                raise TypeError(
                    f"size_average and reduce, of PyTorch's past, are bool: write reduction={value!r}"
                )
        if old != [None, None]:
            average, reduce = (True if value is None else value for value in old)
            given["reduction"] = "none" if not reduce else "mean" if average else "sum"
            warn(
                f"size_average and reduce args will be deprecated, please use reduction='{given['reduction']}' instead."
            )
        return function(**given)

    return wrapper  # type: ignore[return-value]


def reduced(loss: Tensor, reduction: str) -> Tensor:
    """Return the mean, the sum, or the loss of each element."""
    check_reduction(reduction)
    return loss if reduction == "none" else loss.mean() if reduction == "mean" else loss.sum()


def _warn_of_broadcasting(input: Tensor, target: Tensor) -> None:
    if input.shape != target.shape:
        warn(
            f"Using a target size ({list(target.shape)}) that is different to the input size "
            f"({list(input.shape)}). This will likely lead to incorrect results due to broadcasting. "
            "Please ensure they have the same size."
        )


def _difference(input: Tensor, target: Tensor) -> Tensor:
    """Return input - target; bools, which ``-`` refuses, count as 0 and 1 beside numbers."""
    if input.dtype == bool and target.dtype != bool:
        input = input.to(target.dtype)
    return input - (
        target.to(input.dtype) if target.dtype == bool and input.dtype != bool else target
    )


# ---- functions ----------------------------------------------------------------------------------
@old_reduction
@tensor_arguments
def mse_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Return the squared difference, averaged by default; warns where shapes differ.

    >>> import minigrad as mg
    >>> mse_loss(mg.tensor([1.0, 2.0]), mg.tensor([1.0, 4.0]))
    tensor(2.)
    """
    _warn_of_broadcasting(input, target)
    return reduced(e.square(_difference(input, target)), reduction)


@old_reduction
@tensor_arguments
def l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Return the absolute difference, averaged by default; warns where shapes differ."""
    _warn_of_broadcasting(input, target)
    return reduced(e.abs(input - target), reduction)


@old_reduction
@tensor_arguments
def smooth_l1_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    beta: float = 1.0,
) -> Tensor:
    """Return d²/(2 beta) where |d| < beta, |d| - beta/2 elsewhere, d the difference."""
    if beta < 0:
        raise ValueError(
            f"smooth_l1_loss does not support negative values for beta, but got {beta}"
        )
    if beta == 0:
        return l1_loss(input, target, reduction=reduction)
    return huber_loss(input, target, reduction, beta) / beta


@tensor_arguments
def huber_loss(
    input: Tensor, target: Tensor, reduction: str = "mean", delta: float = 1.0
) -> Tensor:
    """Return d²/2 where |d| < delta, delta (|d| - delta/2) elsewhere, d the difference."""
    if delta <= 0:
        raise ValueError(
            f"huber_loss does not support non-positive values for delta, but got {delta}"
        )
    _warn_of_broadcasting(input, target)
    return reduced(ops.huber(_difference(input, target), delta=delta), reduction)


@old_reduction
@tensor_arguments
def binary_cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Return the cross-entropy of probabilities against probabilities; no logarithm goes below -100.

    ``weight`` scales each element. Raises ValueError where shapes differ, RuntimeError outside [0, 1]
    and for a target that is no float. Of logits: :func:`binary_cross_entropy_with_logits`, exact at any.
    https://docs.pytorch.org/docs/stable/generated/torch.nn.BCELoss.html

    >>> import minigrad as mg
    >>> binary_cross_entropy(mg.tensor([0.5, 0.0]), mg.tensor([1.0, 1.0]), reduction="none")
    tensor([  0.6931, 100.0000])
    """
    if input.shape != target.shape:
        raise ValueError(
            f"Using a target size ({list(target.shape)}) that is different to the input size ({list(input.shape)}) "
            "is deprecated. Please ensure they have the same size."
        )
    if target.dtype != input.dtype:
        raise RuntimeError(f"Found dtype {target.dtype} but expected {input.dtype}")
    for name, values in (("input", input._data), ("target", target._data)):
        if not ((values >= 0) & (values <= 1)).all():
            raise RuntimeError(f"all elements of {name} should be between 0 and 1")
    loss = ops.binary_cross_entropy(input, target)
    return reduced(loss if weight is None else loss * weight, reduction)


@old_reduction
@tensor_arguments
def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    pos_weight: Tensor | None = None,
) -> Tensor:
    """Return the cross-entropy of logits against probabilities in [0, 1], without overflow.

    ``weight`` scales each element, ``pos_weight`` the positive answers. Raises ValueError where
    shapes differ.
    https://docs.pytorch.org/docs/stable/generated/torch.nn.BCEWithLogitsLoss.html
    """
    if input.shape != target.shape:
        raise ValueError(
            f"Target size ({list(target.shape)}) must be the same as input size ({list(input.shape)})"
        )
    loss = ops.binary_cross_entropy_of_logits(
        input, target, 1.0 if pos_weight is None else pos_weight
    )
    return reduced(loss if weight is None else loss * weight, reduction)


# ---- modules ------------------------------------------------------------------------------------
class Loss(Module):
    """What all losses share."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        cls.__init__ = old_reduction(tensor_arguments(cls.__init__))  # type: ignore[method-assign]

    @old_reduction
    def __init__(
        self, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean"
    ) -> None:
        super().__init__()
        check_reduction(reduction)
        self.reduction = reduction


class MSELoss(Loss):
    """The squared difference (input - target)²."""

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss."""
        return mse_loss(input, target, reduction=self.reduction)


class L1Loss(Loss):
    """The absolute difference |input - target|."""

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss."""
        return l1_loss(input, target, reduction=self.reduction)


class SmoothL1Loss(Loss):
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


class HuberLoss(Loss):
    """Quadratic below ``delta``, linear above, with slope delta; see :func:`huber_loss`."""

    def __init__(self, reduction: str = "mean", delta: float = 1.0) -> None:
        super().__init__(reduction=reduction)
        self.delta = delta

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss."""
        return huber_loss(input, target, self.reduction, self.delta)


class BCELoss(Loss):
    """Binary cross-entropy of probabilities; see :func:`binary_cross_entropy`."""

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(reduction=reduction)
        self.register_buffer("weight", weight)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss."""
        return binary_cross_entropy(input, target, self.weight, reduction=self.reduction)


class BCEWithLogitsLoss(Loss):
    """Sigmoid and binary cross-entropy in one; see :func:`binary_cross_entropy_with_logits`."""

    def __init__(self, weight: Tensor | None = None, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean",
                 pos_weight: Tensor | None = None) -> None:  # fmt: skip
        super().__init__(reduction=reduction)
        self.register_buffer("weight", weight)
        self.register_buffer("pos_weight", pos_weight)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss."""
        options: Any = {
            "weight": self.weight,
            "reduction": self.reduction,
            "pos_weight": self.pos_weight,
        }
        return binary_cross_entropy_with_logits(input, target, **options)
