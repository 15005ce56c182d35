"""Compare gradients with central differences, along random cotangents, and refuse empty checks.

https://docs.pytorch.org/docs/stable/generated/torch.autograd.gradcheck.gradcheck.html
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minigrad.autograd.differentiate import grad
from minigrad.tensor import Tensor

_KINK = 1e-3  # slopes left and right that differ by more are looked at more closely
_CLOSER = 16


class GradcheckError(RuntimeError):
    """A gradient that differs from its finite differences, or a check that could not have failed."""


class NotDifferentiableError(GradcheckError):
    """The function has a kink, a jump or an end at the point of the check."""


def gradcheck(
    func: Callable[..., Any],
    inputs: Tensor | Sequence[Any],
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    nondet_tol: float = 0.0,
    fast_mode: bool = False,
    seed: int = 0,
) -> bool:
    """Return True if the gradients of ``func`` at ``inputs`` equal central differences.

    Each output meets a random cotangent, each input is moved element by element, or with
    ``fast_mode`` once, in a random direction. ``inputs`` are float64 tensors (those that require
    grad are checked) and anything else the function takes. Raises GradcheckError (or returns False)
    for a difference, for a wrong dtype, for two backward passes that differ by more than
    ``nondet_tol``, and where every gradient is zero to rounding, because then a broken rule would
    pass as well. A point where the slopes from left and right differ raises NotDifferentiableError,
    a GradcheckError, whatever the gradient there: move the input away from it.

    >>> import minigrad as mg
    >>> x = mg.tensor([0.5, -2.0], dtype=mg.float64, requires_grad=True)
    >>> mg.autograd.gradcheck(mg.exp, x)
    True
    """
    args = [inputs] if isinstance(inputs, Tensor) else list(inputs)
    check = _Check(func, args, eps, atol, rtol, np.random.default_rng(seed))
    try:
        check.run(nondet_tol, fast_mode)
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def gradgradcheck(
    func: Callable[..., Any],
    inputs: Tensor | Sequence[Any],
    grad_outputs: Tensor | Sequence[Tensor] | None = None,
    **options: Any,
) -> bool:
    """Return True if the second derivatives of ``func`` equal central differences of the first.

    ``grad_outputs``, random by default, are the cotangents at which the first are taken; ``options``
    are those of :func:`gradcheck`.
    """
    args = [inputs] if isinstance(inputs, Tensor) else list(inputs)
    wanted = [i for i, x in enumerate(args) if isinstance(x, Tensor) and x.requires_grad]
    if grad_outputs is None:
        rng = np.random.default_rng(options.get("seed", 0) + 1)
        outputs = [y for y in _tensors(func(*args)) if y.requires_grad]
        seeds = [Tensor(rng.standard_normal(y.shape), requires_grad=True) for y in outputs]
    else:
        seeds = [g.detach().requires_grad_() for g in _tensors(grad_outputs)]

    def first(*values: Any) -> Any:
        xs, cotangents = values[: len(args)], values[len(args) :]
        ys = [y for y in _tensors(func(*xs)) if y.requires_grad]
        return grad(ys, [xs[i] for i in wanted], cotangents, create_graph=True, materialize_grads=True)

    return gradcheck(first, [*args, *seeds], **options)


class _Check:
    """One check: the function, where, how exactly."""

    def __init__(self, func: Any, args: list[Any], eps: float, atol: float, rtol: float, rng: Any) -> None:
        self.func, self.args, self.eps, self.atol, self.rtol, self.rng = func, args, eps, atol, rtol, rng
        self.places = [i for i, x in enumerate(args) if isinstance(x, Tensor) and x.requires_grad]
        if not self.places:
            raise ValueError("gradcheck expects at least one input tensor to require gradient")

    def run(self, nondet_tol: float, fast: bool) -> None:
        wanted = [self.args[i] for i in self.places]
        for x in wanted:
            if x.dtype != np.float64:
                raise GradcheckError(f"gradcheck needs float64 inputs to tell rounding from error, got {x.dtype}")
        self.cotangents = [Tensor(self.rng.standard_normal(y.shape)) for y in _tensors(self.func(*self.args))]
        analytic, again = self.gradients(wanted), self.gradients(wanted)
        for i, (a, b) in enumerate(zip(analytic, again, strict=True)):
            if not np.allclose(a, b, rtol=0, atol=nondet_tol, equal_nan=True):
                raise GradcheckError(f"Backward is not reentrant for input {i}: two runs gave different gradients")
        largest = 0.0
        for i, (place, a) in enumerate(zip(self.places, analytic, strict=True)):
            largest = max(largest, self.compare(i, place, a, fast))
        if largest < 1e-7 and any(x.numel() > 0 for x in wanted):
            raise GradcheckError(
                "gradcheck: every gradient is zero for this function and a random cotangent, so a wrong "
                "rule would pass too. Check a function that depends on its inputs."
            )

    def gradients(self, wanted: list[Tensor]) -> list[Any]:
        """Return the recorded gradients, as arrays."""
        pairs = zip(_tensors(self.func(*self.args)), self.cotangents, strict=True)
        live = [(y, c) for y, c in pairs if y.requires_grad]
        if not live:
            raise GradcheckError("gradcheck: no output requires grad; the function is not recorded")
        ys, cs = zip(*live, strict=True)
        return [g._data for g in grad(ys, wanted, cs, materialize_grads=True)]

    def compare(self, i: int, place: int, analytic: Any, fast: bool) -> float:
        """Raise where the gradients of one input differ; return the largest that was seen."""
        x = self.args[place]._data
        directions = self.directions(x, fast)
        expected, numeric = np.empty(len(directions)), np.empty(len(directions))
        middle = self.value(place, 0.0)
        for k, (name, direction) in enumerate(directions):
            expected[k] = float((analytic * direction).sum()) if fast else analytic[name]
            name = f"input {i}, {name or 'its one element'}"
            numeric[k] = self.slope(place, direction, middle, name, expected[k])
        if not np.allclose(numeric, expected, rtol=self.rtol, atol=self.atol):
            worst = float(np.abs(expected - numeric).max())
            shape = () if fast else x.shape
            raise GradcheckError(
                f"Jacobian mismatch for input {i}: largest difference {worst:.3g}\n"
                f"numerical:{numeric.reshape(shape)}\nanalytical:{expected.reshape(shape)}"
            )
        return float(np.abs([expected, numeric]).max(initial=0.0))

    def directions(self, x: Any, fast: bool) -> list[tuple[Any, Any]]:
        if fast:
            return [("a random direction", self.rng.standard_normal(x.shape))]
        units = []
        for index in np.ndindex(x.shape):
            unit = np.zeros(x.shape)
            unit[index] = 1
            units.append((index, unit))
        return units

    def slope(self, place: int, direction: Any, middle: float, name: str, recorded: float) -> float:
        """Return the central difference; raise where the slopes left and right of it differ for good."""
        left, right = self.sides(place, direction, middle, self.eps)
        gap = abs(right - left)
        if not gap <= _KINK * (1 + max(abs(left), abs(right))):
            near_left, near_right = self.sides(place, direction, middle, self.eps / _CLOSER)
            if not abs(near_right - near_left) < gap / 2:  # where it is smooth the gap shrinks with the step
                raise NotDifferentiableError(
                    f"gradcheck: the function is not differentiable at {name}: the slope is {near_left:.6g} from "
                    f"the left and {near_right:.6g} from the right (recorded: {recorded:.6g}). Check it elsewhere."
                )
        return (left + right) / 2

    def sides(self, place: int, direction: Any, middle: float, step: float) -> tuple[float, float]:
        low, high = (self.value(place, t * direction) for t in (-step, step))
        return (middle - low) / step, (high - middle) / step

    def value(self, place: int, shift: Any) -> float:
        """Return the function, paired with the cotangents, at one input moved by ``shift``."""
        moved = Tensor(self.args[place]._data + shift, requires_grad=True)
        ys = _tensors(self.func(*self.args[:place], moved, *self.args[place + 1 :]))
        return sum(float((y._data * c._data).sum()) for y, c in zip(ys, self.cotangents, strict=True))


def _tensors(result: Any) -> list[Tensor]:
    return [result] if isinstance(result, Tensor) else list(result)
