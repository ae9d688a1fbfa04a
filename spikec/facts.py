"""What a result must carry of its network to be priced and reported later: plain JSON values.

A `RunResult` holds no network. Whoever runs a program puts `facts` into the result's ``meta["facts"]``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from spikec.arrays import AnyArray, BoolArray
from spikec.container import digest as digest_of
from spikec.ir.components import feed_themselves
from spikec.ir.connectivity import Connectivity, FixedDegree
from spikec.ir.fixed_point import Fixed, mantissas
from spikec.ir.network import Continuous, Dialect, Network, Population, Projection
from spikec.ir.neurons import parameters

HOW_FOOTPRINT = (
    "weights, delays and neuron parameters as their number times the bytes of one: in a fixed network the "
    "smallest whole bytes that hold the chip's format (a weight 1), else as stored (float64: 8); indices of "
    "sparse lists, shared delays of zero and neuron state are not counted"
)

_FIXED_BYTES = {
    "du": 2, "dv": 2, "vth": 4, "bias_mant": 2, "bias_exp": 1, "inclusive": 0,
    "cos": 2, "sin_a": 2, "sin_b": 2, "a_init": 2, "b_init": 2, "shift": 1,
    "gain": 2, "turn": 2, "keep": 2, "u_init": 3,
}  # fmt: skip
"""Whole bytes of each parameter; source of their widths: the ranges in `spikec.ir.fixed_neurons`. The kind of
comparison with the threshold is part of a chip's program and takes none."""

_NEVER_SPIKES = {"threshold": np.inf, "vth": 131071}
"""Thresholds that make a neuron a readout."""


def facts(network: Network, target: str = "", digest: str | None = None) -> dict[str, Any]:
    """Describe a network.

    Args:
        network: In any dialect.
        target: Name of the chip it was compiled for, if it was.
        digest: Of the program; None for the network's own.

    Returns:
        ``digest``, ``target``, ``dialect``, ``dt`` (seconds, None if continuous), ``recurrent`` (whether a
        neuron reaches itself through others); ``n_populations``, ``n_neurons`` (that compute), ``n_inputs``;
        ``n_synapses`` (stored), ``n_nonzero``, ``connection_sparsity`` (stored zeros by stored synapses),
        ``density`` (synapses other than zero by pairs of neurons), ``dense_macs`` (of one pass: the stored
        synapses but those of neurons onto themselves, which stand for a neuron's own memory, as where the
        compiler keeps a neuron from spiking twice); ``footprint_bytes`` and ``footprint_how``; and the lists
        ``populations`` (also what their ``shape`` is) and ``projections`` (also how many ``bits`` a weight
        has, None if it is real, the least and the largest of ``weights``, and of ``delays``, with their
        unit).
    """
    populations = [_population(p) for p in network.populations]
    projections = [_projection(q) for q in network.projections]
    stored = sum(q["n_synapses"] for q in projections)
    nonzero = sum(q["n_nonzero"] for q in projections)
    pairs = sum(q["n_pre"] * q["n_post"] for q in projections)
    return {
        "digest": digest_of(network) if digest is None else digest,
        "target": target,
        "dialect": network.dialect.value,
        "dt": None if isinstance(network.clock, Continuous) else float(network.dt),
        "recurrent": _is_recurrent(network),
        "n_populations": len(populations),
        "n_neurons": sum(p.n for p in network.populations if not p.is_source),
        "n_inputs": sum(p.n for p in network.populations if p.is_source),
        "n_synapses": stored,
        "n_nonzero": nonzero,
        "connection_sparsity": (stored - nonzero) / stored if stored else 0.0,
        "density": nonzero / pairs if pairs else 0.0,
        "dense_macs": stored - sum(int(_onto_itself(q).sum()) for q in network.projections),
        "footprint_bytes": _footprint(network),
        "footprint_how": HOW_FOOTPRINT,
        "populations": populations,
        "projections": projections,
    }


def _population(p: Population) -> dict[str, Any]:
    return {
        "name": p.name,
        "n": p.n,
        "shape": list(p.shape),
        "neuron": type(p.neuron).__name__,
        "input": p.is_source,
        "spikes": _can_spike(p),
    }


def _can_spike(p: Population) -> bool:
    values = parameters(p.neuron)
    silent = any(name in values and np.all(values[name] == top) for name, top in _NEVER_SPIKES.items())
    return p.neuron.spikes and not silent


def _projection(q: Projection) -> dict[str, Any]:
    weights = q.connectivity.weights
    stored = mantissas(weights)
    return {
        "name": q.name,
        "pre": q.pre,
        "post": q.post,
        "connectivity": type(q.connectivity).__name__,
        "n_pre": q.connectivity.n_pre,
        "n_post": q.connectivity.n_post,
        "n_synapses": q.connectivity.n_synapses,
        "n_nonzero": _n_nonzero(q.connectivity, stored != 0),
        "bits": weights.format.bits if isinstance(weights, Fixed) else None,
        "weights": _ends(stored),
        "delays": {"kind": q.delays.kind.value, "ends": _ends(q.delays.values), "unit": _delay_unit(q)},
    }


def _ends(values: AnyArray) -> list[Any]:
    """The least and the largest of some values; nothing of none."""
    return [values.min().item(), values.max().item()] if values.size else []


def _delay_unit(q: Projection) -> str:
    return "ticks" if q.delays.in_ticks else "s"


def _n_nonzero(c: Connectivity, some: BoolArray) -> int:
    if isinstance(c, FixedDegree):
        return c.n_synapses if some else 0
    return int(c.by_pre(some).sum())


def _onto_itself(q: Projection) -> BoolArray:
    """Which stored synapses lead from a neuron to itself, ``(n_synapses,)``.

    ``(0,)`` between populations, and of a rule, whose synapses are not stored.
    """
    if q.pre != q.post or isinstance(q.connectivity, FixedDegree):
        return np.zeros(0, np.bool_)
    pre, post = q.connectivity.synapses()
    return np.asarray(pre == post)


def _is_recurrent(network: Network) -> bool:
    alive = []
    for q in network.projections:
        lives: BoolArray = mantissas(q.connectivity.weights) != 0
        if q.pre == q.post and not isinstance(q.connectivity, FixedDegree):
            lives = q.connectivity.per_synapse(lives) & ~_onto_itself(q)
        if lives.any():
            alive.append((q.pre, q.post))
    return bool(feed_themselves(alive))


def _footprint(network: Network) -> int:
    fixed = network.dialect is Dialect.FIXED
    total = 0
    for p in network.populations:
        for name, values in parameters(p.neuron).items():
            total += values.size * (_FIXED_BYTES.get(name, values.itemsize) if fixed else values.itemsize)
    for q in network.projections:
        weights = q.connectivity.weights
        total += weights.mantissa.size if isinstance(weights, Fixed) else weights.nbytes
        if np.any(q.delays.values != 0):
            total += q.delays.values.size * _delay_bytes(q)
    return int(total)


def _delay_bytes(q: Projection) -> int:
    """Bytes of one delay: the smallest whole number that holds the longest, or those of a float."""
    if not q.delays.in_ticks:
        return q.delays.values.itemsize
    return np.min_scalar_type(int(q.delays.longest)).itemsize
