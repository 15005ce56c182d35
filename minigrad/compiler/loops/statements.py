"""Calls as the statements of a loop: a formula of numbers at one place, or a sum along axes."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from minigrad.compiler.planning.buffers import place_is_c
from minigrad.compiler.program import CONSTANT, Call, Place
from minigrad.ops import elementwise, special

_ndarray = np.ndarray
_BOOL = np.dtype(bool)


def _noted(primitive: Any) -> Any:
    """Return the function that a primitive is written down as."""
    return primitive.function.__wrapped__


PRODUCTS = (np.dot, _ndarray.dot, np.matmul)
FORMULAS = {
    np.add: "{0} + {1}", np.subtract: "{0} - {1}", np.multiply: "{0} * {1}",
    np.divide: "{0} / {1}", np.negative: "-{0}", np.reciprocal: "{one} / {0}",
    np.square: "{0} * {0}", np.sqrt: "np.sqrt({0})", np.exp: "exp{bits}({0})",
    np.expm1: "expm1{bits}({0})", np.log1p: "log1p{bits}({0})",
    np.logaddexp: "logaddexp{bits}({0}, {1})",
    np.sign: "{one} if {0} > {zero} else -{one} if {0} < {zero} else {0} + {zero}",
    np.isfinite: "{0} - {0} == {zero}", np.isnan: "{0} != {0}",
    np.bitwise_or: "{0} or {1}", np.bitwise_and: "{0} and {1}",
    np.bitwise_xor: "{0} != {1}", np.invert: "not {0}",
    np.log: "log{bits}({0})", np.tanh: "tanh{bits}({0})",
    np.absolute: "abs({0})",
    np.maximum: "{0} if {0} >= {1} or {0} != {0} else {1}",
    np.minimum: "{0} if {0} <= {1} or {0} != {0} else {1}",
    np.less: "{0} < {1}", np.less_equal: "{0} <= {1}", np.greater: "{0} > {1}",
    np.greater_equal: "{0} >= {1}", np.equal: "{0} == {1}", np.not_equal: "{0} != {1}",
    np.logical_not: "not {0}", np.logical_and: "{0} and {1}", np.logical_or: "{0} or {1}",
    np.copy: "{0}", _ndarray.copy: "{0}", np.where: "{1} if {0} else {2}",
    _noted(elementwise.masked): "{0} if {1} else {zero}",
    _noted(special.erf): "erf{bits}({0})",
    _noted(special.erfc): "erfc{bits}({0})",
}  # fmt: skip
OF_BOOLS = {
    np.logical_not, np.logical_and, np.logical_or, np.copy, _ndarray.copy,
    np.bitwise_or, np.bitwise_and, np.bitwise_xor, np.invert,
}  # fmt: skip
CUBE = "{0} * {0} * {0}"
AS_NUMBER = "{one} if {0} else {zero}"
CLIPS = {  # by which bounds there are
    (True, True): "{2} if {0} > {2} else {1} if {0} < {1} else {0}",
    (True, False): "{1} if {0} < {1} else {0}", (False, True): "{1} if {0} > {1} else {0}",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Fold:
    """How the numbers along axes become one: what it begins with, and how the next is taken in.

    Where it is no sum, a register holds ``code`` of the numbers, integers that are ordered alike,
    and ``number`` leads back: a maximum of integers runs in lanes, and NaN is the largest.
    """

    start: float = 0.0
    pair: str = "{0} + {1}"  # of numbers in memory
    register: str = "plus({0}, {1})"
    code: str = "{0}"
    number: str = "{0}"


SUM = Fold()
PICK = Fold(  # of zeros and one number
    pair="as_float{bits}(as_int{bits}({0}) | as_int{bits}({1}))",
    register="{0} | {1}",
    code="as_int{bits}({0})",
    number="as_float{bits}({0})",
)
FOLDS = {  # and what NumPy begins with
    np.maximum.reduce: (-math.inf, ("larger({0}, {1})", "max({0}, {1})",
                                    "high{bits}({0})", "number{bits}({0})")),
    np.minimum.reduce: (math.inf, ("smaller({0}, {1})", "min({0}, {1})",
                                   "low{bits}({0})", "number{bits}({0})")),
}  # fmt: skip


@dataclass(slots=True, eq=False)
class Statement:
    """A call as a loop writes it."""

    calls: tuple[Call, ...]  # one, or sums of sums
    target: Place
    operands: tuple[Any, ...]
    formula: str
    shape: tuple[int, ...]
    summed: tuple[int, ...] = ()  # the axes along which the formula is added up
    fold: Fold = SUM  # or what is done there instead

    def places(self) -> Iterator[Place]:
        """Yield the places it reads."""
        yield from (x for x in self.operands if isinstance(x, Place))

    @property
    def call(self) -> Call:
        """The call that gives the result."""
        return self.calls[-1]

    @property
    def dtype(self) -> np.dtype[Any]:
        """What it computes in."""
        floats = [p.dtype for p in self.places() if p.dtype.kind == "f"]
        return floats[0] if floats else self.target.dtype


def statement(call: Call) -> Statement | None:
    """Return a call as a statement, None where it is not one that loops can do."""
    if call.is_guard or call.is_draw or call.request is not None:
        return None
    target = _target(call)
    if target is None:
        return None
    result = _sum(call, target) or _map(call, target)
    if result is None:
        return None
    simple = all(map(_is_simple, (target, *result.places())))
    return result if simple else None


def _target(call: Call) -> Place | None:
    """Return where a call writes its one result."""
    if isinstance(call.results, Place) and not call.writes:
        return call.results
    if len(call.writes) != 1 or call.kwargs.get("where", True) is not True:
        return None
    target = call.writes[0]
    covers = call.overwrites or (isinstance(call.function, np.ufunc) and _covers(target))
    return target if covers else None


def _covers(place: Place) -> bool:
    """Whether a place is all of a memory in C order, in another shape perhaps."""
    memory = place.memory
    whole = memory.place
    same = place.dtype == memory.dtype and math.prod(place.shape) == math.prod(memory.shape)
    return same and place_is_c(place) and place_is_c(whole)


Formula = tuple[str, tuple[Any, ...]]  # "" where there is none, and its operands


def _formula(call: Call) -> Formula:
    """Return the formula of a call."""
    function = call.function
    operands = tuple(x for x in call.args if x is not None)
    if function is np.clip:
        return _clip(call, operands)
    if function == _ndarray.astype:
        x = operands[0]
        return (AS_NUMBER if x.dtype == _BOOL else ""), (x,)
    if function is np.power and number_of(operands[1]) == 3:
        return CUBE, operands[:1]
    return FORMULAS.get(function, ""), operands


def _clip(call: Call, operands: tuple[Any, ...]) -> Formula:
    """Return the formula of a number that is held between two."""
    if len(operands) != 3 or call.kwargs:
        return "", ()
    x, *bounds = operands
    if not all(type(bound) in (int, float) for bound in bounds):
        return "", ()
    low, high = bounds
    finite = low > -math.inf, high < math.inf
    formula = CLIPS.get(finite, "") if low <= high else ""
    limits = itertools.compress(bounds, finite)
    return formula, (x, *limits)


def number_of(x: Any) -> float:
    """Return a plain number, or that of a constant; NaN of all else."""
    if type(x) in (int, float):
        return float(x)
    if not isinstance(x, Place):
        return math.nan
    memory = x.memory
    if memory.kind != CONSTANT or memory.shape:
        return math.nan
    return float(memory.array)


def _map(call: Call, target: Place) -> Statement | None:
    formula, operands = _formula(call)
    if not formula or call.kwargs.keys() - {"out", "order"}:
        return None
    places = [x for x in operands if isinstance(x, Place)]
    numbers = [x for x in operands if not isinstance(x, Place)]
    if not all(type(x) in (int, float, bool) for x in numbers):
        return None
    dtypes = {x.dtype for x in places} - {_BOOL}
    if formula == AS_NUMBER:
        dtypes = {target.dtype}
    if len(dtypes) > 1 or target.dtype not in (*dtypes, _BOOL):
        return None
    if not dtypes and (numbers or call.function not in OF_BOOLS):
        return None
    shape = np.broadcast_shapes(*(x.shape for x in (target, *places)))
    if shape != target.shape:
        return None
    return Statement((call,), target, operands, formula, shape)


def _sum(call: Call, target: Place) -> Statement | None:
    """Return a sum along axes."""
    added = _reduced(call) or _multiplied_by_ones(call) or _inner(call)
    if added is None:
        return None
    operands, axes = added
    dtypes = {x.dtype for x in operands}
    if not axes or dtypes != {target.dtype}:
        return None
    formula = "{0} * {1}" if len(operands) == 2 else "{0}"
    shape = operands[0].shape
    return Statement((call,), target, operands, formula, shape, axes, _fold(call))


Summed = tuple[tuple[Place, ...], tuple[int, ...]]  # what is multiplied, and added up along


def _fold(call: Call) -> Fold:
    """Return what a call does along axes."""
    if call.function not in FOLDS:
        return SUM
    start, texts = FOLDS[call.function]
    start = call.kwargs.get("initial", start)
    return Fold(start, *texts)


def _reduced(call: Call) -> Summed | None:
    known = {"axis", "keepdims", "out"}
    if call.function in FOLDS:
        known.add("initial")
        if type(call.kwargs.get("initial", 0.0)) not in (int, float):
            return None
    elif call.function != np.add.reduce:
        return None
    if call.kwargs.keys() - known:
        return None
    source, axis = call.args[0], call.kwargs.get("axis", 0)
    n = len(source.shape)
    if axis is None:
        return (source,), tuple(range(n))
    axes = axis if isinstance(axis, tuple) else (axis,)
    return (source,), tuple(i % n for i in axes)


def _multiplied_by_ones(call: Call) -> Summed | None:
    """Return what is added up by a product with ones."""
    if call.function not in PRODUCTS or len(call.args) != 2:
        return None
    x, y = call.args
    if not (isinstance(x, Place) and isinstance(y, Place)):
        return None
    n, m = len(x.shape), len(y.shape)
    adds_rows = m >= 2 and (n == 1 or m == 2)
    if adds_rows and _is_ones(x):
        return (y,), (m - 2,)
    adds_columns = n >= 2 and m == 1
    if adds_columns and _is_ones(y):
        return (x,), (n - 1,)
    return None


def _inner(call: Call) -> Summed | None:
    """Return what inner products of rows add up."""
    if call.function is not np.vecdot or call.kwargs:
        return None
    x, y = call.args
    if not (isinstance(x, Place) and isinstance(y, Place)) or x.shape != y.shape:
        return None
    return (x, y), (len(x.shape) - 1,)


def _is_ones(x: Place) -> bool:
    if x.memory.kind != CONSTANT:
        return False
    n = math.prod(x.shape)
    is_row = n != 1 and x.shape[-1:] == (n,)
    return is_row and bool((x.memory.array == 1).all())


def _is_simple(place: Place) -> bool:
    """Whether a place can be read with whole steps forwards."""
    if place.dtype.char not in "fd?":
        return False
    size = place.dtype.itemsize
    return all(n >= 0 and n % size == 0 for n in (place.offset, *place.strides))


def steps_over(place: Place, shape: tuple[int, ...]) -> tuple[int, ...]:
    """Return how many numbers lie between neighbours along each axis of a shape."""
    size = place.dtype.itemsize
    lead = len(shape) - len(place.shape)
    steps = [0] * lead
    axes = zip(place.shape, place.strides, strict=True)
    for n, stride in axes:
        steps.append(0 if n == 1 else stride // size)
    return tuple(steps)
