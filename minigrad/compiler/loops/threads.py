"""Loops in several threads: one text, and for each part of the samples a table of its own.

A loop that is compiled to run without the interpreter's lock shares nothing with the others: each
reads and writes other samples, and has scratch memory of its own.
"""

from __future__ import annotations

import functools
import os
from typing import Any

from minigrad import cores
from minigrad.compat import get_num_threads

ENOUGH = 4_000_000  # products for one thread: waking it takes as long as a tenth of them


def parts_of(samples: int, products: int) -> int:
    """Return in how many parts so many samples are done, which take so many products in all."""
    return max(1, min(_threads(), samples, products // ENOUGH))


def _threads() -> int:
    """Return how many threads BLAS takes, as ``set_num_threads`` says where that is known."""
    try:
        return min(get_num_threads(), cores.available_cores())
    except ImportError:
        return cores.threads()


def in_threads(loop: Any, tables: Any) -> None:
    """Run a loop with each of the tables at once, with the first on this thread."""
    first, *others = tables
    pool = _pool(os.getpid(), len(others))
    running = [pool.submit(loop, table) for table in others]
    try:
        loop(first)
    finally:  # Ctrl-C, too, leaves nobody behind who writes
        for part in running:
            part.exception()  # waits
    for part in running:
        part.result()


@functools.cache
def _pool(process: int, workers: int) -> Any:
    """Return the threads of a process: those of another did not come along when it forked."""
    from concurrent.futures import ThreadPoolExecutor  # which takes a while to import

    return ThreadPoolExecutor(workers, thread_name_prefix="minigrad-loops")
