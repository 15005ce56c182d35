"""tinygrad, the whole step captured by TinyJit, on the CPU (for which it needs clang on PATH)."""

import os

NAME, MODULE = "tinygrad jit", "tinygrad"


def step(net, optimizer, threads):
    import nets

    if net not in nets.SIZES and net != "cnn_bn":
        raise NotImplementedError(f"no {net} written for it")
    os.environ.setdefault("DEV", "CPU")
    from tinygrad import Context, Tensor, TinyJit, nn

    from peers import functional

    model = layers(net, Tensor, nn)
    parameters = [
        p for layer in model for p in nn.state.get_parameters(layer)
    ]  # SGD and Adam leave buffers alone
    make = {"sgd": nn.optim.SGD, "adam": nn.optim.Adam}[optimizer]
    descent = make(parameters, lr=functional.RATES[optimizer])
    x, y = (Tensor(a) for a in nets.data(net))

    @TinyJit
    def captured():
        descent.zero_grad()
        loss = x.sequential(model).sparse_categorical_crossentropy(y).backward()
        return loss.realize(*descent.schedule_step())

    def one():
        with Context(TRAINING=1):
            return captured().item()

    return one


def layers(net, Tensor, nn):
    import nets

    if net == "cnn_bn":
        found = []
        for a, b in ((1, 16), (16, 32)):
            found += [
                nn.Conv2d(a, b, 3, padding=1, bias=False),
                nn.BatchNorm(b),
                Tensor.relu,
                Tensor.max_pool2d,
            ]
        return [*found, lambda x: x.flatten(1), nn.Linear(32 * 7 * 7, 10)]
    sizes, bn, found = nets.SIZES[net], net.endswith("_bn"), []
    for a, b in zip(sizes[:-2], sizes[1:-1], strict=True):
        found += [nn.Linear(a, b, bias=not bn), *([nn.BatchNorm(b)] if bn else [])]
        found.append(Tensor.sigmoid if net.startswith("fig1") else Tensor.relu)
    return [*found, nn.Linear(*sizes[-2:])]
