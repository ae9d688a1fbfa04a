"""What a pass is, and how a pipeline of passes runs. Read this before you write the next one.

A pass is a frozen dataclass. Its fields are its options; `apply` takes a program and returns another one, and
changes nothing else. It has one errand and says in the program's log what it did. If the network's spikes
are the same afterwards, `lossless` is true, and a pipeline given sample inputs (a probe) holds it to that:
it runs the network before and after, and stops at the first spike that differs. A lossy pass writes what it
lost into its log entry, in the network's own terms.

A pass never refuses a program for a limit of the target: it does its best, and `spikec.targets.rules` lists
everything that is still broken at the end, all at once.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import ClassVar, Protocol

import numpy as np

from spikec.backend import run
from spikec.coding import Readout
from spikec.errors import NetworkError
from spikec.events import Events, same
from spikec.inputs import default_until, in_own_time
from spikec.ir.network import Continuous, Network
from spikec.ir.verify import verify
from spikec.program import Program
from spikec.reference import ReferenceBackend


class Pass(Protocol):
    """One rewrite of a program."""

    name: ClassVar[str]
    lossless: ClassVar[bool]

    def apply(self, program: Program) -> Program:
        """Return the rewritten program with one more entry in its log."""
        ...


def run_pipeline(
    program: Program,
    passes: Sequence[Pass],
    probe: Mapping[str, Events] | None = None,
    progress: Callable[[str], None] = lambda name: None,
) -> Program:
    """Apply passes in order, verifying the network before and after each.

    Args:
        program: Where to start.
        passes: What to do.
        probe: Input spikes in seconds to run before and after every pass, or None.
        progress: Told the name of each pass before it runs.

    Raises:
        NetworkError: A pass left a network that breaks its dialect's rules, or a pass that promised the same
            spikes gave others.
    """
    verify(program.network, program.shards)
    before = _run_probe(program, probe)
    for p in passes:
        progress(p.name)
        n_broken = len(program.violations)
        program = p.apply(program)
        verify(program.network, program.shards)
        after = _run_probe(program, probe)
        if before is not None and after is not None:
            if p.lossless and len(program.violations) == n_broken:
                _check_promise(p, program.network, before, after)
            program = _note_shift(program, before, after)
        before = after
    return program


def _run_probe(program: Program, probe: Mapping[str, Events] | None) -> dict[str, Events] | None:
    if probe is None:
        return None
    events = in_own_time(program.network, probe)
    result = run(ReferenceBackend(), program, events, default_until(program, events))
    clock = program.network.clock
    return {
        name: e if isinstance(clock, Continuous) else e.to_seconds(clock.dt)
        for name, e in result.spikes.items()
    }


def _check_promise(p: Pass, network: Network, before: dict[str, Events], after: dict[str, Events]) -> None:
    for name in before.keys() & after.keys():
        a, b = before[name], after[name]
        if only_first_counts(network, name) and _close_firsts(a, b):
            continue
        if not same(a, b) and not _close(a, b):
            raise NetworkError(
                f"pass {p.name} promised the same spikes, but {name} spikes differently on the probe; "
                "this is a fault of spikec: please report it with the network"
            )


def _close(a: Events, b: Events) -> bool:
    """Whether events differ by float rounding only (passes reorder float sums)."""
    if not np.array_equal(a.sample_starts, b.sample_starts):
        return False
    i, j = (np.lexsort((e.times, e.neurons, e.sample_of_event())) for e in (a, b))
    close = np.allclose(a.times[i], b.times[j], rtol=1e-9, atol=1e-12)
    return bool(close) and np.array_equal(a.neurons[i], b.neurons[j])


def _close_firsts(a: Events, b: Events) -> bool:
    return bool(np.allclose(a.first_times(), b.first_times(), rtol=1e-9, atol=1e-12))


def _note_shift(program: Program, before: dict[str, Events], after: dict[str, Events]) -> Program:
    """Write the probe's spike-time shifts into the last log entry."""
    figures = dict(program.log[-1].figures)
    for name in sorted(before.keys() & after.keys()):
        a, b = before[name].first_times(), after[name].first_times()
        both = np.isfinite(a) & np.isfinite(b)
        if both.any():
            figures[f"probe.{name}.first_spike_shift_s"] = float(np.mean(b[both] - a[both]))
            figures[f"probe.{name}.first_spike_rms_s"] = float(np.sqrt(np.mean((b[both] - a[both]) ** 2)))
        figures[f"probe.{name}.first_spikes_changed"] = int((np.isfinite(a) != np.isfinite(b)).sum())
    entry = replace(program.log[-1], figures=figures)
    return replace(program, log=(*program.log[:-1], entry))


def only_first_counts(network: Network, name: str) -> bool:
    """Whether only the first spikes of a population are ever read: by the answer, and by no other neuron."""
    decoding = network.decoding
    if decoding is None or decoding.population != name or decoding.readout is not Readout.FIRST:
        return False
    return not network.outgoing(name)


def rename_free(network: Network, wanted: str) -> str:
    """A name for a new population or projection that is not taken."""
    taken = {p.name for p in network.populations} | {q.name for q in network.projections}
    name, k = wanted, 2
    while name in taken:
        name, k = f"{wanted}{k}", k + 1
    return name
