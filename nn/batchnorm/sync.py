"""Batch Normalization with the statistics of one batch that is spread over several shards."""

from __future__ import annotations

from typing import Any

from minigrad.nn.arguments import check_module
from minigrad.nn.batchnorm.ghost import GhostBatchNorm
from minigrad.nn.batchnorm.layers import Reduce, _BatchNorm
from minigrad.nn.batchnorm.lazy import _LazyBatchNorm
from minigrad.nn.module import Module


class SyncBatchNorm(_BatchNorm):
    """Batch Normalization (N, C, *) whose statistics are those of one batch spread over shards.

    ``all_reduce(tensor)`` returns the sum of the tensor over all shards, recorded, so that
    gradients flow to every shard; the default is a single shard. Sums are merged by count: shards
    may have different sizes. Other arguments, defaults and errors are :class:`BatchNorm1d`'s.
    https://docs.pytorch.org/docs/stable/generated/torch.nn.SyncBatchNorm.html

    >>> import minigrad as mg
    >>> from minigrad import nn
    >>> x = mg.arange(12.0).reshape(6, 2)
    >>> layers = [nn.SyncBatchNorm(2) for _ in range(2)]
    >>> parts = nn.shards.in_threads(layers, [x[:4], x[4:]])  # unequal shards
    >>> (mg.cat(parts) - nn.BatchNorm1d(2)(x)).abs().max().item() < 1e-6
    True
    """

    ranks = (2, 3, 4, 5)

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        process_group: None = None,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
        on_nonfinite: str = "warn",
        all_reduce: Reduce | None = None,
    ) -> None:
        if process_group is not None:
            raise ValueError(
                "SyncBatchNorm: there are no process groups here; hand over all_reduce=, a "
                f"function, got process_group={process_group!r}"
            )
        options: Any = (eps, momentum, affine, track_running_stats, device, dtype)
        super().__init__(num_features, *options, bias=bias, on_nonfinite=on_nonfinite)
        self.all_reduce = all_reduce

    @classmethod
    def convert_sync_batchnorm(cls, module: Module, all_reduce: Reduce | None = None) -> Module:
        """Return ``module`` with every BatchNorm turned into a SyncBatchNorm of the same state.

        Lazy ones become a SyncBatchNorm at their first input. A GhostBatchNorm stays: its
        statistics are those of a part of its own batch. Raises TypeError for a subclass with a
        forward of its own, which would be lost; nothing has changed then.
        """
        check_module(module, "convert_sync_batchnorm", "module")
        layers = []
        for path, layer in module.named_modules():
            if not isinstance(layer, _BatchNorm) or isinstance(layer, GhostBatchNorm):
                continue
            if type(layer).forward is not _BatchNorm.forward and not isinstance(layer, cls):
                raise TypeError(
                    f"convert_sync_batchnorm: layer '{path}', a {type(layer).__name__}, has a "
                    "forward of its own, which a SyncBatchNorm would not run; put one in its "
                    "place by hand"
                )
            layers.append(layer)
        for layer in layers:
            if isinstance(layer, _LazyBatchNorm):
                layer.cls_to_become = cls
            elif not isinstance(layer, cls):
                layer.__class__ = cls
            layer.all_reduce = all_reduce
        return module
