"""Batch Normalization that learns its number of features from the first input."""

from __future__ import annotations

from typing import Any

from minigrad.nn.batchnorm.layers import BatchNorm1d, BatchNorm2d, BatchNorm3d, _BatchNorm
from minigrad.nn.batchnorm.sharing import Sharing
from minigrad.nn.lazy import _LazyNormBase


class _LazyBatchNorm(Sharing, _LazyNormBase, _BatchNorm):
    """Its parameters have no element yet.

    An optimizer may hold them already, for they stay the same objects.
    """

    cls_to_become: type[_BatchNorm]
    ranks = property(lambda self: self.cls_to_become.ranks)

    def __init__(
        self,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
        on_nonfinite: str = "warn",
    ) -> None:
        options: Any = (eps, momentum, affine, track_running_stats, device, dtype)
        super().__init__(0, *options, bias=bias, on_nonfinite=on_nonfinite)
        self.forget_shapes()


class LazyBatchNorm1d(_LazyBatchNorm):
    """BatchNorm1d without ``num_features``: the first input, (N, C) or (N, C, L), tells it.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.LazyBatchNorm1d.html

    >>> import minigrad as mg
    >>> from minigrad import nn
    >>> bn = nn.LazyBatchNorm1d()
    >>> bn(mg.ones(4, 3)).shape, bn  # doctest: +ELLIPSIS
    ((4, 3), BatchNorm1d(3, eps=1e-05, momentum=0.1, ...))
    """

    cls_to_become = BatchNorm1d


class LazyBatchNorm2d(_LazyBatchNorm):
    """BatchNorm2d without ``num_features``: the first input, (N, C, H, W), tells it."""

    cls_to_become = BatchNorm2d


class LazyBatchNorm3d(_LazyBatchNorm):
    """BatchNorm3d without ``num_features``: the first input, (N, C, D, H, W), tells it."""

    cls_to_become = BatchNorm3d
