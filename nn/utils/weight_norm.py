"""A weight as a direction and a length, recomputed before every forward (Salimans & Kingma, 2016).

The older way, by a hook; :func:`minigrad.nn.utils.parametrizations.weight_norm` is the newer one.
"""

from __future__ import annotations

from typing import Any, TypeVar

from minigrad.nn.module import Module
from minigrad.nn.parameter import Parameter, is_lazy
from minigrad.silence import warn
from minigrad.tensor.tensor import Tensor

M = TypeVar("M", bound=Module)


def norm_except_dim(v: Tensor, dim: int | None) -> Tensor:
    """Return the norm over all dimensions but ``dim``, which are kept as 1; None or -1: over all.

    >>> import minigrad as mg
    >>> norm_except_dim(mg.tensor([[3.0, 4.0], [0.0, 2.0]]), 0).tolist()
    [[5.0], [2.0]]
    """
    square = v * v
    if dim is None or dim == -1:
        return square.sum().sqrt()
    others = [d for d in range(v.ndim) if d != dim % v.ndim]
    return square.sum(others, keepdim=True).sqrt()


def normed(v: Tensor, g: Tensor, dim: int | None) -> Tensor:
    """Return the weight of direction ``v`` and length ``g``."""
    return v * (g / norm_except_dim(v, dim))


class WeightNorm:
    """The hook that computes the weight ``name`` from ``name_g`` and ``name_v``."""

    def __init__(self, name: str, dim: int | None) -> None:
        self.name = name
        self.dim = -1 if dim is None else dim

    def compute_weight(self, module: Module) -> Tensor:
        """Return the weight."""
        g, v = getattr(module, f"{self.name}_g"), getattr(module, f"{self.name}_v")
        return normed(v, g, self.dim)

    @staticmethod
    def apply(module: Module, name: str, dim: int | None) -> WeightNorm:
        """Put length and direction in the place of the weight, and the hook before forward."""
        warn(
            "`torch.nn.utils.weight_norm` is deprecated in favor of "
            "`torch.nn.utils.parametrizations.weight_norm`.",
            FutureWarning,
        )
        if hook_of(module, WeightNorm, name) is not None:
            raise RuntimeError(
                f"Cannot register two weight_norm hooks on the same parameter {name}"
            )
        weight = getattr(module, name)
        check_shape_is_known(weight, "WeightNorm", "weight normalization")
        hook = WeightNorm(name, dim)
        delattr(module, name)
        length = norm_except_dim(weight.detach(), hook.dim)
        module.register_parameter(f"{name}_g", Parameter(length))
        module.register_parameter(f"{name}_v", Parameter(weight.data))
        setattr(module, name, hook.compute_weight(module))
        module.register_forward_pre_hook(hook)
        return hook

    def remove(self, module: Module) -> None:
        """Make the weight a parameter again."""
        weight = self.compute_weight(module)
        for name in (self.name, f"{self.name}_g", f"{self.name}_v"):
            delattr(module, name)
        setattr(module, self.name, Parameter(weight.data))

    def __call__(self, module: Module, inputs: Any) -> None:
        setattr(module, self.name, self.compute_weight(module))


def hook_of(module: Module, kind: type, name: str) -> int | None:
    """Return the key of the hook of that kind for that parameter among those before forward."""
    for key, entry in module._forward_pre_hooks.items():
        hook: Any = entry.hook
        if isinstance(hook, kind) and hook.name == name:  # type: ignore[attr-defined]
            return key
    return None


def check_shape_is_known(weight: Any, what: str, purpose: str) -> None:
    """Raise ValueError for a parameter of a lazy layer before its first input."""
    if is_lazy(weight):
        raise ValueError(
            f"The module passed to `{what}` can't have uninitialized parameters. Make sure to run "
            f"the dummy forward before applying {purpose}"
        )


def remove_hook(module: Module, kind: type, name: str, what: str) -> None:
    """Take away the hook of that kind for that parameter; raise ValueError where there is none."""
    key = hook_of(module, kind, name)
    if key is None:
        raise ValueError(f"{what} of '{name}' not found in {module}")
    hook: Any = module._forward_pre_hooks.pop(key).hook
    hook.remove(module)


def weight_norm(module: M, name: str = "weight", dim: int | None = 0) -> M:
    """Compute the weight as g v / ‖v‖, with a length g for each index of ``dim`` (None: one).

    Warns that it is deprecated. Raises RuntimeError where it is there already.
    https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.weight_norm.html
    """
    WeightNorm.apply(module, name, dim)
    return module


def remove_weight_norm(module: M, name: str = "weight") -> M:
    """Undo :func:`weight_norm`; raise ValueError where there is none."""
    remove_hook(module, WeightNorm, name, "weight_norm")
    return module
