"""Which line of the user's code made this? Recorded on request, at no cost otherwise.

``record_lines`` installs a profile function (``sys.setprofile``) on the thread: it sees the functions
of ``minigrad.engine.recording`` return and notes the caller's line on what they return. The recording
itself has no branch for it, so nothing is paid where nobody asks; inside, everything is slower.
"""

from __future__ import annotations

import linecache
import sys
from pathlib import Path
from typing import Any

import numpy as np

from minigrad.autograd.function import _Call
from minigrad.engine import recording
from minigrad.engine.graph import Node
from minigrad.engine.sweep import accumulate_pending
from minigrad.modes import MODES
from minigrad.tensor.tensor import Tensor

_ROOT = Path(__file__).parents[1]
_OURS = tuple(f"{folder}/" for folder in (_ROOT, _ROOT.parent / "nn", Path(np.__file__).parent))
_VALUES = (np.ndarray, np.generic)  # a rule's result without dimensions may be a NumPy scalar
Line = tuple[str, int]


class Origin:
    """How a tensor without a node came about: ``how`` is detach, no_grad, no gradient or operation."""

    def __init__(self, how: str, name: str, line: Line | None, parents: tuple[Any, ...]) -> None:
        self.how, self.name, self.line, self.parents = how, name, line, parents


class record_lines:
    """Note for every operation in this block the line that called it, for :func:`explain` and error texts.

    Also notes where results leave the graph (``detach``, ``no_grad``, operations without a
    gradient) and, in a backward sweep, what each consumer contributes. One thread; slow.

    >>> import minigrad as mg
    >>> x = mg.ones(2, requires_grad=True)
    >>> with mg.autograd.record_lines():
    ...     y = x * 2
    >>> y.grad_fn.line[1]
    2
    """

    def __init__(self) -> None:
        self.before: list[tuple[Any, Any]] = []

    def __enter__(self) -> None:
        inner, profile = MODES.watch, sys.getprofile()
        self.before.append((inner, profile))
        MODES.watch = (
            self.watched if inner is None else lambda apply_rules: self.watched(inner(apply_rules))
        )
        if profile is not _profile:
            sys.setprofile(_profile)

    def __exit__(self, *_: object) -> None:
        MODES.watch, profile = self.before.pop()
        sys.setprofile(profile)

    def watched(self, apply_rules: Any) -> Any:
        """Return what a sweep does at each node instead of ``apply_rules``: the same, and ``noter`` sees it."""
        note = self.noter()

        def step(
            node: Node, g: Any, saved: Any, pending: Any, heap: Any, useful: Any, in_place: bool
        ) -> None:
            each = Each()
            try:
                apply_rules(node, g, saved, each, [], useful, in_place)
            except Exception as error:
                error.add_note(
                    f"while differentiating {node.name()}, recorded at {shown(node.line)}"
                )
                raise
            for parent, out, _ in each.entries:
                note(node, g, parent, out)
                accumulate_pending(pending, heap, parent, out)

        return step

    def noter(self) -> Any:
        """Return for one sweep what takes each contribution: it notes it on the node it goes to."""
        seen: set[Node] = set()

        def note(node: Node, g: Any, parent: Node, out: Any) -> None:
            if parent not in seen:
                seen.add(parent)
                parent.arrived = []
            parent.arrived.append((node.name(), node.line, norm(out)))

        return note


class Each(dict[int, Any]):
    """Stands for what is pending in a sweep, so that every contribution is seen by itself."""

    def __init__(self) -> None:
        self.entries: list[Any] = []

    def get(self, sequence: int, default: Any = None) -> Any:
        return None

    def __setitem__(self, sequence: int, entry: Any) -> None:
        self.entries.append(entry)


def norm(g: Any) -> float:
    """Return the norm of an array or Tensor, 0 for what is neither."""
    values = getattr(g, "_data", g)
    return (
        float(np.sqrt(np.sum(np.square(values, dtype=np.float64))))
        if isinstance(values, _VALUES)
        else 0.0
    )


def shown(line: Line | None) -> str:
    """Return a line as text, ``train.py:12: y = x.log()``."""
    if line is None:
        return "a line that was not recorded (use autograd.record_lines)"
    code = linecache.getline(*line).strip()
    return f"{Path(line[0]).name}:{line[1]}" + (f": {code}" if code else "")


def has_nan(values: Any) -> bool:
    """Tell whether an array or Tensor of floats has a NaN."""
    array = getattr(values, "_data", values)
    return isinstance(array, _VALUES) and array.dtype.kind == "f" and bool(np.isnan(array).any())


# ---- what the profile function sees ---------------------------------------------------------------
def _profile(frame: Any, event: str, result: Any) -> None:
    if event == "return" and result is not None:
        note = _WATCHED.get(frame.f_code)
        if note is not None:
            note(frame, result)


def _user_line(frame: Any) -> Line | None:
    while frame is not None:
        name = frame.f_code.co_filename
        if not name.startswith(_OURS):
            return name, frame.f_lineno
        frame = frame.f_back
    return None


def _recorded(frame: Any, result: Any) -> None:
    local = frame.f_locals
    names = frame.f_code.co_varnames[
        1 : frame.f_code.co_argcount - 1
    ]  # primitive, operands, params
    operands = local["operands"] if names == ("operands",) else tuple(local[name] for name in names)
    _note(local["primitive"], operands, result, _user_line(frame))


def _note(primitive: Any, operands: tuple[Any, ...], result: Any, line: Line | None) -> None:
    tensors = [x for x in operands if isinstance(x, Tensor)]
    node = result._node
    if node is not None:
        node.line = line
        node.first_nan = has_nan(result) and not any(has_nan(x) for x in tensors)
        for x, home in zip(operands, node.inputs, strict=True):
            if isinstance(x, Tensor) and x._node is None and x._origin is not None:
                home.origin = x._origin
        return
    parents = tuple(
        x._node or x._origin for x in tensors if x._node is not None or x._origin is not None
    )
    if parents:
        how = "operation"
        if any(x._node is not None for x in tensors):
            how = "no gradient" if MODES.grad_enabled else "no_grad"
        result._origin = Origin(how, primitive.name, line, parents)


def _detached(frame: Any, result: Any) -> None:
    x = frame.f_locals["self"]
    if x._node is not None or x._origin is not None:
        how = "detach" if x._node is not None else "operation"
        result._origin = Origin(how, "detach", _user_line(frame), (x._node or x._origin,))


def _called(frame: Any, outputs: Any) -> None:
    line, args = _user_line(frame), frame.f_locals["args"]
    frame.f_locals["self"].line = line
    for y in outputs:
        if isinstance(y, Tensor) and y._node is not None:
            y._node.line = line
            y._node.first_nan = has_nan(y) and not any(has_nan(x) for x in args)


_WATCHED = {
    recording.record_unary.__code__: _recorded,
    recording.record_binary.__code__: _recorded,
    recording.record_nary.__code__: _recorded,
    Tensor.detach.__code__: _detached,
    _Call.link.__code__: _called,
}
