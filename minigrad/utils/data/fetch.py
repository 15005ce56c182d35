"""From indices to a batch: what a loader does in its own process and in each worker."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any, NamedTuple

from minigrad.utils.data.collate import default_collate
from minigrad.utils.data.dataset import IterableDataset, batch_of, samples_of


class Recipe(NamedTuple):
    """How batches are made; it goes to the workers as it is."""

    dataset: Any
    collate_fn: Callable[[Any], Any]
    batch_size: int | None  # of a stream
    drop_last: bool
    is_batched: bool

    def fetcher(self) -> Callable[[Any], Any]:
        """Return what makes a batch of indices; StopIteration at the end of a stream."""
        is_stream = isinstance(self.dataset, IterableDataset)
        return _Stream(self).fetch if is_stream else self.fetch

    def fetch(self, indices: Any) -> Any:
        """Return the batch at these indices; the sample at one where nothing is batched."""
        dataset = self.dataset
        if not self.is_batched:
            return self.collate_fn(dataset[indices])
        if self.collate_fn is default_collate:
            batch = batch_of(dataset, indices)
            if batch is not None:
                return batch
        return self.collate_fn(samples_of(dataset, indices))


class _Stream:
    """One pass over a stream."""

    def __init__(self, recipe: Recipe) -> None:
        self.recipe = recipe
        self.samples = iter(recipe.dataset)

    def fetch(self, _indices: Any) -> Any:
        """Return the next batch, or sample where nothing is batched."""
        recipe = self.recipe
        if recipe.batch_size is None:
            return recipe.collate_fn(next(self.samples))
        group = list(itertools.islice(self.samples, recipe.batch_size))
        is_short = len(group) < recipe.batch_size
        if not group or (is_short and recipe.drop_last):
            raise StopIteration
        return recipe.collate_fn(group)
