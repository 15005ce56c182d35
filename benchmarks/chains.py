"""What an operation costs beside the arithmetic: chains of operations on arrays of one element.

``python benchmarks/chains.py minigrad|torch [depths…]`` prints JSON: microseconds a node forward and
backward, by depth, and those of the bare NumPy calls alone.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(1, str(Path(__file__).resolve().parent.parent))  # minigrad, installed or not

DEPTHS = (10, 100, 1_000, 10_000, 100_000)


def best(function, at_least=0.02, repeats=5):
    """Return the seconds of the quickest of some calls."""
    function()
    times = []
    for _ in range(repeats):
        n, start = 0, time.perf_counter()
        while time.perf_counter() - start < at_least:
            function()
            n += 1
        times.append((time.perf_counter() - start) / n)
    return min(times)


def bare(calls):
    """Return the microseconds of NumPy calls on one element, as their loop runs them."""

    def thousand():
        for _ in range(1000):
            calls()

    def nothing():
        for _ in range(1000):
            (lambda: None)()

    return max(best(thousand) - best(nothing), 0.0) * 1e3


def floors():
    """Return, by operation, the microseconds of the NumPy calls that a node cannot do without: forward, backward."""
    a, one = np.ones(1, np.float32), np.float32(1)
    g = out = a
    return {
        "add": [bare(lambda: a + a), 0.0],
        "tanh": [bare(lambda: np.tanh(a)), bare(lambda: g * (one - out * out))],
    }


def chain(L, depth, operation):
    """Return microseconds a node, forward and backward."""
    x = L.ones(1, requires_grad=True)
    one = L.ones(1)

    def forward():
        y = x
        for _ in range(depth):
            y = y + one if operation == "add" else y.tanh()
        return y

    def both():
        forward().backward()

    ahead = best(forward)
    return ahead / depth * 1e6, (best(both) - ahead) / depth * 1e6


def main():
    parser = argparse.ArgumentParser(description="Microseconds a node of chains, as JSON.")
    parser.add_argument("name", choices=["minigrad", "torch"])
    parser.add_argument(
        "depths", nargs="*", type=int, help=f"default: {' '.join(map(str, DEPTHS))}"
    )
    args = parser.parse_args()
    name, depths = args.name, args.depths
    L = __import__(name)
    if name == "torch":
        L.set_num_threads(1)
    found = {"bare": floors(), "add": {}, "tanh": {}}
    for operation in ("add", "tanh"):
        for depth in depths or DEPTHS:
            found[operation][depth] = chain(L, depth, operation)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
