"""Presets, files of a user's own, and which convention a file is read with."""

from itertools import pairwise

import nir
import numpy as np
import pytest

from spikec.conventions import Guess, choose, described, load_preset, preset_names
from spikec.conventions.preset import Habit, changed, convention_of
from spikec.errors import UsageError
from spikec.frontends.nir import read_nir
from spikec.frontends.nir_file import read_graph
from spikec.frontends.nir_origin import guess_origin
from spikec.ir.conventions import FIELDS, Comparison, Convention, Gain, Reset, ResetTime


def test_all_frameworks_of_the_nir_paper_that_are_read_have_a_preset():
    expected = {"nir-exact", "snntorch", "norse", "sinabs", "rockpool", "spikingjelly", "spyx", "lava"}
    assert expected | {"nir-euler"} == set(preset_names())


@pytest.mark.parametrize("name", preset_names())
def test_every_habit_of_a_preset_names_its_source(name):
    preset = load_preset(name)
    assert preset.title
    assert preset.habits
    assert all(isinstance(h, Habit) and h.source for h in preset.habits.values())
    assert (preset.dt is None) or preset.source


def test_the_default_is_the_preset_of_nirs_equations_by_euler():
    assert convention_of("nir-euler")[0] == Convention()
    assert {h for h in load_preset("nir-euler").habits} == set(FIELDS)


@pytest.mark.parametrize("name", preset_names())
def test_a_preset_is_described_by_its_name(name):
    assert name in described(convention_of(name)[0]).split(" or ")


def test_what_is_no_preset_is_described_by_the_nearest_and_the_differences():
    other = changed(convention_of("sinabs")[0], {"clamp": "-0.5", "comparison": "above"}, "here")
    text = described(other)
    assert text == "sinabs,comparison=above,clamp=-0.5"
    name, *habits = text.split(",")
    again = changed(convention_of(name)[0], dict(h.split("=") for h in habits), "here")
    assert again == other


def _choose(given, path, guess=None):
    return choose(given, path, lambda: guess)


def test_a_name_is_taken_and_its_fields_changed(tmp_path):
    choice = _choose("snntorch,reset=subtract,reset_time=next", tmp_path / "net.nir")
    assert choice.convention == Convention(reset=Reset.SUBTRACT, reset_time=ResetTime.NEXT, if_gain=Gain.STEP)
    assert (choice.dt, choice.reason) == (1e-4, "as given")


def test_fields_alone_change_what_would_be_chosen_otherwise(tmp_path):
    guess = Guess("spyx", "its looks", 2e-3)
    choice = _choose("comparison=reach", tmp_path / "net.nir", guess)
    assert choice.convention.comparison is Comparison.REACH
    assert choice.convention.spike_delay == 1
    assert choice.dt == 2e-3
    assert choice.reason == "as guessed, for its looks, but comparison reach as given"


def test_a_yaml_beside_the_file_goes_before_a_guess_and_says_what_a_file_cannot(tmp_path):
    beside = tmp_path / "net.yaml"
    beside.write_text("like: sinabs\ndt: 1e-3\nhabits: {clamp: -0.5, multi_spike: no}\n")
    choice = _choose(None, tmp_path / "net.nir", Guess("norse", "nothing"))
    assert choice.convention.clamp == -0.5
    assert not choice.convention.multi_spike
    assert choice.convention.reset is Reset.SUBTRACT
    assert (choice.dt, choice.binding) == (1e-3, True)
    assert "net.yaml" in choice.reason
    assert _choose("norse", tmp_path / "net.nir").name == "norse"
    assert _choose(str(beside), tmp_path / "other.nir").convention == choice.convention


def test_without_any_sign_the_default_is_assumed(tmp_path):
    choice = _choose(None, tmp_path / "net.nir")
    assert choice.convention == Convention()
    assert choice.reason.startswith("as assumed")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("norsy", "no convention 'norsy'; give a name .*norse"),
        ("norse,rest=value", "no habit 'rest'; choose integration, reset"),
        ("norse,reset=soft", "reset is 'soft'; choose value or subtract"),
        ("norse,hop_delay=2", "hop_delay is '2'; give 0 or 1"),
        ("norse,multi_spike=maybe", "multi_spike is 'maybe'; give yes or no"),
        ("norse,clamp=low", "clamp is 'low'; give none, or a multiple"),
        ("norse,clamp=2", "clamp of 2.0 thresholds is impossible"),
        ("norse,recurrent_delay=0", "could cause itself"),
        ("norse,reset", "not clear at 'reset'"),
        ("reset=value,reset=value", "each field once"),
        ("missing.yaml", "no convention 'missing.yaml'"),
    ],
)
def test_what_cannot_be_meant_is_refused_in_one_sentence(tmp_path, text, words):
    with pytest.raises(UsageError, match=words) as caught:
        _choose(text, tmp_path / "net.nir")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("habit: {}", "habit: "),
        ("dt: -1", "dt: "),
        ("like: nobody", "no convention 'nobody'"),
        ("habits: {colour: red}", "no habit 'colour'"),
        ("just words", "no table of settings"),
    ],
)
def test_a_wrong_yaml_is_refused_by_name(tmp_path, text, words):
    (tmp_path / "net.yaml").write_text(text)
    with pytest.raises(UsageError, match=words):
        _choose(None, tmp_path / "net.nir")


# What a file shows


def _file(tmp_path, neuron, names=("in", "fc", "n", "out")):
    nodes = [nir.Input(np.array([2])), nir.Linear(np.ones((2, 2))), neuron, nir.Output(np.array([2]))]
    path = tmp_path / "net.nir"
    edges = list(pairwise(names))
    nir.write(path, nir.NIRGraph(dict(zip(names, nodes, strict=True)), edges))
    return path


def _lif(tau, r):
    one = np.ones(2)
    return nir.LIF(tau=tau * one, r=r * one, v_leak=0 * one, v_threshold=one)


def _cuba(tau_mem, tau_syn, r, w_in):
    one = np.ones(2)
    taus = {"tau_mem": tau_mem * one, "tau_syn": tau_syn * one}
    return nir.CubaLIF(**taus, r=r * one, v_leak=0 * one, v_threshold=one, w_in=w_in * one)


def _guess(path):
    return guess_origin(read_graph(path))


def test_snntorch_undoes_its_time_step_in_r_and_w_in(tmp_path):
    for neuron in (_lif(2e-3, 20.0), _cuba(1e-3, 5e-4, 10.0, 5.0)):
        guess = _guess(_file(tmp_path, neuron))
        assert (guess.name, guess.dt) == ("snntorch", 1e-4)
    for neuron in (_lif(2e-3, 2.0), _cuba(1e-3, 5e-4, 10.0, 1.0), _lif(1.0, 1.0)):
        assert _guess(_file(tmp_path, neuron)) is None


def test_rockpool_shows_in_names_and_its_time_step_in_r(tmp_path):
    names = ("input", "0_LinearTorch", "1_LIFTorch", "output")
    neuron = _cuba(0.02, 0.01, 0.02 / 5e-4 * np.exp(-5e-4 / 0.02), 1.0)
    guess = _guess(_file(tmp_path, neuron, names))
    assert (guess.name, guess.dt) == ("rockpool", 5e-4)


def test_spikingjelly_shows_in_names_and_its_time_step_in_an_if(tmp_path):
    names = ("input_1", "_0", "_1", "output")
    guess = _guess(_file(tmp_path, nir.IF(r=np.full(2, 500.0), v_threshold=np.ones(2)), names))
    assert (guess.name, guess.dt) == ("spikingjelly", 2e-3)
    guess = _guess(_file(tmp_path, _lif(2e-3, 1.0), names))
    assert (guess.name, guess.dt) == ("spikingjelly", None)


def test_a_guess_is_told_with_its_reason_and_gives_way_to_what_is_given(tmp_path):
    path = _file(tmp_path, _lif(2e-3, 20.0))
    network = read_nir(path)
    assert network.dt == 1e-4
    assert any("snntorch" in n and "as guessed, for every r is tau" in n for n in network.notes)
    given = read_nir(path, dt=1e-3, convention="spyx")
    assert (given.dt, given.clock.convention.spike_delay) == (1e-3, 1)
    assert not any("guessed" in n for n in given.notes)


def test_an_if_that_takes_up_little_is_told_with_the_way_out(tmp_path):
    path = _file(tmp_path, nir.IF(r=np.ones(2), v_threshold=np.ones(2)))
    assert any("if_gain=step" in n for n in read_nir(path, dt=1e-3).notes)
    whole = read_nir(path, dt=1e-3, convention="if_gain=step")
    np.testing.assert_array_equal(whole.projections[0].connectivity.weights, np.ones((2, 2)))
