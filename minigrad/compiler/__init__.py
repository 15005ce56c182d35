"""A training step that writes itself down as a page of NumPy.

A rule handed arrays computes; handed Tensors it is recorded; handed recording arrays, it writes
itself down.
"""

from minigrad.compiler.compiled import Compiled, compile
from minigrad.compiler.export import export

__all__ = ["Compiled", "compile", "export"]
