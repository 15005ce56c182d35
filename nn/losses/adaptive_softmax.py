"""Log-probabilities of very many classes, the rare ones in clusters of their own.

https://arxiv.org/abs/1609.04309
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, NamedTuple

from minigrad.functions.joining import cat
from minigrad.nn.container import ModuleList, Sequential
from minigrad.nn.linear import Linear
from minigrad.nn.module import Module
from minigrad.nn.softmax import log_softmax
from minigrad.tensor.tensor import Tensor


class ASMoutput(NamedTuple):
    """What :class:`AdaptiveLogSoftmaxWithLoss` returns."""

    output: Tensor
    loss: Tensor

    def __repr__(self) -> str:
        return f"_ASMoutput(output={self.output!r}, loss={self.loss!r})"


class AdaptiveLogSoftmaxWithLoss(Module):
    """Log-probability of each target and their mean loss: (N, in_features), (N,) -> (N,), ().

    Classes are numbered by falling frequency. Those below ``cutoffs[0]`` stand in the head, those
    between two cutoffs in a cluster of the tail, of ``in_features / div_value ** i`` features.
    Input and target may come without N. Raises ValueError for cutoffs that do not rise,
    RuntimeError for shapes that do not fit and targets out of range.
    https://docs.pytorch.org/docs/stable/generated/torch.nn.AdaptiveLogSoftmaxWithLoss.html

    >>> import minigrad as mg
    >>> from minigrad import nn
    >>> layer = nn.AdaptiveLogSoftmaxWithLoss(16, 20, cutoffs=[5, 10])
    >>> output, loss = layer(mg.randn(3, 16), mg.tensor([0, 7, 19]))
    >>> output.shape, bool(loss == -output.mean())
    ((3,), True)
    """

    def __init__(
        self,
        in_features: int,
        n_classes: int,
        cutoffs: Sequence[int],
        div_value: float = 4.0,
        head_bias: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__()
        limits = list(cutoffs)
        _check_cutoffs(limits, n_classes)
        self.in_features = in_features
        self.n_classes = n_classes
        self.cutoffs = [*limits, n_classes]
        self.div_value = div_value
        self.head_bias = head_bias
        self.shortlist_size = limits[0]
        self.n_clusters = len(limits)
        self.head_size = self.shortlist_size + self.n_clusters
        self.head = Linear(in_features, self.head_size, head_bias, device, dtype)
        self.tail = ModuleList()
        for i, (low, high) in enumerate(pairwise(self.cutoffs), 1):
            hidden = int(in_features // div_value**i)
            inner = Linear(in_features, hidden, False, device, dtype)
            outer = Linear(hidden, high - low, False, device, dtype)
            self.tail.append(Sequential(inner, outer))

    def reset_parameters(self) -> None:
        """Draw new initial values."""
        self.head.reset_parameters()
        for inner, outer in self.tail:
            inner.reset_parameters()
            outer.reset_parameters()

    def forward(self, input_: Tensor, target_: Tensor) -> ASMoutput:
        """Return the log-probability of each target, and minus their mean."""
        _check_shapes(input_, target_)
        if target_.ndim == 0:
            output, loss = self.forward(input_.unsqueeze(0), target_.unsqueeze(0))
            return ASMoutput(output.squeeze(0), loss)
        last = self.n_classes - 1
        outside = (target_ < 0) | (target_ > last)
        if outside.any():
            raise RuntimeError(
                f"Target values should be in [0, {last}], but values in range "
                f"[{target_.min().item()}, {target_.max().item()}] were found. "
            )
        in_head = target_.clone()
        output = input_.new_zeros(target_.shape[0])
        for i, (low, high) in enumerate(pairwise(self.cutoffs)):
            in_cluster = (target_ >= low) & (target_ < high)
            rows = in_cluster.nonzero().squeeze(1)
            if not rows.numel():
                continue
            in_head[rows] = self.shortlist_size + i
            logits = self.tail[i](input_.index_select(0, rows))
            places = (target_[rows] - low).unsqueeze(1)
            found = log_softmax(logits, dim=1).gather(1, places)
            output = output.index_add(0, rows, found.squeeze(1))
        head = log_softmax(self.head(input_), dim=1)
        output = output + head.gather(1, in_head.unsqueeze(1)).squeeze(1)
        return ASMoutput(output, -output.mean())

    def log_prob(self, input: Tensor) -> Tensor:
        """Return the log-probability of every class: (N, in_features) -> (N, n_classes)."""
        head = log_softmax(self.head(input), dim=1)
        parts = [head[:, : self.shortlist_size]]
        for i, cluster in enumerate(self.tail):
            within = log_softmax(cluster(input), dim=1)
            of_cluster = head[:, self.shortlist_size + i]
            parts.append(within + of_cluster.unsqueeze(1))
        return cat(parts, 1)

    def predict(self, input: Tensor) -> Tensor:
        """Return the likeliest class: (N, in_features) -> (N,).

        Where the head says a class of its own, that is it; otherwise the likeliest of all.
        """
        best = self.head(input).argmax(1)
        in_tail = best >= self.shortlist_size
        if in_tail.any():
            best[in_tail] = self.log_prob(input[in_tail]).argmax(1)
        return best


def _check_cutoffs(cutoffs: list[int], n_classes: int) -> None:
    if not cutoffs:
        raise ValueError("cutoffs should be a sequence of length larger than 0, got none")
    rise = all(low < high for low, high in pairwise([0, *cutoffs, n_classes]))
    whole = all(int(cutoff) == cutoff for cutoff in cutoffs)
    if not rise or not whole:
        raise ValueError(
            "cutoffs should be a sequence of unique, positive integers sorted in an increasing "
            f"order, where each value is between 1 and n_classes-1, got {cutoffs}"
        )


def _check_shapes(input: Tensor, target: Tensor) -> None:
    if target.ndim > 1:
        raise RuntimeError(
            f"0D or 1D target tensor expected, multi-target not supported, got {list(target.shape)}"
        )
    if input.ndim != target.ndim + 1:
        raise RuntimeError(
            f"{target.ndim}D target tensor expects {target.ndim + 1}D input tensors, but found "
            f"inputs with size {input.shape}"
        )
    if target.ndim and input.shape[0] != target.shape[0]:
        raise RuntimeError(
            "Input and target should have the same size in the batch dimension, got "
            f"{input.shape[0]} and {target.shape[0]}."
        )
