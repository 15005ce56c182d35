"""Write docs/coming_from_pytorch.md and docs/coming_from_numpy.md: lines of code run in both libraries, and what they gave.

python tests/comingsheet.py --write     # needs PyTorch

No result is typed in by hand. `tests/test_comingsheet.py` runs the lines again.
"""

from __future__ import annotations

import argparse
import inspect
import sys
import warnings
from pathlib import Path

import numpy as np

ROOT = Path(__file__).parent.parent
sys.path[:0] = [str(ROOT), str(ROOT / "tests")]
import layersheet

import minigrad as mg
from minigrad.missing import ABSENT
from minigrad.primitive import TABLE, numpy_name

PYTORCH = ROOT / "docs" / "coming_from_pytorch.md"
NUMPY = ROOT / "docs" / "coming_from_numpy.md"
SHORT = 60  # letters of a result

# ---- lines that give the same in PyTorch --------------------------------------------------------------------------

SAME = {
    "numbers from a seed": "mg.manual_seed(0); mg.randn(3)",
    "initial weights from a seed": "mg.manual_seed(0); nn.Linear(2, 2).weight.tolist()",
    "a permutation from a seed": "mg.manual_seed(0); mg.randperm(5)",
    "printing": "mg.linspace(0, 1, 4)",
    "a model's text": "nn.Linear(3, 2)",
    "keys of a state": "list(nn.BatchNorm1d(3).state_dict())",
    "results with names": "mg.tensor([[1, 5], [7, 2]]).max(1).indices",
    "broadcasting": "mg.ones(2, 1) + mg.arange(3)",
    "promotion": "(mg.ones(1) + mg.ones(1, dtype=mg.float64)).dtype.itemsize",
    "the deviation divides by n - 1": "mg.tensor([1.0, 2.0, 4.0]).std()",
    "rounding to even": "mg.tensor([0.5, 1.5, 2.5]).round()",
    "gradients": "x = mg.tensor([3.0, 4.0], requires_grad=True); (x**2).sum().backward(); x.grad",
    "gradients of gradients": "x = mg.tensor(2.0, requires_grad=True);"
    " (g,) = mg.autograd.grad(x**3, x, create_graph=True); mg.autograd.grad(g, x)[0]",
    "a leaf that was not reached": "x = mg.ones(1, requires_grad=True); x.grad",
    "gradients add up": "x = mg.ones(1, requires_grad=True); (x * 2).backward(); (x * 2).backward(); x.grad",
    "in evaluation BatchNorm uses its buffers": "nn.BatchNorm1d(1).eval()(mg.tensor([[2.0]])).tolist()",
    "a loss": "F.cross_entropy(mg.tensor([[1.0, 2.0, 3.0]]), mg.tensor([2]))",
    "a step": "w = mg.ones(2, requires_grad=True); w.sum().backward(); optim.Adam([w], lr=0.1).step(); w.tolist()",
    "backward twice": "y = (mg.ones(1, requires_grad=True) * 2).exp(); y.backward(); y.backward()",
    "a write to a leaf": "w = mg.ones(1, requires_grad=True); w += 1",
    "shapes that do not fit": "mg.ones(2, 3) @ mg.ones(2, 3)",
}

# ---- lines that do not --------------------------------------------------------------------------------------------

DIFFERENT = {
    "a shape's text": "mg.ones(2, 3).shape",
    "a dtype is NumPy's": "mg.ones(1).dtype",
    "a result that was saved may be written to": "x = mg.ones(1, requires_grad=True);"
    " y = x.exp(); y += 1; y.backward(); x.grad",
    "a write through `.data` that backward would read": "w = mg.ones(1, requires_grad=True);"
    " y = w * w; w.data.mul_(3); y.backward(); w.grad",
    "several values for one place": "v = mg.ones(2, requires_grad=True); x = mg.zeros(2); x[[0, 0]] = v;"
    " x.sum().backward(); v.grad",
    "a write to one of several views": "y = mg.ones(2, requires_grad=True) * 1; y.unbind()[0].mul_(3); y.tolist()",
    "two dtypes in a layer": "nn.Linear(2, 1)(mg.ones(1, 2, dtype=mg.float64)).shape == (1, 1)",
    "leading -inf in a running logsumexp": "x = mg.tensor([-mg.inf, 0.0], requires_grad=True);"
    " x.logcumsumexp(0).sum().backward(); x.grad",
    "certainty on the wrong side": "F.binary_cross_entropy_with_logits(mg.tensor([-mg.inf]), mg.tensor([1.0]))",
    "many numbers in float16": "mg.zeros(70000, dtype=mg.float16).logsumexp(0).item()",
    "a string for `size_average`": 'nn.MSELoss("sum")',
    "recorded steps of an optimizer": "optim.SGD([mg.ones(1, requires_grad=True)], lr=0.1, differentiable=True).defaults['lr']",
    "a data set that does not fit together": "data.TensorDataset(mg.ones(2), mg.ones(3))",
    "complex numbers": "mg.complex(mg.ones(1), mg.ones(1))",
    "sparse tensors": "mg.sparse_coo_tensor([[0]], [1.0], (2,)).shape[0]",
}

# ---- NumPy: the same in other words -------------------------------------------------------------------------------

WORDS = {  # with the arrays a (2, 3), b (3,) and i; x, w and j are tensors of them
    "np.asarray(x)": "x.detach().numpy()",
    "a.astype(np.float64)": "x.to(mg.float64)",
    "a.copy()": "x.clone()",
    "a.size": "x.numel()",
    "a.sum(axis=0, keepdims=True)": "x.sum(0, keepdim=True)",
    "a.max(axis=1)": "x.max(1).values",
    "a.argmax(axis=1)": "x.argmax(1)",
    "a.std(axis=0)": "x.std(0, correction=0)",
    "a.cumsum(axis=1)": "x.cumsum(1)",
    "a.reshape(3, -1)": "x.reshape(3, -1)",
    "a.transpose(1, 0)": "x.permute(1, 0)",
    "np.swapaxes(a, 0, 1)": "x.transpose(0, 1)",
    "np.expand_dims(a, 1)": "x.unsqueeze(1)",
    "a[:, None]": "x[:, None]",
    "np.squeeze(a[:1])": "x[:1].squeeze()",
    "np.concatenate([a, a], axis=1)": "mg.cat([x, x], 1)",
    "np.stack([a, a])": "mg.stack([x, x])",
    "np.split(a, 3, axis=1)[0]": "x.chunk(3, 1)[0]",
    "np.split(a, [1], axis=1)[1]": "x.split([1, 2], 1)[1]",
    "np.repeat(a, 2, axis=0)": "x.repeat_interleave(2, 0)",
    "np.tile(a, (2, 1))": "x.repeat(2, 1)",
    "np.broadcast_to(b, (4, 3))": "w.expand(4, 3)",
    "np.take(a, i, axis=1)": "x.index_select(1, j)",
    "np.take_along_axis(a, i[None], axis=1)": "x.take_along_dim(j[None], 1)",
    "np.where(a > 2, a, 0)": "mg.where(x > 2, x, 0)",
    "np.clip(a, 1, 3)": "x.clamp(1, 3)",
    "np.sort(a, axis=1)": "x.sort(1).values",
    "np.unique(i)": "mg.unique(j)",
    "np.dot(a, b)": "x @ w",
    "np.einsum('ij,j->i', a, b)": "mg.einsum('ij,j->i', x, w)",
    "np.linalg.norm(a)": "mg.linalg.norm(x)",
    "np.full((2, 2), 7.0)": "mg.full((2, 2), 7.0)",
    "np.arange(0, 1, 0.25)": "mg.arange(0, 1, 0.25)",
    "np.eye(3)": "mg.eye(3)",
}
UNLIKE = {
    "floats are float32": ("np.array([1.0]).dtype", "mg.tensor([1.0]).dtype"),
    "a number does not widen a tensor": (
        "(np.ones(1, np.float32) * np.float64(2)).dtype",
        "(mg.ones(1) * mg.tensor(2.0, dtype=mg.float64)).dtype",
    ),
    "the deviation divides by n - 1": ("np.std([1.0, 2.0, 4.0])", "mg.tensor([1.0, 2.0, 4.0]).std()"),
    "but `np.std` of a tensor is NumPy's": (
        "np.std([1.0, 2.0, 4.0])",
        "np.std(mg.tensor([1.0, 2.0, 4.0]))",
    ),
    "`max` along a dimension has two results": ("np.eye(2).max(0)", "mg.eye(2).max(0)"),
    "`repeat` is `tile`": ("np.array([1, 2]).repeat(2)", "mg.tensor([1, 2]).repeat(2)"),
    "`split` takes sizes": ("len(np.split(np.arange(6), 3))", "len(mg.arange(6).split(3))"),
    "`size` is a method": ("np.ones((2, 3)).size", "mg.ones(2, 3).size()"),
    "a write to a leaf": ("a = np.ones(1); a += 1", "x = mg.ones(1, requires_grad=True); x += 1"),
    "`tensor` copies, `from_numpy` does not": (
        "c = np.asarray(b); b[0] = 7; c",
        "c = mg.tensor(b); d = mg.from_numpy(b); b[0] = 7; (c[0].item(), d[0].item())",
    ),
    "an array of a recorded tensor": ("np.asarray(np.ones(1))", "mg.ones(1, requires_grad=True).numpy()"),
    "objects and strings": ("np.array(['a']).shape", "mg.tensor(['a']).shape"),
}


# ---- running ------------------------------------------------------------------------------------------------------


def scope(library):
    """Return the names that a line may use."""
    import importlib

    name = library.__name__
    return {
        "mg": library,
        "np": np,
        "nn": library.nn,
        "F": importlib.import_module(f"{name}.nn.functional"),
        "optim": library.optim,
        "data": importlib.import_module(f"{name}.utils.data"),
    }


def result(line, names):
    """Return what a line gives: the value of its last statement, or the error."""
    *before, last = line.split("; ")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            exec("; ".join(before), names)
            try:
                code = compile(last, "line", "eval")
            except SyntaxError:
                exec(last, names)
                return None
            return eval(code, names)
        except Exception as error:
            return error


def shown(value):
    """Return a result as a table shows it: an error by its type."""
    if isinstance(value, Exception):
        return f"{type(value).__name__}"
    text = " ".join(repr(value).split()).replace("|", "\\|")
    return f"`{text if len(text) <= SHORT else text[: SHORT - 1] + '…'}`"


def both(torch, line):
    return shown(result(line, scope(mg))), shown(result(line, scope(torch)))


def same(torch):
    """Return the rows of what gives the same."""
    rows = []
    for what, line in SAME.items():
        ours, theirs = both(torch, line)
        assert ours == theirs, f"{line}: {ours}, PyTorch {theirs}"
        rows.append((what, f"`{line}`", ours))
    return rows


def different(torch):
    rows = []
    for what, line in DIFFERENT.items():
        ours, theirs = both(torch, line)
        assert ours != theirs, f"{line}: {ours} in both"
        rows.append((what, f"`{line}`", theirs, ours))
    return rows


def arrays():
    a, b, i = np.array([[1.0, 5.0, 2.0], [4.0, 3.0, 0.0]]), np.array([1.0, 0.0, 2.0]), np.array([2, 0, 2])
    return {**scope(mg), "a": a, "b": b, "i": i, "x": mg.tensor(a), "w": mg.tensor(b), "j": mg.tensor(i)}


def words():
    """Return the rows of NumPy's words and ours, each pair equal."""
    for numpys, ours in WORDS.items():
        theirs, found = result(numpys, arrays()), result(ours, arrays())
        assert np.array_equal(theirs, found), f"{numpys}: {theirs}; {ours}: {found}"
    return [(f"`{numpys}`", f"`{ours}`") for numpys, ours in WORDS.items()]


def unlike():
    return [
        (what, f"`{a}`", shown(result(a, arrays())), f"`{b}`", shown(result(b, arrays())))
        for what, (a, b) in UNLIKE.items()
    ]


def numpy_functions():
    """Return NumPy's functions of arrays by name, those that a tensor may answer."""
    found = {}
    for module in (np, np.linalg):
        for name in dir(module):
            value = getattr(module, name) if name[0] != "_" and name not in DEPRECATED else None
            is_asked = isinstance(value, np.ufunc) or hasattr(value, "_implementation")
            if is_asked and not inspect.isclass(value):
                found.setdefault(numpy_name(value), value)
    return found


DEPRECATED = {"fix", "in1d", "row_stack", "trapz"}  # NumPy warns where they are only looked up


def numpy_lists():
    """Return the names that are recorded and those that are refused."""
    every = numpy_functions()
    there = sorted(name for name, value in every.items() if value in TABLE)
    return there, sorted(set(every) - set(there))


# ---- pages --------------------------------------------------------------------------------------------------------


def table(heads, rows):
    lines = [f"| {' | '.join(heads)} |", "| " + " | ".join("---" for _ in heads) + " |"]
    return "\n".join([*lines, *(f"| {' | '.join(row)} |" for row in rows)])


def counts(torch):
    absent = layersheet.missing(torch)
    return [(kind, str(len(there)), str(len(absent[kind]))) for kind, there in layersheet.kinds().items()]


HEAD = "Written by `python tests/comingsheet.py --write` from what it saw; `tests/test_comingsheet.py` runs every line again."


def pytorch_page(torch):
    return f"""# Coming from PyTorch

{HEAD}

Change the imports and a script that uses only what is here runs:

```python
import minigrad as mg
from minigrad import nn, optim
from minigrad.nn import functional as F
from minigrad.utils import data
```

There is one device, the CPU, and no other is pretended: `tensor.to("cuda")` raises. Names, defaults, errors, initial
values, random numbers and the keys of states are PyTorch's.

## What is the same

{table(("what", "line", "both give"), same(torch))}

## What differs on purpose

{table(("what", "line", "PyTorch", "minigrad"), different(torch))}

[differences.md](differences.md) is the whole list, [batchnorm.md](batchnorm.md) that of Batch Normalization.

## What is not there

{table(("where", "here", "not here"), counts(torch))}

[layers.md](layers.md) names them all. A name that is not here raises an error that names the nearest there is. Some will
not come:

{table(("name", "why, and what to do"), [(f"`{name}`", why) for name, why in sorted(ABSENT.items())])}

Files: `mg.load` reads PyTorch's states from safetensors, `mg.save` writes safetensors: [files.md](files.md). ONNX goes
both ways by way of [onnx.md](onnx.md).
"""


def numpy_page():
    there, absent = numpy_lists()
    code = lambda found: ", ".join(f"`{name}`" for name in found)
    return f"""# Coming from NumPy

{HEAD}

A Tensor is an array that knows how it came about. NumPy's own functions take it, and what they compute is recorded:

```python
import numpy as np

import minigrad as mg

x = mg.tensor(np.arange(3.0), requires_grad=True)
np.sum(np.exp(x) * np.array([1.0, 0.0, 2.0])).backward()
print(x.grad.numpy())  # e^0 × 1, e^1 × 0, e^2 × 2
```

## What is the same

{len(there)} functions of NumPy are recorded when they are given tensors, with NumPy's names and defaults:

{code(there)}.

## The same in other words

With arrays `a` (2, 3), `b` (3,), integers `i`, and tensors `x`, `w`, `j` of them:

{table(("NumPy", "minigrad"), words())}

## What differs on purpose

{table(("what", "NumPy", "gives", "minigrad", "gives"), unlike())}

## What is not there

These functions refuse tensors; the error names them. `x.detach().numpy()` is an array for all of NumPy, without gradient.

{code(absent)}.
"""


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--write", action="store_true", help="write the pages; otherwise they are printed")
    args = parser.parse_args()
    import torch

    for file, text in ((PYTORCH, pytorch_page(torch)), (NUMPY, numpy_page())):
        if args.write:
            file.write_text(text, encoding="utf-8")
        else:
            print(text)


if __name__ == "__main__":
    main()
