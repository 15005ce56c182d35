"""Stand-ins for arrays that are not NumPy's: of another device, and one that writes down what it is asked.

``DeviceArray`` is what CuPy's speaks, and what it refuses: it answers NumPy's two protocols and has an array's own methods; mixing with host arrays, an array
created from a shape alone, ``np.asarray`` and decisions by values fail, as on a GPU or slower.
"""

import numpy as np

_METHODS = ("astype", "copy", "ravel", "reshape", "squeeze", "swapaxes", "transpose", "view")


class DeviceArray(np.lib.mixins.NDArrayOperatorsMixin):
    """Wraps an array of the host, which nobody else may touch."""

    def __init__(self, array):
        self._host = np.asarray(array)

    shape = property(lambda self: self._host.shape)
    ndim = property(lambda self: self._host.ndim)
    size = property(lambda self: self._host.size)
    dtype = property(lambda self: self._host.dtype)
    strides = property(lambda self: self._host.strides)
    flags = property(lambda self: self._host.flags)
    itemsize = property(lambda self: self._host.itemsize)
    base = property(lambda self: None if self._host.base is None else DeviceArray(self._host.base))
    T = property(lambda self: DeviceArray(self._host.T))
    mT = property(lambda self: DeviceArray(self._host.mT))

    def __getattr__(self, name):
        if name not in _METHODS:
            raise AttributeError(name)
        return lambda *args, **kwargs: _back(getattr(self._host, name)(*_host(args), **_host(kwargs)))

    def __array__(self, *args, **kwargs):
        raise TypeError("implicit conversion of a device array to a host array")

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        return _back(getattr(ufunc, method)(*_host(inputs), **_host(kwargs)))

    def __array_function__(self, func, types, args, kwargs):
        return _back(func(*_host(args), **_host(kwargs)))

    def __getitem__(self, index):
        return _back(self._host[_host(index)])

    def __setitem__(self, index, value):
        self._host[_host(index)] = _host(value)

    def __len__(self):
        return len(self._host)

    def __bool__(self):
        raise TypeError("a decision by the values of a device array")


def _host(value):
    """Return what the host computes with; refuse host arrays among device arrays."""
    if isinstance(value, DeviceArray):
        return value._host
    if isinstance(value, (tuple, list)):
        return type(value)(map(_host, value))
    if isinstance(value, dict):
        return {key: _host(part) for key, part in value.items()}
    if isinstance(value, (np.ndarray, np.generic)):
        raise TypeError(f"a host array of shape {value.shape} among device arrays")
    return value


def _back(value):
    if isinstance(value, (np.ndarray, np.generic)):
        return DeviceArray(value)
    if isinstance(value, (tuple, list)):
        return type(value)(map(_back, value))
    return value


class RecordingArray(np.lib.mixins.NDArrayOperatorsMixin):
    """Answers NumPy's two protocols by computing, and notes each call in ``calls``; a tracer's beginning.

    Arrays of the host may take part, as constants. Beyond the protocols it says what it is (shape, dtype,
    flags, base), and a decision by values takes the number to the host.
    """

    calls = []

    def __init__(self, array):
        self._host = np.asarray(array)

    shape = property(lambda self: self._host.shape)
    ndim = property(lambda self: self._host.ndim)
    size = property(lambda self: self._host.size)
    dtype = property(lambda self: self._host.dtype)
    base = property(lambda self: None if self._host.base is None else RecordingArray(self._host.base))
    flags = property(lambda self: self._host.flags)
    T = property(lambda self: np.transpose(self))
    mT = property(lambda self: np.matrix_transpose(self))

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        out = kwargs.get("out")
        name = ufunc.__name__ if method == "__call__" else f"{ufunc.__name__}.{method}"
        answer = self._call(name, getattr(ufunc, method), inputs, kwargs)
        return answer if out is None else out[0]

    def __array_function__(self, func, types, args, kwargs):
        return self._call(func.__name__, func, args, kwargs)

    def _call(self, name, function, args, kwargs):
        self.calls.append(name)
        return _wrapped(function(*_unwrapped(args), **_unwrapped(kwargs)))

    def ravel(self):
        return np.ravel(self)

    def __setitem__(self, index, value):
        self._host[_unwrapped(index)] = _unwrapped(value)

    def __float__(self):
        return float(self._host)

    def __int__(self):
        return int(self._host)


def _unwrapped(value):
    if isinstance(value, RecordingArray):
        return value._host
    if isinstance(value, (tuple, list)):
        return type(value)(map(_unwrapped, value))
    if isinstance(value, dict):
        return {key: _unwrapped(part) for key, part in value.items()}
    return value


def _wrapped(value):
    return RecordingArray(value) if isinstance(value, (np.ndarray, np.generic)) else value
