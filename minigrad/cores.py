"""How many threads NumPy's products take where several processes share a machine.

OpenBLAS reads its environment when NumPy is imported and then takes every core. Two ranks on two
cores would run four threads. So each takes its share of the cores, unless the user has said how
many: by the time ``init_process_group`` is called it would be too late.
"""

from __future__ import annotations

import os

_NAMES = ("OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "OMP_NUM_THREADS")
_LOCAL_RANKS = ("MPI_LOCALNRANKS", "OMPI_COMM_WORLD_LOCAL_SIZE", "MV2_COMM_WORLD_LOCAL_SIZE")


def available_cores() -> int:
    """Return how many cores this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def threads() -> int:
    """Return how many threads there may be: what the environment tells BLAS, else every core."""
    cores = available_cores()
    for name in _NAMES:
        told = os.environ.get(name, "")
        if told.isdigit():
            return min(max(1, int(told)), cores)
    return cores


def threads_per_rank() -> int | None:
    """Return this rank's share of the cores, None where no launcher started several ranks here.

    A launcher that keeps each rank to its own cores has shared them already.
    """
    ranks = next((int(os.environ[name]) for name in _LOCAL_RANKS if name in os.environ), 1)
    if ranks < 2:
        return None
    per_task = os.environ.get("SLURM_CPUS_PER_TASK")
    cores = available_cores()
    if per_task:
        return min(int(per_task), cores)
    return max(1, cores // ranks)


def share_cores() -> int | None:
    """Set OPENBLAS_NUM_THREADS to cores / ranks unless the environment says how many.

    Returns what was set, None where nothing was.
    """
    threads = threads_per_rank()
    if threads is None or any(name in os.environ for name in _NAMES):
        return None
    os.environ["OPENBLAS_NUM_THREADS"] = str(threads)
    return threads
