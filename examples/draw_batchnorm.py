"""Draw one BatchNorm layer from its own graph, with gradients:

python examples/draw_batchnorm.py [docs/batchnorm.svg]
"""

import argparse
import sys

from support import need_dot
from support.arguments import graph

import minigrad as mg
from minigrad import nn, viz


def main():
    """Draw it, and say where."""
    parser = argparse.ArgumentParser(description=__doc__.partition(":")[0])
    parser.add_argument(
        "path", nargs="?", type=graph, default="batchnorm.svg", help="default: %(default)s"
    )
    path = parser.parse_args().path
    need_dot()
    mg.manual_seed(0)
    bn = nn.BatchNorm1d(3)
    x = mg.randn(8, 3, requires_grad=True)
    y = bn(x)
    with viz.watch():
        y.backward(
            mg.randn(8, 3)
        )  # a random cotangent: with a constant one the gradient of x vanishes
    picture = viz.graph(y, {"x": x, "γ": bn.weight, "β": bn.bias}, show=("shapes", "gradients"))
    print("drawn:", picture.render(path))


if __name__ == "__main__":
    sys.exit(main())
