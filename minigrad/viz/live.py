"""``viz.live``: a page of this machine that follows a training, served by the standard library."""

from __future__ import annotations

import json
from collections.abc import Iterable
from importlib.resources import files
from math import inf
from pathlib import Path
from threading import Event, Lock, Thread
from time import monotonic
from typing import Any

import numpy as np

from minigrad.tensor.tensor import Tensor
from minigrad.viz.json_text import plain
from minigrad.viz.statistics import statistics

MOST_POINTS = 2000  # of a curve
MOST_PARAMETERS = 200  # with statistics
LISTENS = 1.5  # seconds: a page asks twice a second
REST = 19.0  # statistics take at most one part in so many and one


class Live:
    """A page at ``url`` with the loss, the gradient flow and histograms of a model in training.

    Use it as a ``with`` block around the training, or ``close`` it; Ctrl-C closes it, too. Call
    ``log`` once a step, between ``backward()`` and ``zero_grad()``. See :func:`live`.
    """

    def __init__(self, model: Any, port: int = 0, title: str = "") -> None:
        from minigrad.viz.live_server import PageServer  # who imports minigrad needs no server

        self.model = model
        self.title = title or f"{type(model).__name__} in training"
        self.steps = 0
        self._curves: dict[str, _Curve] = {}
        self._layers: list[dict[str, Any]] = []
        self._looked_at = -1  # the step of these statistics
        self._asked = False  # since the latest statistics
        self._due = 0.0
        self._heard_at = -inf
        self._ended = False
        self._told = Event()
        self._lock = Lock()
        self._server = PageServer(port, self)
        self.url = self._server.url
        serve = self._server.serve_forever
        self._thread = Thread(target=serve, args=(0.05,), daemon=True)
        self._thread.start()

    def log(self, loss: Any = None, **numbers: Any) -> None:
        """Note the loss, and other numbers by name, of one step.

        Statistics of parameters and gradients are taken while somebody looks at the page, and cost
        at most a twentieth of the time. Raises ValueError for anything that is not one number.

        >>> import minigrad as mg
        >>> from minigrad import nn
        >>> with mg.viz.live(nn.Linear(2, 1)) as live:
        ...     live.log(mg.tensor(0.5), rate=0.1)
        >>> live
        Live(step 1, loss 0.5, rate 0.1, closed)
        """
        given = numbers if loss is None else {"loss": loss, **numbers}
        values = {name: _number(name, value) for name, value in given.items()}
        with self._lock:
            for name, value in values.items():
                curve = self._curves.setdefault(name, _Curve())
                curve.add(self.steps, value)
            self.steps += 1
        if self._asked and monotonic() >= self._due:
            self._look()

    def _look(self) -> None:
        """Take the statistics of parameters and gradients."""
        self._asked = False
        start = monotonic()
        named = list(self.model.named_parameters())[:MOST_PARAMETERS]
        layers = [_layer(name, p) for name, p in named]
        with self._lock:
            self._layers = layers
            self._looked_at = self.steps
        end = monotonic()
        took = end - start
        self._due = end + REST * took

    def state(self) -> dict[str, Any]:
        """Return what the page shows, as plain data."""
        with self._lock:
            return {
                "title": self.title,
                "steps": self.steps,
                "ended": self._ended,
                "curves": {name: curve.points() for name, curve in self._curves.items()},
                "layers": self._layers,
                "at": self._looked_at,
            }

    def heard(self) -> None:
        """Note that somebody looks; the server calls it when it has answered."""
        self._asked = True
        self._heard_at = monotonic()
        if self._ended:
            self._told.set()

    def save(self, path: str | Path) -> Path:
        """Write the page as it is to ``path``, to be kept; return the path."""
        if self._looked_at != self.steps:
            self._look()
        path = Path(path)
        path.write_text(self.page(), encoding="utf-8")
        return path

    def page(self) -> str:
        """Return the page as it is."""
        text = json.dumps(plain(self.state()), ensure_ascii=False)
        assets = files("minigrad.viz")
        page = (assets / "live.html").read_text(encoding="utf-8")
        script = (assets / "live.js").read_text(encoding="utf-8")
        head, _, tail = page.partition("{{state}}")
        state = text.replace("<", "\\u003c")
        return head + state + tail.replace("{{js}}", script)

    def close(self) -> None:
        """End the page's server; its port is free then. The numbers stay, for ``save``."""
        if self._ended:
            return
        self._ended = True
        if monotonic() - self._heard_at < LISTENS:
            self._look()
            self._told.wait(LISTENS)  # the page learns the end
        self._server.end()
        self._thread.join()

    def __enter__(self) -> Live:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:
        words = [f"step {self.steps}"]
        for name, curve in self._curves.items():
            words.append(f"{name} {curve.latest:.6g}")
        words.append("closed" if self._ended else self.url)
        return f"Live({', '.join(words)})"

    def _repr_html_(self) -> str:
        if self._ended:
            return f"<p>{self!r}</p>"
        return f'<a href="{self.url}" target="_blank">{self.url}</a>'


def live(model: Any, port: int = 0, title: str = "") -> Live:
    """Return a page that follows the training of ``model``; its address is ``url``.

    It shows the loss and other numbers as curves, the mean and the greatest |gradient| of each
    parameter from the first to the last, and histograms of both. The page is served to this machine
    only, from a thread of this process, at a free port unless ``port`` says which; it asks for
    nothing elsewhere. With the ``with`` block it ends. Raises TypeError for anything that is not a
    module, OSError for a port that is taken::

        with viz.live(model) as live:
            print(live.url)
            for x, y in loader:
                loss = loss_fn(model(x), y)
                optimizer.zero_grad()
                loss.backward()
                optimizer.step()
                live.log(loss)
        live.save("training.html")
    """
    if not hasattr(model, "named_parameters") or isinstance(model, type):
        raise TypeError(f"viz.live: expected a module, got {type(model).__name__}")
    return Live(model, port, title)


# ---- numbers -----------------------------------------------------------------------------------
class _Curve:
    """Numbers over steps, each the mean of as many as keep their count bounded."""

    def __init__(self) -> None:
        self.latest = 0.0
        self.steps: list[float] = []
        self.values: list[float] = []
        self.width = 1  # steps in a point
        self.waiting: list[tuple[float, float]] = []

    def add(self, step: int, value: float) -> None:
        self.latest = value
        self.waiting.append((step, value))
        if len(self.waiting) < self.width:
            return
        steps, values = zip(*self.waiting, strict=True)
        self.steps.append(_mean(steps))
        self.values.append(_mean(values))
        self.waiting = []
        if len(self.values) >= MOST_POINTS:
            self.steps = _halved(self.steps)
            self.values = _halved(self.values)
            self.width *= 2

    def points(self) -> dict[str, Any]:
        return {
            "steps": [*self.steps],
            "values": [*self.values],
            "latest": self.latest,
        }


def _mean(numbers: Iterable[float]) -> float:
    listed = list(numbers)
    return sum(listed) / len(listed)


def _halved(numbers: list[float]) -> list[float]:
    pairs = zip(numbers[::2], numbers[1::2], strict=True)
    return [(a + b) / 2 for a, b in pairs]


def _number(name: str, value: Any) -> float:
    array = np.asarray(value._data if isinstance(value, Tensor) else value)
    if array.size != 1 or array.dtype.kind not in "fiub":
        raise ValueError(
            f"viz.live: {name} is one number a step, got {type(value).__name__} "
            f"of shape {tuple(array.shape)}"
        )
    return float(array.item())


def _layer(name: str, p: Any) -> dict[str, Any]:
    """Return the statistics of a parameter, and of its gradient where there is one."""
    layer: dict[str, Any] = {"name": name, "shape": list(p.shape)}
    layer["value"] = statistics(p._data)
    if p.grad is not None:
        g = p.grad._data
        layer["gradient"] = statistics(g)
        if g.size:
            sizes = np.abs(g)
            layer["mean"] = float(sizes.mean())
            layer["greatest"] = float(sizes.max())
    return layer
