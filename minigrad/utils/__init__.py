"""Utilities around training."""

from minigrad.utils import benchmark as benchmark
from minigrad.utils import checkpoint as checkpoint
from minigrad.utils import data as data
from minigrad.utils import profiler as profiler
from minigrad.utils.images import make_grid as make_grid
from minigrad.utils.images import save_image as save_image
