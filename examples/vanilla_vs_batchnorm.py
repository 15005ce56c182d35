"""A vanilla net against the same net with Batch Normalization, on MNIST.

    python examples/vanilla_vs_batchnorm.py --help

The net is the paper's (Ioffe & Szegedy 2015, §4.1): binary images, three layers of 100 sigmoids,
batches of 60. Both nets get the same initial weights, batches and learning rate; only BatchNorm
differs. At the end: one table, and one picture of the test accuracy over the training steps.
"""

import argparse
import itertools
import signal
import sys
import time

from support import leave, need
from support.arguments import picture, positive, seed
from support.data import load_mnist
from support.report import COLORS, STYLES

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import nn, optim
from minigrad.utils.data import DataLoader, TensorDataset

NAMES = {"none": "vanilla", "batch": "BatchNorm"}
GOALS = (0.90, 0.95, 0.97)  # test accuracies whose first step is noted


def build(norm, seed):
    """784-100-100-100-10. The same seed gives both nets the same weights: BatchNorm draws none."""
    mg.manual_seed(seed)
    layers = [nn.Flatten()]
    for n_in, n_out in ((784, 100), (100, 100), (100, 100)):
        layers.append(nn.Linear(n_in, n_out))
        if norm == "batch":
            layers.append(nn.BatchNorm1d(n_out))  # before the nonlinearity, as in the paper
        layers.append(nn.Sigmoid())
    net = nn.Sequential(*layers, nn.Linear(100, 10))
    for layer in net:
        if isinstance(layer, nn.Linear):
            nn.init.normal_(layer.weight, std=0.02)  # the paper: "small random Gaussian values"
            nn.init.zeros_(layer.bias)
    for layer, after in zip(net, list(net)[1:], strict=False):
        if isinstance(after, nn.BatchNorm1d):
            # BatchNorm would subtract it; only now, so that both nets draw the same weights
            layer.bias = None
    return net


def accuracy(net, dataset):
    """Return the accuracy in evaluation mode (BatchNorm by its running statistics)."""
    net.eval()
    with mg.no_grad():
        right = sum(
            (net(images).argmax(1) == labels).sum().item()
            for images, labels in DataLoader(dataset, batch_size=1000)
        )
    net.train()
    return right / len(dataset)


def train(norm, args, train_set, test_set, row):
    """Train one net and fill its row, with the curve {step: test accuracy}, on the way."""
    from tqdm import tqdm

    net = build(norm, args.seed)
    row["parameters"] = sum(p.numel() for p in net.parameters())
    optimizer = optim.SGD(net.parameters(), lr=args.lr)
    loader = DataLoader(train_set, batch_size=60, shuffle=True)
    row["curve"], seconds = {0: accuracy(net, test_set)}, 0.0
    passes = itertools.chain.from_iterable(itertools.repeat(loader))  # pass after pass
    bar = tqdm(
        itertools.islice(passes, args.steps),
        NAMES[norm],
        args.steps,
        leave=False,
        disable=None,
        unit="step",
    )
    for step, (images, labels) in enumerate(bar, 1):
        begun = time.perf_counter()
        loss = F.cross_entropy(net(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        seconds += time.perf_counter() - begun
        row["ms per step"] = 1000 * seconds / step
        if step % args.every == 0 or step == args.steps:
            row["curve"][step] = accuracy(net, test_set)
            bar.set_postfix(test=f"{row['curve'][step]:.2%}", refresh=False)


def table(rows, steps):
    """Return the nets side by side as text.

    One that was interrupted ends at its last look at the test set.
    """
    lines = [("", *(NAMES[norm] for norm in rows))]
    last = [max(r["curve"]) for r in rows.values()]
    if set(last) != {steps}:
        lines += [("interrupted; last test at step", *(f"{step:,}" for step in last))]
    what = f"test accuracy after {steps:,} steps" if set(last) == {steps} else "test accuracy there"
    lines += [
        (what, *(f"{r['curve'][step]:.2%}" for r, step in zip(rows.values(), last, strict=True)))
    ]
    lines += [("best test accuracy", *(f"{max(r['curve'].values()):.2%}" for r in rows.values()))]
    for goal in GOALS:
        first = [next((s for s, a in r["curve"].items() if a >= goal), None) for r in rows.values()]
        shown = (
            f"> {end:,}" if s is None else f"{s:,}" for s, end in zip(first, last, strict=True)
        )
        lines += [(f"steps to {goal:.0%}", *shown)]
    lines += [
        (
            "ms per training step",
            *(f"{r['ms per step']:.2f}" if "ms per step" in r else "-" for r in rows.values()),
        )
    ]
    lines += [("parameters", *(f"{r['parameters']:,}" for r in rows.values()))]
    return "\n".join(
        f"{what:<34}{''.join(f'{cell:>12}' for cell in cells)}" for what, *cells in lines
    )


def draw(rows, title, path):
    """Draw both curves."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    figure, axes = plt.subplots(figsize=(6.4, 4.2), layout="constrained")
    for norm, row in rows.items():
        axes.plot(
            *zip(*row["curve"].items(), strict=True),
            STYLES[norm],
            color=COLORS[norm],
            label=NAMES[norm],
        )
    axes.set(xlabel="training steps", ylabel="test accuracy", title=title, ylim=(0, 1))
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right")
    figure.savefig(path, dpi=150)
    plt.close(figure)


def main():
    """Train both nets, print the table, write the picture.

    Ctrl-C ends the training, not the program.
    """
    show_defaults = argparse.ArgumentDefaultsHelpFormatter
    parser = argparse.ArgumentParser(
        description=__doc__.partition("\n")[0], formatter_class=show_defaults
    )
    parser.add_argument(
        "--steps", type=positive(int), default=20_000, help="of training; the paper took 50000"
    )
    parser.add_argument(
        "--lr", type=positive(float), default=0.5, help="learning rate of both nets"
    )
    parser.add_argument(
        "--every", type=positive(int), default=250, help="steps between two looks at the test set"
    )
    parser.add_argument("--seed", type=seed, default=0, help="of weights and batches")
    parser.add_argument("--data", metavar="FOLDER", help="where the four MNIST files are")
    parser.add_argument(
        "--picture",
        type=picture,
        default="vanilla_vs_batchnorm.png",
        help="where to draw the curves",
    )
    args = parser.parse_args()
    need("tqdm")
    args.model, args.error = "paper", parser.error  # load_mnist then makes the images binary
    train_set, test_set, source = load_mnist(args, TensorDataset)
    print(
        f"{source}: {len(train_set):,} images to train on, {len(test_set):,} to test; lr "
        f"{args.lr:g}, seed {args.seed}"
    )
    rows, interrupted = {norm: {} for norm in NAMES}, False
    try:
        signal.signal(signal.SIGINT, signal.default_int_handler)
        for norm, row in rows.items():
            train(norm, args, train_set, test_set, row)
    except KeyboardInterrupt:
        interrupted = True
    signal.signal(signal.SIGINT, leave)
    rows = {norm: row for norm, row in rows.items() if row.get("curve")}
    if not rows:
        leave()
    print("\n" + table(rows, args.steps))
    draw(rows, f"784-100-100-100-10, sigmoid, on {source}", args.picture)
    print(f"\npicture: {args.picture}")
    return 130 if interrupted else 0


if __name__ == "__main__":
    sys.exit(main())
