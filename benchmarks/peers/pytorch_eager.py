"""PyTorch, eager mode."""

import nets

NAME, MODULE = "PyTorch eager", "torch"


def step(net, optimizer, threads, change=lambda model: model):
    import torch

    torch.set_num_threads(threads)
    return training_step(net, optimizer, torch, torch.nn, change)


def training_step(net, optimizer, L, nn, change=lambda model: model):
    """Return the step that minigrad and PyTorch have in common, source and all."""
    model = change(nets.build(net, L, nn))
    x, y = (L.tensor(a) for a in nets.data(net))
    make = {"sgd": lambda p: L.optim.SGD(p, lr=0.01), "adam": lambda p: L.optim.Adam(p, lr=1e-4)}[
        optimizer
    ]
    descent = make(model.parameters())

    def forward():
        return nn.functional.cross_entropy(model(x), y)

    def one():
        loss = forward()
        descent.zero_grad()
        loss.backward()
        descent.step()
        return float(loss.detach())

    def both():
        descent.zero_grad()
        forward().backward()

    one.forward, one.both = forward, both  # to tell backward's cost from forward's
    return one
