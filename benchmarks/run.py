"""Time the same training steps in minigrad and in every peer that is installed.

python benchmarks/run.py                       # all, about half an hour; prints a table
python benchmarks/run.py --quick               # seconds: that it runs, no figures to quote
python benchmarks/run.py --json out.json --write    # also docs/performance.md and its picture
"""

from __future__ import annotations

import argparse
import contextlib
import importlib.metadata
import importlib.util
import json
import os
import platform
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]  # the peers, and minigrad, installed or not

import nets  # noqa: E402
import page  # noqa: E402
import turns  # noqa: E402

PEERS = (
    "minigrad_eager", "minigrad_compiled", "minigrad_loops", "pytorch_eager", "pytorch_compiled", "jax_jit", "tinygrad_jit", "mygrad_eager",
    "hips_autograd", "numpy_by_hand", "products_alone",
)  # fmt: skip
FULL = {
    "nets": list(nets.NETS),
    "optimizers": ["sgd", "adam"],
    "threads": ["1", "2"],
    "repeats": 7,
    "seconds": 0.4,
}
QUICK = {
    "nets": ["fig1_bn", "lstm"],
    "optimizers": ["sgd"],
    "threads": ["1"],
    "repeats": 1,
    "seconds": 0.05,
}


def machine() -> dict[str, str]:
    """Describe where and with what this ran."""
    cpu = platform.processor() or platform.machine()
    with contextlib.suppress(OSError, StopIteration):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        cpu = next(line.split(":")[1].strip() for line in lines if line.startswith("model name"))
    facts = {
        "processor": f"{cpu}, {os.cpu_count()} cores",
        "system": platform.platform(),
        "Python": platform.python_version(),
    }
    for package in ("numpy", "torch", "jax", "tinygrad", "mygrad", "autograd", "numba"):
        try:
            facts[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            facts[package] = "not installed"
    if importlib.util.find_spec("threadpoolctl"):
        import numpy  # noqa: F401
        import threadpoolctl

        facts["BLAS of NumPy"] = ", ".join(
            f"{p['internal_api']} {p['version']}, kernels for {p.get('architecture')}"
            for p in threadpoolctl.threadpool_info()
        )
    return facts


def subprocess_json(script: str, *arguments: str) -> dict:
    env = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(HERE.parent)}
    out = subprocess.run(
        [sys.executable, str(HERE / script), *arguments],
        check=True,
        capture_output=True,
        text=True,
        env=env,
    )
    return json.loads(out.stdout)


def arguments(argv=None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    listed = lambda text: text.split(",")
    parser.add_argument("--nets", type=listed, help=f"of {','.join(nets.NETS)} (default: all)")
    parser.add_argument(
        "--peers",
        type=listed,
        default=list(PEERS),
        help=f"of {','.join(PEERS)} (default: all installed)",
    )
    parser.add_argument("--optimizers", type=listed, help="of sgd,adam (default: both)")
    parser.add_argument("--threads", type=listed, help="default: 1,2")
    parser.add_argument("--repeats", type=int, help="turns of each process (default: 7)")
    parser.add_argument("--seconds", type=float, help="of one turn (default: 0.4)")
    parser.add_argument("--json", type=Path, help="file for all figures")
    parser.add_argument(
        "--write", action="store_true", help="write docs/performance.md and docs/performance.svg"
    )
    parser.add_argument(
        "--from-json", type=Path, help="measure nothing: make table or page of this file"
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="two nets, one turn, short chains unless said otherwise: that it runs",
    )
    args = parser.parse_args(argv)
    if args.json and not args.json.absolute().parent.is_dir():
        parser.error(f"--json: no folder {str(args.json.parent)!r}")
    if args.from_json:
        try:
            args.measured = json.loads(args.from_json.read_text())
        except (OSError, ValueError) as error:
            parser.error(
                f"--from-json: {str(args.from_json)!r} has no figures of this program: {error}"
            )
    elif not importlib.util.find_spec("tqdm"):
        parser.error("tqdm is missing: pip install -e '.[bench]'")
    if args.quick and args.write:
        parser.error("--quick gives no figures to publish: leave out --write")
    if args.quick and args.peers == list(PEERS):
        args.peers.remove("pytorch_compiled")  # takes a minute to compile
    for name, value in (QUICK if args.quick else FULL).items():
        if getattr(args, name) is None:
            setattr(args, name, value)
    for name, known in (("nets", nets.NETS), ("peers", PEERS), ("optimizers", ("sgd", "adam"))):
        if wrong := set(getattr(args, name)) - set(known):
            parser.error(f"--{name}: {', '.join(sorted(wrong))} is not one of {', '.join(known)}")
    if wrong := [t for t in args.threads if not t.isdigit() or int(t) < 1]:
        parser.error(f"--threads: {', '.join(wrong)} is no number of threads")
    if args.repeats < 1 or args.seconds <= 0:
        parser.error("--repeats and --seconds must be above zero")
    return args


def everything(args: argparse.Namespace) -> dict:
    """Measure all that was asked for."""
    from tqdm import tqdm

    there = [
        p
        for p in args.peers
        if importlib.util.find_spec(importlib.import_module(f"peers.{p}").MODULE)
    ]
    cells = [(int(t), net, o) for t in args.threads for net in args.nets for o in args.optimizers]
    steps = []
    with tqdm(cells, unit="net", file=sys.stderr) as bar:
        for threads, net, optimizer in bar:
            bar.set_description(f"{net}, {optimizer}, {threads} threads")
            steps.append(
                turns.measure(net, optimizer, threads, there, args.repeats, args.seconds, bar.write)
            )
    libraries = ["minigrad", *(["torch"] if "pytorch_eager" in there else [])]
    depths, few = (["10", "100"], ["10000"]) if args.quick else ([], [])
    shown = [a for a in sys.argv[1:] if a != "--write"]
    commit = subprocess.run(
        ["git", "describe", "--always", "--dirty", "--exclude=*"],
        capture_output=True,
        text=True,
        cwd=HERE,
    ).stdout.strip()
    return {
        "command": " ".join(
            ["python benchmarks/run.py", *shown, *(["--write"] if args.write else [])]
        ),
        "commit": commit or "unknown",
        "repeats": args.repeats,
        "seconds": args.seconds,
        "machine": machine(),
        "steps": steps,
        "chains": {name: subprocess_json("chains.py", name, *depths) for name in libraries},
        "optimizers": {name: subprocess_json("optimizers.py", name, *few) for name in libraries},
        "surroundings": {} if args.quick else subprocess_json("surroundings.py", *libraries),
    }


def main() -> None:
    args = arguments()
    result = args.measured if args.from_json else everything(args)
    if args.json:
        args.json.write_text(json.dumps(result, indent=1))
    print(page.table(result))
    print()
    print(page.compiled(result))
    print()
    print(page.backward(result))
    print()
    print(page.chains(result))
    if args.write:
        page.write(result)
        print(f"written: {page.DOCS / 'performance.md'}")


if __name__ == "__main__":
    try:
        main()
    except KeyboardInterrupt:
        sys.exit(130)
