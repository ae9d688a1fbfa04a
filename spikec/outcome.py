"""What a run amounts to without its spikes: all that a report's figures need."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from spikec.result import CoreCounts, Counters, RunResult


class Size(NamedTuple):
    """One population.

    Attributes:
        n_neurons: Its neurons.
        n_events: Its spikes in the whole run.
    """

    n_neurons: int
    n_events: int


@dataclass(frozen=True, eq=False)
class Outcome:
    """One run without its spikes and membranes.

    Attributes:
        n_samples: Samples run; None if the run has no population.
        sizes: Of every population.
        counters: As in `RunResult`.
        meta: As in `RunResult`.
        cores: As in `RunResult`.
    """

    n_samples: int | None
    sizes: Mapping[str, Size]
    counters: Counters | None = None
    meta: Mapping[str, Any] = field(default_factory=dict)
    cores: CoreCounts | None = None


def outcome_of(run: RunResult | Outcome) -> Outcome:
    """What a run amounts to."""
    if isinstance(run, Outcome):
        return run
    sizes = {name: Size(e.n_neurons, e.n_events) for name, e in run.spikes.items()}
    n_samples = next((e.n_samples for e in run.spikes.values()), None)
    if run.counters is not None:
        n_samples = run.counters.n_samples
    return Outcome(n_samples, sizes, run.counters, run.meta, run.cores)
