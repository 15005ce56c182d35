"""A layer of every kind, and the shapes of its inputs: `n` is the batch, `int k` are integers below k."""

import numpy as np

import minigrad as mg
from minigrad import nn

ZOO = {
    **dict.fromkeys(
        ("ELU()", "ELU(0.7)", "GELU()", "GELU('tanh')", "SELU()", "Hardtanh()", "Hardtanh(-0.5, 0.7)", "LeakyReLU()",
         "LogSigmoid()", "Mish()", "ReLU()", "ReLU6()", "Sigmoid()", "SiLU()", "Softplus()", "Softplus(2.0, 1.0)",
         "Softsign()", "Tanh()", "CELU(0.6)", "Hardshrink()", "Hardsigmoid()", "Hardswish()", "PReLU()", "RReLU()",
         "Softshrink()", "Tanhshrink()", "Threshold(0.1, -3.0)", "Dropout()", "AlphaDropout()", "Identity()",
         "LogSoftmax(1)", "Softmax(1)", "Softmin(-1)", "Linear(4, 5)", "Linear(4, 5, bias=False)", "LayerNorm(4)",
         "LayerNorm(4, elementwise_affine=False)", "LayerNorm(4, bias=False)", "RMSNorm(4)", "GLU()", "BatchNorm1d(4)",
         "GhostBatchNorm(4, 2)", "SyncBatchNorm(4)", "BatchNorm1d(4, affine=False)", "Unflatten(1, (2, 2))"),
        "n 4",
    ),
    **dict.fromkeys(
        ("Conv1d(4, 6, 3)", "Conv1d(4, 6, 3, stride=2, padding=1, groups=2)", "ConvTranspose1d(4, 6, 3, stride=2)",
         "BatchNorm1d(4)", "InstanceNorm1d(4)", "InstanceNorm1d(4, affine=True, track_running_stats=True)", "GroupNorm(2, 4)",
         "Dropout1d()", "FeatureAlphaDropout()", "PReLU(4)", "CircularPad1d(2)", "ConstantPad1d((1, 2), 0.5)", "ReflectionPad1d(2)",
         "ReplicationPad1d((1, 3))", "ZeroPad1d(1)", "AdaptiveAvgPool1d(3)", "AdaptiveMaxPool1d(3)", "AvgPool1d(3, padding=1)", "MaxPool1d(3, 2, padding=1)",
         "LPPool1d(2, 3)", "Flatten()", "LocalResponseNorm(2)", "ChannelShuffle(2)", "Upsample(scale_factor=2)",
         "Upsample(scale_factor=2, mode='linear')", "Upsample(16, mode='linear', align_corners=True)",
         "LayerNorm((4, 8))", "LayerNorm(8)", "RMSNorm((4, 8))", "Linear(8, 3)", "GLU(1)"),
        "n 4 8",
    ),
    **dict.fromkeys(
        ("Conv2d(4, 6, 3)", "Conv2d(4, 6, (3, 2), stride=(2, 1), padding=(1, 0), dilation=(1, 2))", "Conv2d(4, 8, 3, groups=4)",
         "Conv2d(4, 6, 3, padding='same')", "Conv2d(4, 6, 3, padding=1, padding_mode='reflect')", "Conv2d(4, 6, 1, bias=False)",
         "ConvTranspose2d(4, 6, 3)", "ConvTranspose2d(4, 6, 3, stride=2, padding=1, output_padding=1, groups=2)",
         "BatchNorm2d(4)", "InstanceNorm2d(4, affine=True)", "GroupNorm(4, 4)", "GroupNorm(2, 4, affine=False)", "Dropout2d()",
         "CircularPad2d((1, 2, 0, 3))", "ConstantPad2d(1, -1.0)", "ReflectionPad2d((1, 2, 3, 0))", "ReplicationPad2d(2)", "ZeroPad2d((0, 1, 2, 3))",
         "AdaptiveAvgPool2d(1)", "AdaptiveAvgPool2d((3, 2))", "AdaptiveMaxPool2d((4, 2))", "AdaptiveMaxPool2d(1)", "AvgPool2d(2)", "AvgPool2d(3, 2, 1, count_include_pad=False)",
         "AvgPool2d(3, 2, ceil_mode=True)", "MaxPool2d(2)", "MaxPool2d(3, 2, 1)", "MaxPool2d(3, 2, ceil_mode=True)", "MaxPool2d(2, dilation=2)",
         "LPPool2d(2, 2)", "Softmax2d()", "PixelShuffle(2)", "PixelUnshuffle(2)", "Unfold(3)", "Unfold(2, stride=2)", "LocalResponseNorm(3)",
         "Upsample(scale_factor=2)", "Upsample(scale_factor=2, mode='bilinear')", "Upsample(scale_factor=2, mode='bicubic')",
         "UpsamplingBilinear2d(scale_factor=2)", "UpsamplingNearest2d(scale_factor=3)", "Flatten(2)"),
        "n 4 8 6",
    ),
    **dict.fromkeys(
        ("Conv3d(2, 3, 2)", "ConvTranspose3d(2, 3, 2, stride=2)", "BatchNorm3d(2)", "InstanceNorm3d(2)", "Dropout3d()", "CircularPad3d(1)",
         "ConstantPad3d(1, 2.0)", "ReflectionPad3d(1)", "ReplicationPad3d(1)", "ZeroPad3d(1)", "AdaptiveAvgPool3d(2)", "AdaptiveMaxPool3d(2)", "AvgPool3d(2)",
         "MaxPool3d(2)", "LPPool3d(2, 2)", "Upsample(scale_factor=2, mode='trilinear')"),
        "n 2 4 4 6",
    ),
    "Bilinear(3, 4, 5)": "n 3; n 4",
    "CosineSimilarity()": "n 4; n 4",
    "PairwiseDistance()": "n 4; n 4",
    "Embedding(9, 4)": "int9 n 5",
    "Embedding(9, 4, padding_idx=0)": "int9 n 5",
    "EmbeddingBag(9, 4, mode='sum')": "int9 n 5",
    "EmbeddingBag(9, 4)": "int9 n 5",
    "EmbeddingBag(9, 4, mode='max')": "int9 n 5",
    "Fold((4, 5), 2)": "n 8 12",
    "RNN(3, 4, batch_first=True)": "n 5 3",
    "RNN(3, 4, nonlinearity='relu')": "5 n 3",
    "LSTM(3, 4, 2, batch_first=True)": "n 5 3",
    "LSTM(3, 4, bidirectional=True)": "5 n 3",
    "LSTM(3, 4, proj_size=2)": "5 n 3",
    "GRU(3, 4, 2, bidirectional=True, batch_first=True)": "n 5 3",
    "RNNCell(3, 4)": "n 3",
    "LSTMCell(3, 4)": "n 3",
    "GRUCell(3, 4)": "n 3; n 4",
    "MultiheadAttention(4, 2, batch_first=True)": "n 5 4; n 3 4; n 3 4",
    "MultiheadAttention(4, 2)": "5 n 4; 5 n 4; 5 n 4",
    "TransformerEncoderLayer(4, 2, 8, batch_first=True)": "n 5 4",
    "TransformerEncoder(nn.TransformerEncoderLayer(4, 2, 8, batch_first=True), 2)": "n 5 4",
    "TransformerDecoderLayer(4, 2, 8, batch_first=True)": "n 5 4; n 3 4",
    "TransformerDecoder(nn.TransformerDecoderLayer(4, 2, 8, batch_first=True), 2)": "n 5 4; n 3 4",
    "Transformer(4, 2, 1, 1, 8, batch_first=True)": "n 5 4; n 3 4",
    "Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))": "n 4",
    "MSELoss()": "n 4; n 4",
    "MSELoss(reduction='none')": "n 4; n 4",
    "L1Loss()": "n 4; n 4",
    "SmoothL1Loss()": "n 4; n 4",
    "HuberLoss(delta=0.5)": "n 4; n 4",
    "BCEWithLogitsLoss()": "n 4; n 4",
    "SoftMarginLoss()": "n 4; n 4",
    "HingeEmbeddingLoss()": "n 4; n 4",
    "PoissonNLLLoss()": "n 4; n 4",
    "KLDivLoss(reduction='batchmean')": "n 4; n 4",
    "MultiLabelSoftMarginLoss()": "n 4; n 4",
    "TripletMarginLoss()": "n 4; n 4; n 4",
    "TripletMarginWithDistanceLoss()": "n 4; n 4; n 4",
    "MarginRankingLoss()": "n; n; n",
    "CrossEntropyLoss()": "n 5; int5 n",
    "NLLLoss()": "n 5; int5 n",
    "MultiMarginLoss()": "n 5; int5 n",
}  # fmt: skip


def make(text):
    """Return the layer, its weights drawn from a fixed seed and its statistics moved from where they start."""
    mg.manual_seed(0)
    layer = eval(f"nn.{text}", {"nn": nn})
    for name, buffer in layer.named_buffers():
        if name.endswith(("running_mean", "running_var")):
            buffer.copy_(mg.rand(*buffer.shape) + 0.5)
    return layer.eval()


def inputs(shapes, n, seed=0):
    """Return the inputs of a batch of n."""
    rng = np.random.default_rng(seed)
    result = []
    for shape in shapes.split(";"):
        kind, *sizes = shape.split() if "int" in shape else ["", *shape.split()]
        sizes = [n if size == "n" else int(size) for size in sizes]
        if kind:
            result.append(mg.tensor(rng.integers(0, int(kind.removeprefix("int")), sizes)))
        else:
            result.append(mg.tensor(rng.standard_normal(sizes).astype(np.float32)))
    return result


def outputs(value):
    """Return the tensors in what a layer gave, in order."""
    if isinstance(value, mg.Tensor):
        return [value]
    return [t for part in value if part is not None for t in outputs(part)]
