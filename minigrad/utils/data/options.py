"""Which options of a loader contradict each other: PyTorch's refusals."""

from __future__ import annotations

import multiprocessing
from multiprocessing.context import BaseContext
from typing import Any

from minigrad.utils.data.dataset import IterableDataset


def check_workers(
    num_workers: int, timeout: float, prefetch: int | None, persistent: bool, context: Any
) -> None:
    """Raise ValueError for options of workers that cannot be, or that need workers."""
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
    if context is not None:
        _check_context(num_workers, context)


def _check_context(num_workers: int, context: Any) -> None:
    if num_workers == 0:
        raise ValueError(
            f"multiprocessing_context can only be used with num_workers > 0, got {num_workers}"
        )
    methods = multiprocessing.get_all_start_methods()
    if isinstance(context, str) and context not in methods:
        raise ValueError(
            f"multiprocessing_context option should specify a valid start method in {methods}, "
            f"but got multiprocessing_context={context!r}"
        )
    if not isinstance(context, (str, BaseContext)):
        raise TypeError(
            "multiprocessing_context option should be a valid context object or a string "
            f"specifying the start method, but got multiprocessing_context={context}"
        )


def check_sampling(
    dataset: Any, size: Any, shuffle: Any, sampler: Any, batch_sampler: Any, drop_last: bool
) -> None:
    """Raise ValueError for options that say twice, or against each other, what is drawn."""
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
