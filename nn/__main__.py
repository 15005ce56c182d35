"""Commands: ``python -m minigrad.nn report`` and ``python -m minigrad.nn doctor``."""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path

from minigrad.datasets import DownloadError
from minigrad.nn import doctor
from minigrad.nn.batchnorm.report import mnist_report
from minigrad.nn.module import Module

NO_DATA = 3  # exit status: no MNIST and no sample of it; `make report` then installs the sample


def seed(text: str) -> int:
    """Convert what the command line says to a seed of :func:`minigrad.manual_seed`."""
    value = int(text)
    if not -(2**63) <= value < 2**64:
        raise argparse.ArgumentTypeError(f"expected a number of 64 bits, got {text}")
    return value


def main(argv: list[str] | None = None) -> int:
    """Run a command; return its exit status."""
    args = _parser().parse_args(argv)
    try:
        return int(args.run(args))
    except DownloadError as error:
        print(f"python -m minigrad.nn {args.command}: {error}", file=sys.stderr)
        return NO_DATA
    except (OSError, ValueError, ImportError, AttributeError, TypeError) as error:
        print(f"python -m minigrad.nn {args.command}: {error}", file=sys.stderr)
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m minigrad.nn", description="Tools for Batch Normalization."
    )
    commands = parser.add_subparsers(dest="command", required=True)
    text = "the paper's six gradients on a real MNIST batch: graph, closed form, finite differences"
    report = commands.add_parser("report", help=text, description=text)
    where = "folder of MNIST (default: MINIGRAD_DATA, then your cache, then a download)"
    report.add_argument("--data", metavar="FOLDER", help=where)
    report.add_argument(
        "--seed", type=seed, default=0, help="of the initial weights (default: %(default)s)"
    )
    report.add_argument(
        "--dtype", choices=("float64", "float32"), default="float64", help="default: %(default)s"
    )
    report.add_argument("--format", choices=("text", "markdown", "html"), default="text")
    report.add_argument("--out", type=Path, help="file to write instead of printing")
    report.set_defaults(run=_report)
    text = "look over a model for what goes wrong with Batch Normalization"
    check = commands.add_parser(
        "doctor", help=text, description=f"{text}; exit status 1 where something is found"
    )
    check.add_argument(
        "model", help="package.module:name of a model, or of a function that makes one"
    )
    check.set_defaults(run=_doctor)
    return parser


def _report(args: argparse.Namespace) -> int:
    report = mnist_report(args.data, args.seed, args.dtype)
    text = {"text": report.__str__, "markdown": report.markdown, "html": report.html}[args.format]()
    if args.out is None:
        print(text)
    else:
        args.out.write_text(text + "\n", encoding="utf-8")
    return 0


def _doctor(args: argparse.Namespace) -> int:
    name, _, attribute = args.model.partition(":")
    if not attribute:
        raise ValueError(f"expected package.module:name, got {args.model!r}")
    sys.path.insert(0, "")  # a module of the current folder, too
    model = getattr(importlib.import_module(name), attribute)
    if not isinstance(model, Module):
        model = model()  # a function that makes it
    if not isinstance(model, Module):
        raise TypeError(f"{args.model} is not an nn.Module but {type(model).__name__}")
    findings = doctor.check(model)
    print(findings)
    return 1 if findings else 0


if __name__ == "__main__":
    raise SystemExit(main())
