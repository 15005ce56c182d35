"""Pictures of what was computed."""

from minigrad.viz.graph import Graph as Graph
from minigrad.viz.graph import graph as graph
from minigrad.viz.graph import retain as retain
