"""Recording: run a primitive, and link its result to its operands if one requires grad.

The hottest path of the library. ``record_unary`` and ``record_binary`` write it out for one and for
two operands, which is what most operations have; ``record_nary`` takes any number.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.dtypes import category, get_default_dtype
from minigrad.engine.graph import NO_OPERAND, Constant, Given, Node, constant, constant_of
from minigrad.engine.messages import INFERENCE_SAVED, shape_error
from minigrad.engine.promotion import (
    NUMBERS,
    all_same_float_dtype,
    as_operand,
    promote_operands,
    same_float_dtype,
)
from minigrad.modes import MODES, RESULTS
from minigrad.primitive import Primitive
from minigrad.storage import tick

_ndarray = np.ndarray
_new = object.__new__
_NO_PARAMS: dict[str, Any] = {}
_SAVES_NOTHING_1, _SAVES_NOTHING_2 = (
    (None,) * 2,
    (None,) * 3,
)  # one for all nodes: less for Python's collector


class Recorded:
    """What recording needs of a tensor; Tensor derives from it."""

    _plain: type  # the class of results, whatever subclass an operand has: Tensor
    _data: Any
    shape: Any
    dtype: Any
    to: Any
    _node: Node | None = None  # how it came about; None where no gradient is asked
    _constant: Node | None = None  # stands for it in graphs that only read it
    _inference = False  # made inside inference_mode
    _origin: Any = None  # how it left the graph; only inside autograd.record_lines
    _record_view: (
        Any  # views.link: record_unary() for a primitive whose result looks at its operand's memory
    )
    _stale: type  # the class of a view whose base has a new value
    _view: Any = None  # how it came about, where it is a view of another tensor
    _views: Any = None  # weak references to its views
    _shared = False  # others may look at its memory whom the graph does not know
    _outside = False  # a view made where nothing was recorded, of a tensor that requires grad

    @staticmethod
    def _wrap(array: Any, requires_grad: bool = False) -> Any:
        """Return a tensor on the memory of an array, of the array's dtype."""
        if type(array) is not _ndarray and isinstance(array, (np.ndarray, np.generic)):
            notes_calls = hasattr(type(array), "__whole__")  # such an array stays what it is
            array = array if notes_calls else np.asarray(array)
        category(array.dtype)
        result: Any = _new(Recorded._plain)
        result._data = array if MODES.tape is None else MODES.tape.adopt(array)
        if MODES.inference:
            result._inference = True
        return result.requires_grad_() if requires_grad else result

    @staticmethod
    def __record__(primitive: Primitive, operands: tuple[Any, ...], params: dict[str, Any]) -> Any:
        """Run the primitive on operands that Primitive.__call__ was given."""
        if len(operands) == 1:
            record = Recorded._record_view if primitive.views else record_unary
            return record(primitive, operands[0], params)
        if len(operands) == 2:
            return record_binary(primitive, operands[0], operands[1], params)
        return record_nary(primitive, operands, params)


def record_unary(primitive: Primitive, x: Any, params: dict[str, Any] = _NO_PARAMS) -> Any:
    """Run and record a primitive of one operand."""
    a = x._data
    if primitive.floats and a.dtype.kind != "f":
        a = a.astype(get_default_dtype())
    try:
        out = primitive.function(a, **params) if params else primitive.function(a)
    except _FAILURES as error:
        out = _retry_silently(primitive, [a], params, error)
    if type(out) is not _ndarray and isinstance(out, np.generic):
        out = np.asarray(out)
    result: Any = _new(Recorded._plain)
    result._data = out
    operand_node = x._node
    if operand_node is not None and primitive.differentiable and MODES.grad_enabled:
        saved_mask = primitive.saved_masks.get(1) or primitive.saved_mask(1, 1)
        result._node = node = _new(Node)
        node.primitive = primitive
        node.first, node.second, node.many = operand_node, NO_OPERAND, None
        if primitive.saves_anything:
            node.saved = (out if saved_mask[0] else None, a if saved_mask[1] else None)
        else:
            node.saved = _SAVES_NOTHING_1
        node.params = params
        shape = out.shape
        node.shape = operand_node.shape if operand_node.shape == shape else shape
        node.dtype = out.dtype
        node.scope = MODES.scope
        node.sequence = tick()
        if RESULTS.hooked:
            _call_hook(result, primitive, (x,))
    elif RESULTS.looked_at:
        _note_unrecorded(result, primitive, (x,), params)
    return result


def record_binary(primitive: Primitive, x: Any, y: Any, params: dict[str, Any] = _NO_PARAMS) -> Any:
    """Run and record a primitive of two operands, of which at least one is a tensor."""
    a, node_a = (x._data, x._node) if isinstance(x, Recorded) else (as_operand(x, primitive), None)
    b, node_b = (y._data, y._node) if isinstance(y, Recorded) else (as_operand(y, primitive), None)
    if primitive.promotes_operands and not same_float_dtype(a, b):
        a, b = promote_operands(primitive, [a, b])
    try:
        out = primitive.function(a, b, **params) if params else primitive.function(a, b)
    except _FAILURES as error:
        out = _retry_silently(primitive, [a, b], params, error)
    if type(out) is not _ndarray and isinstance(out, np.generic):
        out = np.asarray(out)
    result: Any = _new(Recorded._plain)
    result._data = out
    requires_grad = node_a is not None or node_b is not None
    if requires_grad and primitive.differentiable and MODES.grad_enabled:
        needs_grad = (node_a is not None) + 2 * (node_b is not None)
        saved_mask = primitive.saved_masks.get(needs_grad) or primitive.saved_mask(needs_grad, 2)
        if node_a is None:
            node_a = source(x, saved_mask[1])
        elif node_b is None:
            node_b = source(y, saved_mask[2])
        result._node = node = _new(Node)
        node.first, node.second, node.many = node_a, node_b, None
        if not primitive.saves_anything and node_a and node_b:
            node.saved = _SAVES_NOTHING_2
        else:
            node.saved = (
                out if saved_mask[0] else None,
                a if saved_mask[1] or node_a is None else None,
                b if saved_mask[2] or node_b is None else None,
            )
        node.primitive, node.params = primitive, params
        shape = out.shape
        node.shape = node_a.shape if node_a is not None and node_a.shape == shape else shape
        node.dtype, node.scope = out.dtype, MODES.scope
        node.sequence = tick()  # after source: inputs are always older
        if RESULTS.hooked:
            _call_hook(result, primitive, (x, y))
    elif RESULTS.looked_at:
        _note_unrecorded(result, primitive, (x, y), params)
    return result


def record_nary(
    primitive: Primitive, operands: tuple[Any, ...], params: dict[str, Any] = _NO_PARAMS
) -> Any:
    """Run and record a primitive of any number of operands."""
    values, nodes, needs_grad, bit = [], [], 0, 1
    for x in operands:
        operand_node = None
        if isinstance(x, Recorded):
            value, operand_node = x._data, x._node
            if operand_node is not None:
                needs_grad |= bit
        else:
            value = as_operand(x, primitive)
        values.append(value)
        nodes.append(operand_node)
        bit += bit
    if primitive.promotes_operands and not all_same_float_dtype(values):
        values = promote_operands(primitive, values)
    try:
        out = primitive.function(*values, **params)
    except _FAILURES as error:
        out = _retry_silently(primitive, values, params, error)
    if type(out) is not _ndarray and isinstance(out, np.generic):
        out = np.asarray(out)
    result: Any = _new(Recorded._plain)
    result._data = out
    if needs_grad and primitive.differentiable and MODES.grad_enabled:
        known = primitive.saved_masks.get(needs_grad)
        saved_mask = known or primitive.saved_mask(needs_grad, len(operands))
        saved = [out if saved_mask[0] else None]
        for i, operand_node in enumerate(nodes):
            if operand_node is None:
                nodes[i] = operand_node = source(operands[i], saved_mask[i + 1])
            saved.append(values[i] if saved_mask[i + 1] or operand_node is None else None)
        result._node = node = _new(Node)
        node.inputs, node.saved = tuple(nodes), tuple(saved)
        node.primitive, node.params = primitive, params
        node.shape, node.dtype, node.scope = out.shape, out.dtype, MODES.scope
        node.sequence = tick()
        if RESULTS.hooked:
            _call_hook(result, primitive, operands)
    elif RESULTS.looked_at:
        _note_unrecorded(result, primitive, operands, params)
    return result


def attach(
    primitive: Primitive, out: Any, operands: tuple[Any, ...], params: dict[str, Any]
) -> Node:
    """Return the node of a result that exists, of a primitive whose rules read no values."""
    node = _new(Node)
    node.inputs = tuple(map(source, operands))
    node.saved = (None,) * (len(operands) + 1)
    node.primitive, node.params = primitive, params
    node.shape, node.dtype, node.scope = out.shape, out.dtype, MODES.scope
    node.sequence = tick()
    return node


# NumPy warns nobody of what happens here (silence.py). Where the user's error state makes it an
# error, it is computed
# again, silently: an errstate would cost every call.
_FAILURES = (FloatingPointError, OverflowError, ValueError, TypeError)


def _retry_silently(
    primitive: Primitive, values: list[Any], params: dict[str, Any], error: Exception
) -> Any:
    """Compute without warnings, or raise in PyTorch's words.

    Python integers beyond an integer dtype are wrapped around.
    """
    if isinstance(error, (ValueError, TypeError)):
        raise shape_error(primitive, values, error) from None
    dtypes = [v.dtype for v in values if hasattr(v, "dtype")]
    integer_dtypes = [dtype for dtype in dtypes if dtype.kind in "iu"]
    if integer_dtypes:
        values = [_wrapped_around(v, integer_dtypes[0]) for v in values]
    with np.errstate(all="ignore"):
        return primitive.function(*values, **params)


def _wrapped_around(value: Any, dtype: Any) -> Any:
    return np.array(value, np.int64).astype(dtype) if type(value) is int else value


def source(x: Any, saved: bool = False) -> Node | None:
    """Return the node an operand stands for; one for each constant tensor, however often used.

    ``saved`` tells whether its value is saved for backward, which is refused to inference tensors.
    """
    if not isinstance(x, Recorded):
        return constant(x.shape, x.dtype) if hasattr(x, "dtype") else None
    if x._node is not None:
        return x._node
    if x._inference:
        if saved:
            raise RuntimeError(INFERENCE_SAVED)
        return constant(x._data.shape, x._data.dtype)
    if x._constant is None:
        x._constant = constant_of(x._data)
    return x._constant


def _call_hook(result: Any, primitive: Primitive, operands: tuple[Any, ...]) -> None:
    if MODES.on_result is not None:  # this thread's, not another's
        MODES.on_result(result, primitive, operands)


# ---- what asks for no gradient ----------------------------------------------------------------
def _note_unrecorded(
    result: Any, primitive: Primitive, operands: tuple[Any, ...], params: dict[str, Any]
) -> None:
    """Mark a result as an inference tensor, or link it for pictures.

    A result on the memory of an ordinary tensor is an ordinary tensor in inference mode, too.
    """
    _call_hook(result, primitive, operands)
    if MODES.inference:
        ordinary = [x for x in operands if isinstance(x, Recorded) and not x._inference]
        result._inference = not any(np.may_share_memory(result._data, x._data) for x in ordinary)
    elif MODES.links is not None:
        link(result, primitive, operands, params)


def link(
    result: Any, primitive: Primitive, operands: tuple[Any, ...], params: dict[str, Any]
) -> None:
    """Let pictures see how a result without gradient came about; no value is saved.

    Inside a module's call only what no recorded result went into, and only back to the call's
    beginning: who keeps a result must not keep graphs with it. With ``MODES.links`` 0, as in
    ``viz.trace``, everything.
    """
    since, nodes = MODES.links, []
    for x in operands:
        operand_node = x._node or x._constant if isinstance(x, Recorded) else None
        if operand_node is None:
            operand_node = source(x)
        elif since and operand_node.primitive is not None:
            if operand_node.requires_grad:
                return
            if operand_node.sequence < since:
                x._constant = operand_node = constant(operand_node.shape, operand_node.dtype)
        nodes.append(operand_node)
    result._constant = node = _new(Constant)
    node.primitive, node.params, node.scope = primitive, params, MODES.scope
    node.first, node.second, node.many = None, None, tuple(nodes)
    node.saved = ()
    if None in nodes:
        node.saved = (None, *(x if type(x) in NUMBERS else None for x in operands))
    node.shape, node.dtype, node.sequence = result._data.shape, result._data.dtype, tick()
    if result._origin is not None:
        node.line = result._origin.line


_DETACH = Primitive(lambda x: x, (None,), name="detach")


def link_detached(result: Any, x: Any) -> None:
    """Link what ``x.detach()`` returned: its gradients end there."""
    _call_hook(result, _DETACH, (x,))
    if x._node is None:
        result._constant = x._constant
    elif MODES.links == 0:
        link(result, _DETACH, (x,), {})


def call_linked(function: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Call ``function``; what it makes of its arguments is linked though it requires no grad."""
    operands = (*args, *kwargs.values()) if kwargs else args
    for x in operands:
        if not isinstance(x, Recorded) or x._inference:
            continue
        if x._node is None and x._constant is None:
            x._constant = Given(x._data.shape, x._data.dtype)
    before = RESULTS.looked_at
    MODES.links, RESULTS.looked_at = tick(), True
    try:
        return function(*args, **kwargs)
    finally:
        MODES.links = None
        RESULTS.looked_at = before or RESULTS.inference or RESULTS.hooked > 0
