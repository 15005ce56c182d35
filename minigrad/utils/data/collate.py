"""How a list of samples becomes a batch.

https://docs.pytorch.org/docs/stable/data.html#torch.utils.data.default_collate
"""

from __future__ import annotations

import copy
from collections.abc import Mapping, MutableMapping, MutableSequence, Sequence
from typing import Any

import numpy as np

from minigrad.creation import as_tensor, tensor
from minigrad.dtypes import float64
from minigrad.functions.joining import stack
from minigrad.tensor.tensor import Tensor


def default_collate(batch: Sequence[Any]) -> Any:
    """Stack samples: tensors and arrays along a new first dimension, numbers into a tensor.

    Python's floats become float64, strings stay a list; tuples, lists and dicts are collated part
    by part. Raises RuntimeError for samples of different sizes, TypeError for anything else.

    >>> from minigrad.utils.data import default_collate
    >>> default_collate([(1, "a"), (2, "b")])
    [tensor([1, 2]), ('a', 'b')]
    """
    first = batch[0]
    for i, sample in enumerate(batch):
        if not _same_kind(first, sample):
            raise TypeError(
                "default_collate: samples of a batch must be of one kind, but sample 0 is a "
                f"{type(first).__name__}, sample {i} a {type(sample).__name__}"
            )
    if isinstance(first, (str, bytes)):
        return batch
    if isinstance(first, (Tensor, np.ndarray, np.generic)):
        return _stack_samples(batch)
    if isinstance(first, float):
        return tensor(batch, dtype=float64)
    if isinstance(first, int):
        return tensor(batch)
    if isinstance(first, Mapping):
        return _collate_mappings(batch)
    if isinstance(first, Sequence):
        return _collate_sequences(batch)
    raise TypeError(
        "default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; "
        f"found {type(first)}. Pass a collate_fn that knows it."
    )


def _collate_mappings(batch: Sequence[Any]) -> Any:
    first = batch[0]
    for i, sample in enumerate(batch):
        missing = [key for key in first if key not in sample]
        if missing:
            raise KeyError(f"default_collate: sample {i} lacks {missing[0]!r}, which sample 0 has")
    parts = {}
    for key in first:
        parts[key] = default_collate([sample[key] for sample in batch])
    return _rebuild(first, parts)


def _collate_sequences(batch: Sequence[Any]) -> Any:
    first = batch[0]
    for i, sample in enumerate(batch):
        if len(sample) != len(first):
            raise RuntimeError(
                "each element in list of batch should be of equal size, but sample 0 has "
                f"{len(first)} and sample {i} has {len(sample)}. "
                "Pad them, or pass a collate_fn."
            )
    parts = [default_collate(part) for part in zip(*batch, strict=True)]
    return _rebuild(first, parts)


def default_convert(data: Any) -> Any:
    """Turn the arrays of one sample into tensors, as a loader with ``batch_size=None`` does.

    Anything else is returned as it is; containers are converted part by part.
    https://docs.pytorch.org/docs/stable/data.html#torch.utils.data.default_convert

    >>> import numpy as np
    >>> from minigrad.utils.data import default_convert
    >>> default_convert({"x": np.array([1, 2]), "name": "a"})
    {'x': tensor([1, 2]), 'name': 'a'}
    """
    if isinstance(data, (np.ndarray, np.generic)) and data.dtype.kind not in "SUO":
        return as_tensor(data)
    if isinstance(data, Mapping):
        parts = {key: default_convert(data[key]) for key in data}
        return _rebuild(data, parts)
    if isinstance(data, Sequence) and not isinstance(data, (str, bytes)):
        return _rebuild(data, [default_convert(part) for part in data])
    return data


_KINDS: tuple[Any, ...] = (
    str,
    bytes,
    (Tensor, np.ndarray),
    (np.generic, int, float),
    Mapping,
    Sequence,
)


def _same_kind(first: Any, sample: Any) -> bool:
    if type(first) is type(sample):
        return True
    kind = next((kind for kind in _KINDS if isinstance(first, kind)), object)
    return isinstance(sample, kind)


def _stack_samples(batch: Sequence[Any]) -> Tensor:
    for sample in batch:
        if isinstance(sample, np.ndarray) and sample.dtype.kind in "SUO":
            raise TypeError(
                "default_collate: batch must contain tensors, numpy arrays, numbers, dicts or "
                f"lists; found an array of {sample.dtype}"
            )
    tensors = [as_tensor(sample) for sample in batch]
    for i, sample in enumerate(tensors):
        if sample.shape != tensors[0].shape:
            raise RuntimeError(
                f"stack expects each tensor to be equal size, but got {list(tensors[0].shape)} "
                f"at entry 0 and {list(sample.shape)} at entry {i}. "
                "Pad or crop the samples, or pass a collate_fn."
            )
    return stack(tensors)


def _rebuild(example: Any, parts: Any) -> Any:
    """Return parts in a container of the example's type; a tuple becomes a list, as in PyTorch."""
    if isinstance(example, tuple):
        return type(example)(*parts) if hasattr(example, "_fields") else parts
    if type(example) in (dict, list):
        return parts
    result: Any
    try:
        if isinstance(example, MutableMapping):
            result = copy.copy(example)
            result.update(parts)
            return result
        if isinstance(example, MutableSequence):
            result = copy.copy(example)
            for i, part in enumerate(parts):
                result[i] = part
            return result
        return type(example)(parts)
    except TypeError:
        return parts
