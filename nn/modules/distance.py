"""The names of PyTorch's ``nn.modules.distance``."""

from minigrad.nn.distance import CosineSimilarity as CosineSimilarity
from minigrad.nn.distance import PairwiseDistance as PairwiseDistance
