"""Saving and loading in the safetensors format: no pickle, nothing is ever executed.

A nested structure of dicts, lists, tensors and plain values goes into one file: tensors under
their path (``optimizer.state.0.exp_avg``), the rest as JSON in the header. A flat dictionary of
tensors is stored under exactly its own names, so any safetensors reader takes it.
https://huggingface.co/docs/safetensors
"""

from __future__ import annotations

import json
import os
import zlib
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
from safetensors import SafetensorError, deserialize
from safetensors.numpy import save as to_bytes

from minigrad.device import Device
from minigrad.dtypes import category
from minigrad.files import other_format
from minigrad.files import write_atomically as write_atomically
from minigrad.tensor.tensor import Tensor

File = str | os.PathLike[str] | BinaryIO
_KEY, _CHECKSUM = "minigrad", "minigrad.crc32"  # of the metadata
_PLAIN = (str, int, float, bool, type(None))
_DTYPES = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1",
    "U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "u1", "BOOL": "?",
}  # fmt: skip
_FROM_ARRAY = {
    "tensor": Tensor._wrap,
    "array": lambda array: array,
    "scalar": lambda array: array[()],
}


def save(obj: Any, f: File) -> None:
    """Write ``obj`` to a path or an open file; a path holds all of it or is left as it was.

    ``obj`` holds tensors, arrays, numbers, strings, None, and lists and dicts of these. A checksum
    of it all goes with it. Raises TypeError for anything else, ValueError for a circle of lists or
    dicts, OSError where the file cannot be written.
    https://docs.pytorch.org/docs/stable/generated/torch.save.html

    >>> import minigrad as mg, tempfile, os
    >>> path = os.path.join(tempfile.mkdtemp(), "state.safetensors")
    >>> mg.save({"weight": mg.ones(2), "epoch": 3}, path)
    >>> mg.load(path)
    {'weight': tensor([1., 1.]), 'epoch': 3}
    """
    tensors: dict[str, np.ndarray] = {}
    try:
        structure = json.dumps(_taken_apart(obj, "", tensors))
    except RecursionError:
        raise ValueError("save: lists or dicts are nested too deeply, or in a circle") from None
    content = to_bytes(
        tensors, metadata={_KEY: structure, _CHECKSUM: _checksum(structure, tensors)}
    )
    if hasattr(f, "write"):
        f.write(content)
    else:
        write_atomically(f, content)


def load(f: File, map_location: Any = None, *, weights_only: bool = True) -> Any:
    """Return what :func:`save` wrote, or a dictionary of tensors from any safetensors file.

    bfloat16 comes as float32, which holds the same values. ``f`` is a path or a file open for
    reading bytes. Nothing is ever executed, whatever ``weights_only``. Raises FileNotFoundError,
    ValueError for a file that is not whole, has changed since it was saved (by its checksum, where
    it has one) or is of another format, RuntimeError for a ``map_location`` other than the CPU.
    """
    if isinstance(map_location, str):
        Device(map_location)
    name, content = _read(f)
    try:
        arrays = {key: _array(key, entry, name) for key, entry in deserialize(content)}
        metadata = (
            json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")]).get("__metadata__")
            or {}
        )
    except SafetensorError as error:
        if other := other_format(content):
            raise ValueError(f"load: {name} is {other}") from None
        raise ValueError(
            f"load: {name} is not a complete safetensors file ({error}); it may have been "
            "cut off or changed. Use another copy."
        ) from None
    if _CHECKSUM in metadata and metadata[_CHECKSUM] != _checksum(metadata.get(_KEY, ""), arrays):
        raise ValueError(
            f"load: {name} has changed since it was saved: its checksum does not fit. "
            "Use another copy."
        )
    if _KEY not in metadata:
        return {key: Tensor._wrap(array) for key, array in arrays.items()}
    try:
        return _put_together(json.loads(metadata[_KEY]), arrays)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(
            f"load: {name} has tensors, but its {_KEY!r} metadata is damaged ({error!r}). Use "
            "another copy, or read the tensors alone with safetensors."
        ) from None


def _read(f: Any) -> tuple[str, bytes]:
    """Return what to call the file in errors, and what is in it."""
    if hasattr(f, "read"):
        return repr(getattr(f, "name", "the open file")), f.read()
    path = os.fspath(f)
    if os.path.isdir(path):
        raise IsADirectoryError(f"load: {path!r} is a folder, not a file")
    if not os.path.exists(path):
        raise FileNotFoundError(f"load: no file {path!r}")
    return repr(path), Path(path).read_bytes()


def _checksum(structure: str, arrays: dict[str, np.ndarray]) -> str:
    """Return a CRC-32 of names, dtypes, shapes, values and what holds them together.

    It is of what the file says, not of its bytes: a program that writes the same anew keeps it.
    """
    crc = zlib.crc32(structure.encode())
    for name, array in sorted(arrays.items()):
        label = f"{name} {array.dtype.name} {array.shape}"
        crc = zlib.crc32(label.encode(), crc)
        little_endian = array.dtype.newbyteorder("<")
        stored = array.astype(little_endian, order="C", copy=False)
        stored_bytes = stored.reshape(-1).view(np.uint8)
        crc = zlib.crc32(stored_bytes.data, crc)
    return f"{crc:08x}"


def _array(key: str, entry: dict[str, Any], file: str) -> np.ndarray:
    kind = entry["dtype"]
    if kind == "BF16":  # NumPy has none: it is the upper half of a float32
        bits = np.frombuffer(entry["data"], "<u2").astype(np.uint32) << 16
        return bits.view(np.float32).reshape(entry["shape"])
    if kind not in _DTYPES:
        raise ValueError(f"load: {key} in {file} is {kind}, which minigrad does not have")
    array = np.frombuffer(entry["data"], _DTYPES[kind])
    array = array.astype(array.dtype.newbyteorder("="), copy=not array.flags.writeable)
    return array.reshape(entry["shape"])


def _taken_apart(obj: Any, path: str, tensors: dict[str, np.ndarray]) -> Any:
    """Return ``obj`` as JSON, its tensors and arrays replaced by their names in ``tensors``."""
    if isinstance(obj, (np.str_, np.bytes_)):
        obj = obj.item()
    if isinstance(obj, (Tensor, np.ndarray, np.generic)):
        array = obj._data if isinstance(obj, Tensor) else np.asarray(obj)
        array = np.array(array, array.dtype.newbyteorder("="), order="C")
        try:
            category(array.dtype)
        except TypeError:
            raise TypeError(
                f"save: {path or 'the object'} is an array of {array.dtype}, not of numbers"
            ) from None
        name = path.encode("utf-8", "backslashreplace").decode() or "tensor"
        # "a.b" may come from one key and from two; __metadata__ is the format's own
        while name in tensors or name == "__metadata__":
            name += "_"
        tensors[name] = array
        if isinstance(obj, Tensor):
            return {"tensor": name}
        return {"array" if isinstance(obj, np.ndarray) else "scalar": name}
    if isinstance(obj, _PLAIN):
        return {"value": obj}
    below = f"{path}." if path else ""
    if isinstance(obj, (list, tuple)):
        kind = "list" if isinstance(obj, list) else "tuple"
        return {kind: [_taken_apart(x, f"{below}{i}", tensors) for i, x in enumerate(obj)]}
    if isinstance(obj, dict) and all(isinstance(k, _PLAIN) for k in obj):
        return {"dict": [[k, _taken_apart(v, f"{below}{k}", tensors)] for k, v in obj.items()]}
    raise TypeError(
        f"save: {path or 'the object'} is a {type(obj).__name__}; expected tensors, numbers, "
        "strings, None, and lists and dicts (with strings, numbers or None as keys) of these"
    )


def _put_together(node: Any, arrays: dict[str, np.ndarray]) -> Any:
    ((kind, content),) = node.items()
    if kind in _FROM_ARRAY:
        return _FROM_ARRAY[kind](arrays[content])
    if kind == "dict":
        return {key: _put_together(value, arrays) for key, value in content}
    if kind in ("list", "tuple"):
        parts = [_put_together(value, arrays) for value in content]
        return parts if kind == "list" else tuple(parts)
    if kind != "value":
        raise ValueError(f"unknown kind {kind!r}")
    return content
