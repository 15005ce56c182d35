"""DataLoader: batches of a data set, in order or shuffled, resumable in the middle of an epoch."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from minigrad.creation import tensor
from minigrad.functions.joining import stack
from minigrad.random import Generator, default_generator
from minigrad.tensor import Tensor
from minigrad.utils.data.dataset import TensorDataset


class DataLoader:
    """Iterate over batches: one pass a ``for`` loop, the last batch smaller unless ``drop_last``.

    ``shuffle`` draws a new order for each pass, from ``generator`` or, as PyTorch does, from
    a generator seeded by the default one: the same seed gives PyTorch's batches. ``sampler``
    yields indices, ``batch_sampler`` lists of them. ``num_workers`` must be 0: batches are made in
    this process. Raises ValueError for options that contradict each other.
    https://docs.pytorch.org/docs/stable/data.html#torch.utils.data.DataLoader

    >>> import minigrad as mg
    >>> from minigrad.utils.data import DataLoader, TensorDataset
    >>> for (x,) in DataLoader(TensorDataset(mg.arange(5)), batch_size=2):
    ...     print(x)
    tensor([0, 1])
    tensor([2, 3])
    tensor([4])
    """

    def __init__(
        self,
        dataset: Any,
        batch_size: int = 1,
        shuffle: bool | None = None,
        sampler: Iterable[int] | None = None,
        batch_sampler: Iterable[Sequence[int]] | None = None,
        num_workers: int = 0,
        collate_fn: Callable[[list[Any]], Any] | None = None,
        drop_last: bool = False,
        generator: Generator | None = None,
    ) -> None:
        if num_workers != 0:
            raise ValueError(f"num_workers must be 0: batches are made in this process; got {num_workers}")
        if sampler is not None and shuffle:
            raise ValueError("sampler option is mutually exclusive with shuffle")
        if batch_sampler is not None and (batch_size != 1 or shuffle or sampler or drop_last):
            raise ValueError(
                "batch_sampler option is mutually exclusive with batch_size, shuffle, sampler, and drop_last"
            )
        if isinstance(batch_size, bool) or not isinstance(batch_size, int) or batch_size < 1:
            raise ValueError(f"batch_size should be a positive integer value, but got batch_size={batch_size}")
        if shuffle and len(dataset) == 0:
            raise ValueError("num_samples should be a positive integer value, but got num_samples=0")
        self.dataset, self.batch_size, self.drop_last = dataset, batch_size, drop_last
        self.shuffle, self.sampler, self.batch_sampler = bool(shuffle), sampler, batch_sampler
        self.collate_fn, self.generator = collate_fn, generator
        self._order: np.ndarray | None = None  # of the epoch under way
        self._yielded = 0  # batches of it
        self._resumed = False

    def __len__(self) -> int:
        if self.batch_sampler is not None:
            return len(self.batch_sampler)  # type: ignore[arg-type]
        n = len(self.dataset) if self.sampler is None else len(self.sampler)  # type: ignore[arg-type]
        return n // self.batch_size if self.drop_last else -(-n // self.batch_size)

    def __iter__(self) -> Iterator[Any]:
        if self.batch_sampler is not None:
            return (self._batch(np.asarray(indices)) for indices in self.batch_sampler)
        if self._resumed:  # once, after load_state_dict
            self._resumed = False
        else:
            self._order, self._yielded = self._drawn_order(), 0
        return self._epoch(self._order, self._yielded)

    def _epoch(self, order: Any, start: int) -> Iterator[Any]:
        for i in range(start, len(self)):
            batch = self._batch(order[i * self.batch_size : (i + 1) * self.batch_size])
            self._yielded = i + 1
            yield batch
        self._order, self._yielded = None, 0
        if self.shuffle and self.generator is not None:  # PyTorch's sampler draws once more at the end
            self.generator.permutation(len(self.dataset))

    def _drawn_order(self) -> np.ndarray:
        """Draw as PyTorch draws: the loader's base seed first, then the sampler's order."""
        (self.generator or default_generator).random_int64()
        if self.sampler is not None:
            return np.fromiter(self.sampler, np.int64)
        if not self.shuffle:
            return np.arange(len(self.dataset))
        generator = self.generator or Generator().manual_seed(default_generator.random_int64())
        return generator.permutation(len(self.dataset))

    def _batch(self, indices: np.ndarray) -> Any:
        if self.collate_fn is None and type(self.dataset) is TensorDataset:
            return [Tensor._wrap(t._data[indices]) for t in self.dataset.tensors]
        return (self.collate_fn or default_collate)([self.dataset[int(i)] for i in indices])

    # ---- the position in an epoch ------------------------------------------------------------
    def state_dict(self) -> dict[str, Any]:
        """Return where the epoch under way stands: its order and the batches yielded of it."""
        order = None if self._order is None else Tensor._wrap(self._order)
        return {"order": order, "yielded": self._yielded if order is not None else 0}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Let the next ``for`` loop go on with the batches that were left."""
        order = state_dict["order"]
        if order is not None and len(order) != len(self.dataset):
            raise ValueError(f"DataLoader: the saved epoch has {len(order)} samples, this data set {len(self.dataset)}")
        self._order = None if order is None else order.numpy()
        self._yielded, self._resumed = state_dict["yielded"], order is not None


def default_collate(batch: list[Any]) -> Any:
    """Stack samples: tensors and arrays along a new first dimension, numbers into a tensor.

    Tuples and dicts of these are collated part by part. Raises TypeError for anything else.
    """
    first = batch[0]
    if isinstance(first, Tensor):
        return stack(batch)
    if isinstance(first, (np.ndarray, np.generic)):
        return Tensor._wrap(np.stack(batch))
    if isinstance(first, (bool, int, float)):
        return tensor(batch)
    if isinstance(first, str):
        return batch
    if isinstance(first, dict):
        return {key: default_collate([sample[key] for sample in batch]) for key in first}
    if isinstance(first, (tuple, list)):
        return [default_collate(list(parts)) for parts in zip(*batch, strict=True)]
    raise TypeError(
        f"default_collate: batch must contain tensors, arrays, numbers, dicts or lists; found {type(first)}"
    )
