"""Programs that were tried, what each costs, and which of them nothing beats."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass
from enum import Enum
from typing import Any

from spikec.units import seconds_text

ROUNDING = 1e-9
"""By how much float arithmetic may exceed a budget that is just kept."""


class Least(Enum):
    """What a search wants little of."""

    MEMORY = "memory"
    ENERGY = "energy"


@dataclass(frozen=True)
class Measured:
    """What a program costs on samples.

    Attributes:
        lost_points: Points of accuracy less than the float network has; of answers changed, where no labels
            are known; None if it does not answer.
        median: Median error of spike times, seconds; None if no spikes belong together.
        percentile_99: Their 99th percentile.
        events: Synaptic events a sample.
        updates: Neuron updates a sample.
        energy_pj: Energy of a sample, picojoules; None where events have no price.
    """

    lost_points: float | None
    median: float | None
    percentile_99: float | None
    events: float
    updates: float
    energy_pj: float | None = None


@dataclass(frozen=True)
class Candidate:
    """A program that was tried.

    Attributes:
        dt: Length of a tick, seconds.
        n_ticks: Ticks of a sample, if known.
        bits: Of each projection of the network.
        synapse_bytes: Memory of the synapses.
        measured: What it costs; None if it does not fit the target.
        excess: How many times it takes what the budget allows.
    """

    dt: float
    n_ticks: int | None
    bits: Mapping[str, int]
    synapse_bytes: int
    measured: Measured | None
    excess: float

    @property
    def fits(self) -> bool:
        """Whether it keeps the budget."""
        return self.excess <= 1 + ROUNDING

    def cost(self, least: Least) -> tuple[float, float]:
        """What is wanted little of, then what decides between equals."""
        assert self.measured is not None
        memory, energy = float(self.synapse_bytes), self.measured.energy_pj
        if least is Least.MEMORY:
            return memory, self.measured.updates if energy is None else energy
        return (float("inf") if energy is None else energy), memory

    def __str__(self) -> str:
        """What it costs, in words."""
        assert self.measured is not None
        m = self.measured
        lost = "" if m.lost_points is None else f"loses {m.lost_points:.3g} points of accuracy, "
        energy = "" if m.energy_pj is None else f", {m.energy_pj:.4g} pJ a sample"
        return (
            f"{lost}spike times off by {seconds_text(m.median)} (99th percentile "
            f"{seconds_text(m.percentile_99)}), {self.synapse_bytes} bytes of synapses{energy}"
        )

    def to_json(self) -> dict[str, Any]:
        """Plain values under the attributes' names; an infinite excess is None."""
        excess = self.excess if self.excess < float("inf") else None
        return {**asdict(self), "excess": excess, "fits": self.fits}


def pareto_front(tried: Iterable[Candidate]) -> list[Candidate]:
    """Those for which no other takes less memory, updates and events and loses no more, by their memory."""
    known = [c for c in tried if c.measured is not None]
    kept = [c for c in known if not any(_better(other, c) for other in known)]
    return sorted(kept, key=lambda c: (c.synapse_bytes, c.excess, -c.dt))


def _better(a: Candidate, b: Candidate) -> bool:
    """Whether a is as good as b in everything and better in something."""
    assert a.measured is not None
    assert b.measured is not None
    pairs = [
        (a.synapse_bytes, b.synapse_bytes),
        (a.excess, b.excess),
        (a.measured.updates, b.measured.updates),
        (a.measured.events, b.measured.events),
    ]
    return all(x <= y for x, y in pairs) and any(x < y for x, y in pairs)
