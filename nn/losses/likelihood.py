"""Losses that are likelihoods: how probable the target is under what the input describes."""

from __future__ import annotations

import math
from typing import Any

from minigrad.functions import elementwise as e
from minigrad.functions.elementwise import where
from minigrad.nn.arguments import tensor_arguments
from minigrad.nn.losses.reduction import _Loss, check_reduction, legacy_reduction, reduce_loss
from minigrad.silence import warn
from minigrad.tensor.tensor import Tensor


@legacy_reduction
@tensor_arguments
def kl_div(
    input: Tensor,
    target: Tensor,
    size_average: bool | None = None,
    reduce: bool | None = None,
    reduction: str = "mean",
    log_target: bool = False,
) -> Tensor:
    """Return target · (log target − input), ``input`` being a log-probability.

    'batchmean' divides the sum by the first dimension, as the mathematical divergence does; 'mean'
    divides by the number of elements, with PyTorch's warning. ``log_target`` says that the target
    is one, too.
    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.kl_div.html

    >>> import minigrad as mg
    >>> p = mg.tensor([0.5, 0.5])
    >>> kl_div(mg.tensor([0.25, 0.75]).log(), p, reduction="sum")
    tensor(0.1438)
    """
    if reduction == "mean":
        warn(
            "reduction: 'mean' divides the total loss by both the batch size and the support size."
            "'batchmean' divides only by the batch size, and aligns with the KL div math "
            "definition.'mean' will be changed to behave the same as 'batchmean' in the next major "
            "release."
        )
    loss = _divergence(input, target, log_target)
    if reduction != "batchmean":
        return reduce_loss(loss, reduction)
    return loss.sum() / input.shape[0] if input.ndim else loss.sum()


def _divergence(input: Tensor, target: Tensor, log_target: bool) -> Tensor:
    if log_target:
        return e.exp(target) * (target - input)
    return e.xlogy(target, target) - target * input


@legacy_reduction
@tensor_arguments
def poisson_nll_loss(
    input: Tensor,
    target: Tensor,
    log_input: bool = True,
    full: bool = False,
    size_average: bool | None = None,
    eps: float = 1e-8,
    reduce: bool | None = None,
    reduction: str = "mean",
) -> Tensor:
    """Return exp(input) − target · input: the negative logarithm of a Poisson probability.

    Without ``log_input``, input is the rate itself: input − target · log(input + eps). ``full``
    adds Stirling's approximation of log(target!), where target is above 1.
    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.poisson_nll_loss.html

    >>> import minigrad as mg
    >>> poisson_nll_loss(mg.zeros(2), mg.ones(2))
    tensor(1.)
    """
    check_reduction(reduction)
    loss = e.exp(input) - target * input if log_input else input - target * e.log(input + eps)
    if full:
        loss = loss + _log_factorial(target)
    return reduce_loss(loss, reduction)


def _log_factorial(target: Tensor) -> Tensor:
    """Return Stirling's approximation of log(target!), 0 where target is not above 1."""
    above = where(target > 1, target, 1.0)  # keeps the logarithm finite where it is not used
    stirling = above * e.log(above) - above + 0.5 * e.log(2 * math.pi * above)
    return where(target > 1, stirling, 0.0)


@tensor_arguments
def gaussian_nll_loss(
    input: Tensor,
    target: Tensor,
    var: Tensor | float,
    full: bool = False,
    eps: float = 1e-6,
    reduction: str = "mean",
) -> Tensor:
    """Return ½ (log var + (input − target)² / var), no variance below ``eps``.

    ``var`` has the input's shape, lacks its last dimension or has one there, or is a float.
    ``full`` adds ½ log 2π. Raises ValueError for negative variances and for another shape.
    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.gaussian_nll_loss.html

    >>> import minigrad as mg
    >>> gaussian_nll_loss(mg.zeros(2), mg.ones(2), 1.0)
    tensor(0.5000)
    """
    check_reduction(reduction)
    if isinstance(var, float):
        var = input.new_full(input.shape, var)
    if (var < 0).any():
        raise ValueError(f"var has negative entry/entries, the least is {var.min().item()}")
    var = _fitted(var, input)
    floor = var.detach().clamp(min=eps) - var.detach()
    var = var + floor  # the gradient is the variance's all the same
    distance = e.square(input - target) / var
    loss = 0.5 * (e.log(var) + distance)
    if full:
        loss = loss + 0.5 * math.log(2 * math.pi)
    return reduce_loss(loss, reduction)


def _fitted(var: Tensor, input: Tensor) -> Tensor:
    if var.shape == input.shape:
        return var
    if var.shape == input.shape[:-1]:
        return var.unsqueeze(-1)
    if var.ndim == input.ndim:
        others = [b for a, b in zip(input.shape, var.shape, strict=True) if a != b]
        if others == [1]:
            return var
    raise ValueError(
        f"var is of incorrect size: expected {tuple(input.shape)}, {tuple(input.shape[:-1])} or "
        f"one dimension of 1, got {tuple(var.shape)}"
    )


# ---- modules ------------------------------------------------------------------------------------
class KLDivLoss(_Loss):
    """The Kullback-Leibler divergence of ``input``, a log-probability, from the target.

    See :func:`kl_div`. https://docs.pytorch.org/docs/stable/generated/torch.nn.KLDivLoss.html
    """

    def __init__(
        self,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
        log_target: bool = False,
    ) -> None:
        super().__init__(reduction="sum" if reduction == "batchmean" else reduction)
        self.reduction = reduction
        self.log_target = log_target

    def forward(self, input: Tensor, target: Tensor) -> Tensor:
        """Return the loss."""
        return kl_div(input, target, reduction=self.reduction, log_target=self.log_target)


class PoissonNLLLoss(_Loss):
    """The negative logarithm of a Poisson probability; see :func:`poisson_nll_loss`.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.PoissonNLLLoss.html
    """

    def __init__(
        self,
        log_input: bool = True,
        full: bool = False,
        size_average: bool | None = None,
        eps: float = 1e-8,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(reduction=reduction)
        self.log_input = log_input
        self.full = full
        self.eps = eps

    def forward(self, log_input: Tensor, target: Tensor) -> Tensor:
        """Return the loss."""
        options: Any = {"log_input": self.log_input, "full": self.full, "eps": self.eps}
        return poisson_nll_loss(log_input, target, reduction=self.reduction, **options)


class GaussianNLLLoss(_Loss):
    """The negative logarithm of a Gaussian density; see :func:`gaussian_nll_loss`.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.GaussianNLLLoss.html
    """

    def __init__(self, *, full: bool = False, eps: float = 1e-6, reduction: str = "mean") -> None:
        super().__init__(reduction=reduction)
        self.full, self.eps = full, eps

    def forward(self, input: Tensor, target: Tensor, var: Tensor | float) -> Tensor:
        """Return the loss."""
        return gaussian_nll_loss(input, target, var, self.full, self.eps, self.reduction)
