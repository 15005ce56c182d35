"""Circular and hyperbolic functions, their inverses, and the angle and length of a pair."""

from __future__ import annotations

import numpy as np

from minigrad.ops.guards import restrict
from minigrad.primitive import register

FLOAT = {"floats": True}
sin = register(np.sin, lambda g, _out, x: g * np.cos(x), **FLOAT)
cos = register(np.cos, lambda g, _out, x: -g * np.sin(x), **FLOAT)
tan = register(np.tan, lambda g, out, _x: g * (1 + out * out), **FLOAT)
asin = register(np.arcsin, lambda g, _out, x: g / np.sqrt(1 - x * x), name="asin", **FLOAT)
acos = register(np.arccos, lambda g, _out, x: -g / np.sqrt(1 - x * x), name="acos", **FLOAT)
atan = register(np.arctan, lambda g, _out, x: g / (1 + x * x), name="atan", **FLOAT)
sinh = register(np.sinh, lambda g, _out, x: g * np.cosh(x), **FLOAT)
cosh = register(np.cosh, lambda g, _out, x: g * np.sinh(x), **FLOAT)
tanh = register(np.tanh, lambda g, out, _x: g * (1 - out * out), **FLOAT)
asinh = register(np.arcsinh, lambda g, _out, x: g / np.sqrt(x * x + 1), name="asinh", **FLOAT)
acosh = register(np.arccosh, lambda g, _out, x: g / np.sqrt(x * x - 1), name="acosh", **FLOAT)
atanh = register(np.arctanh, lambda g, _out, x: g / (1 - x * x), name="atanh", **FLOAT)

PROMOTE_FLOAT = {"promotes": 0, "floats": True}
atan2 = register(  # of (0, 0) the gradient is 0, as PyTorch's
    np.arctan2,
    lambda g, _out, y, x: g * x / _squares(y, x),
    lambda g, _out, y, x: -g * y / _squares(y, x),
    name="atan2",
    **PROMOTE_FLOAT,
)
hypot = register(
    np.hypot, lambda g, out, x, _y: g * x / out, lambda g, out, _x, y: g * y / out, promotes=0
)
restrict("f", hypot)


def _squares(y, x):
    squares = y * y + x * x
    return np.where(squares == 0, 1.0, squares)
