"""Elementwise functions with PyTorch's names; most are a primitive as it stands.

https://docs.pytorch.org/docs/stable/torch.html#pointwise-ops
"""

from minigrad.functions.elementwise import (
    arithmetic,
    floats,
    powers,
    rounding,
    selection,
    special,
    trigonometric,
)
from minigrad.functions.elementwise.arithmetic import *
from minigrad.functions.elementwise.floats import *
from minigrad.functions.elementwise.powers import *
from minigrad.functions.elementwise.rounding import *
from minigrad.functions.elementwise.selection import *
from minigrad.functions.elementwise.special import *
from minigrad.functions.elementwise.trigonometric import *

__all__ = []
__all__ += arithmetic.__all__
__all__ += floats.__all__
__all__ += powers.__all__
__all__ += rounding.__all__
__all__ += selection.__all__
__all__ += special.__all__
__all__ += trigonometric.__all__
