"""Processes that take turns, and the figures of one net."""

from __future__ import annotations

import importlib
import json
import os
import signal
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

HERE = Path(__file__).parent


class Worker:
    """A process that takes steps when it is asked to; RuntimeError with its last words where it ends."""

    def __init__(self, peer: str, net: str, optimizer: str, threads: int) -> None:
        names = ("OMP", "OPENBLAS", "MKL", "NUMEXPR")
        env = {**os.environ, **{f"{name}_NUM_THREADS": str(threads) for name in names}}
        env["PYTHONPATH"] = os.pathsep.join(filter(None, [str(HERE.parent), env.get("PYTHONPATH")]))
        command = [sys.executable, str(HERE / "worker.py"), peer, net, optimizer, str(threads)]
        # for what it says a file: a pipe that nobody empties would stop a talkative library
        self.words = tempfile.TemporaryFile("w+")  # noqa: SIM115
        self.process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=self.words, text=True, env=env,
            cwd=HERE.parent,
        )  # fmt: skip
        self.name = importlib.import_module(f"peers.{peer}").NAME
        self.turns: list[float] = []
        self.steps: list[float] = []
        self.backward: list[float] = []  # backward's cost over forward's, a figure a turn
        try:
            self.facts = self._answer()
        except RuntimeError:
            self.close()
            raise
        self._halt(True)

    def _halt(self, still: bool) -> None:
        """Let it stand still while others run: threads that wait in loops for work take a core from who is measured."""
        if hasattr(signal, "SIGSTOP"):
            self.process.send_signal(signal.SIGSTOP if still else signal.SIGCONT)

    def _answer(self):
        line = self.process.stdout.readline()
        if not line:
            self.process.wait()
            self.words.seek(0)
            raise RuntimeError(
                self.words.read()[-1500:].strip() or f"ended with status {self.process.returncode}"
            )
        return json.loads(line)

    def turn(self, seconds: float) -> None:
        """Let it run for so long."""
        self._halt(False)
        try:
            self.process.stdin.write(f"{seconds}\n")
            self.process.stdin.flush()
        except BrokenPipeError:
            pass  # its last words are what _answer raises
        found = self._answer()
        self._halt(True)
        self.turns.append(statistics.median(found["steps"]))
        self.steps += found["steps"]
        if "forward" in found:
            self.backward.append(found["both"] / found["forward"] - 1)

    def close(self) -> None:
        """End it."""
        self.process.kill()
        self.process.communicate()
        self.words.close()


def measure(
    net: str, optimizer: str, threads: int, peers: list[str], repeats: int, seconds: float, say
) -> dict:
    """Return the figures of one net: milliseconds, ratio to minigrad turn by turn, memory.

    A peer that fails is reported and left out; the others go on.
    """
    workers: list[Worker] = []
    missing: dict[str, str] = {}  # why a peer has no figures
    try:
        for peer in peers:
            try:
                worker = Worker(peer, net, optimizer, threads)
            except RuntimeError as error:
                name = importlib.import_module(f"peers.{peer}").NAME
                missing[name] = f"could not run {net}: {str(error).splitlines()[-1]}"
                say(f"{name} {missing[name]}")
                continue
            workers.append(worker)
        missing |= {
            worker.name: worker.facts["missing"] for worker in workers if "missing" in worker.facts
        }
        running = [worker for worker in workers if worker.name not in missing]
        for _ in range(repeats):
            for worker in list(running):
                try:
                    worker.turn(seconds)
                except RuntimeError as error:
                    missing[worker.name] = f"stopped at {net}: {str(error).splitlines()[-1]}"
                    say(f"{worker.name} {missing[worker.name]}")
                    running.remove(worker)
        own = next((w for w in running if w.name == "minigrad"), None)
        found = {worker.name: figures(worker, own) for worker in running}
    finally:
        for worker in workers:
            worker.close()
    return {
        "net": net,
        "optimizer": optimizer,
        "threads": threads,
        "peers": found,
        "missing": missing,
    }


def figures(worker: Worker, own: Worker | None) -> dict:
    """Return what one process measured, beside minigrad's."""
    found = {
        "ms": statistics.median(worker.steps) * 1e3,
        "ms_range": [min(worker.turns) * 1e3, max(worker.turns) * 1e3],
        "turns": [round(t * 1e3, 5) for t in worker.turns],
        **worker.facts,
    }
    if own is not None:
        found |= share(own.turns, worker.turns)
    if worker.backward:
        found["backward"] = statistics.median(worker.backward)
    return found


def share(own: list[float], other: list[float]) -> dict:
    """Return the median of the ratios turn by turn, and their range."""
    ratios = [a / b for a, b in zip(own, other, strict=True)]
    return {"ratio": statistics.median(ratios), "ratio_range": [min(ratios), max(ratios)]}
