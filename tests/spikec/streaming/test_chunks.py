"""Runs in chunks give what a run at once gives: spikes, counts, membranes, answers, to the last bit."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import spikec
from spikec import streaming
from spikec.coding import Decoding, LatencyEncoding, Readout
from spikec.errors import EventsError, UsageError
from spikec.event_files import write_events
from spikec.events import Events, same
from spikec.ir.connectivity import Dense
from spikec.ir.iaf import IafPscExp, PoissonDrive
from spikec.ir.network import Continuous, Network, Population, Projection, Ticks
from spikec.ir.neurons import LiReadout, Ramp, Source
from spikec.outcome import outcome_of
from spikec.program import Program
from spikec.random.networks import random_continuous, random_inputs, random_program, random_spikes
from spikec.random.ticks import random_counts, random_ticks
from spikec.rasters import from_raster
from spikec.streaming.join import join_outcomes
from spikec.targets.target import load_target

N_TICKS = 12
seeds = st.integers(0, 2**32 - 1)


def assert_same(a, b):
    assert a.spikes.keys() == b.spikes.keys()
    for name, e in a.spikes.items():
        other = b.spikes[name]
        assert same(e, other)
        assert (e.times.dtype, e.multiple) == (other.times.dtype, other.multiple)
    assert a.traces.keys() == b.traces.keys()
    assert all(np.array_equal(a.traces[key], b.traces[key]) for key in a.traces)
    assert a.counters == b.counters
    timed = {"seconds"}
    assert {k: v for k, v in a.meta.items() if k not in timed} == {
        k: v for k, v in b.meta.items() if k not in timed
    }


@settings(max_examples=25)
@given(seed=seeds, chunk=st.integers(1, 8), kind=st.sampled_from(["integers", "ticks", "seconds"]))
def test_chunks_of_any_size_join_to_the_run_at_once(seed, chunk, kind):
    rng = np.random.default_rng(seed)
    if kind == "integers":
        program = random_program(rng)
        inputs, end = random_inputs(rng, program, 7, N_TICKS), {"ticks": N_TICKS}
    elif kind == "ticks":
        program = random_ticks(rng)
        inputs, end = random_counts(rng, program, 7, N_TICKS), {"ticks": N_TICKS}
    else:
        program = random_continuous(rng)
        inputs, end = random_spikes(rng, program, 7, 2.0), {"until": 2.0}
    name = next(p.name for p in program.network.populations if not p.is_source)
    options = {"backend": "reference", "record": [f"{name}.v.last"], **end}
    parts = list(program.stream(inputs, chunk=chunk, **options))
    assert len(parts) == -(-7 // chunk)
    assert_same(spikec.join(parts), program.run(inputs, **options))


@settings(max_examples=10)
@given(seed=seeds, chunk=st.integers(1, 8))
def test_chunks_join_on_the_cpu_too(seed, chunk):
    rng = np.random.default_rng(seed)
    program = random_program(rng)
    inputs = random_inputs(rng, program, 7, N_TICKS)
    parts = list(program.stream(inputs, chunk=chunk, backend="cpu", ticks=N_TICKS))
    assert_same(spikec.join(parts), program.run(inputs, backend="cpu", ticks=N_TICKS))


@pytest.fixture
def classifier() -> Program:
    rng = np.random.default_rng(5)
    network = Network(
        (
            Population("in", Source(one_spike=True), (4,)),
            Population("hidden", Ramp(2e-3, one_spike=True), (5,)),
            Population("out", LiReadout(), (3,)),
        ),
        (
            Projection("a", "in", "hidden", Dense(rng.uniform(0, 1, (5, 4)))),
            Projection("b", "hidden", "out", Dense(rng.normal(size=(3, 5)))),
        ),
        ("in",),
        ("out",),
        Continuous(),
        encoding=LatencyEncoding("in", 5e-3, 1.0, False, None, 8e-3),
        decoding=Decoding("out", Readout.MEMBRANE),
    )
    return Program(network, load_target("ideal"))


@pytest.mark.parametrize("chunk", [1, 3, 10, 11])
def test_answers_and_accuracy_are_those_of_the_run_at_once(classifier, chunk):
    rng = np.random.default_rng(1)
    samples, labels = rng.random((10, 4)), rng.integers(0, 3, 10)
    whole = classifier.run(samples, labels, backend="reference")
    parts = list(classifier.stream(samples, labels, chunk=chunk, backend="reference"))
    assert_same(spikec.join(parts), whole)
    assert whole.accuracy == np.mean(whole.predictions == labels)
    together = join_outcomes([outcome_of(part) for part in parts])
    assert together.meta["accuracy"] == whole.accuracy
    assert together.sizes == outcome_of(whole).sizes
    assert together.n_samples == 10


def test_an_iterator_gives_its_own_chunks(classifier):
    rng = np.random.default_rng(2)
    samples, labels = rng.random((9, 4)), rng.integers(0, 3, 9)
    batches = (samples[k : k + 4] for k in range(0, 9, 4))
    parts = list(classifier.stream(batches, labels, backend="reference"))
    assert [p.spikes["in"].n_samples for p in parts] == [4, 4, 1]
    assert_same(spikec.join(parts), classifier.run(samples, labels, backend="reference"))
    with pytest.raises(EventsError, match="9 labels for 4 samples"):
        list(classifier.stream(iter([samples[:4]]), labels, backend="reference"))
    with pytest.raises(UsageError, match="chunk"):
        list(classifier.stream(iter([samples]), chunk=2))


def test_an_iterator_of_which_nobody_knows_the_end_needs_one():
    program = random_program(np.random.default_rng(3))
    inputs = random_inputs(np.random.default_rng(3), program, 4, N_TICKS)
    program = replace(program, n_ticks=None)
    with pytest.raises(UsageError, match="ticks=N"):
        list(program.stream(iter([inputs]), backend="reference"))
    one = list(program.stream(iter([inputs]), backend="reference", ticks=N_TICKS))
    assert_same(one[0], program.run(inputs, backend="reference", ticks=N_TICKS))


def test_a_file_streams_as_it_runs_at_once(classifier, tmp_path):
    times = np.random.default_rng(4).uniform(0, 5e-3, (6, 4))
    events = spikec.from_dense_times(times)
    for ending in ("npz", "csv"):
        path = tmp_path / f"spikes.{ending}"
        write_events(path, {"in": events})
        parts = list(classifier.stream(path, chunk=4, backend="reference"))
        assert_same(spikec.join(parts), classifier.run(path, backend="reference"))


def test_a_mapped_raster_streams(tmp_path):
    program = random_program(np.random.default_rng(8))
    (name,) = program.network.inputs
    raster = np.random.default_rng(0).random((5, N_TICKS, program.network.population(name).n)) < 0.1
    np.save(tmp_path / "r.npy", raster)
    mapped = np.load(tmp_path / "r.npy", mmap_mode="r")
    parts = list(program.stream(mapped, chunk=2, backend="reference"))
    assert_same(spikec.join(parts), program.run(from_raster(raster), backend="reference", ticks=N_TICKS))


def test_without_a_chunk_memory_says_how_many_samples_run_at_once(classifier, monkeypatch):
    samples = np.random.default_rng(1).random((40, 4))
    whole = classifier.run(samples, backend="reference")
    monkeypatch.setattr(streaming.run, "chunk_room", lambda: 30_000)
    parts = list(classifier.stream(samples, backend="reference"))
    sizes = [p.spikes["in"].n_samples for p in parts]
    assert sizes[0] < sizes[1]  # the first is small, for nobody knows yet how often its neurons spike
    assert max(sizes) < 40
    assert_same(spikec.join(parts), whole)


def test_errors_say_from_where_samples_are_counted(classifier):
    samples = np.zeros((5, 4))
    samples[4, 1] = np.nan
    results = classifier.stream(samples, chunk=2, backend="reference")
    next(results), next(results)
    with pytest.raises(EventsError, match="counted from 4"):
        next(results)


def test_impossible_chunks_are_refused(classifier):
    with pytest.raises(UsageError, match="--chunk 0"):
        next(classifier.stream(np.zeros((2, 4)), chunk=0))
    with pytest.raises(UsageError, match=r"--chunk 1\.5"):
        next(classifier.stream(np.zeros((2, 4)), chunk=1.5))


def test_what_streams_is_joined_without_a_list(classifier):
    samples = np.random.default_rng(2).random((5, 4))
    assert_same(spikec.join(classifier.stream(samples, chunk=2)), classifier.run(samples))


def test_spikes_by_chance_depend_on_the_samples_number_and_are_not_cut():
    neuron = IafPscExp(
        tau_mem=2e-2, tau_ex=5e-3, tau_in=1e-2, threshold=10.0, drive=PoissonDrive(100.0, 1.0, 7)
    )  # fmt: skip
    network = Network(
        (Population("in", Source(), (2,)), Population("out", neuron, (3,))), (), ("in",), ("out",),
        Ticks(1e-4),
    )  # fmt: skip
    program = Program(network, load_target("ideal"))
    spikes = from_raster(np.zeros((4, 5, 2), bool))
    with pytest.raises(UsageError, match="by chance"):
        list(program.stream(spikes, ticks=5, chunk=2))
    with pytest.raises(UsageError, match="by chance"):
        list(program.stream(iter([spikes]), ticks=5))


def test_results_of_different_runs_are_not_joined(classifier):
    samples = np.random.default_rng(1).random((2, 4))
    a, b = (classifier.run(samples, backend="reference", until=end) for end in (8e-3, 9e-3))
    with pytest.raises(UsageError, match="lengths"):
        spikec.join([a, b])
    with pytest.raises(UsageError, match="no result"):
        spikec.join([])
    assert isinstance(spikec.join([a]).spikes["in"], Events)
