"""What printed loops call for the error functions, and for exponentials and logarithms near 0.

Near 0 erf(x) is x times a polynomial in x². Beyond, erfc(x) is exp(-x²)/(1 + 2x) times a
polynomial in (x - c)/(x + c). They were fitted at Chebyshev's points. Nothing branches, so all of
it runs in lanes.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad.compiler.loops.numba_functions import (
    F,
    as_float32,
    as_float64,
    as_int32,
    as_int64,
    exp32,
    exp64,
    expm1_near32,
    expm1_near64,
    function,
    larger,
    log32,
    log64,
    power32,
    power64,
    scaled32,
    scaled64,
)


@function
def _series32(x: Any) -> Any:
    """erf(x) of |x| < 0.5."""
    square = x * x
    p = F(-7.69505667e-4) * square + F(5.20044640e-3)
    p = p * square + F(-2.68631502e-2)
    p = p * square + F(1.12837741e-1)
    p = p * square + F(-3.76126385e-1)
    p = p * square + F(1.28379167e-1)
    return x * p + x


@function
def _series64(x: Any) -> Any:
    """erf(x) of |x| < 0.5."""
    square = x * x
    p = 1.32147061833586178e-8 * square - 1.627317976393267e-7
    p = p * square + 1.6459036506004842e-6
    p = p * square - 1.49255866241962848e-5
    p = p * square + 1.20553321323156178e-4
    p = p * square - 8.54832701617170404e-4
    p = p * square + 5.22397762540327656e-3
    p = p * square - 2.68661706451300378e-2
    p = p * square + 1.12837916709551238e-1
    p = p * square - 3.76126389031837525e-1
    p = p * square + 1.28379167095512574e-1
    return x * p + x


@function
def _cut32(x: Any) -> Any:
    """Half of the digits: products of such are exact."""
    return as_float32(as_int32(x) & np.int32(-4096))


@function
def _tail32(x: Any) -> Any:
    """erfc(x) of x >= 0.5."""
    held = min(x, F(10.25))  # where it is 0
    twice = held + held
    below = twice + F(1.0)
    scale = _cut32(F(1.0) / below)
    coarse = _cut32(below)
    apart = F(1.0) - scale * coarse - scale * (below - coarse)
    apart = apart - scale * (F(1.0) - (below - twice))  # where the sum was rounded
    apart = apart * apart + apart
    q = (held - F(2.0)) / (held + F(2.0))
    p = F(-2.1266291e-4) * q + F(-1.2792356e-3)
    p = p * q + F(1.136933e-3)
    p = p * q + F(8.670874e-3)
    p = p * q + F(-8.003358e-3)
    p = p * q + F(-5.4214656e-2)
    p = p * q + F(1.6404854e-1)
    p = p * q + F(-1.6603045e-1)
    p = p * q + F(-9.276376e-2)
    p = p * q + F(1.2769784)

    coarse = _cut32(held)
    square = coarse * coarse
    rest = (held - coarse) * (held + coarse)
    n = np.floor(F(0.5) - (square + rest) * F(1.44269504088896341))
    r = -square - n * F(0.693359375)
    r = r - n * F(-2.12194440e-4) - rest
    more = expm1_near32(r)
    more = more + (more * apart + apart)
    return scaled32((p + p * more) * scale, n)


@function
def _cut64(x: Any) -> Any:
    """Half of the digits: products of such are exact."""
    return as_float64(as_int64(x) & -134217728)


@function
def _tail64(x: Any) -> Any:
    """erfc(x) of x >= 0.5."""
    held = min(x, 27.5)  # where it is 0
    twice = held + held
    below = twice + 1.0
    scale = _cut64(1.0 / below)
    coarse = _cut64(below)
    apart = 1.0 - scale * coarse - scale * (below - coarse)
    apart = apart - scale * (1.0 - (below - twice))  # where the sum was rounded
    apart = apart * apart + apart
    q = (held - 3.0) / (held + 3.0)
    p = 8.282759748547219e-9 * q + 7.177758409777466e-8
    p = p * q - 8.346606623827907e-8
    p = p * q - 5.854304025020697e-7
    p = p * q + 3.023482701013024e-7
    p = p * q + 3.4539721317040094e-6
    p = p * q - 7.008931571622298e-7
    p = p * q - 2.0093838185943662e-5
    p = p * q + 4.938700425252503e-6
    p = p * q + 1.250977913435752e-4
    p = p * q - 1.0515740006829607e-4
    p = p * q - 7.79832042846371e-4
    p = p * q + 1.8886900297601966e-3
    p = p * q + 2.529391795479178e-3
    p = p * q - 2.377051489242428e-2
    p = p * q + 6.830802734502239e-2
    p = p * q - 1.1927366341637562e-1
    p = p * q + 1.2964515870273538e-1
    p = p * q - 4.756229435343384e-2
    p = p * q - 1.3562110612458098e-1
    p = p * q + 1.2530080582697296

    coarse = _cut64(held)
    square = coarse * coarse
    rest = (held - coarse) * (held + coarse)
    n = np.floor(0.5 - (square + rest) * 1.4426950408889634073599)
    r = -square - n * 6.93145751953125e-1
    r = r - n * 1.42860682030941723212e-6 - rest
    more = expm1_near64(r)
    more = more + (more * apart + apart)
    return scaled64((p + p * more) * scale, n)


BORDER32, BORDER64 = F(0.5), 0.5
ONE, TWO = F(1.0), F(2.0)
SIGN = np.int32(-2147483648)


@function
def erf32(x: Any) -> Any:
    """The error function."""
    size = abs(x)
    near = _series32(x)
    tail = _tail32(size)
    far = as_int32(ONE - tail)
    bits = as_int32(x)
    sign = bits & SIGN
    far = as_float32(far | sign)
    is_near = size < BORDER32
    result = near if is_near else far
    return result if x == x else x


@function
def erf64(x: Any) -> Any:
    """The error function."""
    size = abs(x)
    near = _series64(x)
    tail = _tail64(size)
    far = 1.0 - tail
    far = math.copysign(far, x)
    is_near = size < BORDER64
    result = near if is_near else far
    return result if x == x else x


@function
def erfc32(x: Any) -> Any:
    """1 - erf(x), with all its digits where that is tiny."""
    size = abs(x)
    near = ONE - _series32(x)
    tail = _tail32(size)
    mirrored = TWO - tail
    is_below = x < F(0.0)
    far = mirrored if is_below else tail
    is_near = size < BORDER32
    result = near if is_near else far
    return result if x == x else x


@function
def erfc64(x: Any) -> Any:
    """1 - erf(x), with all its digits where that is tiny."""
    size = abs(x)
    near = 1.0 - _series64(x)
    tail = _tail64(size)
    mirrored = 2.0 - tail
    is_below = x < 0.0
    far = mirrored if is_below else tail
    is_near = size < BORDER64
    result = near if is_near else far
    return result if x == x else x


# ---- near 0 -----------------------------------------------------------------------------------
@function
def expm132(x: Any) -> Any:
    """exp(x) - 1, with all its digits where that is tiny."""
    held = max(x, F(-18.0))
    held = min(held, F(89.0))
    n = np.floor(held * F(1.44269504088896341) + F(0.5))
    r = held - n * F(0.693359375)
    r = r - n * F(-2.12194440e-4)
    k = np.int32(n)
    few: Any = min(k, np.int32(64))
    near = expm1_near32(r)
    down = power32(-few)
    p = near + (ONE - down)
    result = scaled32(p, n)
    is_number = (x < F(0.0)) | (x > F(0.0))
    return result if is_number else x


@function
def expm164(x: Any) -> Any:
    """exp(x) - 1, with all its digits where that is tiny."""
    held = min(max(x, -40.0), 710.0)
    n = np.floor(held * 1.4426950408889634073599 + 0.5)
    r = held - n * 6.93145751953125e-1
    r = r - n * 1.42860682030941723212e-6
    k = np.int64(n)
    few: Any = min(k, 64)
    near = expm1_near64(r)
    down = power64(-few)
    p = near + (1.0 - down)
    result = scaled64(p, n)
    is_number = (x < 0.0) | (x > 0.0)
    return result if is_number else x


@function
def log1p32(x: Any) -> Any:
    """log(1 + x), with all its digits where that is tiny."""
    y = ONE + x
    added = y - ONE
    lost = x - added  # in rounding the sum
    near = log32(y)
    rest = lost / y
    result = near + rest
    is_zero = x == F(0.0)
    result = x if is_zero else result
    is_end = (x <= F(-1.0)) | (x == F(np.inf))
    return near if is_end else result


@function
def log1p64(x: Any) -> Any:
    """log(1 + x), with all its digits where that is tiny."""
    y = 1.0 + x
    added = y - 1.0
    lost = x - added  # in rounding the sum
    near = log64(y)
    rest = lost / y
    result = near + rest
    is_zero = x == 0.0
    result = x if is_zero else result
    is_end = (x <= -1.0) | (x == np.inf)
    return near if is_end else result


@function
def logaddexp32(a: Any, b: Any) -> Any:
    """log(exp(a) + exp(b))."""
    apart = a - b
    top = larger(a, b)
    size = abs(apart)
    small = exp32(-size)
    more = log1p32(small)
    result = top + more
    is_number = apart == apart  # else a or b is none, or both are the same infinity
    return result if is_number else a + b


@function
def logaddexp64(a: Any, b: Any) -> Any:
    """log(exp(a) + exp(b))."""
    apart = a - b
    top = larger(a, b)
    size = abs(apart)
    small = exp64(-size)
    more = log1p64(small)
    result = top + more
    is_number = apart == apart  # else a or b is none, or both are the same infinity
    return result if is_number else a + b
