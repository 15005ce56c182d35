"""Gradients, products and Jacobians as functions of functions.

https://docs.pytorch.org/docs/stable/func.api.html

Each transform runs the function on variables of its own and looks at what the result still depends
on besides: another transform around it, a parameter of a module. Only then is its gradient recorded.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minigrad.autograd.products import Linear, columns, filled, pull, rows
from minigrad.engine.graph import Node
from minigrad.functions.shape import view
from minigrad.modes import MODES, recording
from minigrad.tensor.tensor import Tensor
from minigrad.utils.tree import same_nesting, tree_leaves, tree_map

Function = Callable[..., Any]
Argnums = int | tuple[int, ...]


class _Level:
    """One transform at work: the variables it made, and what it gives back."""

    def __init__(self) -> None:
        self.recording = MODES.grad_enabled
        self.own: set[Node] = set()
        self.xs: list[Tensor] = []

    def variables(self, tree: Any, what: str) -> Any:
        """Return the tree with a variable in place of each tensor."""
        return tree_map(lambda x: self.variable(x, what), tree)

    def variable(self, x: Any, what: str) -> Tensor:
        if not isinstance(x, Tensor):
            raise ValueError(
                f"Thing passed to transform API must be Tensor, got {type(x)} in the call of {what}"
            )
        if x._node is None:
            y = x.detach().requires_grad_()
            self.own.add(y._node)  # type: ignore[arg-type]
        else:
            with recording():
                y = view(x, x.shape)
        self.xs.append(y)
        return y

    def outer(self, *trees: Any) -> bool:
        """Tell whether tensors in the trees depend on more than this level's variables."""
        if not self.recording:
            return False
        tensors = (x for x in tree_leaves(trees) if isinstance(x, Tensor) and x._node is not None)
        stack: list[Node] = [x._node for x in tensors]  # type: ignore[misc]
        seen = set(stack)
        while stack:
            node = stack.pop()
            if node.primitive is None and node.requires_grad and node not in self.own:
                return True
            for home in node.inputs:
                if home is not None and home not in seen:
                    seen.add(home)
                    stack.append(home)
        return False

    def leave(self, tree: Any) -> Any:
        """Return results as seen from outside: recorded only where they depend on more than our variables."""
        return tree_map(
            lambda x: x if not isinstance(x, Tensor) or self.outer(x) else x.detach(), tree
        )


# ---- gradients --------------------------------------------------------------------------------------
def grad(func: Function, argnums: Argnums = 0, has_aux: bool = False) -> Function:
    """Return the function that computes the gradient of ``func``, which returns a 0-d tensor.

    With respect to the argument number ``argnums``, or to several as a tuple; arguments may be
    nested. With ``has_aux`` func returns ``(output, aux)`` and the result is ``(gradient, aux)``.
    Raises RuntimeError for another output, ValueError for arguments that are no tensors.

    >>> import minigrad as mg
    >>> mg.func.grad(mg.func.grad(lambda x: x**3))(mg.tensor(2.0))
    tensor(12.)
    """
    both = grad_and_value(func, argnums, has_aux)

    @functools.wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        gradient, value = both(*args, **kwargs)
        return (gradient, value[1]) if has_aux else gradient

    return wrapper


def grad_and_value(func: Function, argnums: Argnums = 0, has_aux: bool = False) -> Function:
    """Return the function that computes ``(gradient, value)``; with ``has_aux`` ``(gradient, (value, aux))``.

    >>> import minigrad as mg
    >>> mg.func.grad_and_value(lambda x: x**3)(mg.tensor(2.0))
    (tensor(12.), tensor(8.))
    """

    @functools.wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        level = _Level()
        chosen, y, aux = _run(level, func, argnums, has_aux, args, kwargs, "grad_and_value")
        _check_scalar(y)
        found = filled(
            pull([y], level.xs, [Tensor._wrap(np.ones_like(y._data))], level.outer(y)), level.xs
        )
        gradient = _rebuilt(chosen, level.leave(found))
        return gradient, (level.leave((y, aux)) if has_aux else level.leave(y))

    return wrapper


def value_and_grad(func: Function, argnums: Argnums = 0, has_aux: bool = False) -> Function:
    """Return the function that computes ``(value, gradient)``: :func:`grad_and_value` the other way round."""
    both = grad_and_value(func, argnums, has_aux)

    @functools.wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        gradient, value = both(*args, **kwargs)
        return value, gradient

    return wrapper


def vjp(func: Function, *primals: Any, has_aux: bool = False) -> Any:
    """Return ``func(*primals)`` and the function from a cotangent to one gradient a primal, a tuple.

    >>> import minigrad as mg
    >>> y, back = mg.func.vjp(lambda x: x * x, mg.tensor([1.0, 2.0]))
    >>> back(mg.ones(2))
    (tensor([2., 4.]),)
    """
    level = _Level()
    chosen, output, aux = _run(level, func, tuple(range(len(primals))), has_aux, primals, {}, "vjp")
    ys = _tensors(output, "vjp(f, *primals)")

    def back(cotangents: Any) -> Any:
        vs = list(tree_leaves(cotangents))
        if not same_nesting(output, cotangents):
            raise RuntimeError(
                "Expected pytree structure of cotangents to be the same as pytree structure of outputs to the "
                f"function: {len(ys)} outputs, {len(vs)} cotangents, or nested otherwise."
            )
        for i, (v, y) in enumerate(zip(vs, ys, strict=True)):
            if v.shape != y.shape:
                raise RuntimeError(
                    f"Mismatch in shape: grad_output[{i}] has a shape of {v.shape} and output[{i}] has a shape of {y.shape}."
                )
        found = pull(ys, level.xs, vs, level.outer(ys, vs))
        return _rebuilt(chosen, level.leave(filled(found, level.xs)))

    return (level.leave(output), back, level.leave(aux)) if has_aux else (level.leave(output), back)


def jvp(
    func: Function, primals: Any, tangents: Any, *, strict: bool = False, has_aux: bool = False
) -> Any:
    """Return ``func(*primals)`` and its change along ``tangents``: the Jacobian times them.

    Computed by two backward sweeps, so every operation must have a second derivative. ``strict``
    raises RuntimeError for an output that does not depend on the primals.

    >>> import minigrad as mg
    >>> mg.func.jvp(lambda x: x * x, (mg.tensor(3.0),), (mg.tensor(1.0),))
    (tensor(9.), tensor(6.))
    """
    if not isinstance(primals, tuple):
        raise RuntimeError(
            "jvp(f, primals, tangents): Expected primals to be a tuple. E.g. it should be valid to call f(*primals)."
        )
    if not primals:
        raise RuntimeError(
            "jvp(f, primals, tangents): Expected primals to contain at least one Tensor."
        )
    if not same_nesting(primals, tangents):
        raise RuntimeError(
            "jvp(f, primals, tangents): Expected primals and tangents to have the same python structure."
        )
    level = _Level()
    _, output, aux = _run(level, func, tuple(range(len(primals))), has_aux, primals, {}, "jvp")
    us = list(tree_leaves(tangents))
    for u, x in zip(us, level.xs, strict=True):
        if u.shape != x.shape:
            raise RuntimeError(
                "Trying to set a forward gradient that has a different size than that of the original Tensor, this "
                f"is not supported. Tensor is of size {list(x.shape)} while the given forward gradient is of size {list(u.shape)}."
            )
    ys = _tensors(output, "jvp(f, primals, tangents)")
    found = Linear(ys, level.xs).push(us, level.outer(ys, us))
    if strict and None in found:
        raise RuntimeError(
            "jvp(f, primals, tangents, strict=True): The output of f is independent of the inputs."
        )
    pushed = level.leave(_rebuilt(output, filled(found, ys)))
    return (
        (level.leave(output), pushed, level.leave(aux))
        if has_aux
        else (level.leave(output), pushed)
    )


# ---- matrices -------------------------------------------------------------------------------------
def jacrev(
    func: Function, argnums: Argnums = 0, *, has_aux: bool = False, chunk_size: int | None = None
) -> Function:
    """Return the function that computes the Jacobian, ``output.shape + input.shape``, an output element a sweep.

    Outputs and arguments may be nested: the result is a tree of outputs of trees of arguments.
    """
    if chunk_size is not None and chunk_size <= 0:
        raise ValueError("jacrev: `chunk_size` should be greater than 0.")
    return _jacobian(func, argnums, has_aux, "jacrev")


def jacfwd(
    func: Function, argnums: Argnums = 0, has_aux: bool = False, *, randomness: str = "error"
) -> Function:
    """Return the function that computes the Jacobian as :func:`jacrev`, an input element a sweep."""
    return _jacobian(func, argnums, has_aux, "jacfwd")


def _jacobian(func: Function, argnums: Argnums, has_aux: bool, name: str) -> Function:
    @functools.wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        level = _Level()
        chosen, output, aux = _run(level, func, argnums, has_aux, args, kwargs, name)
        ys = _tensors(output, f"{name}(f)(*args)")
        outer = level.outer(ys)
        found = (
            columns(ys, level.xs, outer)
            if name == "jacfwd"
            else [rows(y, level.xs, outer) for y in ys]
        )
        whole = [
            _rebuilt(chosen, level.leave(_filled(row, y, level.xs)))
            for row, y in zip(found, ys, strict=True)
        ]
        result = _rebuilt(output, whole)
        return (result, level.leave(aux)) if has_aux else result

    return wrapper


def hessian(func: Function, argnums: Argnums = 0) -> Function:
    """Return the function that computes the second derivatives of ``func``, ``input.shape + input.shape``.

    >>> import minigrad as mg
    >>> mg.func.hessian(lambda x: (x**3).sum())(mg.tensor([1.0, 2.0]))
    tensor([[ 6.,  0.],
            [ 0., 12.]])
    """
    return jacrev(jacrev(func, argnums), argnums)


def hvp(func: Function, primals: Any, tangents: Any) -> Any:
    """Return the second derivatives of ``func`` at ``primals`` times ``tangents``, without the matrix.

    Both are tuples; the answer is a tensor for one primal and a tuple for more.

    >>> import minigrad as mg
    >>> mg.func.hvp(lambda x: (x**3).sum(), (mg.tensor([1.0, 2.0]),), (mg.ones(2),))
    tensor([ 6., 12.])
    """
    if not isinstance(primals, tuple):
        raise RuntimeError(
            "hvp(f, primals, tangents): Expected primals to be a tuple. E.g. it should be valid to call f(*primals)."
        )
    every = tuple(range(len(primals)))
    _, back = vjp(grad(func, every), *primals)
    found = back(tangents)
    return found if len(primals) > 1 else found[0]


# ---- running the function -------------------------------------------------------------------------
def _run(
    level: _Level,
    func: Function,
    argnums: Argnums,
    has_aux: bool,
    args: Any,
    kwargs: Any,
    name: str,
) -> tuple[Any, Any, Any]:
    """Return the variables as the user counts arguments, the output, and what comes beside it."""
    places = _places(argnums, len(args))
    replaced = list(args)
    for place in places:
        replaced[place] = level.variables(args[place], name)
    with recording():
        output = func(*replaced, **kwargs)
    chosen = (
        replaced[places[0]]
        if isinstance(argnums, int)
        else tuple(replaced[place] for place in places)
    )
    if not has_aux:
        return chosen, output, None
    if not isinstance(output, tuple) or len(output) != 2:
        raise RuntimeError(
            f"{name}(f)(*args): output of function f should be a tuple: (output, aux) if has_aux is True"
        )
    return chosen, output[0], output[1]


def _places(argnums: Argnums, n: int) -> tuple[int, ...]:
    """Return the numbers of the arguments that are meant, of n."""
    if not isinstance(argnums, (int, tuple)):
        raise RuntimeError(f"argnums must be int or Tuple[int, ...], got: {type(argnums)}")
    places = (argnums,) if isinstance(argnums, int) else argnums
    if not places:
        raise RuntimeError("argnums must be non-empty")
    for place in places:
        if not -n <= place < n:
            raise RuntimeError(f"Got argnum={place}, but only {n} positional inputs")
    if len({place % n for place in places}) < len(places):
        raise RuntimeError(f"argnums elements must be unique, got {argnums}")
    return tuple(place % n for place in places)


def _check_scalar(y: Any) -> None:
    if not isinstance(y, Tensor):
        raise RuntimeError(
            f"grad_and_value(f)(*args): Expected f(*args) to return a Tensor, got {type(y)}"
        )
    if y.dim() != 0:
        raise RuntimeError(
            "grad_and_value(f)(*args): Expected f(*args) to return a scalar Tensor, got tensor with "
            f"{y.dim()} dims. Maybe you wanted to use the vjp or jacrev APIs instead?"
        )


def _tensors(output: Any, call: str) -> list[Tensor]:
    ys = list(tree_leaves(output))
    for y in ys:
        if not isinstance(y, Tensor):
            raise RuntimeError(
                f"{call}: Expected f to return tensors, got unsupported type {type(y)}"
            )
    return ys


def _rebuilt(tree: Any, values: Sequence[Any]) -> Any:
    """Return a tree of the same nesting with these leaves."""
    following = iter(values)
    return tree_map(lambda _: next(following), tree)


def _filled(row: list[Tensor | None], y: Tensor, xs: list[Tensor]) -> list[Tensor]:
    return [
        Tensor._wrap(np.zeros(y.shape + x.shape, y.dtype)) if g is None else g
        for g, x in zip(row, xs, strict=True)
    ]
