"""Updates of small parameters are made together, and give what each of them gives alone, bit for bit."""

import numpy as np
import pytest
from test_compile_nets import OPTIMIZERS

import minigrad as mg

SHAPES = [(5,), (1, 7), (3, 4), (5,), (1,), (2, 2, 2), (6, 1), (400, 6), (), (4,)]


def parameters(dtypes=(mg.float32,)):
    mg.manual_seed(0)
    return [mg.randn(*shape, dtype=dtypes[i % len(dtypes)]).requires_grad_() for i, shape in enumerate(SHAPES)]


def run(kind, compiled, dtypes=(mg.float32,), between=None, values=None):
    """Return what ten steps leave behind, as bytes, and the page."""
    own = parameters(dtypes)
    descent = OPTIMIZERS[kind](own)
    average = [p.detach().clone() for p in own]

    def step(scale):
        loss = sum((p * p.detach().sin() * scale.to(p.dtype)).sum().to(mg.float64) for p in own)
        descent.zero_grad()
        loss.backward()
        descent.step()
        if between is not None:
            between(own, average, descent)
        return loss.detach()

    called = mg.compile(step) if compiled else step
    left = []
    rng = np.random.default_rng(0)
    for i in range(10):
        scale = rng.standard_normal() if values is None else values[i % len(values)]
        left.append(called(mg.tensor(scale, dtype=mg.float32)).numpy().tobytes())
    tensors = [*own, *average]
    for p in own:
        tensors += [x for x in descent.state[p].values() if isinstance(x, mg.Tensor)]
    return [*left, *(x.detach().numpy().tobytes() for x in tensors)], called.source if compiled else ""


@pytest.mark.parametrize("kind", OPTIMIZERS)
def test_small_parameters_are_updated_as_if_alone(kind):
    expected, _ = run(kind, False)
    left, page = run(kind, True)
    assert left == expected
    assert kind != "Adam" or "small parameters together" in page


@pytest.mark.parametrize("values", [[np.nan], [np.inf, 0.0], [-0.0, 1e-30, 1e30]])
def test_numbers_that_are_none_stay_what_they_are(values):
    assert run("Adam", True, values=values)[0] == run("Adam", False, values=values)[0]


def test_each_dtype_is_together_for_itself():
    dtypes = mg.float32, mg.float64
    expected, _ = run("Adam", False, dtypes)
    left, page = run("Adam", True, dtypes)
    assert left == expected
    assert "# 4 small parameters together, Adam" in page


def averaged(own, average, descent):
    with mg.no_grad():
        for p, mean in zip(own, average, strict=True):
            mean.mul_(0.9).add_(p.detach() * 0.1)


def again(own, average, descent):
    descent.step()


def halved(own, average, descent):
    with mg.no_grad():
        for p in own[:6]:
            p.mul_(0.5)
    descent.step()


@pytest.mark.parametrize("between", [averaged, again, halved])
def test_what_is_read_between_two_updates_is_what_it_was(between):
    assert run("Adam", True, between=between)[0] == run("Adam", False, between=between)[0]
