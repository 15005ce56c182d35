"""Losses that are zero once the right answer leads by a margin.

Targets are +1 or −1 where two things are compared, class indices where classes are.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from minigrad.functions import elementwise as e
from minigrad.functions.elementwise import where
from minigrad.nn.arguments import as_tensor_argument, tensor_arguments
from minigrad.nn.distance import PairwiseDistance, pairwise_distance
from minigrad.nn.losses.reduction import check_reduction, legacy_reduction, reduce_loss
from minigrad.ops.elementwise import softplus
from minigrad.ranges import arange
from minigrad.tensor.tensor import Tensor


# ---- two things compared -------------------------------------------------------------------------
@legacy_reduction
@tensor_arguments
def hinge_embedding_loss(
    input: Tensor,
    target: Tensor,
    margin: float = 1.0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Return the input where the target is 1, max(0, margin − input) where it is −1.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.hinge_embedding_loss.html

    >>> import minigrad as mg
    >>> hinge_embedding_loss(mg.tensor([0.5, 0.5]), mg.tensor([1, -1]))
    tensor(0.5000)
    """
    near = where(target != -1, input, 0.0)
    far = where(target != 1, (margin - input).clamp(min=0), 0.0)
    return reduce_loss(near + far, reduction)


@legacy_reduction
@tensor_arguments
def soft_margin_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Return log(1 + exp(−target · input)).

    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.soft_margin_loss.html

    >>> import minigrad as mg
    >>> soft_margin_loss(mg.zeros(2), mg.ones(2))
    tensor(0.6931)
    """
    return reduce_loss(softplus(-target * input), reduction)


@legacy_reduction
@tensor_arguments
def margin_ranking_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Return max(0, margin − target · (input1 − input2)).

    Raises RuntimeError for tensors of different rank.
    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.margin_ranking_loss.html

    >>> import minigrad as mg
    >>> margin_ranking_loss(mg.zeros(1), mg.ones(1), mg.tensor([1.0]))
    tensor(1.)
    """
    if not input1.ndim == input2.ndim == target.ndim:
        raise RuntimeError(
            "margin_ranking_loss : All input tensors should have same dimension but got sizes: "
            f"input1: {input1.shape}, input2: {input2.shape}, target: {target.shape} "
        )
    return reduce_loss((margin - target * (input1 - input2)).clamp(min=0), reduction)


@legacy_reduction
@tensor_arguments
def cosine_embedding_loss(
    input1: Tensor,
    input2: Tensor,
    target: Tensor,
    margin: float = 0,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Return 1 − cos where the target (N,) is 1, max(0, cos − margin) where it is −1.

    cos is that of the angle between the rows of (N, D), (N, D). Raises RuntimeError for other
    ranks.
    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.cosine_embedding_loss.html

    >>> import minigrad as mg
    >>> cosine_embedding_loss(mg.tensor([[1.0, 0.0]]), mg.tensor([[0.0, 1.0]]), mg.tensor([1]))
    tensor(1.)
    """
    _check_cosine(input1, input2, target)
    tiny = 1e-12
    square1 = (input1 * input1).sum(-1) + tiny
    square2 = (input2 * input2).sum(-1) + tiny
    product = (input1 * input2).sum(-1)
    cosine = product / e.sqrt(square1 * square2)
    excess = (cosine - margin).clamp(min=0)
    same = where(target == 1, 1 - cosine, 0.0)
    other = where(target == -1, excess, 0.0)
    return reduce_loss(same + other, reduction)


def _check_cosine(input1: Tensor, input2: Tensor, target: Tensor) -> None:
    rank = target.ndim + 1
    if target.ndim > 1:
        raise RuntimeError(
            f"0D or 1D target tensor expected, multi-target not supported, got {target.ndim}D"
        )
    if (input1.ndim, input2.ndim) != (rank, rank):
        raise RuntimeError(
            f"{target.ndim}D target tensor expects {rank}D input tensors, but found inputs with "
            f"sizes {list(input1.shape)} and {list(input2.shape)}."
        )


@legacy_reduction
@tensor_arguments
def triplet_margin_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    margin: float = 1.0,
    p: float = 2,
    eps: float = 1e-6,
    swap: bool = False,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Return max(0, margin + d(anchor, positive) − d(anchor, negative)), d the p-norm's distance.

    With ``swap`` the positive's distance to the negative counts where it is smaller. Raises
    ValueError unless the margin is positive.
    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.triplet_margin_loss.html

    >>> import minigrad as mg
    >>> triplet_margin_loss(mg.zeros(1, 2), mg.zeros(1, 2), mg.ones(1, 2)) < 1
    tensor(True)
    """
    distance = PairwiseDistance(p, eps)
    return _triplet(anchor, positive, negative, distance, margin, swap, reduction)


def triplet_margin_with_distance_loss(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    *,
    distance_function: Callable[[Tensor, Tensor], Tensor] | None = None,
    margin: float = 1.0,
    swap: bool = False,
    reduction: str = "mean",
) -> Tensor:
    """As :func:`triplet_margin_loss`, with a distance of one's own (pairwise_distance by default).

    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.triplet_margin_with_distance_loss.html

    >>> import minigrad as mg
    >>> triplet_margin_with_distance_loss(mg.zeros(1, 2), mg.zeros(1, 2), mg.ones(1, 2)) < 1
    tensor(True)
    """
    operands = {"anchor": anchor, "positive": positive, "negative": negative}
    anchor, positive, negative = (
        as_tensor_argument(x, "triplet_margin_with_distance_loss", name, place)
        for place, (name, x) in enumerate(operands.items(), 1)
    )
    distance = distance_function or pairwise_distance
    return _triplet(anchor, positive, negative, distance, margin, swap, reduction)


def _triplet(
    anchor: Tensor,
    positive: Tensor,
    negative: Tensor,
    distance: Callable[[Tensor, Tensor], Tensor],
    margin: float,
    swap: bool,
    reduction: str,
) -> Tensor:
    check_reduction(reduction)
    if margin <= 0:
        raise ValueError(f"margin must be greater than 0, got {margin}")
    if not anchor.ndim == positive.ndim == negative.ndim:
        raise RuntimeError(
            "The anchor, positive, and negative tensors are expected to have the same number of "
            f"dimensions, but got: anchor {anchor.ndim}D, positive {positive.ndim}D, and negative "
            f"{negative.ndim}D inputs"
        )
    near, far = distance(anchor, positive), distance(anchor, negative)
    if swap:
        far = e.minimum(far, distance(positive, negative))
    return reduce_loss((margin + near - far).clamp(min=0), reduction)


# ---- classes -------------------------------------------------------------------------------------
@legacy_reduction
@tensor_arguments
def multi_margin_loss(
    input: Tensor,
    target: Tensor,
    p: int = 1,
    margin: float = 1.0,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Return the mean over classes of max(0, margin − x[target] + x[i]) ** p, i not the target.

    Input (N, C) or (C,), target (N,) or (); ``weight`` (C,) is the target's. Raises ValueError for
    another p.
    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.multi_margin_loss.html

    >>> import minigrad as mg
    >>> multi_margin_loss(mg.tensor([[0.0, 1.0]]), mg.tensor([0]))
    tensor(1.)
    """
    if p not in (1, 2):
        raise ValueError(f"only p == 1 and p == 2 supported, got {p}")
    if weight is not None and weight.ndim != 1:
        raise ValueError(f"weight must be one-dimensional, got {weight.ndim} dimensions")
    index = target.unsqueeze(-1)
    classes = input.shape[-1]
    correct = input.gather(-1, index)
    behind = (margin - correct + input).clamp(min=0) ** p
    others = index != arange(classes)
    loss = where(others, behind, 0.0)
    if weight is not None:
        loss = loss * weight[target].unsqueeze(-1)
    return reduce_loss(loss.sum(-1) / classes, reduction)


@legacy_reduction
@tensor_arguments
def multilabel_margin_loss(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Return Σ max(0, 1 − x[j] + x[i]) / C over labels j and classes i that are no label.

    Input (N, C) or (C,); the target, of the same shape, lists each sample's labels up to the first
    −1. Raises RuntimeError for another shape and for a class that there is not.
    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.multilabel_margin_loss.html

    >>> import minigrad as mg
    >>> multilabel_margin_loss(mg.tensor([[0.0, 1.0]]), mg.tensor([[0, -1]]))
    tensor(1.)
    """
    if input.shape != target.shape:
        raise RuntimeError(
            f"inconsistent target size: {list(target.shape)} for input of size: {list(input.shape)}"
        )
    classes = input.shape[-1]
    if (target._data < -1).any() or (target._data >= classes).any():
        span = f"{target._data.min()} to {target._data.max()}"
        raise RuntimeError(f"target is out of range: {span} with {classes} classes")
    listed = np.cumprod(target._data >= 0, axis=-1).astype(bool)  # up to the first -1
    labels = np.where(listed, target._data, 0)
    is_class = labels[..., None] == np.arange(classes)  # (*, labels, classes)
    is_label = (is_class & listed[..., None]).any(-2)
    scores = input.gather(-1, Tensor._wrap(labels)).unsqueeze(-1)  # (*, labels, 1)
    behind = (1 - scores + input.unsqueeze(-2)).clamp(min=0)  # (*, labels, classes)
    others = ~is_label[..., None, :]
    pairs = listed[..., :, None] & others
    sums = where(Tensor._wrap(pairs), behind, 0.0).sum((-2, -1))
    return reduce_loss(sums / classes, reduction)


@legacy_reduction
@tensor_arguments
def multilabel_soft_margin_loss(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Return the mean over classes of the binary cross-entropy of each: (*, C), (*, C) -> (*).

    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.multilabel_soft_margin_loss.html

    >>> import minigrad as mg
    >>> multilabel_soft_margin_loss(mg.zeros(1, 2), mg.ones(1, 2))
    tensor(0.6931)
    """
    loss = target * softplus(-input) + (1 - target) * softplus(input)
    if weight is not None:
        loss = loss * weight
    return reduce_loss(loss.sum(-1) / input.shape[-1], reduction)
