"""``compile``: a function that is written down while it runs, and replayed from then on."""

from __future__ import annotations

import functools
import gc
import threading
from types import MethodType
from typing import Any

import numpy as np

from minigrad.allocator import give_back
from minigrad.compiler.calls import (
    asks_for_gradients,
    digest,
    in_words,
    key_of,
    key_of_tensors,
    names_of,
    nobody_looks,
    parameters_of,
)
from minigrad.compiler.guards.guards import Checks
from minigrad.compiler.guards.held import attributes_of, users_containers
from minigrad.compiler.guards.reach import Reach
from minigrad.compiler.loops.fusion import check_loops, fused
from minigrad.compiler.page.source import GuardFailed
from minigrad.compiler.planning.arranged import arrange
from minigrad.compiler.planning.plan import Unordered, planned
from minigrad.compiler.program import Program
from minigrad.compiler.recording.comparison import Difference, check_same
from minigrad.compiler.recording.recording import HasGraph, Recording, Refused
from minigrad.compiler.replay import Replay
from minigrad.compiler.snapshot import Snapshot
from minigrad.compiler.trial import Trial
from minigrad.compiler.variant import MOST_PROGRAMS, Programs, Variant
from minigrad.modes import MODES
from minigrad.silence import warn
from minigrad.tensor.tensor import Tensor
from minigrad.utils.tree import tree_leaves
from minigrad.viz.picture import Graph

MOST_RECORDINGS = 4  # in a row of which none is like the one before
WRITING_DOWN = threading.Lock()  # one call at a time, as classes of the user's tell what is read


class Compiled:
    """A compiled function: called as the function is; see :func:`compile`."""

    def __init__(self, function: Any, strict: bool = True, loops: str | None = None) -> None:
        check_loops(loops)
        self.loops = loops
        functools.update_wrapper(self, function, updated=())
        self.function, self.strict = function, strict
        self.keeps_programs = False  # beyond what is told of them
        self.variants: dict[Any, list[Variant]] = {}
        self.programs = Programs(self.variants)
        self.lock = threading.Lock()
        self.latest: tuple[Any, Any] | None = None  # of tensors alone: how they lie, what ran
        self.given_up: set[Any] = set()  # keys of calls that run eagerly, without ``strict``
        self.said: set[str] = set()
        self.parameters = parameters_of(function)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._called(args, kwargs)

    def _called(self, args: Any, kwargs: Any) -> Any:
        """Run what was called last, if it fits, or another program."""
        if not (nobody_looks() and self.lock.acquire(False)):
            return self.function(*args, **kwargs)
        try:
            if not kwargs and self.latest is not None:
                key, variant = self.latest
                if key == key_of_tensors(args) and variant.checks.changed() is None:
                    return self._replay(variant, args, kwargs, args)
            return self._call(args, kwargs)
        finally:
            self.lock.release()

    def __get__(self, instance: Any, owner: Any = None) -> Any:
        return self if instance is None else MethodType(self, instance)

    def _call(self, args: Any, kwargs: Any) -> Any:
        """Run the program that fits, or make one."""
        leaves = list(tree_leaves((args, kwargs)))
        key = key_of((args, kwargs))
        if key in self.given_up:
            return self.function(*args, **kwargs)
        reason = "arguments of another kind"
        for variant in self.variants.get(key, ()):
            changed = variant.checks.changed() if variant.checks is not None else None
            if changed is None:
                return self._run(variant, args, kwargs, leaves)
            reason = changed
        if self.programs.is_full:
            self._say(
                f"there are {MOST_PROGRAMS} programs, and this call fits none of them: {reason} "
                "changes; it runs eagerly",
                once="programs",
            )
        if WRITING_DOWN.locked() or not self.programs.has_room(key):
            return self.function(*args, **kwargs)
        variant = Variant(key, reason, list(map(in_words, leaves)))
        self.variants.setdefault(key, []).append(variant)
        return self._run(variant, args, kwargs, leaves)

    def _run(self, variant: Variant, args: Any, kwargs: Any, leaves: list[Any]) -> Any:
        if variant.refused:
            return self.function(*args, **kwargs)
        if variant.checked:
            key = None if kwargs else key_of_tensors(args)
            self.latest = None if key is None else (key, variant)
            return self._replay(variant, args, kwargs, leaves)
        try:
            if variant.unordered:
                raise Refused(variant.unordered)
            if variant.replay is None:
                return self._record_alone(variant, args, kwargs, leaves)
            return self._check(variant, args, kwargs, leaves)
        except HasGraph as error:
            variant.refused = str(error)
            return self.function(*args, **kwargs)
        except Refused as error:
            if self.strict:
                raise TypeError(f"compile: {error}") from None
            self._give_up(variant, str(error))
            return self.function(*args, **kwargs)

    def _replay(self, variant: Variant, args: Any, kwargs: Any, leaves: Any) -> Any:
        try:
            return variant.replay(leaves)  # type: ignore[misc]
        except GuardFailed:
            variant.failures += 1
            return self.function(*args, **kwargs)

    # ---- writing down ---------------------------------------------------------------------------
    def _record_alone(self, variant: Variant, args: Any, kwargs: Any, leaves: list[Any]) -> Any:
        """Write a call down, unless another thread does so: then run it."""
        if not WRITING_DOWN.acquire(False):
            return self.function(*args, **kwargs)
        try:
            return self._record(variant, args, kwargs, leaves)
        finally:
            WRITING_DOWN.release()

    def _record(self, variant: Variant, args: Any, kwargs: Any, leaves: list[Any]) -> Any:
        """Run eagerly and write it down; the second time, compare."""
        reach = self._reach(args, kwargs)
        checks = Checks(reach)
        with Snapshot(reach, leaves, []):
            recording = Recording(self.function, args, kwargs, leaves, reach)
            recording.strict = self.strict
            recording.run()
            program = recording.program()
            value = recording.detach()
            recording.tape.close()
            changed = checks.side_effect()
            problem = recording.problem or self._problem(variant, program, changed)
            is_second = variant.first is not None
            if is_second and not problem:
                problem = self._print(variant, program, recording)
            if problem and self.strict:
                raise Refused(problem)
        if problem:
            self._give_up(variant, problem)
            return value
        variant.recordings += 1
        variant.seen.add(digest(leaves))
        variant.kept = [x for x in leaves if not isinstance(x, (Tensor, np.ndarray))]
        variant.kept += filter(attributes_of, users_containers((args, kwargs)))
        if changed is not None or recording.attributes_used:
            checks = Checks(self._reach(args, kwargs, recording.attributes_used))
        checks.rest_on(recording)
        variant.checks = checks
        variant.note_first(program)
        return value

    def _print(self, variant: Variant, program: Program, recording: Recording) -> str:
        """Turn what was written down twice into a page; return why that cannot be, else ""."""
        variant.note_recorded(program)
        names = names_of(self.parameters, recording.leaves)
        try:
            program = planned(program)
        except Unordered as error:
            variant.unordered = str(error)
            return variant.unordered
        if self.loops is None:
            arrange(program)
        else:
            program = fused(program)
        variant.note_planned(program, self.keeps_programs)
        variant.replay = Replay(program, recording, names)
        self.programs.gone = 0
        return ""

    def _problem(self, variant: Variant, program: Program, changed: str | None) -> str:
        """Return why a replay would not do the same, "" if it would as far as is known."""
        if variant.first is not None:
            try:
                check_same(variant.first, program)
            except Difference as difference:
                often = variant.recordings >= MOST_RECORDINGS
                if often or difference.kind in ("number", "result"):
                    return difference.told()
                variant.first = None
        if changed is not None and variant.recordings:
            return f"the step changes {changed}, which a replay would not; do that outside of it"
        return ""

    def _give_up(self, variant: Variant, problem: str) -> None:
        """Run calls of this kind eagerly from now on, and say so."""
        variant.refused = problem
        variant.first = variant.replay = variant.checks = None
        self.given_up.add(variant.key)
        self._say(f"{problem}; it runs eagerly")

    def _check(self, variant: Variant, args: Any, kwargs: Any, leaves: list[Any]) -> Any:
        """Run eagerly, take the state back, replay on it, and compare.

        The page has its memory only then, so that it lies where the eager call's was.
        """
        replay: Any = variant.replay
        reach = self._reach(args, kwargs)
        call = functools.partial(self._eagerly, args, kwargs)
        trial = Trial(replay, call, reach, leaves, bool(self.loops))
        with trial.snapshot() as before:
            value = call()
            after = trial.snapshot()
            before.restore()
            replay.lay_out()
            try:
                replay(leaves)
            except GuardFailed:
                after.restore()
                variant.failures += 1
                return value
            is_same = trial.gives_the_same(value, before, after)
            after.restore()
            problem = "" if is_same else self._difference()
            if not problem:
                variant.seen.add(digest(leaves))
                problem = self._frozen(variant, trial, before, after)
            if problem:
                self._give_up(variant, problem)
                return value
        replay.use_up(leaves)
        variant.checked = True
        variant.checks.changed()  # type: ignore[union-attr]  # compiles its expression now
        result = replay.without_graph(value)
        del before, after, value
        _forget_eager_steps(reach)
        return result

    def _difference(self) -> str:
        """Return what is said of a page that gives other numbers, which an exact one must not."""
        if self.loops:
            return "rounding does not explain what loops gave"
        if not self.strict:
            return "rounding does not explain what the page gives"
        raise AssertionError(
            "compile: the page gives other numbers than the function; please report this, "
            "and call the function itself"
        )

    def _frozen(self, variant: Variant, trial: Trial, before: Snapshot, after: Snapshot) -> str:
        """Return what is said of a page that does not hold for other numbers, "" if it does.

        Where calls had other numbers already, it has been seen to.
        """
        if len(variant.seen) > 1:
            return ""
        holds = trial.holds_for_others(before)
        after.restore()
        problem = "a value leaves the tensors, and comes back as a number or an array"
        if not holds and self.strict:
            raise Refused(problem)
        return "" if holds else problem

    def _eagerly(self, args: Any, kwargs: Any) -> Any:
        """Call the function; what is compiled inside it runs eagerly, too."""
        MODES.eager_inside = True
        try:
            return self.function(*args, **kwargs)
        finally:
            MODES.eager_inside = False

    def _reach(self, args: Any, kwargs: Any, used: dict[int, set[str]] | None = None) -> Reach:
        """Return what the function reaches, and arguments that are no tensors."""
        reach = Reach(used)
        own_name = getattr(self.function, "__name__", "model")
        reach.visit(self.function, own_name)
        named = [*zip(self.parameters, args, strict=False), *kwargs.items()]
        for name, x in named:
            reach.visit_argument(x, name)
        reach.visit_state()
        return reach

    def _say(self, text: str, once: str = "") -> None:
        """Warn, but not twice in the same words, or of the same matter."""
        matter = once or text
        if matter not in self.said:
            self.said.add(matter)
            warn(f"compile: {text}")

    # ---- what there is --------------------------------------------------------------------------
    @property
    def source(self) -> str:
        """The page that was written last, straight NumPy; "" before the second call."""
        written = self.programs.written()
        return "".join(written[-1].replay.page.lines) if written else ""  # type: ignore[union-attr]

    def picture(self, planned: bool = True, direction: str = "TB") -> Graph:
        """Return the program that was written last as a picture, without ``planned`` as recorded.

        Vertices are calls of NumPy and the memory that was there before; edges what is read of
        another call. Frames are forward, backward and the optimizer's update, with the modules in
        them. Raises RuntimeError before the second call.
        """
        written = self.programs.written()
        if not written:
            raise RuntimeError("picture: nothing is written down yet; call the function twice")
        return written[-1].picture(planned, direction)

    def explain(self) -> str:
        """Return which programs there are, why each was made, and what it costs."""
        lines = [f"{len(self.programs.written())} of at most {MOST_PROGRAMS} programs"]
        for i, variant in enumerate(self.programs.all(), 1):
            lines.append(f"{i}. made for {variant.reason}: {variant.explained()}")
        return "\n".join(lines)


class CompiledModule(Compiled):
    """A compiled module, for evaluation: without gradients, and eager while it is training."""

    def __init__(self, module: Any, strict: bool = True, loops: str | None = None) -> None:
        super().__init__(module, strict, loops)
        self.parameters = parameters_of(module.forward)

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        if self.function.training:  # type: ignore[attr-defined]
            return self.function(*args, **kwargs)
        before = MODES.grad_enabled
        if before and asks_for_gradients(args, kwargs):
            return self.function(*args, **kwargs)
        MODES.grad_enabled = False
        try:
            return self._called(args, kwargs)
        finally:
            MODES.grad_enabled = before


def _forget_eager_steps(reach: Reach) -> None:
    """Give back the memory that only eager steps need."""
    for optimizer in reach.optimizers:
        optimizer._scratch.clear()
    gc.collect(1)  # what was recorded is young; a whole collection grows with the process
    give_back()


def compile(function: Any = None, *, strict: bool = True, loops: str | None = None) -> Any:
    """Return a function that is written down while it runs, and replayed from then on.

    Calls 1 and 2 run eagerly, are noted call by call of NumPy, and compared byte by byte; the third
    is checked against eager; from then on the page runs, straight NumPy in planned memory. What it
    gives is bit for bit what the function gives. ``source`` is the page, ``explain()`` tells which
    programs there are. Arguments are tensors, arrays, nested tuples, lists and dictionaries of
    them, and plain values, which are part of what a program rests on. A module is compiled for
    evaluation, and runs eagerly while it is training. Raises TypeError for a function that cannot
    be replayed, with the line and the way out; without ``strict`` such a function runs eagerly,
    with one warning.

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
        np.multiply(x, x, multiply)
        np.add.reduce(multiply, axis=(0,), out=add_reduce)
        return add_reduce.copy(),
    """
    if function is None:
        return functools.partial(compile, strict=strict, loops=loops)
    if hasattr(function, "_modules") and hasattr(function, "training"):
        return CompiledModule(function, strict, loops)
    return Compiled(function, strict, loops)


__all__ = ["Compiled", "compile"]
