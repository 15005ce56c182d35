"""What is done to gradients, parameters and whole models."""

from minigrad.nn.batchnorm.folding import fold_batchnorm as fold_batchnorm
from minigrad.nn.batchnorm.fusion import fuse_conv_bn_eval as fuse_conv_bn_eval
from minigrad.nn.batchnorm.fusion import fuse_conv_bn_weights as fuse_conv_bn_weights
from minigrad.nn.batchnorm.fusion import fuse_linear_bn_eval as fuse_linear_bn_eval
from minigrad.nn.batchnorm.fusion import fuse_linear_bn_weights as fuse_linear_bn_weights
from minigrad.nn.batchnorm.recalibrate import freeze_batchnorm as freeze_batchnorm
from minigrad.nn.batchnorm.recalibrate import recalibrate_batchnorm as recalibrate_batchnorm
from minigrad.nn.batchnorm.recalibrate import unfreeze_batchnorm as unfreeze_batchnorm
from minigrad.nn.utils import rnn as rnn
from minigrad.nn.utils.gradients import clip_grad_norm_ as clip_grad_norm_
from minigrad.nn.utils.gradients import clip_grad_value_ as clip_grad_value_
from minigrad.nn.utils.vector import parameters_to_vector as parameters_to_vector
from minigrad.nn.utils.vector import vector_to_parameters as vector_to_parameters
