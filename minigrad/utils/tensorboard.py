"""PyTorch's path to the writer for TensorBoard, which is :class:`minigrad.viz.SummaryWriter`."""

from minigrad.viz.tensorboard import SummaryWriter as SummaryWriter
