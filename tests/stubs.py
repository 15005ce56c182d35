"""Write the stubs of what types cannot be read from: Tensor, the functions of minigrad and of minigrad.linalg.

Signatures come from the live objects, so that names and defaults are those of the code; what a function returns and
which operands may be numbers stand in the tables below.

python tests/stubs.py --write
"""

import argparse
import ast
import inspect
import re
import sys
import textwrap
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

import minigrad as mg
from minigrad.device import Device
from minigrad.engine.graph import Handle, Node
from minigrad.functions.return_types import RETURN_TYPES
from minigrad.memory import Storage
from minigrad.primitive import Primitive

# ---- what the code does not say ----------------------------------------------------------------------------------

# (parameters after the tensor) -> result, where the result depends on them; `dim` may be called `axis` as well
OVERLOADS = {
    "aminmax": ["(*, dim: int | None = None, keepdim: bool = False) -> _aminmax"],
    "cummax": ["(dim: int) -> _cummax"],
    "cummin": ["(dim: int) -> _cummin"],
    "item": ["() -> _Number"],
    "kthvalue": ["(k: int, dim: int = -1, keepdim: bool = False) -> _kthvalue"],
    "max": ["(dim: None = None) -> Tensor", "(dim: int, keepdim: bool = False) -> _max", "(other: Tensor) -> Tensor"],
    "median": ["(dim: None = None) -> Tensor", "(dim: int, keepdim: bool = False) -> _median"],
    "nanmedian": ["(dim: None = None) -> Tensor", "(dim: int, keepdim: bool = False) -> _nanmedian"],
    "min": ["(dim: None = None) -> Tensor", "(dim: int, keepdim: bool = False) -> _min", "(other: Tensor) -> Tensor"],
    "nonzero": [
        "(*, as_tuple: Literal[False] = False) -> Tensor",
        "(*, as_tuple: Literal[True]) -> tuple[Tensor, ...]",
    ],
    "size": ["(dim: None = None) -> Size", "(dim: int) -> int"],
    "sort": ["(dim: int = -1, descending: bool = False, stable: bool = False) -> _sort"],
    "stride": ["(dim: None = None) -> tuple[int, ...]", "(dim: int) -> int"],
    "topk": ["(k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> _topk"],
    "type": ["(dtype: None = None, non_blocking: bool = False) -> str", "(dtype: Any, non_blocking: bool = False) -> Tensor"],
    "unique": [
        "(sorted: bool = True, return_inverse: Literal[False] = False, return_counts: Literal[False] = False,"
        " dim: int | None = None) -> Tensor",
        "(sorted: bool = True, *, return_inverse: Literal[True], return_counts: Literal[False] = False,"
        " dim: int | None = None) -> tuple[Tensor, Tensor]",
        "(sorted: bool = True, return_inverse: Literal[False] = False, *, return_counts: Literal[True],"
        " dim: int | None = None) -> tuple[Tensor, Tensor]",
        "(sorted: bool = True, *, return_inverse: Literal[True], return_counts: Literal[True],"
        " dim: int | None = None) -> tuple[Tensor, Tensor, Tensor]",
    ],
    "view": ["(shape: Sequence[int]) -> Tensor", "(*shape: int) -> Tensor", "(dtype: Any) -> Tensor"],
}  # fmt: skip

# of functions that have no method, or another one: all their parameters
FUNCTIONS = {
    **{
        f"atleast_{n}d": [
            "(tensor: Tensor, /) -> Tensor",
            "(*tensors: Tensor) -> tuple[Tensor, ...]",
            "(tensors: Sequence[Tensor], /) -> tuple[Tensor, ...]",
        ]
        for n in (1, 2, 3)
    },
    "broadcast_shapes": ["(*shapes: int | Sequence[int]) -> Size"],
    "broadcast_tensors": ["(*tensors: Tensor) -> tuple[Tensor, ...]"],
    "einsum": ["(equation: str, *operands: Tensor | Sequence[Tensor]) -> Tensor", "(*args: Any) -> Tensor"],
    "meshgrid": ["(*tensors: Tensor | Sequence[Tensor], indexing: str = 'ij') -> tuple[Tensor, ...]"],
    "where": [
        "(condition: Tensor) -> tuple[Tensor, ...]",
        "(condition: Tensor, input: _Operand, other: _Operand) -> Tensor",
    ],
}

RETURNS = {
    "__array_function__": "Any", "__array_ufunc__": "Any", "__dlpack__": "Any", "__hash__": "int",
    "__iter__": "Iterator[Tensor]", "get_device": "int", "is_complex": "bool", "is_contiguous": "bool", "is_floating_point": "bool",
    "is_signed": "bool", "tolist": "Any",  "is_coalesced": "bool",
    **{name: f"_{name}" for name in ["frexp", "histogram", "histogramdd", "lu_unpack", "mode", "qr", "svd", "triangular_solve"]},
    **{
        name: f"_linalg_{name}"
        for name in ["cholesky_ex", "inv_ex", "ldl_factor", "ldl_factor_ex", "lu", "lu_factor", "lu_factor_ex", "solve_ex"]
    },
}  # fmt: skip

# the other operand, and for the first ones the first, may be a number
BOTH = [
    "add", "bitwise_and", "bitwise_left_shift", "bitwise_or", "bitwise_right_shift", "bitwise_xor", "bucketize",
    "div", "divide", "float_power", "floor_divide", "mul", "multiply", "pow", "remainder", "sub", "subtract",
    "true_divide", "xlogy",
]  # fmt: skip
SECOND = [
    *BOTH, "eq", "fmod", "ge", "gt", "greater", "greater_equal", "isclose", "le", "lerp", "less", "less_equal",
    "lt", "ne", "not_equal", "rsub",
]  # fmt: skip
OPERATORS = [
    "add", "sub", "mul", "truediv", "floordiv", "mod", "pow", "and", "or", "xor", "lshift", "rshift", "lt", "le",
    "gt", "ge",
]  # fmt: skip

# ---- signatures --------------------------------------------------------------------------------------------------

HEADER = '''"""{doc}

Written by tests/stubs.py from the code; `make stubs` writes it anew.
"""
# fmt: off
# ruff: noqa
'''
EMPTY, NAMED, VAR = inspect.Parameter.empty, inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.VAR_POSITIONAL
VALUES = ("T", "Any", "Tensor", EMPTY)


class _Spelled(ast.NodeTransformer):
    """T is a Tensor; int, float and bool are hidden by what has these names."""

    NAMES = {"T": "Tensor", "Dim": "_Dim", **{n: f"builtins.{n}" for n in ("int", "float", "bool")}}

    def visit_Name(self, node: ast.Name) -> ast.expr:
        return ast.parse(self.NAMES.get(node.id, node.id), mode="eval").body


def spelled(annotation: Any, argument: bool = False) -> str:
    """Return an annotation as a stub has it."""
    if annotation is EMPTY:
        return "Any"
    text = annotation if isinstance(annotation, str) else inspect.formatannotation(annotation)
    text = text.replace("builtins.", "").replace("np.ndarray", "np.ndarray[Any, Any]")
    text = text.replace("tuple[int, ...]", "Sequence[int]") if argument else text
    return ast.unparse(_Spelled().visit(ast.parse(text, mode="eval")))


def parameter(function: str, place: int, p: inspect.Parameter) -> inspect.Parameter:
    """Return the parameter with what may be given for it."""
    annotation = spelled(p.annotation, argument=True)
    if p.annotation in VALUES:
        if place == 0:
            annotation = "_Operand" if function in BOTH else "Tensor"
        elif p.name in ("min", "max", "value"):
            annotation = "_Operand"
        elif p.name in ("other", "exponent", "weight", "end", "boundaries") and function[:2] != "__":
            annotation = "_Operand" if function in SECOND else "Tensor | np.ndarray[Any, Any]"
        if annotation != "Any" and p.default is None:
            annotation += " | None"
    return p.replace(annotation=annotation)


def result(name: str, annotation: Any) -> str:
    """Return what comes of the function of that name."""
    if annotation not in (*VALUES, "Self"):
        return spelled(annotation)
    if name in RETURNS:
        return spelled(RETURNS[name])
    if name[0] == "_" and name[:2] != "__":
        return "Any"
    return "Self" if name.endswith("_") and name[:2] != "__" else "Tensor"


def takes_sizes(function: Any) -> bool:
    """Say whether the last argument may be several integers: a wrapper takes them, and the function a tuple."""
    first, *others = _kinds_of_wrapper(function)
    return first is not VAR and VAR in others


def takes_axis(function: Any) -> bool:
    """Say whether NumPy's names are taken, too: by a wrapper of whatever arguments."""
    return _kinds_of_wrapper(function)[0] is VAR


def _kinds_of_wrapper(function: Any) -> list[Any]:
    """Return the kinds of parameters that a wrapper has itself."""
    if not hasattr(function, "__wrapped__"):
        return [None]
    code = function.__code__  # what it shows as its signature may be another's
    more = [VAR] if code.co_flags & inspect.CO_VARARGS else []
    return [NAMED] * code.co_argcount + more or [None]


def signatures(name: str, function: Any, method: bool) -> list[inspect.Signature]:
    """Return what a function, or the method of that name, may be called with."""
    if name in FUNCTIONS and not method:
        found = [parsed(text) for text in FUNCTIONS[name]]
    elif name in OVERLOADS:
        first = inspect.Parameter("self" if method else "input", NAMED, annotation=EMPTY if method else "Tensor")
        found = [parsed(text, first) for text in OVERLOADS[name]]
    else:
        found = [_live(name, inspect.signature(function), method)]
    if takes_sizes(function) and name not in OVERLOADS:
        found.append(_separate(found[0]))
    if takes_axis(function):
        found = [each for signature in found for each in (signature, *_with_axis(signature))]
    return found


def parsed(text: str, *before: inspect.Parameter) -> inspect.Signature:
    """Return the signature that stands in a table, after other parameters."""
    space: dict[str, Any] = {}
    exec(f"from __future__ import annotations\ndef f{text}: ...", space)
    signature = inspect.signature(space["f"])
    parameters = [p.replace(annotation=spelled(p.annotation)) for p in signature.parameters.values()]
    return signature.replace(parameters=[*before, *parameters], return_annotation=spelled(signature.return_annotation))


def _live(name: str, signature: inspect.Signature, method: bool) -> inspect.Signature:
    """Return the signature of the code, with what may be given and what comes."""
    parameters = [parameter(name.rstrip("_"), i, p) for i, p in enumerate(signature.parameters.values())]
    # a default that is minigrad's own is named by no import of the stub
    parameters = [p.replace(default=...) if repr(p.default).startswith("minigrad.") else p for p in parameters]
    if method:
        parameters[0] = inspect.Parameter("self", NAMED)
    return signature.replace(parameters=parameters, return_annotation=result(name, signature.return_annotation))


def _separate(signature: inspect.Signature) -> inspect.Signature:
    """Return the signature in which the last argument is several integers."""
    *before, last = signature.parameters.values()
    return signature.replace(parameters=[*before, last.replace(kind=VAR, annotation="builtins.int", default=EMPTY)])


AXIS = {"dim": "axis", "dims": "axes", "keepdim": "keepdims"}


def _with_axis(signature: inspect.Signature) -> list[inspect.Signature]:
    """Return the signature in which `dim` and `keepdim` have NumPy's names, if there is one; the axis is needed."""
    before: list[inspect.Parameter] = []
    after: list[inspect.Parameter] = []
    for p in signature.parameters.values():
        if p.name in ("dim", "dims") and p.annotation != "None":
            after.append(p.replace(name=AXIS[p.name], default=EMPTY, kind=inspect.Parameter.KEYWORD_ONLY))
        elif after:
            after.append(p.replace(name=AXIS.get(p.name, p.name), kind=inspect.Parameter.KEYWORD_ONLY))
        else:
            before.append(p)
    return [signature.replace(parameters=[*before, *after])] if after else []


def written(name: str, found: list[inspect.Signature], ignore: str = "") -> list[str]:
    """Return the lines of a function, each signature an overload where there are several."""
    lines = []
    for signature in found:
        parameters = [p.replace(annotation=_Text(p.annotation)) for p in signature.parameters.values()]
        bare = [p.replace(annotation=EMPTY) if p.name == "self" else p for p in parameters]
        shown = signature.replace(parameters=bare, return_annotation=_Text(signature.return_annotation))
        lines += ["@overload"] * (len(found) > 1) + _wrapped(f"def {name}{shown}: ...{ignore}")
    return lines


def _wrapped(text: str) -> list[str]:
    """Break a line after the commas between parameters."""
    held = re.sub(r"(?<!,) |(?<=,) (?=[^\[]*\])", "\0", text)
    lines = textwrap.wrap(held, 96, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False)
    return [line.replace("\0", " ") for line in lines]


class _Text(str):
    """An annotation that is shown without quotes."""

    def __repr__(self) -> str:
        return str(self)


# ---- the three stubs ---------------------------------------------------------------------------------------------

TYPES = """
_Number: TypeAlias = builtins.int | builtins.float
_Operand: TypeAlias = Tensor | np.ndarray[Any, Any] | np.number[Any] | np.bool[builtins.bool] | builtins.float
_Dim: TypeAlias = builtins.int | Sequence[builtins.int] | None
"""


BASE = mg.Tensor.__mro__[1]  # what recording needs of a tensor
IMPORTED = (Device, Handle, Node, BASE, mg.Size, mg.linalg.SlogDet, Primitive, mg.Generator, Storage)


def tensor_stub() -> str:
    """Return the text of minigrad/tensor/tensor.pyi."""
    lines = [HEADER.format(doc="Tensor as type checkers and editors see it: every method with its signature.")]
    lines += ["import builtins", "from collections.abc import Callable, Iterator, Sequence"]
    lines += ["from typing import Any, Literal, NamedTuple, Self, TypeAlias, overload", "", "import numpy as np", ""]
    lines += sorted(f"from {c.__module__} import {c.__name__} as {c.__name__}" for c in IMPORTED)
    lines.append(TYPES)
    for name, kind in RETURN_TYPES.items():
        lines += [f"class _{name}(NamedTuple):", *(f"    {field}: Tensor" for field in kind._fields), ""]
    lines.append(f"class Tensor({BASE.__name__}):")
    for name in sorted(dir(mg.Tensor), key=lambda n: (n[0] == "_", n[:2] == "__", n)):
        owner = next(c for c in mg.Tensor.__mro__ if name in c.__dict__)
        if owner not in (object, BASE) and name not in LEFT_OUT:
            lines += [f"    {line}" for line in member(name, inspect.getattr_static(mg.Tensor, name))]
    return "\n".join(lines) + "\n"


# what every class has
LEFT_OUT = {"__annotations__", "__doc__", "__module__", "__firstlineno__", "__static_attributes__"}
IGNORED = {
    **dict.fromkeys(("shape", "dtype", "to", "__eq__", "__ne__"), "  # type: ignore[override]"),
    **dict.fromkeys(("__lt__", "__le__", "__gt__", "__ge__"), "  # type: ignore[misc]"),
}


def member(name: str, value: Any) -> list[str]:
    """Return the lines of one member of Tensor."""
    ignore = IGNORED.get(name, "")
    if isinstance(value, property):
        kind = result(name, inspect.signature(value.fget).return_annotation)
        return [f"{name}: {kind}"] if value.fset else ["@property", f"def {name}(self) -> {kind}: ...{ignore}"]
    if not callable(value):
        kind = "None" if value is None else spelled(type(value).__name__)
        return [f"{name}: {'Any' if name[0] == '_' else kind}"]
    if name[:2] == "__" and {name[2:-2], name[3:-2]} & set(OPERATORS):
        kind = "Self" if name[2] == "i" and name[3:-2] in OPERATORS else "Tensor"
        return [f"def {name}(self, other: _Operand) -> {kind}: ...{ignore}"]
    if name == "where":
        return ["def where(self, condition: Tensor, other: _Operand) -> Tensor: ..."]
    if name.endswith("_") and list(inspect.signature(value).parameters) == ["self", "args", "kwargs"]:
        sister = getattr(mg.Tensor, name[:-1], None) or getattr(mg, name[:-1])
        found = signatures(name[:-1], sister, True)
        return written(name, [signature.replace(return_annotation="Self") for signature in found])
    return written(name, signatures(name, value, True), ignore)


def is_function(value: Any) -> bool:
    """Say whether it is one of the functions whose signatures are written out."""
    home = getattr(value, "__module__", "") or ""
    return inspect.isfunction(value) and (home.startswith("minigrad.functions.") or home == "minigrad.linalg")


def exported(module: Any) -> dict[str, str]:
    """Return the public names of a module as type checkers count them, each with the import that brings it, or ``""``."""
    names: dict[str, str] = {}
    for node in ast.parse(Path(module.__file__).read_text()).body:
        if isinstance(node, ast.ImportFrom):
            for alias in node.names:
                if alias.name == "*":
                    home = node.module or ""
                    for name in sys.modules[home].__all__:
                        is_here = is_function(getattr(module, name)) or hasattr(getattr(module, name), "_fields")
                        names[name] = "" if is_here else f"from {home} import {name} as {name}"
                elif alias.name == alias.asname:
                    names[alias.name] = f"from {node.module} import {alias.name} as {alias.name}"
                elif alias.asname and not inspect.ismodule(getattr(module, alias.asname)):  # an export by another name
                    names[alias.asname] = f"from {node.module} import {alias.name}"
        elif isinstance(node, (ast.FunctionDef, ast.ClassDef)):
            names[node.name] = ""
        elif isinstance(node, ast.Assign):
            names |= {target.id: "" for target in node.targets if isinstance(target, ast.Name)}
    return {name: names[name] for name in sorted(names) if name[0] != "_"}


def face(module: Any, doc: str, more: list[str]) -> str:
    """Return the stub of a module: its functions with their signatures, all else from where it comes."""
    names = exported(module)
    functions = [name for name in names if is_function(getattr(module, name))]
    tuples = [name for name in names if hasattr(getattr(module, name), "_fields")]
    written_out = {*functions, *tuples}
    imports = {name: line for name, line in names.items() if line and name not in written_out}
    origins = {name: line.split()[-1] for name, line in imports.items()}
    lines = [HEADER.format(doc=f"{doc} as type checkers and editors see it: every function with its signature.")]
    lines += ["import builtins", "from collections.abc import Sequence"]
    lines += ["from typing import Any, Literal, NamedTuple, overload", "", "import numpy as np", ""]
    lines += sorted({*more, *imports.values()})
    lines += ["", *(f"{name} = {origin}" for name, origin in origins.items() if name != origin)]
    lines += ["__version__: str", ""] if hasattr(module, "__version__") else [""]
    for name in names:
        value = getattr(module, name)
        if name in functions:
            lines += written(name, signatures(name, value, False))
        elif name in tuples:
            lines += [f"class {name}(NamedTuple):", *(f"    {field}: Tensor" for field in value._fields), ""]
    return "\n".join(lines) + "\n"


def text_of(path: str) -> str:
    """Return the text of a stub."""
    names = ["_Dim", "_Operand", *(f"_{name}" for name in RETURN_TYPES)]
    if path == "minigrad/__init__.pyi":
        results = f"from minigrad.tensor.tensor import {', '.join(names)}"
        return face(mg, "minigrad", ["from minigrad.linalg import SlogDet", results])
    if path == "minigrad/linalg.pyi":
        return face(
            mg.linalg,
            "Linear algebra",
            [
                f"from minigrad.tensor.tensor import Tensor, {', '.join(n for n in names if n in ('_Dim', '_Operand') or n.startswith('_linalg'))}"
            ],
        )
    return tensor_stub()


PATHS = ("minigrad/__init__.pyi", "minigrad/linalg.pyi", "minigrad/tensor/tensor.pyi")

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument(
        "--write", action="store_true", help="write them into the tree, instead of telling which differ"
    )
    write, differing = parser.parse_args().write, []
    for path in PATHS:
        if not (ROOT / path).exists() or (ROOT / path).read_text() != text_of(path):
            differing.append(path)
            if write:
                (ROOT / path).write_text(text_of(path))
    print("written:" if write else "not as generated:", *differing or ["none"])
    sys.exit(bool(differing) and not write)
