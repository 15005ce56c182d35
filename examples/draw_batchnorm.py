"""Draw one BatchNorm layer from its own graph, with gradients: python examples/draw_batchnorm.py [docs/batchnorm.svg]"""

import sys

import minigrad as mg
from minigrad import nn, viz

path = sys.argv[1] if len(sys.argv) > 1 else "batchnorm.svg"
mg.manual_seed(0)
bn = nn.BatchNorm1d(3)
x = mg.randn(8, 3, requires_grad=True)
y = bn(x)
with viz.watch():
    y.backward(mg.randn(8, 3))  # a random cotangent: with a constant one the gradient of x vanishes
picture = viz.graph(y, {"x": x, "γ": bn.weight, "β": bn.bias}, show=("shapes", "gradients"))
print("drawn:", picture.render(path))
