"""DataLoader: batches of a data set, in order or shuffled, resumable in the middle of an epoch."""

from __future__ import annotations

import itertools
import reprlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from minigrad.creation import as_tensor
from minigrad.random import Generator, default_generator
from minigrad.tensor.tensor import Tensor
from minigrad.utils.data.collate import default_collate, default_convert
from minigrad.utils.data.dataset import IterableDataset
from minigrad.utils.data.fetch import Recipe
from minigrad.utils.data.options import check_sampling, check_workers
from minigrad.utils.data.passes import Position, SerialPass, WorkerPass
from minigrad.utils.data.pool import Pool
from minigrad.utils.data.sampler import BatchSampler, RandomSampler, SequentialSampler

_FIXED = {
    "batch_size",
    "batch_sampler",
    "sampler",
    "drop_last",
    "dataset",
    "persistent_workers",
}


class DataLoader:
    """Iterate over batches: one pass per ``for`` loop, the last batch smaller unless ``drop_last``.

    ``shuffle`` draws a new order for each pass, from ``generator`` or, as PyTorch does, from
    a generator seeded by the default one: the same seed gives PyTorch's batches. ``sampler``
    yields indices, ``batch_sampler`` lists of them; ``batch_size=None`` hands out the samples
    themselves.

    With ``num_workers`` that many processes make the batches, ``prefetch_factor`` of them ahead
    (2); they come in the same order unless ``in_order=False``. Each worker is seeded as PyTorch's
    and calls ``worker_init_fn`` with its number; ``persistent_workers`` stay for the next pass.
    They start by fork on Linux, elsewhere as Python's multiprocessing does (there the data set has
    to pickle), or by ``multiprocessing_context``. What a worker raises is raised here, with its
    traceback. RuntimeError where one dies or is silent for ``timeout`` seconds. ``pin_memory`` is
    accepted; memory of the CPU needs no pinning.

    Raises ValueError for options that contradict each other.
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
        check_workers(
            num_workers, timeout, prefetch_factor, persistent_workers, multiprocessing_context
        )
        check_sampling(dataset, batch_size, shuffle, sampler, batch_sampler, drop_last)
        self.dataset = dataset
        self.drop_last = drop_last
        self.generator = generator
        self._is_batched = batch_size is not None or batch_sampler is not None
        self._set_samplers(batch_size, shuffle, sampler, batch_sampler)
        self.collate_fn = collate_fn or (default_collate if self._is_batched else default_convert)
        self.pin_memory, self.pin_memory_device = pin_memory, pin_memory_device
        self.num_workers = num_workers
        self.prefetch_factor = 2 if num_workers and prefetch_factor is None else prefetch_factor
        self.timeout = timeout
        self.worker_init_fn = worker_init_fn
        self.multiprocessing_context = multiprocessing_context
        self.persistent_workers = persistent_workers
        self.in_order = in_order
        self._pool: Pool | None = None  # of persistent workers
        self._position: Position | None = None  # of the latest pass
        self._resumed: dict[str, Any] | None = None  # where the next pass begins
        self._is_complete = True

    def __setattr__(self, name: str, value: Any) -> None:
        """Raise ValueError for what the samplers were made of: a new value would change nothing."""
        if name in _FIXED and "_is_complete" in vars(self):
            raise ValueError(
                f"{name} attribute should not be set after DataLoader is initialized, got "
                f"{reprlib.repr(value)}"
            )
        super().__setattr__(name, value)

    def _set_samplers(self, size: int | None, shuffle: Any, sampler: Any, batch: Any) -> None:
        self.batch_size = size if batch is None else None
        self.sampler, self.batch_sampler = sampler, batch
        self._own_batches = batch is None  # the batches are ours, of any size
        if isinstance(self.dataset, IterableDataset):
            return
        if sampler is None and shuffle:
            self.sampler = RandomSampler(self.dataset, generator=self.generator)
        elif sampler is None:
            self.sampler = SequentialSampler(self.dataset)
        if size is not None and batch is None:
            self.batch_sampler = BatchSampler(self.sampler, size, self.drop_last)

    def __class_getitem__(cls, item: Any) -> type[DataLoader]:
        return cls

    def __len__(self) -> int:
        if not isinstance(self.dataset, IterableDataset):
            return len(self._drawn_from())
        samples: int = len(self.dataset)  # type: ignore[arg-type]
        size = self.batch_size or 1
        return samples // size if self.drop_last else -(-samples // size)

    def _drawn_from(self) -> Any:
        """Return the sampler that yields what one batch is made of; None for a stream."""
        return self.sampler if self.batch_sampler is None else self.batch_sampler

    def __iter__(self) -> Iterator[Any]:
        is_new = self._pool is None or not self._pool.processes
        resumed, self._resumed = self._resumed, None
        if resumed is None or resumed["left"] is None:
            position = self._new_position(is_new)
        else:
            position = self._continued(resumed)
        recipe = Recipe(
            self.dataset, self.collate_fn, self.batch_size, self.drop_last, self._is_batched
        )
        self._position = position
        batches = (
            self._worker_pass(recipe, position)
            if self.num_workers
            else SerialPass(recipe, position)
        )
        if resumed is not None and resumed["left"] is None:
            for _ in range(resumed["yielded"]):
                next(batches)
        return batches

    def _worker_pass(self, recipe: Recipe, position: Position) -> WorkerPass:
        if not self.prefetch_factor:
            raise ValueError(
                f"prefetch_factor must be greater than 0 with workers, got {self.prefetch_factor}"
            )
        pool = self._pool
        if pool is None or not pool.processes:
            pool = Pool(
                recipe,
                self.num_workers,
                position.base_seed,
                self.worker_init_fn,
                self.multiprocessing_context,
            )
        self._pool = pool if self.persistent_workers else None
        return WorkerPass(
            pool,
            position,
            self.prefetch_factor,
            self.timeout,
            self.in_order,
            self.persistent_workers,
        )

    # ---- the position in an epoch ------------------------------------------------------------
    def _new_position(self, draws_seed: bool) -> Position:
        """Return the start of a pass."""
        source = self._drawn_from()
        batches = itertools.repeat(None) if source is None else iter(source)
        # PyTorch draws a base seed for the workers before the sampler draws
        generator = self.generator or default_generator
        base_seed = generator.random_int64() if draws_seed else 0
        return Position(batches, _length(source), base_seed)

    def _continued(self, saved: dict[str, Any]) -> Position:
        """Return the rest of a saved pass."""
        left: Any = saved["left"]
        if self._own_batches and self.batch_size is not None:
            left = BatchSampler(left, self.batch_size, self.drop_last)
        batches = itertools.chain(left, self._drawn_after_the_last())
        position = Position(batches, len(left), saved.get("seed", 0))
        position.yielded = saved["yielded"]
        return position

    def _drawn_after_the_last(self) -> Iterator[Any]:
        """Draw what a shuffled pass draws at its end from a generator of the user's."""
        sampler = self.sampler
        is_shuffled = isinstance(sampler, RandomSampler) and not sampler.replacement
        if is_shuffled and sampler.generator is not None:
            sampler.generator.permutation(len(sampler.data_source))
        yield from ()

    def _sample_count(self) -> int | None:
        """Return how many indices a pass draws (lists of them, by a ``batch_sampler``)."""
        return _length(self.sampler if self._own_batches else self.batch_sampler)

    def state_dict(self) -> dict[str, Any]:
        """Return where the latest pass stands: what is left of it, and the batches handed out.

        Between two passes nothing is left. Of a stream, or a sampler without a length, only the
        number of batches is known; a loop that resumes it draws that many and drops them. Take the
        states of random generators after this one: a sampler that draws as it goes draws here what
        is left.
        """
        position = self._position
        is_under_way = position is not None and not position.has_ended
        state: dict[str, Any] = {"left": None, "yielded": 0, "samples": self._sample_count()}
        if position is None or not is_under_way:
            return state
        left = position.left()
        if left is not None and self._own_batches and self._is_batched:
            left = list(itertools.chain.from_iterable(left))
        state.update(left=_as_tensor(left), yielded=position.yielded, seed=position.base_seed)
        return state

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Let the next ``for`` loop go on with the batches that were left.

        Raises ValueError for the state of a loader that draws another number of samples.
        """
        saved = dict(state_dict)
        samples = self._sample_count()
        if saved["samples"] != samples:
            raise ValueError(
                f"DataLoader: the saved epoch has {saved['samples']} samples, this one {samples}"
            )
        if isinstance(saved["left"], Tensor):
            saved["left"] = saved["left"].tolist()
        self._resumed = saved if saved["yielded"] else None


def _length(sampler: Any) -> int | None:
    try:
        return len(sampler)
    except (TypeError, NotImplementedError):
        return None


def _as_tensor(indices: list[Any] | None) -> Any:
    """Return indices as they are saved best: in a tensor, where they are plain numbers."""
    if indices and all(type(i) is int for i in indices):
        return as_tensor(indices)
    return indices
