"""Attention of several heads: projections, masks, and the layer.

Shapes: N samples, H heads, L queries, S keys and values, E the width of queries.
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Callable
from typing import Any

from minigrad.creation import empty
from minigrad.functions.joining import cat
from minigrad.nn import init
from minigrad.nn.arguments import tensor_arguments
from minigrad.nn.attention import additive_mask, attention_weights, scaled_dot_product_attention
from minigrad.nn.dropout import dropout
from minigrad.nn.linear import Linear, linear
from minigrad.nn.module import Module
from minigrad.nn.padding import pad
from minigrad.nn.parameter import Parameter, on_cpu
from minigrad.silence import warn
from minigrad.tensor.tensor import Tensor


@tensor_arguments
def multi_head_attention_forward(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    embed_dim_to_check: int,
    num_heads: int,
    in_proj_weight: Tensor | None,
    in_proj_bias: Tensor | None,
    bias_k: Tensor | None,
    bias_v: Tensor | None,
    add_zero_attn: bool,
    dropout_p: float,
    out_proj_weight: Tensor,
    out_proj_bias: Tensor | None,
    training: bool = True,
    key_padding_mask: Tensor | None = None,
    need_weights: bool = True,
    attn_mask: Tensor | None = None,
    use_separate_proj_weight: bool = False,
    q_proj_weight: Tensor | None = None,
    k_proj_weight: Tensor | None = None,
    v_proj_weight: Tensor | None = None,
    average_attn_weights: bool = True,
    is_causal: bool = False,
) -> tuple[Tensor, Tensor | None]:
    """Return what :class:`MultiheadAttention` computes of (L, N, E) or (L, E), and its weights.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.MultiheadAttention.html

    >>> import minigrad as mg
    >>> x, weight = mg.zeros(3, 2, 4), mg.zeros(12, 4)
    >>> parts = (weight, None, None, None, False, 0.0, mg.zeros(4, 4), None)
    >>> output, weights = multi_head_attention_forward(x, x, x, 4, 2, *parts)
    >>> output.shape, weights.shape
    ((3, 2, 4), (2, 3, 3))
    """
    batched = _check_ranks(query, key, value, key_padding_mask, attn_mask, num_heads)
    if not batched:
        query, key, value = _with_batch(query, key, value)
        if key_padding_mask is not None:
            key_padding_mask = key_padding_mask.unsqueeze(0)
    _check_sizes(query, key, value, embed_dim_to_check, num_heads, use_separate_proj_weight)
    padding, mask = _masks(query, key_padding_mask, attn_mask, is_causal, num_heads, key.shape[0])

    separate: Any = (q_proj_weight, k_proj_weight, v_proj_weight)
    weight: Any = separate if use_separate_proj_weight else in_proj_weight
    q, k, v = _projected((query, key, value), weight, in_proj_bias)
    k, v = _with_bias(k, bias_k), _with_bias(v, bias_v)
    q, k, v = (_split_heads(x, num_heads) for x in (q, k, v))  # (N, H, L or S, E / H)
    if add_zero_attn:
        k, v = _with_zeros(k), _with_zeros(v)

    masks = [_widened(m, k.shape[2]) for m in (mask, padding) if m is not None]
    causal_alone = is_causal and padding is None and not need_weights
    merged = functools.reduce(operator.add, masks) if masks and not causal_alone else None
    dropout_p = dropout_p if training else 0.0
    attend = _with_weights if need_weights else _without_weights
    heads, weights = attend(q, k, v, merged, dropout_p, causal_alone)
    joined = heads.permute(2, 0, 1, 3).flatten(2)  # (L, N, E)
    result = linear(joined, out_proj_weight, out_proj_bias)
    return _as_asked(result, weights, batched, average_attn_weights)


def _as_asked(
    result: Tensor, weights: Tensor | None, batched: bool, average: bool
) -> tuple[Tensor, Tensor | None]:
    """Return result and weights, the heads' mean or all, without a batch where there was none."""
    if weights is not None and average:
        weights = weights.mean(1)
    if batched:
        return result, weights
    if weights is not None:
        weights = weights.squeeze(0)
    return result.squeeze(1), weights


def _with_bias(x: Tensor, bias: Tensor | None) -> Tensor:
    """Put the learned key or value (1, 1, E) behind those of each sample (S, N, E)."""
    return x if bias is None else cat([x, bias.repeat(1, x.shape[1], 1)])


def _with_zeros(x: Tensor) -> Tensor:
    """Put a key or value of zeros behind those of each head (N, H, S, E / H)."""
    n, heads, _, width = x.shape
    return cat([x, x.new_zeros(n, heads, 1, width)], dim=2)


def _with_weights(
    q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, dropout_p: float, _is_causal: bool
) -> tuple[Tensor, Tensor | None]:
    weights = dropout(attention_weights(q, k, mask), dropout_p)  # (N, H, L, S)
    return weights @ v, weights


def _without_weights(
    q: Tensor, k: Tensor, v: Tensor, mask: Tensor | None, dropout_p: float, is_causal: bool
) -> tuple[Tensor, Tensor | None]:
    return scaled_dot_product_attention(q, k, v, mask, dropout_p, is_causal), None


def _projected(operands: tuple[Tensor, ...], weight: Any, bias: Any) -> Any:
    """Project query, key and value, by one weight (3E, E) in as few products as they allow."""
    query, key, value = operands
    width = query.shape[-1]
    if isinstance(weight, tuple):
        biases = (None, None, None) if bias is None else bias.chunk(3)
        triples = zip(operands, weight, biases, strict=True)
        return [linear(*triple) for triple in triples]
    if query is key and key is value:
        return linear(query, weight, bias).chunk(3, dim=-1)
    if key is not value:
        return _projected(operands, tuple(weight.chunk(3)), bias)
    sizes = [width, 2 * width]
    w_query, w_rest = weight.split(sizes)
    b_query = b_rest = None
    if bias is not None:
        b_query, b_rest = bias.split(sizes)
    keys, values = linear(key, w_rest, b_rest).chunk(2, dim=-1)
    return linear(query, w_query, b_query), keys, values


def _with_batch(*operands: Tensor) -> list[Tensor]:
    """Put an axis of one sample second; what is one tensor stays one, to be projected at once."""
    return _each_once(lambda x: x.unsqueeze(1), operands)


def _each_once(function: Callable[[Tensor], Tensor], operands: tuple[Tensor, ...]) -> list[Tensor]:
    results: dict[int, Tensor] = {}
    for x in operands:
        if id(x) not in results:
            results[id(x)] = function(x)
    return [results[id(x)] for x in operands]


def _split_heads(x: Tensor, num_heads: int) -> Tensor:
    """(L, N, E) -> (N, H, L, E / H)."""
    return x.unflatten(-1, (num_heads, -1)).permute(1, 2, 0, 3)


def _widened(mask: Tensor, keys: int) -> Tensor:
    """Let every query see the keys that were added behind."""
    return pad(mask, (0, keys - mask.shape[-1]))


def _masks(
    query: Tensor,
    padding: Tensor | None,
    mask: Tensor | None,
    is_causal: bool,
    num_heads: int,
    keys: int,
) -> tuple[Tensor | None, Tensor | None]:
    """Return both masks as what is added to scores (N, H, L, S)."""
    if is_causal and mask is None:
        raise RuntimeError(
            "Need attn_mask if specifying the is_causal hint. You may use the Transformer module "
            "method `generate_square_subsequent_mask` to create this mask; got attn_mask=None."
        )
    for name, value in (("key_padding_mask", padding), ("attn_mask", mask)):
        if value is not None and value.dtype != bool and not value.is_floating_point():
            raise AssertionError(
                f"only bool and floating types of {name} are supported, got {value.dtype}"
            )
    if padding is not None and mask is not None and padding.dtype != mask.dtype:
        warn(
            "Support for mismatched key_padding_mask and attn_mask is deprecated. Use same type "
            "for both instead."
        )
    length, n = query.shape[:2]
    if padding is not None:
        if tuple(padding.shape) != (n, keys):
            raise AssertionError(
                f"Expected key_padded_mask.shape to be {(n, keys)}, but got {tuple(padding.shape)}"
            )
        padding = additive_mask(padding, query, masked_out=True).reshape(n, 1, 1, keys)
    if mask is not None:
        expected = (length, keys) if mask.ndim == 2 else (n * num_heads, length, keys)
        if tuple(mask.shape) != expected:
            raise RuntimeError(
                f"The shape of the {mask.ndim}D attn_mask is {mask.shape}, "
                f"but should be {expected}."
            )
        mask = additive_mask(mask, query, masked_out=True)
        mask = mask if mask.ndim == 2 else mask.reshape(n, num_heads, length, keys)
    return padding, mask


def _check_ranks(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    padding: Tensor | None,
    mask: Tensor | None,
    num_heads: int,
) -> bool:
    """Return whether there is a batch; raise AssertionError for ranks that do not go together."""
    if query.ndim not in (2, 3):
        raise AssertionError(
            "query should be unbatched 2D or batched 3D tensor but received "
            f"{query.ndim}-D query tensor"
        )
    batched = query.ndim == 3
    kind = f"For {'batched' if batched else 'unbatched'} ({query.ndim}-D) `query`, expected "
    if (key.ndim, value.ndim) != (query.ndim, query.ndim):
        raise AssertionError(
            f"{kind}`key` and `value` to be {query.ndim}-D but found {key.ndim}-D and "
            f"{value.ndim}-D tensors respectively"
        )
    if padding is not None and padding.ndim != query.ndim - 1:
        raise AssertionError(
            f"{kind}`key_padding_mask` to be `None` or {query.ndim - 1}-D but found "
            f"{padding.ndim}-D tensor instead"
        )
    if mask is not None and mask.ndim not in (2, 3):
        raise AssertionError(
            f"{kind}`attn_mask` to be `None`, 2-D or 3-D but found {mask.ndim}-D tensor instead"
        )
    expected = (num_heads, query.shape[0], key.shape[0])
    if mask is not None and mask.ndim == 3 and not batched and tuple(mask.shape) != expected:
        raise AssertionError(
            f"Expected `attn_mask` shape to be {expected} but got {tuple(mask.shape)}"
        )
    return batched


def _check_sizes(
    query: Tensor, key: Tensor, value: Tensor, width: int, num_heads: int, separate: bool
) -> None:
    if query.shape[-1] != width:
        raise AssertionError(
            f"was expecting embedding dimension of {width}, but got {query.shape[-1]}"
        )
    if width % num_heads:
        raise AssertionError(f"embed_dim {width} not divisible by num_heads {num_heads}")
    if separate and key.shape[:2] != value.shape[:2]:
        raise AssertionError(
            f"key's sequence and batch dims {key.shape[:2]} do not match value's {value.shape[:2]}"
        )
    if not separate and key.shape != value.shape:
        raise AssertionError(f"key shape {key.shape} does not match value shape {value.shape}")


class NonDynamicallyQuantizableLinear(Linear):
    """A :class:`Linear`, by the name that PyTorch prints for the last product of attention."""


class MultiheadAttention(Module):
    """Attention of ``num_heads`` heads side by side, each on its part of the projected inputs.

    forward(query, key, value) takes (L, N, E), (S, N, kdim), (S, N, vdim), with ``batch_first``
    (N, L, E) and so on, or all without N, and returns (output, weights). Masks are added, or hide
    keys by True; weights are the heads' mean (N, L, S), all of them without
    ``average_attn_weights``, None without ``need_weights``.
    https://arxiv.org/abs/1706.03762, section 3.2.2;
    https://docs.pytorch.org/docs/stable/generated/torch.nn.MultiheadAttention.html

    >>> import minigrad as mg
    >>> from minigrad import nn
    >>> x = mg.randn(5, 2, 4)
    >>> output, weights = nn.MultiheadAttention(4, 2)(x, x, x)
    >>> output.shape, weights.shape
    ((5, 2, 4), (2, 5, 5))
    """

    def __init__(
        self,
        embed_dim: int,
        num_heads: int,
        dropout: float = 0.0,
        bias: bool = True,
        add_bias_kv: bool = False,
        add_zero_attn: bool = False,
        kdim: int | None = None,
        vdim: int | None = None,
        batch_first: bool = False,
        device: Any = None,
        dtype: Any = None,
    ) -> None:
        if embed_dim <= 0 or num_heads <= 0:
            raise ValueError(
                "embed_dim and num_heads must be greater than 0, got "
                f"embed_dim={embed_dim} and num_heads={num_heads} instead"
            )
        if embed_dim % num_heads:
            raise AssertionError(
                f"embed_dim must be divisible by num_heads, got {embed_dim} and {num_heads}"
            )
        super().__init__()
        on_cpu(device)
        self.embed_dim = embed_dim
        self.num_heads = num_heads
        self.kdim, self.vdim = kdim or embed_dim, vdim or embed_dim
        self._qkv_same_embed_dim = self.kdim == embed_dim == self.vdim
        self.dropout = dropout
        self.batch_first = batch_first
        self.head_dim = embed_dim // num_heads
        self.add_zero_attn = add_zero_attn
        self._add_projections(bias, device, dtype)
        for name in ("bias_k", "bias_v"):
            added = Parameter(empty(1, 1, embed_dim, dtype=dtype)) if add_bias_kv else None
            self.register_parameter(name, added)
        self._reset_parameters()

    def _add_projections(self, bias: bool, device: Any, dtype: Any) -> None:
        width, packed = self.embed_dim, self._qkv_same_embed_dim
        shapes = {
            "q_proj_weight": None if packed else (width, width),
            "k_proj_weight": None if packed else (width, self.kdim),
            "v_proj_weight": None if packed else (width, self.vdim),
            "in_proj_weight": (3 * width, width) if packed else None,
            "in_proj_bias": (3 * width,) if bias else None,
        }
        for name, shape in shapes.items():
            parameter = None if shape is None else Parameter(empty(shape, dtype=dtype))
            self.register_parameter(name, parameter)
        options = {"bias": bias, "device": device, "dtype": dtype}
        self.out_proj = NonDynamicallyQuantizableLinear(width, width, **options)

    def _reset_parameters(self) -> None:
        for name in ("in_proj_weight", "q_proj_weight", "k_proj_weight", "v_proj_weight"):
            if getattr(self, name) is not None:
                init.xavier_uniform_(getattr(self, name))
        if self.in_proj_bias is not None:
            init.zeros_(self.in_proj_bias)
            init.zeros_(self.out_proj.bias)
        for added in (self.bias_k, self.bias_v):
            if added is not None:
                init.xavier_normal_(added)

    @tensor_arguments
    def forward(
        self,
        query: Tensor,
        key: Tensor,
        value: Tensor,
        key_padding_mask: Tensor | None = None,
        need_weights: bool = True,
        attn_mask: Tensor | None = None,
        average_attn_weights: bool = True,
        is_causal: bool = False,
    ) -> tuple[Tensor, Tensor | None]:
        """Return the output, shaped as the query, and the weights or None."""
        swaps = self.batch_first and query.ndim == 3
        if swaps:
            query, key, value = _each_once(lambda x: x.transpose(0, 1), (query, key, value))
        output, weights = multi_head_attention_forward(
            query,
            key,
            value,
            self.embed_dim,
            self.num_heads,
            self.in_proj_weight,
            self.in_proj_bias,
            self.bias_k,
            self.bias_v,
            self.add_zero_attn,
            self.dropout,
            self.out_proj.weight,
            self.out_proj.bias,
            self.training,
            key_padding_mask,
            need_weights,
            attn_mask,
            not self._qkv_same_embed_dim,
            self.q_proj_weight,
            self.k_proj_weight,
            self.v_proj_weight,
            average_attn_weights,
            is_causal,
        )
        return output.transpose(0, 1) if swaps else output, weights
