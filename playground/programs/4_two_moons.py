# Two moons: a small net finds the border between them; watch it move.
import minigrad as mg
import minigrad.nn.functional as F
from minigrad import datasets, nn, optim
from playground import image, plot

points, moons = datasets.two_moons(300)
labels = moons.float()

net = nn.Sequential(nn.Linear(2, 24), nn.BatchNorm1d(24), nn.Tanh(), nn.Linear(24, 1))
optimizer = optim.Adam(net.parameters(), lr=0.03)

across, down = mg.linspace(-1.5, 2.5, 80), mg.linspace(1.5, -1.0, 50)
grid = mg.stack([g.flatten() for g in mg.meshgrid(across, down, indexing="xy")], 1)
shown = (points.numpy() - [-1.5, -1.0]) / [4.0, 2.5]  # in the unit square
losses = []
for step in range(201):
    loss = F.binary_cross_entropy_with_logits(net(points)[:, 0], labels)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    losses.append(loss.item())
    if step % 10 == 0:
        with mg.no_grad():
            likely = net.eval()(grid).sigmoid().reshape(50, 80)
        net.train()
        image("the border", likely.numpy(), shown, labels.numpy())
        plot("loss", range(step + 1), losses)
right = ((net.eval()(points)[:, 0] > 0) == (labels > 0.5)).float().mean().item()
print(f"{right:.1%} of the points on the right side")
