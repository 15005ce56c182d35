"""JAX, the whole step compiled."""

import os

NAME, MODULE = "JAX jit", "jax"


def step(net, optimizer, threads):
    os.environ["XLA_FLAGS"] = f"--xla_cpu_multi_thread_eigen={'true' if threads > 1 else 'false'}"
    import jax
    import jax.numpy as jnp
    import nets

    from peers import functional

    x, y = (jnp.asarray(a) for a in nets.data(net))
    values = [jnp.asarray(v) for v in functional.parameters(net)]
    state = (
        values,
        [jnp.zeros_like(v) for v in values],
        [jnp.zeros_like(v) for v in values],
        jnp.float32(0),
    )

    def conv(_, x, weight):
        kernel = weight.reshape(3, 3, x.shape[-1], -1)
        return jax.lax.conv_general_dilated(
            x, kernel, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
        )

    @jax.jit
    def descend(state, x, y):
        values, m, s, t = state
        loss, grads = jax.value_and_grad(lambda v: functional.loss(jnp, net, v, x, y, conv))(values)
        rate = functional.RATES[optimizer]
        if optimizer == "sgd":
            return loss, ([v - rate * g for v, g in zip(values, grads, strict=True)], m, s, t)
        (b1, b2), t = functional.BETAS, t + 1
        m = [b1 * a + (1 - b1) * g for a, g in zip(m, grads, strict=True)]
        s = [b2 * a + (1 - b2) * g * g for a, g in zip(s, grads, strict=True)]
        moved = [
            v - rate / (1 - b1**t) * a / (jnp.sqrt(b) / jnp.sqrt(1 - b2**t) + functional.TINY)
            for v, a, b in zip(values, m, s, strict=True)
        ]
        return loss, (moved, m, s, t)

    def one():
        nonlocal state
        loss, state = descend(state, x, y)
        return float(loss)

    return one
