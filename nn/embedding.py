"""Tables of vectors, looked up by number: integers (*), weight (num_embeddings, dim)."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.creation import empty, zeros
from minigrad.engine.recording import record_unary
from minigrad.modes import no_grad
from minigrad.nn import init
from minigrad.nn.arguments import tensor_arguments
from minigrad.nn.module import Module
from minigrad.nn.parameter import Parameter, on_cpu
from minigrad.ops import embedding as rows
from minigrad.tensor.tensor import Tensor


@tensor_arguments
def embedding(
    input: Tensor,
    weight: Tensor,
    padding_idx: int | None = None,
    max_norm: float | None = None,
    norm_type: float = 2.0,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Tensor:
    """Return the rows of ``weight`` that ``input`` numbers: (*), (V, D) -> (*, D).

    Row ``padding_idx`` gets no gradient. With ``max_norm`` the rows looked up are first scaled
    down, in place, to that ``norm_type``-norm. ``scale_grad_by_freq`` divides gradients by how
    often a number occurs. ``sparse`` is accepted; gradients are dense.
    Raises RuntimeError for indices that are not integers, IndexError for those outside the table.
    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.embedding.html

    >>> import minigrad as mg
    >>> embedding(mg.tensor([2, 0]), mg.tensor([[0.0, 1.0], [2.0, 3.0], [4.0, 5.0]]))
    tensor([[4., 5.],
            [0., 1.]])
    """
    padding_idx = _checked_padding(padding_idx, weight.shape[0], "Padding_idx")
    indices = _checked_indices("embedding", input, weight)
    if max_norm is not None:
        _renormalize_(weight, indices, max_norm, norm_type)
    options = {"padding_idx": padding_idx, "scale_grad_by_freq": scale_grad_by_freq}
    return record_unary(rows.embedding, weight, {"indices": indices, **options})


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
    indices = _checked_indices("embedding_bag", input, weight).reshape(-1)
    padding_idx = _checked_padding(padding_idx, weight.shape[0], "padding_idx")
    starts = _starts(input, offsets, include_last_offset)
    if max_norm is not None:
        _renormalize_(weight, indices, max_norm, norm_type)
    bags = np.searchsorted(starts[:-1], np.arange(len(indices)), side="right") - 1  # (n,)
    options = {"padding_idx": padding_idx, "scale_grad_by_freq": scale_grad_by_freq}
    vectors = record_unary(rows.embedding, weight, {"indices": indices, **options})  # (n, D)
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
    sizes = np.bincount(bags, minlength=n).reshape(-1, 1)
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


def _checked_padding(padding_idx: int | None, n: int, name: str) -> int | None:
    if padding_idx is None:
        return None
    if not -n <= padding_idx < n:
        raise AssertionError(f"{name} must be within num_embeddings, got {padding_idx} of {n}")
    return padding_idx % n


def _checked_indices(function: str, input: Tensor, weight: Tensor) -> Any:
    indices = input._data
    if indices.dtype not in (np.int64, np.int32):
        raise RuntimeError(
            f"{function}: expected indices of dtype int64 or int32, got {indices.dtype}; "
            "convert first: x.long()"
        )
    if weight.ndim != 2:
        raise RuntimeError(f"'weight' must be 2-D, got {weight.ndim}-D in {function}")
    if indices.size and not (indices.min() >= 0 and indices.max() < weight.shape[0]):
        wrong = indices[(indices < 0) | (indices >= weight.shape[0])][0]
        raise IndexError(
            f"index out of range in self: {function} got {wrong}, the weight has "
            f"{weight.shape[0]} rows"
        )
    return indices.copy()  # written later, it would reach the gradient


def _renormalize_(weight: Tensor, indices: Any, max_norm: float, norm_type: float) -> None:
    """Scale rows that are longer than ``max_norm`` down to it, those that are looked up alone."""
    looked_up = np.unique(indices)
    with no_grad():
        norms = weight.detach()[looked_up].norm(norm_type, dim=1, keepdim=True)
        too_long = (norms > max_norm).numpy()[:, 0]
        rows = looked_up[too_long]
        scale = max_norm / (norms[too_long] + 1e-7)
        weight[rows] = weight[rows] * scale.clamp(max=1.0)


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


class _Table(Module):
    """What the two layers share: the weight, how it starts, and the row of padding."""

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None,
        weight: Tensor | None,
        freeze: bool,
        device: Any,
        dtype: Any,
    ) -> None:
        super().__init__()
        on_cpu(device)
        self.num_embeddings, self.embedding_dim = num_embeddings, embedding_dim
        name = "Padding_idx" if type(self) is Embedding else "padding_idx"
        self.padding_idx = _checked_padding(padding_idx, num_embeddings, name)
        if weight is None:
            data = empty(num_embeddings, embedding_dim, dtype=dtype)
            self.weight = Parameter(data, requires_grad=not freeze)
            self.reset_parameters()
            return
        if tuple(weight.shape) != (num_embeddings, embedding_dim):
            raise AssertionError(
                "Shape of weight does not match num_embeddings and embedding_dim: "
                f"{tuple(weight.shape)} for {(num_embeddings, embedding_dim)}"
            )
        self.weight = Parameter(weight, requires_grad=not freeze)

    def reset_parameters(self) -> None:
        """Draw new initial values from N(0, 1); padding is zeros."""
        init.normal_(self.weight)
        if self.padding_idx is not None:
            with no_grad():
                self.weight[self.padding_idx] = zeros(())

    def extra_repr(self) -> str:
        options = {"max_norm": None, "norm_type": 2, "scale_grad_by_freq": False}
        if isinstance(self, Embedding):
            options = {"padding_idx": None, **options}
        parts = [f"{self.num_embeddings}, {self.embedding_dim}"]
        for name, usual in options.items():
            value = getattr(self, name)
            if value is not usual and value != usual:
                parts.append(f"{name}={value!r}")
        return ", ".join(parts)


class Embedding(_Table):
    """A table of ``num_embeddings`` vectors: integers (*) -> (*, embedding_dim).

    ``weight`` starts from N(0, 1). Row ``padding_idx`` starts as zeros and gets no gradient; with
    ``max_norm`` rows looked up are scaled down to it, in place. Raises AssertionError for a
    ``padding_idx`` outside the table.
    https://docs.pytorch.org/docs/stable/generated/torch.nn.Embedding.html

    >>> import minigrad as mg
    >>> from minigrad import nn
    >>> nn.Embedding(10, 3, padding_idx=0)(mg.tensor([[1, 2, 0]])).shape
    (1, 3, 3)
    """

    def __init__(
        self,
        num_embeddings: int,
        embedding_dim: int,
        padding_idx: int | None = None,
        max_norm: float | None = None,
        norm_type: float = 2.0,
        scale_grad_by_freq: bool = False,
        sparse: bool = False,
        _weight: Tensor | None = None,
        _freeze: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        super().__init__(
            num_embeddings, embedding_dim, padding_idx, _weight, _freeze, device, dtype
        )
        self.max_norm, self.norm_type = max_norm, norm_type
        self.scale_grad_by_freq, self.sparse = scale_grad_by_freq, sparse

    def forward(self, input: Tensor) -> Tensor:
        """Return the rows that ``input`` numbers."""
        return embedding(
            input,
            self.weight,
            self.padding_idx,
            self.max_norm,
            self.norm_type,
            self.scale_grad_by_freq,
            self.sparse,
        )

    @classmethod
    def from_pretrained(
        cls, embeddings: Tensor, freeze: bool = True, padding_idx: int | None = None, **options: Any
    ) -> Embedding:
        """Return a layer with this table (n, dim), by default not trained; options as usual."""
        n, dim = _table_shape(embeddings)
        return cls(n, dim, padding_idx, _weight=embeddings, _freeze=freeze, **options)

    def extra_repr(self) -> str:
        text = super().extra_repr()
        return f"{text}, sparse=True" if self.sparse else text


class EmbeddingBag(_Table):
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
        self.max_norm, self.norm_type = max_norm, norm_type
        self.scale_grad_by_freq, self.mode = scale_grad_by_freq, mode
        self.sparse, self.include_last_offset = sparse, include_last_offset

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
        layer = cls(*_table_shape(embeddings), _weight=embeddings, **options)
        layer.weight.requires_grad_(not freeze)
        return layer

    def extra_repr(self) -> str:
        padding = "" if self.padding_idx is None else f", padding_idx={self.padding_idx}"
        return f"{super().extra_repr()}, mode={self.mode!r}{padding}"


def _table_shape(embeddings: Tensor) -> tuple[int, int]:
    if embeddings.ndim != 2:
        raise AssertionError(
            f"Embeddings parameter is expected to be 2-dimensional, got {embeddings.ndim}"
        )
    num_embeddings, embedding_dim = embeddings.shape
    return num_embeddings, embedding_dim
