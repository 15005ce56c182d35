"""What a model computes: the primitives and whole layers of one call, in order.

Recording hands each result to ``MODES.on_result``. A value is known by its array; what no step of
the call made, and no input is, is a constant.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

import numpy as np

from minigrad.modes import MODES, RESULTS, no_grad
from minigrad.nn.module import Module
from minigrad.primitive import Primitive
from minigrad.storage import VERSIONS, written_since
from minigrad.tensor.tensor import Tensor


class Ref(NamedTuple):
    """A value of the call: result ``place`` of a step, or of the inputs (step -1)."""

    step: int
    place: int


class Constant(NamedTuple):
    """An array that the call did not make of its inputs."""

    array: np.ndarray
    name: str = ""  # in the state of the model
    like: tuple[Ref, ...] = ()  # values of the call that it equals: integers may be copies of them


class Step(NamedTuple):
    """One primitive or one whole layer."""

    name: str  # of the primitive, or of the layer's class
    layer: Module | None
    path: str  # of the module around it
    operands: tuple[Any, ...]
    result: Any
    results: list[np.ndarray]

    def shapes(self) -> tuple[tuple[int, ...], ...]:
        """Return the shapes of the results."""
        return tuple(array.shape for array in self.results)


class Trace:
    """The steps of one call of a model."""

    def __init__(
        self, model: Module, args: tuple[Any, ...], whole: Callable[[Module], bool]
    ) -> None:
        self.steps: list[Step] = []
        self.refs: dict[int, Ref] = {}
        self._paths = {id(module): name for name, module in model.named_modules()}
        state = model.state_dict(keep_vars=True)
        self._state = {id(tensor._data): name for name, tensor in state.items()}
        self._inside = 0  # layers that are one step
        self._since = VERSIONS.last
        self.inputs = [arg._data for arg in args]
        for place, array in enumerate(self.inputs):
            self.refs[id(array)] = Ref(-1, place)
        with ExitStack() as hooks:
            for module in filter(whole, model.modules()):
                for handle in self._watch(module):
                    hooks.callback(handle.remove)
            with no_grad(), _every_result(self._note):
                outputs = model(*args)
        self.outputs = [self.resolve(t) for t in tensors_in(outputs)]
        self._check_writes()

    def resolve(self, value: Any) -> Any:
        """Return what stands for an operand or parameter: references and constants for arrays."""
        if isinstance(value, Tensor):
            value = value._data
        if isinstance(value, np.ndarray):
            known = self.refs.get(id(value))
            return self._constant(value) if known is None else known
        if isinstance(value, (tuple, list)):
            return tuple(self.resolve(part) for part in value)
        if isinstance(value, slice):
            return slice(*self.resolve((value.start, value.stop, value.step)))
        return int(value) if isinstance(value, np.integer) else value

    def _constant(self, array: np.ndarray) -> Constant:
        name = self._state.get(id(array), "")
        if name or array.dtype.kind not in "iu" or not array.size:
            return Constant(array, name)
        like = []
        values = [self.inputs, *(step.results for step in self.steps)]
        for step, arrays in enumerate(values, -1):
            for place, other in enumerate(arrays):
                if other.dtype == array.dtype and np.array_equal(other, array):
                    like.append(Ref(step, place))
        return Constant(
            array,
            "",
            tuple(like),
        )

    def _note(
        self,
        result: Tensor,
        primitive: Primitive,
        operands: tuple[Any, ...],
    ) -> None:
        if self._inside:
            return
        module = MODES.scope[1]() if MODES.scope else None
        path = self._paths.get(id(module), "")
        # its parameters are on the node, which the result gets after this call
        self._add(
            Step(
                primitive.name,
                None,
                path,
                self.resolve(operands),
                result,
                [],
            )
        )

    def _add(self, step: Step) -> None:
        for place, tensor in enumerate(tensors_in(step.result)):
            array = tensor._data
            # an operand that is handed on keeps its reference
            self.refs.setdefault(id(array), Ref(len(self.steps), place))
            step.results.append(array)
        self.steps.append(step)

    def params(self, index: int) -> dict[str, Any]:
        """Return the parameters of a step, from the node of its result."""
        step = self.steps[index]
        if step.layer is not None:
            return {}
        node = step.result._node or step.result._constant
        params = {}
        for key, value in node.params.items():
            if key not in ("out", "kept"):
                params[key] = self.resolve(value)
        return params

    def _watch(self, layer: Module) -> tuple[Any, Any]:
        """Let a layer be one step."""

        def enter(_layer: Module, args: Any, kwargs: Any) -> None:
            self._inside += 1

        def leave(
            _layer: Module,
            args: Any,
            kwargs: Any,
            output: Any,
        ) -> None:
            self._inside -= 1
            if self._inside:
                return
            operands = self.resolve((*args, *kwargs.values()))
            name, path = type(layer).__name__, self._paths[id(layer)]
            self._add(
                Step(
                    name,
                    layer,
                    path,
                    operands,
                    output,
                    [],
                )
            )

        before = layer.register_forward_pre_hook(enter, with_kwargs=True)
        return before, layer.register_forward_hook(leave, with_kwargs=True)

    def _check_writes(self) -> None:
        for step in self.steps:
            for array in step.results:
                if by := written_since(array, self._since):
                    raise ValueError(
                        f"onnx.export: in module {step.path or '(the model)'!r} the result of "
                        f"{step.name} is written in place, by {by}; ONNX has no such writes. "
                        "Compute a new tensor."
                    )


def tensors_in(value: Any) -> list[Tensor]:
    """Return the tensors in nested tuples, lists and dicts, in order."""
    if isinstance(value, Tensor):
        return [value]
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, (tuple, list)):
        return [tensor for part in value for tensor in tensors_in(part)]
    return []


@contextmanager
def _every_result(note: Callable[..., None]) -> Iterator[None]:
    """Hand each result of this thread to ``note``, and link it to its node's parameters."""
    before = MODES.on_result, MODES.links, RESULTS.looked_at
    MODES.on_result, MODES.links, RESULTS.looked_at = note, 0, True
    RESULTS.hooked += 1
    try:
        yield
    finally:
        RESULTS.hooked -= 1
        MODES.on_result, MODES.links, RESULTS.looked_at = before
