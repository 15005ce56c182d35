"""Class indices as one-hot vectors."""

from __future__ import annotations

import numpy as np

from minigrad.nn.arguments import tensor_arguments
from minigrad.tensor.tensor import Tensor


@tensor_arguments
def one_hot(tensor: Tensor, num_classes: int = -1) -> Tensor:
    """Return int64 (*, num_classes) with a 1 at each index; -1 takes as many as are needed.

    Raises RuntimeError for a class out of range, and for another dtype than int64.
    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.one_hot.html

    >>> import minigrad as mg
    >>> one_hot(mg.tensor([0, 2])).tolist()
    [[1, 0, 0], [0, 0, 1]]
    """
    if tensor.dtype != np.int64:
        raise RuntimeError(
            f"one_hot is only applicable to index tensor of type LongTensor, got {tensor.dtype}."
        )
    indices = tensor.numpy()
    if not indices.size and num_classes <= 0:
        raise RuntimeError(
            "Can not infer total number of classes from empty tensor. "
            f"Pass num_classes, got {num_classes} and a tensor of shape {tensor.shape}."
        )
    lowest, highest = int(indices.min(initial=0)), int(indices.max(initial=-1))
    n = num_classes if num_classes != -1 else highest + 1
    if lowest < 0:
        raise RuntimeError(f"Class values must be non-negative. Got {lowest}.")
    if highest >= n:
        raise RuntimeError(
            f"Class values must be smaller than num_classes. Got {highest}, num_classes={n}."
        )
    is_class = indices[..., None] == np.arange(n)
    return Tensor._wrap(is_class.astype(np.int64, order="C"))
