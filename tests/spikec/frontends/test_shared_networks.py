"""Networks that others trained and exported, with the results of their own simulators.

They lie beside the repository and not in it; without them these tests are skipped.
"""

from pathlib import Path

import numpy as np
import pytest

from spikec.conformance.find import chosen_cases, find_cases
from spikec.conformance.run import Status, run_case
from spikec.errors import FileFormatError, NetworkError
from spikec.frontends import open_network
from spikec.ir.neurons import CubaLif
from spikec.program import Program
from spikec.rasters import from_raster
from spikec.reference import ReferenceBackend
from spikec.targets.target import load_target

NETS = Path(__file__).resolve().parents[3].parent / "shared" / "nets"
pytestmark = pytest.mark.skipif(not NETS.is_dir(), reason=f"the shared networks are not at {NETS}")

DT = 1e-4
SHIPPED = Path(__file__).resolve().parents[2] / "conformance"


def _run(network, rasters, n_ticks):
    executable = ReferenceBackend().prepare(Program(network, load_target("ideal")))
    return executable.run({name: from_raster(r[None]) for name, r in rasters.items()}, n_ticks)


CASES = list(chosen_cases(find_cases(NETS, SHIPPED), None)) if NETS.is_dir() else []


@pytest.mark.parametrize(("file", "case"), CASES, ids=[f"{c.network_file} {c.against}" for _, c in CASES])
def test_every_network_spikes_as_recorded(file, case):
    for row in run_case(NETS, case, file):
        assert row.status in (Status.SAME, Status.EXPLAINED), row


LEADING_AXES = {"rockpool_lif", "rockpool_rec", "sinabs_iaf"}


@pytest.mark.parametrize("path", sorted(NETS.glob("exports/*.nir")), ids=lambda p: p.stem)
def test_every_export_of_a_framework_loads(path):
    if path.stem.startswith("norse"):
        with pytest.raises(NetworkError, match="time step"):
            open_network(path, dt=DT)
    network = open_network(path, dt=1e-6 if path.stem.startswith("norse") else DT)
    assert network.outputs
    assert any("axes" in note for note in network.notes) == (path.stem in LEADING_AXES)
    silence = np.zeros((20, network.population(network.inputs[0]).n))
    _run(network, {network.inputs[0]: silence}, 20)


NMNIST = ("nmnist/cnn_sinabs", "broken/02_cnn__scnn_mnist_at_e5ac832")


@pytest.mark.parametrize("stem", NMNIST)
def test_the_convolutional_network_of_the_nir_paper_has_its_layers(stem):
    """The second file flattens from axis 1, though nothing in it has an axis of batches."""
    network = open_network(NETS / f"{stem}.nir", dt=1.0)
    shapes = [(2, 34, 34), (16, 16, 16), (16, 16, 16), (8, 8, 8), (256,), (10,)]
    assert [p.shape for p in network.populations] == shapes
    assert [q.name for q in network.projections] == ["0", "2", "4+5", "7+9", "11"]
    assert any("one row" in note for note in network.notes) == (stem != NMNIST[0])


@pytest.mark.parametrize(
    ("stem", "error", "words"),
    [
        ("02_cnn__scnn_mnist_at_ac9b387", NetworkError, r"IF 6 takes 512 .* Conv2d 5, .* \(8, 15, 15\)"),
        ("03_rnn__Braille_snntorch_at_3049cfa", FileFormatError, "PyTorch"),
        ("slash", NetworkError, "'a/b'"),
    ],
)
def test_a_broken_file_is_refused_in_one_sentence(stem, error, words):
    with pytest.raises(error, match=words) as caught:
        open_network(NETS / "broken" / f"{stem}.nir", dt=DT)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("stem", "words"),
    [
        ("01_lif__lif_rockpool_at_d70a32c", "no v_reset"),
        ("03_rnn__braille_flattened_at_1900430", "all 38"),
        ("03_rnn__braille_subgraph_at_77b4a80", "hidden.input has shape (12,), but gets 38"),
        ("03_rnn__braille_v2_at_50b2fc2", "lif1.input"),
    ],
)
def test_a_broken_file_that_can_be_repaired_tells_how(stem, words):
    network = open_network(NETS / "broken" / f"{stem}.nir", dt=DT)
    assert any(words in note for note in network.notes)


def test_the_repaired_versions_of_one_network_have_one_structure():
    stems = ("braille_flattened_at_1900430", "braille_subgraph_at_77b4a80", "braille_v2_at_50b2fc2")
    networks = [open_network(NETS / "broken" / f"03_rnn__{stem}.nir", dt=DT) for stem in stems]
    for network in networks:
        source, hidden, last = network.populations
        assert (source.n, hidden.n, last.n) == (12, 38, 7)
        assert isinstance(hidden.neuron, CubaLif)
        pairs = [(q.pre, q.post) for q in network.projections]
        assert pairs == [(source.name, hidden.name), (hidden.name, hidden.name), (hidden.name, last.name)]
