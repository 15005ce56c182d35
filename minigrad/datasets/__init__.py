"""Data sets: found on disk, or downloaded and checked."""

from minigrad.datasets.mnist import MNIST as MNIST
from minigrad.datasets.mnist import DownloadError as DownloadError
from minigrad.datasets.mnist import FashionMNIST as FashionMNIST
from minigrad.datasets.sample import mnist_sample as mnist_sample
