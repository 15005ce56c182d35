"""Batch Normalization: the layers, their statistics, and the tools around them."""
