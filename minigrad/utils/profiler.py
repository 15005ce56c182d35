"""Where the time of a step goes.

A table of primitives, forward and backward, and a trace to look at.

While a profile is open every primitive's function and rules are timed; otherwise nothing is, and
nothing is paid for it.
"""

from __future__ import annotations

import functools
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from minigrad.primitive import PRIMITIVES, WATCHERS, Primitive

__all__ = [
    "Row",
    "profile",
]


@dataclass
class Row:
    """What one primitive took.

    Seconds and calls of its function and of its rules, bytes it made.
    """

    name: str
    forward: float = 0.0
    forward_calls: int = 0
    backward: float = 0.0
    backward_calls: int = 0
    bytes: int = 0

    @property
    def total(self) -> float:
        """Seconds, forward and backward."""
        return self.forward + self.backward


_FUNCTIONS = ("function", "vjps", "each", "every", "into")  # of a primitive: what is timed


class profile:
    """Time every primitive in a ``with`` block, and print as a table, the slowest first.

    A rule's time is counted with the primitive whose rule it is, whatever it calls; a Function's
    backward with its class. The engine's own time is the rest of ``seconds``. Raises RuntimeError
    when a profile is open already.
    https://docs.pytorch.org/docs/stable/profiler.html

    >>> import minigrad as mg
    >>> x = mg.ones(100, requires_grad=True)
    >>> with mg.utils.profiler.profile() as found:
    ...     (x * x).sum().backward()
    >>> sorted((row.name, row.forward_calls, row.backward_calls) for row in found.rows)
    [('mul', 1, 2), ('sum', 1, 1)]
    """

    _open = False

    def __init__(self) -> None:
        self.seconds = 0.0
        self._rows: dict[str, Row] = {}
        self._events: list[tuple[str, str, float, float]] = []  # name, phase, start, duration
        self._inside = False
        self._untimed: list[tuple[Any, ...]] = []

    def __enter__(self) -> profile:
        if profile._open:
            raise RuntimeError("profile: another profile is open; profiles do not nest")
        profile._open = True
        for p in list(PRIMITIVES):
            self._time(p)
        WATCHERS.append(self._time)
        self._start = time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds = time.perf_counter() - self._start
        WATCHERS.remove(self._time)
        for p, *functions in self._untimed:
            for name, function in zip(_FUNCTIONS, functions, strict=True):
                setattr(p, name, function)
        self._untimed.clear()
        profile._open = False

    def _time(self, p: Primitive) -> None:
        functions = [getattr(p, name) for name in _FUNCTIONS]
        self._untimed.append((p, *functions))
        p.function = self._timed(p.name, "forward", p.function)
        time_rule = functools.partial(self._timed_rule, p.name)
        p.vjps = tuple(map(time_rule, p.vjps))
        p.each = time_rule(p.each)
        p.every = time_rule(p.every)
        p.into = time_rule(p.into)

    def _timed_rule(self, name: str, rule: Callable[..., Any] | None) -> Any:
        return None if rule is None else self._timed(name, "backward", rule)

    def _timed(self, name: str, phase: str, function: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(function)  # a rule's signature tells what it reads
        def timed(*args: Any, **kwargs: Any) -> Any:
            if self._inside:  # counted with the primitive that called it
                return function(*args, **kwargs)
            self._inside = True
            start = time.perf_counter()
            try:
                out = function(*args, **kwargs)
            finally:
                self._inside = False
                self._add(name, phase, start, time.perf_counter() - start)
            self._rows[name].bytes += getattr(out, "nbytes", 0)
            return out

        return timed

    def _add(self, name: str, phase: str, start: float, duration: float) -> None:
        row = self._rows.setdefault(name, Row(name))
        setattr(row, phase, getattr(row, phase) + duration)
        setattr(row, f"{phase}_calls", getattr(row, f"{phase}_calls") + 1)
        self._events.append((name, phase, start, duration))

    @property
    def rows(self) -> list[Row]:
        """One row a primitive, the slowest first."""
        return sorted(self._rows.values(), key=lambda row: -row.total)

    def table(self, limit: int | None = None) -> str:
        """Return the rows as text, milliseconds and MiB; ``limit`` shows only the slowest."""
        head = (
            f"{'primitive':20}{'forward ms':>12}{'calls':>8}{'backward ms':>13}{'calls':>8}"
            f"{'MiB':>10}{'share':>8}"
        )
        lines = [head, "-" * len(head)]
        for r in self.rows[:limit]:
            share = r.total / self.seconds if self.seconds else 0.0
            lines.append(
                f"{r.name:20}{r.forward * 1e3:12.3f}{r.forward_calls:8}{r.backward * 1e3:13.3f}"
                f"{r.backward_calls:8}{r.bytes / 2**20:10.2f}{share:8.1%}"
            )
        inside = sum(row.total for row in self._rows.values())
        rest = max(self.seconds - inside, 0.0)
        share = rest / self.seconds if self.seconds else 0.0
        lines.append(f"{'(everything else)':20}{rest * 1e3:12.3f}{share:51.1%}")
        return "\n".join(lines)

    def __repr__(self) -> str:
        return self.table()

    def export_chrome_trace(self, path: str | Path) -> None:
        """Write the calls as a file for chrome://tracing or https://ui.perfetto.dev."""
        events = [
            {
                "name": name, "cat": phase, "ph": "X", "pid": 0, "tid": phase,
                "ts": (start - self._start) * 1e6, "dur": duration * 1e6,
            }
            for name, phase, start, duration in self._events
        ]  # fmt: skip
        Path(path).write_text(
            json.dumps({"traceEvents": events, "displayTimeUnit": "ms"}), encoding="utf-8"
        )
