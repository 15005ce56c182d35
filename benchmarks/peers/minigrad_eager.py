"""minigrad."""

NAME, MODULE = "minigrad", "minigrad"


def step(net, optimizer, threads):
    import minigrad as mg
    from minigrad import nn
    from peers.pytorch_eager import training_step

    return training_step(net, optimizer, mg, nn)
