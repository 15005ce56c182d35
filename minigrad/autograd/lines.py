"""Which line of the user's code recorded this? Noted on request, at no cost otherwise.

``record_lines`` sets ``MODES.on_result``, which recording calls with each result, and observes the
sweeps (``engine.tap``): each node learns who contributes to its gradient.
"""

from __future__ import annotations

import linecache
import sys
from pathlib import Path
from typing import Any

import numpy as np

from minigrad.engine.graph import Node
from minigrad.engine.tap import Contribution, Observer
from minigrad.modes import MODES, RESULTS
from minigrad.tensor.tensor import Tensor

_ROOT = Path(__file__).parents[1]
_OURS = tuple(f"{folder}/" for folder in (_ROOT, _ROOT.parent / "nn", Path(np.__file__).parent))
_VALUES = (np.ndarray, np.generic)  # a rule's result without dimensions may be a NumPy scalar
Line = tuple[str, int]


class Origin:
    """How a tensor without a node came about: by detach, no_grad, no gradient or an operation."""

    def __init__(self, how: str, name: str, line: Line | None, parents: tuple[Any, ...]) -> None:
        self.how, self.name, self.line, self.parents = how, name, line, parents


class NoteErrors(Observer):
    """Says in an error of a rule which line recorded the operation."""

    def failed(self, node: Node, error: Exception) -> None:
        error.add_note(f"while differentiating {node.name()}, recorded at {shown(node.line)}")


class NoteContributions(NoteErrors):
    """Notes on each operand's node who contributed to its gradient, from which line, how much."""

    def __init__(self) -> None:
        self.seen: set[Node] = set()

    def see(self, node: Node, g: Any, saved: Any, sent: list[Contribution]) -> None:
        for _, operand, cotangent in sent:
            if operand not in self.seen:
                self.seen.add(operand)
                operand.contributions = []
            operand.contributions.append((node.name(), node.line, norm(cotangent)))


class record_lines:
    """Note for every operation in this block the line that called it.

    :func:`explain` and errors in a backward sweep name it.

    Also notes where results leave the graph (``detach``, ``no_grad``, operations without a
    gradient) and, in a backward sweep, what each consumer contributes. One thread; slow.

    >>> import minigrad as mg
    >>> x = mg.ones(2, requires_grad=True)
    >>> with mg.autograd.record_lines():
    ...     y = x * 2
    >>> y.grad_fn.line[1]
    2
    """

    observer: type[Observer] = NoteContributions

    def __init__(self) -> None:
        self.before: list[tuple[Any, ...]] = []

    def __enter__(self) -> None:
        self.before.append((MODES.on_result, MODES.observers, RESULTS.looked_at))
        MODES.on_result = _note_result
        if self.observer not in MODES.observers:
            MODES.observers = (*MODES.observers, self.observer)
        RESULTS.hooked += 1
        RESULTS.looked_at = True

    def __exit__(self, *_: object) -> None:
        MODES.on_result, MODES.observers, looked_at = self.before.pop()
        RESULTS.hooked -= 1
        RESULTS.looked_at = looked_at or RESULTS.inference or RESULTS.hooked > 0


def norm(g: Any) -> float:
    """Return the norm of an array or Tensor, 0 for anything else."""
    values = getattr(g, "_data", g)
    if not isinstance(values, _VALUES):
        return 0.0
    return float(np.sqrt(np.sum(np.square(values, dtype=np.float64))))


def shown(line: Line | None) -> str:
    """Return a line as text, ``train.py:12: y = x.log()``."""
    if line is None:
        return "a line that was not recorded (use autograd.record_lines)"
    code = linecache.getline(*line).strip()
    return f"{Path(line[0]).name}:{line[1]}" + (f": {code}" if code else "")


def has_nan(values: Any) -> bool:
    """Return whether an array or Tensor of floats has a NaN."""
    array = getattr(values, "_data", values)
    return isinstance(array, _VALUES) and array.dtype.kind == "f" and bool(np.isnan(array).any())


# ---- what is noted of a result -----------------------------------------------------------------
def _user_line() -> Line | None:
    """Return the line of the innermost frame that is neither minigrad's nor NumPy's."""
    frame: Any = sys._getframe(1)
    while frame is not None:
        name = frame.f_code.co_filename
        if not name.startswith(_OURS):
            return name, frame.f_lineno
        frame = frame.f_back
    return None


def _note_result(result: Any, primitive: Any, operands: tuple[Any, ...]) -> None:
    """Note the line on the node of a result, or on a result without one how it left the graph."""
    tensors = [x for x in operands if isinstance(x, Tensor)]
    node = result._node
    if node is None:
        _note_origin(result, primitive.name, tensors)
        return
    _note_node(node, _user_line(), result, tensors)
    for x, operand in zip(operands, node.inputs, strict=True):
        if isinstance(x, Tensor) and x._node is None and x._origin is not None:
            operand.origin = x._origin


def _note_node(node: Node, line: Line | None, result: Any, tensors: Any) -> None:
    node.line = line
    node.first_nan = has_nan(result) and not any(has_nan(x) for x in tensors)


def _note_origin(result: Any, name: str, tensors: list[Tensor]) -> None:
    known = [x._node or x._origin for x in tensors]
    parents = tuple(x for x in known if x is not None)
    if not parents:
        return
    how = "operation"
    if any(isinstance(x, Node) for x in parents):
        how = "no gradient" if MODES.grad_enabled else "no_grad"
        if name == "detach":
            how = "detach"
    result._origin = Origin(how, name, _user_line(), parents)


def note_call(call: Node, args: tuple[Any, ...], outputs: tuple[Any, ...]) -> None:
    """Note the line of a Function's call on its nodes.

    ``MODES.on_result`` knows primitives only.
    """
    call.line = line = _user_line()
    for y in outputs:
        if isinstance(y, Tensor) and y._node is not None:
            _note_node(y._node, line, y, args)
