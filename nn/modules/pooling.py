"""The names of PyTorch's ``nn.modules.pooling``."""

from minigrad.nn.adaptive_max_pooling import AdaptiveMaxPool1d as AdaptiveMaxPool1d
from minigrad.nn.adaptive_max_pooling import AdaptiveMaxPool2d as AdaptiveMaxPool2d
from minigrad.nn.adaptive_max_pooling import AdaptiveMaxPool3d as AdaptiveMaxPool3d
from minigrad.nn.adaptive_max_pooling import FractionalMaxPool2d as FractionalMaxPool2d
from minigrad.nn.adaptive_max_pooling import FractionalMaxPool3d as FractionalMaxPool3d
from minigrad.nn.adaptive_max_pooling import _AdaptiveMaxPoolNd as _AdaptiveMaxPoolNd
from minigrad.nn.pooling_layers import AdaptiveAvgPool1d as AdaptiveAvgPool1d
from minigrad.nn.pooling_layers import AdaptiveAvgPool2d as AdaptiveAvgPool2d
from minigrad.nn.pooling_layers import AdaptiveAvgPool3d as AdaptiveAvgPool3d
from minigrad.nn.pooling_layers import AvgPool1d as AvgPool1d
from minigrad.nn.pooling_layers import AvgPool2d as AvgPool2d
from minigrad.nn.pooling_layers import AvgPool3d as AvgPool3d
from minigrad.nn.pooling_layers import MaxPool1d as MaxPool1d
from minigrad.nn.pooling_layers import MaxPool2d as MaxPool2d
from minigrad.nn.pooling_layers import MaxPool3d as MaxPool3d
from minigrad.nn.pooling_layers import _AdaptiveAvgPoolNd as _AdaptiveAvgPoolNd
from minigrad.nn.pooling_layers import _AvgPoolNd as _AvgPoolNd
from minigrad.nn.pooling_layers import _MaxPoolNd as _MaxPoolNd
from minigrad.nn.power_pooling import LPPool1d as LPPool1d
from minigrad.nn.power_pooling import LPPool2d as LPPool2d
from minigrad.nn.power_pooling import LPPool3d as LPPool3d
from minigrad.nn.power_pooling import _LPPoolNd as _LPPoolNd
from minigrad.nn.unpooling import MaxUnpool1d as MaxUnpool1d
from minigrad.nn.unpooling import MaxUnpool2d as MaxUnpool2d
from minigrad.nn.unpooling import MaxUnpool3d as MaxUnpool3d
from minigrad.nn.unpooling import _MaxUnpoolNd as _MaxUnpoolNd
