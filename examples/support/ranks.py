"""One run by several processes: each has its part of every batch, the first prints and writes.

mpiexec -n 2 python examples/mnist.py --distributed
"""

import os
import sys

import numpy as np

from minigrad import distributed, nn


def join():
    """Join the other processes that mpiexec started; those behind the first say nothing."""
    distributed.init_process_group()
    if not is_first():
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115


def leave():
    """Part from the others: what comes is the first one's alone."""
    if distributed.is_initialized():
        distributed.destroy_process_group()


def is_first():
    """Return whether this process prints and writes."""
    return not distributed.is_initialized() or distributed.get_rank() == 0


def are_several():
    """Return whether there are others."""
    return distributed.is_initialized() and distributed.get_world_size() > 1


def spread(model):
    """Return what trains ``model`` on this process's part of each batch as on the whole of it."""
    if not distributed.is_initialized():
        return model
    nn.SyncBatchNorm.convert_sync_batchnorm(model)
    return nn.parallel.DistributedDataParallel(model, weight_by_samples=True)


def own_part(*tensors):
    """Return this process's rows of a batch."""
    if not are_several():
        return tensors
    rank, n = distributed.get_rank(), distributed.get_world_size()
    size = len(tensors[0])
    rows = slice(size * rank // n, size * (rank + 1) // n)
    return tuple(tensor[rows] for tensor in tensors)


def add_up(*numbers):
    """Return the sums of these numbers over all processes."""
    if not are_several():
        return numbers
    sums = np.array(numbers, float)
    distributed.all_reduce(sums)
    return tuple(sums.tolist())


def from_the_first(function):
    """Return what ``function()`` returns in the first process; where it leaves, all do."""
    if not are_several():
        return function()
    answer = [None]
    if is_first():
        try:
            answer = [(function(), None)]
        except SystemExit as end:
            answer = [(None, end.code)]
    distributed.broadcast_object_list(answer)
    value, status = answer[0]
    if status is not None:
        sys.exit(status)
    return value
