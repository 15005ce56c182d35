"""The command line of the MNIST example."""

import argparse
import os
import tempfile
from pathlib import Path

DEFAULTS = {  # per model: what reaches its accuracy within its time on two cores
    "mlp": {"epochs": 10, "batch_size": 128, "lr": 2e-3, "weight_decay": 1e-2},
    "cnn": {"epochs": 5, "batch_size": 128, "lr": 3e-3, "weight_decay": 1e-2},
    "paper": {"epochs": 10, "batch_size": 60, "lr": 0.5, "weight_decay": 0.0},
}


def positive(kind):
    """Return a converter that takes numbers above zero only."""

    def convert(text):
        value = kind(text)
        if not 0 < value < float("inf"):
            raise argparse.ArgumentTypeError(f"expected a number above 0, got {text}")
        return value

    convert.__name__ = kind.__name__  # argparse says "invalid int value"
    return convert


def parse(argv=None):
    """Return the arguments, with the model's defaults filled in and ``--out`` made and writable."""
    parser = argparse.ArgumentParser(
        prog="mnist.py",
        description="Train a net with Batch Normalization on MNIST.",
        formatter_class=argparse.ArgumentDefaultsHelpFormatter,
    )
    per_model = "default: the model's own"
    add = parser.add_argument
    add("--model", choices=sorted(DEFAULTS), default="mlp", help="paper: 3x100 sigmoid units")
    add("--norm", choices=["batch", "none"], default="batch", help="with or without BatchNorm")
    add("--compare", action="store_true", help="train with and without BatchNorm, same start")
    add("--epochs", type=positive(int), default=argparse.SUPPRESS, help=per_model)
    add("--batch-size", type=positive(int), default=argparse.SUPPRESS, help=per_model)
    add("--lr", type=positive(float), default=argparse.SUPPRESS, help=f"learning rate; {per_model}")
    add("--seed", type=int, default=0, help="of weights and batches")
    add("--data", default=None, metavar="FOLDER", help="where the four MNIST files are")
    add("--out", default=None, metavar="FOLDER", help="default: runs/mnist-<model>")
    add("--resume", action="store_true", help="go on where an interrupted run in --out stopped")
    add("--threads", type=positive(int), default=None, help="of NumPy's matrix products")
    args = parser.parse_args(argv)
    for name, value in DEFAULTS[args.model].items():
        if not hasattr(args, name):
            setattr(args, name, value)
    args.evaluate_every = 0
    if args.compare:
        args.evaluate_every = 250 if args.model == "paper" else 100
    suffix = "-compare" if args.compare else ""
    args.out = Path(args.out or f"runs/mnist-{args.model}{suffix}")
    try:
        args.out.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=args.out).close()
    except OSError as error:
        parser.error(f"--out: cannot write to {os.fspath(args.out)!r}: {error.strerror}")
    if args.threads:
        from threadpoolctl import threadpool_limits

        args.limits = threadpool_limits(args.threads)
    args.error = parser.error
    return args
