"""Claims C10 to C20 of examples/batchnorm_lab: what they compute, on cases with known answers, and that
their verdicts follow the figures. The claims themselves are judged by a full run."""

import numpy as np
import pytest
from lab import fake, small_data, verdict

import minigrad as mg
from batchnorm_lab import deep, training, tuning
from batchnorm_lab.claim import geometric
from batchnorm_lab.claims import (
    c10_explosion,
    c11_skip,
    c12_equalise,
    c13_scale_invariance,
    c14_decoupling,
    c15_statistics,
    c16_convolution,
    c17_comparison,
    c18_small_batches,
    c19_imagenet,
    c20_vanishing,
)


@pytest.fixture(scope="module")
def data():
    return small_data()


# ---- what is measured -----------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("batch", "relu", "linear"), [(4, 3.084, 2.0), (8, 1.788, 1.2), (64, 1.493, 1.016), (256, 1.473, 1.004)]
)
def test_c10_theory_gives_the_papers_table(batch, relu, linear):
    assert c10_explosion.factor_in_theory("relu", batch) == pytest.approx(relu, abs=1e-3)
    assert c10_explosion.factor_in_theory("linear", batch) == pytest.approx(linear, abs=1e-3)


def test_c10_measures_what_theory_says():
    found = [c10_explosion.factor(c10_explosion.gradient_norms("relu", 64, seed, width=128)) for seed in range(2)]
    assert geometric(found) == pytest.approx(c10_explosion.factor_in_theory("relu", 64), rel=0.03)


def test_c11_growth_with_skip_is_a_power_of_the_depth_and_exponential_without():
    assert c11_skip.growth_in_theory(100) == pytest.approx(185, abs=1)
    assert c11_skip.measured_in_theory(100) == pytest.approx(120, abs=1)
    growth = {arm: deep.ratio(c11_skip.gradient_norms(arm, 0, depth=40, width=64)) for arm in c11_skip.ARMS}
    assert growth["skip"] < 100 and growth["plain"] > 1e5 and growth["skip, no BatchNorm"] > 1e8


def test_c11_and_c12_on_small_data(data):
    assert c11_skip.trained("skip", 4, 0.1, 0, data, steps=40)["accuracy"] > 0.9
    history = c12_equalise.gradient_norms(20, 0.1, 0, data, steps=3)
    assert len(history) == 4 and len(history[0]) == 20
    assert 20 < deep.ratio(history[0]) < 200 and deep.ratio(history[3]) < deep.ratio(history[0]) / 2  # 1.22¹⁹ = 44


def test_c13_identities_hold_for_eps_0_only():
    assert max(c13_scale_invariance.identities(0).values()) < 1e-12
    layer = c13_scale_invariance.Layer(0)
    assert min(c13_scale_invariance.invariance(layer, 1e-2, 0.1).values()) > 1e-3


def test_c14_length_is_the_minimum_and_rates_above_2_over_l_diverge_without_batchnorm():
    margins = np.random.default_rng(0).normal(0.5, 1, 500)
    loss = lambda g: np.logaddexp(0, -g * margins).mean()
    g = c14_decoupling.best_length(margins)
    assert loss(g) < min(loss(g * 1.01), loss(g * 0.99))
    assert c14_decoupling.least_squares("descent", 2.5, 0, 200)[-1] > 1e6
    assert c14_decoupling.least_squares("BatchNorm", 2.5, 0, 200)[-1] < 0.1
    assert c14_decoupling.least_squares("descent", 1.9, 0, 200)[-1] < 1e-3


def test_c14_both_arms_reach_a_flat_place():
    for arm in ("descent", "normalised"):
        found = c14_decoupling.halfspace(arm, 1.0, 1)
        assert found[-1] < c14_decoupling.FLAT < found[-2] and len(found) < 1000


def test_c15_one_group_of_all_images_is_training_mode(data):
    mg.manual_seed(0)
    net = training.mlp((784, 20, 20, 10))
    images = data.test.images
    grouped = c15_statistics.scores_by_groups(net, images, len(images))
    with mg.no_grad():
        np.testing.assert_allclose(grouped, net(mg.from_numpy(images)).numpy(), rtol=1e-4, atol=1e-5)
    assert c15_statistics.depends_on_mates(net, images[:10]) < 1e-12
    assert np.ptp(c15_statistics.scores_by_groups(net, images, 1), axis=0).max() < 1e-5  # alone, all are alike


def test_c15_small(data, monkeypatch):
    monkeypatch.setattr(c15_statistics, "GROUPS", (1, 10, 100))
    found = c15_statistics.measure({"seed": 0}, data, steps=150)
    assert found["running"] > 0.9 and found["algorithm 2"] > 0.9 and found["by class"]["10"] < 0.4


def test_c16_identities_and_what_breaks_without_them():
    assert max(c16_convolution.identities(0).values()) < 1e-12
    assert c16_convolution.per_activation_shift_error(0) > 0.1


def test_c16_curve(data):
    curve = c16_convolution.curve("BatchNorm", 0, data, steps=100)
    assert [t for t, _ in curve] == [50, 100] and curve[-1][1] > 0.9


def test_c17_arms_share_initial_weights_and_rates_are_chosen_on_held_out_images(data, monkeypatch):
    vanilla, normed = ([p.detach().numpy() for p in c17_comparison.build("ReLU", a, 3).parameters() if p.ndim == 2]
                       for a in c17_comparison.ARMS)  # fmt: skip
    assert len(vanilla) == 4 and all(np.array_equal(a, b) for a, b in zip(vanilla, normed, strict=True))
    seen = []

    def fit(net, part, *, lr, **options):
        seen.append((len(part.train.labels), len(part.test.labels)))
        return [[1, {0.1: 0.3, 0.5: 0.9, 1.0: 0.2}[lr]]]

    monkeypatch.setattr(c17_comparison, "fit", fit)
    monkeypatch.setattr(tuning, "_chosen", {})
    found = [c17_comparison.chosen("ReLU", "vanilla", 7, data).setting for _ in range(2)]
    assert found == [{"weights": "he", "rate": 0.5}] * 2
    assert seen == [(500, 100)] * 9  # once in a process, and never the 200 test images


def test_c17_times_both_arms_in_turns(data):
    spent = c17_comparison.milliseconds("ReLU", 0, data, turns=5)
    assert set(spent) == set(c17_comparison.ARMS) and min(spent.values()) > 0


def test_c17_small(data):
    cell = {"net": "sigmoid", "rates": "equal", "arm": "BatchNorm", "seed": 0, "steps": 60}
    found = c17_comparison.measure(cell, data)
    assert (
        found["curve"][0][0] == 0
        and found["curve"][-1][0] == 60
        and found["rate"] == 0.5
        and found["parameters"] == 100_310
    )
    assert found["curve"][-1][1] > 0.9


def test_c18_and_c20_on_small_data(data):
    low, high = (
        c18_small_batches.measure({"batch": b, "arm": "BatchNorm", "rates": "equal", "seed": 0}, data, steps=150)[
            "accuracy"
        ]
        for b in (2, 60)
    )
    assert high > 0.9 > low
    vanish = {
        a: c20_vanishing.measure({"net": "8 sigmoid layers", "arm": a, "scale": 1.0, "seed": 0}, data)["ratio"]["0"]
        for a in c20_vanishing.ARMS
    }
    assert vanish["without"] > 1e3 and vanish["BatchNorm"] < 10


def test_c19_plan_counts_days():
    days = c19_imagenet.plan(seconds=1.0, images=8)  # 4 s for the paper's 32
    assert days["Inception"] == pytest.approx(31.0e6 * 4 / 86400)


# ---- verdicts follow the figures ------------------------------------------------------------------
def test_verdicts_of_c10_to_c13():
    def grows_as(off):  # by how much the logarithm is larger than in theory
        theory = lambda c: c10_explosion.factor_in_theory(c["activation"], c["batch"])
        return lambda c: {"factor": theory(c) ** (1 + off(c))}

    assert verdict(c10_explosion, grows_as(lambda c: 0.04)) == "reproduced"
    at_8 = lambda c: 0.1 if (c["batch"], c["width"]) == (8, 1024) else 0.0
    assert verdict(c10_explosion, grows_as(at_8)) == "partly"  # the largest width counts
    assert verdict(c10_explosion, grows_as(lambda c: 0.1 * (c["width"] == 256))) == "reproduced"
    assert verdict(c10_explosion, grows_as(lambda c: 1.0)) == "not at this scale"
    linear_at_256 = lambda c: 1.5 * ((c["activation"], c["batch"]) == ("linear", 256))
    assert verdict(c10_explosion, grows_as(linear_at_256)) == "partly"  # ×1.010 a layer for ×1.004: no longer passes

    def skip(growth, accuracy):
        part = {
            "initialisation": lambda c: {"squared": [growth[c["arm"]], 1.0]},
            "training": lambda c: {"accuracy": accuracy[c["arm"]], "held out": c["rate"]},
        }
        return lambda c: part[c["part"]](c)

    grows = {"plain": 1e16, "skip": 100.0, "skip, no BatchNorm": 1e30}
    assert verdict(c11_skip, skip(grows, {"plain": 0.2, "skip": 0.9})) == "reproduced"
    assert verdict(c11_skip, skip(grows, {"plain": 0.6, "skip": 0.9})) == "partly"
    assert verdict(c11_skip, skip({**grows, "skip": 1e4}, {"plain": 0.6, "skip": 0.9})) == "not at this scale"
    falling = lambda *ratios: lambda c: {"ratio": [*ratios, *[ratios[-1]] * 8]}
    assert verdict(c12_equalise, falling(300, 30, 20)) == "reproduced"
    assert verdict(c12_equalise, falling(300, 31, 20)) == "partly"
    assert verdict(c12_equalise, falling(300, 200, 100)) == "not at this scale"
    errors = lambda e: lambda c: {"errors": {"a": 1e-16, "b": e}, "with eps": {"7": 1e-6}}
    assert (
        verdict(c13_scale_invariance, errors(1e-12)) == "reproduced"
        and verdict(c13_scale_invariance, errors(1e-9)) == "partly"
    )


def test_verdict_of_c14_wants_both_arms_tuned():
    def value(speed, tuned):
        def of(c):
            if c["problem"] == "least squares":
                bad = c["arm"] == "descent" and c["rate"] > 2
                return {"steps": None if bad else 100, "last": 1e300 if bad else 1e-9, "curve": [[1, 1.0]]}
            steps = {"normalised": 100, "descent": 100 * (speed if c["rate"] == 1 else tuned)}[c["arm"]]
            return {"steps": int(steps), "last": 1e-5, "curve": [[1, 1.0]]}

        return of

    assert verdict(c14_decoupling, value(3, 2.5)) == "reproduced"
    assert verdict(c14_decoupling, value(3, 1.2)) == "partly"


def test_verdicts_of_c15_to_c20():
    groups = {str(g): 0.2 for g in c15_statistics.GROUPS}
    statistics = lambda other, by_class: lambda c: {
        "running": 0.92, "algorithm 2": other, "change by batch mates": 1e-15, "shuffled": groups, "by class": {**groups, "60": by_class}
    }  # fmt: skip
    assert verdict(c15_statistics, statistics(0.924, 0.2)) == "reproduced"
    assert verdict(c15_statistics, statistics(0.93, 0.2)) == verdict(c15_statistics, statistics(0.924, 0.5)) == "partly"
    maps = lambda e: lambda c: {"errors": {"a": e, "b": 0.0}, "per activation": 1.0, "curve": [[50, 0.9]]}
    assert verdict(c16_convolution, maps(1e-13)) == "reproduced" and verdict(c16_convolution, maps(1e-11)) == "partly"


def test_verdict_of_c17_wants_more_accuracy_and_fewer_steps():
    def compared(gain, sooner):
        def of(c):
            if c["rates"] == "timing":
                return {"ms": {"vanilla": 1.0, "BatchNorm": 2.0}}
            normed = c["arm"] == "BatchNorm"
            steps = 1000 * (1 + c["seed"] / 100) / (sooner if normed else 1)
            end = 0.96 + (gain(c) + c["seed"] / 1e4) * normed
            chosen = {"setting": {"weights": "he", "rate": 0.5}} if c["rates"] == "tuned" else {}
            return {"rate": 0.1, "parameters": 1, "curve": [[0, 0.1], [steps, 0.95], [9999, end]], **chosen}

        return of

    judge = lambda *how: c17_comparison.CLAIM.judge(fake(c17_comparison.CLAIM, compared(*how)))
    every = judge(lambda c: 0.01, 3)
    assert every.verdict == "reproduced" and "×2 (2..2) (sigmoid)" in every.sentence
    assert "sigmoid, equal ×1.5" in every.sentence  # three times fewer steps of twice the cost
    assert judge(lambda c: 0.01 if c["net"] == "ReLU" else -0.01, 3).verdict == "partly"
    assert judge(lambda c: 0.01, 1).verdict == "partly"
    assert judge(lambda c: -0.01, 0.5).verdict == "not at this scale"


def test_c17_who_never_arrives_gives_a_lower_bound():
    never, at_2 = [{"curve": [[0, 0.1], [10, 0.9]]}], [{"curve": [[0, 0.1], [2, 0.96], [10, 0.97]]}]
    assert c17_comparison.fewer(never, at_2) == [5] and c17_comparison.fewer(at_2, never) == [0.2]


def test_verdict_of_c18_wants_both_kinds_of_rates():
    def small(at, rates=("equal", "tuned")):
        def of(c):
            behind = c["arm"] == "BatchNorm" and c["batch"] == at and c["rates"] in rates
            chosen = {"setting": {"rate": 0.02}} if c["rates"] == "tuned" else {}
            return {"accuracy": (0.5 if behind else 0.6) + c["seed"] / 1000 * (c["arm"] == "without"), **chosen}

        return of

    outcomes = [verdict(c18_small_batches, small(b)) for b in (2, 4, 99)]
    assert outcomes == ["reproduced", "partly", "not at this scale"]
    told = c18_small_batches.CLAIM.judge(fake(c18_small_batches.CLAIM, small(2, rates=("equal",))))
    assert told.verdict == "partly" and "batch 2 at equal rates, no size at tuned rates" in told.sentence
    assert told.table[-1][2].endswith("rate 0.02")


def test_verdict_of_c20_carries_both_halves():
    def layers(sigmoid, relu, explodes=1e9):
        def of(c):
            normed = c["arm"] == "BatchNorm"
            unequal = {c20_vanishing.SIGMOID: sigmoid, c20_vanishing.RELU: relu}[c["net"]][normed]
            largest = 1.0 if normed else explodes ** (c["scale"] - 1)
            table = dict.fromkeys(("0", "10", "100"), unequal * (1 + c["seed"] / 100))
            inner = [unequal ** (1 - i / 28) for i in range(29)]  # 28 steps between 29 inner layers
            norms = [largest, *(largest * n / unequal for n in inner), largest / 2]
            return {"ratio": table, "norms": {"0": norms}}

        return of

    judge = lambda *figures: c20_vanishing.CLAIM.judge(fake(c20_vanishing.CLAIM, layers(*figures)))
    assert judge((1e4, 3), (4, 3)).verdict == "reproduced"
    priced = judge((1e4, 3), (4, 262))
    assert priced.verdict == "partly" and "bounded where" in priced.sentence and "×1.22 a layer" in priced.sentence
    assert judge((1e4, 30), (4, 800)).verdict == "partly"  # the bad start is bounded all the same
    assert judge((1e4, 30), (4, 800), 10.0).verdict == "not at this scale"
