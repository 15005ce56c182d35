"""Layers that learn their number of features from the first input, or from the state they load."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minigrad.creation import ones, zeros
from minigrad.nn.arguments import as_tensor_argument
from minigrad.nn.batchnorm.layers import BatchNorm1d, BatchNorm2d, BatchNorm3d, Reduce, _BatchNorm
from minigrad.nn.batchnorm.statistics import NormBase
from minigrad.tensor.tensor import Tensor


class _LazyBatchNorm(NormBase):
    """Its parameters have no element yet.

    An optimizer may hold them already, for they stay the same objects.
    """

    becomes: type[_BatchNorm]
    all_reduce: Reduce | None = None  # where it becomes a SyncBatchNorm
    ranks = property(lambda self: self.becomes.ranks)
    _check_input_dim = _BatchNorm._check_input_dim

    def __init__(
        self,
        eps: float = 1e-5,
        momentum: float | None = 0.1,
        affine: bool = True,
        track_running_stats: bool = True,
        device: Any = None,
        dtype: Any = None,
        *,
        bias: bool = True,
        on_nonfinite: str = "warn",
    ) -> None:
        options: Any = (eps, momentum, affine, track_running_stats, device, dtype)
        super().__init__(0, *options, bias=bias, on_nonfinite=on_nonfinite)

    def _become(self, num_features: int) -> Callable[[], None]:
        """Turn into the ordinary layer of that many features; return what turns it back."""

        parameters = (self.weight, ones), (self.bias, zeros)
        buffers = (self.running_mean, zeros), (self.running_var, ones)

        def resize(cls: Any, n: int) -> None:
            for value, fill in (*parameters, *buffers):
                if value is not None:
                    value.data = fill(n, dtype=value.dtype)
            self.num_features = n
            self.__class__ = cls

        lazy = type(self)
        resize(self.becomes, num_features)
        return lambda: resize(lazy, 0)

    def _upgrade(
        self, state: dict[str, Any], prefix: str, version: int | None
    ) -> Callable[[], None] | None:
        super()._upgrade(state, prefix, version)
        value = state.get(f"{prefix}weight", state.get(f"{prefix}running_mean"))
        if value is None or not value.shape[0]:
            return None
        return self._become(value.shape[0])

    def forward(self, input: Tensor) -> Tensor:
        """Take the number of channels from ``input``, and continue as the ordinary layer."""
        if not isinstance(input, Tensor):
            input = as_tensor_argument(input, type(self).__name__)
        self._check_input_dim(input)  # type: ignore[misc]  # before anything has changed
        undo = self._become(input.shape[1])
        try:
            return self.forward(input)  # of the class it is now
        except Exception:
            undo()
            raise


class LazyBatchNorm1d(_LazyBatchNorm):
    """BatchNorm1d without ``num_features``: the first input, (N, C) or (N, C, L), tells it.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.LazyBatchNorm1d.html

    >>> import minigrad as mg
    >>> from minigrad import nn
    >>> bn = nn.LazyBatchNorm1d()
    >>> bn(mg.ones(4, 3)).shape, bn  # doctest: +ELLIPSIS
    ((4, 3), BatchNorm1d(3, eps=1e-05, momentum=0.1, ...))
    """

    becomes = BatchNorm1d


class LazyBatchNorm2d(_LazyBatchNorm):
    """BatchNorm2d without ``num_features``: the first input, (N, C, H, W), tells it."""

    becomes = BatchNorm2d


class LazyBatchNorm3d(_LazyBatchNorm):
    """BatchNorm3d without ``num_features``: the first input, (N, C, D, H, W), tells it."""

    becomes = BatchNorm3d
