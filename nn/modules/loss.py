"""The names of PyTorch's ``nn.modules.loss``."""

from minigrad.nn.losses.binary_cross_entropy import BCELoss as BCELoss
from minigrad.nn.losses.binary_cross_entropy import BCEWithLogitsLoss as BCEWithLogitsLoss
from minigrad.nn.losses.cross_entropy import CrossEntropyLoss as CrossEntropyLoss
from minigrad.nn.losses.cross_entropy import NLLLoss as NLLLoss
from minigrad.nn.losses.cross_entropy import NLLLoss2d as NLLLoss2d
from minigrad.nn.losses.ctc import CTCLoss as CTCLoss
from minigrad.nn.losses.likelihood import GaussianNLLLoss as GaussianNLLLoss
from minigrad.nn.losses.likelihood import KLDivLoss as KLDivLoss
from minigrad.nn.losses.likelihood import PoissonNLLLoss as PoissonNLLLoss
from minigrad.nn.losses.margin_layers import CosineEmbeddingLoss as CosineEmbeddingLoss
from minigrad.nn.losses.margin_layers import HingeEmbeddingLoss as HingeEmbeddingLoss
from minigrad.nn.losses.margin_layers import MarginRankingLoss as MarginRankingLoss
from minigrad.nn.losses.margin_layers import MultiLabelMarginLoss as MultiLabelMarginLoss
from minigrad.nn.losses.margin_layers import MultiLabelSoftMarginLoss as MultiLabelSoftMarginLoss
from minigrad.nn.losses.margin_layers import MultiMarginLoss as MultiMarginLoss
from minigrad.nn.losses.margin_layers import SoftMarginLoss as SoftMarginLoss
from minigrad.nn.losses.margin_layers import TripletMarginLoss as TripletMarginLoss
from minigrad.nn.losses.margin_layers import (
    TripletMarginWithDistanceLoss as TripletMarginWithDistanceLoss,
)
from minigrad.nn.losses.reduction import _Loss as _Loss
from minigrad.nn.losses.reduction import _WeightedLoss as _WeightedLoss
from minigrad.nn.losses.regression import HuberLoss as HuberLoss
from minigrad.nn.losses.regression import L1Loss as L1Loss
from minigrad.nn.losses.regression import MSELoss as MSELoss
from minigrad.nn.losses.regression import SmoothL1Loss as SmoothL1Loss
