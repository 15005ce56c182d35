"""Which warnings are shown.

Infinities and NaN are values here, as in PyTorch, so NumPy's warnings of them inside this package
are dropped, at no cost per call: Python drops a warning where the code that caused it has no
``__name__`` among its globals (as code has none while Python shuts down), before any filter or
recorder sees it. ``np.errstate`` at every call would cost a third of a small one.
"""

import sys
import warnings
from types import ModuleType


class Silent(ModuleType):
    """A module whose own code finds no ``__name__``; everybody else does."""

    @property
    def __name__(self) -> str:  # type: ignore[override]
        assert self.__spec__ is not None
        return self.__spec__.name


def silence(package: str) -> None:
    """Make the imported modules of the package silent: they warn by ``warn`` alone."""
    for name, module in list(sys.modules.items()):
        if name.startswith(f"{package}."):
            module.__class__ = Silent
            module.__dict__["__name__"] = None


def warn(message: str, category: type[Warning] = UserWarning) -> None:
    """Warn of the line outside of us that led here."""
    level, frame = 1, sys._getframe()
    while frame.f_back is not None and is_ours(frame.f_globals):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)


def is_ours(names: dict[str, object]) -> bool:
    return str(getattr(names.get("__spec__"), "name", None)).split(".")[0] == "minigrad"
