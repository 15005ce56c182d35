"""Tensor: the class, its methods by kind, and how NumPy's functions reach it."""
