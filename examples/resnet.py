"""A small residual net (He et al., 2016) on MNIST or Fashion-MNIST:
    python examples/resnet.py --help

Three stages of residual blocks as the paper built them for CIFAR-10 (section 4.2), Batch
Normalization behind every convolution, global average pooling at the end.
"""

from support.data import mnist_tensors
from support.page import COLORS, arguments, bar, figure, write

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import datasets, nn, optim
from minigrad.utils.data import DataLoader, TensorDataset


def conv(n_in, n_out, stride=1):
    """Return a 3x3 convolution and its Batch Normalization, which has the bias."""
    return nn.Sequential(
        nn.Conv2d(n_in, n_out, 3, stride, padding=1, bias=False), nn.BatchNorm2d(n_out)
    )


class Block(nn.Module):
    """x + F(x): two convolutions; where sizes change, x passes a 1x1 convolution."""

    def __init__(self, n_in, n_out, stride):
        super().__init__()
        self.first = conv(n_in, n_out, stride)
        self.second = conv(n_out, n_out)
        self.shortcut = nn.Identity()
        if stride != 1 or n_in != n_out:
            self.shortcut = nn.Conv2d(n_in, n_out, 1, stride)

    def forward(self, x):
        y = self.second(self.first(x).relu())
        return (y + self.shortcut(x)).relu()


def resnet(width=8):
    """Return the net: (N, 1, 28, 28) images to (N, 10) logits."""
    return nn.Sequential(
        conv(1, width, stride=2),  # (N, width, 14, 14)
        nn.ReLU(),
        Block(width, width, 1),
        Block(width, 2 * width, 2),  # (N, 2 width, 7, 7)
        Block(2 * width, 4 * width, 2),  # (N, 4 width, 4, 4)
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(4 * width, 10),
    )


@mg.no_grad()
def accuracy(model, images, labels):
    """Return the share of correct answers, in evaluation mode."""
    model.eval()
    right = sum(
        (model(x).argmax(1) == y).sum().item()
        for x, y in DataLoader(TensorDataset(images, labels), batch_size=500)
    )
    model.train()
    return right / len(labels)


def main():
    """Train, print the test accuracy of each epoch, draw the curve."""
    args = arguments(
        __doc__,
        data=True,
        epochs=(3, "passes over the training images"),
        width=(8, "channels of the first stage"),
        fashion=(False, "Fashion-MNIST instead of MNIST"),
    )
    dataset = datasets.FashionMNIST if args.fashion else datasets.MNIST
    train_set, test_set, source = mnist_tensors(args, dataset)
    mg.manual_seed(args.seed)
    model = resnet(args.width)
    loader = DataLoader(TensorDataset(*train_set), batch_size=128, shuffle=True)
    optimizer = optim.SGD(model.parameters(), lr=0.1, momentum=0.9, weight_decay=5e-4)
    schedule = optim.lr_scheduler.OneCycleLR(optimizer, 0.2, total_steps=args.epochs * len(loader))

    accuracies = []
    for epoch in range(1, args.epochs + 1):
        batches = bar(loader, "batch")
        for images, labels in batches:
            loss = F.cross_entropy(model(images), labels)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
            batches.set_postfix(loss=f"{loss.item():.3f}", refresh=False)
        accuracies.append(accuracy(model, *test_set))
        print(f"epoch {epoch}: test accuracy {accuracies[-1]:.2%}", flush=True)
        if batches.interrupted:
            break

    drawing, axes = figure()
    axes.plot(range(1, len(accuracies) + 1), accuracies, "o-", color=COLORS[0])
    n = sum(p.numel() for p in model.parameters())
    axes.set(title=f"residual net of {n:,} parameters on {source}", ylabel="test accuracy")
    axes.set(xlabel="epoch", xticks=range(1, len(accuracies) + 1))
    write(drawing, args.picture)


if __name__ == "__main__":
    main()
