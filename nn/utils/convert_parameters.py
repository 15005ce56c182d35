"""Parameters seen as one long vector."""

from __future__ import annotations

from collections.abc import Iterable

from minigrad.functions.joining import cat
from minigrad.nn.arguments import tensor_arguments, tensor_list
from minigrad.tensor.tensor import Tensor


def parameters_to_vector(parameters: Iterable[Tensor]) -> Tensor:
    """Return all elements of all parameters in one vector; recorded."""
    return cat([p.reshape(-1) for p in tensor_list(parameters, "parameters_to_vector")])


@tensor_arguments
def vector_to_parameters(vec: Tensor, parameters: Iterable[Tensor]) -> None:
    """Give the parameters the values of a vector, in the order of ``parameters_to_vector``.

    Raises RuntimeError for a vector of another length; nothing is changed then.
    """
    tensors = tensor_list(parameters, "vector_to_parameters")
    total = sum(p.numel() for p in tensors)
    if vec.shape != (total,):
        raise RuntimeError(
            f"vector_to_parameters: expected a vector of {total}, got shape {vec.shape}"
        )
    values = vec.detach()
    start = 0
    for p in tensors:
        end = start + p.numel()
        p.data.copy_(values[start:end].reshape(p.shape))
        start = end
