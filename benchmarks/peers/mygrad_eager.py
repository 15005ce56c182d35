"""MyGrad."""

NAME, MODULE = "MyGrad", "mygrad"


def step(net, optimizer, threads):
    import mygrad
    import mygrad.nnet.layers
    import nets

    from peers import functional

    x, y = nets.data(net)
    values = [mygrad.tensor(v) for v in functional.parameters(net)]
    update = functional.descent(optimizer, [v.data for v in values])

    def conv(_, x, weight):
        kernel = mygrad.transpose(weight.reshape(3, 3, x.shape[-1], -1), (3, 2, 0, 1))
        out = mygrad.nnet.layers.conv_nd(
            mygrad.transpose(x, (0, 3, 1, 2)), kernel, stride=1, padding=1
        )
        return mygrad.transpose(out, (0, 2, 3, 1))

    def one():
        loss = functional.loss(mygrad, net, values, x, y, conv)
        loss.backward()
        update([value.grad for value in values])
        return float(loss)

    return one
