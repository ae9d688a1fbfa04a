"""What a run gives: spikes, membranes that were asked for, and exact counts of all events."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any

import numpy as np

from spikec.arrays import AnyArray, IntArray
from spikec.errors import EventsError
from spikec.events import Events


@dataclass(frozen=True)
class PopulationCounts:
    """Events of one population, summed over all samples and ticks.

    Attributes:
        spikes: Spikes that left its neurons (for a source: that entered the network).
        neuron_updates: Neurons times ticks times samples; 0 for a source. A clock-driven chip visits every
            neuron in every tick, whether or not anything happened.
    """

    spikes: int
    neuron_updates: int


@dataclass(frozen=True)
class ProjectionCounts:
    """Events of one projection, summed over all samples and ticks.

    Spikes are counted when they leave, also if they would arrive after the last tick.

    Attributes:
        synaptic_events: Stored synapses with a weight other than zero that a spike touched.
        zero_weight_events: Stored synapses with weight zero that a spike touched.
        messages: Presynaptic spikes that have at least one stored synapse here: what must be sent.
        delay_writes: Synaptic events with a delay of a tick or more, which wait in a delay buffer.
    """

    synaptic_events: int
    zero_weight_events: int
    messages: int
    delay_writes: int


@dataclass(frozen=True)
class Counters:
    """All counts of one run; reference, CPU and Lava give identical ones.

    Attributes:
        n_samples: Samples run.
        n_ticks: Ticks of each sample.
        populations: By name.
        projections: By name.
    """

    n_samples: int
    n_ticks: int
    populations: Mapping[str, PopulationCounts]
    projections: Mapping[str, ProjectionCounts]

    def total(self, name: str) -> int:
        """Sum of one count (a field's name) over the network."""
        holders = self.populations if name in {f.name for f in fields(PopulationCounts)} else self.projections
        return sum(int(getattr(c, name)) for c in holders.values())

    def totals(self) -> dict[str, int]:
        """Every count, summed over the network."""
        names = [f.name for f in (*fields(PopulationCounts), *fields(ProjectionCounts))]
        return {name: self.total(name) for name in names}


@dataclass(frozen=True, eq=False)
class CoreCounts:
    """What happened on every core of a placed program, summed over all samples.

    They follow from the spikes, so engines that agree on spikes agree on these.

    Attributes:
        mesh: The chips: ``columns`` and ``rows`` of tiles, ``cores_per_tile``, ``chips``.
        place: Of every core on the mesh, ``(n_cores,)``, as all that follows unless another shape is named.
        neurons: Of every population, how many are on each core.
        spikes: Made by its neurons.
        neuron_updates: As in `PopulationCounts`.
        synaptic_events: As in `ProjectionCounts`.
        zero_weight_events: Likewise.
        delay_writes: Likewise.
        messages_out: Messages that its neurons sent: one for a spike and a core that it reaches.
        messages_in: Messages that reached it, those of inputs among them.
        by_storage: Synaptic events, zeros among them, of synapses that are stored as ``dense``, ``sparse`` or
            ``convolution``.
        hops: Of all messages between tiles, to the ``east``, ``west``, ``north`` and ``south``.
        chip_crossings: Messages times borders between chips that they passed.
        work: Synaptic events (zeros among them) and neuron updates in each tick, ``(n_ticks, n_cores)``; an
            event counts in the tick in which its spike left.
        busiest: Of the core that had most of these in a tick, sample by sample, ``(n_ticks,)``.
        picoseconds: How long the slowest core takes for what it has to do in a tick, by the target's timing,
            and all cores to agree that it is over, ``(n_ticks,)``; an estimate. None without a timing.
    """

    mesh: Mapping[str, int]
    place: IntArray
    neurons: Mapping[str, IntArray]
    spikes: IntArray
    neuron_updates: IntArray
    synaptic_events: IntArray
    zero_weight_events: IntArray
    delay_writes: IntArray
    messages_out: IntArray
    messages_in: IntArray
    by_storage: Mapping[str, IntArray]
    hops: Mapping[str, int]
    chip_crossings: int
    work: IntArray
    busiest: IntArray
    picoseconds: IntArray | None = None

    @property
    def n_cores(self) -> int:
        """Cores that hold neurons."""
        return self.place.size


@dataclass(frozen=True, eq=False)
class RunResult:
    """One run.

    Attributes:
        spikes: For every population its spikes.
        traces: What was recorded: ``"name.v"`` is ``(n_samples, n_ticks, n)``, or in continuous time
            ``(n_samples, n_times, n)`` at the times k ``meta["every"]``; ``"name.v.last"`` and
            ``"name.v.max"`` are ``(n_samples, n)``.
        counters: Exact counts; None for continuous networks.
        meta: JSON facts: backend, versions, hashes, wall seconds, labels and accuracy where known.
        cores: Counts of every core; None unless the program is placed.
    """

    spikes: Mapping[str, Events]
    traces: Mapping[str, AnyArray] = field(default_factory=dict)
    counters: Counters | None = None
    meta: Mapping[str, Any] = field(default_factory=dict)
    cores: CoreCounts | None = None

    @property
    def predictions(self) -> IntArray | None:
        """The class of each sample, -1 for a first spike that never came; None if nothing was decoded."""
        found = self.meta.get("predictions")
        return None if found is None else np.asarray(found, np.int64)

    @property
    def accuracy(self) -> float | None:
        """Share of samples whose class was right; None if the right ones are not known."""
        found = self.meta.get("accuracy")
        return None if found is None else float(found)

    def raster(self, name: str) -> IntArray:
        """How often each neuron of a population spiked in each tick, ``(n_samples, n_ticks, n)``.

        Raises:
            EventsError: There is no such population, or the run was not in ticks.
        """
        if name not in self.spikes:
            raise EventsError(f"there is no population {name!r} in this run; it has {', '.join(self.spikes)}")
        if self.counters is None:
            raise EventsError(f"{name} ran in continuous time; round its spikes with `to_ticks` first")
        e = self.spikes[name]
        raster = np.zeros((e.n_samples, self.counters.n_ticks, e.n_neurons), np.int64)
        np.add.at(raster, (e.sample_of_event(), e.times, e.neurons), 1)
        return raster
