"""The committed stubs are what the code gives, every public name is in them, and what they say of results is true."""

import ast
import itertools

import numpy as np
import pytest
import stubs

import minigrad as mg
from minigrad.engine.graph import Node

STUBS = {path: ast.parse((stubs.ROOT / path).read_text()) for path in stubs.PATHS}
ENGINE = "allocator compat creation dtypes engine files functions layout modes ops primitive sampling silence storage"


@pytest.mark.parametrize("path", stubs.PATHS)
def test_the_committed_stub_is_what_the_code_gives(path):
    assert (stubs.ROOT / path).read_text() == stubs.text_of(path), "run: make stubs"


def names(tree):
    """Yield the names that a stub makes public: X as X, functions, classes, variables."""
    for node in tree.body:
        if isinstance(node, ast.ImportFrom):
            yield from (alias.name for alias in node.names if alias.asname == alias.name)
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            yield node.name
        elif isinstance(node, (ast.Assign, ast.AnnAssign)):
            yield (node.targets[0] if isinstance(node, ast.Assign) else node.target).id


def test_every_public_name_is_in_the_stub():
    shown = {name for name in dir(mg) if name[:2] != "__"}
    assert shown == set(names(STUBS["minigrad/__init__.pyi"])) - {"__version__"}


def test_every_member_of_tensor_is_in_the_stub():
    (tensor,) = (n for n in STUBS["minigrad/tensor/tensor.pyi"].body if getattr(n, "name", "") == "Tensor")
    assert {name for name in dir(mg.Tensor) if name[0] != "_"} <= set(names(tensor))


def test_dir_shows_no_engine_modules():
    assert not {*ENGINE.split()} & {*dir(mg)} and {"nn", "optim", "exp", "Tensor"} <= {*dir(mg)}
    assert set(mg.__all__) <= set(dir(mg)) and all(hasattr(mg, name) for name in mg.__all__)


# ---- results -----------------------------------------------------------------------------------------------------

X = mg.tensor([[0.5, 0.25], [0.25, 0.75]])
TENSORS = [X, X.long(), X > 0.3, X[0], X[0, 0], X[0].long(), mg.ones(3), mg.stack([X, X]), X[:1]]
VALUES = {  # what is tried for an argument of a kind, in this order
    "Tensor": TENSORS,
    "Tensor | np.ndarray[Any, Any]": TENSORS,
    "Tensor | Sequence[Tensor]": TENSORS,
    "Sequence[Tensor]": [[X, X]],
    "_Operand": [2.0, 2, X, X[0].long()],
    "builtins.int": [0, 1, 2],
    "builtins.int | Sequence[builtins.int]": [2, 1],
    "Sequence[builtins.int]": [(2, 2), (0, 1)],
    "Literal[True]": [True],
    "str": ["ij,jk->ik", "mean"],
}
OTHERS = [0, 1, X, (0, 1), (2, 1), 0.5, [X[0].long()], mg.float64]  # of any other kind
KINDS = {
    "Tensor": mg.Tensor, "Self": mg.Tensor, "builtins.bool": bool, "builtins.int": int, "builtins.float": float,
    "_Number": (int, float), "Size": mg.Size, "None": type(None), "str": str, "np.dtype[Any]": np.dtype,
    "np.ndarray[Any, Any]": np.ndarray, "Node | None": (Node, type(None)),
}  # fmt: skip
ALONE = {
    "apply_",
    "backward",
    "bfloat16",
    "cuda",
    "histogramdd",
    "imag",
    "is_coalesced",
    "lu_solve",
    "map2_",
    "map_",
    "pin_memory",
    "register_hook",
    "register_post_accumulate_grad_hook",
    "retain_grad",
    "storage",
    "untyped_storage",
}
REFUSALS = (TypeError, ValueError, RuntimeError, IndexError, AttributeError)


def first_result(target, f, method):
    """Return what a function answers to the first arguments that it takes."""
    positional = [*f.args.posonlyargs, *f.args.args[method : len(f.args.args) - len(f.args.defaults)]]
    positional += [f.args.vararg] * 2 if f.args.vararg else []
    named = [a for a, default in zip(f.args.kwonlyargs, f.args.kw_defaults, strict=True) if default is None]
    if f.name.startswith(("clamp", "clip")):  # which need one of what they may leave out
        positional = f.args.args[method:]
    kinds = [ast.unparse(a.annotation).removesuffix(" | None") for a in [*positional, *named]]
    for values in itertools.product(*(VALUES.get(kind, OTHERS) for kind in kinds)):
        keywords = {a.arg: value for a, value in zip(named, values[len(positional) :], strict=True)}
        try:
            return target(*values[: len(positional)], **keywords)
        except REFUSALS:
            continue
    raise TypeError(f"{f.name}: called with nothing that it takes")


def answer(home, f):
    if home is not mg.Tensor:
        return first_result(getattr(home, f.name), f, 0)
    for x in TENSORS:
        try:
            value = getattr(x.clone(), f.name)
            return first_result(value, f, 1) if callable(value) else value
        except REFUSALS:
            continue
    raise TypeError(f"{f.name}: no tensor was taken")


def is_as_said(value, said):
    if said.startswith("tuple["):
        items = said[6:-1].removesuffix(", ...").split(", ")
        items = items * len(value) if "..." in said else items
        return type(value) is tuple and all(map(is_as_said, value, items)) and len(value) == len(items)
    if said[0] == "_" and said not in KINDS:
        return type(value).__name__ == said[1:] and all(isinstance(field, mg.Tensor) for field in value)
    return said == "Any" or isinstance(value, KINDS.get(said) or getattr(mg.linalg, said))


def signatures(path):
    """Yield each signature of each function, or method, of a stub, as often as it has overloads."""
    (tensor,) = [n for n in STUBS[path].body if getattr(n, "name", "") == "Tensor"] or [STUBS[path]]
    for node in tensor.body:
        if isinstance(node, ast.FunctionDef) and node.name[0] != "_" and node.name not in ALONE:
            yield node


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("path", "home"), [*zip(stubs.PATHS, (mg, mg.linalg, mg.Tensor), strict=True)])
def test_what_comes_is_what_the_stub_says(path, home):
    said = [(f, ast.unparse(f.returns)) for f in signatures(path)]
    wrong = [f"{f.name}: {kind}" for f, kind in said if not is_as_said(answer(home, f), kind)]
    assert len(said) > 20 and not wrong
