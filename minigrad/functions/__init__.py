"""PyTorch's functions, spelled in primitives: each is ``mg.name`` and, in most cases, a method."""
