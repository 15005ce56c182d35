"""Gradients and activations over layers and steps: the figures show what the arrays hold."""

import pickle

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn, viz

pytest.importorskip("matplotlib", reason="matplotlib is not installed")


def deep(depth=6):
    mg.manual_seed(0)
    return nn.Sequential(*(m for _ in range(depth) for m in (nn.Linear(8, 8), nn.Sigmoid())))


def test_a_notebook_shows_the_figure_by_itself():
    layer = nn.Linear(2, 1)
    layer(mg.ones(3, 2)).sum().backward()
    figure = viz.gradient_flow(layer)
    assert figure._repr_png_().startswith(b"\x89PNG")
    assert pickle.loads(pickle.dumps(figure))._repr_png_().startswith(b"\x89PNG")


def test_gradient_flow_shows_the_means_and_marks_what_is_zero():
    model = deep()
    model(mg.randn(4, 8)).sum().backward()
    model[0].bias.grad.zero_()
    axes = viz.gradient_flow(model).axes[0]
    heights = [bar.get_height() for bar in axes.patches]
    means = [np.abs(p.grad.numpy()).mean() for p in model.parameters()]
    np.testing.assert_allclose([h for h in heights if h == h], [m for m in means if m])
    assert axes.get_yscale() == "log" and [t.get_text() for t in axes.texts] == ["0"]
    assert heights[0] < heights[-2] / 100  # six sigmoids: it vanishes
    with pytest.raises(ValueError, match=r"loss\.backward\(\) first"):
        viz.gradient_flow(nn.Linear(1, 1))


def test_histograms_over_steps():
    model, x = deep(2), mg.randn(16, 8)
    with viz.Histograms(model, every=2) as seen:
        for _ in range(5):
            out = model(x)
            with mg.no_grad():
                model(x)  # an evaluation in between is not a step
            out.sum().backward()
    model(x)
    assert list(seen.activations) == ["0", "1", "2", "3"] and seen.calls == 5
    assert [s.step for s in seen.activations["1"]] == [0, 2, 4] == [s.step for s in seen.gradients["1"]]
    assert all(s.counts.sum() == 128 for s in seen.activations["3"])
    last = seen.activations["3"][-1]
    assert (last.low, last.high) == (out.min().item(), out.max().item())
    assert (
        seen.gradients["3"][0].low == pytest.approx(-0.5)
        and not model._forward_pre_hooks
        and not model[0]._forward_hooks
    )
    for what in ("activations", "gradients"):
        figure = seen.draw(what)
        assert [a.get_ylabel() for a in figure.axes] == ["0", "1", "2", "3"]
        assert figure.axes[0].images[0].get_array().shape == (48, 5)


def test_watching_changes_nothing():
    def trained(watch):
        model = deep(2)
        seen = viz.Histograms(model) if watch else None
        model(mg.ones(3, 8)).sum().backward()
        return model[0].weight.grad.numpy().tobytes(), seen

    assert trained(True)[0] == trained(False)[0]


def test_errors():
    with pytest.raises(ValueError, match="every is 1 or more"):
        viz.Histograms(deep(1), every=0)
    seen = viz.Histograms(deep(1))
    with pytest.raises(ValueError, match="no gradients were seen"):
        seen.draw("gradients")
    with pytest.raises(ValueError, match="draw 'activations' or 'gradients'"):
        seen.draw("weights")
