"""Compare gradients with central differences, along random cotangents, and refuse empty checks.

https://docs.pytorch.org/docs/stable/generated/torch.autograd.gradcheck.gradcheck.html
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from minigrad.autograd.differentiate import grad
from minigrad.tensor.tensor import Tensor

_KINK = 1e-3  # slopes left and right that differ by more are looked at more closely
_CLOSER = 16


class GradcheckError(RuntimeError):
    """A gradient differs from its finite differences, or the check could not have failed."""


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
    check_undefined_grad: bool = True,
    check_grad_dtypes: bool = False,
    check_batched_grad: bool = False,
    check_batched_forward_grad: bool = False,
    check_forward_ad: bool = False,
    check_backward_ad: bool = True,
    fast_mode: bool = False,
    masked: bool | None = None,
    seed: int = 0,
) -> bool:
    """Return True if the gradients of ``func`` at ``inputs`` equal central differences.

    Each output meets a random cotangent, each input is moved element by element, or with
    ``fast_mode`` once, in a random direction. ``inputs`` are float64 tensors (those that require
    grad are checked) and anything else the function takes. Raises GradcheckError (or returns False)
    for a difference, for a wrong dtype, for two backward passes that differ by more than
    ``nondet_tol``, and where every gradient (or every one of an input that the outputs depend on)
    is zero to rounding, because then a broken rule would pass as well. A point where the slopes
    from left and right differ raises NotDifferentiableError, a GradcheckError, whatever the
    gradient there: move the input away from it.

    ``check_undefined_grad`` also compares, for each of several outputs, no cotangent for the others
    with zeros for them, which a :class:`Function` may tell apart; ``check_grad_dtypes`` the dtypes
    of gradients with those of the inputs. Batched gradients are a loop here and there is no forward
    mode: asking to check them raises NotImplementedError, as there would be nothing to find.
    ``masked`` is about sparse tensors and changes nothing.

    >>> import minigrad as mg
    >>> x = mg.tensor([0.5, -2.0], dtype=mg.float64, requires_grad=True)
    >>> mg.autograd.gradcheck(mg.exp, x)
    True
    """
    _refuse(
        check_batched_grad=check_batched_grad,
        check_batched_forward_grad=check_batched_forward_grad,
        check_forward_ad=check_forward_ad,
    )
    if not check_backward_ad:
        raise ValueError(
            "Expected at least one of check_forward_ad or check_backward_ad to be True"
        )
    args = [inputs] if isinstance(inputs, Tensor) else list(inputs)
    check = _Check(func, args, eps, atol, rtol, np.random.default_rng(seed))
    try:
        check.run(nondet_tol, fast_mode, check_grad_dtypes, check_undefined_grad)
    except GradcheckError:
        if raise_exception:
            raise
        return False
    return True


def gradgradcheck(
    func: Callable[..., Any],
    inputs: Tensor | Sequence[Any],
    grad_outputs: Tensor | Sequence[Tensor] | None = None,
    *,
    gen_non_contig_grad_outputs: bool = False,
    check_fwd_over_rev: bool = False,
    check_rev_over_rev: bool = True,
    **options: Any,
) -> bool:
    """Return True if the second derivatives of ``func`` equal central differences of the first.

    ``grad_outputs``, random by default, are the cotangents at which the first are taken, with
    ``gen_non_contig_grad_outputs`` on memory with gaps; ``options`` are those of :func:`gradcheck`.
    """
    _refuse(check_fwd_over_rev=check_fwd_over_rev)
    if not check_rev_over_rev:
        raise ValueError(
            "Expected at least one of check_fwd_over_rev or check_rev_over_rev to be True"
        )
    args = [inputs] if isinstance(inputs, Tensor) else list(inputs)
    wanted = [i for i, x in enumerate(args) if isinstance(x, Tensor) and x.requires_grad]
    if grad_outputs is None:
        rng = np.random.default_rng(options.get("seed", 0) + 1)
        outputs = [y for y in _tensors(func(*args)) if y.requires_grad]
        seeds = [Tensor._wrap(rng.standard_normal(y.shape), requires_grad=True) for y in outputs]
    else:
        seeds = [g.detach().requires_grad_() for g in _tensors(grad_outputs)]
    if gen_non_contig_grad_outputs:
        seeds = [
            Tensor._wrap(np.repeat(g._data[..., None], 2, -1)[..., 0], requires_grad=True)
            for g in seeds
        ]

    return gradcheck(_First(func, len(args), wanted), [*args, *seeds], **options)


class _First:
    """The first derivatives of a function of ``n`` arguments, which takes cotangents, too."""

    def __init__(self, func: Callable[..., Any], n: int, wanted: list[int]) -> None:
        self.func, self.n, self.wanted = func, n, wanted

    def __call__(self, *values: Any) -> Any:
        xs, cotangents = values[: self.n], values[self.n :]
        ys = [y for y in _tensors(self.func(*xs)) if y.requires_grad]
        return grad(
            ys, [xs[i] for i in self.wanted], cotangents, create_graph=True, materialize_grads=True
        )


def _refuse(**asked: bool) -> None:
    for name, value in asked.items():
        if value:
            raise NotImplementedError(
                f"{name}=True: there is nothing of its own to check here; leave it False"
            )


class _Check:
    """One check: the function, where, how exactly."""

    def __init__(
        self, func: Any, args: list[Any], eps: float, atol: float, rtol: float, rng: Any
    ) -> None:
        self.func = func
        self.args = args
        self.eps = eps
        self.atol = atol
        self.rtol = rtol
        self.rng = rng
        self.places = [i for i, x in enumerate(args) if isinstance(x, Tensor) and x.requires_grad]
        if not self.places:
            raise ValueError("gradcheck expects at least one input tensor to require gradient")

    def run(self, nondet_tol: float, fast: bool, dtypes: bool, undefined: bool) -> None:
        wanted = [self.args[i] for i in self.places]
        for x in wanted:
            if x.dtype != np.float64:
                raise GradcheckError(
                    f"gradcheck needs float64 inputs to tell rounding from error, got {x.dtype}"
                )
        self.cotangents = [
            Tensor._wrap(self.rng.standard_normal(y.shape)) for y in _tensors(self.func(*self.args))
        ]
        analytic, again = self.gradients(wanted), self.gradients(wanted)
        for i, (a, b) in enumerate(zip(analytic, again, strict=True)):
            if not np.allclose(a, b, rtol=0, atol=nondet_tol, equal_nan=True):
                raise GradcheckError(
                    "Backward is not reentrant, i.e., running backward with same input and "
                    "grad_output multiple times gives different values: the gradients of input "
                    f"{i} differ by more than {nondet_tol}"
                )
            if dtypes and a.dtype != wanted[i].dtype:
                raise GradcheckError(
                    f"the gradient of input {i} is {a.dtype}, the input {wanted[i].dtype}"
                )
        if undefined:
            self.compare_undefined(wanted)
        grads = [
            self.compare(i, place, a, fast)
            for i, (place, a) in enumerate(zip(self.places, analytic, strict=True))
        ]
        self.refuse_vacuous(grads)

    def refuse_vacuous(self, grads: list[float]) -> None:
        """Raise where all gradients are zero, or those of one input that rules lead to."""
        sizes = [self.args[place].numel() for place in self.places]
        if any(sizes) and max(grads) < 1e-7:
            raise GradcheckError(
                "gradcheck: every gradient is zero for this function and a random cotangent, so a "
                "wrong rule would pass too. Check a function that depends on its inputs."
            )
        if isinstance(self.func, _First):
            return  # second derivatives by one input may well be zero: the function is linear in it
        for i, (largest, size, reached) in enumerate(zip(grads, sizes, self.reached, strict=True)):
            if size and reached and largest < 1e-7:
                raise GradcheckError(
                    f"gradcheck: every gradient of input {i} is zero for this function and a "
                    "random cotangent, though rules lead to it: a wrong one would pass too. Check "
                    "a function that depends on it (the outputs before they are summed, say), or "
                    "pass it without requires_grad."
                )

    def gradients(self, wanted: list[Tensor]) -> list[Any]:
        """Return the recorded gradients, as arrays."""
        pairs = zip(_tensors(self.func(*self.args)), self.cotangents, strict=True)
        live = [(y, c) for y, c in pairs if y.requires_grad]
        if not live:
            raise GradcheckError("gradcheck: no output requires grad; the function is not recorded")
        ys, cs = zip(*live, strict=True)
        grads = grad(ys, wanted, cs, allow_unused=True)
        self.reached = [g is not None for g in grads]
        return [
            np.zeros_like(x._data) if g is None else g._data
            for g, x in zip(grads, wanted, strict=True)
        ]

    def compare_undefined(self, wanted: list[Tensor]) -> None:
        """Raise where no cotangent for an output is not the same as zeros for it."""
        n = sum(y.requires_grad for y in _tensors(self.func(*self.args)))
        for k in range(n if n > 1 else 0):
            grads = []
            for zeros in (False, True):
                ys = [y for y in _tensors(self.func(*self.args)) if y.requires_grad]
                cs = [
                    Tensor._wrap((np.ones if j == k else np.zeros)(y.shape))
                    for j, y in enumerate(ys)
                ]
                chosen = slice(None) if zeros else slice(k, k + 1)
                grads.append(grad(ys[chosen], wanted, cs[chosen], materialize_grads=True))
            for i, (a, b) in enumerate(zip(*grads, strict=True)):
                if not np.allclose(a._data, b._data, equal_nan=True):
                    raise GradcheckError(
                        "Expected backward function to handle undefined output grads: with a "
                        f"cotangent for output {k} alone the gradient of input {i} is not the same "
                        "as with zeros for the other outputs"
                    )

    def compare(self, i: int, place: int, analytic: Any, fast: bool) -> float:
        """Raise where the gradients of one input differ; return the largest that was seen."""
        x = self.args[place]._data
        directions = self.directions(x, fast)
        expected, numeric = np.empty(len(directions)), np.empty(len(directions))
        middle = self.value(place, 0.0)
        for k, (name, direction) in enumerate(directions):
            if fast:
                expected[k] = float((analytic * direction).sum())
            else:
                expected[k] = analytic[name]
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
        """Return the central difference.

        Raise where the slopes left and right of it differ for good.
        """
        left, right = self.sides(place, direction, middle, self.eps)
        gap = abs(right - left)
        if not gap <= _KINK * (1 + max(abs(left), abs(right))):
            near_left, near_right = self.sides(place, direction, middle, self.eps / _CLOSER)
            # where it is smooth the gap shrinks with the step
            if not abs(near_right - near_left) < gap / 2:
                raise NotDifferentiableError(
                    f"gradcheck: the function is not differentiable at {name}: the slope is "
                    f"{near_left:.6g} from the left and {near_right:.6g} from the right (recorded: "
                    f"{recorded:.6g}). Check it elsewhere."
                )
        return (left + right) / 2

    def sides(self, place: int, direction: Any, middle: float, step: float) -> tuple[float, float]:
        low, high = (self.value(place, t * direction) for t in (-step, step))
        return (middle - low) / step, (high - middle) / step

    def value(self, place: int, shift: Any) -> float:
        """Return the function, paired with the cotangents, at one input moved by ``shift``."""
        moved = Tensor._wrap(self.args[place]._data + shift, requires_grad=True)
        args = [*self.args]
        args[place] = moved
        total = 0.0
        for y, cotangent in zip(_tensors(self.func(*args)), self.cotangents, strict=True):
            total += float((y._data * cotangent._data).sum())
        return total


def _tensors(result: Any) -> list[Tensor]:
    many = [result] if isinstance(result, Tensor) else result
    if not isinstance(many, (list, tuple)) or not all(isinstance(y, Tensor) for y in many):
        raise TypeError(
            "gradcheck: the function must return a tensor or a tuple of tensors, got "
            f"{type(result).__name__}"
        )
    return list(many)
