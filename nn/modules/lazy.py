"""The names of PyTorch's ``nn.modules.lazy``."""

from minigrad.nn.lazy import LazyModuleMixin as LazyModuleMixin
