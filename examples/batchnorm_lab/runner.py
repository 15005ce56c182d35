"""Runs cells, several at a time, keeps each as it ends, and never runs a finished one again."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import time
import warnings
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from batchnorm_lab.claim import Claim, Result
from batchnorm_lab.claims import claims
from minigrad.serialization import write_atomically

_worker: dict[str, Any] = {}  # in each process: the data, the counter of steps, the code's commit


class Task(NamedTuple):
    """One cell of one claim and the file that its result goes into."""

    claim: str
    cell: dict
    file: Path

    def finished(self) -> bool:
        """Return whether the result is there."""
        return self.file.is_file()


def tasks(chosen: list[Claim], mode: str, seeds: int, out: Path, trained_on: str) -> list[Task]:
    """Return the cells of the claims, shared ones once.

    A cell's file is named by its settings and its data.
    """
    found = {}
    for claim in chosen:
        owner = claim.of or claim.id
        for cell in claim.cells(mode, seeds):
            name = hashlib.sha256(
                json.dumps([cell, trained_on], sort_keys=True).encode()
            ).hexdigest()[:16]
            file = out / "cells" / f"{owner}-{name}.json"
            found[file] = Task(owner, cell, file)
    return list(found.values())


def run(
    todo: list[Task], data: Any, jobs: int, commit: str
) -> Iterator[tuple[Task | None, str | None, int]]:
    """Run tasks in ``jobs`` processes.

    Yield (task, error, training steps so far), None between two ends.

    Ctrl-C and leaving the loop stop what is under way; what has ended is kept.
    """
    context = multiprocessing.get_context("spawn")
    steps = context.Value("q", 0)
    pool = ProcessPoolExecutor(jobs, context, _begin, (data, steps, commit))
    running: dict[Future, Task] = {pool.submit(_measure, task): task for task in todo}
    try:
        while running:
            ended, _ = wait(running, timeout=0.5, return_when=FIRST_COMPLETED)
            for future in ended:
                error = future.exception()
                yield running.pop(future), error and f"{type(error).__name__}: {error}", steps.value
            yield None, None, steps.value
    finally:
        for process in list((pool._processes or {}).values()) if running else ():
            process.terminate()
        pool.shutdown(wait=False, cancel_futures=True)


def _begin(data: Any, steps: Any, commit: str) -> None:
    import signal

    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides
    _worker.update(data=data, steps=steps, commit=commit, claims=claims())


def _count(n: int) -> None:
    with _worker["steps"].get_lock():
        _worker["steps"].value += n


def _measure(task: Task) -> None:
    begun = time.perf_counter()
    with warnings.catch_warnings(), np.errstate(all="ignore"):  # nets that diverge are results
        warnings.simplefilter("ignore", RuntimeWarning)
        value = _worker["claims"][task.claim].measure(task.cell, _worker["data"], tick=_count)
    seconds = time.perf_counter() - begun
    saved = {
        "claim": task.claim,
        "cell": task.cell,
        "commit": _worker["commit"],
        "seconds": seconds,
        "value": value,
    }
    write_atomically(task.file, json.dumps(saved, allow_nan=False).encode())


def collected(done: list[Task]) -> dict[str, list[dict]]:
    """Return the cells of the claims that are complete: part of a claim is not judged."""
    unfinished = {task.claim for task in done if not task.finished()}
    found: dict[str, list[dict]] = {}
    for task in done:
        if task.claim not in unfinished:
            found.setdefault(task.claim, []).append(json.loads(task.file.read_text()))
    return found


def results(saved: list[dict]) -> list[Result]:
    """Return saved cells as the claims take them."""
    return [Result(s["cell"], s["value"]) for s in saved]
