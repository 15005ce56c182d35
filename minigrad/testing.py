"""Comparisons for tests, with PyTorch's tolerances.

https://docs.pytorch.org/docs/stable/testing.html
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.creation import as_tensor

_TOLERANCES = {"float16": (1e-3, 1e-5), "float32": (1.3e-6, 1e-5), "float64": (1e-7, 1e-7)}


def assert_close(
    actual: Any,
    expected: Any,
    *,
    rtol: float | None = None,
    atol: float | None = None,
    equal_nan: bool = False,
    check_dtype: bool = True,
    msg: Any = None,
    **other: Any,
) -> None:
    """Raise AssertionError unless |actual - expected| <= atol + rtol |expected| everywhere.

    Tensors, numbers, and lists, tuples and dicts of them. By default the tolerances are those of
    the dtype, zero for integers; shapes and dtypes must agree. ValueError for one tolerance alone.
    https://docs.pytorch.org/docs/stable/testing.html#torch.testing.assert_close

    >>> import minigrad as mg
    >>> mg.testing.assert_close(mg.tensor(1.0), mg.tensor(1.0 + 1e-7))
    """
    options = {"rtol": rtol, "atol": atol, "equal_nan": equal_nan, "check_dtype": check_dtype}
    if isinstance(actual, dict):
        _assert(actual.keys() == expected.keys(), f"keys: {list(actual)} != {list(expected)}", msg)
        actual, expected = zip(*((actual[k], expected[k]) for k in actual), strict=True)
    if isinstance(actual, (list, tuple)):
        _assert(len(actual) == len(expected), f"{len(actual)} != {len(expected)} items", msg)
        for a, b in zip(actual, expected, strict=True):
            assert_close(a, b, msg=msg, **options)  # type: ignore[arg-type]
        return
    a, b = (as_tensor(x).detach().numpy() for x in (actual, expected))
    _assert_arrays(a, b, options, msg)


def _assert_arrays(a: np.ndarray, b: np.ndarray, options: dict[str, Any], msg: Any) -> None:
    rtol, atol = _tolerances(a, b, options)
    same = a.dtype == b.dtype or not options["check_dtype"]
    _assert(a.shape == b.shape, f"The shapes do not match: {a.shape} != {b.shape}", msg)
    _assert(same, f"The dtypes do not match: {a.dtype} != {b.dtype}", msg)
    equal_nan = options["equal_nan"]
    close = np.isclose(a * 1, b * 1, rtol, atol, equal_nan)
    far = np.subtract(a, b, dtype=np.float64)[~close]
    greatest = np.abs(far).max(initial=0)
    text = (
        f"Tensor-likes are not close!\n\nMismatched elements: {far.size} / {close.size}\n"
        f"Greatest absolute difference: {greatest} (up to {atol} allowed)\n"
        f"Relative differences up to {rtol} are allowed"
    )
    _assert(bool(close.all()), text, msg)


def _tolerances(a: np.ndarray, b: np.ndarray, options: dict[str, Any]) -> Any:
    rtol, atol = options["rtol"], options["atol"]
    if (rtol is None) != (atol is None):
        raise ValueError(f"rtol and atol must both be specified or both be unspecified: {rtol=}")
    if rtol is not None:
        return rtol, atol
    of_dtypes = [_TOLERANCES.get(x.dtype.name, (0.0, 0.0)) for x in (a, b)]
    return np.max(of_dtypes, axis=0)


def _assert(holds: bool, text: str, msg: Any) -> None:
    if holds:
        return
    if callable(msg):
        raise AssertionError(msg(text))
    raise AssertionError(text if msg is None else msg)
