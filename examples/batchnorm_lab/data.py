"""MNIST for the lab: binary images, as in the paper."""

from __future__ import annotations

import argparse
from typing import Any

from support.data import load_mnist

import numpy as np

from batchnorm_lab.training import Data, Part


def load(folder: str | None, error: Any) -> tuple[Data, str]:
    """Return the data and the name of its source; ``error`` is called with what is wrong."""
    args = argparse.Namespace(
        data=folder, model="paper", error=error
    )  # "paper": pixels above 127 are 1
    *parts, source = load_mnist(args, lambda images, labels: (images, labels))
    arrays = [Part(images.numpy().reshape(-1, 784), labels.numpy()) for images, labels in parts]
    return Data(
        *(Part(np.ascontiguousarray(p.images, np.float32), p.labels) for p in arrays)
    ), source
