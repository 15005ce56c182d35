"""A step with a gradient of one's own: a net whose hidden units are 0 or 1 learns two moons:
    python examples/custom_function.py --help

The derivative of a step is zero nearly everywhere, so nothing would ever be learned. A ``Function``
gives it the derivative of a sigmoid instead (a surrogate gradient, as spiking nets use it).
"""

from support.page import COLORS, arguments, bar, figure, write

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import datasets, nn, optim


class Step(mg.autograd.Function):
    """1 where x > 0, else 0; backward as if it had been a sigmoid of slope 4."""

    @staticmethod
    def forward(ctx, x):
        ctx.save_for_backward(x)
        return (x > 0).to(x.dtype)

    @staticmethod
    def backward(ctx, grad):
        (x,) = ctx.saved_tensors
        s = (4 * x).sigmoid()
        return grad * 4 * s * (1 - s)


class StepNet(nn.Module):
    """2-32-1; what leaves the hidden layer is 32 bits."""

    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(2, 32)
        self.out = nn.Linear(32, 1)

    def forward(self, x):
        return self.out(Step.apply(self.hidden(x)))[:, 0]


def main():
    """Train, tell how many points are on the right side, draw the border."""
    args = arguments(__doc__, steps=(1500, "of training, each on all points"))
    mg.manual_seed(args.seed)
    points, moons = datasets.two_moons(1000)
    labels = moons.float()
    model = StepNet()
    optimizer = optim.Adam(model.parameters(), lr=0.02)
    steps = bar(range(args.steps))
    for _ in steps:
        loss = F.binary_cross_entropy_with_logits(model(points), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        steps.set_postfix(loss=f"{loss.item():.3f}", refresh=False)

    with mg.no_grad():
        right = ((model(points) > 0) == (labels > 0.5)).float().mean().item()
        x, y = mg.meshgrid(mg.linspace(-1.5, 2.5, 200), mg.linspace(-1, 1.5, 150), indexing="xy")
        logits = model(mg.stack([x.flatten(), y.flatten()], 1)).reshape(150, 200)
    print(f"{right:.1%} of the points on the right side of a border made of 32 straight steps")

    drawing, axes = figure()
    axes.contourf(x.numpy(), y.numpy(), logits.numpy() > 0, levels=1, cmap="coolwarm", alpha=0.3)
    for label, color in ((0, COLORS[0]), (1, COLORS[1])):
        axes.scatter(*points[labels == label].T.numpy(), s=6, color=color)
    axes.set_title(f"hidden units of 0 and 1: {right:.1%} right")
    write(drawing, args.picture)


if __name__ == "__main__":
    main()
