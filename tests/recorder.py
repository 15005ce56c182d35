"""An array that notes what NumPy is asked for, and finds what is asked behind its back.

``Noted`` computes as an array does. Whoever makes one without a protocol or a method of it (``plain.dot(x)``,
``np.ndarray(buffer=x)``) gets one that is not ``seen``, whoever takes its numbers out (``np.array(x)``) a plain array.
``calls`` holds each call with the bytes of the plain arrays and the numbers in it: of two runs on other numbers they
are equal, or a number that came out of an array went back into one.
"""

import numpy as np

METHODS = [
    "argmax",
    "argmin",
    "argsort",
    "astype",
    "compress",
    "copy",
    "cumprod",
    "cumsum",
    "diagonal",
    "dot",
    "fill",
    "flatten",
    "max",
    "min",
    "nonzero",
    "prod",
    "ravel",
    "repeat",
    "reshape",
    "searchsorted",
    "sort",
    "squeeze",
    "sum",
    "swapaxes",
    "take",
    "trace",
    "transpose",
    "view",
    "mean",
    "any",
    "all",
    "clip",
    "__getitem__",
    "__setitem__",
]
READING = {"item", "tolist", "tobytes", "__float__", "__int__", "__index__"}  # take numbers out
_base, np_view = np.ndarray.base.__get__, np.ndarray.view


class Noted(np.ndarray):
    """An array whose calls are noted in ``Noted.calls``; ``reads`` are the decisions by its values."""

    calls = []
    owners = {}  # of plain memory, by its id: what stands for it
    seen = False

    def __array_finalize__(self, source):
        self.seen = False

    @property
    def base(self):
        owner = root(self)
        stand_in = Noted.owners.get(id(owner), owner)
        return None if stand_in is self else stand_in

    def __array_ufunc__(self, ufunc, method, *inputs, **kwargs):
        name = ufunc.__name__ if method == "__call__" else f"{ufunc.__name__}.{method}"
        return called(name, getattr(ufunc, method), inputs, kwargs)

    def __array_function__(self, function, types, args, kwargs):
        return called(function.__name__, function, args, kwargs)

    @staticmethod
    def __whole__(function, operands, parameters):
        return called(function.__name__, function, operands, parameters)

    @staticmethod
    def __numbers__(p, numbers, group, state):
        count = 0.0 if state is None else numbers.__self__.increment_step(state)
        return [
            x if type(x) is bool else noted(np.array(x, getattr(x, "dtype", p.dtype))) for x in numbers(group, count)
        ]

    def __bool__(self):
        Noted.calls.append(("bool", bool(plain(self))))
        return Noted.calls[-1][1]

    T = property(lambda self: self.transpose())
    mT = property(lambda self: self.swapaxes(-1, -2))

    def __deepcopy__(self, memo):
        return self.copy()


def _method(name):
    function = getattr(np.ndarray, name)
    return lambda self, *args, **kwargs: called(name, function, (self, *args), kwargs)


def _refused(name):
    def refuse(self, *args):
        raise AssertionError(f"{name} takes a number out of an array")

    return refuse


for name in METHODS:
    setattr(Noted, name, _method(name))
for name in READING:
    setattr(Noted, name, _refused(name))


def noted(array):
    """Return the array as one that notes."""
    array = np.asarray(array)
    owner, result = root(array), np_view(array, Noted)
    result.seen = True
    Noted.owners.setdefault(id(owner), result if array is owner else np_view(owner, Noted))
    return result


def root(array):
    while isinstance(base := _base(array), np.ndarray):
        array = base
    return array


def plain(x):
    return np_view(x, np.ndarray) if isinstance(x, Noted) else x


def mapped(tree, change):
    if isinstance(tree, dict):
        return {key: mapped(value, change) for key, value in tree.items()}
    if type(tree) in (tuple, list):
        return type(tree)(mapped(value, change) for value in tree)
    if hasattr(tree, "_fields"):  # of np.linalg
        return type(tree)(*(mapped(value, change) for value in tree))
    return change(tree)


def called(name, function, args, kwargs):
    """Call a function of NumPy's, note it, and return its arrays as such that note."""
    Noted.calls.append((name, mapped((args, kwargs), told)))
    result = function(*mapped(args, plain), **mapped(kwargs, plain))
    out = kwargs.get("out")
    if out is not None:
        return out[0] if isinstance(out, tuple) and len(out) == 1 else out
    return mapped(result, lambda x: noted(x) if isinstance(x, (np.ndarray, np.generic)) else x)


def told(x):
    """Return what is noted of an argument."""
    if isinstance(x, Noted):
        assert x.seen, f"an array of shape {x.shape} was made by a call that is not seen"
        return "array", x.shape, x.dtype.str
    if isinstance(x, slice):
        return "slice", x.start, x.stop, x.step
    if isinstance(x, (np.ndarray, np.generic)):
        return "constant", x.shape, x.dtype.str, x.tobytes()
    return x if isinstance(x, (int, float, str, bool, type(None))) else str(type(x))
