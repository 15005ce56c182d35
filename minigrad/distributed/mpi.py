"""MPI: the one file that imports mpi4py.

Every collective is started and then asked whether it is done, so that one that never ends can be
given up (``work.py``). The ranks compare and report on one communicator, data move on another.
https://www.mpi-forum.org/docs/mpi-4.1/mpi41-report.pdf, chapter 6
"""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from typing import Any

import numpy as np

_REPORT = 1  # the tag of messages about a collective that failed
_LAUNCHED = {  # where a launcher says how many ranks it started: beside the rank of this one
    "PMI_RANK": "PMI_SIZE",
    "OMPI_COMM_WORLD_RANK": "OMPI_COMM_WORLD_SIZE",
    "MV2_COMM_WORLD_RANK": "MV2_COMM_WORLD_SIZE",
    "RANK": "WORLD_SIZE",  # torchrun
}


def load() -> Any:
    """Return the module ``mpi4py.MPI``, None where it, or an MPI, is not installed.

    Its import starts MPI; MPI ends with the interpreter.
    """
    try:
        from mpi4py import MPI
    except (ImportError, RuntimeError):  # RuntimeError: there is mpi4py, but no MPI
        return None
    return MPI


def launched_ranks() -> tuple[int, str]:
    """Return how many ranks the launcher of this process started, and the variable that says so."""
    for rank, size in _LAUNCHED.items():
        if rank not in os.environ:
            continue
        value = os.environ.get(size, "")
        if value.isdigit():
            return int(value), size
    return 1, ""


class Channel:
    """The transport of one group of ranks: an MPI communicator and its double."""

    def __init__(self, MPI: Any, communicator: Any) -> None:
        self.MPI = MPI
        self.control, self.data = communicator, communicator.Dup()
        self.rank: int = communicator.Get_rank()
        self.size: int = communicator.Get_size()
        self.ops = {
            "sum": MPI.SUM,
            "product": MPI.PROD,
            "max": MPI.MAX,
            "min": MPI.MIN,
            "band": MPI.BAND,
            "bor": MPI.BOR,
            "bxor": MPI.BXOR,
        }

    @classmethod
    def world(cls) -> Channel | None:
        """Return the transport of all ranks; None where MPI is missing or there is one rank.

        Raises RuntimeError where a launcher started several, but they do not see one another.
        """
        MPI = load()
        size = 1 if MPI is None else MPI.COMM_WORLD.Get_size()
        launched, variable = launched_ranks()
        if launched > 1 and size == 1:
            raise RuntimeError(_ALONE.format(launched, variable, _why_alone(MPI)))
        return None if size == 1 else cls(MPI, MPI.COMM_WORLD.Dup())

    # ---- the ranks about themselves -------------------------------------------------------------
    def compare(self, code: int) -> tuple[np.ndarray, Any]:
        """Begin to compare a number with those of the other ranks; see :meth:`agree`."""
        extremes = np.array((code, -code))
        return extremes, self.control.Iallreduce(self.MPI.IN_PLACE, extremes, self.MPI.MAX)

    def report(self, text: str, seconds: float) -> list[str | None]:
        """Tell every rank ``text``; return what each tells, None for who is silent so long."""
        texts: list[str | None] = [None] * self.size
        texts[self.rank] = text
        others = [rank for rank in range(self.size) if rank != self.rank]
        sent = [self.control.isend(text, rank, _REPORT) for rank in others]
        until = time.monotonic() + seconds
        while None in texts and time.monotonic() < until:
            if self.reported():
                status = self.MPI.Status()
                message = self.control.recv(tag=_REPORT, status=status)
                texts[status.Get_source()] = message
            else:
                time.sleep(0.001)
        for request in sent:
            request.Test()
        return texts

    def reported(self) -> bool:
        """Return whether another rank has given up and waits for a report."""
        return bool(self.control.iprobe(tag=_REPORT))

    def split(self, ranks: Sequence[int]) -> Channel:
        """Return the transport of these ranks, which must all call this."""
        members = self.control.Get_group().Incl(list(ranks))
        return Channel(self.MPI, self.control.Create_group(members))

    def abort(self, status: int) -> None:
        """End all processes of the job at once."""
        self.MPI.COMM_WORLD.Abort(status)

    def close(self) -> None:
        """Give the communicators back."""
        self.data.Free()
        self.control.Free()

    # ---- data: C-contiguous arrays; each starts and returns a request ---------------------------
    def all_reduce(self, buffer: np.ndarray, op: str) -> Any:
        """Reduce in place."""
        return self.data.Iallreduce(self.MPI.IN_PLACE, buffer, self.ops[op])

    def reduce(self, buffer: np.ndarray, op: str, root: int) -> Any:
        """Reduce in place at ``root``; what is elsewhere stays."""
        if self.rank == root:
            return self.data.Ireduce(self.MPI.IN_PLACE, buffer, self.ops[op], root)
        return self.data.Ireduce(buffer, None, self.ops[op], root)

    def reduce_scatter(self, send: np.ndarray, receive: np.ndarray, op: str) -> Any:
        """Reduce ``send``, which has a part for each rank; ``receive`` this rank's."""
        return self.data.Ireduce_scatter_block(send, receive, self.ops[op])

    def broadcast(self, buffer: np.ndarray, root: int) -> Any:
        """Copy from ``root`` to everybody."""
        return self.data.Ibcast(_bytes(buffer), root)

    def all_gather(self, send: np.ndarray, receive: np.ndarray) -> Any:
        """Put every rank's ``send`` behind one another."""
        return self.data.Iallgather(_bytes(send), _bytes(receive))

    def gather(self, send: np.ndarray, receive: np.ndarray | None, root: int) -> Any:
        """Put every rank's ``send`` behind one another at ``root``."""
        into = None if receive is None else _bytes(receive)
        return self.data.Igather(_bytes(send), into, root)

    def scatter(self, send: np.ndarray | None, receive: np.ndarray, root: int) -> Any:
        """Give each rank its part of ``send`` of ``root``."""
        source = None if send is None else _bytes(send)
        return self.data.Iscatter(source, _bytes(receive), root)

    def all_to_all(self, send: np.ndarray, receive: np.ndarray) -> Any:
        """Give each rank its part of everybody's ``send``."""
        return self.data.Ialltoall(_bytes(send), _bytes(receive))


def _bytes(array: np.ndarray) -> np.ndarray:
    """Return the memory of a contiguous array as bytes: what moves needs no MPI name of its type.

    MPI has none for float16.
    """
    return array.reshape(-1).view(np.uint8)


def _why_alone(MPI: Any) -> str:
    if MPI is None:
        return "mpi4py, or the MPI that it needs, is not installed: pip install 'minigrad[mpi]'"
    library = MPI.Get_library_version().split("\n")[0]
    return (
        f"mpi4py's MPI ({library}) was not started by it: use the mpiexec that belongs to "
        "this library"
    )


_ALONE = (
    "init_process_group: this process is one of {} ({}), but it sees no other; {}. Each would "
    "train on its own, as if there was one"
)
