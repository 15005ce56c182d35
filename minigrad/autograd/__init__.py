"""Gradients without ``.grad``: ``grad``, ``backward`` of several tensors, and the checks."""

from minigrad.autograd import functional as functional
from minigrad.autograd.anomaly import detect_anomaly as detect_anomaly
from minigrad.autograd.anomaly import is_anomaly_check_nan_enabled as is_anomaly_check_nan_enabled
from minigrad.autograd.anomaly import is_anomaly_enabled as is_anomaly_enabled
from minigrad.autograd.anomaly import set_detect_anomaly as set_detect_anomaly
from minigrad.autograd.differentiate import backward as backward
from minigrad.autograd.differentiate import grad as grad
from minigrad.autograd.explain import Contribution as Contribution
from minigrad.autograd.explain import Explanation as Explanation
from minigrad.autograd.explain import explain as explain
from minigrad.autograd.function import Function as Function
from minigrad.autograd.gradcheck import GradcheckError as GradcheckError
from minigrad.autograd.gradcheck import NotDifferentiableError as NotDifferentiableError
from minigrad.autograd.gradcheck import gradcheck as gradcheck
from minigrad.autograd.gradcheck import gradgradcheck as gradgradcheck
from minigrad.autograd.lines import record_lines as record_lines
from minigrad.compat import Variable as Variable
from minigrad.modes import enable_grad as enable_grad
from minigrad.modes import inference_mode as inference_mode
from minigrad.modes import no_grad as no_grad
from minigrad.modes import set_grad_enabled as set_grad_enabled
