"""What an exact page does that eager steps do not: each gives the same bits."""

from __future__ import annotations

from minigrad.compiler.again import compute_again
from minigrad.compiler.derived import derive
from minigrad.compiler.program import Program
from minigrad.compiler.updates import rearrange_updates


def arrange(program: Program) -> None:
    """Rearrange updates, compute again at the peak of memory, keep what follows from state."""
    rearrange_updates(program)
    compute_again(program)
    derive(program)
