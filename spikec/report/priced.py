"""Estimates by several tables, and the interval that they span, kind of event by kind of event."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import fsum
from typing import Any

from spikec.energy import EnergyTerm, Estimate

KINDS = {
    "synaptic events": ("_events",),
    "neuron updates": ("neuron_updates",),
    "spikes": ("spikes",),
    "messages": ("messages",),
    "hops": ("hops_east_west", "hops_north_south"),
    "delay writes": ("delay_writes",),
}
"""What terms of all tables are lines of: endings of their names."""


@dataclass(frozen=True)
class Priced:
    """An estimate, and whether its prices are the chip's own.

    Attributes:
        estimate: The lines and the total.
        as_if: The chip whose prices were borrowed; None if they are the prices of the program's own target.
    """

    estimate: Estimate
    as_if: str | None

    @property
    def label(self) -> str:
        """What the estimate is called in a report."""
        title = self.estimate.title if self.as_if is None else f"priced as if on {self.as_if}"
        return f"{title} ({self.estimate.table})"


@dataclass(frozen=True)
class Interval:
    """What an inference costs by the cheapest and by the dearest table, picojoules.

    Attributes:
        tables: Whose estimates these are: the chip's own, or else the borrowed ones.
        total_pj: Of all events, by the tables that have a total; None if none has.
        kinds_pj: Of each kind of event in `KINDS` that any table prices. The ends of two kinds may be of two
            tables, so their sums are no totals.
    """

    tables: tuple[str, ...]
    total_pj: tuple[float, float] | None
    kinds_pj: Mapping[str, tuple[float, float]]

    def to_json(self) -> dict[str, Any]:
        """Plain values under the attributes' names."""
        return {
            "tables": list(self.tables),
            "total_pj": None if self.total_pj is None else list(self.total_pj),
            "kinds_pj": {kind: list(ends) for kind, ends in self.kinds_pj.items()},
        }


def interval(priced: Sequence[Priced]) -> Interval | None:
    """The interval over the tables that a chip has of its own, or else over the borrowed ones.

    None without a table that prices anything, or without samples.
    """
    known = [p for p in priced if any(t.total_pj is not None for t in p.estimate.terms)]
    used = [p for p in known if p.as_if is None] or known
    used = [p for p in used if p.estimate.n_samples]
    if not used:
        return None
    totals = [pj for p in used if (pj := p.estimate.per_inference_pj) is not None]
    kinds: dict[str, tuple[float, float]] = {}
    for kind in KINDS:
        costs = [pj for p in used if (pj := cost_of(p.estimate, kind)) is not None]
        if any(costs):
            kinds[kind] = (min(costs), max(costs))
    tables = tuple(p.estimate.table for p in used)
    return Interval(tables, (min(totals), max(totals)) if totals else None, kinds)


def cost_of(e: Estimate, kind: str) -> float | None:
    """What events of one kind cost an inference, picojoules; None if none of them has a price."""
    costs = [t.total_pj for t in e.terms if kind_of(t) == kind and t.total_pj is not None]
    return fsum(costs) / e.n_samples if costs else None


def kind_of(term: EnergyTerm) -> str:
    """Which of `KINDS` a line is of; its own name if of none."""
    return next((kind for kind, ends in KINDS.items() if term.name.endswith(ends)), term.name)
