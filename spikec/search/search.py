"""The coarsest ticks and the fewest bits with which a program stays within a budget.

A budget bounds what compiling may cost on samples: points of accuracy, or errors of spike times. `search`
compiles a network again and again and has each program measured by a function that is handed in, so that it
knows no engine. Ticks become twice as fine until the budget is kept with all the bits that there are; where
finer ones help no more, nothing keeps it. Then the projections lose bits, those with most synapses first,
each as many as the budget allows: a greedy choice, not the best of all. Finer ticks may leave room for fewer
bits, so they are tried for as long as that takes less of what is wanted little of. The order is fixed, so the
same network, target and samples give the same program, and a search that was interrupted goes on from its
`Trials` as if it had not been.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from spikec.errors import UsageError
from spikec.ir.network import Continuous, Network
from spikec.passes.pipelines import CompileOptions, try_compile
from spikec.program import LogEntry, Program
from spikec.search.budget import Budget
from spikec.search.candidates import Candidate, Least, Measured, pareto_front
from spikec.search.checkpoint import Trial, Trials
from spikec.targets.rules import synapse_bytes
from spikec.targets.target import Target
from spikec.units import seconds_text, several

FINEST = 4096
"""Ticks of a sample that are tried: finer ones than time constants can have on a chip."""

PATIENCE = 2
"""How often finer ticks may be no better before no finer ones are tried."""

COARSE = 64
"""Ticks of a sample; that coarser ones are no better than others as coarse says nothing about finer ones."""

RUINED = 1.0
"""Points of accuracy whose loss is told where the budget bounds spike times alone."""


@dataclass(frozen=True, eq=False)
class Found:
    """What a search found.

    Attributes:
        program: The chosen program; its log says how it was found.
        chosen: What it costs.
        tried: All programs that were compiled, in order.
    """

    program: Program
    chosen: Candidate
    tried: tuple[Candidate, ...] = field(default_factory=tuple)


@dataclass(frozen=True, eq=False)
class Task:
    """What a search is given.

    Attributes:
        network: In a float dialect.
        target: The chip.
        options: All other choices. A given `dt` is kept; of a network in ticks its own is.
        budget: What may be lost.
        measure: Runs a program on samples.
        lower_bits: Whether projections get fewer bits than `options.bits`.
        least: What is wanted little of.
        source: Where the network came from.
    """

    network: Network
    target: Target
    options: CompileOptions
    budget: Budget
    measure: Callable[[Program], Measured]
    lower_bits: bool = False
    least: Least = Least.MEMORY
    source: Mapping[str, str] | None = None


def search(
    task: Task, trials: Trials | None = None, progress: Callable[[str], None] = lambda sentence: None
) -> Found:
    """Find ticks, and if wanted bits, that keep a budget at little cost.

    Args:
        task: What to search for.
        trials: What was tried before.
        progress: Told what is tried.

    Raises:
        UsageError: Nothing that was tried keeps the budget, or fits the target; energy is wanted little of,
            but has no price; or `trials` are not those of this search.
    """
    attempts = _Attempts(task, Trials() if trials is None else trials, progress)
    chosen: Candidate | None = None
    for dt in _ticks(task.network, task.options):
        candidate = attempts.of(dt, task.options.bits_of if chosen is None else chosen.bits)
        if not candidate.fits:
            if chosen is not None or _helps_no_more(attempts.tried):
                break
            continue
        if task.lower_bits:
            candidate = _fewer_bits(candidate, dt, task, attempts)
        if chosen is not None and candidate.cost(task.least) >= chosen.cost(task.least):
            break
        chosen = candidate
        if not task.lower_bits and task.least is Least.MEMORY:
            break
    if chosen is None:
        raise UsageError(_nearest(task, attempts.tried))
    entry = _entry(task, chosen, attempts.tried)
    return Found(attempts.program(chosen).logged(entry), chosen, tuple(attempts.tried))


class _Attempts:
    """Compiles and measures; what was tried before it takes from there."""

    def __init__(self, task: Task, trials: Trials, progress: Callable[[str], None]) -> None:
        self.task, self.trials, self.progress = task, trials, progress
        self.tried: list[Candidate] = []
        self.asked: list[tuple[float | None, Mapping[str, int]]] = []
        self.compiled: dict[int, Program] = {}

    def of(self, dt: float | None, bits: Mapping[str, int]) -> Candidate:
        """What a program of these ticks and bits costs."""
        known = self.trials.find(dt, bits)
        if known is None:
            few = f", {_bits_text(bits)}" if bits else ""
            self.progress(f"search {len(self.tried) + 1}: ticks of {seconds_text(dt)}{few}")
            program, known = self._compiled(dt, bits)
            self.trials.add(known)
            self.compiled[len(self.tried)] = program
        self.tried.append(self._candidate(known))
        self.asked.append((dt, bits))
        self._forget()
        return self.tried[-1]

    def program(self, chosen: Candidate) -> Program:
        """The program of a candidate; compiled anew, and compared, if only its costs are known."""
        at = self.tried.index(chosen)
        if at in self.compiled:
            return self.compiled[at]
        self.progress("search: compiling what was found before")
        program, trial = self._compiled(*self.asked[at])
        if self._candidate(trial) != chosen:
            raise UsageError(
                f"checkpoint {self.trials.path} holds other figures than this spikec finds; delete it to "
                "begin anew"
            )
        return program

    def _compiled(self, dt: float | None, bits: Mapping[str, int]) -> tuple[Program, Trial]:
        task = self.task
        options = replace(task.options, dt=dt, bits_of=bits)
        program, broken = try_compile(task.network, task.target, options, None, task.source)
        measured = None if broken else task.measure(program)
        if measured is not None and task.least is Least.ENERGY and measured.energy_pj is None:
            raise UsageError(
                f"nobody has published what events cost on {task.target.name}, so the least energy cannot be "
                "found; ask for --least memory, or take a target of `spikec list energy-tables`"
            )
        memory = sum(synapse_bytes(q) for q in program.network.projections)
        return program, Trial(dt, dict(bits), program.network.dt, program.n_ticks, memory, measured)

    def _candidate(self, t: Trial) -> Candidate:
        task, m = self.task, t.measured
        formats = task.target.formats
        most = task.options.bits or int(formats.weight_bits.value if formats else 8)
        bits = {q.name: t.asked_bits.get(q.name, most) for q in task.network.projections}
        excess = float("inf") if m is None else task.budget.excess(m.lost_points, m.median, m.percentile_99)
        return Candidate(t.dt, t.n_ticks, bits, t.synapse_bytes, m, excess)

    def _forget(self) -> None:
        """Keep only programs that may still be chosen: those that keep the budget, the last few."""
        fitting = [k for k in self.compiled if self.tried[k].fits]
        self.compiled = {k: self.compiled[k] for k in fitting[-KEPT:]}


KEPT = 8
"""Programs that a search keeps in memory; others are compiled anew if they are chosen."""


def _entry(task: Task, chosen: Candidate, tried: list[Candidate]) -> LogEntry:
    """What a search leaves in the log."""
    assert chosen.measured is not None
    lost = chosen.measured.lost_points
    figures: dict[str, object] = {"budget": str(task.budget), "least": task.least.value, "tried": len(tried)}
    figures |= {"dt_s": chosen.dt, "synapse_bytes": chosen.synapse_bytes, "lost_points": lost}
    figures |= {f"{name}.bits": b for name, b in chosen.bits.items()}
    figures |= {"chosen": chosen.to_json(), "pareto": [c.to_json() for c in pareto_front(tried)]}
    summary = f"{several(len(tried), 'program')} tried; {chosen}"
    if task.budget.accuracy is None and lost is not None and lost > RUINED:
        summary += (
            f"; the budget bounds spike times alone, and {lost:.3g} points of accuracy are lost: add "
            "accuracy=POINTS to it"
        )
    return LogEntry("search", False, summary, figures)


def _fewer_bits(candidate: Candidate, dt: float | None, task: Task, attempts: _Attempts) -> Candidate:
    """Take bits from one projection after the other, the largest first, while the budget is kept."""
    order = sorted(task.network.projections, key=lambda q: -q.connectivity.n_synapses)
    for q in order:
        while candidate.bits[q.name] > 1:
            fewer = attempts.of(dt, {**candidate.bits, q.name: candidate.bits[q.name] - 1})
            if not fewer.fits or fewer.cost(task.least) > candidate.cost(task.least):
                break
            candidate = fewer
    return candidate


def _ticks(network: Network, options: CompileOptions) -> list[float | None]:
    """Lengths of ticks to try, the longest first; None for the network's own."""
    if not isinstance(network.clock, Continuous):
        return [options.dt]
    if options.dt is not None:
        return [options.dt]
    if network.encoding is None:
        raise UsageError("this continuous network does not say how fine its times are; give --dt SECONDS")
    window, duration = network.encoding.window, network.encoding.duration
    found: list[float | None] = []
    per_window = 1
    while per_window * duration / window + 1 <= FINEST:
        if per_window * duration / window >= 8:
            found.append(window / per_window)
        per_window *= 2
    return found or [window]


def _helps_no_more(tried: list[Candidate]) -> bool:
    """Whether finer ticks were no better so many times in a row that what is lost is no longer time's."""
    known = [c.excess for c in tried if c.measured is not None and (c.n_ticks or 0) >= COARSE]
    return len(known) > PATIENCE and min(known[-PATIENCE:]) >= min(known[:-PATIENCE])


def _nearest(task: Task, tried: list[Candidate]) -> str:
    """That nothing keeps the budget, and what comes nearest."""
    possible = [c for c in tried if c.measured is not None]
    if not possible:
        return f"none of {several(len(tried), 'program')} tried fits the target; `spikec check` says why"
    best, options = min(possible, key=lambda c: c.excess), task.options
    left = [] if options.parts > 1 or options.dt is not None else ["--parts 2"]
    left += [] if options.split_signs else ["--split-signs"]
    advice = f", or try {' or '.join(left)}" if left else ""
    longest, shortest, nearest = (seconds_text(c.dt) for c in (tried[0], tried[-1], best))
    return (
        f"the budget {task.budget} cannot be kept with ticks of {longest} to {shortest}; the nearest, with "
        f"ticks of {nearest}: {best}; allow that{advice}"
    )


def _bits_text(bits_of: Mapping[str, int]) -> str:
    return "bits " + " ".join(f"{name}={b}" for name, b in bits_of.items())
