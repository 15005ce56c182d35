# With and without Batch Normalization: the same sigmoid net on real MNIST digits.
# Move the sliders: rate, depth, scale of the first weights, batch size.
import minigrad as mg
import minigrad.nn.functional as F
from minigrad import nn, optim
from playground import mnist, plot, settings

images, labels, test_images, test_labels = mnist()


def build(norm):
    mg.manual_seed(0)
    layers, width = [nn.Flatten()], 784
    for _ in range(settings.depth):
        linear = nn.Linear(width, 100)
        nn.init.normal_(linear.weight, std=settings.scale)
        layers += [linear, *([nn.BatchNorm1d(100)] if norm else []), nn.Sigmoid()]
        width = 100
    return nn.Sequential(*layers, nn.Linear(width, 10))


def accuracy(net):
    with mg.no_grad():
        right = (net.eval()(test_images).argmax(1) == test_labels).float().mean()
    net.train()
    return right.item()


nets = {"without": build(False)}
if settings.norm:
    nets["BatchNorm"] = build(True)
optimizers = {name: optim.SGD(net.parameters(), lr=settings.rate) for name, net in nets.items()}
steps, curves = [], {name: [] for name in nets}
for step in range(settings.steps + 1):
    batch = mg.randint(len(images), (settings.batch,))
    if step % 10 == 0 or step == settings.steps:
        steps.append(step)
        for name, net in nets.items():
            curves[name].append(accuracy(net))
            plot("test accuracy", steps, curves[name], name, limits=(0, 1))
    for name, net in nets.items():
        loss = F.cross_entropy(net(images[batch]), labels[batch])
        optimizers[name].zero_grad()
        loss.backward()
        optimizers[name].step()

for name, curve in curves.items():
    print(f"{name:>10}: {curve[-1]:.1%} of 1,000 test images after {settings.steps} steps")
