"""Every rule runs on arrays of another device: order 1 and 2 there equal the host's."""

import numpy as np
import pytest
from device import DeviceArray, RecordingArray
from test_primitives import ALL, CASES, samples

import minigrad as mg
from minigrad import nn, optim
from minigrad.engine.backward import wrap_in_tensor
from minigrad.engine.sweep import sweep
from minigrad.tensor.tensor import Tensor
from minigrad.utils.tree import tree_map


def tensor(array, requires_grad=True):
    """Wrap an array of either device without touching it."""
    made = Tensor.__new__(Tensor)
    made._data = array
    if requires_grad and array.dtype.kind == "f":
        made.requires_grad_()
    return made


def gradients(outputs, cotangents, leaves, create_graph):
    found = sweep(
        [y._node for y in outputs],
        cotangents,
        retain_graph=True,
        lift=wrap_in_tensor if create_graph else None,
        targets=[x._node for x in leaves],
    )
    return [found[x._node][0] for x in leaves if x._node in found]


def two_orders(made, operands, params, put):
    """Return value, first and second gradients, as the arrays of ``put``'s device."""
    xs = [tensor(put(x)) for x in operands]
    leaves = [x for x in xs if x.requires_grad]
    y = made(*xs, **params)
    rng = np.random.default_rng(3)
    seed = tensor(put(rng.standard_normal(y.shape)))
    first = gradients([y], [seed._data], leaves, False)
    again = gradients([y], [seed], leaves, True)
    live = [g for g in again if g.requires_grad]
    weights = [put(rng.standard_normal(g.shape)) for g in live]
    second = gradients(live, weights, [seed, *leaves], False) if live else []
    return [y._data, *first, *(g._data for g in again), *second]


def on_device(params):
    """Return parameters with their arrays on the device, where rules must find them."""
    return tree_map(lambda v: DeviceArray(v) if isinstance(v, np.ndarray) else v, params)


HOST_ONLY = {  # name: why; what is not here must run on a device
    "indexing.take_along_axis": "indices of the other axes are counted on the host",
    "strided.as_strided": "a view of the host's memory by its address",
    **{f"loss.{name}": "rows are counted on the host" for name in ("cross_entropy", "nll", "softmax_minus_onehot")},
    "diagonal.diagonal": "NumPy gives a read-only view, which is unlocked on the host",
    "diagonal.diagonal_embed": "writes through that view",
    "indexing.put_along_axis": "indices of the other axes are counted on the host",
    "indexing.overwrite": "what a view looks at is counted out on the host",
    "norm.vector_norm": "the second order raises to a power that is counted out on the host",
    "einsum.einsum": "the path of contraction is NumPy's, on host arrays",
    **{
        name: "whether series have ended, or are needed, is asked on the host"
        for name in ALL
        if name.startswith("gamma.")
    },
    **{name: "NumPy has no such factorization; it is made on the host" for name in ALL if name.startswith("lu.")},
    **{name: "LAPACK works on host arrays" for name in ALL if name.startswith("linalg.")},
}


@pytest.mark.parametrize(("name", "i"), CASES)
def test_a_primitive_on_the_stand_in(name, i):
    if name in HOST_ONLY:
        pytest.xfail(HOST_ONLY[name])
    operands, params = samples(name)[i]
    operands = [np.asarray(x) for x in operands]
    made = ALL[name]
    host = two_orders(made, operands, params, lambda x: x)
    device = two_orders(made, operands, on_device(params), DeviceArray)
    assert len(host) == len(device) >= 3
    for a, b in zip(host, device, strict=True):
        assert isinstance(b, DeviceArray)
        np.testing.assert_allclose(a, b._host, rtol=1e-12)


def test_the_stand_in_catches_what_it_is_for():
    x = DeviceArray(np.ones(1))
    for mistake in (
        lambda: x + np.ones(3),
        lambda: np.asarray(x),
        lambda: np.maximum(x, np.float64(2)),
        lambda: np.concatenate([x, np.zeros(1)]),
        lambda: bool(x),
    ):
        with pytest.raises(TypeError):
            mistake()
    with pytest.raises(TypeError):
        mg.tensor(x)


def train(put, steps=3):
    """Return the losses and, after the steps, the parameters and what the layers and the optimizer remember."""
    mg.manual_seed(0)
    net = nn.Sequential(nn.Linear(5, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 2))
    optimizer = optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
    kept = [*net.parameters(), *net.buffers()]
    for x in kept:
        x._data = put(x._data)
    rng = np.random.default_rng(1)
    losses = []
    for _ in range(steps):
        x, y = (tensor(put(rng.standard_normal((16, n), np.float32)), requires_grad=False) for n in (5, 2))
        optimizer.zero_grad()
        loss = nn.functional.mse_loss(net(x), y)
        loss.backward()
        optimizer.step()
        losses.append(loss)
    momenta = [entry["momentum_buffer"] for entry in optimizer.state.values()]
    return [x._data for x in (*losses, *kept, *(p.grad for p in net.parameters()), *momenta)]


def test_a_training_step_runs_on_arrays_that_answer_numpys_protocols_to_the_last_bit():
    RecordingArray.calls.clear()
    host, foreign = train(lambda x: x), train(RecordingArray)
    assert len(host) == len(foreign) == 3 + 9 + 6 + 6
    for a, b in zip(host, foreign, strict=True):
        assert type(a) is np.ndarray and type(b) is RecordingArray
        assert a.dtype == b.dtype and a.shape == b.shape and a.tobytes() == b._host.tobytes()
    assert {"matmul", "add.reduce", "sqrt", "maximum", "copy", "full_like"} <= {*RecordingArray.calls}
    assert not any(np.array_equal(a, b) for a, b in zip(host[:2], host[1:3], strict=True))
