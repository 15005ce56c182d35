"""A variational autoencoder (Kingma & Welling, 2014) draws digits:
python examples/vae.py --help
"""

from support.data import mnist_tensors
from support.page import arguments, bar, figure, show_images, write

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import nn, optim
from minigrad.utils.data import DataLoader, TensorDataset


class VAE(nn.Module):
    """784 pixels to the mean and log variance of 16 numbers, and back."""

    def __init__(self, latent=16, width=256):
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Flatten(), nn.Linear(784, width), nn.ReLU(), nn.Linear(width, 2 * latent)
        )
        self.decoder = nn.Sequential(
            nn.Linear(latent, width),
            nn.ReLU(),
            nn.Linear(width, 784),
            nn.Unflatten(1, (1, 28, 28)),
        )

    def forward(self, images):
        """Return the logits of the pixels, mean and log variance."""
        mean, log_variance = self.encoder(images).chunk(2, dim=1)
        z = mean + (0.5 * log_variance).exp() * mg.randn_like(mean)  # gradients pass the draw
        return self.decoder(z), mean, log_variance


def negative_elbo(logits, images, mean, log_variance):
    """Return reconstruction error and divergence from N(0, 1), nats an image (appendix B)."""
    error = F.binary_cross_entropy_with_logits(logits, images, reduction="sum")
    divergence = -0.5 * (1 + log_variance - mean**2 - log_variance.exp()).sum()
    return (error + divergence) / len(images)


def main():
    """Train, print the bound of each epoch on the test images, draw digits."""
    args = arguments(__doc__, data=True, epochs=(8, "passes over the training images"))
    (images, _), (test_images, _), source = mnist_tensors(args)
    mg.manual_seed(args.seed)
    model = VAE()
    loader = DataLoader(TensorDataset(images), batch_size=128, shuffle=True)
    optimizer = optim.Adam(model.parameters(), lr=2e-3)
    for epoch in range(1, args.epochs + 1):
        batches = bar(loader, "batch")
        for (batch,) in batches:
            logits, mean, log_variance = model(batch)
            loss = negative_elbo(logits, batch, mean, log_variance)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            batches.set_postfix(nats=f"{loss.item():.1f}", refresh=False)
        with mg.no_grad():
            logits, mean, log_variance = model(test_images)
            bound = negative_elbo(logits, test_images, mean, log_variance).item()
        print(f"epoch {epoch}: {bound:.1f} nats a test image ({source})", flush=True)
        if batches.interrupted:
            break

    with mg.no_grad():
        drawn = model.decoder(mg.randn(64, 16)).sigmoid()
        again = model(test_images[:32])[0].sigmoid()
    pairs = mg.stack([test_images[:32], again], 1).reshape(64, 1, 28, 28)
    drawing, (left, right) = figure(2, width=9)
    show_images(left, drawn.numpy(), 8)
    left.set_title("drawn from nothing")
    show_images(right, pairs.numpy(), 8)
    right.set_title("test images, each with its reconstruction")
    write(drawing, args.picture)


if __name__ == "__main__":
    main()
