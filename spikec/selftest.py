"""Random networks through every engine: the reference, the CPU, and Lava in both flavours must agree on all.

Compared are the spikes of every population, every membrane at the end, and all counters. Lava takes as long
for one network as for fifty, so there they run side by side in one (`spikec.ir.union`); one of fifty also
runs alone, as a user would. Stock Lava has no neurons that keep pairs, so networks with such neurons are left
out there. Every network follows from the seed and its number, and from nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from time import perf_counter

import numpy as np

from spikec.backend import Backend, availability, find_backend, run
from spikec.compare import compare
from spikec.counting import count
from spikec.errors import SpikecError
from spikec.events import Events
from spikec.ir.union import union
from spikec.program import Program
from spikec.random.networks import has_pairs, random_inputs, random_program
from spikec.result import RunResult

N_SAMPLES = 3
N_TICKS = 48

PACK = 50
"""Networks that share one run in Lava."""


@dataclass(frozen=True)
class SelftestReport:
    """What a self-test found.

    Attributes:
        n_nets: Networks drawn.
        n_runs: Runs compared with the reference: networks times engines that could run.
        n_mismatches: How many of them differ in anything.
        first: Where the first one differs, or what failed; None if all agree.
        n_spikes: Spikes that were compared, in all runs together.
        n_membranes: Final membranes that were compared.
        seconds: Wall time of each engine.
        skipped: Engines that cannot run here, and why.
        left_out: How many networks an engine has no neurons for, if any.
    """

    n_nets: int
    n_runs: int
    n_mismatches: int
    first: str | None
    n_spikes: int
    n_membranes: int
    seconds: dict[str, float]
    skipped: dict[str, str]
    left_out: dict[str, int]

    @property
    def passed(self) -> bool:
        """Whether all engines agree."""
        return self.n_mismatches == 0


Progress = Callable[[int, int], None]
"""Told now and then how many networks are done, and of how many."""


def selftest(n_nets: int = 500, seed: int = 0, progress: Progress | None = None) -> SelftestReport:
    """Run random networks on every backend that is there and compare.

    Args:
        n_nets: How many.
        seed: Which.
        progress: Whom to tell how far it is.
    """
    tally = _Tally()
    reference = find_backend("reference")
    for first in range(0, n_nets, PACK):
        last = min(first + PACK, n_nets)
        nets = [_draw(reference, seed, number, tally) for number in range(first, last)]
        for name, engine in _ENGINES.items():
            if name in tally.skipped or (reason := availability(engine.backend)) is not None:
                tally.skipped.setdefault(name, str(reason))
                continue
            fit = [net for net in nets if engine.pairs or not has_pairs(net.program.network)]
            tally.leave_out(name, len(nets) - len(fit))
            backend = find_backend(engine.backend, **engine.options)
            began = perf_counter()
            for number, difference in engine.check(backend, fit, tally):
                tally.note(f"network {number} of seed {seed}, {name}", difference)
            tally.spend(name, perf_counter() - began)
        if progress is not None:
            progress(last, n_nets)
    return SelftestReport(
        n_nets, tally.n_runs, tally.n_mismatches, tally.first, tally.n_spikes, tally.n_membranes,
        tally.seconds, tally.skipped, tally.left_out,
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class _Net:
    """A random network, its input, and what the reference makes of it."""

    number: int
    program: Program
    inputs: dict[str, Events]
    expected: RunResult

    @property
    def record(self) -> list[str]:
        """The membranes to compare."""
        return [f"{p.name}.v.last" for p in self.program.network.populations if not p.is_source]


@dataclass
class _Tally:
    """What was compared so far."""

    n_runs: int = 0
    n_mismatches: int = 0
    first: str | None = None
    n_spikes: int = 0
    n_membranes: int = 0
    seconds: dict[str, float] = field(default_factory=dict)
    skipped: dict[str, str] = field(default_factory=dict)
    left_out: dict[str, int] = field(default_factory=dict)

    def note(self, where: str, difference: str | None) -> None:
        """Count a run and keep the first difference."""
        self.n_runs += 1
        if difference is not None:
            self.n_mismatches += 1
            self.first = self.first or f"{where}: {difference}"

    def spend(self, engine: str, seconds: float) -> None:
        """Add to the time of an engine."""
        self.seconds[engine] = self.seconds.get(engine, 0.0) + seconds

    def leave_out(self, engine: str, n: int) -> None:
        """Add to the networks that an engine has no neurons for."""
        if n:
            self.left_out[engine] = self.left_out.get(engine, 0) + n


_Check = Callable[[Backend, Sequence[_Net], _Tally], Iterator[tuple[int, str | None]]]


@dataclass(frozen=True)
class _Engine:
    """A backend and how networks are put through it.

    Attributes:
        backend: Its name.
        options: Its options.
        check: Runs networks and compares each with the reference.
        pairs: Whether it has neurons that keep pairs.
    """

    backend: str
    options: dict[str, str]
    check: _Check
    pairs: bool = True


def _draw(reference: Backend, seed: int, number: int, tally: _Tally) -> _Net:
    rng = np.random.default_rng([seed, number])
    program = random_program(rng)
    inputs = random_inputs(rng, program, N_SAMPLES, N_TICKS)
    net = _Net(number, program, inputs, RunResult({}))
    began = perf_counter()
    expected = run(reference, program, inputs, N_TICKS, net.record)
    tally.spend("reference", perf_counter() - began)
    return _Net(number, program, inputs, expected)


def _one_by_one(backend: Backend, nets: Sequence[_Net], tally: _Tally) -> Iterator[tuple[int, str | None]]:
    for net in nets:
        try:
            result = run(backend, net.program, net.inputs, N_TICKS, net.record)
        except SpikecError as error:
            yield net.number, f"it failed: {error}"
        else:
            yield net.number, _difference(net.expected, result, tally)


def _first_alone(backend: Backend, nets: Sequence[_Net], tally: _Tally) -> Iterator[tuple[int, str | None]]:
    return _one_by_one(backend, nets[:1], tally)


def _side_by_side(backend: Backend, nets: Sequence[_Net], tally: _Tally) -> Iterator[tuple[int, str | None]]:
    return _packed(backend, nets, tally, N_SAMPLES)


def _side_by_side_once(
    backend: Backend, nets: Sequence[_Net], tally: _Tally
) -> Iterator[tuple[int, str | None]]:
    """Only the first sample: stock Lava needs long to put so many synapses with delays back to rest."""
    return _packed(backend, nets, tally, 1)


def _packed(
    backend: Backend, nets: Sequence[_Net], tally: _Tally, n_samples: int
) -> Iterator[tuple[int, str | None]]:
    """Run networks as one; a difference in its counters, which belong to all, is put down to the first."""
    if not nets:
        return
    together = union([net.program.network for net in nets])
    program = Program(together.network, nets[0].program.target)
    inputs = together.join([_head(net.inputs, n_samples) for net in nets])
    record = [f"{p.name}.v.last" for p in together.network.populations if not p.is_source]
    try:
        result = run(backend, program, inputs, N_TICKS, record)
    except SpikecError as error:
        yield from ((net.number, f"it failed: {error}") for net in nets)
        return
    miscounted = result.counters != count(together.network, result.spikes, n_samples, N_TICKS)
    spikes = together.split(result.spikes)
    membranes = together.split_traces(result.traces)
    for net, s, m in zip(nets, spikes, membranes, strict=True):
        expected = RunResult(
            _head(net.expected.spikes, n_samples),
            {key: trace[:n_samples] for key, trace in net.expected.traces.items()},
        )
        difference = _difference(expected, RunResult(s, m), tally)
        if difference is None and miscounted and net is nets[0]:
            difference = "the counters of its pack are not those of the pack's spikes"
        yield net.number, difference


def _head(spikes: object, n_samples: int) -> dict[str, Events]:
    assert isinstance(spikes, dict)
    return {name: e.select(0, n_samples) for name, e in spikes.items()}


def _difference(expected: RunResult, found: RunResult, tally: _Tally) -> str | None:
    """How a run differs from the reference, in one sentence; None if it does not."""
    comparison = compare(expected, found)
    tally.n_spikes += comparison.n_events_a
    if not comparison.identical:
        return comparison.description("the reference", "it")
    if expected.counters is not None and found.counters != expected.counters:
        return "the counters are not those of its spikes"
    for key, trace in expected.traces.items():
        tally.n_membranes += trace.size
        wrong = np.argwhere(trace != found.traces[key])
        if wrong.size:
            sample, neuron = (int(i) for i in wrong[0])
            where, there = trace[sample, neuron], found.traces[key][sample, neuron]
            return (
                f"the membrane of neuron {neuron} of {key.removesuffix('.v.last')} ends sample {sample} at "
                f"{int(where)} in the reference and at {int(there)} here"
            )
    return None


_ENGINES = {
    "cpu": _Engine("cpu", {}, _one_by_one),
    "lava fused": _Engine("lava", {"flavour": "fused"}, _side_by_side),
    "lava stock": _Engine("lava", {"flavour": "stock"}, _side_by_side_once, pairs=False),
    "lava stock, alone": _Engine("lava", {"flavour": "stock"}, _first_alone, pairs=False),
}
"""Every engine by the name that a report gives it."""
