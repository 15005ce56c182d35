"""A convolutional GAN (Radford et al., 2016) draws digits:
    python examples/dcgan.py --help

Transposed convolutions with Batch Normalization in the generator; the discriminator sees real and
generated images in separate batches, each with its own statistics.
"""

from support.data import mnist_tensors
from support.page import COLORS, arguments, bar, figure, show_images, write

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import nn, optim

LATENT = 64


def generator(width=16):
    """Return (N, 64) to images (N, 1, 28, 28) between -1 and 1."""
    return nn.Sequential(
        nn.Linear(LATENT, 2 * width * 49, bias=False),
        nn.BatchNorm1d(2 * width * 49),
        nn.ReLU(),
        nn.Unflatten(1, (2 * width, 7, 7)),
        nn.ConvTranspose2d(2 * width, width, 4, 2, 1, bias=False),  # (N, width, 14, 14)
        nn.BatchNorm2d(width),
        nn.ReLU(),
        nn.ConvTranspose2d(width, 1, 4, 2, 1),
        nn.Tanh(),
    )


def discriminator(width=16):
    """Return images to a logit each (N, 1): real or not."""
    return nn.Sequential(
        nn.Conv2d(1, width, 4, 2, 1),  # (N, width, 14, 14)
        nn.LeakyReLU(0.2),
        nn.Conv2d(width, 2 * width, 4, 2, 1, bias=False),  # (N, 2 width, 7, 7)
        nn.BatchNorm2d(2 * width),
        nn.LeakyReLU(0.2),
        nn.Flatten(),
        nn.Linear(2 * width * 49, 1),
    )


def initialise(module):
    """Draw the weights from N(0, 0.02), those of BatchNorm around 1 (section 3)."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
        nn.init.normal_(module.weight, 0.0, 0.02)
    elif isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)


def judged(logits, real):
    """Return the loss of a discriminator that should say ``real``."""
    wanted = mg.full_like(logits, float(real))
    return F.binary_cross_entropy_with_logits(logits, wanted)


def main():
    """Train both nets in turns; tell what the discriminator still knows, draw digits."""
    args = arguments(__doc__, data=True, steps=(1000, "of training, 64 images each"))
    (images, _), _, source = mnist_tensors(args)
    mg.manual_seed(args.seed)
    g, d = generator().apply(initialise), discriminator().apply(initialise)
    g_optimizer = optim.Adam(g.parameters(), lr=1e-3, betas=(0.5, 0.999))
    d_optimizer = optim.Adam(d.parameters(), lr=4e-4, betas=(0.5, 0.999))
    losses, steps = [], bar(range(args.steps))
    for _ in steps:
        real = 2 * images[mg.randint(len(images), (64,))] - 1
        fake = g(mg.randn(64, LATENT))
        d_loss = judged(d(real), True) + judged(d(fake.detach()), False)
        d_optimizer.zero_grad()
        d_loss.backward()
        d_optimizer.step()

        g_loss = judged(d(fake), True)
        g_optimizer.zero_grad()
        g_loss.backward()
        g_optimizer.step()
        losses.append((d_loss.item(), g_loss.item()))
        steps.set_postfix(d=f"{d_loss.item():.2f}", g=f"{g_loss.item():.2f}", refresh=False)

    g.eval()
    with mg.no_grad():
        drawn = g(mg.randn(64, LATENT)) / 2 + 0.5
    real_mean, mean = images.mean().item(), drawn.mean().item()
    real_std, std = images.std(0).mean().item(), drawn.std(0).mean().item()
    print(f"ink of a drawn image: {mean:.3f} ({source}: {real_mean:.3f});")
    print(f"how drawn images differ, pixel by pixel: {std:.3f} ({source}: {real_std:.3f})")

    drawing, (left, right) = figure(2, width=9)
    show_images(left, drawn.numpy(), 8)
    left.set_title(f"drawn after {len(losses)} steps")
    for name, color, values in zip(
        ("discriminator", "generator"), COLORS, zip(*losses, strict=True), strict=False
    ):
        right.plot(values, color=color, lw=0.6, label=name)
    right.set(title="loss", xlabel="step")
    right.legend()
    write(drawing, args.picture)


if __name__ == "__main__":
    main()
