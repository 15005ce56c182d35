"""How a rank leaves: none goes alone, and none stays alone.

One that ends tells the others by a collective of its own: who still waits for it at another one
learns at once that it has gone. One that raises shows its traceback and ends the job.
"""

from __future__ import annotations

import atexit
import contextlib
import sys
import time
from collections.abc import Sequence
from typing import Any

from minigrad.distributed.alone import DONE
from minigrad.distributed.work import DistError

END = "the end of this rank"
_INTERRUPTED = 130
_NAP = 0.005
_PATIENCE = 60
_READ_ON = 0.5  # seconds for mpiexec to pass on what was printed: once it knows, it does not
_AFTER_YOU = 3  # seconds in which the first of several ranks shows what all of them raise


class _Job:
    """What is put back when the groups are left."""

    world: Any = None
    groups: Sequence[Any] = ()
    excepthook: Any = None


def begin(world: Any, groups: Sequence[Any]) -> None:
    """From now on end together; ``groups`` is looked at when this rank leaves."""
    _Job.world, _Job.groups, _Job.excepthook = world, groups, sys.excepthook
    sys.excepthook = _end_the_job
    atexit.register(_leave)  # after mpi4py's own, so that it runs before


def forget() -> None:
    """Undo :func:`begin`."""
    if _Job.world is not None:
        if sys.excepthook is _end_the_job:
            sys.excepthook = _Job.excepthook
        atexit.unregister(_leave)
        _Job.world = None


def _end_the_job(kind: type[BaseException], error: BaseException, trace: Any) -> None:
    """Show what this rank raised, and end all."""
    world = _Job.world
    interrupted = issubclass(kind, KeyboardInterrupt)
    if world.rank() and (interrupted or isinstance(error, DistError)):
        time.sleep(_AFTER_YOU)
    with contextlib.suppress(Exception):
        print(f"rank {world.rank()} of {world.size()}:", file=sys.stderr)
        _Job.excepthook(kind, error, trace)
    _abort(_INTERRUPTED if interrupted else 1)


def _abort(status: int) -> None:
    for stream in (sys.stdout, sys.stderr):
        with contextlib.suppress(Exception):
            stream.flush()
    time.sleep(_READ_ON)
    _Job.world.channel.abort(status)


def _leave() -> None:
    """Tell every group that this rank ends, and wait for the others without keeping a core busy."""
    until = time.monotonic() + _AFTER_YOU
    while any(group.is_busy() for group in _Job.groups) and time.monotonic() < until:
        time.sleep(_NAP)
    if any(group.failed or group.is_busy() for group in _Job.groups):
        _abort(1)  # MPI cannot end in order: some collective was left
    with contextlib.suppress(KeyboardInterrupt):
        try:
            works = [group.run(END, lambda: DONE, async_op=True) for group in _Job.groups]
            while not all([work.is_completed() for work in works]):  # each is asked
                time.sleep(_NAP)
            return
        except DistError:  # who waited for this rank has learnt it, and ends the job
            time.sleep(min(_Job.world.timeout, _PATIENCE))
    _abort(1)
