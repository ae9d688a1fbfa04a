"""Run a program and write down everything a report will want to know."""

from __future__ import annotations

import platform
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.metadata import PackageNotFoundError, version
from typing import Any

import numpy as np

from spikec.arrays import IntArray
from spikec.backend import Backend, run
from spikec.coding import decode
from spikec.commands.watch import to_watch, watch
from spikec.container import digest
from spikec.errors import EventsError
from spikec.events import Events
from spikec.facts import facts
from spikec.ir.network import Continuous, Network
from spikec.program import Program, default_until
from spikec.result import RunResult
from spikec.units import several

VERSIONS = ("spikec", "numpy", "numba", "scipy", "lava-nc")


def execute(
    program: Program,
    backend: Backend,
    inputs: Mapping[str, Events],
    labels: IntArray | None = None,
    until: float | None = None,
    record: Sequence[str] = (),
    every: float | None = None,
) -> RunResult:
    """Run a program; decode its answer if it says how; complete the result's meta.

    Args:
        program: Compiled or not.
        backend: Where to run it.
        inputs: Spikes in the program's own kind of time.
        labels: The right class of each sample, if known.
        until: Ticks, or seconds for a continuous network; None for what the program or the input suggests.
        record: Membranes to keep, besides the one that decoding needs.
        every: How often to record ``name.v`` of a continuous network, seconds; noted in the meta.
    """
    network = program.network
    length = default_until(program, inputs) if until is None else until
    _check_all_inside(network, inputs, length)
    decoding = network.decoding
    answering = None if decoding is None else decoding.record
    watched = to_watch(network, record, every, length)
    needed = [key for key in (*record, answering) if key is not None and key not in watched]
    result = run(backend, program, inputs, length, tuple(dict.fromkeys(needed)))
    if every is not None:
        seen = watch(network, result.spikes, watched, every, length)
        result = replace(result, traces={**result.traces, **seen}, meta={**result.meta, "every": every})
    code = digest(program)
    meta: dict[str, Any] = {
        **result.meta,
        "program": code,
        "facts": facts(network, program.target.name, code),
        "energy_tables": list(program.target.energy_tables),
        "order": order_sentence(network),
        "until": length,
        "dt": None if isinstance(network.clock, Continuous) else network.dt,
        "late_ticks": dict(program.late),
        "source": dict(program.source),
        "notes": list(network.notes),
        "versions": versions(),
    }
    if decoding is not None:
        membrane = None if answering is None else result.traces[answering]
        answers = decode(decoding, result.spikes[decoding.population], membrane)
        meta["decoding"] = {"population": decoding.population, "readout": decoding.readout.value}
        meta["predictions"] = answers.tolist()
        if labels is not None:
            meta["labels"] = labels.tolist()
            meta["accuracy"] = float(np.mean(answers == labels))
    return replace(result, meta=meta)


def _check_all_inside(network: Network, inputs: Mapping[str, Events], until: float) -> None:
    """Refuse input spikes that a run would never see."""
    ticks = not isinstance(network.clock, Continuous)
    for name, e in inputs.items():
        outside = int(np.count_nonzero(e.times >= until if ticks else e.times > until))
        if outside:
            unit, option = ("ticks", "--ticks N") if ticks else ("seconds", "--until SECONDS")
            raise EventsError(
                f"{several(outside, 'spike')} of input {name} come after the end, {until:g} {unit}: "
                f"the last at {e.times.max():g}; run longer ({option}) or leave them out"
            )


def order_sentence(network: Network) -> str:
    """Which order of events within a tick a run obeys: where other tools' spikes may lie a tick apart."""
    if isinstance(network.clock, Continuous):
        return "continuous time: a spike acts at once, or after its delay"
    habits = network.clock.convention
    if habits.spike_delay and not habits.hop_delay:
        return (
            "spikes leave in the tick after the one in which their membrane crosses its threshold: a tick "
            "later per layer than in frameworks without this delay"
        )
    if habits.hop_delay:
        return (
            "Lava's order: every hop takes one tick; an input of tick k reaches the first layer in tick "
            "k + 1, the second in k + 2: a tick later per layer than in frameworks without hop delay"
        )
    return "no hop delay: an input of tick k reaches all layers in tick k, recurrent ones in tick k + 1"


def versions() -> dict[str, str]:
    """Versions of what computes."""
    found = {"python": platform.python_version(), "machine": f"{platform.machine()} {sys.platform}"}
    for name in VERSIONS:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found
