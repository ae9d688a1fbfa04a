"""What every backend must fulfil in its dialect; each backend's tests call these functions.

The judge is the reference interpreter, and `hand_cases` and `pair_cases` judge that one too: networks small
enough to work out with pencil and paper.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import pytest

from spikec.backend import Backend
from spikec.errors import EventsError, NetworkError
from spikec.events import Events, from_rows, no_events, same
from spikec.ir.connectivity import Dense
from spikec.ir.fixed_neurons import CubaFixed
from spikec.ir.fixed_point import Fixed
from spikec.program import Program
from spikec.random.networks import CONTINUOUS, random_continuous, random_inputs, random_program, random_spikes
from spikec.reference import ReferenceBackend
from spikec.result import RunResult
from tests.hand_cases import HandCase, case


def drawn(seed: int, *, n_samples: int = 4, n_ticks: int = 40) -> tuple[Program, dict[str, Events]]:
    """A random program and inputs for it."""
    rng = np.random.default_rng(seed)
    program = random_program(rng)
    return program, random_inputs(rng, program, n_samples, n_ticks)


def all_membranes(program: Program) -> list[str]:
    """Record keys of every membrane, in every tick and in the last one."""
    names = [p.name for p in program.network.populations if not p.is_source]
    return [f"{name}.v{last}" for name in names for last in ("", ".last")]


def assert_same_results(got: RunResult, expected: RunResult) -> None:
    """Spikes of all populations, all recorded membranes and all counters are equal to the bit."""
    assert set(got.spikes) == set(expected.spikes)
    for name, events in expected.spikes.items():
        assert same(got.spikes[name], events), f"spikes of {name} differ"
    assert set(got.traces) == set(expected.traces)
    for key, membrane in expected.traces.items():
        np.testing.assert_array_equal(got.traces[key], membrane, err_msg=key)
    assert got.counters is not None
    assert expected.counters is not None
    assert asdict(got.counters) == asdict(expected.counters)


def assert_equals_reference(
    backend: Backend, program: Program, inputs: Mapping[str, Events], n_ticks: int
) -> None:
    """A backend gives what the reference gives, and says who it is."""
    assert backend.unsupported(program) == []
    record = all_membranes(program)
    expected = ReferenceBackend().prepare(program).run(inputs, n_ticks, record)
    got = _run(backend, program, inputs, n_ticks, record)
    assert_same_results(got, expected)
    assert got.meta["backend"] == backend.name
    assert got.meta["seconds"] >= 0


def drawn_continuous(
    seed: int, types: Sequence[str] = CONTINUOUS, *, n_samples: int = 3, until: float = 6.0
) -> tuple[Program, dict[str, Events]]:
    """A random continuous network and inputs for it."""
    rng = np.random.default_rng(seed)
    program = random_continuous(rng, types=types)
    return program, random_spikes(rng, program, n_samples, until)


def assert_exact(
    backend: Backend, program: Program, inputs: Mapping[str, Events], until: float = 8.0
) -> RunResult:
    """A backend gives the reference's spike times and maxima to 1e-9, and the membranes at the end."""
    assert backend.unsupported(program) == []
    record = [f"{p.name}.v.last" for p in program.network.populations if not p.is_source]
    tops = [f"{p.name}.v.max" for p in program.network.populations if not p.neuron.spikes]
    expected = ReferenceBackend().prepare(program).run(inputs, until, [*record, *tops])
    got = _run(backend, program, inputs, until, [*record, *tops])
    for key in tops:
        np.testing.assert_allclose(got.traces[key], expected.traces[key], rtol=1e-9, atol=1e-9, err_msg=key)
        assert np.all(got.traces[key] >= expected.traces[f"{key.removesuffix('max')}last"] - 1e-9)
    assert list(got.spikes) == [p.name for p in program.network.populations]
    for name, events in expected.spikes.items():
        np.testing.assert_array_equal(got.spikes[name].counts(), events.counts(), err_msg=name)
        np.testing.assert_allclose(
            _by_neuron(got.spikes[name]), _by_neuron(events), rtol=1e-9, atol=1e-12, err_msg=name
        )
    for key in record:
        np.testing.assert_allclose(
            np.arctan(got.traces[key]), np.arctan(expected.traces[key]), rtol=0, atol=1e-7, err_msg=key
        )
    assert got.counters is None
    return got


def _by_neuron(events: Events) -> Any:
    return events.times[np.lexsort((events.times, events.neurons, events.sample_of_event()))]


def assert_repeatable(backend: Backend, program: Program, inputs: Mapping[str, Events], n_ticks: int) -> None:
    """Two runs of one executable give the same: nothing is left over from the first."""
    executable = backend.prepare(program)
    try:
        record = all_membranes(program)
        first = executable.run(inputs, n_ticks, record)
        assert_same_results(executable.run(inputs, n_ticks, record), first)
    finally:
        executable.close()


def assert_samples_are_independent(
    backend: Backend, program: Program, inputs: Mapping[str, Events], n_ticks: int
) -> None:
    """A sample's result depends neither on its neighbours nor on its place."""
    n = next(iter(inputs.values())).n_samples
    executable = backend.prepare(program)
    try:
        record = all_membranes(program)
        together = executable.run(inputs, n_ticks, record)
        turned = executable.run({k: reversed_samples(e) for k, e in inputs.items()}, n_ticks, record)
        for k in range(n):
            alone = executable.run({key: e.select(k, k + 1) for key, e in inputs.items()}, n_ticks, record)
            for name, events in alone.spikes.items():
                assert same(together.spikes[name].select(k, k + 1), events)
                assert same(turned.spikes[name].select(n - 1 - k, n - k), events)
            for key, membrane in alone.traces.items():
                np.testing.assert_array_equal(together.traces[key][k], membrane[0])
                np.testing.assert_array_equal(turned.traces[key][n - 1 - k], membrane[0])
    finally:
        executable.close()


def assert_refuses_bad_inputs(backend: Backend) -> None:
    """Inputs that do not fit the network are refused before anything runs."""
    program = case("inputs", Dense(Fixed(np.full((1, 2), 2))), CubaFixed(du=0, dv=0, vth=1), [], 4).program
    good = no_events(2, 2)
    seconds = Events(np.zeros(0), good.neurons, good.sample_starts, 2)
    executable = backend.prepare(program)
    try:
        for inputs in (
            {},
            {"in": no_events(2, 3)},
            {"other": good},
            {"in": good, "x": good},
            {"in": seconds},
        ):
            with pytest.raises(EventsError):
                executable.run(inputs, 4)
    finally:
        executable.close()


def assert_refuses_bad_keys(backend: Backend) -> None:
    """What cannot be recorded is refused before anything runs."""
    program, inputs = drawn(0)
    executable = backend.prepare(program)
    try:
        for key in ("net.0.u", "net.0", "nowhere.v", "in0.v"):
            with pytest.raises(NetworkError):
                executable.run(inputs, 4, [key])
    finally:
        executable.close()


def reversed_samples(events: Events) -> Events:
    """The same samples, the last one first."""
    samples = events.n_samples - 1 - events.sample_of_event()
    return from_rows(
        samples,
        events.times,
        events.neurons,
        n_samples=events.n_samples,
        n_neurons=events.n_neurons,
        multiple=events.multiple,
    )


def assert_hand_case(backend: Backend, case: HandCase) -> None:
    """A backend comes to the numbers worked out by hand."""
    result = _run(backend, case.program, case.inputs, case.n_ticks, ["out.v"])
    out = result.spikes["out"]
    assert [out.times[out.neurons == j].tolist() for j in range(out.n_neurons)] == [*map(list, case.spikes)]
    if case.membranes is not None:
        assert result.traces["out.v"][0].T.tolist() == [*map(list, case.membranes)]
    if case.counts is not None:
        assert result.counters is not None
        assert result.counters.projections["in_out"] == case.counts


def _run(
    backend: Backend, program: Program, inputs: Mapping[str, Events], n_ticks: int, record: Sequence[str]
) -> RunResult:
    executable = backend.prepare(program)
    try:
        return executable.run(inputs, n_ticks, record)
    finally:
        executable.close()
