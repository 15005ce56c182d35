"""What a package says of a name it has not: the nearest it has, and the page that lists all."""

from __future__ import annotations

import difflib
import opcode
import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

# Families of PyTorch that will not come, and what to do instead
_NO_COMPLEX = "there are no complex tensors"
ABSENT = {
    "complex": _NO_COMPLEX,
    "istft": _NO_COMPLEX,
    "linalg.eig": f"{_NO_COMPLEX}, which its result is; linalg.eigh takes symmetric matrices",
    "linalg.eigvals": f"{_NO_COMPLEX}, which its result is; linalg.eigvalsh takes symmetric ones",
    "polar": _NO_COMPLEX,
    "stft": _NO_COMPLEX,
    "view_as_complex": _NO_COMPLEX,
    "view_as_real": _NO_COMPLEX,
    "fft": "there are no complex tensors; numpy.fft takes x.numpy()",
    "hub": "there are no models to download; load() reads safetensors files of PyTorch's states",
    "jit": "there is nothing to script: leave the decorator out",
    "multiprocessing": "use the standard library's multiprocessing",
    "quantization": "there are no quantized tensors",
    "sparse": "there are no sparse tensors",
    "sparse_coo_tensor": "there are no sparse tensors",
}


_IMPORT_FROM = opcode.opmap["IMPORT_FROM"]


def missing_name(module: str, names: dict[str, Any], what: str) -> Callable[[str], Any]:
    """Return a module's ``__getattr__``: AttributeError with the nearest of ``names``.

    ``from module import name`` raises ImportError with these words: Python would replace an
    AttributeError by one without them. ``what`` says in plural what the module holds.
    """

    def __getattr__(name: str) -> Any:
        error = ImportError if _is_import(sys._getframe(1)) else AttributeError
        path = f"{module}.{name}".removeprefix("minigrad.")
        if path in ABSENT:
            raise error(f"minigrad has no {path!r}: {ABSENT[path]}")
        known = [other for other in names if not other.startswith("_")]
        nearest = difflib.get_close_matches(name, known, 1, 0.5)
        hint = f"; did you mean {nearest[0]!r}?" if nearest else "."
        raise error(
            f"module '{module}' has no attribute {name!r}{hint} docs/layers.md lists the {what} of "
            "PyTorch that there are"
        )

    return __getattr__


def _is_import(frame: FrameType) -> bool:
    """Return whether the frame is at ``from module import name``."""
    return frame.f_code.co_code[frame.f_lasti] == _IMPORT_FROM
