"""Where was this NaN born? The operation, the user's line, and the ``where`` that hid it.

https://docs.pytorch.org/docs/stable/autograd.html#anomaly-detection
"""

from __future__ import annotations

import threading
import warnings
from typing import Any

import numpy as np

from minigrad.autograd.lines import NoteErrors, has_nan, record_lines, shown
from minigrad.engine.graph import Node, ancestors, topological_order
from minigrad.engine.tap import Contribution
from minigrad.silence import warn


class _State(threading.local):
    enabled = False
    check_nan = True


_STATE = _State()


def is_anomaly_enabled() -> bool:
    """Return whether anomaly detection is on, on this thread.

    https://docs.pytorch.org/docs/stable/generated/torch.is_anomaly_enabled.html

    >>> import minigrad as mg
    >>> mg.is_anomaly_enabled()
    False
    """
    return _STATE.enabled


def is_anomaly_check_nan_enabled() -> bool:
    """Return whether anomaly detection looks for NaN.

    >>> import minigrad as mg
    >>> mg.is_anomaly_check_nan_enabled()
    True
    """
    return _STATE.check_nan


class FindNaN(NoteErrors):
    """Raises at the first node whose rules return NaN."""

    def __init__(self) -> None:
        self.consumers: dict[Node, list[Node]] = {}

    def see(self, node: Node, g: Any, saved: Any, sent: list[Contribution]) -> None:
        for place, operand, cotangent in sent:
            self.consumers.setdefault(operand, []).append(node)
            if _STATE.check_nan and has_nan(cotangent):
                raise RuntimeError(_story(node, place, g, cotangent, self.consumers))


class detect_anomaly(record_lines):
    """Raise RuntimeError at the first backward function that makes a NaN, naming it and its line.

    Forward lines are recorded in this block only (see :class:`record_lines`). The error tells
    whether the forward value was NaN already and where, and whether the NaN is 0 times infinity in
    a branch that ``where`` had masked. An exception of another kind in backward gets a note with
    the forward line; ``check_nan=False`` leaves only that.

    >>> import warnings
    >>> import minigrad as mg
    >>> x = mg.tensor([0.0, 4.0], requires_grad=True)
    >>> warnings.simplefilter("ignore")
    >>> with mg.autograd.detect_anomaly():
    ...     mg.where(x > 0, x.sqrt(), 0.0).sum().backward()  # doctest: +ELLIPSIS
    Traceback (most recent call last):
    RuntimeError: Function 'SqrtBackward0' returned nan values in its 0th output...
    """

    observer = FindNaN

    def __init__(self, check_nan: bool = True) -> None:
        super().__init__()
        self.check_nan = check_nan
        self.states: list[tuple[bool, bool]] = []
        warn(
            "Anomaly Detection has been enabled. This mode will increase the runtime and should "
            "only be enabled for debugging."
        )

    def __enter__(self) -> None:
        super().__enter__()
        self.states.append((_STATE.enabled, _STATE.check_nan))
        _STATE.enabled, _STATE.check_nan = True, self.check_nan

    def __exit__(self, *error: object) -> None:
        super().__exit__(*error)
        _STATE.enabled, _STATE.check_nan = self.states.pop()


class set_detect_anomaly:
    """Switch anomaly detection on or off: a statement, or a ``with`` block."""

    def __init__(self, mode: bool, check_nan: bool = True) -> None:
        self.entered: list[detect_anomaly] = []
        if mode:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                self.entered.append(detect_anomaly(check_nan))
            self.entered[0].__enter__()
            _ENTERED.stack.append(self.entered[0])
        else:
            while _ENTERED.stack:
                _ENTERED.stack.pop().__exit__()

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        for block in self.entered:
            if block in _ENTERED.stack:
                _ENTERED.stack.remove(block)
                block.__exit__()


class _Entered(threading.local):
    def __init__(self) -> None:
        self.stack: list[detect_anomaly] = []


_ENTERED = _Entered()


# ---- the story ---------------------------------------------------------------------------------
def _story(node: Node, place: int, g: Any, out: Any, consumers: dict[Node, list[Node]]) -> str:
    text = f"Function '{node.name()}' returned nan values in its {place}th output.\n"
    text += f"  forward: {shown(node.line)}"
    first = _first_nan(node)
    if first is not None:
        name = first.name() if first.primitive is None else first.primitive.name
        return f"{text}\n  The value was NaN before: born in {name} at {shown(first.line)}"
    if has_nan(g):
        return f"{text}\n  The gradient that came in was NaN already."
    if not _masked(g, out):
        return text
    text += "\n  The gradient that came in is 0 there: the NaN is 0 times infinity."
    mask = _nearest_where(node, consumers)
    if mask is not None:
        text += (
            f"\n  The element is masked by `where` at {shown(mask.line)}: its branch is computed "
            "all the same.\n  Keep the operand safe before the operation: where(mask, "
            "f(where(mask, x, 1)), other)."
        )
    return text


def _first_nan(node: Node) -> Node | None:
    """Return the oldest node among ``node`` and its ancestors that was the first to be NaN."""
    first = [x for x in topological_order(ancestors([node])) if x.first_nan]
    return first[0] if first else None


def _masked(g: Any, out: Any) -> bool:
    """Return whether the gradient that came in is 0 wherever NaN went out."""
    g = getattr(g, "_data", g)
    out = getattr(out, "_data", out)
    if not isinstance(g, (np.ndarray, np.generic)):  # the cotangents of a Function
        return False
    if g.shape != out.shape:
        return bool((g == 0).any())
    where_nan = np.asarray(g)[np.isnan(out)]
    return bool((where_nan == 0).all())


def _nearest_where(node: Node, consumers: dict[Node, list[Node]]) -> Node | None:
    """Return the ``where`` nearest above ``node``, on the way that the gradient came."""
    seen, level = {node}, [node]
    while level:
        above = [c for n in level for c in consumers.get(n, ()) if c not in seen]
        for c in above:
            if c.primitive is not None and c.primitive.name == "where":
                return c
        seen.update(above)
        level = above
    return None
