"""Newton's method beside gradient descent, down Rosenbrock's valley:
    python examples/newton.py --help

The Hessian comes from the graph of the gradient: second order is one more backward.
"""

from support.page import COLORS, arguments, figure, write

import minigrad as mg


def rosenbrock(p):
    """(1 - x)² + 100 (y - x²)², whose lowest point is (1, 1) at the end of a curved valley."""
    x, y = p
    return (1 - x) ** 2 + 100 * (y - x**2) ** 2


def newton_step(p):
    """Return p - H⁻¹ g, where the parabola through f, g and H at p is lowest."""
    p = p.detach().requires_grad_()
    (gradient,) = mg.autograd.grad(rosenbrock(p), p)
    hessian = mg.autograd.functional.hessian(rosenbrock, p)
    return p.detach() - mg.linalg.solve(hessian, gradient)


def gradient_step(p, rate=1e-3):
    """Return p - rate · g."""
    p = p.detach().requires_grad_()
    (gradient,) = mg.autograd.grad(rosenbrock(p), p)
    return p.detach() - rate * gradient


def path(step, start, n):
    """Return the points (n + 1, 2) that a method visits."""
    points = [start]
    for _ in range(n):
        points.append(step(points[-1]))
    return mg.stack(points)


def main():
    """Take the steps of both methods, print how far they came, draw their paths."""
    args = arguments(
        __doc__, newton_steps=(6, "of Newton's method"), steps=(2000, "of gradient descent")
    )
    start = mg.tensor([-1.2, 1.0], dtype=mg.float64)
    paths = {
        "Newton": path(newton_step, start, args.newton_steps),
        "gradient descent": path(gradient_step, start, args.steps),
    }
    for name, points in paths.items():
        value = rosenbrock(points[-1]).item()
        print(f"{name:>16}: f = {value:.2e} after {len(points) - 1} steps")

    drawing, axes = figure()
    x, y = mg.meshgrid(mg.linspace(-2, 2, 200), mg.linspace(-3.5, 3, 200), indexing="xy")
    heights = rosenbrock((x, y)).log1p()
    axes.contour(x.numpy(), y.numpy(), heights.numpy(), levels=14, cmap="Greys")
    for (name, points), color in zip(paths.items(), COLORS, strict=False):
        label = f"{name}, {len(points) - 1} steps"
        axes.plot(*points.T.numpy(), ".-", ms=4, color=color, label=label)
    axes.plot(1, 1, "k*", ms=12)
    axes.set(title="Rosenbrock's valley, lowest at the star", xlim=(-2, 2), ylim=(-3.5, 3))
    axes.legend(loc="upper center")
    write(drawing, args.picture)


if __name__ == "__main__":
    main()
