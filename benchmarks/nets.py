"""The nets, written once against PyTorch's interface: minigrad and PyTorch run the same source, each with its own layers.

``L`` is the library (minigrad or torch), ``nn`` its layers. Data are the same numbers everywhere.
"""

from __future__ import annotations

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
    "gru": 64,
}
NETS = tuple(BATCH)
SIZES["tiny"], BATCH["tiny"] = (
    (8, 8, 8, 8, 10),
    8,
)  # no net of the tables: what a library is warmed up with
VOCABULARY, CONTEXT, WIDTH, HEADS, LAYERS = 65, 64, 128, 4, 4  # of gpt
RECURRENT = {"lstm": "LSTM", "gru": "GRU"}  # the layer that reads the rows of an image


def data(net: str) -> tuple[np.ndarray, np.ndarray]:
    """Return a batch: inputs and classes."""
    rng, n = np.random.default_rng(0), BATCH[net]
    if net == "gpt":
        tokens = rng.integers(0, VOCABULARY, (n, CONTEXT + 1))
        return tokens[:, :-1].copy(), tokens[:, 1:].reshape(-1).copy()
    shape = (
        (n, SIZES[net][0]) if net in SIZES else (n, 28, 28) if net in RECURRENT else (n, 1, 28, 28)
    )
    return rng.standard_normal(shape).astype(np.float32), rng.integers(0, 10, n)


def build(net: str, L, nn):
    """Return the model."""
    L.manual_seed(0)
    if net in SIZES:
        return _mlp(
            SIZES[net], nn.Sigmoid if net.startswith("fig1") else nn.ReLU, net.endswith("_bn"), nn
        )
    if net in RECURRENT:
        return _recurrent(getattr(nn, RECURRENT[net]), nn)
    return {"cnn_bn": _cnn, "resnet": _resnet, "gpt": _gpt}[net](L, nn)


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


def _gpt(L, nn):
    class Block(nn.Module):
        def __init__(self):
            super().__init__()
            self.norm1, self.norm2 = nn.LayerNorm(WIDTH), nn.LayerNorm(WIDTH)
            self.attend, self.project = nn.Linear(WIDTH, 3 * WIDTH), nn.Linear(WIDTH, WIDTH)
            self.widen, self.narrow = nn.Linear(WIDTH, 4 * WIDTH), nn.Linear(4 * WIDTH, WIDTH)

        def forward(self, x):
            n, t, _ = x.shape
            parts = self.attend(self.norm1(x)).split(WIDTH, 2)
            q, k, v = (p.view(n, t, HEADS, WIDTH // HEADS).transpose(1, 2) for p in parts)
            mixed = nn.functional.scaled_dot_product_attention(q, k, v, is_causal=True)
            x = x + self.project(mixed.transpose(1, 2).reshape(n, t, WIDTH))
            return x + self.narrow(self.widen(self.norm2(x)).relu())

    class GPT(nn.Module):
        def __init__(self):
            super().__init__()
            self.token, self.position = (
                nn.Embedding(VOCABULARY, WIDTH),
                nn.Embedding(CONTEXT, WIDTH),
            )
            for table in (self.token, self.position):
                nn.init.normal_(table.weight, std=0.02)
            self.blocks = nn.Sequential(*(Block() for _ in range(LAYERS)))
            self.norm, self.head = nn.LayerNorm(WIDTH), nn.Linear(WIDTH, VOCABULARY)

        def forward(self, tokens):
            x = self.token(tokens) + self.position(L.arange(tokens.shape[1]))
            return self.head(self.norm(self.blocks(x))).view(-1, VOCABULARY)

    return GPT()


def _recurrent(layer, nn):
    class Recurrent(nn.Module):
        def __init__(self, width=128):
            super().__init__()
            self.rows, self.head = layer(28, width, batch_first=True), nn.Linear(width, 10)

        def forward(self, x):
            output, _ = self.rows(x)
            return self.head(output[:, -1])

    return Recurrent()
