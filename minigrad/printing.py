"""How a tensor prints: as PyTorch prints it, four digits and what it asks for."""

from __future__ import annotations

from typing import Any

import numpy as np


def tensor_repr(tensor: Any) -> str:
    """Return ``tensor([1., 2.], requires_grad=True)`` and the like."""
    data = tensor._data
    with np.printoptions(precision=4, threshold=1000, edgeitems=3, linewidth=72, floatmode="maxprec_equal"):
        body = np.array2string(_tidy(data), separator=", ", prefix="tensor(", formatter=_formatter(data))
    notes = []
    if data.dtype not in (np.float32, np.int64, np.bool_):
        notes.append(f"dtype=minigrad.{data.dtype}")
    if data.size == 0 and data.ndim != 1:
        notes.append(f"size={data.shape}")
    if tensor.grad_fn is not None:
        notes.append(f"grad_fn={tensor.grad_fn!r}")
    elif tensor.requires_grad:
        notes.append("requires_grad=True")
    return f"tensor({', '.join([body, *notes])})"


def _tidy(data: np.ndarray) -> np.ndarray:
    return data + 0.0 if data.dtype.kind == "f" else data  # -0. stays, arrays become fresh


def _formatter(data: np.ndarray) -> Any:
    if data.dtype.kind == "b":
        width = 4 if data.all() else 5
        return {"bool": lambda v: str(v).rjust(width)}
    if data.dtype.kind != "f":
        return None
    finite = data[np.isfinite(data)]
    if finite.size == 0 or ((finite == np.rint(finite)).all() and np.abs(finite).max() < 1e8):
        width = max((len(f"{v:.0f}.") for v in finite.ravel()[:1000]), default=0)
        return {"float_kind": lambda v: (f"{v:.0f}." if np.isfinite(v) else f"{v}").rjust(width)}
    large, small = np.abs(finite).max(), np.abs(finite[finite != 0]).min()
    style = "{:.4e}" if large / small > 1000 or large > 1e8 or small < 1e-4 else "{:.4f}"
    width = max(len(style.format(v)) for v in finite.ravel()[:1000])
    return {"float_kind": lambda v: (style.format(v) if np.isfinite(v) else f"{v}").rjust(width)}
