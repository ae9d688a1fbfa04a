r"""Divide ticks: spikes that tell their time to a part of a tick, by several neurons for one.

A chip's spike says in which tick a neuron crossed its threshold, and not when. P neurons for one, whose
inputs come 0, 1/P, 2/P, ... of a tick later, cross in two neighbouring ticks, and how many do in the first
tells the time to 1/P of a tick: with weights of 1/P their spikes together leave in a membrane what one spike
of the mean time would, but for the curvature of its course within a tick. An input spike is divided likewise:
it comes as P counts (`Source.parts`), spread over two ticks.

Only neurons that spike once, from currents that last, without a bias and outside of cycles, are divided: what
is late for them is late by the same in all that follows. All that reaches a neuron is made equally late on
average, by delays of parts of a tick: a neuron that is not divided is half a tick late
(`spikec.passes.lateness`), a divided one on average 1 - 1/(2P), an input not at all.

The price is P times the neurons and up to 2 P^2 times the events: of counts, of neurons, and of two synapses
for one. Ticks that are P times shorter cost as many updates and fewer events, but are P times as many.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any, ClassVar

import numpy as np

from spikec.arrays import FloatArray
from spikec.coding import BinaryEncoding
from spikec.errors import UsageError
from spikec.ir.connectivity import Connectivity, DelayKind, Delays, Dense, simplest, sparse
from spikec.ir.network import Network, Population, Projection, scaled_rows, unrolled
from spikec.ir.neurons import CubaTicks, Source, parameters
from spikec.passes.base import rename_free
from spikec.program import LogEntry, Program
from spikec.units import several

MOST_PARTS = 16
"""Parts of a tick: beyond, what curvature and the outputs' own ticks cost is more than what is won."""


@dataclass(frozen=True)
class DivideTicks:
    """Let spikes tell their time to parts of a tick, and meet what is late by other parts.

    Attributes:
        parts: P; with 1 no neuron is added, and what reaches a neuron is only made equally late.
    """

    parts: int

    name: ClassVar[str] = "divide-ticks"
    lossless: ClassVar[bool] = False

    def apply(self, program: Program) -> Program:
        """See `spikec.passes.base.Pass`.

        Raises:
            UsageError: The number of parts is out of range.
        """
        if not 1 <= self.parts <= MOST_PARTS:
            raise UsageError(f"{self.parts} parts of a tick are impossible; give 1 to {MOST_PARTS}")
        network = program.network
        divided = tuple(p.name for p in network.populations if self.parts > 1 and _divisible(program, p))
        before, _ = _parts_late(network, program.late, (), 1)
        arrives, leaves = _parts_late(network, program.late, divided, self.parts)
        late = {name: ticks + arrives[name] - before[name] for name, ticks in program.late.items()}
        network = _meeting(network, arrives, leaves)
        added = 0
        for name in (n for component in network.components() for n in component if n in divided):
            p = network.population(name)
            if p.is_source:
                network = _counted(network, p, self.parts)
            else:
                network, copies = _copied(network, p, self.parts)
                late[copies] = late[name] + 0.5
                added += p.n * (self.parts - 1)
        longer = int(np.ceil(max((arrives[name] - before[name] for name in before), default=0.0)))
        n_ticks = None if program.n_ticks is None else program.n_ticks + longer
        figures: dict[str, object] = {"parts": self.parts, "neurons_added": added}
        names = ", ".join(divided) or "no spikes"
        summary = f"times of {names} to 1/{self.parts} of a tick, {several(added, 'neuron')} more"
        return program.logged(
            LogEntry(self.name, False, summary, figures), network=network, late=late, n_ticks=n_ticks
        )


def _divisible(program: Program, p: Population) -> bool:
    """Whether the spikes of a population may be divided, and whether there is something to win."""
    network, outgoing = program.network, program.network.outgoing(p.name)
    if not outgoing or not all(_lasts(network.population(q.post)) for q in outgoing):
        return False
    k = p.neuron
    if isinstance(k, Source):
        formats = program.target.formats
        counts = formats is not None and formats.message_bits is not None
        reaches = formats is None or all(
            q.delays.longest / network.dt <= formats.delay_max.value - 1 for q in outgoing
        )
        at_one_moment = isinstance(network.encoding, BinaryEncoding)
        return counts and reaches and k.one_spike and k.most_at_once == 1 and not at_one_moment
    in_cycle = any(p.name in c for c in network.components() if len(c) > 1)
    itself = any(q.post == p.name for q in outgoing)
    if in_cycle or itself or not _lasts(p) or not isinstance(k, CubaTicks):
        return False
    return k.one_spike and not np.any(np.asarray(k.bias)) and not np.any(np.asarray(k.current_bias))


def _lasts(p: Population) -> bool:
    """Whether a population's currents are there after a tick."""
    return isinstance(p.neuron, CubaTicks) and bool(np.all(np.asarray(p.neuron.decay_u) < 4096))


def _parts_late(
    network: Network, late: Mapping[str, float], divided: Collection[str], parts: int
) -> tuple[dict[str, float], dict[str, float]]:
    """By which part of a tick what reaches each population is late on average, and what leaves it.

    Args:
        network: In ticks.
        late: By how many ticks the spikes of inputs are late on average; of others it is found here.
        divided: Populations that are divided.
        parts: Into how many parts.
    """
    arrives = {p.name: late.get(p.name, 0.0) if p.is_source else 0.0 for p in network.populations}
    leaves = dict(arrives)
    for component in network.components():
        reaching = [
            leaves[q.pre] for q in network.projections if q.post in component and q.pre not in component
        ]
        for name in component:
            p = network.population(name)
            if p.is_source:
                continue
            arrives[name] = max(reaching, default=0.0)
            own = 1 - 1 / (2 * parts) if name in divided else 0.5
            leaves[name] = arrives[name] + (own if _lasts(p) else 0.0)
    return arrives, leaves


def _meeting(network: Network, arrives: Mapping[str, float], leaves: Mapping[str, float]) -> Network:
    """Delay what is less late than the latest that reaches the same neurons, by parts of a tick."""
    return network.with_projections(
        {
            q.name: _later(q, (arrives[q.post] - leaves[q.pre]) * network.dt)
            for q in network.projections
            if _lasts(network.population(q.post)) and not network.leads_back(q)
        }
    )


def _later(q: Projection, seconds: float) -> Projection:
    if seconds <= 0 or q.delays.in_ticks:
        return q
    return replace(q, delays=Delays(q.delays.values + seconds, q.delays.kind))


def _counted(network: Network, p: Population, parts: int) -> Network:
    """The network with each spike of an input as so many counts of a part of its weight."""
    assert isinstance(p.neuron, Source)
    neuron = replace(p.neuron, most_at_once=parts, parts=parts)
    return _lighter(network, p.name, parts).with_populations({p.name: replace(p, neuron=neuron)})


def _copied(network: Network, p: Population, parts: int) -> tuple[Network, str]:
    """The network with so many neurons for each of a population, and the name of the population they make."""
    network = _lighter(network, p.name, parts)
    name = rename_free(network, f"{p.name}.parts")
    tiled: dict[str, Any] = {
        k: np.tile(v, parts - 1) if v.ndim else v for k, v in parameters(p.neuron).items()
    }
    assert isinstance(p.neuron, CubaTicks)
    copies = Population(name, replace(p.neuron, **tiled), (p.n * (parts - 1),))
    later = np.arange(1, parts) / parts * network.dt
    projections = [*network.projections]
    for q in network.incoming(p.name):
        more = replace(_repeated(q, later, DelayKind.DENDRITIC), post=name)
        projections.append(replace(more, name=rename_free(network, f"{q.name}.parts")))
    for q in network.outgoing(p.name):
        more = replace(_repeated(q, 0 * later, DelayKind.AXONAL), pre=name)
        projections.append(replace(more, name=rename_free(network, f"{q.name}.parts")))
    populations = (*network.populations, copies)
    return replace(network, populations=populations, projections=tuple(projections)), name


def _repeated(q: Projection, later: FloatArray, side: DelayKind) -> Projection:
    """A projection several times, one after the other on one side.

    Args:
        q: What to repeat.
        later: How much longer the delays are each time, seconds, ``(n_times,)``.
        side: `DelayKind.DENDRITIC` for more neurons where it ends, `DelayKind.AXONAL` where it starts.
    """
    q, times = unrolled(q), later.size
    c, ending = q.connectivity, side is DelayKind.DENDRITIC
    n_pre, n_post = (c.n_pre, c.n_post * times) if ending else (c.n_pre * times, c.n_post)
    steps = np.repeat(np.arange(times), c.n_synapses)
    pre, post = (np.tile(s, times) for s in c.synapses())
    pre, post = (pre, post + steps * c.n_post) if ending else (pre + steps * c.n_pre, post)
    weights = np.tile(np.asarray(c.stored(), np.float64), times)
    delays = np.tile(q.delays.per_synapse(c), times) + later[steps]
    if isinstance(c, Dense):
        matrix, late = np.zeros((n_post, n_pre)), np.zeros((n_post, n_pre))
        matrix[post, pre], late[post, pre] = weights, delays
        repeated: Connectivity = Dense(matrix)
        ordered = late
    else:
        repeated, ordered = sparse(n_pre, n_post, pre, post, weights), delays[np.lexsort((post, pre))]
    return replace(q, connectivity=repeated, delays=simplest(Delays(ordered, DelayKind.SYNAPTIC), repeated))


def _lighter(network: Network, name: str, parts: int) -> Network:
    share = np.asarray(1 / parts)
    return network.with_projections({q.name: scaled_rows(q, share) for q in network.outgoing(name)})
