"""Draw graphs into docs/gallery.md and docs/gallery/: python examples/gallery.py [docs]"""

import argparse
from textwrap import fill

from support import need, need_dot
from support.arguments import folder

import minigrad as mg
from minigrad import nn, optim, viz
from minigrad.nn import functional as F


def square():
    """x·x has two operand edges, though both come from one tensor."""
    x = mg.tensor([1.0, 2.0, 3.0], requires_grad=True)
    return viz.graph(x * x, {"x": x})


def diamond():
    """One value is read twice; its two gradients are added."""
    x = mg.tensor([0.5, 1.5], requires_grad=True)
    h = x.exp()
    return viz.graph((h.sin() * h.cos()).sum(), {"x": x})


def linear_batchnorm():
    """y = BN(Wx) after backward: along each edge, in orange, the norm of the gradient that came
    back.
    """
    mg.manual_seed(0)
    layer, bn = nn.Linear(4, 3, bias=False), nn.BatchNorm1d(3)
    x = mg.randn(8, 4, requires_grad=True)
    y = bn(layer(x).named("Wx"))
    with viz.watch():
        y.backward(mg.randn(8, 3))
    names = {"x": x, "W": layer.weight, "γ": bn.weight, "β": bn.bias}
    return viz.graph(y, names, show=("shapes", "gradients"))


def batchnorm_train():
    """Batch Normalization in training: μ, σ², x̂ and y of the paper's Algorithm 1."""
    x = mg.ones(8, 3, requires_grad=True)
    bn = nn.BatchNorm1d(3)
    return viz.graph(bn(x), {"x": x})


def batchnorm_eval():
    """The same layer in evaluation: the statistics are buffers."""
    x = mg.ones(8, 3, requires_grad=True)
    bn = nn.BatchNorm1d(3).eval()
    return viz.graph(bn(x), {"x": x})


class Twice(nn.Module):
    def __init__(self, wide):
        super().__init__()
        self.layer = nn.Linear(wide, wide)

    def forward(self, x):
        return self.layer(self.layer(x).relu() * 2)


def shared_weight():
    """One layer called twice: its weight is drawn once, each call has its own frame."""
    return viz.trace(Twice(3), mg.ones(2, 3), collapse_repeats=False)


def second_order():
    """The gradient of x³ is a graph, too: the operations of the derivative, orange, behind those of
    the forward pass.
    """
    x = mg.tensor([2.0], requires_grad=True)
    (slope,) = mg.autograd.grad((x * x * x).sum(), x, create_graph=True)
    return viz.graph(slope, {"x": x})


class Residual(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.conv1, self.bn1 = (
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
        )
        self.conv2, self.bn2 = (
            nn.Conv2d(channels, channels, 3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
        )

    def forward(self, x):
        return (x + self.bn2(self.conv2(self.bn1(self.conv1(x)).relu()))).relu()


def residual():
    """A residual block with its layers closed: the way around them is plain to see."""
    return viz.trace(Residual(4), mg.ones(2, 4, 6, 6), depth=1)


def resnet():
    """Eight residual blocks are one, drawn once."""
    stages = nn.Sequential(*(Residual(4) for _ in range(8)))
    return viz.trace(
        nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), stages, nn.Flatten()), mg.ones(2, 3, 6, 6)
    )


def frozen():
    """A frozen body, and pooling before it, are drawn as what learns is; only the last layer keeps
    anything for it.
    """
    body = nn.Sequential(nn.MaxPool2d(2), nn.Flatten(), nn.Linear(9, 4), nn.ReLU()).requires_grad_(
        False
    )
    return viz.trace(nn.Sequential(body, nn.Linear(4, 2)), mg.ones(5, 1, 6, 6))


def neuron():
    """A neuron of two numbers after backward: single numbers show their value and their gradient
    with its sign.
    """
    names = {
        name: mg.tensor(v, requires_grad=True) for name, v in (("x", 2.0), ("w", -3.0), ("b", 5.0))
    }
    out = (names["x"] * names["w"] + names["b"]).tanh().named("out")
    with viz.watch():
        out.backward()
    return viz.graph(out, names, show=("gradients",), direction="LR")


class LSTMCell(nn.Module):
    def __init__(self, inputs, hidden):
        super().__init__()
        self.wide = hidden
        self.input, self.hidden = nn.Linear(inputs, 4 * hidden), nn.Linear(hidden, 4 * hidden)

    def forward(self, x, h, c):
        gates, n = self.input(x) + self.hidden(h), self.wide
        i, f, o, g = (gates[:, k * n : (k + 1) * n] for k in range(4))
        c = (f.sigmoid() * c + i.sigmoid() * g.tanh()).named("c")
        return (o.sigmoid() * c.tanh()).named("h"), c


def lstm_cell():
    """An LSTM cell: four gates cut from one product."""
    return viz.trace(LSTMCell(3, 2), mg.ones(1, 3), mg.ones(1, 2), mg.ones(1, 2))


class Attention(nn.Module):
    def __init__(self, wide):
        super().__init__()
        self.query, self.key, self.value = (nn.Linear(wide, wide) for _ in range(3))

    def forward(self, x):  # (N, T, C)
        q, k, v = self.query(x), self.key(x), self.value(x)
        scores = q @ k.transpose(1, 2) / x.shape[-1] ** 0.5
        return (F.softmax(scores, dim=-1).named("attention") @ v).named("y")


def attention():
    """Self-attention: who reads q, k and v."""
    return viz.trace(Attention(4), mg.ones(2, 5, 4), depth=1)


class Heads(nn.Module):
    def __init__(self, wide, count):
        super().__init__()
        self.heads = nn.ModuleList(Attention(wide) for _ in range(count))
        self.mix = nn.Linear(count * wide, wide)

    def forward(self, x):
        return self.mix(mg.cat([head(x) for head in self.heads], -1))


def heads():
    """Eight heads of attention read the same and are joined: one, and how often."""
    return viz.trace(Heads(4, 8), mg.ones(2, 5, 4), depth=2)


class Block(nn.Module):
    def __init__(self, wide):
        super().__init__()
        self.attention = Attention(wide)
        self.mlp = nn.Sequential(nn.Linear(wide, 4 * wide), nn.ReLU(), nn.Linear(4 * wide, wide))

    def forward(self, x):
        x = x + self.attention(x)
        return x + self.mlp(x)


def transformer():
    """A Transformer of twelve blocks: one block, and how often."""
    return viz.trace(nn.Sequential(*(Block(8) for _ in range(12))), mg.ones(1, 4, 8))


def in_place():
    """A recorded write is a new value, marked as one; what is stretched to fit is dashed."""
    x, row = mg.ones(2, 3, requires_grad=True), mg.ones(3, requires_grad=True)
    y = x * 2
    y += row
    y[0] = 0.0
    return viz.graph(y.sum(), {"x": x, "row": row})


def inserted_layer():
    """Two models in one picture: BatchNorm was put behind a layer, and the last one has become
    wider.
    """
    before = nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))
    after = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.Tanh(), nn.Linear(4, 2))
    return viz.diff(before, after, mg.ones(8, 3))


def slide():
    """The same kind of picture for a slide: large letters, no bytes."""
    model = nn.Sequential(nn.Linear(3, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, 2))
    return viz.trace(model, mg.ones(8, 3), depth=1, direction="LR").slide()


PICTURES = [
    square, diamond, linear_batchnorm, batchnorm_train, batchnorm_eval, shared_weight, second_order,
    residual, resnet, frozen, neuron, lstm_cell, attention, heads, transformer, in_place,
    inserted_layer, slide,
]  # fmt: skip


def sigmoids():
    mg.manual_seed(0)
    model = nn.Sequential(*(m for _ in range(5) for m in (nn.Linear(16, 16), nn.Sigmoid())))
    return model, mg.randn(32, 16)


def gradient_flow():
    """Five layers of sigmoids: the gradient of each parameter, first layer to last. It vanishes to
    the left.
    """
    model, x = sigmoids()
    model(x).pow(2).sum().backward()
    return viz.gradient_flow(model)


def gradient_histograms():
    """log10|gradient| of each layer over forty steps of training, the first layer on top."""
    model, x = sigmoids()
    optimizer = optim.SGD(model.parameters(), lr=0.05)
    with viz.Histograms(model) as seen:
        for _ in range(40):
            optimizer.zero_grad()
            model(x).pow(2).sum().backward()
            optimizer.step()
    return seen.draw("gradients")


FIGURES = [gradient_flow, gradient_histograms]


LEGEND = """
Values flow along the grey arrows, gradients back along the orange ones. Blue boxes are inputs,
yellow ones parameters, violet cylinders buffers, dashed boxes constants; ellipses are
operations, green where their result has a name, orange those of a derivative, and boxes with a
double line are modules that are closed. In a formula operands have their names; a, b, c are
those without, as the arrows call them where their order matters. A dashed arrow is broadcast.
`keeps` is what an operation holds until backward. A frame with ×8 stands for eight equal ones:
what they keep is added up, their gradients are a range.
"""


def main(folder):
    """Write the page and its pictures."""
    (folder / "gallery").mkdir(parents=True, exist_ok=True)
    lines = [
        "# Gallery",
        "",
        "Made by `make gallery` from the programs in `examples/gallery.py`.",
        "",
        fill(" ".join(LEGEND.split()), 120),
        "",
    ]
    for make in [*PICTURES, *FIGURES]:
        kind = "svg" if make in PICTURES else "png"
        picture, path = make(), folder / "gallery" / f"{make.__name__}.{kind}"
        picture.render(path) if kind == "svg" else picture.savefig(path, dpi=90)
        caption = " ".join(make.__doc__.split())
        lines += [f"## {make.__name__.replace('_', ' ')}", "", caption, ""]
        lines += [f"![{caption}](gallery/{path.name})", ""]
    (folder / "gallery.md").write_text("\n".join(lines[:-1]) + "\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition(":")[0])
    parser.add_argument(
        "folder", nargs="?", type=folder, default="docs", help="default: %(default)s"
    )
    arguments = parser.parse_args()
    need("matplotlib")
    need_dot()
    main(arguments.folder)
