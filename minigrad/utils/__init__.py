"""Utilities around training."""

from minigrad.utils import data as data
