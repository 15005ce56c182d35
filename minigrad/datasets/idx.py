"""The IDX format of MNIST: a magic number, sizes, then bytes.

https://yann.lecun.org/exdb/mnist/, section "the IDX file format"
"""

from __future__ import annotations

import gzip
import math
import zlib
from pathlib import Path

import numpy as np

_UBYTE = 8  # the type code of unsigned bytes, the only one MNIST uses


def read_idx(path: str | Path) -> np.ndarray:
    """Return the uint8 array in an IDX file, gzip-compressed or plain.

    Raises ValueError, naming the file, what was expected and what it has, for a file that is cut
    off, corrupt or of another kind.
    """
    path = Path(path)
    raw = path.read_bytes()
    if raw[:2] == b"\x1f\x8b":
        try:
            raw = gzip.decompress(raw)
        except (EOFError, OSError, zlib.error) as error:
            raise ValueError(f"{path}: the gzip data is cut off or corrupt ({error})") from None
    if len(raw) < 4 or raw[:2] != b"\0\0" or raw[2] != _UBYTE or not 1 <= raw[3] <= 4:
        raise ValueError(
            f"{path}: expected an IDX file of unsigned bytes (magic 00 00 08 01 to 04), found "
            f"{raw[:4].hex(' ') or 'nothing'}"
        )
    header = 4 + 4 * raw[3]
    shape = tuple(np.frombuffer(raw[4:header], ">i4").tolist())
    if len(raw) < header or len(raw) - header != math.prod(shape):
        raise ValueError(
            f"{path}: expected {math.prod(shape)} bytes of data for shape {shape}, "
            f"found {max(len(raw) - header, 0)}"
        )
    return np.frombuffer(raw, np.uint8, offset=header).reshape(shape)
