"""How far rows are from each other, and how much they point the same way."""

from __future__ import annotations

import numpy as np

from minigrad.functions.p_norm import norm
from minigrad.nn.arguments import tensor_arguments
from minigrad.nn.module import Module
from minigrad.tensor.tensor import Tensor


@tensor_arguments
def pairwise_distance(
    x1: Tensor, x2: Tensor, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False
) -> Tensor:
    """Return the p-norm of x1 − x2 + eps over the last dimension: (*, D), (*, D) -> (*).

    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.pairwise_distance.html

    >>> import minigrad as mg
    >>> pairwise_distance(mg.tensor([[3.0, 4.0]]), mg.zeros(1, 2), eps=0.0)
    tensor([5.])
    """
    return norm(x1 - x2 + eps, p, -1, keepdim)


@tensor_arguments
def cosine_similarity(x1: Tensor, x2: Tensor, dim: int = 1, eps: float = 1e-8) -> Tensor:
    """Return x1 · x2 / (|x1| |x2|) along ``dim``, no norm below ``eps``; operands broadcast.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.cosine_similarity.html

    >>> import minigrad as mg
    >>> cosine_similarity(mg.tensor([[1.0, 0.0]]), mg.tensor([[3.0, 4.0]]))
    tensor([0.6000])
    """
    _check_floats("cosine_similarity", x1, x2)
    directions = [x / _at_least(norm(x, 2, dim, True), eps) for x in (x1, x2)]
    return (directions[0] * directions[1]).sum(dim)


def _at_least(length: Tensor, eps: float) -> Tensor:
    """Return the norm, ``eps`` where it is smaller; the gradient is the norm's all the same."""
    values = length._data
    return length + Tensor._wrap(np.maximum(values, values.dtype.type(eps)) - values)


@tensor_arguments
def pdist(input: Tensor, p: float = 2.0) -> Tensor:
    """Return the p-norm of the difference of every two rows: (N, D) -> (N (N − 1) / 2,).

    Rows 0 and 1 come first, then 0 and 2, …. Raises RuntimeError unless input is a matrix.
    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.pdist.html

    >>> import minigrad as mg
    >>> pdist(mg.tensor([[0.0, 0.0], [3.0, 4.0]]))
    tensor([5.])
    """
    if input.ndim != 2:
        raise RuntimeError(f"pdist only supports 2D tensors, got: {input.ndim}D")
    if p < 0:
        raise RuntimeError(f"pdist only supports non-negative p values, got {p}")
    _check_floats("pdist", input)
    first, second = np.triu_indices(input.shape[0], 1)
    return norm(input[first] - input[second], p, -1)


def _check_floats(function: str, *operands: Tensor) -> None:
    for x in operands:
        if not x.is_floating_point():
            raise RuntimeError(
                f"{function}: expected common dtype to be floating point, yet common dtype is "
                f"{x.dtype}"
            )


class PairwiseDistance(Module):
    """The p-norm of x1 − x2 + eps over the last dimension; see :func:`pairwise_distance`.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.PairwiseDistance.html
    """

    def __init__(self, p: float = 2.0, eps: float = 1e-6, keepdim: bool = False) -> None:
        super().__init__()
        self.norm, self.eps, self.keepdim = p, eps, keepdim

    def forward(self, x1: Tensor, x2: Tensor) -> Tensor:
        """Return the distance of each two rows."""
        return pairwise_distance(x1, x2, self.norm, self.eps, self.keepdim)


class CosineSimilarity(Module):
    """x1 · x2 / (|x1| |x2|) along ``dim``; see :func:`cosine_similarity`.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.CosineSimilarity.html
    """

    def __init__(self, dim: int = 1, eps: float = 1e-8) -> None:
        super().__init__()
        self.dim, self.eps = dim, eps

    def forward(self, x1: Tensor, x2: Tensor) -> Tensor:
        """Return the similarity of each two vectors."""
        return cosine_similarity(x1, x2, self.dim, self.eps)
