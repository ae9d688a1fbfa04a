"""From a network in float ticks to the flat, read-only arrays that its kernels walk.

As in `lower`, populations, blocks (what one projection became) and rows (the fan-out of one presynaptic
neuron) are records. A block is a matrix, lists of synapses, or a kernel: that of a convolution is stored
once, and `spikec_cpu.lower_windows` says which of its entries a pixel meets.

Every block has sums of its own, for the order in which numbers are added is part of their definition: a ring
with a slot for each tick of delay beyond the block's shortest. All delays have the hop in them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from spikec.arrays import AnyArray, FloatArray, IntArray
from spikec.ir.connectivity import Convolution, DelayKind, Delays, Dense
from spikec.ir.conventions import Comparison, Convention, Reset, ResetTime
from spikec.ir.discrete import MOST_SPIKES, tick_of
from spikec.ir.network import Network, Population, Projection, Ticks
from spikec_cpu.lower_parts import KERNEL, LISTS, MATRIX, starts
from spikec_cpu.lower_windows import Windows, by_window, joined_windows, windows_of

BY_ROW, BY_ENTRY, BY_POST = range(3)
"""What the extra delays of a kernel's synapses belong to: rows, its entries, or postsynaptic neurons."""

POPULATION = np.dtype(
    [
        ("n", "i8"),  # neurons
        ("first", "i8"),  # place of its first neuron in the arrays of all neurons
        ("once", "i8"),  # whether only the first spike of a sample leaves a neuron
        ("first_block", "i8"),  # the blocks that end here
        ("last_block", "i8"),
    ],
    align=True,
)

BLOCK = np.dtype(
    [
        ("form", "i8"),
        ("pre", "i8"),  # presynaptic population
        ("delay", "i8"),  # shortest delay, its hop included
        ("slots", "i8"),  # ticks in its ring: longest delay minus shortest, plus one
        ("ring", "i8"),  # where its ring begins
        ("first_row", "i8"),  # place of its first row in `rows`
        ("weights", "i8"),  # where its weights begin
        ("reach", "i8"),  # where its part of `reach` begins
        ("delays", "i8"),  # of a kernel: what extra delays belong to
        ("window", "i8"),  # of a kernel: its place in `windows`
    ],
    align=True,
)

ROW = np.dtype(
    [
        ("begin", "i8"),  # synapses of a list, from the block's first
        ("end", "i8"),
        ("extra", "i8"),  # of a matrix or kernel: delay on top of the block's
    ],
    align=True,
)


class FloatTables(NamedTuple):
    """The populations and synapses of a lowered network.

    Attributes:
        populations: `POPULATION` records, in the network's order.
        blocks: `BLOCK` records, by postsynaptic population, then in the network's order.
        rows: `ROW` records, by block.
        weights: Of a matrix row by row, one row a presynaptic neuron; of lists synapse by synapse; of a
            kernel as `lower_windows.by_window` lays them out.
        reach: Of lists for every synapse its postsynaptic neuron plus its extra delay times the size of the
            population; of kernels extra delays by entry or by postsynaptic neuron. uint32.
        windows: Of all kernels.
    """

    populations: AnyArray
    blocks: AnyArray
    rows: AnyArray
    weights: AnyArray
    reach: AnyArray
    windows: Windows


ALPHA, BETA, GAIN, BIAS, CURRENT_BIAS, V_LEAK, THRESHOLD, V_RESET, TAKEN, LOWEST = range(10)
"""Rows of the coefficients of all neurons: those of `spikec.ir.discrete.Tick`; what a spike takes off where
thresholds are subtracted, 0 where there is none; and where the membrane stops falling."""


class Habits(NamedTuple):
    """A convention as the kernels ask for it.

    Attributes:
        subtract: Whether a spike takes the threshold off.
        next_tick: Whether it does so, or resets, in the next tick.
        reach: Whether a membrane at its threshold spikes.
        several: Whether a neuron may spike several times in a tick.
        clamps: Whether membranes stop falling somewhere.
        late: Whether spikes leave in the tick after the one of their crossing.
        most: How often a neuron may spike in a tick.
    """

    subtract: bool
    next_tick: bool
    reach: bool
    several: bool
    clamps: bool
    late: bool
    most: int


@dataclass(frozen=True, eq=False)
class LoweredFloat:
    """A network as the kernels see it.

    Attributes:
        tables: Populations and synapses.
        coefficients: Of all neurons, ``(10, n)``; zero for sources.
        habits: The convention.
        sources: Places of the network's inputs, in their order.
        components: Populations (but for sources) in the order in which spikes flow, by place in the network;
            those that feed each other together.
        ring: Length of all rings together.
    """

    tables: FloatTables
    coefficients: FloatArray
    habits: Habits
    sources: tuple[int, ...]
    components: tuple[IntArray, ...]
    ring: int


def lower_float(network: Network, real: npt.DTypeLike) -> LoweredFloat:
    """Lower a network in float ticks.

    Args:
        network: Its neurons are those that `tick_of` knows.
        real: float64 or float32.
    """
    assert isinstance(network.clock, Ticks)
    place = {p.name: i for i, p in enumerate(network.populations)}
    ordered = [q for p in network.populations for q in network.incoming(p.name)]
    parts = [_part(network, q) for q in ordered]
    blocks = np.array([part.block for part in parts], BLOCK)
    blocks["pre"] = [place[q.pre] for q in ordered]
    for name in ("rows", "weights", "reach"):
        blocks["first_row" if name == "rows" else name] = starts([getattr(p, name).size for p in parts])
    blocks["window"] = starts([part.window is not None for part in parts])
    rings = blocks["slots"] * np.array([q.connectivity.n_post for q in ordered], np.int64)
    blocks["ring"] = starts(rings)
    tables = FloatTables(
        _populations(network, ordered),
        blocks,
        np.concatenate([np.zeros(0, ROW), *(part.rows for part in parts)]),
        np.concatenate([np.zeros(0, real), *(part.weights.astype(real) for part in parts)]),
        np.concatenate([np.zeros(0, np.uint32), *(part.reach.astype(np.uint32) for part in parts)]),
        joined_windows([part.window for part in parts if part.window is not None]),
    )
    groups = [_coefficients(p, network.clock, np.dtype(real)) for p in network.populations]
    coefficients = np.concatenate(groups, axis=1)
    for table in (*tables[:-1], *tables.windows, coefficients):
        table.setflags(write=False)
    components = tuple(
        np.array([place[name] for name in c], np.int64)
        for c in network.components()
        if c[0] not in network.inputs
    )
    sources = tuple(place[name] for name in network.inputs)
    habits = habits_of(network.clock.convention)
    return LoweredFloat(tables, coefficients, habits, sources, components, int(rings.sum()))


def habits_of(convention: Convention) -> Habits:
    """What the kernels ask of a convention."""
    return Habits(
        subtract=convention.reset is Reset.SUBTRACT,
        next_tick=convention.reset_time is ResetTime.NEXT,
        reach=convention.comparison is Comparison.REACH,
        several=convention.multi_spike,
        clamps=convention.clamp is not None,
        late=convention.spike_delay == 1,
        most=MOST_SPIKES,
    )


def whole_delays(network: Network, q: Projection) -> IntArray:
    """The delays of a projection in ticks, its hop included, in the shape in which they are given."""
    assert isinstance(network.clock, Ticks)
    values = q.delays.values if q.delays.in_ticks else np.rint(q.delays.values / network.clock.dt)
    return values.astype(np.int64) + network.clock.convention.hop(network.leads_back(q))


@dataclass(frozen=True, eq=False)
class _Part:
    """One projection, its places not yet known."""

    block: AnyArray
    rows: AnyArray
    weights: FloatArray
    reach: IntArray
    window: Windows | None = None


def _part(network: Network, q: Projection) -> _Part:
    delays, c, kind = whole_delays(network, q), q.connectivity, q.delays.kind
    shortest, longest = (int(k) for k in (delays.min(initial=delays.max(initial=0)), delays.max(initial=0)))
    block = np.zeros((), BLOCK)
    block["delay"], block["slots"] = shortest, longest - shortest + 1
    extra = Delays(delays - shortest, kind)
    rows = np.zeros(c.n_pre, ROW)
    if isinstance(c, Convolution):
        return _kernel(c, extra, block, rows)
    if isinstance(c, Dense) and kind in (DelayKind.UNIFORM, DelayKind.AXONAL):
        block["form"] = MATRIX
        rows["extra"] = extra.values
        return _Part(block, rows, c.dense_matrix().T.ravel(), np.zeros(0, np.int64))
    block["form"] = LISTS
    pre, post = c.synapses()
    order = np.lexsort((post, pre))
    sizes = np.bincount(pre, minlength=c.n_pre)
    rows["begin"], rows["end"] = np.cumsum(sizes) - sizes, np.cumsum(sizes)
    reach = extra.per_synapse(c) * c.n_post + post
    return _Part(block, rows, c.stored()[order], reach[order])


def _kernel(c: Convolution, extra: Delays, block: AnyArray, rows: AnyArray) -> _Part:
    block["form"] = KERNEL
    reach: AnyArray = np.zeros(0, np.int64)
    if extra.kind is DelayKind.SYNAPTIC:
        block["delays"], reach = BY_ENTRY, by_window(extra.values, c.groups)
    elif extra.kind is DelayKind.DENDRITIC:
        block["delays"], reach = BY_POST, extra.values.reshape(c.output_shape[0], -1).T
    else:
        rows["extra"] = extra.values
    weights = by_window(np.asarray(c.weights, np.float64), c.groups)
    return _Part(block, rows, weights.ravel(), reach.ravel(), windows_of(c))


def _populations(network: Network, ordered: Sequence[Projection]) -> AnyArray:
    populations = np.zeros(len(network.populations), POPULATION)
    populations["n"] = [p.n for p in network.populations]
    populations["first"] = starts(populations["n"])
    populations["once"] = [getattr(p.neuron, "one_spike", False) for p in network.populations]
    posts = [q.post for q in ordered]
    incoming = np.array([posts.count(p.name) for p in network.populations])
    populations["first_block"] = starts(incoming)
    populations["last_block"] = np.cumsum(incoming)
    return populations


def _coefficients(p: Population, clock: Ticks, real: np.dtype[Any]) -> AnyArray:
    """Those of one population, ``(10, n)``."""
    rows = np.zeros((10, p.n), real)
    if p.is_source:
        return rows
    k = tick_of(p.neuron, clock.dt, clock.convention)
    given = (k.alpha, k.beta, k.gain, k.bias, k.current_bias, k.v_leak, k.threshold, k.v_reset)
    for row, values in zip(rows, given, strict=False):
        row[:] = values
    stops, clamp = np.isfinite(rows[THRESHOLD]), clock.convention.clamp
    rows[TAKEN, stops] = rows[THRESHOLD, stops]
    rows[LOWEST] = -np.inf
    if clamp is not None:
        rows[LOWEST, stops] = real.type(clamp) * rows[THRESHOLD, stops]
    return rows
