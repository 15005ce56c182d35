"""The floor: the step written by hand in NumPy, with the closed-form gradients of ``by_hand``."""

NAME, MODULE = "NumPy by hand", "numpy"


def step(net, optimizer, threads):
    import by_hand
    import nets

    from peers import functional

    gradients, (x, y) = by_hand.GRADIENTS[net], nets.data(net)
    values = functional.parameters(net)
    update = functional.descent(optimizer, values)

    def one():
        loss, grads = gradients(net, values, x, y)
        update(grads)
        return loss

    return one
