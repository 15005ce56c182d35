"""Layers, activations and losses as functions; each stands beside its module.

https://docs.pytorch.org/docs/stable/nn.functional.html
"""

import typing as _typing

from minigrad.missing import missing_name as _missing_name
from minigrad.nn.activation import elu as elu
from minigrad.nn.activation import gelu as gelu
from minigrad.nn.activation import hardtanh as hardtanh
from minigrad.nn.activation import leaky_relu as leaky_relu
from minigrad.nn.activation import logsigmoid as logsigmoid
from minigrad.nn.activation import mish as mish
from minigrad.nn.activation import relu as relu
from minigrad.nn.activation import relu6 as relu6
from minigrad.nn.activation import selu as selu
from minigrad.nn.activation import sigmoid as sigmoid
from minigrad.nn.activation import silu as silu
from minigrad.nn.activation import softplus as softplus
from minigrad.nn.activation import softsign as softsign
from minigrad.nn.activation import tanh as tanh
from minigrad.nn.activation_gates import celu as celu
from minigrad.nn.activation_gates import glu as glu
from minigrad.nn.activation_gates import hardshrink as hardshrink
from minigrad.nn.activation_gates import hardsigmoid as hardsigmoid
from minigrad.nn.activation_gates import hardswish as hardswish
from minigrad.nn.activation_gates import normalize as normalize
from minigrad.nn.activation_gates import prelu as prelu
from minigrad.nn.activation_gates import rrelu as rrelu
from minigrad.nn.activation_gates import softshrink as softshrink
from minigrad.nn.activation_gates import tanhshrink as tanhshrink
from minigrad.nn.activation_gates import threshold as threshold
from minigrad.nn.activation_inplace import celu_ as celu_
from minigrad.nn.activation_inplace import elu_ as elu_
from minigrad.nn.activation_inplace import hardtanh_ as hardtanh_
from minigrad.nn.activation_inplace import leaky_relu_ as leaky_relu_
from minigrad.nn.activation_inplace import relu_ as relu_
from minigrad.nn.activation_inplace import rrelu_ as rrelu_
from minigrad.nn.activation_inplace import selu_ as selu_
from minigrad.nn.activation_inplace import threshold_ as threshold_
from minigrad.nn.adaptive_max_pooling import adaptive_max_pool1d as adaptive_max_pool1d
from minigrad.nn.adaptive_max_pooling import adaptive_max_pool2d as adaptive_max_pool2d
from minigrad.nn.adaptive_max_pooling import adaptive_max_pool3d as adaptive_max_pool3d
from minigrad.nn.adaptive_max_pooling import fractional_max_pool2d as fractional_max_pool2d
from minigrad.nn.adaptive_max_pooling import fractional_max_pool3d as fractional_max_pool3d
from minigrad.nn.alpha_dropout import alpha_dropout as alpha_dropout
from minigrad.nn.alpha_dropout import feature_alpha_dropout as feature_alpha_dropout
from minigrad.nn.attention import scaled_dot_product_attention as scaled_dot_product_attention
from minigrad.nn.batchnorm.layers import batch_norm as batch_norm
from minigrad.nn.bilinear import bilinear as bilinear
from minigrad.nn.conv import conv1d as conv1d
from minigrad.nn.conv import conv2d as conv2d
from minigrad.nn.conv import conv3d as conv3d
from minigrad.nn.conv import conv_tbc as conv_tbc
from minigrad.nn.conv_transpose import conv_transpose1d as conv_transpose1d
from minigrad.nn.conv_transpose import conv_transpose2d as conv_transpose2d
from minigrad.nn.conv_transpose import conv_transpose3d as conv_transpose3d
from minigrad.nn.distance import cosine_similarity as cosine_similarity
from minigrad.nn.distance import pairwise_distance as pairwise_distance
from minigrad.nn.distance import pdist as pdist
from minigrad.nn.dropout import dropout as dropout
from minigrad.nn.dropout import dropout1d as dropout1d
from minigrad.nn.dropout import dropout2d as dropout2d
from minigrad.nn.dropout import dropout3d as dropout3d
from minigrad.nn.embedding import embedding as embedding
from minigrad.nn.embedding_bag import embedding_bag as embedding_bag
from minigrad.nn.grid import affine_grid as affine_grid
from minigrad.nn.grid import grid_sample as grid_sample
from minigrad.nn.instancenorm import instance_norm as instance_norm
from minigrad.nn.linear import linear as linear
from minigrad.nn.losses.binary_cross_entropy import binary_cross_entropy as binary_cross_entropy
from minigrad.nn.losses.binary_cross_entropy import (
    binary_cross_entropy_with_logits as binary_cross_entropy_with_logits,
)
from minigrad.nn.losses.cross_entropy import cross_entropy as cross_entropy
from minigrad.nn.losses.cross_entropy import nll_loss as nll_loss
from minigrad.nn.losses.ctc import ctc_loss as ctc_loss
from minigrad.nn.losses.likelihood import gaussian_nll_loss as gaussian_nll_loss
from minigrad.nn.losses.likelihood import kl_div as kl_div
from minigrad.nn.losses.likelihood import poisson_nll_loss as poisson_nll_loss
from minigrad.nn.losses.margin import cosine_embedding_loss as cosine_embedding_loss
from minigrad.nn.losses.margin import hinge_embedding_loss as hinge_embedding_loss
from minigrad.nn.losses.margin import margin_ranking_loss as margin_ranking_loss
from minigrad.nn.losses.margin import multi_margin_loss as multi_margin_loss
from minigrad.nn.losses.margin import multilabel_margin_loss as multilabel_margin_loss
from minigrad.nn.losses.margin import multilabel_soft_margin_loss as multilabel_soft_margin_loss
from minigrad.nn.losses.margin import soft_margin_loss as soft_margin_loss
from minigrad.nn.losses.margin import triplet_margin_loss as triplet_margin_loss
from minigrad.nn.losses.margin import (
    triplet_margin_with_distance_loss as triplet_margin_with_distance_loss,
)
from minigrad.nn.losses.regression import huber_loss as huber_loss
from minigrad.nn.losses.regression import l1_loss as l1_loss
from minigrad.nn.losses.regression import mse_loss as mse_loss
from minigrad.nn.losses.regression import smooth_l1_loss as smooth_l1_loss
from minigrad.nn.multihead import multi_head_attention_forward as multi_head_attention_forward
from minigrad.nn.normalization import group_norm as group_norm
from minigrad.nn.normalization import layer_norm as layer_norm
from minigrad.nn.normalization import local_response_norm as local_response_norm
from minigrad.nn.normalization import rms_norm as rms_norm
from minigrad.nn.one_hot import one_hot as one_hot
from minigrad.nn.padding import pad as pad
from minigrad.nn.pooling import adaptive_avg_pool1d as adaptive_avg_pool1d
from minigrad.nn.pooling import adaptive_avg_pool2d as adaptive_avg_pool2d
from minigrad.nn.pooling import adaptive_avg_pool3d as adaptive_avg_pool3d
from minigrad.nn.pooling import avg_pool1d as avg_pool1d
from minigrad.nn.pooling import avg_pool2d as avg_pool2d
from minigrad.nn.pooling import avg_pool3d as avg_pool3d
from minigrad.nn.pooling import max_pool1d as max_pool1d
from minigrad.nn.pooling import max_pool2d as max_pool2d
from minigrad.nn.pooling import max_pool3d as max_pool3d
from minigrad.nn.pooling_places import (
    adaptive_max_pool1d_with_indices as adaptive_max_pool1d_with_indices,
)
from minigrad.nn.pooling_places import (
    adaptive_max_pool2d_with_indices as adaptive_max_pool2d_with_indices,
)
from minigrad.nn.pooling_places import (
    adaptive_max_pool3d_with_indices as adaptive_max_pool3d_with_indices,
)
from minigrad.nn.pooling_places import (
    fractional_max_pool2d_with_indices as fractional_max_pool2d_with_indices,
)
from minigrad.nn.pooling_places import (
    fractional_max_pool3d_with_indices as fractional_max_pool3d_with_indices,
)
from minigrad.nn.pooling_places import max_pool1d_with_indices as max_pool1d_with_indices
from minigrad.nn.pooling_places import max_pool2d_with_indices as max_pool2d_with_indices
from minigrad.nn.pooling_places import max_pool3d_with_indices as max_pool3d_with_indices
from minigrad.nn.power_pooling import lp_pool1d as lp_pool1d
from minigrad.nn.power_pooling import lp_pool2d as lp_pool2d
from minigrad.nn.power_pooling import lp_pool3d as lp_pool3d
from minigrad.nn.rearranging import channel_shuffle as channel_shuffle
from minigrad.nn.rearranging import fold as fold
from minigrad.nn.rearranging import native_channel_shuffle as native_channel_shuffle
from minigrad.nn.rearranging import pixel_shuffle as pixel_shuffle
from minigrad.nn.rearranging import pixel_unshuffle as pixel_unshuffle
from minigrad.nn.rearranging import unfold as unfold
from minigrad.nn.softmax import gumbel_softmax as gumbel_softmax
from minigrad.nn.softmax import log_softmax as log_softmax
from minigrad.nn.softmax import softmax as softmax
from minigrad.nn.softmax import softmin as softmin
from minigrad.nn.unpooling import max_unpool1d as max_unpool1d
from minigrad.nn.unpooling import max_unpool2d as max_unpool2d
from minigrad.nn.unpooling import max_unpool3d as max_unpool3d
from minigrad.nn.upsampling import interpolate as interpolate
from minigrad.nn.upsampling import upsample as upsample
from minigrad.nn.upsampling import upsample_bilinear as upsample_bilinear
from minigrad.nn.upsampling import upsample_nearest as upsample_nearest

if not _typing.TYPE_CHECKING:  # a checker knows all names
    __getattr__ = _missing_name("minigrad.nn.functional", globals(), "functions")
