"""First placements: random, one population after the other, filled in order, and by connectivity.

`sequential` is what nengo-loihi does: each population is cut into as few equal chunks of consecutive
neurons as fit, one chunk a core, cores in the order of the chip. The others work on groups
(`spikec.placement.groups`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from spikec.arrays import BoolArray, IntArray
from spikec.ir.network import Network
from spikec.placement import kernels
from spikec.placement.groups import Groups, Nets
from spikec.placement.rules import Assignment, Use, uses
from spikec.targets.target import Target

LESS = 0.85
"""Share of neurons that a core is given the next time if its axons out were too many."""


def sequential(network: Network, target: Target) -> Assignment:
    """Cut every population into the fewest equal chunks of consecutive neurons that fit, a chunk a core.

    A population that fits in no number of chunks ends in single neurons.
    """
    names = [p.name for p in network.populations if not p.is_source]
    sizes = {name: network.population(name).n for name in names}
    chunks = dict.fromkeys(names, 1)
    hopeless: set[str] | None = None
    while True:
        a = chunked(network, target, chunks)
        owner = np.repeat(np.arange(len(names)), [chunks[name] for name in names])
        finer: dict[str, int] = {}
        for use in uses(a):
            for k in np.unique(owner[use.broken]):
                name = names[int(k)]
                needed = _enough(use, owner == k, chunks[name])
                finer[name] = min(sizes[name], max(finer.get(name, 0), needed))
        if all(chunks[name] == n for name, n in finer.items()):
            return a
        if hopeless is None:
            hopeless = _hopeless(network, target, names)
        chunks.update({name: sizes[name] if name in hopeless else n for name, n in finer.items()})


def _hopeless(network: Network, target: Target, names: Sequence[str]) -> set[str]:
    """Populations of which even a single neuron is too much for a core.

    How many axons leave a core is left aside: that depends on how finely what it reaches is cut.
    """
    sizes = [network.population(name).n for name in names]
    singles = chunked(network, target, dict(zip(names, sizes, strict=True)))
    owner = np.repeat(np.arange(len(names)), sizes)
    broken = [u.broken for u in uses(singles) if u.rule.limit != "axons_out_per_core"]
    return {names[int(k)] for k in np.unique(owner[np.concatenate(broken)])}


def chunked(network: Network, target: Target, chunks: dict[str, int]) -> Assignment:
    """Every population in a given number of equal chunks, each on a core of its own."""
    cores: dict[str, IntArray] = {}
    n_cores = 0
    for name, parts in chunks.items():
        n = network.population(name).n
        cores[name] = np.arange(n, dtype=np.int64) // -(-n // parts) + n_cores
        chunks[name] = parts = -(-n // -(-n // parts))
        n_cores += parts
    return Assignment(network, target, cores, n_cores)


def packed(groups: Groups, nets: Nets, order: IntArray, breaks: BoolArray | None = None) -> IntArray:
    """Fill one core after the other with groups in an order; the core of every group."""
    starts = np.zeros(order.size, np.bool_) if breaks is None else breaks
    return _filled_up(groups, nets, lambda tight, s: int(kernels.pack(tight, s, order, starts)))


def greedy(groups: Groups, nets: Nets, first: IntArray) -> IntArray:
    """Fill cores one by one with the groups that share most messages with them; the core of every group."""
    return _filled_up(groups, nets, lambda tight, s: int(kernels.gather_greedily(tight, s, first)))


def empty(nets: Nets, n_cores: int) -> kernels.State:
    """Cores with nothing on them."""
    n_nets = nets.source.size
    return kernels.State(
        core=np.full(nets.neurons.size, -1, np.int64),
        there=np.zeros((n_nets, n_cores), np.int32),
        fan=np.zeros(n_nets, np.int64),
        use=np.zeros((n_cores, nets.limits.size), np.int64),
        labelled=np.zeros((n_cores, nets.label_kind.size), np.int64),
    )


def filled(nets: Nets, core: IntArray, n_cores: int) -> kernels.State:
    """Cores with groups on them."""
    s = empty(nets, n_cores)
    kernels.put_all(nets, s, core)
    return s


def by_population(groups: Groups) -> IntArray:
    """Groups one population after the other, images along a Hilbert curve."""
    return np.lexsort((np.arange(groups.n), groups.order, groups.population))


def interleaved(groups: Groups) -> IntArray:
    """Groups of all populations side by side, by how far along its population each lies."""
    return np.lexsort((np.arange(groups.n), groups.population, groups.order))


def _filled_up(groups: Groups, nets: Nets, fill: Callable[[Nets, kernels.State], int]) -> IntArray:
    """Fill cores, and again with fewer neurons on each as long as some have too many axons out.

    How many axons leave a core is known only when all it reaches is placed.
    """
    first: IntArray | None = None
    most = int(min(nets.limits[kernels.NEURONS], nets.neurons.sum()))
    n_cores = _cores_at_least(nets)
    while True:
        tight = nets._replace(limits=nets.limits.copy())
        tight.limits[kernels.NEURONS] = most
        s = empty(nets, n_cores)
        if fill(tight, s) < 0:
            n_cores = min(2 * n_cores, groups.n + 1)
            continue
        over = s.use > nets.limits
        first = s.core if first is None else first
        if not over.any():
            return s.core
        if most <= nets.neurons.max() or not over[:, kernels.AXONS_OUT].any():
            return first
        most = max(int(most * LESS), int(nets.neurons.max()))


def _cores_at_least(nets: Nets) -> int:
    needed = [nets.neurons.sum() / nets.limits[kernels.NEURONS], nets.bits.sum() / nets.limits[kernels.BITS]]
    return int(1.5 * max(needed)) + 8


def _enough(use: Use, own: BoolArray, chunks: int) -> int:
    """Chunks that a population may need; what is shared between chunks makes it more."""
    assert use.limit is not None
    least = -(-int(use.use[own].sum()) // max(use.limit, 1)) if use.rule.limit in _SHARED_OUT else 0
    return max(chunks + max(1, chunks // 20), least)


_SHARED_OUT = ("neurons_per_core", "synapse_bytes_per_core")
"""What chunks share between them: the sum over them does not grow when they get smaller."""
