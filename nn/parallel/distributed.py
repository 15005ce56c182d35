"""DistributedDataParallel: every process trains on its part of the batch, all end alike."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import zip_longest
from typing import Any

import numpy as np

from minigrad.autograd.function import Function
from minigrad.distributed.buffers import ReduceOp
from minigrad.distributed.collectives import reduce_everywhere
from minigrad.distributed.groups import group_or_world
from minigrad.distributed.objects import all_gather_object
from minigrad.modes import MODES
from minigrad.nn.module import Module
from minigrad.nn.parallel.buckets import Reducer, broadcast_tensors
from minigrad.nn.parameter import Uninitialized
from minigrad.tensor.tensor import Tensor
from minigrad.utils.tree import tensors_in, tree_map


class DistributedDataParallel(Module):
    """Average the gradients of ``module`` over the processes of a group, in every backward.

    At the beginning all take over parameters and buffers of the first rank (unless ``init_sync`` is
    False), and its buffers again before each forward in training (unless ``broadcast_buffers``
    is). Gradients go out in buckets of ``bucket_cap_mb`` MiB (25; the first of 1) while backward
    goes on. A parameter that some ranks do not use counts as zero there; one that nobody uses keeps
    ``grad`` None. With a loss that is a mean and parts of equal size, the state is that of one
    process on the joined batch; where parts differ in size, ``weight_by_samples`` weights each by
    the length of the first tensor of the input along ``dim``.

    ``find_unused_parameters``, ``gradient_as_bucket_view`` and ``static_graph`` change nothing.
    Raises RuntimeError for a module without parameters that require grad, for one that is lazy
    still, and where the ranks' modules differ.
    https://docs.pytorch.org/docs/stable/generated/torch.nn.parallel.DistributedDataParallel.html

    >>> import minigrad as mg
    >>> from minigrad import distributed, nn
    >>> distributed.init_process_group()  # of one rank here
    >>> model = nn.parallel.DistributedDataParallel(nn.Linear(2, 1))
    >>> model(mg.ones(4, 2)).mean().backward()
    >>> list(model.state_dict())
    ['module.weight', 'module.bias']
    >>> distributed.destroy_process_group()
    """

    _reducer: Reducer | None = None  # none where there is one rank

    def __init__(
        self,
        module: Module,
        device_ids: None = None,
        output_device: None = None,
        dim: int = 0,
        broadcast_buffers: bool = True,
        init_sync: bool = True,
        process_group: Any = None,
        bucket_cap_mb: float | None = None,
        find_unused_parameters: bool = False,
        check_reduction: bool = False,
        gradient_as_bucket_view: bool = False,
        static_graph: bool = False,
        *,
        weight_by_samples: bool = False,
    ) -> None:
        super().__init__()
        if device_ids or output_device is not None:
            raise ValueError(
                "DistributedDataParallel: there are no devices; leave out device_ids, here "
                f"{device_ids}, and output_device, here {output_device}"
            )
        if bucket_cap_mb is not None and not bucket_cap_mb > 0:
            raise ValueError(f"bucket_cap_mb: expected a number above 0, got {bucket_cap_mb}")
        self.process_group = group_or_world(process_group)
        _check_parameters(module)
        self.module = module
        self.dim, self.broadcast_buffers = dim, broadcast_buffers
        self.bucket_cap_mb = 25 if bucket_cap_mb is None else bucket_cap_mb
        self.find_unused_parameters = find_unused_parameters
        self.gradient_as_bucket_view = gradient_as_bucket_view
        self.static_graph = static_graph
        self.weight_by_samples = weight_by_samples
        self.require_backward_grad_sync = True
        self._buffers_differ = True  # since the last training step, for all that is known
        if self.process_group.size() > 1:
            self._join(init_sync)

    def _join(self, init_sync: bool) -> None:
        group, module = self.process_group, self.module
        named = [*module.named_parameters(), *module.named_buffers()]
        members = [member for _, member in named]
        layout = [(name, str(t.dtype), tuple(t.shape)) for name, t in named]
        _check_alike(layout, group)
        if init_sync:
            broadcast_tensors(members, group, "DistributedDataParallel")
        trained = [p for p in module.parameters() if p.requires_grad]
        self._reducer = Reducer(trained, group, self.bucket_cap_mb)

    def forward(self, *inputs: Any, **kwargs: Any) -> Any:
        """Return what the module returns; in training, prepare for its backward."""
        reducer = self._reducer
        if reducer is None:
            return self.module(*inputs, **kwargs)
        if self._buffers_differ and self.broadcast_buffers:
            self._take_over_buffers()
        self._buffers_differ = False
        if not MODES.grad_enabled:
            return self.module(*inputs, **kwargs)
        self._buffers_differ = self.require_backward_grad_sync
        reducer.prepare(self.require_backward_grad_sync)
        if not self.weight_by_samples:
            return self.module(*inputs, **kwargs)
        weight = self._weight((inputs, kwargs))
        output = self.module(*inputs, **kwargs)
        return tree_map(_Weighted(weight), output)

    def _take_over_buffers(self) -> None:
        buffers = list(self.module.buffers())
        if buffers:
            broadcast_tensors(buffers, self.process_group, "DistributedDataParallel")

    def _weight(self, inputs: Any) -> float:
        """Return this rank's share of the samples, in units of an equal one."""
        tensors = tensors_in(inputs)
        if not tensors:
            raise ValueError(
                "DistributedDataParallel: weight_by_samples needs a tensor among the inputs, got "
                f"{[type(value).__name__ for value in inputs]}"
            )
        group, own = self.process_group, tensors[0].shape[self.dim]
        total = np.array(float(own))
        reduce_everywhere(total, ReduceOp.SUM, group, name="all_reduce of the number of samples")
        return own * group.size() / max(float(total), 1.0)  # type: ignore[no-any-return]

    @contextmanager
    def no_sync(self) -> Iterator[None]:
        """Let gradients add up in this process: for forward passes in this block.

        The first backward after one outside of it averages all that has come together.
        """
        before, self.require_backward_grad_sync = self.require_backward_grad_sync, False
        try:
            yield
        finally:
            self.require_backward_grad_sync = before

    def __getstate__(self) -> dict[str, Any]:
        state = self.__dict__.copy()
        state.pop("_reducer", None)
        state["process_group"] = None
        return state

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self.process_group = group_or_world(None)
        if self.process_group.size() > 1:
            self._join(init_sync=False)


class _Scale(Function):
    """The value itself, its gradient times a number."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: float) -> Tensor:
        ctx.weight = weight
        return x.detach()

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> Any:
        return g * ctx.weight, None


class _Weighted:
    """Scales the gradients of what a module returns, so that those inside it are weighted, too.

    Weighting the parameters' gradients would come too late: SyncBatchNorm has added up what belongs
    to the losses of several ranks by then.
    """

    def __init__(self, weight: float) -> None:
        self.weight = weight

    def __call__(self, value: Any) -> Any:
        if self.weight != 1 and isinstance(value, Tensor) and value.requires_grad:
            return _Scale.apply(value, self.weight)
        return value


def _check_parameters(module: Module) -> None:
    members = [*module.parameters(), *module.buffers()]
    if any(isinstance(member, Uninitialized) for member in members):
        raise RuntimeError(
            "Modules with uninitialized parameters can't be used with `DistributedDataParallel`. "
            "Run a dummy forward pass to correctly initialize the modules"
        )
    if not any(p.requires_grad for p in module.parameters()):
        raise RuntimeError(
            "DistributedDataParallel is not needed when a module doesn't have any parameters that "
            "require a gradient."
        )


def _check_alike(own: list[Any], group: Any) -> None:
    """Raise RuntimeError, on all ranks, where one has other parameters or buffers than the first.

    ``own`` holds name, dtype and shape of each.
    """
    layouts: list[Any] = [None] * group.size()
    all_gather_object(layouts, own, group)
    for rank, layout in zip(group.ranks, layouts, strict=True):
        if layout == layouts[0]:
            continue
        here, first = next(pair for pair in zip_longest(layout, layouts[0]) if pair[0] != pair[1])
        raise RuntimeError(
            f"DistributedDataParallel: the modules differ: rank {rank} has {_member(here)} where "
            f"rank {group.ranks[0]} has {_member(first)}"
        )


def _member(layout: Any) -> str:
    if layout is None:
        return "nothing more"
    name, dtype, shape = layout
    return f"'{name}' of {dtype} {shape}"
