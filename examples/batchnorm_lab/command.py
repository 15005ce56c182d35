"""The command line of the lab."""

from __future__ import annotations

import argparse
import json
import platform
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from support import leave, need
from support.arguments import folder, positive
from support.data import crc32

import numpy as np

import minigrad as mg
from batchnorm_lab import report, runner
from batchnorm_lab.claims import claims
from batchnorm_lab.data import load
from minigrad.serialization import write_atomically

SEEDS = {"quick": 2, "full": 5}


def parser() -> argparse.ArgumentParser:
    """Return the parser of ``list``, ``run`` and ``report``."""
    top = argparse.ArgumentParser(
        prog="batchnorm_lab", description="The claims about Batch Normalization, run and judged."
    )
    commands = top.add_subparsers(dest="command", required=True)
    commands.add_parser("list", help="name the claims")
    run = commands.add_parser(
        "run", help="run experiments and write the report; finished cells are not run again"
    )
    size = run.add_mutually_exclusive_group()
    size.add_argument(
        "--quick",
        dest="mode",
        action="store_const",
        const="quick",
        default="quick",
        help="minutes (default)",
    )
    size.add_argument(
        "--full", dest="mode", action="store_const", const="full", help="the published figures"
    )
    run.add_argument("--only", metavar="C1,C5", help="these claims")
    run.add_argument("--ci", action="store_true", help="the claims marked (CI)")
    run.add_argument("--seeds", type=positive(int), help="default: 2 quick, 5 full")
    run.add_argument(
        "--jobs", type=positive(int), default=2, help="processes (default 2), one core each"
    )
    run.add_argument("--data", metavar="FOLDER", help="where the four MNIST files are")
    for command in (
        run,
        commands.add_parser("report", help="write the report again from results.json"),
    ):
        command.add_argument(
            "--out",
            type=folder if command is run else Path,
            metavar="FOLDER",
            help="default: runs/batchnorm-lab[-full]",
        )
    return top


def chosen(args: argparse.Namespace, error: Any) -> list:
    """Return the claims that --only and --ci leave."""
    there = claims()
    wanted = args.only.split(",") if args.only else list(there)
    unknown = [name for name in wanted if name not in there]
    if unknown:
        error(f"--only: unknown {', '.join(unknown)}; there are {', '.join(there)}")
    return [there[name] for name in wanted if there[name].ci or not args.ci]


def listed() -> int:
    """Print the claims."""
    for claim in claims().values():
        print(f"{claim.id:<4}{'CI' if claim.ci else '':<4}{claim.title}")
    return 0


def ran(args: argparse.Namespace, error: Any) -> int:
    """Run what is not finished, then judge and report what is."""
    need("tqdm", "matplotlib", "threadpoolctl")
    seeds = args.seeds or SEEDS[args.mode]
    out = args.out or Path(
        "runs/batchnorm-lab-full" if args.mode == "full" else "runs/batchnorm-lab"
    )
    (out / "cells").mkdir(parents=True, exist_ok=True)
    wanted = chosen(args, error)
    data, source = load(args.data, error)
    every = runner.tasks(wanted, args.mode, seeds, out, f"{source} {crc32(*data):08x}")
    todo = [task for task in every if not task.finished()]
    print(
        f"{source}; {args.mode}, {seeds} seeds: {len(every)} cells, {len(every) - len(todo)} of "
        f"them finished before"
    )
    begun, faults, interrupted = time.time(), [], False
    try:
        if signal.getsignal(signal.SIGINT) is leave:  # from here on there is something to keep
            signal.signal(signal.SIGINT, signal.default_int_handler)
        faults = _shown(todo, data, args.jobs)
    except KeyboardInterrupt:
        interrupted = True
    seconds = _seconds(out) + time.time() - begun
    settings = {
        "mode": args.mode,
        "seeds": seeds,
        "jobs": args.jobs,
        "data": source,
        "seconds": seconds,
    }
    _write(out, settings, wanted, runner.collected(every))
    if unfinished := {task.claim: None for task in every if not task.finished()}:
        print(f"not judged, cells are missing: {', '.join(unfinished)}", file=sys.stderr)
    for fault in faults:
        print(fault, file=sys.stderr)
    if interrupted:
        print("Interrupted; finished cells are kept. The same command goes on.", file=sys.stderr)
        return 130
    return 1 if faults else 0


def _seconds(out: Path) -> float:
    """Return what earlier calls took to fill the folder: a resumed run counts them, too."""
    try:
        return float(json.loads((out / "results.json").read_text())["settings"]["seconds"])
    except (OSError, ValueError, KeyError):
        return 0.0


def _shown(todo: list[runner.Task], data: Any, jobs: int) -> list[str]:
    """Run under two bars, cells and training steps; return the faults."""
    from tqdm import tqdm

    faults: list[str] = []
    with (
        tqdm(total=len(todo), unit="cell", disable=None) as cells,
        tqdm(unit="step", disable=None, unit_scale=True) as steps,
    ):
        for task, fault, count in runner.run(todo, data, jobs, _commit()):
            steps.update(count - steps.n)
            if task:
                cells.set_description(task.claim)
                cells.update()
            if task and fault:
                faults.append(f"{task.claim} {task.cell}: {fault}")
    return faults


def _write(out: Path, settings: dict, wanted: list, saved: dict[str, list[dict]]) -> None:
    versions = {
        "minigrad": mg.__version__,
        "numpy": np.__version__,
        "python": platform.python_version(),
        "BLAS": _blas(),
    }
    found: dict[str, Any] = {
        "settings": settings,
        "versions": versions,
        "commit": _commit(),
        "command": _command(),
    }
    found |= {"claims": {}, "cells": saved}
    for claim in wanted:
        if (owner := claim.of or claim.id) in saved:
            judged = vars(claim.judge(runner.results(saved[owner])))
            seconds = 0.0 if claim.of else sum(cell["seconds"] for cell in saved[owner])
            found["claims"][claim.id] = {**judged, "seconds": seconds}
            print(f"{claim.id:<4}{judged['verdict']:<19}{judged['figure']}")
    write_atomically(out / "results.json", _lines(found).encode())
    report.write(out)
    print(f"report: {out / 'report.html'}, {out / 'REPORT.md'}")


def _blas() -> str:
    """Return which library multiplies matrices, its kernel for this CPU, and with how many threads.

    Training depends on it in the last bits, and so do the figures in the end.
    """
    import threadpoolctl

    pools = [pool for pool in threadpoolctl.threadpool_info() if pool["user_api"] == "blas"]
    texts = [
        f"{pool['internal_api']} {pool['version']} {pool.get('architecture', '')}".strip()
        + f", {pool['num_threads']} thread{'s' * (pool['num_threads'] > 1)}"
        for pool in pools
    ]
    return "; ".join(dict.fromkeys(texts)) or "unknown"


def _lines(found: dict) -> str:
    """Return results.json, one line per cell, so that a diff shows which cells changed."""
    head = json.dumps({**found, "cells": {}}, indent=1, ensure_ascii=False)
    claims = (
        f"{json.dumps(name)}: [\n" + ",\n".join(json.dumps(cell) for cell in cells) + "]"
        for name, cells in found["cells"].items()
    )
    return head.replace('"cells": {}', '"cells": {\n' + ",\n".join(claims) + "}")


def _commit() -> str:
    """Return the commit of the lab, and that of minigrad where it is installed elsewhere."""
    lab, library = _described(Path(__file__).parent), _described(Path(mg.__file__).parent)
    return lab if lab == library else f"{lab} (minigrad: {library})"


def _described(here: Path) -> str:
    try:
        text = subprocess.run(
            ["git", "describe", "--always", "--dirty"],
            cwd=here,
            capture_output=True,
            text=True,
            check=True,
        )
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
    return text.stdout.strip()


def _command() -> str:
    """Return what was typed, without this machine's folders."""
    return "python examples/batchnorm_lab" + re.sub(
        r" --(data|out)[ =]\S+", "", " " + " ".join(sys.argv[1:])
    )


def main(argv: list[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    top = parser()
    args = top.parse_args(argv)
    if args.command == "list":
        return listed()
    if args.command == "run":
        return ran(args, top.error)
    out = args.out or Path("runs/batchnorm-lab")
    if not (out / "results.json").is_file():
        top.error(f"report: no results.json in {str(out)!r}; `run` writes it")
    try:
        report.write(out)
    except (ValueError, KeyError, TypeError) as error:
        top.error(
            f"report: {str(out / 'results.json')!r} is damaged or of another program ({error!r})"
        )
    print(f"report: {out / 'report.html'}, {out / 'REPORT.md'}")
    return 0
