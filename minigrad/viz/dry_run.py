"""Run a model once to look at it: everything is recorded, the inputs' own graphs left alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import numpy as np

from minigrad.modes import MODES, RESULTS, recording
from minigrad.tensor.tensor import Tensor
from minigrad.utils.tree import tree_map


@contextmanager
def record_everything() -> Iterator[None]:
    """Record in this block whatever is computed.

    That includes what requires no grad, what runs under ``no_grad`` and what stands behind
    ``detach``.
    """
    before = MODES.links, RESULTS.looked_at
    MODES.links, RESULTS.looked_at = 0, True
    try:
        with recording():
            yield
    finally:
        MODES.links, RESULTS.looked_at = before


def without_history(inputs: Any) -> Any:
    """Return the inputs with new tensors for arrays and for tensors that were computed.

    How an input was computed is not part of a model's picture.
    """
    replaced: dict[int, Tensor] = {}

    def replace(x: Any) -> Any:
        if isinstance(x, Tensor):
            array = x._data
            if x.is_leaf and x._constant is None and not x._inference:
                return x
        elif isinstance(x, np.ndarray):
            array = x
        else:
            return x
        return replaced.setdefault(id(x), Tensor._wrap(array))

    return tree_map(replace, inputs)
