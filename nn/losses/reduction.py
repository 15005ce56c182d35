"""What losses share: ``reduction`` is 'mean' (default), 'sum' or 'none'."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any, TypeVar

from minigrad.nn.arguments import tensor_arguments
from minigrad.nn.module import Module
from minigrad.silence import warn
from minigrad.tensor.tensor import Tensor

F = TypeVar("F", bound=Callable[..., Any])
REDUCTIONS = ("mean", "sum", "none")


def check_reduction(reduction: str) -> None:
    """Raise ValueError unless it is one of ``REDUCTIONS``."""
    if reduction not in REDUCTIONS:
        raise ValueError(f"{reduction} is not a valid value for reduction; use one of {REDUCTIONS}")


def reduce_loss(loss: Tensor, reduction: str) -> Tensor:
    """Return the mean, the sum, or the loss of each element."""
    check_reduction(reduction)
    if reduction == "mean":
        return loss.mean()
    return loss.sum() if reduction == "sum" else loss


def legacy_reduction(function: F) -> F:
    """Turn the deprecated ``size_average`` and ``reduce`` into ``reduction``, with a warning."""
    signature = inspect.signature(function)
    names = [*signature.parameters]
    if "size_average" not in names:
        return function
    first = names.index("size_average")

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        legacy_by_name = "size_average" in kwargs or "reduce" in kwargs
        if len(args) <= first and not legacy_by_name:
            return function(*args, **kwargs)
        arguments = signature.bind(*args, **kwargs).arguments
        size_average = arguments.pop("size_average", None)
        reduce = arguments.pop("reduce", None)
        if size_average is not None or reduce is not None:
            arguments["reduction"] = _translate(size_average, reduce)
        return function(**arguments)

    return wrapper  # type: ignore[return-value]


def _translate(size_average: Any, reduce: Any) -> str:
    """Return the reduction that the deprecated arguments mean; None is True."""
    for value in (size_average, reduce):
        if isinstance(value, str):
            raise TypeError(
                "size_average and reduce, which are deprecated, are bool: "
                f"write reduction={value!r}"
            )
    reduction = "sum"
    if not (reduce is None or reduce):
        reduction = "none"
    elif size_average is None or size_average:
        reduction = "mean"
    warn(
        "size_average and reduce args will be deprecated, "
        f"please use reduction='{reduction}' instead."
    )
    return reduction


class _Loss(Module):
    """Base class of the losses: it checks ``reduction``, and its subclasses' arguments."""

    def __init_subclass__(cls) -> None:
        super().__init_subclass__()
        checked = legacy_reduction(tensor_arguments(cls.__init__))
        cls.__init__ = checked  # type: ignore[method-assign]

    @legacy_reduction
    def __init__(
        self, size_average: bool | None = None, reduce: bool | None = None, reduction: str = "mean"
    ) -> None:
        super().__init__()
        check_reduction(reduction)
        self.reduction = reduction


class _WeightedLoss(_Loss):
    """Base class of the losses with a weight per class or element, a buffer."""

    def __init__(
        self,
        weight: Tensor | None = None,
        size_average: bool | None = None,
        reduce: bool | None = None,
        reduction: str = "mean",
    ) -> None:
        super().__init__(reduction=reduction)
        self.register_buffer("weight", weight)
