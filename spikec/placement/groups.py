"""A network as groups of neurons that stay together, and the hyperedges between them, for the search.

A group is a pixel's channels where a convolution reads or writes a population, some neighbours of a
population that is joined all to all, and one neuron elsewhere. A *net* is what some neurons of one group all
reach: a hyperedge with as many axons as neurons. Memory is counted as a little more than `rules` does, so
that it adds up: what fits here fits there.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import NamedTuple

import numpy as np
from scipy.sparse import csr_array

from spikec.arrays import FloatArray, IndexArray, IntArray
from spikec.ir.connectivity import Convolution, Dense
from spikec.ir.network import Network, Population, Projection
from spikec.placement.grid import hilbert_index
from spikec.placement.rates import Rates, rates_of
from spikec.placement.reach import Reach, reach, together
from spikec.placement.rules import (
    HEADER,
    WORD,
    decay_rows,
    limit_of,
    synapse_bits,
    synapse_format,
    threshold_rows,
)
from spikec.targets.target import Target

PARTS = 16
"""A core holds at least so many groups, if they can be made so small."""

LARGEST_DENSE = 2048
"""Populations that are joined all to all and also by lists are taken neuron by neuron up to this size."""

UNLIMITED = 1 << 60
"""Stands for no limit."""


class Groups(NamedTuple):
    """Which neurons stay together.

    Attributes:
        of: By population that is no input, the group of each neuron, ``(n,)``.
        n: How many groups there are.
        order: How far along its population each group lies, 0 to 1, pixels along a Hilbert curve, ``(n,)``.
        population: Number of the population of each group, ``(n,)``.
    """

    of: Mapping[str, IntArray]
    n: int
    order: FloatArray
    population: IntArray


class Nets(NamedTuple):
    """The groups and nets as plain arrays. A list of lists is two arrays: where each begins, and all of them.

    Attributes:
        neurons: Of every group.
        bits: Memory of the synapses onto every group, an upper bound.
        labels_at: Where the labels of a group begin.
        labels: Thresholds, decays, formats and kernels that a group brings to its core.
        label_kind: 0 to 3 in this order, of every label.
        label_bits: Memory that a label takes once a core.
        source: Group in which every net begins; -1 for inputs.
        axons: Neurons of every net.
        weight: Spikes of these a tick.
        over: Memory of every net on each core that it reaches, beside that of its synapses.
        pins_at: Where the groups that a net reaches begin.
        pins: Those groups.
        in_at: Where the nets that reach a group begin.
        into: Those nets.
        out_at: Where the nets that begin in a group begin.
        out: Those nets.
        limits: Neurons, bits, axons in, axons out, thresholds, decays, formats and kernels of a core.
    """

    neurons: IntArray
    bits: IntArray
    labels_at: IntArray
    labels: IntArray
    label_kind: IntArray
    label_bits: IntArray
    source: IntArray
    axons: IntArray
    weight: FloatArray
    over: IntArray
    pins_at: IntArray
    pins: IndexArray
    in_at: IntArray
    into: IndexArray
    out_at: IntArray
    out: IntArray
    limits: IntArray


def groups_of(network: Network, target: Target) -> Groups:
    """Choose which neurons stay together."""
    of: dict[str, IntArray] = {}
    order, population, n = [], [], 0
    for k, p in enumerate(p for p in network.populations if not p.is_source):
        own, along = _groups_of_population(network, p, target)
        of[p.name] = own + n
        order.append(along)
        population.append(np.full(along.size, k))
        n += along.size
    return Groups(of, n, np.concatenate(order), np.concatenate(population).astype(np.int64))


def nets_of(network: Network, target: Target, groups: Groups, rates: Rates | None = None) -> Nets:
    """Make the hyperedges between groups."""
    bits = np.zeros(groups.n, np.int64)
    reaches: dict[str, Reach] = {}
    for q in network.projections:
        r = reach(q.connectivity, groups.of[q.post], groups.n)
        reaches[q.name] = r
        if not isinstance(q.connectivity, Convolution):
            bits += (synapse_bits(q, target) + 1) * (r.neurons @ r.counts)
    source, axons, weight, over, pins_at, pins = [], [], [], [], [np.zeros(1, np.int64)], []
    for p in network.populations:
        outgoing = network.outgoing(p.name)
        if not outgoing:
            continue
        r = together([reaches[q.name] for q in outgoing])
        begins = groups.of[p.name] if p.name in groups.of else np.full(p.n, -1, np.int64)
        keys, net = np.unique(r.kind * (groups.n + 1) + begins + 1, return_inverse=True)
        n_axons = np.bincount(net)
        listed = sum(not isinstance(q.connectivity, Convolution) for q in outgoing)
        rows = r.counts[keys // (groups.n + 1)]
        source.append(keys % (groups.n + 1) - 1)
        axons.append(n_axons)
        weight.append(np.bincount(net, rates_of(network, p.name, rates)))
        over.append(n_axons * listed * (HEADER + WORD - 1))
        pins_at.append(rows.indptr[1:].astype(np.int64) + pins_at[-1][-1])
        pins.append(rows.indices.astype(np.int32))
    reached = {name: np.unique(r.counts.indices).tolist() for name, r in reaches.items()}
    labels_at, labels, label_kind, label_bits = _labels(network, target, groups, reached)
    ends, members = _joined(pins_at), np.concatenate([*pins, np.zeros(0, np.int32)])
    begins = _joined(source)
    in_at, into = transposed(ends, members, groups.n)
    inner = np.flatnonzero(begins >= 0)
    out_at, out = grouped(begins[inner], inner, groups.n)
    return Nets(
        neurons=np.bincount(_joined(list(groups.of.values())), minlength=groups.n).astype(np.int64),
        bits=bits,
        labels_at=labels_at,
        labels=labels,
        label_kind=label_kind,
        label_bits=label_bits,
        source=begins,
        axons=_joined(axons),
        weight=np.concatenate([*weight, np.zeros(0)]),
        over=_joined(over),
        pins_at=ends,
        pins=members,
        in_at=in_at,
        into=into,
        out_at=out_at,
        out=out,
        limits=_limits(target),
    )


def _groups_of_population(network: Network, p: Population, target: Target) -> tuple[IntArray, FloatArray]:
    """The group of each neuron, and how far along the population each group lies."""
    most = limit_of(target, "neurons_per_core") or p.n
    kernels = [q.connectivity.output_shape for q in network.incoming(p.name)
               if isinstance(q.connectivity, Convolution)]  # fmt: skip
    kernels += [q.connectivity.input_shape for q in network.outgoing(p.name)
                if isinstance(q.connectivity, Convolution)]  # fmt: skip
    if kernels:
        return _pixels(kernels[0], max(1, most // PARTS))
    size = 1 if _is_listed(network, p) else _neighbours(network, p, target, most)
    group = np.arange(p.n, dtype=np.int64) // size
    n = int(group[-1]) + 1
    return group, np.arange(n) / n


def _pixels(shape: tuple[int, ...], most: int) -> tuple[IntArray, FloatArray]:
    """A group a pixel, or several if it has many channels."""
    channels, n_pixels = shape[0], prod(shape[1:])
    parts = -(-channels // most)
    channel, pixel = np.divmod(np.arange(channels * n_pixels, dtype=np.int64), n_pixels)
    part = channel * parts // channels
    axes = np.unravel_index(np.arange(n_pixels), shape[1:])
    two = [axes[0], axes[1]] if len(axes) > 1 else [axes[0], np.zeros(n_pixels, np.int64)]
    square = 1 << max(max(shape[1:3]) - 1, 1).bit_length()
    scaled = [np.asarray(x) * square // max(n, 1) for x, n in zip(two, (*shape[1:3], 1), strict=False)]
    along = hilbert_index(*scaled) / square**2
    return part * n_pixels + pixel, np.tile(along, parts)


def _is_listed(network: Network, p: Population) -> bool:
    """Whether synapses of single neurons tell them apart."""
    at = (*network.incoming(p.name), *network.outgoing(p.name))
    dense = any(isinstance(q.connectivity, Dense) for q in at)
    return any(not isinstance(q.connectivity, Dense) for q in at) and not (dense and p.n > LARGEST_DENSE)


def _neighbours(network: Network, p: Population, target: Target, most: int) -> int:
    """Neurons of a group where all reach the same."""
    memory = limit_of(target, "synapse_bytes_per_core")
    if memory is not None:
        bits = sum(synapse_bits(q, target) * q.connectivity.n_synapses for q in network.incoming(p.name))
        most = min(most, 8 * memory * p.n // max(bits, 1))
    return max(1, min(most, p.n) // PARTS)


def _labels(
    network: Network, target: Target, groups: Groups, reached: Mapping[str, list[int]]
) -> tuple[IntArray, IntArray, IntArray, IntArray]:
    """Labels of groups, and the kind and the memory of each label; `reached` is by projection."""
    number: dict[tuple[object, ...], int] = {}
    kinds: list[int] = []
    memory: list[int] = []
    pairs: set[tuple[int, int]] = set()

    def label(kind: int, what: tuple[object, ...], bits: int = 0) -> int:
        k = number.setdefault((kind, *what), len(number))
        if k == len(kinds):
            kinds.append(kind)
            memory.append(bits)
        return k

    for p in network.populations:
        if p.is_source:
            continue
        group = groups.of[p.name].tolist()
        for kind, rows in enumerate((threshold_rows(p), decay_rows(p))):
            pairs |= {(g, label(kind, row)) for g, row in set(zip(group, rows, strict=True))}
        for q in network.incoming(p.name):
            found = [label(2, synapse_format(q))]
            if isinstance(q.connectivity, Convolution):
                found.append(label(3, (q.name,), _whole_kernel(q, target)))
            pairs |= {(g, k) for g in reached[q.name] for k in found}
    listed = np.array(sorted(pairs), np.int64).reshape(-1, 2)
    starts, labels = grouped(listed[:, 0], listed[:, 1], groups.n)
    return starts, labels, np.array(kinds, np.int64), np.array(memory, np.int64)


def _whole_kernel(q: Projection, target: Target) -> int:
    return int(prod(q.connectivity.weights.shape)) * synapse_bits(q, target)


def _limits(target: Target) -> IntArray:
    """In the order of `Nets.limits`."""
    names = ("neurons", "synapse_bytes", "axons_in", "axons_out", "thresholds", "decays", "synapse_formats")
    found = [limit_of(target, f"{name}_per_core") for name in names]
    limits = [UNLIMITED if k is None else k for k in found]
    limits[1] *= 8 if limits[1] != UNLIMITED else 1
    return np.array([*limits, UNLIMITED], np.int64)


def transposed(pins_at: IntArray, pins: IndexArray, n: int) -> tuple[IntArray, IndexArray]:
    """The nets that reach each of n groups, where they begin and all of them, in the order of nets."""
    ones = np.ones(pins.size, np.bool_)
    nets = csr_array((ones, pins, pins_at), shape=(pins_at.size - 1, n)).tocsc()
    return nets.indptr.astype(np.int64), nets.indices.astype(np.int32)


def grouped(key: IntArray, value: IntArray, n: int) -> tuple[IntArray, IntArray]:
    """Values by key: where those of each key begin, and all of them."""
    starts = np.concatenate([[0], np.cumsum(np.bincount(key, minlength=n))]).astype(np.int64)
    return starts, np.ascontiguousarray(value[np.argsort(key, kind="stable")])


def _joined(parts: list[IntArray]) -> IntArray:
    return np.concatenate([*parts, np.zeros(0, np.int64)]).astype(np.int64)
