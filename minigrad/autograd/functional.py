"""Products with Jacobians and Hessians of a function of tensors, and the matrices themselves.

https://docs.pytorch.org/docs/stable/autograd.html#functional-higher-level-api
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad.autograd.jacobian_products import Linear, columns, filled, pull, rows
from minigrad.modes import recording
from minigrad.tensor.tensor import Tensor

Function = Callable[..., Any]


def vjp(
    func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> Any:
    """Return ``func(*inputs)`` and the cotangent ``v`` times the Jacobian, one per input.

    ``inputs`` and ``v`` are a tensor or a tuple of tensors; ``v`` may be left out for an output of
    one element. Zeros stand for inputs that nothing depends on; with ``strict`` they raise
    RuntimeError.

    >>> import minigrad as mg
    >>> mg.autograd.functional.vjp(lambda x: x * x, mg.tensor([1.0, 2.0]), mg.ones(2))
    (tensor([1., 4.]), tensor([2., 4.]))
    """
    call = _Call("vjp", func, inputs, create_graph, strict)
    grads = pull(call.ys, call.xs, call.vectors(v, call.ys, "function returns"), create_graph)
    return call.outputs(), call.like_inputs(grads)


def jvp(
    func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> Any:
    """Return ``func(*inputs)`` and the Jacobian times the tangent ``v``, one per output.

    Computed by two backward sweeps, so every operation must have a second derivative.
    """
    call = _Call("jvp", func, inputs, create_graph, strict)
    us = call.vectors(v, call.xs, "input to the function is")
    grads = Linear(call.ys, call.xs).push(us, create_graph)
    for i, g in enumerate(grads):
        if strict and g is None:
            raise RuntimeError(
                f"Output {i} of the user-provided function is independent of the inputs in strict "
                "mode."
            )
    products = filled(grads, call.ys)
    return call.outputs(), call.pack(products, call.ys_are_many)


def jacobian(
    func: Function,
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    strategy: str = "reverse-mode",
) -> Any:
    """Return the Jacobian, ``output.shape + input.shape``; of tuples a tuple of outputs of inputs.

    One backward sweep an output element, or with ``strategy="forward-mode"`` one an input element.
    ``vectorize`` changes nothing here.

    >>> import minigrad as mg
    >>> mg.autograd.functional.jacobian(lambda x: x * x, mg.tensor([1.0, 2.0]))
    tensor([[2., 0.],
            [0., 4.]])
    """
    if strategy not in ("forward-mode", "reverse-mode"):
        raise ValueError(
            f'Expected strategy to be either "forward-mode" or "reverse-mode", got {strategy!r}'
        )
    if strict and vectorize:
        raise RuntimeError(
            "jacobian: `strict=True` and `vectorized=True` are not supported together."
        )
    call = _Call("jacobian", func, inputs, create_graph, strict)
    if strategy == "forward-mode":
        grads = columns(call.ys, call.xs, create_graph)
    else:
        grads = [rows(y, call.xs, create_graph) for y in call.ys]
    results = [
        call.like_inputs(row, y, i) for i, (row, y) in enumerate(zip(grads, call.ys, strict=True))
    ]
    return call.pack(results, call.ys_are_many)


def hessian(
    func: Function,
    inputs: Any,
    create_graph: bool = False,
    strict: bool = False,
    vectorize: bool = False,
    outer_jacobian_strategy: str = "reverse-mode",
) -> Any:
    """Return the second derivatives of a function with one element, ``input.shape + input.shape``.

    Of a tuple of inputs a tuple of tuples. Raises RuntimeError for more than one element.

    >>> import minigrad as mg
    >>> mg.autograd.functional.hessian(lambda x: (x**3).sum(), mg.tensor([1.0, 2.0]))
    tensor([[ 6.,  0.],
            [ 0., 12.]])
    """
    _Call("hessian", func, inputs, create_graph, strict).check_scalar()
    many = isinstance(inputs, tuple)

    def first(*xs: Tensor) -> Any:
        call = _Call("hessian", func, xs, True, strict)
        ones = [Tensor._wrap(np.ones_like(call.ys[0]._data))]
        gs = filled(pull(call.ys, call.xs, ones, create_graph=True), call.xs)
        return tuple(gs) if many else gs[0]

    return jacobian(first, inputs, create_graph, strict, vectorize, outer_jacobian_strategy)


def vhp(
    func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> Any:
    """Return ``func(*inputs)``, a scalar, and the vector ``v`` times its Hessian, per input."""
    return _second("vhp", func, inputs, v, create_graph, strict)


def hvp(
    func: Function, inputs: Any, v: Any = None, create_graph: bool = False, strict: bool = False
) -> Any:
    """Return ``func(*inputs)``, of one element, and its Hessian times the vector ``v``.

    The same as ``vhp``.
    """
    return _second("hvp", func, inputs, v, create_graph, strict)


def _second(
    name: str, func: Function, inputs: Any, v: Any, create_graph: bool, strict: bool
) -> Any:
    call = _Call(name, func, inputs, create_graph, strict)
    call.check_scalar()
    vs = call.vectors(v, call.xs, "input to the function is")
    gs = pull(call.ys, call.xs, [Tensor._wrap(np.ones_like(call.ys[0]._data))], create_graph=True)
    for i, g in enumerate(gs):
        if strict and (g is None or not g.requires_grad):
            raise RuntimeError(
                f"The jacobian of the user-provided function with respect to input {i} is "
                f"independent of the input, when computing the {name}. This is not allowed in "
                "strict mode."
            )
    return call.outputs(), call.like_inputs(pull(gs, call.xs, vs, create_graph))


class _Call:
    """One call of the user's function on variables of our own, and the shape of the answer."""

    def __init__(
        self, name: str, func: Function, inputs: Any, create_graph: bool, strict: bool
    ) -> None:
        self.name = name
        self.create_graph = create_graph
        self.strict = strict
        self.xs_are_many = isinstance(inputs, tuple)
        given = _tensors(inputs, f"inputs given to {name}", "given inputs")
        with recording():
            self.xs = [
                x.view(x.shape) if create_graph and x.requires_grad else _leaf(x) for x in given
            ]
            result = func(*self.xs)
        self.ys_are_many = isinstance(result, tuple)
        what = "outputs of the user-provided function"
        self.ys = _tensors(result, f"{what} given to {name}", f"given {what}")
        for i, y in enumerate(self.ys):
            if strict and not y.requires_grad:
                raise RuntimeError(
                    f"Output {i} of the user-provided function does not require gradients. The "
                    "outputs must be computed in a differentiable manner from the input when "
                    "running in strict mode."
                )

    def check_scalar(self) -> None:
        if len(self.ys) != 1 or self.ys_are_many:
            raise RuntimeError(f"The function given to {self.name} should return a single Tensor")
        if self.ys[0].numel() != 1:
            raise RuntimeError(
                f"The Tensor returned by the function given to {self.name} should contain a single "
                "element"
            )

    def vectors(self, v: Any, like: list[Tensor], what: str) -> list[Tensor]:
        """Return the user's vectors, checked against what they belong to."""
        if v is None:
            if len(like) != 1 or like[0].numel() != 1:
                raise RuntimeError(
                    f"The vector v can only be None if the user-provided {what} a single Tensor "
                    "with a single element."
                )
            return [Tensor._wrap(np.ones_like(like[0]._data))]
        vs = _tensors(v, f"v given to {self.name}", "given v")
        if len(like) == 1 and len(vs) != 1:
            raise RuntimeError(f"The given v should contain a single Tensor, got {len(vs)}")
        if len(vs) != len(like):
            raise RuntimeError(
                f"v is a tuple of invalid length: should be {len(like)} but got {len(vs)}."
            )
        for i, (given, x) in enumerate(zip(vs, like, strict=True)):
            if given.shape != x.shape:
                entry = f"Entry {i} in v" if len(vs) > 1 else "v"
                raise RuntimeError(
                    f"{entry} has invalid size: should be {x.shape} but got {given.shape}."
                )
        return vs

    def outputs(self) -> Any:
        return self.pack(
            [y if self.create_graph else y.detach() for y in self.ys], self.ys_are_many
        )

    def like_inputs(
        self, grads: list[Tensor | None], y: Tensor | None = None, place: int = 0
    ) -> Any:
        """Return one gradient an input, zeros for None; of ``y`` a Jacobian each."""
        results = []
        for i, x in enumerate(self.xs):
            g = grads[i]
            if g is None and self.strict:
                which = "The output" if y is None else f"Output {place}"
                raise RuntimeError(
                    f"{which} of the user-provided function is independent of input {i}. This is "
                    "not allowed in strict mode."
                )
            results.append(self._zeros(x, y) if g is None else g)
        return self.pack(results, self.xs_are_many)

    @staticmethod
    def _zeros(x: Tensor, y: Tensor | None) -> Tensor:
        if y is None:
            return Tensor._wrap(np.zeros(x.shape, x.dtype))
        return Tensor._wrap(np.zeros(y.shape + x.shape, y.dtype))

    @staticmethod
    def pack(values: list[Any], many: bool) -> Any:
        return tuple(values) if many else values[0]


def _leaf(x: Tensor) -> Tensor:
    return x.detach().requires_grad_()


def _tensors(given: Any, subject: str, short: str) -> list[Tensor]:
    values = list(given) if isinstance(given, tuple) else [given]
    for i, x in enumerate(values):
        if not isinstance(x, Tensor):
            which = f"the value at index {i}" if isinstance(given, tuple) else f"the {short}"
            raise TypeError(
                f"The {subject} must be either a Tensor or a tuple of Tensors but {which} has type "
                f"{type(x)}."
            )
    return values
