"""Draw one BatchNorm layer from its own graph: python examples/draw_batchnorm.py [docs/batchnorm.svg]"""

import sys

import minigrad as mg
from minigrad import nn, viz

path = sys.argv[1] if len(sys.argv) > 1 else "batchnorm.svg"
bn = nn.BatchNorm1d(3)
x = mg.randn(8, 3, requires_grad=True)
picture = viz.graph(bn(x), {"x": x, "γ": bn.weight, "β": bn.bias})
print("drawn:", picture.render(path))
