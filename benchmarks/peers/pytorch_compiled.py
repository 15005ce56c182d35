"""PyTorch, its model compiled (torch.compile, a C++ compiler is needed)."""

NAME, MODULE = "PyTorch compiled", "torch"


def step(net, optimizer, threads):
    if optimizer != "sgd":
        raise NotImplementedError(f"{net} with {optimizer}: compiling takes half a minute a net")
    import torch

    from peers import pytorch_eager

    return pytorch_eager.step(net, optimizer, threads, torch.compile)
