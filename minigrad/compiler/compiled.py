"""``compile``: a function that is written down while it runs, and replayed from then on."""

from __future__ import annotations

import functools
import inspect
import itertools
import threading
from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad import dtypes
from minigrad.compiler.guards import Checks
from minigrad.compiler.plan import Difference, check_same, planned
from minigrad.compiler.reach import Reach
from minigrad.compiler.recording import Recording, Refused
from minigrad.compiler.replay import Replay
from minigrad.compiler.snapshot import Snapshot
from minigrad.compiler.source import GuardFailed
from minigrad.modes import MODES, RESULTS
from minigrad.silence import warn
from minigrad.tensor.tensor import Tensor
from minigrad.utils.tree import tree_leaves

MOST_PROGRAMS = 8
MOST_RECORDINGS = 4  # in a row that differ
_NUMBERS = itertools.count(1)


class Variant:
    """The program for one kind of call: recorded once, twice, checked, replayed."""

    def __init__(self) -> None:
        self.checks: Checks | None = None
        self.recordings = 0
        self.first: Any = None  # the program as it was recorded last
        self.replay: Replay | None = None
        self.checked = False
        self.refused = ""  # why it runs eagerly


class Compiled:
    """A compiled function: called as the function is; see :func:`compile`."""

    def __init__(self, function: Callable[..., Any], strict: bool = True) -> None:
        functools.update_wrapper(self, function, updated=())
        self.function, self.strict = function, strict
        self.variants: dict[Any, list[Variant]] = {}
        self.lock = threading.Lock()
        self.said: set[str] = set()
        self.reasons: list[str] = []  # why another program was made
        self.parameters = _parameters(function)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if not (self._applies() and self.lock.acquire(blocking=False)):
            return self.function(*args, **kwargs)
        try:
            return self._call(args, kwargs)
        finally:
            self.lock.release()

    def _applies(self) -> bool:
        """Whether nobody else looks at what happens here."""
        return not (
            MODES.tape is not None
            or MODES.observers
            or MODES.on_result is not None
            or MODES.links is not None
            or MODES.hold_statistics
        )

    def _call(self, args: Any, kwargs: Any) -> Any:
        leaves = list(tree_leaves((args, kwargs)))
        key = _key((args, kwargs))
        variants = self.variants.setdefault(key, [])
        reason = "" if variants else "arguments of another kind"
        for variant in variants:
            changed = variant.checks.changed() if variant.checks is not None else None
            if changed is None:
                return self._run(variant, args, kwargs, leaves)
            reason = changed
        if sum(map(len, self.variants.values())) >= MOST_PROGRAMS:
            self._say(f"compile: {MOST_PROGRAMS} programs, and still another {reason}; eager now")
            return self.function(*args, **kwargs)
        self.reasons.append(reason)
        variant = Variant()
        variants.append(variant)
        return self._run(variant, args, kwargs, leaves)

    def _run(self, variant: Variant, args: Any, kwargs: Any, leaves: list[Any]) -> Any:
        if variant.refused:
            return self.function(*args, **kwargs)
        try:
            if variant.replay is None:
                return self._record(variant, args, kwargs, leaves)
            if not variant.checked:
                return self._check(variant, args, kwargs, leaves)
        except Refused as error:
            if self.strict:
                raise error.kind(str(error)) from None
            variant.refused = str(error)
            self._say(f"{error}; it runs eagerly")
            return self.function(*args, **kwargs)
        try:
            return variant.replay(leaves)
        except GuardFailed:
            return self.function(*args, **kwargs)

    # ---- writing down ---------------------------------------------------------------------------
    def _record(self, variant: Variant, args: Any, kwargs: Any, leaves: list[Any]) -> Any:
        """Run eagerly and write it down; the second time, compare."""
        reach = self._reach(args, kwargs)
        checks = Checks(reach)
        snapshot = Snapshot(reach, leaves, [])
        recording = Recording(self.function, args, kwargs, leaves, reach)
        try:
            recording.run()
            program = recording.program()
            self._compare(variant, program)
        except BaseException:
            snapshot.restore()
            raise
        value = recording.detach()
        variant.recordings += 1
        if variant.first is None:
            variant.first = program
            variant.checks = Checks(self._reach(args, kwargs))
        else:
            names = self._names(leaves)
            variant.replay = Replay(planned(program), recording, names)
            variant.checks = checks
            variant.first = None
        return value

    def _compare(self, variant: Variant, program: Any) -> None:
        if variant.first is None:
            return
        try:
            check_same(variant.first, program)
        except Difference as difference:
            if variant.recordings >= MOST_RECORDINGS or difference.kind in ("number", "constant"):
                raise Refused(_told(difference)) from None
            variant.first = None

    def _check(self, variant: Variant, args: Any, kwargs: Any, leaves: list[Any]) -> Any:
        """Replay on the state, take it back, run eagerly, and compare byte by byte."""
        replay: Any = variant.replay
        reach = self._reach(args, kwargs)
        snapshot = Snapshot(reach, leaves, replay.generators)
        try:
            replay(leaves)
        except GuardFailed:
            snapshot.restore()
            return self.function(*args, **kwargs)
        found = replay.last_results(), Snapshot(reach, leaves, replay.generators)
        snapshot.restore()
        value = self.function(*args, **kwargs)
        if not _same_results(replay, found, value):
            raise AssertionError("compile: the replay differs from the eager step")
        variant.checked = True
        return value

    def _reach(self, args: Any, kwargs: Any) -> Reach:
        reach = Reach()
        own_name = getattr(self.function, "__name__", "function")
        reach.visit(self.function, own_name)
        for name, x in zip(self.parameters, args, strict=False):
            for leaf in tree_leaves(x):
                if not isinstance(leaf, (Tensor, np.ndarray)):
                    reach.visit(leaf, name)
        reach.visit_state()

        return reach

    def _names(self, leaves: list[Any]) -> list[str]:
        names = self.parameters if len(self.parameters) == len(leaves) else []
        named = zip(leaves, names or [f"x{i}" for i in range(len(leaves))], strict=True)
        return [name for x, name in named if isinstance(x, (Tensor, np.ndarray))]

    def _say(self, text: str) -> None:
        if text not in self.said:
            self.said.add(text)
            warn(text)

    @property
    def source(self) -> str:
        """The page that was written last, straight NumPy; "" before the second call."""
        replays = [v.replay for many in self.variants.values() for v in many if v.replay]
        return replays[-1].page.text if replays else ""


def _told(difference: Difference) -> str:
    line = "" if difference.call is None else f" ({difference.call.line})"
    if difference.kind in ("number", "constant"):
        return (
            f"compile: step 2 has {difference.second!r} where step 1 had "
            f"{difference.first!r}{line}; a number made outside of tensors changes from step to "
            "step; pass it as an argument or compute it with tensors"
        )
    return f"compile: the steps differ from call to call{line}"


def _same_results(replay: Any, found: Any, value: Any) -> bool:
    results, after = found
    eager = []
    for x in tree_leaves(value):
        if isinstance(x, (Tensor, np.ndarray)):
            eager.append(getattr(x, "_data", x))
    for a, b in zip(results, eager, strict=False):
        if not _same_bytes(a, b):
            return False
    return all(_same_bytes(array, values) for _, array, values in after.arrays)


def _same_bytes(a: np.ndarray, b: np.ndarray) -> bool:
    if a.dtype != b.dtype or a.shape != b.shape:
        return False
    return a.tobytes() == b.tobytes()


def _key(tree: Any) -> Any:
    """Return what two calls have in common that may share a program."""
    modes = MODES.grad_enabled, MODES.inference, dtypes.get_default_dtype().char, RESULTS.hooked
    return modes, _signature(tree)


def _signature(x: Any) -> Any:
    if isinstance(x, Tensor):
        array = x._data
        asks = x._node is not None
        return "tensor", array.shape, array.strides, array.dtype.str, asks, x._inference
    if isinstance(x, np.ndarray):
        return "array", x.shape, x.strides, x.dtype.str
    if isinstance(x, (tuple, list)):
        return type(x), tuple(map(_signature, x))
    if isinstance(x, dict):
        return type(x), tuple((key, _signature(item)) for key, item in x.items())
    if x is None or isinstance(x, (bool, int, float, str, np.generic)):
        return type(x), repr(x)
    return type(x), id(x)


def _parameters(function: Any) -> list[str]:
    try:
        return list(inspect.signature(function).parameters)
    except (TypeError, ValueError):
        return []


def compile(function: Any = None, *, strict: bool = True) -> Any:
    """Return a function that is written down while it runs, and replayed from then on.

    Calls 1 and 2 run eagerly, are noted call by call of NumPy, and compared byte by byte; the third
    is checked against eager; from then on the page runs, straight NumPy in planned memory. What it
    gives is bit for bit what the function gives. ``source`` is the page, ``explain()`` tells which
    programs there are. Arguments are tensors, arrays, nested tuples, lists and dictionaries of
    them, and plain values, which are part of what a program rests on. Raises TypeError for a
    function that cannot be replayed, with the line and the way out; without ``strict`` such a
    function runs eagerly, with one warning.

    >>> import minigrad as mg
    >>> @mg.compile
    ... def squares(x):
    ...     return (x * x).sum()
    >>> for i in range(4):
    ...     y = squares(mg.tensor([1.0, i]))
    >>> y
    tensor(10.)
    >>> print(squares.source.split("# memory")[0].strip())
    import numpy as np
    <BLANKLINE>
    <BLANKLINE>
    def step(x):
        np.multiply(x, x, out=multiply)
        np.add.reduce(multiply, axis=(0,), out=add_reduce)
        return add_reduce.copy(),
    """
    if function is None:
        return functools.partial(compile, strict=strict)
    return Compiled(function, strict)


__all__ = ["Compiled", "compile"]
