"""The digits are those that scikit-learn reads and splits."""

import subprocess
import sys

import numpy as np
import pytest
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from spikec.errors import UsageError
from spikec_train import digits
from spikec_train.digits import read_digits


def test_images_labels_and_split_are_those_of_scikit_learn():
    x, y = load_digits(return_X_y=True)
    train_x, test_x, train_y, test_y = train_test_split(x, y, test_size=450, random_state=0, stratify=y)
    for split, samples, labels in (("train", train_x, train_y), ("test", test_x, test_y)):
        found_x, found_y = read_digits(split)
        assert np.array_equal(found_x, samples)
        assert np.array_equal(found_y, labels)


def test_scikit_learn_is_not_imported():
    code = "import sys, spikec_train.digits as d; d.read_digits('test'); print('sklearn' in sys.modules)"
    assert subprocess.check_output([sys.executable, "-c", code], text=True).strip() == "False"


def test_without_scikit_learn_it_is_asked_for(monkeypatch):
    monkeypatch.setattr(digits, "find_spec", lambda name: None)
    with pytest.raises(UsageError, match="pip install scikit-learn"):
        read_digits("test")
