"""Models as ONNX files: every layer at two batch sizes, checked by onnx and run by onnxruntime."""

import sys
from pathlib import Path

import numpy as np
import pytest
import zoo

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import nn

onnx = pytest.importorskip("onnx", reason="onnx is not installed")
onnxruntime = pytest.importorskip("onnxruntime", reason="onnxruntime is not installed")


def run(path, *inputs):
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
    feed = {given.name: x.numpy() for given, x in zip(session.get_inputs(), inputs, strict=True)}
    return session.run(None, feed)


def batch_axes(shapes):
    parts = [[token for token in shape.split() if "int" not in token] for shape in shapes.split(";")]
    return {f"input_{i}": {sizes.index("n"): "batch"} for i, sizes in enumerate(parts)}


UNMAPPED = {
    "LSTM(3, 4, proj_size=2)": "LSTM with proj_size or a PackedSequence",
}


@pytest.mark.parametrize("text", zoo.ZOO)
def test_every_layer_at_two_batch_sizes(tmp_path, text):
    layer, shapes, path = zoo.make(text), zoo.ZOO[text], tmp_path / "m.onnx"
    args = tuple(zoo.inputs(shapes, 3))
    if text in UNMAPPED:
        with pytest.raises(ValueError, match=UNMAPPED[text]):
            mg.onnx.export(layer, args, path, dynamic_axes=batch_axes(shapes))
        return
    mg.onnx.export(layer, args, path, dynamic_axes=batch_axes(shapes))
    onnx.checker.check_model(path, full_check=True)
    for n in (3, 5):
        given = zoo.inputs(shapes, n, seed=n)
        expected = zoo.outputs(layer(*given))
        results = run(path, *given)
        assert len(results) == len(expected)
        for result, value in zip(results, expected, strict=True):
            assert result.dtype == value.dtype and result.shape == value.shape
            np.testing.assert_allclose(result, value.detach().numpy(), rtol=2e-5, atol=3e-6)


def exported(tmp_path, model, args, **options):
    mg.onnx.export(model, args, tmp_path / "m.onnx", **options)
    return onnx.load(tmp_path / "m.onnx")


def same(tmp_path, model, *args, tolerance=2e-6):
    for result, value in zip(run(tmp_path / "m.onnx", *args), zoo.outputs(model(*args)), strict=True):
        np.testing.assert_allclose(result, value.detach().numpy(), rtol=tolerance, atol=tolerance)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Conv2d(1, 4, 3), nn.BatchNorm2d(4), nn.ReLU(inplace=True), nn.Dropout(0.5))
        self.head = nn.Linear(4, 2)

    def forward(self, x):
        return self.head(self.body(x).mean((2, 3)))


def test_names_are_those_of_modules_and_a_batch_norm_is_one_node(tmp_path):
    model, x = Net(), mg.randn(2, 1, 8, 8)
    model(x)  # its statistics move
    state = {name: value.clone() for name, value in model.state_dict().items()}
    file = exported(
        tmp_path, model, x, input_names=["image"], output_names=["logits"], dynamic_axes={"image": {0: "batch"}}
    )
    assert model.training and model.body[2].inplace
    for name, value in model.state_dict().items():
        np.testing.assert_array_equal(value, state[name])
    names = [(node.op_type, node.name) for node in file.graph.node if node.name]
    assert names == [
        ("Conv", "body/0/Conv"), ("Add", "body/0/Add"), ("BatchNormalization", "body/1/BatchNormalization"),
        ("Relu", "body/2/Relu"), ("ReduceMean", "ReduceMean"), ("Gemm", "head/Gemm"),
    ]  # fmt: skip
    stored = {tensor.name for tensor in file.graph.initializer}
    assert {name for name in state if "num_batches" not in name} <= stored
    (given,), (taken,) = file.graph.input, file.graph.output
    sizes = [[d.dim_param or d.dim_value for d in each.type.tensor_type.shape.dim] for each in (given, taken)]
    assert (given.name, taken.name) == ("image", "logits") and sizes == [["batch", 1, 8, 8], ["batch", 2]]
    same(tmp_path, model.eval(), mg.randn(7, 1, 8, 8))


sys.path.insert(0, str(Path(__file__).parent.parent / "benchmarks"))
import nets


@pytest.mark.parametrize("name", ["fig1_bn", "cnn_bn", "resnet", "gpt", "lstm"])
def test_the_nets_of_the_benchmark(tmp_path, name):
    mg.manual_seed(0)
    model = nets.build(name, mg, nn)
    x = mg.tensor(nets.data(name)[0][:3])
    model(x)
    mg.onnx.export(model, x[:2], tmp_path / "m.onnx", dynamic_axes={"input_0": {0: "batch"}})
    same(tmp_path, model.eval(), x, tolerance=5e-6)


class Function(nn.Module):
    def __init__(self, function):
        super().__init__()
        self.function = function

    def forward(self, *args):
        return self.function(*args)


BOTH = {"input_0": {0: "batch", 1: "steps"}}
FUNCTIONS = {  # of (batch, steps, 3)
    "the batch folded": lambda x: x.reshape(x.shape[0] * x.shape[1], 3) @ mg.ones(3, 2),
    "heads in the batch": lambda x: (
        x.repeat(1, 1, 2).reshape(x.shape[0], x.shape[1], 2, 3).transpose(1, 2).reshape(-1, x.shape[1], 3)
    ),
    "zeros of a batch": lambda x: mg.cat([mg.zeros(x.shape[0], 1, 3), x], 1),
    "a causal mask": lambda x: F.scaled_dot_product_attention(x, x, x, is_causal=False),
    "the last step": lambda x: x[:, -1],
    "every other step backwards": lambda x: x.flip(1)[:, ::2, None, 1:],
    "a choice": lambda x: mg.where(x > 0, x, -x).clamp(max=0.5).sum(-1).argmax(-1),
    "statistics": lambda x: (x.var(2), x.amax((1, 2)), x.norm(dim=2), x.logsumexp(1)),
    "half of the integers": lambda x: ((x * 4).int() // 2 % 3, (x * 4).int() != 0),
    "divided by a size": lambda x: (
        x.sum(0) / x.shape[0],
        x.sum((0, 1)) / (x.shape[0] * 2 + 1),
        x[:, : x.shape[1] - 1],
    ),
    "several outputs": lambda x: (x.chunk(3, 2), {"a": x.exp()}),
    "constants": lambda x: (x, mg.ones(2, 2)),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_sizes_that_change(tmp_path, name):
    model = Function(FUNCTIONS[name])
    mg.onnx.export(model, mg.randn(2, 4, 3), tmp_path / "m.onnx", dynamic_axes=BOTH)
    for shape in ((2, 4, 3), (5, 3, 3), (1, 6, 3)):
        given = mg.randn(*shape)
        for result, value in zip(run(tmp_path / "m.onnx", given), zoo.outputs(values(model(given))), strict=True):
            assert result.dtype == value.dtype and result.shape == value.shape
            np.testing.assert_allclose(result, value.numpy(), rtol=1e-5, atol=1e-6)


def values(result):
    return [*result[0], *result[1].values()] if isinstance(result, tuple) and isinstance(result[1], dict) else result


def test_tokens_that_are_all_the_same_are_still_an_input(tmp_path):
    model = nn.Sequential(nn.Embedding(5, 3), nn.Flatten())
    mg.onnx.export(model, mg.zeros(2, 4, dtype=mg.int64), tmp_path / "m.onnx", dynamic_axes={"input_0": {0: "batch"}})
    same(tmp_path, model, mg.tensor([[1, 2, 3, 4]]))


def by_values(x):
    return x * 2 if x.sum() > 0.7 else x


def by_numpy(x):
    return x + mg.Tensor(np.sort(x.numpy()))


def in_place(x):
    y = x + 1
    y[0] = 0
    return y


REFUSED = {
    "a decision by values": (by_values, "module 'at' computes otherwise"),
    "NumPy on the memory": (by_numpy, "module 'at', at add: it depends on the inputs in a way that was not recorded"),
    "a number of the values": (lambda x: x * x.max().item(), "module 'at', at mul: it computes with .*, a number"),
    "a write in place": (in_place, "written in place"),
    "what has no form": (lambda x: x.sort().values, "module 'at': the primitive '.*' has no form in ONNX yet"),
    "a loop over the batch": (lambda x: sum(x[i] for i in range(x.shape[0])), "module 'at' computes otherwise"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_has_no_form_is_named_with_its_module(tmp_path, name):
    function, words = REFUSED[name]
    model = nn.Sequential()
    model.add_module("at", Function(function))
    with pytest.raises(ValueError, match=words):
        mg.onnx.export(model, mg.tensor([0.1, 0.2, 0.3]), tmp_path / "m.onnx", dynamic_axes={"input_0": [0]})
    assert not list(tmp_path.iterdir())


def test_arguments(tmp_path):
    model, x = nn.Linear(2, 1), mg.ones(3, 2)
    file = exported(tmp_path, model, (x,))
    assert [d.dim_value for d in file.graph.input[0].type.tensor_type.shape.dim] == [3, 2]
    for options, words in (
        ({"input_names": ["a", "b"]}, "expected 1 input_names"),
        ({"output_names": []}, "expected 1 output_names"),
        ({"dynamic_axes": {"input_0": {2: "n"}}}, "dynamic_axes has axis 2 of 'input_0', which has 2 dimensions"),
        ({"dynamic_axes": {"x": {0: "n"}}}, "dynamic_axes names 'x'"),
    ):
        with pytest.raises(ValueError, match=words):
            mg.onnx.export(model, x, tmp_path / "m.onnx", **options)
    with pytest.raises(TypeError, match="got a int at place 0"):
        mg.onnx.export(model, 3, tmp_path / "m.onnx")


def test_the_table_of_the_docs_is_what_comes():
    import onnxsheet

    assert onnxsheet.page() == onnxsheet.PAGE.read_text(), "python tests/onnxsheet.py --write"


def test_without_the_package_it_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnx", None)
    with pytest.raises(ModuleNotFoundError, match=r"needs the package onnx: pip install 'minigrad\[onnx\]'"):
        mg.onnx.export(nn.Linear(2, 1), mg.ones(1, 2), tmp_path / "m.onnx")
