"""Special functions: ``minigrad.special`` is what ``torch.special`` is there.

https://docs.pytorch.org/docs/stable/special.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from minigrad.functions.elementwise.powers import erf as erf
from minigrad.functions.elementwise.powers import erfc as erfc
from minigrad.functions.elementwise.powers import exp2 as exp2
from minigrad.functions.elementwise.powers import expm1 as expm1
from minigrad.functions.elementwise.powers import log1p as log1p
from minigrad.functions.elementwise.powers import logit as logit
from minigrad.functions.elementwise.powers import sigmoid as expit
from minigrad.functions.elementwise.powers import xlogy as xlogy
from minigrad.functions.elementwise.rounding import round as round
from minigrad.functions.elementwise.special import digamma as digamma
from minigrad.functions.elementwise.special import digamma as psi
from minigrad.functions.elementwise.special import entr as entr
from minigrad.functions.elementwise.special import erfcx as erfcx
from minigrad.functions.elementwise.special import erfinv as erfinv
from minigrad.functions.elementwise.special import i0 as i0
from minigrad.functions.elementwise.special import i0 as modified_bessel_i0
from minigrad.functions.elementwise.special import i0e as i0e
from minigrad.functions.elementwise.special import i1 as i1
from minigrad.functions.elementwise.special import i1 as modified_bessel_i1
from minigrad.functions.elementwise.special import i1e as i1e
from minigrad.functions.elementwise.special import igamma as gammainc
from minigrad.functions.elementwise.special import igammac as gammaincc
from minigrad.functions.elementwise.special import lgamma as gammaln
from minigrad.functions.elementwise.special import log_ndtr as log_ndtr
from minigrad.functions.elementwise.special import mvlgamma as multigammaln
from minigrad.functions.elementwise.special import ndtr as ndtr
from minigrad.functions.elementwise.special import ndtri as ndtri
from minigrad.functions.elementwise.special import polygamma as polygamma
from minigrad.functions.elementwise.special import sinc as sinc
from minigrad.functions.elementwise.special import xlog1py as xlog1py
from minigrad.functions.elementwise.special import zeta as zeta
from minigrad.functions.softmax import log_softmax as log_softmax
from minigrad.functions.softmax import logsumexp as logsumexp
from minigrad.functions.softmax import softmax as softmax
from minigrad.missing import missing_name as _missing_name

__all__ = [
    "digamma", "entr", "erf", "erfc", "erfcx", "erfinv", "exp2", "expit", "expm1", "gammainc",
    "gammaincc", "gammaln", "i0", "i0e", "i1", "i1e", "log1p", "log_ndtr", "log_softmax", "logit",
    "logsumexp", "modified_bessel_i0", "modified_bessel_i1", "multigammaln", "ndtr", "ndtri",
    "polygamma", "psi", "round", "sinc", "softmax", "xlog1py", "xlogy", "zeta",
]  # fmt: skip

if not TYPE_CHECKING:
    __getattr__ = _missing_name("minigrad.special", globals(), "functions")
