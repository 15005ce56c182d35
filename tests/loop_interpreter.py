"""Runs the text of a loop with Python: what is printed can be tried on many small programs without compiling each."""

import contextlib
import ctypes
import math

import numpy as np

TYPES = {
    "float32": ctypes.c_float,
    "float64": ctypes.c_double,
    "bool": ctypes.c_bool,
    "uint8": ctypes.c_uint8,
    "int64": ctypes.c_int64,
}


class Pointer:
    def __init__(self, address, name):
        self.numbers = ctypes.cast(int(address), ctypes.POINTER(TYPES[name]))
        self.kind = np.dtype(name).type
        self.length = LENGTHS.get(int(address), np.inf)


LENGTHS = {}  # how many numbers stand at an address, where a test says so


def load(pointer, i, number):
    assert 0 <= i < pointer.length
    return pointer.kind(pointer.numbers[int(i)])


def store(pointer, i, number, value):
    assert 0 <= i < pointer.length
    pointer.numbers[int(i)] = pointer.kind(value).item()


def row(pointer, i, count, used):
    """Numbers in lanes, zeros in those that are free."""
    numbers = [load(pointer, i + j, 0) for j in range(used)]
    return np.array(numbers + [0] * (count - used), np.float32)


def put(pointer, i, lanes, used):
    for j in range(used):
        store(pointer, i + j, 0, lanes[j])


LANES = {
    "row": row, "put": put, "zeros": lambda count: np.zeros(count, np.float32), "total_of": np.sum,
    "plus_product": lambda total, a, b: total + a * b,
}  # fmt: skip


def function_of(name, function):
    """Return a function of numbers as NumPy has it, in float32 and float64."""
    return {
        f"{name}{8 * np.dtype(kind).itemsize}": lambda x, kind=kind: kind(function(x))
        for kind in (np.float32, np.float64)
    }


BITS = {
    f"as_{kind}{bits}": lambda x, kind=kind, bits=bits, other=other: np.dtype(f"{other}{bits}").type(x).view(f"{kind}{bits}")
    for bits in (32, 64)
    for kind, other in (("int", "float"), ("float", "int"))
}  # fmt: skip
FOLDS = ("high32", "high64", "low32", "low64", "number32", "number64", "larger", "smaller")


class Interpreter:
    """Stands for ``compiled``; counts the loops that ran."""

    def __init__(self):
        self.texts, self.runs = [], 0

    def __call__(self, text):
        from minigrad.compiler.loops import numba_functions

        body = text[text.index("def loop(table):") :]
        names = {"np": np, "load": load, "store": store, "plus": lambda a, b: a + b} | LANES
        for name in ("exp", "log", "tanh", "expm1", "log1p"):
            names |= function_of(name, getattr(np, name))
        for name in ("erf", "erfc"):
            names |= function_of(name, np.vectorize(getattr(math, name)))
        names |= {f"logaddexp{bits}": np.logaddexp for bits in (32, 64)}
        names |= {name: getattr(numba_functions, name) for name in FOLDS} | BITS
        for name in TYPES:
            names[f"pointer_{name}"] = lambda address, name=name: Pointer(address, name)
        exec(body, names)
        self.texts.append(text)

        def loop(table):
            self.runs += 1
            with np.errstate(all="ignore"):
                names["loop"](table)

        return loop


@contextlib.contextmanager
def interpreted(monkeypatch, least=1):
    """Let loops be interpreted, those over ``least`` numbers and more."""
    from minigrad.compiler.loops import fusion, image_loops, loop_text, pooling

    interpreter = Interpreter()
    with monkeypatch.context() as patch:
        for module in (image_loops, loop_text, pooling):
            patch.setattr(module, "compiled", interpreter)
        patch.setattr(fusion, "SMALL", least)
        yield interpreter
