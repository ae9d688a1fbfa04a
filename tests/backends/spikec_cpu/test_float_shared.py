"""Networks that others trained, in float ticks on the CPU, against their simulators' recordings.

They lie beside the repository and not in it; without them these tests are skipped.
"""

from pathlib import Path

import numpy as np
import pytest

from spikec.events import same
from spikec.frontends import open_network
from spikec.ir.connectivity import Convolution
from spikec.ir.conventions import Convention
from spikec.program import Program
from spikec.rasters import from_counts, from_raster
from spikec.reference import ReferenceBackend
from spikec.targets.target import load_target
from spikec_cpu.backend import CpuBackend

NETS = Path(__file__).resolve().parents[3].parent / "shared" / "nets"
pytestmark = pytest.mark.skipif(not NETS.is_dir(), reason=f"the shared networks are not at {NETS}")

PRECISIONS = pytest.mark.parametrize("precision", [64, 32])


@PRECISIONS
def test_the_recurrent_braille_network_spikes_as_in_snntorch(precision):
    network = open_network(NETS / "braille" / "braille_noDelay_bias_zero.nir", dt=1e-4)
    given = np.load(NETS / "braille" / "ds_test_sample0_input_256x12.npy")
    stored = np.load(NETS / "braille" / "snntorch_activity_noDelay_bias_zero.npy") > 0
    engine = CpuBackend(precision=precision).prepare(Program(network, load_target("ideal")))
    got = engine.run({"input": from_raster(given[None])}, 256).spikes["lif1.lif"].raster(256)[0]
    assert int(np.sum(got != stored)) == 0
    assert int(stored.sum()) == 119


@PRECISIONS
@pytest.mark.parametrize(("reset", "right"), [("value", 100), ("subtract", 97)])
def test_the_convolutional_network_is_right_as_often_as_was_counted(reset, right, precision):
    program = nmnist(reset)
    inputs, labels = counted()
    spikes = CpuBackend(precision=precision).prepare(program).run(inputs, 314).spikes
    answers = spikes[program.network.outputs[0]].counts().argmax(axis=1)
    assert int(np.sum(answers == labels)) == right


def test_the_convolutional_network_spikes_as_in_the_reference():
    program = nmnist("subtract")
    assert sum(isinstance(q.connectivity, Convolution) for q in program.network.projections) == 3
    inputs = {name: e.select(0, 2) for name, e in counted()[0].items()}
    got, expected = (b.prepare(program).run(inputs, 314) for b in (CpuBackend(), ReferenceBackend()))
    assert all(same(got.spikes[name], e) for name, e in expected.spikes.items())
    assert got.counters == expected.counters


def nmnist(reset):
    habits = Convention(reset=reset, if_gain="step")
    network = open_network(NETS / "nmnist" / "cnn_sinabs.nir", dt=1e-3, convention=habits)
    return Program(network, load_target("ideal"))


def counted():
    """Events of each pixel in frames of 1 ms, from a recording's first event on, and the right answers."""
    stored = np.load(NETS / "nmnist" / "test100.npz")
    sample = np.repeat(np.arange(100), np.diff(stored["offsets"]))
    frame = (stored["t"] - stored["t"][stored["offsets"][:-1]][sample]) // 1000
    counts = np.zeros((100, 314, 2, 34, 34), np.uint8)
    np.add.at(counts, (sample, frame, stored["p"].astype(int), stored["y"], stored["x"]), 1)
    return {"input": from_counts(counts.reshape(100, 314, -1))}, stored["labels"]
