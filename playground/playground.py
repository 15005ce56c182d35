"""What a program of the playground may use: ``show``, ``plot``, ``image``, ``mnist``, ``settings``.

It runs in the browser; ``page`` is the worker that started it.
"""

import json
from types import SimpleNamespace

import numpy as np
import page  # of the worker

import minigrad as mg

settings = SimpleNamespace()


def begin(values):
    """Take the values of the sliders, before a program runs."""
    settings.__dict__.clear()
    settings.__dict__.update(values)
    mg.manual_seed(0)


def show(thing):
    """Draw a picture of ``mg.viz``; print anything else."""
    if isinstance(thing, mg.viz.Graph):
        page.show("drawing", json.dumps({"svg": thing.drawn("svg").decode()}))
    else:
        print(thing)


def plot(title, x, y, curve="", limits=None):
    """Draw y over x, one curve of the plot of that title; again with more points, it grows."""
    data = {"title": title, "curve": curve, "limits": limits, "x": _numbers(x), "y": _numbers(y)}
    page.show("plot", json.dumps(data))


def image(title, values, points=(), classes=()):
    """Draw numbers (H, W) between 0 and 1 as colours, and points (N, 2) in the unit square."""
    values = np.asarray(values, np.float64)
    data = {"title": title, "width": values.shape[1], "height": values.shape[0]}
    data |= {"values": _numbers(values), "points": _numbers(points), "classes": _numbers(classes)}
    page.show("image", json.dumps(data))


def mnist():
    """Return 4,000 images (N, 1, 28, 28) with labels to train on and 1,000 to test on."""
    with np.load("mnist.npz") as file:
        images, labels = file["images"], file["labels"]
    images = mg.tensor(images[:, None] / np.float32(255))
    labels = mg.tensor(labels.astype(np.int64))
    return images[:4000], labels[:4000], images[4000:], labels[4000:]


def _numbers(values):
    array = np.asarray(values, np.float64).ravel()
    return [float(f"{value:.6g}") if np.isfinite(value) else None for value in array]


mg.viz.set_engine(lambda text, kind: page.layout(text))
