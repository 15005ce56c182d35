"""Saving and loading in the safetensors format: no pickle, nothing is ever executed.

A nested structure of dicts, lists, tensors and plain values goes into one file: tensors under
their path (``optimizer.state.0.exp_avg``), the rest as JSON in the header. A flat dictionary of
tensors is stored under exactly its own names, so any safetensors reader takes it.
https://huggingface.co/docs/safetensors
"""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path
from typing import Any

import numpy as np
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save as to_bytes

from minigrad.tensor import Tensor

_KEY = "minigrad"
_PLAIN = (str, int, float, bool, type(None))


def save(obj: Any, path: str | os.PathLike[str]) -> None:
    """Write ``obj`` to ``path``, whole or not at all (a temporary file, then a rename).

    ``obj`` holds tensors, arrays, numbers, strings, None, and lists and dicts of these. Raises
    TypeError for anything else, OSError where the folder cannot be written.

    >>> import minigrad as mg, tempfile, os
    >>> path = os.path.join(tempfile.mkdtemp(), "state.safetensors")
    >>> mg.save({"weight": mg.ones(2), "epoch": 3}, path)
    >>> mg.load(path)
    {'weight': tensor([1., 1.]), 'epoch': 3}
    """
    tensors: dict[str, np.ndarray] = {}
    structure = _taken_apart(obj, "", tensors)
    write_atomically(path, to_bytes(tensors, metadata={_KEY: json.dumps(structure)}))


def write_atomically(path: str | os.PathLike[str], content: bytes) -> None:
    """Put ``content`` at ``path`` by renaming a finished file; an old one stays until then."""
    path = Path(path)
    temporary = path.parent / f".{path.name}.{secrets.token_hex(8)}"
    handle = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0), 0o666)  # less umask
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise


def load(path: str | os.PathLike[str]) -> Any:
    """Return what :func:`save` wrote, or a dictionary of tensors from any safetensors file.

    Arrays come back as tensors (``.numpy()`` is their memory), bfloat16 as float32, which holds the
    same values. Raises FileNotFoundError, or ValueError for a file that is not whole.
    """
    if not Path(path).is_file():
        raise FileNotFoundError(f"load: no file {os.fspath(path)!r}")
    try:
        with safe_open(os.fspath(path), framework="np") as file:
            tensors = {name: Tensor(_array(file, name, path)) for name in file.keys()}  # noqa: SIM118
            metadata = file.metadata() or {}
    except SafetensorError as error:
        raise ValueError(
            f"load: {os.fspath(path)!r} is no whole safetensors file ({error}); it may have been "
            "cut off or changed. Use another copy."
        ) from None
    if _KEY not in metadata:
        return tensors
    try:
        return _put_together(json.loads(metadata[_KEY]), tensors)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(
            f"load: {os.fspath(path)!r} has tensors, but its {_KEY!r} metadata is damaged ({error!r}). Use "
            "another copy, or read the tensors alone with safetensors."
        ) from None


def _array(file: Any, name: str, path: Any) -> np.ndarray:
    kind = file.get_slice(name).get_dtype()
    if kind != "BF16":
        try:
            return file.get_tensor(name)
        except (TypeError, AttributeError, KeyError):
            raise ValueError(f"load: {name} in {os.fspath(path)!r} is {kind}, which NumPy does not have") from None
    with open(path, "rb") as raw:  # NumPy has no bfloat16: the upper half of a float32
        length = int.from_bytes(raw.read(8), "little")
        entry = json.loads(raw.read(length))[name]
        raw.seek(8 + length + entry["data_offsets"][0])
        bits = np.frombuffer(raw.read(entry["data_offsets"][1] - entry["data_offsets"][0]), "<u2")
    return (bits.astype(np.uint32) << 16).view(np.float32).reshape(entry["shape"])


def _taken_apart(obj: Any, path: str, tensors: dict[str, np.ndarray]) -> Any:
    """Return ``obj`` as JSON, its tensors replaced by their names in ``tensors``."""
    if isinstance(obj, (Tensor, np.ndarray)):
        array = obj._data if isinstance(obj, Tensor) else obj
        name = path or "tensor"
        while (
            name in tensors or name == "__metadata__"
        ):  # a name of the format; "a.b" may come from a key with a dot and from two keys
            name += "_"
        tensors[name] = np.array(array, order="C")
        return {"tensor": name}
    if isinstance(obj, np.generic):
        obj = obj.item()
    if isinstance(obj, _PLAIN):
        return {"value": obj}
    below = f"{path}." if path else ""
    if isinstance(obj, (list, tuple)):
        kind = "list" if isinstance(obj, list) else "tuple"
        return {kind: [_taken_apart(x, f"{below}{i}", tensors) for i, x in enumerate(obj)]}
    if isinstance(obj, dict) and all(isinstance(k, _PLAIN) for k in obj):
        return {"dict": [[k, _taken_apart(v, f"{below}{k}", tensors)] for k, v in obj.items()]}
    raise TypeError(
        f"save: {path or 'the object'} is a {type(obj).__name__}; expected tensors, numbers, strings, "
        "None, and lists and dicts (with strings, numbers or None as keys) of these"
    )


def _put_together(node: Any, tensors: dict[str, Tensor]) -> Any:
    ((kind, content),) = node.items()
    if kind == "tensor":
        return tensors[content]
    if kind == "dict":
        return {key: _put_together(value, tensors) for key, value in content}
    if kind in ("list", "tuple"):
        parts = [_put_together(value, tensors) for value in content]
        return parts if kind == "list" else tuple(parts)
    if kind != "value":
        raise ValueError(f"unknown kind {kind!r}")
    return content
