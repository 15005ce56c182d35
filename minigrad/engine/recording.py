"""Recording: run a primitive, and link its result to its operands where one of them wants gradients.

The hottest path of the library. ``one`` and ``two`` write it out for one and for two operands, which
is what most operations have; ``many`` takes any number.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.dtypes import category, get_default_dtype, promoted
from minigrad.engine.graph import ABSENT, Constant, Given, Node, constant
from minigrad.modes import MODES, RESULTS
from minigrad.primitive import Primitive
from minigrad.storage import tick

_ndarray = np.ndarray
_new = object.__new__
_NONE: dict[str, Any] = {}
_NOTHING_OF_ONE, _NOTHING_OF_TWO = (None,) * 2, (None,) * 3  # one for all nodes: less for Python's collector


class Recorded:
    """What recording needs of a tensor; Tensor derives from it."""

    _plain: type  # the class of results, whatever subclass an operand has: Tensor
    _data: Any
    _node: Node | None = None  # how it came about; None where no gradient is asked
    _constant: Node | None = None  # stands for it in graphs that only read it
    _inference = False  # made inside inference_mode
    _origin: Any = None  # how it left the graph; only inside autograd.record_lines
    _link_view: Any  # views.link: one() for a primitive whose result looks at its operand's memory
    _stale: type  # the class of a view whose base has a new value
    _view: Any = None  # how it came about, where it is a view of another tensor
    _views: Any = None  # weak references to its views
    _shared = False  # others may look at its memory whom the graph does not know
    _outside = False  # a view made where nothing was recorded, of a tensor that requires grad

    @staticmethod
    def _wrap(array: Any, requires_grad: bool = False) -> Any:
        """Return a tensor on the memory of an array, of the array's dtype."""
        if type(array) is not _ndarray and isinstance(array, (np.ndarray, np.generic)):
            array = np.asarray(array)
        category(array.dtype)
        result: Any = _new(Recorded._plain)
        result._data = array
        if MODES.inference:
            result._inference = True
        return result.requires_grad_() if requires_grad else result

    @staticmethod
    def __record__(primitive: Primitive, operands: tuple[Any, ...], params: dict[str, Any]) -> Any:
        """Run the primitive on operands that Primitive.__call__ was given."""
        if len(operands) == 1:
            if primitive.views:
                return Recorded._link_view(primitive, operands[0], params)
            return one(primitive, operands[0], params)
        if len(operands) == 2:
            return two(primitive, operands[0], operands[1], params)
        return many(primitive, operands, params)


def one(primitive: Primitive, x: Any, params: dict[str, Any] = _NONE) -> Any:
    """Run and record a primitive of one operand."""
    a = x._data
    if primitive.floats and a.dtype.kind != "f":
        a = a.astype(get_default_dtype())
    try:
        out = primitive.function(a, **params) if params else primitive.function(a)
    except _FAILURES as error:
        out = _again(primitive, [a], params, error)
    if type(out) is not _ndarray and isinstance(out, np.generic):
        out = np.asarray(out)
    result: Any = _new(Recorded._plain)
    result._data = out
    home = x._node
    if home is not None and primitive.differentiable and MODES.grad_enabled:
        kept = primitive.kept.get(1) or primitive.keeps(1, 1)
        result._node = node = _new(Node)
        node.primitive = primitive
        node.first, node.second, node.many = home, ABSENT, None
        node.saved = (out if kept[0] else None, a if kept[1] else None) if primitive.saves else _NOTHING_OF_ONE
        node.params = params
        shape = out.shape
        node.shape = home.shape if home.shape == shape else shape
        node.dtype = out.dtype
        node.scope = MODES.scope
        node.sequence = tick()
    elif RESULTS.looked_at:
        _look(result, primitive, (x,), params)
    return result


def two(primitive: Primitive, x: Any, y: Any, params: dict[str, Any] = _NONE) -> Any:
    """Run and record a primitive of two operands, of which at least one is a tensor."""
    a, home_a = (x._data, x._node) if isinstance(x, Recorded) else (_operand(x, primitive), None)
    b, home_b = (y._data, y._node) if isinstance(y, Recorded) else (_operand(y, primitive), None)
    if primitive.adapts and not _fit(a, b):
        a, b = adapted(primitive, [a, b])
    try:
        out = primitive.function(a, b, **params) if params else primitive.function(a, b)
    except _FAILURES as error:
        out = _again(primitive, [a, b], params, error)
    if type(out) is not _ndarray and isinstance(out, np.generic):
        out = np.asarray(out)
    result: Any = _new(Recorded._plain)
    result._data = out
    if (home_a is not None or home_b is not None) and primitive.differentiable and MODES.grad_enabled:
        wanted = (home_a is not None) + 2 * (home_b is not None)
        kept = primitive.kept.get(wanted) or primitive.keeps(wanted, 2)
        if home_a is None:
            home_a = source(x, kept[1])
        elif home_b is None:
            home_b = source(y, kept[2])
        result._node = node = _new(Node)
        node.first, node.second, node.many = home_a, home_b, None
        node.saved = _NOTHING_OF_TWO if not primitive.saves and home_a and home_b else (
            out if kept[0] else None,
            a if kept[1] or home_a is None else None,
            b if kept[2] or home_b is None else None,
        )  # fmt: skip
        node.primitive, node.params = primitive, params
        shape = out.shape
        node.shape = home_a.shape if home_a is not None and home_a.shape == shape else shape
        node.dtype, node.scope = out.dtype, MODES.scope
        node.sequence = tick()  # after source: inputs are always older
    elif RESULTS.looked_at:
        _look(result, primitive, (x, y), params)
    return result


def many(primitive: Primitive, operands: tuple[Any, ...], params: dict[str, Any] = _NONE) -> Any:
    """Run and record a primitive of any number of operands."""
    values, homes, wanted, bit = [], [], 0, 1
    for x in operands:
        home = None
        if isinstance(x, Recorded):
            value, home = x._data, x._node
            if home is not None:
                wanted |= bit
        else:
            value = _operand(x, primitive)
        values.append(value)
        homes.append(home)
        bit += bit
    if primitive.adapts and not _all_fit(values):
        values = adapted(primitive, values)
    try:
        out = primitive.function(*values, **params)
    except _FAILURES as error:
        out = _again(primitive, values, params, error)
    if type(out) is not _ndarray and isinstance(out, np.generic):
        out = np.asarray(out)
    result: Any = _new(Recorded._plain)
    result._data = out
    if wanted and primitive.differentiable and MODES.grad_enabled:
        kept = primitive.kept.get(wanted) or primitive.keeps(wanted, len(operands))
        held = [out if kept[0] else None]
        for i, home in enumerate(homes):
            if home is None:
                homes[i] = home = source(operands[i], kept[i + 1])
            held.append(values[i] if kept[i + 1] or home is None else None)
        result._node = node = _new(Node)
        node.inputs, node.saved = tuple(homes), tuple(held)
        node.primitive, node.params = primitive, params
        node.shape, node.dtype, node.scope = out.shape, out.dtype, MODES.scope
        node.sequence = tick()
    elif RESULTS.looked_at:
        _look(result, primitive, operands, params)
    return result


def attach(primitive: Primitive, out: Any, operands: tuple[Any, ...], params: dict[str, Any]) -> Node:
    """Return the node of a result that is there already; for primitives whose rules read no values."""
    node = _new(Node)
    node.inputs = tuple(map(source, operands))
    node.saved = (None,) * (len(operands) + 1)
    node.primitive, node.params = primitive, params
    node.shape, node.dtype, node.scope = out.shape, out.dtype, MODES.scope
    node.sequence = tick()
    return node


# NumPy warns nobody of what happens here (silence.py). Where the user's error state makes it an error, it is computed
# again, silently: an errstate would cost every call.
_FAILURES = (FloatingPointError, OverflowError, ValueError, TypeError)


def _again(primitive: Primitive, values: list[Any], params: dict[str, Any], error: Exception) -> Any:
    """Compute without warnings, with numbers beyond an integer dtype wrapped around; or say in PyTorch's words why not."""
    if isinstance(error, (ValueError, TypeError)):
        raise _shape_error(primitive, values, error) from None
    whole = next((v.dtype for v in values if hasattr(v, "dtype") and v.dtype.kind in "iu"), None)
    if whole is not None:
        values = [np.array(v, np.int64).astype(whole) if type(v) is int else v for v in values]
    with np.errstate(all="ignore"):
        return primitive.function(*values, **params)


def source(x: Any, kept: bool = False) -> Node | None:
    """Return the node an operand stands for; one for each constant tensor, however often used.

    ``kept`` tells whether its value is saved for backward, which is refused to inference tensors.
    """
    if not isinstance(x, Recorded):
        return constant(x.shape, x.dtype) if hasattr(x, "dtype") else None
    if x._node is not None:
        return x._node
    if x._inference:
        if kept:
            raise RuntimeError(INFERENCE_SAVED)
        return constant(x._data.shape, x._data.dtype)
    if x._constant is None:
        x._constant = constant(x._data.shape, x._data.dtype)
    return x._constant


# ---- what asks for no gradient ----------------------------------------------------------------
def _look(result: Any, primitive: Primitive, operands: tuple[Any, ...], params: dict[str, Any]) -> None:
    """Mark what is made in inference mode, unless it looks at the memory of an ordinary tensor; link the rest."""
    if MODES.inference:
        ordinary = [x for x in operands if isinstance(x, Recorded) and not x._inference]
        result._inference = not any(np.may_share_memory(result._data, x._data) for x in ordinary)
    elif MODES.links is not None:
        link(result, primitive, operands, params)


def link(result: Any, primitive: Primitive, operands: tuple[Any, ...], params: dict[str, Any]) -> None:
    """Let pictures see how a result without gradient came about; no value is held.

    Inside a module's call only what no recorded result went into, and only back to the call's beginning: who
    keeps a result must not keep graphs with it. With ``MODES.links`` 0, as in ``viz.trace``, everything.
    """
    since, homes = MODES.links, []
    for x in operands:
        home = x._node or x._constant if isinstance(x, Recorded) else None
        if home is None:
            home = source(x)
        elif since and home.primitive is not None:
            if home.requires_grad:
                return
            if home.sequence < since:
                x._constant = home = constant(home.shape, home.dtype)
        homes.append(home)
    result._constant = node = _new(Constant)
    node.primitive, node.params, node.scope = primitive, params, MODES.scope
    node.first, node.second, node.many = None, None, tuple(homes)
    node.saved = (None, *(x if type(x) in _NUMBERS else None for x in operands)) if None in homes else ()
    node.shape, node.dtype, node.sequence = result._data.shape, result._data.dtype, tick()


_DETACH = Primitive(lambda x: x, (None,), name="detach")


def link_detached(result: Any, x: Any) -> None:
    """Link what ``x.detach()`` returned: its gradients end there."""
    if x._node is None:
        result._constant = x._constant
    elif MODES.links == 0:
        link(result, _DETACH, (x,), {})


def call_linked(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call ``function``; what it makes of its arguments is linked though it asks for no gradient."""
    for x in (*args, *kwargs.values()) if kwargs else args:
        if isinstance(x, Recorded) and x._node is None and x._constant is None and not x._inference:
            x._constant = Given(x._data.shape, x._data.dtype)
    before, MODES.links, RESULTS.looked_at = RESULTS.looked_at, tick(), True
    try:
        return function(*args, **kwargs)
    finally:
        MODES.links, RESULTS.looked_at = None, before or RESULTS.inference


INFERENCE_SAVED = (
    "Inference tensors cannot be saved for backward. Please do not use Tensors created in inference mode in "
    "computation tracked by autograd. To work around this, you can make a clone to get a normal tensor and use "
    "it in autograd, or use `no_grad()` instead of `inference_mode()`."
)


# ---- operands ---------------------------------------------------------------------------------
_NUMBERS = (float, int, bool)


def _operand(x: Any, primitive: Primitive) -> Any:
    if type(x) in _NUMBERS or isinstance(x, np.ndarray) or (x is None and primitive.promotes is None):
        return x
    if isinstance(x, np.generic) and type(x.item()) in _NUMBERS:
        return x.item()  # NumPy's scalars are numbers, as in PyTorch
    if hasattr(x, "__array_ufunc__") and not isinstance(x, np.generic):
        return x  # an array of another device
    raise TypeError(f"{primitive.name}(): operands must be Tensors, arrays or real numbers, not {type(x).__name__}")


def _fit(a: Any, b: Any) -> bool:
    """Tell quickly of most pairs that need no adapting: floats of one dtype, and Python numbers with them."""
    if type(a) is not _ndarray:
        a, b = b, a
    other = type(b)
    return (
        type(a) is _ndarray
        and a.dtype.kind == "f"
        and (other is float or other is int or (other is _ndarray and b.dtype is a.dtype))
    )


def _all_fit(values: list[Any]) -> bool:
    """Tell quickly of most operands that they need no adapting: arrays of one float dtype."""
    common = None
    for x in values:
        if type(x) is not _ndarray or (x.dtype is not common and common is not None):
            return False
        common = x.dtype
    return common is not None and common.kind == "f"


def adapted(primitive: Primitive, values: list[Any]) -> list[Any]:
    """Bring operands to their common dtype, integers to the default float, as the primitive asks."""
    start = primitive.promotes
    if primitive.guard is not None:
        primitive.guard(*values)
    if start is not None:
        values = values[:start] + _promoted(values[start:])
    if primitive.floats and not any(v.dtype.kind == "f" for v in values if hasattr(v, "dtype")):
        values = [v.astype(get_default_dtype()) if hasattr(v, "dtype") else v for v in values]
    return values


def _promoted(values: list[Any]) -> list[Any]:
    """Most often they have their common dtype already: one float dtype, and Python numbers."""
    common = None
    for x in values:
        if type(x) is float or type(x) is int:
            continue
        dtype = x.dtype if hasattr(x, "dtype") else None
        if dtype is None or dtype.kind != "f" or (common is not None and dtype is not common):
            return promoted(values)
        common = dtype
    return values if common is not None else promoted(values)


def _shape_error(primitive: Primitive, values: list[Any], error: Exception) -> Exception:
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
                    f"{primitive.name}: The size of tensor a ({a[i]}) must match the size of tensor b "
                    f"({b[i]}) at non-singleton dimension {max(len(a), len(b)) + i}; the shapes are "
                    f"{a} and {b}"
                )
    return RuntimeError(f"{primitive.name}: {error} (shapes {', '.join(map(str, shapes))})")
