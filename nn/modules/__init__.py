"""Layers by PyTorch's files: ``nn.modules.batchnorm._BatchNorm`` is the class to ask for.

Each file here only lists names; ``nn.modules.Linear`` is ``nn.Linear``, too.
"""

import sys as _sys
import typing as _typing

from minigrad.nn.modules import activation as activation
from minigrad.nn.modules import adaptive as adaptive
from minigrad.nn.modules import batchnorm as batchnorm
from minigrad.nn.modules import channelshuffle as channelshuffle
from minigrad.nn.modules import container as container
from minigrad.nn.modules import conv as conv
from minigrad.nn.modules import distance as distance
from minigrad.nn.modules import dropout as dropout
from minigrad.nn.modules import flatten as flatten
from minigrad.nn.modules import fold as fold
from minigrad.nn.modules import instancenorm as instancenorm
from minigrad.nn.modules import lazy as lazy
from minigrad.nn.modules import linear as linear
from minigrad.nn.modules import loss as loss
from minigrad.nn.modules import module as module
from minigrad.nn.modules import normalization as normalization
from minigrad.nn.modules import padding as padding
from minigrad.nn.modules import pixelshuffle as pixelshuffle
from minigrad.nn.modules import pooling as pooling
from minigrad.nn.modules import rnn as rnn
from minigrad.nn.modules import sparse as sparse
from minigrad.nn.modules import transformer as transformer
from minigrad.nn.modules import upsampling as upsampling
from minigrad.nn.modules import utils as utils

if not _typing.TYPE_CHECKING:  # a checker knows all names

    def __getattr__(name: str) -> _typing.Any:
        return getattr(_sys.modules["minigrad.nn"], name)
