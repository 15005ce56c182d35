"""Saving and loading in the safetensors format: no pickle, nothing is ever executed.

A nested structure of dicts, lists, tensors and plain values goes into one file: tensors under
their path (``optimizer.state.0.exp_avg``), the rest as JSON in the header. A flat dictionary of
tensors is stored under exactly its own names, so any safetensors reader takes it.
https://huggingface.co/docs/safetensors
"""

from __future__ import annotations

import json
import os
import pickle
import zlib
from types import ModuleType
from typing import Any, BinaryIO

import numpy as np

from minigrad import archive
from minigrad.device import Device
from minigrad.dtypes import category
from minigrad.files import is_pickle
from minigrad.files import write_atomically as write_atomically
from minigrad.tensor.tensor import Tensor

File = str | os.PathLike[str] | BinaryIO
_KEY, _CHECKSUM = "minigrad", "minigrad.crc32"  # of the metadata
_PLAIN = (str, int, float, bool, type(None))
_FROM_ARRAY = {
    "tensor": Tensor._wrap,
    "array": lambda array: array,
    "scalar": lambda array: array[()],
}


def save(obj: Any, f: File, pickle_module: ModuleType | None = None) -> None:
    """Write ``obj`` to a path or an open file; a path holds all of it or is left as it was.

    ``obj`` holds tensors, arrays, numbers, strings, None, and lists and dicts of these. A checksum
    of it all goes with it. Of a module save its ``state_dict()``. With ``pickle_module=pickle`` any
    object is pickled instead; reading that runs code, so :func:`load` has to ask for it too.

    Raises TypeError for anything else, ValueError for a circle of lists or dicts, OSError where the
    file cannot be written, ModuleNotFoundError without the package safetensors.
    https://docs.pytorch.org/docs/stable/generated/torch.save.html

    >>> import minigrad as mg, tempfile, os
    >>> path = os.path.join(tempfile.mkdtemp(), "state.safetensors")
    >>> mg.save({"weight": mg.ones(2), "epoch": 3}, path)
    >>> mg.load(path)
    {'weight': tensor([1., 1.]), 'epoch': 3}
    """
    content = _in_safetensors(obj) if pickle_module is None else pickle_module.dumps(obj)
    if hasattr(f, "write"):
        f.write(content)
    else:
        write_atomically(f, content)


def _in_safetensors(obj: Any) -> bytes:
    tensors: dict[str, np.ndarray] = {}
    try:
        structure = json.dumps(_taken_apart(obj, "", tensors))
    except RecursionError:
        raise ValueError("save: lists or dicts are nested too deeply, or in a circle") from None
    metadata = {_KEY: structure, _CHECKSUM: _checksum(structure, tensors)}
    return archive.to_bytes(tensors, metadata)


def load(
    f: File,
    map_location: Any = None,
    pickle_module: ModuleType | None = None,
    *,
    weights_only: bool = True,
) -> Any:
    """Return what :func:`save` wrote, or a dictionary of tensors from any safetensors file.

    ``f`` is a path or a file open for reading bytes; the path of an index
    (``model.safetensors.index.json``) gives the tensors of all files it lists. bfloat16 comes as
    float32, which holds the same values. Nothing is ever executed, unless the file is a pickle and
    ``weights_only=False`` or a ``pickle_module`` asks for it: do so only for files you trust.

    Raises FileNotFoundError, ValueError for a file that is not whole, has changed since it was
    saved (by its checksum, where it has one) or is of another format, RuntimeError for
    a ``map_location`` other than the CPU, ModuleNotFoundError without the package safetensors.
    https://docs.pytorch.org/docs/stable/generated/torch.load.html
    """
    if isinstance(map_location, str):
        Device(map_location)
    unpickler = pickle_module or (None if weights_only else pickle)
    if hasattr(f, "read"):
        name, content = repr(getattr(f, "name", "the open file")), f.read()
        if unpickler is not None and is_pickle(content[:9]):
            return unpickler.loads(content)
        return _assembled(name, *archive.read_bytes(content, name))
    path = _existing(f)
    if path.endswith(".index.json"):
        return _as_tensors(archive.read_shards(path))
    if not os.path.isfile(path):  # a FIFO, say
        with open(path, "rb") as stream:
            return load(stream, None, pickle_module, weights_only=weights_only)
    with open(path, "rb") as file:
        if unpickler is not None and is_pickle(file.read(9)):
            file.seek(0)
            return unpickler.load(file)
    return _assembled(repr(path), *archive.read_path(path))


def _existing(f: Any) -> str:
    path = os.fspath(f)
    if os.path.isdir(path):
        raise IsADirectoryError(f"load: {path!r} is a folder, not a file")
    if not os.path.exists(path):
        raise FileNotFoundError(f"load: no file {path!r}")
    return os.fsdecode(path)


def _as_tensors(arrays: archive.Arrays) -> dict[str, Tensor]:
    return {key: Tensor._wrap(array) for key, array in arrays.items()}


def _assembled(name: str, arrays: archive.Arrays, metadata: dict[str, str]) -> Any:
    """Return the object that a file holds, checked by its checksum."""
    if _CHECKSUM in metadata and metadata[_CHECKSUM] != _checksum(metadata.get(_KEY, ""), arrays):
        raise ValueError(
            f"load: {name} has changed since it was saved: its checksum does not fit. "
            "Use another copy."
        )
    if _KEY not in metadata:
        return _as_tensors(arrays)
    try:
        return _put_together(json.loads(metadata[_KEY]), arrays)
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(
            f"load: {name} has tensors, but its {_KEY!r} metadata is damaged ({error!r}). Use "
            "another copy, or read the tensors alone with safetensors."
        ) from None


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


def _taken_apart(obj: Any, path: str, tensors: dict[str, np.ndarray]) -> Any:
    """Return ``obj`` as JSON, its tensors and arrays replaced by their names in ``tensors``."""
    if isinstance(obj, (np.str_, np.bytes_)):
        obj = obj.item()
    if isinstance(obj, (Tensor, np.ndarray, np.generic)):
        array = obj._data if isinstance(obj, Tensor) else np.asarray(obj)
        array = np.asarray(array, array.dtype.newbyteorder("="), order="C")
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
    raise TypeError(f"save: {path or 'the object'} is a {type(obj).__name__}; {_way_out(obj)}")


def _way_out(obj: Any) -> str:
    """Say how to save what is refused."""
    if hasattr(obj, "state_dict") and hasattr(obj, "load_state_dict"):
        return (
            "save what it holds, mg.save(x.state_dict(), path), and load it into another one, "
            "x.load_state_dict(mg.load(path)). To pickle the object itself, which runs code when "
            "it is read: mg.save(x, path, pickle_module=pickle), mg.load(path, weights_only=False)"
        )
    return (
        "expected tensors, numbers, strings, None, and lists and dicts (with strings, numbers or "
        "None as keys) of these. Save what it holds as such, or pickle it, which runs code when it "
        "is read: mg.save(x, path, pickle_module=pickle), mg.load(path, weights_only=False)"
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
