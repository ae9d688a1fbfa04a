"""Networks that others trained and exported, with the results of their own simulators.

They lie beside the repository and not in it; without them these tests are skipped.
"""

from dataclasses import replace
from pathlib import Path

import nir
import numpy as np
import pytest

from spikec.backend import find_backend, run
from spikec.errors import FileFormatError, NetworkError
from spikec.events import from_raster
from spikec.frontends import open_network
from spikec.ir.connectivity import Dense
from spikec.ir.network import Convention, Population, Projection
from spikec.ir.neurons import CubaLif, Source
from spikec.passes.pipelines import compile_network
from spikec.program import Program
from spikec.reference import ReferenceBackend
from spikec.targets.target import load_target

NETS = Path(__file__).resolve().parents[3].parent / "shared" / "nets"
pytestmark = pytest.mark.skipif(not NETS.is_dir(), reason=f"the shared networks are not at {NETS}")

DT = 1e-4
BRAILLE = NETS / "braille" / "braille_noDelay_bias_zero.nir"


def _run(network, rasters, n_ticks):
    executable = ReferenceBackend().prepare(Program(network, load_target("ideal")))
    return executable.run({name: from_raster(r[None]) for name, r in rasters.items()}, n_ticks)


@pytest.mark.parametrize("reset", ["value", "subtract"])
def test_the_single_neuron_of_the_nir_paper_spikes_when_norse_spikes(reset):
    given, _, stored = np.loadtxt(NETS / "lif" / "lif_norse.csv", delimiter=",").T
    network = open_network(NETS / "lif" / "lif_norse.nir", dt=DT, convention=Convention(reset=reset))
    got = _run(network, {"input": given[:, None]}, given.size).spikes["1"].times
    np.testing.assert_array_equal(got, [460, 510, 710, 760])
    np.testing.assert_array_equal(got, np.flatnonzero(stored))


def _braille(simulator):
    given = np.load(NETS / "braille" / "ds_test_sample0_input_256x12.npy")
    stored = np.load(NETS / "braille" / f"{simulator}_activity_noDelay_bias_zero.npy") > 0
    return given, stored


def _wrong(network, rasters, stored, shift=0):
    hidden = _run(network, rasters, len(stored)).spikes["lif1.lif"].raster(len(stored))[0]
    return int(np.sum(np.roll(hidden, shift, axis=0) != stored)), int(stored.sum())


def test_the_recurrent_braille_network_spikes_as_in_snntorch():
    given, stored = _braille("snntorch")
    assert _wrong(open_network(BRAILLE, dt=DT), {"input": given}, stored) == (0, 119)


def test_the_recurrent_braille_network_spikes_as_in_spyx():
    given, stored = _braille("spyx")
    network = open_network(BRAILLE, dt=DT, convention=Convention(reset="subtract"))
    assert not _run(network, {"input": given}, 256).spikes["lif1.lif"].raster(256)[0, -1].any()
    assert _wrong(network, {"input": given}, stored, shift=1) == (0, 151)


def test_the_recurrent_braille_network_spikes_as_in_norse_which_forgets_a_bias_in_the_first_tick():
    given, stored = _braille("norse")
    network = open_network(BRAILLE, dt=DT)
    recurrent = nir.read(BRAILLE, type_check=False).nodes["lif1.w_rec"]
    (projection,) = [q for q in network.projections if q.name == "lif1.w_rec"]
    gain = np.median(np.asarray(projection.connectivity.weights) / recurrent.weight)
    correction = Projection("correction", "start", "lif1.lif", Dense(-gain * recurrent.bias[:, None]))
    corrected = replace(
        network,
        populations=(*network.populations, Population("start", Source(), (1,))),
        projections=(*network.projections, correction),
        inputs=(*network.inputs, "start"),
    )
    first = np.arange(256)[:, None] == 0
    assert _wrong(corrected, {"input": given, "start": first}, stored) == (0, 118)


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


def test_the_convolutional_network_in_integers_is_right_on_all_recordings_in_binary_frames():
    stored = np.load(NETS / "nmnist" / "test100.npz")
    program = compile_network(open_network(NETS / f"{NMNIST[0]}.nir", dt=1.0), load_target("loihi2"))
    frames = np.zeros((100, 337, 2, 34, 34), np.bool_)
    recording = np.repeat(np.arange(100), np.diff(stored["offsets"]))
    frames[recording, stored["t"] // 1000, stored["p"].astype(int), stored["y"], stored["x"]] = True
    inputs = {"input": from_raster(frames.reshape(100, 337, -1))}
    spikes = run(find_backend("cpu"), program, inputs, 342).spikes["12"]
    recording = np.repeat(np.arange(100), np.diff(spikes.sample_starts))
    counts = np.zeros((100, 10), np.int64)
    np.add.at(counts, (recording, spikes.neurons), 1)
    np.testing.assert_array_equal(counts.argmax(axis=1), stored["labels"])


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
