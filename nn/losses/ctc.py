"""Connectionist temporal classification (Graves et al., 2006): labels without their times.

T steps, N samples, C classes, S the longest target, L = 2 S + 1 places: the labels with a blank
before, between and behind them.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.functions.joining import cat, stack
from minigrad.nn.arguments import tensor_arguments
from minigrad.nn.losses.reduction import _Loss, check_reduction
from minigrad.tensor.tensor import Tensor

_NEVER = -1e30  # the logarithm of 0, with a gradient that is a number


@tensor_arguments
def ctc_loss(
    log_probs: Tensor,
    targets: Tensor,
    input_lengths: Any,
    target_lengths: Any,
    blank: int = 0,
    reduction: str = "mean",
    zero_infinity: bool = False,
) -> Tensor:
    """Return minus the log-probability of all ways to read each target from its sequence.

    ``log_probs`` is (T, N, C) or (T, C), ``targets`` (N, S), or all one behind the other. A target
    longer than its sequence costs infinity, 0 with ``zero_infinity``. 'mean' divides each loss by
    its target's length first. Raises RuntimeError for lengths that do not fit.
    https://www.cs.toronto.edu/~graves/icml_2006.pdf, equations 5 to 8;
    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.ctc_loss.html

    >>> import minigrad as mg
    >>> log_probs = mg.zeros(2, 1, 2).log_softmax(-1)
    >>> ctc_loss(log_probs, mg.tensor([[1]]), [2], [1])  # 1 1, 1 -, - 1: three of four ways
    tensor(0.2877)
    """
    check_reduction(reduction)
    if not log_probs.is_floating_point():
        raise NotImplementedError(f"ctc_loss: not implemented for {log_probs.dtype}")
    batched = log_probs.ndim == 3
    if not batched:
        log_probs = log_probs.unsqueeze(1)
        targets = targets.unsqueeze(0)
    lengths = _lengths("input_lengths", input_lengths, log_probs.shape[1])
    sizes = _lengths("target_lengths", target_lengths, log_probs.shape[1])
    labels = _rows(targets._data, sizes)
    _check(log_probs, lengths, blank)
    losses = _losses(log_probs, labels, lengths, sizes, blank)
    impossible = Tensor._wrap(losses._data > -_NEVER / 2)
    losses = losses.masked_fill(impossible, 0.0 if zero_infinity else np.inf)
    if reduction == "mean":
        counts = Tensor._wrap(np.maximum(sizes, 1).astype(losses.dtype))
        return (losses / counts).mean()
    if reduction == "sum":
        return losses.sum()
    return losses if batched else losses.squeeze(0)


def _losses(
    log_probs: Tensor, labels: np.ndarray, lengths: np.ndarray, sizes: np.ndarray, blank: int
) -> Tensor:
    """Return the loss (N,) of each sample: the forward variables of all places, step by step."""
    steps, n, _ = log_probs.shape
    places = np.full((n, 2 * labels.shape[1] + 1), blank)  # (N, L)
    places[:, 1::2] = labels
    index = np.tile(places, (steps, 1, 1))
    read = log_probs.clamp(min=_NEVER).gather(2, Tensor._wrap(index))  # (T, N, L)
    closed = ~_may_skip(places, blank)
    beyond = np.arange(places.shape[1]) >= 2  # a path begins at the first blank or label
    alpha = read[0].masked_fill(Tensor._wrap(beyond), _NEVER)
    for t in range(1, steps):
        skipping = _behind(alpha, 2).masked_fill(closed, _NEVER)
        ways = stack([alpha, _behind(alpha, 1), skipping])
        step = ways.logsumexp(0) + read[t]
        running = Tensor._wrap((t < lengths)[:, None])
        alpha = step.where(running, alpha)
    return -_at_the_end(alpha, lengths, sizes)


def _behind(alpha: Tensor, places: int) -> Tensor:
    """Return what stands so many places before each place."""
    nothing = alpha.new_full((alpha.shape[0], places), _NEVER)
    return cat([nothing, alpha], 1)[:, : alpha.shape[1]]


def _may_skip(places: np.ndarray, blank: int) -> Tensor:
    """Return where the blank before a label may be left out: not between equal labels."""
    skips = places != blank
    skips[:, 2:] &= places[:, 2:] != places[:, :-2]
    return Tensor._wrap(skips)


def _at_the_end(alpha: Tensor, lengths: np.ndarray, sizes: np.ndarray) -> Tensor:
    """Return the log-probability of having read everything: at the last label or the last blank."""
    last_blank = 2 * sizes
    last_label = np.maximum(last_blank - 1, 0)
    ends = np.stack([last_blank, last_label], 1)
    values = alpha.gather(1, Tensor._wrap(ends))  # (N, 2)
    without_label = np.stack([sizes < 0, sizes == 0], 1)
    total = values.masked_fill(Tensor._wrap(without_label), _NEVER).logsumexp(1)
    reads_nothing = Tensor._wrap(lengths == 0)
    of_no_steps = np.where(sizes == 0, 0.0, _NEVER)
    chances = Tensor._wrap(of_no_steps.astype(alpha.dtype))
    return chances.where(reads_nothing, total)


def _lengths(name: str, values: Any, n: int) -> np.ndarray:
    array = np.asarray(values.numpy() if isinstance(values, Tensor) else values, np.int64)
    array = array.reshape(-1)
    if len(array) != n:
        raise RuntimeError(f"{name} must be of size batch_size, got {len(array)} for {n}")
    return array


def _rows(targets: np.ndarray, sizes: np.ndarray) -> np.ndarray:
    """Return the targets (N, S) as integers, whatever stands behind each one's length."""
    longest = int(sizes.max(initial=0))
    needed = longest if targets.ndim == 2 else int(sizes.sum())
    fits = targets.shape[-1] >= needed if targets.ndim == 2 else targets.shape[0] == needed
    if not fits or (targets.ndim == 2 and len(targets) != len(sizes)):
        raise RuntimeError(
            f"Expected tensor to have size {needed} at dimension {targets.ndim - 1}, but got "
            f"targets of shape {list(targets.shape)} for target_lengths {sizes.tolist()}"
        )
    rows = np.zeros((len(sizes), longest), np.int64)
    inside = np.arange(longest) < sizes[:, None]
    if targets.ndim == 2:
        rows[inside] = targets[:, :longest][inside]
    else:
        rows[inside] = targets
    return rows


def _check(log_probs: Tensor, lengths: np.ndarray, blank: int) -> None:
    steps, _, classes = log_probs.shape
    if not 0 <= blank < classes:
        raise RuntimeError(f"blank must be in label range, got {blank} of {classes} classes")
    if lengths.max(initial=0) > steps:
        raise RuntimeError(
            f"Expected input_lengths to have value at most {steps}, but got value {lengths.max()}"
        )


class CTCLoss(_Loss):
    """Minus the log-probability of all ways to read targets from sequences; see :func:`ctc_loss`.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.CTCLoss.html
    """

    def __init__(
        self, blank: int = 0, reduction: str = "mean", zero_infinity: bool = False
    ) -> None:
        super().__init__(reduction=reduction)
        self.blank = blank
        self.zero_infinity = zero_infinity

    def forward(
        self, log_probs: Tensor, targets: Tensor, input_lengths: Any, target_lengths: Any
    ) -> Tensor:
        """Return the loss."""
        options = (self.blank, self.reduction, self.zero_infinity)
        return ctc_loss(log_probs, targets, input_lengths, target_lengths, *options)
