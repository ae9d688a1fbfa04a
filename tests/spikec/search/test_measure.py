"""compile --budget: held against samples that passes do not see, and words that make no sense are refused."""

import json
from pathlib import Path

import numpy as np
import pytest

from spikec.backend import find_backend, run
from spikec.commands.build import bits_of_word, read_calibration
from spikec.container import digest, load
from spikec.errors import EventsError, UsageError
from spikec.inputs import in_own_time
from spikec.opening import open_program
from spikec.passes.pipelines import CompileOptions, compile_network
from spikec.program import Program
from spikec.rasters import from_raster
from spikec.search import measure as search_measure
from spikec.search.measure import measuring, part
from spikec.targets.target import load_target

NET = Path(__file__).parents[3] / "models" / "nets" / "yinyang-ttfs.npz"
DATA = ("--calibrate", "yinyang:train", "--samples", "40")


@pytest.fixture(scope="module")
def calibration():
    return read_calibration(open_program(NET, None), "yinyang:train", 12)


def test_ticks_and_bits_are_found_and_the_program_says_how(spikec, tmp_path):
    out = tmp_path / "p.npz"
    words = ("--budget", "spike-time=1ms", "--bits", "auto", "--dt", "8e-4", *DATA)
    code, printed, _ = spikec("compile", NET, "-o", out, *words, "--json")
    assert code == 0
    (entry,) = (p for p in json.loads(printed)["passes"] if p["pass"] == "search")
    program = load(out, Program)
    assert entry["figures"]["dt_s"] == program.network.dt
    stored = {q.name: q.connectivity.weights.format.bits for q in program.network.projections}
    for q in ("values-hidden1", "hidden1-output"):
        assert entry["figures"][f"{q}.bits"] == stored[q] < 8
    front = entry["figures"]["pareto"]
    assert any(c["fits"] for c in front)
    memory = [c["synapse_bytes"] for c in front]
    assert memory == sorted(memory)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--budget", "accuracy=1"), "--budget is held against samples"),
        (("--budget", "speed=1", *DATA), "names 'speed'"),
        (("--bits", "auto"), "--bits auto needs to know what may be lost"),
        (("--checkpoint", "search.json"), "--checkpoint needs to know what may be lost"),
        (("--least", "energy"), "--least needs to know what may be lost"),
        (("--budget", "accuracy=1", "--least", "time"), "--least 'time' cannot be searched for"),
        (("--budget", "spike-time=1ms", "--least", "energy", "--dt", "8e-4", *DATA), "on loihi2"),
        (("--bits", "0"), "weights of 0 bits are impossible"),
        (("--bits", "many"), "is neither a number nor auto"),
        (("--bits", "9"), "weights of 9 bits are impossible"),
        (("--parts", "17"), "17 parts of a tick are impossible"),
        (("--dt", "4e-4", "--budget", "spike-time=1ns", *DATA), "the nearest, with ticks of 400 µs"),
    ],
)
def test_what_makes_no_sense_is_told_in_a_sentence(spikec, tmp_path, words, sentence):
    code, _, error = spikec("compile", NET, "-o", tmp_path / "p.npz", *words)
    assert code == 2
    assert sentence in " ".join(error.split())
    assert not (tmp_path / "p.npz").exists()


def test_bits_are_a_number_or_auto():
    assert [bits_of_word(w) for w in (None, "auto", "4")] == [None, "auto", 4]
    with pytest.raises(UsageError):
        bits_of_word("-1")


def test_a_part_of_a_calibration_holds_its_samples(calibration):
    some = part(calibration, 5, 9)
    assert some.n_samples == 4
    for name in calibration.spikes:
        assert np.array_equal(some.first_times(name), calibration.first_times(name)[5:9])
    assert np.array_equal(some.labels, calibration.labels[5:9])


def test_the_measure_is_that_of_the_runs_themselves(calibration):
    """Lost points by hand: of answers, with labels, and against the float network's answers without."""
    network = open_program(NET, None).network
    program = compile_network(network, load_target("loihi2"), CompileOptions(dt=4e-4))
    found = measuring(calibration, find_backend("cpu"))(program)
    inputs = in_own_time(program.network, calibration.inputs)
    result = run(find_backend("cpu"), program, inputs, program.n_ticks)
    answers = result.spikes["output"].first_times().argmin(axis=1)
    right = np.mean(calibration.predictions == calibration.labels) - np.mean(answers == calibration.labels)
    assert found.lost_points == pytest.approx(100 * right)
    assert found.updates == sum(c.neuron_updates for c in result.counters.populations.values()) / 12
    assert 0 < found.median < found.percentile_99


def test_a_raster_for_inputs_of_parts_is_refused(calibration):
    network = open_program(NET, None).network
    program = compile_network(network, load_target("loihi2"), CompileOptions(dt=4e-4, parts=2))
    raster = np.zeros((1, 20, network.population("values").n))
    raster[0, 3, :] = 1
    with pytest.raises(EventsError, match="has 32 neurons, but its events come from 4"):
        run(find_backend("cpu"), program, {"values": from_raster(raster)}, program.n_ticks)


def test_ctrl_c_leaves_a_checkpoint_from_which_the_same_program_is_found(spikec, tmp_path, monkeypatch):
    words = ("--budget", "spike-time=1ms", "--bits", "auto", "--dt", "8e-4", "--calibrate", "yinyang:train",
             "--samples", "12")  # fmt: skip
    whole, out, file = (tmp_path / name for name in ("whole.npz", "p.npz", "search.json"))
    spikec("compile", NET, "-o", whole, *words)
    execute, left = search_measure.execute, [3]

    def interrupted(*given):
        left[0] -= 1
        if left[0] < 0:
            raise KeyboardInterrupt
        return execute(*given)

    monkeypatch.setattr(search_measure, "execute", interrupted)
    code, _, error = spikec("compile", NET, "-o", out, *words, "--checkpoint", file)
    assert (code, error) == (130, "spikec: interrupted; no output was written\n")
    assert not out.exists()
    assert len(json.loads(file.read_text())["trials"]) == 3
    left[0] = 1000
    code, _, _ = spikec("compile", NET, "-o", out, *words, "--checkpoint", file)
    assert code == 0
    assert digest(load(out, Program)) == digest(load(whole, Program))


def test_a_checkpoint_that_would_replace_the_network_is_refused(spikec, tmp_path):
    code, _, error = spikec("compile", NET, "-o", tmp_path / "p.npz", "--budget", "accuracy=1", *DATA,
                            "--checkpoint", NET)  # fmt: skip
    assert code == 2
    assert "is the input" in error
