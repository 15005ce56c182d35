"""Safetensors files as arrays by name and a few words of metadata; the package ``safetensors``
checks them, and is imported when one is read or written.

https://huggingface.co/docs/safetensors
"""

from __future__ import annotations

import io
import json
import os
from typing import Any, BinaryIO

import numpy as np

from minigrad.files import other_format

Arrays = dict[str, np.ndarray]
_DTYPES = {
    "F64": "<f8", "F32": "<f4", "F16": "<f2", "I64": "<i8", "I32": "<i4", "I16": "<i2", "I8": "i1",
    "U64": "<u8", "U32": "<u4", "U16": "<u2", "U8": "u1", "BOOL": "?",
    "BF16": "<u2",  # NumPy has none: it is the upper half of a float32
}  # fmt: skip
_SIZE = 8  # bytes at the start, that say how long the header is


def to_bytes(arrays: Arrays, metadata: dict[str, str]) -> bytes:
    """Return the content of a file."""
    _package("saving")
    from safetensors.numpy import save

    return save(arrays, metadata=metadata)


def read_path(path: str) -> tuple[Arrays, dict[str, str]]:
    """Return arrays and metadata of a file, whose content is held once: in the arrays.

    Raises ValueError, before anything large is allocated, for what is no whole safetensors file.
    """
    safetensors = _package("loading")
    try:
        with safetensors.safe_open(path, framework="np") as opened:
            metadata = opened.metadata() or {}
    except safetensors.SafetensorError as error:
        with open(path, "rb") as file:
            raise _not_whole(repr(path), file, error) from None
    with open(path, "rb") as file:
        header = _header(file.read(_SIZE + _header_size(file)))
        start = file.tell()
        arrays = {}
        for name, entry in header.items():
            file.seek(start + entry["data_offsets"][0])
            arrays[name] = _array(name, entry, file, repr(path))
    return arrays, metadata


def read_bytes(content: bytes, name: str) -> tuple[Arrays, dict[str, str]]:
    """Return arrays and metadata of the content of a file, called ``name`` in errors."""
    safetensors = _package("loading")
    try:
        entries = safetensors.deserialize(content)
    except safetensors.SafetensorError as error:
        raise _not_whole(name, io.BytesIO(content), error) from None
    size = _SIZE + int.from_bytes(content[:_SIZE], "little")
    metadata = json.loads(content[_SIZE:size]).get("__metadata__") or {}
    arrays = {key: _array(key, entry, io.BytesIO(entry["data"]), name) for key, entry in entries}
    return arrays, metadata


def _package(doing: str) -> Any:
    try:
        import safetensors
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            f"{doing} needs the package safetensors: pip install safetensors. "
            "Without it np.savez(path, **arrays) and np.load(path) keep arrays."
        ) from None
    return safetensors


def _not_whole(name: str, file: BinaryIO, error: Exception) -> ValueError:
    if other := other_format(file):
        return ValueError(f"load: {name} is {other}")
    return ValueError(
        f"load: {name} is not a complete safetensors file ({error}); it may have been "
        "cut off or changed. Use another copy."
    )


def _header_size(file: BinaryIO) -> int:
    size = int.from_bytes(file.read(_SIZE), "little")
    file.seek(0)
    return size


def _header(raw: bytes) -> dict[str, Any]:
    """Return what the header says of each tensor, in the order of the file."""
    header = json.loads(raw[_SIZE:])
    header.pop("__metadata__", None)
    return dict(sorted(header.items(), key=lambda item: item[1]["data_offsets"]))


def _array(key: str, entry: dict[str, Any], file: BinaryIO, name: str) -> np.ndarray:
    """Read one tensor from where the file stands."""
    kind, shape = entry["dtype"], entry["shape"]
    if kind not in _DTYPES:
        raise ValueError(f"load: {key} in {name} is {kind}, which minigrad does not have")
    dtype = np.dtype(_DTYPES[kind])
    try:
        array = np.empty(shape, dtype)
    except (ValueError, MemoryError) as error:
        raise ValueError(
            f"load: {key} in {name} has the shape {shape}, which is too large ({error})"
        ) from None
    if file.readinto(array.reshape(-1).view(np.uint8)) != array.nbytes:  # type: ignore[attr-defined]
        raise ValueError(f"load: {name} was changed while it was read. Load it again.")
    if kind == "BF16":
        array = (array.astype(np.uint32) << 16).view(np.float32)
    return array.astype(array.dtype.newbyteorder("="), copy=False)


# ---- a model in several files ------------------------------------------------------------------
def read_shards(index: str) -> Arrays:
    """Return the arrays that an index lists (``model.safetensors.index.json``), from its files.

    They lie beside it. Raises ValueError for an index that is none, or that names what is not
    there.
    """
    with open(index, encoding="utf-8") as file:
        try:
            names = json.load(file)["weight_map"]
            by_file = _by_file(names)
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            raise ValueError(
                f"load: {index!r} is not an index of safetensors files ({error!r}): expected JSON "
                "with a 'weight_map' from names to files beside it"
            ) from None
    arrays: Arrays = {}
    for shard, wanted in by_file.items():
        path = os.path.join(os.path.dirname(index), shard)
        if not os.path.isfile(path):
            raise FileNotFoundError(f"load: {index!r} names {shard!r}, which is not beside it")
        stored, _ = read_path(path)
        if missing := [name for name in wanted if name not in stored]:
            raise ValueError(f"load: {path!r} lacks {missing[0]!r}, which {index!r} says it has")
        arrays.update((name, stored[name]) for name in wanted)
    return {name: arrays[name] for name in names}


def _by_file(names: dict[str, str]) -> dict[str, list[str]]:
    """Return which names are in which file."""
    by_file: dict[str, list[str]] = {}
    for name, shard in names.items():
        if shard in ("", ".", "..") or os.path.basename(shard) != shard:
            raise ValueError(f"{shard!r} is not the name of a file beside it")
        by_file.setdefault(shard, []).append(name)
    return by_file
