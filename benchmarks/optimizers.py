"""What an optimizer's step costs for a million parameters, in one tensor and in a hundred.

``python benchmarks/optimizers.py minigrad|torch [parameters]`` prints JSON: milliseconds a step.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path

from chains import best

sys.path.insert(1, str(Path(__file__).resolve().parent.parent))  # minigrad, installed or not


def milliseconds(L, name: str, pieces: int, total: int) -> float:
    """Return the time of a step over so many tensors."""
    parameters = [L.ones(total // pieces, requires_grad=True) for _ in range(pieces)]
    for p in parameters:
        p.grad = L.ones(total // pieces)
    return best(getattr(L.optim, name)(parameters, lr=1e-4).step) * 1e3


def main() -> None:
    parser = argparse.ArgumentParser(description="Milliseconds a step of optimizers, as JSON.")
    parser.add_argument("name", choices=["minigrad", "torch"])
    parser.add_argument(
        "parameters", nargs="?", type=int, default=1_000_000, help="default: %(default)s"
    )
    args = parser.parse_args()
    name, total = args.name, args.parameters
    L = __import__(name)
    if name == "torch":
        L.set_num_threads(1)
    cells = [(optimizer, pieces) for optimizer in ("SGD", "Adam") for pieces in (1, 100)]
    print(json.dumps({f"{o}, {total:,} in {n}": milliseconds(L, o, n, total) for o, n in cells}))


if __name__ == "__main__":
    main()
