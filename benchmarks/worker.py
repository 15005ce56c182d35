"""One process that takes training steps of one peer on request: ``python benchmarks/worker.py PEER NET OPTIMIZER THREADS``.

Each line on standard input is a number of seconds to run for; each answer is one line of JSON: the
seconds of each step, and, where the peer can run them apart, of each forward and of each forward with backward.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import gc
import json
import os
import statistics
import sys
import time


def memory(field: str) -> int:
    """Return a line of /proc/self/status in bytes, 0 where there is none."""
    try:
        with open("/proc/self/status", encoding="ascii") as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith(field))
    except (OSError, StopIteration):
        return 0


def give_back() -> None:
    """Give what lies free back to the system, for every peer: a net that finds it there would seem smaller."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def forget_peak() -> None:
    """Let VmHWM start again from what is held now: what came before is no step's."""
    with contextlib.suppress(OSError), open("/proc/self/clear_refs", "w", encoding="ascii") as file:
        file.write("5")


def keep_to(threads: int) -> None:
    """Keep this process to as many processors: the same for every peer, as one may be slower than another."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[-threads:])


def settle(module, optimizer: str, threads: int) -> None:
    """Let a library set up in a tiny net's step what it sets up at first use: that is no net's memory."""
    step = module.step("tiny", optimizer, threads)
    for _ in range(4):
        step()
    del step
    gc.collect()
    give_back()


def timed(function, seconds: float) -> list[float]:
    """Return the seconds of each call, one at least, until the time is up."""
    times, end = [], time.perf_counter() + seconds
    while not times or time.perf_counter() < end:
        start = time.perf_counter()
        function()
        times.append(time.perf_counter() - start)
    return times


def turn(step, seconds: float) -> dict:
    """Return the times of one turn; a quarter of it goes to forward and backward where they come apart."""
    found = {"steps": timed(step, seconds)}
    if hasattr(step, "forward"):
        for name in ("forward", "both"):
            found[name] = statistics.median(timed(getattr(step, name), seconds / 8))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description="Take training steps of one peer, as many seconds as each line says."
    )
    for name in ("peer", "net", "optimizer"):
        parser.add_argument(name)
    parser.add_argument("threads", type=int)
    args = parser.parse_args()
    peer, net, optimizer, threads = args.peer, args.net, args.optimizer, args.threads
    keep_to(threads)
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints is no answer
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    import importlib

    module = importlib.import_module(f"peers.{peer}")
    importlib.import_module(module.MODULE)
    try:
        settle(module, optimizer, threads)
        before = memory("VmRSS")
        step = module.step(net, optimizer, threads)
        losses = [step() for _ in range(4)]
        forget_peak()
        losses.append(step())
        answer = {"first_loss": losses[0], "loss": losses[-1], "peak": memory("VmHWM") - before}
    except NotImplementedError as error:
        answer = {"missing": str(error)}
    print(json.dumps(answer), file=out, flush=True)
    for line in sys.stdin:
        print(json.dumps(turn(step, float(line))), file=out, flush=True)


if __name__ == "__main__":
    main()
