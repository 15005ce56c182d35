"""How gradients and activations are spread over the layers, and over the steps of a training (matplotlib)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from minigrad.modes import MODES
from minigrad.utils.table import html_table, text_table
from minigrad.viz.graph import tensors_in

HEAD = ("layer", "steps", "activations, last step", "log10 |gradient|, last step")
INK, BARS, LINE = "#333333", "#1C6A94", "#C44E00"
BINS = 48


def gradient_flow(model: Any) -> Any:
    """Return a matplotlib Figure: mean and greatest |gradient| of each parameter, first layer to last.

    On a logarithmic axis a vanishing gradient is a slope to the left, a dead layer is a gap marked 0.
    Raises ValueError where no parameter has a gradient: call ``loss.backward()`` first.

    >>> import minigrad as mg
    >>> from minigrad import nn
    >>> layer = nn.Linear(2, 1)
    >>> layer(mg.ones(3, 2)).sum().backward()
    >>> [t.get_text() for t in mg.viz.gradient_flow(layer).axes[0].get_xticklabels()]
    ['weight', 'bias']
    """
    pairs = [
        (name, np.abs(p.grad._data)) for name, p in model.named_parameters() if p.grad is not None
    ]
    if not pairs:
        raise ValueError(
            "viz.gradient_flow: no parameter has a gradient; call loss.backward() first"
        )
    figure = _figure(max(5.0, 0.35 * len(pairs) + 1.5), 4)
    axes = figure.add_subplot()
    places = np.arange(len(pairs))
    means, most = (
        np.array([f(a) if a.size else 0.0 for _, a in pairs], float) for f in (np.mean, np.max)
    )
    axes.bar(places, np.where(means > 0, means, np.nan), color=BARS, label="mean |gradient|")
    axes.plot(
        places, np.where(most > 0, most, np.nan), "_", color=LINE, markersize=12, label="greatest"
    )
    if np.any(means > 0):
        axes.set_yscale("log")
    for place, mean in zip(places, means, strict=True):
        if not mean > 0:  # zero, or not a number
            text = "0" if mean == 0 else "nan"
            axes.annotate(
                text, (place, 0.02), xycoords=("data", "axes fraction"), ha="center", color=LINE
            )
    axes.set_xticks(places, [name for name, _ in pairs], rotation=60, ha="right", fontsize=8)
    axes.set_ylabel("|∂ℓ/∂parameter|")
    axes.grid(axis="y", alpha=0.3)
    axes.legend(frameon=False)
    return figure


@dataclass(frozen=True)
class Seen:
    """One histogram: which step, its counts between ``low`` and ``high``."""

    step: int
    low: float
    high: float
    counts: np.ndarray


class Histograms:
    """Watch a model train: what each layer puts out, and the gradient that comes back to it.

    Use it as a ``with`` block around the training, or ``close`` it. Calls of the model that record no
    gradient (evaluation under ``no_grad``) are left out; with ``every=n`` only each n-th call is looked at.
    ``draw()`` and ``draw("gradients")`` return a matplotlib Figure, a row a layer, steps to the right. Of
    gradients log10|g| is drawn: a layer whose band sinks from step to step is where they vanish. Printed it is a
    table of the last step.

    >>> import minigrad as mg
    >>> from minigrad import nn
    >>> model = nn.Sequential(nn.Linear(2, 3), nn.Tanh())
    >>> with mg.viz.Histograms(model) as seen:
    ...     for _ in range(3):
    ...         model(mg.ones(4, 2)).sum().backward()
    >>> [(layer, len(steps)) for layer, steps in seen.gradients.items()]
    [('1', 3), ('0', 3)]
    """

    def __init__(self, model: Any, every: int = 1) -> None:
        if every < 1:
            raise ValueError(f"viz.Histograms: every is 1 or more, got {every}")
        self.every = every
        self.calls = 0
        self.activations: dict[str, list[Seen]] = {}
        self.gradients: dict[str, list[Seen]] = {}
        self._handles = [model.register_forward_pre_hook(self._begin)]
        for name, module in model.named_modules():
            if not any(True for _ in module.children()):
                self._handles.append(
                    module.register_forward_hook(self._watch(name or type(module).__name__))
                )

    def __enter__(self) -> Histograms:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Take the hooks off the model; what was seen stays."""
        while self._handles:
            self._handles.pop().remove()

    def _begin(self, module: Any, args: Any) -> None:
        self.calls += MODES.grad_enabled

    def _watch(self, name: str) -> Any:
        def look(module: Any, args: Any, out: Any) -> None:
            step = self.calls - 1
            if not MODES.grad_enabled or step % self.every:
                return
            for t in tensors_in(out):
                self._add(self.activations, name, step, t._data)
                if t._node is not None:
                    t.register_hook(lambda g: self._add(self.gradients, name, step, _log(g._data)))

        return look

    def _add(self, where: dict[str, list[Seen]], name: str, step: int, array: Any) -> None:
        finite = array[np.isfinite(array)].astype(np.float64)
        if finite.size:
            low, high = float(finite.min()), float(finite.max())
            wide = high - low > 1e-9 * max(abs(low), abs(high), 1e-300)
            if not wide:
                low, high = low - 0.5, high + 0.5
            counts = np.histogram(finite, BINS, (low, high))[0]
            where.setdefault(name, []).append(Seen(step, low, high, counts))

    def _cells(self) -> list[tuple[str, ...]]:
        """Return for each layer: its name, how many steps were seen, and what the last had in it."""
        told = lambda steps: f"{steps[-1].low:.3g} … {steps[-1].high:.3g}" if steps else "—"
        layers = dict.fromkeys((*self.activations, *reversed(self.gradients)))
        seen = [
            (name, self.activations.get(name, []), self.gradients.get(name, [])) for name in layers
        ]
        return [
            (name, str(max(len(out), len(slope))), told(out), told(slope))
            for name, out, slope in seen
        ]

    def __repr__(self) -> str:
        return (
            "\n".join(text_table(HEAD, self._cells()))
            if self.calls
            else "Histograms: no call was seen yet"
        )

    def _repr_html_(self) -> str:
        return html_table(HEAD, self._cells())

    def draw(self, what: str = "activations") -> Any:
        """Return the Figure of "activations" or "gradients"; ValueError for another word, or nothing seen."""
        if what not in ("activations", "gradients"):
            raise ValueError(f"viz.Histograms: draw 'activations' or 'gradients', not {what!r}")
        seen = self.activations if what == "activations" else dict(reversed(self.gradients.items()))
        if not seen:
            raise ValueError(
                f"viz.Histograms: no {what} were seen; train inside the with block first"
            )
        figure = _figure(7, 1.1 * len(seen) + 0.8)
        rows = figure.subplots(len(seen), 1, sharex=True, squeeze=False)[:, 0]
        last = 1 + max(s.step for steps in seen.values() for s in steps)
        for axes, (name, steps) in zip(rows, seen.items(), strict=True):
            low, high = min(s.low for s in steps), max(s.high for s in steps)
            axes.imshow(
                _columns(steps, low, high, self.every, last), origin="lower", aspect="auto", cmap="cividis",
                extent=(-0.5, last - 0.5, low, high), interpolation="nearest",
            )  # fmt: skip
            axes.set_ylabel(name, rotation=0, ha="right", va="center", fontsize=8)
            axes.tick_params(labelsize=7)
        rows[-1].set_xlabel("step")
        figure.suptitle(
            "activations" if what == "activations" else "log10 |gradient|", fontsize=10, color=INK
        )
        return figure


def _columns(steps: list[Seen], low: float, high: float, every: int, last: int) -> np.ndarray:
    """Return (bins, steps), each column brought to the same bins and to 1 at its peak."""
    table = np.zeros((BINS, last))
    for s in steps:
        edges = np.linspace(s.low, s.high, BINS + 1)
        column = np.histogram((edges[1:] + edges[:-1]) / 2, BINS, (low, high), weights=s.counts)[0]
        table[:, s.step : s.step + every] += (column / max(column.max(), 1))[:, None]
    return np.sqrt(table)


def _log(array: Any) -> np.ndarray:
    size = np.abs(array)
    return np.log10(size[size > 0])


def _figure(wide: float, high: float) -> Any:
    from matplotlib.figure import Figure

    return Figure((wide, high), layout="constrained")
