"""Sign, mantissa and exponent of floats, and what is made of them."""

from __future__ import annotations

import numpy as np

from minigrad.ops.elementwise import sigmoid
from minigrad.ops.guards import restrict
from minigrad.primitive import alias, primitive, register

_LN2 = 0.6931471805599453


@primitive(
    lambda g, out, x, _y: g * (np.sign(x) * np.sign(out)),
    lambda g, _out, _x, _y: np.where(False, g, 0.0),
    promotes=0,
    floats=True,
)
def copysign(x, y):
    """|x| with the sign of y."""
    return np.copysign(x, y)


alias(copysign, np.copysign)


@primitive(lambda g, _out, x: g * np.exp2(-exponent(x)))
def mantissa(x):
    """The m of x = m * 2 ** exponent, of size 1/2 to 1."""
    return np.frexp(x)[0]


@primitive(None)
def exponent(x):
    return np.frexp(x)[1]


@primitive(None)
def signbit(x):
    return np.signbit(x) if x.dtype.kind == "f" else x < 0


alias(signbit, np.signbit)
nextafter = register(np.nextafter, None, None, promotes=0)


@primitive(None, None, promotes=0)
def heaviside(x, values):
    """0 below 0, 1 above, ``values`` at 0."""
    return np.where(x == 0, values, x > 0).astype(x.dtype)


alias(heaviside, np.heaviside)
gcd = register(np.gcd, None, None, promotes=0)
lcm = register(np.lcm, None, None, promotes=0)
restrict("f", nextafter)
restrict("iu", gcd, lcm)

logaddexp2 = register(
    np.logaddexp2,
    lambda g, _out, x, y: g * sigmoid((x - y) * _LN2),
    lambda g, _out, x, y: g * sigmoid((y - x) * _LN2),
    promotes=0,
)
restrict("f", logaddexp2)
