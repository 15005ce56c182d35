"""JAX, the whole step compiled."""

import os

NAME, MODULE = "JAX jit", "jax"


def step(net, optimizer, threads):
    from peers import functional

    functional.sgd_only(net, optimizer)
    os.environ["XLA_FLAGS"] = f"--xla_cpu_multi_thread_eigen={'true' if threads > 1 else 'false'}"
    import jax
    import jax.numpy as jnp
    import nets

    x, y = nets.data(net)
    values = [jnp.asarray(v) for v in functional.parameters(net)]

    @jax.jit
    def descend(values, x):
        loss, grads = jax.value_and_grad(lambda v: functional.loss(jnp, net, v, x, y))(values)
        return loss, [v - 0.01 * g for v, g in zip(values, grads, strict=True)]

    x = jnp.asarray(x)

    def one():
        nonlocal values
        loss, values = descend(values, x)
        return float(loss)

    return one
