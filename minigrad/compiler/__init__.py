"""A training step that writes itself down as a page of NumPy.

A rule handed arrays computes; handed Tensors it is recorded; handed recording arrays, it writes
itself down.
"""

from minigrad.compiler.compiled import Compiled, compile

__all__ = ["Compiled", "compile"]
