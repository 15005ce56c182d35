"""What an exact page does that eager steps do not: each gives the same bits."""

from __future__ import annotations

from minigrad.compiler.planning.again import compute_again
from minigrad.compiler.planning.derived import derive
from minigrad.compiler.planning.updates import rearrange_updates
from minigrad.compiler.program import Program


def arrange(program: Program) -> None:
    """Rearrange updates, compute again at the peak of memory, keep what follows from state."""
    rearrange_updates(program)
    compute_again(program)
    derive(program)
