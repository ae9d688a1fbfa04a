"""The reference interpreter as a backend: runs every dialect, in float or integers."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from time import perf_counter
from typing import Any

import numpy as np

from spikec.arrays import AnyArray
from spikec.counting import count
from spikec.errors import UsageError, Violation
from spikec.events import Events
from spikec.inputs import check_inputs, check_ticks
from spikec.ir.listing import listed
from spikec.ir.network import Dialect, Network
from spikec.precision import check_precision, unsupported_precision
from spikec.program import Program
from spikec.rasters import from_counts
from spikec.records import check_record, split_key
from spikec.reference.continuous import run_continuous
from spikec.reference.fixed import run_fixed
from spikec.reference.ticks import run_ticks
from spikec.result import RunResult

BATCH_BYTES = 256 << 20
"""Samples are taken in batches whose rasters stay below this size."""


class ReferenceBackend:
    """Runs any network slowly and by definition.

    Args:
        precision: Bits of a real number in float ticks, 64 or 32.
    """

    name = "reference"

    def __init__(self, precision: int = 64) -> None:
        self.precision = check_precision(precision)

    def unavailable(self) -> str | None:
        """Never: it needs numpy only."""
        return None

    def unsupported(self, program: Program) -> list[Violation]:
        """Nothing, but for another precision than 64 where there is none."""
        return unsupported_precision(program.network, self.precision)

    def sample_bytes(self, program: Program, until: float) -> int:
        """Rasters of all populations, in ticks."""
        if program.network.dialect is Dialect.CONTINUOUS:
            return 0
        return 8 * int(until) * sum(p.n for p in program.network.populations)

    def prepare(self, program: Program) -> ReferenceExecutable:
        """Nothing is prepared."""
        return ReferenceExecutable(program.network, self.precision)


class ReferenceExecutable:
    """A network as the reference sees it."""

    def __init__(self, network: Network, precision: int = 64) -> None:
        continuous = network.dialect is Dialect.CONTINUOUS
        self.network, self.precision = listed(network, "run") if continuous else network, precision

    def run(self, inputs: Mapping[str, Events], until: float, record: Sequence[str] = ()) -> RunResult:
        """See `spikec.backend.Executable.run`."""
        n_samples = check_inputs(self.network, inputs)
        check_record(self.network, record)
        began = perf_counter()
        if self.network.dialect is Dialect.CONTINUOUS:
            result = self._run_continuous(inputs, n_samples, until, record)
        else:
            result = self._run_ticks(inputs, n_samples, int(until), record)
        meta: dict[str, Any] = {"backend": "reference", "seconds": perf_counter() - began}
        if self.network.dialect is Dialect.TICKS:
            meta["precision"] = self.precision
        return RunResult(result.spikes, result.traces, result.counters, meta)

    def close(self) -> None:
        """Nothing is held."""

    def _run_continuous(
        self, inputs: Mapping[str, Events], n_samples: int, until: float, record: Sequence[str]
    ) -> RunResult:
        for key in record:
            if split_key(key)[1] == ".v":
                raise UsageError(f"a continuous network has no ticks to record {key!r} at; record {key}.last")
        spikes, ends, peaks = run_continuous(self.network, inputs, n_samples, until)
        held = {".v.last": ends, ".v.max": peaks}
        return RunResult(spikes, {key: held[split_key(key)[1]][split_key(key)[0]] for key in record})

    def _run_ticks(
        self, inputs: Mapping[str, Events], n_samples: int, n_ticks: int, record: Sequence[str]
    ) -> RunResult:
        check_ticks(n_ticks)
        network = self.network
        width = sum(p.n for p in network.populations)
        batch = max(1, BATCH_BYTES // max(1, 16 * width * n_ticks))
        rasters: dict[str, list[AnyArray]] = {p.name: [] for p in network.populations}
        traces: dict[str, list[AnyArray]] = {key: [] for key in record}
        for first in range(0, max(n_samples, 1), batch):
            last = min(first + batch, n_samples)
            part = {name: e.select(first, last) for name, e in inputs.items()}
            spikes, membranes = self._step(part, last - first, n_ticks, first)
            for name, raster in spikes.items():
                rasters[name].append(raster)
            for key in traces:
                name, what = split_key(key)
                traces[key].append(membranes[name] if what == ".v" else membranes[name][:, -1])
        events = {name: from_counts(np.concatenate(r)) for name, r in rasters.items()}
        counters = count(network, events, n_samples, n_ticks)
        return RunResult(events, {k: np.concatenate(t) for k, t in traces.items()}, counters)

    def _step(
        self, inputs: Mapping[str, Events], n_samples: int, n_ticks: int, first_sample: int
    ) -> tuple[Mapping[str, AnyArray], Mapping[str, AnyArray]]:
        """Spikes and membranes of a batch of samples, in ticks."""
        if self.network.dialect is Dialect.FIXED:
            given = {name: e.how_often(n_ticks) for name, e in inputs.items()}
            return run_fixed(self.network, given, n_samples, n_ticks)
        counts = {name: e.how_often(n_ticks) for name, e in inputs.items()}
        return run_ticks(self.network, counts, n_samples, n_ticks, self.precision, first_sample)
