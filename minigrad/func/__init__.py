"""Pure functions in, pure functions out.

https://docs.pytorch.org/docs/stable/func.html
"""

from minigrad.func.stateless import functional_call as functional_call
from minigrad.func.stateless import stack_module_state as stack_module_state
from minigrad.func.transforms import grad as grad
from minigrad.func.transforms import grad_and_value as grad_and_value
from minigrad.func.transforms import hessian as hessian
from minigrad.func.transforms import hvp as hvp
from minigrad.func.transforms import jacfwd as jacfwd
from minigrad.func.transforms import jacrev as jacrev
from minigrad.func.transforms import jvp as jvp
from minigrad.func.transforms import value_and_grad as value_and_grad
from minigrad.func.transforms import vjp as vjp
from minigrad.func.vmap import vmap as vmap
