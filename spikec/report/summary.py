"""A run in figures: accuracy, spikes, counts, energy by each table, the dense base, NeuroBench's names.

`summarise` reads a result and nothing else; what a result does not tell is None here and left out of the
views. The views (`spikec.report.text`, `spikec.report.html`) show `spikec.report.tables`; `to_json` is for
programs.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from spikec.answers import Accuracy, accuracy_of
from spikec.energy import (
    BASELINE_TABLE,
    DenseBaseline,
    Standing,
    dense_baseline,
    estimate,
    seconds_of,
    standing,
)
from spikec.energy_tables.table import UNPRICED, load_table
from spikec.neurobench import NeuroBench, neurobench
from spikec.outcome import Outcome, outcome_of
from spikec.report.beside import Beside
from spikec.report.priced import Interval, Priced, interval
from spikec.report.provenance import provenance
from spikec.result import CoreCounts, Counters, ProjectionCounts, RunResult


@dataclass(frozen=True)
class PopulationLine:
    """One population.

    Attributes:
        name: Its name.
        n: Neurons.
        spikes: Spikes in the whole run.
        neuron_updates: Updates in the whole run; None if they were not counted under this name.
    """

    name: str
    n: int
    spikes: int
    neuron_updates: int | None


@dataclass(frozen=True)
class ProjectionLine:
    """One projection.

    Attributes:
        name: Its name.
        n_synapses: Stored synapses; None without facts.
        n_nonzero: Those with a weight other than zero; None without facts.
        counts: Its counts in the whole run; None without counters.
    """

    name: str
    n_synapses: int | None
    n_nonzero: int | None
    counts: ProjectionCounts | None


@dataclass(frozen=True)
class Summary:
    """Everything a report shows.

    Attributes:
        n_samples: Samples run; None if the result holds no population.
        n_ticks: Ticks of a sample; None for continuous networks.
        dt: Length of a tick, seconds, if known.
        accuracy: If known.
        beside: Another run of the same network that this one is held against, if there is one.
        populations: In network order.
        projections: In network order.
        totals: Every count, summed over the network; empty without counters.
        cores: Counts of every core; None unless the program is placed.
        core_use: Limits of a core, and how much of them every core takes; empty unless placed.
        energy: One estimate a table; for a target without prices the bare counts.
        interval: What the tables with a price span; None if there are none.
        seconds: How long the run takes on the chip, by its timing; None if that is not known.
        standing: What takes power all that time, apart from what events cost.
        baseline: The same network as dense arithmetic; None without facts.
        neurobench: NeuroBench's metrics; None without facts.
        facts: Of the network, as `spikec.facts` gave them; empty if the result has none.
        passes: What each did, with ``step``, ``lossless``, ``summary`` and ``figures``; empty if unknown.
        provenance: Where the result comes from, by name.
        notes: What a reader must know, one sentence each.
    """

    n_samples: int | None
    n_ticks: int | None
    dt: float | None
    accuracy: Accuracy | None
    beside: Beside | None
    populations: tuple[PopulationLine, ...]
    projections: tuple[ProjectionLine, ...]
    totals: Mapping[str, int]
    cores: CoreCounts | None
    core_use: tuple[Mapping[str, Any], ...]
    energy: tuple[Priced, ...]
    interval: Interval | None
    seconds: float | None
    standing: tuple[Standing, ...]
    baseline: DenseBaseline | None
    neurobench: NeuroBench | None
    facts: Mapping[str, Any]
    passes: tuple[Mapping[str, Any], ...]
    provenance: Mapping[str, str]
    notes: tuple[str, ...]

    def ratios(self) -> dict[str, dict[str, float]]:
        """For each table with a total, its energy an inference by that of the dense base, by arithmetic."""
        if self.baseline is None:
            return {}
        bases = {t.name: t.total_pj for t in self.baseline.terms if t.total_pj}
        totals = {p.estimate.table: p.estimate.per_inference_pj for p in self.energy}
        return {
            table: {name: pj / base for name, base in bases.items()}
            for table, pj in totals.items()
            if pj is not None and bases
        }

    def to_json(self) -> dict[str, Any]:
        """A plain dictionary; what is unknown is null.

        Returns:
            ``n_samples``, ``n_ticks``, ``dt``; ``accuracy`` with ``value``, ``n_samples``, ``interval``;
            ``beside``, another run, with ``name``, ``accuracy``, ``discordant`` and ``times``, or null;
            ``populations`` by name, with ``n``, ``spikes``, ``neuron_updates``; ``projections`` by name, with
            ``n_synapses``, ``n_nonzero`` and the counts of `spikec.result.ProjectionCounts`; ``counts``, the
            sums over the network; ``cores``, the counts of `spikec.result.CoreCounts`, null unless the
            program is placed; ``core_use``, limits of cores; ``energy`` by table name, with ``terms``,
            ``total_pj``, ``per_inference_pj``, ``is_estimate``, ``as_if``, ``title``, ``chip``, ``basis``,
            ``n_samples``, ``not_counted``, ``notes`` (``unpriced``: bare counts for a chip without prices);
            ``seconds`` on the chip, and ``standing`` power while they last, apart from ``energy``;
            ``dense_baseline`` with ``base``, ``macs_per_inference``, ``terms``, ``one_pass``, ``every_tick``,
            ``notes``, ``energy_by_base``; ``neurobench``; ``facts``; ``passes``; ``provenance``; ``notes``.
            ``energy_interval`` has ``total_pj`` and ``kinds_pj``, from the cheapest table to the dearest.
        """
        return {
            "n_samples": self.n_samples,
            "n_ticks": self.n_ticks,
            "dt": self.dt,
            "accuracy": None if self.accuracy is None else _plain(asdict(self.accuracy)),
            "beside": None if self.beside is None else self.beside.to_json(),
            "populations": {p.name: _without_name(asdict(p)) for p in self.populations},
            "projections": {q.name: _projection_json(q) for q in self.projections},
            "counts": dict(self.totals),
            "cores": None if self.cores is None else _plain(asdict(self.cores)),
            "core_use": _plain(self.core_use),
            "energy": {p.estimate.table: _priced_json(p) for p in self.energy},
            "energy_interval": None if self.interval is None else self.interval.to_json(),
            "seconds": self.seconds,
            "standing": [asdict(s) | {"total_pj": s.total_pj} for s in self.standing],
            "dense_baseline": None if self.baseline is None else self._baseline_json(self.baseline),
            "neurobench": None if self.neurobench is None else self.neurobench.to_json(),
            "facts": _plain(self.facts),
            "passes": _plain(self.passes),
            "provenance": dict(self.provenance),
            "notes": list(self.notes),
        }

    def _baseline_json(self, baseline: DenseBaseline) -> dict[str, Any]:
        return {
            "base": baseline.base,
            "macs_per_inference": baseline.macs_per_inference,
            "terms": [asdict(t) for t in baseline.terms],
            "one_pass": [asdict(t) for t in baseline.one_pass],
            "every_tick": [asdict(t) for t in baseline.every_tick],
            "notes": list(baseline.notes),
            "energy_by_base": self.ratios(),
        }


def summarise(
    run: RunResult | Outcome,
    tables: Sequence[str] | None = None,
    beside: Beside | None = None,
    command: str | None = None,
) -> Summary:
    """Bring a result into figures.

    Args:
        run: Of any backend; everything in its meta may be missing.
        tables: Energy tables by name, or files; None for those of the program's target. One that is not the
            target's own is labelled "priced as if".
        beside: Another run of the same network, from `spikec.report.beside.beside`.
        command: The line that asked for the summary, for its provenance.

    Raises:
        UsageError: There is no such energy table.
    """
    result = outcome_of(run)
    meta, counters = result.meta, result.counters
    facts: Mapping[str, Any] = meta.get("facts") or {}
    n_ticks = None if counters is None else counters.n_ticks
    priced = _energy(result, facts, tables)
    return Summary(
        n_samples=result.n_samples,
        n_ticks=n_ticks,
        dt=meta.get("dt") or facts.get("dt"),
        accuracy=accuracy_of(meta),
        beside=beside,
        populations=_population_lines(result),
        projections=_projection_lines(facts, counters),
        totals={} if counters is None else counters.totals(),
        cores=result.cores,
        core_use=tuple(meta.get("core_use") or ()),
        energy=priced,
        interval=interval(priced),
        seconds=seconds_of(result.cores),
        standing=standing(meta.get("power") or (), seconds_of(result.cores)),
        baseline=dense_baseline(facts, n_ticks, load_table(BASELINE_TABLE)) if facts else None,
        neurobench=neurobench(facts, counters) if facts else None,
        facts=facts,
        passes=tuple(meta.get("passes") or ()),
        provenance=provenance(meta, () if beside is None else beside.commands, command),
        notes=_notes(meta, facts, counters),
    )


def _population_lines(result: Outcome) -> tuple[PopulationLine, ...]:
    counted = result.counters.populations if result.counters is not None else {}
    return tuple(
        PopulationLine(
            name, e.n_neurons, e.n_events, counted[name].neuron_updates if name in counted else None
        )
        for name, e in result.sizes.items()
    )


def _projection_lines(facts: Mapping[str, Any], counters: Counters | None) -> tuple[ProjectionLine, ...]:
    known = {q["name"]: q for q in facts.get("projections", ())}
    counted = counters.projections if counters is not None else {}
    names = [*known, *(name for name in counted if name not in known)]
    return tuple(
        ProjectionLine(
            name,
            known[name]["n_synapses"] if name in known else None,
            known[name]["n_nonzero"] if name in known else None,
            counted.get(name),
        )
        for name in names
    )


def _energy(result: Outcome, facts: Mapping[str, Any], tables: Sequence[str] | None) -> tuple[Priced, ...]:
    counters, cores = result.counters, result.cores
    if counters is None:
        return ()
    own = tuple(result.meta.get("energy_tables") or ())
    bare = () if own else (Priced(estimate(counters, UNPRICED, cores=cores), None),)
    loaded = [(name, load_table(name)) for name in (own if tables is None else tables)]
    return bare + tuple(
        Priced(estimate(counters, table, facts, cores), None if name in own else table.chip)
        for name, table in loaded
    )


def _notes(meta: Mapping[str, Any], facts: Mapping[str, Any], counters: Counters | None) -> tuple[str, ...]:
    notes = []
    if meta.get("order"):
        notes.append(str(meta["order"]))
    if meta.get("ends"):
        notes.append(str(meta["ends"]))
    if counters is None:
        notes.append("The run has no event counts (none does in continuous time); compile to have it priced.")
    if meta.get("missing"):
        notes.append(f"The run did not end: {meta['missing']} samples are missing; run it again to go on.")
    if not facts:
        notes.append("The result carries no facts of its network: no dense base, no NeuroBench figures.")
    return tuple(notes)


def _priced_json(priced: Priced) -> dict[str, Any]:
    plain: dict[str, Any] = _plain(asdict(priced.estimate))
    del plain["table"]
    return {**plain, "per_inference_pj": priced.estimate.per_inference_pj, "as_if": priced.as_if}


def _projection_json(q: ProjectionLine) -> dict[str, Any]:
    counts = {} if q.counts is None else asdict(q.counts)
    return {"n_synapses": q.n_synapses, "n_nonzero": q.n_nonzero, **counts}


def _without_name(line: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in line.items() if key != "name"}


def _plain(value: Any) -> Any:
    """Mappings as dictionaries, sequences and arrays as lists, all the way down."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, Mapping):
        return {str(k): _plain(v) for k, v in value.items()}
    return [_plain(v) for v in value] if isinstance(value, list | tuple) else value
