"""Run a program and write down everything a report will want to know."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field, replace
from functools import cached_property
from typing import Any

import numpy as np

from spikec.arrays import IntArray
from spikec.backend import Backend, Prepared, StartsSlowly, find_backend
from spikec.coding import decode
from spikec.container import digest
from spikec.errors import EventsError, UsageError
from spikec.events import Events
from spikec.facts import facts
from spikec.inputs import default_until
from spikec.ir.network import Continuous, Dialect, Network
from spikec.memory import check_room, need_of
from spikec.program import Program
from spikec.provenance import versions
from spikec.result import RunResult
from spikec.units import several
from spikec.watch import to_watch, watch

DEFAULT = "cpu"
"""The backend that runs what nobody wants elsewhere."""


@dataclass(frozen=True)
class RunOptions:
    """A user's choices for a run, as on the command line.

    Attributes:
        backend: Name of a backend; None for the CPU engine, or the reference for what that cannot run.
        of_backend: Options of the backend, for instance ``{"flavour": "stock"}``.
        ticks: How long, for networks in ticks; None for what the program or the input suggests.
        until: How long, seconds, for continuous networks; None likewise.
        record: Membranes to keep.
        every: How often to keep ``name.v`` of a continuous network, seconds.
        command: The line that asked for the run, for its meta; None if there was none.
        file: What it runs, likewise.
    """

    backend: str | None = None
    of_backend: Mapping[str, object] = field(default_factory=dict)
    ticks: int | None = None
    until: float | None = None
    record: tuple[str, ...] = ()
    every: float | None = None
    command: str | None = None
    file: str | None = None


FIRST_SPIKE = "first-spike"
"""The end of a run, if each sample ends with its answer."""

UNTIL_FIRST_SPIKE = "until_first_spike"
"""What the CPU backend calls it."""


def end_of(until: str | None) -> tuple[float | None, dict[str, object]]:
    """What a user's end of a continuous run says: seconds, and options for the backend.

    Raises:
        UsageError: It is neither a number nor `FIRST_SPIKE`.
    """
    if until == FIRST_SPIKE:
        return None, {UNTIL_FIRST_SPIKE: True}
    try:
        return None if until is None else float(until), {}
    except ValueError:
        raise UsageError(f"--until {until} is no time; give seconds, or {FIRST_SPIKE}") from None


def choose_backend(program: Program, options: RunOptions) -> Backend:
    """The backend that a user wants, once the rest of the choices make sense too.

    Raises:
        BackendUnavailable: It cannot work here.
        UsageError: There is no such backend, it has no such end, or the end is impossible, in another kind of
            time than the network's, or later than what the program was proven for.
    """
    _check_end(program, options)
    chosen = find_backend(options.backend or DEFAULT, **options.of_backend)
    first_spike = UNTIL_FIRST_SPIKE in options.of_backend  # which only that one can do
    if options.backend is None and not first_spike and chosen.unsupported(program):
        return find_backend("reference", **options.of_backend)
    return chosen


def execute_as(
    program: Program,
    backend: Backend,
    inputs: Mapping[str, Events],
    options: RunOptions,
    labels: IntArray | None = None,
    progress: Callable[[str], None] = lambda sentence: None,
) -> RunResult:
    """`execute` with a user's choices.

    Args:
        program: Compiled or not.
        backend: As `choose_backend` gives it.
        inputs: Spikes in the program's own kind of time.
        options: The user's choices.
        labels: The right class of each sample, if known.
        progress: Told what happens.

    Raises:
        UsageError: The end is impossible, or later than what the program was proven for.
    """
    _check_end(program, options)
    slow = backend.slow_start(program) if isinstance(backend, StartsSlowly) else None
    progress(slow or f"running on {backend.name}")
    end = options.until if options.ticks is None else float(options.ticks)
    return asked_for(execute(program, backend, inputs, labels, end, options.record, options.every), options)


def asked_for(result: RunResult, options: RunOptions) -> RunResult:
    """A result that knows the line that asked for it, if there was one, and the file that it names."""
    if options.command is None:
        return result
    return replace(result, meta={**result.meta, "command": options.command, "file": options.file})


def _check_end(program: Program, options: RunOptions) -> None:
    """Refuse an end of a run that is impossible, or in another kind of time than the network's."""
    continuous = program.network.dialect is Dialect.CONTINUOUS
    ticks, until = options.ticks, options.until
    if options.of_backend.get(UNTIL_FIRST_SPIKE):
        _check_first_spike(options)
    if continuous and ticks is not None:
        raise UsageError("this network is continuous and has no ticks; give --until SECONDS")
    if not continuous and until is not None:
        raise UsageError("this network runs in ticks; give --ticks N")
    if ticks is not None and ticks < 1:
        raise UsageError(f"a run of {ticks} ticks is impossible; give 1 or more")
    if until is not None and not 0 < until < np.inf:
        raise UsageError(f"a run until {until:g} s is impossible; give a time above 0")
    if ticks is not None and program.is_compiled and program.n_ticks is not None and ticks > program.n_ticks:
        raise UsageError(
            f"this program is proven for samples of {program.n_ticks} ticks, not {ticks}: a current could "
            f"wrap; compile it with --ticks {ticks}"
        )


def _check_first_spike(options: RunOptions) -> None:
    """Refuse what does not go with samples that end with their answer."""
    if options.backend not in (None, DEFAULT):
        raise UsageError(
            f"backend {options.backend} runs samples in full; leave out --until {FIRST_SPIKE}, or take "
            f"--backend {DEFAULT}"
        )
    if options.every is not None:
        raise UsageError(
            f"with --until {FIRST_SPIKE} samples end early, so --every cannot record; leave one out"
        )


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
    length = default_until(program, inputs) if until is None else until
    with closing(Execution(program, backend, length, record, every)) as execution:
        return execution.run(inputs, labels)


class Execution:
    """A program that runs batch after batch as `execute` runs one.

    Args:
        program: Compiled or not.
        backend: Where to run it.
        until: Ticks, or seconds for a continuous network.
        record: Membranes to keep, besides the one that decoding needs.
        every: How often to record ``name.v`` of a continuous network, seconds; noted in the meta.
    """

    def __init__(
        self,
        program: Program,
        backend: Backend,
        until: float,
        record: Sequence[str] = (),
        every: float | None = None,
    ) -> None:
        self.program, self.until, self.every = program, until, every
        self._decoding = program.network.decoding
        self._answering = None if self._decoding is None else self._decoding.record
        self._record = tuple(record)
        self._backend, self._prepared = backend, Prepared(backend, program)

    def run(self, inputs: Mapping[str, Events], labels: IntArray | None = None) -> RunResult:
        """Run a batch of samples.

        Args:
            inputs: Spikes in the program's own kind of time.
            labels: The right class of each sample, if known.
        """
        network, every = self.program.network, self.every
        _check_all_inside(network, inputs, self.until)
        watched = to_watch(network, self._record, every, self.until)
        wanted = [k for k in (*self._record, self._answering) if k is not None]
        n_samples = next((e.n_samples for e in inputs.values()), 1)
        need = need_of(self.program, self._backend, self.until, wanted, every)
        check_room(need, n_samples, "take fewer at a time (--chunk N), lower --ticks or record less")
        needed = [k for k in wanted if k not in watched]
        result = self._prepared.run(inputs, self.until, tuple(dict.fromkeys(needed)))
        if every is not None:
            seen = watch(network, result.spikes, watched, every, self.until)
            result = replace(result, traces={**result.traces, **seen}, meta={**result.meta, "every": every})
        if self.program.placement is not None:
            from spikec.placement.ledger import count_cores

            result = replace(result, cores=count_cores(self.program, result.spikes, int(self.until)))
        return replace(result, meta={**result.meta, **self._facts, **self._answers(result, labels)})

    def close(self) -> None:
        """Give back what the backend holds."""
        self._prepared.close()

    @cached_property
    def _facts(self) -> dict[str, Any]:
        """What of the meta does not depend on the samples."""
        program, network = self.program, self.program.network
        code = digest(program)
        return {
            "program": code,
            "facts": facts(network, program.target.name, code),
            "energy_tables": list(program.target.energy_tables),
            "power": [asdict(p) for p in program.target.power],
            "order": order_sentence(network),
            "until": self.until,
            "dt": None if isinstance(network.clock, Continuous) else network.dt,
            "late_ticks": dict(program.late),
            "source": dict(program.source),
            "passes": [{**asdict(entry), "figures": dict(entry.figures)} for entry in program.log],
            **placed_facts(program),
            "notes": list(network.notes),
            "versions": versions(),
        }

    def _answers(self, result: RunResult, labels: IntArray | None) -> dict[str, Any]:
        """The answers, if the network says how to decode them, and how many are right."""
        decoding = self._decoding
        if decoding is None:
            return {}
        membrane = None if self._answering is None else result.traces[self._answering]
        of_parts = result.spikes.get(self.program.copies.get(decoding.population, ""))
        answers = decode(decoding, result.spikes[decoding.population], membrane, of_parts)
        meta: dict[str, Any] = {
            "decoding": {"population": decoding.population, "readout": decoding.readout.value},
            "predictions": answers.tolist(),
        }
        if labels is not None:
            meta["labels"] = labels.tolist()
            meta["accuracy"] = float(np.mean(answers == labels))
        return meta


def _check_all_inside(network: Network, inputs: Mapping[str, Events], until: float) -> None:
    """Refuse input spikes that a run would never see."""
    ticks = not isinstance(network.clock, Continuous)
    for name, e in inputs.items():
        if ticks and e.length <= until:
            continue
        outside = int(np.count_nonzero(e.times >= until if ticks else e.times > until))
        if outside:
            unit, option = ("ticks", "--ticks N") if ticks else ("seconds", "--until SECONDS")
            raise EventsError(
                f"{several(outside, 'spike')} of input {name} come after the end, {until:g} {unit}: "
                f"the last at {e.times.max():g}; run longer ({option}) or leave them out"
            )


def placed_facts(program: Program) -> dict[str, Any]:
    """How a program was placed, and how much of every limit each core takes; nothing if it is not placed."""
    if program.placement is None:
        return {}
    from spikec.placement.ledger import assignment_of
    from spikec.placement.rules import uses

    taken = uses(assignment_of(program))
    return {
        "placement": {"method": program.placement.method, "seed": program.placement.seed},
        "core_use": [{"rule": u.rule.name, "limit": u.limit, "use": u.use.tolist()} for u in taken],
    }


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
