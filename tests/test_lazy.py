"""Lazy layers: features from the first input or from a state, and nothing on a refusal."""

import copy
import pickle
import warnings

import numpy as np
import pytest
from layers import same_error, same_layer
from oracle import text

import minigrad as mg
from minigrad import nn, optim
from minigrad.nn.parameter import is_lazy

KINDS = [
    (nn.LazyBatchNorm1d, nn.BatchNorm1d, (4, 3)),
    (nn.LazyBatchNorm2d, nn.BatchNorm2d, (4, 3, 2, 2)),
    (nn.LazyBatchNorm3d, nn.BatchNorm3d, (4, 3, 2, 1, 2)),
]


@pytest.mark.parametrize(("lazy", "plain", "shape"), KINDS)
def test_the_first_input_tells_the_features(lazy, plain, shape):
    a, b = lazy(eps=1e-3, momentum=None), plain(3, eps=1e-3, momentum=None)
    x = mg.randn(*shape)
    np.testing.assert_array_equal(a(x).detach().numpy(), b(x).detach().numpy())
    assert type(a) is plain and repr(a) == repr(b)
    for key, value in b.state_dict().items():
        np.testing.assert_array_equal(a.state_dict()[key].numpy(), value.numpy())


@pytest.mark.parametrize(("lazy", "plain", "shape"), KINDS)
def test_a_state_tells_the_features(lazy, plain, shape):
    old = plain(3)
    old(mg.randn(*shape))
    new = nn.Sequential(lazy())
    new.load_state_dict({f"0.{k}": v for k, v in old.state_dict().items()})
    np.testing.assert_array_equal(new[0].running_mean.numpy(), old.running_mean.numpy())
    x = mg.randn(*shape)
    np.testing.assert_array_equal(new.eval()(x).detach().numpy(), old.eval()(x).detach().numpy())
    assert type(new[0]) is plain and new[0].num_features == 3


def test_a_refusal_leaves_it_lazy():
    lazy = nn.LazyBatchNorm1d()
    for x, error in ((mg.randn(1, 3), "more than 1 value"), (mg.randn(2, 3, 2, 2), "expected 2D or 3D input")):
        with pytest.raises(ValueError, match=error):
            lazy(x)
        assert type(lazy) is nn.LazyBatchNorm1d and lazy.num_features == 0
        assert is_lazy(lazy.weight) and is_lazy(lazy.running_mean)
    with pytest.raises(RuntimeError, match="Missing key"):
        lazy.load_state_dict({"weight": np.ones(3)})
    assert type(lazy) is nn.LazyBatchNorm1d and lazy.has_uninitialized_params()
    assert lazy.double()(mg.randn(4, 2).double()).dtype == mg.float64


def test_an_optimizer_made_before_holds_the_same_parameters():
    model = nn.Sequential(nn.Linear(2, 3, bias=False), nn.LazyBatchNorm1d())
    optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9)
    model(mg.randn(4, 2)).pow(3).sum().backward()
    optimizer.step()
    assert model[1].weight.shape == (3,) and (model[1].weight.detach().numpy() != 1).all()


LAYERS = [
    (lambda nn: nn.LazyLinear(3), (5, 4)),
    (lambda nn: nn.LazyLinear(3, bias=False), (4,)),
    (lambda nn: nn.LazyConv1d(6, 3, padding=1, groups=2), (2, 4, 7)),
    (lambda nn: nn.LazyConv2d(6, 3, padding="same", padding_mode="circular"), (2, 3, 5, 5)),
    (lambda nn: nn.LazyConv2d(6, 3, bias=False), (3, 5, 5)),
    (lambda nn: nn.LazyConv3d(2, 2, 2), (2, 3, 4, 4, 4)),
    (lambda nn: nn.LazyConvTranspose1d(6, 3, 2, 1, 1, 2), (2, 4, 7)),
    (lambda nn: nn.LazyConvTranspose2d(3, 2, stride=2, dilation=2), (2, 4, 3, 3)),
    (lambda nn: nn.LazyConvTranspose3d(2, 2), (2, 3, 2, 2, 2)),
    (lambda nn: nn.LazyInstanceNorm1d(), (2, 3, 5)),
    (lambda nn: nn.LazyInstanceNorm2d(eps=1e-3, bias=False), (2, 3, 5, 5)),
    (lambda nn: nn.LazyInstanceNorm3d(affine=True, track_running_stats=False), (2, 3, 2, 3, 2)),
    (lambda nn: nn.LazyBatchNorm2d(affine=False), (2, 3, 4, 4)),
    (lambda nn: nn.Sequential(nn.LazyConv2d(4, 3), nn.LazyBatchNorm2d(), nn.Flatten(), nn.LazyLinear(2)), (2, 3, 5, 5)),
]


@pytest.mark.parametrize(("make", "shape"), LAYERS, ids=[text(make) for make, _ in LAYERS])
def test_lazy_layers_are_pytorchs(make, shape, torch):
    """Before the first input: text and state; after it: text, results, gradients, state."""

    def before(lib):
        layer = make(lib.nn)
        states = {k: type(v).__name__ for k, v in layer.state_dict().items() if "num_batches" not in k}
        return repr(layer), states, [repr(p) for p in layer.parameters()]

    assert before(mg) == before(torch)
    same_layer(torch, lambda lib: make(lib.nn), np.random.default_rng(0).standard_normal(shape).astype("float32"))


@pytest.mark.parametrize(("make", "shape"), LAYERS, ids=[text(make) for make, _ in LAYERS])
def test_a_state_gives_lazy_layers_their_shapes(make, shape):
    old, new, x = make(nn), make(nn), mg.randn(*shape)
    assert str(new.load_state_dict(old.state_dict())) == "<All keys matched successfully>"
    old(x)
    new.load_state_dict(old.state_dict())
    np.testing.assert_array_equal(new.eval()(x).detach().numpy(), old.eval()(x).detach().numpy())
    assert repr(new) == repr(old)


@pytest.mark.parametrize(
    "call",
    [
        lambda lib: lib.nn.LazyConv2d(4, 3)(lib.ones(2, 3)),
        lambda lib: lib.nn.LazyConv2d(4, 3, groups=2)(lib.ones(2, 3, 5, 5)),
        lambda lib: lib.nn.LazyLinear(3).weight.shape,
        lambda lib: lib.nn.LazyLinear(3).weight + 1,
        lambda lib: lib.nn.LazyLinear(3).weight.sum(),
        lambda lib: lib.nn.LazyLinear(3).weight.share_memory_(),
        lambda lib: lib.nn.Linear(2, 3).load_state_dict(lib.nn.LazyLinear(3).state_dict()),
        lambda lib: lib.nn.modules.lazy.LazyModuleMixin.initialize_parameters(lib.nn.LazyLinear(3)),
    ],
    ids=text,
)
def test_lazy_layers_refuse_as_pytorchs(call, torch):
    same_error(torch, call, opening=20)


def test_a_parameter_without_a_shape(torch):
    def seen(lib):
        layer = lib.nn.LazyLinear(3).double()
        twin = copy.deepcopy(layer)
        twin.weight.requires_grad_ = None
        parameter = lib.nn.UninitializedParameter(dtype=lib.float64)
        lost = pickle.loads(pickle.dumps(lib.nn.UninitializedParameter(requires_grad=False)))
        answers = [repr(parameter), parameter.requires_grad, isinstance(parameter, lib.nn.Parameter), repr(lost)]
        answers += [lost.requires_grad, str(parameter.dtype)[-7:], twin.has_uninitialized_params(), repr(twin)]
        parameter.materialize((2, 3))
        answers += [type(parameter).__name__, tuple(parameter.shape), parameter.requires_grad]
        parameter.materialize = None
        y = layer(lib.ones(2, 4, dtype=lib.float64))
        module = lib.nn.Module()
        module.statistic = lib.nn.UninitializedBuffer()
        return [*answers, str(y.dtype)[-7:], twin.has_uninitialized_params(), [n for n, _ in module.named_buffers()]]

    assert seen(mg) == seen(torch)


def test_a_lazy_class_of_the_users(torch):
    def seen(lib, lazy):
        class Scale(lazy.LazyModuleMixin, lib.nn.Module):
            def __init__(self):
                super().__init__()
                self.scale = lib.nn.UninitializedParameter()
                self.calls = 0

            def initialize_parameters(self, input):
                self.calls += 1
                if self.has_uninitialized_params():
                    self.scale.materialize(input.shape[1:])
                    lib.nn.init.ones_(self.scale)

            def forward(self, input):
                return input * self.scale

        layer = Scale()
        results = [layer(lib.ones(2, 3)).sum().item(), layer(lib.ones(1, 3)).sum().item(), layer.calls]
        Scale.initialize_parameters = lambda self, input: None
        with pytest.raises(RuntimeError, match="module Scale has not been fully initialized"):
            Scale()(lib.ones(1))
        return [*results, type(layer).__name__, list(layer.state_dict())]

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        assert seen(mg, nn.modules.lazy) == seen(torch, torch.nn.modules.lazy)
