"""The names of PyTorch's ``nn.modules.dropout``."""

from minigrad.nn.alpha_dropout import AlphaDropout as AlphaDropout
from minigrad.nn.alpha_dropout import FeatureAlphaDropout as FeatureAlphaDropout
from minigrad.nn.dropout import Dropout as Dropout
from minigrad.nn.dropout import Dropout1d as Dropout1d
from minigrad.nn.dropout import Dropout2d as Dropout2d
from minigrad.nn.dropout import Dropout3d as Dropout3d
from minigrad.nn.dropout import _DropoutNd as _DropoutNd
