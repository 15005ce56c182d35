"""minigrad, the training step compiled, its chains and sums fused into loops."""

from . import minigrad_compiled

NAME, MODULE = "minigrad loops", "minigrad"


def step(net, optimizer, threads):
    return minigrad_compiled.step(net, optimizer, threads, loops="numba")
