# The graph of Batch Normalization: its backward pass comes from these few operations.
import minigrad as mg
from minigrad import nn
from playground import show

layer = nn.BatchNorm1d(3)
x = mg.randn(6, 3, requires_grad=True)
loss = (layer(x) ** 3).mean()
with mg.viz.watch():
    loss.backward()

print("γ:", layer.weight.grad)
print("β:", layer.bias.grad)
show(mg.viz.graph(loss, {"x": x}, model=layer))
