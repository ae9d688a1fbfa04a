"""Populations in equal chunks of consecutive neurons, a chunk a core: what nengo-loihi does.

No numba: `spikec check` asks this module how many cores a program needs.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from spikec.arrays import BoolArray, IntArray
from spikec.ir.network import Network
from spikec.placement.rules import Assignment, Use, uses
from spikec.targets.target import Target

_SHARED_OUT = ("neurons_per_core", "synapse_bytes_per_core", "axons_in_per_core", "axons_out_per_core")
"""What chunks share between them: the sum over them gets no less when they get smaller."""

STEP = 50
"""Where that sum does not tell how many chunks it takes, one in so many is tried in addition."""


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
                needed = _enough(use, owner == k, sizes[name], chunks[name])
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


def _enough(use: Use, own: BoolArray, n: int, chunks: int) -> int:
    """Chunks that a population of n neurons may need, so many more that the largest gets smaller.

    The sum of what chunks share between them may tell that it takes more.
    """
    assert use.limit is not None
    least = -(-int(use.use[own].sum()) // max(use.limit, 1)) if use.rule.limit in _SHARED_OUT else 0
    smaller = -(-n // max(-(-n // chunks) - 1, 1))
    return max(smaller, chunks + chunks // STEP, least)
