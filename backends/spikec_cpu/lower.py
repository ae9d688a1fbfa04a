"""From a network to the flat, read-only arrays that the kernels walk.

Populations, blocks and rows are records in three tables, so a kernel has one signature whatever the network.
A *block* is what one projection became: a matrix of weights, lists of synapses, or a kernel that slides over
an image (`lower_windows`). A *row* is the fan-out of one presynaptic neuron in one block.

Delays: a block knows the shortest delay of its synapses and takes the spikes that are so old; only what is
longer than that (`extra`) goes through a ring of sums, as long as the longest extra. So a uniform delay costs
nothing, whatever its length.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from spikec.arrays import AnyArray, IntArray
from spikec.counting import touched
from spikec.ir.connectivity import Convolution, DelayKind, Dense
from spikec.ir.fixed_point import Fixed, mantissas
from spikec.ir.network import Network, Projection, unrolled
from spikec_cpu.lower_neurons import NeuronTables, kinds_and_places, lower_neurons
from spikec_cpu.lower_parts import KERNEL, LISTS, MATRIX, starts
from spikec_cpu.lower_windows import Windows, by_window, joined_windows, windows_of

Record = Any
"""One record of a table."""

_ONE_DELAY = (DelayKind.UNIFORM, DelayKind.AXONAL)
"""Delays that all synapses of a presynaptic neuron share."""

POPULATION = np.dtype(
    [
        ("n", "i8"),  # neurons
        ("first", "i8"),  # place of its first neuron in the arrays of all neurons
        ("kind", "i8"),  # type of its neurons, see `lower_neurons`
        ("place", "i8"),  # place of its first neuron in the table of that type
        ("ring", "i8"),  # where its ring of sums begins
        ("slots", "i8"),  # ticks in the ring; 1 if nothing has an extra delay
        ("first_block", "i8"),  # the blocks that end here
        ("last_block", "i8"),
    ],
    align=True,
)

BLOCK = np.dtype(
    [
        ("pre", "i8"),  # presynaptic population
        ("n_pre", "i8"),
        ("form", "i8"),  # LISTS in `weights` and `reach`, rows of a MATRIX, or a KERNEL
        ("weights", "i8"),  # where its matrix begins in `matrices`, n_pre rows and one of zeros; its kernel
        ("window", "i8"),  # the place of its kernel in `windows`
        ("first_row", "i8"),  # place of its first row in `rows`
        ("exponent", "i8"),
        ("delay", "i8"),  # shortest delay
        ("spread", "i8"),  # longest delay minus shortest
    ],
    align=True,
)

ROW = np.dtype(
    [
        ("begin", "i8"),  # synapses of a list in `weights` and `reach`
        ("end", "i8"),
        ("extra", "i4"),  # delay of a row of a matrix or kernel on top of its block's
        ("events", "i4"),  # synapses other than zero
        ("zeros", "i4"),  # stored zeros
        ("delayed", "i4"),  # synapses other than zero with a delay
    ],
    align=True,
)


class Tables(NamedTuple):
    """The populations and synapses of a lowered network.

    Attributes:
        populations: `POPULATION` records, in the network's order.
        blocks: `BLOCK` records, by postsynaptic population.
        rows: `ROW` records, by block.
        matrices: Mantissas of all matrices and kernels, int16, row by row: one row of a matrix is one
            presynaptic neuron's.
        weights: Mantissas of all lists, int16.
        reach: For every synapse of a list its postsynaptic neuron plus its extra delay times the size of the
            population: how far from the slot of this tick its sum lies in the ring. uint32.
        windows: How kernels slide.
    """

    populations: AnyArray
    blocks: AnyArray
    rows: AnyArray
    matrices: AnyArray
    weights: AnyArray
    reach: AnyArray
    windows: Windows


@dataclass(frozen=True, eq=False)
class Lowered:
    """A network as the kernels see it.

    Attributes:
        tables: The arrays of populations and synapses.
        neurons: Parameters and first states of all neurons.
        sources: Places of the network's inputs, in their order.
        components: Populations (but for sources) in the order in which spikes flow, by place in the network;
            those that feed each other together.
        projections: Name of every block's projection.
    """

    tables: Tables
    neurons: NeuronTables
    sources: tuple[int, ...]
    components: tuple[IntArray, ...]
    projections: tuple[str, ...]


def lower(network: Network) -> Lowered:
    """Lower a network of the fixed dialect."""
    place = {p.name: i for i, p in enumerate(network.populations)}
    ordered = [q for p in network.populations for q in network.incoming(p.name)]
    parts = [_lower_projection(q) for q in ordered]
    blocks = np.array([part.block for part in parts], BLOCK)
    blocks["pre"] = [place[q.pre] for q in ordered]
    rows = _joined([part.rows for part in parts], ROW)
    blocks["first_row"] = starts([part.rows.size for part in parts])
    blocks["weights"] = starts([part.matrix.size for part in parts])
    is_kernel = np.array([part.windows is not None for part in parts], np.int64)
    blocks["window"] = np.cumsum(is_kernel) - is_kernel
    synapses_before = np.repeat(
        starts([part.weights.size for part in parts]), [part.rows.size for part in parts]
    )
    rows["begin"] += synapses_before
    rows["end"] += synapses_before
    tables = Tables(
        _populations(network, ordered, blocks),
        blocks,
        rows,
        _joined([part.matrix for part in parts], np.dtype(np.int16)),
        _joined([part.weights for part in parts], np.dtype(np.int16)),
        _joined([part.reach for part in parts], np.dtype(np.uint32)),
        joined_windows([part.windows for part in parts if part.windows is not None]),
    )
    for table in (*tables[:-1], *tables.windows):
        table.setflags(write=False)
    components = tuple(
        np.array([place[name] for name in c], np.int64)
        for c in network.components()
        if c[0] not in network.inputs
    )
    sources = tuple(place[name] for name in network.inputs)
    return Lowered(tables, lower_neurons(network), sources, components, tuple(q.name for q in ordered))


@dataclass(frozen=True, eq=False)
class _Part:
    """One projection, its places not yet known."""

    block: tuple[int, ...]
    rows: AnyArray
    matrix: AnyArray
    weights: AnyArray
    reach: AnyArray
    windows: Windows | None


def _lower_projection(q: Projection) -> _Part:
    q = q if _slides(q) else unrolled(q)
    c, form = q.connectivity, _form(q)
    assert isinstance(c.weights, Fixed)
    delays = np.asarray(q.delays.values, np.int64)
    shortest = int(delays.min(initial=delays.max(initial=0)))
    spread = int(delays.max(initial=0)) - shortest
    rows = np.zeros(c.n_pre, ROW)
    rows["events"], rows["zeros"], rows["delayed"] = touched(q)
    matrix, weights, reach = np.zeros(0, np.int16), np.zeros(0, np.int16), np.zeros(0, np.uint32)
    if form == LISTS:
        pre, post = c.synapses()
        order = np.lexsort((post, pre))
        ends = np.cumsum(np.bincount(pre, minlength=c.n_pre))
        rows["begin"], rows["end"] = ends - np.bincount(pre, minlength=c.n_pre), ends
        weights = c.stored()[order].astype(np.int16)
        extra = q.delays.per_synapse(c) - shortest
        reach = (extra * c.n_post + post)[order].astype(np.uint32)
    else:
        rows["extra"] = delays - shortest
    if form == MATRIX:
        matrix = np.zeros((c.n_pre + 1, c.n_post), np.int16)
        matrix[:-1] = c.dense_matrix().T
    windows = windows_of(c) if isinstance(c, Convolution) else None
    if isinstance(c, Convolution):
        matrix = by_window(mantissas(c.weights).astype(np.int16), c.groups)
    block = (0, c.n_pre, form, 0, 0, 0, c.weights.format.exponent, shortest, spread)
    return _Part(block, rows, matrix.ravel(), weights, reach, windows)


def _slides(q: Projection) -> bool:
    """Whether a projection is a kernel that kernels here can walk: all of a spike's fan-out in one delay."""
    return isinstance(q.connectivity, Convolution) and q.delays.kind in _ONE_DELAY


def _form(q: Projection) -> int:
    if isinstance(q.connectivity, Convolution):
        return KERNEL
    is_matrix = isinstance(q.connectivity, Dense) and q.delays.kind in _ONE_DELAY
    return MATRIX if is_matrix else LISTS


def _populations(network: Network, ordered: list[Projection], blocks: AnyArray) -> AnyArray:
    populations = np.zeros(len(network.populations), POPULATION)
    populations["n"] = [p.n for p in network.populations]
    populations["first"] = starts(populations["n"])
    populations["kind"], populations["place"] = kinds_and_places(network)
    posts = [q.post for q in ordered]
    incoming = np.array([posts.count(p.name) for p in network.populations])
    populations["first_block"] = starts(incoming)
    populations["last_block"] = np.cumsum(incoming)
    for p in populations:
        p["slots"] = blocks["spread"][p["first_block"] : p["last_block"]].max(initial=0) + 1
    populations["ring"] = starts(populations["n"] * populations["slots"])
    return populations


def _joined(arrays: list[AnyArray], dtype: np.dtype[np.generic]) -> AnyArray:
    return np.concatenate([np.zeros(0, dtype), *arrays])
