"""What a package says of a name it has not: the nearest it has, and the page that lists all."""

from __future__ import annotations

import difflib
from collections.abc import Callable
from typing import Any


def missing_name(module: str, names: dict[str, Any], what: str) -> Callable[[str], Any]:
    """Return a module's ``__getattr__``: AttributeError with the nearest of ``names``.

    ``what`` says in plural what the module holds.
    """

    def __getattr__(name: str) -> Any:
        known = [other for other in names if not other.startswith("_")]
        nearest = difflib.get_close_matches(name, known, 1, 0.5)
        hint = f"; did you mean {nearest[0]!r}?" if nearest else "."
        raise AttributeError(
            f"module '{module}' has no attribute {name!r}{hint} docs/layers.md lists the {what} of "
            "PyTorch that there are"
        )

    return __getattr__
