"""Train a small net with Batch Normalization on MNIST: python examples/mnist_minimal.py"""

import argparse

import support  # noqa: F401  (finds minigrad where it is not installed)

import minigrad as mg
from minigrad import datasets, nn, optim
from minigrad.utils.data import DataLoader, TensorDataset

parser = argparse.ArgumentParser(description=__doc__.partition(":")[0])
parser.add_argument("--epochs", type=int, default=5, help="default: %(default)s")
epochs = parser.parse_args().epochs

mg.manual_seed(0)
train_set = TensorDataset(*datasets.MNIST(train=True).tensors())
test_images, test_labels = datasets.MNIST(train=False).tensors()  # (10000, 1, 28, 28), (10000,)
model = nn.Sequential(
    nn.Flatten(),
    nn.Linear(784, 256),
    nn.BatchNorm1d(256),
    nn.ReLU(),
    nn.Linear(256, 10),
)
criterion = nn.CrossEntropyLoss()
optimizer = optim.Adam(model.parameters(), lr=1e-3)

for epoch in range(1, epochs + 1):
    model.train()
    for images, labels in DataLoader(train_set, batch_size=64, shuffle=True):
        loss = criterion(model(images), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()

    model.eval()
    with mg.no_grad():
        accuracy = (model(test_images).argmax(1) == test_labels).float().mean()
    print(f"epoch {epoch}: loss {loss.item():.3f}, test accuracy {accuracy.item():.2%}", flush=True)
