"""Circular and hyperbolic functions, their inverses, and the angle and length of a pair."""

from __future__ import annotations

import numpy as np

from minigrad.ops.elementwise import limited
from minigrad.primitive import register

real = {"floats": True}
sin = register(np.sin, lambda g, _out, x: g * np.cos(x), **real)
cos = register(np.cos, lambda g, _out, x: -g * np.sin(x), **real)
tan = register(np.tan, lambda g, out, _x: g * (1 + out * out), **real)
asin = register(np.arcsin, lambda g, _out, x: g / np.sqrt(1 - x * x), name="asin", **real)
acos = register(np.arccos, lambda g, _out, x: -g / np.sqrt(1 - x * x), name="acos", **real)
atan = register(np.arctan, lambda g, _out, x: g / (1 + x * x), name="atan", **real)
sinh = register(np.sinh, lambda g, _out, x: g * np.cosh(x), **real)
cosh = register(np.cosh, lambda g, _out, x: g * np.sinh(x), **real)
tanh = register(np.tanh, lambda g, out, _x: g * (1 - out * out), **real)
asinh = register(np.arcsinh, lambda g, _out, x: g / np.sqrt(x * x + 1), name="asinh", **real)
acosh = register(np.arccosh, lambda g, _out, x: g / np.sqrt(x * x - 1), name="acosh", **real)
atanh = register(np.arctanh, lambda g, _out, x: g / (1 - x * x), name="atanh", **real)

both = {"promotes": 0, "floats": True}
atan2 = register(  # of (0, 0) the gradient is 0, as PyTorch's
    np.arctan2,
    lambda g, _out, y, x: g * x / _squares(y, x),
    lambda g, _out, y, x: -g * y / _squares(y, x),
    name="atan2",
    **both,
)
hypot = register(
    np.hypot, lambda g, out, x, _y: g * x / out, lambda g, out, _x, y: g * y / out, promotes=0
)
hypot.function = limited(np.hypot, "f")


def _squares(y, x):
    total = y * y + x * x
    return np.where(total == 0, 1.0, total)
