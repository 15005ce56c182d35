"""Layers as functions. Channels stand on dimension 1; losses take logits.

https://docs.pytorch.org/docs/stable/nn.functional.html
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from minigrad.nn.batchnorm import batch_norm as batch_norm

from minigrad.creation import zeros_like
from minigrad.functions.elementwise import erf, expm1, minimum, where
from minigrad.functions.reduction import log_softmax as log_softmax
from minigrad.functions.reduction import softmax as softmax
from minigrad.ops import elementwise, indexing, window
from minigrad.ops import matmul as products
from minigrad.random import default_generator
from minigrad.tensor import Tensor

relu, sigmoid, tanh, softplus = (
    elementwise.relu,
    elementwise.sigmoid,
    elementwise.tanh,
    elementwise.softplus,
)
Sizes = int | tuple[int, ...]


def _sizes(value: Any, n: int) -> tuple[int, ...]:
    sizes = (value,) * n if isinstance(value, int) else tuple(value)
    return sizes * n if len(sizes) == 1 else sizes


# ---- layers -----------------------------------------------------------------------------------
def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """Return input @ weight.T + bias: (*, in), (out, in), (out,) -> (*, out)."""
    if bias is None:
        return input @ weight.T
    return products.linear(input, weight, bias)


def _conv(input: Tensor, weight: Tensor, bias: Tensor | None, n: int, stride: Sizes, padding: Any,
          dilation: Sizes, groups: int) -> Tensor:  # fmt: skip
    name = f"conv{n}d"
    if input.ndim == n + 1:  # without a batch
        one = input.unsqueeze(0)
        return _conv(one, weight, bias, n, stride, padding, dilation, groups).squeeze(0)
    if input.ndim != n + 2:
        raise RuntimeError(
            f"Expected {n + 1}D (unbatched) or {n + 2}D (batched) input to {name}, but got input of "
            f"size: {list(input.shape)}"
        )
    if input.shape[1] != weight.shape[1] * groups:
        raise RuntimeError(
            f"Given groups={groups}, weight of size {list(weight.shape)}, expected "
            f"input{list(input.shape)} to have {weight.shape[1] * groups} channels, but got "
            f"{input.shape[1]} channels instead"
        )
    strides, dilations, kernel = _sizes(stride, n), _sizes(dilation, n), weight.shape[2:]
    if isinstance(padding, str):
        input, padding = _string_padding(input, padding, kernel, strides, dilations)
    pads = _sizes(padding, n)
    reach = [d * (k - 1) + 1 for d, k in zip(dilations, kernel, strict=True)]
    room = [s + 2 * p for s, p in zip(input.shape[2:], pads, strict=True)]
    if any(r > s for r, s in zip(reach, room, strict=True)):
        raise RuntimeError(
            f"Calculated padded input size per channel: ({' x '.join(map(str, room))}). Kernel size: "
            f"({' x '.join(map(str, reach))}). Kernel size can't be greater than actual input size"
        )
    y = window.conv(input, weight, stride=strides, padding=pads, dilation=dilations, groups=groups)
    return y if bias is None else y + bias.reshape((1, -1) + (1,) * n)


def _string_padding(input: Tensor, padding: str, kernel: Any, strides: Any, dilations: Any) -> tuple[Tensor, Any]:
    """Turn 'valid' and 'same' into numbers; an odd total pads the end by one more."""
    if padding == "valid":
        return input, 0
    if padding != "same":
        raise ValueError(f"Invalid padding string '{padding}', should be one of 'valid', 'same'")
    if any(s != 1 for s in strides):
        raise ValueError("padding='same' is not supported for strided convolutions")
    total = [d * (k - 1) for d, k in zip(dilations, kernel, strict=True)]
    if any(t % 2 for t in total):
        from minigrad.ops.shape import pad

        input = pad(input, widths=((0, 0), (0, 0), *((0, t % 2) for t in total)))
    return input, tuple(t // 2 for t in total)


def conv1d(input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Sizes = 1,
           padding: Any = 0, dilation: Sizes = 1, groups: int = 1) -> Tensor:  # fmt: skip
    """Cross-correlate (N, C, L) with (out, C/groups, k) -> (N, out, L')."""
    return _conv(input, weight, bias, 1, stride, padding, dilation, groups)


def conv2d(input: Tensor, weight: Tensor, bias: Tensor | None = None, stride: Sizes = 1,
           padding: Any = 0, dilation: Sizes = 1, groups: int = 1) -> Tensor:  # fmt: skip
    """Cross-correlate (N, C, H, W) with (out, C/groups, kh, kw) -> (N, out, H', W').

    Raises RuntimeError for another number of channels or a kernel larger than the padded input.
    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.conv2d.html

    >>> import minigrad as mg
    >>> conv2d(mg.ones(1, 1, 3, 3), mg.ones(1, 1, 2, 2))[0, 0].tolist()
    [[4.0, 4.0], [4.0, 4.0]]
    """
    return _conv(input, weight, bias, 2, stride, padding, dilation, groups)


def max_pool2d(input: Tensor, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0,
               dilation: Sizes = 1) -> Tensor:  # fmt: skip
    """Return the maximum of each window of (N, C, H, W); ties give the gradient to the first.

    ``stride`` is the kernel size by default. Raises RuntimeError for padding over half a window.
    """
    kernel = _sizes(kernel_size, 2)
    step = kernel if stride is None else _sizes(stride, 2)
    pads, dilations = _sizes(padding, 2), _sizes(dilation, 2)
    if any(2 * p > k for p, k in zip(pads, kernel, strict=True)):
        raise RuntimeError(
            f"pad should be at most half of effective kernel size, but got pad={max(pads)}, kernel_size={max(kernel)}"
        )
    if input.ndim == 3:
        return max_pool2d(input.unsqueeze(0), kernel, step, pads, dilations).squeeze(0)
    options = {"kernel": kernel, "stride": step, "padding": pads, "dilation": dilations}
    out = _pooled_size("max_pool2d", input, **options)
    indices = window.max_pool_indices(input, **options).numpy()
    disjoint = all(s >= k for s, k in zip(step, kernel, strict=True)) and not any(pads)
    read = window.read_disjoint if disjoint and dilations == (1, 1) else indexing.take_along_axis
    flat = input.reshape(*input.shape[:2], -1)
    return read(flat, indices=indices, axis=2).reshape(*input.shape[:2], *out)


def avg_pool2d(input: Tensor, kernel_size: Sizes, stride: Sizes | None = None, padding: Sizes = 0,
               count_include_pad: bool = True) -> Tensor:  # fmt: skip
    """Return the mean of each window of (N, C, H, W); padding counts unless told otherwise."""
    kernel = _sizes(kernel_size, 2)
    step = kernel if stride is None else _sizes(stride, 2)
    if input.ndim == 3:
        return avg_pool2d(input.unsqueeze(0), kernel, step, padding, count_include_pad).squeeze(0)
    options = {"kernel": kernel, "stride": step, "padding": _sizes(padding, 2)}
    _pooled_size("avg_pool2d", input, **options, dilation=(1, 1))
    total = window.window_sum(input, **options)
    if count_include_pad:
        return total / math.prod(kernel)
    ones = np.ones((1, 1, *input.shape[2:]), input.dtype)
    return total / Tensor(window.window_sum(ones, **options))


def _pooled_size(name: str, input: Tensor, kernel: Any, stride: Any, padding: Any, dilation: Any) -> tuple[int, ...]:
    if input.ndim != 4:
        raise RuntimeError(f"{name}: expected (N, C, H, W) or (C, H, W), got {list(input.shape)}")
    out = window.geometry(input.shape, kernel, stride, padding, dilation)
    if min(out) < 1:
        raise RuntimeError(
            f"{name}: Given input size {list(input.shape[1:])} and kernel {kernel}. Calculated output "
            f"size: {out}. Output size is too small"
        )
    return out


def dropout(input: Tensor, p: float = 0.5, training: bool = True, inplace: bool = False) -> Tensor:
    """Zero each element with probability ``p`` and scale the others by 1/(1 - p), in training."""
    if not 0 <= p <= 1:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")
    if not training or p == 0:
        return input
    if p == 1:
        return input * 0.0
    keep = default_generator.bernoulli(1 - p, input.shape).astype(input.dtype)
    return input * Tensor(keep / input.dtype.type(1 - p))


# ---- activations ------------------------------------------------------------------------------
def leaky_relu(input: Tensor, negative_slope: float = 0.01) -> Tensor:
    """Return input where positive, negative_slope * input elsewhere."""
    return where(input > 0, input, input * negative_slope)


def elu(input: Tensor, alpha: float = 1.0) -> Tensor:
    """Return input where positive, alpha * (exp(input) - 1) elsewhere."""
    return where(input > 0, input, alpha * expm1(minimum(input, zeros_like(input))))


def gelu(input: Tensor, approximate: str = "none") -> Tensor:
    """Return input * Φ(input), Φ the normal distribution; 'tanh' takes the usual approximation."""
    if approximate == "tanh":
        inner = math.sqrt(2 / math.pi) * (input + 0.044715 * input**3)
        return 0.5 * input * (1 + inner.tanh())
    return 0.5 * input * (1 + erf(input * (1 / math.sqrt(2))))


def silu(input: Tensor) -> Tensor:
    """Return input * sigmoid(input)."""
    return input * input.sigmoid()


# ---- losses -----------------------------------------------------------------------------------
def _reduced(loss: Tensor, reduction: str) -> Tensor:
    if reduction == "mean":
        return loss.mean()
    if reduction == "sum":
        return loss.sum()
    if reduction != "none":
        raise ValueError(f"{reduction} is not a valid value for reduction")
    return loss


def cross_entropy(input: Tensor, target: Tensor, weight: Tensor | None = None,
                  ignore_index: int = -100, reduction: str = "mean",
                  label_smoothing: float = 0.0) -> Tensor:  # fmt: skip
    """Return the cross-entropy of logits (N, C, *) against class indices (N, *) or probabilities.

    Raises IndexError for a class that is not there, ValueError for batches of different size,
    RuntimeError for targets that are neither.
    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.cross_entropy.html

    >>> import minigrad as mg
    >>> cross_entropy(mg.zeros(1, 2), mg.tensor([0]))
    tensor(0.6931)
    """
    if input.ndim == 1 and target.ndim == 0:
        input, target = input.unsqueeze(0), target.unsqueeze(0)
    log_p = input.log_softmax(1)
    if target.shape == input.shape and target.is_floating_point():
        return _soft_cross_entropy(log_p, target, weight, reduction, label_smoothing)
    nll = nll_loss(log_p, target, weight, ignore_index, reduction)
    if label_smoothing == 0:
        return nll
    per_class = log_p if weight is None else log_p * weight.reshape(_per_channel(log_p))
    kept = target != ignore_index
    smooth = -per_class.sum(1) * kept
    if reduction == "mean":
        total = kept.sum() if weight is None else _picked_weights(weight, target, kept).sum()
        smooth = smooth.sum() / total
    else:
        smooth = _reduced(smooth, reduction)
    return (1 - label_smoothing) * nll + label_smoothing / input.shape[1] * smooth


def _per_channel(x: Tensor) -> tuple[int, ...]:
    return (1, -1) + (1,) * (x.ndim - 2)


def _picked_weights(weight: Tensor, target: Tensor, kept: Tensor) -> Tensor:
    return weight[target * kept] * kept


def _soft_cross_entropy(
    log_p: Tensor, target: Tensor, weight: Tensor | None, reduction: str, smoothing: float
) -> Tensor:
    if smoothing:
        target = target * (1 - smoothing) + smoothing / log_p.shape[1]
    if weight is not None:
        log_p = log_p * weight.reshape(_per_channel(log_p))
    loss = -(log_p * target).sum(1)
    return loss.sum() / loss.numel() if reduction == "mean" else _reduced(loss, reduction)


def nll_loss(input: Tensor, target: Tensor, weight: Tensor | None = None, ignore_index: int = -100,
             reduction: str = "mean") -> Tensor:  # fmt: skip
    """Return minus the log-probability (N, C, *) of each target class (N, *)."""
    if target.dtype.kind not in "iu":
        raise RuntimeError(f"expected target dtype to be Long or Byte, but got {target.dtype}")
    if input.shape[:1] != target.shape[:1]:
        raise ValueError(
            f"Expected input batch_size ({input.shape[0]}) to match target batch_size "
            f"({target.shape[0] if target.ndim else 1})."
        )
    if input.shape[2:] != target.shape[1:]:
        raise RuntimeError(f"Expected target size {[input.shape[0], *input.shape[2:]]}, got {list(target.shape)}")
    classes = target.numpy()
    ignored = classes == ignore_index
    outside = classes[((classes < 0) | (classes >= input.shape[1])) & ~ignored]
    if outside.size:
        raise IndexError(f"Target {outside.flat[0]} is out of bounds.")
    safe = np.where(ignored, 0, classes) if ignored.any() else classes
    picked = -indexing.take_along_axis(input, indices=np.expand_dims(safe, 1), axis=1).squeeze(1)
    if weight is None and not ignored.any():
        return _reduced(picked, reduction)
    kept = Tensor(~ignored)
    scale = kept.to(input.dtype) if weight is None else _picked_weights(weight, target, kept)
    loss = picked * scale
    return loss.sum() / scale.sum() if reduction == "mean" else _reduced(loss, reduction)


def mse_loss(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """Return the squared difference, averaged by default; warns where shapes differ."""
    if input.shape != target.shape:
        import warnings

        warnings.warn(
            f"Using a target size ({list(target.shape)}) that is different to the input size "
            f"({list(input.shape)}). This will likely lead to incorrect results due to broadcasting. "
            "Please ensure they have the same size.",
            stacklevel=2,
        )
    d = input - target
    return _reduced(d * d, reduction)


def l1_loss(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """Return the absolute difference, averaged by default."""
    return _reduced((input - target).abs(), reduction)


def binary_cross_entropy_with_logits(input: Tensor, target: Tensor, reduction: str = "mean") -> Tensor:
    """Return the cross-entropy of logits against probabilities in [0, 1]."""
    return _reduced(softplus(input) - input * target, reduction)


def one_hot(tensor: Tensor, num_classes: int = -1) -> Tensor:
    """Return int64 (*, classes) with a 1 at each index."""
    n = int(tensor.max().item()) + 1 if num_classes == -1 else num_classes
    if tensor.numel() and not 0 <= int(tensor.min().item()) <= int(tensor.max().item()) < n:
        raise RuntimeError("Class values must be non-negative and smaller than num_classes.")
    return Tensor(np.eye(n, dtype=np.int64)[tensor.numpy()])
