"""Gradients and activations of the layers, also over the steps of a training (matplotlib)."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from io import BytesIO
from typing import Any

import numpy as np

from minigrad.modes import MODES
from minigrad.utils.table import html_table, text_table
from minigrad.utils.tree import tensors_in

HEAD = ("layer", "steps", "activations, last step", "log10 |gradient|, last step")
INK, BARS, LINE = "#333333", "#1C6A94", "#C44E00"
BINS = 48


def gradient_flow(model: Any) -> Any:
    """Return a matplotlib Figure: mean and greatest |gradient| of each parameter.

    They stand from the first layer to the last. On a logarithmic axis a vanishing gradient is a
    slope to the left, a dead layer is a gap marked 0. Raises ValueError where no parameter has a
    gradient: call ``loss.backward()`` first.

    >>> import minigrad as mg
    >>> from minigrad import nn
    >>> layer = nn.Linear(2, 1)
    >>> layer(mg.ones(3, 2)).sum().backward()
    >>> [t.get_text() for t in mg.viz.gradient_flow(layer).axes[0].get_xticklabels()]
    ['weight', 'bias']
    """
    parameters = [(name, p) for name, p in model.named_parameters() if p.grad is not None]
    if not parameters:
        raise ValueError(
            f"viz.gradient_flow: no parameter of {type(model).__name__} has a gradient; "
            "call loss.backward() first"
        )
    names = []
    means = []
    maxima = []
    for name, p in parameters:
        sizes = np.abs(p.grad._data)
        is_empty = sizes.size == 0
        names.append(name)
        means.append(0.0 if is_empty else float(sizes.mean()))
        maxima.append(0.0 if is_empty else float(sizes.max()))

    width = max(5.0, 0.35 * len(names) + 1.5)
    figure = _figure(width, 4)
    axes = figure.add_subplot()
    _plot_flow(axes, names, np.array(means), np.array(maxima))
    return figure


def _plot_flow(axes: Any, names: list[str], means: np.ndarray, maxima: np.ndarray) -> None:
    x = np.arange(len(names))
    bars = np.where(means > 0, means, np.nan)
    marks = np.where(maxima > 0, maxima, np.nan)
    axes.bar(x, bars, color=BARS, label="mean |gradient|")
    axes.plot(x, marks, "_", color=LINE, markersize=12, label="greatest")
    if np.any(means > 0):
        axes.set_yscale("log")
    for place, mean in zip(x, means, strict=True):
        if not mean > 0:  # zero, or not a number
            _annotate_foot(axes, float(place), "0" if mean == 0 else "nan")
    axes.set_xticks(x, names, rotation=60, ha="right", fontsize=8)
    axes.set_ylabel("|∂ℓ/∂parameter|")
    axes.grid(axis="y", alpha=0.3)
    axes.legend(frameon=False)


def _annotate_foot(axes: Any, x: float, text: str) -> None:
    coordinates = ("data", "axes fraction")
    axes.annotate(text, (x, 0.02), xycoords=coordinates, ha="center", color=LINE)


@dataclass(frozen=True)
class Histogram:
    """Counts of one step, between ``low`` and ``high``."""

    step: int
    low: float
    high: float
    counts: np.ndarray


class Histograms:
    """Watch a model train: what each layer puts out, and the gradient that comes back to it.

    Use it as a ``with`` block around the training, or ``close`` it. Calls of the model that record
    no gradient (evaluation under ``no_grad``) are left out; with ``every=n`` only each n-th call is
    looked at. ``draw()`` and ``draw("gradients")`` return a matplotlib Figure, one row per layer,
    steps to the right. Of gradients log10|g| is drawn: a layer whose band sinks from step to step
    is where they vanish. Printed it is a table of the last step.

    >>> import minigrad as mg
    >>> from minigrad import nn
    >>> model = nn.Sequential(nn.Linear(2, 3), nn.Tanh())
    >>> with mg.viz.Histograms(model) as histograms:
    ...     for _ in range(3):
    ...         model(mg.ones(4, 2)).sum().backward()
    >>> [(layer, len(steps)) for layer, steps in histograms.gradients.items()]
    [('1', 3), ('0', 3)]
    """

    def __init__(self, model: Any, every: int = 1) -> None:
        if every < 1:
            raise ValueError(f"viz.Histograms: every is 1 or more, got {every}")
        self.every = every
        self.calls = 0
        self.activations: dict[str, list[Histogram]] = {}
        self.gradients: dict[str, list[Histogram]] = {}
        self._handles = [model.register_forward_pre_hook(self._begin)]
        for name, module in model.named_modules():
            is_layer = not list(module.children())
            if is_layer:
                hook = self._forward_hook(name or type(module).__name__)
                handle = module.register_forward_hook(hook)
                self._handles.append(handle)

    def __enter__(self) -> Histograms:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Take the hooks off the model; the histograms stay."""
        while self._handles:
            self._handles.pop().remove()

    def _begin(self, module: Any, args: Any) -> None:
        self.calls += MODES.grad_enabled

    def _forward_hook(self, name: str) -> Any:
        def hook(module: Any, args: Any, out: Any) -> None:
            step = self.calls - 1
            is_skipped = step % self.every != 0
            if is_skipped or not MODES.grad_enabled:
                return
            backward_hook = self._backward_hook(name, step)
            for t in tensors_in(out):
                _append(self.activations, name, step, t._data)
                if t._node is not None:
                    t.register_hook(backward_hook)

        return hook

    def _backward_hook(self, name: str, step: int) -> Any:
        return lambda g: _append(self.gradients, name, step, _log(g._data))

    def _cells(self) -> list[tuple[str, ...]]:
        """Return for each layer its name, the number of steps, and the ranges of the last one."""
        cells: list[tuple[str, ...]] = []
        names = dict.fromkeys(self.activations)
        names |= dict.fromkeys(reversed(self.gradients))
        for name in names:
            out = self.activations.get(name, [])
            back = self.gradients.get(name, [])
            steps = max(len(out), len(back))
            cells.append((name, str(steps), _last_range(out), _last_range(back)))
        return cells

    def __repr__(self) -> str:
        if not self.calls:
            return "Histograms: no call was seen yet"
        return "\n".join(text_table(HEAD, self._cells()))

    def _repr_html_(self) -> str:
        return html_table(HEAD, self._cells())

    def draw(self, what: str = "activations") -> Any:
        """Return the Figure of "activations" or "gradients".

        Raises ValueError for another word, and where no call was seen.
        """
        if what not in ("activations", "gradients"):
            raise ValueError(f"viz.Histograms: draw 'activations' or 'gradients', not {what!r}")
        if what == "activations":
            layers, title = self.activations, what
        else:
            layers, title = dict(reversed(self.gradients.items())), "log10 |gradient|"
        if not layers:
            raise ValueError(
                f"viz.Histograms: no {what} were seen; train inside the with block first"
            )
        figure = _figure(7, 1.1 * len(layers) + 0.8)
        rows = figure.subplots(len(layers), 1, sharex=True, squeeze=False)[:, 0]
        last = 1 + max(h.step for steps in layers.values() for h in steps)
        for axes, (name, steps) in zip(rows, layers.items(), strict=True):
            _plot_layer(axes, name, steps, self.every, last)
        rows[-1].set_xlabel("step")
        figure.suptitle(title, fontsize=10, color=INK)
        return figure


def _append(layers: dict[str, list[Histogram]], name: str, step: int, array: Any) -> None:
    """Append the histogram of the finite elements, if there are any."""
    finite = array[np.isfinite(array)].astype(np.float64)
    if not finite.size:
        return
    low = float(finite.min())
    high = float(finite.max())
    scale = max(abs(low), abs(high), 1e-300)
    if high - low <= 1e-9 * scale:
        low -= 0.5
        high += 0.5
    counts, _ = np.histogram(finite, BINS, (low, high))
    histogram = Histogram(step, low, high, counts)
    layers.setdefault(name, []).append(histogram)


def _last_range(steps: list[Histogram]) -> str:
    return f"{steps[-1].low:.3g} … {steps[-1].high:.3g}" if steps else "—"


def _plot_layer(axes: Any, name: str, steps: list[Histogram], every: int, last: int) -> None:
    low, high = min(h.low for h in steps), max(h.high for h in steps)
    table = _heat_map(steps, low, high, every, last)
    axes.imshow(
        table,
        origin="lower",
        aspect="auto",
        cmap="cividis",
        extent=(-0.5, last - 0.5, low, high),
        interpolation="nearest",
    )
    axes.set_ylabel(name, rotation=0, ha="right", va="center", fontsize=8)
    axes.tick_params(labelsize=7)


def _heat_map(steps: list[Histogram], low: float, high: float, every: int, last: int) -> np.ndarray:
    """Return (bins, steps), each column brought to the same bins and to 1 at its peak."""
    table = np.zeros((BINS, last))
    for h in steps:
        column = _rebin(h, low, high)
        peak = max(column.max(), 1)
        end = h.step + every
        table[:, h.step : end] += column[:, None] / peak
    return np.sqrt(table)


def _rebin(histogram: Histogram, low: float, high: float) -> np.ndarray:
    edges = np.linspace(histogram.low, histogram.high, BINS + 1)
    centres = (edges[1:] + edges[:-1]) / 2
    counts, _ = np.histogram(centres, BINS, (low, high), weights=histogram.counts)
    return counts


def _log(array: Any) -> np.ndarray:
    size = np.abs(array)
    return np.log10(size[size > 0])


def _figure(width: float, height: float) -> Any:
    from matplotlib.figure import Figure

    figure: Any = Figure((width, height), layout="constrained")
    figure._repr_png_ = partial(_png, figure)
    return figure


def _png(figure: Any) -> bytes:
    """Return the drawing, for notebooks: they know only figures that pyplot has opened."""
    file = BytesIO()
    figure.savefig(file, format="png")
    return file.getvalue()
