"""Loops: calls between two products as one call, printed for Numba. Equal to rounding."""
