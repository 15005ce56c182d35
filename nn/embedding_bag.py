"""Bags of vectors from a table, joined by sum, mean or maximum."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.engine.recording import record_unary
from minigrad.nn.arguments import tensor_arguments
from minigrad.nn.embedding import Table, checked_indices, checked_padding, renormalize_, table_shape
from minigrad.ops import embedding as ops
from minigrad.places import count_places
from minigrad.tensor.tensor import Tensor


@tensor_arguments
def embedding_bag(
    input: Tensor,
    weight: Tensor,
    offsets: Tensor | None = None,
    max_norm: float | None = None,
    norm_type: float = 2,
    scale_grad_by_freq: bool = False,
    mode: str = "mean",
    sparse: bool = False,
    per_sample_weights: Tensor | None = None,
    include_last_offset: bool = False,
    padding_idx: int | None = None,
) -> Tensor:
    """Look up rows and join those of a bag by 'sum', 'mean' or 'max': (B, N) -> (B, D).

    One-dimensional input holds the bags one behind the other; ``offsets`` (B,) says where each
    begins, with ``include_last_offset`` also where the last ends. An empty bag is zeros; rows of
    ``padding_idx`` do not count. ``per_sample_weights`` has the input's shape, for sums.
    Raises ValueError for shapes that do not fit, and for an unknown mode.
    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.embedding_bag.html

    >>> import minigrad as mg
    >>> table = mg.tensor([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]])
    >>> embedding_bag(mg.tensor([0, 1, 2]), table, mg.tensor([0, 2]), mode="sum")
    tensor([[2., 4.],
            [4., 5.]])
    """
    _check_bags(input, weight, offsets, per_sample_weights, mode, scale_grad_by_freq, sparse)
    indices = checked_indices("embedding_bag", input, weight).reshape(-1)
    padding_idx = checked_padding(padding_idx, weight.shape[0], "padding_idx")
    starts = _starts(input, offsets, include_last_offset)
    if max_norm is not None:
        renormalize_(weight, indices, max_norm, norm_type)
    bags = np.searchsorted(starts[:-1], np.arange(len(indices)), side="right") - 1  # (n,)
    options = {"padding_idx": padding_idx, "scale_grad_by_freq": scale_grad_by_freq}
    options["indices"] = indices
    vectors = record_unary(ops.embedding, weight, options)  # (n, D)
    counts = indices != (-1 if padding_idx is None else padding_idx)  # (n,)
    if mode == "max":
        return _largest(vectors, bags, counts, len(starts) - 1)
    if per_sample_weights is not None:
        vectors = vectors * per_sample_weights.reshape(-1, 1)
    return _joined(vectors, bags, counts, len(starts) - 1, mode)


def _joined(vectors: Tensor, bags: Any, counts: Any, n: int, mode: str) -> Tensor:
    """Return sums or means of the vectors (n, D) of each bag, those alone that count."""
    bags = bags[counts]
    summed = vectors.new_zeros(n, vectors.shape[1])
    summed = summed.index_add(0, Tensor._wrap(bags), vectors[counts])
    if mode == "sum":
        return summed
    sizes = count_places(bags, minlength=n).reshape(-1, 1)
    sizes = np.maximum(sizes, 1).astype(summed.dtype)
    return summed / Tensor._wrap(sizes)


def _largest(vectors: Tensor, bags: Any, counts: Any, n: int) -> Tensor:
    """Return the largest of each column among the vectors of a bag: of equals the first."""
    places = np.zeros((n, vectors.shape[1]), np.intp)
    filled = np.zeros((n, 1), bool)
    for bag in np.unique(bags[counts]):
        members = np.flatnonzero((bags == bag) & counts)
        largest = vectors._data[members].argmax(0)
        places[bag] = members[largest]
        filled[bag] = True
    if not len(bags):
        return vectors.new_zeros(n, vectors.shape[1])
    result = vectors.gather(0, Tensor._wrap(places))
    return result.masked_fill(Tensor._wrap(~filled), 0.0)


def _check_bags(
    input: Tensor,
    weight: Tensor,
    offsets: Tensor | None,
    per_sample_weights: Tensor | None,
    mode: str,
    scale_grad_by_freq: bool,
    sparse: bool,
) -> None:
    if per_sample_weights is not None and per_sample_weights.shape != input.shape:
        raise ValueError(
            f"embedding_bag: If per_sample_weights ({per_sample_weights.shape}) is not None, "
            f"then it must have the same shape as the input ({input.shape})"
        )
    if weight.ndim != 2:
        raise ValueError(f"weight has to be a 2D Tensor, but got Tensor of dimension {weight.ndim}")
    if input.ndim not in (1, 2):
        raise ValueError(
            f"input has to be 1D or 2D Tensor, but got Tensor of dimension {input.ndim}"
        )
    if input.ndim == 2 and offsets is not None:
        raise ValueError(
            "if input is 2D, then offsets has to be None, as input is treated is a mini-batch of "
            f"fixed length sequences. However, found offsets of type {type(offsets)}"
        )
    if input.ndim == 1 and (offsets is None or offsets.ndim != 1):
        got = None if offsets is None else f"one of shape {tuple(offsets.shape)}"
        raise ValueError(f"offsets has to be a 1D Tensor but got {got}")
    if mode not in ("sum", "mean", "max"):
        raise ValueError(f"mode has to be one of sum, mean or max, got {mode!r}")
    if mode == "max" and (scale_grad_by_freq or sparse):
        refused = (
            "scaling the gradient by the frequency" if scale_grad_by_freq else "sparse weights"
        )
        raise ValueError(f"max mode does not support {refused}")
    if per_sample_weights is not None and mode != "sum":
        raise NotImplementedError(
            "embedding_bag: per_sample_weights was not None. per_sample_weights is only supported "
            f"for mode='sum' (got mode='{mode}')"
        )


def _starts(input: Tensor, offsets: Tensor | None, include_last_offset: bool) -> Any:
    """Return where each bag begins in the flat input, and where the last one ends."""
    if offsets is None:
        return np.arange(input.shape[0] + 1) * input.shape[1]
    starts = offsets._data
    if len(starts) and starts[0] != 0:
        raise RuntimeError(
            f"embedding_bag: offsets[0] has to be 0, i.e., the first sequence in the mini-batch "
            f"has to start from position 0. However, got {starts[0]}"
        )
    if len(starts) and starts[-1] > len(input):
        raise RuntimeError(
            f"embedding_bag: offsets[-1] can not be greater than input's length "
            f"({len(input)}), but got offsets[-1] of {starts[-1]}"
        )
    return starts if include_last_offset else np.append(starts, len(input))


class EmbeddingBag(Table):
    """An :class:`Embedding` whose vectors are joined bag by bag: (B, N) -> (B, embedding_dim).

    ``mode`` is 'mean', 'sum' or 'max'; see :func:`embedding_bag` for offsets and weights.
    https://docs.pytorch.org/docs/stable/generated/torch.nn.EmbeddingBag.html

    >>> import minigrad as mg
    >>> from minigrad import nn
    >>> nn.EmbeddingBag(10, 3, mode="sum")(mg.tensor([[1, 2], [4, 5]])).shape
    (2, 3)
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        mode: str = "mean",
        sparse: bool = False,
        _weight: Tensor | None = None,
        include_last_offset: bool = False,
        padding_idx: int | None = None,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(num_embeddings, embedding_dim, padding_idx, _weight, False, device, dtype)
        self.max_norm = max_norm
        self.norm_type = norm_type
        self.scale_grad_by_freq = scale_grad_by_freq
        self.mode = mode
        self.sparse = sparse
        self.include_last_offset = include_last_offset

    def forward(
        self, input: Tensor, offsets: Tensor | None = None, per_sample_weights: Tensor | None = None
    ) -> Tensor:
        """Return the joined rows of each bag."""
        return embedding_bag(
            input,
            self.weight,
            offsets,
            self.max_norm,
            self.norm_type,
            self.scale_grad_by_freq,
            self.mode,
            self.sparse,
            per_sample_weights,
            self.include_last_offset,
            self.padding_idx,
        )

    @classmethod
    def from_pretrained(
        cls, embeddings: Tensor, freeze: bool = True, **options: Any
    ) -> EmbeddingBag:
        """Return a layer with this table (n, dim), by default not trained; options as usual."""
        layer = cls(*table_shape(embeddings), _weight=embeddings, **options)
        layer.weight.requires_grad_(not freeze)
        return layer

    def extra_repr(self) -> str:
        padding = "" if self.padding_idx is None else f", padding_idx={self.padding_idx}"
        return f"{super().extra_repr()}, mode={self.mode!r}{padding}"
