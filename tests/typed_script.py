"""A user's script as type checkers see it: what tests/check_wheel.py holds mypy and pyright to, line by line.

The comment of a line says what each `reveal_type` in it is, or that it is an error. It is never run.
"""

from typing import reveal_type

import numpy as np

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import nn, optim
from minigrad.optim import lr_scheduler

x = mg.randn(2, 3, requires_grad=True)
y = x + 1

# ---- operations ----
reveal_type(x)  # Tensor
reveal_type(y)  # Tensor
reveal_type(1 + x)  # Tensor
reveal_type(2**x)  # Tensor
reveal_type(-x)  # Tensor
reveal_type(x @ x.T)  # Tensor
reveal_type(x == 1)  # Tensor
reveal_type(x < y)  # Tensor
reveal_type(x + np.ones(3))  # Tensor
reveal_type(x[0])  # Tensor
reveal_type(x[:, None, ...])  # Tensor
reveal_type([row for row in x])  # list[Tensor]
reveal_type(x.sum())  # Tensor
reveal_type(x.sum(0, True))  # Tensor
reveal_type(x.sum(axis=0, keepdims=True))  # Tensor
reveal_type(x.reshape(3, 2))  # Tensor
reveal_type(x.reshape((3, -1)))  # Tensor
reveal_type(x.add_(1))  # Tensor
reveal_type(x.to(mg.float64).float())  # Tensor
reveal_type(x.item())  # int | float
reveal_type(x.shape)  # Size
reveal_type(x.shape[0])  # int
reveal_type(x.shape[:1])  # Size
reveal_type(x.size(0))  # int
reveal_type(x.grad)  # Tensor | None
reveal_type(x.requires_grad)  # bool
reveal_type(x.device)  # Device
reveal_type(x.backward())  # None
reveal_type(x.max())  # Tensor
reveal_type(x.max(0).values)  # Tensor
reveal_type(mg.max(x, 1).indices)  # Tensor
reveal_type(x.topk(2).indices)  # Tensor
reveal_type(x.split(2))  # tuple[Tensor, ...]
reveal_type(x.unique(return_counts=True))  # tuple[Tensor, Tensor]
reveal_type(mg.exp(x))  # Tensor
reveal_type(mg.cat([x, x], dim=1))  # Tensor
reveal_type(mg.stack([x, x], axis=1))  # Tensor
reveal_type(mg.einsum("ij,kj->ik", x, x))  # Tensor
reveal_type(mg.where(x > 0, x, 0.0))  # Tensor
reveal_type(mg.allclose(x, y))  # bool
reveal_type(mg.tensor([1.0, 2.0]))  # Tensor
reveal_type(mg.zeros(2, dtype=mg.float64))  # Tensor
reveal_type(mg.linalg.norm(x))  # Tensor
reveal_type(mg.linalg.svd(x).S)  # Tensor
reveal_type(mg.autograd.grad(x.sum(), [x]))  # tuple[Tensor, ...]
reveal_type(mg.autograd.grad(x.sum(), {"x": x}))  # dict[str, Tensor]
reveal_type(mg.manual_seed(0))  # Generator

# ---- layers ----
layer = nn.Linear(2, 3)
model = nn.Sequential(layer, nn.BatchNorm1d(3), nn.ReLU())
reveal_type(layer(x))  # Tensor
reveal_type(layer.weight)  # Parameter
reveal_type(layer.weight * 2)  # Tensor
reveal_type(model(x))  # Tensor
reveal_type(nn.CrossEntropyLoss()(x, y))  # Tensor
reveal_type(F.relu(x))  # Tensor
reveal_type(nn.functional.cross_entropy(x, y))  # Tensor
reveal_type(F.softmax(x, dim=1))  # Tensor
reveal_type(model.parameters())  # Iterator[Parameter]


class Net(nn.Module):
    def __init__(self) -> None:
        super().__init__()
        self.layer = nn.Linear(2, 3)

    def forward(self, x: mg.Tensor, twice: bool = False) -> tuple[mg.Tensor, mg.Tensor]:
        reveal_type(self.layer)  # Linear
        return self.layer(x), x


reveal_type(Net()(x, twice=True))  # tuple[Tensor, Tensor]
reveal_type(Net().train().to("cpu"))  # Net

# ---- optimizers, modes ----
optimizer = optim.SGD(model.parameters(), lr=0.1)
reveal_type(optimizer)  # SGD
reveal_type(optimizer.zero_grad())  # None
reveal_type(lr_scheduler.StepLR(optimizer, 3).get_last_lr())  # list[float]
reveal_type(optim.lr_scheduler.StepLR(optimizer, 3))  # StepLR
reveal_type(mg.no_grad())  # no_grad


@mg.no_grad()
def first(n: int) -> str:
    return str(n)


@mg.no_grad
def second(n: int) -> str:
    return str(n)


@mg.inference_mode()
def third(n: int) -> str:
    return str(n)


with mg.no_grad(), mg.enable_grad(), mg.inference_mode(False), mg.set_grad_enabled(True):
    reveal_type(first)  # (n: int) -> str
    reveal_type(second)  # (n: int) -> str
    reveal_type(third)  # (n: int) -> str

# ---- what is not there ----
x.summ()  # error
y.exp().summ()  # error
mg.expp(x)  # error
mg.exp(3.0)  # error
nn.Linearr  # error
F.reluu(x)  # error
nn.functional.reluu  # error
optim.SGDD  # error
mg.linalg.normm  # error
layer("text")  # error
Net()(x, thrice=True)  # error
first("text")  # error
x.max(0).value  # error
