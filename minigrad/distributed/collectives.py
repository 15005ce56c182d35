"""Collectives on tensors and arrays, contiguous or not, with PyTorch's names.

Each checks its arguments, puts what is sent and received into contiguous memory, and hands two
functions to the group: what starts it, and what is left to do when the data have come.
https://docs.pytorch.org/docs/stable/distributed.html#collective-functions
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minigrad.distributed.alone import DONE
from minigrad.distributed.buffers import (
    ReduceOp,
    Reduction,
    array_of,
    check_alike,
    check_parts,
    check_writable,
    contiguous,
    hand_out,
    write_back,
)
from minigrad.distributed.groups import GroupMember, group_or_world, seconds
from minigrad.distributed.work import Work
from minigrad.silence import warn


# ---- what all of them share ---------------------------------------------------------------------
def _outside(group: Any, function: str) -> bool:
    if group != GroupMember.NON_GROUP_MEMBER:
        return False
    warn(f"Running {function} on a rank which does not belong to the given group.")
    return True


def _described(function: str, array: np.ndarray, detail: str = "") -> str:
    return _text(function, detail, array.dtype, array.shape)


@functools.lru_cache(maxsize=4096)
def _text(function: str, detail: str, dtype: Any, shape: tuple[int, ...]) -> str:
    return f"{function}{detail} of {dtype} {shape}"


def _root(group: Any, root: int | None, group_root: int | None, function: str, name: str) -> int:
    """Return the number within the group of the rank that data come from or go to."""
    if root is not None and group_root is not None:
        raise ValueError(f"{function}: {name} and group_{name} cannot be given both")
    if group_root is not None:
        root = group.ranks[group_root] if 0 <= group_root < group.size() else -1
    root = 0 if root is None else root
    ranks = list(group.ranks)
    if root not in ranks:
        raise ValueError(f"{function}: {name}={root} is not among the ranks {ranks} of the group")
    return ranks.index(root)


# ---- the collectives ----------------------------------------------------------------------------
def all_reduce(
    tensor: Any, op: Any = ReduceOp.SUM, group: Any = None, async_op: bool = False
) -> Work | None:
    """Replace the tensor by its sum (mean, …) over all ranks, with the same bits on each.

    With ``async_op`` returns at once, a Work to ``wait()`` for. float16 is summed in float32. Every
    collective raises DistBackendError where ranks call another one, or with another shape or
    dtype, and where one does not come in time; the tensors are as they were then.
    https://docs.pytorch.org/docs/stable/distributed.html#torch.distributed.all_reduce

    >>> import minigrad as mg
    >>> from minigrad import distributed as dist
    >>> dist.init_process_group()  # of one rank here
    >>> x = mg.ones(2)
    >>> dist.all_reduce(x, dist.ReduceOp.SUM)
    >>> x
    tensor([1., 1.])
    >>> dist.destroy_process_group()
    """
    if _outside(group, "all_reduce"):
        return None
    return reduce_everywhere(tensor, op, group_or_world(group), async_op)


def reduce_everywhere(
    tensor: Any, op: Any, group: Any, async_op: bool = False, name: str = "all_reduce"
) -> Work | None:
    """Do what all_reduce does, under a name that tells in errors what it is for."""
    array = array_of(tensor, name)
    check_writable(tensor, name)
    reduction = Reduction(op, array, name)
    buffer = reduction.buffer(array)

    def finish() -> None:
        reduction.close(buffer, group.size())
        write_back(tensor, buffer, name)

    start = lambda: group.channel.all_reduce(buffer, reduction.name)
    description = _described(name, array, f" ({reduction.op.value})")
    return group.run(description, start, finish, async_op)  # type: ignore[no-any-return]


def reduce(
    tensor: Any,
    dst: int | None = None,
    op: Any = ReduceOp.SUM,
    group: Any = None,
    async_op: bool = False,
    group_dst: int | None = None,
) -> Work | None:
    """Replace the tensor of rank ``dst`` by the sum (mean, …); elsewhere it stays."""
    if _outside(group, "reduce"):
        return None
    group = group_or_world(group)
    root = _root(group, dst, group_dst, "reduce", "dst")
    array = array_of(tensor, "reduce")
    reduction = Reduction(op, array, "reduce")
    buffer = reduction.buffer(array)

    def finish() -> None:
        if group.rank() == root:
            reduction.close(buffer, group.size())
            write_back(tensor, buffer, "reduce")

    start = lambda: group.channel.reduce(buffer, reduction.name, root)
    description = _described("reduce", array, f" ({reduction.op.value}) to rank {root}")
    return group.run(description, start, finish, async_op)  # type: ignore[no-any-return]


def broadcast(
    tensor: Any,
    src: int | None = None,
    group: Any = None,
    async_op: bool = False,
    group_src: int | None = None,
) -> Work | None:
    """Replace the tensor by that of rank ``src``."""
    if _outside(group, "broadcast"):
        return None
    group = group_or_world(group)
    root = _root(group, src, group_src, "broadcast", "src")
    array = array_of(tensor, "broadcast")
    check_writable(tensor, "broadcast")
    buffer = contiguous(array)

    def finish() -> None:
        if group.rank() != root:
            write_back(tensor, buffer, "broadcast")

    start = lambda: group.channel.broadcast(buffer, root)
    description = _described("broadcast", array, f" from rank {root}")
    return group.run(description, start, finish, async_op)  # type: ignore[no-any-return]


def all_gather(
    tensor_list: Sequence[Any], tensor: Any, group: Any = None, async_op: bool = False
) -> Work | None:
    """Fill ``tensor_list`` with the tensors of all ranks, in order; they are alike."""
    if _outside(group, "all_gather"):
        return None
    group = group_or_world(group)
    name = "all_gather"
    array = array_of(tensor, name)
    size = group.size()
    check_alike(tensor_list, array, size, name, "tensor_list")
    parts = np.empty((size, *array.shape), array.dtype)
    finish = lambda: hand_out(parts, tensor_list, name)
    return _gather_parts(group, array, parts, finish, async_op, name)


def all_gather_into_tensor(
    output_tensor: Any, input_tensor: Any, group: Any = None, async_op: bool = False
) -> Work | None:
    """Put the tensors of all ranks behind one another, (N, *) -> (ranks × N, *), or stacked."""
    if _outside(group, "all_gather_into_tensor"):
        return None
    group = group_or_world(group)
    name = "all_gather_into_tensor"
    array = array_of(input_tensor, name)
    whole = array_of(output_tensor, name)
    check_parts(whole, array, group.size(), name)
    parts = np.empty(whole.shape, array.dtype)
    finish = lambda: write_back(output_tensor, parts, name)
    return _gather_parts(group, array, parts, finish, async_op, name)


def _gather_parts(
    group: Any,
    array: np.ndarray,
    parts: np.ndarray,
    finish: Callable[[], None],
    async_op: bool,
    name: str,
) -> Work | None:
    send = contiguous(array)
    start = lambda: group.channel.all_gather(send, parts)
    return group.run(_described(name, array), start, finish, async_op)  # type: ignore[no-any-return]


def reduce_scatter(
    output: Any,
    input_list: Sequence[Any],
    op: Any = ReduceOp.SUM,
    group: Any = None,
    async_op: bool = False,
) -> Work | None:
    """Put the sum (mean, …) over all ranks of their ``input_list[rank]`` into ``output``."""
    if _outside(group, "reduce_scatter"):
        return None
    group = group_or_world(group)
    array = array_of(output, "reduce_scatter", "output")
    check_alike(input_list, array, group.size(), "reduce_scatter", "input_list")
    parts = np.stack([array_of(value, "reduce_scatter") for value in input_list])
    return _reduce_parts(output, array, parts, op, group, async_op, "reduce_scatter")


def reduce_scatter_tensor(
    output: Any, input: Any, op: Any = ReduceOp.SUM, group: Any = None, async_op: bool = False
) -> Work | None:
    """Put this rank's part of the sum (mean, …) of ``input`` into ``output``."""
    if _outside(group, "reduce_scatter_tensor"):
        return None
    group = group_or_world(group)
    name = "reduce_scatter_tensor"
    array = array_of(output, name, "output")
    parts = array_of(input, name, "input")
    check_parts(parts, array, group.size(), name)
    return _reduce_parts(output, array, parts, op, group, async_op, name)


def _reduce_parts(
    output: Any,
    array: np.ndarray,
    parts: np.ndarray,
    op: Any,
    group: Any,
    async_op: bool,
    name: str,
) -> Work | None:
    check_writable(output, name)
    reduction = Reduction(op, array, name)
    send, receive = reduction.buffer(parts), np.empty(array.shape, reduction.dtype)

    def finish() -> None:
        reduction.close(receive, group.size())
        write_back(output, receive, name)

    start = lambda: group.channel.reduce_scatter(send, receive, reduction.name)
    description = _described(name, array, f" ({reduction.op.value})")
    return group.run(description, start, finish, async_op)  # type: ignore[no-any-return]


def gather(
    tensor: Any,
    gather_list: Sequence[Any] | None = None,
    dst: int | None = None,
    group: Any = None,
    async_op: bool = False,
    group_dst: int | None = None,
) -> Work | None:
    """Fill ``gather_list`` of rank ``dst`` with the tensors of all ranks; elsewhere it is None."""
    if _outside(group, "gather"):
        return None
    group = group_or_world(group)
    root = _root(group, dst, group_dst, "gather", "dst")
    array = array_of(tensor, "gather")
    parts = None
    if group.rank() == root:
        check_alike(gather_list or [], array, group.size(), "gather", "gather_list")
        parts = np.empty((group.size(), *array.shape), array.dtype)
    elif gather_list:
        raise ValueError(
            f"gather: gather_list must be left out on ranks other than dst, here on {group.rank()}"
        )

    def finish() -> None:
        if parts is not None:
            hand_out(parts, gather_list or [], "gather")

    send = contiguous(array)
    start = lambda: group.channel.gather(send, parts, root)
    description = _described("gather", array, f" to rank {root}")
    return group.run(description, start, finish, async_op)  # type: ignore[no-any-return]


def scatter(
    tensor: Any,
    scatter_list: Sequence[Any] | None = None,
    src: int | None = None,
    group: Any = None,
    async_op: bool = False,
    group_src: int | None = None,
) -> Work | None:
    """Put into the tensor what ``scatter_list`` of rank ``src`` holds for this rank."""
    if _outside(group, "scatter"):
        return None
    group = group_or_world(group)
    root = _root(group, src, group_src, "scatter", "src")
    array = array_of(tensor, "scatter")
    check_writable(tensor, "scatter")
    send, receive = None, np.empty(array.shape, array.dtype)
    if group.rank() == root:
        check_alike(scatter_list or [], array, group.size(), "scatter", "scatter_list")
        send = np.stack([array_of(value, "scatter") for value in scatter_list or []])
    elif scatter_list:
        raise ValueError(
            "scatter: scatter_list must be left out on ranks other than src, here on "
            f"{group.rank()}"
        )
    finish = lambda: write_back(tensor, receive, "scatter")
    start = lambda: group.channel.scatter(send, receive, root)
    description = _described("scatter", array, f" from rank {root}")
    return group.run(description, start, finish, async_op)  # type: ignore[no-any-return]


def all_to_all(
    output_tensor_list: Sequence[Any],
    input_tensor_list: Sequence[Any],
    group: Any = None,
    async_op: bool = False,
) -> Work | None:
    """Give ``input_tensor_list[i]`` to rank i, and take one tensor from each; all are alike."""
    if _outside(group, "all_to_all"):
        return None
    group = group_or_world(group)
    name = "all_to_all"
    first = next(iter(input_tensor_list), None)
    like = array_of(first, name, "input_tensor_list")
    size = group.size()
    check_alike(input_tensor_list, like, size, name, "input_tensor_list")
    check_alike(output_tensor_list, like, size, name, "output_tensor_list")
    parts = [array_of(value, name) for value in input_tensor_list]
    send = np.stack(parts)
    receive = np.empty_like(send)
    start = lambda: group.channel.all_to_all(send, receive)
    finish = lambda: hand_out(receive, output_tensor_list, name)
    return group.run(_described(name, like), start, finish, async_op)  # type: ignore[no-any-return]


def barrier(
    group: Any = None, async_op: bool = False, device_ids: Any = None, timeout: Any = None
) -> Work | None:
    """Wait until every rank has come here, at most ``timeout``; ``device_ids`` names no device."""
    if _outside(group, "barrier"):
        return None
    work: Work = group_or_world(group).run("barrier", lambda: DONE, None, True)
    if async_op:
        return work
    work.wait(None if timeout is None else seconds(timeout))
    return None


def monitored_barrier(group: Any = None, timeout: Any = None) -> None:
    """Wait as barrier does, but at most ``timeout``; the error names who has not come."""
    if _outside(group, "monitored_barrier"):
        return
    work = group_or_world(group).run("monitored_barrier", lambda: DONE, None, True)
    work.wait(None if timeout is None else seconds(timeout))
