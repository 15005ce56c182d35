"""Batch Normalization folded into the linear or convolutional layer before it, for inference.

In evaluation BN(W u + b) = a (W u + b − E[x]) + β with a = γ / √(Var[x] + eps): a linear layer
again, with W' = a W and b' = a (b − E[x]) + β.
https://arxiv.org/abs/1502.03167, Algorithm 2, line 11
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from minigrad.modes import no_grad
from minigrad.nn.arguments import check_module, tensor_arguments
from minigrad.nn.batchnorm.statistics import BatchNormBase
from minigrad.nn.linear import Linear
from minigrad.nn.parameter import Parameter
from minigrad.tensor.tensor import Tensor


@tensor_arguments
def fuse_linear_bn_weights(
    linear_w: Tensor,
    linear_b: Tensor | None,
    bn_rm: Tensor,
    bn_rv: Tensor,
    bn_eps: float,
    bn_w: Tensor | None = None,
    bn_b: Tensor | None = None,
) -> tuple[Parameter, Parameter]:
    """Return weight (out, in, *) and bias (out,) of a layer with Batch Normalization behind it.

    They require grad as the layer's own do.
    https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.fuse_linear_bn_weights.html
    """
    with no_grad():
        scale = (bn_rv + bn_eps).rsqrt()
        scale = scale if bn_w is None else scale * bn_w
        bias = (bn_rm * -1 if linear_b is None else linear_b - bn_rm) * scale
        per_output = [-1] + [1] * (linear_w.ndim - 1)
        weight = linear_w * scale.reshape(per_output)  # (out, 1…)
        bias = bias if bn_b is None else bias + bn_b
    if linear_b is None:
        fused_bias = Parameter(bias.to(linear_w.dtype), False)
    else:
        fused_bias = Parameter(bias.to(linear_b.dtype), linear_b.requires_grad)
    return Parameter(weight.to(linear_w.dtype), linear_w.requires_grad), fused_bias


@tensor_arguments
def fuse_conv_bn_weights(
    conv_w: Tensor,
    conv_b: Tensor | None,
    bn_rm: Tensor,
    bn_rv: Tensor,
    bn_eps: float,
    bn_w: Tensor | None = None,
    bn_b: Tensor | None = None,
    transpose: bool = False,
) -> tuple[Parameter, Parameter]:
    """As :func:`fuse_linear_bn_weights`, for a convolution.

    With ``transpose`` its weight is (in, out, *).
    https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.fuse_conv_bn_weights.html
    """
    if transpose:
        conv_w = conv_w.transpose(0, 1)
    weight, bias = fuse_linear_bn_weights(conv_w, conv_b, bn_rm, bn_rv, bn_eps, bn_w, bn_b)
    if transpose:
        weight = Parameter(weight.detach().transpose(0, 1), weight.requires_grad)
    return weight, bias


def fuse_linear_bn_eval(linear: Linear, bn: BatchNormBase) -> Linear:
    """Return a new Linear that does what ``linear`` and then ``bn`` do in evaluation.

    Raises ValueError unless both are in evaluation mode, have running statistics and fit together.
    https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.fuse_linear_bn_eval.html

    >>> from minigrad import nn
    >>> nn.utils.fuse_linear_bn_eval(nn.Linear(3, 2, bias=False).eval(), nn.BatchNorm1d(2).eval())
    Linear(in_features=3, out_features=2, bias=True)
    """
    return _fused(linear, bn)


def fuse_conv_bn_eval(conv: Any, bn: BatchNormBase) -> Any:
    """Return a new convolution that does what ``conv`` and then ``bn`` do in evaluation.

    Raises ValueError unless both are in evaluation mode, have running statistics and fit together.
    https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.fuse_conv_bn_eval.html
    """
    return _fused(conv, bn)


def _fused(layer: Any, bn: BatchNormBase) -> Any:
    check_module(layer, "fusion", "layer")
    check_module(bn, "fusion", "bn", BatchNormBase)
    if layer.training or bn.training:
        raise ValueError(
            "Fusion only for eval! Call model.eval() first: training needs the batch's own "
            f"statistics; got training={layer.training} and {bn.training}"
        )
    if bn.running_mean is None or bn.running_var is None:
        raise ValueError(
            "fusion: the Batch Normalization has "
            f"track_running_stats={bn.track_running_stats}, so no statistics to fold"
        )
    if layer.weight.shape[0] != bn.num_features:
        raise ValueError(
            f"fusion: the layer has {layer.weight.shape[0]} outputs, "
            f"bn.num_features={bn.num_features}"
        )
    fused = deepcopy(layer)
    fused.weight, fused.bias = fuse_linear_bn_weights(
        layer.weight, layer.bias, bn.running_mean, bn.running_var, bn.eps, bn.weight, bn.bias
    )
    return fused
