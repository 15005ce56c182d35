"""How a tensor prints: as PyTorch prints it, four digits and what it asks for.

The layout is that of PyTorch's ``_tensor_str.py``. ``set_printoptions`` changes it:
https://docs.pytorch.org/docs/stable/generated/torch.set_printoptions.html
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad.dtypes import get_default_dtype

_DEFAULT: dict[str, Any] = {
    "precision": 4,
    "threshold": 1000,
    "edgeitems": 3,
    "linewidth": 80,
    "sci_mode": None,
}
_PROFILES: dict[str, dict[str, Any]] = {
    "default": _DEFAULT,
    "short": {**_DEFAULT, "precision": 2, "edgeitems": 2},
    "full": {**_DEFAULT, "threshold": math.inf},
}
_options: dict[str, Any] = dict(_DEFAULT)


def set_printoptions(
    precision: int | None = None,
    threshold: float | None = None,
    edgeitems: int | None = None,
    linewidth: int | None = None,
    profile: str | None = None,
    sci_mode: bool | None = None,
) -> None:
    """Set how tensors print; ``profile`` is 'default', 'short' or 'full'.

    ``sci_mode`` None decides by the values.

    Raises ValueError for a profile that is none of these.
    https://docs.pytorch.org/docs/stable/generated/torch.set_printoptions.html

    >>> import minigrad as mg
    >>> mg.set_printoptions(precision=2)
    >>> mg.tensor(1 / 3)
    tensor(0.33)
    >>> mg.set_printoptions(precision=4)
    """
    if profile is not None and profile not in _PROFILES:
        raise ValueError(
            f"set_printoptions: expected a profile of {sorted(_PROFILES)}, got {profile!r}"
        )
    if profile is not None:
        _options.update(_PROFILES[profile])
    given = {
        "precision": precision,
        "threshold": threshold,
        "edgeitems": edgeitems,
        "linewidth": linewidth,
    }
    _options.update(
        {name: value for name, value in given.items() if value is not None}, sci_mode=sci_mode
    )


def tensor_repr(tensor: Any) -> str:
    """Return ``tensor([1., 2.], requires_grad=True)`` and the like."""
    data, indent = tensor._data, len("tensor(")
    default = get_default_dtype()
    notes = []
    if data.size == 0:
        body = "[]"
        if data.ndim != 1:
            notes.append(f"size={data.shape}")
    else:
        summarize = data.size > _options["threshold"]
        formatted = _formatter(_ends(data) if summarize else data)
        body = _body(data, indent, summarize, *formatted)
    if data.dtype != default and (data.size == 0 or data.dtype not in (np.int64, np.bool_)):
        notes.append(f"dtype=minigrad.{data.dtype}")
    if tensor.grad_fn is not None:
        notes.append(f"grad_fn={tensor.grad_fn!r}")
    elif tensor.requires_grad:
        notes.append("requires_grad=True")
    return _noted("tensor(" + body, notes, indent)


def _noted(body: str, notes: list[str], indent: int) -> str:
    """Put what else is to be said behind the numbers, on lines of its own where it is long."""
    last = len(body) - body.rfind("\n") + 1
    for note in notes:
        if last + len(note) + 2 > _options["linewidth"]:
            body += ",\n" + " " * indent + note
            last = indent + len(note)
        else:
            body += ", " + note
            last += len(note) + 2
    return body + ")"


def _ends(data: np.ndarray) -> np.ndarray:
    """Return the elements that a summary shows."""
    edge = _options["edgeitems"]
    for axis, n in enumerate(data.shape):
        if n > 2 * edge:
            data = np.take(data, [*range(edge), *range(n - edge, n)], axis)
    return data


def _formatter(data: np.ndarray) -> tuple[Any, int]:
    """Return the function that writes one element, and the width of the widest."""
    if data.dtype.kind != "f":
        return str, max((len(str(v)) for v in data.ravel().tolist()), default=1)
    finite = data[np.isfinite(data) & (data != 0)].astype(np.float64)
    style = _number_style(finite)
    point = "." if style == "{:.0f}" else ""

    def write(value: float) -> str:
        return style.format(value) + (point if math.isfinite(value) else "")

    return write, max((len(write(v)) for v in finite.tolist()), default=1)


def _number_style(finite: np.ndarray) -> str:
    """Return the format of these numbers as PyTorch chooses it."""
    precision, scientific = _options["precision"], _options["sci_mode"]
    if finite.size and scientific is None:
        sizes = np.abs(finite)
        large, small = sizes.max(), sizes.min()
        scientific = bool(large / small > 1000 or large > 1e8 or small < 1e-4)
    if scientific and finite.size:
        return f"{{:.{precision}e}}"
    if bool((finite == np.ceil(finite)).all()):
        return "{:.0f}"
    return f"{{:.{precision}f}}"


def _body(data: np.ndarray, indent: int, summarize: bool, write: Any, width: int) -> str:
    if data.ndim == 0:
        return write(data.item()).rjust(width)
    edge = _options["edgeitems"]
    n = len(data)
    is_cut = summarize and n > 2 * edge
    rows = [*range(edge), *range(n - edge, n)] if is_cut else range(n)
    margin = " " * (indent + 1)
    if data.ndim == 1:
        parts = [write(data[i].item()).rjust(width) for i in rows]
        if is_cut:
            parts.insert(edge, " ...")
        return "[" + (",\n" + margin).join(_lines(parts, indent, width)) + "]"
    slices = [_body(data[i], indent + 1, summarize, write, width) for i in rows]
    if is_cut:
        slices.insert(edge, "...")
    blank_lines = "\n" * (data.ndim - 1)
    return "[" + ("," + blank_lines + margin).join(slices) + "]"


def _lines(parts: list[str], indent: int, width: int) -> list[str]:
    """Return the elements of a row, as many on a line as fit."""
    per_line = max(1, (_options["linewidth"] - indent) // (width + 2))
    starts = range(0, len(parts), per_line)
    return [", ".join(parts[i : i + per_line]) for i in starts] or [""]
