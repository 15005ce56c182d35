"""Optimizers and learning-rate schedules, with PyTorch's names and defaults."""

import typing as _typing

from minigrad.missing import missing_name as _missing_name
from minigrad.optim import lr_scheduler as lr_scheduler
from minigrad.optim import swa_utils as swa_utils
from minigrad.optim.adadelta import Adadelta as Adadelta
from minigrad.optim.adafactor import Adafactor as Adafactor
from minigrad.optim.adagrad import Adagrad as Adagrad
from minigrad.optim.adam import Adam as Adam
from minigrad.optim.adam import AdamW as AdamW
from minigrad.optim.adamax import Adamax as Adamax
from minigrad.optim.asgd import ASGD as ASGD
from minigrad.optim.lbfgs import LBFGS as LBFGS
from minigrad.optim.muon import Muon as Muon
from minigrad.optim.nadam import NAdam as NAdam
from minigrad.optim.optimizer import Optimizer as Optimizer
from minigrad.optim.radam import RAdam as RAdam
from minigrad.optim.rmsprop import RMSprop as RMSprop
from minigrad.optim.rprop import Rprop as Rprop
from minigrad.optim.sgd import SGD as SGD
from minigrad.optim.sparse_adam import SparseAdam as SparseAdam

if not _typing.TYPE_CHECKING:  # a checker knows all names
    __getattr__ = _missing_name("minigrad.optim", globals(), "optimizers and schedules")
