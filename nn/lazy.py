"""Modules that learn the shapes of their parameters from the first input.

https://docs.pytorch.org/docs/stable/generated/torch.nn.modules.lazy.LazyModuleMixin.html
"""

from __future__ import annotations

from typing import Any

from minigrad.modes import no_grad
from minigrad.nn.arguments import as_tensor_argument
from minigrad.nn.module import Module
from minigrad.nn.parameter import UninitializedBuffer, UninitializedParameter, is_lazy
from minigrad.tensor.tensor import Tensor

_INITIALIZED = "_initialized"  # of a lazy class that becomes no other


class LazyModuleMixin:
    """What lazy modules share; it stands before the class of the layer among the bases.

    A class writes ``initialize_parameters``, which looks at the arguments of the first call and
    gives each ``nn.UninitializedParameter`` its shape. Then the module is of the class
    ``cls_to_become``, where there is one. A first call that raises leaves it as it was.

    >>> import minigrad as mg
    >>> from minigrad import nn
    >>> class LazyScale(nn.modules.lazy.LazyModuleMixin, nn.Module):
    ...     def __init__(self):
    ...         super().__init__()
    ...         self.scale = nn.UninitializedParameter()
    ...     def initialize_parameters(self, input):
    ...         self.scale.materialize(input.shape[1:])
    ...         nn.init.ones_(self.scale)
    ...     def forward(self, input):
    ...         return input * self.scale
    >>> LazyScale()(mg.ones(2, 3)).shape
    (2, 3)
    """

    cls_to_become: type[Any] | None = None
    _parameters: dict[str, Any]
    _buffers: dict[str, Any]

    def initialize_parameters(self, *args: Any, **kwargs: Any) -> None:
        """Give the parameters their shapes and first values; a lazy class writes this method."""
        raise NotImplementedError(
            f"initialize_parameters is not implemented for {type(self).__name__}"
        )

    def has_uninitialized_params(self) -> bool:
        """Return whether a parameter or buffer has no shape yet."""
        return any(map(is_lazy, [*self._parameters.values(), *self._buffers.values()]))

    def forget_shapes(self) -> None:
        """Make lazy what was made of a size that is not known: all but what has no dimension."""
        for owned, kind in (
            (self._parameters, UninitializedParameter),
            (self._buffers, UninitializedBuffer),
        ):
            for name, value in owned.items():
                if value is not None and value.ndim:
                    owned[name] = kind(dtype=value.dtype)

    def reset_parameters(self) -> None:
        """Draw new initial values, once the shapes are known."""
        parameters = [p for p in self._parameters.values() if p is not None]
        if not self.has_uninitialized_params() and all(p.numel() for p in parameters):
            super().reset_parameters()  # type: ignore[misc]

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        module: Any = self
        if _INITIALIZED in self.__dict__:
            return Module.__call__(module, *args, **kwargs)
        before = _Before(module)
        try:
            with no_grad():
                self.initialize_parameters(*args, **kwargs)
            if self.has_uninitialized_params():
                raise RuntimeError(f"module {type(self).__name__} has not been fully initialized")
            if self.cls_to_become is None:
                self.__dict__[_INITIALIZED] = True
            else:
                self.__class__ = self.cls_to_become  # type: ignore[assignment]
            return Module.__call__(module, *args, **kwargs)
        except BaseException:
            before.restore()
            raise


class _LazyNormBase(LazyModuleMixin):
    """What lazy normalisation layers share: all that is lazy is as long as there are channels."""

    num_features: int
    _check_input_dim: Any
    first_values = {"weight": 1, "bias": 0, "running_mean": 0, "running_var": 1}

    def initialize_parameters(self, input: Tensor) -> None:
        """Take the number of channels from ``input``."""
        if not isinstance(input, Tensor):
            input = as_tensor_argument(input, type(self).__name__)
        self.num_features = input.shape[1] if input.ndim > 1 else 0
        self._check_input_dim(input)  # a refusal makes it 0 again
        for name, value in (*self._parameters.items(), *self._buffers.items()):
            if is_lazy(value):
                value.materialize((self.num_features,))
                value.fill_(self.first_values[name])


class _Before:
    """A lazy module before its first call."""

    def __init__(self, module: Any) -> None:
        self.module, self.cls, self.attributes = module, type(module), dict(module.__dict__)
        owned = [*module._parameters.values(), *module._buffers.values()]
        self.lazy = [(x, type(x), x.detach()) for x in owned if is_lazy(x)]

    def restore(self) -> None:
        """Make it lazy again."""
        self.module.__dict__.clear()
        self.module.__dict__.update(self.attributes)
        self.module.__class__ = self.cls
        for x, kind, values in self.lazy:
            x.data = values
            x.__class__ = kind
