"""Data sets and the loader that draws batches from them."""

from minigrad.utils.data.collate import default_collate as default_collate
from minigrad.utils.data.collate import default_convert as default_convert
from minigrad.utils.data.dataloader import DataLoader as DataLoader
from minigrad.utils.data.dataset import ConcatDataset as ConcatDataset
from minigrad.utils.data.dataset import Dataset as Dataset
from minigrad.utils.data.dataset import IterableDataset as IterableDataset
from minigrad.utils.data.dataset import Subset as Subset
from minigrad.utils.data.dataset import TensorDataset as TensorDataset
from minigrad.utils.data.dataset import get_worker_info as get_worker_info
from minigrad.utils.data.dataset import random_split as random_split
