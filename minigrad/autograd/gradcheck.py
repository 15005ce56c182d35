"""Compare gradients with central differences, along random directions, and refuse empty checks.

https://docs.pytorch.org/docs/stable/generated/torch.autograd.gradcheck.gradcheck.html
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minigrad.autograd.differentiate import grad
from minigrad.tensor import Tensor


class GradcheckError(RuntimeError):
    """A gradient that differs from its finite differences, or a check that could not have failed."""


def gradcheck(
    func: Callable[..., Any],
    inputs: Tensor | Sequence[Any],
    *,
    eps: float = 1e-6,
    atol: float = 1e-5,
    rtol: float = 1e-3,
    raise_exception: bool = True,
    seed: int = 0,
) -> bool:
    """Return True if the gradients of ``func`` at ``inputs`` equal central differences.

    Each output meets a random cotangent, each input is moved element by element. ``inputs`` are
    float64 tensors (those that require grad are checked) and anything else the function takes.
    Raises GradcheckError (or returns False) for a difference, for a wrong dtype, and where every
    gradient is zero to rounding, because then a broken rule would pass as well.

    >>> import minigrad as mg
    >>> x = mg.tensor([0.5, -2.0], dtype=mg.float64, requires_grad=True)
    >>> mg.autograd.gradcheck(mg.exp, x)
    True
    """
    args = [inputs] if isinstance(inputs, Tensor) else list(inputs)
    try:
        _check(func, args, eps, atol, rtol, np.random.default_rng(seed))
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def gradgradcheck(func: Callable[..., Any], inputs: Tensor | Sequence[Any], **options: Any) -> bool:
    """Return True if the second derivatives of ``func`` equal central differences of the first."""
    args = [inputs] if isinstance(inputs, Tensor) else list(inputs)
    wanted = [i for i, x in enumerate(args) if isinstance(x, Tensor) and x.requires_grad]
    outputs = _tensors(func(*args))
    rng = np.random.default_rng(options.get("seed", 0) + 1)
    seeds = [Tensor(rng.standard_normal(y.shape), requires_grad=True) for y in outputs if y.requires_grad]

    def first(*values: Any) -> Any:
        xs, cotangents = values[: len(args)], values[len(args) :]
        ys = [y for y in _tensors(func(*xs)) if y.requires_grad]
        gs = grad(ys, [xs[i] for i in wanted], cotangents, create_graph=True, materialize_grads=True)
        return tuple(gs)

    return gradcheck(first, [*args, *seeds], **options)


def _check(func: Any, args: list[Any], eps: float, atol: float, rtol: float, rng: Any) -> None:
    wanted = [x for x in args if isinstance(x, Tensor) and x.requires_grad]
    if not wanted:
        raise ValueError("gradcheck expects at least one input tensor to require gradient")
    for x in wanted:
        if x.dtype != np.float64:
            raise GradcheckError(f"gradcheck needs float64 inputs to tell rounding from error, got {x.dtype}")
    outputs = _tensors(func(*args))
    cotangents = [Tensor(rng.standard_normal(y.shape)) for y in outputs]
    live = [(y, c) for y, c in zip(outputs, cotangents, strict=True) if y.requires_grad]
    if not live:
        raise GradcheckError("gradcheck: no output requires grad; the function is not recorded")
    ys, cs = zip(*live, strict=True)
    analytic = grad(ys, wanted, cs, allow_unused=True, materialize_grads=True)
    numeric = [_differences(func, args, x, cotangents, eps) for x in wanted]
    scale = max(float(np.abs(n).max(initial=0.0)) for n in numeric)
    largest = max(float(np.abs(a._data).max(initial=0.0)) for a in analytic if a is not None)
    for i, (a, n) in enumerate(zip(analytic, numeric, strict=True)):
        assert a is not None
        if not np.allclose(a._data, n, rtol=rtol, atol=atol):
            worst = float(np.abs(a._data - n).max())
            raise GradcheckError(
                f"Jacobian mismatch for input {i}: largest difference {worst:.3g}\nnumerical:{n}\nanalytical:{a._data}"
            )
    if max(scale, largest) < 1e-7 and any(x.numel() > 0 for x in wanted):
        raise GradcheckError(
            "gradcheck: every gradient is zero for this function and a random cotangent, so a wrong "
            "rule would pass too. Check a function that depends on its inputs."
        )


def _differences(func: Any, args: list[Any], x: Tensor, cotangents: list[Tensor], eps: float) -> Any:
    """Return the gradient by central differences, moving a copy of ``x`` element by element."""
    moved = np.array(x._data)
    place = next(i for i, a in enumerate(args) if a is x)
    trial = Tensor(moved, requires_grad=True)
    out = np.empty_like(moved)

    def value() -> float:
        ys = _tensors(func(*args[:place], trial, *args[place + 1 :]))
        return sum(float((y._data * c._data).sum()) for y, c in zip(ys, cotangents, strict=True))

    for index in np.ndindex(moved.shape):
        kept = moved[index]
        moved[index] = kept + eps
        high = value()
        moved[index] = kept - eps
        low = value()
        moved[index] = kept
        out[index] = (high - low) / (2 * eps)
    return out


def _tensors(result: Any) -> list[Tensor]:
    return [result] if isinstance(result, Tensor) else list(result)
