"""Objects between processes: pickled, the memory of their arrays sent as it lies.

Python's queues would copy each array into the pickle and out of it, and a process that is killed
would leave their locks closed. So every worker has a connection of its own.
"""

from __future__ import annotations

import os
import pickle
import socket
from multiprocessing.connection import Connection
from typing import Any

import numpy as np

Packed = list[Any]  # the pickle first, then the memory of each array


def pack(message: Any) -> Packed:
    """Return the parts of a message; raise what pickling raises."""
    arrays: list[Any] = []
    head = pickle.dumps(message, 5, buffer_callback=lambda buffer: arrays.append(buffer.raw()))
    sizes = [array.nbytes for array in arrays]
    return [pickle.dumps((head, sizes)), *(array for array in arrays if array.nbytes)]


def send(connection: Connection, packed: Packed) -> None:
    """Write the parts of a message."""
    for part in packed:
        connection.send_bytes(part)


def receive(connection: Connection) -> Any:
    """Read a message; its arrays are writable. Raises EOFError where the other side is gone."""
    head, sizes = pickle.loads(connection.recv_bytes())
    arrays = []
    for size in sizes:
        array = np.empty(size, np.uint8)
        if size:
            connection.recv_bytes_into(array.data)
        arrays.append(array)
    return pickle.loads(head, buffers=arrays)


def hang_up(connection: Connection) -> None:
    """Close both directions, for copies of the connection in forked processes too."""
    if os.name == "posix":
        with socket.socket(fileno=os.dup(connection.fileno())) as end:
            end.shutdown(socket.SHUT_RDWR)
    connection.close()
