"""What printed loops call: memory by its address, exponentials of one ulp, sums in lanes.

Needs Numba; only loops import it.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit, types
from numba.extending import intrinsic

F = np.float32
_intrinsic: Any = intrinsic
_literal_intrinsic: Any = intrinsic(prefer_literal=True)


def _pointer(kind: Any) -> Any:
    """Return what makes a pointer of an address."""

    @_intrinsic
    def pointer(typing_context: Any, address: Any) -> Any:
        signature = types.CPointer(kind)(types.int64)

        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return builder.inttoptr(args[0], context.get_value_type(signature.return_type))

        return signature, generate

    return pointer


MOST_PLACES = 64  # of a loop that are told apart


def _apart(module: Any, own: int) -> tuple[Any, Any]:
    """Return what says that a place lies in memory of its own: its scope, and all others."""
    domain = module.add_metadata(["minigrad"])
    scopes = [module.add_metadata([f"place {i}", domain]) for i in range(MOST_PLACES)]
    others = scopes[:own] + scopes[own + 1 :]
    return module.add_metadata([scopes[own]]), module.add_metadata(others)


def _say_apart(builder: Any, instruction: Any, number: Any) -> None:
    """Say so of a load or a store: loops are vectorized without a look at the addresses."""
    if number.literal_value >= MOST_PLACES:
        return
    own, others = _apart(builder.module, number.literal_value)
    instruction.set_metadata("alias.scope", own)
    instruction.set_metadata("noalias", others)


@_literal_intrinsic
def load(typing_context: Any, pointer: Any, i: Any, number: Any) -> Any:
    """The number at this place; ``number`` is the place's own."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        raw = builder.load(builder.gep(args[0], [args[1]]))
        _say_apart(builder, raw, number)
        return context.data_model_manager[pointer.dtype].from_data(builder, raw)

    return pointer.dtype(pointer, types.int64, number), generate


@_literal_intrinsic
def store(typing_context: Any, pointer: Any, i: Any, number: Any, value: Any) -> Any:
    """Write a number to this place."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        raw = context.data_model_manager[pointer.dtype].as_data(builder, args[3])
        done = builder.store(raw, builder.gep(args[0], [args[1]]))
        _say_apart(builder, done, number)
        return context.get_dummy_value()

    return types.void(pointer, types.int64, number, pointer.dtype), generate


pointer_float32, pointer_float64 = _pointer(types.float32), _pointer(types.float64)
pointer_int64 = _pointer(types.int64)
pointer_bool, pointer_uint8 = _pointer(types.boolean), _pointer(types.uint8)


def _bits_as(kind: Any, integer: Any) -> Any:
    """Return what reads the bits of a number as those of another kind."""

    @_intrinsic
    def bits(typing_context: Any, value: Any) -> Any:
        def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
            return builder.bitcast(args[0], context.get_value_type(kind))

        return kind(integer), generate

    return bits


as_float32 = _bits_as(types.float32, types.int32)
as_float64 = _bits_as(types.float64, types.int64)
as_int32 = _bits_as(types.int32, types.float32)
as_int64 = _bits_as(types.int64, types.float64)
function: Any = njit(error_model="numpy", fastmath={"contract"}, forceinline=True, cache=True)
_in_any_order: Any = njit(fastmath={"reassoc", "nsz"}, cache=True)


@function
def power32(k: Any) -> Any:
    """2.0**k, by its bits."""
    return as_float32(np.int32((k + np.int32(127)) << np.int32(23)))


@function
def power64(k: Any) -> Any:
    """2.0**k, by its bits."""
    return as_float64(np.int64((k + 1023) << 52))


@function
def scaled32(p: Any, n: Any) -> Any:
    """p 2**n in two factors: denormal numbers, and infinity."""
    k = np.int32(n)
    half = k >> np.int32(1)
    p = p * power32(half)
    return p * power32(k - half)


@function
def scaled64(p: Any, n: Any) -> Any:
    """p 2**n in two factors."""
    k = np.int64(n)
    half = k >> 1
    return p * power64(half) * power64(k - half)


@function
def expm1_near32(r: Any) -> Any:
    """exp(r) - 1 of |r| <= log(2)/2, by Cephes' polynomial."""
    p = F(1.9875691500e-4) * r + F(1.3981999507e-3)
    p = p * r + F(8.3334519073e-3)
    p = p * r + F(4.1665795894e-2)
    p = p * r + F(1.6666665459e-1)
    p = p * r + F(5.0000001201e-1)
    return p * r * r + r


@function
def expm1_near64(r: Any) -> Any:
    """exp(r) - 1 of |r| <= log(2)/2, by Cephes' rational function."""
    square = r * r
    p = (1.26177193074810590878e-4 * square + 3.02994407707441961300e-2) * square + 1.0
    q = (3.00198505138664455042e-6 * square + 2.52448340349684104192e-3) * square
    q = (q + 2.27265548208155028766e-1) * square + 2.0
    p = r * p
    return 2.0 * p / (q - p)


@function
def exp32(x: Any) -> Any:
    """exp(x) in lanes: libm's is called number by number, which takes six times."""
    held = max(x, F(-104.0))
    held = min(held, F(89.0))
    n = np.floor(held * F(1.44269504088896341) + F(0.5))
    r = held - n * F(0.693359375)
    r = r - n * F(-2.12194440e-4)
    p = scaled32(expm1_near32(r) + F(1.0), n)
    return p if x == x else x


@function
def exp64(x: Any) -> Any:
    """exp(x) in lanes."""
    held = min(max(x, -746.0), 710.0)
    n = np.floor(held * 1.4426950408889634073599 + 0.5)
    r = held - n * 6.93145751953125e-1 - n * 1.42860682030941723212e-6
    p = scaled64(expm1_near64(r) + 1.0, n)
    return p if x == x else x


@function
def log32(x: Any) -> Any:
    """log(x) by Cephes' polynomial."""
    tiny = x < F(1.17549435e-38)
    scaled = x * F(8388608.0) if tiny else x
    bits = as_int32(scaled)
    e = np.float32((bits >> np.int32(23)) - np.int32(126))
    e = e - F(23.0) if tiny else e
    m = as_float32((bits & np.int32(0x7FFFFF)) | np.int32(0x3F000000))  # in [0.5, 1)
    low = m < F(0.707106781186547524)
    e = e - F(1.0) if low else e
    r = (m + m if low else m) - F(1.0)
    square = r * r
    p = F(7.0376836292e-2) * r + F(-1.1514610310e-1)
    p = p * r + F(1.1676998740e-1)
    p = p * r + F(-1.2420140846e-1)
    p = p * r + F(1.4249322787e-1)
    p = p * r + F(-1.6668057665e-1)
    p = p * r + F(2.0000714765e-1)
    p = p * r + F(-2.4999993993e-1)
    p = p * r + F(3.3333331174e-1)
    p = p * r * square
    p = p + F(-2.12194440e-4) * e
    p = p - F(0.5) * square
    result = r + p
    result = result + F(0.693359375) * e
    result = result if x < F(np.inf) else x  # inf, and nan
    result = F(-np.inf) if x == F(0.0) else result
    return F(np.nan) if x < F(0.0) else result


@function
def log64(x: Any) -> Any:
    """log(x) by Cephes' rational function."""
    tiny = x < 2.2250738585072014e-308
    scaled = x * 18014398509481984.0 if tiny else x
    bits = as_int64(scaled)
    e = np.float64((bits >> 52) - 1022)
    e = e - 54.0 if tiny else e
    m = as_float64((bits & 0xFFFFFFFFFFFFF) | 0x3FE0000000000000)
    low = m < 0.70710678118654752440
    e = e - 1.0 if low else e
    r = (m + m if low else m) - 1.0
    square = r * r
    p = 1.01875663804580931796e-4 * r + 4.97494994976747001425e-1
    p = p * r + 4.70579119878881725854
    p = p * r + 1.44989225341610930846e1
    p = p * r + 1.79368678507819816313e1
    p = p * r + 7.70838733755885391666
    q = r + 1.12873587189167450590e1
    q = q * r + 4.52279145837532221105e1
    q = q * r + 8.29875266912776603211e1
    q = q * r + 7.11544750618563894466e1
    q = q * r + 2.31251620126765340583e1
    y = r * (square * p / q)
    y = y - e * 2.121944400546905827679e-4
    y = y - 0.5 * square
    result = r + y
    result = result + e * 0.693359375
    result = result if x < np.inf else x
    result = -np.inf if x == 0.0 else result
    return np.nan if x < 0.0 else result


@function
def tanh32(x: Any) -> Any:
    """tanh(x), by Cephes' polynomial near 0 and by an exponential beyond."""
    size = abs(x)
    square = x * x
    p = F(-5.70498872745e-3) * square + F(2.06390887954e-2)
    p = p * square + F(-5.37397155531e-2)
    p = p * square + F(1.33314422036e-1)
    p = p * square + F(-3.33332819422e-1)
    near = p * square * size + size
    far = F(1.0) - F(2.0) / (exp32(size + size) + F(1.0))
    result = near if size < F(0.625) else far
    sign = as_int32(x) & np.int32(-2147483648)
    result = as_float32(as_int32(result) | sign)
    return result if x == x else x


@function
def tanh64(x: Any) -> Any:
    """tanh(x), by Cephes' rational function near 0 and by an exponential beyond."""
    size = abs(x)
    square = x * x
    p = -9.64399179425052238628e-1 * square - 9.92877231001918586564e1
    p = p * square - 1.61468768441708447952e3
    q = (square + 1.12811678491632931402e2) * square + 2.23548839060100448583e3
    q = q * square + 4.84406305325125486048e3
    near = size * (square * (p / q)) + size
    far = 1.0 - 2.0 / (exp64(size + size) + 1.0)
    result = near if size < 0.625 else far
    return math.copysign(result, x) if x == x else x


@_in_any_order
def plus(a: Any, b: Any) -> Any:
    """a + b of a sum, whose order is free: then it runs in lanes."""
    return a + b


# ---- the largest of many ----------------------------------------------------------------------
@function
def larger(a: Any, b: Any) -> Any:
    """The larger of two numbers, NaN where one is."""
    return a if a >= b or a != a else b


@function
def smaller(a: Any, b: Any) -> Any:
    """The smaller of two numbers, NaN where one is."""
    return a if a <= b or a != a else b


@function
def _ordered32(x: Any) -> Any:
    """An integer: those of two numbers are ordered as the numbers are."""
    bits = np.int32(as_int32(x))
    return np.int32(bits ^ ((bits >> np.int32(31)) & np.int32(0x7FFFFFFF)))


@function
def _ordered64(x: Any) -> Any:
    """An integer: those of two numbers are ordered as the numbers are."""
    bits = as_int64(x)
    return bits ^ ((bits >> 63) & 0x7FFFFFFFFFFFFFFF)


@function
def high32(x: Any) -> Any:
    """The same, NaN the largest."""
    return _ordered32(x) if x == x else np.int32(0x7FC00000)


@function
def high64(x: Any) -> Any:
    """The same, NaN the largest."""
    return _ordered64(x) if x == x else np.int64(0x7FF8000000000000)


@function
def low32(x: Any) -> Any:
    """The same, NaN the smallest."""
    return _ordered32(x) if x == x else np.int32(-0x7FC00001)


@function
def low64(x: Any) -> Any:
    """The same, NaN the smallest."""
    return _ordered64(x) if x == x else np.int64(-0x7FF8000000000001)


@function
def number32(k: Any) -> Any:
    """The number of such an integer."""
    return as_float32(np.int32(k ^ ((k >> np.int32(31)) & np.int32(0x7FFFFFFF))))


@function
def number64(k: Any) -> Any:
    """The number of such an integer."""
    return as_float64(k ^ ((k >> 63) & 0x7FFFFFFFFFFFFFFF))
