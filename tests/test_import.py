"""What `import minigrad` brings along, and how the package hangs together."""

import ast
import doctest
import importlib
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
FILES = sorted([*(ROOT / "minigrad").rglob("*.py"), *(ROOT / "nn").rglob("*.py")])
FLOORS = [
    "primitive missing modes storage silence dtypes allocator device draws random rejection layout memory places files archive cores",
    "ops",
    "engine",
    "functions linalg special",
    "tensor",
    "amp absent cuda mps xpu testing version creation in_place windows ranges sampling low_rank compat backends distributions distributed autograd func utils datasets transforms serialization viz",
    "nn",
    "optim",
    "compiler onnx sklearn",
]  # fmt: skip
ROOMS_OF_COMPILER = ["program", "guards", "recording", "planning", "loops", "page"]
FLOOR = {name: i for i, names in enumerate(FLOORS) for name in names.split()}


def dotted(path):
    parts = list(path.relative_to(ROOT).with_suffix("").parts)
    parts = parts if parts[0] == "minigrad" else ["minigrad", *parts]
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def imports(path):
    """Yield the minigrad modules a file imports, inside its functions too; those for types alone are left out."""
    tree = ast.parse(path.read_text())
    guarded = [node for node in ast.walk(tree) if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.dump(node.test)]
    for_types = {inner for node in guarded for inner in ast.walk(node)}
    for node in ast.walk(tree):
        if node in for_types:
            continue
        if isinstance(node, ast.Import):
            yield from (a.name for a in node.names if a.name.startswith("minigrad"))
        elif isinstance(node, ast.ImportFrom) and (node.module or "").startswith("minigrad"):
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                yield full if full in NAMES else node.module


NAMES = {dotted(path) for path in FILES}


@pytest.mark.parametrize("path", FILES, ids=dotted)
def test_each_floor_imports_only_from_those_below(path):
    name = dotted(path)
    if name == "minigrad":
        return
    own = FLOOR[name.split(".")[1]]
    for used in imports(path):
        assert used != "minigrad", f"{name} imports the whole package"
        assert FLOOR[used.split(".")[1]] <= own, f"{name} imports {used}"


def test_each_room_of_the_compiler_imports_only_from_those_before_it():
    rooms = {f"minigrad.compiler.{room}": i for i, room in enumerate(ROOMS_OF_COMPILER)}
    checked = 0
    for path in FILES:
        own = rooms.get(".".join(dotted(path).split(".")[:3]))
        for used in imports(path) if own is not None else ():
            if used.startswith("minigrad.compiler"):
                room = ".".join(used.split(".")[:3])
                assert rooms[room] <= own, f"{dotted(path)} imports {used}"
                checked += 1
    assert checked > 50


def test_there_is_no_circle_of_imports():
    left = {dotted(path): set(imports(path)) - {dotted(path)} for path in FILES if dotted(path) != "minigrad"}
    while free := [name for name, needs in left.items() if not needs & left.keys()]:
        for name in free:
            del left[name]
    assert not left


def functions(path):
    """Yield each function, the lines of its body, and how many nodes of syntax a line holds; docstrings do not count."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            doc = node.body[0] if ast.get_docstring(node) else None
            lines_of_doc = doc.end_lineno - doc.lineno + 1 if doc else 0
            lines = node.end_lineno - node.lineno + 1 - lines_of_doc
            body = node.end_lineno - node.body[0].lineno + 1 - lines_of_doc
            nodes = sum(1 for _ in ast.walk(node)) - (2 if doc else 0)
            yield node, body, nodes / lines if lines >= 6 else 0


@pytest.mark.parametrize("path", FILES, ids=dotted)
def test_sizes(path):
    assert path.read_text().count("\n") <= 400
    for node, body, density in functions(path):
        assert body <= 40, f"{node.name}: {body} lines"
        assert density <= 16, f"{node.name}: {density:.1f} nodes a line: one thought a line"


def test_a_line_holds_one_thought():
    densities = [density for path in FILES for *_, density in functions(path) if density]
    assert statistics.median(densities) <= 10


def test_errors_show_what_came():
    nodes = [node for path in FILES for node in ast.walk(ast.parse(path.read_text()))]
    errors = [ast.dump(node.exc) for node in nodes if isinstance(node, ast.Raise) and node.exc is not None]
    showing = [error for error in errors if "FormattedValue" in error or "attr='format'" in error]
    assert len(showing) >= 0.85 * len(errors)


def ternaries(path):
    """Yield the lines of ternaries that stand in ternaries, or as the condition of a statement."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.IfExp):
            parts = [inner for part in (node.test, node.body, node.orelse) for inner in ast.walk(part)]
            if any(isinstance(inner, ast.IfExp) for inner in parts):
                yield node.lineno
        elif isinstance(node, (ast.If, ast.While)) and isinstance(node.test, ast.IfExp):
            yield node.lineno


@pytest.mark.parametrize("path", FILES, ids=dotted)
def test_no_ternary_stands_in_another(path):
    assert not list(ternaries(path))


@pytest.mark.parametrize("name", sorted(NAMES))
def test_examples_in_docstrings(name):
    if name == "minigrad.sklearn":
        pytest.importorskip("sklearn", reason="scikit-learn is not installed")
    if name.startswith("minigrad.compiler.loops.numba_"):
        pytest.importorskip("numba", reason="numba is not installed")
    assert doctest.testmod(importlib.import_module(name)).failed == 0


def test_importing_minigrad_is_light():
    code = "import sys, minigrad; print(*sys.modules)"
    loaded = set(
        subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()
    )
    assert not loaded & {"matplotlib", "tqdm", "pooch", "graphviz", "mlxtend", "threadpoolctl", "torch", "scipy"}
    assert "minigrad.nn" in loaded and "nn" not in loaded


def test_a_bare_checkout_can_be_used():
    code = "import minigrad.nn, sys; print(minigrad.nn.__file__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert Path(done.stdout.strip()).name == "__init__.py"
