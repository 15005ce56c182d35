"""The worker processes of a loader, seen from the main process."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import sys
import warnings
from collections.abc import Callable, Iterable
from multiprocessing.connection import Connection, wait
from typing import Any

from minigrad.utils.data.fetch import Recipe
from minigrad.utils.data.transport import hang_up, pack, receive, send
from minigrad.utils.data.worker import Duties, work

_GRACE_SECONDS = 1.0  # for the batch under way, when the workers are sent home


class Pool:
    """Some workers, each at the other end of a connection of its own.

    Each works through its tasks in their order. So the next batch is always known by its worker,
    and a worker that dies is seen at once: its connection ends.
    """

    def __init__(
        self,
        recipe: Recipe,
        count: int,
        base_seed: int,
        init_fn: Callable[[int], None] | None,
        context: Any,
    ) -> None:
        self.pass_number = 0
        self._owner = os.getpid()
        self.connections: list[Connection] = []
        self.processes: list[Any] = []
        context = _context(context)
        try:
            for worker_id in range(count):
                self._start(context, Duties(recipe, worker_id, count, base_seed, init_fn))
        except BaseException as error:
            self.close()
            error.add_note(
                f"DataLoader: its {count} workers start by {context.get_start_method()!r}. What "
                "they need (data set, collate_fn, worker_init_fn) is pickled unless that is "
                "'fork': define functions and classes at the top of a module, or take "
                "num_workers=0."
            )
            raise

    def _start(self, context: Any, duties: Duties) -> None:
        ours, theirs = context.Pipe()
        name = f"DataLoader worker {duties.worker_id}"
        process = context.Process(target=work, args=(theirs, duties), name=name, daemon=True)
        with warnings.catch_warnings():
            # BLAS's threads count as ours; it closes them before a fork
            warnings.filterwarnings("ignore", message=".*multi-threaded.*fork", append=False)
            process.start()
        theirs.close()
        self.connections.append(ours)
        self.processes.append(process)

    def send(self, worker: int, number: int, indices: Any) -> None:
        """Give a worker one more task. Raises RuntimeError where it is dead."""
        try:
            send(self.connections[worker], pack((self.pass_number, number, indices)))
        except OSError:
            raise self._death(worker) from None

    def receive(self, workers: Iterable[int], timeout: float) -> tuple[int, Any]:
        """Return number and answer of the first task that one of these workers has finished.

        Raises RuntimeError where one is dead, or nothing came in ``timeout`` seconds.
        """
        if not self.processes:
            raise RuntimeError("DataLoader: the workers of this pass have ended; begin a new one")
        by_handle: dict[Any, int] = {}
        for worker in workers:
            by_handle[self.connections[worker]] = worker
            by_handle[self.processes[worker].sentinel] = worker
        while True:
            ready: list[Any] = wait(list(by_handle), timeout or None)
            if not ready:
                raise RuntimeError(f"DataLoader timed out after {timeout} seconds")
            worker = by_handle[ready[0]]
            connection = self.connections[worker]
            try:
                if not connection.poll():
                    raise EOFError
                pass_number, number, answer = receive(connection)
            except (EOFError, OSError):
                raise self._death(worker) from None
            except BaseException:  # Ctrl-C in the middle of a message
                self.close()
                raise
            if pass_number == self.pass_number:  # else of a pass that was broken off
                return number, answer

    def _death(self, worker: int) -> RuntimeError:
        """Send the others home, and return what to say of the dead one."""
        process = self.processes[worker]
        process.join(_GRACE_SECONDS)
        pid, code = process.pid, process.exitcode
        self.close()
        who = f"DataLoader worker (pid {pid}), number {worker},"
        if code is not None and code < 0:
            reason = f"is killed by signal: {signal.strsignal(-code)}."
            if -code == getattr(signal, "SIGKILL", None):
                reason += " The machine may have run out of memory."
            return RuntimeError(f"{who} {reason}")
        return RuntimeError(
            f"{who} exited unexpectedly, with exit code {code}. Its last words may stand above; "
            "num_workers=0 shows the error here. (A script whose workers do not start by fork has "
            'to begin its work below `if __name__ == "__main__":`.)'
        )

    def close(self) -> None:
        """End the workers, and wait for them."""
        for connection in self.connections:
            with contextlib.suppress(OSError):
                hang_up(connection)
        for process in self.processes:
            process.join(_GRACE_SECONDS)
            if process.is_alive():
                process.terminate()
                process.join(_GRACE_SECONDS)
            if process.is_alive():
                process.kill()
                process.join()
        self.connections, self.processes = [], []

    def __del__(self) -> None:
        # at exit multiprocessing ends them; a forked copy of a pool has none
        if not sys.is_finalizing() and self._owner == os.getpid():
            self.close()


def _context(context: Any) -> Any:
    """Return multiprocessing's context: what was asked for, else fork on Linux, as PyTorch does.

    After a fork nothing has to be pickled, and a script needs no guard around its work. MPI does
    not survive a fork: beside it, and on other systems, the workers start anew.
    """
    if context is not None and not isinstance(context, str):
        return context
    chosen = context or multiprocessing.get_start_method(allow_none=True)
    if chosen is None and sys.platform == "linux":
        chosen = "forkserver" if "mpi4py.MPI" in sys.modules else "fork"
    return multiprocessing.get_context(chosen)
