"""Cross-entropy: between scores of classes, on dimension 1, and the right class or probabilities.

Two names stand throughout for the targets: ``classes``, checked indices with 0 in place of ignored
ones, and ``counts``, a mask of those that are not ignored (None: all count).
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.functions.elementwise import where
from minigrad.nn.arguments import tensor_arguments
from minigrad.nn.losses.reduction import (
    _WeightedLoss,
    check_reduction,
    legacy_reduction,
    reduce_loss,
)
from minigrad.ops import loss as ops
from minigrad.silence import warn
from minigrad.tensor.tensor import Tensor


# ---- functions ----------------------------------------------------------------------------------
@legacy_reduction
@tensor_arguments
def cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
    label_smoothing: float = 0.0,
) -> Tensor:
    """Return the cross-entropy of logits (N, C, *) against class indices (N, *) or probabilities.

    Also of (C,) against one index. ``weight`` (C,) weighs the classes, targets of ``ignore_index``
    do not count, ``label_smoothing`` mixes in the uniform distribution. Raises IndexError for a
    class out of range, ValueError for batches of different size, RuntimeError for targets of
    another dtype or shape.
    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.cross_entropy.html

    >>> import minigrad as mg
    >>> cross_entropy(mg.zeros(1, 2), mg.tensor([0]))
    tensor(0.6931)
    """
    if weight is not None:
        _check_weight(weight, input)
    if not 0 <= label_smoothing <= 1:
        raise RuntimeError(f"label_smoothing must be between 0.0 and 1.0. Got: {label_smoothing}")
    options: Any = {
        "ignore_index": ignore_index,
        "reduction": reduction,
        "label_smoothing": label_smoothing,
    }
    if input.dtype == np.float16:  # its range is too small for counts and sums
        loss = cross_entropy(input.float(), _widened(target), _widened(weight), **options)  # type: ignore[arg-type]
        return loss.to(input.dtype)
    if input.ndim == 1:
        return cross_entropy(input.unsqueeze(0), target.unsqueeze(0), weight, **options).reshape(())
    is_plain = weight is None and label_smoothing == 0 and input.dtype.kind == "f"
    if is_plain and input.ndim == 2 and target.ndim == 1:
        check_reduction(reduction)
        classes, counts = _checked_classes(input, target, ignore_index)
        if counts is None:  # one operation instead of three
            options = {"classes": classes, "reduction": reduction, "kept": {}}
            result: Tensor = ops.cross_entropy(input, **options)
            return result
    return _composed_cross_entropy(input.log_softmax(1), target, weight, **options)


def _widened(x: Tensor | None) -> Tensor | None:
    """Return floats as float32, anything else as it is."""
    return x.float() if x is not None and x.is_floating_point() else x


def _composed_cross_entropy(
    log_p: Tensor,
    target: Tensor,
    weight: Tensor | None,
    ignore_index: int,
    reduction: str,
    label_smoothing: float,
) -> Tensor:
    """Return the cross-entropy of log-probabilities."""
    if target.shape == log_p.shape:
        return _against_probabilities(log_p, target, weight, reduction, label_smoothing)
    loss = nll_loss(log_p, target, weight, ignore_index=ignore_index, reduction=reduction)
    if label_smoothing == 0:
        return loss
    uniform = _uniform_loss(log_p, target, weight, ignore_index, reduction)
    return (1 - label_smoothing) * loss + (label_smoothing / log_p.shape[1]) * uniform


@legacy_reduction
@tensor_arguments
def nll_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    ignore_index: int = -100,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Return minus the log-probability (N, C, *) of the right class (N, *).

    The mean is over the weights of what is not ignored: nan where nothing is left. Arguments and
    errors are those of :func:`cross_entropy`.
    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.nll_loss.html

    >>> import minigrad as mg
    >>> nll_loss(mg.tensor([[-0.5, -1.0]]), mg.tensor([1]))
    tensor(1.)
    """
    check_reduction(reduction)
    if weight is not None:
        _check_weight(weight, input)
    options: Any = {"ignore_index": ignore_index, "reduction": reduction}
    if input.dtype == np.float16:
        weight = None if weight is None else weight.float()
        loss = nll_loss(input.float(), target, weight, **options)
        return loss.to(input.dtype)
    if input.ndim == 1:
        return nll_loss(input.unsqueeze(0), target.unsqueeze(0), weight, **options).reshape(())
    classes, counts = _checked_classes(input, target, ignore_index)
    losses = ops.nll(input, classes=classes)
    if weight is None and counts is None:
        return reduce_loss(losses, reduction)
    weights = _target_weights(classes, counts, weight, input.dtype)
    return _weighted_reduction(losses * weights, counts, weights, reduction)


def _check_weight(weight: Tensor, input: Tensor) -> None:
    if not input.ndim:
        return
    n = input.shape[min(1, input.ndim - 1)]
    if weight.shape != (n,):
        raise RuntimeError(
            f"weight tensor should be defined either for all {n} classes or no classes "
            f"but got weight tensor of shape: {list(weight.shape)}"
        )


def _checked_classes(
    input: Tensor, target: Tensor, ignore_index: int
) -> tuple[np.ndarray, np.ndarray | None]:
    """Return ``classes`` and ``counts``; raise for a target that does not fit the input."""
    classes = target._data
    if input.ndim < 2:
        raise ValueError(f"Expected 1 or more dimensions (got {input.ndim})")
    batch, n, *others = input.shape
    if classes.dtype.kind not in "iu":
        raise RuntimeError(
            f"expected target dtype to be Long or Byte, but got {target.dtype}; class indices are "
            f"integers {[batch, *others]}, probabilities floats {list(input.shape)}"
        )
    size = list(classes.shape)
    if not size or size[0] != batch:
        raise ValueError(
            f"Expected input batch_size ({batch}) to match "
            f"target batch_size ({size[0] if size else 1})."
        )
    if size[1:] != others:
        raise RuntimeError(f"Expected target size {[batch, *others]}, got {size}")
    # read as unsigned, a negative number is the highest of all
    highest = classes.view(f"u{classes.itemsize}").max(initial=0)
    if (highest < n or not classes.size) and not 0 <= ignore_index < n:
        return classes, None
    counts = classes != ignore_index
    outside = counts & ((classes < 0) | (classes >= n))
    if outside.any():
        first = classes[outside].flat[0]
        raise IndexError(f"Target {first} is out of bounds. Classes are 0 to {n - 1}.")
    return np.where(counts, classes, 0), counts


def _target_weights(
    classes: np.ndarray, counts: np.ndarray | None, weight: Tensor | None, dtype: Any
) -> Tensor:
    """Return the weight of each target, 0 for ignored ones."""
    mask = np.ones(classes.shape, dtype) if counts is None else counts.astype(dtype)
    weights: Tensor = Tensor._wrap(mask)
    return weights if weight is None else weight[classes] * weights


def _weighted_reduction(
    losses: Tensor, counts: np.ndarray | None, weights: Tensor, reduction: str
) -> Tensor:
    """Reduce losses, the mean over these weights.

    Ignored ones are 0, whatever they were, and their gradient is 0, whatever comes: infinities,
    where nothing is left to divide by.
    """
    if counts is not None:
        losses = where(Tensor._wrap(counts), losses, 0.0)
    if reduction == "mean":
        return losses.sum() / weights.sum()
    return reduce_loss(losses, reduction)


def _times_class_weights(log_p: Tensor, weight: Tensor | None) -> Tensor:
    if weight is None:
        return log_p
    shape = [1] * log_p.ndim
    shape[1] = -1
    return log_p * weight.reshape(shape)  # (1, C, 1…)


def _uniform_loss(
    log_p: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int, reduction: str
) -> Tensor:
    """Return the loss against all classes alike, which label smoothing mixes in."""
    classes, counts = _checked_classes(log_p, target, ignore_index)
    weights = _target_weights(classes, counts, weight, log_p.dtype)
    losses = -_times_class_weights(log_p, weight).sum(1)
    return _weighted_reduction(losses, counts, weights, reduction)


def _against_probabilities(
    log_p: Tensor, target: Tensor, weight: Tensor | None, reduction: str, smoothing: float
) -> Tensor:
    if not target.is_floating_point():
        raise RuntimeError(
            f"Expected floating point type for target with class probabilities, got {target.dtype}"
        )
    if smoothing:
        target = target * (1 - smoothing) + smoothing / log_p.shape[1]
    losses = -(_times_class_weights(log_p, weight) * target).sum(1)
    return reduce_loss(losses, reduction)


# ---- modules ------------------------------------------------------------------------------------
class NLLLoss(_WeightedLoss):
    """Minus the log-probability of the right class; see :func:`nll_loss`."""

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        ignore_index: int = -100,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(weight, reduction=reduction)
        self.ignore_index = ignore_index

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss."""
        options: Any = {"ignore_index": self.ignore_index, "reduction": self.reduction}
        return nll_loss(input, target, self.weight, **options)


class NLLLoss2d(NLLLoss):
    """As :class:`NLLLoss`, by its deprecated name."""

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        ignore_index: int = -100,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        warn(
            "`NLLLoss2d` has been deprecated. Please use `NLLLoss` instead as a drop-in "
            "replacement.",
            FutureWarning,
        )
        super().__init__(weight, ignore_index=ignore_index, reduction=reduction)


class CrossEntropyLoss(_WeightedLoss):
    """Cross-entropy of logits (N, C, *) against class indices (N, *) or probabilities (N, C, *).

    Arguments and errors are those of :func:`cross_entropy`.
    https://docs.pytorch.org/docs/stable/generated/torch.nn.CrossEntropyLoss.html

    >>> import minigrad as mg
    >>> from minigrad import nn
    >>> nn.CrossEntropyLoss()(mg.zeros(2, 10), mg.tensor([3, 7]))
    tensor(2.3026)
    """

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        ignore_index: int = -100,
        reduce: bool | None = None,
        reduction: str = "mean",
        label_smoothing: float = 0.0,
    ) -> None:
        super().__init__(weight, reduction=reduction)
        self.ignore_index = ignore_index
        self.label_smoothing = label_smoothing

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss."""
        options: Any = {
            "ignore_index": self.ignore_index,
            "reduction": self.reduction,
            "label_smoothing": self.label_smoothing,
        }
        return cross_entropy(input, target, self.weight, **options)
