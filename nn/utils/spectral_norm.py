"""A weight divided by its largest singular value, before every forward (Miyato et al., 2018).

The older way, by a hook; :func:`minigrad.nn.utils.parametrizations.spectral_norm` is the newer one.
"""

from __future__ import annotations

from typing import Any, TypeVar

from minigrad.functions.products import mv
from minigrad.modes import no_grad
from minigrad.nn.activation_gates import normalize
from minigrad.nn.conv_transpose import _ConvTransposeNd
from minigrad.nn.module import Module
from minigrad.nn.parameter import Parameter
from minigrad.nn.utils.weight_norm import check_shape_is_known, hook_of, remove_hook
from minigrad.tensor.tensor import Tensor

M = TypeVar("M", bound=Module)


def as_matrix(weight: Tensor, dim: int) -> Tensor:
    """Return the weight as a matrix whose rows are the indices of ``dim``."""
    return weight.movedim(dim, 0).flatten(1)


def random_direction(weight: Tensor, length: int, eps: float) -> Tensor:
    """Return a random vector of length 1."""
    drawn = weight.detach().new_empty(length).normal_(0, 1)
    return normalize(drawn, dim=0, eps=eps)


def largest_singular_value(matrix: Tensor, u: Tensor, v: Tensor) -> Tensor:
    """Return uᵀ W v."""
    return (u * mv(matrix, v)).sum()


def check_iterations(n_power_iterations: int) -> None:
    """Raise ValueError unless there is an iteration."""
    if n_power_iterations <= 0:
        raise ValueError(
            "Expected n_power_iterations to be positive, but got "
            f"n_power_iterations={n_power_iterations}"
        )


def default_dim(module: Module) -> int:
    """Return the dimension of the outputs of a layer's weight."""
    return 1 if isinstance(module, _ConvTransposeNd) else 0


class SpectralNorm:
    """The hook that computes the weight ``name`` from ``name_orig``, ``name_u`` and ``name_v``."""

    def __init__(
        self,
        name: str = "weight",
        n_power_iterations: int = 1,
        dim: int = 0,
        eps: float = 1e-12,
    ) -> None:
        check_iterations(n_power_iterations)
        self.name = name
        self.n_power_iterations = n_power_iterations
        self.dim = dim
        self.eps = eps

    def compute_weight(self, module: Module, do_power_iteration: bool) -> Tensor:
        """Return the weight, after power iterations that bring ``u`` and ``v`` nearer."""
        weight, u, v = (getattr(module, f"{self.name}_{part}") for part in ("orig", "u", "v"))
        matrix = as_matrix(weight, self.dim)
        if do_power_iteration:
            with no_grad():
                for _ in range(self.n_power_iterations):
                    v.copy_(normalize(mv(matrix.t(), u), dim=0, eps=self.eps))
                    u.copy_(normalize(mv(matrix, v), dim=0, eps=self.eps))
        # copies, as the next forward writes into the buffers
        return weight / largest_singular_value(matrix, u.clone(), v.clone())

    @staticmethod
    def apply(
        module: Module, name: str, n_power_iterations: int, dim: int, eps: float
    ) -> SpectralNorm:
        """Put the hook before forward, and its buffers beside the weight."""
        if hook_of(module, SpectralNorm, name) is not None:
            raise RuntimeError(
                f"Cannot register two spectral_norm hooks on the same parameter {name}"
            )
        hook = SpectralNorm(name, n_power_iterations, dim, eps)
        weight = module._parameters[name]
        if weight is None:
            raise ValueError(f"`SpectralNorm` cannot be applied as parameter `{name}` is None")
        check_shape_is_known(weight, "SpectralNorm", "spectral normalization")
        height, width = as_matrix(weight, dim).shape
        u = random_direction(weight, height, eps)
        v = random_direction(weight, width, eps)
        delattr(module, name)
        module.register_parameter(f"{name}_orig", weight)
        setattr(module, name, weight.data)
        module.register_buffer(f"{name}_u", u)
        module.register_buffer(f"{name}_v", v)
        module.register_forward_pre_hook(hook)
        return hook

    def remove(self, module: Module) -> None:
        """Make the weight a parameter again."""
        with no_grad():
            weight = self.compute_weight(module, do_power_iteration=False)
        for suffix in ("", "_u", "_v", "_orig"):
            delattr(module, f"{self.name}{suffix}")
        module.register_parameter(self.name, Parameter(weight.detach()))

    def __call__(self, module: Module, inputs: Any) -> None:
        weight = self.compute_weight(module, do_power_iteration=module.training)
        setattr(module, self.name, weight)


def spectral_norm(
    module: M,
    name: str = "weight",
    n_power_iterations: int = 1,
    eps: float = 1e-12,
    dim: int | None = None,
) -> M:
    """Divide the weight by its largest singular value, found by power iterations in training.

    ``dim`` is that of the outputs. Raises RuntimeError where it is there already.
    https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.spectral_norm.html
    """
    dim = default_dim(module) if dim is None else dim
    SpectralNorm.apply(module, name, n_power_iterations, dim, eps)
    return module


def remove_spectral_norm(module: M, name: str = "weight") -> M:
    """Undo :func:`spectral_norm`; raise ValueError where there is none."""
    remove_hook(module, SpectralNorm, name, "spectral_norm")
    return module
