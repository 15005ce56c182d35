"""Batch Normalization with the statistics of parts of a batch."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from minigrad.distributed import all_gather_into_tensor
from minigrad.functions.joining import cat
from minigrad.nn.arguments import as_tensor_argument
from minigrad.nn.batchnorm.layers import _BatchNorm
from minigrad.nn.batchnorm.sharing import Sharing
from minigrad.tensor.tensor import Tensor


class GhostBatchNorm(Sharing, _BatchNorm):
    """Batch Normalization (N, C, *) by virtual batches: each part by its own statistics.

    In training the batch is split into ``N // virtual_batch_size`` parts of nearly equal size,
    none smaller than ``virtual_batch_size``; the running statistics see them one after the other.
    In evaluation it is BatchNorm. Once ``SyncBatchNorm.convert_sync_batchnorm`` has seen it, the
    batch is the joined one of all processes, and a part may lie in several of them. Other
    arguments, defaults and errors are BatchNorm1d's.
    Hoffer, Hubara & Soudry 2017, https://arxiv.org/abs/1705.08741, Algorithm 1

    >>> import minigrad as mg
    >>> from minigrad import nn
    >>> y = nn.GhostBatchNorm(1, virtual_batch_size=2)(mg.tensor([[0.0], [2.0], [50.0], [70.0]]))
    >>> y.detach().flatten()
    tensor([-1.0000,  1.0000, -1.0000,  1.0000])
    """

    ranks = (2, 3, 4, 5)

    def __init__(
        self, num_features: int, virtual_batch_size: int, *args: Any, **kwargs: Any
    ) -> None:
        super().__init__(num_features, *args, **kwargs)
        if virtual_batch_size < 1:
            raise ValueError(f"virtual_batch_size: expected at least 1, got {virtual_batch_size}")
        self.virtual_batch_size = virtual_batch_size

    def forward(self, input: Tensor) -> Tensor:
        """Normalise (N, C, *) by parts in training.

        Where a part is refused, all statistics are left as they were.
        """
        if not isinstance(input, Tensor):
            input = as_tensor_argument(input, type(self).__name__)
        if not self.training or self.frozen_stats:
            return super().forward(input)
        start, total = self._place(len(input))
        n_parts = total // self.virtual_batch_size
        if n_parts < 2:
            return super().forward(input)
        before = [buffer._data.copy() for buffer in self.buffers()]
        ends = [total * i // n_parts - start for i in range(n_parts + 1)]
        own = [min(max(end, 0), len(input)) for end in ends]
        parts = [input[a:b] for a, b in itertools.pairwise(own)]
        normalize_part = super().forward
        try:
            return cat([normalize_part(part) for part in parts])
        except Exception:
            for buffer, value in zip(self.buffers(), before, strict=True):
                buffer.copy_(Tensor._wrap(value))
            raise

    def _place(self, n: int) -> tuple[int, int]:
        """Return where these ``n`` samples begin in the joined batch, and its size."""
        group = self.shared_group() if self.synchronised else None
        if group is None:
            return 0, n
        sizes = np.empty(group.size(), np.int64)
        all_gather_into_tensor(sizes, np.array([n]), group)
        return int(sizes[: group.rank()].sum()), int(sizes.sum())

    def extra_repr(self) -> str:
        return f"{super().extra_repr()}, virtual_batch_size={self.virtual_batch_size}"
