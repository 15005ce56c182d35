"""What the tests of examples/batchnorm_lab share."""

import json
from pathlib import Path

import numpy as np

from batchnorm_lab.claim import Result
from batchnorm_lab.training import Data, Part

EXAMPLES = Path(__file__).parent.parent / "examples"


def small_data():
    """600 and 200 images that a net can learn: a bright bar whose place is the label, and noise."""
    rng = np.random.default_rng(0)
    parts = []
    for n in (600, 200):
        labels = rng.integers(0, 10, n)
        images = rng.random((n, 28, 28)) < 0.1
        images[np.arange(n), 2 * labels + 4] = True
        parts.append(Part(images.reshape(n, 784).astype(np.float32), labels))
    return Data(*parts)


def fake(claim, value, mode="full", seeds=3):
    """Return results of all cells of a claim, their values by ``value(cell)``."""
    return [Result(cell, json.loads(json.dumps(value(cell)))) for cell in claim.cells(mode, seeds)]


def verdict(module, value):
    """Return the verdict on such results."""
    return module.CLAIM.judge(fake(module.CLAIM, value)).verdict
