"""What goes into a run: samples as spikes, in the network's own time, checked; and how long the run takes."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod

import numpy as np
import numpy.typing as npt

from spikec.coding import encode
from spikec.errors import EventsError, UsageError
from spikec.events import Events
from spikec.ir.network import Continuous, Dialect, Network, Population, Ticks
from spikec.ir.neurons import Source
from spikec.program import Program


def encode_samples(network: Network, samples: npt.ArrayLike) -> dict[str, Events]:
    """Turn samples into the input spikes of a network, in its own kind of time.

    Raises:
        UsageError: The network does not say how samples become spikes.
        EventsError: The samples do not fit its inputs.
    """
    if network.encoding is None:
        raise UsageError("this network does not say how samples become spikes; give spikes with --input")
    events = encode(network.encoding, samples)
    for name, e in events.items():
        n = prod(network.population(name).given_shape)
        if e.n_neurons != n:
            raise EventsError(
                f"a sample has {e.n_neurons} values, but input {name} has {n} neurons; take the data set "
                "that the network was made for"
            )
    return in_own_time(network, events)


def in_own_time(network: Network, events: Mapping[str, Events]) -> dict[str, Events]:
    """Convert events to the network's time: seconds if it is continuous, its ticks otherwise.

    Spikes of inputs that the network divides go to the neuron of the part of a tick they lie in.
    """
    if isinstance(network.clock, Continuous):
        if any(e.in_ticks for e in events.values()):
            raise EventsError(
                "a continuous network needs spike times in seconds, but the events are in ticks"
            )
        return dict(events)
    parts = {
        p.name: p.neuron.parts
        for p in network.populations
        if isinstance(p.neuron, Source) and p.name in events and events[p.name].n_neurons != p.n
    }
    return {name: e.to_ticks(network.dt, parts.get(name, 1)) for name, e in events.items()}


def default_until(program: Program, events: Mapping[str, Events]) -> float:
    """How long to run when nobody says: the program's or encoding's length, else until the last input spike.

    In ticks the last input spike is also answered by every layer. In continuous time the run ends with it,
    for there it may mark the end.

    Returns:
        Seconds for a continuous network, ticks otherwise.

    Raises:
        UsageError: The network has no inputs, and nothing else says how long to run it.
    """
    encoding, clock = program.network.encoding, program.network.clock
    if program.n_ticks is not None and not isinstance(clock, Continuous):
        return program.n_ticks
    if encoding is not None:
        return encoding.duration if isinstance(clock, Continuous) else round(encoding.duration / clock.dt) + 1
    if not program.network.inputs:
        option = "--until SECONDS" if isinstance(clock, Continuous) else "--ticks N"
        raise UsageError(f"this network has no inputs, so nothing says how long to run it; give {option}")
    last = max((float(e.times.max()) for e in events.values() if e.n_events), default=0.0)
    return last if isinstance(clock, Continuous) else int(last) + 1 + _ticks_to_outputs(program.network)


def _ticks_to_outputs(network: Network) -> int:
    """The ticks a spike needs along the longest way without a cycle, so that the last one is answered."""
    assert isinstance(network.clock, Ticks)
    hop = network.clock.convention.hop_delay + network.clock.convention.spike_delay
    arrives = {p.name: 0 for p in network.populations}
    for component in network.components():
        for q in network.projections:
            if q.post in component and q.pre not in component:
                delay = q.delays.longest if q.delays.in_ticks else q.delays.longest / network.clock.dt
                arrives[q.post] = max(arrives[q.post], arrives[q.pre] + hop + round(delay))
        latest = max(arrives[name] for name in component)
        arrives.update(dict.fromkeys(component, latest))
    return max(arrives.values(), default=0)


def check_inputs(network: Network, inputs: Mapping[str, Events]) -> int:
    """Check that events fit a network's inputs.

    Returns:
        The number of samples; 1 for a network without inputs.

    Raises:
        EventsError: An input lacks events, sizes or sample counts differ, the kind of time is wrong, a source
            that promises one spike a sample breaks its word, or a neuron spikes more often at one moment than
            it may.
    """
    if set(inputs) != set(network.inputs):
        raise EventsError(
            f"events were given for {sorted(inputs)}, but the network's inputs are {sorted(network.inputs)}"
        )
    continuous = isinstance(network.clock, Continuous)
    fixed = network.dialect is Dialect.FIXED
    for name, e in inputs.items():
        population = network.population(name)
        if e.n_neurons != population.n:
            raise EventsError(
                f"input {name} has {population.n} neurons, but its events come from {e.n_neurons}"
            )
        if e.in_ticks == continuous:
            raise EventsError(f"input {name} needs times in {'seconds' if continuous else 'ticks'}")
        if getattr(population.neuron, "one_spike", False) and not e.once and e.n_events:
            together = e.counts().reshape(e.n_samples, getattr(population.neuron, "parts", 1), -1).sum(axis=1)
            if together.max() > 1:
                raise EventsError(
                    f"a neuron of input {name} spikes more than once in a sample; once is allowed"
                )
        if continuous and not e.once:
            _check_moments(name, e)
        if fixed:
            _check_counts(name, e, population)
    sizes = {e.n_samples for e in inputs.values()} if network.inputs else {1}
    if len(sizes) != 1:
        raise EventsError(f"the inputs have different numbers of samples: {sorted(sizes)}")
    return sizes.pop()


def _check_moments(name: str, e: Events) -> None:
    """Refuse two input spikes of one neuron at one moment: a tick holds one, and so does a moment."""
    repeated = np.flatnonzero(e.repeats())
    if repeated.size:
        k = int(repeated[0])
        raise EventsError(
            f"neuron {e.neurons[k]} of input {name} spikes twice at {e.times[k]:g} s in sample "
            f"{e.sample_of_event()[k]}; a moment holds one spike of a neuron: leave one out or move it"
        )


MOST_TICKS = 1 << 20
"""Ticks of a sample; of longer ones engines could not keep the spikes' places in memory."""


def check_ticks(n_ticks: int) -> None:
    """Check that a run in ticks has a length that can be.

    Raises:
        UsageError: It has not.
    """
    if not 1 <= n_ticks <= MOST_TICKS:
        raise UsageError(f"a run of {n_ticks} ticks was asked for; give 1 to {MOST_TICKS}")


def _check_counts(name: str, e: Events, population: Population) -> None:
    """Refuse more spikes of one neuron in a tick than its source may have."""
    assert isinstance(population.neuron, Source)
    got, most = e.most_at_once(), population.neuron.most_at_once
    if got > most:
        raise EventsError(
            f"a neuron of input {name} spikes {got} times in one tick, more than {most}; compile with "
            f"--input-counts {got}, or give one spike a tick"
        )
