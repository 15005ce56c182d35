"""Switches of libraries that are not here: they can be set and change nothing."""

from types import SimpleNamespace

from minigrad.backends import cuda as cuda
from minigrad.backends import cudnn as cudnn

mps = SimpleNamespace(is_available=lambda: False, is_built=lambda: False)
mkl = SimpleNamespace(is_available=lambda: False)
openmp = SimpleNamespace(is_available=lambda: False)
mkldnn = SimpleNamespace(is_available=lambda: False, enabled=True, allow_tf32=True)
