"""A compiled step: bit for bit what the eager one gives, guarded, or refused by name."""

import sys
from pathlib import Path

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn, optim

sys.path.insert(0, str(Path(__file__).parent.parent / "benchmarks"))
import nets

OPTIMIZERS = {
    "sgd": lambda p: optim.SGD(p, lr=0.01),
    "momentum": lambda p: optim.SGD(p, lr=0.01, momentum=0.9, weight_decay=1e-3),
    "adam": lambda p: optim.Adam(p, lr=1e-3),
}


def training(model, make_optimizer):
    """Return a training step, and all that it changes."""
    optimizer = make_optimizer(model.parameters())

    def step(x, y):
        loss = nn.functional.cross_entropy(model(x), y)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.detach()

    def state():
        tensors = [*model.state_dict().values()]
        tensors += [t for p in model.parameters() for t in optimizer.state[p].values()]
        return [t.numpy().tobytes() for t in tensors]

    return step, state


def batches(net, n):
    """Yield n batches of other numbers."""
    x, y = nets.data(net)
    rng = np.random.default_rng(3)
    for _ in range(n):
        if x.dtype.kind == "f":
            x = rng.standard_normal(x.shape).astype(np.float32)
        y = rng.integers(0, 10, y.shape)
        yield mg.tensor(x), mg.tensor(y)


@pytest.mark.parametrize("optimizer", OPTIMIZERS)
@pytest.mark.parametrize("net", ["fig1", "fig1_bn"])
def test_a_compiled_step_is_the_eager_step_bit_for_bit(net, optimizer):
    eager, eager_state = training(nets.build(net, mg, nn), OPTIMIZERS[optimizer])
    step, state = training(nets.build(net, mg, nn), OPTIMIZERS[optimizer])
    step = mg.compile(step)
    for x, y in batches(net, 20):
        assert eager(x, y).numpy().tobytes() == step(x, y).numpy().tobytes()
        assert eager_state() == state()
    assert "np.dot" in step.source


def test_results_are_new_arrays():
    double = mg.compile(lambda x: x * 2)
    results = [double(mg.tensor([float(i)])) for i in range(5)]
    assert [y.item() for y in results] == [0, 2, 4, 6, 8]
