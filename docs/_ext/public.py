"""What is public: the names that a user may import, and where each has its entry."""

import functools
import importlib
import inspect
from typing import Any

# The modules whose names have an entry. An object with several names is described under the first.
MODULES = [
    "minigrad.nn.functional",
    "minigrad.nn.init",
    "minigrad.amp",
    "minigrad",
    "minigrad.linalg",
    "minigrad.special",
    "minigrad.Tensor",
    "minigrad.autograd",
    "minigrad.autograd.functional",
    "minigrad.func",
    "minigrad.nn",
    "minigrad.nn.parallel",
    "minigrad.nn.utils",
    "minigrad.nn.utils.parametrizations",
    "minigrad.nn.utils.parametrize",
    "minigrad.nn.utils.prune",
    "minigrad.nn.utils.rnn",
    "minigrad.nn.utils.stateless",
    "minigrad.optim",
    "minigrad.optim.lr_scheduler",
    "minigrad.optim.swa_utils",
    "minigrad.distributions",
    "minigrad.distributions.constraints",
    "minigrad.distributions.kl",
    "minigrad.distributions.transforms",
    "minigrad.datasets",
    "minigrad.transforms",
    "minigrad.utils.data",
    "minigrad.utils",
    "minigrad.utils.benchmark",
    "minigrad.utils.checkpoint",
    "minigrad.utils.profiler",
    "minigrad.viz",
    "minigrad.onnx",
    "minigrad.sklearn",
    "minigrad.distributed",
    "minigrad.distributed.nn.functional",
    "minigrad.testing",
    "minigrad.backends",
    "minigrad.backends.cuda",
    "minigrad.backends.cudnn",
    "minigrad.cuda",
    "minigrad.cuda.amp",
    "minigrad.mps",
    "minigrad.xpu",
    "minigrad.version",
]


def home(name: str) -> Any:
    """Return the module of that name, or the class Tensor."""
    if name == "minigrad.Tensor":
        return importlib.import_module("minigrad").Tensor
    return importlib.import_module(name)


@functools.cache
def names(module: str) -> tuple[str, ...]:
    """Return the public names of a module, sorted.

    They are those of ``__all__``; without one, those that ``dir`` shows and that are made by
    minigrad: in a package anywhere, in a module that is one file there or in its own package.
    """
    place = home(module)
    if inspect.isclass(place):
        return tuple(sorted(name for name in dir(place) if name[0] != "_"))
    listed = getattr(place, "__all__", None)
    found = sorted(listed or (name for name in dir(place) if name[0] != "_"))
    kept = [name for name in found if not inspect.ismodule(getattr(place, name))]
    return tuple(kept if listed else (name for name in kept if is_of(place, getattr(place, name))))


def is_of(place: Any, value: Any) -> bool:
    """Return whether a value that stands in a module is one of the module's own names."""
    made = getattr(value, "__module__", None)
    if not isinstance(made, str):  # a constant
        return type(value).__module__ != "__future__"
    is_face = hasattr(place, "__path__") or place.__name__ in FACES
    return made.startswith("minigrad") if is_face else made == place.__name__


FACES = {  # files that only list what others make
    "minigrad.cuda.amp",
    "minigrad.distributions.transforms",
    "minigrad.mps",
    "minigrad.nn.functional",
    "minigrad.nn.utils.stateless",
    "minigrad.xpu",
}


@functools.cache
def homes() -> dict[int, str]:
    """Return the full name under which each object is described, by its id."""
    found: dict[int, str] = {}
    for module in MODULES:
        place = home(module)
        for own in (
            True,
            False,
        ):  # of two names of one function in a module, the one it was made with
            for name in names(module):
                value = inspect.getattr_static(place, name)
                if is_described(value) and (getattr(value, "__name__", "") == name) is own:
                    found.setdefault(id(value), f"{module}.{name}")
    return found


def is_described(value: Any) -> bool:
    """Return whether it is a function or a class: another value has no text of its own."""
    return inspect.isroutine(value) or inspect.isclass(value)
