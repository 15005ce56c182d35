"""Data sets: found on disk, downloaded and checked, or drawn."""

from minigrad.datasets.generated import spirals as spirals
from minigrad.datasets.generated import two_moons as two_moons
from minigrad.datasets.mnist import MNIST as MNIST
from minigrad.datasets.mnist import DownloadError as DownloadError
from minigrad.datasets.mnist import FashionMNIST as FashionMNIST
from minigrad.datasets.sample import mnist_sample as mnist_sample
