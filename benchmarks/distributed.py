"""Data parallel training over MPI: what an all-reduce costs, what a step costs, and what several ranks gain.

python benchmarks/distributed.py                 # two ranks, all nets of the benchmark, minutes
python benchmarks/distributed.py --quick         # seconds: that it runs, no figures to quote

Each net is trained in one process on the whole batch, and by the ranks on their parts of it, with SyncBatchNorm and
DistributedDataParallel: the same weights to rounding, one thread each. The gain is predicted (processor time of a
part, plus what the sums cost alone) and measured. What follows from both for up to 1,024 ranks is a model.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import shutil
import statistics
import subprocess
import sys
import time
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import nets  # noqa: E402

SIZES = tuple(4**k for k in range(12))  # numbers of float32: 4 bytes to 16 MiB
NETWORKS = {  # seconds for a message to begin, seconds a byte: published orders of magnitude, not measured here
    "10 GbE": (20e-6, 1 / 1.1e9),
    "InfiniBand HDR": (1.5e-6, 1 / 24e9),
}
RANKS = (1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024)


def arguments(argv=None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--ranks", type=int, default=2, help="processes (default: 2)")
    parser.add_argument("--nets", type=lambda text: text.split(","), default=list(nets.NETS), help=f"of {','.join(nets.NETS)} (default: all)")  # fmt: skip
    parser.add_argument("--seconds", type=float, default=2.0, help="for each figure (default: 2)")
    parser.add_argument("--json", type=Path, help="file for all figures")
    parser.add_argument("--quick", action="store_true", help="one net, short: that it runs")
    parser.add_argument(
        "--rank", action="store_true", help=argparse.SUPPRESS
    )  # this process was started by mpiexec
    args = parser.parse_args(argv)
    if args.quick:
        args.nets, args.seconds = ["fig1_bn"], 0.1
    if wrong := set(args.nets) - set(nets.NETS):
        parser.error(f"--nets: {', '.join(sorted(wrong))} is not one of {', '.join(nets.NETS)}")
    if args.ranks < 2 or args.seconds <= 0:
        parser.error("--ranks must be 2 or more, --seconds above zero")
    return args


def launch(args: argparse.Namespace) -> int:
    """Start the ranks; each has one thread."""
    beside = Path(sys.executable).with_name("mpiexec")
    mpiexec = str(beside) if beside.exists() else shutil.which("mpiexec")
    if mpiexec is None:
        print(
            "benchmarks/distributed.py needs mpiexec: pip install 'minigrad[mpi]'", file=sys.stderr
        )
        return 2
    env = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1", **os.environ}
    command = [mpiexec, "-n", str(args.ranks), sys.executable, __file__, "--rank", *sys.argv[1:]]
    return subprocess.run(command, env=env).returncode


# ---- measuring ----------------------------------------------------------------------------------
def timed(function, seconds: float, together: bool) -> tuple[float, float]:
    """Return the medians of wall and processor seconds of a call; ``together`` all ranks do as many."""
    from minigrad import distributed as dist

    function()
    start = time.perf_counter()
    function()
    n = max(3, min(2000, int(seconds / max(time.perf_counter() - start, 1e-7))))
    if together:
        dist.broadcast_object_list(box := [n])
        (n,) = box
    walls, processors = [], []
    for _ in range(n):
        wall, processor = time.perf_counter(), time.process_time()
        function()
        walls.append(time.perf_counter() - wall)
        processors.append(time.process_time() - processor)
    return statistics.median(walls), statistics.mean(sorted(processors)[: max(1, n // 2)])


def all_reduce_times(seconds: float) -> list[tuple[int, float]]:
    """Return (bytes, seconds) of an all-reduce, compared between the ranks as every one is."""
    import numpy as np

    from minigrad import distributed as dist

    found = []
    for size in SIZES:
        x = np.zeros(size, np.float32)
        found.append((x.nbytes, timed(lambda x=x: dist.all_reduce(x), seconds / 4, True)[0]))
    return found


def fit(times: list[tuple[int, float]]) -> tuple[float, float]:
    """Return α and β of t = α + β · bytes: the smallest message, and the slope of the largest two."""
    (a, s), (b, t) = times[-2:]
    return times[0][1], max((t - s) / (b - a), 1e-13)


def cost_of(traffic: list[int], times: list[tuple[int, float]]) -> float:
    """Return the seconds of sums of these bytes, read off between the measured ones."""
    import numpy as np

    sizes, seconds = zip(*times, strict=True)
    return float(np.interp(traffic, sizes, seconds).sum())


def stepper(net: str, part: slice, parallel: bool):
    """Return a function that takes a training step of a net on part of its batch."""
    import minigrad as mg
    import minigrad.nn.functional as F
    from minigrad import nn, optim

    x, y = (mg.tensor(values) for values in nets.data(net))
    per_sample = len(y) // len(x)
    x, y = x[part], y.reshape(-1, per_sample)[part].reshape(-1)
    model = nets.build(net, mg, nn)
    if parallel:
        nn.SyncBatchNorm.convert_sync_batchnorm(model)
        model = nn.parallel.DistributedDataParallel(model)
    optimizer = optim.SGD(model.parameters(), lr=0.01, momentum=0.9)

    def step() -> None:
        optimizer.zero_grad()
        F.cross_entropy(model(x), y).backward()
        optimizer.step()

    return step


def measure(net: str, times: list[tuple[int, float]], seconds: float) -> dict:
    """Return the figures of one net: all ranks call this, the first one measures alone first."""
    from minigrad import distributed as dist

    rank, n = dist.get_rank(), dist.get_world_size()
    batch = nets.BATCH[net]
    share = batch // n
    alone = {}
    if rank == 0:  # the others wait, asleep
        for name, size in (("whole", batch), ("part", share)):
            alone[name] = timed(stepper(net, slice(0, size), False), seconds, False)
    dist.barrier()
    step = stepper(net, slice(rank * share, (rank + 1) * share), True)
    step()
    traffic, channel = [], dist.group.WORLD.channel
    original = channel.all_reduce
    channel.all_reduce = lambda buffer, op: (traffic.append(buffer.nbytes), original(buffer, op))[1]
    step()
    del channel.all_reduce
    wall, processor = timed(step, seconds, True)
    if rank:
        return {}
    predicted = alone["part"][1] + cost_of(traffic, times)
    return {
        "net": net, "batch": batch, "one_wall": alone["whole"][0], "one_cpu": alone["whole"][1], "part_cpu": alone["part"][1],
        "ranks_wall": wall, "ranks_cpu": processor, "bytes": sum(traffic), "sums": len(traffic),
        "predicted": alone["whole"][1] / predicted, "measured": alone["whole"][0] / wall,
    }  # fmt: skip


# ---- the model ----------------------------------------------------------------------------------
def sums_seconds(p: int, sums: int, nbytes: int, alpha: float, beta: float) -> float:
    """Return what the sums of a step cost ``p`` ranks: 2 log₂ p messages each, and every byte about twice.

    Rabenseifner's algorithm: the parts are reduced by halving, then gathered by doubling.
    """
    return 0.0 if p == 1 else sums * 2 * math.log2(p) * alpha + 2 * (p - 1) / p * nbytes * beta


def scaling(figures: dict, alpha: float, beta: float) -> list[tuple[int, float, float]]:
    """Return (ranks, efficiency with a batch each, speed-up on the one batch): no overlap is counted."""
    batch, n = figures["batch"], 2
    per_sample = max((figures["one_cpu"] - figures["part_cpu"]) / (batch - batch // n), 0.0)
    fixed = max(figures["one_cpu"] - per_sample * batch, 0.0)
    rows = []
    for p in RANKS:
        talk = sums_seconds(p, figures["sums"], figures["bytes"], alpha, beta)
        weak = figures["one_cpu"] / (figures["one_cpu"] + talk)
        strong = figures["one_cpu"] / (fixed + per_sample * max(batch / p, 1) + talk)
        rows.append((p, weak, strong))
    return rows


# ---- printing -----------------------------------------------------------------------------------
def table(head: list[str], rows: list[list[str]]) -> str:
    lines = [
        f"| {' | '.join(head)} |",
        f"|{' --- |' * len(head)}",
        *(f"| {' | '.join(row)} |" for row in rows),
    ]
    return "\n".join(lines)


def report(times: list[tuple[int, float]], found: list[dict], n: int, load: float) -> str:
    """Return everything as a page of tables."""
    alpha, beta = fit(times)
    cores = os.cpu_count() or 1
    quiet = load < 0.3
    parts = [
        f"{n} ranks, 1 thread each, {cores} cores; load before the run {load:.1f}"
        + ("" if quiet else ": OTHERS WERE AT WORK, so measured gains say little"),
        "\nAn all-reduce (float32 sum, shared memory):",
        table(["bytes", "µs"], [[f"{size:,}", f"{t * 1e6:.1f}"] for size, t in times]),
        f"\nα = {alpha * 1e6:.1f} µs, β = {beta * 1e12:.0f} ps a byte ({1 / beta / 1e9:.2f} GB/s)\n",
        table(
            [
                "net",
                "batch",
                "one process, ms",
                "its processor time",
                "a rank's part, processor ms",
                "kB a step",
                "sums a step",
                "predicted gain",
                "measured gain",
            ],
            [
                [
                    f["net"],
                    str(f["batch"]),
                    f"{f['one_wall'] * 1e3:.2f}",
                    f"{f['one_cpu'] * 1e3:.2f}",
                    f"{f['part_cpu'] * 1e3:.2f}",
                    f"{f['bytes'] / 1e3:.0f}",
                    str(f["sums"]),
                    f"{f['predicted']:.2f}×",
                    f"{f['measured']:.2f}×",
                ]
                for f in found
            ],
        ),
    ]
    networks = {
        "shared memory": (alpha / 2, beta / 2),
        **NETWORKS,
    }  # an all-reduce of two ranks is two messages
    for f in found:
        parts.append(
            f"\nMODEL, not measured: {f['net']}, t = 2 log₂ p · α · sums + 2 (p − 1) / p · bytes · β, no overlap"
        )
        rows = {name: scaling(f, *numbers) for name, numbers in networks.items()}
        head = [
            "ranks",
            *(
                f"{name}: {what}"
                for name in rows
                for what in ("weak, efficiency", "strong, speed-up")
            ),
        ]
        body = [
            [
                f"{p:,}",
                *(
                    text
                    for row in rows.values()
                    for text in (f"{row[i][1]:.0%}", f"{row[i][2]:.1f}×")
                ),
            ]
            for i, p in enumerate(RANKS)
        ]
        parts.append(table(head, body))
    return "\n".join(parts)


def main() -> int:
    args = arguments()
    load = os.getloadavg()[0] if hasattr(os, "getloadavg") else 0.0
    if not args.rank:
        return launch(args)
    from minigrad import distributed as dist

    dist.init_process_group(timeout=600)
    times = all_reduce_times(args.seconds)
    found = []
    for i, net in enumerate(args.nets):
        if dist.get_rank() == 0:
            print(f"{net} ({i + 1} of {len(args.nets)}) …", file=sys.stderr, flush=True)
        found.append(measure(net, times, args.seconds))
    if dist.get_rank() == 0:
        if args.json:
            args.json.write_text(
                json.dumps({"all_reduce": times, "nets": found, "load": load}, indent=1)
            )
        print(report(times, found, dist.get_world_size(), load))
    dist.destroy_process_group()
    return 0


if __name__ == "__main__":
    sys.exit(main())
