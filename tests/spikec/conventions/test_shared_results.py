"""Presets against membranes that the frameworks recorded, and files that show where they come from.

Spikes are compared by the rows of ``tests/conformance`` (`tests/spikec/frontends/test_shared_networks.py`).
The recordings lie beside the repository and not in it; without them these tests are skipped.
"""

from pathlib import Path

import numpy as np
import pytest

from spikec.frontends import open_network
from spikec.frontends.nir_file import read_graph
from spikec.program import Program
from spikec.rasters import from_raster
from spikec.reference import ReferenceBackend
from spikec.targets.target import load_target

NETS = Path(__file__).resolve().parents[3].parent / "shared" / "nets"
pytestmark = pytest.mark.skipif(not NETS.is_dir(), reason=f"the shared networks are not at {NETS}")

DT = 1e-4


def _run(network, raster, record=()):
    executable = ReferenceBackend().prepare(Program(network, load_target("ideal")))
    return executable.run({network.inputs[0]: from_raster(raster[None])}, len(raster), record)


ONE_NEURON = [
    # column, convention, what the column's membrane is multiplied with, and how far off it may be
    ("norse", "norse", 1, 1e-7),
    ("snntorch", "snntorch", 25, 1e-5),  # it puts the gain of the input, 1/25, into the threshold
    ("nengo", "nir-exact", 10, 1e-7),  # its threshold is 1
    ("exact", "nir-exact,reset=subtract", 1, 1e-3),  # the true spike lies within the tick
    ("rockpool", "rockpool", 1, 1e-7),
    ("sinabs", "sinabs,input_gain=euler", 1, 1e-7),  # the paper scales its input by dt / tau
    ("spyx", "spyx,reset_time=next", 1, 1e-6),
    ("lava_cpu_float", "lava", 1, 1e-7),
    ("spinnaker2", "nir-euler", 25, 1e-3),  # 32-bit fixed point
]


@pytest.mark.parametrize(("column", "convention", "scale", "error"), ONE_NEURON)
def test_the_membrane_of_the_single_neuron_goes_as_recorded(column, convention, scale, error):
    given, membrane, _ = np.loadtxt(NETS / "lif" / f"lif_{column}.csv", delimiter=",").T
    network = open_network(NETS / "lif" / "lif_norse.nir", dt=DT, convention=convention)
    result = _run(network, given[:, None] > 0, ["1.v"])
    np.testing.assert_allclose(scale * result.traces["1.v"][0, :, 0], membrane, rtol=0, atol=error * scale)


@pytest.mark.parametrize(
    ("stem", "name", "dt"),
    [
        ("snntorch_rsynaptic", "snntorch", 1e-4),
        ("snntorch_vec_ignore", "snntorch", 1e-4),
        ("rockpool_lif", "rockpool", 1e-3),
        ("spikingjelly_if_hard", "spikingjelly", 1e-4),
    ],
)
def test_an_export_that_shows_its_origin_needs_no_time_step(stem, name, dt):
    network = open_network(NETS / "exports" / f"{stem}.nir")
    assert network.dt == dt
    assert any(f"the convention is {name} " in n and "guessed" in n for n in network.notes)


def test_rockpools_export_computes_what_its_liftorch_does():
    """Step by step as rockpool's lif_torch.py: input, decays, membrane, as many spikes as thresholds."""
    nodes = read_graph(NETS / "exports" / "rockpool_lif.nir").nodes
    weights = [nodes[n].values["weight"] * 3 for n in ("0_LinearTorch", "2_LinearTorch")]
    network = open_network(NETS / "exports" / "rockpool_lif.nir")
    louder = {
        q.name: type(q)(q.name, q.pre, q.post, q.connectivity.with_weights(3 * q.connectivity.weights))
        for q in network.projections
    }
    given = np.random.default_rng(0).random((200, 4)) < 0.4
    result = _run(network.with_projections(louder), given, ["1_LIFTorch.v", "3_LIFTorch.v"])
    decay = np.exp(-1e-3 / 0.02)
    layer, n_spikes = given.astype(float), 0
    for name, weight in zip(("1_LIFTorch", "3_LIFTorch"), weights, strict=True):
        current = membrane = np.zeros(len(weight))
        counts, membranes = [], []
        for x in layer:
            current = decay * (current + weight @ x)
            membrane = decay * membrane + current
            count = np.where(membrane >= 1, np.floor(membrane), 0)
            membrane = membrane - count
            counts.append(count)
            membranes.append(membrane)
        np.testing.assert_array_equal(result.spikes[name].counts()[0], np.sum(counts, axis=0))
        np.testing.assert_allclose(result.traces[f"{name}.v"][0], membranes, rtol=1e-3, atol=1e-3)
        layer, n_spikes = np.array(counts), n_spikes + np.sum(counts)
    assert result.spikes["1_LIFTorch"].multiple
    assert n_spikes > 100
