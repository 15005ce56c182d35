"""What runs in a worker process of a loader."""

from __future__ import annotations

import contextlib
import os
import pickle
import queue
import random
import signal
import threading
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

from minigrad.compat import set_num_threads
from minigrad.random import manual_seed
from minigrad.utils.data.dataset import IterableDataset
from minigrad.utils.data.fetch import Recipe
from minigrad.utils.data.transport import Packed, pack, receive, send

_PARENT_CHECK_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class WorkerInfo:
    """Which worker this is: ``id`` of ``num_workers``, its ``seed``, its copy of the data set."""

    id: int
    num_workers: int
    seed: int
    dataset: Any


_worker_info: WorkerInfo | None = None


def get_worker_info() -> WorkerInfo | None:
    """Return the :class:`WorkerInfo` of the worker process that asks; None in any other process.

    https://docs.pytorch.org/docs/stable/data.html#torch.utils.data.get_worker_info

    >>> from minigrad.utils.data import get_worker_info
    >>> get_worker_info() is None
    True
    """
    return _worker_info


class EndOfStream:
    """A worker's answer: its stream has no more batches."""


class Failure:
    """A worker's answer: the exception that is being handled, to be raised in the main process."""

    def __init__(self, error: Exception, worker_id: int) -> None:
        self.kind: Any = type(error)
        lines = "".join(traceback.format_exception(error))
        where = f"DataLoader worker process {worker_id}"
        self.message = f"Caught {self.kind.__name__} in {where}.\nOriginal {lines}"
        try:
            pickle.dumps(self.kind)
        except Exception:  # a class of a function
            self.kind = RuntimeError

    def reraise(self) -> None:
        """Raise an exception of the same kind, whose message has the worker's traceback."""
        message = _Lines(self.message) if issubclass(self.kind, KeyError) else self.message
        try:
            error = self.kind(message)
        except Exception:  # it wants other arguments
            error = RuntimeError(self.message)
        raise error


class _Lines(str):
    """A message whose lines a KeyError shows as lines: it prints the repr."""

    def __repr__(self) -> str:
        return str(self)


@dataclass(frozen=True)
class Duties:
    """What a worker is told when it starts."""

    recipe: Recipe
    worker_id: int
    num_workers: int
    base_seed: int
    init_fn: Callable[[int], None] | None


def work(connection: Connection, duties: Duties) -> None:
    """Answer with batches until the main process hangs up or is gone."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to all; the main process ends us
    signal.signal(signal.SIGTERM, signal.SIG_DFL)  # a handler of the script is not for its workers
    threading.Thread(target=_leave_with_parent, args=(os.getppid(),), daemon=True).start()
    outbox: queue.SimpleQueue[Packed] = queue.SimpleQueue()
    threading.Thread(target=_send_all, args=(connection, outbox), daemon=True).start()
    failure = _set_up(duties)
    fetchers: dict[int, Any] = {}  # of the pass under way
    with contextlib.suppress(EOFError, OSError):  # the main process hung up
        while True:
            pass_number, number, indices = receive(connection)
            answer = failure or _answer(duties, fetchers, pass_number, indices)
            outbox.put(_packed((pass_number, number, answer), duties.worker_id))


def _answer(duties: Duties, fetchers: dict[int, Any], pass_number: int, indices: Any) -> Any:
    recipe = duties.recipe
    try:
        if pass_number not in fetchers:
            fetchers.clear()
            fetchers[pass_number] = recipe.fetcher()
        return fetchers[pass_number](indices)
    except Exception as error:
        is_end = isinstance(error, StopIteration) and isinstance(recipe.dataset, IterableDataset)
        return EndOfStream() if is_end else Failure(error, duties.worker_id)


def _packed(message: tuple[int, int, Any], worker_id: int) -> Packed:
    try:
        return pack(message)
    except Exception as error:  # a batch that does not pickle
        return pack((*message[:2], Failure(error, worker_id)))


def _send_all(connection: Connection, outbox: queue.SimpleQueue[Packed]) -> None:
    """Write what is in the outbox, so that the worker goes on while the main process is busy."""
    with contextlib.suppress(OSError):
        while True:
            send(connection, outbox.get())


def _leave_with_parent(parent: int) -> None:
    """End this process when the main one was killed and could not say so."""
    while os.getppid() == parent:
        time.sleep(_PARENT_CHECK_SECONDS)
    os._exit(1)


def _set_up(duties: Duties) -> Failure | None:
    """Seed as PyTorch does, and call the user's function; return what it raised."""
    global _worker_info
    worker_id, seed = duties.worker_id, duties.base_seed + duties.worker_id
    random.seed(seed)
    manual_seed(seed % 2**64)
    words = [worker_id, duties.base_seed % 2**32, duties.base_seed >> 32, 0]
    np.random.seed(np.random.SeedSequence(words).generate_state(4))
    with contextlib.suppress(ImportError):  # the workers together have the cores
        set_num_threads(1)
    _worker_info = WorkerInfo(worker_id, duties.num_workers, seed, duties.recipe.dataset)
    try:
        if duties.init_fn is not None:
            duties.init_fn(worker_id)
    except Exception as error:
        return Failure(error, worker_id)
    return None
