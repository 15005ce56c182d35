"""What is around the step: import time, installed size, DataLoader throughput."""

from __future__ import annotations

import argparse
import importlib.metadata
import importlib.util
import json
import statistics
import subprocess
import sys
import time
from pathlib import Path

LOADER = """
import sys, time, numpy as np
L = __import__(sys.argv[1]); data = __import__(sys.argv[1] + ".utils.data").utils.data
x, y = L.tensor(np.zeros((20000, 784), np.float32)), L.tensor(np.zeros(20000, np.int64))
loader = data.DataLoader(data.TensorDataset(x, y), batch_size=60, shuffle=True)
times = []
for _ in range(4):
    start = time.perf_counter()
    for batch in loader: pass
    times.append(time.perf_counter() - start)
print(20000 / min(times))
"""


def import_seconds(module: str, repeats: int = 5) -> float:
    """Return how much longer Python takes with the import, median of several runs."""

    def once(code: str) -> float:
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
        return time.perf_counter() - start

    once(f"import {module}")
    pairs = [(once("pass"), once(f"import {module}")) for _ in range(repeats)]
    return statistics.median(b - a for a, b in pairs)


def installed_bytes(package: str) -> int:
    """Return the size of a package and of all it requires."""
    todo, seen, total = [package], set(), 0
    while todo:
        name = todo.pop().lower().replace("_", "-")
        if name in seen:
            continue
        seen.add(name)
        try:
            found = importlib.metadata.distribution(name)
        except importlib.metadata.PackageNotFoundError:
            continue
        total += _editable_bytes(name, found) or sum(
            size for f in found.files or () if (size := _size(f))
        )
        todo += [_name(r) for r in found.requires or () if "extra ==" not in r]
    return total


def _editable_bytes(name: str, found: importlib.metadata.Distribution) -> int:
    """Return the size of what a checkout would install: an editable install lists none of its modules."""
    if '"editable": true' not in (found.read_text("direct_url.json") or ""):
        return 0
    folders = {
        Path(importlib.util.find_spec(module).origin).parent for module in (name, f"{name}.nn")
    }
    return sum(f.stat().st_size for folder in folders for f in folder.rglob("*.py"))


def _size(file) -> int:
    try:
        return file.locate().stat().st_size
    except OSError:
        return 0


def _name(requirement: str) -> str:
    for i, c in enumerate(requirement):
        if not (c.isalnum() or c in "-_."):
            return requirement[:i]
    return requirement


def loader_rows(module: str) -> float:
    """Return samples a second of a shuffling DataLoader, 60 a batch."""
    command = [sys.executable, "-c", LOADER, module]
    return float(subprocess.run(command, check=True, capture_output=True, text=True).stdout)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("modules", nargs="+", choices=["minigrad", "torch"])
    modules = parser.parse_args().modules
    print(json.dumps({m: [import_seconds(m), installed_bytes(m), loader_rows(m)] for m in modules}))
