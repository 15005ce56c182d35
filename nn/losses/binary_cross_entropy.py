"""Binary cross-entropy, of probabilities and of logits."""

from __future__ import annotations

from typing import Any

from minigrad.nn.arguments import tensor_arguments
from minigrad.nn.losses.reduction import _Loss, _WeightedLoss, legacy_reduction, reduce_loss
from minigrad.ops import loss as ops
from minigrad.tensor.tensor import Tensor


# ---- functions ----------------------------------------------------------------------------------
@legacy_reduction
@tensor_arguments
def binary_cross_entropy(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Return the cross-entropy of probabilities against probabilities.

    No logarithm goes below -100; ``weight`` scales each element. Raises ValueError where shapes
    differ, RuntimeError outside [0, 1] and for a target that is not a float. Of logits, and exact
    for any of them: :func:`binary_cross_entropy_with_logits`.
    https://docs.pytorch.org/docs/stable/generated/torch.nn.BCELoss.html

    >>> import minigrad as mg
    >>> binary_cross_entropy(mg.tensor([0.5, 0.0]), mg.tensor([1.0, 1.0]), reduction="none")
    tensor([  0.6931, 100.0000])
    """
    if input.shape != target.shape:
        raise ValueError(
            f"Using a target size ({list(target.shape)}) that is different to the input size "
            f"({list(input.shape)}) is deprecated. Please ensure they have the same size."
        )
    if target.dtype != input.dtype:
        raise RuntimeError(f"Found dtype {target.dtype} but expected {input.dtype}")
    for name, values in (("input", input._data), ("target", target._data)):
        inside = (values >= 0) & (values <= 1)
        if not inside.all():
            first = values[~inside].flat[0]
            raise RuntimeError(f"all elements of {name} should be between 0 and 1, got {first}")
    loss = ops.binary_cross_entropy(input, target)
    return reduce_loss(loss if weight is None else loss * weight, reduction)


@legacy_reduction
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

    >>> import minigrad as mg
    >>> binary_cross_entropy_with_logits(mg.tensor([0.0, 200.0]), mg.tensor([1.0, 1.0]))
    tensor(0.3466)
    """
    if input.shape != target.shape:
        raise ValueError(
            f"Target size ({list(target.shape)}) must be the same as "
            f"input size ({list(input.shape)})"
        )
    positive = 1.0 if pos_weight is None else pos_weight
    loss = ops.binary_cross_entropy_of_logits(input, target, positive)
    return reduce_loss(loss if weight is None else loss * weight, reduction)


# ---- modules ------------------------------------------------------------------------------------
class BCELoss(_WeightedLoss):
    """Binary cross-entropy of probabilities; see :func:`binary_cross_entropy`."""

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(weight, reduction=reduction)

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss."""
        return binary_cross_entropy(input, target, self.weight, reduction=self.reduction)


class BCEWithLogitsLoss(_Loss):
    """Sigmoid and binary cross-entropy in one; see :func:`binary_cross_entropy_with_logits`."""

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
        pos_weight: Tensor | None = None,
    ) -> None:
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
