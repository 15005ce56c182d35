"""Public names and layers pickle: to worker processes and to other machines."""

import copy
import inspect
import pickle

import numpy as np
import pytest
import zoo

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import nn, optim

PLACES = {
    "mg": mg, "F": F, "nn": nn, "nn.init": nn.init, "nn.utils": nn.utils, "optim": optim, "optim.lr_scheduler": optim.lr_scheduler,
    "linalg": mg.linalg, "func": mg.func, "autograd": mg.autograd, "distributions": mg.distributions, "datasets": mg.datasets,
    "utils.data": mg.utils.data, "viz": mg.viz,
}  # fmt: skip
PUBLIC = {
    f"{place}.{name}": getattr(module, name)
    for place, module in PLACES.items()
    for name in getattr(module, "__all__", None) or dir(module)
    if name[0] != "_" and not inspect.ismodule(getattr(module, name))
}


def test_public_names_pickle_as_themselves():
    for name, value in PUBLIC.items():
        back = pickle.loads(pickle.dumps(value))
        assert back is value or not (inspect.isroutine(value) or inspect.isclass(value)), name


@pytest.mark.parametrize("text", zoo.ZOO)
def test_layers_pickle_with_their_values(text):
    layer = zoo.make(text)
    inputs = zoo.inputs(zoo.ZOO[text], 2)
    for back in (pickle.loads(pickle.dumps(layer)), copy.deepcopy(layer)):
        assert list(back.state_dict()) == list(layer.state_dict()) and repr(back) == repr(layer)
        ours, theirs = (zoo.outputs(each(*inputs)) for each in (layer, back))
        for one, other in zip(ours, theirs, strict=True):
            np.testing.assert_array_equal(one.detach(), other.detach())


def test_every_class_of_nn_has_a_layer_here():
    classes = {name for name, value in vars(nn).items() if inspect.isclass(value) and issubclass(value, nn.Module)}
    told = {text.split("(")[0] for text in zoo.ZOO}
    left = {name for name in classes - told if not name.startswith("Lazy")}
    assert left == {
        "Module", "ModuleDict", "ModuleList", "ParameterDict", "ParameterList", "RNNBase", "RNNCellBase",  # containers, bases
        "DataParallel",  # wraps a module
        "FractionalMaxPool2d", "FractionalMaxPool3d",  # they draw at random
        "MaxUnpool1d", "MaxUnpool2d", "MaxUnpool3d",  # of places
        "AdaptiveLogSoftmaxWithLoss", "NLLLoss2d", "BCELoss", "CTCLoss", "CosineEmbeddingLoss", "GaussianNLLLoss", "MultiLabelMarginLoss",  # of targets of a kind
    }  # fmt: skip
