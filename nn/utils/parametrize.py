"""Weights computed from other tensors whenever they are read.

A module's weight becomes a property of a class of its own; what it is computed from stands below
``module.parametrizations``. https://docs.pytorch.org/docs/stable/nn.html#parametrizations
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

from minigrad.modes import no_grad
from minigrad.nn.container import ModuleDict, ModuleList
from minigrad.nn.module import Module
from minigrad.nn.parameter import Parameter
from minigrad.tensor.tensor import Tensor

__all__ = [
    "ParametrizationList",
    "cached",
    "is_parametrized",
    "register_parametrization",
    "remove_parametrizations",
    "transfer_parametrizations_and_params",
    "type_before_parametrizations",
]

_CACHE: dict[tuple[int, str], Tensor] = {}
_BLOCKS: list[None] = []  # one for each ``cached`` block around what runs now


@contextmanager
def cached() -> Iterator[None]:
    """Compute each parametrised tensor once inside this block.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.parametrize.cached.html
    """
    _BLOCKS.append(None)
    try:
        yield
    finally:
        _BLOCKS.pop()
        if not _BLOCKS:
            _CACHE.clear()


def _register(module: Module, name: str, value: Tensor) -> None:
    if isinstance(value, Parameter):
        module.register_parameter(name, value)
    else:
        module.register_buffer(name, value)


class ParametrizationList(ModuleList):
    """The parametrisations of one tensor in order, and what they begin with.

    ``original`` is that, or ``original0``, ``original1`` and so on where the first one's
    ``right_inverse`` returns several. Raises ValueError where dtype or shape would change, unless
    ``unsafe``.
    """

    def __init__(self, modules: Sequence[Module], original: Tensor, unsafe: bool = False) -> None:
        if not modules:
            raise ValueError(f"ParametrizationList requires one or more modules, got {modules}")
        super().__init__(modules)
        self.unsafe = unsafe
        shape, dtype = original.shape, original.dtype
        new = self._inverted(original)
        self.is_tensor = isinstance(new, Tensor)
        self.ntensors = 1 if self.is_tensor else len(new)
        if self.is_tensor:
            if new.dtype != dtype:
                raise ValueError(
                    "When `right_inverse` outputs one tensor, it may not change the dtype.\n"
                    f"original.dtype: {dtype}\nright_inverse(original).dtype: {new.dtype}"
                )
            _set(original, new)
            _register(self, "original", original)
        else:
            self._register_each(original, new)
        if not unsafe:
            check_result(self(), "tensor", "unparametrized", shape, dtype)

    def _inverted(self, value: Any) -> Any:
        """Return what the parametrisations make ``value`` of, as far as they tell it."""
        with no_grad():
            for module in reversed(list(self)):
                try:
                    value = module.right_inverse(value) if _inverts(module) else value
                except NotImplementedError:
                    continue
        if not isinstance(value, (Tensor, Sequence)):
            raise ValueError(
                "'right_inverse' must return a Tensor or a Sequence of tensors (list, tuple...). "
                f"Got {type(value).__name__}"
            )
        return value

    def _register_each(self, original: Tensor, parts: Sequence[Any]) -> None:
        for i, part in enumerate(parts):
            if not isinstance(part, Tensor):
                raise ValueError(
                    "'right_inverse' must return a Tensor or a Sequence of tensors (list, "
                    f"tuple...). Got element {i} of the sequence with type {type(part).__name__}."
                )
            if isinstance(original, Parameter):
                part = Parameter(part, original.requires_grad)
            part.requires_grad_(original.requires_grad)
            _register(self, f"original{i}", part)

    def originals(self) -> list[Tensor]:
        """Return what the tensor is computed from."""
        if self.is_tensor:
            return [self.original]
        return [getattr(self, f"original{i}") for i in range(self.ntensors)]

    def right_inverse(self, value: Any) -> None:
        """Change the originals so that the tensor becomes ``value``."""
        with no_grad():
            for module in reversed(list(self)):
                if not _inverts(module):
                    raise RuntimeError(
                        f"parametrization {type(module).__name__} does not implement right_inverse."
                    )
                value = module.right_inverse(value)
        parts = self._parts(value)
        for original, part in zip(self.originals(), parts, strict=True):
            _set(original, part)

    def _parts(self, value: Any) -> list[Any]:
        """Return what ``right_inverse`` returned as a list, checked."""
        if self.is_tensor and not isinstance(value, Tensor):
            raise ValueError(f"`right_inverse` should return a tensor. Got {type(value).__name__}")
        if not self.is_tensor and not isinstance(value, Sequence):
            raise ValueError(
                f"'right_inverse' must return a sequence of tensors. Got {type(value).__name__}."
            )
        parts = [value] if self.is_tensor else list(value)
        if len(parts) != self.ntensors:
            raise ValueError(
                "'right_inverse' must return a sequence of tensors of length "
                f"{self.ntensors}. Got a sequence of length {len(parts)}."
            )
        for i, (original, part) in enumerate(zip(self.originals(), parts, strict=True)):
            dtype = getattr(part, "dtype", type(part).__name__)
            if dtype != original.dtype:
                raise ValueError(
                    f"Tensor {i} returned by `right_inverse` has dtype {dtype} "
                    f"while `original{i}` has dtype {original.dtype}"
                )
        return parts

    def forward(self) -> Any:  # type: ignore[override]
        """Return the tensor."""
        first, *others = self
        x = first(*self.originals())
        for module in others:
            x = module(x)
        return x


def _inverts(module: Module) -> bool:
    return hasattr(module, "right_inverse")


def _set(tensor: Tensor, value: Tensor) -> None:
    """Give a tensor the values of another, of whatever shape; it stays the same object."""
    if value is not tensor:
        tensor.data = value.detach()


def check_result(value: Any, what: str, before: str, shape: Any, dtype: Any) -> None:
    """Raise ValueError unless a parametrisation keeps shape and dtype."""
    if not isinstance(value, Tensor):
        raise ValueError(f"A parametrization must return a tensor. Got {type(value).__name__}.")
    for name, old, new in (("dtype", dtype, value.dtype), ("shape", shape, value.shape)):
        if old != new:
            raise ValueError(
                f"Registering a parametrization may not change the {name} of the {what}, unless "
                f"`unsafe` flag is enabled.\n{before} {name}: {old}\nparametrized {name}: {new}"
            )


# ---- the class of a parametrised module ------------------------------------------------------
class _Parametrized:
    """What the classes of parametrised modules share; each module has one of its own."""

    __dict__: dict[str, Any]

    def __deepcopy__(self, memo: dict[int, Any]) -> Any:
        own: Any = type(self)
        plain: Any = own.__bases__[1]
        cls = type(own.__name__, own.__bases__, _properties(own))
        twin = memo[id(self)] = plain.__new__(cls)
        twin.__dict__.update(deepcopy(self.__dict__, memo))
        return twin

    def __getstate__(self) -> Any:
        raise RuntimeError(
            "Serialization of parametrized modules is only supported through state_dict(). See:\n"
            "https://pytorch.org/tutorials/beginner/saving_loading_models.html"
            "#saving-loading-a-general-checkpoint-for-inference-and-or-resuming-training"
        )


def _properties(cls: type) -> dict[str, Any]:
    """Return the parametrised tensors of a class."""
    return {name: value for name, value in vars(cls).items() if isinstance(value, property)}


def _property(name: str) -> property:
    def read(self: Any) -> Any:
        compute = self.parametrizations[name]
        if not _BLOCKS:
            return compute()
        key = (id(self), name)
        if key not in _CACHE:
            _CACHE[key] = compute()
        return _CACHE[key]

    def write(self: Any, value: Tensor) -> None:
        self.parametrizations[name].right_inverse(value)

    return property(read, write)


def register_parametrization(
    module: Module, tensor_name: str, parametrization: Module, *, unsafe: bool = False
) -> Module:
    """Compute a parameter or buffer as ``parametrization(original)`` whenever it is read.

    Several are applied one after the other. Assigning to the tensor calls ``right_inverse``, which
    also makes the first ``original``. ``unsafe`` allows another dtype or shape. Returns the
    module; raises ValueError where it has no such tensor, or dtype or shape would change.
    https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.parametrize.register_parametrization.html

    >>> import minigrad as mg
    >>> from minigrad import nn
    >>> class Symmetric(nn.Module):
    ...     def forward(self, x):
    ...         return x.triu() + x.triu(1).T
    >>> layer = nn.Linear(2, 2)
    >>> layer = register_parametrization(layer, "weight", Symmetric())
    >>> bool((layer.weight == layer.weight.T).all())
    True
    >>> list(layer.state_dict())
    ['bias', 'parametrizations.weight.original']
    """
    parametrization.train(module.training)
    if is_parametrized(module, tensor_name):
        if not unsafe:
            _check_another(module, tensor_name, parametrization)
        existing = module.parametrizations[tensor_name]
        existing.append(parametrization)
        existing.unsafe |= unsafe
        return module
    if tensor_name not in module._buffers and tensor_name not in module._parameters:
        raise ValueError(
            f"Module '{module}' does not have a parameter, a buffer, or a parametrized element "
            f"with name '{tensor_name}'"
        )
    original = getattr(module, tensor_name)
    computed = ParametrizationList([parametrization], original, unsafe=unsafe)
    delattr(module, tensor_name)
    if not is_parametrized(module):
        cls = type(module)
        module.__class__ = type(f"Parametrized{cls.__name__}", (_Parametrized, cls), {})
        module.parametrizations = ModuleDict()
    setattr(type(module), tensor_name, _property(tensor_name))
    module.parametrizations[tensor_name] = computed
    return module


def _check_another(module: Module, name: str, parametrization: Any) -> None:
    """Raise ValueError where one more parametrisation would change dtype or shape."""
    value = getattr(module, name)
    result = parametrization(value)
    check_result(result, "tensor", f"module.{name}", value.shape, value.dtype)
    if not _inverts(parametrization):
        return
    try:
        inverse = parametrization.right_inverse(result)
    except NotImplementedError:
        return
    if not isinstance(inverse, Tensor):
        raise ValueError(
            f"parametrization.right_inverse must return a tensor. Got: {type(inverse).__name__}"
        )
    for what in ("dtype", "shape"):
        old, new = getattr(value, what), getattr(inverse, what)
        if old != new:
            raise ValueError(
                "The tensor returned by parametrization.right_inverse must have the same "
                f"{what} as module.{name}, unless the `unsafe` flag is enabled.\n"
                f"module.{name}.{what}: {old}\nreturned {what}: {new}"
            )


def tensor_of(module: Module, name: str) -> Tensor:
    """Return the tensor of that name; raise ValueError where there is none."""
    weight = getattr(module, name, None)
    if not isinstance(weight, Tensor):
        raise ValueError(f"Module '{module}' has no parameter or buffer with name '{name}'")
    return weight


def is_parametrized(module: Module, tensor_name: str | None = None) -> bool:
    """Return whether a module has parametrised tensors, or one of that name."""
    parametrizations = getattr(module, "parametrizations", None)
    if not isinstance(parametrizations, ModuleDict):
        return False
    if tensor_name is None:
        return len(parametrizations) > 0
    return tensor_name in parametrizations


def remove_parametrizations(
    module: Module, tensor_name: str, leave_parametrized: bool = True
) -> Module:
    """Make a parametrised tensor an ordinary one again, with its value of now; return the module.

    Without ``leave_parametrized`` it gets back the original. Raises ValueError where it is not
    parametrised, or has several originals to get back.
    https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.parametrize.remove_parametrizations.html
    """
    if not is_parametrized(module, tensor_name):
        raise ValueError(f"Module {module} does not have a parametrization on {tensor_name}")
    computed = module.parametrizations[tensor_name]
    if not computed.is_tensor and not leave_parametrized:
        raise ValueError(
            "Cannot leave unparametrized (`leave_parametrized=False`) a tensor that is "
            "parametrized in terms of a sequence of tensors."
        )
    value = getattr(module, tensor_name)
    tensor = computed.originals()[0]
    if not computed.is_tensor:
        tensor = Parameter(value.detach()) if value.requires_grad else value
    elif leave_parametrized:
        _set(tensor, value)
    delattr(type(module), tensor_name)
    del module.parametrizations[tensor_name]
    _register(module, tensor_name, tensor)
    if not is_parametrized(module):
        del module.parametrizations
        module.__class__ = type_before_parametrizations(module)
    return module


def type_before_parametrizations(module: Module) -> type:
    """Return the class that a module had before it was parametrised."""
    cls = type(module)
    return cls.__bases__[1] if issubclass(cls, _Parametrized) else cls


def transfer_parametrizations_and_params(
    from_module: Module, to_module: Module, tensor_name: str | None = None
) -> Module:
    """Give a module the parametrisations of another, and the originals; return it.

    ``tensor_name`` chooses one tensor.
    https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.parametrize.transfer_parametrizations_and_params.html
    """
    if not is_parametrized(from_module):
        return to_module
    names = list(from_module.parametrizations) if tensor_name is None else [tensor_name]
    for name in names:
        source = from_module.parametrizations[name]
        if not hasattr(to_module, name):
            value = getattr(from_module, name)
            setattr(to_module, name, Parameter(value.detach()))
        for parametrization in source:
            register_parametrization(to_module, name, parametrization)
        target = to_module.parametrizations[name]
        for own in (*source._parameters, *source._buffers):
            setattr(target, own, getattr(source, own))
    return to_module
