"""Linear algebra, batched: ``minigrad.linalg`` is what ``torch.linalg`` is there.

Every function takes (..., n, m) and is differentiable to any order but where it says so.
https://docs.pytorch.org/docs/stable/linalg.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from minigrad.functions import products
from minigrad.functions.linalg.factorizations import QR as QR
from minigrad.functions.linalg.factorizations import SVD as SVD
from minigrad.functions.linalg.factorizations import Eigh as Eigh
from minigrad.functions.linalg.factorizations import cholesky as cholesky
from minigrad.functions.linalg.factorizations import eigh as eigh
from minigrad.functions.linalg.factorizations import eigvalsh as eigvalsh
from minigrad.functions.linalg.factorizations import qr as qr
from minigrad.functions.linalg.factorizations import svd as svd
from minigrad.functions.linalg.factorizations import svdvals as svdvals
from minigrad.functions.linalg.lu import ldl_factor as ldl_factor
from minigrad.functions.linalg.lu import ldl_factor_ex as ldl_factor_ex
from minigrad.functions.linalg.lu import ldl_solve as ldl_solve
from minigrad.functions.linalg.lu import lu as lu
from minigrad.functions.linalg.lu import lu_factor as lu_factor
from minigrad.functions.linalg.lu import lu_factor_ex as lu_factor_ex
from minigrad.functions.linalg.lu import lu_solve as lu_solve
from minigrad.functions.linalg.matrix_products import matrix_power as matrix_power
from minigrad.functions.linalg.matrix_products import multi_dot as multi_dot
from minigrad.functions.linalg.matrix_products import vander as vander
from minigrad.functions.linalg.matrix_properties import cond as cond
from minigrad.functions.linalg.matrix_properties import diagonal as diagonal
from minigrad.functions.linalg.matrix_properties import matrix_exp as matrix_exp
from minigrad.functions.linalg.matrix_properties import matrix_rank as matrix_rank
from minigrad.functions.linalg.matrix_properties import vecdot as vecdot
from minigrad.functions.linalg.norms import matrix_norm as matrix_norm
from minigrad.functions.linalg.norms import norm as norm
from minigrad.functions.linalg.norms import vector_norm as vector_norm
from minigrad.functions.linalg.reporting import cholesky_ex as cholesky_ex
from minigrad.functions.linalg.reporting import inv_ex as inv_ex
from minigrad.functions.linalg.reporting import solve_ex as solve_ex
from minigrad.functions.linalg.systems import Lstsq as Lstsq
from minigrad.functions.linalg.systems import SlogDet as SlogDet
from minigrad.functions.linalg.systems import det as det
from minigrad.functions.linalg.systems import inv as inv
from minigrad.functions.linalg.systems import logdet as logdet
from minigrad.functions.linalg.systems import lstsq as lstsq
from minigrad.functions.linalg.systems import pinv as pinv
from minigrad.functions.linalg.systems import pinverse as pinverse
from minigrad.functions.linalg.systems import slogdet as slogdet
from minigrad.functions.linalg.systems import solve as solve
from minigrad.functions.linalg.systems import solve_triangular as solve_triangular
from minigrad.functions.linalg.tensor_systems import householder_product as householder_product
from minigrad.functions.linalg.tensor_systems import tensorinv as tensorinv
from minigrad.functions.linalg.tensor_systems import tensorsolve as tensorsolve
from minigrad.missing import missing_name as _missing_name
from minigrad.ops.linalg import LinAlgError as LinAlgError

__all__ = [
    "LinAlgError", "cholesky", "cholesky_ex", "cond", "cross", "det", "diagonal", "eigh",
    "eigvalsh", "householder_product", "inv", "inv_ex", "ldl_factor", "ldl_factor_ex", "ldl_solve",
    "logdet",
    "lstsq", "lu", "lu_factor", "lu_factor_ex", "lu_solve", "matmul", "matrix_exp",
    "matrix_norm", "matrix_power", "matrix_rank", "multi_dot", "norm", "pinv", "pinverse", "qr",
    "slogdet", "solve", "solve_ex", "solve_triangular", "svd", "svdvals", "tensorinv",
    "tensorsolve", "vander", "vecdot", "vector_norm",
]  # fmt: skip

matmul = products.matmul


def cross(input: Any, other: Any, *, dim: int = -1) -> Any:
    """Return the vector product along ``dim``, of length 3; other dimensions broadcast.

    https://docs.pytorch.org/docs/stable/generated/torch.linalg.cross.html

    >>> import minigrad as mg
    >>> mg.linalg.cross(mg.tensor([1.0, 0.0, 0.0]), mg.tensor([0.0, 1.0, 0.0]))
    tensor([0., 0., 1.])
    """
    return products.cross(input, other, dim)


if not TYPE_CHECKING:  # a checker knows all names
    __getattr__ = _missing_name("minigrad.linalg", globals(), "functions")
