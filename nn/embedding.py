"""Tables of vectors, looked up by number: integers (*), weight (num_embeddings, dim)."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.creation import empty, zeros
from minigrad.engine.recording import record_unary
from minigrad.functions.elementwise import where
from minigrad.modes import no_grad
from minigrad.nn import init
from minigrad.nn.arguments import tensor_arguments
from minigrad.nn.module import Module
from minigrad.nn.parameter import Parameter, on_cpu
from minigrad.ops import embedding as ops
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
    padding_idx = checked_padding(padding_idx, weight.shape[0], "Padding_idx")
    indices = checked_indices("embedding", input, weight)
    if max_norm is not None:
        renormalize_(weight, indices, max_norm, norm_type)
    options = {"padding_idx": padding_idx, "scale_grad_by_freq": scale_grad_by_freq}
    return record_unary(ops.embedding, weight, {"indices": indices, **options})


def checked_padding(padding_idx: int | None, n: int, name: str) -> int | None:
    """Return the row of padding counted from the front; AssertionError for one outside."""
    if padding_idx is None:
        return None
    if not -n <= padding_idx < n:
        raise AssertionError(f"{name} must be within num_embeddings, got {padding_idx} of {n}")
    return padding_idx % n


def checked_indices(function: str, input: Tensor, weight: Tensor) -> Any:
    """Return the indices as an array; RuntimeError for another dtype, IndexError outside."""
    indices = input._data
    if indices.dtype not in (np.int64, np.int32):
        raise RuntimeError(
            f"{function}: expected indices of dtype int64 or int32, got {indices.dtype}; "
            "convert first: x.long()"
        )
    if weight.ndim != 2:
        raise RuntimeError(f"'weight' must be 2-D, got {weight.ndim}-D in {function}")
    rows = weight.shape[0]
    outside = (indices < 0) | (indices >= rows)
    if outside.any():
        raise IndexError(
            f"index out of range in self: {function} got {indices[outside][0]}, the weight has "
            f"{rows} rows"
        )
    return indices.copy()  # written later, it would reach the gradient


def renormalize_(weight: Tensor, indices: Any, max_norm: float, norm_type: float) -> None:
    """Scale rows that are longer than ``max_norm`` down to it, those that are looked up alone."""
    with no_grad():
        rows = weight.detach()[indices]  # (*, D); one that is looked up twice is written twice
        norms = rows.norm(norm_type, dim=-1, keepdim=True)  # (*, 1)
        scale = (max_norm / (norms + 1e-7)).clamp(max=1.0)
        weight[indices] = rows * where(norms > max_norm, scale, 1.0)


class Table(Module):
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
        self.num_embeddings = num_embeddings
        self.embedding_dim = embedding_dim
        name = "Padding_idx" if isinstance(self, Embedding) else "padding_idx"
        self.padding_idx = checked_padding(padding_idx, num_embeddings, name)
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


class Embedding(Table):
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
        self.max_norm = max_norm
        self.norm_type = norm_type
        self.scale_grad_by_freq = scale_grad_by_freq
        self.sparse = sparse

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
        n, dim = table_shape(embeddings)
        return cls(n, dim, padding_idx, _weight=embeddings, _freeze=freeze, **options)

    def extra_repr(self) -> str:
        text = super().extra_repr()
        return f"{text}, sparse=True" if self.sparse else text


def table_shape(embeddings: Tensor) -> tuple[int, int]:
    """Return (rows, width) of a table; AssertionError for another rank."""
    if embeddings.ndim != 2:
        raise AssertionError(
            f"Embeddings parameter is expected to be 2-dimensional, got {embeddings.ndim}"
        )
    num_embeddings, embedding_dim = embeddings.shape
    return num_embeddings, embedding_dim
