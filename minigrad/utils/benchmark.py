"""How long a statement takes: ``Timer``, as PyTorch's.

https://docs.pytorch.org/docs/stable/benchmark_utils.html
"""

from __future__ import annotations

import textwrap
import timeit
from typing import Any

import numpy as np

_UNITS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "ns": 1e-9}


class Measurement:
    """The times of a statement: how long each of some repeats took, of so many runs each.

    ``mean``, ``median``, ``iqr`` (the distance between the quartiles) and ``times`` are seconds a
    run.
    """

    def __init__(self, number_per_run: int, raw_times: list[float], title: str) -> None:
        self.number_per_run, self.raw_times, self.title = number_per_run, raw_times, title

    @property
    def times(self) -> list[float]:
        """Seconds a run, of each repeat."""
        return [t / self.number_per_run for t in self.raw_times]

    @property
    def mean(self) -> float:
        """Their mean."""
        return float(np.mean(self.times))

    @property
    def median(self) -> float:
        """Their median."""
        return float(np.median(self.times))

    @property
    def iqr(self) -> float:
        """The distance between their quartiles."""
        return float(np.quantile(self.times, 0.75) - np.quantile(self.times, 0.25))

    @property
    def has_warnings(self) -> bool:
        """Whether the quartiles are further apart than a tenth of the median."""
        return self.iqr > 0.1 * self.median

    def __repr__(self) -> str:
        unit = next((u for u in _UNITS if self.median >= _UNITS[u]), "ns")
        median, iqr = (f"{t / _UNITS[unit]:.2f} {unit}" for t in (self.median, self.iqr))
        count, runs = len(self.raw_times), self.number_per_run
        lines = [f"<{type(self).__module__}.Measurement>", self.title]
        if count == 1:
            lines += [f"  {median}", f"  1 measurement, {runs} runs"]
        else:
            lines += [f"  Median: {median}", f"  IQR:    {iqr}"]
            lines.append(f"  {count} measurements, {runs} runs per measurement")
        return "\n".join(lines)


class Timer:
    """Measures a statement, run with ``globals`` after ``setup``, on one thread by default.

    https://docs.pytorch.org/docs/stable/benchmark_utils.html#torch.utils.benchmark.Timer

    >>> timer = Timer("x + 1", globals={"x": 1})
    >>> timer.timeit(10).number_per_run
    10
    """

    def __init__(
        self,
        stmt: str = "pass",
        setup: str = "pass",
        global_setup: str = "",
        timer: Any = timeit.default_timer,
        globals: dict[str, Any] | None = None,
        label: str | None = None,
        sub_label: str | None = None,
        description: str | None = None,
        env: str | None = None,
        num_threads: int = 1,
        language: Any = "python",
    ) -> None:
        if str(language).rsplit(".", 1)[-1].lower() not in ("python", "py"):
            raise ValueError(f"Timer: expected language 'python', got {language!r}")
        stmt, setup = textwrap.dedent(stmt).strip(), textwrap.dedent(setup).strip()
        self._timer = timeit.Timer(stmt, setup, timer, dict(globals or {}))
        self._num_threads, self._title = num_threads, _title(stmt, label, sub_label, description)

    def timeit(self, number: int = 1_000_000) -> Measurement:
        """Return the time of one repeat of ``number`` runs."""
        with _threads(self._num_threads):
            self._timer.timeit(max(number // 100, 2))  # to warm up
            return self._measured(number, [self._timer.timeit(number)])

    def repeat(self, repeat: int = -1, number: int = -1) -> None:
        """Raise NotImplementedError, as PyTorch does."""
        raise NotImplementedError("See `Timer.blocked_autorange.`")

    def autorange(self, callback: Any = None) -> None:
        """Raise NotImplementedError, as PyTorch does."""
        raise NotImplementedError("See `Timer.blocked_autorange.`")

    def blocked_autorange(self, callback: Any = None, min_run_time: float = 0.2) -> Measurement:
        """Return the times of blocks of runs, for ``min_run_time`` seconds in all.

        A block is long enough that reading the clock costs next to nothing.
        """
        with _threads(self._num_threads):
            number = self._block_size(min_run_time)
            return self._measured(number, self._blocks(number, min_run_time, callback))

    def adaptive_autorange(
        self,
        threshold: float = 0.1,
        *,
        min_run_time: float = 0.01,
        max_run_time: float = 10.0,
        callback: Any = None,
    ) -> Measurement:
        """Return the times of blocks, until iqr / median falls below ``threshold``."""
        with _threads(self._num_threads):
            number = self._block_size(0.05)
            times: list[float] = []
            while sum(times) < max_run_time:
                times += self._blocks(number, min_run_time, callback)
                measurement = self._measured(number, times)
                if len(times) > 3 and measurement.iqr < threshold * measurement.median:
                    break
            return measurement

    def _block_size(self, min_run_time: float) -> int:
        number = 1
        while (spent := self._timer.timeit(number)) < min_run_time / 1000 and spent < 1e-4:
            number *= 10
        return number

    def _blocks(self, number: int, min_run_time: float, callback: Any) -> list[float]:
        times: list[float] = []
        while sum(times) < min_run_time:
            times.append(self._timer.timeit(number))
            if callback is not None:
                callback(number, times[-1])
        return times

    def _measured(self, number: int, times: list[float]) -> Measurement:
        return Measurement(number, times, self._title)


def _title(stmt: str, label: Any, sub_label: Any, description: Any) -> str:
    parts = [label or stmt, sub_label]
    head = ": ".join(part for part in parts if part)
    return head if description is None else f"{head}\n  {description}"


def _threads(number: int) -> Any:
    """Return a block in which NumPy's matrix products use so many threads."""
    from contextlib import nullcontext

    try:
        import threadpoolctl
    except ImportError:
        return nullcontext()
    return threadpoolctl.threadpool_limits(limits=number)
