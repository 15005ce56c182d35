"""What follows from state alone that the program does not write: computed again where that changed.

An evaluation takes the root of the same variance at each call. Whether a small array has changed
since is told by its bytes, which notices every write, and takes less than one call of NumPy.
"""

from __future__ import annotations

from minigrad.compiler.planning.buffers import is_dense, takes_out
from minigrad.compiler.program import (
    CONSTANT,
    INPUT,
    STATE,
    Call,
    Memory,
    Program,
    memories_of,
)

MOST_SOURCE = 2**14  # bytes of an array that are compared at each call
MOST_RESULT = 2**18  # bytes of a result that stay between two calls


def derive(program: Program) -> None:
    """Let the calls that need small, unwritten state alone be the first, marked as derived."""
    written: set[Memory] = set()
    for call in program.calls:
        written.update(memories_of(call.writes))
    kinds = {memory.kind for memory in written}
    if INPUT in kinds:  # an argument may lie in the memory of the state
        return
    known: set[Memory] = set()
    for call in program.calls:
        if _is_derived(call, written, known):
            call.is_derived = True
            results = memories_of(call.results)
            known.update(results)
    program.calls.sort(key=lambda call: not call.is_derived)


def _is_derived(call: Call, written: set[Memory], known: set[Memory]) -> bool:
    if call.is_guard or call.writes or not takes_out(call):
        return False
    result = call.results.memory
    if result in written or not is_dense(result):
        return False
    if result.nbytes > MOST_RESULT:
        return False
    operands = [place.memory for place in call.reads()]
    if all(memory.kind == CONSTANT for memory in operands):
        return False
    return all(memory in known or _is_source(memory, written) for memory in operands)


def _is_source(memory: Memory, written: set[Memory]) -> bool:
    """Whether what is in a memory is the same at each call, or is quickly compared."""
    if memory in written:
        return False
    if memory.kind == CONSTANT:
        return True
    if memory.kind != STATE:
        return False
    array = memory.array
    return array.flags.c_contiguous and 0 < array.nbytes <= MOST_SOURCE


def sources(calls: list[Call]) -> list[Memory]:
    """Return the state that derived calls rest on."""
    read = (place.memory for call in calls if call.is_derived for place in call.reads())
    return list(dict.fromkeys(memory for memory in read if memory.kind == STATE))
