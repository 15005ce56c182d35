"""The names of PyTorch's ``nn.modules.transformer``."""

from minigrad.nn.transformer import Transformer as Transformer
from minigrad.nn.transformer import TransformerDecoder as TransformerDecoder
from minigrad.nn.transformer import TransformerDecoderLayer as TransformerDecoderLayer
from minigrad.nn.transformer import TransformerEncoder as TransformerEncoder
from minigrad.nn.transformer import TransformerEncoderLayer as TransformerEncoderLayer
from minigrad.nn.transformer import _get_clones as _get_clones
