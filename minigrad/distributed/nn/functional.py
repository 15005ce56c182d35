"""Collectives that are operations of the graph, differentiable to any order.

Each rank's loss counts: what flows back is the gradient of the sum of the losses of all ranks. So
every rank has to run backward, too. The cotangent of each collective is another one: of a sum over
ranks the sum, of gathering the scattering of sums, and the other way round.
https://docs.pytorch.org/docs/stable/distributed.html#module-torch.distributed.nn.functional
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minigrad.autograd.function import Function
from minigrad.creation import empty_like, zeros_like
from minigrad.distributed import collectives
from minigrad.distributed.buffers import ReduceOp
from minigrad.distributed.groups import get_group_rank, group_or_world
from minigrad.functions.joining import stack
from minigrad.functions.reduction import amax, amin, prod
from minigrad.tensor.tensor import Tensor

_EXTREMES = {ReduceOp.MAX: amax, ReduceOp.MIN: amin, ReduceOp.PRODUCT: prod}


def all_reduce(tensor: Tensor, op: Any = ReduceOp.SUM, group: Any = None) -> Tensor:
    """Return the sum (mean, maximum, minimum, product) over all ranks.

    The gradient of a maximum goes to the ranks that have it, in equal shares.

    >>> import minigrad as mg
    >>> from minigrad import distributed as dist
    >>> dist.init_process_group()  # of one rank here
    >>> x = mg.tensor([1.0, 2.0], requires_grad=True)
    >>> (dist.nn.functional.all_reduce(x) ** 2).sum().backward()
    >>> x.grad
    tensor([2., 4.])
    >>> dist.destroy_process_group()
    """
    op, group = ReduceOp(op), group_or_world(group)
    if op in _EXTREMES:
        return _EXTREMES[op](stack(list(all_gather(tensor, group))), 0)  # type: ignore[operator]
    return _AllReduce.apply(tensor, op, group)  # type: ignore[no-any-return]


def all_gather(tensor: Tensor, group: Any = None) -> tuple[Tensor, ...]:
    """Return the tensors of all ranks, in order; they are alike."""
    return _AllGather.apply(tensor, group_or_world(group))  # type: ignore[no-any-return]


def reduce_scatter(
    output: Any, input_list: Sequence[Tensor], op: Any = ReduceOp.SUM, group: Any = None
) -> Tensor:
    """Return the sum (mean, …) over all ranks of their ``input_list[rank]``.

    ``output``, as in PyTorch, says the shape alone and may be None.
    """
    op, group = ReduceOp(op), group_or_world(group)
    if op in _EXTREMES:
        received = all_to_all(None, input_list, group)
        return _EXTREMES[op](stack(list(received)), 0)  # type: ignore[operator]
    return _ReduceScatter.apply(op, group, *input_list)  # type: ignore[no-any-return]


def broadcast(tensor: Tensor, src: int = 0, group: Any = None) -> Tensor:
    """Return the tensor of rank ``src``."""
    group = group_or_world(group)
    return _Broadcast.apply(tensor, get_group_rank(group, src), group)  # type: ignore[no-any-return]


def reduce(tensor: Tensor, dst: int, op: Any = ReduceOp.SUM, group: Any = None) -> Tensor:
    """Return the sum or mean over all ranks at rank ``dst``, the tensor elsewhere, as a constant.

    Raises RuntimeError for other operations: take all_reduce.
    """
    op, group = ReduceOp(op), group_or_world(group)
    if op not in (ReduceOp.SUM, ReduceOp.MEAN):
        raise RuntimeError(f"reduce: {op} has no gradient here; take all_reduce")
    root = get_group_rank(group, dst)
    total: Tensor = _Reduce.apply(tensor, root, group)
    if group.rank() != root:
        return tensor.detach() + total
    return total / group.size() if op is ReduceOp.MEAN else total


def gather(tensor: Tensor, dst: int = 0, group: Any = None) -> tuple[Tensor, ...]:
    """Return the tensors of all ranks at rank ``dst``, zeros elsewhere."""
    group = group_or_world(group)
    return _Gather.apply(tensor, get_group_rank(group, dst), group)  # type: ignore[no-any-return]


def scatter(tensors: Sequence[Tensor], src: int = 0, group: Any = None) -> Tensor:
    """Return what ``tensors`` of rank ``src`` holds for this rank; elsewhere they say the shape."""
    group = group_or_world(group)
    return _Scatter.apply(get_group_rank(group, src), group, *tensors)  # type: ignore[no-any-return]


def all_to_all(
    output_tensor_list: Any, input_tensor_list: Sequence[Tensor], group: Any = None
) -> tuple[Tensor, ...]:
    """Give ``input_tensor_list[i]`` to rank i; return one tensor from each.

    ``output_tensor_list``, as in PyTorch, says the shapes alone and may be None.
    """
    return _AllToAll.apply(group_or_world(group), *input_tensor_list)  # type: ignore[no-any-return]


class _AllReduce(Function):
    """A sum or a mean over ranks, which is its own cotangent."""

    @staticmethod
    def forward(ctx: Any, tensor: Tensor, op: Any, group: Any) -> Tensor:
        ctx.op, ctx.group = op, group
        total: Tensor = tensor.clone()
        collectives.all_reduce(total, op, group)
        return total

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> Any:
        return all_reduce(g, ctx.op, ctx.group), None, None


class _AllGather(Function):
    @staticmethod
    def forward(ctx: Any, tensor: Tensor, group: Any) -> tuple[Tensor, ...]:
        ctx.group = group
        parts = tuple(empty_like(tensor) for _ in range(group.size()))
        collectives.all_gather(parts, tensor, group)
        return parts

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Any:
        return reduce_scatter(None, grads, group=ctx.group), None


class _ReduceScatter(Function):
    @staticmethod
    def forward(ctx: Any, op: Any, group: Any, *tensors: Tensor) -> Tensor:
        ctx.op, ctx.group = op, group
        output = empty_like(tensors[0])
        collectives.reduce_scatter(output, tensors, op, group)
        return output

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> Any:
        grads = all_gather(g, ctx.group)
        if ctx.op is ReduceOp.MEAN:
            grads = tuple(part / ctx.group.size() for part in grads)
        return None, None, *grads


class _Broadcast(Function):
    @staticmethod
    def forward(ctx: Any, tensor: Tensor, root: int, group: Any) -> Tensor:
        ctx.root, ctx.group = root, group
        result: Tensor = tensor.clone()
        collectives.broadcast(result, group=group, group_src=root)
        return result

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> Any:
        return _Reduce.apply(g, ctx.root, ctx.group), None, None


class _Reduce(Function):
    """The sum at the root, zeros elsewhere."""

    @staticmethod
    def forward(ctx: Any, tensor: Tensor, root: int, group: Any) -> Tensor:
        ctx.root, ctx.group = root, group
        total: Tensor = tensor.clone()
        collectives.reduce(total, group=group, group_dst=root)
        return total if group.rank() == root else zeros_like(total)

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> Any:
        return _Broadcast.apply(g, ctx.root, ctx.group), None, None


class _Gather(Function):
    @staticmethod
    def forward(ctx: Any, tensor: Tensor, root: int, group: Any) -> tuple[Tensor, ...]:
        ctx.root, ctx.group = root, group
        parts = tuple(zeros_like(tensor) for _ in group.ranks)
        at_root = parts if group.rank() == root else None
        collectives.gather(tensor, at_root, group=group, group_dst=root)
        return parts

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Any:
        return _Scatter.apply(ctx.root, ctx.group, *grads), None, None


class _Scatter(Function):
    @staticmethod
    def forward(ctx: Any, root: int, group: Any, *tensors: Tensor) -> Tensor:
        ctx.root, ctx.group = root, group
        result = empty_like(tensors[0])
        at_root = tensors if group.rank() == root else None
        collectives.scatter(result, at_root, group=group, group_src=root)
        return result

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> Any:
        return None, None, *_Gather.apply(g, ctx.root, ctx.group)


class _AllToAll(Function):
    @staticmethod
    def forward(ctx: Any, group: Any, *tensors: Tensor) -> tuple[Tensor, ...]:
        ctx.group = group
        parts = tuple(empty_like(tensor) for tensor in tensors)
        collectives.all_to_all(parts, tensors, group)
        return parts

    @staticmethod
    def backward(ctx: Any, *grads: Tensor) -> Any:
        return None, *all_to_all(None, grads, ctx.group)
