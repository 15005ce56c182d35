"""Data sets: anything with ``__len__`` and ``__getitem__``, and streams, which have ``__iter__``.

A data set may have ``__getbatch__``, which returns at once what ``default_collate`` would make of
the samples at a list of indices, or None where it cannot; DataLoader then draws no single samples.

https://docs.pytorch.org/docs/stable/data.html
"""

from __future__ import annotations

import bisect
import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from minigrad.random import Generator, default_generator
from minigrad.silence import warn
from minigrad.tensor.tensor import Tensor


class Dataset:
    """Base class of data sets with numbered samples."""

    def __class_getitem__(cls, item: Any) -> type[Dataset]:
        return cls

    def __getitem__(self, index: Any) -> Any:
        raise NotImplementedError(
            f"Subclasses of Dataset should implement __getitem__. {type(self).__name__} does not"
        )

    def __add__(self, other: Any) -> Any:
        return ConcatDataset([self, other])


class IterableDataset(Dataset):
    """Base class of data sets that are streams: ``__iter__`` yields samples without numbers.

    In worker processes each has its own copy; ``get_worker_info`` tells them apart.
    """

    def __iter__(self) -> Any:
        raise NotImplementedError(
            "Subclasses of IterableDataset should implement __iter__. "
            f"{type(self).__name__} does not"
        )

    def __add__(self, other: Any) -> ChainDataset:
        return ChainDataset([self, other])


class TensorDataset(Dataset):
    """Samples along the first dimension of tensors of one length.

    Raises ValueError for tensors of different lengths.

    >>> import minigrad as mg
    >>> from minigrad.utils.data import TensorDataset
    >>> TensorDataset(mg.tensor([1.0, 2.0]), mg.tensor([3, 4]))[1]
    (tensor(2.), tensor(4))
    """

    def __init__(self, *tensors: Tensor) -> None:
        lengths = [len(t) for t in tensors]
        if len(set(lengths)) > 1:
            raise ValueError(f"Size mismatch between tensors: lengths {lengths}")
        self.tensors = tensors

    def __getitem__(self, index: Any) -> tuple[Tensor, ...]:
        return tuple(t[index] for t in self.tensors)

    def __len__(self) -> int:
        return len(self.tensors[0])

    def __getbatch__(self, indices: Sequence[int]) -> Any:
        """Return all samples at these indices: one fancy index for each tensor."""
        chosen = np.asarray(indices)
        return [t[chosen] for t in self.tensors]


class StackDataset(Dataset):
    """Data sets of one length side by side: a sample is a tuple, or a dict by their names.

    Raises ValueError for different lengths, none, or both kinds.

    >>> from minigrad.utils.data import StackDataset
    >>> StackDataset(image=[1, 2], text="ab")[1]
    {'image': 2, 'text': 'b'}
    """

    datasets: Any

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        if args and kwargs:
            raise ValueError(
                "Supported either tuple- (via args) or dict- (via kwargs) like input/output, but "
                f"both types are given: {len(args)} without a name, and {', '.join(kwargs)}"
            )
        self.datasets = args or kwargs
        lengths = [len(dataset) for dataset in self._parts()]
        if not lengths:
            raise ValueError("At least one dataset should be passed, got none")
        if len(set(lengths)) > 1:
            raise ValueError(f"Size mismatch between datasets: lengths {lengths}")

    def _parts(self) -> Sequence[Any]:
        return list(self.datasets.values() if isinstance(self.datasets, dict) else self.datasets)

    def _joined(self, parts: Iterable[Any]) -> Any:
        """Return a sample: a part of each data set."""
        if isinstance(self.datasets, dict):
            return dict(zip(self.datasets, parts, strict=True))
        return tuple(parts)

    def __getitem__(self, index: Any) -> Any:
        return self._joined(dataset[index] for dataset in self._parts())

    def __getitems__(self, indices: Sequence[int]) -> list[Any]:
        columns = [samples_of(dataset, indices) for dataset in self._parts()]
        for column in columns:
            if len(column) != len(indices):
                raise ValueError(
                    "Nested dataset's output size mismatch. "
                    f"Expected {len(indices)}, got {len(column)}"
                )
        return [self._joined(parts) for parts in zip(*columns, strict=True)]

    def __len__(self) -> int:
        return len(self._parts()[0])


class ConcatDataset(Dataset):
    """Data sets one after the other.

    >>> from minigrad.utils.data import ConcatDataset
    >>> "".join(ConcatDataset(["ab", "c"]))
    'abc'
    """

    def __init__(self, datasets: Iterable[Any]) -> None:
        self.datasets = list(datasets)
        if not self.datasets:
            raise ValueError(f"datasets should not be an empty iterable, got {datasets!r:.60}")
        streams = [d for d in self.datasets if isinstance(d, IterableDataset)]
        if streams:
            raise ValueError(
                f"ConcatDataset does not support IterableDataset, got a {type(streams[0]).__name__}"
            )
        sizes = map(len, self.datasets)
        self.cumulative_sizes = list(itertools.accumulate(sizes))

    def __getitem__(self, index: int) -> Any:
        i = index + len(self) if index < 0 else index
        if not 0 <= i < len(self):
            kind = ValueError if index < 0 else IndexError
            raise kind(f"index {index} is out of range for {len(self)} samples")
        place = bisect.bisect_right(self.cumulative_sizes, i)
        before = self.cumulative_sizes[place - 1] if place else 0
        return self.datasets[place][i - before]

    def __len__(self) -> int:
        return self.cumulative_sizes[-1]


class ChainDataset(IterableDataset):
    """Streams one after the other.

    Raises TypeError, when it is read, for what is no IterableDataset.
    """

    def __init__(self, datasets: Iterable[Any]) -> None:
        self.datasets = datasets

    def _streams(self) -> Iterator[Any]:
        for dataset in self.datasets:
            if not isinstance(dataset, IterableDataset):
                raise TypeError(
                    f"ChainDataset only supports IterableDataset, got a {type(dataset).__name__}"
                )
            yield dataset

    def __iter__(self) -> Iterator[Any]:
        for stream in self._streams():
            yield from stream

    def __len__(self) -> int:
        return sum(len(stream) for stream in self._streams())


class Subset(Dataset):
    """The samples of a data set at ``indices``.

    >>> from minigrad.utils.data import Subset
    >>> Subset("abcd", [3, 1])[0]
    'd'
    """

    def __init__(self, dataset: Any, indices: Sequence[int]) -> None:
        self.dataset, self.indices = dataset, indices

    def _inner(self, indices: Sequence[int]) -> list[int]:
        return [self.indices[i] for i in indices]

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, list):
            return self.dataset[self._inner(index)]
        return self.dataset[self.indices[index]]

    def __getitems__(self, indices: Sequence[int]) -> list[Any]:
        if type(self).__getitem__ is not Subset.__getitem__:
            return [self[i] for i in indices]
        return samples_of(self.dataset, self._inner(indices))

    def __getbatch__(self, indices: Sequence[int]) -> Any:
        """Return all samples at these indices, where the data set can."""
        return batch_of(self.dataset, self._inner(indices))

    def __len__(self) -> int:
        return len(self.indices)


def samples_of(dataset: Any, indices: Sequence[int]) -> Any:
    """Return the samples at these indices, by ``__getitems__`` where the data set has it."""
    if callable(getattr(dataset, "__getitems__", None)):
        return dataset.__getitems__(indices)
    return [dataset[i] for i in indices]


def batch_of(dataset: Any, indices: Sequence[int]) -> Any:
    """Return the samples at these indices collated at once; None where that cannot be."""
    if isinstance(dataset, Tensor):
        return dataset[np.asarray(indices)]
    if isinstance(dataset, np.ndarray) and dataset.dtype.kind in "biuf":
        return Tensor._wrap(dataset[np.asarray(indices)])
    for kind in type(dataset).__mro__:
        if "__getbatch__" in vars(kind) and issubclass(kind, Dataset):
            return dataset.__getbatch__(indices)
        if "__getitem__" in vars(kind) or "__getitems__" in vars(kind):
            return None  # a subclass that has its own samples
    return None


def random_split(
    dataset: Any, lengths: Sequence[float], generator: Generator | None = None
) -> list[Subset]:
    """Return disjoint random subsets of these lengths, or of these fractions that sum to one.

    Raises ValueError for lengths whose sum is not that of the data set.
    https://docs.pytorch.org/docs/stable/data.html#torch.utils.data.random_split

    >>> from minigrad.utils.data import random_split
    >>> [len(part) for part in random_split(range(10), [0.7, 0.3])]
    [7, 3]
    """
    total = len(dataset)
    sizes = _split_sizes(total, lengths)
    if sum(sizes) != total:
        raise ValueError(
            "Sum of input lengths does not equal the length of the input dataset! "
            f"Got {list(lengths)} for {total} samples"
        )
    order = (generator or default_generator).permutation(total).tolist()
    subsets = []
    start = 0
    for size in sizes:
        subsets.append(Subset(dataset, order[start : start + size]))
        start += size
    return subsets


def _split_sizes(total: int, lengths: Sequence[float]) -> list[int]:
    are_fractions = math.isclose(sum(lengths), 1) and sum(lengths) <= 1
    if not are_fractions:
        return [int(length) for length in lengths]
    for i, fraction in enumerate(lengths):
        if not 0 <= fraction <= 1:
            raise ValueError(f"Fraction at index {i} is not between 0 and 1, got {fraction}")
    sizes = [math.floor(total * fraction) for fraction in lengths]
    for i in range(total - sum(sizes)):  # the remainder goes round
        sizes[i % len(sizes)] += 1
    for i, size in enumerate(sizes):
        if size == 0:
            warn(
                f"Length of split at index {i} is 0. This might result in an empty dataset. "
                f"Got {list(lengths)} for {total} samples"
            )
    return sizes
