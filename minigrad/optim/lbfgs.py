"""L-BFGS (Liu & Nocedal, 1989): a quasi-Newton method for full batches."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from minigrad.modes import enable_grad
from minigrad.optim.line_search import Point, strong_wolfe
from minigrad.optim.optimizer import Array, Optimizer, Options, Params, options
from minigrad.storage import bump_version
from minigrad.tensor.tensor import Tensor


class LBFGS(Optimizer):
    """p ← p − t H g, H the inverse Hessian as the last ``history_size`` steps let it appear.

    ``step(closure)`` makes up to ``max_iter`` such steps, with up to ``max_eval`` calls of
    ``closure`` (5/4 of max_iter by default), which clears gradients, computes the loss, calls
    ``backward()`` and returns it. t is ``lr``, or found by ``line_search_fn="strong_wolfe"``. It
    ends earlier where no gradient is above ``tolerance_grad``, or where loss or parameters change
    by less than ``tolerance_change``. Raises ValueError for several parameter groups.
    https://docs.pytorch.org/docs/stable/generated/torch.optim.LBFGS.html

    >>> import minigrad as mg
    >>> w = mg.tensor([3.0, -4.0], requires_grad=True)
    >>> optimizer = mg.optim.LBFGS([w], line_search_fn="strong_wolfe")
    >>> def closure():
    ...     optimizer.zero_grad()
    ...     loss = ((w - mg.tensor([1.0, 2.0])) ** 2).sum()
    ...     loss.backward()
    ...     return loss
    >>> optimizer.step(closure)  # the loss before the step
    tensor(40., grad_fn=<SumBackward0>)
    >>> w
    tensor([1., 2.], requires_grad=True)
    """

    scalars = ()

    def __init__(
        self,
        params: Params,
        lr: float = 1,
        max_iter: int = 20,
        max_eval: int | None = None,
        tolerance_grad: float = 1e-7,
        tolerance_change: float = 1e-9,
        history_size: int = 100,
        line_search_fn: str | None = None,
    ) -> None:
        if max_eval is None:
            max_eval = max_iter * 5 // 4
        super().__init__(params, options(locals()))
        if len(self.param_groups) != 1:
            raise ValueError(
                "LBFGS doesn't support per-parameter options (parameter groups), "
                f"got {len(self.param_groups)} groups"
            )

    def step(self, closure: Callable[[], Any]) -> Any:  # type: ignore[override]
        """Go down to a minimum, or as far as the options allow; return the loss at the start."""
        if len(self.param_groups) != 1:
            raise AssertionError(
                f"Expected exactly one param_group, but got {len(self.param_groups)}"
            )
        self.stepped = True
        group, state = self.param_groups[0], self.state[next(self._params())]
        with np.errstate(all="ignore"):
            return self._descend(enable_grad()(closure), group, state)

    def _descend(self, closure: Callable[[], Any], group: Options, state: Options) -> Any:
        first_loss = closure()
        point, evaluations = Point(0, float(first_loss), self._flat_gradient(), 0), 1
        state["func_evals"] = state.get("func_evals", 0) + 1
        state.setdefault("n_iter", 0)
        if _largest(point.grad) <= group["tolerance_grad"]:
            return first_loss
        memory = {name: _arrays(value) for name, value in state.items()}
        for i in range(1, group["max_iter"] + 1):
            memory["n_iter"] += 1
            d = self._direction(memory, point, group)
            start = point._replace(t=0, slope=point.grad.dot(d))
            if start.slope > -group["tolerance_change"]:
                break
            if group["line_search_fn"] is None and i == group["max_iter"]:
                self._add(memory["t"] * d)  # nobody asks for the loss there
                break
            move = self._move if group["line_search_fn"] is None else self._search
            budget = group["max_eval"] - evaluations
            point, used = move(closure, start, memory["t"], d, budget)
            memory["t"] = point.t
            memory["func_evals"] += used
            evaluations += used
            if evaluations >= group["max_eval"] or _has_converged(start, point, d, group):
                break
        state.update({name: _tensors(value) for name, value in memory.items()})
        return first_loss

    def _direction(self, memory: Options, point: Point, group: Options) -> Array:
        """Return − H g and set the first step length to try; both go into ``memory``."""
        g, lr = point.grad, float(group["lr"])
        if memory["n_iter"] == 1:
            memory.update(d=-g, t=min(1.0, 1.0 / np.abs(g).sum()) * lr, H_diag=1)
            memory.update(old_dirs=[], old_stps=[], ro=[])
        else:
            _remember(memory, g - memory["prev_flat_grad"], group["history_size"])
            memory.update(d=_two_loops(memory, -g, group["history_size"]), t=lr)
        memory.update(prev_flat_grad=g, prev_loss=point.loss)
        return memory["d"]

    def _move(
        self, closure: Callable[[], Any], start: Point, t: Any, d: Array, budget: int
    ) -> tuple[Point, int]:
        """Go ``t`` along ``d``; return what is there, for one evaluation."""
        self._add(t * d)
        return start._replace(t=t, loss=float(closure()), grad=self._flat_gradient()), 1

    def _search(
        self, closure: Callable[[], Any], start: Point, t: Any, d: Array, budget: int
    ) -> tuple[Point, int]:
        """Go along ``d`` as far as the search says; return what is there, and the evaluations."""
        name = self.param_groups[0]["line_search_fn"]
        if name != "strong_wolfe":
            raise RuntimeError(f"only 'strong_wolfe' is supported, got {name!r}")
        before = [p._data.copy() for p in self._params()]

        def evaluate(t: Any) -> Point:
            self._add(t * d)
            loss, g = float(closure()), self._flat_gradient()
            for p, values in zip(self._params(), before, strict=True):
                np.copyto(p._data, values)
                bump_version(p._data, "LBFGS.step")
            return Point(t, loss, g, g.dot(d))

        point, used = strong_wolfe(evaluate, start, t, _largest(d), budget)
        self._add(point.t * d)
        return point, used

    def _flat_gradient(self) -> Array:
        """Return the gradients of all parameters in one row, zeros where there is none."""
        grads = []
        for p in self._params():
            g = np.zeros_like(p._data) if p.grad is None else p.grad._data
            grads.append(g.reshape(-1))
        return np.concatenate(grads)

    def _add(self, change: Array) -> None:
        """Add to each parameter its part of a row."""
        start = 0
        for p in self._params():
            array, end = p._data, start + p._data.size
            array += change[start:end].reshape(array.shape)
            bump_version(array, "LBFGS.step")
            start = end

    def state_shape(self, name: str, p: Tensor) -> tuple[int, ...]:
        """Return the shape that ``name`` has in the state, which is that of all parameters."""
        size = sum(each._data.size for each in self._params())
        return (size,) if name in ("d", "prev_flat_grad") else ()


def _remember(memory: Options, y: Array, history_size: int) -> None:
    """Add how far the last step went and by how much it changed the gradient, ``y``."""
    s = memory["d"] * memory["t"]
    ys = y.dot(s)
    if not ys > 1e-10:
        return
    pairs, steps, inverses = memory["old_dirs"], memory["old_stps"], memory["ro"]
    if len(pairs) == history_size:
        del pairs[0], steps[0], inverses[0]
    pairs.append(y)
    steps.append(s)
    inverses.append(1.0 / ys)
    memory["H_diag"] = ys / y.dot(y)


def _two_loops(memory: Options, q: Array, history_size: int) -> Array:
    """Return H q, from the latest step back to the first and forward again."""
    history = list(zip(memory["old_dirs"], memory["old_stps"], memory["ro"], strict=True))
    weights = memory.setdefault("al", [None] * history_size)
    for i in reversed(range(len(history))):
        y, s, inverse = history[i]
        weights[i] = s.dot(q) * inverse
        q = q - weights[i] * y
    result = q * memory["H_diag"]
    for weight, (y, s, inverse) in zip(weights, history, strict=False):
        correction = y.dot(result) * inverse
        result += s * (weight - correction)
    return result


def _has_converged(start: Point, point: Point, d: Array, group: Options) -> bool:
    """Whether the gradient is small, or parameters and loss hardly changed."""
    if _largest(point.grad) <= group["tolerance_grad"]:
        return True
    if _largest(d * point.t) <= group["tolerance_change"]:
        return True
    return abs(point.loss - start.loss) < group["tolerance_change"]


def _largest(x: Array) -> float:
    return float(np.abs(x).max())


def _arrays(value: Any) -> Any:
    """Return a piece of state as arrays to compute with."""
    if isinstance(value, list):
        return [_arrays(item) for item in value]
    return value._data if isinstance(value, Tensor) else value


def _tensors(value: Any) -> Any:
    """Return a piece of state as tensors to save."""
    if isinstance(value, list):
        return [_tensors(item) for item in value]
    return Tensor._wrap(np.asarray(value)) if isinstance(value, (np.ndarray, np.generic)) else value
