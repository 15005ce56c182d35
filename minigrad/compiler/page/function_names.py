"""What functions of NumPy's are called on a page, and which names mean something there."""

from __future__ import annotations

from typing import Any

import numpy as np

RESERVED = {
    "np", "view", "address", "GuardFailed", "inf", "nan", "bool", "dict", "slice", "range",
    "At", "Any", "Path", "as_strided", "math", "file", "allow_pickle",  # in an exported file
}  # fmt: skip


def name_in_numpy(function: Any) -> str:
    """Return the name of a function with its module, "" where NumPy does not know it."""
    name = getattr(function, "__name__", "")
    owner = getattr(function, "__self__", None)
    if isinstance(owner, np.ufunc):
        return f"np.{owner.__name__}.{name}"
    if getattr(np, name, None) is function:
        return f"np.{name}"
    if getattr(np.linalg, name, None) is function:
        return f"np.linalg.{name}"
    if isinstance(function, np.ufunc):  # one that is called otherwise there
        return next((f"np.{key}" for key in dir(np) if getattr(np, key, None) is function), "")
    return ""
