"""Losses between scores of classes, on dimension 1, and the right class or its probabilities."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.functions.elementwise import where
from minigrad.nn.arguments import tensor_arguments
from minigrad.nn.loss import Loss, check_reduction, old_reduction, reduced
from minigrad.ops import loss as ops
from minigrad.tensor.tensor import Tensor


# ---- functions ----------------------------------------------------------------------------------
@old_reduction
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
    class that is not there, ValueError for batches of different size, RuntimeError for targets of
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
    if input.dtype == np.float16:  # counts and sums have no room in it
        wide: list[Any] = [
            x.float() if x is not None and x.is_floating_point() else x
            for x in (input, target, weight)
        ]
        return cross_entropy(*wide, **options).to(input.dtype)
    if input.ndim == 1:
        return cross_entropy(input.unsqueeze(0), target.unsqueeze(0), weight, **options).reshape(())
    if (
        weight is None
        and label_smoothing == 0
        and input.ndim == 2
        and target.ndim == 1
        and input.dtype.kind == "f"
    ):
        check_reduction(reduction)
        classes, kept = _classes(input, target, ignore_index)
        if kept is None:
            return ops.cross_entropy(input, classes=classes, reduction=reduction)  # type: ignore[no-any-return]
    log_p = input.log_softmax(1)
    if target.shape == input.shape:
        return _against_probabilities(log_p, target, weight, reduction, label_smoothing)
    loss = nll_loss(log_p, target, weight, ignore_index=ignore_index, reduction=reduction)
    if label_smoothing == 0:
        return loss
    uniform = _uniform_loss(log_p, target, weight, ignore_index, reduction)
    return (1 - label_smoothing) * loss + (label_smoothing / input.shape[1]) * uniform


@old_reduction
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
    """
    check_reduction(reduction)
    if weight is not None:
        _check_weight(weight, input)
    options: Any = {"ignore_index": ignore_index, "reduction": reduction}
    if input.dtype == np.float16:
        weight = None if weight is None else weight.float()
        return nll_loss(input.float(), target, weight, **options).to(input.dtype)
    if input.ndim == 1:
        return nll_loss(input.unsqueeze(0), target.unsqueeze(0), weight, **options).reshape(())
    classes, kept = _classes(input, target, ignore_index)
    right = ops.nll(input, classes=classes)
    if weight is None and kept is None:
        return reduced(right, reduction)
    weights = _weights(classes, kept, weight, input.dtype)
    return _averaged(right * weights, kept, weights, reduction)


def _check_weight(weight: Tensor, input: Tensor) -> None:
    if input.ndim and weight.shape != (n := input.shape[min(1, input.ndim - 1)],):
        raise RuntimeError(
            f"weight tensor should be defined either for all {n} classes or no classes but got weight tensor of "
            f"shape: {list(weight.shape)}"
        )


def _classes(
    input: Tensor, target: Tensor, ignore_index: int
) -> tuple[np.ndarray, np.ndarray | None]:
    """Return the checked targets, 0 in place of ignored ones, and which are kept (None: all)."""
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
            f"Expected input batch_size ({batch}) to match target batch_size ({size[0] if size else 1})."
        )
    if size[1:] != others:
        raise RuntimeError(f"Expected target size {[batch, *others]}, got {size}")
    highest = classes.view(f"u{classes.itemsize}").max(
        initial=0
    )  # a negative number is the highest of all
    if (highest < n or not classes.size) and not 0 <= ignore_index < n:
        return classes, None
    kept, outside = classes != ignore_index, (classes < 0) | (classes >= n)
    if (outside & kept).any():
        first = classes[outside & kept].flat[0]
        raise IndexError(f"Target {first} is out of bounds. Classes are 0 to {n - 1}.")
    return np.where(kept, classes, 0), kept


def _weights(
    classes: np.ndarray, kept: np.ndarray | None, weight: Tensor | None, dtype: Any
) -> Tensor:
    """Return the weight of each target, 0 for ignored ones."""
    mask = Tensor._wrap((np.ones(classes.shape) if kept is None else kept).astype(dtype))
    return mask if weight is None else weight[classes] * mask


def _averaged(losses: Tensor, kept: np.ndarray | None, weights: Tensor, reduction: str) -> Tensor:
    """Reduce losses, the mean over these weights. Ignored ones are 0, whatever they were, and their gradient is 0,
    whatever comes: infinities, where nothing is left to divide by."""
    if kept is not None:
        losses = where(Tensor._wrap(kept), losses, 0.0)
    return losses.sum() / weights.sum() if reduction == "mean" else reduced(losses, reduction)


def _of_classes(log_p: Tensor, weight: Tensor | None) -> Tensor:
    return log_p if weight is None else log_p * weight.reshape((1, -1) + (1,) * (log_p.ndim - 2))


def _uniform_loss(
    log_p: Tensor, target: Tensor, weight: Tensor | None, ignore_index: int, reduction: str
) -> Tensor:
    """Return the loss against all classes alike, which label smoothing mixes in."""
    classes, kept = _classes(log_p, target, ignore_index)
    losses = -_of_classes(log_p, weight).sum(1)
    return _averaged(losses, kept, _weights(classes, kept, weight, log_p.dtype), reduction)


def _against_probabilities(
    log_p: Tensor, target: Tensor, weight: Tensor | None, reduction: str, smoothing: float
) -> Tensor:
    if not target.is_floating_point():
        raise RuntimeError(
            f"Expected floating point type for target with class probabilities, got {target.dtype}"
        )
    if smoothing:
        target = target * (1 - smoothing) + smoothing / log_p.shape[1]
    losses = -(_of_classes(log_p, weight) * target).sum(1)
    return reduced(losses, reduction)


@tensor_arguments
def one_hot(tensor: Tensor, num_classes: int = -1) -> Tensor:
    """Return int64 (*, num_classes) with a 1 at each index; -1 takes as many as are needed.

    Raises RuntimeError for a class that is not there, and for another dtype than int64.

    >>> import minigrad as mg
    >>> one_hot(mg.tensor([0, 2])).tolist()
    [[1, 0, 0], [0, 0, 1]]
    """
    if tensor.dtype != np.int64:
        raise RuntimeError(
            f"one_hot is only applicable to index tensor of type LongTensor, got {tensor.dtype}."
        )
    indices = tensor.numpy()
    if not indices.size and num_classes <= 0:
        raise RuntimeError("Can not infer total number of classes from empty tensor.")
    n = num_classes if num_classes != -1 else int(indices.max()) + 1
    if indices.size and not 0 <= int(indices.min()) <= int(indices.max()) < n:
        wrong = "non-negative" if indices.min() < 0 else "smaller than num_classes"
        raise RuntimeError(f"Class values must be {wrong}.")
    return Tensor._wrap((indices[..., None] == np.arange(n)).astype(np.int64, order="C"))


# ---- modules ------------------------------------------------------------------------------------
class NLLLoss(Loss):
    """Minus the log-probability of the right class; see :func:`nll_loss`."""

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        ignore_index: int = -100,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(reduction=reduction)
        self.register_buffer("weight", weight)
        self.ignore_index = ignore_index

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss."""
        options: Any = {"ignore_index": self.ignore_index, "reduction": self.reduction}
        return nll_loss(input, target, self.weight, **options)


class CrossEntropyLoss(Loss):
    """Cross-entropy of logits (N, C, *) against class indices (N, *) or probabilities (N, C, *).

    Arguments and errors are those of :func:`cross_entropy`.
    https://docs.pytorch.org/docs/stable/generated/torch.nn.CrossEntropyLoss.html

    >>> import minigrad as mg
    >>> from minigrad import nn
    >>> nn.CrossEntropyLoss()(mg.zeros(2, 10), mg.tensor([3, 7]))
    tensor(2.3026)
    """

    def __init__(self, weight: Tensor | None = None, size_average: bool | None = None, ignore_index: int = -100, reduce: bool | None = None, reduction: str = "mean",
                 label_smoothing: float = 0.0) -> None:  # fmt: skip
        super().__init__(reduction=reduction)
        self.register_buffer("weight", weight)
        self.ignore_index, self.label_smoothing = ignore_index, label_smoothing

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss."""
        options: Any = {
            name: getattr(self, name) for name in ("ignore_index", "reduction", "label_smoothing")
        }
        return cross_entropy(input, target, self.weight, **options)
