"""Parametrisations that are there: direction and length, spectral norm, orthogonal matrices.

https://docs.pytorch.org/docs/stable/nn.html#parametrizations
"""

from __future__ import annotations

from typing import Any, TypeVar

from minigrad.functions.products import mv
from minigrad.modes import no_grad
from minigrad.nn.activation_gates import normalize
from minigrad.nn.module import Module
from minigrad.nn.utils.orthogonal import orthogonal as orthogonal
from minigrad.nn.utils.parametrize import register_parametrization, tensor_of
from minigrad.nn.utils.spectral_norm import (
    as_matrix,
    check_iterations,
    default_dim,
    largest_singular_value,
    random_direction,
)
from minigrad.nn.utils.weight_norm import norm_except_dim, normed
from minigrad.tensor.tensor import Tensor

__all__ = [
    "orthogonal",
    "spectral_norm",
    "weight_norm",
]

M = TypeVar("M", bound=Module)


# ---- direction and length --------------------------------------------------------------------
class _WeightNorm(Module):
    def __init__(self, dim: int | None = 0) -> None:
        super().__init__()
        self.dim = -1 if dim is None else dim

    def forward(self, weight_g: Tensor, weight_v: Tensor) -> Tensor:
        return normed(weight_v, weight_g, self.dim)

    def right_inverse(self, weight: Tensor) -> tuple[Tensor, Tensor]:
        return norm_except_dim(weight, self.dim), weight


def weight_norm(module: M, name: str = "weight", dim: int | None = 0) -> M:
    """Compute the weight as g v / ‖v‖, with a length g for each index of ``dim`` (None: one).

    ``original0`` is g, ``original1`` v. A state of the older :func:`minigrad.nn.utils.weight_norm`
    loads, too.
    https://arxiv.org/abs/1602.07868;
    https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.parametrizations.weight_norm.html

    >>> from minigrad import nn
    >>> layer = weight_norm(nn.Linear(2, 3))
    >>> layer.parametrizations.weight.original0.shape
    (3, 1)
    """
    register_parametrization(module, name, _WeightNorm(dim), unsafe=True)

    def rename(state_dict: dict[str, Any], prefix: str, *_: Any) -> None:
        old = [f"{prefix}{name}_{part}" for part in "gv"]
        if all(key in state_dict for key in old):
            for i, key in enumerate(old):
                new = f"{prefix}parametrizations.{name}.original{i}"
                state_dict[new] = state_dict.pop(key)

    module._register_load_state_dict_pre_hook(rename)
    return module


# ---- the largest singular value --------------------------------------------------------------
class _SpectralNorm(Module):
    def __init__(
        self, weight: Tensor, n_power_iterations: int = 1, dim: int = 0, eps: float = 1e-12
    ) -> None:
        super().__init__()
        ndim = weight.ndim
        if not -ndim <= dim < ndim:
            raise IndexError(
                f"Dimension out of range (expected to be in range of [-{ndim}, {ndim - 1}] but "
                f"got {dim})"
            )
        check_iterations(n_power_iterations)
        self.dim = dim % ndim
        self.eps = eps
        if ndim > 1:
            self.n_power_iterations = n_power_iterations
            matrix = as_matrix(weight, self.dim)
            height, width = matrix.shape
            self.register_buffer("_u", random_direction(weight, height, eps))
            self.register_buffer("_v", random_direction(weight, width, eps))
            self._power_method(matrix, 15)

    @no_grad()
    def _power_method(self, matrix: Tensor, n_power_iterations: int) -> None:
        for _ in range(n_power_iterations):
            self._u.copy_(normalize(mv(matrix, self._v), dim=0, eps=self.eps))
            self._v.copy_(normalize(mv(matrix.t(), self._u), dim=0, eps=self.eps))

    def forward(self, weight: Tensor) -> Tensor:
        if weight.ndim == 1:
            return normalize(weight, dim=0, eps=self.eps)
        matrix = as_matrix(weight, self.dim)
        if self.training:
            self._power_method(matrix, self.n_power_iterations)
        # copies, as the next forward writes into the buffers
        return weight / largest_singular_value(matrix, self._u.clone(), self._v.clone())

    def right_inverse(self, value: Tensor) -> Tensor:
        return value


def spectral_norm(
    module: M,
    name: str = "weight",
    n_power_iterations: int = 1,
    eps: float = 1e-12,
    dim: int | None = None,
) -> M:
    """Divide the weight by its largest singular value, found by power iterations in training.

    ``dim`` is that of the outputs. Raises ValueError where the module has no such tensor.
    https://arxiv.org/abs/1802.05957;
    https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.parametrizations.spectral_norm.html

    >>> import minigrad as mg
    >>> from minigrad import nn
    >>> _ = mg.manual_seed(0)
    >>> layer = spectral_norm(nn.Linear(20, 40))
    >>> round(mg.linalg.matrix_norm(layer.weight, 2).item(), 1)
    1.0
    """
    weight = tensor_of(module, name)
    dim = default_dim(module) if dim is None else dim
    norm = _SpectralNorm(weight, n_power_iterations, dim, eps)
    register_parametrization(module, name, norm)
    return module
