"""Differentiable collectives."""

from minigrad.distributed.nn import functional as functional
