"""The names of PyTorch's ``nn.modules.rnn``."""

from minigrad.nn.recurrent import GRU as GRU
from minigrad.nn.recurrent import LSTM as LSTM
from minigrad.nn.recurrent import RNN as RNN
from minigrad.nn.recurrent import RNNBase as RNNBase
from minigrad.nn.recurrent_cells import GRUCell as GRUCell
from minigrad.nn.recurrent_cells import LSTMCell as LSTMCell
from minigrad.nn.recurrent_cells import RNNCell as RNNCell
from minigrad.nn.recurrent_cells import RNNCellBase as RNNCellBase
