"""RNN, LSTM, GRU and their cells beside PyTorch; packed sequences; to second order."""

import numpy as np
import pytest
from layers import same_error, same_layer

import minigrad as mg
from minigrad import nn
from minigrad.autograd import gradcheck, gradgradcheck
from minigrad.ops.lstm import lstm

rng = np.random.default_rng(0)


def floats(*shape):
    return rng.standard_normal(shape).astype("float32")


X, ROWS, STATE, WIDE = floats(5, 2, 3), floats(2, 5, 3), floats(1, 2, 4), floats(4, 2, 4)
MANY = np.sin(np.arange(384, dtype="float32")).reshape(2, 64, 3)  # samples enough for a product in shares
LAYERS = {
    "rnn": (lambda L: L.nn.RNN(3, 4), X),
    "rnn relu": (lambda L: L.nn.RNN(3, 4, nonlinearity="relu", bias=False), X, STATE),
    "rnn deep": (lambda L: L.nn.RNN(3, 4, 2, "tanh", True, True, 0.0, True), ROWS, WIDE),
    "lstm": (lambda L: L.nn.LSTM(3, 4), X),
    "lstm with state": (lambda L: L.nn.LSTM(3, 4), X, (STATE, floats(1, 2, 4))),
    "lstm batch first": (lambda L: L.nn.LSTM(3, 4, batch_first=True, bias=False), ROWS),
    "lstm deep": (lambda L: L.nn.LSTM(3, 4, num_layers=2, bidirectional=True), X, (WIDE, floats(4, 2, 4))),
    "lstm without batch": (lambda L: L.nn.LSTM(3, 4, 2), X[:, 0], (floats(2, 4), floats(2, 4))),
    "lstm with dropout": (lambda L: L.nn.LSTM(3, 4, 3, dropout=0.4), X),
    "lstm with dropout, batch first": (lambda L: L.nn.LSTM(3, 4, 2, dropout=0.4, batch_first=True), ROWS),
    "lstm projected": (lambda L: L.nn.LSTM(3, 4, 2, proj_size=2, bidirectional=True), X),
    "lstm of doubles": (lambda L: L.nn.LSTM(3, 4, dtype=L.float64), X.astype("float64")),
    "lstm of nothing": (lambda L: L.nn.LSTM(3, 4), X[:, :0]),
    "lstm whose products are shared": (lambda L: L.nn.LSTM(3, 160), MANY),
    "gru": (lambda L: L.nn.GRU(3, 4), X, STATE),
    "gru whose products are shared": (lambda L: L.nn.GRU(3, 160), MANY),
    "gru deep": (lambda L: L.nn.GRU(3, 4, 2, bias=False, bidirectional=True, dropout=0.3), X),
    "gru without batch": (lambda L: L.nn.GRU(3, 4, batch_first=True), X[:, 0]),
    "rnn cell": (lambda L: L.nn.RNNCell(3, 4, nonlinearity="relu"), X[0], STATE[0]),
    "rnn cell without state": (lambda L: L.nn.RNNCell(3, 4, bias=False), X[0, 0]),
    "lstm cell": (lambda L: L.nn.LSTMCell(3, 4), X[0], (STATE[0], STATE[0])),
    "lstm cell without batch": (lambda L: L.nn.LSTMCell(3, 4, bias=False), X[0, 0]),
    "gru cell": (lambda L: L.nn.GRUCell(3, 4), X[0], STATE[0]),
}


@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")
@pytest.mark.parametrize("name", LAYERS)
def test_layers_are_pytorchs(name, torch):
    same_layer(torch, *LAYERS[name])


class Packing:
    """A layer between packing and padding, in either library."""

    def __init__(self, lib, layer, lengths, options):
        self.lib, self.layer, self.lengths, self.options = lib, layer, lengths, options

    def __getattr__(self, name):
        return getattr(self.layer, name)

    def __repr__(self):
        return repr(self.layer)

    def train(self, mode):
        self.layer.train(mode)
        return self

    def __call__(self, x, *state):
        tools = self.lib.nn.utils.rnn
        first = self.layer.batch_first
        packed = tools.pack_padded_sequence(x, self.lengths, batch_first=first, **self.options)
        output, last = self.layer(packed, *state)
        return (*tools.pad_packed_sequence(output, batch_first=first), last)


LONG, LENGTHS = floats(6, 4, 3), [6, 4, 4, 1]
UNSORTED = {"enforce_sorted": False}
PACKED = {
    "rnn": (lambda L: L.nn.RNN(3, 4), LENGTHS, {}, LONG),
    "lstm": (lambda L: L.nn.LSTM(3, 4), LENGTHS, {}, LONG),
    "lstm with state": (lambda L: L.nn.LSTM(3, 4), LENGTHS, {}, LONG, (floats(1, 4, 4), floats(1, 4, 4))),
    "gru of both directions": (lambda L: L.nn.GRU(3, 4, 2, bidirectional=True), LENGTHS, {}, LONG),
    "lstm unsorted": (lambda L: L.nn.LSTM(3, 4, 2, bidirectional=True), [2, 6, 1, 3], UNSORTED, LONG),
    "lstm projected": (lambda L: L.nn.LSTM(3, 4, proj_size=2, bidirectional=True), LENGTHS, {}, LONG),
    "gru unsorted with state": (lambda L: L.nn.GRU(3, 4), [2, 6, 1, 3], UNSORTED, LONG, floats(1, 4, 4)),
    "batch first": (lambda L: L.nn.LSTM(3, 4, batch_first=True), [5, 2], {}, ROWS),
}


@pytest.mark.filterwarnings("ignore:LSTM with projections is not supported with oneDNN")
@pytest.mark.parametrize("name", PACKED)
def test_packed_sequences_are_pytorchs(name, torch):
    make, lengths, options, *inputs = PACKED[name]
    same_layer(torch, lambda L: Packing(L, make(L), lengths, options), *inputs)


def test_tools_for_sequences_are_pytorchs(torch):
    results = []
    for lib in (mg, torch):
        tools = lib.nn.utils.rnn
        parts = [lib.tensor(LONG[:n, i]) for i, n in enumerate((3, 6, 1))]
        packed = tools.pack_sequence(parts, enforce_sorted=False)
        padded, lengths = tools.pad_packed_sequence(packed, True, -1.0, total_length=8)
        left = tools.pad_sequence(parts, padding_value=2.0, padding_side="left")
        unpadded = tools.unpad_sequence(padded, lengths, batch_first=True)
        results.append([*packed, padded, lengths, left, *unpadded, *tools.unpack_sequence(packed)])
    for ours, theirs in zip(*results, strict=True):
        np.testing.assert_array_equal(ours.numpy(), theirs.numpy())
        assert str(ours.dtype) == str(theirs.dtype).removeprefix("torch.")


@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_second_order(kind):
    layer = getattr(nn, kind)(2, 3, bidirectional=True, dtype=mg.float64)
    x = mg.tensor(rng.standard_normal((3, 2, 2))).requires_grad_()
    names, weights = zip(*layer.named_parameters(), strict=True)

    def call(x, *weights):
        return mg.func.functional_call(layer, dict(zip(names, weights, strict=True)), x)[0]

    assert gradcheck(call, (x, *weights))
    assert gradgradcheck(call, (x, *weights))


@pytest.mark.parametrize("lengths", [[6, 6, 6, 6], LENGTHS], ids=["padded", "packed"])
@pytest.mark.parametrize("kind", ["RNN", "LSTM", "GRU"])
def test_the_sweep_in_place_again_and_recorded_agree(kind, lengths):
    layer = getattr(nn, kind)(3, 4, 2, bidirectional=True, dtype=mg.float64)
    x = mg.tensor(LONG, dtype=mg.float64).requires_grad_()
    output, last = layer(nn.utils.rnn.pack_padded_sequence(x, lengths))
    loss = sum((part * part).sum() for part in (output.data, *(last if kind == "LSTM" else (last,))))
    wanted = [x, *layer.parameters()]
    in_place = mg.autograd.grad(loss, wanted, retain_graph=True)
    again = mg.autograd.grad(loss, wanted, retain_graph=True)
    recorded = mg.autograd.grad(loss, wanted, create_graph=True)
    for a, b, c in zip(in_place, again, recorded, strict=True):
        np.testing.assert_allclose(a.numpy(), b.numpy(), rtol=1e-10, atol=1e-12)
        np.testing.assert_allclose(a.numpy(), c.detach().numpy(), rtol=1e-10, atol=1e-12)


def test_gates_serve_the_result_that_they_are_of():
    kept, starts = {}, [mg.zeros(1, 2), mg.zeros(1, 2)]
    xs = [mg.tensor(floats(3, 1)).requires_grad_() for _ in range(2)]
    weights = [mg.tensor(floats(*shape)) for shape in ((8, 1), (8, 2), (8,))]
    first, alone = (lstm(xs[0], *starts, *weights, sizes=(1, 1, 1), kept=k) for k in (kept, {}))
    lstm(xs[1], *starts, *weights, sizes=(1, 1, 1), kept=kept)
    ours, theirs = (mg.autograd.grad(y.sum(), xs[0])[0] for y in (first, alone))
    np.testing.assert_allclose(ours.numpy(), theirs.numpy(), rtol=1e-5)


def test_a_layer_of_projections_is_composed_to_second_order():
    layer, x = nn.LSTM(2, 3, proj_size=2, dtype=mg.float64), mg.tensor(rng.standard_normal((2, 2, 2)))
    assert gradgradcheck(lambda x: layer(x)[0], (x.requires_grad_(),))


def pack(L, lengths, **options):
    return L.nn.utils.rnn.pack_padded_sequence(L.ones(5, 2, 3), lengths, **options)


ERRORS = {
    "a vector": (lambda L, x: L.nn.LSTM(3, 4)(x[0, 0]), 60),
    "other inputs": (lambda L, x: L.nn.LSTM(3, 4)(x[..., :2]), 70),
    "a cell's state that is no pair": (lambda L, x: L.nn.LSTMCell(3, 4)(x[0], L.zeros(2, 4)), 0),
    "other dtype": (lambda L, x: L.nn.LSTM(3, 4)(x.double()), 10),
    "other state": (lambda L, x: L.nn.LSTM(3, 4)(x, (L.zeros(1, 3, 4), L.zeros(1, 2, 4))), 60),
    "other cell state": (lambda L, x: L.nn.LSTM(3, 4)(x, (L.zeros(1, 2, 4), L.zeros(1, 2, 3))), 60),
    "state with batch": (lambda L, x: L.nn.LSTM(3, 4)(x[:, 0], (L.zeros(1, 2, 4), L.zeros(1, 4))), 80),
    "state of a gru": (lambda L, x: L.nn.GRU(3, 4)(x, L.zeros(1, 3, 4)), 60),
    "state without batch": (lambda L, x: L.nn.GRU(3, 4)(x, L.zeros(1, 4)), 70),
    "no steps": (lambda L, x: L.nn.LSTM(3, 4)(x[:0]), 50),
    "cell of a sequence": (lambda L, x: L.nn.LSTMCell(3, 4)(x), 60),
    "cell of other inputs": (lambda L, x: L.nn.LSTMCell(3, 4)(x[0, :, :2]), 50),
    "cell of another batch": (lambda L, x: L.nn.LSTMCell(3, 4)(x[0], (L.zeros(3, 4), L.zeros(2, 4))), 55),
    "cell of another state": (lambda L, x: L.nn.LSTMCell(3, 4)(x[0], (L.zeros(2, 2), L.zeros(2, 4))), 60),
    "cell of a deep state": (lambda L, x: L.nn.RNNCell(3, 4)(x[0], L.zeros(1, 1, 1)), 60),
    "cell of no nonlinearity": (lambda L, x: L.nn.RNNCell(3, 4, nonlinearity="x")(x[0]), 25),
    "no nonlinearity": (lambda L, x: L.nn.RNN(3, 4, nonlinearity="x"), 40),
    "nothing hidden": (lambda L, x: L.nn.LSTM(3, 0), 36),
    "half an input": (lambda L, x: L.nn.LSTM(3.0, 4), 45),
    "too much dropout": (lambda L, x: L.nn.LSTM(3, 4, dropout=2), 60),
    "wide projection": (lambda L, x: L.nn.LSTM(3, 4, proj_size=4), 44),
    "bias as a number": (lambda L, x: L.nn.RNN(3, 4, bias=1), 35),
    "no layers": (lambda L, x: L.nn.LSTM(3, 4, num_layers=0), 36),
    "rising lengths": (lambda L, x: pack(L, [1, 3]), 80),
    "no length": (lambda L, x: pack(L, [3, 0]), 70),
    "one length": (lambda L, x: pack(L, [3]), 75),
    "short total": (lambda L, x: L.nn.utils.rnn.pad_packed_sequence(pack(L, [3, 1]), total_length=2), 99),
    "no tensor": (lambda L, x: L.nn.utils.rnn.pad_sequence([1]), 50),
    "other side": (lambda L, x: L.nn.utils.rnn.pad_sequence([x[0]], padding_side="up"), 65),
    "no sequences": (lambda L, x: L.nn.utils.rnn.pack_sequence([]), 38),
}


@pytest.mark.parametrize("name", ERRORS)
def test_errors_are_pytorchs(name, torch):
    call, opening = ERRORS[name]
    same_error(torch, lambda lib: call(lib, lib.ones(5, 2, 3)), opening=opening)


def test_lengths_beyond_the_input_are_refused():
    with pytest.raises(RuntimeError, match="expected lengths up to 5, got 6"):
        pack(mg, [6, 1])


def test_dropout_of_one_layer_warns():
    with pytest.warns(UserWarning, match="expects num_layers greater than 1"):
        nn.LSTM(3, 4, dropout=0.5)


def test_weights_by_layer_and_direction(torch):
    ours, theirs = (lib.nn.LSTM(3, 4, 2, bidirectional=True).all_weights for lib in (mg, torch))
    assert [[tuple(w.shape) for w in part] for part in ours] == [[tuple(w.shape) for w in part] for part in theirs]
