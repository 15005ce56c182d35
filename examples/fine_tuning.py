"""Fine-tune a saved net on new classes with few labels:
    python examples/fine_tuning.py --help

A net that has learned the digits 0 to 4 lies in a safetensors file (made on the first run). Its
convolutions are loaded and frozen; only a new last layer learns 5 to 9, from 10 images each.
Beside it: the same net from scratch on the same images.
"""

from pathlib import Path

from support.arguments import folder
from support.data import mnist_tensors
from support.page import COLORS, arguments, bar, figure, write

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import nn, optim


def build():
    """Return a small convolutional net: features, and a head for five classes."""
    features = nn.Sequential(
        nn.Conv2d(1, 16, 3, 2, 1), nn.BatchNorm2d(16), nn.ReLU(),  # (N, 16, 14, 14)
        nn.Conv2d(16, 32, 3, 2, 1), nn.BatchNorm2d(32), nn.ReLU(),  # (N, 32, 7, 7)
        nn.Flatten(), nn.Linear(32 * 49, 64), nn.BatchNorm1d(64), nn.ReLU(),
    )  # fmt: skip
    model = nn.Sequential()
    model.add_module("features", features)
    model.add_module("head", nn.Linear(64, 5))
    return model


def digits(images, labels, lowest, each=None):
    """Return the images of five digits with labels 0 to 4; ``each``: the first so many of each."""
    chosen = (labels >= lowest) & (labels < lowest + 5)
    images, labels = images[chosen], labels[chosen] - lowest
    if each is not None:
        firsts = [(labels == k).nonzero()[:each, 0] for k in range(5)]
        few = mg.cat(firsts)
        images, labels = images[few], labels[few]
    return images, labels


def train(model, images, labels, steps, what):
    """Train what is not frozen, on 50 images drawn at random a step."""
    trained = [p for p in model.parameters() if p.requires_grad]
    optimizer = optim.Adam(trained, lr=2e-3)
    progress = bar(range(steps), what)
    for _ in progress:
        chosen = mg.randint(len(labels), (50,))
        loss = F.cross_entropy(model(images[chosen]), labels[chosen])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        progress.set_postfix(loss=f"{loss.item():.3f}", refresh=False)


@mg.no_grad()
def accuracy(model, images, labels):
    """Return the share of correct answers, in evaluation mode."""
    return (model.eval()(images).argmax(1) == labels).float().mean().item()


def main():
    """Make or load the checkpoint, fine-tune, compare with a start from scratch."""
    args = arguments(
        __doc__,
        data=True,
        checkpoint=("runs/digits-0-to-4.safetensors", "made where it does not exist"),
        each=(10, "labelled images of each new digit"),
        steps=(150, "of training on them"),
    )
    train_set, test_set, source = mnist_tensors(args)
    mg.manual_seed(args.seed)
    path = Path(args.checkpoint)
    if not path.exists():
        folder(path.parent)
        first = build()
        train(first, *digits(*train_set, 0), 500, "step on 0 to 4")
        mg.save(first.state_dict(), path)
        right = accuracy(first, *digits(*test_set, 0))
        print(f"{path}: digits 0 to 4, test accuracy {right:.2%} ({source})")

    few, test = digits(*train_set, 5, args.each), digits(*test_set, 5)
    tuned, scratch = build(), build()
    state = mg.load(path)
    tuned.load_state_dict(
        {k: v for k, v in state.items() if k.startswith("features")}, strict=False
    )
    tuned.features.requires_grad_(False).eval()  # no gradient, and BatchNorm keeps its statistics
    results = {}
    for name, model in (("fine-tuned", tuned), ("from scratch", scratch)):
        n = sum(p.numel() for p in model.parameters() if p.requires_grad)
        train(model, *few, args.steps, f"step {name}")
        results[name] = accuracy(model, *test)
        print(f"{name:>12}: {n:6,} parameters trained, test accuracy {results[name]:.2%} on 5 to 9")

    drawing, axes = figure()
    axes.bar(list(results), list(results.values()), color=COLORS)
    for i, value in enumerate(results.values()):
        axes.text(i, value + 0.01, f"{value:.1%}", ha="center")
    axes.set(
        title=f"digits 5 to 9 from {args.each} images each", ylabel="test accuracy", ylim=(0, 1)
    )
    write(drawing, args.picture)


if __name__ == "__main__":
    main()
