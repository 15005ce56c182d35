"""The engine's errors: PyTorch's words where it has them, with the values that came."""

from __future__ import annotations

from typing import Any

from minigrad.primitive import Primitive

INFERENCE_SAVED = (
    "Inference tensors cannot be saved for backward. Please do not use Tensors created in "
    "inference mode in computation tracked by autograd. To work around this, you can make a clone "
    "to get a normal tensor and use it in autograd, or use `no_grad()` instead of "
    "`inference_mode()`."
)


def shape_error(primitive: Primitive, values: list[Any], error: Exception) -> Exception:
    """Say in PyTorch's words which sizes do not fit."""
    shapes = [v.shape for v in values if hasattr(v, "shape")]
    if isinstance(error, TypeError):
        if "ufunc" not in str(error) and "numpy boolean" not in str(error):
            return error
        dtypes = ", ".join(str(v.dtype) for v in values if hasattr(v, "dtype"))
        return NotImplementedError(
            f"{primitive.name}(): not there for dtype {dtypes}; convert first: x.float(), x.long()"
        )
    if primitive.name in ("matmul", "linear"):
        a, b = shapes[0], shapes[1][::-1] if primitive.name == "linear" else shapes[1]
        return RuntimeError(
            f"{primitive.name}: mat1 and mat2 shapes cannot be multiplied "
            f"({'x'.join(map(str, a))} and {'x'.join(map(str, b))})"
        )
    if len(shapes) == 2:
        a, b = shapes
        for i in range(-1, -min(len(a), len(b)) - 1, -1):
            if a[i] != b[i] and 1 not in (a[i], b[i]):
                return RuntimeError(
                    f"{primitive.name}: The size of tensor a ({a[i]}) must match the size of "
                    f"tensor b ({b[i]}) at non-singleton dimension {max(len(a), len(b)) + i}; the "
                    f"shapes are {a} and {b}"
                )
    return RuntimeError(f"{primitive.name}: {error} (shapes {', '.join(map(str, shapes))})")
