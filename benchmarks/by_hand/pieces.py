"""Parts of nets on matrices, forward and by the closed form backward."""

from __future__ import annotations

import functools

import numpy as np

EPS = 1e-5


@functools.cache
def ones(n):
    """Return n ones: a product with them is the quickest sum."""
    return np.ones(n, np.float32)


def cross_entropy(logits, y):
    """Return the mean loss and the cotangent of the logits, which are used up."""
    rows = np.arange(len(y))
    logits -= logits.max(1, keepdims=True)
    p = np.exp(logits, out=logits)
    p /= p.sum(1, keepdims=True)
    loss = -np.log(p[rows, y]).mean()
    p[rows, y] -= 1
    p /= len(y)
    return float(loss), p


def normalise(z):
    """Return the columns of z with mean 0 and variance 1, and 1/σ; z is used up."""
    one = ones(len(z))
    z -= (one @ z) / len(z)
    inverse = 1 / np.sqrt((one @ (z * z)) / len(z) + EPS)
    z *= inverse
    return z, inverse


def normalise_back(g, hat, inverse, gamma):
    """Return the cotangents of z, γ and β; g is used up."""
    one, n = ones(len(g)), len(g)
    d_beta, product = one @ g, g * hat
    d_gamma = one @ product
    np.multiply(hat, d_gamma / n, out=product)
    g -= d_beta / n
    g -= product
    g *= gamma * inverse
    return g, d_gamma, d_beta


def layer_norm(x, gamma, beta):
    """Normalise each row: return the result, x̂ and 1/σ."""
    row, n = ones(x.shape[1]), x.shape[1]
    hat = x - ((x @ row) / n)[:, None]
    inverse = (1 / np.sqrt(((hat * hat) @ row) / n + EPS))[:, None]
    hat *= inverse
    out = hat * gamma
    out += beta
    return out, (hat, inverse)


def layer_norm_back(g, kept, gamma):
    """Return the cotangents of x, γ and β; g is used up."""
    hat, inverse = kept
    column, row, n = ones(len(g)), ones(g.shape[1]), g.shape[1]
    product = g * hat
    d_gamma, d_beta = column @ product, column @ g
    g *= gamma
    np.multiply(g, hat, out=product)
    np.multiply(hat, ((product @ row) / n)[:, None], out=product)
    g -= ((g @ row) / n)[:, None]
    g -= product
    g *= inverse
    return g, d_gamma, d_beta


def sigmoid(z):
    """Return 1 / (1 + exp(-z)) in the memory of z."""
    np.negative(z, out=z)
    np.exp(z, out=z)
    z += 1
    return np.reciprocal(z, out=z)
