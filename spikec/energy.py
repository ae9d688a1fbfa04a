"""What the events of a run would cost: exact counts times published prices, one line a term.

Always an estimate. Left out are static power, input and output, the embedded x86 cores with their
synchronisation, and hops between cores unless the program is placed; on small networks these can outweigh
everything that is counted. A price nobody published is never made up: its term stays a bare count, and
where the table knows the term to matter there is no total.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import fsum
from typing import Any

from spikec.energy_tables.table import NO_PRICE, TERMS, UNPRICED, EnergyTable, Price
from spikec.ir.fixed_neurons import PAIRS
from spikec.result import CoreCounts, Counters

BASELINE_TABLE = "digital-45nm"
"""The table that dense networks are priced with."""

PROGRAMS = tuple(kind.__name__ for kind in PAIRS)
"""Neurons that a chip computes by a program of many steps; tables price its built-in one."""

NOT_INCLUDED = "not included: static power, input and output, the embedded x86 cores, synchronisation"

_Ledger = tuple[dict[str, int], dict[str, Price]]
"""Counts and prices by term, in the order of a report."""


@dataclass(frozen=True)
class EnergyTerm:
    """One line of an estimate.

    Attributes:
        name: What was counted.
        count: How often, in the whole run.
        unit_pj: Price of one, picojoules; None if none was published.
        total_pj: Price of all, picojoules; None if `unit_pj` is.
        source: Where the price is from.
        note: What must be known to read it.
    """

    name: str
    count: int
    unit_pj: float | None
    total_pj: float | None
    source: str = ""
    note: str = ""


@dataclass(frozen=True)
class Estimate:
    """What a run's events would cost by one table.

    Attributes:
        table: The table's name.
        title: The table's title.
        chip: The chip it prices.
        basis: What the prices rest on.
        n_samples: Samples (inferences) of the run.
        terms: One line a kind of event.
        total_pj: Sum for the whole run, picojoules; None where a relevant event has no published price.
        not_counted: What has no term, and why.
        notes: What must be known to read the total.
        is_estimate: Always true: nothing here was measured on this run.
    """

    table: str
    title: str
    chip: str
    basis: str
    n_samples: int
    terms: tuple[EnergyTerm, ...]
    total_pj: float | None
    not_counted: tuple[str, ...]
    notes: tuple[str, ...]
    is_estimate: bool = True

    @property
    def per_inference_pj(self) -> float | None:
        """Mean over the samples, picojoules; None without a total or without samples."""
        return None if self.total_pj is None or not self.n_samples else self.total_pj / self.n_samples


@dataclass(frozen=True)
class DenseBaseline:
    """One inference of the same network as dense arithmetic: what "less" is less than.

    The base of a feed-forward network is *one pass*: an artificial network of the same shape multiplies each
    stored weight once. A recurrent one needs a pass each time step, so its base is *every tick*, which is
    also what a clock-driven dense simulation of the spiking network does. Every tick is the larger number;
    against a feed-forward network it flatters the spikes, and is shown but not used.

    Attributes:
        base: ``"one pass"`` or ``"every tick"``: which of the two is the base.
        macs_per_pass: Multiply-accumulates of one pass: the stored synapses, zeros among them, but not those
            of a neuron onto itself. A list of synapses counts what it lists, for it may be a convolution, and
            the full matrix would flatter us.
        n_ticks: Ticks of an inference, if there are ticks.
        one_pass: One pass, a line for each kind of arithmetic.
        every_tick: A pass each tick, likewise; empty without ticks.
        notes: What must be known to read the figures.
    """

    base: str
    macs_per_pass: int
    n_ticks: int | None
    one_pass: tuple[EnergyTerm, ...]
    every_tick: tuple[EnergyTerm, ...]
    notes: tuple[str, ...] = ()

    @property
    def terms(self) -> tuple[EnergyTerm, ...]:
        """The lines of the base."""
        return self.one_pass if self.base == "one pass" else self.every_tick

    @property
    def macs_per_inference(self) -> int:
        """Multiply-accumulates of the base."""
        return self.terms[0].count if self.terms else self.macs_per_pass


@dataclass(frozen=True)
class Standing:
    """What takes power all the time, while a run lasts; never part of what events cost.

    Attributes:
        name: What takes it.
        mw: Milliwatts.
        seconds: How long the run takes on the chip, by its timing.
        source: Where the power is from.
        note: What must be known to read it.
    """

    name: str
    mw: float
    seconds: float
    source: str
    note: str = ""

    @property
    def total_pj(self) -> float:
        """Of the whole run, picojoules."""
        return self.mw * self.seconds * 1e9


def seconds_of(cores: CoreCounts | None) -> float | None:
    """How long a run takes on the chip: the slowest core of every tick, and the barriers between ticks.

    None if the program is not placed, or nobody said how long events take.
    """
    if cores is None or cores.picoseconds is None:
        return None
    return float(cores.picoseconds.sum()) * 1e-12


def standing(power: Iterable[Mapping[str, Any]], seconds: float | None) -> tuple[Standing, ...]:
    """What takes power all the time, a line each; nothing if nobody knows for how long.

    Args:
        power: As `spikec.targets.target.Power`, by name.
        seconds: How long the run takes.
    """
    if seconds is None:
        return ()
    return tuple(Standing(p["name"], p["mw"], seconds, p["source"], p.get("note", "")) for p in power)


def estimate(
    counters: Counters,
    table: EnergyTable,
    facts: Mapping[str, Any] | None = None,
    cores: CoreCounts | None = None,
) -> Estimate:
    """Price the events of a run.

    Args:
        counters: Exact counts.
        table: Prices; `UNPRICED` where there are none.
        facts: Of the network, from `spikec.facts.facts`, if known: they tell which neurons are programs.
        cores: Counts of every core, if the program is placed: then a message is one to a core, hops are
            priced, and so is the way in which synapses are stored.
    """
    counts, prices = _counted(counters, table)
    if cores is not None:
        counts, prices = _placed(counts, prices, table, cores)
    terms = tuple(_term(name, counts[name], prices[name]) for name in counts)
    lacking = [t.name for t in terms if t.unit_pj is None and t.count and prices[t.name].relevant]
    from_outside = counters.total("spikes") - counts["spikes"]
    left_out = [_hops_not_counted(table)] if cores is None else []
    notes = list(table.notes)
    if from_outside:
        notes.append(
            f"{from_outside} spikes of inputs come from outside: sent and received, but not made here."
        )
    programs = _updates_of_programs(counters, facts or {})
    if programs and prices["neuron_updates"].pj is not None:
        notes.append(
            f"{programs} neuron updates are those of programs ({' and '.join(PROGRAMS)}). They cost more "
            "than those of the chip's own neuron, whose price they are given: for them it is too low."
        )
    if lacking and table is not UNPRICED:
        notes.append(f"No total: {', '.join(lacking)} have no published price.")
    return Estimate(
        table=table.name,
        title=table.title,
        chip=table.chip,
        basis=table.basis,
        n_samples=counters.n_samples,
        terms=terms,
        total_pj=None if lacking else fsum(t.total_pj for t in terms if t.total_pj is not None),
        not_counted=(*left_out, *(() if table is UNPRICED else (NOT_INCLUDED,))),
        notes=tuple(notes),
    )


def _counted(counters: Counters, table: EnergyTable) -> _Ledger:
    """Counts and prices of a run that is not placed."""
    computing = [c for c in counters.populations.values() if c.neuron_updates]
    counts = {**counters.totals(), "spikes": sum(c.spikes for c in computing)}
    return {name: counts[name] for name in TERMS}, {name: getattr(table.events, name) for name in TERMS}


def _placed(
    counts: Mapping[str, int], prices: Mapping[str, Price], table: EnergyTable, cores: CoreCounts
) -> _Ledger:
    """Counts and prices of a run whose cores are known."""
    counts, prices = dict(counts), dict(prices)
    counts["messages"] = int(cores.messages_in.sum())
    if table.storage is not None:
        del counts["synaptic_events"], counts["zero_weight_events"]
        stored = {f"{kind}_events": int(of.sum()) for kind, of in cores.by_storage.items()}
        counts = stored | counts
        prices |= {f"{kind}_events": getattr(table.storage, kind) for kind in cores.by_storage}
    if table.hops is not None or table is UNPRICED:
        counts["hops_east_west"] = cores.hops["east"] + cores.hops["west"]
        counts["hops_north_south"] = cores.hops["north"] + cores.hops["south"]
        for name in ("east_west", "north_south"):
            prices[f"hops_{name}"] = NO_PRICE if table.hops is None else getattr(table.hops, name)
    return counts, prices


def dense_baseline(facts: Mapping[str, Any], n_ticks: int | None, table: EnergyTable) -> DenseBaseline:
    """Price one inference of the same network done as dense multiply-accumulates.

    Args:
        facts: Of the network, from `spikec.facts.facts`.
        n_ticks: Ticks of an inference; None if the network is continuous.
        table: A table with `EnergyTable.operations`, for instance ``digital-45nm``.
    """
    macs = int(facts["dense_macs"])
    operations = table.operations.items()
    one_pass = tuple(_term(name, macs, price) for name, price in operations)
    every_tick = tuple(_term(name, macs * n_ticks, price) for name, price in operations) if n_ticks else ()
    base = "every tick" if facts["recurrent"] and every_tick else "one pass"
    return DenseBaseline(base, macs, n_ticks, one_pass, every_tick, table.notes)


def _updates_of_programs(counters: Counters, facts: Mapping[str, Any]) -> int:
    names = [p["name"] for p in facts.get("populations", ()) if p["neuron"] in PROGRAMS]
    return sum(counters.populations[name].neuron_updates for name in names if name in counters.populations)


def _term(name: str, count: int, price: Price) -> EnergyTerm:
    total = None if price.pj is None else count * price.pj
    return EnergyTerm(name, count, price.pj, total, price.source, price.note)


def _hops_not_counted(table: EnergyTable) -> str:
    if table.hops is None:
        return "not counted: hops between cores, for there is no placement"
    each = " or ".join(f"{price.pj:g}" for price in (table.hops.east_west, table.hops.north_south))
    return f"not counted: hops between cores ({each} pJ each), for there is no placement"
