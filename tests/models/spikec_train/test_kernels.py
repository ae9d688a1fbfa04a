"""Machine code: the process that compiles it and those that read it from disk get the same bits."""

import subprocess
import sys

import pytest

FIRST = """
import sys
from pathlib import Path
import spikec_train.kernels as kernels
kernels._FOLDER = Path(sys.argv[1])
from dataclasses import replace
from spikec.container import digest
from spikec_train.recipes import load_recipe, train
recipe = load_recipe(sys.argv[2])
print(digest(train(replace(recipe, training=replace(recipe.training, epochs=1))).network))
"""


@pytest.mark.parametrize(
    "name",
    [
        "digits-theta",
        pytest.param("yinyang-ttfs-delays", marks=pytest.mark.long),
        pytest.param("rnn-spike-times", marks=pytest.mark.long),
    ],
)
def test_the_process_that_compiles_trains_the_network_of_all_later_ones(name, tmp_path):
    found = []
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", FIRST, str(tmp_path), name], check=True, capture_output=True, text=True
        )
        found.append(done.stdout)
        assert any(tmp_path.rglob("*.nbi"))
    assert found[0] == found[1]
