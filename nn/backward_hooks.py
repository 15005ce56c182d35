"""Full backward hooks of a Module: inputs and outputs pass gates that see their gradients."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minigrad.autograd.function import Function
from minigrad.modes import MODES
from minigrad.silence import warn
from minigrad.tensor.tensor import Tensor

Grads = tuple[Tensor | None, ...]


class BackwardHooks:
    """The hooks of one call.

    The gate of the outputs stores their gradients, the gate of the inputs calls the hooks.
    """

    def __init__(
        self, module: Any, hooks: list[Callable[..., Any]], pre_hooks: list[Callable[..., Any]]
    ) -> None:
        self.module = module
        self.hooks = hooks
        self.pre_hooks = pre_hooks
        self.grad_output: Grads | None = None
        self.n_inputs = 0
        self.gated = False

    def enter(self, args: tuple[Any, ...]) -> tuple[Any, ...]:
        """Return the arguments behind a gate, where one of them requires grad."""
        self.n_inputs = len(args)
        gated = _behind(self.of_inputs, args)
        self.gated = gated is not None
        return args if gated is None else gated

    def leave(self, result: Any) -> Any:
        """Return the outputs behind a gate, where one of them is recorded."""
        is_tuple = isinstance(result, tuple)
        gated = _behind(self.of_outputs, result if is_tuple else (result,))
        if gated is None:
            return result
        if not is_tuple:
            return gated[0]
        return gated if type(result) is tuple else type(result)(*gated)

    def of_outputs(self, grads: Grads) -> Grads:
        """Return the gradients of the outputs, as the pre-hooks change them."""
        for hook in self.pre_hooks:
            grads = _answer(hook(self.module, grads), grads, "Backward pre hook", "grad_output")
        if self.gated:
            self.grad_output = grads
        elif self.hooks:
            warn(
                "Full backward hook is firing when gradients are computed with respect to module "
                "outputs since no inputs require gradients."
            )
            self._call_without_inputs(grads)
        return grads

    def _call_without_inputs(self, grads: Grads) -> None:
        """Call the hooks where no input requires grad: they see the outputs' gradients alone."""
        no_grads = tuple([None] * self.n_inputs)
        for hook in self.hooks:
            answer = hook(self.module, no_grads, grads)
            answers_nothing = isinstance(answer, tuple) and set(answer) <= {None}
            if answer is not None and not answers_nothing:
                raise RuntimeError(
                    "Backward hook for Modules where no input requires gradient should always "
                    f"return None or None for all gradients. Got {type(answer).__name__}."
                )

    def of_inputs(self, grads: Grads) -> Grads:
        """Return the gradients of the inputs, as the hooks change them."""
        grad_output, self.grad_output = self.grad_output, None
        if grad_output is None:  # this gradient has not come through the module's output
            return grads
        for hook in self.hooks:
            grads = _answer(
                hook(self.module, grads, grad_output), grads, "Backward hook", "grad_input"
            )
        return grads


class _Gate(Function):
    """The identity; its backward asks ``see``, with None where there is no gradient."""

    @staticmethod
    def forward(ctx: Any, see: Callable[[Grads], Grads], *args: Any) -> tuple[Any, ...]:
        ctx.see = see
        ctx.set_materialize_grads(False)
        ctx.mark_non_differentiable(
            *(x for x in args if isinstance(x, Tensor) and not x.requires_grad)
        )
        return args

    @staticmethod
    def backward(ctx: Any, *grads: Any) -> Any:
        return None, *ctx.see(grads)


def _behind(see: Callable[[Grads], Grads], values: tuple[Any, ...]) -> tuple[Any, ...] | None:
    if not MODES.grad_enabled or not any(isinstance(x, Tensor) and x.requires_grad for x in values):
        return None
    return _Gate.apply(see, *values)


def _answer(answer: Any, grads: Grads, who: str, what: str) -> Grads:
    """Return the gradients that a hook answers, or the same ones where it answers None."""
    if answer is None:
        return grads
    answers = (answer,) if isinstance(answer, Tensor) else tuple(answer)
    if len(answers) != len(grads):
        raise RuntimeError(
            f"{who} returned an invalid number of {what}, got {len(answers)}, "
            f"but expected {len(grads)}"
        )
    return answers
