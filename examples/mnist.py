"""Train a net with Batch Normalization on MNIST: python examples/mnist.py --help

The page below is the whole of it: nets, the training step, evaluation, comparison. Arguments,
data, checkpoints, pictures and what several processes share live in examples/support.
"""

import sys

from support.arguments import parse
from support.checkpoint import Checkpoint, Interrupted
from support.data import described, load_mnist
from support.ranks import add_up, from_the_first, is_first, leave, own_part, spread
from support.report import compared, finished, progress, started

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import nn, optim
from minigrad.utils.data import DataLoader, TensorDataset


def mlp(norm):
    """784-512-256-10, ReLU."""
    return nn.Sequential(
        nn.Flatten(),
        nn.Linear(784, 512), norm(512), nn.ReLU(),
        nn.Linear(512, 256), norm(256), nn.ReLU(),
        nn.Linear(256, 10),
    )  # fmt: skip


def cnn(norm):
    """Two blocks of convolution and pooling, then a linear layer."""
    norm2d = nn.BatchNorm2d if norm is nn.BatchNorm1d else norm
    return nn.Sequential(
        nn.Conv2d(1, 16, 3, padding=1), norm2d(16), nn.ReLU(), nn.MaxPool2d(2),  # (N, 16, 14, 14)
        nn.Conv2d(16, 32, 3, padding=1), norm2d(32), nn.ReLU(), nn.MaxPool2d(2),  # (N, 32, 7, 7)
        nn.Flatten(), nn.Linear(32 * 7 * 7, 128), norm(128), nn.ReLU(), nn.Linear(128, 10),
    )  # fmt: skip


def paper(norm):
    """Three layers of 100 sigmoids (Ioffe & Szegedy 2015, §4.1), small Gaussian weights."""
    sizes = [784, 100, 100, 100]
    layers = [nn.Flatten()]
    for n_in, n_out in zip(sizes, sizes[1:], strict=False):
        layers += [nn.Linear(n_in, n_out), norm(n_out), nn.Sigmoid()]
    model = nn.Sequential(*layers, nn.Linear(100, 10))
    for layer in model:
        if isinstance(layer, nn.Linear):
            nn.init.normal_(layer.weight, std=0.02)
            nn.init.zeros_(layer.bias)
    return model


def build(args, norm):
    """Return net, optimizer, schedule; the same seed gives both norms the same initial weights."""
    mg.manual_seed(args.seed)
    net = {"mlp": mlp, "cnn": cnn, "paper": paper}[args.model]
    model = net(nn.BatchNorm1d if norm == "batch" else lambda features: nn.Identity())
    norms = [layer for layer in model if isinstance(layer, (nn.BatchNorm1d, nn.BatchNorm2d))]
    for layer, after in zip(model, list(model)[1:], strict=False):
        if after in norms:
            # BatchNorm would subtract it; only now, so that both nets draw the same weights
            layer.bias = None
    if args.model == "paper":
        optimizer = optim.SGD(model.parameters(), lr=args.lr)
        return model, optimizer, optim.lr_scheduler.StepLR(optimizer, 10**9)  # constant
    plain = [
        p for layer in norms for p in layer.parameters()
    ]  # γ and β, which no decay should pull to 0
    decayed = [p for p in model.parameters() if all(p is not other for other in plain)]
    groups = [{"params": decayed}, *([{"params": plain, "weight_decay": 0.0}] if plain else [])]
    optimizer = optim.AdamW(groups, lr=args.lr, weight_decay=args.weight_decay)
    steps = args.epochs * -(-args.train_size // args.batch_size)
    return model, optimizer, optim.lr_scheduler.CosineAnnealingLR(optimizer, T_max=steps)


def accuracy(model, dataset):
    """Return the share of correct answers in evaluation mode."""
    model.eval()
    right = 0
    with mg.no_grad():
        for batch in DataLoader(dataset, batch_size=1000):
            images, labels = own_part(*batch)
            right += (model(images).argmax(1) == labels).sum().item()
    model.train()
    (right,) = add_up(right)
    return right / len(dataset)


def train(args, norm, train_set, test_set, checkpoint):
    """Train one net from the checkpoint's position on; return it with its history."""
    model, optimizer, scheduler = build(args, norm)
    loader = DataLoader(train_set, batch_size=args.batch_size, shuffle=True)
    run = checkpoint.begin(model=model, optimizer=optimizer, scheduler=scheduler, loader=loader)
    trained = spread(model)

    def step(images, labels):
        logits = trained(images)
        loss = F.cross_entropy(logits, labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        return loss.detach(), (logits.argmax(1) == labels).sum()

    step = mg.compile(step) if args.compile else step
    while run.epoch < args.epochs:
        for batch in progress(loader, run, args):
            images, labels = own_part(*batch)
            loss, right = step(images, labels)
            scheduler.step()
            run.count(loss.item(), right.item(), len(labels))
            if args.evaluate_every and run.step % args.evaluate_every == 0:
                run.curve.append([run.step, accuracy(model, test_set)])
            checkpoint.leave_if_interrupted()
        run.end_of_epoch(accuracy(model, test_set), scheduler.get_last_lr()[0])
        checkpoint.save()
    return model, run


def main():
    """Read arguments and data, train, and write what came out."""
    args = parse()
    first = is_first()
    load = lambda: load_mnist(args, TensorDataset)
    from_the_first(lambda: load() and None)  # one downloads, all read
    train_set, test_set, source = load()
    args.train_size = len(train_set)
    args.trained_on = described(source, train_set, test_set)
    started(args, source, len(train_set), len(test_set))
    runs = {}
    try:
        for norm in ("none", "batch") if args.compare else (args.norm,):
            model, runs[norm] = train(args, norm, train_set, test_set, Checkpoint(args, norm))
    except Interrupted as stop:
        if first:
            print(f"\n{stop}", file=sys.stderr)
        return 130
    leave()
    if not first:
        return 0
    finished(args, source, model, runs, test_set)
    if args.compare:
        compared(args, source, runs)
    return 0


if __name__ == "__main__":
    sys.exit(main())
