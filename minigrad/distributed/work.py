"""A collective under way: compared between the ranks, started, waited for, or given up.

Before any data move, the ranks compare what they are about to do, by a number made of its
description and its place in the order. Where they differ, every rank learns it, each tells the
others what it does, and all raise the same error: no hang and no wrong sum.
"""

from __future__ import annotations

import datetime
import functools
import hashlib
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from minigrad.distributed.alone import DONE

if TYPE_CHECKING:
    from minigrad.distributed.groups import ProcessGroup

_MASK = (1 << 62) - 1  # the number and its negative both fit an int64
_SPINS = 100
_YIELDS = 0.05  # seconds in which others may have this core, but it is not slept
_NAP = 0.0002


class DistError(RuntimeError):
    """An error of minigrad.distributed."""


class DistBackendError(DistError):
    """A collective that failed: ranks that do not match, or one that did not come in time."""


@functools.lru_cache(maxsize=4096)
def fingerprint(description: str) -> int:
    """Return a number of a description, the same in every process."""
    digest = hashlib.blake2b(description.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "little")


class Work:
    """What a collective with ``async_op=True`` returns."""

    def __init__(
        self,
        group: ProcessGroup,
        description: str,
        start: Callable[[], Any],
        finish: Callable[[], Any] | None,
    ) -> None:
        self.group, self.description, self.number = group, description, group.count
        self._start, self._finish = start, finish
        self._done = False
        self._request: Any = None
        self._numbers: Any = None
        self._comparison: Any = DONE
        if group.size() > 1:
            code = (fingerprint(description) + self.number) & _MASK
            self._numbers, self._comparison = group.channel.compare(code)

    def advance(self) -> bool:
        """Begin where all ranks have come, finish where the data have; return whether it began."""
        if self._request is None:
            if not self._comparison.Test():
                return False
            if self._numbers is not None and self._numbers[0] != -self._numbers[1]:
                self.group.give_up(self, "the ranks differ: rank {} is")
            self._request = self._start()
        if not self._done and self._request.Test():
            self._done = True
            if self._finish is not None:
                self._finish()
        return True

    def is_completed(self) -> bool:
        """Return whether it is done, after what can be done now."""
        self.group.advance()
        return self._done

    def wait(self, timeout: Any = None) -> bool:
        """Wait until it is done; return True.

        Raises DistBackendError where the ranks differ, where one has left, and after ``timeout``, a
        timedelta or seconds (default: the group's).
        """
        if self._done:
            return True
        group = self.group
        limit = group.timeout if timeout is None else seconds(timeout)
        for _ in range(_SPINS):  # most end here; whoever asks the clock or sleeps is later
            group.advance()
            if self._done:
                return True
        start = time.monotonic()
        while True:
            group.advance()
            if self._done:
                return True
            waited = time.monotonic() - start
            if waited < min(_YIELDS, limit):
                time.sleep(0)  # whoever else wants this core
                continue
            if waited > limit:
                group.give_up(self, f"rank {{}} has waited {waited:.3g} s for the others")
            if group.channel.reported():
                group.give_up(self, "another rank has given up; rank {} is")
            time.sleep(_NAP)

    def __str__(self) -> str:
        return f"collective {self.number}, {self.description}"


def seconds(timeout: Any) -> float:
    """Return a timedelta or a number of seconds as seconds; it must be above zero."""
    is_delta = isinstance(timeout, datetime.timedelta)
    value = timeout.total_seconds() if is_delta else timeout
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        raise TypeError(
            f"timeout: expected a datetime.timedelta or seconds, got {type(timeout).__name__}"
        )
    if not value > 0:
        raise ValueError(f"timeout: expected more than 0 seconds, got {value}")
    return float(value)
