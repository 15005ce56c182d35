"""C19: ImageNet. Quoted; what is measured here is one step of the paper's network."""

from __future__ import annotations

import time

from batchnorm_lab.inception import PRINTED_PARAMETERS, bn_inception

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import optim

STEPS = {  # paper, Figure 3: training steps of 32 images to 72.2 % (BN-x30: also its 6 million to 74.8 %)
    "Inception": 31.0e6,
    "BN-Baseline": 13.3e6,
    "BN-x5": 2.1e6,
    "BN-x30": 2.7e6,
    "BN-x30, to its best": 6.0e6,
}
PAPERS_BATCH = 32


def measure(cell, data=None, tick=lambda n: None) -> dict:
    """Return the parameters and the seconds of training steps on made-up images, first one left out."""
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
    return {"seconds": min(seconds[1:]), "images": cell["images"], "parameters": parameters, "losses": losses}


def plan(seconds: float, images: int) -> dict[str, float]:
    """Return the days that each of the paper's runs would take on this machine."""
    a_step = seconds * PAPERS_BATCH / images
    return {name: steps * a_step / 86400 for name, steps in STEPS.items()}
