"""Tensor and the rest of Python: NumPy's two protocols, arrays out, numbers out, iteration."""

from __future__ import annotations

from typing import Any

import numpy as np

from minigrad.primitive import TABLE


class Interop:
    """NumPy functions called on a Tensor are recorded; what has no rule raises and names itself."""

    _data: Any
    _node: Any
    grad: Any
    requires_grad_: Any

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if kwargs.get("out") is not None:
            raise TypeError(
                f"np.{ufunc.__name__}: out= is refused with Tensors, a write that no graph would "
                "see. Write inside no_grad() with the tensor's own methods, or to x.data.numpy()."
            )
        found = TABLE.get(ufunc if method == "__call__" else getattr(ufunc, method))
        if found is None or (method == "__call__" and kwargs):
            raise TypeError(_no_rule(f"{ufunc.__name__}", method, kwargs))
        return found(*inputs, **kwargs)

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if kwargs.get("out") is not None:
            raise TypeError(f"np.{func.__name__}: out= is refused with Tensors")
        kwargs = {key: value for key, value in kwargs.items() if key != "out"}
        found = TABLE.get(func)
        if found is None:
            raise TypeError(_no_rule(func.__name__, "__call__", {}))
        return found(*args, **kwargs)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if self._node is not None:
            raise RuntimeError(_NUMPY)
        array = self._data if dtype is None else self._data.astype(dtype, copy=False)
        return np.array(array) if copy else array

    def numpy(self) -> np.ndarray:
        """Return the array on the same memory; raise RuntimeError where that would lose a gradient."""
        if self._node is not None:
            raise RuntimeError(_NUMPY)
        return self._data

    def item(self) -> Any:
        """Return the one element as a Python number."""
        if self._data.size != 1:
            raise RuntimeError(f"a Tensor with {self._data.size} elements cannot be converted to Scalar")
        return self._data.item()

    def tolist(self) -> Any:
        """Return the elements as nested lists of Python numbers."""
        return self._data.tolist()

    def __len__(self) -> int:
        if self._data.ndim == 0:
            raise TypeError("len() of a 0-d tensor")
        return len(self._data)

    def __iter__(self) -> Any:
        if self._data.ndim == 0:
            raise TypeError("iteration over a 0-d tensor")
        return (self[i] for i in range(len(self._data)))  # type: ignore[index]

    def __bool__(self) -> bool:
        if self._data.size != 1:
            what = "no values" if self._data.size == 0 else "more than one value"
            raise RuntimeError(f"Boolean value of Tensor with {what} is ambiguous")
        return bool(self._data.item())

    def __float__(self) -> float:
        return float(self.item())

    def __int__(self) -> int:
        return int(self.item())

    def __index__(self) -> int:
        if self._data.dtype.kind not in "iu" or self._data.size != 1:
            raise TypeError("only integer tensors of a single element can be converted to an index")
        return int(self._data.item())

    def __contains__(self, value: Any) -> bool:
        return bool((self._data == (value._data if isinstance(value, Interop) else value)).any())

    def __format__(self, spec: str) -> str:
        return format(self.item(), spec) if spec and self._data.ndim == 0 else str(self)

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        if self._node is not None and self._node.primitive is not None:
            raise RuntimeError(
                "Only Tensors created explicitly by the user (graph leaves) support the deepcopy "
                "protocol at the moment. Copy x.detach()."
            )
        made = type(self).__new__(type(self))
        memo[id(self)] = made
        made.__dict__.update({k: v for k, v in self.__dict__.items() if not k.startswith("_")})
        made._data = np.array(self._data)
        if self._node is not None:
            made.requires_grad_()
            grad = self._node.grad
            made.grad = None if grad is None else grad.detach().clone()
        return made


_NUMPY = (
    "Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead "
    "(np.asarray and assignment into an array would lose the gradient without a word)."
)


def _no_rule(name: str, method: str, kwargs: Any) -> str:
    call = f"np.{name}" + ("" if method == "__call__" else f".{method}")
    what = f" with {', '.join(map(str, kwargs))}" if kwargs else ""
    return (
        f"{call}{what} has no vjp in minigrad, so it cannot be recorded. Use x.detach().numpy() "
        f"if no gradient is needed, or write it with functions that minigrad has."
    )
