# Beyond first order: a gradient is itself a graph; differentiate it again.
import minigrad as mg
from playground import plot, show

x = mg.linspace(-4, 4, 161, requires_grad=True)
y = x.tanh()
curves = {"tanh": y}
for name in ("first derivative", "second", "third"):
    (y,) = mg.autograd.grad(y.sum(), x, create_graph=True)
    curves[name] = y
for name, values in curves.items():
    plot("tanh and its derivatives", x.detach().numpy(), values.detach().numpy(), name)

z = mg.tensor(0.5, requires_grad=True)
(slope,) = mg.autograd.grad(z.tanh(), z, create_graph=True)
show(mg.viz.graph(slope, {"z": z}))
