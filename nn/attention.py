"""Attention: each query takes a mean of the values, weighted by how well their keys fit.

Shapes: N samples, H heads, L queries, S keys and values, E the width of queries and keys.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from typing import Any

import numpy as np

from minigrad.backends import cuda
from minigrad.nn.arguments import tensor_arguments
from minigrad.nn.dropout import dropout
from minigrad.nn.softmax import softmax
from minigrad.ops.attention import masked_softmax
from minigrad.tensor.tensor import Tensor


@tensor_arguments
def scaled_dot_product_attention(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    attn_mask: Tensor | None = None,
    dropout_p: float = 0.0,
    is_causal: bool = False,
    scale: float | None = None,
    enable_gqa: bool = False,
) -> Tensor:
    """Return softmax(query keyᵀ · scale + mask) value.

    The shapes are (*, L, E), (*, S, E), (*, S, V) -> (*, L, V).
    ``attn_mask`` (*, L, S) is added, or says by bools which keys a query sees; ``is_causal`` lets
    query i see keys 0 to i. A query that sees none gets zeros. ``scale`` is 1/√E by default;
    ``enable_gqa`` lets several heads of queries share one of keys and values.
    Raises RuntimeError for shapes and dtypes that do not fit, and for a mask beside ``is_causal``.
    https://arxiv.org/abs/1706.03762, equation 1;
    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.scaled_dot_product_attention.html

    >>> import minigrad as mg
    >>> x = mg.tensor([[1.0, 0.0], [0.0, 1.0]])
    >>> scaled_dot_product_attention(x, x, x, is_causal=True)
    tensor([[1.0000, 0.0000],
            [0.3302, 0.6698]])
    """
    _check_operands(query, key, value, attn_mask)
    if not 0 <= dropout_p <= 1:
        raise RuntimeError(f"dropout probability has to be between 0 and 1, but got {dropout_p}")
    if is_causal and attn_mask is not None:
        raise RuntimeError(
            f"Explicit attn_mask should not be set when is_causal=True, got one of "
            f"{list(attn_mask.shape)}: add the causal mask to it"
        )
    if enable_gqa:
        key, value = (_repeated_heads(x, query) for x in (key, value))
    mask = None if attn_mask is None else additive_mask(attn_mask, query, masked_out=False)
    if is_causal:
        mask = _causal(query.shape[-2], key.shape[-2], query.dtype)

    scores = _scores(query, key, scale)
    weights = softmax(scores, dim=-1) if mask is None else masked_softmax(scores, mask)
    return dropout(weights, dropout_p) @ value


def attention_weights(
    query: Tensor, key: Tensor, mask: Tensor | None, scale: float | None = None
) -> Tensor:
    """Return softmax(query keyᵀ · scale + mask): how much each query takes of each value."""
    scores = _scores(query, key, scale)
    return softmax(scores if mask is None else scores + mask, dim=-1)


def _scores(query: Tensor, key: Tensor, scale: float | None) -> Tensor:
    """Return query keyᵀ · scale, by default over √E: (*, L, S)."""
    scale = 1 / math.sqrt(query.shape[-1]) if scale is None else scale
    return (query * scale) @ key.transpose(-2, -1)


def additive_mask(mask: Tensor, like: Tensor, masked_out: bool) -> Tensor:
    """Return a mask of bools as what is added to scores: -inf where it equals ``masked_out``."""
    if mask.dtype != bool:
        return mask
    hidden = mask._data == masked_out
    return Tensor._wrap(np.where(hidden, -np.inf, 0.0).astype(like.dtype))


def _causal(queries: int, keys: int, dtype: Any) -> Tensor:
    hidden = np.full((queries, keys), -np.inf, dtype)
    return Tensor._wrap(np.triu(hidden, 1))


def _repeated_heads(x: Tensor, query: Tensor) -> Tensor:
    heads, shared = query.shape[-3], x.shape[-3]
    if heads % shared:
        raise RuntimeError(
            "Number of heads in key and value must divide the number of heads in query, but got "
            f"{shared} and {heads}"
        )
    return x.repeat_interleave(heads // shared, dim=-3)


def _check_operands(query: Tensor, key: Tensor, value: Tensor, mask: Tensor | None) -> None:
    dtypes = [x.dtype for x in (query, key, value)]
    if len(set(dtypes)) > 1:
        raise RuntimeError(
            "Expected query, key, and value to have the same dtype, but got query.dtype: "
            f"{dtypes[0]} key.dtype: {dtypes[1]} and value.dtype: {dtypes[2]} instead."
        )
    ranks = [x.ndim for x in (query, key, value)]
    if min(ranks) < 2:
        raise RuntimeError(
            "Expected query, key, and value to all be  at least 2 dimensional, but got "
            f"query.dim: {ranks[0]} key.dim: {ranks[1]} and value.dim: {ranks[2]} instead."
        )
    if not query.is_floating_point():
        raise RuntimeError(f"scaled_dot_product_attention: expected floats, got {query.dtype}")
    if mask is not None and mask.dtype not in (np.bool_, query.dtype):
        raise RuntimeError(
            "Expected attn_mask dtype to be bool or float or to match query dtype, but got "
            f"attn_mask.dtype: {mask.dtype} and  query.dtype: {query.dtype} instead."
        )


class SDPBackend(Enum):
    """Ways to compute :func:`scaled_dot_product_attention` elsewhere; here there is one."""

    ERROR = -1
    MATH = 0
    FLASH_ATTENTION = 1
    EFFICIENT_ATTENTION = 2
    CUDNN_ATTENTION = 3
    OVERRIDEABLE = 4


_SWITCHES = {
    SDPBackend.FLASH_ATTENTION: "flash",
    SDPBackend.EFFICIENT_ATTENTION: "mem_efficient",
    SDPBackend.MATH: "math",
    SDPBackend.CUDNN_ATTENTION: "cudnn",
}


@contextmanager
def sdpa_kernel(
    backends: list[SDPBackend] | SDPBackend, set_priority: bool = False
) -> Iterator[dict[str, bool]]:
    """Within the block only these ways are switched on; the result is the same by each.

    Raises AssertionError for what is neither an SDPBackend nor a list of them.
    https://docs.pytorch.org/docs/stable/generated/torch.nn.attention.sdpa_kernel.html

    >>> import minigrad as mg
    >>> with sdpa_kernel(SDPBackend.MATH):
    ...     mg.backends.cuda.flash_sdp_enabled(), mg.backends.cuda.math_sdp_enabled()
    (False, True)
    """
    if not isinstance(backends, (list, SDPBackend)):
        raise AssertionError(
            "Backend must be an instance of SDPBackend or a list of SDPBackend instances, "
            f"got {type(backends).__name__}"
        )
    wanted = backends if isinstance(backends, list) else [backends]
    states = {name: backend in wanted for backend, name in _SWITCHES.items()}
    with cuda.only_sdp(states) as switches:
        yield switches
