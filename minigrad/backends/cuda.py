"""The switches of CUDA's libraries, with PyTorch's defaults; they can be set and change nothing."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from types import SimpleNamespace

from minigrad.silence import warn

matmul = SimpleNamespace(
    allow_tf32=False,
    allow_fp16_reduced_precision_reduction=True,
    allow_bf16_reduced_precision_reduction=True,
)
sdp_enabled = {"flash": True, "mem_efficient": True, "math": True, "cudnn": True}


def is_built() -> bool:
    """Return False: there is no CUDA."""
    return False


def is_flash_attention_available() -> bool:
    """Return False: there is no CUDA."""
    return False


def enable_flash_sdp(enabled: bool) -> None:
    """Set what :func:`flash_sdp_enabled` returns."""
    sdp_enabled["flash"] = enabled


def flash_sdp_enabled() -> bool:
    """Return what :func:`enable_flash_sdp` was told."""
    return sdp_enabled["flash"]


def enable_mem_efficient_sdp(enabled: bool) -> None:
    """Set what :func:`mem_efficient_sdp_enabled` returns."""
    sdp_enabled["mem_efficient"] = enabled


def mem_efficient_sdp_enabled() -> bool:
    """Return what :func:`enable_mem_efficient_sdp` was told."""
    return sdp_enabled["mem_efficient"]


def enable_math_sdp(enabled: bool) -> None:
    """Set what :func:`math_sdp_enabled` returns."""
    sdp_enabled["math"] = enabled


def math_sdp_enabled() -> bool:
    """Return what :func:`enable_math_sdp` was told."""
    return sdp_enabled["math"]


def enable_cudnn_sdp(enabled: bool) -> None:
    """Set what :func:`cudnn_sdp_enabled` returns."""
    sdp_enabled["cudnn"] = enabled


def cudnn_sdp_enabled() -> bool:
    """Return what :func:`enable_cudnn_sdp` was told."""
    return sdp_enabled["cudnn"]


@contextmanager
def sdp_kernel(
    enable_flash: bool = True,
    enable_math: bool = True,
    enable_mem_efficient: bool = True,
    enable_cudnn: bool = True,
) -> Iterator[dict[str, bool]]:
    """Within the block the switches stand as given; deprecated for ``nn.attention.sdpa_kernel``.

    https://docs.pytorch.org/docs/stable/backends.html#torch.backends.cuda.sdp_kernel

    >>> import minigrad as mg, warnings
    >>> with warnings.catch_warnings(action="ignore"), mg.backends.cuda.sdp_kernel(False):
    ...     mg.backends.cuda.flash_sdp_enabled()
    False
    """
    warn(
        "backends.cuda.sdp_kernel() is deprecated: write nn.attention.sdpa_kernel()", FutureWarning
    )
    states = (enable_flash, enable_mem_efficient, enable_math, enable_cudnn)
    with only_sdp(dict(zip(sdp_enabled, states, strict=True))) as switches:
        yield switches


@contextmanager
def only_sdp(states: dict[str, bool]) -> Iterator[dict[str, bool]]:
    """Within the block the switches are these."""
    before = dict(sdp_enabled)
    sdp_enabled.update(states)
    try:
        yield {}
    finally:
        sdp_enabled.update(before)
