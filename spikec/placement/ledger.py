"""What a run did on every core: counted from its spikes, as `spikec.counting` counts a whole network."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from typing import NamedTuple

import numpy as np
from scipy.sparse import coo_array

from spikec.arrays import AnyArray, BoolArray, IntArray
from spikec.counting import touched
from spikec.errors import NetworkError
from spikec.events import Events
from spikec.ir.connectivity import Connectivity, Convolution, Dense
from spikec.placement.cost import traffic
from spikec.placement.grid import Grid, grid_of
from spikec.placement.reach import Reach
from spikec.placement.rules import Assignment
from spikec.program import Program
from spikec.result import CoreCounts
from spikec.shards import in_parts
from spikec.targets.target import Target

STORAGE = ("dense", "sparse", "convolution")
"""Ways to store synapses."""

ROWS = 1 << 16
"""Ticks, of all samples, that are counted at once: so many rows times the cores are held in memory."""


def assignment_of(program: Program) -> Assignment:
    """The cores of a placed program, to be measured.

    Raises:
        NetworkError: It is not placed.
    """
    if program.placement is None:
        raise NetworkError("this program is not placed; compile it with --place")
    return Assignment(program.network, program.target, program.placement.cores, program.placement.n_cores)


def count_cores(program: Program, spikes: Mapping[str, Events], n_ticks: int) -> CoreCounts:
    """Count what a run did on every core.

    Args:
        program: Compiled and placed.
        spikes: Of every population within the run, in ticks; of a split one under its own name or its parts'.
        n_ticks: Ticks of each sample.
    """
    a = assignment_of(program)
    assert program.placement is not None
    place, spikes = program.placement.place, in_parts(program, spikes)
    n_samples = next(e.n_samples for e in spikes.values())
    counted = {
        name: np.bincount(e.neurons, minlength=e.n_neurons).astype(np.int64) for name, e in spikes.items()
    }
    neurons_of = {name: np.bincount(of, minlength=a.n_cores) for name, of in a.cores.items()}
    neurons = sum(neurons_of.values(), np.zeros(a.n_cores, np.int64))
    made = np.zeros(a.n_cores, np.int64)
    for name, of in a.cores.items():
        made += _onto_cores(of, a.n_cores) @ counted[name]
    events, zeros, delayed = np.zeros((3, a.n_cores), np.int64)
    storage = {kind: np.zeros(a.n_cores, np.int64) for kind in STORAGE}
    for q in program.network.projections:
        one = touched(q, _onto_cores(a.cores[q.post], a.n_cores))
        n = counted[q.pre]
        events += one.events @ n
        zeros += one.zeros @ n
        delayed += one.delayed @ n
        storage[storage_of(q.connectivity)] += (one.events + one.zeros) @ n
    t = traffic(a, counted)
    between, outside = _whole(t.between.toarray()), _whole(t.from_outside)
    grid = grid_of(program.target, int(place.max(initial=0)) + 1)
    hops, crossings = _ways(between, outside, grid, place)
    over_time = _over_time(a, neurons, spikes, n_samples, n_ticks, _Timing.of(program.target, grid, place))
    return CoreCounts(
        mesh=asdict(grid),
        place=place,
        neurons=neurons_of,
        spikes=made,
        neuron_updates=neurons * n_ticks * n_samples,
        synaptic_events=events,
        zero_weight_events=zeros,
        delay_writes=delayed,
        messages_out=between.sum(axis=1),
        messages_in=between.sum(axis=0) + outside,
        by_storage=storage,
        hops=hops,
        chip_crossings=crossings,
        work=over_time.work,
        busiest=over_time.busiest,
        picoseconds=over_time.picoseconds,
    )


def _onto_cores(core: IntArray, n_cores: int) -> IntArray:
    """Which neurons are on each core, ``(n_cores, n)``."""
    on: BoolArray = core == np.arange(n_cores)[:, None]
    return on.astype(np.int64)


def storage_of(c: Connectivity) -> str:
    """How synapses are stored, one of `STORAGE`."""
    if isinstance(c, Dense):
        return "dense"
    return "convolution" if isinstance(c, Convolution) else "sparse"


def _whole(messages: AnyArray) -> IntArray:
    """Sums of counts, exact in float64 up to 2**53."""
    return np.rint(messages).astype(np.int64)


def _ways(between: IntArray, outside: IntArray, grid: Grid, place: IntArray) -> tuple[dict[str, int], int]:
    """Hops by direction, and borders of chips passed, of messages that go first along a row.

    Args:
        between: Messages from core to core, ``(n_cores, n_cores)``.
        outside: Messages of inputs, which enter at the first tile, ``(n_cores,)``.
        grid: The mesh.
        place: Of every core.
    """
    x, y = (of[place] for of in grid.tiles)
    east, south = x - x[:, None], y - y[:, None]
    chip = x // grid.columns
    hops = {
        "east": int(np.sum(between * east.clip(0)) + outside @ x),
        "west": int(np.sum(between * (-east).clip(0))),
        "north": int(np.sum(between * (-south).clip(0))),
        "south": int(np.sum(between * south.clip(0)) + outside @ y),
    }
    return hops, int(np.sum(between * np.abs(chip - chip[:, None])) + outside @ chip)


class _Timing(NamedTuple):
    """Picoseconds, as `spikec.targets.target.Timing` has them, and of the end of a tick."""

    synaptic_event: int
    neuron_update: int
    spike: int
    message_out: int
    message_in: int
    barrier: int

    @classmethod
    def of(cls, target: Target, grid: Grid, place: IntArray) -> _Timing | None:
        """That of a target whose cores are at some places; None if it has none."""
        t = target.timing
        if t is None:
            return None
        n_tiles = np.unique(place // grid.cores_per_tile).size
        return cls(
            synaptic_event=round(1000 * t.synaptic_event.value),
            neuron_update=round(1000 * t.neuron_update.value),
            spike=round(1000 * t.spike.value),
            message_out=round(1000 * t.message_out.value),
            message_in=round(1000 * t.message_in.value),
            barrier=round(1000 * t.barrier(n_tiles)),
        )


class _OverTime(NamedTuple):
    """`CoreCounts.work`, `CoreCounts.busiest` and `CoreCounts.picoseconds`."""

    work: IntArray
    busiest: IntArray
    picoseconds: IntArray | None


def _over_time(
    a: Assignment,
    neurons: IntArray,
    spikes: Mapping[str, Events],
    n_samples: int,
    n_ticks: int,
    timing: _Timing | None,
) -> _OverTime:
    """What cores do in every tick, summed over samples."""
    work, busiest, slowest = np.zeros((n_ticks, a.n_cores), np.int64), *np.zeros((2, n_ticks), np.int64)
    at_once = max(1, ROWS // n_ticks)
    for first in range(0, n_samples, at_once):
        last = min(first + at_once, n_samples)
        some = {name: e.select(first, last) for name, e in spikes.items()}
        shape = (last - first, n_ticks, a.n_cores)
        part = np.tile(neurons, ((last - first) * n_ticks, 1))
        for q in a.network.projections:
            part += _by_tick(some[q.pre], a.reaches[q.name], n_ticks)
        by_core = part.reshape(shape)
        work += by_core.sum(axis=0)
        busiest += by_core.max(axis=2, initial=0).sum(axis=0)
        if timing is not None:
            took = (part - neurons) * timing.synaptic_event + neurons * timing.neuron_update
            took += _picoseconds_of_messages(a, some, n_ticks, timing)
            slowest += (
                took.reshape(shape).max(axis=2, initial=0).sum(axis=0) + (last - first) * timing.barrier
            )
    return _OverTime(work, busiest, None if timing is None else slowest)


def _picoseconds_of_messages(
    a: Assignment, spikes: Mapping[str, Events], n_ticks: int, timing: _Timing
) -> IntArray:
    """Time for spikes and messages of every core in every tick, ``(n_samples * n_ticks, n_cores)``."""
    n_samples = next(e.n_samples for e in spikes.values())
    took = np.zeros((n_samples * n_ticks, a.n_cores), np.int64)
    for name, r in a.axons.items():
        reached = (r.counts > 0).astype(np.int64)
        took += _by_tick(spikes[name], Reach(r.kind, reached), n_ticks) * timing.message_in
    for name, core in a.cores.items():
        e = spikes[name]
        each = np.full(e.n_neurons, timing.spike, np.int64)
        if name in a.axons:
            each += np.diff(a.axons[name].counts.indptr)[a.axons[name].kind] * timing.message_out
        at = (e.sample_of_event() * n_ticks + e.times, core[e.neurons])
        took += coo_array((each[e.neurons], at), shape=took.shape).toarray()
    return took


def _by_tick(e: Events, r: Reach, n_ticks: int) -> IntArray:
    """What spikes of every tick reach on every core, ``(n_samples * n_ticks, n_cores)``."""
    at = (e.sample_of_event() * n_ticks + e.times, r.kind[e.neurons])
    shape = (e.n_samples * n_ticks, r.counts.shape[0])
    sent = coo_array((np.ones(e.n_events, np.int64), at), shape=shape).tocsr()
    return np.asarray((sent @ r.counts).toarray(), np.int64)
