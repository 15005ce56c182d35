"""A replay: the page, called with the arrays of this call's arguments."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np

from minigrad.compiler.program import Program
from minigrad.compiler.recording import Recording
from minigrad.compiler.source import GuardFailed, Page, compiled
from minigrad.optim.numbers import number_arrays
from minigrad.storage import bump_version
from minigrad.tensor.tensor import Tensor
from minigrad.utils.tree import tree_map

_PAGES = itertools.count(1)


class Replay:
    """A program that is ready to run."""

    def __init__(self, program: Program, recording: Recording, parameters: list[str]) -> None:
        self.program = program
        self.page = Page(program, "step", parameters)
        self.filename = f"<minigrad.compile {next(_PAGES)}>"
        self.run, self.names = compiled(self.page, self.filename)
        self.generators = recording.tape.generators
        self.where = [i for i, x in enumerate(recording.leaves) if hasattr(x, "dtype")]
        written = {p.memory for call in program.calls for p in call.writes}
        self.written = [m.array for m in program.states if m in written]
        self.value = recording.value
        self.kept = recording.reach.tensors
        self.delivered = [leaf.node for leaf in recording.delivered]
        self.consumed = [
            leaf.node
            for leaf in recording.graph_leaves
            if leaf.sets and leaf not in recording.delivered
        ]
        self.requests = _Requests(recording.tape.requests, program, self.page, self.names)
        self._last: Any = ()

    def __call__(self, leaves: list[Any]) -> Any:
        """Run the page; return what the function returns, in new arrays."""
        arrays = [leaves[i] for i in self.where]
        arrays = [x._data if isinstance(x, Tensor) else x for x in arrays]
        with np.errstate(all="ignore"):
            self.requests.ask()
            results = self._last = self.run(*arrays)
        for array in self.written:
            bump_version(array, "compile")
        for node in self.consumed:
            node.grad = None
        n = len(results) - len(self.delivered)
        for node, grad in zip(self.delivered, results[n:], strict=True):
            node.grad = Tensor._wrap(np.asarray(grad))
        remaining = iter(results)

        def result(x: Any) -> Any:
            if id(x) in self.kept or not isinstance(x, (Tensor, np.ndarray)):
                return x
            array = np.asarray(next(remaining))
            return Tensor._wrap(array) if isinstance(x, Tensor) else array

        return tree_map(result, self.value)

    def last_results(self) -> Any:
        """Return the arrays that the page returned last."""
        return self._last


class _Requests:
    """The numbers of optimizers, asked for at each call anew."""

    def __init__(self, requests: list[Any], program: Program, page: Page, names: Any) -> None:
        self.names = names
        self.requests = []
        steps: dict[Any, list[Any]] = {}
        for call in program.calls:
            if call.request is not None:
                steps.setdefault(call.request, []).append(call.args[0].memory.array)
        for request in requests:
            counters = steps.get(request, [])
            self.requests.append((request, counters, page.counts.get(request, "")))

    def ask(self) -> None:
        """Write the numbers of this step where the page reads them."""
        for request, counters, name in self.requests:
            t = 0.0
            if counters:
                t = float(counters[0]) + 1
                if any(float(c) + 1 != t for c in counters[1:]):
                    raise GuardFailed("the counts of an optimizer's parameters differ")
                self.names[name] = t
            values = request.formula(request.group, t)
            for array, new in zip(
                request.arrays, number_arrays(request.dtype, values), strict=True
            ):
                if type(array) is bool:
                    if array is not new:
                        raise GuardFailed("an option of an optimizer")
                else:
                    array[...] = new
