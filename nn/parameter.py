"""Parameter: a tensor that a Module counts as its own."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.creation import empty
from minigrad.device import Device
from minigrad.tensor.tensor import Tensor


def on_cpu(device: Any) -> None:
    """Raise RuntimeError for another device, or for anything that is not one, such as a dtype."""
    if device is not None:
        Device(device)


class Parameter(Tensor):
    """A leaf tensor on the memory of ``data`` that requires grad.

    Assigned to an attribute of a Module it is among its parameters. Raises RuntimeError for data
    that cannot have a gradient, integers, unless ``requires_grad=False``.
    https://docs.pytorch.org/docs/stable/generated/torch.nn.parameter.Parameter.html

    >>> import minigrad as mg
    >>> from minigrad import nn
    >>> nn.Parameter(mg.zeros(2))
    Parameter containing:
    tensor([0., 0.], requires_grad=True)
    """

    def __init__(self, data: Any = None, requires_grad: bool = True) -> None:
        super().__init__(() if data is None else data, requires_grad=requires_grad)

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        """Return a parameter of its own memory and without the gradient, as PyTorch's."""
        return self._twin(np.array(self._data), memo)

    def __repr__(self) -> str:
        return "Parameter containing:\n" + super().__repr__()


class _IsBuffer(type):
    """Tells a buffer by its mark, as it is an ordinary tensor."""

    def __instancecheck__(cls, instance: Any) -> bool:
        return bool(getattr(instance, "_is_buffer", False))


class Buffer(Tensor, metaclass=_IsBuffer):
    """A tensor that becomes a buffer of the Module whose attribute it is made.

    It is an ordinary tensor on the memory of ``data``, as in PyTorch; without ``persistent`` it is
    left out of the state.
    https://docs.pytorch.org/docs/stable/generated/torch.nn.parameter.Buffer.html

    >>> import minigrad as mg
    >>> from minigrad import nn
    >>> module = nn.Module()
    >>> module.scale = nn.Buffer(mg.ones(2))
    >>> list(module.state_dict())
    ['scale']
    """

    def __new__(cls, data: Any = None, *, persistent: bool = True) -> Any:
        tensor: Any = Tensor._wrap(np.empty(0)) if data is None else data.detach()
        tensor._is_buffer = True
        tensor.persistent = persistent
        return tensor


class Uninitialized(Tensor):
    """A tensor whose shape is not known yet: it has a dtype, and no values.

    :meth:`materialize` makes it an ordinary one; it stays the same object, so that an optimizer
    may hold it before.
    """

    cls_to_become: type[Tensor] = Tensor

    def __init__(self, requires_grad: bool = True, device: Any = None, dtype: Any = None) -> None:
        on_cpu(device)
        super().__init__(empty(0, dtype=dtype))
        self.requires_grad_(requires_grad)

    @property
    def _data(self) -> np.ndarray:  # type: ignore[override]
        raise ValueError(
            f"Attempted to use an uninitialized parameter, {self!r}. This error happens when you "
            "are using a `LazyModule` or explicitly manipulating "
            f"`nn.parameter.{type(self).__name__}` objects. When using LazyModules Call `forward` "
            "with a dummy batch to initialize the parameters before calling functions on them."
        )

    @_data.setter
    def _data(self, values: np.ndarray) -> None:
        self.__dict__["_data"] = values

    @property
    def shape(self) -> Any:
        """Raise RuntimeError: there is none yet."""
        raise RuntimeError(
            "Can't access the shape of an uninitialized parameter or buffer. This error usually "
            "happens in `load_state_dict` when trying to load an uninitialized parameter into an "
            "initialized one. Call `forward` to initialize the parameters before accessing their "
            "attributes."
        )

    @property
    def dtype(self) -> Any:
        """The dtype that the values will have."""
        return self.__dict__["_data"].dtype

    def detach(self) -> Tensor:
        """Return a tensor without elements, of the dtype."""
        result: Tensor = Tensor._wrap(self.__dict__["_data"])
        return result

    def is_floating_point(self) -> bool:
        """Return whether the values will be floats."""
        return self.dtype.kind == "f"  # type: ignore[no-any-return]

    def requires_grad_(self, requires_grad: bool = True) -> Any:
        """Ask for a gradient once there are values, or do not; return the tensor."""
        lazy = type(self)
        self.__class__ = self.cls_to_become  # type: ignore[assignment]
        try:
            return self.requires_grad_(requires_grad)
        finally:
            self.__class__ = lazy  # type: ignore[assignment]

    def materialize(self, shape: Any, device: Any = None, dtype: Any = None) -> None:
        """Become an ordinary tensor of that shape; its values are not defined yet."""
        on_cpu(device)
        values = empty(tuple(shape), dtype=self.dtype if dtype is None else dtype)
        self.__class__ = self.cls_to_become  # type: ignore[assignment]
        self.data = values

    def share_memory_(self) -> Any:
        """Raise RuntimeError: there is no memory yet."""
        raise RuntimeError(
            "Can't share memory on an uninitialized parameter or buffer. Call `forward` to "
            "initialize the parameters before calling `module.share_memory()`."
        )

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        twin = memo[id(self)] = type(self)(self.requires_grad, dtype=self.dtype)
        return twin

    def __reduce_ex__(self, protocol: Any) -> Any:
        return type(self), (self.requires_grad, None, self.dtype)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"


class UninitializedParameter(Uninitialized, Parameter):
    """A parameter whose shape the first input will tell, or the state that is loaded.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.parameter.UninitializedParameter.html

    >>> from minigrad import nn
    >>> weight = nn.UninitializedParameter()
    >>> weight
    <UninitializedParameter>
    >>> weight.materialize((2, 3))
    >>> type(weight).__name__, weight.shape
    ('Parameter', (2, 3))
    """

    cls_to_become = Parameter


class UninitializedBuffer(Uninitialized):
    """A buffer whose shape the first input will tell, or the state that is loaded.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.parameter.UninitializedBuffer.html
    """

    def __init__(
        self,
        requires_grad: bool = False,
        device: Any = None,
        dtype: Any = None,
        persistent: bool = True,
    ) -> None:
        super().__init__(requires_grad, device, dtype)
        self._is_buffer = True
        self.persistent = persistent


def is_lazy(value: Any) -> bool:
    """Return whether a tensor is one whose shape is not known yet."""
    return isinstance(value, Uninitialized)
