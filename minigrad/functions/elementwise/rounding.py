"""Rounding, signs, and what to do with NaN."""

from __future__ import annotations

import operator
from typing import Any

from minigrad.functions.arguments import accepts_out, unary
from minigrad.ops import elementwise as ops
from minigrad.ops import special

__all__ = [
    "ceil", "fix", "floor", "frac", "nan_to_num", "round", "sgn", "sign", "trunc",
]  # fmt: skip

T = Any  # a Tensor, which this floor does not know


@accepts_out
def round(input: T, *, decimals: int = 0) -> T:
    """Return rounded to ``decimals``, halves to the even neighbour.

    https://docs.pytorch.org/docs/stable/generated/torch.round.html

    >>> import minigrad as mg
    >>> mg.round(mg.tensor([0.5, 1.5, 2.5]))
    tensor([0., 2., 2.])
    """
    decimals = operator.index(decimals)
    return ops.rint(input, decimals=decimals) if decimals else ops.rint(input)


@unary(ops.floor)
def floor(input: T) -> T:
    """Return the greatest whole number below or at each element; its gradient is 0.

    Any shape. The dtype stays; NotImplementedError for bools. TypeError for anything that is
    not a tensor.
    https://docs.pytorch.org/docs/stable/generated/torch.floor.html

    >>> import minigrad as mg
    >>> mg.floor(mg.tensor([-1.5, 1.5]))
    tensor([-2.,  1.])
    """


@unary(ops.ceil)
def ceil(input: T) -> T:
    """Return the least whole number above or at each element; its gradient is 0.

    Any shape. The dtype stays; NotImplementedError for bools. TypeError for anything that is
    not a tensor.
    https://docs.pytorch.org/docs/stable/generated/torch.ceil.html

    >>> import minigrad as mg
    >>> mg.ceil(mg.tensor([-1.5, 1.5]))
    tensor([-1.,  2.])
    """


@unary(ops.trunc)
def trunc(input: T) -> T:
    """Return each element rounded towards 0; its gradient is 0.

    Any shape. The dtype stays; NotImplementedError for bools. TypeError for anything that is
    not a tensor.
    https://docs.pytorch.org/docs/stable/generated/torch.trunc.html

    >>> import minigrad as mg
    >>> mg.trunc(mg.tensor([-1.5, 1.5]))
    tensor([-1.,  1.])
    """


fix = trunc


@unary(ops.frac)
def frac(input: T) -> T:
    """Return input - trunc(input): each element's part behind the point, with its sign.

    Any shape. NotImplementedError for integers and bools. TypeError for anything that is not a
    tensor.
    https://docs.pytorch.org/docs/stable/generated/torch.frac.html

    >>> import minigrad as mg
    >>> mg.frac(mg.tensor([-1.5, 2.25]))
    tensor([-0.5000,  0.2500])
    """


@unary(ops.sign)
def sign(input: T) -> T:
    """Return -1, 0 or 1 with the sign of each element; its gradient is 0.

    Any shape. The dtype stays. TypeError for anything that is not a tensor.
    https://docs.pytorch.org/docs/stable/generated/torch.sign.html

    >>> import minigrad as mg
    >>> mg.sign(mg.tensor([-1.5, 0.0, 2.0]))
    tensor([-1.,  0.,  1.])
    """


sgn = sign


@accepts_out
def nan_to_num(
    input: T, nan: float | None = None, posinf: float | None = None, neginf: float | None = None
) -> T:
    """Return input with numbers in place of NaN (0) and the infinities (the ends of the dtype).

    https://docs.pytorch.org/docs/stable/generated/torch.nan_to_num.html

    >>> import minigrad as mg
    >>> mg.nan_to_num(mg.tensor([float("nan"), 1.0]))
    tensor([0., 1.])
    """
    nan, posinf, neginf = (
        None if end is None else float(end) for end in (nan or 0.0, posinf, neginf)
    )
    return special.nan_to_num(input, nan=nan, posinf=posinf, neginf=neginf)
