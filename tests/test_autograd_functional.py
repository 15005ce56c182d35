"""autograd.functional beside PyTorch: values, structure, errors."""

import numpy as np
import pytest

import minigrad as mg
from minigrad.autograd import gradcheck


def tree(value):
    """Return nested results as nested lists of arrays, and whether each is recorded."""
    if isinstance(value, (tuple, list)):  # PyTorch has lists in forward mode
        return [tree(v) for v in value]
    return [value.detach().numpy(), value.requires_grad]


def same(ours, theirs):
    if isinstance(ours, list):
        assert len(ours) == len(theirs)
        for a, b in zip(ours, theirs, strict=True):
            same(a, b)
    elif isinstance(ours, np.ndarray):
        assert ours.dtype == theirs.dtype
        np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-12)
        assert ours.shape == theirs.shape
    else:
        assert ours == theirs


class Setting:
    def __init__(self, lib):
        self.lib, self.f = lib, lib.autograd.functional
        self.x = lib.tensor([0.5, -1.0, 2.0], dtype=lib.float64)
        self.y = lib.tensor([[1.0, 2.0, 3.0], [0.1, 0.2, 0.3]], dtype=lib.float64)
        self.u = self.x * 0.3 + 1
        self.one = lib.tensor(0.7, dtype=lib.float64)


def curved(x, y):
    return (x.exp() * y).sum(1), x * x


def scalar(x, y):
    return (x.sin() * y * y).sum()


CASES = {
    "vjp": lambda s: s.f.vjp(lambda x: x.exp() * x, s.x, s.u),
    "vjp tuple": lambda s: s.f.vjp(curved, (s.x, s.y), (s.lib.ones(2).double(), s.u)),
    "vjp scalar": lambda s: s.f.vjp(scalar, (s.x, s.y)),
    "vjp unused": lambda s: s.f.vjp(lambda x, y: x.sum(), (s.x, s.y)),
    "vjp recorded": lambda s: s.f.vjp(scalar, (s.x.requires_grad_(), s.y), create_graph=True),
    "jvp": lambda s: s.f.jvp(lambda x: x.exp() * x, s.x, s.u),
    "jvp tuple": lambda s: s.f.jvp(curved, (s.x, s.y), (s.u, s.y)),
    "jvp of a number": lambda s: s.f.jvp(lambda x: x * s.x, s.one),
    "jvp linear": lambda s: s.f.jvp(lambda x: 3 * x, s.x, s.u),
    "jvp recorded": lambda s: s.f.jvp(lambda x: x**3, s.x.requires_grad_(), s.u, create_graph=True),
    "jacobian": lambda s: s.f.jacobian(lambda x: x.exp() * x.sum(), s.x),
    "jacobian tuples": lambda s: s.f.jacobian(curved, (s.x, s.y)),
    "jacobian tuple of one": lambda s: s.f.jacobian(lambda x: (x * 2,), (s.x,)),
    "jacobian unused": lambda s: s.f.jacobian(lambda x, y: x * 2, (s.x, s.y)),
    "jacobian of a number": lambda s: s.f.jacobian(lambda x: x * x, s.one),
    "jacobian recorded": lambda s: s.f.jacobian(lambda x: x**3, s.x.requires_grad_(), create_graph=True),
    "jacobian forward": lambda s: s.f.jacobian(curved, (s.x, s.y), vectorize=True, strategy="forward-mode"),
    "hessian": lambda s: s.f.hessian(lambda x: (x**3).sum() * x[0], s.x),
    "hessian tuple": lambda s: s.f.hessian(scalar, (s.x, s.y)),
    "hessian linear": lambda s: s.f.hessian(lambda x: x.sum(), s.x),
    "hessian of one element": lambda s: s.f.hessian(lambda x: (x * x).sum().reshape(1), s.x),
    "vhp": lambda s: s.f.vhp(lambda x: (x**3).sum() * x[0], s.x, s.u),
    "hvp": lambda s: s.f.hvp(scalar, (s.x, s.y), (s.u, s.y)),
    "hvp recorded": lambda s: s.f.hvp(lambda x: (x**4).sum(), s.x.requires_grad_(), s.u, create_graph=True),
}


@pytest.mark.filterwarnings("ignore:`torch.jit.script`")
@pytest.mark.parametrize("name", CASES)
def test_as_pytorch(torch, name):
    same(*(tree(CASES[name](Setting(lib))) for lib in (mg, torch)))


ERRORS = {
    "vjp without v": lambda s: s.f.vjp(lambda x: x * x, s.x),
    "vjp wrong v": lambda s: s.f.vjp(lambda x: x * x, s.x, s.lib.ones(2)),
    "vjp too many v": lambda s: s.f.vjp(lambda x: x * x, s.x, (s.x, s.x)),
    "vjp input": lambda s: s.f.vjp(lambda x: x, 3),
    "vjp output": lambda s: s.f.vjp(lambda x: 3, s.x),
    "vjp second output": lambda s: s.f.vjp(lambda x: (x, 3), s.x),
    "vjp strict": lambda s: s.f.vjp(lambda x, y: x.sum(), (s.x, s.y), strict=True),
    "vjp strict constant": lambda s: s.f.vjp(lambda x: s.u, s.x, s.u, strict=True),
    "jvp without v": lambda s: s.f.jvp(lambda x: x * x, s.x),
    "jacobian strict": lambda s: s.f.jacobian(lambda x, y: x, (s.x, s.y), strict=True),
    "hessian": lambda s: s.f.hessian(lambda x: x * x, s.x),
    "hvp": lambda s: s.f.hvp(lambda x: x * x, s.x, s.x),
    "hvp wrong length": lambda s: s.f.hvp(scalar, (s.x, s.y), (s.x, s.y, s.x)),
    "hvp without v": lambda s: s.f.hvp(lambda x: x.sum(), s.x),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors_as_pytorch(torch, name):
    found = []
    for lib in (mg, torch):
        with pytest.raises(Exception) as caught:
            ERRORS[name](Setting(lib))
        found.append((caught.type, " ".join(str(caught.value).split()[:5])))
    assert found[0] == found[1]


def test_errors_of_our_own():
    s = Setting(mg)
    with pytest.raises(ValueError, match="Expected strategy"):
        s.f.jacobian(scalar, (s.x, s.y), strategy="sideways")
    with pytest.raises(RuntimeError, match="independent of"):
        s.f.hvp(lambda x: x.sum(), s.x, s.x, strict=True)
    w = mg.ones(3, requires_grad=True)
    with pytest.raises(RuntimeError, match="independent of"):
        s.f.jvp(lambda x: (x, w * 2), s.x, s.x, strict=True)


def test_recorded_products_are_right_themselves():
    s = Setting(mg)
    x = s.x.requires_grad_()
    for product in (s.f.vjp, s.f.jvp):
        assert gradcheck(lambda x, p=product: p(lambda x: x**3, x, s.u, create_graph=True)[1], x)
    assert gradcheck(lambda x: s.f.jacobian(lambda x: x**3, x, create_graph=True), x)
    assert gradcheck(lambda x: s.f.hessian(lambda x: (x**4).sum(), x, create_graph=True), x)


def test_inputs_are_left_alone_and_recording_off_does_not_matter():
    s = Setting(mg)
    with mg.no_grad():
        assert s.f.jacobian(lambda x: x * x, s.x).shape == (3, 3)
    assert not s.x.requires_grad and s.x.grad is None


def test_an_empty_input():
    empty = mg.ones(0)
    assert mg.autograd.functional.jacobian(lambda x: x * 2, empty).shape == (0, 0)
    assert mg.autograd.functional.jacobian(lambda x: x.sum(), empty).shape == (0,)
