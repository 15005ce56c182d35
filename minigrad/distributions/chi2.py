"""The chi-squared distribution of numbers."""

from __future__ import annotations

from typing import Any

from minigrad.distributions import constraints
from minigrad.distributions.gamma import Gamma
from minigrad.tensor.tensor import Tensor


class Chi2(Gamma):
    """The sum of ``df`` squares of standard normal numbers.

    https://docs.pytorch.org/docs/stable/distributions.html#chi2
    """

    arg_constraints = {"df": constraints.positive}

    def __init__(self, df: Any, validate_args: bool | None = None) -> None:
        super().__init__(0.5 * df, 0.5, validate_args=validate_args)

    @property
    def df(self) -> Tensor:
        """The degrees of freedom."""
        return self.concentration * 2

    def expand(self, batch_shape: Any, _instance: Any = None) -> Chi2:
        return Chi2(self.df.expand(batch_shape), validate_args=self._validate_args)
