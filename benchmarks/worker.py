"""One process that takes training steps of one peer on request: ``python benchmarks/worker.py PEER NET OPTIMIZER THREADS``.

Each line on standard input is a number of seconds to run for; each answer is one line of JSON.
"""

from __future__ import annotations

import json
import os
import sys
import time


def memory(field: str) -> int:
    """Return a line of /proc/self/status in bytes, 0 where there is none."""
    try:
        with open("/proc/self/status", encoding="ascii") as file:
            return next(int(line.split()[1]) * 1024 for line in file if line.startswith(field))
    except (OSError, StopIteration):
        return 0


def main() -> None:
    peer, net, optimizer, threads = sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4])
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what a library prints is no answer
    sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
    import importlib

    module = importlib.import_module(f"peers.{peer}")
    importlib.import_module(module.MODULE)
    before = memory("VmRSS")
    try:
        step = module.step(net, optimizer, threads)
        first = step()
        for _ in range(4):
            last = step()
        answer = {"first_loss": first, "loss": last, "peak": memory("VmHWM") - before}
    except NotImplementedError as error:
        answer = {"missing": str(error)}
    print(json.dumps(answer), file=out, flush=True)
    for line in sys.stdin:
        times, end = [], time.perf_counter() + float(line)
        while not times or time.perf_counter() < end:
            start = time.perf_counter()
            step()
            times.append(time.perf_counter() - start)
        print(json.dumps(times), file=out, flush=True)


if __name__ == "__main__":
    main()
