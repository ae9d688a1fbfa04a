"""From a continuous network to the flat, read-only arrays that the exact engine's kernels walk.

Components are lowered one by one, each in the form that suits it:

* `Rows`: a population that does not feed itself and that every spike reaches as a whole; neurons that
  presumably spike early stand side by side, so that those after them need not wait;
* `Lists`: one that does not feed itself, but whose neurons have synapses or delays of their own;
* `Fans`: populations that feed themselves or each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from spikec.arrays import AnyArray, FloatArray, IntArray
from spikec.ir.connectivity import DelayKind, Dense
from spikec.ir.network import Network, Population, Projection
from spikec_cpu.lower_cells import THRESHOLD, Cells, glides, lower_cells
from spikec_cpu.lower_parts import starts

SLICE = 64
"""Neurons that go through a batch together, at most: the weights of 800 inputs fit 400 KB of cache."""

GLIDING = 8
"""Neurons that go through a batch together if `glides` says so: their states fit a processor's registers."""


class Spikes(NamedTuple):
    """Spikes of several populations and samples.

    Attributes:
        times: Seconds.
        neurons: Numbers within their population, int32.
    """

    times: FloatArray
    neurons: AnyArray


class Rows(NamedTuple):
    """Projections whose spikes reach a whole population at once, in slices of neighbouring neurons.

    Attributes:
        pre: Presynaptic population of each projection.
        begin: Where its rows begin.
        delays: One a row, seconds.
        weights: One row a presynaptic neuron, behind them a row of zeros, ``(n_slices, n_rows + 1, width)``.
        values: `Cells.values` of each slice, ``(n_slices, START + 3, width)``; the last may be filled up with
            neurons that never spike.
        neurons: Which they are, ``(n_slices, width)``; those that fill up have numbers from n on.
    """

    pre: IntArray
    begin: IntArray
    delays: FloatArray
    weights: FloatArray
    values: FloatArray
    neurons: IntArray


class Lists(NamedTuple):
    """Synapses by postsynaptic neuron.

    Attributes:
        sources: Presynaptic populations.
        firsts: Number of the first neuron of each among all presynaptic neurons.
        n_pre: Presynaptic neurons.
        starts: Where the synapses of each neuron begin, ``(n + 1,)``.
        pre: Presynaptic neuron of each synapse.
        weights: Of each synapse.
        delays: Of each synapse, seconds.
    """

    sources: IntArray
    firsts: IntArray
    n_pre: int
    starts: IntArray
    pre: IntArray
    weights: FloatArray
    delays: FloatArray


class Fans(NamedTuple):
    """Synapses by presynaptic neuron, in bundles that have one delay.

    Attributes:
        sources: Presynaptic populations outside the component.
        firsts: Number of the first neuron of each among all presynaptic neurons.
        own: Number of each of the component's neurons among them.
        starts: Where the bundles of each presynaptic neuron begin, ``(n_pre + 1,)``.
        delays: Of each bundle, seconds.
        begin: Where the synapses of each bundle begin, ``(n_bundles + 1,)``.
        post: Postsynaptic neuron of each synapse, by place in the component.
        weights: Of each synapse.
    """

    sources: IntArray
    firsts: IntArray
    own: IntArray
    starts: IntArray
    delays: FloatArray
    begin: IntArray
    post: IntArray
    weights: FloatArray


@dataclass(frozen=True, eq=False)
class Component:
    """A component as the kernels see it.

    Attributes:
        populations: Their places in the network.
        firsts: Where each begins among the component's neurons, and the end of the last.
        cells: The neurons.
        synapses: What reaches them.
    """

    populations: tuple[int, ...]
    firsts: IntArray
    cells: Cells
    synapses: Rows | Lists | Fans


def lower_exact(network: Network) -> tuple[Component, ...]:
    """Lower a continuous network: its components (but for sources) in the order in which spikes flow."""
    place = {p.name: k for k, p in enumerate(network.populations)}
    components = []
    for names in network.components():
        if names[0] in network.inputs:
            continue
        members = [network.population(name) for name in names]
        firsts = np.concatenate([[0], np.cumsum([p.n for p in members])]).astype(np.int64)
        incoming = [q for q in network.projections if q.post in names]
        cells = lower_cells(members, network)
        synapses: Rows | Lists | Fans
        form = _form(network, names)
        if form is Fans:
            synapses = _fans(incoming, members, firsts, place, network)
        elif form is Rows:
            synapses = _rows(incoming, cells, place)
        else:
            synapses = _lists(incoming, members[0].n, place, network)
        components.append(Component(tuple(place[n] for n in names), firsts, cells, synapses))
    return tuple(components)


def kernels_of(network: Network) -> set[str]:
    """Names of the kernels that run a continuous network."""
    kernels = {Rows: "run_rows", Lists: "run_lists", Fans: "run_recurrent"}
    return {kernels[_form(network, c)] for c in network.components() if c[0] not in network.inputs}


def _form(network: Network, names: tuple[str, ...]) -> type[Rows | Lists | Fans]:
    if network.is_recurrent(names):
        return Fans
    return Rows if all(_is_matrix(q) for q in network.projections if q.post in names) else Lists


def lower_readout(network: Network, name: str) -> tuple[Cells, Lists]:
    """A readout by itself, and what reaches it, whatever component it belongs to."""
    population = network.population(name)
    place = {p.name: k for k, p in enumerate(network.populations)}
    incoming = [q for q in network.projections if q.post == name]
    return lower_cells([population], network), _lists(incoming, population.n, place, network)


def _is_matrix(q: Projection) -> bool:
    return isinstance(q.connectivity, Dense) and q.delays.kind in (DelayKind.UNIFORM, DelayKind.AXONAL)


def _rows(incoming: Sequence[Projection], cells: Cells, place: dict[str, int]) -> Rows:
    n = cells.n
    n_slices = -(-n // (GLIDING if glides(cells) else SLICE))
    width = GLIDING if glides(cells) else -(-n // n_slices)
    matrices = [np.asarray(q.connectivity.dense_matrix().T, np.float64) for q in incoming]
    delays = [np.broadcast_to(np.asarray(q.delays.values, np.float64), (m.shape[0],))
              for q, m in zip(incoming, matrices, strict=True)]  # fmt: skip
    weights = np.concatenate([*matrices, np.zeros((1, n))])
    order = np.argsort(-weights.sum(axis=0), kind="stable")
    order = np.concatenate([order, np.arange(n, n_slices * width)])
    padding = order.size - n
    values = np.pad(cells.values, ((0, 0), (0, padding)), "edge")
    values[THRESHOLD, n:] = np.inf

    def sliced(a: AnyArray) -> AnyArray:
        a = a[..., order]
        return np.ascontiguousarray(np.moveaxis(a.reshape(*a.shape[:-1], n_slices, width), -2, 0))

    return Rows(
        pre=np.array([place[q.pre] for q in incoming], np.int64),
        begin=starts([m.shape[0] for m in matrices]),
        delays=np.concatenate([np.zeros(0), *delays]),
        weights=_aligned(sliced(np.pad(weights, ((0, 0), (0, padding))))),
        values=sliced(values),
        neurons=order.reshape(n_slices, width),
    )


def _aligned(a: FloatArray) -> FloatArray:
    """The same numbers where a line of the cache begins, so that a row of 8 is one line."""
    room = np.empty(a.size + 8)
    first = -room.ctypes.data // room.itemsize % 8
    found = room[first : first + a.size].reshape(a.shape)
    found[...] = a
    return found


@dataclass(frozen=True, eq=False)
class _Synapses:
    """All synapses of some projections; `pre` counts through the populations in `places`, `post` as told."""

    names: tuple[str, ...]
    firsts: IntArray
    n_pre: int
    pre: IntArray
    post: IntArray
    weights: FloatArray
    delays: FloatArray


def _synapses(
    incoming: Sequence[Projection], names: Sequence[str], offset: dict[str, int], network: Network
) -> _Synapses:
    sizes = [network.population(name).n for name in names]
    firsts = starts(sizes)
    first = dict(zip(names, firsts.tolist(), strict=True))
    pairs = [q.connectivity.synapses() for q in incoming]
    return _Synapses(
        names=tuple(names),
        firsts=firsts,
        n_pre=sum(sizes),
        pre=_joined([i + first[q.pre] for q, (i, _) in zip(incoming, pairs, strict=True)], np.int64),
        post=_joined([j + offset[q.post] for q, (_, j) in zip(incoming, pairs, strict=True)], np.int64),
        weights=_joined([np.asarray(q.connectivity.stored()) for q in incoming], np.float64),
        delays=_joined([np.ravel(q.delays.per_synapse(q.connectivity)) for q in incoming], np.float64),
    )


def _lists(incoming: Sequence[Projection], n: int, place: dict[str, int], network: Network) -> Lists:
    names = sorted({q.pre for q in incoming}, key=place.__getitem__)
    s = _synapses(incoming, names, {q.post: 0 for q in incoming}, network)
    order = np.argsort(s.post, kind="stable")
    return Lists(
        sources=np.array([place[name] for name in names], np.int64),
        firsts=s.firsts,
        n_pre=s.n_pre,
        starts=np.searchsorted(s.post[order], np.arange(n + 1)).astype(np.int64),
        pre=s.pre[order],
        weights=s.weights[order],
        delays=s.delays[order],
    )


def _fans(
    incoming: Sequence[Projection],
    members: Sequence[Population],
    firsts: IntArray,
    place: dict[str, int],
    network: Network,
) -> Fans:
    inside = [p.name for p in members]
    outside = sorted({q.pre for q in incoming} - set(inside), key=place.__getitem__)
    offset = dict(zip(inside, firsts[:-1].tolist(), strict=True))
    s = _synapses(incoming, [*inside, *outside], offset, network)
    order = np.lexsort((s.delays, s.pre))
    pre, delays = s.pre[order], s.delays[order]
    begins = np.flatnonzero(
        np.concatenate([[True] * min(pre.size, 1), (pre[1:] != pre[:-1]) | (delays[1:] != delays[:-1])])
    )
    return Fans(
        sources=np.array([place[name] for name in outside], np.int64),
        firsts=s.firsts[len(inside) :],
        own=np.arange(firsts[-1]),
        starts=np.searchsorted(pre[begins], np.arange(s.n_pre + 1)).astype(np.int64),
        delays=delays[begins],
        begin=np.concatenate([begins, [pre.size]]).astype(np.int64),
        post=s.post[order],
        weights=s.weights[order],
    )


def _joined(arrays: Sequence[AnyArray], dtype: Any) -> AnyArray:
    return np.concatenate([np.zeros(0, dtype), *arrays]).astype(dtype, copy=False)
