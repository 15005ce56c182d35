"""Data sets: anything with ``__len__`` and ``__getitem__``.

https://docs.pytorch.org/docs/stable/data.html
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from minigrad.random import Generator, default_generator
from minigrad.tensor.tensor import Tensor


class Dataset:
    """Base class of data sets with numbered samples."""

    def __getitem__(self, index: Any) -> Any:
        raise NotImplementedError(
            f"Subclasses of Dataset should implement __getitem__. {type(self).__name__} does not"
        )

    def __add__(self, other: Dataset) -> ConcatDataset:
        return ConcatDataset([self, other])


class IterableDataset(Dataset):
    """Base class of data sets that are streams: ``__iter__`` yields samples without numbers."""

    def __iter__(self) -> Any:
        raise NotImplementedError(
            "Subclasses of IterableDataset should implement __iter__. "
            f"{type(self).__name__} does not"
        )


def get_worker_info() -> None:
    """Return None, as in PyTorch's main process: batches are made there."""


class TensorDataset(Dataset):
    """Samples along the first dimension of tensors of one length.

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


class Subset(Dataset):
    """The samples of a data set at ``indices``."""

    def __init__(self, dataset: Any, indices: Sequence[int]) -> None:
        self.dataset, self.indices = dataset, indices

    def __getitem__(self, index: int) -> Any:
        return self.dataset[self.indices[index]]

    def __len__(self) -> int:
        return len(self.indices)


class ConcatDataset(Dataset):
    """Data sets one after the other."""

    def __init__(self, datasets: Sequence[Any]) -> None:
        self.datasets = list(datasets)
        if not self.datasets:
            raise ValueError(f"datasets should not be an empty iterable, got {datasets!r:.60}")

    def __getitem__(self, index: int) -> Any:
        i = index + len(self) if index < 0 else index
        for dataset in self.datasets:
            if 0 <= i < len(dataset):
                return dataset[i]
            i -= len(dataset)
        raise IndexError(f"index {index} is out of range for {len(self)} samples")

    def __len__(self) -> int:
        return sum(len(dataset) for dataset in self.datasets)


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
    sizes = [math.floor(total * fraction) for fraction in lengths]
    for i in range(total - sum(sizes)):  # the remainder goes round
        sizes[i % len(sizes)] += 1
    return sizes
