"""Claims C0 to C9 of examples/batchnorm_lab: what they compute, on cases with known answers, and that
their verdicts follow the figures. The claims themselves are judged by a full run."""

import math

import numpy as np
import pytest
from lab import fake, small_data, verdict

import minigrad as mg
import minigrad.nn.functional as F
from batchnorm_lab import training
from batchnorm_lab.claims import (
    c00_gradients,
    c01_steps,
    c02_rates,
    c03_initialisation,
    c04_regularisation,
    c05_saturation,
    c06_percentiles,
    c07_gradient_shift,
    c08_noise,
    c09_smoothness,
)
from minigrad import nn


@pytest.fixture(scope="module")
def data():
    return small_data()


# ---- what is measured -----------------------------------------------------------------------------
@pytest.mark.parametrize("eps", [0.0, 1e-5])
def test_c0_all_hold_and_a_wrong_mean_does_not(eps, monkeypatch):
    assert max(c00_gradients.errors(0, 7, eps).values()) < 1e-11
    whole = c00_gradients.single_line
    monkeypatch.setattr(c00_gradients, "single_line", lambda *a: whole(*a) + 1e-3)
    assert c00_gradients.errors(0, 7, eps)["dl/dx, single line"] > 1e-10


def test_c1_arms_share_weights_and_the_probe_is_what_the_last_sigmoid_gets(data):
    nets = {arm: c01_steps.build(arm, 3) for arm in c01_steps.ARMS}
    for a, b in zip(*(training.linears(net) for net in nets.values()), strict=True):
        assert np.array_equal(a.weight.detach().numpy(), b.weight.detach().numpy())
    net, images = nets["BatchNorm"], mg.from_numpy(data.test.images)
    inputs = c01_steps.inputs_of_last_sigmoids(net, images)
    assert net.training and inputs.shape == (200, 100)
    net.eval()
    with mg.no_grad():
        np.testing.assert_allclose(net[-1](mg.from_numpy(inputs).sigmoid()).numpy(), net(images).numpy(), rtol=1e-5)


def test_c1_figure_and_c6_percentiles_on_small_data(data, monkeypatch):
    monkeypatch.setattr(c01_steps, "EVERY", 20)
    found = c01_steps.figure_1("BatchNorm", 60, 0, data)
    assert [t for t, _ in found["curve"]] == [20, 40, 60] and found["curve"][-1][1] > 0.9
    unit = np.array(found["unit 0"])
    assert unit.shape == (3, 3) and (np.diff(unit, axis=1) > 0).all()  # 15th below 50th below 85th
    np.testing.assert_allclose(np.array(found["ranges"])[:, 0], np.ptp(unit[1:], axis=0))  # after the first probe
    np.testing.assert_allclose(np.array(found["whole ranges"])[:, 0], np.ptp(unit, axis=0))
    assert found["spreads"][0] == pytest.approx((unit[:, 2] - unit[:, 0]).mean())


def test_c1_steps_that_are_never_reached_are_bounds():
    slow, fast = {"curve": [[250, 0.1], [500, 0.2]]}, {"curve": [[250, 0.96], [500, 0.97]]}
    assert c01_steps.first(slow["curve"], 0.95) == math.inf
    assert c01_steps.fewer([slow], [fast], 0.95) == [2.0]
    assert (
        c01_steps._times([2.0, 2.0], censored=True).startswith("> ×2.0")
        and c01_steps._times([math.nan]) == "not reached"
    )


def test_c4_arms(data):
    kinds = {arm: [type(m) for m in c04_regularisation.build(arm, 0)] for arm in c04_regularisation.ARMS}
    for arm, (norm, dropout, _) in c04_regularisation.ARMS.items():
        assert (nn.BatchNorm1d in kinds[arm], nn.Dropout in kinds[arm]) == (norm, dropout)
    found = c04_regularisation.measure({"rates": "equal", "arm": "BatchNorm", "steps": 60, "seed": 0}, data)
    assert found["train"] >= found["test"] > 0.8


def test_c5_saturated_shares():
    net = nn.Sequential(nn.Sigmoid())
    assert c05_saturation.saturated(net, np.array([[-4.0, 0.0, 4.0, 1.0]])) == [0.5]


def test_c7_a_net_whose_first_layers_do_not_move_has_no_shift(data):
    mg.manual_seed(0)
    net = c07_gradient_shift.build("3 × 100 sigmoid", "BatchNorm")
    before = [p.detach().numpy().copy() for p in net.parameters()]
    batch = [mg.from_numpy(a[:60]) for a in data.train]
    still = c07_gradient_shift.shifts(net, F.cross_entropy, batch, 0.0)
    assert len(still) == 3 and all(change < 1e-6 and cosine > 0.999999 for change, cosine in still)
    assert all(change > 0.01 for change, _ in c07_gradient_shift.shifts(net, F.cross_entropy, batch, 0.5))
    assert all(np.array_equal(a, p.detach().numpy()) for a, p in zip(before, net.parameters(), strict=True))


def test_c8_noise_has_the_papers_moments_and_is_off_in_evaluation():
    noise, x = c08_noise.Noise(np.random.default_rng(0)), mg.ones(4000, 300)
    out = noise(x).numpy()
    per_unit = out.mean(0) - 1.125
    assert abs(per_unit.mean()) < 0.05 and 0.25 < per_unit.std() < 0.35  # U(-0.5, 0.5) and U(1, 1.25)
    assert out.std(0) == pytest.approx(math.hypot(0.2 / math.sqrt(12), 0.1), rel=0.1)
    assert noise.eval()(x) is x


def test_c9_walk_on_a_known_loss_and_the_theorem(monkeypatch):
    assert max(c09_smoothness.theorem_error(seed) for seed in range(5)) < 1e-12
    net = nn.Linear(1, 1, bias=False)
    with mg.no_grad():
        net.weight.fill_(3.0)
    monkeypatch.setattr(c09_smoothness.F, "cross_entropy", lambda out, _: (out * out).sum() * 2)  # 2 w², gradient 4 w
    found = c09_smoothness.walk(net, (mg.ones(1, 1), None), 0.1)
    assert found["beta"] == pytest.approx(4, rel=1e-4) and net.weight.item() == 3
    assert found["gradient change"] == pytest.approx(4 * 0.4 * 12, rel=1e-4)  # curvature times the longest way
    assert found["relative change"] == pytest.approx(4 * 0.4, rel=1e-4)
    assert found["loss range"] == pytest.approx(18 - 2 * 0.6**2, rel=1e-4)  # of w = 2.4, 1.8, 0.6, -1.8


# ---- verdicts follow the figures ------------------------------------------------------------------
def learns_at(step):
    return [[t, 0.99 if t >= step else 0.1] for t in range(250, 5001, 250)]


def test_verdicts_of_c0_and_c1():
    assert verdict(c00_gradients, lambda c: {"errors": {"a": 1e-12}}) == "reproduced"
    assert verdict(c00_gradients, lambda c: {"errors": {"a": 1e-12, "b": 1e-9}}) == "partly"
    best = {"choice": {"setting": {"rate": 2.0}}}
    steps = lambda slow: lambda c: {"curve": learns_at(250 if c["arm"] == "BatchNorm" else slow), **best}
    assert [verdict(c01_steps, steps(n)) for n in (3500, 500, 250)] == ["reproduced", "partly", "not at this scale"]


def test_c1_compares_each_arm_at_the_rate_chosen_for_it():
    def of(c):
        if c["part"] == "best rate":
            return {"choice": {"setting": {"rate": 5.0 if c["arm"] == "BatchNorm" else 0.5}}}
        fast = c.get("rate") == 2.0  # nobody chose it
        return {"curve": learns_at(250 if fast else (500 if c["arm"] == "BatchNorm" else 1500))}

    results = fake(c01_steps.CLAIM, of)
    assert c01_steps.tuned(results, 0.95) == [3.0] * 3
    assert "without rate 0.5, BatchNorm rate 5" in c01_steps.CLAIM.judge(results).sentence


def test_verdict_of_c2_follows_the_anchor():
    def value(limit, best=2.0):
        def of(c):
            if c.get("part") == "anchor":
                return {"choice": {"setting": {"rate": best}}}
            top = limit if c["arm"] == "BatchNorm" else 5.0
            return {"accuracy": (0.96 if c["rate"] == best else 0.95) if 0.1 <= c["rate"] <= top else 0.1}

        return of

    assert verdict(c02_rates, value(150.0)) == "reproduced" and verdict(c02_rates, value(15.0)) == "partly"
    assert verdict(c02_rates, value(5.0)) == "not at this scale"
    assert (
        "best rate 0.5 BatchNorm bears more (×5 does not, ×30 works"
        in c02_rates.CLAIM.judge(fake(c02_rates.CLAIM, value(15.0, 0.5))).sentence
    )


def test_verdicts_of_c3_and_c4():
    def care(equal, tuned, worst=0.3):
        def of(c):
            lost = (equal if c["rates"] == "equal" else tuned) * (c["std"] == 1.0)
            return {"accuracy": 0.95 - lost if c["arm"] == "BatchNorm" else worst}

        return of

    outcomes = [verdict(c03_initialisation, care(*figures)) for figures in ((0.04, 0.04), (0.12, 0.04), (0.06, 0.06))]
    assert outcomes == ["reproduced", "partly", "not at this scale"]
    assert verdict(c03_initialisation, care(0.04, 0.04, worst=0.6)) == "not at this scale"

    def gains(batchnorm, dropout, both=0.0, equal=0.0):
        gain = {"BatchNorm": batchnorm, "dropout": dropout, "BatchNorm + dropout": both}

        def of(c):
            more = gain.get(c["arm"], 0) if c["rates"] == "tuned" else equal * (c["arm"] == "BatchNorm")
            return {"test": 0.87 + more + (c["seed"] % 2) * 1e-3 * (c["arm"] == "BatchNorm"), "train": 1.0}

        return of

    assert verdict(c04_regularisation, gains(0.02, 0.01)) == "reproduced"
    assert verdict(c04_regularisation, gains(0.02, 0.01, both=0.03)) == "partly"  # dropout still adds to it
    assert verdict(c04_regularisation, gains(0.02, 0.03)) == "partly"
    assert verdict(c04_regularisation, gains(-0.001, 0.03, 0.03)) == "not at this scale"
    assert (
        verdict(c04_regularisation, gains(-0.001, 0.03, 0.03, equal=0.1)) == "not at this scale"
    )  # tuned rates decide
    small = {"none, batch 10": 0.90, "BatchNorm, batch 10": 0.91}  # beside each other, not beside batches of 50
    told = c04_regularisation.CLAIM.judge(
        fake(c04_regularisation.CLAIM, lambda c: {"test": small.get(c["arm"], 0.8), "train": 1.0})
    )
    assert "changes by +1.00" in told.sentence and "+1.00 (+1.00..+1.00)" in told.table[-1][-1]


def test_verdict_of_c5_asks_the_vanilla_net_at_its_best():
    def deep(without, normed, best):
        def of(c):
            tuned = c["rates"] == "tuned"
            reached = normed if c["arm"] == "BatchNorm" else (best if tuned else without)
            chosen = {"setting": {"weights": "4 × Xavier", "rate": 0.5}} if tuned else {}
            shares = [0.0] * 7 + [1.0 if c["arm"] == "without" else 0.1]
            return {"curve": [[1500, reached - c["seed"] / 1e4]], "saturated": shares, **chosen}

        return of

    judge = lambda *figures: c05_saturation.CLAIM.judge(fake(c05_saturation.CLAIM, deep(*figures)))
    assert judge(0.1, 0.93, 0.1).verdict == "reproduced"
    fair = judge(0.1, 0.93, 0.91)
    assert fair.verdict == "partly" and "learns too" in fair.sentence and "+2.00 (+2.00..+2.00)" in fair.sentence
    assert "only the last layer is stuck" in fair.sentence and "4 × Xavier" in fair.sentence
    assert judge(0.3, 0.8, 0.91).verdict == "not at this scale"


def test_c5_weights_by_glorot_are_four_times_xaviers():
    plain, large = (training.linears(c05_saturation.build("without", w, 3)) for w in ("Xavier", "4 × Xavier"))
    factors = [float((b.weight / a.weight).mean().item()) for a, b in zip(plain, large, strict=True)]
    assert factors == pytest.approx([4] * 8 + [1])


def test_verdicts_of_c6_to_c9():
    def wander(*ratios, scale=1.0):
        def of(c):
            ranges = [[(1 + c.get("seed", 0) / 100) * (r if c["arm"] == "without" else 1.0)] * 100 for r in ratios]
            spreads = [scale if c["arm"] == "without" else 1.0] * 100
            return {"ranges": ranges, "whole ranges": ranges, "spreads": spreads}

        return of

    outcomes = [verdict(c06_percentiles, wander(*ratios)) for ratios in ((3, 2, 2.5), (1.5, 1.6, 3), (3, 1, 1))]
    assert outcomes == ["reproduced", "partly", "not at this scale"]
    told = c06_percentiles.CLAIM.judge(fake(c06_percentiles.CLAIM, wander(3, 3, 3, scale=6))).sentence
    assert "×0.50 (0.50..0.50)" in told and "0 of 3 above 1" in told  # larger inputs, not less stable ones

    def more(*nets, spread=0.0):
        def of(c):
            change = 1.5 if c["arm"] == "without" else (1 + (c["net"] in nets)) * math.exp(spread * (c["seed"] - 1))
            return {"shifts": {str(t): [[0.1 * change, 0.5]] for t in c07_gradient_shift.PROBES}}

        return of

    every = tuple(c07_gradient_shift.NETS)
    outcomes = [verdict(c07_gradient_shift, more(*nets)) for nets in (every, every[:1], ())]
    assert outcomes == ["reproduced", "partly", "not at this scale"]
    unsure = c07_gradient_shift.CLAIM.judge(fake(c07_gradient_shift.CLAIM, more(spread=1.0)))
    assert unsure.verdict == "not at this scale" and "not told apart in 6 × 100 ReLU" in unsure.sentence

    def noisy(end, early, tuned_early=0.9):
        def of(c):
            first = {"BatchNorm + noise": early if c["rates"] == "equal" else tuned_early, "without": 0.8}
            last = {"BatchNorm + noise": end, "without": 0.9}
            arm, more = c["arm"], c["seed"] / 1e4
            return {"curve": [[500, first.get(arm, 0.9) + more], [1000, 0.9], [2000, last.get(arm, 0.93) + more]]}

        return of

    outcomes = [verdict(c08_noise, noisy(*figures)) for figures in ((0.925, 0.9), (0.9, 0.9), (0.925, 0.9, 0.7))]
    assert outcomes == ["reproduced", "partly", "partly"]

    def rough(by):
        def of(c):
            size = by * (1 + c["seed"] / 100) if c.get("arm") == "without" else 1.0
            return (
                {"error": 1e-16} if c["part"] == "identity" else {name: [size] * 10 for name in c09_smoothness.MEASURES}
            )

        return of

    lost = lambda c: {
        **rough(5)(c),
        **({"gradient change": [1e30] * 10} if c["seed"] == 1 and c.get("arm") == "without" else {}),
    }
    judged = c09_smoothness.CLAIM.judge(fake(c09_smoothness.CLAIM, lost))
    assert judged.verdict == "partly" and "(3.0..8.4)" in judged.figure and judged.table[6][1:] == ["1, 0", "1, 0"]
    assert [verdict(c09_smoothness, rough(by)) for by in (60, 5, 1.5)] == ["reproduced", "partly", "not at this scale"]
