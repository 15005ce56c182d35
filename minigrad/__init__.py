"""minigrad: reverse-mode automatic differentiation on NumPy, with PyTorch's names.

>>> import minigrad as mg
>>> x = mg.tensor([3.0, 4.0], requires_grad=True)
>>> y = (x**2).sum()
>>> y.backward()
>>> x.grad
tensor([6., 8.])
"""

from pathlib import Path as _Path
from types import ModuleType as _ModuleType
from typing import TYPE_CHECKING as _TYPE_CHECKING

from minigrad import cores as _cores

_cores.share_cores()  # before NumPy comes

if not (_Path(__file__).parent / "nn").is_dir():  # a checkout: minigrad.nn is the folder beside us
    __path__.append(str(_Path(__file__).parent.parent))

from minigrad import allocator as _allocator
from minigrad import amp as amp
from minigrad import autograd as autograd
from minigrad import backends as backends
from minigrad import cuda as cuda
from minigrad import datasets as datasets
from minigrad import distributed as distributed
from minigrad import distributions as distributions
from minigrad import func as func
from minigrad import linalg as linalg
from minigrad import mps as mps
from minigrad import nn as nn
from minigrad import onnx as onnx
from minigrad import optim as optim
from minigrad import special as special
from minigrad import testing as testing
from minigrad import transforms as transforms
from minigrad import utils as utils
from minigrad import version as version
from minigrad import viz as viz
from minigrad import xpu as xpu
from minigrad.amp import autocast as autocast
from minigrad.amp import is_autocast_enabled as is_autocast_enabled
from minigrad.autograd.anomaly import is_anomaly_check_nan_enabled as is_anomaly_check_nan_enabled
from minigrad.autograd.anomaly import is_anomaly_enabled as is_anomaly_enabled
from minigrad.compat import (
    BoolTensor as BoolTensor,
    ByteTensor as ByteTensor,
    CharTensor as CharTensor,
    DoubleTensor as DoubleTensor,
    FloatTensor as FloatTensor,
    HalfTensor as HalfTensor,
    IntTensor as IntTensor,
    LongTensor as LongTensor,
    ShortTensor as ShortTensor,
    Size as Size,
    are_deterministic_algorithms_enabled as are_deterministic_algorithms_enabled,
    e as e,
    finfo as finfo,
    get_default_device as get_default_device,
    get_float32_matmul_precision as get_float32_matmul_precision,
    get_num_interop_threads as get_num_interop_threads,
    get_num_threads as get_num_threads,
    iinfo as iinfo,
    inf as inf,
    is_complex as is_complex,
    is_deterministic_algorithms_warn_only_enabled as is_deterministic_algorithms_warn_only_enabled,
    is_floating_point as is_floating_point,
    is_inference as is_inference,
    is_tensor as is_tensor,
    nan as nan,
    numel as numel,
    pi as pi,
    set_default_device as set_default_device,
    set_default_tensor_type as set_default_tensor_type,
    set_float32_matmul_precision as set_float32_matmul_precision,
    set_flush_denormal as set_flush_denormal,
    set_num_interop_threads as set_num_interop_threads,
    set_num_threads as set_num_threads,
    typename as typename,
    use_deterministic_algorithms as use_deterministic_algorithms,
)
from minigrad.compiler import compile as compile
from minigrad.compiler import export as export
from minigrad.creation import (
    as_tensor as as_tensor,
    asarray as asarray,
    empty as empty,
    empty_like as empty_like,
    from_dlpack as from_dlpack,
    from_numpy as from_numpy,
    frombuffer as frombuffer,
    full as full,
    full_like as full_like,
    ones as ones,
    ones_like as ones_like,
    scalar_tensor as scalar_tensor,
    tensor as tensor,
    zeros as zeros,
    zeros_like as zeros_like,
)
from minigrad.device import Device as device
from minigrad.dtypes import (
    bfloat16 as bfloat16,
    bool_ as bool,
    cdouble as cdouble,
    cfloat as cfloat,
    complex64 as complex64,
    complex128 as complex128,
    dtype as dtype,
    double as double,
    float16 as float16,
    float32 as float32,
    float64 as float64,
    float_ as float,
    get_default_dtype as get_default_dtype,
    half as half,
    int8 as int8,
    int16 as int16,
    int32 as int32,
    int64 as int64,
    int_ as int,
    long as long,
    promote_types as promote_types,
    result_type as result_type,
    set_default_dtype as set_default_dtype,
    short as short,
    uint8 as uint8,
)
from minigrad.func.vmap import vmap as vmap
from minigrad.functions.calculus import *
from minigrad.functions.comparison import *
from minigrad.functions.diagonals import *
from minigrad.functions.distances import *
from minigrad.functions.elementwise import *
from minigrad.functions.histograms import *
from minigrad.functions.indexing import *
from minigrad.functions.inquiries import *
from minigrad.functions.joining import *
from minigrad.functions.linalg.older_names import *
from minigrad.functions.p_norm import *
from minigrad.functions.permutation import *
from minigrad.functions.products import *
from minigrad.functions.real_parts import *
from minigrad.functions.reduction import *
from minigrad.functions.scaled_products import *
from minigrad.functions.scan import *
from minigrad.functions.scattering import *
from minigrad.functions.sets import *
from minigrad.functions.shape import *
from minigrad.functions.softmax import *
from minigrad.functions.sorting import *
from minigrad.functions.splitting import *
from minigrad.functions.statistics import *
from minigrad.functions.vandermonde import *
from minigrad.functions.strided import *
from minigrad.functions.variance import *
from minigrad.functions.view_scattering import *
from minigrad.in_place import *
from minigrad.linalg import (
    det as det,
    inv as inverse,
    logdet as logdet,
    matrix_power as matrix_power,
)
from minigrad.linalg import cholesky as cholesky, pinverse as pinverse, slogdet as slogdet
from minigrad.low_rank import pca_lowrank as pca_lowrank
from minigrad.low_rank import svd_lowrank as svd_lowrank
from minigrad.missing import missing_name as _missing_name
from minigrad.memory import MemoryFormat as memory_format
from minigrad.memory import channels_last as channels_last
from minigrad.memory import channels_last_3d as channels_last_3d
from minigrad.memory import contiguous_format as contiguous_format
from minigrad.memory import preserve_format as preserve_format
from minigrad.modes import enable_grad as enable_grad
from minigrad.modes import inference_mode as inference_mode
from minigrad.modes import is_grad_enabled as is_grad_enabled
from minigrad.modes import is_inference_mode_enabled as is_inference_mode_enabled
from minigrad.modes import no_grad as no_grad
from minigrad.modes import set_grad_enabled as set_grad_enabled
from minigrad.nn.functional import (
    adaptive_avg_pool1d as adaptive_avg_pool1d,
    avg_pool1d as avg_pool1d,
    bilinear as bilinear,
    celu as celu,
    channel_shuffle as channel_shuffle,
    conv1d as conv1d,
    conv2d as conv2d,
    conv3d as conv3d,
    conv_transpose1d as conv_transpose1d,
    conv_transpose2d as conv_transpose2d,
    conv_transpose3d as conv_transpose3d,
    cosine_similarity as cosine_similarity,
    hardshrink as hardshrink,
    native_channel_shuffle as native_channel_shuffle,
    pairwise_distance as pairwise_distance,
    pdist as pdist,
    pixel_shuffle as pixel_shuffle,
    pixel_unshuffle as pixel_unshuffle,
    prelu as prelu,
    rms_norm as rms_norm,
    rrelu as rrelu,
    selu as selu,
    threshold as threshold,
)
from minigrad.nn.activation_inplace import (
    celu_ as celu_,
    relu_ as relu_,
    rrelu_ as rrelu_,
    selu_ as selu_,
    threshold_ as threshold_,
)
from minigrad.nn.native import (
    alpha_dropout as alpha_dropout,
    batch_norm as batch_norm,
    binary_cross_entropy_with_logits as binary_cross_entropy_with_logits,
    constant_pad_nd as constant_pad_nd,
    dropout as dropout,
    embedding as embedding,
    feature_alpha_dropout as feature_alpha_dropout,
    feature_dropout as feature_dropout,
    group_norm as group_norm,
    instance_norm as instance_norm,
    kl_div as kl_div,
    layer_norm as layer_norm,
    max_pool1d as max_pool1d,
    max_pool2d as max_pool2d,
    max_pool3d as max_pool3d,
)
from minigrad.tensor.printing import set_printoptions as set_printoptions
from minigrad.ranges import (
    arange as arange,
    eye as eye,
    linspace as linspace,
    logspace as logspace,
    range as range,
    tril_indices as tril_indices,
    triu_indices as triu_indices,
)
from minigrad.random import Generator as Generator
from minigrad.random import default_generator as default_generator
from minigrad.random import initial_seed as initial_seed
from minigrad.random import manual_seed as manual_seed
from minigrad.random import seed as seed
from minigrad.sampling import (
    bernoulli as bernoulli,
    binomial as binomial,
    get_rng_state as get_rng_state,
    multinomial as multinomial,
    normal as normal,
    poisson as poisson,
    rand as rand,
    rand_like as rand_like,
    randint as randint,
    randint_like as randint_like,
    randn as randn,
    randn_like as randn_like,
    randperm as randperm,
    set_rng_state as set_rng_state,
)
from minigrad.serialization import load as load
from minigrad.serialization import save as save
from minigrad.silence import silence as _silence
from minigrad.tensor.tensor import Tensor as Tensor
from minigrad.windows import (
    bartlett_window as bartlett_window,
    blackman_window as blackman_window,
    hamming_window as hamming_window,
    hann_window as hann_window,
    kaiser_window as kaiser_window,
)

__version__ = "0.1.0"
_allocator.keep_memory()
_silence("minigrad")

_PACKAGES = [
    "amp",
    "autograd",
    "backends",
    "cuda",
    "datasets",
    "distributed",
    "distributions",
    "func",
    "linalg",
    "mps",
    "nn",
    "onnx",
    "optim",
    "special",
    "testing",
    "transforms",
    "utils",
    "version",
    "viz",
    "xpu",
]
__all__ = [
    name
    for name, value in sorted(globals().items())
    if name[0] != "_" and (name in _PACKAGES or not isinstance(value, _ModuleType))
]


if not _TYPE_CHECKING:  # a checker knows all names
    __getattr__ = _missing_name("minigrad", globals(), "functions")


def __dir__() -> list[str]:
    """Show what a user may use: the modules of the engine stay out."""
    return [*__all__, *(name for name in globals() if name[:2] == "__")]
