"""Describe any file in a page: `inspect`; and what other commands print of networks, programs and runs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from spikec.container import is_container, load, origin_of
from spikec.events import Events
from spikec.ir.conventions import FIELDS, LOIHI, Convention, plain
from spikec.ir.network import Continuous, Dialect, Network
from spikec.outcome import Outcome, outcome_of
from spikec.program import Program
from spikec.result import RunResult
from spikec.streaming.read import StoredResult
from spikec.streaming.store import is_folder

if TYPE_CHECKING:
    from spikec.selftest import SelftestReport


def overview(path: str | Path, dt: float | None = None, convention: str | None = None) -> dict[str, Any]:
    """Describe a file as plain JSON values, with its ``kind`` first.

    Raises:
        FileFormatError: It is none of ours and no NIR file.
    """
    if is_folder(path):
        stored = StoredResult(path)
        found = {"kind": "result", "parts": len(stored.parts), "missing_samples": stored.n_missing}
        return {**found, **result_overview(stored.outcome), "see": f"spikec report {path}"}
    if is_container(path) and convention is None:
        thing = load(path)
    else:
        from spikec.frontends import open_trained

        thing = open_trained(path, dt=dt, convention=convention)
    if isinstance(thing, Network):
        origin = origin_of(path) if is_container(path) else {}
        return {"kind": "network", **network_overview(thing), "origin": origin}
    if isinstance(thing, Program):
        return {"kind": "program", **program_overview(thing)}
    if isinstance(thing, RunResult):
        return {"kind": "result", **result_overview(thing), "see": f"spikec report {path}"}
    events = thing if isinstance(thing, Mapping) else {"events": thing}
    return {"kind": "events", "inputs": events_overview(events)}


def network_overview(network: Network) -> dict[str, Any]:
    """Populations, projections, codings and notes of a network."""
    return {
        "dialect": network.dialect.value,
        "dt": None if network.dialect is Dialect.CONTINUOUS else network.dt,
        "convention": None if isinstance(network.clock, Continuous) else habits(network.clock.convention),
        "n_neurons": sum(p.n for p in network.populations if not p.is_source),
        "n_synapses": network.n_synapses,
        "inputs": list(network.inputs),
        "outputs": list(network.outputs),
        "populations": [
            {"name": p.name, "neuron": type(p.neuron).__name__, "shape": list(p.shape)}
            for p in network.populations
        ],
        "projections": [
            {
                "name": q.name,
                "pre": q.pre,
                "post": q.post,
                "connectivity": type(q.connectivity).__name__,
                "n_synapses": q.connectivity.n_synapses,
                "delays": q.delays.kind.value,
                "longest_delay": q.delays.longest,
                "delay_unit": "ticks" if q.delays.in_ticks else "s",
            }
            for q in network.projections
        ],
        "encoding": None if network.encoding is None else type(network.encoding).__name__,
        "decoding": None if network.decoding is None else network.decoding.readout.value,
        "notes": list(network.notes),
    }


def habits(convention: Convention) -> dict[str, object]:
    """What a convention is called, and every habit of it."""
    from spikec.conventions import described

    named = {name: plain(getattr(convention, name)) for name in FIELDS}
    return {"name": "loihi" if convention == LOIHI else described(convention), **named}


def program_overview(program: Program) -> dict[str, Any]:
    """What a compiled program holds, and what each pass did."""
    from spikec.ir.bounds import current_bounds

    fixed = program.network.dialect is Dialect.FIXED
    bounds = current_bounds(program.network, program.n_ticks) if fixed else {}
    return {
        "target": program.target.name,
        "n_ticks": program.n_ticks,
        **network_overview(program.network),
        "current_bounds": {name: b.share for name, b in bounds.items()},
        "shards": {name: [s.population for s in parts] for name, parts in program.shards.items()},
        "source": dict(program.source),
        "passes": [
            {"pass": e.step, "lossless": e.lossless, "summary": e.summary, "figures": dict(e.figures)}
            for e in program.log
        ],
    }


def result_overview(run: RunResult | Outcome) -> dict[str, Any]:
    """What a run found, briefly: accuracy, counts, time; the rest is for `report`."""
    result = outcome_of(run)
    counters = result.counters
    return {
        "backend": result.meta.get("backend"),
        "precision": result.meta.get("precision"),
        "accuracy": result.meta.get("accuracy"),
        "n_samples": result.n_samples or 0,
        "until": result.meta.get("until"),
        "ends": result.meta.get("ends"),
        "dt": result.meta.get("dt"),
        "order": result.meta.get("order"),
        "notes": result.meta.get("notes", []),
        "spikes": {name: size.n_events for name, size in result.sizes.items()},
        "counters": None if counters is None else counters.totals(),
        "predictions": result.meta.get("predictions"),
        "seconds": result.meta.get("seconds"),
    }


def events_overview(events: Mapping[str, Events]) -> list[dict[str, Any]]:
    """What the spikes of each input amount to."""
    return [
        {
            "input": name,
            "n_samples": e.n_samples,
            "n_neurons": e.n_neurons,
            "n_events": e.n_events,
            "time": "ticks" if e.in_ticks else "seconds",
            "last": float(np.max(e.times, initial=0)),
        }
        for name, e in events.items()
    ]


def selftest_overview(report: SelftestReport) -> dict[str, Any]:
    """What a self-test found.

    ``skipped`` names engines that cannot run here, and why; ``left_out`` those that have no neurons for some
    of the networks, and for how many.
    """
    return {
        "nets": report.n_nets,
        "mismatches": report.n_mismatches,
        "first": report.first,
        "runs": report.n_runs,
        "spikes": report.n_spikes,
        "membranes": report.n_membranes,
        "seconds": report.seconds,
        "skipped": report.skipped,
        "left_out": report.left_out,
    }
