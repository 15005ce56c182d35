"""The methods of Tensor that move, join and pick elements: the functions of this folder."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from minigrad.functions import diagonals as d
from minigrad.functions import indexing as i
from minigrad.functions import permutation, scattering, sets, splitting, strided, view_scattering
from minigrad.functions import shape as s
from minigrad.functions.mixed_index import split_mixed_index
from minigrad.functions.return_types import Size, size_of
from minigrad.memory import Storage, contiguous_format, flat_memory, offset_in_memory
from minigrad.ops.indexing import getitem


class ShapeMethods:
    """Shape, joining and indexing; mixed into Tensor."""

    reshape, reshape_as, view, view_as = s.reshape, s.reshape_as, s.view, s.view_as
    flatten, unflatten, ravel, permute = s.flatten, s.unflatten, s.ravel, permutation.permute
    transpose, swapaxes, swapdims, t, adjoint = (
        permutation.transpose,
        permutation.swapaxes,
        permutation.swapdims,
        permutation.t,
        permutation.adjoint,
    )
    movedim, moveaxis, squeeze, unsqueeze = (
        permutation.movedim,
        permutation.moveaxis,
        s.squeeze,
        s.unsqueeze,
    )
    expand, expand_as, broadcast_to = s.expand, s.expand_as, s.broadcast_to
    repeat, tile, flip, fliplr, flipud = (
        s.repeat,
        s.tile,
        permutation.flip,
        permutation.fliplr,
        permutation.flipud,
    )
    roll, rot90 = permutation.roll, permutation.rot90
    clone, contiguous, as_strided = s.clone, s.contiguous, strided.as_strided

    split, tensor_split, chunk, unbind, narrow = (
        splitting.split,
        splitting.tensor_split,
        splitting.chunk,
        splitting.unbind,
        splitting.narrow,
    )
    split_with_sizes, unique_consecutive = splitting.split_with_sizes, sets.unique_consecutive
    unsafe_split, unsafe_chunk = splitting.unsafe_split, splitting.unsafe_chunk
    unsafe_split_with_sizes = splitting.unsafe_split_with_sizes
    hsplit, vsplit, dsplit = splitting.hsplit, splitting.vsplit, splitting.dsplit

    tril, triu, diagonal, diag, diag_embed = d.tril, d.triu, d.diagonal, d.diag, d.diag_embed
    diagflat, unfold = d.diagflat, d.unfold

    select, gather, index_select, take = i.select, i.gather, i.index_select, i.take
    scatter, scatter_add, scatter_reduce = (
        scattering.scatter,
        scattering.scatter_add,
        scattering.scatter_reduce,
    )
    index_add, index_copy, index_fill, index_put = (
        scattering.index_add,
        scattering.index_copy,
        scattering.index_fill,
        scattering.index_put,
    )
    index_reduce, put = scattering.index_reduce, scattering.put
    select_scatter, slice_scatter, diagonal_scatter = (
        view_scattering.select_scatter,
        view_scattering.slice_scatter,
        view_scattering.diagonal_scatter,
    )
    masked_select, masked_scatter, take_along_dim = (
        i.masked_select,
        scattering.masked_scatter,
        i.take_along_dim,
    )
    nonzero, argwhere, repeat_interleave = i.nonzero, i.argwhere, i.repeat_interleave

    dtype: Any
    ndim: Any
    _data: Any

    # ---- sizes -------------------------------------------------------------------------------
    @property
    def shape(self) -> Size:
        """The length of each dimension."""
        return size_of(Size, self._data.shape)  # type: ignore[no-any-return]

    def size(self, dim: int | None = None) -> Any:
        """Return the shape, or the length of one dimension."""
        if dim is None:
            return self.shape
        if not -self.ndim <= dim < self.ndim:
            n = max(self.ndim, 1)
            raise IndexError(
                f"Dimension out of range (expected to be in range of [{-n}, {n - 1}], but got "
                f"{dim})"
            )
        return self._data.shape[dim]

    def dim(self) -> int:
        """Return the number of dimensions."""
        return int(self.ndim)

    def ndimension(self) -> int:
        """Return the number of dimensions."""
        return int(self.ndim)

    def numel(self) -> int:
        """Return the number of elements."""
        return math.prod(self._data.shape)

    def nelement(self) -> int:
        """Return the number of elements."""
        return math.prod(self._data.shape)

    @property
    def T(self) -> Any:
        """The tensor with its dimensions reversed."""
        return permutation.permute(self, *range(self.ndim)[::-1])

    @property
    def mT(self) -> Any:
        """The tensor with its last two dimensions exchanged; RuntimeError for vectors."""
        if self.ndim < 2:
            raise RuntimeError(
                "tensor.mT is only supported on matrices or batches of matrices. Got "
                f"{self.ndim}-D tensor."
            )
        return permutation.transpose(self, -2, -1)

    H = T
    mH = mT

    # ---- memory ------------------------------------------------------------------------------
    def stride(self, dim: int | None = None) -> Any:
        """Return how many elements apart neighbours along each dimension (or one) lie."""
        strides = tuple(n // self._data.itemsize for n in self._data.strides)
        return strides if dim is None else strides[dim]

    def is_contiguous(self, memory_format: Any = contiguous_format) -> Any:
        """Return whether the memory is in C order, or in ``memory_format``."""
        return memory_format.has(self._data)

    def storage_offset(self) -> int:
        """Return how many elements into its memory the tensor begins."""
        return offset_in_memory(self._data)

    def is_pinned(self, device: Any = None) -> bool:
        """Return False: there is no device that pinned memory would be copied to."""
        return False

    def is_shared(self) -> bool:
        """Return False: an array of NumPy belongs to one process."""
        return False

    def pin_memory(self, device: Any = None) -> Any:
        """Raise RuntimeError: there is no device that pinned memory would be copied to."""
        raise RuntimeError("pin_memory(): minigrad computes on the CPU alone; leave it out")

    def storage(self) -> Storage:
        """Return the memory that the tensor looks at: all elements of it, in a row."""
        return Storage(flat_memory(self._data))

    def untyped_storage(self) -> Storage:
        """Return the memory that the tensor looks at, as bytes."""
        return Storage(flat_memory(self._data).view(np.uint8))

    def data_ptr(self) -> int:
        """Return the address of the first element."""
        return int(self._data.ctypes.data) if self._data.size else 0

    def element_size(self) -> int:
        """Return the bytes of one element."""
        return int(self._data.itemsize)

    @property
    def itemsize(self) -> int:
        """The bytes of one element."""
        return int(self._data.itemsize)

    @property
    def nbytes(self) -> int:
        """The bytes of all elements."""
        return int(self._data.nbytes)

    # ---- brackets ----------------------------------------------------------------------------
    def __getitem__(self, index: Any) -> Any:
        within, index = split_mixed_index(index, self.ndim)
        try:
            view = self if within is None else getitem(self, index=within)
            return getitem(view, index=index)
        except IndexError as error:
            raise IndexError(str(error).replace("axis", "dimension")) from None

    def __delitem__(self, index: Any) -> None:
        raise TypeError(
            "Tensor does not support deleting items; keep the others: x[mask], or cat of the "
            "slices around"
        )
