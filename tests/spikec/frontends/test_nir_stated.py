"""What a YAML says of a network beyond habits, and what it must not say."""

import h5py
import nir
import numpy as np
import pytest

from spikec.coding import BinaryEncoding, Decoding, Readout
from spikec.conventions import choose
from spikec.errors import NetworkError, UsageError
from spikec.frontends.nir import read_nir
from spikec.ir.conventions import Reset


@pytest.fixture
def path(tmp_path):
    """Two populations in a cycle, and a readout."""
    one, nothing = np.ones(2), np.zeros(2)
    nodes = {
        "in": nir.Input(np.array([2])),
        "b": nir.IF(r=one, v_threshold=one, v_reset=nothing),
        "a": nir.IF(r=one, v_threshold=one, v_reset=nothing),
        "w": nir.Linear(weight=np.eye(2)),
        "read": nir.LI(tau=one, r=one, v_leak=nothing),
        "out": nir.Output(np.array([2])),
    }
    edges = [("in", "b"), ("in", "a"), ("a", "b"), ("b", "w"), ("w", "a"), ("b", "read"), ("read", "out")]
    nir.write(tmp_path / "net.nir", nir.NIRGraph(nodes, edges))
    return tmp_path / "net.nir"


def _beside(path, text):
    path.with_suffix(".yaml").write_text("dt: 1e-3\n" + text)
    return read_nir(path)


def _inside(path, text):
    with h5py.File(path, "a") as file:
        file.require_group("node/metadata").create_dataset("spikec", data=text, dtype=h5py.string_dtype())


def test_promises_and_codings_are_put_into_the_network(path):
    network = _beside(
        path,
        "one_spike: [in, b]\n"
        "encoding: {population: in, threshold: 0.5, time: 0.001, duration: 0.01}\n"
        "decoding: {population: read, readout: membrane}\n",
    )
    assert [p.name for p in network.populations if getattr(p.neuron, "one_spike", False)] == ["in", "b"]
    assert network.encoding == BinaryEncoding("in", 0.5, 0.001, 0.01)
    assert network.decoding == Decoding("read", Readout.MEMBRANE)


def test_the_order_within_a_cycle_says_what_leads_back(path):
    alphabetical = read_nir(path, dt=1e-3)
    assert [p.name for p in alphabetical.populations] == ["in", "a", "b", "read"]
    network = _beside(path, "order: [in, b, a, read]\n")
    assert [p.name for p in network.populations] == ["in", "b", "a", "read"]
    back = {(q.pre, q.post) for q in network.projections if network.leads_back(q)}
    assert back == {("a", "b")}
    assert {(q.pre, q.post) for q in alphabetical.projections if alphabetical.leads_back(q)} == {("b", "a")}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("one_spike: [nobody]", "one_spike written down for the network names 'nobody'"),
        ("one_spike: [read]", "read never spikes"),
        ("order: [in, b, read]", "leaves out a"),
        ("order: [in, b, a, a, read]", "a population twice"),
        ("order: [in, b, a, read, c]", "names 'c'"),
        ("decoding: {population: c, readout: first}", "no population 'c'"),
        ("encoding: {population: a, threshold: 0.5, time: 0.001, duration: 0.01}", "the encoding feeds"),
    ],
)
def test_what_does_not_fit_the_network_is_refused_by_name(path, text, words):
    with pytest.raises(NetworkError, match=words) as caught:
        _beside(path, text)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    "text", ["decoding: {population: read, readout: loudest}", "encoding: {kind: magic}", "one_spike: 3"]
)
def test_what_makes_no_sense_is_refused_with_its_place(path, text):
    with pytest.raises(UsageError, match=text.partition(":")[0]):
        _beside(path, text)


def test_a_yaml_beside_goes_before_one_inside_and_both_before_a_guess(path):
    _inside(path, "dt: 2e-3\nhabits: {reset: subtract}\none_spike: [a]\n")
    network = read_nir(path)
    assert (network.dt, network.reset) == (2e-3, Reset.SUBTRACT)
    assert network.population("a").neuron.one_spike
    assert any("from the file's metadata" in note for note in network.notes)
    assert read_nir(path, dt=3e-3, convention="hop_delay=1").population("a").neuron.one_spike
    other = _beside(path, "one_spike: [b]\n")
    assert (other.dt, other.reset) == (1e-3, Reset.VALUE)
    assert [other.population(n).neuron.one_spike for n in "ab"] == [False, True]
    assert not read_nir(path, dt=1e-3, convention="norse").population("b").neuron.one_spike


def test_a_damaged_text_inside_a_file_is_named(path):
    _inside(path, "habits: {reset: sideways}\n")
    with pytest.raises(UsageError, match="sideways") as caught:
        read_nir(path)
    assert str(path) in str(caught.value)
    chosen = choose("nir-euler", path, lambda: None, "habits: {reset: sideways}")
    assert chosen.beyond is None
