"""The transport of a group of one rank, which needs no MPI: what is sent is received."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from typing import Any

import numpy as np


class Done:
    """A request that is over."""

    def Test(self) -> bool:
        """Return True."""
        return True


DONE = Done()


class Alone:
    """The collectives of one rank; :class:`mpi.Channel` has the same for several."""

    rank = 0
    size = 1

    def split(self, ranks: Sequence[int]) -> Alone:
        """Return the transport of a group of this rank."""
        return Alone()

    def abort(self, status: int) -> None:
        """End the process."""
        sys.exit(status)

    def close(self) -> None:
        """Do nothing: nothing is held."""

    def all_reduce(self, buffer: np.ndarray, op: str) -> Any:
        """Leave the buffer: it is the sum of one."""
        return DONE

    def reduce(self, buffer: np.ndarray, op: str, root: int) -> Any:
        """Leave the buffer: it is the sum of one."""
        return DONE

    def broadcast(self, buffer: np.ndarray, root: int) -> Any:
        """Leave the buffer: it is the root's."""
        return DONE

    def reduce_scatter(self, send: np.ndarray, receive: np.ndarray, op: str) -> Any:
        """Copy the one part."""
        return self.all_gather(send, receive)

    def all_gather(self, send: np.ndarray, receive: np.ndarray) -> Any:
        """Copy the one part."""
        receive.reshape(-1)[...] = send.reshape(-1)
        return DONE

    def gather(self, send: np.ndarray, receive: Any, root: int) -> Any:
        """Copy the one part."""
        return self.all_gather(send, receive)

    def scatter(self, send: Any, receive: np.ndarray, root: int) -> Any:
        """Copy the one part."""
        return self.all_gather(send, receive)

    def all_to_all(self, send: np.ndarray, receive: np.ndarray) -> Any:
        """Copy the one part."""
        return self.all_gather(send, receive)
