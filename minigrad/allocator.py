"""Keep freed memory in the process, so that every large array does not fault its pages in anew.

glibc gives blocks above a threshold back to the system on each free, and the next array of that
size pays for it: a third of a training step of a wide net. Two settings of ``mallopt`` keep them.
Nothing happens elsewhere than on Linux with glibc, or where MINIGRAD_KEEP_MEMORY=0 is set.
https://man7.org/linux/man-pages/man3/mallopt.3.html
"""

from __future__ import annotations

import contextlib
import ctypes
import gc
import os
import sys

_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3


def keep_memory() -> bool:
    """Raise both thresholds; return whether that was done."""
    if sys.platform != "linux" or os.environ.get("MINIGRAD_KEEP_MEMORY") == "0":
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
        return bool(
            mallopt(_M_MMAP_THRESHOLD, 1 << 30) and mallopt(_M_TRIM_THRESHOLD, (1 << 31) - 1)
        )
    except (OSError, AttributeError):  # another C library, such as musl
        return False


def give_back() -> None:
    """Give freed memory back to the system once: where much of it will not be needed again."""
    empty_free_lists()
    if sys.platform == "linux":
        with contextlib.suppress(OSError, AttributeError):
            ctypes.CDLL(None).malloc_trim(0)


def empty_free_lists() -> None:
    """Let go of the freed tuples, lists and dictionaries that Python keeps for later, thousands.

    A whole collection does that. It grows with the process, unless it is shown nothing.
    """
    if gc.get_freeze_count():  # it is the user's who is frozen
        return
    gc.freeze()
    gc.collect()
    gc.unfreeze()
