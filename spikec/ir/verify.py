"""What must hold for a network of each dialect, checked before and after every pass.

Shapes and names are checked when a `Network` is made; this is about what the dialects allow.
"""

from __future__ import annotations

from collections.abc import Collection

import numpy as np

from spikec.errors import NetworkError
from spikec.ir.components import feed_themselves
from spikec.ir.connectivity import DelayKind
from spikec.ir.fixed_neurons import FIXED
from spikec.ir.fixed_point import Fixed
from spikec.ir.iaf import IAF, IafPscExp
from spikec.ir.network import LOIHI, Continuous, Dialect, Network, Population, Projection, Reset
from spikec.ir.neurons import CubaLif, CubaTicks, If, IfExp, Lif, Neuron, Ramp

TICKS_ONLY: tuple[type[Neuron], ...] = (CubaTicks, *IAF, *FIXED)


def verify(network: Network, split: Collection[str] = ()) -> Network:
    """Check a network against the rules of its dialect and return it.

    Args:
        network: In any dialect.
        split: Names of populations that now are several, and may still be named by the decoding.

    Raises:
        NetworkError: The first rule that is broken.
    """
    dialect = network.dialect
    for p in network.populations:
        if dialect is Dialect.CONTINUOUS and isinstance(p.neuron, TICKS_ONLY):
            raise NetworkError(
                f"population {p.name} is a {type(p.neuron).__name__}, which needs ticks, but the network "
                "is continuous; give it a clock of Ticks"
            )
        if dialect is Dialect.FIXED and isinstance(p.neuron, FIXED) and not _hops(network):
            raise NetworkError(
                f"population {p.name} is in a chip's integers, where every hop takes one tick, but the clock "
                "says that it takes none; give it the convention LOIHI"
            )
        if dialect is Dialect.TICKS and isinstance(p.neuron, FIXED):
            raise NetworkError(f"population {p.name} is in integers, but others are not; compile all or none")
        if isinstance(p.neuron, IAF):
            _verify_iaf(p, network)
    for q in network.projections:
        _verify_projection(q, dialect)
    if isinstance(network.clock, Continuous):
        for p in network.populations:
            _verify_reset(p, network.clock.reset)
        _verify_no_instant_cycle(network)
    _verify_codings(network, split)
    return network


def _hops(network: Network) -> bool:
    return not isinstance(network.clock, Continuous) and network.clock.convention.hop_delay == 1


def _verify_iaf(p: Population, network: Network) -> None:
    """Refuse another convention than neurons with a refractory period have, and projections of two signs."""
    name = type(p.neuron).__name__
    if not isinstance(network.clock, Continuous) and network.clock.convention != LOIHI:
        raise NetworkError(
            f"population {p.name} is an {name}, which is integrated exactly, is reset to a value, and whose "
            "spikes take one tick to the next population; give the clock Ticks(dt, LOIHI)"
        )
    for q in network.incoming(p.name) if isinstance(p.neuron, IafPscExp) else ():
        weights = q.connectivity.weights
        if not isinstance(weights, Fixed) and np.any(weights < 0) and np.any(weights > 0):
            raise NetworkError(
                f"projection {q.name} has weights of both signs, but {p.name} is an {name}, whose excitatory "
                "and inhibitory currents are two; give each sign a projection of its own"
            )


def _verify_projection(q: Projection, dialect: Dialect) -> None:
    fixed = dialect is Dialect.FIXED
    if isinstance(q.connectivity.weights, Fixed) != fixed:
        kind = "fixed-point" if fixed else "real"
        raise NetworkError(f"projection {q.name} needs {kind} weights, as its network is {dialect.value}")
    if fixed and not q.delays.in_ticks:
        raise NetworkError(
            f"projection {q.name} has delays in seconds, but a fixed network needs whole ticks"
        )
    if dialect is Dialect.CONTINUOUS and q.delays.in_ticks and np.any(q.delays.values != 0):
        raise NetworkError(f"projection {q.name} has delays in ticks, but its network needs seconds")


def _verify_reset(p: Population, reset: Reset) -> None:
    k = p.neuron
    if not isinstance(k, If | Lif | CubaLif | IfExp | Ramp) or k.one_spike:
        return
    if reset is Reset.SUBTRACT:
        lowest = float(np.asarray(k.threshold).min())
        if lowest <= 0:
            raise NetworkError(
                f"population {p.name} subtracts thresholds down to {lowest:g}: it could spike "
                "without end in one moment; give positive thresholds, or one_spike=True"
            )
        return
    endless = np.flatnonzero(np.asarray(k.v_reset) >= np.asarray(k.threshold))
    if endless.size:
        raise NetworkError(
            f"population {p.name} resets neuron {int(endless[0])} to its threshold or above: in continuous "
            "time it could spike without end in one moment; give v_reset below threshold, or one_spike=True"
        )


def _verify_no_instant_cycle(network: Network) -> None:
    jumps = {p.name for p in network.populations if isinstance(p.neuron, If | Lif)}
    instant = (q for q in network.projections if {q.pre, q.post} <= jumps and _has_instant(q))
    for cycle in feed_themselves((q.pre, q.post) for q in instant):
        raise NetworkError(
            f"populations {', '.join(cycle)} feed each other without delay: a spike could cause "
            "itself; give one of the projections a delay"
        )


def _has_instant(q: Projection) -> bool:
    if q.delays.kind is DelayKind.UNIFORM:
        return bool(q.delays.values == 0 and q.connectivity.n_synapses)
    return bool(np.any(q.delays.per_synapse(q.connectivity) == 0))


def _verify_codings(network: Network, split: Collection[str]) -> None:
    names = []
    if network.encoding is not None:
        names = [network.encoding.population, *([network.encoding.clock] if network.encoding.clock else [])]
        if sorted(names) != sorted(network.inputs):
            raise NetworkError(
                f"the encoding feeds {sorted(names)}, but the inputs are {sorted(network.inputs)}"
            )
    if network.decoding is not None and network.decoding.population not in split:
        network.population(network.decoding.population)
