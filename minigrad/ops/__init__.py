"""Families of primitives, value and vjps side by side, on plain arrays.

Nothing here knows that Tensor exists.
"""
