"""What is no tensor: arrays are taken, anything else is a TypeError that names function, argument and type."""

import inspect
import warnings

import numpy as np
import pytest

import minigrad as mg
from minigrad import nn
from minigrad.nn import functional as F

ROWS, IMAGE, LINE = mg.rand(4, 3), mg.rand(2, 3, 8, 8), mg.rand(2, 3, 8)
CLASSES, THREE, KERNEL = mg.tensor([0, 1, 2, 0]), mg.rand(3), mg.rand(4, 3, 3, 3)
PAIR = {"input": ROWS, "target": mg.rand(4, 3)}
SCORES = {"input": ROWS, "target": CLASSES, "weight": THREE}
NORM = {"input": ROWS, "running_mean": mg.zeros(3), "running_var": mg.ones(3), "weight": THREE, "bias": THREE}
ELEMENTWISE = (
    "celu elu gelu hardshrink hardsigmoid hardswish hardtanh leaky_relu logsigmoid mish normalize relu relu6 rrelu "
    "selu sigmoid silu softplus softshrink softsign tanh tanhshrink"
)
TABLE, SIGNS, WORDS = mg.rand(4, 3), mg.tensor([1.0, -1.0, 1.0, 1.0]), mg.tensor([[0, 1], [2, 3]])
QUERY, EVEN = mg.rand(2, 3, 4), mg.rand(4, 4)
TRIPLET = {"anchor": ROWS, "positive": mg.rand(4, 3), "negative": mg.rand(4, 3)}
ATTENTION = {
    **{"query": QUERY, "key": QUERY, "value": QUERY, "embed_dim_to_check": 4, "num_heads": 2, "in_proj_bias": None},
    **{"in_proj_weight": mg.rand(12, 4), "bias_k": None, "bias_v": None, "add_zero_attn": False, "dropout_p": 0.0},
    **{"out_proj_weight": EVEN, "out_proj_bias": None},
}
FUNCTIONS = {  # every function, with every argument that is a tensor
    **{(name, ""): {"input": ROWS} for name in ELEMENTWISE.split()},
    **{(name, ""): {"input": ROWS, "dim": 1} for name in ("softmax", "log_softmax")},
    **{(name, ""): PAIR for name in ("mse_loss", "l1_loss", "smooth_l1_loss", "huber_loss")},
    ("binary_cross_entropy", ""): {**PAIR, "weight": ROWS},
    ("binary_cross_entropy_with_logits", ""): {**PAIR, "weight": ROWS, "pos_weight": THREE},
    ("cross_entropy", "classes"): SCORES,
    ("cross_entropy", "smooth"): {**SCORES, "label_smoothing": 0.1},
    ("cross_entropy", "probabilities"): PAIR,
    ("cross_entropy", "one"): {"input": THREE, "target": mg.tensor(1)},
    ("nll_loss", ""): SCORES,
    ("one_hot", ""): {"tensor": CLASSES},
    ("batch_norm", "training"): {**NORM, "training": True},
    ("batch_norm", "evaluation"): NORM,
    ("conv1d", ""): {"input": LINE, "weight": mg.rand(4, 3, 3), "bias": mg.rand(4)},
    ("conv2d", ""): {"input": IMAGE, "weight": KERNEL, "bias": mg.rand(4)},
    **{
        (name, kind): {"input": LINE if "1" in name else IMAGE, "training": not kind}
        for name in ("dropout", "dropout1d", "dropout2d", "dropout3d", "alpha_dropout", "feature_alpha_dropout")
        for kind in ("", "off")
    },
    ("bilinear", ""): {"input1": ROWS, "input2": ROWS, "weight": mg.rand(2, 3, 3), "bias": mg.rand(2)},
    ("linear", ""): {"input": ROWS, "weight": mg.rand(2, 3), "bias": mg.rand(2)},
    ("pad", ""): {"input": ROWS, "pad": (1, 1)},
    ("pad", "reflect"): {"input": LINE, "pad": (1, 1), "mode": "reflect"},
    ("adaptive_avg_pool2d", ""): {"input": IMAGE, "output_size": 2},
    **{
        (f"max_unpool{n}d", ""): {
            "input": mg.ones(1, 1, *[1] * n),
            "indices": mg.zeros(1, 1, *[1] * n).long(),
            "kernel_size": 2,
        }
        for n in (1, 2, 3)
    },
    **{
        (f"{kind}{n}d{places}", ""): {"input": x, argument: 2, **options}
        for kind, argument, options in (
            ("max_pool", "kernel_size", {}),
            ("adaptive_max_pool", "output_size", {}),
            ("fractional_max_pool", "kernel_size", {"output_size": 2}),
        )
        for n, x in ((1, LINE), (2, IMAGE), (3, mg.rand(1, 2, 4, 4, 4)))
        for places in ("", "_with_indices")
        if (kind, n) != ("fractional_max_pool", 1)
    },
    ("lp_pool1d", ""): {"input": LINE, "kernel_size": 2, "norm_type": 2},
    ("lp_pool2d", ""): {"input": IMAGE, "kernel_size": 2, "norm_type": 2},
    ("lp_pool3d", ""): {"input": mg.rand(1, 2, 4, 4, 4), "kernel_size": 2, "norm_type": 2},
    ("avg_pool1d", ""): {"input": LINE, "kernel_size": 2},
    ("avg_pool2d", ""): {"input": IMAGE, "kernel_size": 2},
    ("avg_pool3d", ""): {"input": mg.rand(1, 2, 4, 4, 4), "kernel_size": 2},
    ("adaptive_avg_pool1d", ""): {"input": LINE, "output_size": 2},
    ("adaptive_avg_pool3d", ""): {"input": mg.rand(1, 2, 4, 4, 4), "output_size": 2},
    ("conv3d", ""): {"input": mg.rand(1, 2, 3, 3, 3), "weight": mg.rand(2, 2, 2, 2, 2), "bias": mg.rand(2)},
    ("conv_transpose1d", ""): {"input": LINE, "weight": mg.rand(3, 2, 2), "bias": mg.rand(2)},
    ("conv_transpose2d", ""): {"input": IMAGE, "weight": mg.rand(3, 2, 2, 2), "bias": mg.rand(2)},
    ("conv_transpose3d", ""): {"input": mg.rand(1, 2, 3, 3, 3), "weight": mg.rand(2, 2, 2, 2, 2), "bias": mg.rand(2)},
    ("embedding", ""): {"input": WORDS, "weight": TABLE},
    ("embedding_bag", ""): {"input": WORDS, "weight": TABLE},
    ("layer_norm", ""): {"input": ROWS, "normalized_shape": (3,), "weight": THREE, "bias": THREE},
    ("rms_norm", ""): {"input": ROWS, "normalized_shape": (3,), "weight": THREE},
    ("group_norm", ""): {"input": LINE, "num_groups": 1, "weight": THREE, "bias": THREE},
    ("instance_norm", ""): {**NORM, "input": LINE},
    ("local_response_norm", ""): {"input": LINE, "size": 2},
    ("scaled_dot_product_attention", ""): {"query": QUERY, "key": QUERY, "value": QUERY, "attn_mask": mg.rand(3, 3)},
    ("multi_head_attention_forward", ""): ATTENTION,
    ("glu", ""): {"input": EVEN},
    ("gumbel_softmax", ""): {"logits": ROWS},
    ("prelu", ""): {"input": ROWS, "weight": THREE},
    ("softmin", ""): {"input": ROWS, "dim": 1},
    ("threshold", ""): {"input": ROWS, "threshold": 0.5, "value": 2.0},
    **{(name, ""): {"input": IMAGE, "size": 4} for name in ("interpolate", "upsample")},
    ("grid_sample", ""): {"input": IMAGE, "grid": mg.rand(2, 3, 3, 2), "align_corners": True},
    ("affine_grid", ""): {"theta": mg.rand(2, 2, 3), "size": (2, 1, 3, 3), "align_corners": True},
    ("conv_tbc", ""): {"input": LINE, "weight": mg.rand(2, 8, 3), "bias": mg.rand(3)},
    ("pixel_shuffle", ""): {"input": mg.rand(1, 4, 2, 2), "upscale_factor": 2},
    ("pixel_unshuffle", ""): {"input": IMAGE, "downscale_factor": 2},
    ("channel_shuffle", ""): {"input": IMAGE, "groups": 3},
    ("unfold", ""): {"input": IMAGE, "kernel_size": 2},
    ("fold", ""): {"input": mg.rand(1, 4, 4), "output_size": 3, "kernel_size": 2},
    **{(name, ""): {"x1": ROWS, "x2": TABLE} for name in ("cosine_similarity", "pairwise_distance")},
    ("pdist", ""): {"input": ROWS},
    ("kl_div", ""): {**PAIR, "reduction": "sum"},
    ("poisson_nll_loss", ""): PAIR,
    ("gaussian_nll_loss", ""): {**PAIR, "var": 0.5},
    **{(name, ""): PAIR for name in ("hinge_embedding_loss", "soft_margin_loss")},
    ("multilabel_soft_margin_loss", ""): {**PAIR, "weight": THREE},
    ("margin_ranking_loss", ""): {"input1": ROWS, "input2": TABLE, "target": mg.ones(4, 3)},
    ("cosine_embedding_loss", ""): {"input1": ROWS, "input2": TABLE, "target": SIGNS},
    **{(name, ""): TRIPLET for name in ("triplet_margin_loss", "triplet_margin_with_distance_loss")},
    ("ctc_loss", ""): {
        **{"log_probs": mg.zeros(4, 2, 3), "targets": mg.tensor([[1], [2]])},
        **{"input_lengths": [4, 4], "target_lengths": [1, 1]},
    },
    ("multi_margin_loss", ""): SCORES,
    ("multilabel_margin_loss", ""): {"input": ROWS, "target": mg.tensor([[0, 1, -1]] * 4)},
}
WRONG = ([[1.0, 2.0]], None, 5, 2.5, "images", True, (1, 2), {"a": 1}, np.array(["a"]), np.array([1j]))
WITH_WEIGHT = {"linear", "bilinear", "embedding", "embedding_bag", "prelu"}  # which is not optional
WITH_WEIGHT |= {f"conv{kind}{n}d" for kind in ("", "_transpose") for n in (1, 2, 3)}
OPTIONAL = ("weight", "bias", "running_mean", "running_var", "pos_weight", "attn_mask", "in_proj_weight")


def test_the_table_holds_every_function():
    known = {name for name, value in vars(F).items() if inspect.isfunction(value) and name[0] != "_"}
    written = {name for name in known if name.endswith("_")}  # test_activation.py knows them
    written |= {"native_channel_shuffle"}  # channel_shuffle itself
    written |= {"upsample_nearest", "upsample_bilinear"}  # which warn: test_adaptive_softmax.py
    assert known - written == {name for name, _ in FUNCTIONS}


def copies(arguments):
    return {name: value.clone() if isinstance(value, mg.Tensor) else value for name, value in arguments.items()}


@pytest.mark.parametrize("name", FUNCTIONS, ids=" ".join)
def test_functions_take_arrays_and_name_what_is_no_tensor(name):
    arguments = FUNCTIONS[name]

    def function(*args, **kwargs):
        result = getattr(F, name[0])(*args, **kwargs)
        return result[0] if isinstance(result, tuple) else result

    mg.manual_seed(0)
    expected = function(**copies(arguments))
    for argument, tensor in arguments.items():
        needed = argument != "weight" or name[0] not in WITH_WEIGHT
        for wrong in WRONG if isinstance(tensor, mg.Tensor) else ():
            if wrong is None and argument in OPTIONAL and needed:
                continue
            kind = rf"{name[0]}\(\): argument '{argument}' \(position \d+\) must be Tensor, not {type(wrong).__name__}"
            with pytest.raises(TypeError, match=kind):
                function(**{**copies(arguments), argument: wrong})
            if not isinstance(wrong, np.ndarray) and argument == next(iter(arguments)):
                with pytest.raises(TypeError, match=kind):
                    function(wrong, **{k: v for k, v in copies(arguments).items() if k != argument})
        if isinstance(tensor, mg.Tensor):
            mg.manual_seed(0)
            found = function(**{**copies(arguments), argument: tensor.numpy()})
            assert type(found) is mg.Tensor and found.dtype == expected.dtype
            np.testing.assert_array_equal(found.numpy(), expected.numpy())
    mg.manual_seed(0)
    arrays = {k: v.numpy().copy() if isinstance(v, mg.Tensor) else v for k, v in arguments.items()}
    np.testing.assert_array_equal(function(**arrays).numpy(), expected.numpy())


LAYERS = [
    (nn.Linear(3, 2), ROWS), (nn.Conv1d(3, 2, 3), LINE), (nn.Conv2d(3, 2, 3), IMAGE),
    (nn.Conv2d(3, 2, 3, padding=1, padding_mode="reflect"), IMAGE), (nn.BatchNorm1d(3), ROWS),
    (nn.BatchNorm2d(3), IMAGE), (nn.BatchNorm3d(3), mg.rand(2, 3, 4, 2, 2)), (nn.BatchNorm1d(3).eval(), ROWS),
    (nn.LazyBatchNorm1d(), ROWS), (nn.SyncBatchNorm(3), ROWS), (nn.GhostBatchNorm(3, 2), ROWS), (nn.Dropout(), ROWS),
    (nn.Dropout().eval(), ROWS), (nn.Dropout2d(), IMAGE), (nn.Flatten(), LINE), (nn.MaxPool2d(2), IMAGE),
    (nn.AvgPool2d(2), IMAGE), (nn.AdaptiveAvgPool2d(2), IMAGE), (nn.Softmax(1), ROWS), (nn.ReLU(), ROWS),
    (nn.Sequential(nn.BatchNorm1d(3), nn.ReLU()), ROWS),
]  # fmt: skip


@pytest.mark.parametrize(("layer", "x"), LAYERS, ids=lambda value: type(value).__name__)
def test_layers_take_arrays_and_name_what_is_no_tensor(layer, x):
    for wrong in WRONG:
        with pytest.raises(
            TypeError, match=rf"argument 'input' \(position 1\) must be Tensor, not {type(wrong).__name__}"
        ):
            layer(wrong)
    found = []
    for value in (x.numpy(), x):
        mg.manual_seed(0)
        found.append(layer(value))
        assert type(found[-1]) is mg.Tensor
    np.testing.assert_array_equal(found[0].detach().numpy(), found[1].detach().numpy())


@pytest.mark.parametrize("kind", [nn.CrossEntropyLoss, nn.NLLLoss, nn.BCELoss, nn.BCEWithLogitsLoss])
def test_losses_take_weights_and_targets_as_arrays(kind):
    weights = np.array([1.0, 2.0, 3.0], np.float32)
    target = np.array([0, 2, 1, 1]) if kind in (nn.CrossEntropyLoss, nn.NLLLoss) else PAIR["target"].numpy()
    loss = kind(weight=weights)
    expected = kind(weight=mg.tensor(weights))(ROWS, mg.tensor(target))
    assert loss(ROWS, target).item() == expected.item() and list(loss.state_dict()) == ["weight"]
    with pytest.raises(
        TypeError, match=rf"{kind.__name__}\(\): argument 'weight' \(position 1\) must be Tensor, not list"
    ):
        kind(weight=[1.0, 2.0])
    with pytest.raises(TypeError, match=r"\(\): argument 'target' \(position 2\) must be Tensor, not list"):
        loss(ROWS, target.tolist())
    assert nn.CrossEntropyLoss()(THREE, target[1] if target.ndim == 1 else np.int64(2)).shape == ()


def test_an_array_written_later_does_not_reach_the_gradient():
    x, t, w = np.ones((4, 3), np.float32), np.array([0, 1, 2, 0]), mg.rand(3, 3, requires_grad=True)
    expected = mg.autograd.grad(F.cross_entropy(F.linear(x, w), t), w)[0]
    loss = F.cross_entropy(F.linear(x, w), t)
    x *= 7
    t[:] = 1
    np.testing.assert_array_equal(mg.autograd.grad(loss, w)[0].numpy(), expected.numpy())


INITS = "uniform_ normal_ ones_ zeros_ xavier_uniform_ xavier_normal_ kaiming_uniform_ kaiming_normal_ trunc_normal_ orthogonal_ eye_ dirac_"


@pytest.mark.parametrize("name", INITS.split())
def test_what_writes_takes_no_array(name):
    for wrong in (np.zeros((2, 2)), [[1.0]], None, "w"):
        with pytest.raises(
            TypeError, match=rf"{name}\(\): argument 'tensor' \(position 1\) must be Tensor, not {type(wrong).__name__}"
        ):
            getattr(nn.init, name)(wrong)


@pytest.mark.parametrize(
    "call",
    [
        lambda: F.softmax(ROWS),
        lambda: F.mse_loss(ROWS, THREE),
        lambda: F.mse_loss(ROWS, ROWS, size_average=True),
        lambda: F.batch_norm(ROWS * float("nan"), mg.zeros(3), mg.ones(3), training=True),
        lambda: nn.init.kaiming_uniform_(mg.zeros(0, 3)),
    ],
)
def test_warnings_point_at_the_line_of_the_user(call):
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
    assert [warning.filename for warning in caught] == [__file__]


@pytest.mark.parametrize(
    ("call", "error", "words"),
    [
        (lambda: F.conv2d(IMAGE, THREE), RuntimeError, "a weight of 4 dimensions"),
        (lambda: F.adaptive_avg_pool2d(ROWS, 2), RuntimeError, "Expected 3D or 4D tensor"),
        (lambda: F.nll_loss(mg.tensor(1.0), mg.tensor(1)), ValueError, "Expected 1 or more dimensions"),
        (lambda: F.cross_entropy(ROWS, CLASSES, mg.tensor(1.0)), RuntimeError, "weight tensor should be defined"),
        (lambda: F.cross_entropy(ROWS, CLASSES, mg.ones(2)), RuntimeError, "for all 3 classes or no classes"),
        (lambda: F.nll_loss(ROWS, CLASSES, mg.ones(4)), RuntimeError, "for all 3 classes or no classes"),
        (lambda: F.batch_norm(ROWS, mg.zeros(3), None, training=True), ValueError, "must either both be None"),
        (lambda: F.batch_norm(ROWS, mg.zeros(3).long(), mg.ones(3)), RuntimeError, "running_mean should be of floats"),
        (lambda: F.batch_norm(ROWS, mg.zeros(3, requires_grad=True), mg.ones(3)), RuntimeError, "requires grad"),
        (lambda: F.batch_norm(ROWS, mg.zeros(3), mg.ones(3), eps=-1), ValueError, "must be non-negative, but got -1"),
        (lambda: F.batch_norm(ROWS, mg.zeros(3), mg.ones(3), training=True, momentum=None), TypeError, "'momentum'"),
    ],
)  # fmt: skip
def test_refuses(call, error, words):
    with pytest.raises(error, match=words):
        call()


A, LAYER = np.ones((2, 2), np.float32), nn.BatchNorm1d(2)
UTILS = {
    "clip_grad_norm_": [(A, 1.0), ([A], 1.0), (["w"], 1.0), (None, 1.0)],
    "clip_grad_value_": [(A, 1.0), ([None], 1.0)],
    "parameters_to_vector": [([A],), ([None],), (3,)],
    "vector_to_parameters": [([1, 2], [mg.ones(2)]), (mg.ones(2), [A[0]])],
    "fuse_linear_bn_weights": [(None, None, A[0], A[0], 1e-5), (A, None, [1], A[0], 1e-5)],
    "fuse_conv_bn_weights": [([1], None, A[0], A[0], 1e-5)],
    "freeze_batchnorm": [([LAYER],)],
    "unfreeze_batchnorm": [(None,)],
    "recalibrate_batchnorm": [("model", [A])],
    "fold_batchnorm": [("model",), (None, [A])],
}


@pytest.mark.parametrize("name", UTILS)
def test_utilities_name_what_is_no_tensor_and_no_module(name):
    for args in UTILS[name]:
        with pytest.raises(TypeError, match=rf"{name}\(\): argument '\w+' .*must be (a Module|Tensor), not \w+"):
            getattr(nn.utils, name)(*args)
    with pytest.raises(TypeError, match="must be a BatchNormBase, not Linear"):
        nn.utils.fuse_linear_bn_eval(nn.Linear(2, 2).eval(), nn.Linear(2, 2).eval())
    for call in (nn.SyncBatchNorm.convert_sync_batchnorm, nn.doctor.check):
        with pytest.raises(TypeError, match="must be a Module, not list"):
            call([LAYER])


def test_weights_are_fused_from_arrays():
    found = nn.utils.fuse_linear_bn_weights(A, A[0], A[0], A[0], 1e-5)
    expected = nn.utils.fuse_linear_bn_weights(*map(mg.tensor, (A, A[0], A[0], A[0])), 1e-5)
    for a, b in zip(found, expected, strict=True):
        np.testing.assert_array_equal(a.detach().numpy(), b.detach().numpy())
