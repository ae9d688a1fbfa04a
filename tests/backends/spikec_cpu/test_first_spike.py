"""Runs that end each sample with the first spike that answers."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikec.coding import Decoding, Readout, decode
from spikec.errors import NetworkError, TargetError, UsageError
from spikec.events import from_dense_times
from spikec.execute import RunOptions, choose_backend, end_of, execute_as
from spikec.ir.connectivity import Dense
from spikec.ir.network import Continuous, Network, Population, Projection
from spikec.ir.neurons import CubaLif, Lif, Source
from spikec.program import Program
from spikec.targets.target import load_target
from spikec_cpu.backend import CpuBackend
from spikec_cpu.first_spike import FirstSpikeExecutable
from tests import contract


def answering(program, readout=Readout.FIRST):
    name = [p.name for p in program.network.populations if p.neuron.spikes and not p.is_source][-1]
    return replace(program, network=replace(program.network, decoding=Decoding(name, readout)))


def layers(seed=0, n_samples=60):
    rng = np.random.default_rng(seed)
    neuron = CubaLif(2.0, 1.0, 0.3, one_spike=True)
    sizes = (12, 9, 4)
    populations = [
        Population("in", Source(), (12,)),
        *(Population(f"l{k}", neuron, (sizes[k],)) for k in (1, 2)),
    ]
    names = [p.name for p in populations]
    projections = [
        Projection(f"q{k}", names[k], names[k + 1], Dense(rng.normal(0.3, 0.5, (sizes[k + 1], sizes[k]))))
        for k in range(2)
    ]
    network = Network(tuple(populations), tuple(projections), ("in",), ("l2",), Continuous())
    program = Program(replace(network, decoding=Decoding("l2", Readout.FIRST)), load_target("ideal"))
    times = rng.uniform(0, 2, (n_samples, 12)) * rng.choice([0.5, 1.0, 2.0, np.inf], (n_samples, 1))
    return program, {"in": from_dense_times(times)}


def assert_cut(program, inputs, tried):
    """What a shortened run gives is a full run up to each sample's first answer."""
    backend = CpuBackend(threads=2)
    exact = backend.prepare(program)
    full = exact.run(inputs, 8.0).spikes
    population = program.network.decoding.population
    got = FirstSpikeExecutable(exact, population, tried).run(inputs, 8.0).spikes
    ends = full[population].first_times().min(axis=1)
    assert list(got) == list(full)
    for name, e in full.items():
        expected = e.keep(e.times <= ends[e.sample_of_event()])
        np.testing.assert_array_equal(got[name].neurons, expected.neurons)
        np.testing.assert_array_equal(got[name].sample_starts, expected.sample_starts)
        np.testing.assert_allclose(got[name].times, expected.times, rtol=1e-12)
    answers = [decode(program.network.decoding, spikes[population], None) for spikes in (got, full)]
    np.testing.assert_array_equal(*answers)
    return ends


@given(seed=st.integers(0, 2**32 - 1), tried=st.integers(0, 5))
@settings(max_examples=60)
def test_answers_are_those_of_a_full_run(seed, tried):
    program, inputs = contract.drawn_continuous(seed, n_samples=5)
    if any(p.neuron.spikes and not p.is_source for p in program.network.populations):
        assert_cut(answering(program), inputs, tried)


@pytest.mark.parametrize("tried", [0, 1, 10, 60, 100])
def test_samples_that_answer_late_or_never_run_in_full(tried):
    ends = assert_cut(*layers(), tried)
    assert np.isinf(ends).any()
    assert np.ptp(ends[np.isfinite(ends)]) > 0.5


def test_no_samples_end_at_once():
    assert_cut(*layers(n_samples=0), 3)


@pytest.mark.parametrize("tried", [0, 1])
def test_a_network_without_inputs_ends_at_its_first_spike(tried):
    alone = Population("out", Lif(1.0, 1.0, bias=2.0), (1,))
    network = Network((alone,), (), (), ("out",), Continuous(), decoding=Decoding("out", Readout.FIRST))
    ends = assert_cut(Program(network, load_target("ideal")), {}, tried)
    assert ends == pytest.approx([np.log(2)])


@pytest.mark.parametrize("tried", [0, 2, 5])
def test_an_explosion_names_the_sample_as_the_user_counts_it(tried):
    program, _ = layers()
    times = np.full((5, 12), 0.5)
    times[:3, 1:] = np.inf
    executable = FirstSpikeExecutable(CpuBackend(max_spikes=4).prepare(program), "l2", tried)
    with pytest.raises(NetworkError, match="l1 spikes more than 4 times in sample 3"):
        executable.run({"in": from_dense_times(times)}, 8.0)


def test_the_option_of_a_run_says_so_in_its_result():
    program, inputs = layers()
    until, how = end_of("first-spike")
    options = RunOptions(of_backend=how, until=until)
    got = execute_as(program, choose_backend(program, options), inputs, options)
    full = execute_as(program, CpuBackend(), inputs, RunOptions())
    assert got.meta["predictions"] == full.meta["predictions"]
    assert got.meta["ends"].startswith("each sample ends with the first spike of l2")
    assert "ends" not in full.meta
    assert got.spikes["l1"].n_events < full.spikes["l1"].n_events


@pytest.mark.parametrize(
    ("other", "sentence"),
    [
        ({"backend": "reference"}, "backend reference runs samples in full; leave out --until first-spike"),
        ({"every": 0.1, "record": ("l1.v",)}, "samples end early, so --every cannot record"),
    ],
)
def test_what_needs_whole_samples_is_refused(other, sentence):
    program, _ = layers()
    with pytest.raises(UsageError, match=sentence):
        choose_backend(program, RunOptions(of_backend=end_of("first-spike")[1], **other))


def test_an_end_is_seconds_or_the_first_spike():
    assert end_of(None) == (None, {})
    assert end_of("2.5") == (2.5, {})
    with pytest.raises(UsageError, match="first-spike"):
        end_of("soon")


def test_what_has_no_first_spike_to_end_with_is_refused():
    program, inputs = layers()
    backend = CpuBackend(until_first_spike=True)
    counted = answering(program, Readout.COUNT)
    assert [v.got for v in backend.unsupported(counted)] == ["continuous, answer: count of l2"]
    silent = replace(program, network=replace(program.network, decoding=None))
    assert [v.got for v in backend.unsupported(silent)] == ["continuous, answer: nothing"]
    ticks, given_in_ticks = contract.drawn(0)
    options = RunOptions(of_backend={"until_first_spike": True})
    with pytest.raises(TargetError, match="end at the first spike"):
        execute_as(ticks, choose_backend(ticks, options), given_in_ticks, options)
    with pytest.raises(UsageError, match="run it in full"):
        backend.prepare(program).run(inputs, 8.0, ["l1.v.last"])
