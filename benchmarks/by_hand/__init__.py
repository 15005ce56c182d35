"""The nets' loss and gradients written by hand in NumPy: ``gradients(net, values, x, y)``, values as in ``functional``."""

import nets

from by_hand import dense, gpt, gru, images, lstm

GRADIENTS = {
    **dict.fromkeys(nets.SIZES, dense.gradients),
    "cnn_bn": images.cnn, "resnet": images.resnet, "gpt": gpt.gradients, "lstm": lstm.gradients,
    "gru": gru.gradients,
}  # fmt: skip
