"""A Wasserstein GAN with gradient penalty (Gulrajani et al., 2017) on eight Gaussians in a ring:
    python examples/gradient_penalty.py --help

The critic's loss holds the norm of its own gradient, so its backward is one of second order:
``mg.autograd.grad(..., create_graph=True)`` and an ordinary ``backward()``.
"""

from support.page import COLORS, arguments, bar, figure, write

import minigrad as mg
from minigrad import nn, optim


def ring(n):
    """Return n points (n, 2) near eight places on a circle of radius 2."""
    angle = mg.randint(8, (n,)) * (mg.pi / 4)
    return 2 * mg.stack([angle.cos(), angle.sin()], 1) + 0.1 * mg.randn(n, 2)


def net(n_in, n_out, width=128):
    """Return a net of two hidden layers."""
    return nn.Sequential(
        nn.Linear(n_in, width),
        nn.ReLU(),
        nn.Linear(width, width),
        nn.ReLU(),
        nn.Linear(width, n_out),
    )


def penalty(critic, real, fake):
    """Return the mean of (‖∇critic‖ - 1)² between real and generated points (equation 3)."""
    share = mg.rand(len(real), 1)
    between = (share * real + (1 - share) * fake).requires_grad_()
    (gradient,) = mg.autograd.grad(critic(between).sum(), between, create_graph=True)
    return ((gradient.norm(dim=1) - 1) ** 2).mean()


def main():
    """Train both nets in turns; tell how the generated points lie, draw them beside real ones."""
    args = arguments(__doc__, steps=(1500, "of the generator, each after three of the critic"))
    mg.manual_seed(args.seed)
    generator, critic = net(2, 2), net(2, 1)
    g_optimizer = optim.Adam(generator.parameters(), lr=5e-4, betas=(0.5, 0.9))
    c_optimizer = optim.Adam(critic.parameters(), lr=5e-4, betas=(0.5, 0.9))

    steps = bar(range(args.steps))
    for _ in steps:
        for _ in range(3):
            real, fake = ring(256), generator(mg.randn(256, 2)).detach()
            distance = critic(real).mean() - critic(fake).mean()
            loss = -distance + penalty(critic, real, fake)
            c_optimizer.zero_grad()
            loss.backward()
            c_optimizer.step()
        g_loss = -critic(generator(mg.randn(256, 2))).mean()
        g_optimizer.zero_grad()
        g_loss.backward()
        g_optimizer.step()
        steps.set_postfix(distance=f"{distance.item():.3f}", refresh=False)

    with mg.no_grad():
        fake = generator(mg.randn(2000, 2))
    angles = mg.arange(8) * (mg.pi / 4)
    places = 2 * mg.stack([angles.cos(), angles.sin()], 1)
    nearest = (fake[:, None] - places).norm(dim=2).min(1)
    close = nearest.values < 0.5
    shares = mg.bincount(nearest.indices[close], minlength=8) / len(fake)
    print(f"{close.float().mean().item():.1%} of the points within 0.5 of one of the eight places;")
    print("shares:", " ".join(f"{share:.1%}" for share in shares.tolist()), "(wanted: 12.5% each)")

    drawing, axes = figure()
    axes.scatter(*ring(2000).T.numpy(), s=3, color=COLORS[0], alpha=0.4, label="real")
    axes.scatter(*fake.T.numpy(), s=3, color=COLORS[1], alpha=0.4, label="generated")
    axes.set(title=f"after {args.steps} steps", aspect="equal")
    axes.legend(loc="center")
    write(drawing, args.picture)


if __name__ == "__main__":
    main()
