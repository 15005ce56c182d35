"""The names of PyTorch's ``nn.modules.container``."""

from minigrad.nn.container import ModuleDict as ModuleDict
from minigrad.nn.container import ModuleList as ModuleList
from minigrad.nn.container import Sequential as Sequential
from minigrad.nn.parameter_containers import ParameterDict as ParameterDict
from minigrad.nn.parameter_containers import ParameterList as ParameterList
