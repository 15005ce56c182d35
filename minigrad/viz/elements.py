"""A picture as plain data: vertices, edges and clusters."""

from __future__ import annotations

from dataclasses import dataclass, field
from math import inf, nan
from typing import Any, NamedTuple

from minigrad.viz.statistics import Flow, Size

LETTERS = 11  # their size in a picture, in points


class Vertex(NamedTuple):
    """One box of the picture."""

    id: int
    kind: str  # a key of dot.STYLES
    label: str
    shape: tuple[int, ...]
    gradient: Size | None = None  # its norm, a single number's own value; the range of merged ones
    dtype: str = ""
    cluster: int | None = None  # the innermost module call around it
    saved: int = 0  # bytes kept for backward, by all that it stands for
    in_place: str | None = None  # the write that produced it
    sequence: int | None = None  # the node's age: newer is later in the program
    value: dict[str, Any] | None = None  # statistics of the value, where asked for
    slope: dict[str, Any] | None = None  # statistics of the gradient, where asked for
    plain: str = ""  # the label with letters for all operands: equal calls agree in it
    number: Any = None  # the value, where it is one number and known
    ages: tuple[int, ...] = ()  # the ages of the merged ones that it stands for, too
    times: int = 1  # how many it stands for
    line: str = ""  # of the source, where record_lines noted it
    mark: str = ""  # in a comparison: "added", "removed", "changed"
    was: str = ""  # in a comparison: what it showed before


class Edge(NamedTuple):
    """One operand: the value of ``source`` goes into ``target`` as its operand ``place``."""

    source: int
    target: int
    place: int
    shape: tuple[int, ...]
    letter: str  # what the operation calls it, where operands have an order and it has no name
    dtype: str = ""
    broadcast: bool = False
    times: int = 1  # how many equal ones it stands for
    flow: Flow | None = None  # what flowed back along it in a watched sweep
    plain: str = ""  # its letter where no name is used
    mark: str = ""  # in a comparison: "added", "removed", "changed"
    before: Flow | None = None  # in a comparison: what flowed in the other run

    @property
    def gradient(self) -> Size | None:
        """The norm of what flowed back along it, summed where it stands for several.

        It is a range where the edge leads from several values.
        """
        return None if self.flow is None else self.flow.size()

    @property
    def ratio(self) -> float | None:
        """How many times what flowed in the other run of a comparison this is."""
        if self.flow is None or self.before is None:
            return None
        now = self.flow.norm()
        before = self.before.norm()
        if before:
            return now / before
        return inf if now else nan


class Cluster(NamedTuple):
    """One call of a module, inside the call ``parent``."""

    id: int
    parent: int | None
    path: str
    kind: str  # the module's class
    parameters: int
    level: int
    times: int = 1  # how many equal ones it stands for
    mark: str = ""  # in a comparison: "added", "removed", "changed"


@dataclass
class Picture:
    """Nodes, edges and clusters; of the graph it shows it holds only what flowed along edges."""

    nodes: list[Vertex] = field(default_factory=list)
    edges: list[Edge] = field(default_factory=list)
    clusters: list[Cluster] = field(default_factory=list)
    title: str = ""
    note: str = ""  # how to see what is missing
    direction: str = "TB"
    show: tuple[str, ...] = ()
    letters: int = LETTERS
