"""minigrad.func beside torch.func: values, structure, nesting, errors."""

import numpy as np
import pytest

import minigrad as mg


def tree(value):
    if isinstance(value, dict):
        return {key: tree(v) for key, v in value.items()}
    if isinstance(value, (tuple, list)):
        return [type(value).__name__, *map(tree, value)]
    return value.detach().numpy(), value.requires_grad


def same(ours, theirs):
    assert type(ours) is type(theirs)
    if isinstance(ours, dict):
        assert ours.keys() == theirs.keys()
        for key in ours:
            same(ours[key], theirs[key])
    elif isinstance(ours, (tuple, list)):
        assert len(ours) == len(theirs)
        for a, b in zip(ours, theirs, strict=True):
            same(a, b)
    elif isinstance(ours, np.ndarray):
        assert (ours.dtype, ours.shape) == (theirs.dtype, theirs.shape)
        np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-12)
    else:
        assert ours == theirs


class Setting:
    def __init__(self, lib):
        self.lib, self.f = lib, lib.func
        self.x = lib.tensor([0.5, -1.0, 2.0], dtype=lib.float64)
        self.y = lib.tensor([[1.0, 2.0, 3.0], [0.1, 0.2, 0.3]], dtype=lib.float64)
        self.u, self.one = self.x * 0.3 + 1, lib.tensor(0.7, dtype=lib.float64)
        self.w = lib.tensor([1.0, 2.0, 3.0], dtype=lib.float64, requires_grad=True)
        self.d = {"a": self.x, "b": [self.u, self.one]}

    def of_tree(self, d):
        return (d["a"].exp() * d["b"][0]).sum() * d["b"][1]

    def loss(self, x, y):
        return (x.sin() * y * y).sum()

    def two(self, x, y):
        return (x.exp() * y).sum(1), {"sq": x * x}


def recorded_by_parameter(s):
    g = s.f.grad(lambda x: (x * x * s.w).sum())(s.x)
    return g, s.lib.autograd.grad(g.sum(), s.w)


def recorded_by_argument(s):
    x = s.x.clone().requires_grad_()
    g = s.f.grad(lambda x: (x**3).sum())(x)
    return g, s.lib.autograd.grad(g.sum(), x)


def without_recording(s):
    with s.lib.no_grad():
        return s.f.grad(lambda x: (x**3 * s.w).sum())(s.x), s.f.grad(s.f.grad(lambda x: x**3))(s.one)


CASES = {
    "vmap of nothing": lambda s: s.f.vmap(lambda x: (x * 2, x.sum()), out_dims=(1, 0))(s.y[:0]),
    "vmap of nothing by another": lambda s: s.f.vmap(lambda x, y: x * y, in_dims=(0, None), out_dims=-1)(s.y[:0], s.x),
    "vmap without an output dimension": lambda s: s.f.vmap(lambda x: (x, s.one), out_dims=(0, None))(s.y),
    "vmap at the top": lambda s: s.lib.vmap(lambda x: x.sin())(s.y),
    "grad": lambda s: s.f.grad(lambda x: (x**3).sum())(s.x),
    "grad of the second": lambda s: s.f.grad(s.loss, argnums=1)(s.x, s.y),
    "grad of the last": lambda s: s.f.grad(s.loss, argnums=-1)(s.x, s.y),
    "grad of both": lambda s: s.f.grad(s.loss, argnums=(0, 1))(s.x, s.y),
    "grad of a tree": lambda s: s.f.grad(s.of_tree)(s.d),
    "grad with aux": lambda s: s.f.grad(lambda x: ((x * x).sum(), {"twice": x * 2}), has_aux=True)(s.x),
    "grad unused": lambda s: s.f.grad(lambda x, y: (x * x).sum(), argnums=1)(s.x, s.y),
    "grad of a keyword call": lambda s: s.f.grad(s.loss)(s.x, y=s.y),
    "third": lambda s: s.f.grad(s.f.grad(s.f.grad(lambda x: x**4)))(s.one),
    "mixed": lambda s: s.f.grad(lambda x: s.f.grad(lambda y: x * x * y**3)(x))(s.one),
    "grad and value": lambda s: s.f.grad_and_value(s.loss)(s.x, s.y),
    "grad and value with aux": lambda s: s.f.grad_and_value(lambda x: ((x * x).sum(), x * 2), has_aux=True)(s.x),
    "by a parameter": recorded_by_parameter,
    "by an argument": recorded_by_argument,
    "without recording": without_recording,
    "vjp": lambda s: s.f.vjp(lambda x: x.exp(), s.x)[1](s.u),
    "vjp value": lambda s: s.f.vjp(lambda x: x.exp(), s.x)[0],
    "vjp of many": lambda s: s.f.vjp(s.two, s.x, s.y)[1]((s.lib.ones(2).double(), {"sq": s.u})),
    "vjp with aux": lambda s: s.f.vjp(lambda x: (x.exp(), x * 2), s.x, has_aux=True)[::2],
    "jvp": lambda s: s.f.jvp(lambda x: x.exp() * x, (s.x,), (s.u,)),
    "jvp of many": lambda s: s.f.jvp(s.two, (s.x, s.y), (s.u, s.y)),
    "jvp of a constant": lambda s: s.f.jvp(lambda x: x * 0 + s.u, (s.x,), (s.u,)),
    "jvp with aux": lambda s: s.f.jvp(lambda x: (x.exp(), x * 2), (s.x,), (s.u,), has_aux=True),
    "forward over reverse": lambda s: s.f.jvp(s.f.grad(lambda x: (x**3).sum()), (s.x,), (s.u,)),
    "reverse over forward": lambda s: s.f.grad(lambda x: s.f.jvp(lambda x: x**3, (x,), (s.u,))[1].sum())(s.x),
    "jacrev": lambda s: s.f.jacrev(lambda x: x.exp() * x.sum())(s.x),
    "jacrev of many": lambda s: s.f.jacrev(s.two, argnums=(0, 1))(s.x, s.y),
    "jacrev with aux": lambda s: s.f.jacrev(lambda x: (x * x, x), has_aux=True)(s.x),
    "jacrev of a transposed one": lambda s: s.f.jacrev(lambda x: x.exp() * x.sum())(s.y.T),
    "jacfwd": lambda s: s.f.jacfwd(lambda x: x.exp() * x.sum())(s.x),
    "jacfwd of many": lambda s: s.f.jacfwd(s.two, argnums=(0, 1))(s.x, s.y),
    "hessian": lambda s: s.f.hessian(lambda x: (x**3).sum() * x[0])(s.x),
    "hessian of both": lambda s: s.f.hessian(s.loss, argnums=(0, 1))(s.x, s.y),
    "forward over reverse matrix": lambda s: s.f.jacfwd(s.f.jacrev(lambda x: (x**4).sum()))(s.x),
    "vmap": lambda s: s.f.vmap(lambda x: (x * x).sum())(s.y),
    "vmap columns": lambda s: s.f.vmap(lambda x: x.sum(), in_dims=1)(s.y),
    "vmap of one": lambda s: s.f.vmap(lambda x, y: x @ y, in_dims=(0, None))(s.y, s.x),
    "vmap to the end": lambda s: s.f.vmap(lambda x: x * 2, out_dims=-1)(s.y),
    "vmap to two places": lambda s: s.f.vmap(lambda x: (x * 2, x), out_dims=(0, 1))(s.y),
    "vmap of a tree": lambda s: s.f.vmap(lambda d: {"b": d["a"] + 1})({"a": s.y}),
    "vmap nested dims": lambda s: s.f.vmap(lambda p, y: p[0] * p[1] + y, in_dims=((0, None), 0))((s.x, s.one), s.x),
    "vmap in vmap": lambda s: s.f.vmap(s.f.vmap(lambda x: x * x))(s.y),
    "per-sample gradients": lambda s: s.f.vmap(s.f.grad(s.loss), in_dims=(None, 0))(s.x, s.y),
    "gradient of a vmap": lambda s: s.f.grad(lambda y: s.f.vmap(lambda x: (x**3).sum())(y).sum())(s.y),
}  # fmt: skip


@pytest.mark.filterwarnings("ignore:`torch.jit.script`")
@pytest.mark.parametrize("name", CASES)
def test_as_torch_func(torch, name):
    same(*(tree(CASES[name](Setting(lib))) for lib in (mg, torch)))


ERRORS = {
    "no scalar": lambda s: s.f.grad(lambda x: x * x)(s.x),
    "no tensor out": lambda s: s.f.grad(lambda x: 3)(s.x),
    "no tensor in": lambda s: s.f.grad(lambda x: x)(3),
    "argnum": lambda s: s.f.grad(s.loss, argnums=2)(s.x, s.y),
    "argnums twice": lambda s: s.f.grad(s.loss, argnums=(0, -2))(s.x, s.y),
    "argnums empty": lambda s: s.f.jacrev(s.loss, argnums=())(s.x, s.y),
    "argnums list": lambda s: s.f.jacrev(s.loss, argnums=[0, 1])(s.x, s.y),
    "aux": lambda s: s.f.grad(lambda x: x.sum(), has_aux=True)(s.x),
    "vjp nesting": lambda s: s.f.vjp(lambda x: {"a": x}, s.x)[1](s.x),
    "vjp number": lambda s: s.f.vjp(lambda x: (x, x), s.x)[1]((s.x,)),
    "jvp no primals": lambda s: s.f.jvp(lambda: s.x, (), ()),
    "jvp tangents no tuple": lambda s: s.f.jvp(lambda x: x, (s.x,), s.x),
    "chunks": lambda s: s.f.jacrev(lambda x: x, chunk_size=0)(s.x),
    "vmap chunks": lambda s: s.f.vmap(lambda x: x, chunk_size=0)(s.x),
    "vmap no inputs": lambda s: s.f.vmap(lambda: s.x)(),
    "vmap all None": lambda s: s.f.vmap(lambda x: x, in_dims=(None,))(s.x),
    "vmap no dim for what differs": lambda s: s.f.vmap(lambda x: (x, x), out_dims=(0, None))(s.x),
    "vjp shape": lambda s: s.f.vjp(lambda x: x.sum(), s.x)[1](s.x),
    "jvp primals": lambda s: s.f.jvp(lambda x: x, s.x, s.x),
    "jvp structure": lambda s: s.f.jvp(lambda x: x, (s.x,), (s.x, s.x)),
    "jvp size": lambda s: s.f.jvp(lambda x: x, (s.x,), (s.y,)),
    "vmap of a number": lambda s: s.f.vmap(lambda x: x)(s.one),
    "vmap sizes": lambda s: s.f.vmap(lambda x, y: x)(s.x, s.y),
    "vmap no dims": lambda s: s.f.vmap(lambda x: x, in_dims=None)(s.x),
    "vmap no tensor": lambda s: s.f.vmap(lambda x: x)(3),
    "vmap output": lambda s: s.f.vmap(lambda x: 3)(s.x),
    "vmap dims of two": lambda s: s.f.vmap(lambda x: x, in_dims=(0, 0))(s.x),
    "vmap random": lambda s: s.f.vmap(lambda x: x + s.lib.rand(1))(s.x),
    "strict": lambda s: s.f.functional_call(s.lib.nn.Linear(3, 1), {"weight": s.lib.ones(1, 3)}, s.x, strict=True),
    "twice": lambda s: s.f.functional_call(s.lib.nn.Linear(3, 1), [{"bias": s.x}, {"bias": s.x}], s.x),
}


@pytest.mark.filterwarnings("ignore:.torch.jit:DeprecationWarning")  # of PyTorch's own jvp, at its first call
@pytest.mark.parametrize("name", ERRORS)
def test_errors_as_torch_func(torch, name):
    found = []
    for lib in (mg, torch):
        with pytest.raises(Exception) as caught:
            ERRORS[name](Setting(lib))
        found.append((caught.type, " ".join(str(caught.value).split()[:4])))
    assert found[0] == found[1]


def test_value_and_grad_and_hvp():
    s = Setting(mg)
    value, gradient = mg.func.value_and_grad(lambda x: (x**3).sum())(s.x)
    np.testing.assert_allclose(value.item(), (s.x._data**3).sum())
    np.testing.assert_allclose(gradient.numpy(), 3 * s.x._data**2)
    (value, aux), _ = mg.func.value_and_grad(lambda x: ((x**3).sum(), x), has_aux=True)(s.x)
    assert not value.requires_grad and not aux.requires_grad
    h = mg.func.hessian(s.loss, (0, 1))(s.x, s.y)
    products = mg.func.hvp(s.loss, (s.x, s.y), (s.u, s.y))
    expected = h[0][0].numpy() @ s.u.numpy() + np.einsum("iab,ab", h[0][1].numpy(), s.y.numpy())
    np.testing.assert_allclose(products[0].numpy(), expected)
    np.testing.assert_allclose(mg.func.hvp(lambda x: (x**3).sum(), (s.x,), (s.u,)).numpy(), 6 * (s.x * s.u).numpy())


@pytest.mark.parametrize("randomness", ["same", "different"])
def test_random_numbers_in_vmap(randomness):
    mg.manual_seed(0)
    found = mg.func.vmap(lambda x: x + mg.rand(2), randomness=randomness)(mg.zeros(3)).numpy()
    assert (found[0] == found[1]).all() == (randomness == "same")
    mg.manual_seed(0)
    draws = mg.rand(2 if randomness == "same" else 6).numpy()
    np.testing.assert_array_equal(np.unique(found), np.unique(draws))
    after = mg.rand(1).item()
    mg.manual_seed(0)
    mg.rand(2 if randomness == "same" else 6)
    assert mg.rand(1).item() == after


class Tied(mg.nn.Module):
    def __init__(self):
        super().__init__()
        self.first = mg.nn.Linear(2, 2)
        self.second = mg.nn.Linear(2, 2)
        self.second.weight = self.first.weight
        self.norm = mg.nn.BatchNorm1d(2)

    def forward(self, x):
        return self.norm(self.second(self.first(x).tanh()))


def test_functional_call_leaves_the_module_alone():
    model, x = Tied(), mg.randn(4, 2)
    own = dict(model.named_parameters())
    state = {k: v.clone() for k, v in model.state_dict().items()}
    new = {k: v.detach() * 2 for k, v in own.items()}
    buffers = {k: v.clone() for k, v in model.named_buffers()}
    out = mg.func.functional_call(model, (new, buffers), x)
    assert buffers["norm.num_batches_tracked"].item() == 1  # what was given is updated
    for key, value in model.state_dict().items():
        np.testing.assert_array_equal(value.numpy(), state[key].numpy())
    assert dict(model.named_parameters()).keys() == own.keys()
    assert all(a is b for a, b in zip(model.parameters(), own.values(), strict=True))
    twice = Tied()
    twice.load_state_dict({**state, **new, "second.weight": new["first.weight"]})
    np.testing.assert_allclose(out.detach().numpy(), twice(x).detach().numpy(), rtol=1e-6)
    with pytest.raises(RuntimeError):
        mg.func.functional_call(model, new, mg.randn(4, 3))
    assert all(a is b for a, b in zip(model.parameters(), own.values(), strict=True))


def test_gradients_by_given_parameters_and_of_an_ensemble():
    models, x = [mg.nn.Linear(2, 1) for _ in range(3)], mg.randn(5, 2)
    parameters, buffers = mg.func.stack_module_state(models)
    assert parameters["weight"].shape == (3, 1, 2) and parameters["weight"].is_leaf and buffers == {}

    def loss(p):
        return mg.func.functional_call(models[0], p, (x,)).square().mean()

    stacked = mg.func.vmap(mg.func.grad(loss))(parameters)
    for i, model in enumerate(models):
        model(x).square().mean().backward()
        np.testing.assert_allclose(stacked["weight"][i].detach().numpy(), model.weight.grad.numpy(), rtol=1e-5)
    with pytest.raises(RuntimeError, match="at least one model"):
        mg.func.stack_module_state([])
    with pytest.raises(RuntimeError, match="same class"):
        mg.func.stack_module_state([mg.nn.Linear(1, 1), mg.nn.Tanh()])
