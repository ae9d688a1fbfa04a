"""From a network to the flat, read-only arrays that the kernels walk.

Populations, blocks and rows are records in three tables, so a kernel has one signature whatever the network.
A *block* is what one projection became: a matrix of weights, lists of synapses, or a kernel that slides over
an image (`lower_windows`). A *row* is the fan-out of one presynaptic neuron in one block.

Mantissas have at most 8 bits besides a sign and a grid that their format tells, so matrices and kernels hold
a byte a weight, and a weight is ``gain * (byte - zero)``. Matrices lie in tiles of 64 postsynaptic neurons
(`lower_parts.tiled`), kernels by output channel, and so do the neurons that a kernel leads to: `order` says
which neuron is at which place. Whether synapses become a matrix or lists follows from their density.

Delays: a block knows the shortest delay of its synapses and takes the spikes that are so old; only what is
longer than that (`extra`) goes through a ring of sums, as long as the longest extra. So a uniform delay costs
nothing, whatever its length.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from spikec.arrays import AnyArray, IntArray
from spikec.counting import Touched, touched
from spikec.ir.connectivity import Convolution
from spikec.ir.fixed_point import Fixed, mantissas
from spikec.ir.network import Network, Projection, unrolled
from spikec_cpu.lower_neurons import CUBA, NeuronTables, lower_neurons
from spikec_cpu.lower_parts import (
    KERNEL,
    LISTS,
    MATRIX,
    TILE,
    as_bytes,
    on_cache_lines,
    padded,
    scale_and_zero,
    starts,
    tiled,
)
from spikec_cpu.lower_populations import ONE_DELAY, in_order, order_of, places_of, populations_of, slides
from spikec_cpu.lower_windows import Windows, by_window, joined_windows, windows_of

Record = Any
"""One record of a table."""

DENSE_ENOUGH = 1 / 32
"""Share of pairs with a synapse from which on a matrix is faster: a byte of a row takes some 1/40 of the time
of a synapse in a list."""

LARGEST_SPARSE_MATRIX = 64 << 20
"""Bytes; above it a matrix must also be no larger than lists, of `LIST_BYTES` a synapse."""

LIST_BYTES = 6

BLOCK = np.dtype(
    [
        ("pre", "i8"),  # presynaptic population
        ("n_pre", "i8"),
        ("form", "i8"),  # LISTS in `weights` and `reach`, rows of a MATRIX, or a KERNEL
        ("words", "i8"),  # where its matrix begins in `words`
        ("entries", "i8"),  # where its kernel begins in `entries`
        ("window", "i8"),  # the place of its kernel in `windows`
        ("first_row", "i8"),  # place of its first row in `rows`
        ("delay", "i8"),  # shortest delay
        ("spread", "i8"),  # longest delay minus shortest
        ("right", "i8"),  # bits that sums are shifted to the right; 0 if the exponent is not negative
        ("gain", "i4"),  # what a byte counts
        ("zero", "i4"),  # the byte that counts nothing
    ],
    align=True,
)

ROW = np.dtype(
    [
        ("begin", "i8"),  # synapses of a list in `weights` and `reach`
        ("end", "i8"),
        ("extra", "i8"),  # delay of a row of a matrix or kernel on top of its block's
    ],
    align=True,
)


ROUTE = ("pre", "delay", "words", "n_pre", "right", "gain", "zero")
"""Fields of a `BLOCK` that a layer asks for in every tick, as columns of int64."""


class Tables(NamedTuple):
    """The populations and synapses of a lowered network.

    Attributes:
        populations: `POPULATION` records, in the network's order.
        blocks: `BLOCK` records, by postsynaptic population.
        rows: `ROW` records, by block and by presynaptic place.
        words: All matrices, `lower_parts.tiled`.
        entries: All kernels, `lower_windows.by_window` with channels filled up to a multiple of 8.
        weights: Mantissas of all lists, int16.
        reach: For every synapse of a list its postsynaptic place plus its extra delay times the width of the
            population: how far from the slot of this tick its sum lies in the ring. uint32.
        order: Which neuron of its population each place holds, int32.
        windows: How kernels slide.
    """

    populations: AnyArray
    blocks: AnyArray
    rows: AnyArray
    words: AnyArray
    entries: AnyArray
    weights: AnyArray
    reach: AnyArray
    order: AnyArray
    windows: Windows


class Layer(NamedTuple):
    """A population that runs tile by tile, each through all ticks.

    Attributes:
        routes: What leads to it, one row a block, `ROUTE`.
        p: See `run_layer`.
    """

    routes: IntArray
    p: tuple[int, int, int, bool, bool]


@dataclass(frozen=True, eq=False)
class Lowered:
    """A network as the kernels see it.

    Attributes:
        tables: The arrays of populations and synapses.
        neurons: Parameters and first states of all neurons.
        sources: Places of the network's inputs, in their order.
        components: Populations (but for sources) in the order in which spikes flow, by place in the network;
            those that feed each other together.
        layers: Of each component how it runs as a layer, None if it is none (see `_is_layer`).
        projections: Name of every block's projection.
        touched: What a spike of each neuron touches in every block.
        reordered: Of each population whether its neurons lie in another order than the network's.
        places: Those that hold a neuron, of all populations.
    """

    tables: Tables
    neurons: NeuronTables
    sources: tuple[int, ...]
    components: tuple[IntArray, ...]
    layers: tuple[Layer | None, ...]
    projections: tuple[str, ...]
    touched: tuple[Touched, ...]
    reordered: tuple[bool, ...]
    places: IntArray

    @property
    def kernels(self) -> set[str]:
        """Names of the kernels that run it."""
        return {"run_component" if layer is None else "run_layer" for layer in self.layers}


def lower(network: Network) -> Lowered:
    """Lower a network of the fixed dialect."""
    place = {p.name: i for i, p in enumerate(network.populations)}
    orders = {p.name: order_of(network, p.name) for p in network.populations}
    ordered = [q for p in network.populations for q in network.incoming(p.name)]
    parts = [_lower_projection(q, orders) for q in ordered]
    blocks = np.array([part.block for part in parts], BLOCK)
    blocks["pre"] = [place[q.pre] for q in ordered]
    for name in ("words", "entries"):
        blocks[name] = starts([getattr(part, name).size for part in parts])
    blocks["first_row"] = starts([part.rows.size for part in parts])
    blocks["window"] = starts([part.windows is not None for part in parts])
    rows = _joined([part.rows for part in parts], ROW)
    synapses_before = np.repeat(
        starts([part.weights.size for part in parts]), [part.rows.size for part in parts]
    )
    rows["begin"] += synapses_before
    rows["end"] += synapses_before
    populations = populations_of(network, ordered, blocks)
    order = np.zeros(int(populations["width"].sum()), np.int32)
    for p, found in zip(populations, orders.values(), strict=True):
        order[p["first"] : p["first"] + p["n"]] = found
    tables = Tables(
        populations,
        blocks,
        rows,
        on_cache_lines(_joined([part.words for part in parts], np.dtype(np.uint16))),
        _joined([part.entries for part in parts], np.dtype(np.uint8)),
        _joined([part.weights for part in parts], np.dtype(np.int16)),
        _joined([part.reach for part in parts], np.dtype(np.uint32)),
        order,
        joined_windows([part.windows for part in parts if part.windows is not None]),
    )
    for table in (*tables[:-1], *tables.windows):
        table.setflags(write=False)
    components = tuple(
        np.array([place[name] for name in c], np.int64)
        for c in network.components()
        if c[0] not in network.inputs
    )
    return Lowered(
        tables,
        lower_neurons(network, orders, populations["first"], order.size),
        tuple(place[name] for name in network.inputs),
        components,
        tuple(_layer(tables, members) for members in components),
        tuple(q.name for q in ordered),
        tuple(part.touched for part in parts),
        tuple(bool(np.any(found != np.arange(found.size))) for found in orders.values()),
        np.concatenate([p["first"] + np.arange(p["n"]) for p in populations]),
    )


@dataclass(frozen=True, eq=False)
class _Part:
    """One projection, its places not yet known."""

    block: tuple[int, ...]
    rows: AnyArray
    words: AnyArray
    entries: AnyArray
    weights: AnyArray
    reach: AnyArray
    windows: Windows | None
    touched: Touched


def _lower_projection(q: Projection, orders: dict[str, IntArray]) -> _Part:
    q = q if slides(q) and in_order(q, orders[q.post]) else unrolled(q)
    c, form = q.connectivity, _form(q)
    assert isinstance(c.weights, Fixed)
    fixed = c.weights.format
    delays = np.asarray(q.delays.values, np.int64)
    shortest = int(delays.min(initial=delays.max(initial=0)))
    spread = int(delays.max(initial=0)) - shortest
    scale, zero = scale_and_zero(fixed)
    rows = np.zeros(c.n_pre, ROW)
    words, entries = np.zeros(0, np.uint16), np.zeros(0, np.uint8)
    weights, reach = np.zeros(0, np.int16), np.zeros(0, np.uint32)
    windows = None
    if form == LISTS:
        scale, zero = 1, 0
        weights, reach = _lists(q, rows, shortest, orders)
    elif delays.ndim:
        rows["extra"] = (delays - shortest)[orders[q.pre]] if form == MATRIX else (delays - shortest)
    if form == MATRIX:
        matrix = as_bytes(c.dense_matrix(), fixed)[orders[q.post]][:, orders[q.pre]]
        words = tiled(matrix.T, zero).ravel()
    if isinstance(c, Convolution):
        windows = windows_of(c)
        channels = by_window(as_bytes(mantissas(c.weights), fixed), c.groups)
        spare = padded(channels.shape[-1], 8) - channels.shape[-1]
        entries = np.pad(channels, ((0, 0), (0, 0), (0, spare)), constant_values=zero).ravel()
    exponent = fixed.exponent
    gain, right = scale << max(exponent, 0), max(-exponent, 0)
    block = (0, c.n_pre, form, 0, 0, 0, 0, shortest, spread, right, gain, zero)
    return _Part(block, rows, words, entries, weights, reach, windows, touched(q))


def _lists(
    q: Projection, rows: AnyArray, shortest: int, orders: dict[str, IntArray]
) -> tuple[AnyArray, AnyArray]:
    """Weights and reach of all synapses other than zero, by presynaptic place; says in `rows` where."""
    c = q.connectivity
    stored = c.stored()
    some = np.flatnonzero(stored)
    pre, post = (
        places_of(orders[name])[side] for name, side in zip((q.pre, q.post), c.synapses(), strict=True)
    )
    some = some[np.lexsort((post[some], pre[some]))]
    sizes = np.bincount(pre[some], minlength=c.n_pre)
    rows["end"] = np.cumsum(sizes)
    rows["begin"] = rows["end"] - sizes
    extra = q.delays.per_synapse(c) - shortest
    reach = extra * padded(c.n_post, TILE) + post
    return stored[some].astype(np.int16), reach[some].astype(np.uint32)


def _form(q: Projection) -> int:
    c = q.connectivity
    if isinstance(c, Convolution):
        return KERNEL
    if q.delays.kind not in ONE_DELAY:
        return LISTS
    n, size = int(np.count_nonzero(c.stored())), c.n_pre * padded(c.n_post, TILE)
    dense, small = n >= DENSE_ENOUGH * c.n_pre * c.n_post, size <= max(LIST_BYTES * n, LARGEST_SPARSE_MATRIX)
    return MATRIX if dense and small else LISTS


def _layer(tables: Tables, members: IntArray) -> Layer | None:
    """How a component runs as a layer, if it is one."""
    if not _is_layer(tables, members):
        return None
    m = int(members[0])
    p = tables.populations[m]
    blocks = tables.blocks[p["first_block"] : p["last_block"]]
    routes = np.array([blocks[name] for name in ROUTE], np.int64).T.copy()
    is_read = bool(np.any(tables.blocks["pre"] == m))
    return Layer(routes, (m, int(p["n"]), int(p["first"]), bool(p["wraps"]), is_read))


def _is_layer(tables: Tables, members: IntArray) -> bool:
    """Whether a component is one population that does not wait for itself, reached by matrices in one delay.

    Its tiles then need nothing of each other, and each can run through all ticks by itself.
    """
    if members.size > 1:
        return False
    p = tables.populations[members[0]]
    blocks = tables.blocks[p["first_block"] : p["last_block"]]
    plain = (blocks["form"] == MATRIX) & (blocks["spread"] == 0) & (blocks["pre"] != members[0])
    return p["kind"] == CUBA and bool(np.all(plain))


def _joined(arrays: list[AnyArray], dtype: np.dtype[np.generic]) -> AnyArray:
    return np.concatenate([np.zeros(0, dtype), *arrays])
