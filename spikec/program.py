"""A network on its way to a chip, and at the end the artifact that backends run.

Passes take a `Program` and give another one. `log` tells what each of them did and what it cost; nothing
that was lost is left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from spikec.arrays import FloatArray, IntArray, read_only
from spikec.errors import Violation
from spikec.events import Events
from spikec.ir.network import Dialect, Network
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
        source: Where the network came from, by name: its file and hash, and how it and the program were made
            (`spikec.provenance`).
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
        inputs: Mapping[str, Events | npt.ArrayLike] | Events | npt.ArrayLike | Path = MappingProxyType({}),
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
                file of spikes; nothing for a network without inputs. An array holds samples
                ``(n_samples, ...)`` if the network knows its encoding, else a raster
                ``(n_samples, n_ticks, n)`` of spikes in each tick, or one spike time a neuron, seconds,
                ``(n_samples, n)``, infinite where it is silent (`spikec.input_arrays`).
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
