"""Methods that say which weights become zero, and the hook that keeps them so.

A pruned parameter ``weight`` becomes ``weight_orig``, beside the buffer ``weight_mask``; ``weight``
is their product. https://docs.pytorch.org/tutorials/intermediate/pruning_tutorial.html
"""

from __future__ import annotations

import numbers
from collections.abc import Iterator
from typing import Any

import numpy as np

from minigrad.creation import ones_like, zeros_like
from minigrad.nn.module import Module
from minigrad.random import default_generator
from minigrad.tensor.tensor import Tensor


class BasePruningMethod:
    """Base class: a method writes ``compute_mask``, and says its ``PRUNING_TYPE``.

    That is "unstructured", "structured" (with ``dim``) or "global": of what is pruned already the
    method sees nothing, no whole channels, or all.
    """

    PRUNING_TYPE: str
    _tensor_name: str
    name = property(lambda self: self._tensor_name)

    def __call__(self, module: Module, inputs: Any) -> None:
        setattr(module, self._tensor_name, self.apply_mask(module))

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """Return the mask of what stays, from the scores ``t`` and the mask so far."""
        raise NotImplementedError(f"{type(self).__name__} does not define compute_mask")

    def apply_mask(self, module: Module) -> Tensor:
        """Return the parameter times the mask."""
        mask = getattr(module, f"{self._tensor_name}_mask")
        original = getattr(module, f"{self._tensor_name}_orig")
        return mask.to(original.dtype) * original  # type: ignore[no-any-return]

    @classmethod
    def apply(
        cls, module: Module, name: str, *args: Any, importance_scores: Any = None, **kwargs: Any
    ) -> BasePruningMethod:
        """Prune a parameter, further where it is pruned; the scores are its values by default."""
        method = cls(*args, **kwargs)
        method._tensor_name = name
        original = getattr(module, name)
        scores = _scores(importance_scores, original)
        key = hook_of(module, name)
        if key is None:
            default_mask = ones_like(original).detach()
        else:
            before: Any = module._forward_pre_hooks[key].hook
            method = _combined(before, method)
            default_mask = getattr(module, f"{name}_mask").detach().clone()
        mask = method.compute_mask(scores.detach(), default_mask)
        if key is None:
            delattr(module, name)
            module.register_parameter(f"{name}_orig", original)
        else:
            del module._forward_pre_hooks[key]
        module.register_buffer(f"{name}_mask", mask)
        setattr(module, name, method.apply_mask(module))
        module.register_forward_pre_hook(method)
        return method

    def prune(
        self, t: Tensor, default_mask: Tensor | None = None, importance_scores: Any = None
    ) -> Tensor:
        """Return ``t`` times its mask; no module knows."""
        scores = _scores(importance_scores, t)
        if default_mask is None:
            default_mask = ones_like(t).detach()
        return t * self.compute_mask(scores.detach(), default_mask)

    def remove(self, module: Module) -> None:
        """Make the product an ordinary parameter."""
        name = self._tensor_name
        weight = self.apply_mask(module)
        original = module._parameters[f"{name}_orig"]
        assert original is not None
        for part in (name, f"{name}_orig", f"{name}_mask"):
            delattr(module, part)
        original.data = weight.data
        setattr(module, name, original)


def _scores(importance_scores: Any, tensor: Tensor) -> Tensor:
    if importance_scores is None:
        return tensor
    if importance_scores.shape != tensor.shape:
        raise AssertionError(
            "importance_scores should have the same shape as what is pruned, got "
            f"{importance_scores.shape} vs {tensor.shape}"
        )
    return importance_scores  # type: ignore[no-any-return]


def hook_of(module: Module, name: str) -> int | None:
    """Return the key of the hook that prunes that parameter, None where there is none."""
    for key, entry in module._forward_pre_hooks.items():
        hook = entry.hook
        if isinstance(hook, BasePruningMethod) and hook._tensor_name == name:
            return key
    return None


def _combined(before: BasePruningMethod, method: BasePruningMethod) -> BasePruningMethod:
    container = before
    if not isinstance(before, PruningContainer):
        container = PruningContainer(before)
    assert isinstance(container, PruningContainer)
    container.add_pruning_method(method)
    return container


class PruningContainer(BasePruningMethod):
    """Several methods that pruned the same parameter, one after the other."""

    def __init__(self, *args: BasePruningMethod) -> None:
        self._pruning_methods: tuple[BasePruningMethod, ...] = ()
        if len(args) == 1:
            self._tensor_name = args[0]._tensor_name
        for method in args:
            self.add_pruning_method(method)

    def add_pruning_method(self, method: Any) -> None:
        """Add a method; raise TypeError for what is none, ValueError for another parameter's."""
        if not isinstance(method, BasePruningMethod):
            raise TypeError(f"{type(method)} is not a BasePruningMethod subclass")
        if self._tensor_name != method._tensor_name:
            raise ValueError(
                "Can only add pruning methods acting on the parameter named "
                f"'{self._tensor_name}' to PruningContainer {self}. Found '{method._tensor_name}'"
            )
        self._pruning_methods += (method,)

    def __len__(self) -> int:
        return len(self._pruning_methods)

    def __iter__(self) -> Iterator[BasePruningMethod]:
        return iter(self._pruning_methods)

    def __getitem__(self, index: Any) -> Any:
        return self._pruning_methods[index]

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """Return the mask so far with the last method's applied to what it left."""
        method = self._pruning_methods[-1]
        mask = default_mask.to(t.dtype).clone()
        part = _visible(method, mask)
        scores = Tensor._wrap(t._data[part])
        left = Tensor._wrap(default_mask._data[part])
        mask._data[part] = method.compute_mask(scores, left)._data
        return mask


def _visible(method: Any, mask: Tensor) -> Any:
    """Return the index of what a method looks at."""
    kept = mask._data != 0
    if method.PRUNING_TYPE == "global":
        return ...
    if method.PRUNING_TYPE == "unstructured":
        return kept
    if method.PRUNING_TYPE != "structured":
        raise ValueError(f"Unrecognized PRUNING_TYPE {method.PRUNING_TYPE}")
    if not hasattr(method, "dim"):
        raise AttributeError(
            'Pruning methods of PRUNING_TYPE "structured" need to have the attribute `dim` '
            f"defined. {type(method).__name__} has none"
        )
    if not -kept.ndim <= method.dim < kept.ndim:
        raise IndexError(f"Index is out of bounds for tensor with dimensions {kept.ndim}")
    dim = method.dim % kept.ndim
    others = tuple(d for d in range(kept.ndim) if d != dim)
    index: list[Any] = [slice(None)] * kept.ndim
    index[dim] = kept.any(others)
    return tuple(index)


# ---- methods ---------------------------------------------------------------------------------
class Identity(BasePruningMethod):
    """Prune nothing: the mask is all ones."""

    PRUNING_TYPE = "unstructured"

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """Return the mask so far."""
        return default_mask


class _Amount(BasePruningMethod):
    """A method that prunes a number of elements or channels, or a fraction of them."""

    def __init__(self, amount: float) -> None:
        is_number = isinstance(amount, numbers.Real)
        if not is_number:
            raise TypeError(f"Invalid type for amount: {amount}. Must be int or float.")
        is_count = isinstance(amount, numbers.Integral)
        if amount < 0 or (not is_count and amount > 1):
            raise ValueError(
                f"amount={amount} should either be a float in the range [0, 1] or a non-negative "
                "integer"
            )
        self.amount = amount

    def count(self, size: int) -> int:
        """Return how many of ``size`` are pruned; raise ValueError where there are not so many."""
        is_count = isinstance(self.amount, numbers.Integral)
        n = int(self.amount) if is_count else round(self.amount * size)
        if n > size:
            raise ValueError(
                f"amount={n} should be smaller than the number of parameters to prune={size}"
            )
        return n


class RandomUnstructured(_Amount):
    """Prune elements at random."""

    PRUNING_TYPE = "unstructured"

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """Return the mask so far without those of the largest random numbers."""
        n = self.count(t.numel())
        if not n:
            return default_mask.clone()
        drawn = default_generator.uniform(t.shape, dtype=t.dtype)
        return _without(default_mask, -drawn, n)


class L1Unstructured(_Amount):
    """Prune the elements of the smallest absolute values."""

    PRUNING_TYPE = "unstructured"

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """Return the mask so far without the smallest."""
        n = self.count(t.numel())
        return _without(default_mask, np.abs(t._data), n)


def _without(mask: Tensor, scores: np.ndarray, n: int) -> Tensor:
    """Return the mask with zeros where the ``n`` lowest scores stand."""
    lowest = np.argsort(scores, axis=None, kind="stable")[:n]
    values = mask._data.copy()
    values.ravel()[lowest] = 0
    result: Tensor = Tensor._wrap(values)
    return result


class _Structured(_Amount):
    """A method that prunes whole channels along ``dim``."""

    PRUNING_TYPE = "structured"

    def __init__(self, amount: float, dim: int = -1) -> None:
        super().__init__(amount)
        self.dim = dim

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """Return the mask so far without the channels that ``kept`` leaves out."""
        if t.ndim < 2:
            raise ValueError(
                "Structured pruning can only be applied to multidimensional tensors. Found tensor "
                f"of shape {t.shape} with {t.ndim} dims"
            )
        if self.dim >= t.ndim:
            raise IndexError(f"Invalid index {self.dim} for tensor of size {t.shape}")
        channels = t.shape[self.dim]
        n = self.count(channels)
        if not n:
            return default_mask
        mask = zeros_like(t).detach()
        index: list[Any] = [slice(None)] * t.ndim
        index[self.dim] = self.kept(t, n)
        mask._data[tuple(index)] = 1
        return mask * default_mask.to(mask.dtype)

    def kept(self, t: Tensor, n: int) -> np.ndarray:
        """Return which channels stay where ``n`` are pruned."""
        raise NotImplementedError(f"{type(self).__name__} does not define kept")


class RandomStructured(_Structured):
    """Prune channels at random."""

    def kept(self, t: Tensor, n: int) -> np.ndarray:
        """Return those of the largest random numbers."""
        drawn = default_generator.uniform((t.shape[self.dim],))
        threshold = np.sort(drawn)[n - 1]
        return drawn > threshold


class LnStructured(_Structured):
    """Prune the channels of the smallest n-norm."""

    def __init__(self, amount: float, n: Any, dim: int = -1) -> None:
        super().__init__(amount, dim)
        self.n = n

    def kept(self, t: Tensor, n: int) -> np.ndarray:
        """Return those of the largest norm."""
        others = [d for d in range(t.ndim) if d != self.dim % t.ndim]
        norms = t.norm(self.n, others)._data
        return np.argsort(-norms, kind="stable")[: len(norms) - n]


class CustomFromMask(BasePruningMethod):
    """Prune by a mask that is given."""

    PRUNING_TYPE = "global"

    def __init__(self, mask: Tensor) -> None:
        self.mask = mask

    def compute_mask(self, t: Tensor, default_mask: Tensor) -> Tensor:
        """Return the product of both masks."""
        if default_mask.shape != self.mask.shape:
            raise AssertionError(
                f"default_mask shape {default_mask.shape} must match self.mask shape "
                f"{self.mask.shape}"
            )
        return default_mask * self.mask.to(default_mask.dtype)
