"""The nets, written once against PyTorch's interface: minigrad and PyTorch run the same source.

``L`` is the library (minigrad or torch), ``nn`` its layers. Data are the same numbers everywhere.
"""

from __future__ import annotations

import math

import numpy as np

SIZES = {
    "fig1": (784, 100, 100, 100, 10),
    "fig1_bn": (784, 100, 100, 100, 10),
    "wide_bn": (784, 512, 512, 512, 10),
}
BATCH = {
    "fig1": 60,
    "fig1_bn": 60,
    "wide_bn": 256,
    "cnn_bn": 64,
    "resnet": 32,
    "gpt": 16,
    "lstm": 64,
}
NETS = tuple(BATCH)
SIZES["tiny"], BATCH["tiny"] = (
    (8, 8, 8, 8, 10),
    8,
)  # no net of the tables: what a library is warmed up with
VOCABULARY, CONTEXT, WIDTH, HEADS, LAYERS = 65, 64, 128, 4, 4  # of gpt


def data(net: str) -> tuple[np.ndarray, np.ndarray]:
    """Return a batch: inputs and classes."""
    rng, n = np.random.default_rng(0), BATCH[net]
    if net == "gpt":
        tokens = rng.integers(0, VOCABULARY, (n, CONTEXT + 1))
        return tokens[:, :-1].copy(), tokens[:, 1:].reshape(-1).copy()
    shape = (n, SIZES[net][0]) if net in SIZES else (n, 28, 28) if net == "lstm" else (n, 1, 28, 28)
    return rng.standard_normal(shape).astype(np.float32), rng.integers(0, 10, n)


def build(net: str, L, nn):
    """Return the model."""
    L.manual_seed(0)
    if net in SIZES:
        return _mlp(
            SIZES[net], nn.Sigmoid if net.startswith("fig1") else nn.ReLU, net.endswith("_bn"), nn
        )
    return {"cnn_bn": _cnn, "resnet": _resnet, "gpt": _gpt, "lstm": _lstm}[net](L, nn)


def _mlp(sizes, activation, bn, nn):
    layers = []
    for a, b in zip(sizes[:-2], sizes[1:-1], strict=True):
        layers += [nn.Linear(a, b, bias=not bn), *([nn.BatchNorm1d(b)] if bn else []), activation()]
    return nn.Sequential(*layers, nn.Linear(*sizes[-2:]))


def _conv_bn(nn, a, b, k=3):
    return [nn.Conv2d(a, b, k, padding=k // 2, bias=False), nn.BatchNorm2d(b)]


def _cnn(L, nn):
    blocks = [
        layer
        for a, b in ((1, 16), (16, 32))
        for layer in (*_conv_bn(nn, a, b), nn.ReLU(), nn.MaxPool2d(2))
    ]
    return nn.Sequential(*blocks, nn.Flatten(), nn.Linear(32 * 7 * 7, 10))


def _resnet(L, nn):
    class Block(nn.Module):
        def __init__(self, a, b):
            super().__init__()
            self.body = nn.Sequential(*_conv_bn(nn, a, b), nn.ReLU(), *_conv_bn(nn, b, b))
            self.skip = nn.Identity() if a == b else nn.Conv2d(a, b, 1, bias=False)

        def forward(self, x):
            return (self.body(x) + self.skip(x)).relu()

    return nn.Sequential(
        *_conv_bn(nn, 1, 16), nn.ReLU(), Block(16, 16), nn.MaxPool2d(2), Block(16, 32), nn.MaxPool2d(2),
        Block(32, 64), *_conv_bn(nn, 64, 64), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(64, 10),
    )  # fmt: skip


def _layer_norm(x, weight, bias):
    d = x - x.mean(-1, keepdim=True)
    return d * ((d * d).mean(-1, keepdim=True) + 1e-5).rsqrt() * weight + bias


def _gpt(L, nn):
    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.attend, self.project = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
            self.widen, self.narrow = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)
            self.weight1, self.weight2 = nn.Parameter(L.ones(WIDTH)), nn.Parameter(L.ones(WIDTH))
            self.bias1, self.bias2 = nn.Parameter(L.zeros(WIDTH)), nn.Parameter(L.zeros(WIDTH))

        def forward(self, x, mask):
            n, t, _ = x.shape
            parts = self.attend(_layer_norm(x, self.weight1, self.bias1)).split(WIDTH, 2)
            q, k, v = (p.reshape(n, t, HEADS, WIDTH // HEADS).transpose(1, 2) for p in parts)
            weights = (q @ k.transpose(-2, -1) * (1 / math.sqrt(WIDTH // HEADS)) + mask).softmax(-1)
            x = x + self.project((weights @ v).transpose(1, 2).reshape(n, t, WIDTH))
            return x + self.narrow(self.widen(_layer_norm(x, self.weight2, self.bias2)).relu())

    class GPT(nn.Module):
        def __init__(self):
            super().__init__()
            self.token = nn.Parameter(L.randn(VOCABULARY, WIDTH) * 0.02)
            self.position = nn.Parameter(L.randn(CONTEXT, WIDTH) * 0.02)
            self.blocks = nn.ModuleList([Block() for _ in range(LAYERS)])
            self.weight, self.bias = nn.Parameter(L.ones(WIDTH)), nn.Parameter(L.zeros(WIDTH))
            self.head = nn.Linear(WIDTH, VOCABULARY)
            self.mask = L.tensor(np.triu(np.full((CONTEXT, CONTEXT), -1e9, np.float32), 1))

        def forward(self, tokens):
            x = self.token[tokens] + self.position
            for block in self.blocks:
                x = block(x, self.mask)
            return self.head(_layer_norm(x, self.weight, self.bias)).reshape(-1, VOCABULARY)

    return GPT()


def _lstm(L, nn):
    class LSTM(nn.Module):
        def __init__(self, width=128):
            super().__init__()
            self.width = width
            self.input, self.hidden = (
                nn.Linear(28, 4 * width),
                nn.Linear(width, 4 * width, bias=False),
            )
            self.head = nn.Linear(width, 10)

        def forward(self, x):
            h = c = L.zeros(x.shape[0], self.width)
            for t in range(x.shape[1]):
                i, f, g, o = (self.input(x[:, t]) + self.hidden(h)).split(self.width, 1)
                c = f.sigmoid() * c + i.sigmoid() * g.tanh()
                h = o.sigmoid() * c.tanh()
            return self.head(h)

    return LSTM()
