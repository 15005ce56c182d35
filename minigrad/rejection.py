"""Gamma, Poisson and binomial numbers, as PyTorch's CPU generator draws them.

They are drawn by rejection: how many uniforms one number takes is known only after it was drawn.
So they come one after another, in a loop of Python: a microsecond or two each.

https://docs.pytorch.org/docs/stable/distributions.html
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

import numpy as np

from minigrad.random import Generator

Array = np.ndarray[Any, np.dtype[Any]]
_PIECE = 1024


class Stream:
    """Uniforms and normals of a generator, one at a time, inside a ``with`` block.

    They are drawn ahead in pieces; at the end of the block the generator stands behind the last
    one that was taken.
    """

    def __init__(self, generator: Generator) -> None:
        self._generator = generator

    def __enter__(self) -> Stream:
        self._state, self._taken = self._generator.get_state(), 0
        self._waiting = self._generator._waiting
        self._ahead: Iterator[float] = iter(())
        return self

    def __exit__(self, *_: Any) -> None:
        self._generator.set_state(self._state)
        self._generator.random_uint64(self._taken)
        self._generator._waiting = self._waiting

    def uniform(self) -> float:
        """Return the next uniform in [0, 1), of 53 bits."""
        self._taken += 1
        value = next(self._ahead, None)
        if value is None:
            self._ahead = iter(self._generator._unit(_PIECE, 53).tolist())
            value = next(self._ahead)
        return value

    def normal(self) -> float:
        """Return the next normal; they come in pairs, of which the second waits."""
        value, self._waiting = self._waiting, None
        if value is not None:
            return value
        angle = 2 * math.pi * self.uniform()
        square = -2 * math.log1p(-self.uniform())
        radius = math.sqrt(square)
        self._waiting = radius * math.sin(angle)
        return radius * math.cos(angle)


def gamma(generator: Generator, concentration: Array) -> Array:
    """Return float64 gamma numbers of rate 1.

    Marsaglia and Tsang, A Simple Method for Generating Gamma Variables, 2000.
    """
    with Stream(generator) as stream:
        draws = [_gamma(stream, a) for a in concentration.ravel()]
    return np.array(draws, np.float64).reshape(concentration.shape)


_SQUEEZE = float(np.float32(0.0331))


def _gamma(stream: Stream, concentration: Any) -> float:
    if concentration == 0:
        return 0.0
    if concentration >= 1:
        d = concentration - _THIRD
        return _gamma_from_one(stream, float(d))
    power = float(1 / concentration)
    scale = (1 - stream.uniform()) ** power
    d = concentration + 1 - _THIRD
    return scale * _gamma_from_one(stream, float(d))


_THIRD = np.float32(1) / np.float32(3)  # in float32 for all dtypes, as PyTorch


def _gamma_from_one(stream: Stream, d: float) -> float:
    c = 1 / math.sqrt(9 * d)
    while True:
        x = stream.normal()
        y = 1 + c * x
        if y <= 0:
            continue
        v = y * y * y
        square = x * x
        u = 1 - stream.uniform()
        if u < 1 - _SQUEEZE * square * square:
            return d * v
        rest = 1 - v + math.log(v)
        bound = 0.5 * square + d * rest
        if math.log(u) < bound:
            return d * v


def poisson(generator: Generator, rate: Array) -> Array:
    """Return float64 counts of events that come ``rate`` times on average."""
    with Stream(generator) as stream:
        rates = rate.astype(np.float64).ravel().tolist()
        counts = [_many(stream, r) if r >= 10 else _few(stream, r) for r in rates]
    return np.array(counts, np.float64).reshape(rate.shape)


def _few(stream: Stream, rate: float) -> int:
    if rate == 0:
        return 0
    count, left, limit = 0, stream.uniform(), math.exp(-rate)
    while left > limit:
        count += 1
        left *= stream.uniform()
    return count


def _many(stream: Stream, rate: float) -> int:
    """Hörmann, The Transformed Rejection Method for Generating Poisson Random Variables, 1993."""
    log_rate = math.log(rate)
    b = 0.931 + 2.53 * math.sqrt(rate)
    a = -0.059 + 0.02483 * b
    log_inverse_alpha = math.log(1.1239 + 1.1328 / (b - 3.4))
    bound = 0.9277 - 3.6224 / (b - 2)
    while True:
        u = stream.uniform() - 0.5
        v = stream.uniform()
        edge = 0.5 - abs(u)
        slope = 2 * a / edge + b
        count = math.floor(slope * u + rate + 0.43)
        if edge >= 0.07 and v <= bound:
            return count
        if count < 0 or (edge < 0.013 and v > edge):
            continue
        height = math.log(v) + log_inverse_alpha
        height -= math.log(a / (edge * edge) + b)
        log_probability = count * log_rate - rate
        log_probability -= math.lgamma(count + 1)
        if height <= log_probability:
            return count


def binomial(generator: Generator, count: Array, prob: Array) -> Array:
    """Return float64 numbers of successes in ``count`` trials of probability ``prob``."""
    rows = zip(count.ravel(), prob.ravel(), strict=True)
    with Stream(generator) as stream:
        draws = [_binomial(stream, n, p) for n, p in rows]
    return np.array(draws, np.float64).reshape(count.shape)


def _binomial(stream: Stream, count: Any, prob: Any) -> float:
    if count <= 0 or prob <= 0:
        return 0.0
    if prob >= 1:
        return float(count)
    if prob > 0.5:  # 1 - prob in the dtype of prob, as PyTorch
        return float(count) - _rare(stream, count, 1 - prob)
    return _rare(stream, count, prob) if prob <= 0.5 else math.nan


def _rare(stream: Stream, count: Any, prob: Any) -> float:
    draw = _transformed_rejection if count * prob >= 10 else _waiting_times
    return draw(stream, count, prob)


def _waiting_times(stream: Stream, count: Any, prob: Any) -> float:
    log_failure = float(np.log1p(-prob))
    trials = 0.0
    successes = 0
    while True:
        u = stream.uniform()
        trials += math.ceil(math.log(u) / log_failure)
        if trials > count:
            return successes
        successes += 1


def _transformed_rejection(stream: Stream, count: Any, prob: Any) -> float:
    """Hörmann, The Generation of Binomial Random Variates, 1993: BTRS."""
    spread = float(np.sqrt(count * prob * (1 - prob)))
    center = float(count * prob) + 0.5
    mode = math.floor((count + 1) * prob)
    odds = float(prob / (1 - prob))
    b = 1.15 + 2.53 * spread
    a = -0.0873 + 0.0248 * b + 0.01 * float(prob)
    alpha = (2.83 + 5.1 / b) * spread
    bound = 0.92 - 4.2 / b
    n = float(count)
    while True:
        u = stream.uniform() - 0.5
        v = stream.uniform()
        edge = 0.5 - abs(u)
        slope = 2 * a / edge + b
        k = math.floor(slope * u + center)
        if not 0 <= k <= n:
            continue
        if edge >= 0.07 and v <= bound:
            return k
        width = a / (edge * edge) + b
        height = math.log(v * alpha / width)
        if height <= _log_ratio(n, odds, mode, k):
            return k


def _log_ratio(n: float, odds: float, mode: int, k: int) -> float:
    """Return how much less likely k successes are than the likeliest number, as a logarithm."""
    failures_at_mode = n - mode + 1
    failures = n - k + 1
    odds_at_mode = (mode + 1) / (odds * failures_at_mode)
    odds_at_k = odds * failures / (k + 1)
    ratio = (mode + 0.5) * math.log(odds_at_mode)
    ratio += (n + 1) * math.log(failures_at_mode / failures)
    ratio += (k + 0.5) * math.log(odds_at_k)
    ratio += _tail(mode)
    ratio += _tail(n - mode)
    ratio -= _tail(k)
    ratio -= _tail(n - k)
    return ratio


_TAILS = (
    0.0810614667953272,
    0.0413406959554092,
    0.0276779256849983,
    0.02079067210376509,
    0.0166446911898211,
    0.0138761288230707,
    0.0118967099458917,
    0.0104112652619720,
    0.00925546218271273,
    0.00833056343336287,
)


def _tail(k: float) -> float:
    """Return what Stirling's formula lacks of log k!."""
    if k < len(_TAILS):
        return _TAILS[int(k)]
    square = (k + 1) * (k + 1)
    return (1 / 12 - (1 / 360 - 1 / 1260 / square) / square) / (k + 1)
