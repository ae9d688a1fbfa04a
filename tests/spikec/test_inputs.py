"""Inputs that fit a network, and how long a run is."""

import numpy as np
import pytest

from spikec.coding import LatencyEncoding
from spikec.errors import EventsError, UsageError
from spikec.events import from_dense_times, from_rows, no_events
from spikec.inputs import check_inputs, default_until, encode_samples, in_own_time
from spikec.ir.network import Continuous
from spikec.random.networks import random_program
from tests.two_populations import program_of_two, two_populations

SECONDS = from_dense_times([[0.25, 0.5]])
TICKED = from_rows([0, 0], [3, 7], [0, 1], n_samples=1, n_neurons=2)


LATENCY = LatencyEncoding("in", 0.1, 1.0, True, None, 0.2)


@pytest.mark.parametrize(
    ("options", "events", "until"),
    [
        ({"n_ticks": 5, "encoding": LATENCY}, TICKED, 5),
        ({"encoding": LATENCY}, TICKED, 21),
        ({}, TICKED, 8),
        ({}, no_events(1, 2), 1),
        ({"clock": Continuous()}, SECONDS, 0.5),
        ({"clock": Continuous(), "encoding": LATENCY}, SECONDS, 0.2),
        ({"clock": Continuous(), "n_ticks": 500}, SECONDS, 0.5),  # ticks are no seconds
    ],
)
def test_a_run_takes_as_long_as_the_program_the_encoding_or_the_input(options, events, until):
    assert default_until(program_of_two(**options), {"in": events}) == until


@pytest.mark.parametrize(
    ("network", "inputs", "message"),
    [
        (two_populations(), {}, r"events were given for \[\], but the network's inputs are \['in'\]"),
        (two_populations(), {"in": TICKED, "x": TICKED}, r"given for \['in', 'x'\]"),
        (two_populations(), {"in": no_events(1, 3)}, "has 2 neurons, but its events come from 3"),
        (two_populations(), {"in": SECONDS}, "in needs times in ticks"),
        (two_populations(Continuous()), {"in": TICKED}, "in needs times in seconds"),
        (
            two_populations(one_spike=True),
            {"in": from_rows([0, 0], [1, 2], [0, 0], n_samples=1, n_neurons=2)},
            "a neuron of input in spikes more than once in a sample",
        ),
    ],
)
def test_inputs_that_do_not_fit_are_refused(network, inputs, message):
    with pytest.raises(EventsError, match=message):
        check_inputs(network, inputs)


def test_inputs_that_fit_tell_the_number_of_samples():
    assert check_inputs(two_populations(), {"in": no_events(5, 2)}) == 5
    spread = from_rows([0, 1], [1, 2], [0, 0], n_samples=2, n_neurons=2)
    assert check_inputs(two_populations(one_spike=True), {"in": spread}) == 2


def test_inputs_with_different_numbers_of_samples_are_refused():
    program = random_program(np.random.default_rng(12))
    names = program.network.inputs
    assert len(names) == 2
    sizes = (program.network.population(n).n for n in names)
    events = {name: no_events(k + 1, n) for k, (name, n) in enumerate(zip(names, sizes, strict=True))}
    with pytest.raises(EventsError, match=r"different numbers of samples: \[1, 2\]"):
        check_inputs(program.network, events)


def test_samples_become_spikes_in_the_networks_own_time():
    samples = [[1.0, 0.5]]
    assert encode_samples(two_populations(encoding=LATENCY), samples)["in"].times.tolist() == [0, 5]
    continuous = encode_samples(two_populations(Continuous(), LATENCY), samples)["in"].times
    assert continuous.tolist() == [0.0, 0.05]


def test_samples_need_an_encoding_and_its_size():
    with pytest.raises(UsageError, match="does not say how samples become spikes"):
        encode_samples(two_populations(), [[1.0, 0.5]])
    with pytest.raises(EventsError, match="a sample has 3 values, but input in has 2 neurons"):
        encode_samples(two_populations(encoding=LATENCY), [[1.0, 0.5, 0.2]])


def test_ticks_cannot_be_put_into_continuous_time():
    with pytest.raises(EventsError, match="the events are in ticks"):
        in_own_time(two_populations(Continuous()), {"in": TICKED})
    assert in_own_time(two_populations(), {"in": TICKED})["in"] is TICKED
    assert in_own_time(two_populations(), {"in": SECONDS})["in"].times.tolist() == [25, 50]


def test_a_time_beyond_all_ticks_is_refused():
    with pytest.raises(EventsError, match=r"too late to be counted in ticks of 0\.01 s"):
        in_own_time(two_populations(), {"in": from_dense_times([[1e300, 0.0]])})
