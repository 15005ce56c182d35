"""vmap, the simple way: the function runs once an element of the batch, and the results are stacked."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from minigrad.functions.joining import stack
from minigrad.random import default_generator
from minigrad.tensor.tensor import Tensor
from minigrad.utils.tree import tree_leaves, tree_map

Pick = Callable[[Tensor, int], Tensor]
_RANDOMNESS = ("error", "different", "same")


def vmap(
    func: Callable[..., Any],
    in_dims: Any = 0,
    out_dims: Any = 0,
    randomness: str = "error",
    *,
    chunk_size: int | None = None,
) -> Callable[..., Any]:
    """Return the function that maps ``func`` over a dimension of its arguments and stacks what it returns.

    ``in_dims`` says which: a number for all arguments, or a tuple with a number or None (not mapped)
    for each, nested as the argument is; ``out_dims`` says where it stands in the results. It is a loop
    of ordinary recorded calls: right to every order and no faster than one. ``randomness`` is
    "error", "different" or "same" for the elements; ``chunk_size`` changes nothing. Raises ValueError
    where dimensions do not fit, RuntimeError for random numbers where they are not allowed.
    https://docs.pytorch.org/docs/stable/generated/torch.func.vmap.html

    >>> import minigrad as mg
    >>> mg.func.vmap(mg.func.grad(lambda x: x**2))(mg.tensor([1.0, 2.0, 3.0]))
    tensor([2., 4., 6.])
    """
    if randomness not in _RANDOMNESS:
        raise RuntimeError(
            f"Only allowed values for randomness are {', '.join(_RANDOMNESS)}. Got {randomness}"
        )
    if chunk_size is not None and chunk_size <= 0:
        raise ValueError(f"vmap: chunk_size should be None or greater than 0. (got {chunk_size})")
    name = getattr(func, "__name__", type(func).__name__)

    @functools.wraps(func)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        if not args:
            raise ValueError(
                f"vmap({name})(<inputs>): got no inputs. vmap maps over positional arguments."
            )
        pairs = list(_paired(args, in_dims, f"vmap({name}, in_dims={in_dims}, ...)(<inputs>)"))
        size = _batch_size(pairs)
        if size == 0:  # a call with zeros tells the shapes
            return _stacked(
                [func(*_picked(args, in_dims, _zeros), **kwargs)], out_dims, name, empty=True
            )
        results = []
        state = default_generator.get_state()
        for i in range(size):
            results.append(func(*_picked(args, in_dims, _element(i)), **kwargs))
            if randomness != "different" and not np.array_equal(
                default_generator.get_state(), state
            ):
                if randomness == "error" or i < size - 1:
                    default_generator.set_state(state)
                if randomness == "error":
                    raise RuntimeError(
                        "vmap: called random operation while in randomness error mode. Please either use the "
                        "'same' or 'different' randomness flags on vmap or perform the randomness operation out of vmap"
                    )
        return _stacked(results, out_dims, name)

    return wrapper


def _paired(arg: Any, dim: Any, call: str) -> Iterator[tuple[Tensor, int]]:
    """Yield each tensor that is mapped with its dimension, non-negative."""
    if not isinstance(dim, (int, tuple, list, dict)):
        raise ValueError(
            f"{call}: expected `in_dims` to be int or a (potentially nested) tuple matching the structure of "
            f"inputs, got: {type(dim)}."
        )
    for x, d in _zipped(arg, dim, call):
        if d is None:
            continue
        if not isinstance(x, Tensor):
            raise ValueError(
                f"{call}: Got in_dim={d} for an input but the input is of type {type(x)}. We cannot vmap over "
                "non-Tensor arguments, please use None as the respective in_dim"
            )
        if not -x.dim() <= d < x.dim():
            raise ValueError(
                f"{call}: Got in_dim={d} for some input, but that input is a Tensor of dimensionality {x.dim()} "
                f"so expected in_dim to satisfy -{x.dim()} <= in_dim < {x.dim()}."
            )
        yield x, d % x.dim()


def _zipped(arg: Any, dim: Any, call: str) -> Iterator[tuple[Any, Any]]:
    if dim is None or isinstance(dim, int):
        for x in tree_leaves(arg):
            yield x, dim
        return
    fits = type(arg) is dict if isinstance(dim, dict) else isinstance(arg, (tuple, list))
    if not fits or len(arg) != len(dim):
        raise ValueError(
            f"{call}: in_dims is not compatible with the structure of `inputs`: {dim} for {len(arg)} inputs."
        )
    for key in dim if isinstance(dim, dict) else range(len(dim)):
        yield from _zipped(arg[key], dim[key], call)


def _batch_size(pairs: list[tuple[Tensor, int]]) -> int:
    sizes = [x.shape[d] for x, d in pairs]
    if not sizes:
        raise ValueError("vmap: Expected at least one Tensor to vmap over: every in_dims is None")
    if len(set(sizes)) > 1:
        raise ValueError(
            "vmap: Expected all tensors to have the same size in the mapped dimension, got sizes "
            f"{sizes} for the mapped dimension"
        )
    return sizes[0]


def _picked(arg: Any, dim: Any, pick: Pick) -> Any:
    """Return the arguments of one call: what ``pick`` takes from each tensor that is mapped."""
    if dim is None:
        return arg
    if isinstance(dim, int):
        return tree_map(lambda x: pick(x, dim % x.dim()), arg)
    if isinstance(arg, dict):
        return {key: _picked(arg[key], dim[key], pick) for key in arg}
    return type(arg)(_picked(a, d, pick) for a, d in zip(arg, dim, strict=True))


def _element(i: int) -> Pick:
    return lambda x, dim: x[(slice(None),) * dim + (i,)]


def _zeros(x: Tensor, dim: int) -> Tensor:
    return Tensor._wrap(np.zeros(x.shape[:dim] + x.shape[dim + 1 :], x.dtype))


def _stacked(results: list[Any], out_dims: Any, name: str, empty: bool = False) -> Any:
    """Return the results of all calls as one, nested as each; ``empty`` keeps nothing but the shapes."""
    for y in tree_leaves(results[0]):
        if not isinstance(y, Tensor):
            raise ValueError(
                f"vmap({name}, ...): `{name}` must only return Tensors, got type {type(y)}."
            )
    first = results[0]
    if isinstance(out_dims, (tuple, list)):
        if not isinstance(first, (tuple, list)) or len(first) != len(out_dims):
            raise ValueError(
                f"vmap({name}, ..., out_dims={out_dims})(<inputs>): out_dims is not compatible with the structure "
                "of `outputs`."
            )
        return type(first)(
            _stacked([r[k] for r in results], d, name, empty) for k, d in enumerate(out_dims)
        )
    if isinstance(first, dict):
        return {key: _stacked([r[key] for r in results], out_dims, name, empty) for key in first}
    if isinstance(first, (tuple, list)):
        parts = [
            _stacked([r[k] for r in results], out_dims, name, empty) for k in range(len(first))
        ]
        return type(first)(*parts) if hasattr(first, "_fields") else type(first)(parts)
    if out_dims is None:
        if any(
            not np.array_equal(y._data, first._data, equal_nan=y.is_floating_point())
            for y in results
        ):
            raise ValueError(
                f"vmap({name}, ...): `{name}` can not return a BatchedTensor when out_dim is None: the elements differ"
            )
        return first
    whole = stack(results, out_dims)
    return whole.narrow(out_dims, 0, 0) if empty else whole
