"""The command line of the MNIST example."""

import argparse
import os
import sys
import tempfile
from pathlib import Path

from support import need, ranks

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


def seed(text):
    """Convert to what a generator takes as a seed."""
    value = int(text)
    if not -(2**63) <= value < 2**64:
        raise argparse.ArgumentTypeError(f"expected a number of 64 bits, got {text}")
    return value


def picture(text):
    """Convert to the path of a picture that can be written, now and in a format that is drawn."""
    need("matplotlib")
    from matplotlib.backend_bases import FigureCanvasBase

    path, formats = Path(text), FigureCanvasBase.get_supported_filetypes()
    if path.suffix[1:].lower() not in formats:
        raise argparse.ArgumentTypeError(
            f"{text!r} does not end in {', '.join('.' + name for name in sorted(formats))}"
        )
    if path.is_dir() or (path.exists() and not os.access(path, os.W_OK)):
        raise argparse.ArgumentTypeError(f"cannot write to {text!r}")
    return _in_writable_folder(path)


def graph(text):
    """Convert to the path of a drawn graph that can be written."""
    path = Path(text)
    if path.suffix not in (".svg", ".png", ".pdf"):
        raise argparse.ArgumentTypeError(f"{text!r} does not end in .svg, .png or .pdf")
    return _in_writable_folder(path)


def folder(text):
    """Convert to the path of a folder that is made where it is missing, and can be written to."""
    path = Path(text)
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise argparse.ArgumentTypeError(f"cannot write to {text!r}: {error.strerror}") from None
    _in_writable_folder(path / "file")
    return path


def _in_writable_folder(path):
    try:
        tempfile.TemporaryFile(dir=path.parent).close()
    except OSError as error:
        raise argparse.ArgumentTypeError(
            f"cannot write to {os.fspath(path.parent)!r}: {error.strerror}"
        ) from None
    return path


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
    one_or_both = parser.add_mutually_exclusive_group()
    one_or_both.add_argument(
        "--norm", choices=["batch", "none"], default="batch", help="with or without BatchNorm"
    )
    one_or_both.add_argument(
        "--compare", action="store_true", help="train with and without BatchNorm, same start"
    )
    add("--epochs", type=positive(int), default=argparse.SUPPRESS, help=per_model)
    add("--batch-size", type=positive(int), default=argparse.SUPPRESS, help=per_model)
    add("--lr", type=positive(float), default=argparse.SUPPRESS, help=f"learning rate; {per_model}")
    add("--seed", type=seed, default=0, help="of weights and batches")
    add("--data", default=None, metavar="FOLDER", help="where the four MNIST files are")
    add("--out", default=None, metavar="FOLDER", help="default: runs/mnist-<model>")
    add("--compile", action="store_true", help="replay the step as a page of NumPy: same numbers")
    add("--resume", action="store_true", help="go on where an interrupted run in --out stopped")
    add("--threads", type=positive(int), default=None, help="of NumPy's matrix products")
    add(
        "--distributed",
        action="store_true",
        help="share each batch with the other processes of mpiexec -n 2 python examples/mnist.py",
    )
    if "--distributed" in (sys.argv[1:] if argv is None else argv):
        ranks.join()
    if not ranks.is_first():
        parser.error = lambda _: sys.exit(2)  # the first says why
    args = parser.parse_args(argv)
    if args.compile and ranks.are_several():
        parser.error("--compile: a replayed step does not meet the other processes: leave it out")
    need("matplotlib", "tqdm", *(["threadpoolctl"] if args.threads else []))
    for name, value in DEFAULTS[args.model].items():
        if not hasattr(args, name):
            setattr(args, name, value)
    args.evaluate_every = 0
    if args.compare:
        args.evaluate_every = 250 if args.model == "paper" else 100
    suffix = "-compare" if args.compare else ""
    args.error = parser.error
    args.out = Path(args.out or f"runs/mnist-{args.model}{suffix}")
    ranks.from_the_first(lambda: _make_folder(args))
    if args.threads:
        from threadpoolctl import threadpool_limits

        args.limits = threadpool_limits(args.threads)
    return args


def _make_folder(args):
    try:
        folder(str(args.out))
    except argparse.ArgumentTypeError as error:
        args.error(f"--out: {error}")
