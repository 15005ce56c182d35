"""The floor: the step of the dense nets written by hand in NumPy, with the closed-form gradients."""

NAME, MODULE = "NumPy by hand", "numpy"


def step(net, optimizer, threads):
    import nets
    import numpy as np

    from peers import functional

    functional.sgd_only(net, optimizer)
    x, y = nets.data(net)
    values, bn, sigmoid = functional.parameters(net), net.endswith("_bn"), net.startswith("fig1")
    per = 3 if bn else 2
    hidden = len(nets.SIZES[net]) - 2
    ones = np.ones(len(x), np.float32)
    rows = np.arange(len(x))

    def one():
        a, kept = x, []
        for i in range(hidden):
            z = a @ values[per * i]
            if bn:
                d = z - (ones @ z) / len(x)
                inverse = 1 / np.sqrt((ones @ (d * d)) / len(x) + functional.EPS)
                d *= inverse  # x̂
                z = d * values[per * i + 1]
                kept.append((a, d, inverse))
            else:
                kept.append((a,))
            z += values[per * i + per - 1]
            if sigmoid:
                np.negative(z, out=z)
                np.exp(z, out=z)
                z += 1
                a = np.reciprocal(z, out=z)
            else:
                a = np.maximum(z, 0, out=z)
        logits = a @ values[-2] + values[-1]
        logits -= logits.max(1, keepdims=True)
        p = np.exp(logits)
        p /= p.sum(1, keepdims=True)
        loss = -np.log(p[rows, y]).mean()
        p[rows, y] -= 1
        p /= len(x)
        g = p @ values[-2].T
        values[-2] -= 0.01 * (a.T @ p)
        values[-1] -= 0.01 * (ones @ p)
        for i in reversed(range(hidden)):
            g = g * (a * (1 - a) if sigmoid else a > 0)
            a, *inner = kept[i]
            values[per * i + per - 1] -= 0.01 * (ones @ g)
            if bn:
                hat, inverse = inner
                d_gamma = ones @ (g * hat)
                g *= values[per * i + 1]
                values[per * i + 1] -= 0.01 * d_gamma
                g = inverse * (g - (ones @ g) / len(x) - hat * ((ones @ (g * hat)) / len(x)))
            weight = values[per * i]
            d_weight = a.T @ g
            if i:
                g = g @ weight.T
            weight -= 0.01 * d_weight
        return float(loss)

    return one
