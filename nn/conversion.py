"""The methods of Module that change all of its parameters: dtype, device, memory, gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Self

from minigrad import dtypes
from minigrad.creation import empty_like, zeros_like
from minigrad.device import absent
from minigrad.nn.parameter import on_cpu
from minigrad.tensor.dtype_methods import NO_BFLOAT16, wanted_dtype
from minigrad.tensor.tensor import Tensor


class ConversionMethods:
    """Changes to all parameters; mixed into Module."""

    parameters: Any
    buffers: Any

    def to(
        self,
        *args: Any,
        dtype: Any = None,
        device: Any = None,
        non_blocking: bool = False,
        memory_format: Any = None,
        tensor: Any = None,
    ) -> Self:
        """Cast floating-point parameters and buffers; return the module.

        Of ``to(dtype)``, ``to(other)``, ``to('cpu')`` or ``to('cpu', dtype)``, as of a tensor.
        ``memory_format`` is for those of four or five dimensions. Raises RuntimeError for other
        devices, TypeError for other dtypes; nothing is changed then.
        """
        wanted = wanted_dtype(args if tensor is None else (tensor,), dtype, device)
        if memory_format is not None:
            self._apply(lambda x: x.to(memory_format=memory_format) if x.ndim in (4, 5) else x)
        if wanted is None:
            return self
        if wanted.kind != "f":
            raise TypeError(
                f"nn.Module.to only accepts floating point dtypes, but got desired dtype={wanted}"
            )
        return self._apply(lambda x: x.to(wanted) if x.is_floating_point() else x)

    def _apply(self, convert: Callable[[Tensor], Tensor], recurse: bool = True) -> Self:
        """Replace each parameter's and buffer's values by ``convert`` of it; return the module."""
        tensors: list[Tensor] = [*self.parameters(recurse), *self.buffers(recurse)]
        # all of them first, so that a call that raises has changed nothing
        converted = [convert(x.detach()) for x in tensors]
        pairs = list(zip(tensors, converted, strict=True))
        for x, new in pairs:
            if x.requires_grad and new.dtype.kind != "f":
                raise RuntimeError(
                    "data set to a tensor that requires gradients must be floating point or "
                    f"complex dtype, got {new.dtype}"
                )
        for x, new in pairs:
            grad = x.grad
            x.grad = None
            x.data = new
            x.grad = None if grad is None else convert(grad)
        return self

    def type(self, dst_type: Any) -> Self:
        """Cast all parameters and buffers, integers included; return the module."""
        return self._apply(lambda x: x.type(dst_type))

    def float(self) -> Self:
        """Cast to float32; return the module."""
        return self.to(dtypes.float32)

    def double(self) -> Self:
        """Cast to float64; return the module."""
        return self.to(dtypes.float64)

    def half(self) -> Self:
        """Cast to float16; return the module."""
        return self.to(dtypes.float16)

    def bfloat16(self) -> Self:
        """Raise RuntimeError: NumPy has no bfloat16."""
        raise RuntimeError(NO_BFLOAT16)

    def cpu(self) -> Self:
        """Return the module, which is on the CPU."""
        return self

    def cuda(self, device: Any = None) -> Self:
        """Raise RuntimeError: minigrad computes on the CPU."""
        raise absent("cuda")

    def xpu(self, device: Any = None) -> Self:
        """Raise RuntimeError: minigrad computes on the CPU."""
        raise absent("xpu")

    def to_empty(self, *, device: Any, recurse: bool = True) -> Self:
        """Give each parameter and buffer new memory that nobody has filled; return the module."""
        on_cpu(device)
        return self._apply(empty_like, recurse)

    def share_memory(self) -> Self:
        """Raise RuntimeError: NumPy's memory belongs to one process.

        Send ``state_dict()`` to the other processes instead.
        """
        raise RuntimeError(
            "share_memory(): an array of NumPy belongs to one process, and is not shared with "
            "others; send them state_dict(), or use threads"
        )

    def compile(self, *args: Any, **kwargs: Any) -> None:
        """Stay as it is, which computes the same; ``mg.compile(model)`` returns a compiled one."""

    # ---- gradients ---------------------------------------------------------------------------
    def requires_grad_(self, requires_grad: bool = True) -> Self:
        """Set ``requires_grad`` of all parameters; return the module."""
        for parameter in self.parameters():
            parameter.requires_grad_(requires_grad)
        return self

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget the gradients of all parameters, or make them zero."""
        for parameter in self.parameters():
            if set_to_none or parameter.grad is None:
                parameter.grad = None
            else:
                parameter.grad = zeros_like(parameter.grad)
