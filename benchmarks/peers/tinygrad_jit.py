"""tinygrad, the whole step captured by TinyJit, on the CPU."""

import os

NAME, MODULE = "tinygrad jit", "tinygrad"


def step(net, optimizer, threads):
    from peers import functional

    functional.sgd_only(net, optimizer)
    os.environ.setdefault("CPU", "1")
    import nets
    from tinygrad import Tensor, TinyJit, nn

    sizes, bn = nets.SIZES[net], net.endswith("_bn")
    layers = []
    for a, b in zip(sizes[:-2], sizes[1:-1], strict=True):
        layers += [nn.Linear(a, b, bias=not bn), *([nn.BatchNorm(b)] if bn else [])]
        layers.append(Tensor.sigmoid if net.startswith("fig1") else Tensor.relu)
    layers.append(nn.Linear(*sizes[-2:]))
    parameters = [p for layer in layers for p in nn.state.get_parameters(layer) if p.requires_grad is not False]
    descent = nn.optim.SGD(parameters, lr=0.01)
    x, y = (Tensor(a) for a in nets.data(net))

    @TinyJit
    def captured():
        descent.zero_grad()
        loss = x.sequential(layers).sparse_categorical_crossentropy(y).backward()
        return loss.realize(*descent.schedule_step())

    def one():
        with Tensor.train():
            return captured().item()

    return one
