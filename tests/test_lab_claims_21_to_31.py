"""Claims C21 to C31 of examples/batchnorm_lab: what they compute, on cases with known answers, and that
their verdicts follow the figures. The claims themselves are judged by a full run."""

from copy import deepcopy

import numpy as np
import pytest
from lab import fake, small_data, verdict

import minigrad as mg
from batchnorm_lab import norms, paired, tuning
from batchnorm_lab.claims import (
    c21_weight_decay,
    c22_shift,
    c23_affine_alone,
    c24_orthogonal,
    c25_parts,
    c26_without,
    c27_dropout,
    c28_sharpness,
    c29_small_batch_cures,
    c30_amplification,
    c31_ensemble,
)
from batchnorm_lab.training import Data, Part
from minigrad import nn


@pytest.fixture(scope="module")
def data():
    return small_data()


@pytest.fixture(autouse=True)
def _no_choice_is_left_over(monkeypatch):
    monkeypatch.setattr(tuning, "_chosen", {})


def short(cell, **changes):
    """Return a cell of few steps at one rate."""
    return {**cell, "steps": 40, "rates": [0.1], **changes}


# ---- differences in words and pictures ------------------------------------------------------------
def test_differences_carry_their_interval():
    assert paired.points([0.01, 0.02, 0.03]) == "+2.00 points (-0.48..+4.48)"
    assert paired.points([0.01]) == "+1.00 points (no interval)"
    assert paired.points([0.01, 0.02, 0.03], 4) == "+2.00 points (-3.12..+7.12)"


def test_bars_are_intervals_and_of_few_runs_their_range():
    assert paired.bar([1.0, 2.0, 4.0]) == pytest.approx((7 / 3, -1.461, 6.128), abs=1e-3)
    assert paired.bar([1.0, 4.0, 16.0], log=True) == pytest.approx((4, 0.1277, 125.3), rel=1e-3)
    assert paired.bar([1.0, 4.0], log=True) == (pytest.approx(2), 1.0, 4.0)


# ---- normalisations that are the lab's own --------------------------------------------------------
@pytest.mark.parametrize("shape", [(12, 3), (5, 3, 4, 4)])
def test_both_parts_make_batchnorm(shape):
    mg.manual_seed(0)
    x = mg.randn(*shape) * 3 + 2
    whole = nn.BatchNorm2d(3) if len(shape) == 4 else nn.BatchNorm1d(3)
    mean, variance = norms.MeanOnly(3), norms.VarianceOnly(3)
    np.testing.assert_allclose(variance(mean(x)).detach(), whole(x).detach(), atol=1e-5)
    np.testing.assert_allclose(mean.running_mean, whole.running_mean, atol=1e-6)
    np.testing.assert_allclose(mean.running_var, whole.running_var, rtol=1e-5)
    both = variance.eval()(mean.eval()(x)) * 1.0
    assert abs(both.detach().numpy().mean()) > 0.1  # in evaluation averages stand in


def test_batch_renorm_is_batchnorm_at_first_and_later_what_it_does_in_use():
    mg.manual_seed(0)
    renorm, whole = norms.BatchRenorm(3, warm=4), nn.BatchNorm1d(3)
    for _ in range(4):
        x = mg.randn(8, 3)
        np.testing.assert_allclose(renorm(x).detach(), whole(x).detach(), atol=1e-5)
    for _ in range(200):  # r and d are free, statistics settle
        renorm(mg.randn(64, 3))
    x, frozen = mg.randn(64, 3), deepcopy(renorm).eval()
    np.testing.assert_allclose(renorm(x).detach(), frozen(x).detach(), atol=1e-4)
    assert np.abs(whole(x).detach().numpy() - frozen(x).detach().numpy()).max() > 1e-2


def test_root_mean_square_is_of_a_sample():
    x = mg.randn(4, 3, 5, 5) * 7
    y = norms.RootMeanSquare(3)(x).detach().numpy()
    np.testing.assert_allclose((y**2).mean((1, 2, 3)), 1, rtol=1e-4)


# ---- what is measured -----------------------------------------------------------------------------
def test_c21_a_larger_rate_is_decay_with_batchnorm_alone(data, monkeypatch):
    monkeypatch.setattr(c21_weight_decay, "EXACT", 30)
    apart = {n: c21_weight_decay.measure({"part": "exact", "norm": n, "seed": 0}, data)["apart"] for n in (True, False)}
    assert apart[True]["corrected"] < 1e-10
    assert apart[True]["none"] > 1e-4 and apart[False]["corrected"] > 1e-4
    beside = c21_weight_decay.measure({"part": "side by side", "seed": 0, "steps": 100}, data)
    assert beside["effective"]["decay"] > 1.1 * beside["effective"]["none"]
    alone = c21_weight_decay.measure({"part": "tuned", "arm": "decay", "seed": 0, "steps": 60}, data)
    assert alone["accuracy"] > 0.9 and len(alone["choice"]["tried"]) == 4


def test_c22_statistics_undo_what_is_one_number_in_each_pixel(data):
    found = c22_shift.measure({"arm": "BatchNorm", "seed": 0, "steps": 150, "rates": [0.1]}, data)
    assert found["clean"] > 0.9 and set(found["shifted"]["noise"]) == {"as trained", "10", "100", "1000", "of 0 to 4"}
    net, _ = c22_shift.trained("BatchNorm", 0.1, 0, 30, data)
    plain, bright = data.test.images, c22_shift.SHIFTS["brightness +0.5"](data.test.images)
    scores = lambda of, images: of.eval()(mg.from_numpy(images)).detach().numpy()
    adapted = [scores(c22_shift.adapted(net, images), images) for images in (plain, bright)]
    np.testing.assert_allclose(*adapted, atol=2e-3)
    assert np.abs(scores(net, bright) - scores(net, plain)).max() > 0.1
    without, _ = c22_shift.trained("without", 0.1, 0, 5, data)
    assert set(c22_shift.under_shifts(without, data.test, data.test, False)["noise"]) == {"as trained"}
    dot = np.zeros((1, 28, 28), np.float32)
    dot[0, 10, 10] = 25
    assert c22_shift.blurred(dot.reshape(1, 784)).reshape(28, 28)[8:13, 8:13].tolist() == [[1.0] * 5] * 5


@pytest.mark.parametrize("arm", c23_affine_alone.ARMS)
def test_c23_moves_what_its_arm_trains_and_nothing_else(arm, data):
    before = c23_affine_alone.build(8, 0).state_dict()
    nets = []
    build = c23_affine_alone.build
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(c23_affine_alone, "build", lambda *a: nets.append(build(*a)) or nets[-1])
        count = c23_affine_alone.trained(arm, 8, 0.5, 0, 3, data)["trained"]
    moved = {k for k, v in nets[0].named_parameters() if not np.array_equal(v.detach(), before[k])}
    kinds = {k.split(".")[1] + ("+" if v.ndim == 2 else "") for k, v in nets[0].named_parameters() if k in moved}
    changed = sum(int((v.detach().numpy() != before[k].numpy()).sum()) for k, v in nets[0].named_parameters())
    assert changed <= count
    expected = {"γ and β": 64, "as many weights": 64, "output layer": 90}
    assert count == expected.get(arm, sum(p.numel() for p in nets[0].parameters()))
    if arm == "γ and β":
        assert kinds == {"weight", "bias"} and not any(nets[0].get_parameter(k).ndim == 2 for k in moved)
    if arm == "as many weights":
        assert kinds == {"weight+"} and changed > 30


def test_c24_gap_and_its_end():
    assert c24_orthogonal.gap(np.eye(4)) == pytest.approx(0, abs=1e-15)
    assert c24_orthogonal.gap(np.ones((8, 5))) == pytest.approx(c24_orthogonal.PARALLEL)
    simplex = np.eye(8) - 1 / 8  # eight samples with the mean subtracted, as far apart as can be
    assert c24_orthogonal.gap(simplex) == pytest.approx(c24_orthogonal.FLOOR)
    runs = {w: c24_orthogonal.gaps("without the mean", "linear", w, 0) for w in (32, 128)}
    ends = {w: c24_orthogonal.plateau(run) for w, run in runs.items()}
    assert runs[32][0] > 0.8 and ends[32] / ends[128] == pytest.approx(2, rel=0.25)
    assert c24_orthogonal.plateau(c24_orthogonal.gaps("none", "ReLU", 128, 0)) > 0.9


@pytest.mark.parametrize("arm", c25_parts.ARMS)
def test_c25_every_normalisation_learns(arm, data):
    cell = {"arm": arm, "batch": 32, "seed": 0}
    found = c25_parts.measure(short(cell, steps=60), data)
    assert found["accuracy"] > 0.5 and found["choice"]["setting"] == {"rate": 0.1}


def test_c26_cures_begin_as_the_identity_and_learn(data):
    x = mg.randn(5, 784)
    inner = {}
    for arm in c26_without.ARMS:
        net = c26_without.build(arm, 0, blocks=3)
        h = net[0](x)
        inner[arm] = float((net[1:4](h) - h).abs().max().item())
        assert c26_without.trained(arm, 0.1, 0, 60, data, blocks=3)["accuracy"] > 0.5
    assert inner["SkipInit"] == inner["Fixup"] == 0 and inner["none"] > 1
    assert c26_without.trained("none", 1e4, 0, 20, data, blocks=3)["accuracy"] == 0.1  # it diverges


def test_c27_dropout_shifts_the_variance_behind_it_as_arithmetic_says(data):
    found = {a: c27_dropout.measure(short({"arm": a, "seed": 0}, steps=200), data) for a in c27_dropout.ARMS}
    shift = {a: v["shifts"] for a, v in found.items()}
    assert shift["dropout before"][0] == pytest.approx(1, abs=0.2)  # it sees the images
    assert min(shift["dropout before"][1:]) > 1.4  # E[x²] / (1 - p) - E[x]² over E[x²] - E[x]²
    for calm in ("no dropout", "dropout after the last"):
        assert max(abs(s - 1) for s in shift[calm]) < 0.2
    assert all(v["accuracy"] > 0.8 and v["recalibrated"] > 0.8 for v in found.values())


def test_c28_hessian_times_vector_and_the_largest_eigenvalue():
    matrix = np.array([[3.0, 1.0], [1.0, 2.0]])
    half = lambda p: 0.5 * (p["w"] @ mg.from_numpy(matrix) @ p["w"]) + p["w"].sum()
    at = {"w": mg.from_numpy(np.array([0.3, -2.0]))}
    found = c28_sharpness.hessian_times(half, at, {"w": mg.from_numpy(np.array([0.0, 5.0]))})
    np.testing.assert_allclose(found["w"], matrix @ [0, 1], rtol=1e-12)  # of a direction of length 1


def test_c28_descent_goes_to_the_edge(data):
    cell = {"arm": "BatchNorm", "rate": 0.2, "seed": 0, "steps": 100}
    found = c28_sharpness.measure(cell, data, images=60)
    assert found["steps"] == [0, 25, 50, 75, 100] and found["sharpness"][0] * 0.1 > 2
    assert 0.5 < found["sharpness"][-1] * 0.1 < 1.5 and found["loss"][-1] < found["loss"][0]


@pytest.mark.parametrize(("arm", "batch"), [(a, b) for b in (4, 512) for a in c29_small_batch_cures.AT[b]])
def test_c29_every_cure_learns(arm, batch, data):
    cell = {"arm": arm, "batch": batch, "seed": 0}
    images, labels = data.train.images, data.train.labels
    if batch == 512:  # more images than the batch, less those held out
        images, labels = np.concatenate([images, images]), np.concatenate([labels, labels])
    data = Data(Part(images, labels), data.test)
    assert c29_small_batch_cures.measure(short(cell, steps=100 if batch == 4 else 20), data)["accuracy"] > 0.3
    layers = [m for m in c29_small_batch_cures.build(arm, 0) if type(m).__name__ not in ("Linear", "ReLU")]
    assert len(layers) == 3


def test_c30_a_change_that_is_none_moves_nothing_and_batchnorm_amplifies_in_relu_nets(data, monkeypatch):
    found = {}
    for arm in c30_amplification.ARMS:
        cell = {"net": "20 ReLU layers", "arm": arm, "seed": 0, "steps": 2}
        found[arm] = c30_amplification.measure(cell, data)
        assert len(found[arm]["before"]) == len(found[arm]["after"]) == 20
    growth = {arm: v["before"][-1] / v["before"][0] for arm, v in found.items()}
    assert growth["BatchNorm"] > 5 > growth["without"]
    monkeypatch.setattr(c30_amplification, "CHANGE", 0.0)
    assert max(c30_amplification.measure(cell, data)["before"]) < 1e-12


def test_c31_votes(data):
    votes = [np.array([[0.6, 0.4]]), np.array([[0.1, 0.9]]), np.array([[0.6, 0.4]])]
    assert c31_ensemble.of_first(votes, np.array([1])) == [0.0, 1.0, 1.0]
    found = c31_ensemble.measure(short({"arm": "BatchNorm", "seed": 1}), data)
    assert len(found["alone"]) == len(found["together"]) == 6 and len(set(found["alone"])) > 1
    assert found["together"][0] == pytest.approx(found["alone"][0])


# ---- verdicts follow the figures ------------------------------------------------------------------
CHOICE = {"setting": {"rate": 0.1}, "tried": []}


def accuracies(table, **more):
    """Return a function of a cell: the accuracy of its arm, a little more for later seeds."""
    return lambda c: {"accuracy": table(c) + c["seed"] / 1e4, "choice": CHOICE, "trained": 1, **more}


def test_verdict_of_c21():
    def value(identity=1e-9, corrected=0.95, gain=0.0):
        def of(c):
            if c["part"] == "exact":
                return {"apart": {"corrected": identity if c["norm"] else 0.1, "none": 0.1}}
            if c["part"] == "tuned":
                return {"accuracy": 0.95 + c["seed"] / 1e4 + (gain if c["arm"] == "decay" else 0)}
            reached = {"decay": 0.95, "none": 0.9, "corrected": corrected + c["seed"] / 1e4}
            return {"accuracy": reached, "effective": dict.fromkeys(reached, 1.0)}

        return of

    assert verdict(c21_weight_decay, value()) == "reproduced"
    for wrong in ({"identity": 1e-5}, {"corrected": 0.94}, {"gain": 0.005}):
        assert verdict(c21_weight_decay, value(**wrong)) == "partly", wrong
    assert verdict(c21_weight_decay, value(1e-5, 0.9, 0.01)) == "not at this scale"


def test_verdict_of_c22():
    def value(bright, noise, blur):
        def of(c):
            after = dict.fromkeys(c22_shift.SHIFTS, 0.5) | {"brightness +0.5": bright, "noise": noise, "blur": blur}
            kinds = ("10", "100", "1000", "of 0 to 4")
            e = c["seed"] / 1e4
            shifted = {s: {"as trained": 0.5, **dict.fromkeys(kinds, a + e)} for s, a in after.items()}
            return {"clean": 0.95, "shifted": shifted}

        return of

    assert verdict(c22_shift, value(0.95, 0.6, 0.6)) == "reproduced"
    assert verdict(c22_shift, value(0.8, 0.6, 0.6)) == verdict(c22_shift, value(0.95, 0.4, 0.6)) == "partly"
    assert verdict(c22_shift, value(0.8, 0.4, 0.4)) == "not at this scale"


def test_verdicts_of_c23_to_c25():
    of = lambda affine, weights: accuracies(
        lambda c: {"γ and β": affine, "as many weights": weights}.get(c["arm"], 0.9)
    )
    assert verdict(c23_affine_alone, of(0.8, 0.5)) == "reproduced"
    assert verdict(c23_affine_alone, of(0.8, 0.85)) == verdict(c23_affine_alone, of(0.4, 0.2)) == "partly"
    assert verdict(c23_affine_alone, of(0.4, 0.5)) == "not at this scale"

    def falling(power, depth, parallel):
        def run(c):
            end = depth * (c["width"] / 512) ** power if c["arm"] == "without the mean" else 0.3
            end = parallel if c["arm"] == "none" else end
            return {"gaps": [0.85, *[end * (1 + c["seed"] / 1e3)] * 50]}

        return run

    assert verdict(c24_orthogonal, falling(-0.5, 0.05, 0.93)) == "reproduced"
    for wrong in ((-0.9, 0.05, 0.93), (-0.5, 0.3, 0.93), (-0.5, 0.05, 0.5)):
        assert verdict(c24_orthogonal, falling(*wrong)) == "partly", wrong
    parts = lambda large, small: accuracies(
        lambda c: {"Batch": 0.9 if c["batch"] == 32 else 0.8, "mean only": large, "variance only": large, "Group": small}.get(c["arm"], 0.85)
    )  # fmt: skip
    differing = lambda part: (
        lambda c: {**part(c), "accuracy": part(c)["accuracy"] + (c["arm"] == "Batch") * c["seed"] / 1e3}
    )
    assert verdict(c25_parts, differing(parts(0.8, 0.9))) == "reproduced"
    assert verdict(c25_parts, differing(parts(0.8, 0.7))) == "partly"
    assert verdict(c25_parts, differing(parts(0.95, 0.7))) == "not at this scale"


def test_verdicts_of_c26_and_c27():
    deep = lambda none, skip, fixup: accuracies(
        lambda c: {"BatchNorm": 0.9, "none": none, "SkipInit": skip, "Fixup": fixup}[c["arm"]], losses=[1.0, 0.5]
    )
    assert verdict(c26_without, deep(0.1, 0.9, 0.92)) == "reproduced"
    for some in ((0.88, 0.9, 0.9), (0.1, 0.89, 0.9), (0.1, 0.9, 0.89)):
        assert verdict(c26_without, deep(*some)) == "partly", some
    assert verdict(c26_without, deep(0.88, 0.8, 0.8)) == "not at this scale"

    def drop(shift, gain, moved):
        def of(c):
            before = c["arm"] == "dropout before"
            reached = 0.9 + c["seed"] / 1e4 + (moved if c["arm"] == "dropout after the last" else 0)
            cured = reached + (gain if before else 0)
            shifts = [1.0, *[shift + c["seed"] / 1e3 if before else 1.0] * 2]
            return {"accuracy": reached, "recalibrated": cured, "shifts": shifts, "choice": CHOICE}

        return of

    assert verdict(c27_dropout, drop(2.0, 0.01, 0.01)) == "reproduced"
    for some in ((1.05, 0.01, 0.01), (2.0, -0.01, 0.01), (2.0, 0.01, -0.01)):
        assert verdict(c27_dropout, drop(*some)) == "partly", some
    assert verdict(c27_dropout, drop(1.0, -0.01, -0.01)) == "not at this scale"


def test_verdicts_of_c28_and_c29():
    def edge(without, normed):
        end = {"without": without, "BatchNorm": normed}
        sharp = lambda c: [1.0, *[end[c["arm"]] * 2 / c["rate"] * (1 + c["seed"] / 1e3)] * 8]
        return lambda c: {"steps": [0], "loss": [0.1], "sharpness": sharp(c)}

    assert verdict(c28_sharpness, edge(1.0, 1.05)) == "reproduced"
    assert verdict(c28_sharpness, edge(0.5, 1.05)) == verdict(c28_sharpness, edge(1.0, 1.3)) == "partly"
    assert verdict(c28_sharpness, edge(0.5, 1.3)) == "not at this scale"
    cured = lambda renorm, ghost: accuracies(lambda c: {"renorm": renorm, "ghost": ghost}.get(c["arm"], 0.8))
    assert verdict(c29_small_batch_cures, cured(0.81, 0.81)) == "reproduced"
    assert (
        verdict(c29_small_batch_cures, cured(0.81, 0.79))
        == verdict(c29_small_batch_cures, cured(0.79, 0.81))
        == "partly"
    )
    assert verdict(c29_small_batch_cures, cured(0.79, 0.79)) == "not at this scale"


def test_verdicts_of_c30_and_c31():
    def grows(without, normed, odd=None):
        def of(c):
            end = normed if c["arm"] == "BatchNorm" else without
            end = 0.5 if c["net"] == odd else end
            layers = [0.01, 0.01 * end * (1 + c["seed"] / 1e3)]
            return {"before": layers, "after": layers}

        return of

    assert verdict(c30_amplification, grows(10, 2)) == "reproduced"
    assert verdict(c30_amplification, grows(10, 2, odd="20 tanh layers")) == "partly"
    assert (
        verdict(c30_amplification, grows(2, 10)) == verdict(c30_amplification, grows(0.8, 0.5)) == "not at this scale"
    )

    def votes(gain, over):
        def of(c):
            one = 0.95 + c["seed"] / 1e4 + (over if c["arm"] == "BatchNorm" else 0)
            return {"alone": [one] * 6, "together": [one + gain] * 6, "choice": CHOICE}

        return of

    assert verdict(c31_ensemble, votes(0.01, 0.01)) == "reproduced"
    assert verdict(c31_ensemble, votes(-0.01, 0.01)) == verdict(c31_ensemble, votes(0.01, -0.01)) == "partly"
    assert verdict(c31_ensemble, votes(-0.01, -0.01)) == "not at this scale"


BARELY = (0.006, 0.010, 0.014)  # above 0 by one interval of 95 %, not by two that hold together


def test_intervals_of_a_verdict_hold_together():
    ahead = lambda *arms: accuracies(lambda c: 0.8 + BARELY[c["seed"]] * (c["arm"] in arms) - c["seed"] / 1e4)
    assert paired.bar(BARELY).low > 0 > paired.bar(BARELY, comparisons=2).low
    assert verdict(c23_affine_alone, ahead("γ and β")) == "partly"  # far above chance it is
    assert verdict(c25_parts, ahead("Batch")) == verdict(c29_small_batch_cures, ahead("renorm", "ghost"))
    assert verdict(c29_small_batch_cures, ahead("renorm", "ghost")) == "not at this scale"
    cured = lambda c: 0.1 if c["arm"] == "none" else 0.8 + (BARELY[c["seed"]] - 0.005) * (c["arm"] != "BatchNorm")
    assert verdict(c26_without, accuracies(lambda c: cured(c) - c["seed"] / 1e4, losses=[1.0])) == "partly"
    grown = lambda c: 0.8 + BARELY[c["seed"]] * (c["arm"] == "BatchNorm")
    six = lambda c: {"alone": [0.8] * 6, "together": [grown(c)] * 6, "choice": CHOICE}
    assert verdict(c31_ensemble, six) == "not at this scale"


@pytest.mark.parametrize("mode", ["quick", "full"])
def test_pictures_are_drawn_of_one_seed_and_of_three(mode):
    plt = pytest.importorskip("matplotlib.pyplot", reason="matplotlib is not installed")
    deep = accuracies(lambda c: 0.9, losses=[1.0, 0.5], recalibrated=0.9, shifts=[1.0, 2.0, 2.0])
    for module in (c23_affine_alone, c25_parts, c26_without, c27_dropout, c29_small_batch_cures):
        for seeds in (1, 3):
            figure = plt.figure()
            module.CLAIM.draw(figure, fake(module.CLAIM, deep, mode, seeds))
            figure.canvas.draw()
            plt.close(figure)
            assert module.CLAIM.judge(fake(module.CLAIM, deep, mode, seeds)).sentence
