"""The graph that is written: nodes, constants, names."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.onnx.sizes import Dim, Site, Stretched, Unmapped
from minigrad.onnx.trace import Constant, Ref

Shape = tuple[int, ...]


class Value:
    """A tensor in the graph: operators of Python and ``op`` make nodes of it."""

    def __init__(self, graph: Graph, name: str, dtype: Any, shape: Shape) -> None:
        self.graph, self.name, self.dtype, self.shape = graph, name, np.dtype(dtype), shape
        self.constant: np.ndarray | None = None

    def op(
        self, kind: str, *others: Any, dtype: Any = None, shape: Any = None, **attrs: Any
    ) -> Value:
        """Return the result of one node, of this dtype and shape unless another is given."""
        return self.graph.op(kind, self, *others, dtype=dtype, shape=shape, **attrs)

    def cast(self, dtype: Any) -> Value:
        """Return the value in another dtype."""
        if self.dtype == dtype:
            return self
        return self.op("Cast", dtype=dtype, to=self.graph.element_type(dtype))

    def __add__(self, other: Any) -> Value:
        return self.op("Add", other)

    def __sub__(self, other: Any) -> Value:
        return self.op("Sub", other)

    def __mul__(self, other: Any) -> Value:
        return self.op("Mul", other)

    def __truediv__(self, other: Any) -> Value:
        return self.op("Div", other)

    def __neg__(self) -> Value:
        return self.op("Neg")

    def __rsub__(self, other: Any) -> Value:
        return self.graph.number(other, self.dtype) - self

    __radd__, __rmul__ = __add__, __mul__


class Graph:
    """Nodes and constants under way; ``values`` are those of the traced call."""

    def __init__(
        self,
        onnx: Any,
        size_of: dict[str, tuple[str, int]],
    ) -> None:
        self.onnx = onnx
        self.nodes: list[Any] = []
        self.initializers: dict[str, Any] = {}
        self.values: dict[Ref, Value] = {}
        self.folded: dict[Ref, Constant] = {}  # results of constants alone
        self.path = ""  # of the module whose nodes are made
        self._size_of = size_of  # name of a size -> an input, and its axis
        self._names: set[str] = set()
        self._sizes: dict[str, Value] = {}
        self._constants: dict[Any, Value] = {}

    # ---- names -------------------------------------------------------------------------------
    def unique(self, name: str) -> str:
        """Return the name, with a number where it is taken."""
        candidate = name
        number = 0
        while candidate in self._names:
            number += 1
            candidate = f"{name}_{number}"
        self._names.add(candidate)
        return candidate

    def element_type(self, dtype: Any) -> int:
        """Return ONNX's number of a dtype."""
        dtype = np.dtype(dtype)
        return self.onnx.helper.np_dtype_to_tensor_dtype(dtype)

    # ---- nodes -------------------------------------------------------------------------------
    def node(
        self,
        kind: str,
        inputs: list[str],
        outputs: int = 1,
        **attrs: Any,
    ) -> list[str]:
        """Add a node, named after the module; return the names of its outputs."""
        folders = [*self.path.split("."), kind]
        name = self.unique("/".join(filter(None, folders)))
        names = [self.unique(f"{name}_output_{i}") for i in range(outputs)]
        given = {}
        for key, value in attrs.items():
            if value is not None:
                given[key] = value
        make = self.onnx.helper.make_node
        self.nodes.append(
            make(
                kind,
                inputs,
                names,
                name=name,
                **given,
            )
        )
        return names

    def op(
        self,
        kind: str,
        first: Value,
        *others: Any,
        dtype: Any = None,
        shape: Any = None,
        **attrs: Any,
    ) -> Value:
        """Add a node of one output; numbers among its operands are of the first one's dtype."""
        operands = [first]
        for other in others:
            operands.append(self.operand(other, first.dtype))
        inputs = [operand.name for operand in operands]
        (name,) = self.node(kind, inputs, **attrs)
        if shape is None:
            shapes = [operand.shape for operand in operands]
            shape = np.broadcast_shapes(*shapes)
        if dtype is None:
            dtype = first.dtype
        return Value(self, name, dtype, shape)

    # ---- operands ----------------------------------------------------------------------------
    def operand(
        self,
        x: Any,
        dtype: Any = np.float32,
    ) -> Value:
        """Return the value of a reference, a constant or a number."""
        if isinstance(x, Value):
            return x
        if isinstance(x, Ref):
            constant = self.folded.get(x)
            return self.values[x] if constant is None else self.constant(constant)
        if isinstance(x, Constant):
            return self.constant(x)
        if isinstance(x, Stretched):
            return self._stretched(x)
        if isinstance(x, Dim):
            scalar = self.integers()
            size = self._size(x).op(
                "Reshape",
                scalar,
                shape=(),
            )
            return size.cast(dtype)
        return self.number(x, dtype)

    def constant(self, constant: Constant) -> Value:
        """Return a constant of the model, once; a parameter under its name in the state."""
        key = id(constant.array)
        if key not in self._constants:
            fallback = f"{self.path}.constant".lstrip(".")
            name = constant.name or fallback
            self._constants[key] = self._initializer(constant.array, name)
        return self._constants[key]

    def number(
        self,
        x: Any,
        dtype: Any,
    ) -> Value:
        """Return a number, or a list of them, of a dtype."""
        array = np.asarray(x, dtype)
        key = array.tobytes(), array.dtype.str, array.shape
        if key not in self._constants:
            self._constants[key] = self._initializer(array, "number")
        return self._constants[key]

    def integers(self, *numbers: int) -> Value:
        """Return a list of integers, as ONNX takes axes and shapes."""
        return self.number(numbers, np.int64)

    def _stretched(self, x: Stretched) -> Value:
        sizes = list(x.array.shape)
        sizes[x.axis] = x.dim
        shape = tuple(sizes)
        one = self.constant(Constant(x.array))
        return one.op(
            "Expand",
            self.shape(shape),
            shape=shape,
        )

    def _initializer(
        self,
        array: np.ndarray,
        name: str,
    ) -> Value:
        name = self.unique(name)
        content = np.array(array, order="C")
        tensor = self.onnx.numpy_helper.from_array(content, name)
        self.initializers[name] = tensor
        value = Value(
            self,
            name,
            array.dtype,
            array.shape,
        )
        value.constant = array  # kept: its id stands for it
        return value

    # ---- sizes -------------------------------------------------------------------------------
    def shape(self, sizes: Shape) -> Value:
        """Return a shape as a value; sizes of the inputs are read from them."""
        if not any(isinstance(size, Dim) for size in sizes):
            return self.integers(*sizes)
        parts = [self._size(size) for size in sizes]
        first, *others = parts
        if not others:
            return first
        return first.op(
            "Concat",
            *others,
            axis=0,
            shape=(len(parts),),
        )

    def _size(self, size: int) -> Value:
        """Return one size, a list of one integer."""
        if not isinstance(size, Dim):
            return self.integers(size)
        total = self.integers(size.factor)
        for name in size.names:
            total = total * self._input_size(name)
        return total.op("Add", [size.rest]) if size.rest else total

    def _input_size(self, name: str) -> Value:
        if name not in self._sizes:
            source, axis = self._size_of[name]
            path, self.path = self.path, ""
            (size,) = self.node(
                "Shape",
                [source],
                start=axis,
                end=axis + 1,
            )
            self.path = path
            self._sizes[name] = Value(
                self,
                size,
                np.int64,
                (1,),
            )
        return self._sizes[name]


class Call:
    """A step while its nodes are made: its operands as values, its parameters, its result."""

    def __init__(
        self,
        graph: Graph,
        site: Site,
    ) -> None:
        self.graph, self.site = graph, site
        self.layer = site.layer
        self.params = site.params
        self.shape = site.shapes[0]
        self.dtype = site.arrays[0].dtype

    @property
    def operands(self) -> list[Value]:
        """Return the operands as they are."""
        return [self.graph.operand(x, self.dtype) for x in self.site.operands]

    @property
    def x(self) -> Value:
        """Return the first operand."""
        return self.graph.operand(self.site.operands[0])

    def param(self, name: str) -> Value:
        """Return a parameter that is an array."""
        return self.graph.operand(self.params[name])

    def axes(self, name: str = "axis") -> tuple[int, ...]:
        """Return a parameter that is one axis or several."""
        axis = self.params[name]
        return axis if isinstance(axis, tuple) else (axis,)

    def stored(self, array: np.ndarray, name: str) -> Value:
        """Return an array of the layer, under its name in the state."""
        full = f"{self.site.path}.{name}".lstrip(".")
        return self.graph.constant(Constant(array, full))

    def refuse(self, why: str) -> Unmapped:
        """Return the error for a step that has no form in ONNX."""
        where = self.site.path or "(the model)"
        return Unmapped(f"onnx.export: module {where!r}: {why}")
