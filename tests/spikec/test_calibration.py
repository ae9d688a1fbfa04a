"""Calibration: what the float network does on sample data, and which data are refused."""

import numpy as np
import pytest

from spikec.calibration import calibrate
from spikec.coding import Decoding, LatencyEncoding
from spikec.errors import EventsError, UsageError
from spikec.inputs import encode_samples
from spikec.ir.connectivity import Dense
from spikec.ir.network import Continuous, Network, Population, Projection, Ticks
from spikec.ir.neurons import If, LiReadout, Source
from spikec.passes.note_calibration import NoteCalibration
from spikec.passes.pipelines import CompileOptions, compile_network
from spikec.program import Program
from spikec.reference import ReferenceBackend
from spikec.targets.target import load_target

WINDOW = 0.016
ENCODING = LatencyEncoding("in", WINDOW, 1.0, False, None, 2 * WINDOW)
SAMPLES = np.array([[1.0, 0.0], [0.5, 0.25], [0.0, 0.75]])


def _network(readout="membrane", threshold=0.5, clock=None):
    """Two inputs, one neuron for each that spikes with its input, and a readout, or not, behind them."""
    neurons = (Population("in", Source(True), (2,)), Population("out", If(threshold), (2,)))
    projections = (Projection("a", "in", "out", Dense(np.eye(2))),)
    if readout == "membrane":
        neurons += (Population("sum", LiReadout(), (2,)),)
        projections += (Projection("b", "out", "sum", Dense(np.eye(2) / WINDOW)),)
    answering = neurons[-1].name
    clock = Continuous() if clock is None else clock
    return Network(neurons, projections, ("in",), (answering,), clock, ENCODING, Decoding(answering, readout))


def _calibrated(network, samples=SAMPLES, labels=None):
    return calibrate(network, ReferenceBackend(), encode_samples(network, samples), labels)


def test_a_membrane_is_the_integral_of_what_came_and_margins_compare_the_two_best():
    found = _calibrated(_network(), labels=np.array([0, 0, 1]))
    first = np.where(SAMPLES > 0, WINDOW * (1 - SAMPLES), np.inf)
    scores = np.where(SAMPLES > 0, 1 + SAMPLES, 0.0)
    assert found.n_samples == 3
    assert found.seconds == 2 * WINDOW
    np.testing.assert_allclose(found.first_times("out"), first)
    np.testing.assert_allclose(found.rates("out"), [2 / 3, 2 / 3])
    np.testing.assert_allclose(found.scores, scores)
    np.testing.assert_allclose(found.margins(), np.abs(scores[:, 0] - scores[:, 1]))
    assert found.predictions.tolist() == [0, 0, 1]


def test_first_spikes_score_by_how_early_they_are():
    found = _calibrated(_network("first"))
    np.testing.assert_allclose(found.scores, np.where(SAMPLES > 0, WINDOW * (1 + SAMPLES), 0.0))
    assert _calibrated(_network("count")).scores.tolist() == (SAMPLES > 0).astype(float).tolist()


def test_times_of_a_network_in_ticks_are_given_in_seconds():
    found = _calibrated(_network("first", clock=Ticks(1e-3)))
    assert found.spikes["out"].in_ticks
    first = found.first_times("out")
    assert found.seconds == pytest.approx(2 * WINDOW + 1e-3)
    lateness = (first - WINDOW * (1 - SAMPLES))[SAMPLES > 0]
    np.testing.assert_allclose(lateness, lateness[0], atol=1e-12)


def test_populations_that_never_spike_are_refused_but_readouts_never_do():
    with pytest.raises(EventsError, match="population out never spikes in the 3 samples"):
        _calibrated(_network(threshold=5.0))
    with pytest.raises(EventsError, match="population in never spikes"):
        _calibrated(_network(), np.zeros((2, 2)))


@pytest.mark.parametrize(
    ("labels", "complaint"),
    [
        ([0, 1], "3 samples to calibrate with, but labels of shape"),
        ([0, 1, 2], "a label to calibrate with is 2, but the network answers with classes 0 to 1"),
        ([0, -1, 1], "a label to calibrate with is -1"),
    ],
)
def test_labels_that_do_not_fit_are_refused(labels, complaint):
    with pytest.raises(EventsError, match=complaint):
        _calibrated(_network(), labels=np.array(labels))


def test_no_samples_are_refused():
    with pytest.raises(EventsError, match="no samples to calibrate with"):
        _calibrated(_network(), np.zeros((0, 2)))


def test_the_log_says_what_the_float_network_did_and_nothing_changes():
    network = _network()
    found = _calibrated(network, labels=np.array([0, 1, 1]))
    program = NoteCalibration(found).apply(Program(network, load_target("loihi2")))
    assert program.network is network
    entry = program.log[-1]
    assert entry.lossless
    assert entry.figures["samples"] == 3
    assert entry.figures["accuracy"] == pytest.approx(2 / 3)
    assert entry.figures["out.silent_neurons"] == 0
    compiled = compile_network(network, load_target("loihi2"), CompileOptions(calibration=found))
    assert compiled.log[0].step == "note-calibration"


def test_a_compiled_network_cannot_be_calibrated(tmp_path):
    from spikec.commands.build import read_calibration

    program = compile_network(_network(), load_target("loihi2"), CompileOptions())
    with pytest.raises(UsageError, match="in integers already"):
        read_calibration(program, "digits:train")


def test_samples_come_from_files_of_spikes_as_well(tmp_path):
    from spikec.commands.build import read_calibration
    from spikec.event_files import write_events

    network = _network()
    file = tmp_path / "spikes.npz"
    write_events(file, encode_samples(network, SAMPLES))
    program = Program(network, load_target("ideal"))
    assert read_calibration(program, str(file)).n_samples == 3
    assert read_calibration(program, str(file), 2).n_samples == 2
    for n in (0, 4):
        with pytest.raises(UsageError, match=f"{n} samples of .* are wanted; it has 1 to 3"):
            read_calibration(program, str(file), n)
