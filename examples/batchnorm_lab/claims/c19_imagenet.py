"""C19: ImageNet. Quoted; what is measured here is one step of the paper's network."""

from __future__ import annotations

import time

import minigrad as mg
import minigrad.nn.functional as F
from batchnorm_lab.claim import NOT_TESTABLE, Claim, Judgement, pick
from batchnorm_lab.inception import PRINTED_PARAMETERS, bn_inception
from batchnorm_lab.plotting import BLUE, labelled
from minigrad import optim

# paper, Figure 3: training steps of 32 images to 72.2 % (BN-x30: also its 6 million to 74.8 %)
STEPS = {
    "Inception": 31.0e6,
    "BN-Baseline": 13.3e6,
    "BN-x5": 2.1e6,
    "BN-x30": 2.7e6,
    "BN-x30, to its best": 6.0e6,
}
PAPERS_BATCH = 32


def measure(cell, data=None, tick=lambda n: None) -> dict:
    """Return the parameters and the seconds of training steps on random images after the first."""
    mg.manual_seed(cell["seed"])
    net = bn_inception()
    optimizer = optim.SGD(net.parameters(), lr=0.045, momentum=0.9)
    images = mg.randn(cell["images"], 3, 224, 224)
    labels = mg.randint(0, 1000, (cell["images"],))
    seconds, losses = [], []
    for _ in range(3):
        begun = time.perf_counter()
        loss = F.cross_entropy(net(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        seconds.append(time.perf_counter() - begun)
        losses.append(loss.item())
        tick(1)
    parameters = sum(p.numel() for p in net.parameters())
    return {
        "seconds": min(seconds[1:]),
        "images": cell["images"],
        "parameters": parameters,
        "losses": losses,
    }


def plan(seconds: float, images: int) -> dict[str, float]:
    """Return the days that each of the paper's runs would take on this machine."""
    a_step = seconds * PAPERS_BATCH / images
    return {name: steps * a_step / 86400 for name, steps in STEPS.items()}


QUOTED = [
    ["model", "steps to 72.2 %", "best accuracy", "days here"],
    ["Inception", "31.0 million", "72.2 %"],
    ["BN-Baseline", "13.3 million", "72.7 %"],
    ["BN-x5", "2.1 million", "73.0 %"],
    ["BN-x30", "2.7 million", "74.8 %"],
]


def cells(mode, seeds):
    """One measurement: the paper's batch of 32 images, 4 in quick mode."""
    return [{"images": PAPERS_BATCH if mode == "full" else 4, "seed": 0}]


def judge(results):
    """No verdict but "not testable here"; the plan in figures."""
    (value,) = pick(results)
    days = plan(value["seconds"], value["images"])
    rows = [QUOTED[0], *([*row, f"{days[row[0]]:,.0f}"] for row in QUOTED[1:])]
    rows.append(
        [
            "ensemble of six BN-x30",
            "-",
            "top-5 error 4.9 % (validation), 4.82 % (test)",
            f"{6 * days['BN-x30, to its best']:,.0f}",
        ]
    )
    counted = value["parameters"] / 1e6
    return Judgement(
        NOT_TESTABLE,
        f"quoted: 74.8 % against 72.2 %, 14 times fewer steps, top-5 error 4.8 %; here one step of "
        f"{value['images']} images takes "
        f"{value['seconds']:.1f} s",
        f"The network is built ({counted:.1f} million parameters by the table's filters; the text "
        f"says "
        f"{PRINTED_PARAMETERS / 1e6:.1f}) and runs forward and backward on made-up 224×224 images; "
        f"BN-x5's 2.1 million steps would "
        f"take {days['BN-x5']:,.0f} days on one core of this machine, and the 14 times are "
        f"BatchNorm plus seven other changes.",
        rows,
    )


def draw(figure, results):
    """The days that each run of the paper would take."""
    (value,) = pick(results)
    days = plan(value["seconds"], value["images"])
    axes = figure.subplots()
    bars = axes.barh(list(days), list(days.values()), color=BLUE)
    axes.bar_label(bars, [f"{d:,.0f} days" for d in days.values()], padding=3, fontsize=8)
    axes.invert_yaxis()
    axes.margins(x=0.18)
    seconds = value["seconds"] * PAPERS_BATCH / value["images"]
    title = f"the paper's runs at {seconds:.1f} s for a step of {PAPERS_BATCH} images"
    labelled(axes, title, "days on one core", "", None)


CLAIM = Claim(
    id="C19",
    title="ImageNet: 14 times fewer steps, 4.8 % top-5 error, beyond human raters",
    source="Ioffe & Szegedy 2015, §4.2 and Figures 2 to 4 (arXiv 1502.03167)",
    claimed="The same accuracy as Inception with 14 times fewer steps, 74.8 % against 72.2 % at "
            "the end; an ensemble at 4.9 % top-5 "
    "validation and 4.82 % test error, better than the best published result and than human "
    "raters.",
    protocol="none of it is run: ImageNet and its compute are not here. The paper's network is "
             "built from Figure 5 and timed, "
    "forward, backward and SGD step, on made-up 224×224 images.",
    criterion="none; quoted",
    reference=("steps to 72.2 %: 31.0, 13.3, 2.1, 2.7 million (Inception, BN-Baseline, BN-x5, "
    "BN-x30)"),
    cells=cells, measure=measure, judge=judge, draw=draw, size=(7.0, 2.8),
)  # fmt: skip
