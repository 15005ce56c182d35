"""Pictures of what was computed."""

from minigrad.viz.charts import Histograms as Histograms
from minigrad.viz.charts import gradient_flow as gradient_flow
from minigrad.viz.diff import Comparison as Comparison
from minigrad.viz.diff import diff as diff
from minigrad.viz.draw import graph as graph
from minigrad.viz.draw import trace as trace
from minigrad.viz.live import live as live
from minigrad.viz.picture import Graph as Graph
from minigrad.viz.picture import from_json as from_json
from minigrad.viz.render import set_engine as set_engine
from minigrad.viz.steps import backward_steps as backward_steps
from minigrad.viz.summary import summary as summary
from minigrad.viz.tensorboard import SummaryWriter as SummaryWriter
from minigrad.viz.watch import watch as watch
