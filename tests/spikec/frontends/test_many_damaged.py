"""Damaged files by the thousand: each is read, or refused in one line, in little time and memory."""

import json
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import nir
import numpy as np
import pytest

from tests import netx_files
from tests.nir_files import lif_of, usual_nodes, write

ROOT = Path(__file__).resolve().parents[3]
NETS = ROOT.parent / "shared" / "nets"
RUN = f"import runpy; runpy.run_path({str(ROOT / 'tests' / 'damage.py')!r}, run_name='__main__')"
"""As a script it would find the folder `tests/spikec` before spikec."""

LARGEST_BYTES = 400_000
"""Of a file by others that is copied thousands of times."""


@pytest.fixture(scope="module")
def files(tmp_path_factory):
    """Files of every kind of layer, and those of others if they are there."""
    folder = tmp_path_factory.mktemp("intact")
    inner = nir.NIRGraph(
        {"input": nir.Input(np.array([2])), "x": lif_of(2), "output": nir.Output(np.array([2]))},
        [("input", "x"), ("x", "output")],
    )
    conv = nir.Conv2d((8, 8), np.ones((2, 1, 3, 3)), 1, 1, 1, 1, np.zeros(2))
    images = {
        "in": nir.Input(np.array([1, 8, 8])),
        "conv": conv,
        "if": nir.IF(r=np.ones((2, 8, 8)), v_threshold=np.ones((2, 8, 8)), v_reset=np.zeros((2, 8, 8))),
        "pool": nir.SumPool2d(np.array([2, 2]), np.array([2, 2]), np.array([0, 0])),
        "flat": nir.Flatten({"input": np.array([2, 4, 4])}, 0, -1),
        "fc": nir.Linear(np.ones((3, 32))),
        "delay": nir.Delay(np.full(3, 2e-3)),
        "lif": lif_of(3),
        "out": nir.Output(np.array([3])),
    }
    loop = {**usual_nodes(), "w_rec": nir.Affine(np.eye(2), np.zeros(2))}
    loop["lif"] = nir.CubaLIF(
        **{name: np.full(2, 0.01) for name in ("tau_syn", "tau_mem")},
        **{name: np.ones(2) for name in ("r", "v_threshold", "w_in")},
        v_leak=np.zeros(2),
        v_reset=np.zeros(2),
    )
    made = [
        write(folder / "nested.nir", {**usual_nodes(), "lif": inner}),
        write(folder / "images.nir", images, _row(images)),
        write(folder / "loop.nir", loop, [*_row(usual_nodes()), ("lif", "w_rec"), ("w_rec", "lif")]),
        folder / "layers.net",
    ]
    ones = netx_files.conv(np.full((2, 1, 3, 3), 20), (1, 8, 8))
    netx_files.write(
        made[-1],
        netx_files.image(1, 8, 8),
        ones,
        netx_files.pool(np.full((2, 2), 30), (2, 6, 6)),
        netx_files.flatten(18),
        netx_files.dense(np.full((3, 18), 40)),
    )
    others = [*NETS.rglob("*.nir"), *NETS.rglob("*.net")] if NETS.is_dir() else []
    return [*made, *sorted(f for f in others if f.stat().st_size <= LARGEST_BYTES)]


@pytest.mark.parametrize(
    ("seed", "n"), [(0, 150), *(pytest.param(seed, 1000, marks=pytest.mark.long) for seed in range(1, 11))]
)
def test_damaged_files_are_read_or_refused_in_one_line(files, tmp_path, seed, n):
    arguments = [str(tmp_path), str(seed), str(n), *map(str, files)]
    command = [sys.executable, "-W", "ignore", "-c", RUN, *arguments]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=900)
    assert done.returncode == 0, done.stderr[-2000:]
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["faults"] == []
    assert told["read"] + told["refused"] == n
    assert told["peak_mb"] < 1000


def _row(nodes):
    names = list(nodes)
    return list(pairwise(names))
