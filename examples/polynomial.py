"""Fit a cubic to a sine by gradient descent: python examples/polynomial.py"""

import support  # noqa: F401  (finds minigrad where it is not installed)

import minigrad as mg

mg.manual_seed(0)
x = mg.linspace(-3, 3, 200)
powers = mg.stack([x**0, x, x**2, x**3], 1)  # (200, 4)
weights = mg.zeros(4, requires_grad=True)
for _ in range(2000):
    loss = ((powers @ weights - x.sin()) ** 2).mean()
    loss.backward()
    with mg.no_grad():
        weights -= 0.005 * weights.grad
    weights.grad = None
best = mg.linalg.lstsq(powers, x.sin().unsqueeze(1)).solution[:, 0]
print(f"loss {loss.item():.5f}, least squares {((powers @ best - x.sin()) ** 2).mean().item():.5f}")
print("sin x ≈ {:.3f} + {:.3f} x + {:.3f} x² + {:.3f} x³".format(*weights.tolist()))
