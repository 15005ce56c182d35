"""What of minigrad has a form in ONNX, as docs/onnx.md lists it: python tests/onnxsheet.py --write"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
from pathlib import Path

import zoo

import minigrad as mg
from minigrad.onnx.layers import LAYERS
from minigrad.onnx.operators import _NODES, _TESTS, OPERATORS

PAGE = Path(__file__).parent.parent / "docs" / "onnx.md"
START, END = "<!-- the table: tests/onnxsheet.py --write -->", "<!-- end of the table -->"


def seen():
    """Return the nodes that each primitive became, over a layer of every kind."""
    module = sys.modules["minigrad.onnx.export"]
    write, nodes = module._write, {name: {kind} for name, kind in {**_NODES, **_TESTS}.items()}

    def noted(graph, site):
        before = len(graph.nodes)
        write(graph, site)
        if site.layer is None:
            nodes.setdefault(site.name, set()).update(node.op_type for node in graph.nodes[before:])

    module._write = noted
    try:
        with tempfile.TemporaryDirectory() as folder:
            for text, shapes in zoo.ZOO.items():
                if "proj_size" not in text:
                    mg.onnx.export(zoo.make(text), tuple(zoo.inputs(shapes, 2)), f"{folder}/m.onnx")
    finally:
        module._write = write
    return nodes


def table():
    """Return the lines of the table."""
    nodes = seen()
    lines = ["| primitive | nodes |", "| --- | --- |"]
    for name in sorted(OPERATORS):
        kinds = sorted(nodes.get(name, set()) - {"Cast", "Shape", "Mul", "Add", "Concat"} or nodes.get(name, ()))
        lines.append(f"| `{name}` | {', '.join(kinds) or 'none, or a few'} |")
    whole = sorted(kind.__name__ for kind in LAYERS)
    return [*lines, "", f"Layers that are written as a whole: {', '.join(whole)}."]


def page():
    """Return the page with the table as it is now."""
    text = PAGE.read_text()
    return re.sub(f"{START}.*{END}", "\n".join([START, *table(), END]).replace("\\", r"\\"), text, flags=re.DOTALL)


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--write", action="store_true", help=f"write {PAGE.name} anew")
    if parser.parse_args().write:
        PAGE.write_text(page())
    else:
        print("\n".join(table()))
