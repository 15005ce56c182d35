"""The claims about Batch Normalization, run and judged: python examples/batchnorm_lab --help"""

import os
import sys
from pathlib import Path

os.environ.setdefault(
    "OMP_NUM_THREADS", "1"
)  # before NumPy: one cell, one core; --jobs runs several cells
sys.path[0] = str(
    Path(__file__).resolve().parent.parent
)  # examples/: the lab is the package batchnorm_lab

import support  # noqa: E402, F401, I001  (first: see there)
from batchnorm_lab.command import main  # noqa: E402

if __name__ == "__main__":
    sys.exit(main())
