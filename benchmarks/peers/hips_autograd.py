"""autograd (HIPS)."""

NAME, MODULE = "autograd", "autograd"


def step(net, optimizer, threads):
    import autograd
    import autograd.numpy as anp
    import nets

    from peers import functional

    x, y = nets.data(net)
    values = functional.parameters(net)
    both = autograd.value_and_grad(lambda v: functional.loss(anp, net, v, x, y))
    update = functional.descent(optimizer, values)

    def one():
        loss, grads = both(values)
        update(grads)
        return float(loss)

    return one
