"""Why is this gradient None, or who contributed to it?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from minigrad.autograd.function_nodes import Call
from minigrad.autograd.lines import Line, Origin, norm, record_lines, shown
from minigrad.engine.backward import differentiate
from minigrad.engine.graph import Node, ancestors, nodes_on_path, topological_order
from minigrad.tensor.tensor import Tensor


@dataclass(frozen=True)
class Contribution:
    """What one consumer of a tensor adds to its gradient."""

    consumer: str
    line: Line | None
    norm: float


@dataclass(frozen=True)
class Explanation:
    """The answer of :func:`explain`; printing it shows ``text`` and the contributions.

    ``reason`` is one word of: contributions, not asked, detached, no_grad, no gradient, not
    recorded, not retained, no backward, used before asked, no path.
    """

    reason: str
    text: str
    contributions: tuple[Contribution, ...] = ()
    line: Line | None = None

    def __repr__(self) -> str:
        rows = [
            f"  {c.norm:<12.5g} {c.consumer}" + (f"  {shown(c.line)}" if c.line else "")
            for c in self.contributions
        ]
        return "\n".join([self.text, *(["  norm         consumer"] if rows else []), *rows])


def explain(
    tensor: Tensor, output: Tensor | None = None, gradient: Tensor | None = None
) -> Explanation:
    """Tell who contributes to the gradient of ``tensor``, or why it has none.

    With ``output`` (a scalar, or ``gradient`` its cotangent) the graph is swept anew and kept:
    ``explain(w, loss)`` lists each consumer of w with the norm of what it contributes, or finds
    where the way from w to the loss is cut. Without it the answer is about ``.grad`` as it stands;
    contributions are known then if ``backward`` ran inside ``record_lines``. Lines of code are
    named where ``record_lines`` saw the forward pass; otherwise nothing was recorded, at no cost.

    >>> import minigrad as mg
    >>> w = mg.tensor([3.0, 4.0], requires_grad=True)
    >>> loss = (w * w).sum() + w.sum()
    >>> mg.autograd.explain(w, loss)
    The gradient of this tensor has norm 11.402; 3 contributions:
      norm         consumer
      1.4142       SumBackward0
      5            MulBackward0
      5            MulBackward0
    >>> mg.autograd.explain(mg.ones(2))
    No gradient: this tensor never asked for one (requires_grad=False). x.requires_grad_() asks.
    """
    for x in (tensor, output):
        if x is not None and not isinstance(x, Tensor):
            raise TypeError(f"explain: expected a Tensor, got {type(x).__name__}")
    if tensor._node is None:
        return _without_graph(tensor, "this tensor")
    if output is None:
        return _of_what_is_there(tensor)
    if output._node is None:
        return _without_graph(output, "the output")
    with record_lines():
        grads = differentiate([output], [gradient], [tensor], True, False)
    if grads:
        return _contributions(tensor._node, norm(grads[0][1]))
    return _no_path(tensor, output)


# ---- reasons -----------------------------------------------------------------------------------
def _without_graph(tensor: Tensor, what: str) -> Explanation:
    cut = _cut((tensor._origin,))
    if cut is None:
        asks = (
            "x.requires_grad_() asks."
            if tensor.is_floating_point()
            else f"It is {tensor.dtype}: x.float() could."
        )
        text = f"No gradient: {what} never asked for one (requires_grad=False). {asks}"
        if what != "this tensor":
            text = (
                f"No gradient: {what} is not recorded (requires_grad=False): no operand asks for a "
                "gradient, or it was detached or computed under no_grad; autograd.record_lines() "
                "around it would tell where."
            )
        return Explanation("not asked" if what == "this tensor" else "not recorded", text)
    return _because(cut, f"No gradient: {what} is outside the graph")


def _because(cut: Origin, opening: str) -> Explanation:
    place = shown(cut.line)
    if cut.how == "detach":
        return Explanation("detached", f"{opening}: detached at {place}", line=cut.line)
    if cut.how == "no_grad":
        return Explanation(
            "no_grad", f"{opening}: `{cut.name}` ran under no_grad at {place}", line=cut.line
        )
    return Explanation(
        "no gradient", f"{opening}: `{cut.name}` has no gradient, at {place}", line=cut.line
    )


def _of_what_is_there(tensor: Tensor) -> Explanation:
    node = tensor._node
    assert node is not None
    if not tensor.is_leaf and not node.retains:
        text = (
            f"No gradient: this tensor is the result of {node.name()} and keeps none. Call its "
            "retain_grad() before backward(), or use autograd.grad, or explain(tensor, loss)."
        )
        return Explanation("not retained", text, line=node.line)
    if node.grad is None:
        return Explanation(
            "no backward",
            "No gradient: this tensor asks for one, but no backward() has reached it since it was "
            "made or cleared. explain(tensor, loss) tells whether a way leads from it to the "
            "loss.",
        )
    if node.contributions is None:
        text = (
            f"The gradient of this tensor has norm {norm(node.grad):.5g}. "
            "Who contributed: explain(tensor, loss)."
        )
        return Explanation("contributions", text)
    return _contributions(node, norm(node.grad))


def _contributions(node: Node, total: float) -> Explanation:
    parts = tuple(Contribution(*part) for part in node.contributions or ())
    plural = "" if len(parts) == 1 else "s"
    if not parts:
        text = f"The gradient of this tensor has norm {total:.5g}: it is the output itself."
    elif total == 0:
        text = "The gradient of this tensor is zero everywhere; "
        text += f"{len(parts)} contribution{plural}:"
    else:
        text = f"The gradient of this tensor has norm {total:.5g}; "
        text += f"{len(parts)} contribution{plural}:"
    return Explanation("contributions", text, parts)


def _no_path(tensor: Tensor, output: Tensor) -> Explanation:
    assert tensor._node is not None and output._node is not None
    reached = ancestors((output._node,), linked=False)
    cut = _cut((node.origin for node in reached if node.origin is not None), tensor._node)
    if cut is not None:
        return _because(cut, "No gradient: the way from this tensor to the output is cut")
    if tensor._constant is not None and tensor._constant in reached:
        return Explanation(
            "used before asked",
            "No gradient: the output used this tensor before requires_grad_() was called on it. "
            "Compute it again.",
        )
    if tensor._node in reached:
        return _withheld(tensor._node, output._node)
    return Explanation(
        "no path",
        "No gradient: no way leads from this tensor to the output. It was not used, or what was "
        "made of it was detached, computed under no_grad or taken out as numbers; "
        "autograd.record_lines() around the forward pass would tell where.",
    )


def _withheld(node: Node, output: Node) -> Explanation:
    """Say which Function between the tensor and the output returned None."""
    on_path = topological_order(nodes_on_path([node], [output]))
    calls = [n for n in on_path if isinstance(n, Call)]
    names = " or ".join(dict.fromkeys(call.function for call in calls)) or "an operation"
    line = calls[0].line if calls else None
    place = f", called at {shown(line)}" if line else ""
    return Explanation(
        "no gradient",
        f"No gradient: a way leads from this tensor to the output, but backward of {names} "
        f"returned None on it{place}",
        line=line,
    )


# ---- ways --------------------------------------------------------------------------------------
def _cut(origins: Iterable[Any], node: Node | None = None) -> Origin | None:
    """Return where a value left the graph, followed back from ``origins``.

    Only cuts above ``node``, if given.
    """
    stack, seen = [o for o in origins if o is not None], set()
    while stack:
        origin = stack.pop()
        if origin in seen:
            continue
        seen.add(origin)
        above = (
            ancestors(p for p in origin.parents if isinstance(p, Node))
            if node is not None
            else set()
        )
        if origin.how != "operation" and (node is None or node in above):
            return origin
        stack.extend(p for p in origin.parents if isinstance(p, Origin))
        # cut twice: this value had an operand that had left the graph
        stack.extend(other.origin for other in above if other.origin is not None)
    return None
