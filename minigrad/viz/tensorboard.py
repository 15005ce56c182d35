"""Numbers, histograms and graphs for TensorBoard, written by the package ``tensorboard`` itself.

https://docs.pytorch.org/docs/stable/tensorboard.html
"""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Any

import numpy as np

from minigrad.tensor.tensor import Tensor
from minigrad.viz.draw import trace
from minigrad.viz.elements import Cluster, Picture, Vertex
from minigrad.viz.picture import Graph

BINS = 30
NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_.\-]+")


class SummaryWriter:
    """Write what a training tells into ``log_dir``, where ``tensorboard --logdir`` finds it.

    The names and arguments are PyTorch's: ``add_scalar``, ``add_scalars``, ``add_histogram``,
    ``add_graph``, ``flush`` and ``close``; a ``with`` block closes it. ``log_dir`` is
    ``runs/TIME`` by default. Raises ModuleNotFoundError without the package ``tensorboard``::

        with viz.SummaryWriter("runs/first") as writer:
            writer.add_graph(model, x)
            for step, (x, y) in enumerate(loader):
                writer.add_scalar("loss", loss, step)
    """

    def __init__(self, log_dir: str | Path | None = None, flush_secs: int = 120) -> None:
        try:
            from tensorboard.compat.proto import event_pb2, graph_pb2, summary_pb2
            from tensorboard.summary.writer.event_file_writer import EventFileWriter
        except ModuleNotFoundError as error:
            raise ModuleNotFoundError(
                "viz.SummaryWriter writes by the package tensorboard: "
                "pip install 'minigrad[tensorboard]'"
            ) from error

        self.log_dir = str(log_dir or time.strftime("runs/%b%d_%H-%M-%S"))
        self._events, self._graphs, self._summaries = event_pb2, graph_pb2, summary_pb2
        self._file = EventFileWriter(self.log_dir, flush_secs=flush_secs)

    def add_scalar(
        self, tag: str, scalar_value: Any, global_step: int | None = None, walltime: Any = None
    ) -> None:
        """Write one number at a step. Raises ValueError for several."""
        value = _array(scalar_value)
        if value.size != 1:
            raise ValueError(
                f"add_scalar: {tag} is one number, got an array of shape {value.shape}; "
                "add_histogram takes arrays"
            )
        entry = self._summaries.Summary.Value(tag=tag, simple_value=float(value.item()))
        self._write(entry, global_step, walltime)

    def add_scalars(
        self,
        main_tag: str,
        tag_scalar_dict: dict[str, Any],
        global_step: int | None = None,
        walltime: Any = None,
    ) -> None:
        """Write several numbers, each under ``main_tag/name``."""
        for name, value in tag_scalar_dict.items():
            self.add_scalar(f"{main_tag}/{name}", value, global_step, walltime)

    def add_histogram(
        self, tag: str, values: Any, global_step: int | None = None, walltime: Any = None
    ) -> None:
        """Write the histogram of the finite elements; ValueError where there are none."""
        flat = _array(values).astype(np.float64).ravel()
        finite = flat[np.isfinite(flat)]
        if not finite.size:
            raise ValueError(f"add_histogram: {tag} has no finite element")
        counts, edges = np.histogram(finite, BINS)
        histogram = self._summaries.HistogramProto(
            min=finite.min(),
            max=finite.max(),
            num=finite.size,
            sum=finite.sum(),
            sum_squares=finite @ finite,
            bucket_limit=edges[1:].tolist(),
            bucket=counts.tolist(),
        )
        entry = self._summaries.Summary.Value(tag=tag, histo=histogram)
        self._write(entry, global_step, walltime)

    def add_graph(self, model: Any, input_to_model: Any = None) -> None:
        """Write the graph of a model on example inputs (one, or a tuple), or of a picture.

        The model is traced as in :func:`trace`: it runs once, and nothing is changed.
        """
        picture = model
        if not isinstance(model, Graph):
            if input_to_model is None:
                raise ValueError("add_graph: give example inputs after the model")
            is_several = isinstance(input_to_model, (tuple, list))
            inputs = input_to_model if is_several else (input_to_model,)
            picture = trace(model, *inputs)
        definition = self._graphs.GraphDef()
        for entry in _nodes(picture.whole or picture):
            node = definition.node.add(name=entry["name"], op=entry["op"])
            node.input.extend(entry["inputs"])
            shape = node.attr["_output_shapes"].list.shape.add()
            for size in entry["shape"]:
                shape.dim.add(size=size)
        definition.versions.producer = 22
        event = self._events.Event(graph_def=definition.SerializeToString())
        event.wall_time = time.time()
        self._file.add_event(event)

    def _write(self, entry: Any, step: int | None, walltime: Any) -> None:
        summary = self._summaries.Summary(value=[entry])
        event = self._events.Event(summary=summary)
        event.wall_time = time.time() if walltime is None else walltime
        if step is not None:
            event.step = int(step)
        self._file.add_event(event)

    def get_logdir(self) -> str:
        """Return the folder."""
        return self.log_dir

    def flush(self) -> None:
        """Write what waits."""
        self._file.flush()

    def close(self) -> None:
        """Write what waits, and end the file."""
        self._file.close()

    def __enter__(self) -> SummaryWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


def _array(value: Any) -> np.ndarray:
    return np.asarray(value._data if isinstance(value, Tensor) else value)


def _nodes(picture: Picture) -> list[dict[str, Any]]:
    """Return name, operation, operands and shape of each box; names nest as the calls do."""
    scopes = _scopes(picture.clusters)
    names = {v.id: _name(v, scopes) for v in picture.nodes}
    operands: dict[int, list[str]] = {v.id: [] for v in picture.nodes}
    for e in picture.edges:
        operands[e.target].append(names[e.source])
    entries = []
    for v in picture.nodes:
        entry = {
            "name": names[v.id],
            "op": v.label.partition(":")[0],
            "inputs": operands[v.id],
            "shape": v.shape,
        }
        entries.append(entry)
    return entries


def _scopes(clusters: list[Cluster]) -> dict[int | None, str]:
    """Return what stands before names in each call: "Sequential/0.Linear/"."""
    scopes: dict[int | None, str] = {None: ""}
    used: dict[str, int] = {}
    parents_first = clusters
    for c in parents_first:
        _, _, name = c.path.rpartition(".")
        own = f"{name}.{c.kind}" if name else c.kind
        around = scopes[c.parent]
        path = around + NOT_IN_NAMES.sub("_", own)

        count = used.get(path, 0) + 1
        used[path] = count
        if count > 1:
            path = f"{path}_{count}"
        scopes[c.id] = path + "/"
    return scopes


def _name(v: Vertex, scopes: dict[int | None, str]) -> str:
    symbol, _, _ = v.label.partition(" = ")
    label = NOT_IN_NAMES.sub("_", symbol.partition(":")[0]).strip("_") or "value"
    return f"{scopes[v.cluster]}{label}_{v.id}"
