"""The name of PyTorch's ``optim.adamw``."""

from minigrad.optim.adam import AdamW as AdamW
