"""One pass over the data: in this process, or with workers."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

from minigrad.utils.data.fetch import Recipe
from minigrad.utils.data.pool import Pool
from minigrad.utils.data.worker import EndOfStream, Failure


class Position:
    """Where a pass stands: what is still to be drawn, what was drawn and not handed out.

    ``batches`` yields the indices of each batch (None for a stream); ``count`` says how many there
    are, None where only the end tells.
    """

    def __init__(self, batches: Iterator[Any], count: int | None, base_seed: int) -> None:
        self.batches = batches
        self.count = count
        self.base_seed = base_seed
        self.drawn = 0
        self.yielded = 0
        self.has_ended = False
        self.waiting: dict[int, Any] = {}  # number of the batch -> indices

    def draw(self) -> tuple[int, Any]:
        """Return number and indices of the next batch; StopIteration at the end."""
        indices = next(self.batches)
        number = self.drawn
        self.drawn += 1
        self.waiting[number] = indices
        return number, indices

    def arrive(self, number: int) -> None:
        """Note that this batch is handed out."""
        del self.waiting[number]
        self.yielded += 1

    def left(self) -> list[Any] | None:
        """Return the indices of the batches not handed out; None where their number is unknown.

        They are drawn for it, no more of them than there are: the pass goes on as if not asked.
        """
        if self.count is None:
            return None
        rest = list(itertools.islice(self.batches, max(self.count - self.drawn, 0)))
        self.batches = itertools.chain(rest, self.batches)
        return [*self.waiting.values(), *rest]


class SerialPass:
    """Batches made in this process."""

    def __init__(self, recipe: Recipe, position: Position) -> None:
        self._fetch = recipe.fetcher()
        self._position = position

    def __iter__(self) -> SerialPass:
        return self

    def __next__(self) -> Any:
        try:
            number, indices = self._position.draw()
            batch = self._fetch(indices)
        except StopIteration:
            self._position.has_ended = True
            raise
        self._position.arrive(number)
        return batch


class WorkerPass:
    """Batches made by workers, some ahead of what is asked for."""

    def __init__(
        self,
        pool: Pool,
        position: Position,
        prefetch_factor: int,
        timeout: float,
        in_order: bool,
        persistent: bool,
    ) -> None:
        pool.pass_number += 1
        self._pool, self._position, self._timeout = pool, position, timeout
        self._pass_number = pool.pass_number
        self._in_order, self._persistent = in_order, persistent
        count = len(pool.processes)
        self._turns = itertools.cycle(range(count))
        self._at_work = set(range(count))  # those whose stream has not ended
        self._worker_of: dict[int, int] = {}  # number of a batch that was asked for -> worker
        for _ in range(prefetch_factor * count):
            self._ask()

    def __iter__(self) -> WorkerPass:
        return self

    def __next__(self) -> Any:
        if self._pass_number != self._pool.pass_number:
            raise RuntimeError(
                "DataLoader: another pass over the same persistent workers has begun; this one "
                "has ended"
            )
        while self._worker_of:
            if self._in_order:
                workers = [next(iter(self._worker_of.values()))]
            else:
                workers = list(set(self._worker_of.values()))
            number, answer = self._pool.receive(workers, self._timeout)
            worker = self._worker_of.pop(number)
            if isinstance(answer, EndOfStream):
                self._at_work.discard(worker)
                del self._position.waiting[number]
                self._ask()
                continue
            self._position.arrive(number)
            self._ask()
            if isinstance(answer, Failure):
                answer.reraise()
            return answer
        self._position.has_ended = True
        if not self._persistent:
            self._pool.close()
        raise StopIteration

    def _ask(self) -> None:
        """Give the next task to the worker whose turn it is."""
        if not self._at_work:
            return
        worker = next(turn for turn in self._turns if turn in self._at_work)
        try:
            number, indices = self._position.draw()
        except StopIteration:
            return
        self._worker_of[number] = worker
        self._pool.send(worker, number, indices)
