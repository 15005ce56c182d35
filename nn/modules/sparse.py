"""The names of PyTorch's ``nn.modules.sparse``."""

from minigrad.nn.embedding import Embedding as Embedding
from minigrad.nn.embedding_bag import EmbeddingBag as EmbeddingBag
