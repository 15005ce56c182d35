"""Parameter: a tensor that a Module counts as its own."""

from __future__ import annotations

from typing import Any

import numpy as np

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

    def __init__(self, data: Any, requires_grad: bool = True) -> None:
        super().__init__(data, requires_grad=requires_grad)

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        """Return a parameter of its own memory and without the gradient, as PyTorch's."""
        return self._twin(np.array(self._data), memo)

    def __repr__(self) -> str:
        return "Parameter containing:\n" + super().__repr__()


class Buffer(Tensor):
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
