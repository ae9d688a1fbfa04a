r"""By how much each population runs late on a chip's clock, where every hop takes a tick.

**Whole ticks.** A neuron whose input moves the current (`Ramp`, `CubaLif`, `LiReadout`), or turns it
(`Theta`, `QifExp`), reaches at the end of a tick what the continuous one reaches a tick after its input: the
hop is no delay at all. A neuron whose membrane jumps (`If`, `Lif`) does so at once, so the hop is a delay of
one tick; it is taken off where there is a delay to take it from. Elsewhere the whole population runs a tick
late, and what reaches it on other ways is delayed as much: its inputs still meet as they did. Only in a cycle
whose delays are shorter than its hops can they not.

**Parts.** A spike of continuous time is seen in the first tick after it, half a tick late on average, and
what it causes is late by as much; one of a tick stays in a tick. Input spikes are rounded to ticks; if all
come at one moment, all are late, or early, by one known part of a tick.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from spikec.arrays import FloatArray
from spikec.coding import BinaryEncoding
from spikec.ir.network import Continuous, Network, Population, Projection
from spikec.ir.neurons import If, Lif


def late_ticks(network: Network, dt: float) -> dict[str, int]:
    """By how many ticks each population runs late on a chip, at least, if all its inputs are to meet.

    Every hop takes a tick. Where the network itself takes none and has no delay to spare, the hop makes what
    follows late; longer delays on the way make it up again.
    """
    own = _own_ticks(network)
    late = {
        q.name: 1 - own[q.name] - int(np.rint(_delay_ticks(q, network, dt).min()))
        for q in network.projections
        if q.connectivity.n_synapses
    }
    given_up: set[str] = set()
    while True:
        shift = _longest(network, {name: ticks for name, ticks in late.items() if name not in given_up})
        endless = _endless(network, late, shift, given_up)
        if not endless:
            return shift
        given_up |= endless


def _longest(network: Network, late: Mapping[str, int]) -> dict[str, int]:
    """The latest that each population is made on any way to it; in circles, once around."""
    shift = {p.name: 0 for p in network.populations}
    for _ in network.populations:
        for q in network.projections:
            if q.name in late:
                shift[q.post] = max(shift[q.post], shift[q.pre] + late[q.name])
    return shift


def _endless(
    network: Network, late: Mapping[str, int], shift: Mapping[str, int], given_up: set[str]
) -> set[str]:
    """What leads back in the first cycle that would become later and later, as it cannot be kept in time."""
    for component in network.components():
        inner = [q for q in network.projections if q.pre in component and q.post in component]
        kept = [q for q in inner if q.name in late and q.name not in given_up]
        if any(shift[q.pre] + late[q.name] > shift[q.post] for q in kept):
            return {q.name for q in kept if network.leads_back(q)}
    return set()


def _own_ticks(network: Network) -> dict[str, int]:
    """Ticks that the network itself lets pass on each projection of delay 0, as the chip counts them."""
    if isinstance(network.clock, Continuous):
        jumps = {p.name for p in network.populations if isinstance(p.neuron, If | Lif)}
        return {q.name: int(q.post not in jumps) for q in network.projections}
    habits = network.clock.convention
    leaving = {p.name: 0 if p.is_source else habits.spike_delay for p in network.populations}
    return {q.name: leaving[q.pre] + habits.hop(network.leads_back(q)) for q in network.projections}


def _delay_ticks(q: Projection, network: Network, dt: float) -> FloatArray:
    """A projection's delays in ticks: whole ones, unless the network is continuous."""
    if q.delays.in_ticks:
        return q.delays.values.astype(np.float64)
    ticks = q.delays.values / dt
    return ticks if isinstance(network.clock, Continuous) else np.rint(ticks)


def waits(network: Network, dt: float, shift: Mapping[str, int]) -> dict[str, FloatArray]:
    """Delays in ticks, less the chip's own for the hop, more what the far end runs later than the near.

    Where they fall below 0, spikes arrive too late by as much.
    """
    own = _own_ticks(network)
    return {
        q.name: _delay_ticks(q, network, dt) - (1 - own[q.name]) + shift[q.post] - shift[q.pre]
        for q in network.projections
    }


def mean_lateness(network: Network, dt: float, shift: Mapping[str, int]) -> dict[str, float]:
    """By how many ticks the spikes of each population are late on average.

    Those of inputs are not, unless all come at one moment that lies between two ticks. A chip's spikes leave
    in the tick of their crossing, so where a network has them leave later, they are early by as much.

    Args:
        network: Before it is put on the chip's clock.
        dt: Length of a tick, seconds.
        shift: Whole ticks, from `late_ticks`.
    """
    late = late_input(network, dt, shift)
    early = 0 if isinstance(network.clock, Continuous) else network.clock.convention.spike_delay
    return {
        p.name: late[p.name] + _own_half(p, network) - early * (not p.is_source) for p in network.populations
    }


def late_input(network: Network, dt: float, shift: Mapping[str, int]) -> dict[str, float]:
    """By how many ticks what reaches each population is late, on average: the latest of its inputs.

    Within a cycle nobody is late of itself. For an input it is by how much its own spikes are.
    """
    late = {p.name: 0.0 for p in network.populations}
    if isinstance(network.encoding, BinaryEncoding):
        moment = network.encoding.time / dt
        late[network.encoding.population] = float(np.rint(moment) - moment)
    for component in network.components():
        reaching = [
            late[q.pre] + _own_half(network.population(q.pre), network)
            for q in network.projections
            if q.post in component and q.pre not in component
        ]
        if reaching:
            late.update(dict.fromkeys(component, max(reaching)))
    return {name: shift[name] + h for name, h in late.items()}


def _own_half(p: Population, network: Network) -> float:
    """What a population adds: nothing in ticks, or where membranes jump, for the spike's tick causes it."""
    if p.is_source or isinstance(p.neuron, If | Lif) or not isinstance(network.clock, Continuous):
        return 0.0
    return 0.5
