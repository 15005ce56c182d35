"""Batch Normalization folded away for inference, with its certificate."""

import numpy as np
import pytest
from minigrad.nn.utils import fold_batchnorm, fuse_conv_bn_eval, fuse_linear_bn_eval

import minigrad as mg
from minigrad import nn


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
