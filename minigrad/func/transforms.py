"""Gradients, products and Jacobians as functions of functions.

https://docs.pytorch.org/docs/stable/func.api.html

Each transform runs the function on variables of its own and looks at what the result still depends
on besides: another transform around it, a parameter of a module. Only then is its gradient
recorded.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minigrad.autograd.jacobian_products import Linear, columns, filled, pull, rows
from minigrad.func.level import Level
from minigrad.modes import recording
from minigrad.tensor.tensor import Tensor
from minigrad.utils.tree import same_nesting, tree_leaves, tree_map

Function = Callable[..., Any]
Argnums = int | tuple[int, ...]


# ---- gradients ---------------------------------------------------------------------------------
def grad(func: Function, argnums: Argnums = 0, has_aux: bool = False) -> Function:
    """Return the function that computes the gradient of ``func``, which returns a 0-d tensor.

    With respect to the argument number ``argnums``, or to several as a tuple; arguments may be
    nested. With ``has_aux`` func returns ``(output, aux)`` and the result is ``(gradient, aux)``.
    Raises RuntimeError for another output, ValueError for arguments that are not tensors.
    https://docs.pytorch.org/docs/stable/generated/torch.func.grad.html

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
    """Return the function that computes ``(gradient, value)``.

    With ``has_aux`` it returns ``(gradient, (value, aux))``.
    https://docs.pytorch.org/docs/stable/generated/torch.func.grad_and_value.html

    >>> import minigrad as mg
    >>> mg.func.grad_and_value(lambda x: x**3)(mg.tensor(2.0))
    (tensor(12.), tensor(8.))
    """

    @functools.wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        level = Level()
        chosen, y, aux = _run(level, func, argnums, has_aux, args, kwargs, "grad_and_value")
        _check_scalar(y)
        one = Tensor._wrap(np.ones_like(y._data))
        grads = pull([y], level.xs, [one], level.depends_on_outer(y))
        gradient = _unflatten(chosen, level.leave(filled(grads, level.xs)))
        value = (y, aux) if has_aux else y
        return gradient, level.leave(value)

    return wrapper


def value_and_grad(func: Function, argnums: Argnums = 0, has_aux: bool = False) -> Function:
    """Return the function that computes ``(value, gradient)``, :func:`grad_and_value` reversed.

    >>> import minigrad as mg
    >>> mg.func.value_and_grad(lambda x: x**3)(mg.tensor(2.0))
    (tensor(8.), tensor(12.))
    """
    both = grad_and_value(func, argnums, has_aux)

    @functools.wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        gradient, value = both(*args, **kwargs)
        return value, gradient

    return wrapper


def vjp(func: Function, *primals: Any, has_aux: bool = False) -> Any:
    """Return ``func(*primals)`` and the function from a cotangent to the gradients.

    These are a tuple, one per primal. With ``has_aux`` func returns ``(output, aux)``, and ``aux``
    is returned, too. Raises RuntimeError for cotangents that are not nested and shaped as the
    output.
    https://docs.pytorch.org/docs/stable/generated/torch.func.vjp.html

    >>> import minigrad as mg
    >>> y, back = mg.func.vjp(lambda x: x * x, mg.tensor([1.0, 2.0]))
    >>> back(mg.ones(2))
    (tensor([2., 4.]),)
    """
    level = Level()
    chosen, output, aux = _run(level, func, tuple(range(len(primals))), has_aux, primals, {}, "vjp")
    ys = _tensors(output, "vjp(f, *primals)")

    def back(cotangents: Any) -> Any:
        vs = list(tree_leaves(cotangents))
        if not same_nesting(output, cotangents):
            raise RuntimeError(
                "Expected pytree structure of cotangents to be the same as pytree structure of "
                f"outputs to the function: {len(ys)} outputs, {len(vs)} cotangents, "
                "or nested otherwise."
            )
        for i, (v, y) in enumerate(zip(vs, ys, strict=True)):
            if v.shape != y.shape:
                raise RuntimeError(
                    f"Mismatch in shape: grad_output[{i}] has a shape of {v.shape} "
                    f"and output[{i}] has a shape of {y.shape}."
                )
        grads = pull(ys, level.xs, vs, level.depends_on_outer(ys, vs))
        return _unflatten(chosen, level.leave(filled(grads, level.xs)))

    result = level.leave(output)
    return (result, back, level.leave(aux)) if has_aux else (result, back)


def jvp(
    func: Function, primals: Any, tangents: Any, *, strict: bool = False, has_aux: bool = False
) -> Any:
    """Return ``func(*primals)`` and its change along ``tangents``: the Jacobian times them.

    Computed by two backward sweeps, so every operation must have a second derivative. ``strict``
    raises RuntimeError for an output that does not depend on the primals.
    https://docs.pytorch.org/docs/stable/generated/torch.func.jvp.html

    >>> import minigrad as mg
    >>> mg.func.jvp(lambda x: x * x, (mg.tensor(3.0),), (mg.tensor(1.0),))
    (tensor(9.), tensor(6.))
    """
    _check_primals(primals, "jvp(f, primals, tangents)")
    if not primals:
        raise RuntimeError(
            "jvp(f, primals, tangents): Expected primals to contain at least one Tensor."
        )
    if not same_nesting(primals, tangents):
        raise RuntimeError(
            "jvp(f, primals, tangents): Expected primals and tangents to have the same python "
            f"structure; got {len(primals)} primals and tangents {tangents!r:.60}"
        )
    level = Level()
    _, output, aux = _run(level, func, tuple(range(len(primals))), has_aux, primals, {}, "jvp")
    us = list(tree_leaves(tangents))
    for u, x in zip(us, level.xs, strict=True):
        if u.shape != x.shape:
            raise RuntimeError(
                "Trying to set a forward gradient that has a different size than that of the "
                f"original Tensor, this is not supported. Tensor is of size {list(x.shape)} while "
                f"the given forward gradient is of size {list(u.shape)}."
            )
    ys = _tensors(output, "jvp(f, primals, tangents)")
    products = Linear(ys, level.xs).push(us, level.depends_on_outer(ys, us))
    if strict and None in products:
        raise RuntimeError(
            "jvp(f, primals, tangents, strict=True): The output of f is independent of the inputs."
        )
    result = level.leave(output)
    tangent = level.leave(_unflatten(output, filled(products, ys)))
    return (result, tangent, level.leave(aux)) if has_aux else (result, tangent)


def _check_primals(primals: Any, call: str) -> None:
    if not isinstance(primals, tuple):
        raise RuntimeError(
            f"{call}: Expected primals to be a tuple, got {type(primals).__name__}. "
            "E.g. it should be valid to call f(*primals)."
        )


# ---- matrices ----------------------------------------------------------------------------------
def jacrev(
    func: Function, argnums: Argnums = 0, *, has_aux: bool = False, chunk_size: int | None = None
) -> Function:
    """Return the function that computes the Jacobian, ``output.shape + input.shape``.

    It needs one sweep per element of the output. Outputs and arguments may be nested: the result is
    a tree of outputs of trees of arguments. ``chunk_size`` changes nothing.
    https://docs.pytorch.org/docs/stable/generated/torch.func.jacrev.html

    >>> import minigrad as mg
    >>> mg.func.jacrev(lambda x: x * x)(mg.tensor([1.0, 2.0]))
    tensor([[2., 0.],
            [0., 4.]])
    """
    if chunk_size is not None and chunk_size <= 0:
        raise ValueError(f"jacrev: `chunk_size` should be greater than 0, got {chunk_size}.")
    return _jacobian(func, argnums, has_aux, "jacrev")


def jacfwd(
    func: Function, argnums: Argnums = 0, has_aux: bool = False, *, randomness: str = "error"
) -> Function:
    """Return the function that computes the Jacobian, with one sweep per element of the input.

    Otherwise it is as :func:`jacrev`; ``randomness`` changes nothing.
    https://docs.pytorch.org/docs/stable/generated/torch.func.jacfwd.html

    >>> import minigrad as mg
    >>> mg.func.jacfwd(lambda x: x * x)(mg.tensor([1.0, 2.0]))
    tensor([[2., 0.],
            [0., 4.]])
    """
    return _jacobian(func, argnums, has_aux, "jacfwd")


def _jacobian(func: Function, argnums: Argnums, has_aux: bool, name: str) -> Function:
    @functools.wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        level = Level()
        chosen, output, aux = _run(level, func, argnums, has_aux, args, kwargs, name)
        ys = _tensors(output, f"{name}(f)(*args)")
        create_graph = level.depends_on_outer(ys)
        if name == "jacfwd":
            blocks = columns(ys, level.xs, create_graph)
        else:
            blocks = [rows(y, level.xs, create_graph) for y in ys]
        jacobians = []
        for y, row in zip(ys, blocks, strict=True):
            row = level.leave(_fill_zeros(row, y, level.xs))
            jacobians.append(_unflatten(chosen, row))
        result = _unflatten(output, jacobians)
        return (result, level.leave(aux)) if has_aux else result

    return wrapper


def hessian(func: Function, argnums: Argnums = 0) -> Function:
    """Return the function that computes the second derivatives, ``input.shape + input.shape``.

    https://docs.pytorch.org/docs/stable/generated/torch.func.hessian.html

    >>> import minigrad as mg
    >>> mg.func.hessian(lambda x: (x**3).sum())(mg.tensor([1.0, 2.0]))
    tensor([[ 6.,  0.],
            [ 0., 12.]])
    """
    return jacrev(jacrev(func, argnums), argnums)


def hvp(func: Function, primals: Any, tangents: Any) -> Any:
    """Return the second derivatives of ``func`` times ``tangents``, without the matrix.

    Both are tuples; the answer is a tensor for one primal and a tuple for more.

    >>> import minigrad as mg
    >>> mg.func.hvp(lambda x: (x**3).sum(), (mg.tensor([1.0, 2.0]),), (mg.ones(2),))
    tensor([ 6., 12.])
    """
    _check_primals(primals, "hvp(f, primals, tangents)")
    every_argument = tuple(range(len(primals)))
    _, back = vjp(grad(func, every_argument), *primals)
    products = back(tangents)
    return products if len(primals) > 1 else products[0]


# ---- running the function ----------------------------------------------------------------------
def _run(
    level: Level,
    func: Function,
    argnums: Argnums,
    has_aux: bool,
    args: Any,
    kwargs: Any,
    name: str,
) -> tuple[Any, Any, Any]:
    """Return the variables as the user counts arguments, the output, and aux."""
    places = _places(argnums, len(args))
    replaced = list(args)
    for place in places:
        replaced[place] = level.variables(args[place], name)
    with recording():
        output = func(*replaced, **kwargs)
    chosen: Any = tuple(replaced[place] for place in places)
    if isinstance(argnums, int):
        (chosen,) = chosen
    if not has_aux:
        return chosen, output, None
    if not isinstance(output, tuple) or len(output) != 2:
        raise RuntimeError(
            f"{name}(f)(*args): output of function f should be a tuple: (output, aux) "
            f"if has_aux is True; got {type(output).__name__}"
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
            "grad_and_value(f)(*args): Expected f(*args) to return a scalar Tensor, got tensor "
            f"with {y.dim()} dims. Maybe you wanted to use the vjp or jacrev APIs instead?"
        )


def _tensors(output: Any, call: str) -> list[Tensor]:
    ys = list(tree_leaves(output))
    for y in ys:
        if not isinstance(y, Tensor):
            raise RuntimeError(
                f"{call}: Expected f to return tensors, got unsupported type {type(y)}"
            )
    return ys


def _unflatten(tree: Any, leaves: Sequence[Any]) -> Any:
    """Return a tree of the same nesting with these leaves."""
    following = iter(leaves)
    return tree_map(lambda _: next(following), tree)


def _fill_zeros(row: list[Tensor | None], y: Tensor, xs: list[Tensor]) -> list[Tensor]:
    """Return one row of the Jacobian, with zeros where ``y`` does not depend on an input."""
    result = []
    for block, x in zip(row, xs, strict=True):
        if block is None:
            block = Tensor._wrap(np.zeros(y.shape + x.shape, y.dtype))
        result.append(block)
    return result
