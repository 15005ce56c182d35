"""The floor below the floor: the matrix products of the dense nets' step, and nothing else."""

NAME, MODULE = "matrix products alone", "numpy"


def step(net, optimizer, threads):
    import nets
    import numpy as np

    from peers import functional

    functional.sgd_only(net, optimizer)
    rng, sizes, n = np.random.default_rng(0), nets.SIZES[net], nets.BATCH[net]
    x = [rng.standard_normal((n, size)).astype(np.float32) for size in sizes]
    w = [rng.standard_normal((a, b)).astype(np.float32) for a, b in zip(sizes, sizes[1:], strict=False)]

    def one():
        for i, weight in enumerate(w):
            x[i] @ weight
        for i in reversed(range(len(w))):
            x[i].T @ x[i + 1]
            if i:
                x[i + 1] @ w[i].T
        return 0.0

    return one
