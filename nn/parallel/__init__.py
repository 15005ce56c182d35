"""Modules that are trained by several processes at once."""

from minigrad.nn.data_parallel import DataParallel as DataParallel
from minigrad.nn.parallel.distributed import DistributedDataParallel as DistributedDataParallel
