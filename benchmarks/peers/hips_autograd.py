"""autograd (HIPS)."""

NAME, MODULE = "autograd", "autograd"


def step(net, optimizer, threads):
    from peers import functional

    functional.sgd_only(net, optimizer)
    import autograd
    import autograd.numpy as anp
    import nets

    x, y = nets.data(net)
    values = functional.parameters(net)
    both = autograd.value_and_grad(lambda v: functional.loss(anp, net, v, x, y))

    def one():
        loss, grads = both(values)
        for value, grad in zip(values, grads, strict=True):
            value -= (0.01 * grad).astype(value.dtype)
        return float(loss)

    return one
