"""Batch Normalization folded into the linear or convolutional layer before it, for inference.

In evaluation BN(W u + b) = a (W u + b − E[x]) + β with a = γ / √(Var[x] + eps): a linear layer
again, with W' = a W and b' = a (b − E[x]) + β. https://arxiv.org/abs/1502.03167, Algorithm 2, line 11
"""

from __future__ import annotations

from collections.abc import Iterable
from copy import deepcopy
from typing import Any, NamedTuple

import numpy as np
from minigrad.nn.conv import Conv1d, Conv2d
from minigrad.nn.linear import Identity, Linear
from minigrad.nn.module import Module
from minigrad.nn.parameter import Parameter
from minigrad.nn.running_stats import RunningStats
from minigrad.nn.utils.batchnorm import evaluating
from minigrad.nn.wiring import Fed, feeds, first_input, tensors

from minigrad.modes import no_grad, recording
from minigrad.tensor import Tensor


def fuse_linear_bn_weights(
    linear_w: Tensor, linear_b: Tensor | None, bn_rm: Tensor, bn_rv: Tensor, bn_eps: float,
    bn_w: Tensor | None = None, bn_b: Tensor | None = None,
) -> tuple[Parameter, Parameter]:  # fmt: skip
    """Return weight (out, in, *) and bias (out,) of a layer and the Batch Normalization behind it as one.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.fuse_linear_bn_weights.html
    """
    with no_grad():
        scale = (bn_rv + bn_eps).rsqrt()
        scale = scale if bn_w is None else scale * bn_w
        bias = (bn_rm * -1 if linear_b is None else linear_b - bn_rm) * scale
        weight = linear_w * scale.reshape((-1,) + (1,) * (linear_w.ndim - 1))
        bias = bias if bn_b is None else bias + bn_b
    return Parameter(weight.to(linear_w.dtype)), Parameter(bias.to(linear_w.dtype))


fuse_conv_bn_weights = fuse_linear_bn_weights  # a convolution's weight has its outputs in front, too


def fuse_linear_bn_eval(linear: Linear, bn: RunningStats) -> Linear:
    """Return a new Linear that does what ``linear`` and then ``bn`` do in evaluation.

    Raises ValueError unless both are in evaluation mode, have running statistics and fit together.
    https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.fuse_linear_bn_eval.html

    >>> from minigrad import nn
    >>> nn.utils.fuse_linear_bn_eval(nn.Linear(3, 2, bias=False).eval(), nn.BatchNorm1d(2).eval())
    Linear(in_features=3, out_features=2, bias=True)
    """
    return _fused(linear, bn)


def fuse_conv_bn_eval(conv: Any, bn: RunningStats) -> Any:
    """Return a new convolution that does what ``conv`` and then ``bn`` do in evaluation.

    Raises ValueError unless both are in evaluation mode, have running statistics and fit together.
    https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.fuse_conv_bn_eval.html
    """
    return _fused(conv, bn)


def _fused(layer: Any, bn: RunningStats) -> Any:
    if layer.training or bn.training:
        raise ValueError("Fusion only for eval! Call model.eval() first: training needs the batch's own statistics")
    if bn.running_mean is None or bn.running_var is None:
        raise ValueError("fusion: the Batch Normalization has track_running_stats=False, so no statistics to fold")
    if layer.weight.shape[0] != bn.num_features:
        raise ValueError(f"fusion: the layer has {layer.weight.shape[0]} outputs, bn.num_features={bn.num_features}")
    fused = deepcopy(layer)
    fused.weight, fused.bias = fuse_linear_bn_weights(
        layer.weight, layer.bias, bn.running_mean, bn.running_var, bn.eps, bn.weight, bn.bias
    )
    return fused


class Folded(NamedTuple):
    """What :func:`fold_batchnorm` returns."""

    model: Module  # a copy, in evaluation mode
    largest_difference: float  # of its outputs from the model's in evaluation mode, over the loader
    largest_output: float  # in absolute value, to judge the difference by
    layers: tuple[str, ...]  # the paths that were folded


def fold_batchnorm(model: Module, loader: Iterable[Any]) -> Folded:
    """Return a copy of a model for inference whose Batch Normalizations are folded where they can be.

    A layer is folded into the Linear or convolution whose output it, and nothing else, reads, as seen
    on the first batch; an Identity stands in its place. The certificate is the largest difference
    of the outputs over all batches of ``loader``, which are the input or begin with it. Raises
    ValueError for an empty loader.

    >>> import minigrad as mg
    >>> from minigrad import nn
    >>> model = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3), nn.ReLU())
    >>> folded = nn.utils.fold_batchnorm(model, [mg.randn(8, 2)])
    >>> folded.layers, folded.largest_difference < 1e-5, folded.model[1]
    (('1',), True, Identity())
    """
    before = deepcopy(model)
    after: Module | None = None
    paths: list[str] = []
    difference = size = 0.0
    with evaluating(before):
        for batch in loader:
            x = first_input(batch)
            if after is None:
                after, paths = _folded(before, x)
            for a, b in zip(tensors(before(x)), tensors(after(x)), strict=True):
                difference = max(difference, float(np.abs(a._data - b._data).max(initial=0)))
                size = max(size, float(np.abs(a._data).max(initial=0)))
    if after is None:
        raise ValueError("fold_batchnorm: the loader gave no batch")
    return Folded(after, difference, size, tuple(paths))


def _folded(model: Module, x: Tensor) -> tuple[Module, list[str]]:
    copy = deepcopy(model)
    x = x.detach().requires_grad_(x.is_floating_point())  # so that the graph tells who reads what
    with recording():
        found = [fed for fed in feeds(copy, x) if _can_fold(fed)]
    for fed in found:
        _put(copy, fed.source_path, _fused(fed.source, fed.layer))
        _put(copy, fed.path, Identity())
    return copy, [fed.path for fed in found]


def _can_fold(fed: Fed) -> bool:
    channels_last = isinstance(fed.source, Linear) and fed.input.ndim > 2  # BatchNorm reads axis 1 there
    foldable = isinstance(fed.source, (Linear, Conv1d, Conv2d)) and not channels_last
    return foldable and fed.exclusive and fed.path != "" and fed.layer.running_mean is not None


def _put(model: Module, path: str, module: Module) -> None:
    above, _, name = path.rpartition(".")
    model.get_submodule(above)._modules[name] = module
