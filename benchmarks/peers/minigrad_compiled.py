"""minigrad, the training step compiled: exact, NumPy alone."""

NAME, MODULE = "minigrad compiled", "minigrad"


def step(net, optimizer, threads, loops=None):
    import nets

    import minigrad as mg
    from minigrad import nn

    model = nets.build(net, mg, nn)
    x, y = (mg.tensor(a) for a in nets.data(net))
    kind = {"sgd": lambda p: mg.optim.SGD(p, lr=0.01), "adam": lambda p: mg.optim.Adam(p, lr=1e-4)}
    descent = kind[optimizer](model.parameters())

    @mg.compile(loops=loops)
    def training_step(x, y):
        loss = nn.functional.cross_entropy(model(x), y)
        descent.zero_grad()
        loss.backward()
        descent.step()
        return loss.detach()

    def one():
        return float(training_step(x, y))

    one.compiled = training_step  # whose source is the page
    return one
