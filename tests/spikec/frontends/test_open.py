"""One door for all network files, whatever they are called and whatever is in them."""

import zipfile

import nir
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spikec import container
from spikec.errors import FileFormatError, NetworkError, SpikecError, UsageError
from spikec.events import no_events
from spikec.frontends import open_network
from spikec.ir.connectivity import Dense
from spikec.ir.network import Continuous, Convention, Network, Population, Projection, Ticks
from spikec.ir.neurons import CubaLif, CubaTicks, Lif, Source
from spikec.program import Program
from spikec.targets.target import load_target


def _network(neuron=None, clock=None):
    return Network(
        (Population("in", Source(), (2,)), Population("out", neuron or Lif(0.02, 1.0), (3,))),
        (Projection("w", "in", "out", Dense(np.arange(6.0).reshape(3, 2))),),
        ("in",),
        ("out",),
        clock or Continuous(),
        notes=("made by a test",),
    )


@pytest.mark.parametrize("name", ["net.npz", "net.nir", "net"])
def test_a_network_of_spikec_is_known_by_its_content(tmp_path, name):
    network = _network(CubaLif(0.02, 0.005, 1.0, current_bias=np.arange(3.0)))
    container.save(network, tmp_path / name)
    assert container.digest(open_network(tmp_path / name)) == container.digest(network)


def test_a_nir_file_is_known_by_its_content(tmp_path):
    one = np.ones(2)
    graph = nir.NIRGraph.from_list(nir.Input(np.array([2])), nir.IF(one, one), nir.Output(np.array([2])))
    nir.write(tmp_path / "net.npz", graph)
    network = open_network(tmp_path / "net.npz", dt=1e-3, convention=Convention(hop_delay=1))
    assert network.clock == Ticks(1e-3, Convention(hop_delay=1))


@pytest.mark.parametrize("choice", [{"dt": 1e-3}, {"convention": Convention()}])
def test_a_clock_is_not_given_twice(tmp_path, choice):
    container.save(_network(), tmp_path / "net.npz")
    with pytest.raises(UsageError, match="holds its own time step"):
        open_network(tmp_path / "net.npz", **choice)


def test_a_program_is_not_a_network(tmp_path):
    container.save(Program(_network(), load_target("ideal")), tmp_path / "prog.npz")
    with pytest.raises(FileFormatError, match=r"compiled program.*compiled\s+from"):
        open_network(tmp_path / "prog.npz")


def test_events_are_not_a_network(tmp_path):
    container.save(no_events(1, 2), tmp_path / "events.npz")
    with pytest.raises(FileFormatError, match="holds events; a network is needed"):
        open_network(tmp_path / "events.npz")


def test_a_network_that_breaks_the_rules_of_its_dialect_is_refused(tmp_path):
    container.save(_network(CubaTicks(1, 1, 1.0)), tmp_path / "net.npz")
    with pytest.raises(NetworkError, match="needs ticks"):
        open_network(tmp_path / "net.npz")


def _zip(path, *names):
    with zipfile.ZipFile(path, "w") as archive:
        for name in names:
            archive.writestr(name, b"")


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda p: None, "there is no file"),
        (lambda p: p.mkdir(), "is a folder"),
        (lambda p: p.write_bytes(b""), "is empty"),
        (lambda p: p.write_text("import torch\n"), "unknown kind"),
        (lambda p: p.write_bytes(b"PK\3\4 and no more"), "damaged zip"),
        (lambda p: p.write_bytes(b"\x89HDF\r\n\x1a\n and no more"), "cannot be read"),
        (lambda p: _zip(p, "archive/data.pkl"), "PyTorch"),
        (lambda p: _zip(p, "weights.npy"), "spikec did not write"),
        (lambda p: _zip(p, "readme.txt"), "zip file without a network"),
        (lambda p: np.save(p.open("wb"), np.ones(3)), "an array, not a network"),
    ],
)
def test_files_of_other_kinds_are_called_by_their_names(tmp_path, make, words):
    path = tmp_path / "net.nir"
    make(path)
    with pytest.raises(FileFormatError, match=words) as caught:
        open_network(path, dt=1e-3)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.floats(0, 1), change=st.integers(1, 255), cut=st.booleans())
def test_a_damaged_network_file_gives_one_clear_error(tmp_path, place, change, cut):
    path = tmp_path / "net.npz"
    container.save(_network(), path)
    data = bytearray(path.read_bytes())
    index = int(place * (len(data) - 1))
    data[index] ^= change
    path.write_bytes(data[:index] if cut else data)
    try:
        open_network(path)
    except SpikecError as error:
        assert "\n" not in str(error)  # noqa: PT017
