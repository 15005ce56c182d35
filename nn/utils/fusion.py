"""The names of PyTorch's ``nn.utils.fusion``: a BatchNorm taken into the layer before it."""

from minigrad.nn.batchnorm.fusion import fuse_conv_bn_eval as fuse_conv_bn_eval
from minigrad.nn.batchnorm.fusion import fuse_conv_bn_weights as fuse_conv_bn_weights
from minigrad.nn.batchnorm.fusion import fuse_linear_bn_eval as fuse_linear_bn_eval
from minigrad.nn.batchnorm.fusion import fuse_linear_bn_weights as fuse_linear_bn_weights
