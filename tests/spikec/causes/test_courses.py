"""A membrane taken apart: its parts add up, in integers to the last bit, and are what engines record."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spikec.backend import run
from spikec.causes.arrivals import Place, arrivals_at, times_of
from spikec.causes.courses import fixed_course, float_course
from spikec.causes.moments import moment_course
from spikec.errors import UsageError
from spikec.ir.network import Population, Reset
from spikec.ir.neurons import CubaLif
from spikec.random.networks import random_continuous, random_inputs, random_program, random_spikes
from spikec.random.ticks import random_counts, random_ticks
from spikec.reference import ReferenceBackend
from spikec.watch import watch

N_TICKS = 25
LINEAR = ("Ramp", "If", "Lif", "IfExp", "CubaLif", "LiReadout")
seeds = st.integers(0, 2**32 - 1)


def _computing(program):
    return [p for p in program.network.populations if not p.is_source]


def _recorded(program, inputs):
    keys = [f"{p.name}.v" for p in _computing(program)]
    return run(ReferenceBackend(), program, inputs, N_TICKS, keys)


@given(seeds)
@settings(max_examples=25)
def test_parts_of_an_integer_membrane_add_up_to_its_last_bit(seed):
    rng = np.random.default_rng(seed)
    program = random_program(rng, pairs=False, max_neurons=5, max_populations=3)
    result = _recorded(program, random_inputs(rng, program, 1, N_TICKS))
    for p in _computing(program):
        j, end = int(rng.integers(p.n)), int(rng.integers(N_TICKS))
        arrivals = arrivals_at(program, result.spikes, Place(p.name, j))
        course = fixed_course(p.neuron, j, arrivals, N_TICKS)
        spiked = times_of(result.spikes[p.name], j)
        after = [0 if k in spiked else int(v) for k, v in enumerate(course.before)]
        assert after == result.traces[f"{p.name}.v"][0, :, j].tolist()
        worth = course.worth(end)
        parts = sum((a.weight * worth(a.time) for a in arrivals), start=Fraction(0))
        assert parts + sum(course.terms(end).values()) == course.membrane(end)


@given(seeds)
@settings(max_examples=40)
def test_parts_of_a_membrane_in_float_ticks_add_up_whatever_the_habits(seed):
    rng = np.random.default_rng(seed)
    program = random_ticks(rng, max_neurons=5)
    try:
        result = _recorded(program, random_counts(rng, program, 1, N_TICKS))
    except UsageError:
        return  # a storm of spikes
    clock = program.network.clock
    for p in _computing(program):
        j, end = int(rng.integers(p.n)), int(rng.integers(N_TICKS))
        arrivals = arrivals_at(program, result.spikes, Place(p.name, j))
        spiked = times_of(result.spikes[p.name], j)
        course = float_course(p.neuron, j, clock.dt, clock.convention, arrivals, spiked, N_TICKS)
        scale = max(1.0, *map(abs, course.before))
        seen = result.traces[f"{p.name}.v"][0, :, j]
        if clock.convention.reset_time == "next":
            np.testing.assert_allclose(course.before, seen, rtol=0, atol=1e-9 * scale)
        worth = course.worth(end)
        parts = sum(a.weight * worth(a.time) for a in arrivals) + sum(course.terms(end).values())
        assert parts == pytest.approx(course.membrane(end), abs=1e-9 * scale)


def test_a_spike_that_never_arrives_is_worth_nothing():
    p = Population("p", CubaLif(tau_mem=0.02, tau_syn=0.01, threshold=1.0), (1,))
    course = moment_course(p, 0, Reset.VALUE, [], [], 4.0)
    with np.errstate(all="raise", under="ignore"):
        assert course.worth(0.5)(np.inf) == 0
        assert course.worth(0.5)(0.4) > 0


@given(seeds)
@settings(max_examples=25)
def test_parts_of_a_membrane_in_continuous_time_add_up_to_what_the_reference_sees(seed):
    rng = np.random.default_rng(seed)
    program = random_continuous(rng, types=LINEAR, max_neurons=4)
    result = run(ReferenceBackend(), program, random_spikes(rng, program, 1, 4.0), 4.0)
    names = [p.name for p in _computing(program)]
    seen = watch(program.network, result.spikes, [f"{name}.v" for name in names], 0.57, 4.0)
    for p in _computing(program):
        j = int(rng.integers(p.n))
        spiked = times_of(result.spikes[p.name], j)
        if getattr(p.neuron, "one_spike", False) and spiked:
            continue  # its membrane goes on, and is reset where nobody sees it
        arrivals = arrivals_at(program, result.spikes, Place(p.name, j))
        course = moment_course(p, j, program.network.reset, arrivals, spiked, 4.0)
        found = [course.membrane(0.57 * k) for k in range(seen[f"{p.name}.v"].shape[1])]
        np.testing.assert_allclose(found, seen[f"{p.name}.v"][0, :, j], rtol=1e-9, atol=1e-9)
