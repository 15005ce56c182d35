"""Tensor and the rest of Python: NumPy's two protocols, arrays out, numbers out, iteration."""

from __future__ import annotations

import copy
import inspect
import sys
from typing import Any

import numpy as np

from minigrad.engine.recording import Recorded
from minigrad.engine.views import share
from minigrad.modes import MODES
from minigrad.primitive import TABLE
from minigrad.storage import owner
from minigrad.tensor import numpy_calls as numpy_calls  # enters them in the table


class Interop:
    """NumPy functions called on a Tensor are recorded.

    What has no rule answers as NumPy does where no gradient is asked for; else it raises and names
    itself.
    """

    _data: Any
    _node: Any
    _plain: type
    grad: Any
    requires_grad_: Any

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **kwargs: Any) -> Any:
        if kwargs.get("out") is not None:
            return _written(ufunc, method, inputs, kwargs)
        called = ufunc if method == "__call__" else getattr(ufunc, method)
        call = TABLE.get(called)
        name = ufunc.__name__ if method == "__call__" else f"{ufunc.__name__}.{method}"
        if call is None or (method == "__call__" and kwargs):
            return _by_numpy(called, name, inputs, kwargs, recorded=True)
        return _called(called, call, name, inputs, kwargs)

    def __array_function__(self, func: Any, types: Any, args: Any, kwargs: Any) -> Any:
        if kwargs.get("out") is not None:
            raise TypeError(
                f"np.{func.__name__}: out= is refused with Tensors, a write that no graph would see"
            )
        kwargs = {key: value for key, value in kwargs.items() if key != "out"}
        if func in _ANSWERS:
            return func(*_plain(args), **_plain(kwargs))
        call, name = TABLE.get(func), _name(func)
        if call is None:
            return _by_numpy(func, name, args, kwargs, recorded=False)
        return _called(func, call, name, *_by_position(func, call, args, kwargs))

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if self._node is not None:
            raise RuntimeError(_NUMPY)
        if MODES.tape is not None:
            MODES.tape.leaves(self._data)
        if dtype is not None and np.dtype(dtype) != self._data.dtype:
            if copy is False:
                raise ValueError(
                    f"Unable to avoid copy while creating an array of {np.dtype(dtype)} from "
                    f"{self._data.dtype}"
                )
            return self._data.astype(dtype)
        return np.array(self._data) if copy else self._data

    def __dlpack__(self, **options: Any) -> Any:
        """Hand the memory to another library.

        BufferError where a gradient would be lost, or it may not be written.

        https://docs.pytorch.org/docs/stable/generated/torch.Tensor.__dlpack__.html
        """
        if self._node is not None:
            raise BufferError("Can't export tensors that require gradient, use tensor.detach()")
        if not self._data.flags.writeable:
            raise BufferError(
                "Can't export a tensor on read-only memory (an expanded one, too): use "
                f"tensor.clone(). Its shape is {self._data.shape}, its strides {self._data.strides}"
            )
        if any(step < 0 for step in self._data.strides):  # PyTorch aborts the process over these
            raise BufferError(
                "Can't export a tensor that runs backwards through memory: use tensor.clone(). "
                f"Its strides are {self._data.strides}"
            )
        return self._data.__dlpack__(**options)

    def __dlpack_device__(self) -> tuple[int, int]:
        """Return (1, 0): the CPU."""
        return self._data.__dlpack_device__()

    def numpy(self, *, force: bool = False) -> np.ndarray:
        """Return the array on the same memory; raise RuntimeError where that would lose a gradient.

        ``force`` takes it all the same: ``detach().numpy()``.
        """
        if self._node is not None and not force:
            raise RuntimeError(_NUMPY)
        share(self)
        return self._data

    def item(self) -> Any:
        """Return the one element as a Python number."""
        if self._data.size != 1:
            raise RuntimeError(
                f"a Tensor with {self._data.size} elements cannot be converted to Scalar"
            )
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
        return bool(self._data)

    def __float__(self) -> float:
        return float(self._number())

    def __int__(self) -> int:
        return int(self._number())

    def _number(self) -> Any:
        if self._data.size != 1:
            message = "only one element tensors can be converted to Python scalars"
            raise ValueError(f"{message}, got {list(self._data.shape)}")
        return self.item()

    def __index__(self) -> int:
        if self._data.dtype.kind not in "iu" or self._data.size != 1:
            raise TypeError("only integer tensors of a single element can be converted to an index")
        return int(self._data.item())

    def __contains__(self, value: Any) -> bool:
        return bool((self._data == (value._data if isinstance(value, Interop) else value)).any())

    def __format__(self, spec: str) -> str:
        if self._data.ndim == 0 and type(self) is self._plain:
            return format(self._data.item(), spec)
        return object.__format__(self, spec)

    def __copy__(self) -> Any:
        result = type(self).__new__(type(self))
        result.__dict__.update(self.__dict__, _view=None, _views=None)
        share(self)
        share(result)
        return result

    def __getstate__(self) -> dict[str, Any]:
        """Return what is pickled: the values and whether a gradient is asked for.

        No graph, no gradient, no hooks.
        """
        own = {key: value for key, value in self.__dict__.items() if not key.startswith("_")}
        return {**own, "_data": self._data, "requires_grad": self._node is not None}

    def __setstate__(self, state: dict[str, Any]) -> None:
        asks = state.pop("requires_grad")
        self.__dict__.update(state)
        if asks:
            self.requires_grad_()

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        result = self._twin(_same_view(self._data, memo), memo)
        if self.grad is not None:
            result.grad = self._plain._wrap(_same_view(self.grad._data, memo))  # type: ignore[attr-defined]
        return result

    def _twin(self, array: Any, memo: dict[int, Any]) -> Any:
        """Return the deep copy on this memory, with the user's attributes and no gradient."""
        if self._node is not None and self._node.primitive is not None:
            raise RuntimeError(
                "Only Tensors created explicitly by the user (graph leaves) support the deepcopy "
                "protocol at the moment. Copy x.detach(). "
                f"This one came from {self._node.primitive.name}"
            )
        result = memo[id(self)] = type(self).__new__(type(self))
        result._data = array
        result.__dict__.update(
            {k: copy.deepcopy(v, memo) for k, v in self.__dict__.items() if not k.startswith("_")}
        )
        if self._node is not None:
            result.requires_grad_()
        return result


_ANSWERS = {  # they answer with what has no gradient: from the values alone
    np.allclose, np.array2string, np.array_equal, np.array_equiv, np.array_repr, np.array_str,
    np.can_cast, np.iscomplexobj, np.isrealobj, np.may_share_memory, np.result_type,
    np.shares_memory,
}  # fmt: skip
_NUMPY = (
    "Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead "
    "(np.asarray and assignment into an array would lose the gradient without a word)."
)


def _same_view(array: Any, memo: dict[int, Any]) -> Any:
    """Return a copy that is the view of the copied memory that ``array`` is of its own."""
    memory = owner(array)
    if memory is array and id(memory) not in memo:
        memo[id(memory)] = np.array(memory)
        return memo[id(memory)]
    twin = copy.deepcopy(memory, memo)
    if twin.strides != memory.strides:  # memory of another library's, with gaps
        return np.array(array)
    flat = twin.ravel(order="K")
    start = array.__array_interface__["data"][0] - memory.__array_interface__["data"][0]
    view = np.ndarray(array.shape, array.dtype, flat, start, array.strides)
    view.flags.writeable = array.flags.writeable
    return view


_WRITES = (
    "np.{} would write into a Tensor, which no graph would see. Write x[...] = v, or use the "
    "tensor's own methods."
)


def _written(ufunc: Any, method: str, inputs: Any, kwargs: Any) -> Any:
    """Run ``ndarray += tensor`` where no gradient is lost by it; refuse every other ``out=``."""
    operands = (*inputs, *kwargs.values())
    targets = kwargs["out"]
    if any(isinstance(x, Interop) for x in targets) or any(
        getattr(x, "_node", None) is not None for x in operands
    ):
        raise TypeError(
            f"np.{ufunc.__name__}: out= is refused with Tensors, a write that no graph would "
            "see. Write inside no_grad() with the tensor's own methods, or to x.data.numpy()."
        )
    plain = [x._data if isinstance(x, Interop) else x for x in inputs]
    return getattr(ufunc, method)(*plain, **kwargs)


def _by_position(func: Any, call: Any, args: Any, kwargs: Any) -> tuple[Any, dict[str, Any]]:
    """Bring operands given by keyword, ``np.sum(a=x)``, to their places.

    The rules know them by these.
    """
    if args or not kwargs:
        return args, kwargs
    try:
        names = list(inspect.signature(func).parameters)
    except (
        ValueError
    ):  # before NumPy 2.4 its functions written in C tell none: the rule's has the same names
        names = list(inspect.signature(call).parameters)
    placed = []
    for name in names:
        if name not in kwargs or not _holds_tensors(kwargs[name]):
            break
        placed.append(kwargs[name])
    return placed, {key: value for key, value in kwargs.items() if key not in names[: len(placed)]}


def _holds_tensors(x: Any) -> bool:
    return isinstance(x, (Interop, np.ndarray)) or (
        isinstance(x, (list, tuple)) and any(map(_holds_tensors, x))
    )


def _plain(x: Any) -> Any:
    """Return arrays for the tensors in ``x``, nested as they are.

    Read-only, for a write would go unseen.
    """
    if isinstance(x, Interop):
        array = x._data.view()
        array.flags.writeable = False
        return array
    if isinstance(x, dict):
        return {key: _plain(value) for key, value in x.items()}
    return type(x)(map(_plain, x)) if type(x) in (tuple, list) else x


def _asks(x: Any) -> bool:
    """Tell whether a gradient could be lost that is asked for by a tensor in ``x``."""
    if isinstance(x, Interop):
        return x._node is not None and MODES.grad_enabled
    if isinstance(x, dict):
        x = x.values()
    return isinstance(x, (tuple, list, type({}.values()))) and any(map(_asks, x))


def _by_numpy(
    function: Any, name: str, args: Any, kwargs: Any, recorded: bool, why: str = ""
) -> Any:
    """Let NumPy answer from the values where no gradient is lost by it.

    Refuse the call where one is.

    What is recorded with other arguments answers with tensors, as it does there.
    """
    if _asks((args, kwargs)):
        raise TypeError(_no_rule(name, kwargs if recorded else {}) + why)
    if name.endswith(".at") and isinstance(
        args[0], Interop
    ):  # it writes into read-only arrays, too
        raise TypeError(_WRITES.format(name))
    try:
        answer = function(*_plain(args), **_plain(kwargs))
    except ValueError as error:
        if "read-only" in str(error):
            raise TypeError(_WRITES.format(name)) from None
        raise
    return _tensors(answer) if recorded else answer


def _tensors(answer: Any) -> Any:
    if isinstance(answer, (tuple, list)):
        return getattr(answer, "_make", type(answer))(map(_tensors, answer))
    if not isinstance(answer, (np.ndarray, np.generic)):
        return answer
    try:
        return Recorded._plain._wrap(np.asarray(answer))  # type: ignore[attr-defined]
    except TypeError:  # complex numbers, and what else no tensor holds
        return answer


def _called(func: Any, call: Any, name: str, args: Any, kwargs: dict[str, Any]) -> Any:
    """Call what records a NumPy function; NumPy's own where that does not take the arguments."""
    try:
        return call(*args, **kwargs)
    except TypeError as error:
        try:
            inspect.signature(call).bind(*args, **kwargs)
        except TypeError as why:
            return _by_numpy(func, name, args, kwargs, recorded=True, why=f" ({why})")
        except ValueError:  # it has no signature
            pass
        if "argument" in str(error):
            return _by_numpy(func, name, args, kwargs, recorded=True, why=f" ({error})")
        raise


def _name(func: Any) -> str:
    """Return what users call a NumPy function after ``np.``: ``linalg.eig``."""
    package = func.__module__.partition(".")[2]
    return f"{package}.{func.__name__}" if package in ("linalg", "fft", "random") else func.__name__


def _no_rule(name: str, kwargs: Any) -> str:
    what = f" with {', '.join(map(str, kwargs))}" if kwargs else ""
    near = _nearest(name)
    return (
        f"np.{name}{what} has no vjp in minigrad, so it cannot be recorded. {near}Use "
        "x.detach().numpy() if no gradient is needed, or write it with functions that minigrad "
        "has."
    )


_OTHERWISE_CALLED = {
    "add.accumulate": "cumsum", "add.at": "index_add", "append": "cat", "average": "mean",
    "block": "cat", "choose": "gather", "compress": "masked_select",
    "convolve": "nn.functional.conv1d", "correlate": "nn.functional.conv1d",
    "cumulative_prod": "cumprod", "cumulative_sum": "cumsum", "delete": "cat",
    "digitize": "bucketize", "extract": "masked_select", "flatnonzero": "nonzero",
    "heaviside": "where", "histogram": "histc", "insert": "cat", "linalg.diagonal": "diagonal",
    "linalg.eig": "linalg.eigh", "linalg.eigvals": "linalg.eigvalsh",
    "linalg.matrix_transpose": "transpose", "linalg.outer": "outer",
    "linalg.tensordot": "tensordot", "linalg.trace": "trace",
    "logaddexp.accumulate": "logcumsumexp", "logaddexp.reduce": "logsumexp",
    "logaddexp2": "logaddexp", "matrix_transpose": "transpose", "maximum.accumulate": "cummax",
    "minimum.accumulate": "cummin", "multiply.accumulate": "cumprod", "multiply.outer": "outer",
    "nanargmax": "argmax", "nanargmin": "argmin", "nancumprod": "cumprod", "nancumsum": "cumsum",
    "nanmax": "amax", "nanmedian": "median", "nanmin": "amin", "nanprod": "prod", "nanstd": "std",
    "nanvar": "var", "pad": "nn.functional.pad", "piecewise": "where", "place": "masked_scatter",
    "ptp": "aminmax", "put": "index_put", "putmask": "masked_scatter", "rollaxis": "movedim",
    "select": "where", "tril_indices_from": "tril_indices", "triu_indices_from": "triu_indices",
    "unstack": "unbind", "vdot": "dot",
}  # fmt: skip


def _nearest(name: str) -> str:
    """Name the function of minigrad that does the same, or the same but for its gradient."""
    same_name = name if name.startswith("linalg.") else name.split(".")[0]
    nearest = _OTHERWISE_CALLED.get(name, same_name)
    public: Any = sys.modules["minigrad"]  # whoever gets this message has imported it
    for part in nearest.split("."):
        public = getattr(public, part, None)
    is_function = callable(public) and not isinstance(public, type)
    return f"The nearest function there is mg.{nearest}. " if is_function else ""
