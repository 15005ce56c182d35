"""Attention and the Transformer beside PyTorch: masks, heads, layers; to second order."""

import numpy as np
import pytest
from layers import same_error, same_layer
from oracle import agree

import minigrad as mg
import minigrad.nn.functional as F
from minigrad import nn
from minigrad.autograd import gradcheck, gradgradcheck

rng = np.random.default_rng(0)


def floats(*shape):
    return rng.standard_normal(shape).astype("float32")


SEEN = np.array([[1, 0, 1], [0, 0, 0], [1, 1, 0], [0, 1, 1]], bool)  # the second query sees nothing
ADDED = np.where(SEEN, rng.standard_normal((4, 3)), -np.inf)
Q, K, V = (2, 4, 4, 6), (2, 4, 3, 6), (2, 4, 3, 5)
SDPA = {
    "plain": (lambda F, q, k, v: F.scaled_dot_product_attention(q, k, v), Q, K, V),
    "matrices": (lambda F, q, k, v: F.scaled_dot_product_attention(q, k, v), (4, 6), (3, 6), (3, 5)),
    "causal": (lambda F, q, k, v: F.scaled_dot_product_attention(q, k, v, is_causal=True), Q, K, V),
    "scaled": (lambda F, q, k, v: F.scaled_dot_product_attention(q, k, v, scale=0.7), Q, K, V),
    "bools": (lambda F, q, k, v, m: F.scaled_dot_product_attention(q, k, v, m), Q, K, V, SEEN),
    "learned mask": (lambda F, q, k, v, m: F.scaled_dot_product_attention(q, k, v, m), Q, K, V, (4, 4, 3)),
    "shared heads": (
        lambda F, q, k, v: F.scaled_dot_product_attention(q, k, v, enable_gqa=True), Q, (2, 2, 3, 6), (2, 2, 3, 5)
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", SDPA)
def test_attention_is_pytorchs(name, torch):
    with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):  # its others have no second order
        agree(torch, *SDPA[name])


def test_ways_to_compute_attention_are_switches_that_change_nothing(torch):
    x, states = floats(1, 2, 3, 4), []
    for lib in (mg, torch):
        backend, cuda = lib.nn.attention.SDPBackend, lib.backends.cuda
        asked = [getattr(cuda, f"{n}_sdp_enabled") for n in ("flash", "mem_efficient", "math", "cudnn")]
        seen = []
        for chosen in (backend.MATH, [backend.FLASH_ATTENTION, backend.MATH], []):
            with lib.nn.attention.sdpa_kernel(chosen):
                seen.append([ask() for ask in asked])
        with pytest.warns(FutureWarning, match="sdp_kernel"), cuda.sdp_kernel(enable_math=False):
            seen.append([ask() for ask in asked])
        with lib.nn.attention.sdpa_kernel([backend.MATH], set_priority=True):
            y = lib.nn.functional.scaled_dot_product_attention(*[lib.tensor(x)] * 3)
        states.append(([*seen, [ask() for ask in asked]], str(backend.MATH), y.numpy()))
    np.testing.assert_allclose(states[0][-1], states[1][-1], atol=1e-6)
    assert states[0][:-1] == states[1][:-1]
    same_error(torch, lambda lib: lib.nn.attention.sdpa_kernel("math").__enter__(), opening=60)


def test_a_query_that_sees_nothing_gets_zeros_and_gives_no_nan():
    q, k, v = (mg.tensor(rng.standard_normal(s)).requires_grad_() for s in (Q, K, V))
    for mask in (mg.tensor(SEEN), mg.tensor(ADDED)):
        y = F.scaled_dot_product_attention(q, k, v, mask)
        assert not y[:, :, 1].detach().numpy().any()
        grads = mg.autograd.grad(y.sum(), (q, k, v))
        assert all(np.isfinite(g.numpy()).all() for g in grads)
        assert not grads[0][:, :, 1].numpy().any()


def test_second_order():
    q, k, v = (mg.tensor(rng.standard_normal(s)).requires_grad_() for s in ((4, 3), (3, 3), (3, 2)))
    assert gradcheck(lambda q, k, v: F.scaled_dot_product_attention(q, k, v, mg.tensor(SEEN)), (q, k, v))
    assert gradgradcheck(lambda q, k, v: F.scaled_dot_product_attention(q, k, v, mg.tensor(SEEN)), (q, k, v))


def test_dropout_draws_as_pytorchs(torch):
    x = floats(2, 2, 3, 4)
    results = []
    for lib in (mg, torch):
        lib.manual_seed(3)
        t = lib.tensor(x)
        results.append(lib.nn.functional.scaled_dot_product_attention(t, t, t, dropout_p=0.5).numpy())
    np.testing.assert_allclose(*results, rtol=1e-5, atol=1e-6)


X, SOURCE = floats(5, 2, 8), floats(3, 2, 8)
ROWS = floats(2, 5, 8)  # batch first
PADDED = np.array([[0, 0, 0, 1, 1], [0, 0, 0, 0, 1]], bool)
LATER = np.triu(np.ones((5, 5), bool), 1)
PER_HEAD = rng.standard_normal((4, 5, 3)).astype("float32")
LAYERS = {
    "self": (lambda L: L.nn.MultiheadAttention(8, 2), (X, X, X), {}),
    "other keys": (lambda L: L.nn.MultiheadAttention(8, 2), (X, SOURCE, SOURCE), {}),
    "other values": (lambda L: L.nn.MultiheadAttention(8, 4), (X, SOURCE, floats(3, 2, 8)), {}),
    "no bias": (lambda L: L.nn.MultiheadAttention(8, 2, bias=False), (X, X, X), {}),
    "no batch": (lambda L: L.nn.MultiheadAttention(8, 2), (X[:, 0], SOURCE[:, 0], SOURCE[:, 0]), {}),
    "batch first": (lambda L: L.nn.MultiheadAttention(8, 2, batch_first=True), (ROWS, ROWS, ROWS), {}),
    "all heads": (lambda L: L.nn.MultiheadAttention(8, 2), (X, X, X), {"average_attn_weights": False}),
    "no weights": (lambda L: L.nn.MultiheadAttention(8, 2), (X, X, X), {"need_weights": False}),
    "other widths": (
        lambda L: L.nn.MultiheadAttention(8, 2, kdim=3, vdim=5), (X, floats(3, 2, 3), floats(3, 2, 5)), {}
    ),
    "more keys": (lambda L: L.nn.MultiheadAttention(8, 2, add_bias_kv=True), (X, X, X), {"attn_mask": LATER}),
    "zero keys": (
        lambda L: L.nn.MultiheadAttention(8, 2, add_zero_attn=True), (X, X, X), {"key_padding_mask": PADDED}
    ),
    "padding": (lambda L: L.nn.MultiheadAttention(8, 2), (X, X, X), {"key_padding_mask": PADDED}),
    "padding and mask": (
        lambda L: L.nn.MultiheadAttention(8, 2), (X, X, X),
        {"key_padding_mask": PADDED, "attn_mask": LATER, "need_weights": False},
    ),
    "mask of each head": (lambda L: L.nn.MultiheadAttention(8, 2), (X, SOURCE, SOURCE), {"attn_mask": PER_HEAD}),
    "causal": (
        lambda L: L.nn.MultiheadAttention(8, 2), (X, X, X),
        {"attn_mask": LATER, "is_causal": True, "need_weights": False},
    ),
    "dropped": (lambda L: L.nn.MultiheadAttention(8, 2, dropout=0.5), (X, X, X), {}),
    "encoder layer": (lambda L: L.nn.TransformerEncoderLayer(8, 2, 16, dropout=0.0), (X,), {}),
    "norm first": (
        lambda L: L.nn.TransformerEncoderLayer(8, 2, 16, 0.0, "gelu", norm_first=True, batch_first=True), (ROWS,),
        {"src_key_padding_mask": PADDED},
    ),
    "encoder layer with dropout": (lambda L: L.nn.TransformerEncoderLayer(8, 2, 16, 0.2), (X,), {}),
    "decoder layer": (
        lambda L: L.nn.TransformerDecoderLayer(8, 2, 16, 0.0, L.tanh, bias=False), (X, SOURCE), {"tgt_mask": LATER}
    ),
    "encoder": (
        lambda L: L.nn.TransformerEncoder(
            L.nn.TransformerEncoderLayer(8, 2, 16, 0.0), 2, L.nn.LayerNorm(8), enable_nested_tensor=False
        ), (X,), {"mask": LATER},
    ),
    "decoder": (
        lambda L: L.nn.TransformerDecoder(L.nn.TransformerDecoderLayer(8, 2, 16, 0.0, norm_first=True), 2),
        (X, SOURCE), {},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", LAYERS)
def test_layers_are_pytorchs(name, torch):
    make, inputs, options = LAYERS[name]
    same_layer(torch, make, *inputs, **options)


@pytest.mark.filterwarnings("ignore:enable_nested_tensor")
def test_a_whole_transformer(torch):
    def make(L):
        return L.nn.Transformer(8, 2, 2, 1, 16, dropout=0.0)

    mask = mg.nn.Transformer.generate_square_subsequent_mask(5).numpy()
    np.testing.assert_array_equal(mask, torch.nn.Transformer.generate_square_subsequent_mask(5).numpy())
    same_layer(torch, make, SOURCE, X, tgt_mask=mask)


def test_masks_of_two_kinds_warn():
    x = mg.tensor(X)
    with pytest.warns(UserWarning, match="mismatched key_padding_mask and attn_mask"):
        nn.MultiheadAttention(8, 2)(x, x, x, mg.tensor(PADDED), attn_mask=mg.zeros(5, 5))


def sdpa(L, *args, **options):
    return L.nn.functional.scaled_dot_product_attention(*args, **options)


ERRORS = {
    "dtypes": (lambda L, q: sdpa(L, q, q.double(), q), 70),
    "vectors": (lambda L, q: sdpa(L, q[0, 0], q, q), 70),
    "a mask beside a causal one": (lambda L, q: sdpa(L, q, q, q, L.zeros(3, 3), is_causal=True), 0),
    "integers as mask": (lambda L, q: sdpa(L, q, q, q, L.ones(4, 4).long()), 70),
    "heads that do not divide": (
        lambda L, q: sdpa(L, L.rand(3, 4, 8), L.rand(2, 4, 8), L.rand(2, 4, 8), enable_gqa=True),
        60,
    ),
    "integers": (lambda L, q: sdpa(L, q.long(), q.long(), q.long()), 0),
    "probability": (lambda L, q: sdpa(L, q, q, q, dropout_p=1.5), 55),
    "no heads": (lambda L, q: L.nn.MultiheadAttention(8, 0), 50),
    "other heads": (lambda L, q: L.nn.MultiheadAttention(8, 3), 38),
    "other width": (lambda L, q: L.nn.MultiheadAttention(6, 2)(q, q, q), 55),
    "a vector": (lambda L, q: L.nn.MultiheadAttention(8, 2)(q[0, 0], q, q), 60),
    "keys without batch": (lambda L, q: L.nn.MultiheadAttention(8, 2)(q, q[0], q), 60),
    "mask of another shape": (lambda L, q: L.nn.MultiheadAttention(8, 2)(q, q, q, attn_mask=L.ones(3, 3)), 30),
    "padding of another shape": (lambda L, q: L.nn.MultiheadAttention(8, 2)(q, q, q, L.ones(3, 3)), 30),
    "causal without mask": (lambda L, q: L.nn.MultiheadAttention(8, 2)(q, q, q, is_causal=True), 49),
    "mask of integers": (lambda L, q: L.nn.MultiheadAttention(8, 2)(q, q, q, attn_mask=L.ones(4, 4).long()), 54),
    "unknown activation": (lambda L, q: L.nn.TransformerEncoderLayer(8, 2, 16, activation="tanh"), 40),
    "batches that differ": (lambda L, q: L.nn.Transformer(8, 2, 1, 1, 8)(q, q[:, :2]), 44),
    "other features": (lambda L, q: L.nn.Transformer(6, 2, 1, 1, 8)(q, q), 56),
}


@pytest.mark.parametrize("name", ERRORS)
@pytest.mark.filterwarnings("ignore:enable_nested_tensor")
def test_errors_are_pytorchs(name, torch):
    call, opening = ERRORS[name]
    same_error(torch, lambda lib: call(lib, lib.ones(4, 3, 8)), opening=opening)
