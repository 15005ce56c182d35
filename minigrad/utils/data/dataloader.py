"""DataLoader: batches of a data set, in order or shuffled, resumable in the middle of an epoch."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np

from minigrad.random import Generator, default_generator
from minigrad.silence import warn
from minigrad.tensor.tensor import Tensor
from minigrad.utils.data.collate import default_collate, default_convert
from minigrad.utils.data.dataset import IterableDataset, TensorDataset


class DataLoader:
    """Iterate over batches: one pass per ``for`` loop, the last batch smaller unless ``drop_last``.

    ``shuffle`` draws a new order for each pass, from ``generator`` or, as PyTorch does, from
    a generator seeded by the default one: the same seed gives PyTorch's batches. ``sampler``
    yields indices, ``batch_sampler`` lists of them; ``batch_size=None`` hands out the samples
    themselves. Batches are collated in this process, in the same order, whatever ``num_workers``;
    the options for workers and pinned memory change nothing. Raises ValueError for options that
    contradict each other.
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
        batch_size: int | None = 1,
        shuffle: bool | None = None,
        sampler: Iterable[Any] | None = None,
        batch_sampler: Iterable[Sequence[Any]] | None = None,
        num_workers: int = 0,
        collate_fn: Callable[[Any], Any] | None = None,
        pin_memory: bool = False,
        drop_last: bool = False,
        timeout: float = 0,
        worker_init_fn: Callable[[int], None] | None = None,
        multiprocessing_context: Any = None,
        generator: Generator | None = None,
        *,
        prefetch_factor: int | None = None,
        persistent_workers: bool = False,
        pin_memory_device: str = "",
        in_order: bool = True,
    ) -> None:
        _check_workers(
            num_workers, timeout, prefetch_factor, persistent_workers, multiprocessing_context
        )
        _check_sampling(dataset, batch_size, shuffle, sampler, batch_sampler, drop_last)
        if worker_init_fn is not None and num_workers:
            warn(
                "DataLoader makes its batches in this process: there are no workers, "
                "and worker_init_fn is not called"
            )
        self.dataset = dataset
        self.drop_last = drop_last
        self.batch_size = batch_size if batch_sampler is None else None
        self.shuffle, self.sampler, self.batch_sampler = bool(shuffle), sampler, batch_sampler
        self.num_workers = num_workers
        self.pin_memory = pin_memory
        self.timeout = timeout
        self.worker_init_fn = worker_init_fn
        self.persistent_workers = persistent_workers
        self.collate_fn = collate_fn
        self.generator = generator
        self._order: Any = None  # of the epoch under way
        self._yielded = 0  # batches of it
        self._resumed = False

    def __len__(self) -> int:
        if self.batch_sampler is not None:
            return len(self.batch_sampler)  # type: ignore[arg-type]
        samples = self._sample_count()
        size = self.batch_size or 1
        if self.drop_last:
            return samples // size
        return -(-samples // size)

    def _sample_count(self) -> int:
        return len(self.dataset if self.sampler is None else self.sampler)  # type: ignore[arg-type]

    def __iter__(self) -> Iterator[Any]:
        if self._resumed:  # once, after load_state_dict
            self._resumed = False
            return self._epoch(self._order, self._yielded)
        # PyTorch draws a base seed for its workers
        (self.generator or default_generator).random_int64()
        self._order = None
        self._yielded = 0
        if isinstance(self.dataset, IterableDataset):
            return self._stream(iter(self.dataset))
        if self.batch_sampler is not None:
            return (self._batch(indices) for indices in self.batch_sampler)
        if self.sampler is not None and not hasattr(self.sampler, "__len__"):
            return (self._batch(indices) for indices in self._groups(iter(self.sampler)))
        # workers ask for the first batches at once; else the order is drawn when the first batch is
        return self._epoch(self._draw_order() if self.num_workers else None, 0)

    def _epoch(self, order: Any, start: int) -> Iterator[Any]:
        if order is None:
            order = self._draw_order()
        self._order, size = order, self.batch_size or 1
        for i in range(start, len(self)):
            indices = order[i * size : (i + 1) * size]
            batch = self._batch(indices if self.batch_size else indices[0])
            self._yielded = i + 1
            yield batch
        self._order = None
        self._yielded = 0
        if self.shuffle and self.generator is not None:
            # PyTorch's sampler draws once more at the end
            self.generator.permutation(len(self.dataset))

    def _draw_order(self) -> Any:
        """Draw the order of an epoch as PyTorch's samplers do."""
        if self.sampler is not None:
            return list(self.sampler)
        if not self.shuffle:
            return np.arange(len(self.dataset))
        generator = self.generator or Generator().manual_seed(default_generator.random_int64())
        return generator.permutation(len(self.dataset))

    def _groups(self, items: Iterator[Any]) -> Iterator[Any]:
        """Yield lists of ``batch_size`` items, or the items themselves."""
        if self.batch_size is None:
            yield from items
            return
        while group := list(itertools.islice(items, self.batch_size)):
            is_complete = len(group) == self.batch_size
            if is_complete or not self.drop_last:
                yield group

    def _stream(self, samples: Iterator[Any]) -> Iterator[Any]:
        for group in self._groups(samples):
            yield self._collate(group)

    def _batch(self, indices: Any) -> Any:
        """Return what the data set has at these indices; at one of them without ``batch_size``."""
        dataset = self.dataset
        if isinstance(indices, (np.ndarray, np.generic)):
            if self.collate_fn is None and type(dataset) is TensorDataset:
                chosen: Any = indices
                parts = [t._data[chosen] for t in dataset.tensors]
                return [Tensor._wrap(part) for part in parts]
            indices = indices.tolist()
        if self._is_unbatched():
            samples = dataset[indices]
        elif hasattr(dataset, "__getitems__"):
            samples = dataset.__getitems__(indices)
        else:
            samples = [dataset[i] for i in indices]
        return self._collate(samples)

    def _is_unbatched(self) -> bool:
        return self.batch_size is None and self.batch_sampler is None

    def _collate(self, samples: Any) -> Any:
        if self.collate_fn is not None:
            return self.collate_fn(samples)
        return default_convert(samples) if self._is_unbatched() else default_collate(samples)

    # ---- the position in an epoch ------------------------------------------------------------
    def state_dict(self) -> dict[str, Any]:
        """Return where the epoch under way stands: its order and the batches yielded of it."""
        order = Tensor._wrap(self._order) if isinstance(self._order, np.ndarray) else self._order
        return {"order": order, "yielded": self._yielded if order is not None else 0}

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Let the next ``for`` loop go on with the batches that were left."""
        order = state_dict["order"]
        samples = self._sample_count()
        if order is not None and len(order) != samples:
            raise ValueError(
                f"DataLoader: the saved epoch has {len(order)} samples, this data set {samples}"
            )
        self._order = order.numpy() if isinstance(order, Tensor) else order
        self._yielded = state_dict["yielded"]
        self._resumed = order is not None


def _check_workers(
    num_workers: int, timeout: float, prefetch: int | None, persistent: bool, context: Any
) -> None:
    """Refuse what PyTorch refuses of workers, though there are none."""
    if num_workers < 0:
        raise ValueError(
            "num_workers option should be non-negative; "
            f"use num_workers=0 to disable multiprocessing. Got {num_workers}"
        )
    if timeout < 0:
        raise ValueError(f"timeout option should be non-negative, got {timeout}")
    if prefetch is not None and num_workers == 0:
        raise ValueError(
            "prefetch_factor option could only be specified in multiprocessing (num_workers > 0); "
            f"got prefetch_factor={prefetch}"
        )
    if prefetch is not None and prefetch < 0:
        raise ValueError(f"prefetch_factor option should be non-negative, got {prefetch}")
    if persistent and num_workers == 0:
        raise ValueError(f"persistent_workers option needs num_workers > 0, got {num_workers}")
    if context is not None and num_workers == 0:
        raise ValueError(
            f"multiprocessing_context can only be used with num_workers > 0, got {num_workers}"
        )


def _check_sampling(
    dataset: Any, size: Any, shuffle: Any, sampler: Any, batch_sampler: Any, drop_last: bool
) -> None:
    if isinstance(dataset, IterableDataset):
        options = {"shuffle": shuffle, "sampler": sampler, "batch_sampler": batch_sampler}
        for name, option in options.items():
            if option is not None and option is not False:
                raise ValueError(
                    f"DataLoader with IterableDataset: expected unspecified {name} option, "
                    f"but got {name}={option}"
                )
    if sampler is not None and shuffle:
        raise ValueError(f"sampler option is mutually exclusive with shuffle, got {sampler!r:.60}")
    if batch_sampler is not None and (size != 1 or shuffle or sampler is not None or drop_last):
        raise ValueError(
            "batch_sampler option is mutually exclusive with batch_size, shuffle, sampler, "
            f"and drop_last; got batch_size={size}, shuffle={shuffle}, drop_last={drop_last}"
        )
    if size is None and drop_last:
        raise ValueError(
            "batch_size=None option disables auto-batching and is mutually exclusive with "
            f"drop_last, got drop_last={drop_last}"
        )
    if size is not None and (isinstance(size, bool) or not isinstance(size, int) or size < 1):
        raise ValueError(
            f"batch_size should be a positive integer value, but got batch_size={size}"
        )
    if shuffle and len(dataset) == 0:
        raise ValueError("num_samples should be a positive integer value, but got num_samples=0")
