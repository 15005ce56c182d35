"""Functions with a trailing underscore: a tensor's method of that name, with the tensor first.

``mg.exp_(x)`` is ``x.exp_()``. https://docs.pytorch.org/docs/stable/torch.html#pointwise-ops
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from minigrad.functions.arguments import not_a_tensor_error
from minigrad.tensor.tensor import Tensor


def _of(name: str) -> Callable[..., Tensor]:
    method = getattr(Tensor, name)

    def function(input: Tensor, *args: Any, **kwargs: Any) -> Tensor:
        if not isinstance(input, Tensor):
            raise not_a_tensor_error(name, "input", 1, input)
        result: Tensor = method(input, *args, **kwargs)
        return result

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"Write into the input as ``Tensor.{name}`` does, and return it."
    return function


abs_ = _of("abs_")
acos_ = _of("acos_")
acosh_ = _of("acosh_")
addmv_ = _of("addmv_")
arccos_ = _of("arccos_")
arccosh_ = _of("arccosh_")
arcsin_ = _of("arcsin_")
arcsinh_ = _of("arcsinh_")
arctan_ = _of("arctan_")
arctanh_ = _of("arctanh_")
asin_ = _of("asin_")
asinh_ = _of("asinh_")
atan_ = _of("atan_")
atanh_ = _of("atanh_")
ceil_ = _of("ceil_")
clamp_ = _of("clamp_")
clamp_max_ = _of("clamp_max_")
clamp_min_ = _of("clamp_min_")
clip_ = _of("clip_")
cos_ = _of("cos_")
cosh_ = _of("cosh_")
deg2rad_ = _of("deg2rad_")
detach_ = _of("detach_")
erf_ = _of("erf_")
erfc_ = _of("erfc_")
exp2_ = _of("exp2_")
exp_ = _of("exp_")
expm1_ = _of("expm1_")
fill_ = _of("fill_")
fix_ = _of("fix_")
floor_ = _of("floor_")
frac_ = _of("frac_")
gcd_ = _of("gcd_")
i0_ = _of("i0_")
index_put_ = _of("index_put_")
lcm_ = _of("lcm_")
ldexp_ = _of("ldexp_")
log10_ = _of("log10_")
log1p_ = _of("log1p_")
log2_ = _of("log2_")
log_ = _of("log_")
logit_ = _of("logit_")
nan_to_num_ = _of("nan_to_num_")
neg_ = _of("neg_")
negative_ = _of("negative_")
rad2deg_ = _of("rad2deg_")
reciprocal_ = _of("reciprocal_")
resize_as_ = _of("resize_as_")
round_ = _of("round_")
rsqrt_ = _of("rsqrt_")
sigmoid_ = _of("sigmoid_")
sin_ = _of("sin_")
sinc_ = _of("sinc_")
sinh_ = _of("sinh_")
sqrt_ = _of("sqrt_")
square_ = _of("square_")
tan_ = _of("tan_")
tanh_ = _of("tanh_")
trunc_ = _of("trunc_")
xlogy_ = _of("xlogy_")
zero_ = _of("zero_")

__all__ = [name for name in globals() if name.endswith("_") and not name.startswith("_")]
