"""vmap as a loop: the function runs once per element, and the results are stacked."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from minigrad.functions.joining import stack
from minigrad.random import default_generator
from minigrad.tensor.tensor import Tensor
from minigrad.utils.tree import tree_leaves, tree_map

Select = Callable[[Tensor, int], Tensor]
_RANDOMNESS = ("error", "different", "same")


def vmap(
    func: Callable[..., Any],
    in_dims: Any = 0,
    out_dims: Any = 0,
    randomness: str = "error",
    *,
    chunk_size: int | None = None,
) -> Callable[..., Any]:
    """Return the function that maps ``func`` over a dimension of its arguments.

    The results are stacked. ``in_dims`` says which dimension: a number for all arguments, or a
    tuple with a number or None (not mapped) for each, nested as the argument is; ``out_dims`` says
    where it stands in the results. It is a loop of ordinary recorded calls: right to every order
    and no faster than one. ``randomness`` is "error", "different" or "same" for the elements;
    ``chunk_size`` changes nothing. Raises ValueError where dimensions do not fit, RuntimeError for
    random numbers where they are not allowed.
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
        call = f"vmap({name}, in_dims={in_dims}, ...)(<inputs>)"
        size = _batch_size(list(_mapped_tensors(args, in_dims, call)))
        if size == 0:  # one call with zeros gives the shapes
            result = func(*_select(args, in_dims, _zeros), **kwargs)
            return _stack_results([result], out_dims, name, empty=True)
        state = default_generator.get_state()
        results = []
        for i in range(size):
            results.append(func(*_select(args, in_dims, _element(i)), **kwargs))
            if randomness != "different":
                _rewind_generator(state, randomness, is_last=i == size - 1)
        return _stack_results(results, out_dims, name)

    return wrapper


def _rewind_generator(state: Any, randomness: str, is_last: bool) -> None:
    """Let the next element draw the same random numbers; raise where none are allowed."""
    if np.array_equal(default_generator.get_state(), state):
        return
    if randomness == "error" or not is_last:
        default_generator.set_state(state)
    if randomness == "error":
        raise RuntimeError(
            f"vmap: called random operation while in randomness {randomness} mode. Please either "
            "use the 'same' or 'different' randomness flags on vmap or perform the randomness "
            "operation out of vmap"
        )


def _mapped_tensors(arg: Any, dim: Any, call: str) -> Iterator[tuple[Tensor, int]]:
    """Yield each tensor that is mapped with its dimension, non-negative."""
    if not isinstance(dim, (int, tuple, list, dict)):
        raise ValueError(
            f"{call}: expected `in_dims` to be int or a (potentially nested) tuple matching the "
            f"structure of inputs, got: {type(dim)}."
        )
    for x, d in _match_dims(arg, dim, call):
        if d is None:
            continue
        if not isinstance(x, Tensor):
            raise ValueError(
                f"{call}: Got in_dim={d} for an input but the input is of type {type(x)}. "
                "We cannot vmap over non-Tensor arguments, please use None as the respective in_dim"
            )
        if not -x.dim() <= d < x.dim():
            raise ValueError(
                f"{call}: Got in_dim={d} for some input, but that input is a Tensor of "
                f"dimensionality {x.dim()} so expected in_dim to satisfy "
                f"-{x.dim()} <= in_dim < {x.dim()}."
            )
        yield x, d % x.dim()


def _match_dims(arg: Any, dim: Any, call: str) -> Iterator[tuple[Any, Any]]:
    if dim is None or isinstance(dim, int):
        for x in tree_leaves(arg):
            yield x, dim
        return
    if isinstance(dim, dict):
        fits, keys = type(arg) is dict, list(dim)
    else:
        fits, keys = isinstance(arg, (tuple, list)), list(range(len(dim)))
    if not fits or len(arg) != len(dim):
        raise ValueError(
            f"{call}: in_dims is not compatible with the structure of `inputs`: "
            f"{dim} for {len(arg)} inputs."
        )
    for key in keys:
        yield from _match_dims(arg[key], dim[key], call)


def _batch_size(pairs: list[tuple[Tensor, int]]) -> int:
    sizes = [x.shape[d] for x, d in pairs]
    if not sizes:
        raise ValueError("vmap: Expected at least one Tensor to vmap over: every in_dims is None")
    if len(set(sizes)) > 1:
        raise ValueError(
            "vmap: Expected all tensors to have the same size in the mapped dimension, "
            f"got sizes {sizes} for the mapped dimension"
        )
    return sizes[0]


def _select(arg: Any, dim: Any, select: Select) -> Any:
    """Return the arguments of one call: what ``select`` takes from each mapped tensor."""
    if dim is None:
        return arg
    if isinstance(dim, int):
        return tree_map(lambda x: select(x, dim % x.dim()), arg)
    if isinstance(arg, dict):
        return {key: _select(arg[key], dim[key], select) for key in arg}
    parts = []
    for part, part_dim in zip(arg, dim, strict=True):
        parts.append(_select(part, part_dim, select))
    return type(arg)(parts)


def _element(i: int) -> Select:
    return lambda x, dim: x[(slice(None),) * dim + (i,)]


def _zeros(x: Tensor, dim: int) -> Tensor:
    return Tensor._wrap(np.zeros(x.shape[:dim] + x.shape[dim + 1 :], x.dtype))


def _stack_results(results: list[Any], out_dims: Any, name: str, empty: bool = False) -> Any:
    """Return the results of all calls as one, nested as each is.

    ``empty`` keeps nothing but the shapes.
    """
    for y in tree_leaves(results[0]):
        if not isinstance(y, Tensor):
            raise ValueError(
                f"vmap({name}, ...): `{name}` must only return Tensors, got type {type(y)}."
            )
    first = results[0]

    def stack_part(key: Any, dims: Any) -> Any:
        return _stack_results([result[key] for result in results], dims, name, empty)

    if isinstance(out_dims, (tuple, list)):
        if not isinstance(first, (tuple, list)) or len(first) != len(out_dims):
            raise ValueError(
                f"vmap({name}, ..., out_dims={out_dims})(<inputs>): out_dims is not compatible "
                "with the structure of `outputs`."
            )
        return type(first)(stack_part(k, dims) for k, dims in enumerate(out_dims))
    if isinstance(first, dict):
        return {key: stack_part(key, out_dims) for key in first}
    if isinstance(first, (tuple, list)):
        parts = [stack_part(k, out_dims) for k in range(len(first))]
        return type(first)(*parts) if hasattr(first, "_fields") else type(first)(parts)
    if out_dims is None:
        return _common_result(results, name)
    stacked = stack(results, out_dims)
    return stacked.narrow(out_dims, 0, 0) if empty else stacked


def _common_result(results: list[Tensor], name: str) -> Tensor:
    """Return the result that all calls have in common; ValueError where they differ."""
    first = results[0]
    for y in results:
        if not np.array_equal(y._data, first._data, equal_nan=y.is_floating_point()):
            raise ValueError(
                f"vmap({name}, ...): `{name}` can not return a BatchedTensor when out_dim is None: "
                "the elements differ"
            )
    return first
