"""Quantise delays: seconds to whole ticks; what is longer than a synapse can hold goes through relay neurons.

A relay is a neuron that does nothing but pass a spike on. It receives it after the longest delay there is,
and a chain of k relays adds k (longest + 1) ticks; the synapses that follow hold the rest. The long
synapses of one presynaptic neuron share its chain.

Rounding moves each spike by up to half a tick. Where a current lasts, a synapse can instead be cut in two of
neighbouring delays that together are as late as was meant (`spikec.passes.between_ticks`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np

from spikec.arrays import BoolArray, FloatArray, IntArray
from spikec.ir.connectivity import DelayKind, Delays, simplest, sparse
from spikec.ir.network import Network, Population, Projection
from spikec.ir.neurons import CubaTicks
from spikec.passes.base import rename_free
from spikec.passes.between_ticks import between_ticks
from spikec.program import LogEntry, Program
from spikec.units import several

RELAY = CubaTicks(decay_u=4096, decay_v=4095, threshold=0.5)
"""Spikes in the tick in which a spike of weight one reaches it, and keeps nothing."""

MOST_RELAYS = 64
"""Most relays in a row: on Loihi they wait 4,032 ticks, about as long as the longest time constant. Each is a
population of its own, and what compiling takes grows with the square of their number."""


@dataclass(frozen=True)
class QuantizeDelays:
    """Round delays to ticks.

    Attributes:
        relays: Whether relay neurons carry delays beyond the target's longest; otherwise, and where it takes
            more than `MOST_RELAYS` of them in a row, these stay too long, and a rule reports them.
        between: Whether delays that end between two ticks are kept by two synapses, where they can be.
    """

    relays: bool = True
    between: bool = False

    name: ClassVar[str] = "quantize-delays"
    lossless: ClassVar[bool] = False

    def apply(self, program: Program) -> Program:
        """See `spikec.passes.base.Pass`."""
        network = program.network
        formats = program.target.formats
        longest = int(formats.delay_max.value) if formats else None
        figures: dict[str, object] = {}
        once = list(program.once)
        for q in network.projections:
            cut = between_ticks(network, q) if self.between else None
            rounded = cut or (in_ticks(q, network.dt),)
            unit = 1.0 if q.delays.in_ticks else network.dt
            given = q.delays.values / unit
            error = np.abs(given - np.rint(given)) if cut is None else np.zeros(0)
            figures[f"{q.name}.error_ticks"] = float(error.max(initial=0.0))
            if cut is not None:
                figures[f"{q.name}.more_synapses"] = cut[1].connectivity.n_synapses
            kept = [p for r in network.projections for p in (rounded if r.name == q.name else (r,))]
            network = replace(network, projections=tuple(kept))
            for part in rounded:
                if not (self.relays and longest is not None and _needs_relays(part, longest)):
                    continue
                n_populations = len(network.populations)
                network, n = with_relays(network, part, longest)
                figures[f"{part.name}.relay_neurons"] = n
                if q.pre in once or getattr(network.population(q.pre).neuron, "one_spike", False):
                    once.extend(p.name for p in network.populations[n_populations:])
        relays = sum(int(str(v)) for k, v in figures.items() if k.endswith("relay_neurons"))
        worst = max((float(str(v)) for k, v in figures.items() if k.endswith("error_ticks")), default=0.0)
        more = sum(int(str(v)) for k, v in figures.items() if k.endswith("more_synapses"))
        summary = (
            f"delays rounded by at most {worst:.3g} ticks, {several(relays, 'relay neuron')} for long ones"
        )
        summary += " that each take an event more for every spike they pass on" if relays else ""
        summary += f", {several(more, 'synapse')} more for parts of ticks" if self.between else ""
        entry = LogEntry(self.name, worst == 0, summary, figures)
        return program.logged(entry, network=network, once=tuple(once))


def in_ticks(q: Projection, dt: float) -> Projection:
    """The projection with delays in the nearest whole ticks."""
    delays = q.delays
    if not delays.in_ticks:
        delays = Delays(np.rint(delays.values / dt).astype(np.int64), delays.kind)
    return replace(q, delays=simplest(delays, q.connectivity))


def _needs_relays(q: Projection, longest: int) -> bool:
    """Whether delays are too long for synapses, and not too long for relays."""
    return longest < q.delays.longest < (MOST_RELAYS + 1) * (longest + 1)


def with_relays(network: Network, q: Projection, longest: int) -> tuple[Network, int]:
    """Carry the synapses of `q` that are longer than `longest` ticks through relays.

    Returns:
        The network, and how many relay neurons were added.
    """
    pre, post = q.connectivity.synapses()
    weights = np.asarray(q.connectivity.stored(), np.float64)
    delay = np.asarray(q.delays.per_synapse(q.connectivity), np.int64)
    stage = delay // (longest + 1)
    rest = delay - stage * (longest + 1)
    near = _part(q, q.name, q.pre, pre, post, weights, rest, stage == 0, q.connectivity.n_pre)
    populations, projections = [*network.populations], [r for r in network.projections if r.name != q.name]
    if near.connectivity.n_synapses:
        projections.append(near)
    carrier, carried = q.pre, np.arange(q.connectivity.n_pre)
    added = 0
    for k in range(1, int(stage.max(initial=0)) + 1):
        needed = np.unique(pre[stage >= k])
        name = rename_free(network, f"{q.name}.relay{k}")
        populations.append(Population(name, RELAY, (needed.size,)))
        chain = sparse(
            carried.size,
            needed.size,
            np.searchsorted(carried, needed),
            np.arange(needed.size),
            np.ones(needed.size),
        )
        projections.append(Projection(f"{name}.in", carrier, name, chain, Delays(np.array(longest))))
        place = np.searchsorted(needed, pre)
        at = stage == k
        if at.any():
            projections.append(_part(q, f"{name}.out", name, place, post, weights, rest, at, needed.size))
        carrier, carried, added = name, needed, added + needed.size
    changed = replace(network, populations=tuple(populations), projections=tuple(projections))
    return changed, added


def _part(
    q: Projection,
    name: str,
    carrier: str,
    pre: IntArray,
    post: IntArray,
    weights: FloatArray,
    delay: IntArray,
    chosen: BoolArray,
    n_pre: int,
) -> Projection:
    """Some synapses of `q`, leaving from another population."""
    listed = sparse(n_pre, q.connectivity.n_post, pre[chosen], post[chosen], weights[chosen])
    ordered = delay[chosen][np.lexsort((post[chosen], pre[chosen]))]
    delays = simplest(Delays(ordered, DelayKind.SYNAPTIC), listed)
    return Projection(name, carrier, q.post, listed, delays)
