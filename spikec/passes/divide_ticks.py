r"""Divide ticks: spikes that tell their time to a part of a tick, by several neurons for one.

A chip's spike says in which tick a neuron crossed its threshold, and not when. P neurons for one, whose
inputs come 0, 1/P, 2/P, ... of a tick later, cross in two neighbouring ticks, the one whose inputs are not
late first, and how many do in the first tells the time to 1/P of a tick.

**Hidden neurons** send what one spike would by P spikes of a weight of 1/P. If n of them spike in tick k and
the others in k + 1, all together should arrive :math:`d + (P - n)/P` after k, for a delay of d. So delays
need no cutting: neuron j, counted from 0, waits the whole ticks of :math:`d + (P - j - 1)/P`. Only where an
integer lies between that and 1/P more, its delay keeps a part of a tick.

**Answers** by first spikes are told by the earliest crossing of all P (`spikec.coding.earliest_of_parts`).

**Inputs** have a neuron for each part of a tick (`Source.parts`), of which only the one spikes in whose part
the time lies; their delays differ by these parts. That takes memory, but no event, so inputs have more parts.

Only neurons that spike once, from currents that last, without a bias and outside of cycles, are divided: what
is late for them is late by the same in all that follows. All that reaches a neuron is made equally late on
average, by delays of parts of a tick: a neuron that is not divided is half a tick late
(`spikec.passes.lateness`), a divided one on average 1 - 1/(2P), an input not at all.

The price is P times the neurons, and up to 2 P (hidden neurons) times the events. Ticks that are P times
shorter cost as many updates and fewer events, but are P times as many.
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
from spikec.passes.base import only_first_counts, rename_free
from spikec.passes.between_ticks import SMALLEST
from spikec.program import LogEntry, Program
from spikec.units import several

MOST_PARTS = 16
"""Parts of a tick: beyond, what curvature and inputs' own parts cost is more than what is won."""

OF_INPUTS = 4
"""Parts of inputs' ticks for each of the other neurons': they cost no neurons and no events."""

MOST_SYNAPSES = 1 << 20
"""Synapses of a divided input; where it would have more, it gets fewer parts, or none."""


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
        network, figures = program.network, dict[str, object]({"parts": self.parts})
        divided = [p.name for p in network.populations if self.parts > 1 and _divisible(program, p)]
        before, _ = _parts_late(network, program.late, (), 1)
        arrives, leaves = _parts_late(network, program.late, divided, self.parts)
        late = {name: ticks + arrives[name] - before[name] for name, ticks in program.late.items()}
        network = _meeting(network, arrives, leaves)
        copies: dict[str, str] = {}
        for name in (n for component in network.components() for n in component if n in divided):
            p = network.population(name)
            network, copies[name] = _copied(network, p, self.parts)
            late[copies[name]] = late[name] + 0.5
        for name, others in copies.items():
            network = _sharing(network, name, others, self.parts)
        for p in network.populations:
            parts = _input_parts(network, p, self.parts) if self.parts > 1 else 1
            if parts > 1:
                network = _by_part(network, p, parts)
                figures[f"{p.name}.parts"] = parts
        longer = int(np.ceil(max((arrives[name] - before[name] for name in before), default=0.0)))
        n_ticks = None if program.n_ticks is None else program.n_ticks + longer
        figures["neurons_added"] = sum(network.population(name).n for name in copies.values())
        summary = _summary(network, copies, self.parts)
        return program.logged(
            LogEntry(self.name, False, summary, figures),
            network=_answering(network, copies),
            late=late,
            n_ticks=n_ticks,
            copies=copies,
        )


def _summary(network: Network, copies: Mapping[str, str], parts: int) -> str:
    """What was divided, in words."""
    words = [f"times of {', '.join(copies)} to 1/{parts} of a tick"] if copies else []
    words += [f"those of {p.name} to 1/{p.shape[0]}" for p in network.populations if p.is_divided]
    added = sum(network.population(name).n for name in copies.values())
    return f"{', '.join(words) or 'no spikes divided'}; {several(added, 'neuron')} more"


def _divisible(program: Program, p: Population) -> bool:
    """Whether the spikes of neurons may be divided, and whether there is something to win."""
    network, outgoing = program.network, program.network.outgoing(p.name)
    k = p.neuron
    if not isinstance(k, CubaTicks) or not _lasts(p) or not k.one_spike:
        return False
    told = outgoing and all(_lasts(network.population(q.post)) for q in outgoing)
    in_cycle = any(p.name in c for c in network.components() if len(c) > 1)
    itself = any(q.post == p.name for q in outgoing)
    if in_cycle or itself or not (told or only_first_counts(network, p.name)):
        return False
    return not np.any(np.asarray(k.bias)) and not np.any(np.asarray(k.current_bias))


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


def _input_parts(network: Network, p: Population, parts: int) -> int:
    """Into how many parts of a tick an input is divided, 1 for not at all."""
    outgoing, k = network.outgoing(p.name), p.neuron
    if not isinstance(k, Source) or not k.one_spike or not outgoing:
        return 1
    at_one_moment = isinstance(network.encoding, BinaryEncoding) and network.encoding.population == p.name
    reach = all(_lasts(network.population(q.post)) and not q.delays.in_ticks for q in outgoing)
    wanted = OF_INPUTS * parts
    while wanted > 1 and wanted * sum(q.connectivity.n_synapses for q in outgoing) > MOST_SYNAPSES:
        wanted //= 2
    return wanted if reach and not at_one_moment else 1


def _by_part(network: Network, p: Population, parts: int) -> Network:
    """The network with a neuron for each part of a tick in which an input may spike."""
    assert isinstance(p.neuron, Source)
    later = np.arange(parts) / parts * network.dt
    outgoing = {q.name: _repeated(q, later, DelayKind.AXONAL) for q in network.outgoing(p.name)}
    divided = Population(p.name, replace(p.neuron, parts=parts), (parts, *p.shape))
    populations = tuple(divided if r.name == p.name else r for r in network.populations)
    projections = tuple(outgoing.get(q.name, q) for q in network.projections)
    return replace(network, populations=populations, projections=projections)


def _copied(network: Network, p: Population, parts: int) -> tuple[Network, str]:
    """The network with so many neurons for each of a population, and the name of the population they make."""
    share = np.asarray(1 / parts)
    network = network.with_projections({q.name: scaled_rows(q, share) for q in network.outgoing(p.name)})
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


def _sharing(network: Network, name: str, copies: str, parts: int) -> Network:
    """The network in which a neuron and those added for it share the parts of ticks in their delays."""
    n = network.population(name).n
    changed = {}
    for q in (q for carrier in (name, copies) for q in network.outgoing(carrier)):
        if q.delays.in_ticks:
            continue
        listed = unrolled(q)
        pre, _ = listed.connectivity.synapses()
        number = np.asarray(np.zeros(pre.size) if q.pre == name else pre // n + 1, np.float64)
        ticks = shared_delay(listed.delays.per_synapse(listed.connectivity) / network.dt, number, parts)
        delays = Delays((ticks * network.dt).reshape(listed.connectivity.weights.shape), DelayKind.SYNAPTIC)
        changed[q.name] = replace(listed, delays=simplest(delays, listed.connectivity))
    return network.with_projections(changed)


def shared_delay(delay: FloatArray, number: FloatArray, parts: int) -> FloatArray:
    """The delay of one of several neurons that spike for one, ticks.

    Args:
        delay: Of the one, ticks, zero or more.
        number: Which of them, from 0: the first to spike.
        parts: How many there are.
    """
    end = delay + (parts - number) / parts
    whole = np.floor(end + SMALLEST)
    beyond: FloatArray = whole - 1 + np.clip(parts * (end - whole), 0.0, 1.0)
    return np.maximum(beyond, 0.0)


def _answering(network: Network, copies: Mapping[str, str]) -> Network:
    """The network with the neurons that were added for those that answer among its outputs."""
    answer = None if network.decoding is None else copies.get(network.decoding.population)
    return network if answer is None else replace(network, outputs=(*network.outputs, answer))


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
