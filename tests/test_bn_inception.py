"""The paper's ImageNet network: shapes and numbers of Figure 5, and the same source run by PyTorch."""

import importlib.util
import types
from pathlib import Path

import numpy as np
import pytest

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import nn

SOURCE = Path(__file__).parent.parent / "examples" / "batchnorm_lab" / "inception.py"


@pytest.fixture(scope="module")
def inception():
    spec = importlib.util.spec_from_file_location("inception", SOURCE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def count(net):
    return sum(p.numel() for p in net.parameters())


def test_shapes_are_the_tables_but_for_its_contradictions(inception):
    found = inception.shapes(inception.bn_inception(), mg.zeros(1, 3, 224, 224))
    side = {"3a": 28, "3b": 28, "3c": 14, "4a": 14, "4b": 14, "4c": 14, "4d": 14, "4e": 7, "5a": 7, "5b": 7}
    assert {name: shape[2:] for name, shape in found.items() if name in side} == {n: (s, s) for n, s in side.items()}
    channels = {name: found[name][1] for name in side}
    differ = {name: (c, inception.PRINTED[name]) for name, c in channels.items() if c != inception.PRINTED[name]}
    assert differ == {"4c": (608, 576), "4d": (608, 576), "4e": (1056, 1024)}
    assert found["stem"] == (1, 192, 28, 28) and found["classifier"] == (1, 1000)


def test_the_number_of_parameters(inception):
    convolutions = 3 * 8 * 49 + 24 * 64 + 64 * 64 + 9 * 64 * 192  # the stem
    normed, channels = 64 + 64 + 192, 192
    for r in inception.TABLE.values():
        convolutions += channels * (r.ones + r.reduce3 + r.reduce_double + r.project)
        convolutions += 9 * (r.reduce3 * r.threes + r.reduce_double * r.double + r.double * r.double)
        normed += r.ones + r.reduce3 + r.threes + r.reduce_double + 2 * r.double + r.project
        channels = r.ones + r.threes + r.double + (r.project or channels)
    assert count(inception.bn_inception()) == convolutions + 2 * normed + 1025 * 1000 == 11_278_528
    plain = inception.bn_inception(norm=lambda channels: nn.Identity(), separable=False)
    assert count(plain) == 10_240_192 + 1025 * 1000


def test_forward_and_backward_reach_every_parameter(inception):
    mg.manual_seed(0)
    net = inception.bn_inception()
    loss = F.cross_entropy(net(mg.randn(2, 3, 224, 224)), mg.tensor([3, 999]))
    loss.backward()
    assert 3 < loss.item() < 15  # about ln 1000
    for name, p in net.named_parameters():
        g = np.abs(p.grad.numpy())
        assert np.isfinite(g).all() and g.max() > 0, name


def test_pytorch_makes_the_same_of_the_same_source(inception, torch):
    text = SOURCE.read_text().replace("import minigrad as mg", "import torch as mg")
    theirs = types.ModuleType("inception_in_torch")
    exec(text.replace("from minigrad import nn", "from torch import nn"), vars(theirs))
    images = np.random.default_rng(0).standard_normal((3, 3, 64, 64))
    mg.manual_seed(1)
    net = inception.bn_inception(classes=10).double()
    reference = theirs.bn_inception(classes=10).double()
    reference.load_state_dict({k: torch.from_numpy(v.numpy().copy()) for k, v in net.state_dict().items()})
    out, expected = net(mg.tensor(images)), reference(torch.from_numpy(images))
    np.testing.assert_allclose(out.detach().numpy(), expected.detach().numpy(), rtol=1e-9, atol=1e-10)
    (out**2).sum().backward()
    (expected**2).sum().backward()
    first, other = (next(n.parameters()).grad.numpy() for n in (net, reference))
    np.testing.assert_allclose(first, other, rtol=1e-7, atol=1e-9 * np.abs(other).max())
