"""Collectives on Python objects, which are pickled: only for the ranks of one job, who trust."""

from __future__ import annotations

import pickle
from typing import Any

import numpy as np

from minigrad.distributed.collectives import all_gather_into_tensor, broadcast, gather, scatter
from minigrad.distributed.groups import get_group_rank, get_rank, group_or_world


def _pickled(value: Any) -> np.ndarray:
    return np.frombuffer(bytearray(pickle.dumps(value)), np.uint8)


def _source(group: Any, src: int | None, group_src: int | None) -> int:
    """Return the number within the group of the rank ``src``, by default of the first."""
    if group_src is not None:
        return group_src
    return get_group_rank(group, 0 if src is None else src)


def broadcast_object_list(
    object_list: list[Any],
    src: int | None = None,
    group: Any = None,
    device: Any = None,
    group_src: int | None = None,
) -> None:
    """Replace the objects in the list by those of rank ``src``; all lists are as long.

    https://docs.pytorch.org/docs/stable/distributed.html#torch.distributed.broadcast_object_list

    >>> from minigrad import distributed as dist
    >>> dist.init_process_group()
    >>> objects = [{"epoch": 3}, None]
    >>> dist.broadcast_object_list(objects, src=0)
    >>> objects
    [{'epoch': 3}, None]
    >>> dist.destroy_process_group()
    """
    if get_rank(group) < 0:
        return
    root = _source(group, src, group_src)
    is_source = get_rank(group) == root
    data = _pickled(list(object_list)) if is_source else np.empty(0, np.uint8)
    size = np.array([len(data), len(object_list)])
    broadcast(size, group=group, group_src=root)
    if not is_source:
        data = np.empty(size[0], np.uint8)
    broadcast(data, group=group, group_src=root)
    if is_source:
        return
    objects = pickle.loads(data.tobytes())
    if len(objects) != len(object_list):
        raise ValueError(
            f"broadcast_object_list: object_list has {len(object_list)} places for the "
            f"{len(objects)} objects of rank {root}"
        )
    object_list[:] = objects


def _gathered(obj: Any, group: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return the object's bytes, filled up to the longest of all ranks, and all lengths."""
    data = _pickled(obj)
    sizes = np.empty(group_or_world(group).size(), np.int64)
    all_gather_into_tensor(sizes, np.array([len(data)]), group)
    padded = np.zeros(sizes.max(), np.uint8)
    padded[: len(data)] = data
    return padded, sizes


def all_gather_object(object_list: list[Any], obj: Any, group: Any = None) -> None:
    """Fill the list with the objects of all ranks, in order."""
    if get_rank(group) < 0:
        return
    padded, sizes = _gathered(obj, group)
    parts = np.empty((len(sizes), len(padded)), np.uint8)
    all_gather_into_tensor(parts, padded, group)
    object_list[:] = _unpickled(parts, sizes)


def gather_object(
    obj: Any,
    object_gather_list: list[Any] | None = None,
    dst: int | None = None,
    group: Any = None,
    group_dst: int | None = None,
) -> None:
    """Fill the list of rank ``dst`` with the objects of all ranks, in order."""
    if get_rank(group) < 0:
        return
    root = _source(group, dst, group_dst)
    padded, sizes = _gathered(obj, group)
    parts = None
    if get_rank(group) == root:
        parts = list(np.empty((len(sizes), len(padded)), np.uint8))
    gather(padded, parts, group=group, group_dst=root)
    if parts is not None and object_gather_list is not None:
        object_gather_list[:] = _unpickled(parts, sizes)


def scatter_object_list(
    scatter_object_output_list: list[Any],
    scatter_object_input_list: list[Any] | None = None,
    src: int | None = None,
    group: Any = None,
    group_src: int | None = None,
) -> None:
    """Put into the first place of the output list what rank ``src`` has for this rank."""
    if get_rank(group) < 0:
        return
    root = _source(group, src, group_src)
    n_ranks = group_or_world(group).size()
    sizes = np.zeros(n_ranks, np.int64)
    parts = None
    if get_rank(group) == root:
        objects = scatter_object_input_list or []
        pickles = [_pickled(value) for value in objects]
        if len(pickles) != n_ranks:
            raise ValueError(
                f"scatter_object_list: {len(pickles)} objects; there are {n_ranks} ranks"
            )
        sizes[:] = [len(data) for data in pickles]
        longest = sizes.max()
        parts = [np.pad(data, (0, longest - len(data))) for data in pickles]
    broadcast(sizes, group=group, group_src=root)
    own = np.empty(sizes.max(), np.uint8)
    scatter(own, parts, group=group, group_src=root)
    size = sizes[get_rank(group)]
    data = own[:size].tobytes()
    scatter_object_output_list[0] = pickle.loads(data)


def _unpickled(parts: Any, sizes: np.ndarray) -> list[Any]:
    return [pickle.loads(part[:size].tobytes()) for part, size in zip(parts, sizes, strict=True)]
