"""Batch Normalization folded away for inference, with its certificate."""

import re

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.nn.utils import fold_batchnorm, fuse_conv_bn_eval, fuse_linear_bn_eval


def settled(bn):
    """Give a layer statistics and parameters of its own; return it in evaluation mode."""
    rng = np.random.default_rng(7)
    n = bn.num_features
    bn.running_mean.copy_(mg.tensor(rng.standard_normal(n)))
    bn.running_var.copy_(mg.tensor(rng.uniform(0.5, 2, n)))
    bn.num_batches_tracked.fill_(1)
    for parameter in bn.parameters():
        parameter.data.copy_(mg.tensor(rng.standard_normal(n)))
    return bn.eval()


@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("affine", [True, False])
def test_a_fused_layer_does_what_both_did(bias, affine):
    x = mg.tensor(np.random.default_rng(0).standard_normal((5, 4)))
    linear, bn = nn.Linear(4, 3, bias=bias).double().eval(), settled(nn.BatchNorm1d(3, affine=affine).double())
    fused = fuse_linear_bn_eval(linear, bn)
    np.testing.assert_allclose(fused(x).detach().numpy(), bn(linear(x)).detach().numpy(), rtol=1e-12, atol=1e-12)
    assert isinstance(fused.weight, nn.Parameter) and fused is not linear
    images = mg.tensor(np.random.default_rng(1).standard_normal((2, 4, 5, 5)))
    conv, bn = (
        nn.Conv2d(4, 6, 3, 2, 1, groups=2, bias=bias).double().eval(),
        settled(nn.BatchNorm2d(6, affine=affine).double()),
    )
    fused = fuse_conv_bn_eval(conv, bn)
    np.testing.assert_allclose(
        fused(images).detach().numpy(), bn(conv(images)).detach().numpy(), rtol=1e-12, atol=1e-12
    )


def test_like_pytorchs_fusion(torch):
    ours, theirs = nn.Linear(4, 3).eval(), torch.nn.Linear(4, 3).eval()
    theirs.load_state_dict({k: torch.tensor(v.numpy()) for k, v in ours.state_dict().items()})
    bn, torch_bn = settled(nn.BatchNorm1d(3)), torch.nn.BatchNorm1d(3).eval()
    torch_bn.load_state_dict({k: torch.tensor(v.numpy()) for k, v in bn.state_dict().items()})
    fused = torch.nn.utils.fusion.fuse_linear_bn_eval(theirs, torch_bn)
    for key, value in fuse_linear_bn_eval(ours, bn).state_dict().items():
        np.testing.assert_allclose(value.numpy(), fused.state_dict()[key].numpy(), rtol=1e-5, atol=1e-6)


def test_what_cannot_be_fused_says_why():
    linear = nn.Linear(4, 3).eval()
    for bn, words in (
        (nn.BatchNorm1d(3), "only for eval"),
        (nn.BatchNorm1d(3, track_running_stats=False).eval(), "no statistics to fold"),
        (nn.BatchNorm1d(2).eval(), "3 outputs, bn.num_features=2"),
    ):
        with pytest.raises(ValueError, match=words):
            fuse_linear_bn_eval(linear, bn)


class Branches(nn.Module):
    """What may be folded and what may not, under names whose order tells nothing."""

    def __init__(self):
        super().__init__()
        self.norm = settled(nn.BatchNorm2d(4))  # behind conv, though made before it
        self.conv = nn.Conv2d(1, 4, 3, padding=1, bias=False)
        self.shared = nn.Conv2d(4, 4, 1)
        self.after_shared = settled(nn.BatchNorm2d(4))
        self.first = settled(nn.BatchNorm2d(1))
        self.by_batch = nn.BatchNorm2d(4, track_running_stats=False)
        self.tail = nn.Sequential(nn.Conv2d(4, 2, 1), nn.Dropout(0.5), settled(nn.BatchNorm2d(2)))

    def forward(self, x):
        a = self.norm(self.conv(self.first(x))).relu()
        b = self.shared(a)
        return self.tail(self.by_batch(self.after_shared(b) + b))


def test_a_whole_model_is_folded_where_it_can_be():
    mg.manual_seed(0)
    model = Branches()
    model.conv.weight.requires_grad_(False)
    batches = [(mg.randn(4, 1, 6, 6), None), (mg.randn(2, 1, 6, 6), None)]
    before = {k: v.numpy().tobytes() for k, v in model.state_dict().items()}
    folded = fold_batchnorm(model, batches)
    assert sorted(folded.layers) == ["norm", "tail.2"]
    assert isinstance(folded.model.norm, nn.Identity) and isinstance(folded.model.after_shared, nn.BatchNorm2d)
    differences = [
        np.abs(folded.model(x).detach().numpy() - model.eval()(x).detach().numpy()).max() for x, _ in batches
    ]
    assert folded.largest_difference == max(differences) < 1e-5 < folded.largest_output
    assert {k: v.numpy().tobytes() for k, v in model.state_dict().items()} == before
    assert isinstance(model.norm, nn.BatchNorm2d) and not folded.model.training


def test_folding_leaves_modes_alone_and_needs_a_batch():
    model = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))
    fold_batchnorm(model, [mg.randn(4, 2)])
    assert model.training and model[1].num_batches_tracked.item() == 0
    with pytest.raises(ValueError, match="no batch"):
        fold_batchnorm(model, [])
    with pytest.raises(TypeError, match="begins with one"):
        fold_batchnorm(model, ["images"])
    sequence = nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3))  # (N, 3, 2) -> (N, 3, 3): BatchNorm reads axis 1
    assert fold_batchnorm(sequence, [mg.randn(4, 3, 2)]).layers == ()


# ---- what the graph does not show -----------------------------------------------------------------
class Pair(nn.Module):
    """A layer and the Batch Normalization behind it; ``use`` is the forward."""

    def __init__(self, use=lambda s, h: s.b(h), a=None, b=None):
        super().__init__()
        self.a, self.b, self.use = a or nn.Linear(3, 3), settled(b or nn.BatchNorm1d(3)), use
        self.tail = nn.Linear(3, 2)

    def forward(self, x):
        return self.tail(self.use(self, self.a(x)))


class Scaled(nn.Linear):
    """A subclass that computes in a way of its own."""

    def forward(self, x):
        return nn.functional.linear(x, self.weight * 2, self.bias)


class Shifted(nn.BatchNorm1d):
    def forward(self, x):
        return super().forward(x) + 1


class Stubborn(nn.BatchNorm1d):
    """By its batch, whatever eval() says."""

    def train(self, mode=True):
        return super().train(True)


def patched(module, forward):
    module.forward = forward.__get__(module)
    return module


def hooked(model, way):
    {
        "the layer's output is read": lambda: model.a.register_forward_hook(lambda m, a, y: None),
        "the layer's output is changed": lambda: model.a.register_forward_hook(lambda m, a, y: y * 2),
        "the layer's input is changed": lambda: model.a.register_forward_pre_hook(lambda m, a: a[0] * 2),
        "the norm's input is changed": lambda: model.b.register_forward_pre_hook(lambda m, a: a[0] + 1),
        "the norm's output is changed": lambda: model.b.register_forward_hook(lambda m, a, y: y + 1),
        "gradients are read": lambda: model.b.register_full_backward_hook(lambda m, gi, go: None),
        "gradients are read before": lambda: model.a.register_full_backward_pre_hook(lambda m, go: None),
        "a parameter's gradient is read": lambda: model.a.weight.register_hook(lambda g: None),
        "a parameter's gradient has come": lambda: model.b.weight.register_post_accumulate_grad_hook(lambda p: None),
    }[way]()
    return model


def around(way):
    model = Pair()
    model.a = nn.Sequential(model.a)  # what is around the layer gives the same tensor
    model.a.register_forward_hook(lambda m, a, y: way.append(float(y.detach().sum())))
    return model


CHANGED = "differ by more than rounding"
TRAPS = {
    "detach": (lambda: Pair(lambda s, h: s.b(h) + h.detach()), CHANGED),
    "detach, a little": (lambda: Pair(lambda s, h: s.b(h) + 1e-6 * h.detach()), CHANGED),
    ".data": (lambda: Pair(lambda s, h: s.b(h) * h.data.abs().mean()), CHANGED),
    "item": (lambda: Pair(lambda s, h: s.b(h) * h[0, 0].item()), CHANGED),
    "numpy": (lambda: Pair(lambda s, h: s.b(h) + mg.from_numpy(np.sign(h.detach().numpy()))), CHANGED),
    "a comparison": (lambda: Pair(lambda s, h: s.b(h) * (h > 0)), CHANGED),
    "no_grad": (lambda: Pair(lambda s, h: s.b(h) + mg.no_grad()(lambda: h * 1)()), CHANGED),
    "the weight": (lambda: Pair(lambda s, h: s.b(h) @ s.a.weight), CHANGED),
    "the bias": (lambda: Pair(lambda s, h: s.b(h) + s.a.bias), CHANGED),
    "the norm's weight": (lambda: Pair(lambda s, h: s.b(h) * s.b.weight), CHANGED),
    "running_var": (lambda: Pair(lambda s, h: s.b(h) * s.b.running_var), CHANGED),
    "functional": (lambda: Pair(lambda s, h: s.b(h) + nn.functional.linear(h, s.a.weight, s.a.bias)), "the graph"),
    "forward itself": (lambda: Pair(lambda s, h: s.b(h) + s.a.forward(s.b(h) * 0 + 1).detach()), "more than once"),
    "the layer twice": (lambda: Pair(lambda s, h: s.b(h) + s.a(h)), "more than once"),
    "the norm twice": (lambda: Pair(lambda s, h: s.b(s.b(h))), "not the output of a Linear"),
    "an operation between": (lambda: Pair(lambda s, h: s.b(h.relu())), "not the output of a Linear"),
    "read in the graph": (lambda: Pair(lambda s, h: s.b(h) + h), "the graph does not show"),
    "Linear's subclass": (lambda: Pair(a=Scaled(3, 3)), "Scaled computes in a way of its own"),
    "BatchNorm's subclass": (lambda: Pair(b=Shifted(3)), "Shifted computes in a way of its own"),
    "a forward of its own": (lambda: Pair(a=patched(nn.Linear(3, 3), Scaled.forward)), "a way of its own"),
    "always by batch": (lambda: Pair(b=Stubborn(3)), "does not reach"),
    "two dtypes": (lambda: Pair(a=nn.Linear(3, 3).double()), "different dtypes"),
}  # fmt: skip
HOOKS = (
    "the layer's output is read", "the layer's output is changed", "the layer's input is changed",
    "the norm's input is changed", "the norm's output is changed", "gradients are read", "gradients are read before",
    "a parameter's gradient is read", "a parameter's gradient has come",
)  # fmt: skip
TRAPS |= {f"hook: {way}": (lambda way=way: hooked(Pair(), way), "has hooks|not the output") for way in HOOKS}
TRAPS["hook: around"] = (lambda: around([]), "'a' has hooks")


@pytest.mark.parametrize("trap", TRAPS)
def test_what_the_graph_does_not_show_is_refused_by_name(trap):
    """The folded model gives what the model gives, also on batches that it was not compared on."""
    mg.manual_seed(0)
    make, reason = TRAPS[trap]
    model = make()
    batches, unseen = [mg.randn(5, 3) for _ in range(2)], mg.randn(7, 3)
    before = {k: v.numpy().tobytes() for k, v in model.state_dict().items()}
    folded = fold_batchnorm(model, batches)
    assert folded.layers == () and list(folded.refused) == ["b"]
    assert re.search(reason, folded.refused["b"]), folded.refused
    assert folded.largest_difference == 0 and {k: v.numpy().tobytes() for k, v in model.state_dict().items()} == before
    np.testing.assert_array_equal(folded.model(unseen).detach().numpy(), model.eval()(unseen).detach().numpy())


class Late(nn.Module):
    """Reads what passes only where the batch is large; its second norm is always foldable."""

    def __init__(self):
        super().__init__()
        self.a, self.b, self.c, self.d = nn.Linear(3, 3), settled(nn.BatchNorm1d(3)), nn.Linear(3, 3), nn.BatchNorm1d(3)

    def forward(self, x):
        h = self.a(x)
        return {"y": self.d(self.c(self.b(h))), "rows": len(x), "extra": h.detach() if len(x) > 4 else None}


def test_a_later_batch_undoes_a_fold_and_only_that_one():
    mg.manual_seed(0)
    model, state = Late(), mg.get_rng_state()
    folded = fold_batchnorm(model, [mg.ones(3, 3), mg.ones(5, 3), mg.ones(2, 3)])
    assert folded.layers == ("d",) and CHANGED in folded.refused["b"] and (mg.get_rng_state() == state).all()
    assert isinstance(folded.model.d, nn.Identity) and isinstance(folded.model.b, nn.BatchNorm1d)
    x = mg.randn(9, 3)
    for a, b in zip(folded.model(x).values(), model.eval()(x).values(), strict=True):
        np.testing.assert_allclose(np.asarray(getattr(a, "_data", a)), np.asarray(getattr(b, "_data", b)), atol=1e-5)


class Noisy(nn.Sequential):
    """Draws random numbers in evaluation, counts its calls, and returns more than floats."""

    def forward(self, x):
        self.calls = getattr(self, "calls", 0) + 1
        y = super().forward(nn.functional.dropout(x, 0.5, training=True))
        return y, y.argmax(1), self.calls


def test_models_that_draw_count_and_return_more_are_folded():
    model = Noisy(nn.Conv1d(2, 3, 1), settled(nn.BatchNorm1d(3)), nn.Flatten(), nn.Linear(12, 3), nn.BatchNorm1d(3))
    folded = fold_batchnorm(model, [mg.randn(4, 2, 4), mg.randn(0, 2, 4), mg.randn(1, 2, 4)])
    assert folded.layers == ("1", "4") and folded.refused == {} and folded.largest_difference < 1e-5
    assert not hasattr(folded.model, "calls") and not hasattr(model, "calls")


def test_tied_weights_and_names_are_kept_right():
    model = Pair(lambda s, h: s.c(s.b(h)))
    model.c, model.again = nn.Linear(3, 3), model.a  # one layer by two names
    model.c.weight, model.bias = model.a.weight, model.a.bias  # its parameters are another's, too
    x = mg.randn(6, 3)
    folded = fold_batchnorm(model, [x])
    assert folded.layers == ("b",) and folded.model.a is folded.model.again and folded.largest_difference < 1e-5


BODY = (nn.Linear(3, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 4, bias=False), nn.BatchNorm1d(4))


@pytest.mark.parametrize(
    ("model", "layers", "reason"),
    [
        (nn.Sequential(*BODY), ("1", "4"), ""),
        (nn.Sequential(nn.Sequential(*BODY[:2]), nn.Sequential(*BODY[2:])), ("0.1", "1.2"), ""),
        (nn.Sequential(nn.Conv2d(1, 2, 3), nn.BatchNorm2d(2), nn.Dropout(0.5)), ("1",), ""),
        (nn.Sequential(nn.Conv2d(1, 2, 3), nn.Dropout(0.5), nn.BatchNorm2d(2)), (), "not the output"),
        (nn.Sequential(nn.Conv2d(1, 2, 3), nn.LazyBatchNorm2d()), (), "a way of its own"),
        (nn.Sequential(Scaled(3, 4), nn.BatchNorm1d(4)), (), "a way of its own"),
        (nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4, track_running_stats=False)), (), "no running statistics"),
        (nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(5)), (), "5 features, the layer before it 4 outputs"),
        (nn.BatchNorm1d(3), (), "the model itself"),
        (nn.ModuleList(BODY[:2]), (), "not the output"),
        (Noisy(*BODY[:2]), (), "the forward of Noisy"),
        (nn.Sequential(*BODY[3:], nn.Sequential(*BODY[3:])), (), "more than once"),
        (nn.Sequential(hooked(Pair(), HOOKS[0]).a, nn.BatchNorm1d(3)), (), "has hooks"),
    ],
)
def test_without_a_loader_neighbours_in_sequentials_are_folded(model, layers, reason):
    for module in model.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d) and module.running_mean is not None:
            settled(module)
    folded = fold_batchnorm(model.train())
    assert folded.layers == layers and np.isnan(folded.largest_difference) and not folded.model.training
    assert all(re.search(reason, why) for why in folded.refused.values()) and bool(folded.refused) == (layers == ())
    if layers:
        x = mg.randn(5, 1, 6, 6) if isinstance(model[0], nn.Conv2d) else mg.randn(5, 3)
        assert fold_batchnorm(model, [x]).layers == layers
        np.testing.assert_allclose(folded.model(x).detach().numpy(), model.eval()(x).detach().numpy(), atol=1e-5)


def test_a_linear_folded_for_rows_takes_nothing_else():
    folded = fold_batchnorm(nn.Sequential(nn.Linear(2, 3), nn.BatchNorm1d(3)))
    with pytest.raises(ValueError, match=r"for input \(N, C\), got \(4, 3, 3\)"):
        folded.model(mg.randn(4, 3, 2))


def test_a_fused_layer_asks_for_gradients_as_pytorchs(torch):
    for lib in (mg, torch):
        fused = lib.nn.utils.fusion.fuse_linear_bn_eval if lib is torch else fuse_linear_bn_eval
        asks = []
        for bias in (True, False):
            linear = lib.nn.Linear(4, 3, bias=bias).eval()
            for held in (False, True):
                linear.weight.requires_grad_(not held)
                asks += [p.requires_grad for p in fused(linear, lib.nn.BatchNorm1d(3).eval()).parameters()]
        assert asks == [True, True, False, True, True, False, False, False]
    w, rest = np.random.default_rng(0).standard_normal((2, 3, 4)), [np.full(3, 2.0 + i) for i in range(3)]
    ours = nn.utils.fuse_conv_bn_weights(mg.tensor(w), None, *map(mg.tensor, rest[:2]), 1e-3, None, None, True)
    theirs = torch.nn.utils.fusion.fuse_conv_bn_weights(
        torch.tensor(w), None, *map(torch.tensor, rest[:2]), 1e-3, None, None, True
    )
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(a.detach().numpy(), b.detach().numpy(), rtol=1e-12)
