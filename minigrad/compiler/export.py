"""``export``: a model as a file of Python that needs NumPy alone."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import Any

import numpy as np

from minigrad.compiler.calls import names_of
from minigrad.compiler.compiled import Compiled
from minigrad.compiler.page import standalone
from minigrad.compiler.page.source import Page
from minigrad.compiler.page.views import At, view
from minigrad.compiler.program import Call
from minigrad.compiler.replay import NO_ARRAY, NO_TENSOR
from minigrad.modes import no_grad
from minigrad.tensor.tensor import Tensor
from minigrad.utils.tree import tree_leaves

FUNCTIONS = {
    "erf": (standalone.erf,),
    "erfc": (standalone.erfc,),
    "conv": (standalone.windows, standalone.conv),
    "conv_input": (standalone.conv_input,),
    "max_pool": (standalone.windows, standalone.max_pool),
    "argmax_windows": (standalone.windows, standalone.argmax_windows),
    "setitem": (standalone.setitem,),
    "window_sum": (standalone.windows, standalone.window_sum),
}


def export(model: Any, inputs: Any, path: Any) -> Path:
    """Write a model as it evaluates: ``path.py``, straight NumPy, and ``path.npz``, its numbers.

    ``inputs`` is a tensor, or a tuple of them: the file takes arrays of these shapes and dtypes,
    and gives what the model gives, bit for bit; with convolutions, pooling or erf, to rounding. It
    needs NumPy alone. A module is exported in evaluation mode. Returns the path of the file. Raises
    TypeError for a model that cannot be replayed (see :func:`compile`), NotImplementedError for one
    that draws random numbers or asks for a function that NumPy has not.

    >>> import minigrad as mg, tempfile, runpy
    >>> folder = tempfile.TemporaryDirectory()
    >>> model = mg.nn.Linear(2, 1)
    >>> x = mg.ones(3, 2)
    >>> file = export(model, x, f"{folder.name}/net")
    >>> predict = runpy.run_path(str(file))["predict"]
    >>> bool((predict(x.numpy()) == model(x).detach().numpy()).all())
    True
    >>> folder.cleanup()
    """
    args = inputs if isinstance(inputs, tuple) else (inputs,)
    page, value = _page_of(model, args)
    if page.counts or any(call.is_draw for call in page.program.calls):
        raise NotImplementedError("export: the model draws random numbers; call model.eval()")
    result = _nested(value, iter(page.results), page)
    for name, x in page.values.items():
        if not isinstance(x, np.ndarray) and not callable(x):
            raise NotImplementedError(f"export: a file cannot hold {name}, {x!r}")
    target = Path(path).with_suffix(".py")
    arrays = {name: x for name, x in page.values.items() if isinstance(x, np.ndarray)}
    np.savez(target.with_suffix(".npz"), **arrays)  # type: ignore[arg-type]
    target.write_text(_text(page, arrays, target.stem, result))
    return target


def _page_of(model: Any, args: tuple[Any, ...]) -> tuple[Page, Any]:
    """Return the page of an evaluation, and what stands for its results."""
    was_training = getattr(model, "training", False)
    compiled = Compiled(model)
    compiled.keeps_programs = True
    if was_training:
        model.eval()
    try:
        with no_grad():
            for _ in range(3):
                compiled(*args)
    finally:
        if was_training:
            model.train()
    variant = compiled.programs.all()[-1]
    program = variant.program
    if program is None:
        raise TypeError(f"export: {variant.explained()}")
    tensors = [x for x in args if isinstance(x, (Tensor, np.ndarray))]
    names = [f"x{i}" for i in range(len(tensors))]
    if len(tensors) == 1:
        names = names_of(compiled.parameters, list(tree_leaves(args)))
    for call in program.calls:
        call.workspace = 0  # the functions in the file make their own memory
    replay: Any = variant.replay
    return Page(program, "predict", names), replay.value


def _nested(x: Any, results: Any, page: Page) -> str:
    """Return the text of what a model returns: the same nesting of arrays."""
    if x is NO_TENSOR or x is NO_ARRAY:
        return str(next(results))
    if isinstance(x, Tensor):  # of the state, as it stands
        return f"{page.value('state', x._data)}.copy()"
    if isinstance(x, dict):
        items = [f"{key!r}: {_nested(part, results, page)}" for key, part in x.items()]
        return "{" + ", ".join(items) + "}"
    if isinstance(x, (tuple, list)):
        parts = ", ".join(_nested(part, results, page) for part in x)
        if isinstance(x, list):
            return f"[{parts}]"
        return f"({parts},)" if len(x) == 1 else f"({parts})"
    if x is None or isinstance(x, (bool, int, float, str)):
        return repr(x)
    raise NotImplementedError(f"export: the model returns {type(x).__name__}, no tensor")


def _text(page: Page, arrays: dict[str, Any], name: str, result: str) -> str:
    """Return the text of the file."""
    own = [_source_of(call) for call in page.program.calls if call.is_whole]
    functions = list(dict.fromkeys(text for texts in own for text in texts))
    needs_view = " view(" in page.text or "(view(" in page.text
    if needs_view:
        functions += [inspect.getsource(part).strip() for part in (At, view)]
    loaded = [f'{key} = _numbers["{key}"]' for key in arrays]
    top = [
        f'"""{name}: written by minigrad.export; needs NumPy alone."""',
        "",
        "from __future__ import annotations",
        "",
        "import math",
        "from pathlib import Path",
        "from typing import Any",
        "",
        "import numpy as np",
        "from numpy import inf, nan",
        "from numpy.lib.stride_tricks import as_strided",
        "",
        f'with np.load(Path(__file__).with_name("{name}.npz")) as _file:',
        "    _numbers = dict(_file)",
        *loaded,
        "",
        "",
        "class GuardFailed(ValueError):",
        '    """A value decides otherwise than it did when this was written."""',
    ]
    body = page.text.removeprefix("import numpy as np").strip()
    heading, _, rest = body.partition("\n")
    return "\n\n\n".join(["\n".join(top), *functions, _checked(heading, rest, page, result)]) + "\n"


def _checked(heading: str, rest: str, page: Page, result: str) -> str:
    """Return the function with its arguments looked at first; it returns what the model does."""
    lines = ['@np.errstate(all="ignore")', heading]
    for memory, name in zip(page.program.inputs, page.parameters, strict=True):
        shape = tuple(map(int, memory.shape))
        dtype = memory.dtype.name
        lines.append(f"    {name} = np.ascontiguousarray({name}, np.{dtype})")
        lines.append(f"    if {name}.shape != {shape}:")
        lines.append(f'        raise ValueError(f"expected shape {shape}, got {{{name}.shape}}")')
    nested = re.compile("^    return .*$", re.MULTILINE)
    rest = nested.sub(lambda _: f"    return {result}", rest, count=1)
    return "\n".join([*lines, rest])


def _source_of(call: Call) -> list[str]:
    """Return the text of a function that NumPy has not."""
    name = call.function.__name__
    if name not in FUNCTIONS:
        raise NotImplementedError(f"export: NumPy has no function for {name} ({call.line})")
    return [inspect.getsource(function).strip() for function in FUNCTIONS[name]]
