"""A network on its way to a chip, and at the end the artifact that backends run.

Passes take a `Program` and give another one. `log` tells what each of them did and what it cost; nothing
that was lost is left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from spikec.arrays import FloatArray, IntArray, read_only
from spikec.coding import encode
from spikec.errors import EventsError, UsageError, Violation
from spikec.events import Events
from spikec.ir.network import Continuous, Dialect, Network, Population, Ticks
from spikec.ir.neurons import Source
from spikec.placed import Placement, check_placement
from spikec.result import RunResult
from spikec.targets.target import Target


@dataclass(frozen=True)
class LogEntry:
    """What one pass did.

    Attributes:
        step: The pass's name.
        lossless: Whether the network's spikes are the same as before.
        summary: One sentence.
        figures: What it cost, in the network's own terms, by name.
    """

    step: str
    lossless: bool
    summary: str
    figures: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class Shard:
    """A part of a population that was split.

    Attributes:
        population: The part's name in the network.
        neurons: Which neurons of the original population it holds, ``(n,)``.
    """

    population: str
    neurons: IntArray

    def __post_init__(self) -> None:
        object.__setattr__(self, "neurons", read_only(self.neurons, np.int64))


@dataclass(frozen=True, eq=False)
class Program:
    """A network, the target it is meant for, and how the one became fit for the other.

    Attributes:
        network: In the fixed dialect once compiled.
        target: Limits, formats and prices of the chip.
        scales: For each compiled population the integer membrane units that stand for one unit of the float
            network's membrane, ``(n,)``.
        n_ticks: Length of a sample in ticks, if the program knows it.
        shards: For each population that was split, its parts.
        source: Where the network came from: file name and hash.
        log: What every pass did, in order.
        violations: What passes met that the target cannot do; a finished program has none.
        once: Populations that spike at most once a sample, for they promised it and inhibit themselves, or
            pass on the spikes of one that did.
        late: By how many ticks each population's spikes are late on average: a spike of tick k stands for the
            time ``(k - late) dt`` of the network that was compiled.
        copies: For each population whose neurons have others beside them that tell parts of a tick, the
            population of these: of P neurons for one, neuron (k - 1) n + i is k/P of a tick behind neuron i.
        placement: Which core every neuron is on, and where that core is, once placed.
    """

    network: Network
    target: Target
    scales: Mapping[str, FloatArray] = field(default_factory=dict)
    n_ticks: int | None = None
    shards: Mapping[str, tuple[Shard, ...]] = field(default_factory=dict)
    source: Mapping[str, str] = field(default_factory=dict)
    log: tuple[LogEntry, ...] = ()
    violations: tuple[Violation, ...] = ()
    once: tuple[str, ...] = ()
    late: Mapping[str, float] = field(default_factory=dict)
    placement: Placement | None = None
    copies: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.placement is not None:
            check_placement(self.placement, self.network)

    @property
    def is_compiled(self) -> bool:
        """Whether the network is in the chip's integers."""
        return self.network.dialect is Dialect.FIXED

    def run(
        self,
        inputs: Mapping[str, Events | npt.ArrayLike] | Events | npt.ArrayLike | Path,
        labels: npt.ArrayLike | None = None,
        *,
        backend: str | None = None,
        ticks: int | None = None,
        until: float | None = None,
        record: Sequence[str] = (),
        every: float | None = None,
        **options: object,
    ) -> RunResult:
        """Run samples or spikes, as `spikec run` does; a network that is not compiled runs as it is.

        Args:
            inputs: For a network with one input an array or events, else a mapping from inputs to them; or a
                file of spikes. An array holds samples ``(n_samples, ...)`` if the network knows its encoding,
                else a raster ``(n_samples, n_ticks, n)`` of spikes in each tick, or one spike time a neuron,
                seconds, ``(n_samples, n)``, infinite where it is silent (`spikec.input_arrays`).
            labels: The right class of each sample, ``(n_samples,)``, if known.
            backend: ``"cpu"``, ``"reference"``, ``"lava"`` or any that is installed; None for the CPU engine,
                or the reference for what that cannot run.
            ticks: How long, for networks in ticks; None for as long as a raster, the program or the encoding.
            until: How long, seconds, for continuous networks; None for the encoding's length, or until the
                last input.
            record: Membranes to keep: ``"NAME.v"``, ``"NAME.v.last"`` or ``"NAME.v.max"``.
            every: Seconds between two ``NAME.v`` of a continuous network.
            options: Of the backend, for instance ``flavour="stock"`` for Lava.

        Raises:
            EventsError: The inputs or labels do not fit the network.
            TargetError: The backend cannot run the program.
            UsageError: There is no such backend, or the end of the run is impossible.
        """
        from spikec import api  # late, for it knows the backends

        return api.run(
            self,
            inputs,
            labels,
            backend=backend,
            ticks=ticks,
            until=until,
            record=record,
            every=every,
            **options,
        )

    def stream(
        self,
        inputs: Mapping[str, Events | npt.ArrayLike] | Events | npt.ArrayLike | Path | Iterator[Any],
        labels: npt.ArrayLike | None = None,
        *,
        chunk: int | None = None,
        **options: Any,
    ) -> Iterator[RunResult]:
        """Run samples that memory would not hold, chunk by chunk; `spikec.join` makes one result of several.

        Args:
            inputs: As for `run`: of arrays that lie on the disk (``numpy.load(path, mmap_mode="r")``) and of
                files only a chunk is read. Or an iterator that gives any of these, each a chunk.
            labels: The right class of each sample of all chunks, ``(n_samples,)``, if known.
            chunk: How many samples to run at a time; None for as many as memory holds.
            options: All others of `run`.

        Yields:
            The result of each chunk; together they are what `run` would give.

        Raises:
            EventsError: The inputs or labels do not fit the network.
            TargetError: The backend cannot run the program.
            UsageError: There is no such backend, memory would not hold a sample, or nothing says how long to
                run what an iterator gives.
        """
        from spikec import api  # late, for it knows the backends

        return api.stream(self, inputs, labels, chunk=chunk, **options)

    def stands_for(self, name: str) -> str:
        """The population that the neurons of a population were added for; that itself, if for none."""
        return next((p for p, copies in self.copies.items() if copies == name), name)

    def logged(self, entry: LogEntry, **changes: Any) -> Program:
        """The program with changes and one more entry in its log."""
        return replace(self, log=(*self.log, entry), **changes)


def encode_samples(network: Network, samples: npt.ArrayLike) -> dict[str, Events]:
    """Turn samples into the input spikes of a network, in its own kind of time.

    Raises:
        UsageError: The network does not say how samples become spikes.
        EventsError: The samples do not fit its inputs.
    """
    if network.encoding is None:
        raise UsageError("this network does not say how samples become spikes; give spikes with --input")
    events = encode(network.encoding, samples)
    for name, e in events.items():
        n = prod(network.population(name).given_shape)
        if e.n_neurons != n:
            raise EventsError(
                f"a sample has {e.n_neurons} values, but input {name} has {n} neurons; take the data set "
                "that the network was made for"
            )
    return in_own_time(network, events)


def in_own_time(network: Network, events: Mapping[str, Events]) -> dict[str, Events]:
    """Convert events to the network's time: seconds if it is continuous, its ticks otherwise.

    Spikes of inputs that the network divides go to the neuron of the part of a tick they lie in.
    """
    if isinstance(network.clock, Continuous):
        if any(e.in_ticks for e in events.values()):
            raise EventsError(
                "a continuous network needs spike times in seconds, but the events are in ticks"
            )
        return dict(events)
    parts = {
        p.name: p.neuron.parts
        for p in network.populations
        if isinstance(p.neuron, Source) and p.name in events and events[p.name].n_neurons != p.n
    }
    return {name: e.to_ticks(network.dt, parts.get(name, 1)) for name, e in events.items()}


def default_until(program: Program, events: Mapping[str, Events]) -> float:
    """How long to run when nobody says: the program's or encoding's length, else until the last input spike.

    In ticks the last input spike is also answered by every layer. In continuous time the run ends with it,
    for there it may mark the end.

    Returns:
        Seconds for a continuous network, ticks otherwise.

    Raises:
        UsageError: The network has no inputs, and nothing else says how long to run it.
    """
    encoding, clock = program.network.encoding, program.network.clock
    if program.n_ticks is not None and not isinstance(clock, Continuous):
        return program.n_ticks
    if encoding is not None:
        return encoding.duration if isinstance(clock, Continuous) else round(encoding.duration / clock.dt) + 1
    if not program.network.inputs:
        option = "--until SECONDS" if isinstance(clock, Continuous) else "--ticks N"
        raise UsageError(f"this network has no inputs, so nothing says how long to run it; give {option}")
    last = max((float(e.times.max()) for e in events.values() if e.n_events), default=0.0)
    return last if isinstance(clock, Continuous) else int(last) + 1 + _ticks_to_outputs(program.network)


def _ticks_to_outputs(network: Network) -> int:
    """The ticks a spike needs along the longest way without a cycle, so that the last one is answered."""
    assert isinstance(network.clock, Ticks)
    hop = network.clock.convention.hop_delay + network.clock.convention.spike_delay
    arrives = {p.name: 0 for p in network.populations}
    for component in network.components():
        for q in network.projections:
            if q.post in component and q.pre not in component:
                delay = q.delays.longest if q.delays.in_ticks else q.delays.longest / network.clock.dt
                arrives[q.post] = max(arrives[q.post], arrives[q.pre] + hop + round(delay))
        latest = max(arrives[name] for name in component)
        arrives.update(dict.fromkeys(component, latest))
    return max(arrives.values(), default=0)


def check_inputs(network: Network, inputs: Mapping[str, Events]) -> int:
    """Check that events fit a network's inputs.

    Returns:
        The number of samples; 1 for a network without inputs.

    Raises:
        EventsError: An input lacks events, sizes or sample counts differ, the kind of time is wrong, a source
            that promises one spike a sample breaks its word, or a neuron spikes more often at one moment than
            it may.
    """
    if set(inputs) != set(network.inputs):
        raise EventsError(
            f"events were given for {sorted(inputs)}, but the network's inputs are {sorted(network.inputs)}"
        )
    continuous = isinstance(network.clock, Continuous)
    fixed = network.dialect is Dialect.FIXED
    for name, e in inputs.items():
        population = network.population(name)
        if e.n_neurons != population.n:
            raise EventsError(
                f"input {name} has {population.n} neurons, but its events come from {e.n_neurons}"
            )
        if e.in_ticks == continuous:
            raise EventsError(f"input {name} needs times in {'seconds' if continuous else 'ticks'}")
        if getattr(population.neuron, "one_spike", False) and e.n_events:
            together = e.counts().reshape(e.n_samples, getattr(population.neuron, "parts", 1), -1).sum(axis=1)
            if together.max() > 1:
                raise EventsError(
                    f"a neuron of input {name} spikes more than once in a sample; once is allowed"
                )
        if continuous:
            _check_moments(name, e)
        if fixed:
            _check_counts(name, e, population)
    sizes = {e.n_samples for e in inputs.values()} if network.inputs else {1}
    if len(sizes) != 1:
        raise EventsError(f"the inputs have different numbers of samples: {sorted(sizes)}")
    return sizes.pop()


def _check_moments(name: str, e: Events) -> None:
    """Refuse two input spikes of one neuron at one moment: a tick holds one, and so does a moment."""
    repeated = np.flatnonzero(e.repeats())
    if repeated.size:
        k = int(repeated[0])
        raise EventsError(
            f"neuron {e.neurons[k]} of input {name} spikes twice at {e.times[k]:g} s in sample "
            f"{e.sample_of_event()[k]}; a moment holds one spike of a neuron: leave one out or move it"
        )


MOST_TICKS = 1 << 20
"""Ticks of a sample; of longer ones engines could not keep the spikes' places in memory."""


def check_ticks(n_ticks: int) -> None:
    """Check that a run in ticks has a length that can be.

    Raises:
        UsageError: It has not.
    """
    if not 1 <= n_ticks <= MOST_TICKS:
        raise UsageError(f"a run of {n_ticks} ticks was asked for; give 1 to {MOST_TICKS}")


def _check_counts(name: str, e: Events, population: Population) -> None:
    """Refuse more spikes of one neuron in a tick than its source may have."""
    assert isinstance(population.neuron, Source)
    got, most = e.most_at_once(), population.neuron.most_at_once
    if got > most:
        raise EventsError(
            f"a neuron of input {name} spikes {got} times in one tick, more than {most}; compile with "
            f"--input-counts {got}, or give one spike a tick"
        )
