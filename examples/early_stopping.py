"""Stop where the validation loss is lowest, and keep those weights:
    python examples/early_stopping.py --help

A wide net and 2,000 images, one in five with a wrong label: it first learns digits, then the
wrong labels by heart, while the loss on images it does not see rises. ``model.snapshot()`` is an
independent copy; ``model.state_dict()`` would go on changing.
"""

from support.data import mnist_tensors
from support.page import COLORS, arguments, bar, figure, write

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import nn, optim
from minigrad.utils.data import DataLoader, TensorDataset, random_split


@mg.no_grad()
def evaluate(model, images, labels):
    """Return loss and accuracy in evaluation mode."""
    model.eval()
    logits = model(images)
    model.train()
    right = (logits.argmax(1) == labels).float().mean()
    return F.cross_entropy(logits, labels).item(), right.item()


def main():
    """Train until the validation loss has not fallen for a while; compare last and best weights."""
    args = arguments(
        __doc__,
        data=True,
        epochs=(100, "at most"),
        patience=(10, "epochs without a lower validation loss before it stops"),
    )
    (images, labels), test_set, source = mnist_tensors(args)
    mg.manual_seed(args.seed)
    images, labels = images[:4000], labels[:4000]
    wrong = mg.rand(len(labels)) < 0.2
    noisy = mg.where(wrong, mg.randint(10, labels.shape), labels)
    half = len(labels) // 2
    train_set, validation_set = random_split(TensorDataset(images, noisy), [half, half])
    model = nn.Sequential(
        nn.Flatten(), nn.Linear(784, 512), nn.ReLU(), nn.Linear(512, 512), nn.ReLU(),
        nn.Linear(512, 10),
    )  # fmt: skip
    optimizer = optim.Adam(model.parameters(), lr=1e-3)

    curves, lowest, best, weights = [], float("inf"), 0, None
    epochs = bar(range(args.epochs), "epoch")
    for epoch in epochs:
        for batch, targets in DataLoader(train_set, batch_size=50, shuffle=True):
            loss = F.cross_entropy(model(batch), targets)
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
        train_loss, _ = evaluate(model, *train_set[:])
        validation_loss, _ = evaluate(model, *validation_set[:])
        curves.append((train_loss, validation_loss))
        epochs.set_postfix(validation=f"{validation_loss:.3f}", refresh=False)
        if validation_loss < lowest:
            lowest, best, weights = validation_loss, epoch, model.snapshot()
        elif epoch - best >= args.patience:
            break
    epochs.close()

    last_loss, last = evaluate(model, *test_set)
    model.load_state_dict(weights)
    best_loss, right = evaluate(model, *test_set)
    print(f"lowest after epoch {best + 1} of {len(curves)}; on the test images ({source}):")
    print(f"  last weights: loss {last_loss:.4f}, accuracy {last:.2%}")
    print(f"  best weights: loss {best_loss:.4f}, accuracy {right:.2%}")

    drawing, axes = figure()
    x = range(1, len(curves) + 1)
    for name, color, values in zip(
        ("training", "validation"), COLORS, zip(*curves, strict=True), strict=False
    ):
        axes.plot(x, values, color=color, label=name)
    axes.axvline(best + 1, color="#555555", ls=":", label="weights that are kept")
    axes.set(title="cross entropy, 2,000 images, some labels wrong", xlabel="epoch", ylim=(0, None))
    axes.legend()
    write(drawing, args.picture)


if __name__ == "__main__":
    main()
