"""The names of PyTorch's ``nn.modules.module``."""

from minigrad.nn.hooks import register_module_forward_hook as register_module_forward_hook
from minigrad.nn.hooks import register_module_forward_pre_hook as register_module_forward_pre_hook
from minigrad.nn.hooks import (
    register_module_full_backward_hook as register_module_full_backward_hook,
)
from minigrad.nn.hooks import (
    register_module_full_backward_pre_hook as register_module_full_backward_pre_hook,
)
from minigrad.nn.module import Module as Module
