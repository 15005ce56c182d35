"""A kind of call: how far its program is, and what it costs."""

from __future__ import annotations

import itertools
from typing import Any

from minigrad.allocator import empty_free_lists
from minigrad.compiler.guards.guards import Checks
from minigrad.compiler.picture import Sketch
from minigrad.compiler.program import Program
from minigrad.compiler.recording.comparison import Packed
from minigrad.compiler.replay import Replay
from minigrad.viz.picture import Graph

MOST_PROGRAMS = 8
MOST_KINDS = 1000  # that ran eagerly, of which is known that they came
_NUMBERS = itertools.count()


class Variant:
    """One kind of call: written down once, twice, checked, replayed; or refused."""

    def __init__(self, key: Any, reason: str, arguments: list[str]) -> None:
        self.key, self.reason = key, reason  # of its arguments and modes; why it was made
        self.number = next(_NUMBERS)  # the later, the higher
        self.arguments = arguments  # what they are, in words
        self.checks: Checks | None = None
        self.recordings = 0
        self.first: Packed | None = None  # as it was written down last
        self.replay: Replay | None = None
        self.checked = False
        self.refused = ""  # why it runs eagerly
        self.unordered = ""  # why it cannot be planned
        self.recorded: Sketch | None = None  # the program before planning
        self.planned: Sketch | None = None  # the program of the page
        self.program: Program | None = None  # that itself, where it is asked for
        self.decisions: list[str] = []  # lines of guards in the page
        self.failures = 0  # of guards in the page
        self.seen: set[int] = set()  # what the numbers of arguments were
        self.kept: Any = None  # arguments that are no tensors: their ids stay theirs

    def note_first(self, program: Program) -> None:
        """Note a program that waits for the next recording, where there is no page yet."""
        self.first = Packed(program) if self.replay is None else None
        empty_free_lists()

    def note_recorded(self, program: Program) -> None:
        """Note what is told of a program that was written down twice; its objects are let go."""
        self.first = None
        self.recorded = Sketch(program)
        empty_free_lists()

    def note_planned(self, program: Program, keeps: bool) -> None:
        """Note what is told of the program of the page, and whether it is needed further."""
        self.program = program if keeps else None
        self.planned = Sketch(program)
        self.decisions = _decisions(program)
        empty_free_lists()

    def explained(self) -> str:
        """Return how far it is, and what it costs."""
        if self.refused:
            return f"runs eagerly, for {self.refused}"
        if self.replay is None:
            return f"written down {self.recordings} times, not yet the same twice in a row"
        before, after = self.recorded.count, self.planned.count  # type: ignore[union-attr]
        size = self.replay.page.size / 2**20
        state = "replayed" if self.checked else "not yet checked against eager"
        return (
            f"{before} calls of NumPy, {after} after planning, in {size:.2f} MiB of memory; "
            f"{state}; {self.failures} calls decided otherwise and ran eagerly; "
            f"guards: {self._guards()}"
        )

    def _guards(self) -> str:
        """Return what must be so that it fits: before it runs, and on the way."""
        assert self.checks is not None
        told = [f"arguments ({', '.join(self.arguments)})", self.checks.explained()]
        if self.decisions:
            told.append(f"decisions on the way ({', '.join(self.decisions)})")
        return "; ".join(filter(None, told))

    def picture(self, planned: bool, direction: str) -> Graph:
        """Return the program as a picture, before or after planning."""
        sketch: Any = self.planned if planned else self.recorded
        return sketch.picture(direction)


def _decisions(program: Program) -> list[str]:
    """Return the lines of guards, each once."""
    lines = (call.line for call in program.calls if call.is_guard)
    return list(dict.fromkeys(lines))


class Programs:
    """The kinds of calls of one function, by key, and which may still be written down."""

    def __init__(self, variants: dict[Any, list[Variant]]) -> None:
        self.variants = variants
        self.came: set[Any] = set()  # keys of calls that ran eagerly, as there was no room
        self.gone = 0  # how many gave way in a row, none of which had come twice

    def all(self) -> list[Variant]:
        """Return all, those too that run eagerly."""
        return [variant for many in self.variants.values() for variant in many]

    def live(self) -> list[Variant]:
        """Return those that were not given up."""
        return [variant for variant in self.all() if not variant.refused]

    def written(self) -> list[Variant]:
        """Return those that have a page."""
        return [variant for variant in self.all() if variant.replay is not None]

    @property
    def is_full(self) -> bool:
        """Whether there are as many as there may be."""
        return len(self.live()) >= MOST_PROGRAMS

    def has_room(self, key: Any) -> bool:
        """Whether one more call may be written down: in place of one that never came again.

        Where as many as there may be programs gave way in a row, only a kind that comes again may.
        """
        if not self.is_full:
            return True
        waiting = [variant for variant in self.live() if variant.replay is None]
        of_this_kind = self.variants.get(key)
        comes_again = key in self.came and not of_this_kind
        if waiting and (self.gone < MOST_PROGRAMS or comes_again):
            oldest = min(waiting, key=lambda variant: variant.number)
            same_key = self.variants[oldest.key]
            same_key.remove(oldest)
            self.came.discard(key)
            self.gone += 1
            return True
        if len(self.came) < MOST_KINDS:
            self.came.add(key)
        return False
