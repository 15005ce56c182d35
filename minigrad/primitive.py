"""The table: a primitive is a NumPy function plus the vector-Jacobian product of each operand.

A rule is a pure function ``(g, out, *operands, **parameters)`` from the cotangent of the result to
the cotangent of one operand, written in NumPy calls. Handed arrays it computes; handed Tensors it
is itself recorded, which is how second and higher orders come about. An operand named with a
leading underscore is looked at for ``shape``, ``ndim``, ``dtype`` and ``size`` only: the engine
then keeps nothing else of it, and a rule that reads more fails at once.
"""

from __future__ import annotations

import functools
import inspect
import weakref
from collections.abc import Callable
from typing import Any

import numpy as np

Rule = Callable[..., Any]
_ndarray = np.ndarray
_SIMPLE = (_ndarray, int, float, bool, str, slice, tuple, type(None))  # parameters, most often

TABLE: dict[Callable[..., Any], Callable[..., Any]] = {}  # NumPy function -> what records it
PRIMITIVES: weakref.WeakSet[Primitive] = weakref.WeakSet()  # all that are in use
WATCHERS: list[Callable[[Primitive], None]] = []  # called with each new one: an open profile


def in_one_piece(function: Callable[..., Any]) -> Callable[..., Any]:
    """Let an array class that notes what NumPy is asked for take a call as one piece.

    A function that lays out memory by hand asks NumPy for views that no protocol tells of; one that
    goes piece by piece, or decides by values, asks for other things each time. A class with
    ``__whole__(function, operands, parameters)`` is handed the call instead, where it is among the
    operands or the parameters. The function may take ``out=``, memory that lies as its result.
    """

    @functools.wraps(function)
    def call(*operands: Any, **parameters: Any) -> Any:
        for x in operands:
            if type(x) is not _ndarray and (note := getattr(type(x), "__whole__", None)):
                return note(function, operands, parameters)
        for value in parameters.values():
            for x in value if type(value) is tuple else (value,):
                if type(x) not in _SIMPLE and (note := getattr(type(x), "__whole__", None)):
                    return note(function, operands, parameters)
        return function(*operands, **parameters)

    return call


class Primitive:
    """A function on arrays with one vjp per operand (None where there is no gradient).

    Operands come first and by position, parameters by keyword. Functions of any number of operands
    have one rule: ``each`` takes the operand's number behind the cotangent,
    ``(g, i, out, *operands, **parameters)``; ``every``, ``(g, out, *operands, **parameters)``,
    returns all cotangents at once, where thousands of operands would each go through the thousands;
    one that costs much and is not always asked for may be a function of nothing.

    - ``promotes=k`` brings the operands from k on to their common dtype first, and ``floats`` turns
      integers into the default float: PyTorch's rules, not NumPy's.
    - ``guard`` sees operands that are not all floats before that, and refuses what PyTorch refuses.
    - ``views`` says that the result may share the memory of its operand.
    - ``into(total, g, **parameters)`` adds the cotangent of one operand to what is pending for it,
      in place.
    - ``recomputes`` says that a result that a rule reads, and somebody has overwritten since, is
      computed again from the operands, which the rules read, too: PyTorch keeps no result there.
    - ``whole`` says that a call of the function is noted in one piece: see :func:`in_one_piece`.
    """

    def __init__(
        self,
        function: Callable[..., Any],
        vjps: tuple[Rule | None, ...],
        *,
        name: str | None = None,
        each: Rule | None = None,
        every: Rule | None = None,
        promotes: int | None = None,
        floats: bool = False,
        guard: Callable[..., None] | None = None,
        views: bool = False,
        into: Callable[..., None] | None = None,
        whole: bool = False,
        recomputes: bool = False,
    ) -> None:
        self.function = in_one_piece(function) if whole else function
        self.vjps = vjps
        self.each = each
        self.every = every
        self.views = views
        self.into = into
        self.recomputes = recomputes
        self.name = name or function.__name__
        self.__name__ = self.name
        self.__doc__ = function.__doc__
        self.promotes = promotes
        self.floats = floats
        self.guard = guard
        self.differentiable = each is not None or every is not None or any(vjps)
        self._reads = [_reads(rule) for rule in vjps]
        self._reads_of_all = _reads(each, 2) or _reads(every)
        self.numpy: list[str] = []  # the NumPy functions that record it
        self.saved_masks: dict[int, tuple[bool, ...]] = {}  # what ``saved_mask`` answered
        self.saves_anything = any(map(any, self._reads)) or any(self._reads_of_all)
        self.promotes_operands = promotes is not None or floats
        PRIMITIVES.add(self)
        for watch in WATCHERS:
            watch(self)

    def __repr__(self) -> str:
        return f"<primitive {self.name}>"

    def __call__(self, *operands: Any, **parameters: Any) -> Any:
        """Compute on arrays; let the first operand that can record do so."""
        for operand in operands:
            # asking an array's type for an attribute it lacks takes a while
            if type(operand) is not _ndarray:
                record = getattr(type(operand), "__record__", None)
                if record is not None:
                    return record(self, operands, parameters)
        return self.function(*operands, **parameters)

    def rules(self, saved: Any, params: dict[str, Any]) -> list[Rule]:
        """Return the rule of each operand, from g alone, where one rule serves them all."""
        each, every = self.each, self.every
        cotangents: list[Any] = []  # of ``every``, computed once

        def rule(i: int, g: Any) -> Any:
            if each is not None:
                return each(g, i, *saved, **params)
            if not cotangents:
                cotangents.extend(every(g, *saved, **params))  # type: ignore[misc]
            cotangent = cotangents[i]
            return cotangent() if callable(cotangent) else cotangent

        return [functools.partial(rule, i) for i in range(len(saved) - 1)]

    def saved_mask(self, wanted: int, n: int) -> tuple[bool, ...]:
        """Return which of (out, *operands) the rules read.

        Bit i of ``wanted`` says that operand i of n needs a gradient.
        """
        if self._reads_of_all:
            out, *_, operands = self._reads_of_all
            return (out,) + (operands,) * n

        nothing = (False,) * (n + 1)
        reads = [read for i, read in enumerate(self._reads) if wanted >> i & 1 and read]
        mask = tuple(any(column) for column in zip(*reads, strict=True)) or nothing
        self.saved_masks[wanted] = mask
        return mask


def _reads(rule: Rule | None, skip: int = 1) -> tuple[bool, ...]:
    """Return for (out, *operands) whether the rule reads its values: no leading underscore."""
    if rule is None:
        return ()
    parameters = inspect.signature(rule).parameters.values()
    by_keyword = (inspect.Parameter.KEYWORD_ONLY, inspect.Parameter.VAR_KEYWORD)
    names = [p.name for p in parameters if p.kind not in by_keyword]
    return tuple(not name.startswith("_") for name in names[skip:])


def primitive(*vjps: Rule | None, **options: Any) -> Callable[[Callable[..., Any]], Primitive]:
    """Make the decorated function a primitive with these vjps."""
    return lambda function: Primitive(function, vjps, **options)


def register(function: Callable[..., Any], *vjps: Rule | None, **options: Any) -> Primitive:
    """Make a NumPy function a primitive and enter it in the table."""
    primitive = Primitive(function, vjps, **options)
    enter(function, primitive, primitive)
    return primitive


def enter(function: Callable[..., Any], call: Rule, primitive: Primitive | None = None) -> None:
    """Let ``call`` answer a NumPy function that is handed Tensors; it records ``primitive``.

    Raises ValueError where the function has an entry already: each has one meaning, in one place.
    """
    if function in TABLE:
        raise ValueError(
            f"enter: np.{numpy_name(function)} has an entry already, {TABLE[function]!r}; "
            f"{call!r} would hide it"
        )
    TABLE[function] = call
    if primitive is not None:
        primitive.numpy.append(numpy_name(function))


def numpy_name(function: Callable[..., Any]) -> str:
    """Return NumPy's name of a function, ``add.reduce`` of a ufunc's method."""
    owner = getattr(function, "__self__", None)
    if isinstance(owner, np.ufunc):
        return f"{owner.__name__}.{function.__name__}"
    package = "linalg." if getattr(function, "__module__", "") == "numpy.linalg" else ""
    return package + function.__name__


def alias(primitive: Primitive, *functions: Callable[..., Any], call: Rule | None = None) -> None:
    """Let these NumPy functions record the primitive, too.

    ``call`` takes what the NumPy function takes and calls the primitive; without it parameters
    have the same names and order here and there.
    """
    count = len(primitive.vjps)
    signature = inspect.signature(primitive.function)
    names = list(signature.parameters)[count:]

    def by_name(*args: Any, **params: Any) -> Any:
        by_position = dict(zip(names, args[count:], strict=False))
        return primitive(*args[:count], **by_position, **params)

    default = by_name if names else primitive
    for function in functions:
        enter(function, call or default, primitive)
