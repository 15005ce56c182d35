"""Functions of ``torch`` itself that layers are made of, in its own order of arguments.

What has the same arguments in ``nn.functional`` is that function.
https://github.com/pytorch/pytorch/blob/main/aten/src/ATen/native/native_functions.yaml
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from minigrad.nn import functional as F
from minigrad.tensor.tensor import Tensor

_REDUCTIONS = ("none", "mean", "sum")  # by PyTorch's number of each


def dropout(input: Tensor, p: float, train: bool) -> Tensor:
    """Return :func:`minigrad.nn.functional.dropout`, whose last arguments have defaults.

    >>> import minigrad as mg
    >>> mg.dropout(mg.ones(2), 0.5, False)
    tensor([1., 1.])
    """
    return F.dropout(input, p, train)


def alpha_dropout(input: Tensor, p: float, train: bool) -> Tensor:
    """Return :func:`minigrad.nn.functional.alpha_dropout`, whose last arguments have defaults.

    >>> import minigrad as mg
    >>> mg.alpha_dropout(mg.ones(2), 0.5, False)
    tensor([1., 1.])
    """
    return F.alpha_dropout(input, p, train)


def feature_dropout(input: Tensor, p: float, train: bool) -> Tensor:
    """Return :func:`minigrad.nn.functional.dropout2d`: whole channels, or all of them.

    >>> import minigrad as mg
    >>> mg.feature_dropout(mg.ones(1, 2, 1, 1), 0.5, False).shape
    (1, 2, 1, 1)
    """
    return F.dropout2d(input, p, train)


def feature_alpha_dropout(input: Tensor, p: float, train: bool) -> Tensor:
    """Return :func:`minigrad.nn.functional.feature_alpha_dropout`.

    >>> import minigrad as mg
    >>> mg.feature_alpha_dropout(mg.ones(1, 2, 1, 1), 0.5, False).shape
    (1, 2, 1, 1)
    """
    return F.feature_alpha_dropout(input, p, train)


def embedding(
    weight: Tensor,
    indices: Tensor,
    padding_idx: int = -1,
    scale_grad_by_freq: bool = False,
    sparse: bool = False,
) -> Tensor:
    """Return :func:`minigrad.nn.functional.embedding` with the weight first.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.embedding.html

    >>> import minigrad as mg
    >>> mg.embedding(mg.tensor([[1.0], [2.0]]), mg.tensor([1, 0]))
    tensor([[2.],
            [1.]])
    """
    padding = None if padding_idx < 0 else padding_idx
    return F.embedding(indices, weight, padding, scale_grad_by_freq=scale_grad_by_freq)


def batch_norm(
    input: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    training: bool,
    momentum: float,
    eps: float,
    cudnn_enabled: bool,
) -> Tensor:
    """Return :func:`minigrad.nn.functional.batch_norm` with weight and bias first.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.batch_norm.html

    >>> import minigrad as mg
    >>> x = mg.tensor([[1.0], [3.0]])
    >>> mg.batch_norm(x, None, None, None, None, True, 0.1, 1e-9, False)
    tensor([[-1.],
            [ 1.]])
    """
    return F.batch_norm(input, running_mean, running_var, weight, bias, training, momentum, eps)


def instance_norm(
    input: Tensor,
    weight: Tensor | None,
    bias: Tensor | None,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    use_input_stats: bool,
    momentum: float,
    eps: float,
    cudnn_enabled: bool,
) -> Tensor:
    """Return :func:`minigrad.nn.functional.instance_norm` with weight and bias first.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.instance_norm.html

    >>> import minigrad as mg
    >>> x = mg.tensor([[[1.0, 3.0]]])
    >>> mg.instance_norm(x, None, None, None, None, True, 0.1, 1e-9, False)
    tensor([[[-1.,  1.]]])
    """
    return F.instance_norm(
        input, running_mean, running_var, weight, bias, use_input_stats, momentum, eps
    )


def layer_norm(
    input: Tensor,
    normalized_shape: Sequence[int],
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
    cudnn_enable: bool = True,
) -> Tensor:
    """Return :func:`minigrad.nn.functional.layer_norm`.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.layer_norm.html

    >>> import minigrad as mg
    >>> mg.layer_norm(mg.tensor([1.0, 3.0]), (2,), eps=0.0)
    tensor([-1.,  1.])
    """
    return F.layer_norm(input, normalized_shape, weight, bias, eps)


def group_norm(
    input: Tensor,
    num_groups: int,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    eps: float = 1e-5,
    cudnn_enabled: bool = True,
) -> Tensor:
    """Return :func:`minigrad.nn.functional.group_norm`.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.group_norm.html

    >>> import minigrad as mg
    >>> mg.group_norm(mg.tensor([[1.0, 3.0]]), 1, eps=0.0)
    tensor([[-1.,  1.]])
    """
    return F.group_norm(input, num_groups, weight, bias, eps)


def constant_pad_nd(input: Tensor, pad: Sequence[int], value: float = 0) -> Tensor:
    """Return :func:`minigrad.nn.functional.pad` with one value.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.pad.html

    >>> import minigrad as mg
    >>> mg.constant_pad_nd(mg.ones(2), (1, 0), 5.0)
    tensor([5., 1., 1.])
    """
    return F.pad(input, pad, "constant", value)


def binary_cross_entropy_with_logits(
    input: Tensor,
    target: Tensor,
    weight: Tensor | None = None,
    pos_weight: Tensor | None = None,
    reduction: int = 1,
) -> Tensor:
    """Return :func:`minigrad.nn.functional.binary_cross_entropy_with_logits`.

    ``reduction`` is 0 for none, 1 for the mean, 2 for the sum.

    >>> import minigrad as mg
    >>> mg.binary_cross_entropy_with_logits(mg.zeros(2), mg.ones(2))
    tensor(0.6931)
    """
    return F.binary_cross_entropy_with_logits(
        input, target, weight, reduction=_REDUCTIONS[reduction], pos_weight=pos_weight
    )


def kl_div(
    input: Tensor, target: Tensor, reduction: int = 1, *, log_target: bool = False
) -> Tensor:
    """Return :func:`minigrad.nn.functional.kl_div`; ``reduction`` 0 none, 1 mean, 2 sum.

    >>> import minigrad as mg
    >>> mg.kl_div(mg.zeros(2), mg.ones(2), 0)
    tensor([0., 0.])
    """
    return F.kl_div(input, target, reduction=_REDUCTIONS[reduction], log_target=log_target)


def max_pool1d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = (),
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
) -> Tensor:
    """Return :func:`minigrad.nn.functional.max_pool1d`.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.max_pool1d.html

    >>> import minigrad as mg
    >>> mg.max_pool1d(mg.tensor([[1.0, 3.0]]), 2)
    tensor([[3.]])
    """
    return F.max_pool1d(input, kernel_size, stride or None, padding, dilation, ceil_mode)


def max_pool2d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = (),
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
) -> Tensor:
    """Return :func:`minigrad.nn.functional.max_pool2d`.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.max_pool2d.html

    >>> import minigrad as mg
    >>> mg.max_pool2d(mg.tensor([[[1.0, 3.0], [2.0, 0.0]]]), 2)
    tensor([[[3.]]])
    """
    return F.max_pool2d(input, kernel_size, stride or None, padding, dilation, ceil_mode)


def max_pool3d(
    input: Tensor,
    kernel_size: Any,
    stride: Any = (),
    padding: Any = 0,
    dilation: Any = 1,
    ceil_mode: bool = False,
) -> Tensor:
    """Return :func:`minigrad.nn.functional.max_pool3d`.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.functional.max_pool3d.html

    >>> import minigrad as mg
    >>> mg.max_pool3d(mg.ones(1, 2, 2, 2), 2).shape
    (1, 1, 1, 1)
    """
    return F.max_pool3d(input, kernel_size, stride or None, padding, dilation, ceil_mode)
