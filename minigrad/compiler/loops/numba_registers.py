"""What convolutions in loops call: numbers of float32 side by side in a register.

Needs Numba; only loops import it.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.extending import intrinsic, models, register_model

_intrinsic: Any = intrinsic
_literal_intrinsic: Any = intrinsic(prefer_literal=True)


class Lanes(types.Type):  # type: ignore[misc]
    """Some numbers of float32 in one register."""

    def __init__(self, count: int) -> None:
        self.count = count
        super().__init__(f"Lanes({count})")


@register_model(Lanes)
class LanesModel(models.PrimitiveModel):  # type: ignore[misc]
    """A vector of LLVM's."""

    def __init__(self, manager: Any, lanes: Lanes) -> None:
        super().__init__(manager, lanes, _vector(lanes.count))


def _vector(count: int, item: Any = None) -> Any:
    return ir.VectorType(item or ir.FloatType(), count)


def _number(value: int) -> Any:
    return ir.Constant(ir.IntType(32), value)


def _of_llvm(builder: Any, name: str, result: Any, operands: list[Any]) -> Any:
    """Call a function of LLVM's."""
    module = builder.module
    known = module.globals
    function = known.get(name)
    if function is None:
        kinds = [x.type for x in operands]
        signature = ir.FunctionType(result, kinds)
        function = ir.Function(module, signature, name=name)
    return builder.call(function, operands)


def _place(builder: Any, pointer: Any, i: Any, vector: Any) -> Any:
    """Return the place of a number as that of a register."""
    number = builder.gep(pointer, [i])
    return builder.bitcast(number, vector.as_pointer())


def _mask(count: int, used: int) -> Any:
    bits = [1] * used + [0] * (count - used)
    return ir.Constant(_vector(count, ir.IntType(1)), bits)


def _everywhere(builder: Any, x: Any, n: int) -> Any:
    """Return a register of one number."""
    kind = _vector(n)
    empty = ir.Constant(kind, ir.Undefined)
    zero = _number(0)
    first = builder.insert_element(empty, x, zero)
    places = [0] * n
    return _picked(builder, first, places)


def _picked(builder: Any, x: Any, places: list[int]) -> Any:
    """Return a register of those numbers of another."""
    kind = _vector(len(places), ir.IntType(32))
    mask = ir.Constant(kind, places)
    return builder.shuffle_vector(x, x, mask)


@_literal_intrinsic
def zeros(typing_context: Any, count: Any) -> Any:
    """A register of zeros."""
    lanes = Lanes(count.literal_value)

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        numbers = [0.0] * lanes.count
        return ir.Constant(_vector(lanes.count), numbers)

    return lanes(count), generate


@_literal_intrinsic
def row(typing_context: Any, pointer: Any, i: Any, count: Any, used: Any) -> Any:
    """The numbers from this place on, zeros behind those that are used."""
    n = count.literal_value
    held = used.literal_value

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        vector = _vector(n)
        pointer, first, *_ = args
        place = _place(builder, pointer, first, vector)
        if held == n:
            return builder.load(place, align=4)
        nothing = ir.Constant(vector, [0.0] * n)
        aligned = _number(4)
        mask = _mask(n, held)
        operands = [place, aligned, mask, nothing]
        name = f"llvm.masked.load.v{n}f32.p0"
        return _of_llvm(builder, name, vector, operands)

    return Lanes(n)(pointer, types.int64, count, used), generate


@_literal_intrinsic
def put(typing_context: Any, pointer: Any, i: Any, value: Any, used: Any) -> Any:
    """Write the numbers of a register that are used to this place and those behind it."""
    n = value.count
    held = used.literal_value

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        pointer, first, numbers, _ = args
        place = _place(builder, pointer, first, numbers.type)
        if held == n:
            builder.store(numbers, place, align=4)
        else:
            aligned = _number(4)
            mask = _mask(n, held)
            operands = [numbers, place, aligned, mask]
            nothing = ir.VoidType()
            name = f"llvm.masked.store.v{n}f32.p0"
            _of_llvm(builder, name, nothing, operands)
        return context.get_dummy_value()

    return types.void(pointer, types.int64, value, used), generate


@_intrinsic
def plus_product(typing_context: Any, total: Any, a: Any, b: Any) -> Any:
    """total + a * b, rounded once; b may be one number for all lanes."""
    n = total.count

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        added, x, y = args
        vector = added.type
        if y.type != vector:
            y = _everywhere(builder, y, n)
        name = f"llvm.fma.v{n}f32"
        operands = [x, y, added]
        return _of_llvm(builder, name, vector, operands)

    return total(total, a, b), generate


@_intrinsic
def total_of(typing_context: Any, lanes: Any) -> Any:
    """The sum of a register's numbers: halves are added until one number is left."""

    def generate(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        x = args[0]
        n = lanes.count
        while n > 1:
            places = list(range(n))
            n //= 2
            low = _picked(builder, x, places[:n])
            high = _picked(builder, x, places[n:])
            x = builder.fadd(low, high)
        return builder.extract_element(x, _number(0))

    return types.float32(lanes), generate
