"""Whether operations are recorded: one switch per thread.

``no_grad``, ``enable_grad``, ``set_grad_enabled`` and ``inference_mode`` turn it.
"""

from __future__ import annotations

import functools
import inspect
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Self, TypeVar, overload

F = TypeVar("F", bound=Callable[..., Any])


class _Modes(threading.local):
    grad_enabled = True
    inference = False  # inside inference_mode: results can never be part of a graph
    observers: tuple[Any, ...] = ()  # what looks at backward sweeps: engine.tap
    on_result: Any = (
        None  # called with each result, while ``RESULTS.hooked``: autograd.record_lines
    )
    callbacks: list[Any] | None = (
        None  # called at the end of the backward under way: engine.delivery
    )
    scope: Any = None  # the module calls around what runs now: (outer scope, weak module, class)
    links: int | None = (
        None  # what asks for no gradient is linked, too, back to this tick: for pictures
    )
    tape: Any = None  # what notes this thread's calls of NumPy: compiler.tape
    eager_inside = False  # whether compiled functions run eagerly: in one that is checked
    hold_statistics = (
        False  # a forward that runs again, or only to be looked at, moves no statistics
    )


class _Results:
    """Whether results without gradient are looked at.

    They are inside module calls, and once a thread entered ``inference_mode``.
    """

    __slots__ = (
        "hooked",
        "inference",
        "looked_at",
    )  # writing to a class would cost Python its caches

    def __init__(self) -> None:
        self.looked_at = self.inference = False
        self.hooked = 0  # threads' blocks in which each result goes to ``MODES.on_result``


RESULTS = _Results()


MODES = _Modes()


def noted(method: F) -> F:
    """Let the tape of a compiled step note a method, of what is no array."""

    @functools.wraps(method)
    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        if MODES.tape is None:
            return method(self, *args, **kwargs)
        return MODES.tape.draw(method, self, args, kwargs)

    return call  # type: ignore[return-value]


def refuse_on_tape(text: str) -> None:
    """Raise where a compiled step is being written down: a replay would not do this."""
    if MODES.tape is not None:
        MODES.tape.refuse_here(text)


def is_grad_enabled() -> bool:
    """Return whether operations on this thread are recorded.

    https://docs.pytorch.org/docs/stable/generated/torch.is_grad_enabled.html

    >>> import minigrad as mg
    >>> with mg.no_grad():
    ...     mg.is_grad_enabled()
    False
    """
    return MODES.grad_enabled


class set_grad_enabled:
    """Record operations or not: as a statement, a ``with`` block or a decorator.

    https://docs.pytorch.org/docs/stable/generated/torch.autograd.grad_mode.set_grad_enabled.html

    >>> import minigrad as mg
    >>> x = mg.ones(1).requires_grad_()
    >>> with mg.set_grad_enabled(False):
    ...     y = 2 * x
    >>> y.requires_grad
    False
    """

    def __init__(self, mode: bool) -> None:
        self.mode = bool(mode)
        self.previous = [MODES.grad_enabled]  # a stack, so that one object may be entered twice
        MODES.grad_enabled = self.mode and not MODES.inference

    def __enter__(self) -> None:
        self.previous.append(self.previous[0])
        MODES.grad_enabled = self.mode and not MODES.inference

    def __exit__(self, *_: object) -> None:
        MODES.grad_enabled = self.previous.pop()

    def __call__(self, function: F) -> F:
        MODES.grad_enabled = self.previous[0]  # a decorator changes nothing until the call
        return _decorate(lambda: set_grad_enabled(self.mode), function)


class _Mode:
    """``no_grad`` and ``enable_grad``: nothing happens until the block is entered."""

    mode: bool

    previous: list[bool]  # a stack, so that one object may be entered twice

    @overload
    def __new__(cls) -> Self: ...
    @overload
    def __new__(cls, function: F) -> F: ...  # type: ignore[misc]
    def __new__(cls, function: Any = None) -> Any:
        if function is not None:
            return _decorate(cls, function)  # @no_grad without parentheses
        self = super().__new__(cls)
        self.previous = []
        return self

    def __enter__(self) -> None:
        self.previous.append(MODES.grad_enabled)
        MODES.grad_enabled = self.mode and not MODES.inference

    def __exit__(self, *_: object) -> None:
        MODES.grad_enabled = self.previous.pop()

    def __call__(self, function: F) -> F:
        return _decorate(type(self), function)


class no_grad(_Mode):
    """Record nothing inside: a ``with`` block or a decorator.

    https://docs.pytorch.org/docs/stable/generated/torch.no_grad.html

    >>> import minigrad as mg
    >>> x = mg.ones(2, requires_grad=True)
    >>> with mg.no_grad():
    ...     (x * 2).requires_grad
    False
    """

    mode = False


class enable_grad(_Mode):
    """Record again inside a ``no_grad`` block (not in ``inference_mode``).

    A ``with`` block or a decorator.

    >>> import minigrad as mg
    >>> x = mg.ones(1).requires_grad_()
    >>> with mg.no_grad(), mg.enable_grad():
    ...     y = 2 * x
    >>> y.requires_grad
    True
    """

    mode = True


class inference_mode:
    """Record nothing inside, and mark what is made there as never to be part of a graph.

    A ``with`` block or a decorator. Outside it such a tensor cannot be saved for backward, require
    grad or be written in place: RuntimeError. ``inference_mode(False)`` is ordinary recording.
    https://docs.pytorch.org/docs/stable/generated/torch.autograd.grad_mode.inference_mode.html

    >>> import minigrad as mg
    >>> with mg.inference_mode():
    ...     mg.ones(2).is_inference()
    True
    """

    mode: bool
    previous: list[tuple[bool, bool]]

    @overload
    def __new__(cls, mode: bool = True) -> Self: ...
    @overload
    def __new__(cls, mode: F) -> F: ...  # type: ignore[misc]
    def __new__(cls, mode: Any = True) -> Any:
        if callable(mode):
            return _decorate(cls, mode)  # @inference_mode without parentheses
        self = super().__new__(cls)
        self.mode, self.previous = bool(mode), []
        return self

    def __enter__(self) -> None:
        self.previous.append((MODES.grad_enabled, MODES.inference))
        MODES.grad_enabled, MODES.inference = not self.mode, self.mode
        if self.mode:
            RESULTS.inference = RESULTS.looked_at = True

    def __exit__(self, *_: object) -> None:
        MODES.grad_enabled, MODES.inference = self.previous.pop()

    def __call__(self, function: F) -> F:
        return _decorate(lambda: inference_mode(self.mode), function)


def is_inference_mode_enabled() -> bool:
    """Return whether this thread is inside ``inference_mode``.

    https://docs.pytorch.org/docs/stable/generated/torch.is_inference_mode_enabled.html

    >>> import minigrad as mg
    >>> mg.is_inference_mode_enabled()
    False
    """
    return MODES.inference


def _decorate(mode: Callable[[], Any], function: F) -> F:
    if inspect.isgeneratorfunction(function):
        return _each_step(mode, function)

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        with mode():
            return function(*args, **kwargs)

    return wrapper  # type: ignore[return-value]


def _each_step(mode: Callable[[], Any], function: F) -> F:
    """Decorate a generator: its steps run in the mode, what is between them does not."""

    @functools.wraps(function)
    def wrapper(*args: Any, **kwargs: Any) -> Any:
        generator = function(*args, **kwargs)
        step = functools.partial(next, generator)
        while True:
            try:
                with mode():
                    value = step()
            except StopIteration as end:
                return end.value
            try:
                step = functools.partial(generator.send, (yield value))
            except GeneratorExit:
                with mode():
                    generator.close()
                raise
            except BaseException as error:
                step = functools.partial(generator.throw, error)

    return wrapper  # type: ignore[return-value]


def recording() -> inference_mode:
    """Return a context in which operations are recorded, whatever is around it."""
    return inference_mode(False)


@contextmanager
def hold_statistics() -> Iterator[None]:
    """Leave running statistics as they are in this block.

    Its forwards run again, or only to be looked at.
    """
    before, MODES.hold_statistics = MODES.hold_statistics, True
    try:
        yield
    finally:
        MODES.hold_statistics = before
