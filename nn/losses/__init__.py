"""Losses: each as a function and, beside it, as a module."""
