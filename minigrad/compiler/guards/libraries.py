"""Which packages are nobody's but their own: what they hold is not looked at."""

from __future__ import annotations

import functools
import os
import sys
from typing import Any

LIBRARIES = {*sys.stdlib_module_names, "numpy", "minigrad", "builtins", "tqdm", "matplotlib"}
NAMESPACES = {  # whose objects are plain attributes, or hold what is the user's
    "minigrad", "argparse", "collections", "configparser", "types", "weakref", "_thread",
    "multiprocessing", "optparse", "queue", "unittest",
}  # fmt: skip
STANDARD = os.path.dirname(os.__file__)  # the folder of Python's own modules
OPAQUE = LIBRARIES - NAMESPACES  # whose objects hold nothing of the user's


def package_of(x: Any) -> str:
    """Return the package in which a class or a function was made."""
    return top_of(str(getattr(x, "__module__", None)))


@functools.lru_cache(4096)
def top_of(module: str) -> str:
    """Return the name of a package; "" of a user's that is called as one of Python's."""
    name = module.partition(".")[0]
    found = sys.modules.get(name)
    file = getattr(found, "__file__", None)
    if file is None or name not in sys.stdlib_module_names:
        return name
    path = os.path.abspath(file)
    is_pythons = path.startswith(STANDARD)
    return name if is_pythons else ""
