"""The floor below the floor: the matrix products of a step, and nothing else.

A product of (m, k) and (k, n) has two more in backward, but the first layer has no use for its
input's; a convolution counts as the product over its columns. Whatever the optimizer, they are the same.
"""

NAME, MODULE = "matrix products alone", "numpy"


def shapes(net):
    """Return ``(how often, batch, m, k, n, is the input's gradient needed?)`` of each product."""
    import nets

    b = nets.BATCH[net]
    if net in nets.SIZES:
        sizes = nets.SIZES[net]
        return [
            (1, 1, b, k, n, i > 0) for i, (k, n) in enumerate(zip(sizes, sizes[1:], strict=False))
        ]
    if net == "gpt":
        w, heads, t, each = nets.WIDTH, nets.HEADS, nets.CONTEXT, nets.WIDTH // nets.HEADS
        dense = [
            (nets.LAYERS, 1, b * t, k, n, True)
            for k, n in ((w, 3 * w), (w, w), (w, 4 * w), (4 * w, w))
        ]
        mixes = [
            (nets.LAYERS, b * heads, t, each, t, True),
            (nets.LAYERS, b * heads, t, t, each, True),
        ]
        return [*dense, *mixes, (1, 1, b * t, w, nets.VOCABULARY, True)]
    if net in nets.RECURRENT:
        gates = 128 * {"lstm": 4, "gru": 3}[net]
        return [
            (28, 1, b, 28, gates, False),
            (28, 1, b, 128, gates, True),
            (1, 1, b, 128, 10, True),
        ]
    whole, half, quarter = (b * side * side for side in (28, 14, 7))
    stem = (1, 1, whole, 9, 16, False)
    if net == "cnn_bn":
        return [stem, (1, 1, half, 144, 32, True), (1, 1, b, 32 * 49, 10, True)]
    convs = [(2, whole, 144, 16), (1, half, 144, 32), (1, half, 16, 32), (1, half, 288, 32)]
    convs += [(1, quarter, 288, 64), (1, quarter, 32, 64), (2, quarter, 576, 64)]
    return [stem, *((often, 1, m, k, n, True) for often, m, k, n in convs), (1, 1, b, 64, 10, True)]


def step(net, optimizer, threads):
    import numpy as np

    def drawn(*shape):
        return np.random.default_rng(0).standard_normal(shape[shape[0] == 1 :]).astype(np.float32)

    work = [
        (often, drawn(b, m, k), drawn(b, k, n), drawn(b, m, n), needed)
        for often, b, m, k, n, needed in shapes(net)
    ]

    def one():
        for often, x, w, g, needed in work:
            for _ in range(often):
                x @ w
                x.mT @ g
                if needed:
                    g @ w.mT
        return 0.0

    return one
