"""Batch Normalization with the statistics of one batch that is spread over several shards."""

from __future__ import annotations

from typing import Any

from minigrad.distributed.groups import GroupMember, ProcessGroup
from minigrad.nn.arguments import check_module
from minigrad.nn.batchnorm.ghost import GhostBatchNorm
from minigrad.nn.batchnorm.layers import Reduce, _BatchNorm
from minigrad.nn.batchnorm.lazy import _LazyBatchNorm
from minigrad.nn.batchnorm.sharing import Sharing
from minigrad.nn.module import Module


class SyncBatchNorm(Sharing, _BatchNorm):
    """Batch Normalization (N, C, *) whose statistics are those of one batch spread over shards.

    The shards are those of the processes of ``process_group``, by default of all, once
    ``distributed.init_process_group`` was called; till then there is one shard. Or ``all_reduce``
    says what they are: ``all_reduce(tensor)`` returns the sum of the tensor over all shards,
    recorded, so that gradients flow to every shard. There are two sums in forward and one in
    backward. They are merged by count: shards may have different sizes, one sample or none. Other
    arguments, defaults and errors are :class:`BatchNorm1d`'s.
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
    synchronised = True

    def __init__(
        self,
        num_features: int,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        process_group: Any = None,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
        on_nonfinite: str = "warn",
        all_reduce: Reduce | None = None,
    ) -> None:
        options: Any = (eps, momentum, affine, track_running_stats, device, dtype)
        super().__init__(num_features, *options, bias=bias, on_nonfinite=on_nonfinite)
        self.process_group = checked_group(process_group, "SyncBatchNorm")
        self.all_reduce = all_reduce

    @classmethod
    def convert_sync_batchnorm(
        cls, module: Module, process_group: Any = None, all_reduce: Reduce | None = None
    ) -> Module:
        """Return ``module`` with every BatchNorm turned into a SyncBatchNorm of the same state.

        Lazy ones become a SyncBatchNorm at their first input. A GhostBatchNorm stays one, of the
        joined batch: its parts are what they would be in one process on the shards in the order of
        the ranks. Raises TypeError for a subclass with a forward of its own, which would be lost;
        nothing has changed then.
        """
        check_module(module, "convert_sync_batchnorm", "module")
        group = checked_group(process_group, "convert_sync_batchnorm")
        for layer in batchnorms(module, cls):
            layer.process_group, layer.synchronised = group, True
            if isinstance(layer, GhostBatchNorm):
                continue
            turn_into(layer, cls)
            layer.all_reduce = all_reduce
        return module


def checked_group(group: Any, function: str) -> Any:
    """Return a process group or None; raise ValueError for anything else."""
    known = (ProcessGroup, type(None))
    if isinstance(group, known) or group == GroupMember.NON_GROUP_MEMBER:
        return group
    raise ValueError(
        f"{function}: process_group: expected a group of distributed.new_group or None, "
        f"got {group!r}"
    )


def batchnorms(module: Module, cls: type[SyncBatchNorm]) -> list[Any]:
    """Return the BatchNorms in a module; raise TypeError where one would lose its forward."""
    layers: list[Any] = []
    known = (_BatchNorm.forward, GhostBatchNorm.forward)
    for path, layer in module.named_modules():
        if not isinstance(layer, _BatchNorm):
            continue
        if type(layer).forward not in known and not isinstance(layer, cls):
            raise TypeError(
                f"convert_sync_batchnorm: layer '{path}', a {type(layer).__name__}, has a "
                "forward of its own, which a SyncBatchNorm would not run; put one in its "
                "place by hand"
            )
        layers.append(layer)
    return layers


def turn_into(layer: Any, cls: type[SyncBatchNorm]) -> None:
    """Make a BatchNorm one of shards, a lazy one as soon as it is a BatchNorm."""
    if isinstance(layer, _LazyBatchNorm):
        layer.cls_to_become = cls
    elif not isinstance(layer, cls):
        layer.__class__ = cls
