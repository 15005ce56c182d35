"""Where updates stand: small ones together, large ones where their gradients are.

An optimizer comes after the whole backward pass, when all gradients are there. A large one is used
up at once instead: its memory is the next one's, and it is still in the cache.
"""

from __future__ import annotations

from collections import defaultdict

from minigrad.compiler.planning.plan import may_fail
from minigrad.compiler.planning.together import arrays_of, connected, together
from minigrad.compiler.program import Call, Memory, Program

LEAST = 2**14  # bytes of a gradient that is worth another place on the page


def rearrange_updates(program: Program) -> None:
    """Let small updates be made together, large ones as soon as they can be."""
    updates = connected(program.calls)
    guards = [call for call in program.calls if may_fail(call)]
    together(program, updates)
    _move_forward(program, updates, guards)


def _move_forward(program: Program, updates: list[list[Call]], guards: list[Call]) -> None:
    """Move each update behind the last call that touches what it touches, and the last guard."""
    numbers = {call: i for i, call in enumerate(program.calls)}
    last_guard = numbers[guards[-1]] if guards else -1
    touched_at = _touched_at(program.calls)
    rank = {call: (i, 0) for call, i in numbers.items()}
    for update in updates:
        if not _is_moved(update, numbers):
            continue
        own = set(map(numbers.__getitem__, update))
        touched = {i for memory in _memories(update) for i in touched_at[memory]}
        behind = max(touched - own, default=-1)
        if behind < min(own):
            place = max(behind, last_guard), 1
            rank.update(dict.fromkeys(update, place))
    program.calls.sort(key=rank.__getitem__)


def _touched_at(calls: list[Call]) -> dict[Memory, list[int]]:
    """Return for each memory the calls that touch it, by number."""
    touched_at: dict[Memory, list[int]] = defaultdict(list)
    for i, call in enumerate(calls):
        for memory in arrays_of(call):
            touched_at[memory].append(i)
    return touched_at


def _memories(update: list[Call]) -> set[Memory]:
    return {memory for call in update for memory in arrays_of(call)}


def _is_moved(update: list[Call], numbers: dict[Call, int]) -> bool:
    """Whether an update is large, and not made together with others."""
    if not all(call in numbers for call in update):
        return False
    return max(memory.nbytes for memory in _memories(update)) >= LEAST
