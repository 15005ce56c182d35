"""Write docs/layers.md: the layers, functions, optimizers and schedules of PyTorch that there are, and that there are not.

python tests/layersheet.py --write     # needs PyTorch, for what is not there
"""

from __future__ import annotations

import argparse
import inspect
import re
import sys
from pathlib import Path

sys.path[:0] = [str(Path(__file__).parent.parent)]
import minigrad as mg
from minigrad import nn, optim
from minigrad.optim import lr_scheduler

FILE = Path(__file__).parent.parent / "docs" / "layers.md"
HEAD = """# Layers, functions, optimizers, schedules, functions of tensors

Written by `python tests/layersheet.py --write`; `tests/test_layersheet.py` fails when this page is out of date.

What stands here has PyTorch's signature and is compared with it: results, gradients, state, text, errors. All of it is
composed of the primitives of [ops.md](ops.md), each right to second order. [differences.md](differences.md) tells what
differs on purpose.
"""
OWN = {"GhostBatchNorm", "SyncBatchNorm"}  # SyncBatchNorm refuses the CPU in PyTorch


def classes(module, base):
    """Return the public subclasses of ``base`` by name."""
    found = {n: v for n, v in vars(module).items() if inspect.isclass(v) and issubclass(v, base) and n[0] != "_"}
    return {name: value for name, value in sorted(found.items()) if value is not base}


def functions(module):
    names = getattr(module, "__all__", None) or dir(module)
    return {n: v for n in sorted(names) if inspect.isfunction(v := getattr(module, n)) and n[0] != "_"}


def kinds():
    """Return the headings of the page, each with what stands under it by name."""
    return {
        "Layers, `nn`": classes(nn, nn.Module),
        "Functions, `nn.functional`": functions(nn.functional),
        "Optimizers, `optim`": classes(optim, optim.Optimizer),
        "Schedules, `optim.lr_scheduler`": classes(lr_scheduler, lr_scheduler.LRScheduler),
        "Functions of tensors, `minigrad`": functions(mg),
        "Linear algebra, `linalg`": functions(mg.linalg),
        "Special functions, `special`": functions(mg.special),
    }


def row(name, value):
    """Return the line of a name: what it takes, and the first sentence of its page."""
    parameters = [p for p in inspect.signature(value).parameters.values() if p.name not in ("device", "dtype")]
    taken = ", ".join(p.name if p.default is p.empty else f"{p.name}={shown(p.default)}" for p in parameters)
    sentence = inspect.getdoc(value).split("\n")[0].replace("|", "\\|")
    sentence = re.sub(r":(func|class):`(\w+)`", r"`\2`", sentence)
    return f"| `{name}` | `{taken}` | {sentence} |" if taken else f"| `{name}` | | {sentence} |"


def shown(default):
    return getattr(default, "__name__", repr(default))


def missing(torch):
    """Return by heading what PyTorch has, in its public documentation's sense, and we have not."""
    theirs = {
        "Layers, `nn`": classes(torch.nn, torch.nn.Module),
        "Functions, `nn.functional`": {n: None for n in dir(torch.nn.functional) if is_function(torch, n)},
        "Optimizers, `optim`": classes(torch.optim, torch.optim.Optimizer),
        "Schedules, `optim.lr_scheduler`": classes(torch.optim.lr_scheduler, torch.optim.lr_scheduler.LRScheduler),
        "Functions of tensors, `minigrad`": documented(torch),
        "Linear algebra, `linalg`": documented(torch.linalg),
        "Special functions, `special`": documented(torch.special),
    }
    return {kind: [n for n in sorted(names) if n not in kinds()[kind]] for kind, names in theirs.items()}


def documented(module):
    """Return the functions of one of PyTorch's modules that have a page, whatever they are for."""
    found = {n: getattr(module, n) for n in dir(module) if n[0] != "_" and n.islower()}
    found = {n: v for n, v in found.items() if callable(v) and not inspect.isclass(v) and not inspect.ismodule(v)}
    return {n: v for n, v in found.items() if (v.__doc__ or "").strip()}


def is_function(torch, name):
    value = getattr(torch.nn.functional, name)
    public = name[0] not in "_" and name.islower() and not name.startswith(("has_torch", "handle_torch", "boolean"))
    return public and callable(value) and not inspect.ismodule(value) and not inspect.isclass(value)


def page(absent):
    lines = [HEAD]
    for kind, members in kinds().items():
        lines += [f"## {kind}", "", "| name | arguments | what it is |", "| --- | --- | --- |"]
        lines += [row(name, value) for name, value in members.items()]
        if absent[kind]:
            lines += ["", "Not there: " + ", ".join(f"`{name}`" for name in absent[kind]) + "."]
        lines.append("")
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--write", action="store_true", help=f"write {FILE.name}; otherwise it is printed")
    args = parser.parse_args()
    import torch

    text = page(missing(torch))
    if args.write:
        FILE.write_text(text, encoding="utf-8")
    else:
        print(text)


if __name__ == "__main__":
    main()
