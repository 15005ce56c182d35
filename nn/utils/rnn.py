"""Sequences of different lengths as one tensor: padded, or packed step by step without padding.

T steps of the longest sequence, B sequences, * the rest of each step's shape.
https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.rnn.PackedSequence.html
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import numpy as np

from minigrad.functions.joining import cat, stack
from minigrad.tensor.tensor import Tensor


class PackedSequence(NamedTuple):
    """Steps without padding: ``batch_sizes[t]`` rows of ``data`` are step t, the longest first.

    ``sorted_indices`` says which sequence stands where, ``unsorted_indices`` undoes it; both are
    None where nothing was sorted. Made by :func:`pack_padded_sequence` and :func:`pack_sequence`.
    """

    data: Tensor
    batch_sizes: Tensor
    sorted_indices: Tensor | None = None
    unsorted_indices: Tensor | None = None

    def to(self, *args: Any, **kwargs: Any) -> PackedSequence:
        """Return the sequence with its data converted as :meth:`Tensor.to` does."""
        return self._replace(data=self.data.to(*args, **kwargs))

    def float(self) -> PackedSequence:
        """Return the sequence with its data as float32."""
        return self._replace(data=self.data.float())

    def double(self) -> PackedSequence:
        """Return the sequence with its data as float64."""
        return self._replace(data=self.data.double())

    def cpu(self) -> PackedSequence:
        """Return the sequence: it is on the CPU."""
        return self

    @property
    def is_cuda(self) -> bool:
        """False: there is the CPU alone."""
        return False


def _long(values: Any) -> Tensor:
    return Tensor._wrap(np.asarray(values, np.int64))


def _lengths(lengths: Any) -> np.ndarray:
    values = lengths.numpy() if isinstance(lengths, Tensor) else np.asarray(lengths)
    return values.astype(np.int64).reshape(-1)


def pack_padded_sequence(
    input: Tensor, lengths: Any, batch_first: bool = False, enforce_sorted: bool = True
) -> PackedSequence:
    """Return (T, B, *), or (B, T, *) with ``batch_first``, without the steps behind each length.

    ``lengths`` (B,) falls; otherwise ``enforce_sorted=False`` sorts. Raises RuntimeError for
    lengths that do not fall, are not positive, longer than T, or not B.
    https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.rnn.pack_padded_sequence.html

    >>> import minigrad as mg
    >>> pack_padded_sequence(mg.tensor([[1, 3], [2, 0]]), [2, 1]).data
    tensor([1, 3, 2])
    """
    sizes = _lengths(lengths)
    if batch_first:
        input = input.transpose(0, 1)
    order = None
    if not enforce_sorted:
        order = np.argsort(-sizes, kind="stable")
        sizes = sizes[order]
    _check_lengths(sizes, input)
    alive = np.arange(sizes.max())[:, None] < sizes  # (T, B)
    steps, columns = np.nonzero(alive)
    data = input[steps, columns if order is None else order[columns]]
    batch_sizes = _long(alive.sum(1))
    if order is None:
        return PackedSequence(data, batch_sizes)
    return PackedSequence(data, batch_sizes, _long(order), _long(np.argsort(order)))


def _check_lengths(sizes: np.ndarray, input: Tensor) -> None:
    if len(sizes) != input.shape[1]:
        raise RuntimeError(
            f"Expected `len(lengths)` to be equal to batch_size, but got {len(sizes)} "
            f"(batch_size={input.shape[1]})"
        )
    if (np.diff(sizes) > 0).any():
        raise RuntimeError(
            "`lengths` array must be sorted in decreasing order when `enforce_sorted` is True. You "
            "can pass `enforce_sorted=False` to pack_padded_sequence and/or pack_sequence; got "
            f"{sizes.tolist()}"
        )
    if sizes.min(initial=1) <= 0:
        raise RuntimeError(
            "Length of all samples has to be greater than 0, but found an element in 'lengths' "
            f"that is <= 0: {sizes.tolist()}"
        )
    if sizes.max(initial=0) > input.shape[0]:
        raise RuntimeError(
            f"pack_padded_sequence: expected lengths up to {input.shape[0]}, got {sizes.max()}"
        )


def pad_packed_sequence(
    sequence: PackedSequence,
    batch_first: bool = False,
    padding_value: float = 0.0,
    total_length: int | None = None,
) -> tuple[Tensor, Tensor]:
    """Return the padded sequences (T, B, *), or (B, T, *), and their lengths (B,).

    ``total_length`` is how long they become; ValueError where one is longer.
    https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.rnn.pad_packed_sequence.html
    """
    data, batch_sizes = sequence.data, sequence.batch_sizes.numpy()
    steps, longest = len(batch_sizes), total_length or len(batch_sizes)
    if longest < steps:
        raise ValueError(
            "Expected total_length to be at least the length of the longest sequence in input, but "
            f"got total_length={total_length} and max sequence length being {steps}"
        )
    columns = np.arange(batch_sizes[0])
    sizes = np.append(batch_sizes, np.zeros(longest - steps, np.int64))
    alive = columns < sizes[:, None]  # (T, B)
    first = np.cumsum(sizes) - sizes  # row of each step's first sequence
    rows = np.where(alive, first[:, None] + columns, 0)
    if sequence.unsorted_indices is not None:
        unsorted = sequence.unsorted_indices.numpy()
        rows, alive = rows[:, unsorted], alive[:, unsorted]
    if batch_first:
        rows, alive = rows.T, alive.T
    outside = ~alive.reshape(*alive.shape, *(1,) * (data.ndim - 1))
    padded = data[rows].masked_fill(Tensor._wrap(outside), padding_value)
    return padded, _long(alive.sum(1 if batch_first else 0))


def pad_sequence(
    sequences: Tensor | Sequence[Tensor],
    batch_first: bool = False,
    padding_value: float = 0.0,
    padding_side: str = "right",
) -> Tensor:
    """Return sequences (L, *) of different lengths as one tensor (T, B, *), or (B, T, *).

    ``padding_value`` stands behind each, or before it where ``padding_side`` is "left".
    https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.rnn.pad_sequence.html

    >>> import minigrad as mg
    >>> pad_sequence([mg.tensor([1, 2]), mg.tensor([3])], batch_first=True)
    tensor([[1, 2],
            [3, 0]])
    """
    if padding_side not in ("left", "right"):
        raise RuntimeError(
            f"Expected padding_side to be one of left or right, but got {padding_side}."
        )
    if not isinstance(sequences, (Tensor, Iterable)):
        raise RuntimeError(
            "pad_sequence: Expected iterable for input sequences, but got arg of type: "
            f"{type(sequences)}"
        )
    listed = _tensors(sequences)
    longest = max(x.shape[0] for x in listed)
    columns = []
    for x in listed:
        padding = x.new_full((longest - x.shape[0], *x.shape[1:]), padding_value)
        pair = [padding, x] if padding_side == "left" else [x, padding]
        columns.append(x if not padding.shape[0] else cat(pair))
    return stack(columns, 0 if batch_first else 1)


def _tensors(sequences: Any) -> list[Tensor]:
    listed = list(sequences)
    if not listed:
        raise RuntimeError("received an empty list of sequences")
    for i, x in enumerate(listed):
        if not isinstance(x, Tensor):
            raise TypeError(
                f"expected Tensor as element {i} in argument 0, but got {type(x).__name__}"
            )
    return listed


def unpad_sequence(
    padded_sequences: Tensor, lengths: Any, batch_first: bool = False
) -> list[Tensor]:
    """Return each sequence (L, *) of (T, B, *), or (B, T, *), without what is behind its length.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.rnn.unpad_sequence.html
    """
    rows = padded_sequences if batch_first else padded_sequences.transpose(0, 1)
    return [x[:n] for x, n in zip(rows, _lengths(lengths).tolist(), strict=True)]


def pack_sequence(sequences: Sequence[Tensor], enforce_sorted: bool = True) -> PackedSequence:
    """Pack sequences (L, *); as :func:`pad_sequence`, then :func:`pack_padded_sequence`.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.rnn.pack_sequence.html
    """
    listed = _tensors(sequences)
    lengths = [x.shape[0] for x in listed]
    return pack_padded_sequence(pad_sequence(listed), lengths, enforce_sorted=enforce_sorted)


def unpack_sequence(packed_sequences: PackedSequence) -> list[Tensor]:
    """Return the sequences (L, *) that were packed, in their order.

    https://docs.pytorch.org/docs/stable/generated/torch.nn.utils.rnn.unpack_sequence.html
    """
    padded, lengths = pad_packed_sequence(packed_sequences, batch_first=True)
    return unpad_sequence(padded, lengths, batch_first=True)
