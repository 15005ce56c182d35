"""Layers as modules: printed, trained and shaped like PyTorch's."""

import inspect
import types

import numpy as np
import pytest
from layers import same_layer
from oracle import text

import minigrad as mg
from minigrad import nn

IMAGE = (2, 4, 8, 8)
ROWS = (5, 4)
LAYERS = [
    (lambda nn: nn.Linear(4, 3), ROWS),
    (lambda nn: nn.Linear(4, 3, bias=False), ROWS),
    (lambda nn: nn.Identity(3, unused=True), ROWS),
    (lambda nn: nn.Flatten(), IMAGE),
    (lambda nn: nn.Flatten(2), IMAGE),
    (lambda nn: nn.Conv1d(4, 2, 3), (2, 4, 8)),
    (lambda nn: nn.Conv2d(4, 6, 3, padding=1), IMAGE),
    (lambda nn: nn.Conv2d(4, 6, (3, 1), stride=2, dilation=2, groups=2, bias=False), IMAGE),
    (lambda nn: nn.Conv2d(4, 6, 3, padding="same"), IMAGE),
    (lambda nn: nn.Conv2d(4, 6, 3, padding=(2, 1), padding_mode="reflect"), IMAGE),
    (lambda nn: nn.Conv2d(4, 6, 3, padding="same", padding_mode="circular"), IMAGE),
    (lambda nn: nn.MaxPool2d(2), IMAGE),
    (lambda nn: nn.MaxPool2d(3, stride=2, padding=1, ceil_mode=True), IMAGE),
    (lambda nn: nn.AvgPool2d((2, 4)), IMAGE),
    (lambda nn: nn.AvgPool2d(3, 2, 1, count_include_pad=False), IMAGE),
    (lambda nn: nn.AdaptiveAvgPool2d((3, 2)), IMAGE),
    (lambda nn: nn.BatchNorm1d(4), ROWS),
    (lambda nn: nn.BatchNorm2d(4, eps=1e-3, momentum=None, affine=False), IMAGE),
    (lambda nn: nn.ReLU(), ROWS),
    (lambda nn: nn.ReLU(inplace=True), ROWS),
    (lambda nn: nn.ReLU6(), ROWS),
    (lambda nn: nn.SELU(), ROWS),
    (lambda nn: nn.SiLU(), ROWS),
    (lambda nn: nn.Mish(), ROWS),
    (lambda nn: nn.ELU(0.5), ROWS),
    (lambda nn: nn.LeakyReLU(), ROWS),
    (lambda nn: nn.LeakyReLU(0.2, inplace=True), ROWS),
    (lambda nn: nn.Hardtanh(-0.5, 2.0), ROWS),
    (lambda nn: nn.GELU(), ROWS),
    (lambda nn: nn.GELU("tanh"), ROWS),
    (lambda nn: nn.Sigmoid(), ROWS),
    (lambda nn: nn.Tanh(), ROWS),
    (lambda nn: nn.LogSigmoid(), ROWS),
    (lambda nn: nn.Softsign(), ROWS),
    (lambda nn: nn.Softplus(), ROWS),
    (lambda nn: nn.Softmax(dim=1), ROWS),
    (lambda nn: nn.LogSoftmax(dim=-1), ROWS),
    (lambda nn: nn.Dropout(0.3).eval(), ROWS),
    (lambda nn: nn.Dropout1d(0.2).eval(), (2, 4, 8)),
    (lambda nn: nn.Dropout2d().eval(), IMAGE),
    (lambda nn: nn.Dropout3d(inplace=True).eval(), (2, 4, 3, 3, 3)),
    (
        lambda nn: nn.Sequential(nn.Conv2d(4, 3, 3), nn.BatchNorm2d(3), nn.ReLU(), nn.Flatten(), nn.Linear(108, 2)),
        IMAGE,
    ),
]


@pytest.mark.parametrize(("layer", "shape"), LAYERS, ids=[text(layer) for layer, _ in LAYERS])
def test_prints_and_computes_as_pytorchs(layer, shape, torch):
    x = np.random.default_rng(0).standard_normal(shape).astype("float32")
    results, layers = [], []
    for lib in (mg, torch):
        lib.manual_seed(0)
        layers.append(layer(lib.nn))
        inner = lib.tensor(x).requires_grad_()
        y = layers[-1](inner * 1)
        (y * y * y).sum().backward()
        results.append([y, inner.grad, *(p.grad for p in layers[-1].parameters())])
    assert repr(layers[0]) == repr(layers[1])
    for ours, theirs in zip(*results, strict=True):
        assert ours.dtype == mg.float32
        scale = float(theirs.detach().abs().max()) + 0.03  # a bias before BatchNorm has no gradient but rounding
        np.testing.assert_allclose(ours.detach().numpy(), theirs.detach().numpy(), atol=3e-5 * scale)


VALUES = np.random.default_rng(1).standard_normal((3, 4)).astype("float32")
LOSSES = [
    (lambda nn: nn.CrossEntropyLoss(), np.array([0, 3, 1])),
    (lambda nn: nn.CrossEntropyLoss(ignore_index=3, label_smoothing=0.1, reduction="sum"), np.array([0, 3, 1])),
    (lambda nn: nn.NLLLoss(reduction="none"), np.array([0, 3, 1])),
    (lambda nn: nn.MSELoss(), VALUES[::-1].copy()),
    (lambda nn: nn.L1Loss(reduction="sum"), VALUES[::-1].copy()),
    (lambda nn: nn.SmoothL1Loss(beta=0.5), VALUES[::-1].copy()),
    (lambda nn: nn.HuberLoss(delta=0.5), VALUES[::-1].copy()),
    (lambda nn: nn.BCEWithLogitsLoss(), (VALUES > 0).astype("float32")),
]


@pytest.mark.parametrize(("loss", "targets"), LOSSES, ids=[text(loss) for loss, _ in LOSSES])
def test_losses_are_pytorchs(loss, targets, torch):
    ours, theirs = (loss(lib.nn)(lib.tensor(VALUES), lib.tensor(targets)) for lib in (mg, torch))
    np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-5)
    assert repr(loss(nn)) == f"{type(loss(nn)).__name__}()"


def test_weights_of_a_loss_are_part_of_its_state():
    loss = nn.CrossEntropyLoss(weight=mg.tensor([1.0, 2.0]))
    assert list(loss.state_dict()) == ["weight"]
    assert loss(mg.zeros(1, 2), mg.tensor([1])).item() == pytest.approx(np.log(2))


def test_dropout_only_in_training():
    layer = nn.Dropout(0.5)
    x = mg.ones(1000)
    assert (layer(x) == 0).any()
    assert layer.eval()(x) is x


def test_a_script_of_pytorchs(torch):
    """Ten steps of the same lines in both libraries: the same losses."""

    def losses(lib):
        lib.manual_seed(0)
        nn, F = lib.nn, lib.nn.functional

        class Net(nn.Module):
            def __init__(self):
                super().__init__()
                self.conv = nn.Conv2d(1, 4, 3, padding=1)
                self.bn = nn.BatchNorm2d(4)
                self.fc = nn.Linear(4 * 4 * 4, 5)

            def forward(self, x):
                x = F.max_pool2d(F.relu(self.bn(self.conv(x))), 2)
                return F.log_softmax(self.fc(x.flatten(1)), dim=1)

        net = Net().train()
        x, y = lib.randn(20, 1, 8, 8), lib.randint(0, 5, (20,))
        optimizer = lib.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
        found = []
        for _ in range(10):
            optimizer.zero_grad()
            loss = F.nll_loss(net(x), y)
            loss.backward()
            nn.utils.clip_grad_norm_(net.parameters(), 1.0)
            optimizer.step()
            found.append(loss.item())
        return found

    np.testing.assert_allclose(losses(mg), losses(torch), rtol=2e-3)


@pytest.mark.parametrize("mode", ["zeros", "circular"])
def test_a_convolution_computes_with_weights_of_its_heirs(torch, mode):
    def make(L):
        class Masked(L.nn.Conv2d):
            def forward(self, x):
                return self._conv_forward(x, self.weight * (self.weight > 0), self.bias)

        return Masked(4, 2, 3, padding=1, padding_mode=mode)

    same_layer(torch, make, np.random.default_rng(0).standard_normal(IMAGE).astype("float32"))


def signature(cls, leave=()):
    """Return names, kinds and defaults of what makes a layer."""
    parameters = list(inspect.signature(cls.__init__).parameters.values())[1:]
    defaults = {p.name: getattr(p.default, "__name__", p.default) for p in parameters}  # relu is not torch's relu
    return [(p.name, p.kind, defaults[p.name]) for p in parameters if p.name not in leave]


OURS = {"on_nonfinite", "all_reduce", "args", "kwargs"}  # by keyword alone; what Module.__init__ refuses
THEIRS = {"args", "kwargs"}
LEFT = (
    "Identity",
    "Module",
    "ModuleList",
    "Parameter",
    "Buffer",
    "UninitializedParameter",
    "UninitializedBuffer",
    "Sequential",
    "GhostBatchNorm",
)
LEFT += ("GRU", "LSTM", "RNN")  # PyTorch's have overloads alone
LIKE = [name for name, value in vars(nn).items() if inspect.isclass(value) and name not in LEFT]


@pytest.mark.parametrize("name", LIKE)
def test_layers_are_made_with_pytorchs_arguments_in_its_order(name, torch):
    assert signature(getattr(nn, name), OURS) == signature(getattr(torch.nn, name), THEIRS)


FACTORIES = [
    (nn.Linear, (2, 3, True), ["weight", "bias"]),
    (nn.Conv1d, (2, 3, 1, 1, 0, 1, 1, True, "zeros"), ["weight", "bias"]),
    (nn.Conv2d, (2, 3, 1, 1, 0, 1, 1, True, "zeros"), ["weight", "bias"]),
    *((kind, (3, 1e-5, 0.1, True, True), None) for kind in (nn.BatchNorm1d, nn.BatchNorm2d, nn.BatchNorm3d)),
    (nn.SyncBatchNorm, (3, 1e-5, 0.1, True, True, None), None),
    (nn.GhostBatchNorm, (3, 2, 1e-5, 0.1, True, True), None),
    *((kind, (1e-5, 0.1, True, True), None) for kind in (nn.LazyBatchNorm1d, nn.LazyBatchNorm2d, nn.LazyBatchNorm3d)),
]


@pytest.mark.parametrize(("kind", "args", "names"), FACTORIES, ids=lambda value: getattr(value, "__name__", ""))
def test_device_and_dtype_by_position_and_by_keyword(kind, args, names):
    names = names or ["weight", "bias", "running_mean", "running_var", "num_batches_tracked"]
    for device in (None, "cpu", mg.device("cpu")):
        for layer in (kind(*args, device, mg.float64), kind(*args, device=device, dtype=mg.float64)):
            state = layer.state_dict()
            assert list(state) == names
            assert {v.dtype for k, v in state.items() if k != "num_batches_tracked"} == {np.dtype("float64")}
    for layer in (kind(*args, None, None), kind(*args, "cpu")):
        assert layer.weight.dtype == mg.float32
    for device in ("cuda", 0, mg.float64):  # a dtype where PyTorch has the device
        with pytest.raises(RuntimeError, match="minigrad computes on the CPU alone"):
            kind(*args, device)
    with pytest.raises(RuntimeError, match="floating point"):
        kind(*args, dtype=mg.int64)


WRONG = {
    "group": (ValueError, "expected a group of distributed.new_group", lambda: nn.SyncBatchNorm(2, process_group=1)),
    "groups": (ValueError, "in_channels must be divisible by groups", lambda: nn.Conv2d(3, 4, 3, groups=2)),
    "no groups": (ValueError, "groups must be a positive", lambda: nn.Conv2d(3, 4, 3, groups=0)),
    "mode": (ValueError, "padding_mode must be one of", lambda: nn.Conv2d(3, 4, 3, padding_mode="mirror")),
    "kernel": (RuntimeError, "kernel_size must be one", lambda: nn.Conv2d(3, 4, (3, 3, 3))),
    "same": (ValueError, "not supported for strided", lambda: nn.Conv2d(3, 4, 3, 2, "same")),
    "dropout": (ValueError, "dropout probability has to be between 0 and 1, but got 1.5", lambda: nn.Dropout(1.5)),
    "reduction": (ValueError, "is not a valid value for reduction", lambda: nn.MSELoss(reduction="avg")),
    "old": (TypeError, "write reduction='sum'", lambda: nn.MSELoss("sum")),
    "older": (
        TypeError,
        "write reduction='sum'",
        lambda: nn.functional.nll_loss(mg.zeros(1, 2), mg.tensor([0]), None, "sum"),
    ),
    "hardtanh": (AssertionError, "max_val must be larger", lambda: nn.Hardtanh(1, 0)),
    "channels": (RuntimeError, "Given groups=1, weight of size", lambda: nn.Conv2d(3, 4, 3)(mg.zeros(1, 2, 8, 8))),
    "features": (RuntimeError, "mat1 and mat2 shapes cannot be multiplied", lambda: nn.Linear(3, 4)(mg.zeros(1, 2))),
}


@pytest.mark.parametrize("name", WRONG)
def test_refuses(name):
    error, message, call = WRONG[name]
    with pytest.raises(error, match=message):
        call()


# ---- nn.utils -----------------------------------------------------------------------------------
def with_gradients(lib):
    ps = [lib.nn.Parameter(lib.zeros(3)), lib.nn.Parameter(lib.zeros(2, 2)), lib.nn.Parameter(lib.zeros(1))]
    ps[0].grad, ps[1].grad = lib.tensor([3.0, -4.0, 0.5]), lib.tensor([[1.0, 2.0], [3.0, -9.0]])
    return ps


@pytest.mark.parametrize("most", [1.0, 100.0])
@pytest.mark.parametrize("norm", [2.0, 1.0, float("inf")])
def test_clip_grad_norm(most, norm, torch):
    ours, theirs = with_gradients(mg), with_gradients(torch)
    totals = [lib.nn.utils.clip_grad_norm_(ps, most, norm) for lib, ps in ((mg, ours), (torch, theirs))]
    assert totals[0].item() == pytest.approx(totals[1].item())
    for a, b in zip(ours[:2], theirs[:2], strict=True):
        np.testing.assert_allclose(a.grad.numpy(), b.grad.numpy(), rtol=1e-5)


def test_clip_grad_norm_of_what_is_not_finite():
    p = nn.Parameter(mg.zeros(2))
    p.grad = mg.tensor([float("nan"), 1.0])
    with pytest.raises(RuntimeError, match="non-finite"):
        nn.utils.clip_grad_norm_(p, 1.0, error_if_nonfinite=True)
    assert p.grad[1].item() == 1
    assert nn.utils.clip_grad_norm_([], 1.0).item() == 0


def test_clipping_a_generator_that_is_used_up_warns(torch):
    for lib in (mg, torch):
        net = lib.nn.Linear(2, 1)
        net(lib.ones(1, 2)).sum().backward()
        used = net.parameters()
        list(used)
        for foreach in (None, False):
            with pytest.warns(UserWarning, match="`parameters` is an empty generator, no gradient clipping will occur"):
                lib.nn.utils.clip_grad_norm_(used, 0.1, foreach=foreach)
    with pytest.warns(UserWarning, match="It may have been used up"):
        nn.utils.clip_grad_value_(mg.nn.Linear(1, 1).buffers(), 0.1)
    assert nn.utils.clip_grad_norm_(mg.nn.Linear(1, 1).parameters(), 0.1).item() == 0


def test_clip_grad_value():
    p = with_gradients(mg)[1]
    nn.utils.clip_grad_value_(p, 2.5)
    assert p.grad.tolist() == [[1.0, 2.0], [2.5, -2.5]]


def test_parameters_as_a_vector():
    net = nn.Linear(2, 3)
    vector = nn.utils.parameters_to_vector(net.parameters())
    assert vector.shape == (9,)
    assert vector.requires_grad
    nn.utils.vector_to_parameters(mg.arange(9.0), net.parameters())
    assert net.bias.tolist() == [6.0, 7.0, 8.0]
    with pytest.raises(RuntimeError, match="expected a vector of 9"):
        nn.utils.vector_to_parameters(mg.zeros(8), net.parameters())


@pytest.mark.parametrize(
    "call",
    [
        lambda F, i, w, b: F.linear(i, w),
        lambda F, i, w, b: F.linear(i, w, b),
        lambda F, i, w, b: F.linear(w, w, b.double()),
        lambda F, i, w, b: F.conv1d(i[None], w[None]),
        lambda F, i, w, b: F.conv1d(i[None], w[None], b[:1]),
    ],
    ids=text,
)
def test_layers_of_integers_and_two_float_dtypes_promote_as_operations_do(call):
    w, b = mg.rand(2, 3), mg.rand(2)
    y = call(nn.functional, mg.ones(2, 3, dtype=mg.int64), w, b)
    assert y.dtype == (mg.float64 if "double" in text(call) else mg.float32)
    assert np.allclose(y.numpy(), call(nn.functional, mg.ones(2, 3), w, b).numpy())


IN_PLACE = {
    "relu": lambda nn, x: nn.functional.relu(x, True),
    "leaky_relu": lambda nn, x: nn.functional.leaky_relu(x, 0.1, inplace=True),
    "elu": lambda nn, x: nn.functional.elu(x, 0.5, True),
    "ReLU": lambda nn, x: nn.ReLU(inplace=True)(x),
    "ReLU6": lambda nn, x: nn.ReLU6(True)(x),
    "LeakyReLU": lambda nn, x: nn.LeakyReLU(0.2, True)(x),
    "ELU": lambda nn, x: nn.ELU(inplace=True)(x),
    "SELU": lambda nn, x: nn.SELU(True)(x),
    "SiLU": lambda nn, x: nn.SiLU(True)(x),
    "Mish": lambda nn, x: nn.Mish(True)(x),
    "Hardtanh": lambda nn, x: nn.Hardtanh(-0.5, 0.5, inplace=True)(x),
    "Dropout": lambda nn, x: nn.Dropout(0.5, inplace=True)(x),
    "Dropout1d": lambda nn, x: nn.Dropout1d(0.5, inplace=True)(x),
    "Dropout in evaluation": lambda nn, x: nn.Dropout(0.5, inplace=True).eval()(x),
}


@pytest.mark.parametrize("name", IN_PLACE)
def test_inplace_writes_into_the_input(torch, name):
    results = []
    for lib in (mg, torch):
        lib.manual_seed(0)
        leaf = lib.tensor([[0.3, -1.2, 2.0, -0.1], [-3.0, 0.0, 7.0, 0.4]], requires_grad=True)
        x = leaf * 1
        row = x[0]
        assert IN_PLACE[name](lib.nn, x) is x
        (row * x).sum().backward()
        results.append([row.tolist(), x.tolist(), leaf.grad.tolist()])
        if "evaluation" not in name:
            with pytest.raises(RuntimeError, match="leaf Variable"):
                IN_PLACE[name](lib.nn, leaf)
    np.testing.assert_allclose(results[0][0], results[1][0], rtol=1e-6)
    np.testing.assert_allclose(results[0][1:], results[1][1:], rtol=1e-6, atol=1e-7)


def test_the_norm_of_float16_gradients_is_not_bounded_by_it():
    """Squares lie beyond float16, and the sum of the norms does; PyTorch's clipping makes such gradients 0."""
    weights = [nn.Parameter(mg.zeros(3).half()) for _ in range(2)]
    for weight, value in zip(weights, (30_000.0, 40_000.0), strict=True):
        weight.grad = mg.full((3,), value).half()
    assert nn.utils.clip_grad_norm_(weights, 1.0).dtype == mg.float16
    np.testing.assert_allclose([w.grad[0].item() for w in weights], [0.3464, 0.4619], rtol=3e-3)


def test_layers_are_of_the_same_classes_as_pytorchs(torch):
    """Every layer is an instance of each of PyTorch's classes, ``modules.conv._ConvNd`` too, where it is there."""
    files = [name for name, file in vars(torch.nn.modules).items() if isinstance(file, types.ModuleType)]
    asked = {name: (getattr(torch.nn, name), kind) for name, kind in vars(nn).items() if hasattr(torch.nn, name)}
    asked = {n: pair for n, pair in asked.items() if all(isinstance(k, type) and issubclass(k, b) for k, b in
             zip(pair, (torch.nn.Module, nn.Module), strict=True))}  # fmt: skip
    bases = 0
    for file in files:
        theirs, ours = getattr(torch.nn.modules, file), getattr(nn.modules, file, None)
        for name, base in vars(theirs).items():
            if not hasattr(ours, name) or not isinstance(base, type) or not issubclass(base, torch.nn.Module):
                continue
            bases += 1
            kinds = {n for n, (_, kind) in asked.items() if issubclass(kind, getattr(ours, name))}
            assert kinds == {n for n, (kind, _) in asked.items() if issubclass(kind, base)}, f"{file}.{name}"
    assert bases > 170, bases


BASES = "conv._ConvNd conv._ConvTransposeNd loss._Loss loss._WeightedLoss batchnorm._NormBase batchnorm._BatchNorm"
BASES += " batchnorm._LazyNormBase dropout._DropoutNd pooling._MaxPoolNd pooling._AvgPoolNd pooling._LPPoolNd"
BASES += " pooling._AdaptiveAvgPoolNd pooling._AdaptiveMaxPoolNd pooling._MaxUnpoolNd padding._ConstantPadNd"
BASES += " padding._CircularPadNd padding._ReflectionPadNd padding._ReplicationPadNd rnn.RNNBase"


def test_base_classes_stand_where_pytorch_has_them():
    for path in BASES.split():
        file, name = path.split(".")
        assert getattr(getattr(nn.modules, file), name).__name__ == name
