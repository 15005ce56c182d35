"""Weights computed from others, pruned, of length and direction, divided by their norm: beside PyTorch, step by step."""

import copy
import importlib
import pickle
import warnings

import numpy as np
import pytest
from layers import array, same_error
from oracle import text

import minigrad as mg
from minigrad import nn


@pytest.fixture
def torch(torch):
    """PyTorch, with what it does not import by itself."""
    importlib.import_module("torch.nn.utils.prune")
    return torch


X = np.random.default_rng(0).standard_normal((5, 4)).astype("float32")
IMAGE = np.random.default_rng(1).standard_normal((2, 4, 5, 5)).astype("float32")


def trained(lib, make, x, steps=3):
    """Return texts and states of a layer before, during and after some steps of training, and in evaluation."""
    lib.manual_seed(0)
    layer = make(lib)
    seen = {"text": repr(layer), "names": [n for n, _ in layer.named_parameters()], "keys": list(layer.state_dict())}
    seen["first"] = {k: array(v) for k, v in layer.state_dict().items()}
    optimizer = lib.optim.SGD(layer.parameters(), lr=0.1)
    for step in range(steps):
        optimizer.zero_grad()
        y = layer(lib.tensor(x))
        (y * y * y + y).mean().backward()
        seen[f"gradients {step}"] = {n: array(p.grad) for n, p in layer.named_parameters()}
        optimizer.step()
    seen["result"] = array(layer.eval()(lib.tensor(x)))
    seen["state"] = {k: array(v) for k, v in layer.state_dict().items()}
    return seen


def same(ours, theirs, where=""):
    if isinstance(theirs, dict):
        assert list(ours) == list(theirs), where
        for name in theirs:
            same(ours[name], theirs[name], f"{where} {name}")
    elif isinstance(theirs, np.ndarray):
        assert ours.dtype == theirs.dtype, where
        np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=2e-5, err_msg=where)
    else:
        assert ours == theirs, where


def norms(lib):
    return lib.nn.utils.parametrizations


def quietly(call):
    def make(lib):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            return call(lib)

    make.__name__ = text(call)
    return make


def symmetric(lib):
    class Symmetric(lib.nn.Module):
        def forward(self, x):
            return x.triu() + x.triu(1).transpose(-1, -2)

        def right_inverse(self, x):
            return x.triu()

    return Symmetric()


def doubled(lib):
    class Doubled(lib.nn.Module):
        def forward(self, x):
            return x * 2

        def right_inverse(self, x):
            return x / 2

    return Doubled()


def split(lib):
    class Sum(lib.nn.Module):
        def forward(self, a, b):
            return a + b

        def right_inverse(self, x):
            return x * 0.25, x * 0.75

    return Sum()


def both(lib):
    layer = lib.nn.utils.parametrize.register_parametrization(lib.nn.Linear(4, 4), "weight", symmetric(lib))
    lib.nn.utils.parametrize.register_parametrization(layer, "weight", doubled(lib))
    return lib.nn.utils.parametrize.register_parametrization(layer, "bias", split(lib))


LAYERS = [
    (lambda L: both(L), X),
    (lambda L: norms(L).weight_norm(L.nn.Linear(4, 3)), X),
    (lambda L: norms(L).weight_norm(L.nn.Linear(4, 3), dim=None), X),
    (lambda L: norms(L).weight_norm(L.nn.Conv2d(4, 3, 2), dim=1), IMAGE),
    (lambda L: norms(L).spectral_norm(L.nn.Linear(4, 3)), X),
    (lambda L: norms(L).spectral_norm(L.nn.ConvTranspose2d(4, 3, 2), n_power_iterations=2), IMAGE),
    (lambda L: norms(L).spectral_norm(L.nn.Linear(4, 3), "bias"), X),
    (lambda L: norms(L).spectral_norm(L.nn.Conv2d(4, 6, 2, groups=2), dim=-1), IMAGE),
    (quietly(lambda L: L.nn.utils.weight_norm(L.nn.Linear(4, 3))), X),
    (quietly(lambda L: L.nn.utils.weight_norm(L.nn.Conv2d(4, 3, 2), dim=None)), IMAGE),
    (quietly(lambda L: L.nn.utils.spectral_norm(L.nn.Linear(4, 3))), X),
    (quietly(lambda L: L.nn.utils.spectral_norm(L.nn.ConvTranspose2d(4, 3, 2), n_power_iterations=3)), IMAGE),
    (lambda L: L.nn.utils.prune.identity(L.nn.Linear(4, 3), "weight"), X),
    (lambda L: L.nn.utils.prune.l1_unstructured(L.nn.Linear(4, 3), "weight", amount=0.4), X),
    (lambda L: L.nn.utils.prune.l1_unstructured(L.nn.Linear(4, 3), "bias", 1), X),
    (lambda L: L.nn.utils.prune.random_unstructured(L.nn.Linear(4, 3), "weight", amount=5), X),
    (lambda L: L.nn.utils.prune.random_structured(L.nn.Conv2d(4, 3, 2), "weight", amount=2, dim=1), IMAGE),
    (lambda L: L.nn.utils.prune.ln_structured(L.nn.Conv2d(4, 3, 2), "weight", amount=0.5, n=2, dim=0), IMAGE),
    (lambda L: L.nn.utils.prune.ln_structured(L.nn.Linear(4, 3), "weight", 1, float("inf"), -1), X),
    (lambda L: L.nn.utils.prune.custom_from_mask(L.nn.Linear(4, 3), "bias", L.tensor([1, 0, 1])), X),
]  # fmt: skip


def label(make):
    return make.__name__ if make.__name__ != "<lambda>" else text(make)


@pytest.mark.parametrize(("make", "x"), LAYERS, ids=[label(make) for make, _ in LAYERS])
def test_trains_as_pytorchs(make, x, torch):
    same(*(trained(lib, make, x) for lib in (mg, torch)))


MAPS = [("matrix_exp", 4, 4), ("cayley", 4, 4), ("householder", 4, 3), ("cayley", 3, 4), ("matrix_exp", 4, 2)]


@pytest.mark.parametrize("trivial", [True, False])
@pytest.mark.parametrize(("kind", "rows", "columns"), MAPS)
def test_orthogonal_trains_as_pytorchs(kind, rows, columns, trivial, torch):
    def make(lib):
        layer = lib.nn.Linear(columns, rows)
        layer.double()
        return norms(lib).orthogonal(layer, orthogonal_map=kind, use_trivialization=trivial)

    x = X[:, :columns].astype("float64")
    ours, theirs = (trained(lib, make, x) for lib in (mg, torch))
    same(ours, theirs)
    layer = norms(mg).orthogonal(nn.Linear(columns, rows), orthogonal_map=kind)
    q = layer.weight.detach().numpy()
    q = q if rows >= columns else q.T
    np.testing.assert_allclose(q.T @ q, np.eye(q.shape[1]), atol=1e-5)


def test_parametrisations_come_and_go(torch):
    def seen(lib):
        parametrize = lib.nn.utils.parametrize
        lib.manual_seed(0)
        layer, found = both(lib), []
        found += [type(layer).__name__, parametrize.is_parametrized(layer), parametrize.is_parametrized(layer, "bias")]
        found += [
            parametrize.type_before_parametrizations(layer) is lib.nn.Linear,
            parametrize.is_parametrized(layer, "x"),
        ]
        layer.weight = lib.ones(4, 4)
        found += [array(layer.weight), array(layer.parametrizations.weight.original)]
        layer.bias = lib.arange(4.0)
        found += [
            array(layer.bias),
            array(layer.parametrizations.bias.original1),
            len(layer.parametrizations["weight"]),
        ]
        twin = copy.deepcopy(layer)
        with lib.no_grad():
            twin.parametrizations.weight.original.fill_(3)
        found += [array(layer.weight), array(twin.weight), layer.parametrizations.weight[0].training]
        with parametrize.cached():
            found.append(layer.weight is layer.weight)
        found.append(layer.weight is layer.weight)
        for call in (
            lambda: pickle.dumps(layer),
            lambda: parametrize.remove_parametrizations(layer, "bias", leave_parametrized=False),
            lambda: parametrize.remove_parametrizations(layer, "x"),
            lambda: parametrize.register_parametrization(layer, "x", doubled(lib)),
            lambda: parametrize.register_parametrization(lib.nn.Linear(4, 3), "weight", lib.nn.Flatten(0)),
            lambda: parametrize.register_parametrization(layer, "weight", lib.nn.Flatten(0)),
            lambda: parametrize.ParametrizationList([], layer.weight),
            lambda: setattr(
                parametrize.register_parametrization(lib.nn.Linear(2, 2), "weight", lib.nn.Tanh()), "weight", 3
            ),
        ):
            try:
                call()
                found.append("nothing")
            except Exception as error:
                found.append(type(error).__name__)
        other = parametrize.transfer_parametrizations_and_params(layer, lib.nn.Linear(4, 4))
        found += [array(other.weight), array(other.bias), list(other.state_dict())]
        parametrize.remove_parametrizations(layer, "weight")
        found += [type(layer).__name__, list(layer.state_dict()), array(layer.weight), type(layer.weight).__name__]
        parametrize.remove_parametrizations(layer, "bias")
        found += [type(layer).__name__, list(layer.state_dict()), array(layer.bias), type(layer.bias).__name__]
        found += [hasattr(layer, "parametrizations"), repr(layer)]
        back = parametrize.register_parametrization(lib.nn.Linear(2, 2), "weight", lib.nn.Tanh())
        before = array(back.parametrizations.weight.original)
        parametrize.remove_parametrizations(back, "weight", leave_parametrized=False)
        found.append(np.array_equal(before, array(back.weight)))
        buffer = parametrize.register_parametrization(lib.nn.BatchNorm1d(2), "running_mean", lib.nn.Tanh())
        return [*found, list(buffer.state_dict())]

    for i, (ours, theirs) in enumerate(zip(seen(mg), seen(torch), strict=True)):
        same(ours, theirs, str(i))


def test_a_copy_keeps_its_parametrisation_where_the_original_loses_it():
    layer = nn.utils.parametrizations.weight_norm(nn.Linear(2, 2))
    twin = copy.deepcopy(layer)
    nn.utils.parametrize.remove_parametrizations(layer, "weight")
    assert not nn.utils.parametrize.is_parametrized(layer) and twin.weight.shape == (2, 2)


def test_norms_are_taken_away_and_loaded(torch):
    def seen(lib):
        utils, found = lib.nn.utils, []
        lib.manual_seed(0)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            old = utils.weight_norm(lib.nn.Linear(4, 3))
        new = norms(lib).weight_norm(lib.nn.Linear(4, 3))
        found += [str(new.load_state_dict(old.state_dict())), array(new.weight)]
        spectral = utils.spectral_norm(lib.nn.Linear(4, 3))
        spectral(lib.tensor(X))
        again = utils.spectral_norm(lib.nn.Linear(4, 3))
        found += [str(again.load_state_dict(spectral.state_dict())), array(again.eval()(lib.tensor(X)))]
        for remove, layer in ((utils.remove_weight_norm, old), (utils.remove_spectral_norm, spectral)):
            found += [repr(remove(layer)), list(layer.state_dict()), array(layer.weight), len(layer._forward_pre_hooks)]
            with pytest.raises(ValueError, match="_norm of 'weight' not found in"):
                remove(layer)
        return found

    for i, (ours, theirs) in enumerate(zip(seen(mg), seen(torch), strict=True)):
        same(ours, theirs, str(i))


def test_pruning_goes_on_and_ends(torch):
    def seen(lib):
        prune, found = lib.nn.utils.prune, []
        lib.manual_seed(0)
        model = lib.nn.Sequential(lib.nn.Conv2d(4, 3, 2), lib.nn.ReLU(), lib.nn.Flatten(), lib.nn.Linear(48, 2))
        found.append(prune.is_pruned(model))
        prune.l1_unstructured(model[0], "weight", amount=0.2)
        prune.ln_structured(model[0], "weight", amount=1, n=1, dim=0)
        prune.random_unstructured(model[0], "weight", amount=0.3)
        found += [array(model[0].weight), array(model[0].weight_mask), prune.is_pruned(model)]
        hooks = model[0]._forward_pre_hooks.values()
        found += [len(getattr(hook, "hook", hook)) for hook in hooks]
        pairs = [(model[0], "weight"), (model[3], "weight"), (model[3], "bias")]
        prune.global_unstructured(pairs, pruning_method=prune.L1Unstructured, amount=0.5)
        found += [array(model[3].weight), array(model[0].weight), array(model(lib.tensor(IMAGE)))]
        scores = {(model[0], "bias"): lib.tensor([5.0, -1.0, 3.0])}
        pairs.append((model[0], "bias"))
        prune.global_unstructured(pairs[3:], prune.L1Unstructured, scores, amount=1)
        found += [array(model[0].bias_mask), [n for n, _ in model.named_parameters()], list(model.state_dict())]
        for module, name in pairs:
            prune.remove(module, name)
        found += [prune.is_pruned(model), list(model.state_dict()), array(model[0].weight), repr(model)]
        found.append(array(prune.L1Unstructured(2).prune(lib.tensor([3.0, -1.0, 2.0, -5.0]))))
        with pytest.raises(ValueError, match="has to be pruned before pruning can be removed"):
            prune.remove(model[0], "weight")
        return found

    for i, (ours, theirs) in enumerate(zip(seen(mg), seen(torch), strict=True)):
        same(ours, theirs, str(i))


WRONG = [
    lambda L: L.nn.utils.prune.l1_unstructured(L.nn.Linear(2, 2), "weight", "a"),
    lambda L: L.nn.utils.prune.l1_unstructured(L.nn.Linear(2, 2), "weight", 1.5),
    lambda L: L.nn.utils.prune.l1_unstructured(L.nn.Linear(2, 2), "weight", -1),
    lambda L: L.nn.utils.prune.l1_unstructured(L.nn.Linear(2, 2), "weight", 5),
    lambda L: L.nn.utils.prune.l1_unstructured(L.nn.Linear(2, 2), "nix", 1),
    lambda L: L.nn.utils.prune.ln_structured(L.nn.Linear(2, 2), "bias", 1, 2, 0),
    lambda L: L.nn.utils.prune.random_structured(L.nn.Linear(2, 2), "weight", 1, 2),
    lambda L: L.nn.utils.prune.custom_from_mask(L.nn.Linear(2, 2), "weight", L.ones(3)),
    lambda L: L.nn.utils.prune.global_unstructured(3, L.nn.utils.prune.L1Unstructured, amount=1),
    lambda L: L.nn.utils.prune.global_unstructured(
        [(L.nn.Linear(2, 2), "weight")], L.nn.utils.prune.LnStructured, amount=1, n=1
    ),
    lambda L: L.nn.utils.parametrizations.spectral_norm(L.nn.Linear(2, 2), "nix"),
    lambda L: L.nn.utils.parametrizations.spectral_norm(L.nn.Linear(2, 2), n_power_iterations=0),
    lambda L: L.nn.utils.parametrizations.spectral_norm(L.nn.Linear(2, 2), dim=3),
    lambda L: L.nn.utils.parametrizations.orthogonal(L.nn.Linear(2, 2), orthogonal_map="x"),
    lambda L: L.nn.utils.parametrizations.orthogonal(L.nn.Linear(2, 2), "bias"),
    lambda L: L.nn.utils.spectral_norm(L.nn.Linear(2, 2), n_power_iterations=0),
    lambda L: L.nn.utils.spectral_norm(L.nn.utils.spectral_norm(L.nn.Linear(2, 2))),
    lambda L: L.nn.utils.spectral_norm(L.nn.Linear(2, 2, bias=False), "bias"),
    lambda L: L.nn.utils.spectral_norm(L.nn.LazyLinear(2)),
    lambda L: L.nn.utils.skip_init(L.nn.ReLU),
    lambda L: L.nn.utils.get_total_norm([L.tensor([float("nan")])], error_if_nonfinite=True),
]


@pytest.mark.parametrize("call", WRONG, ids=text)
def test_refuses_as_pytorch(call, torch):
    same_error(torch, call)


def test_norms_of_gradients_are_pytorchs(torch):
    def seen(lib):
        utils, found = lib.nn.utils, []
        w = [lib.tensor([3.0, -4.0]).requires_grad_(), lib.tensor([[12.0]]).requires_grad_()]
        for p in w:
            (p * p).sum().backward()
        grads = [p.grad for p in w]
        for kind in (2.0, 1, float("inf")):
            found.append(array(utils.get_total_norm(grads, kind)))
        utils.clip_grads_with_norm_(w, 1.0, utils.get_total_norm(grads))
        found += [array(p.grad) for p in w]
        utils.clip_grads_with_norm_(w, 10.0, lib.tensor(1.0))
        with pytest.warns(FutureWarning, match="clip_grad_norm` is now deprecated"):
            found.append(array(utils.clip_grad_norm(w, 0.5)))
        return [*found, *(array(p.grad) for p in w), array(utils.get_total_norm([]))]

    for i, (ours, theirs) in enumerate(zip(seen(mg), seen(torch), strict=True)):
        same(ours, theirs, str(i))


def test_skipping_the_initial_values_draws_nothing():
    mg.manual_seed(0)
    expected = mg.rand(2)
    mg.manual_seed(0)
    layer = nn.utils.skip_init(nn.Linear, 2, 3, bias=False, dtype=mg.float64)
    assert repr(layer) == "Linear(in_features=2, out_features=3, bias=False)" and layer.weight.dtype == mg.float64
    assert (mg.rand(2) == expected).all()


def test_what_one_block_cached_is_gone_in_the_next():
    class Double(nn.Module):
        def forward(self, x):
            return 2 * x

    layer = nn.Linear(2, 1, bias=False)
    parametrize = nn.utils.parametrize
    parametrize.register_parametrization(layer, "weight", Double())
    with parametrize.cached():
        assert layer.weight is layer.weight
    with mg.no_grad():
        layer.parametrizations.weight.original.fill_(3.0)
    with parametrize.cached():
        assert layer.weight.tolist() == [[6.0, 6.0]]
