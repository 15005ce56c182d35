"""What optimizers share: parameter groups, state, and the walk over parameters with a gradient.

https://docs.pytorch.org/docs/stable/optim.html
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import numpy as np

from minigrad.dtypes import scalar_arrays
from minigrad.modes import enable_grad
from minigrad.optim import hooks
from minigrad.optim.groups import check_sizes, copy_entries, listed
from minigrad.optim.hooks import HookMethods
from minigrad.optim.hooks import (
    register_optimizer_step_post_hook as register_optimizer_step_post_hook,
)
from minigrad.optim.hooks import (
    register_optimizer_step_pre_hook as register_optimizer_step_pre_hook,
)
from minigrad.optim.numbers import Numbers, note_of, number_arrays, weight_decay
from minigrad.storage import bump_version
from minigrad.tensor.tensor import Tensor

_ndarray = np.ndarray
Array = np.ndarray
Options = dict[str, Any]
Params = Iterable[Tensor] | Iterable[tuple[str, Tensor]] | Iterable[dict[str, Any]]
ParamsT = Params  # PyTorch's name
_HOST = np.zeros(0)  # what a count is made like: an array of NumPy's own
SHOULD_BE_NON_NEGATIVE = "{} should be >= 0 but is: {}"  # of the optimizers that came last


class _Required:
    """The default of an option that every group must bring, in optimizers of one's own."""

    def __repr__(self) -> str:
        return "<required parameter>"


required: Any = _Required()


class Optimizer(HookMethods):
    """Base class: an optimizer writes ``update``, the formula of one parameter's step.

    ``params`` are tensors, pairs of name and tensor, or groups (dictionaries with ``params`` and
    options of their own), ``defaults`` the options of the rest. ``foreach``, ``fused`` and
    ``capturable`` choose among PyTorch's implementations and change nothing here. Raises TypeError
    for a bare tensor or what is none, ValueError for an empty list, non-leaves, repeated
    parameters and options out of range.

    >>> import minigrad as mg
    >>> class Sign(mg.optim.Optimizer):
    ...     def update(self, p, g, state, group):
    ...         p -= group["lr"] * np.sign(g)
    >>> w = mg.tensor([1.0, -2.0], requires_grad=True)
    >>> optimizer = Sign([w], {"lr": 0.5})
    >>> (w * w).sum().backward()
    >>> optimizer.step()
    >>> w
    tensor([ 0.5000, -1.5000], requires_grad=True)
    """

    decoupled = False  # whether ``update`` itself takes care of weight decay, in every group
    scalars: tuple[str, ...] = ("step",)  # state that is one number for the whole parameter
    _is_stepping = False  # between the hooks of a step

    def __init__(self, params: Params, defaults: dict[str, Any]) -> None:
        if isinstance(params, Tensor):
            raise TypeError(
                "params argument given to the optimizer should be an iterable of Tensors or dicts, "
                f"but got Tensor of shape {params.shape}. Pass model.parameters() or [tensor]."
            )
        self._hooks = {kind: {} for kind in hooks.KINDS}
        if hooks.are_everywhere():
            hooks.wrap_step(type(self))
        self.defaults = defaults
        self.param_groups: list[dict[str, Any]] = []
        self.state: defaultdict[Tensor, dict[str, Any]] = defaultdict(dict)
        self.stepped = False  # schedules warn where they go first
        self._scratch: dict[Any, np.ndarray] = {}
        self._asked: list[Any] | None = (
            None  # count, dtype and numbers of the group that makes its step
        )
        groups: list[Any] = list(params)
        if not groups:
            raise ValueError(
                f"optimizer got an empty parameter list (of a {type(params).__name__})"
            )
        if not isinstance(groups[0], dict):
            groups = [{"params": groups}]
        for group in groups:
            self.add_param_group(group)

    def add_param_group(self, param_group: dict[str, Any]) -> None:
        """Add parameters with options of their own; what they leave out is the defaults'."""
        if not isinstance(param_group, dict):
            raise TypeError(f"param_group must be a dict, but got {type(param_group)}")
        params, names = listed(param_group["params"])
        if names is not None:
            param_group = {**param_group, "param_names": names}
        named = "param_names" in param_group
        if any(("param_names" in group) != named for group in self.param_groups):
            this = "with" if named else "without"
            raise ValueError(
                f"all optimizer param groups should be with/without names; this one is {this} names"
            )
        known = {id(p) for p in self._params()}
        repeated = [i for i, p in enumerate(params) if id(p) in known]
        if repeated:
            raise ValueError(
                "some parameters appear in more than one parameter group: "
                f"numbers {repeated} of this one"
            )
        settings = {**self.defaults, **param_group}
        for name, value in settings.items():
            if value is required:
                raise ValueError(
                    "parameter group didn't specify a value of required optimization parameter "
                    f"{name}"
                )
        lr = settings.get("lr")
        if isinstance(lr, Tensor) and lr.numel() != 1:
            raise ValueError(f"Tensor lr must be 1-element, got one of shape {lr.shape}")
        del settings["params"]
        group = {k: v.item() if isinstance(v, Tensor) else v for k, v in settings.items()}
        self.check(group)
        self.param_groups.append({"params": params, **group})

    def check(self, group: dict[str, Any]) -> None:
        """Raise ValueError for options out of range."""
        check_non_negative(group, lr="learning rate", weight_decay="weight_decay value")
        if group.get("fused") and group.get("foreach"):
            raise RuntimeError(
                "`fused` and `foreach` cannot be `True` together, got "
                f"{group['fused']} and {group['foreach']}"
            )
        if group.get("differentiable"):
            raise ValueError(
                f"differentiable={group['differentiable']}: a step writes into the parameters "
                "and is not recorded. For gradients through a step compute new weights, "
                "w - lr * g with g of autograd.grad(..., create_graph=True), and call the model "
                "with func.functional_call."
            )

    def update(
        self, p: np.ndarray, g: np.ndarray, state: dict[str, Any], group: dict[str, Any]
    ) -> None:
        """Write one step into the array ``p``.

        ``g`` is its gradient, which is only read, ``state`` what the optimizer has of ``p``.
        """
        raise NotImplementedError(
            f"{type(self).__name__} does not define update(p, g, state, group)"
        )

    def step(self, closure: Callable[[], Any] | None = None) -> Any:
        """Update every parameter that has a gradient; return what ``closure`` returns."""
        loss = None
        if closure is not None:
            with enable_grad():
                loss = closure()
        self.stepped = True
        writer, update, state = f"{type(self).__name__}.step", self.update, self.state
        with np.errstate(all="ignore"):  # inf and nan are values here, as in PyTorch
            for group in self.param_groups:
                self._asked = [None, None, None]  # a schedule may have changed something since
                adds_decay = group.get("weight_decay") and not self.decouples(group)
                changes_grad = group.get("maximize") or adds_decay
                for p in group["params"]:
                    grad = p.grad
                    if grad is None:
                        continue
                    array, g = p._data, grad._data
                    if changes_grad:
                        g = self._effective_gradient(array, g, group)
                    update(array, g, state[p], group)
                    bump_version(array, writer)
        self._asked = None
        return loss

    def zero_grad(self, set_to_none: bool = True) -> None:
        """Forget all gradients, or make them zero."""
        for p in self._params():
            if set_to_none or p.grad is None:
                p.grad = None
            else:
                p.grad = p.grad.detach().zero_()

    def _params(self) -> Iterator[Tensor]:
        return (p for group in self.param_groups for p in group["params"])

    # ---- what formulas work with -------------------------------------------------------------
    def _effective_gradient(
        self, p: np.ndarray, g: np.ndarray, group: dict[str, Any]
    ) -> np.ndarray:
        """Return the gradient to descend: its sign flipped to maximize, weight decay added."""
        result = self.scratch(p, 1)
        if group.get("maximize"):
            g = np.negative(g, result)
        if group.get("weight_decay") and not self.decouples(group):
            (decay,) = self._asked_decay(p, group)
            decayed = np.multiply(p, decay, self.scratch(p))
            g = np.add(g, decayed, result)
        return g

    def _asked_decay(self, p: Array, group: Options) -> list[Any]:
        note = None if type(p) is _ndarray else note_of(p)
        if note is not None:
            return note(p, weight_decay, group, None)
        return scalar_arrays(p.dtype, float(group["weight_decay"]))

    def decouples(self, group: dict[str, Any]) -> bool:
        """Return whether ``update`` itself takes care of the group's weight decay."""
        return self.decoupled or bool(group.get("decoupled_weight_decay"))

    def scratch(self, p: np.ndarray, slot: int = 0) -> np.ndarray:
        """Return an array like ``p`` to write into; slot 1 may hold the gradient of ``update``."""
        key = p.shape, p.dtype, slot
        buffer = self._scratch.get(key)
        if buffer is None:
            buffer = self._scratch[key] = np.empty_like(p)
        return buffer

    def state_array(self, state: Options, name: str, p: Array, value: float = 0.0) -> Array:
        """Return the array ``name`` of ``state``, like ``p`` and full of ``value`` at first."""
        tensor = state.get(name)
        if tensor is None:
            tensor = state[name] = Tensor._wrap(np.full_like(p, value))
        return tensor._data

    def state_scalar(
        self, state: Options, name: str, like: Array = _HOST, value: float = 0.0
    ) -> Array:
        """Return the array of no dimensions ``name`` of ``state``, ``value`` at first."""
        tensor = state.get(name)
        if tensor is None:
            scalar = np.full_like(like, value, np.float32, shape=())
            tensor = state[name] = Tensor._wrap(scalar)
        return tensor._data

    def state_shape(self, name: str, p: Tensor) -> tuple[int, ...]:
        """Return the shape that the array ``name`` of the state of ``p`` has."""
        return p.shape

    def numbers(self, group: Options, t: float) -> Numbers:
        """Return the numbers in the formula of step ``t``, which follow from it and from options.

        A schedule or the count changes them; nothing else in ``update`` may. A NumPy number keeps
        its dtype, another takes the parameter's; a bool chooses between formulas.
        """
        return ()

    def step_numbers(self, p: Array, state: Options, group: Options) -> list[Any]:
        """Count a step; return its :meth:`numbers` as arrays of no dimensions."""
        note = None if type(p) is _ndarray else note_of(p)
        if note is not None:
            return note(p, self.numbers, group, state if self.scalars else None)
        t = self.increment_step(state) if self.scalars else 0.0
        asked, dtype = self._asked, p.dtype
        if asked is not None and asked[0] == t and asked[1] is dtype:
            return asked[2]
        arrays = number_arrays(dtype, self.numbers(group, t))
        if asked is not None:
            asked[:] = t, dtype, arrays
        return arrays

    def increment_step(self, state: Options) -> float:
        """Count a step of one parameter; return how many there have been."""
        step = self.state_scalar(state, "step")
        count = float(step) + 1
        step.fill(count)
        return count

    # ---- state -------------------------------------------------------------------------------
    def state_dict(self) -> dict[str, Any]:
        """Return a copy of state and groups, parameters by number, in PyTorch's structure."""
        self._tell("state_dict_pre")
        number = {id(p): i for i, p in enumerate(self._params())}
        state = {}
        for p, entries in self.state.items():
            if id(p) in number:
                state[number[id(p)]] = copy_entries(entries)
        groups = []
        for group in self.param_groups:
            params = [number[id(p)] for p in group["params"]]
            groups.append({**copy_entries(group), "params": params})
        return self._changed("state_dict_post", {"state": state, "param_groups": groups})

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        """Take over a copy of state and options; raise ValueError where they do not fit."""
        state_dict = self._changed("load_state_dict_pre", dict(state_dict))
        groups = state_dict["param_groups"]
        check_sizes(groups, self.param_groups)
        scalar_arrays = [i for group in groups for i in group["params"]]
        params = dict(zip(scalar_arrays, self._params(), strict=True))
        state = {}
        for i, entries in state_dict["state"].items():
            if i in params:
                state[params[i]] = self._fit_state(entries, params[i], i)
        for own, loaded in zip(self.param_groups, groups, strict=True):
            own.update(copy_entries(loaded))
        self.state = defaultdict(dict, state)
        self._tell("load_state_dict_post")

    def _fit_state(self, entries: Options, p: Tensor, number: Any) -> Options:
        """Return a copy of the state of ``p``, its arrays in the shape and dtype they have here."""
        state = copy_entries(entries)
        for name, value in state.items():
            if name in self.scalars:
                state[name] = Tensor._wrap(np.array(float(value), np.float32))
            elif isinstance(value, Tensor):
                shape = self.state_shape(name, p)
                if value.shape != shape:
                    raise ValueError(
                        f"load_state_dict: {name!r} of parameter {number} has shape {value.shape}, "
                        f"the parameter {shape}; is this the state of another model?"
                    )
                state[name] = Tensor._wrap(value._data.astype(p.dtype, copy=False))
        return state

    def __repr__(self) -> str:
        texts = []
        for i, group in enumerate(self.param_groups):
            lines = [f"Parameter Group {i}"]
            for name in sorted(group):
                if name != "params":
                    lines.append(f"    {name}: {group[name]}")
            texts.append("\n".join(lines))
        groups = "\n\n".join(texts)
        return f"{type(self).__name__} (\n{groups}\n)"


def options(arguments: Options) -> Options:
    """Return the options among the arguments of a constructor, which are its ``locals()``."""
    own = ("self", "params", "__class__")
    return {name: value for name, value in arguments.items() if name not in own}


def move_mean(mean: Array, x: Array, rate: Array, buffer: Array) -> None:
    """Write mean + rate (x − mean) into ``mean``."""
    np.subtract(x, mean, buffer)
    mean += np.multiply(buffer, rate, buffer)


def move_mean_square(mean: Array, x: Array, decay: Array, rate: Array, buffer: Array) -> None:
    """Write decay × mean + rate x² into ``mean``."""
    np.multiply(x, x, buffer)
    mean *= decay
    mean += np.multiply(buffer, rate, buffer)


def check_non_negative(group: Options, wording: str = "Invalid {}: {}", **labels: str) -> None:
    """Raise ValueError where one of the named options is negative (or nan)."""
    for name, what in labels.items():
        if not group.get(name, 0) >= 0:
            raise ValueError(wording.format(what, group[name]))


def check_betas(group: Options) -> None:
    """Raise ValueError where one of the rates of decay is outside of [0, 1)."""
    for i, beta in enumerate(group["betas"]):
        if not 0 <= beta < 1:
            raise ValueError(f"Invalid beta parameter at index {i}: {beta}")
