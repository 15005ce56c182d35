"""The names of PyTorch's ``nn.modules.adaptive``."""

from minigrad.nn.losses.adaptive_softmax import (
    AdaptiveLogSoftmaxWithLoss as AdaptiveLogSoftmaxWithLoss,
)
