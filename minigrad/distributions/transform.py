"""Invertible changes of variables, and those that are made of others.

https://docs.pytorch.org/docs/stable/distributions.html#module-torch.distributions.transforms
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any

import numpy as np

from minigrad.distributions import constraints
from minigrad.distributions.utils import sum_rightmost
from minigrad.functions.return_types import Size
from minigrad.tensor.tensor import Tensor

Shape = Any  # Size, or a tuple


class Transform:
    """A change of variables y = f(x) with the logarithm of its Jacobian's determinant.

    A subclass writes ``_call``, ``_inverse`` and ``log_abs_det_jacobian``. With ``cache_size=1``
    the last x and y are remembered, so the inverse of what was just computed is exact and free.
    """

    bijective = False
    domain: Any
    codomain: Any
    sign: Any
    _compared: tuple[str, ...] | None = None  # two are equal if these are; None: only with itself

    def __init__(self, cache_size: int = 0) -> None:
        if cache_size not in (0, 1):
            raise ValueError(f"cache_size must be 0 or 1, got {cache_size}")
        self._cache_size = cache_size
        self._cached_x_y: tuple[Any, Any] = (None, None)
        self._inv: Transform | None = None

    @property
    def event_dim(self) -> int:
        """How many last dimensions change together."""
        if self.domain.event_dim != self.codomain.event_dim:
            raise ValueError(
                "Please use either .domain.event_dim or .codomain.event_dim, which are "
                f"{self.domain.event_dim} and {self.codomain.event_dim}"
            )
        return int(self.domain.event_dim)

    @property
    def inv(self) -> Transform:
        """The inverse: a transform from y to x."""
        if self._inv is None:
            self._inv = _InverseTransform(self)
        return self._inv

    def with_cache(self, cache_size: int = 1) -> Transform:
        """Return the same transform that remembers its last pair, or does not."""
        if self._cache_size == cache_size:
            return self
        other = copy.copy(self)
        Transform.__init__(other, cache_size)
        return other

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_inv": None}

    def __eq__(self, other: object) -> bool:
        if self is other or type(self) is not type(other) or self._compared is None:
            return self is other
        pairs = ((getattr(self, name), getattr(other, name)) for name in self._compared)
        return all(np.array_equal(as_array(a), as_array(b)) for a, b in pairs)

    __hash__ = None  # type: ignore[assignment]

    # ---- there and back ----------------------------------------------------------------------
    def __call__(self, x: Tensor) -> Tensor:
        """Return y of x."""
        return self._remembered(0, x, self._call) if self._cache_size else self._call(x)

    def _inv_call(self, y: Tensor) -> Tensor:
        return self._remembered(1, y, self._inverse) if self._cache_size else self._inverse(y)

    def _remembered(self, place: int, value: Tensor, function: Any) -> Tensor:
        if value is not self._cached_x_y[place]:
            result = function(value)
            self._cached_x_y = (result, value) if place else (value, result)
        return self._cached_x_y[1 - place]

    def _call(self, x: Tensor) -> Tensor:
        raise NotImplementedError(f"{type(self).__name__}._call")

    def _inverse(self, y: Tensor) -> Tensor:
        raise NotImplementedError(f"{type(self).__name__}._inverse")

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        """Return log |det dy/dx| of a pair of x and its y."""
        raise NotImplementedError(f"{type(self).__name__}.log_abs_det_jacobian")

    def forward_shape(self, shape: Shape) -> Shape:
        """Return the shape of y of the shape of x."""
        return shape

    def inverse_shape(self, shape: Shape) -> Shape:
        """Return the shape of x of the shape of y."""
        return shape

    def __repr__(self) -> str:
        return type(self).__name__ + "()"


def as_array(value: Any) -> Any:
    """Return a tensor's array, anything else as it is."""
    return value.detach().numpy() if isinstance(value, Tensor) else value


class _InverseTransform(Transform):
    """The inverse of another transform; its pairs are the other's."""

    def __init__(self, transform: Transform) -> None:
        super().__init__(transform._cache_size)
        self._forward = self._inv = transform

    domain = property(lambda self: self._forward.codomain)
    codomain = property(lambda self: self._forward.domain)
    bijective = property(lambda self: self._forward.bijective)  # type: ignore[assignment]
    sign = property(lambda self: self._forward.sign)

    def with_cache(self, cache_size: int = 1) -> Transform:
        return self._forward.with_cache(cache_size).inv

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _InverseTransform) and self._forward == other._forward

    def __call__(self, x: Tensor) -> Tensor:
        return self._forward._inv_call(x)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        return -self._forward.log_abs_det_jacobian(y, x)

    def forward_shape(self, shape: Shape) -> Shape:
        return self._forward.inverse_shape(shape)

    def inverse_shape(self, shape: Shape) -> Shape:
        return self._forward.forward_shape(shape)

    def __repr__(self) -> str:
        return f"_InverseTransform({self._forward!r})"


class ComposeTransform(Transform):
    """Several transforms, one after another."""

    def __init__(self, parts: list[Transform], cache_size: int = 0) -> None:
        super().__init__(cache_size)
        self.parts = [p.with_cache(cache_size) for p in parts] if cache_size else parts

    def __eq__(self, other: object) -> bool:
        return isinstance(other, ComposeTransform) and self.parts == other.parts

    @property
    def domain(self) -> constraints.Constraint:  # type: ignore[override]
        """The first part's, over all dimensions that any part couples."""
        if not self.parts:
            return constraints.real
        event_dim = self.parts[-1].codomain.event_dim
        for part in reversed(self.parts):
            of_part = part.domain.event_dim
            event_dim += of_part - part.codomain.event_dim
            event_dim = max(event_dim, of_part)
        return _over(self.parts[0].domain, event_dim)

    @property
    def codomain(self) -> constraints.Constraint:  # type: ignore[override]
        """The last part's, over all dimensions that any part couples."""
        if not self.parts:
            return constraints.real
        event_dim = self.parts[0].domain.event_dim
        for part in self.parts:
            of_part = part.codomain.event_dim
            event_dim += of_part - part.domain.event_dim
            event_dim = max(event_dim, of_part)
        return _over(self.parts[-1].codomain, event_dim)

    @property
    def bijective(self) -> bool:  # type: ignore[override]
        """Whether all parts are."""
        return all(p.bijective for p in self.parts)

    @property
    def sign(self) -> Any:  # type: ignore[override]
        """1 where y grows with x, -1 where it falls."""
        sign = 1
        for part in self.parts:
            sign = sign * part.sign
        return sign

    @property
    def inv(self) -> Transform:
        """The inverses, in reverse."""
        if self._inv is None:
            self._inv = ComposeTransform([p.inv for p in reversed(self.parts)])
            self._inv._inv = self
        return self._inv

    def with_cache(self, cache_size: int = 1) -> Transform:
        same = self._cache_size == cache_size
        return self if same else ComposeTransform(self.parts, cache_size)

    def __call__(self, x: Tensor) -> Tensor:
        for part in self.parts:
            x = part(x)
        return x

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        if not self.parts:
            return x.new_zeros(x.shape)
        total: Any = 0
        event_dim = self.domain.event_dim
        *first, last = self.parts
        for part in first:
            after = part(x)
            change = _change(part, x, after, event_dim)
            total = total + change
            event_dim -= part.domain.event_dim
            event_dim += part.codomain.event_dim
            x = after
        return total + _change(last, x, y, event_dim)

    def forward_shape(self, shape: Shape) -> Shape:
        for part in self.parts:
            shape = part.forward_shape(shape)
        return shape

    def inverse_shape(self, shape: Shape) -> Shape:
        for part in reversed(self.parts):
            shape = part.inverse_shape(shape)
        return shape

    def __repr__(self) -> str:
        parts = ",\n    ".join(map(repr, self.parts))
        return f"ComposeTransform(\n    {parts}\n)"


def _change(part: Transform, x: Tensor, y: Tensor, event_dim: int) -> Tensor:
    change = part.log_abs_det_jacobian(x, y)
    return sum_rightmost(change, event_dim - part.domain.event_dim)


def _over(constraint: Any, event_dim: int) -> Any:
    more = event_dim - constraint.event_dim
    return constraints.independent(constraint, more) if more > 0 else constraint


identity_transform = ComposeTransform([])


class IndependentTransform(Transform):
    """Another transform whose last ``reinterpreted_batch_ndims`` batch dimensions are an event."""

    def __init__(
        self, base_transform: Transform, reinterpreted_batch_ndims: int, cache_size: int = 0
    ) -> None:
        super().__init__(cache_size)
        self.base_transform = base_transform.with_cache(cache_size)
        self.reinterpreted_batch_ndims = reinterpreted_batch_ndims

    bijective = property(lambda self: self.base_transform.bijective)  # type: ignore[assignment]
    sign = property(lambda self: self.base_transform.sign)

    @property
    def domain(self) -> constraints.Constraint:  # type: ignore[override]
        """The base's, over more dimensions."""
        return constraints.independent(self.base_transform.domain, self.reinterpreted_batch_ndims)

    @property
    def codomain(self) -> constraints.Constraint:  # type: ignore[override]
        """The base's, over more dimensions."""
        return constraints.independent(self.base_transform.codomain, self.reinterpreted_batch_ndims)

    def _call(self, x: Tensor) -> Tensor:
        check_dims(x.shape, self.domain.event_dim)
        return self.base_transform(x)

    def _inverse(self, y: Tensor) -> Tensor:
        check_dims(y.shape, self.codomain.event_dim)
        return self.base_transform.inv(y)

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        each = self.base_transform.log_abs_det_jacobian(x, y)
        return sum_rightmost(each, self.reinterpreted_batch_ndims)

    def forward_shape(self, shape: Shape) -> Shape:
        return self.base_transform.forward_shape(shape)

    def inverse_shape(self, shape: Shape) -> Shape:
        return self.base_transform.inverse_shape(shape)

    def __repr__(self) -> str:
        return f"IndependentTransform({self.base_transform!r}, {self.reinterpreted_batch_ndims})"


def check_dims(shape: Sequence[int], least: int) -> None:
    """Raise ValueError for a shape of fewer dimensions."""
    if len(shape) < least:
        raise ValueError(f"Too few dimensions on input, got shape {tuple(shape)}")


class ReshapeTransform(Transform):
    """Last dimensions of ``in_shape`` take another shape."""

    bijective = True

    def __init__(self, in_shape: Any, out_shape: Any, cache_size: int = 0) -> None:
        self.in_shape, self.out_shape = Size(in_shape), Size(out_shape)
        if self.in_shape.numel() != self.out_shape.numel():
            raise ValueError(
                "in_shape, out_shape have different numbers of elements, got "
                f"{self.in_shape} and {self.out_shape}"
            )
        super().__init__(cache_size)

    domain = property(lambda self: constraints.independent(constraints.real, len(self.in_shape)))
    codomain = property(lambda self: constraints.independent(constraints.real, len(self.out_shape)))

    def _call(self, x: Tensor) -> Tensor:
        return x.reshape(self.forward_shape(x.shape))

    def _inverse(self, y: Tensor) -> Tensor:
        return y.reshape(self.inverse_shape(y.shape))

    def log_abs_det_jacobian(self, x: Tensor, y: Tensor) -> Tensor:
        return x.new_zeros(x.shape[: x.ndim - len(self.in_shape)])

    def forward_shape(self, shape: Shape) -> Shape:
        return _exchanged(shape, self.in_shape, self.out_shape)

    def inverse_shape(self, shape: Shape) -> Shape:
        return _exchanged(shape, self.out_shape, self.in_shape)


def _exchanged(shape: Shape, old: Size, new: Size) -> Shape:
    check_dims(shape, len(old))
    n = len(old)
    batch, event = _cut(shape, n)
    if event != old:
        raise ValueError(f"Shape mismatch: expected {event} but got {old}")
    return batch + new


def _cut(shape: Shape, n: int) -> tuple[Size, Size]:
    """Return the dimensions before the last ``n``, and these."""
    cut = len(shape) - n
    return Size(shape[:cut]), Size(shape[cut:])
