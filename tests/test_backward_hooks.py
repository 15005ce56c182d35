"""Full backward hooks, load_state_dict(assign=True), BCELoss: beside PyTorch."""

import gc
import weakref

import numpy as np
import pytest

import minigrad as mg


def plain(grads):
    """Return gradients as lists; where nothing depends on a value PyTorch has zeros now and then, and None else."""
    return [None if g is None or not g.any() else np.round(g.tolist(), 5).tolist() for g in grads]


def modules(lib):
    class Mixed(lib.nn.Module):
        def forward(self, x, k, y):
            return x * k, y.sum()

    linear = lib.nn.Linear(2, 1)
    with lib.no_grad():
        linear.weight.copy_(lib.tensor([[2.0, 3.0]]))
        linear.bias.fill_(0.5)
    return linear, Mixed()


@pytest.mark.parametrize("kind", [dict, list, "pair", "named"])
def test_outputs_that_are_no_tuple_like_pytorch(torch, kind):
    from collections import namedtuple

    Pair = namedtuple("Pair", "x y")
    wrap = {
        dict: lambda a, b: {"x": a, "y": b},
        list: lambda a, b: [a, b],
        "pair": lambda a, b: (a, b),
        "named": Pair,
    }[kind]

    def outcome(lib):
        class Two(lib.nn.Module):
            def forward(self, x):
                return wrap(x * 2, x * 3)

        seen, m = [], Two()
        m.register_full_backward_hook(lambda module, gi, go: seen.append((plain(gi), plain(go))))
        x = lib.ones(1, 2, requires_grad=True)
        if kind in (dict, list):
            with pytest.warns(UserWarning, match="should be a Tensor or a tuple of Tensors but received"):
                out = m(x)
        else:
            out = m(x)
        first = out["x"] if kind is dict else out[0]
        first.sum().backward()
        return seen, type(out), x.grad.tolist()

    assert outcome(mg) == outcome(torch)


def test_a_hook_without_gradients_of_inputs_may_answer_nones(torch):
    for lib in (mg, torch):
        m = lib.nn.Linear(2, 1)
        m.register_full_backward_hook(lambda module, gi, go: (None,))
        with pytest.warns(UserWarning, match="Full backward hook is firing"):
            m(lib.ones(1, 2)).sum().backward()
        m.register_full_backward_hook(lambda module, gi, go: go)
        with (
            pytest.warns(UserWarning, match="is firing"),
            pytest.raises(RuntimeError, match="should always return None"),
        ):
            m(lib.ones(1, 2)).sum().backward()


def scenario(lib):
    linear, mixed = modules(lib)
    seen = []

    def note(name):
        return lambda module, gi, go: seen.append((name, plain(gi), plain(go)))

    x = lib.tensor([[1.0, -1.0]], requires_grad=True)
    linear.register_full_backward_hook(note("a"))
    linear.register_full_backward_hook(note("first"), prepend=True)
    linear(x).sum().backward()
    handle = linear.register_full_backward_hook(lambda module, gi, go: (gi[0] * 10,))
    linear(x * 1).sum().backward()
    handle.remove()
    pre = linear.register_full_backward_pre_hook(lambda module, go: (go[0] * 100,))
    linear(x).sum().backward()
    pre.remove()
    seen.append((x.grad.tolist(), linear.weight.grad.tolist()))

    mixed.register_full_backward_hook(note("mixed"))
    y = lib.tensor([[4.0, 5.0]], requires_grad=True)
    a, b = mixed(x, 3, y)
    (a.sum() + 2 * b).backward()
    with lib.no_grad():
        mixed(x, 3, y)
    a, b = mixed(x, 3, y)
    (g,) = lib.autograd.grad((a**2).sum() + b, x, create_graph=True)
    seen.append(lib.autograd.grad(g.sum(), x)[0].tolist())
    with pytest.warns(UserWarning, match="Full backward hook is firing"):
        linear(x.detach()).sum().backward()
    return seen


def test_what_hooks_see_and_change(torch):
    assert scenario(mg) == scenario(torch)


def test_an_output_that_nothing_depends_on_has_no_gradient():
    _, mixed = modules(mg)
    seen = []
    mixed.register_full_backward_hook(lambda module, gi, go: seen.append((plain(gi), plain(go))))
    mixed(mg.ones(2, requires_grad=True), 3, mg.ones(2, requires_grad=True))[0].sum().backward()
    assert seen == [([[3.0, 3.0], None, None], [[1.0, 1.0], None])]


ERRORS = {
    "hook": lambda m: m.register_full_backward_hook(lambda module, gi, go: (gi[0], gi[0])),
    "pre hook": lambda m: m.register_full_backward_pre_hook(lambda module, go: (go[0], go[0])),
}


@pytest.mark.parametrize("name", ERRORS)
def test_wrong_answers(torch, name):
    found = []
    for lib in (mg, torch):
        linear, _ = modules(lib)
        ERRORS[name](linear)
        with pytest.raises(Exception) as caught:
            linear(lib.ones(1, 2, requires_grad=True)).sum().backward()
        found.append((caught.type, str(caught.value)))
    assert found[0] == found[1]


def test_hooks_make_no_circle():
    gc.collect()
    gc.disable()
    try:
        linear, _ = modules(mg)
        linear.register_full_backward_hook(lambda module, gi, go: None)
        y = linear(mg.ones(1, 2, requires_grad=True)).sum()
        node = weakref.ref(y._node)
        y.backward(retain_graph=True)
        del y
        assert node() is None
    finally:
        gc.enable()


def test_a_hook_in_a_sequential_on_a_frozen_first_layer():
    model = mg.nn.Sequential(mg.nn.Linear(2, 2), mg.nn.Tanh(), mg.nn.Linear(2, 1))
    seen = []
    for layer in model:
        layer.register_full_backward_hook(lambda module, gi, go: seen.append(type(module).__name__))
    with pytest.warns(UserWarning):
        model(mg.ones(1, 2)).sum().backward()
    assert seen == ["Linear", "Tanh", "Linear"]


# ---- load_state_dict(assign=True) ---------------------------------------------------------------
def test_a_dtype_that_cannot_be_assigned_changes_nothing():
    model = mg.nn.Sequential(mg.nn.Linear(2, 2), mg.nn.Linear(2, 2))
    before = list(model.parameters())
    state = {**{key: value.clone() for key, value in model.state_dict().items()}, "1.bias": mg.zeros(2).long()}
    with pytest.raises(RuntimeError, match=r'named "1.bias".*int64. Convert it first'):
        model.load_state_dict(state, assign=True)
    assert all(p is q for p, q in zip(before, model.parameters(), strict=True))


def assigned(lib):
    layer = lib.nn.BatchNorm1d(2)
    frozen = lib.nn.Linear(2, 1).requires_grad_(False)
    weight, given = lib.ones(2).double(), lib.nn.Parameter(lib.ones(1, 2))
    state = {**layer.state_dict(), "weight": weight, "running_mean": lib.ones(2)}
    answer = repr(layer.load_state_dict(state, assign=True))
    frozen.load_state_dict({"weight": given, "bias": lib.zeros(1)}, assign=True)
    with pytest.raises(RuntimeError, match="size mismatch"):
        frozen.load_state_dict({"weight": lib.ones(2, 2), "bias": lib.zeros(1)}, assign=True)
    return [
        answer, str(layer.weight.dtype).split(".")[-1], layer.weight.requires_grad, layer.weight.is_leaf,
        isinstance(layer.weight, lib.nn.Parameter), layer.running_mean is state["running_mean"],
        frozen.weight is given, given.requires_grad, frozen.bias.requires_grad,
        np.shares_memory(layer.weight.detach().numpy(), weight.numpy()),
    ]  # fmt: skip


def test_assigned_state_is_pytorchs(torch):
    assert assigned(mg) == assigned(torch)


# ---- BCELoss ------------------------------------------------------------------------------------
def bce(lib, reduction, weight):
    x = lib.tensor([0.0, 1.0, 0.5, 1.0, 0.3], requires_grad=True)
    t = lib.tensor([0.0, 1.0, 1.0, 0.0, 0.2])
    loss = lib.nn.BCELoss(None if weight is None else lib.tensor(weight), reduction=reduction)(x, t)
    loss.sum().backward()
    return loss.detach().numpy(), x.grad.numpy()


@pytest.mark.parametrize("weight", [None, [1.0, 2.0, 3.0, 4.0, 5.0]])
@pytest.mark.parametrize("reduction", ["mean", "sum", "none"])
def test_binary_cross_entropy_at_its_ends_too(torch, reduction, weight):
    for ours, theirs in zip(bce(mg, reduction, weight), bce(torch, reduction, weight), strict=True):
        assert ours.dtype == theirs.dtype
        np.testing.assert_allclose(ours, theirs, rtol=1e-6)


REFUSED = {
    "input": lambda s, x, t: s.binary_cross_entropy(x * 3, t),
    "target": lambda s, x, t: s.binary_cross_entropy(x, t - 1),
    "shape": lambda s, x, t: s.binary_cross_entropy(x, t[:1]),
    "dtype": lambda s, x, t: s.binary_cross_entropy(x, t.long()),
    "reduction": lambda s, x, t: s.binary_cross_entropy(x, t, reduction="median"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_binary_cross_entropy_refuses(torch, name):
    found = []
    for lib in (mg, torch):
        with pytest.raises(Exception) as caught:
            REFUSED[name](lib.nn.functional, lib.tensor([0.5, 0.7]), lib.tensor([0.0, 0.2]))
        found.append((caught.type, " ".join(str(caught.value).split()[:2])))
    assert found[0] == found[1]
