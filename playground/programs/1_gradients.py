# Gradients: change the numbers, press Run.
import minigrad as mg
from playground import show

x = mg.tensor(2.0, requires_grad=True)
y = mg.tensor(3.0, requires_grad=True)
z = x * y + x.sin()

with mg.viz.watch():
    z.backward()
print("z     =", z.item())
print("∂z/∂x =", x.grad.item(), "which is y + cos x")
print("∂z/∂y =", y.grad.item(), "which is x")

show(mg.viz.graph(z, {"x": x, "y": y}))
