"""A model whose batch several devices could share; there is one, so it runs as it is."""

from __future__ import annotations

from typing import Any

from minigrad.nn.module import Module


class DataParallel(Module):
    """Call ``module``, which stands below this one: names in its state begin with ``module.``.

    As PyTorch's on a machine without a GPU, so that a script or a state made for several runs
    here. Devices that are named are not there, and are passed over.
    https://docs.pytorch.org/docs/stable/generated/torch.nn.DataParallel.html

    >>> from minigrad import nn
    >>> list(nn.DataParallel(nn.Linear(1, 1)).state_dict())
    ['module.weight', 'module.bias']
    """

    def __init__(
        self, module: Module, device_ids: Any = None, output_device: Any = None, dim: int = 0
    ) -> None:
        super().__init__()
        self.module = module
        self.device_ids: list[Any] = []
        self.dim = dim

    def forward(self, *inputs: Any, **kwargs: Any) -> Any:
        """Return what the module returns."""
        return self.module(*inputs, **kwargs)
