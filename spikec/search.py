"""The coarsest ticks and the fewest bits with which a program stays within a budget.

A budget bounds what compiling may cost on samples: points of accuracy, or errors of spike times. `search`
compiles a network again and again and has each program measured by a function that is handed in, so that it
knows no engine. Ticks become twice as fine until the budget is kept with all the bits that there are: the
first that keep it are the coarsest; where finer ones help no more, nothing keeps it. Then the projections
lose bits, those with most synapses first, each as many as the budget allows: a greedy choice, not the best of
all. The order is fixed, so the same network, target and samples give the same program. A search is not
resumed; it starts anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from spikec.errors import UsageError
from spikec.ir.network import Continuous, Network
from spikec.passes.pipelines import CompileOptions, try_compile
from spikec.program import LogEntry, Program
from spikec.targets.rules import synapse_bytes
from spikec.targets.target import Target
from spikec.units import seconds_text, several

MOST_TICKS = 4096
"""Ticks of a sample that are tried: finer ones than time constants can have on a chip."""

PATIENCE = 2
"""How often finer ticks may be no better before no finer ones are tried."""

COARSE = 64
"""Ticks of a sample; that coarser ones are no better than others as coarse says nothing about finer ones."""

ROUNDING = 1e-9
"""By how much float arithmetic may exceed a budget that is just kept."""

UNITS = {"s": 1.0, "ms": 1e-3, "us": 1e-6, "µs": 1e-6, "ns": 1e-9}


@dataclass(frozen=True)
class Budget:
    """What compiling may cost; None for what does not matter.

    Attributes:
        accuracy: Points (hundredths) of accuracy that may be lost.
        spike_time: Largest median error of spike times, seconds.
        spike_time_99: Largest 99th percentile of these errors, seconds.
    """

    accuracy: float | None = None
    spike_time: float | None = None
    spike_time_99: float | None = None

    def excess(self, m: Measured) -> float:
        """How many times what is allowed a program takes, at the worst; infinite where that is unknown."""
        pairs = (
            (self.accuracy, m.lost_points),
            (self.spike_time, m.median),
            (self.spike_time_99, m.percentile_99),
        )
        return max((_share(got, limit) for limit, got in pairs if limit is not None), default=0.0)

    def __str__(self) -> str:
        """As on the command line."""
        words = [] if self.accuracy is None else [f"accuracy={self.accuracy:g}"]
        for name, value in (("spike-time", self.spike_time), ("spike-time-99", self.spike_time_99)):
            words += [] if value is None else [f"{name}={seconds_text(value).replace(' ', '')}"]
        return ",".join(words)


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

    def to_json(self) -> dict[str, Any]:
        """Plain values under the attributes' names."""
        return {**asdict(self), "fits": self.fits}


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


def budget_of(text: str) -> Budget:
    """Read a budget: ``accuracy=0.2``, ``spike-time=1ms``, ``spike-time-99=5ms``, or several with commas.

    Raises:
        UsageError: It says something else.
    """
    known = {"accuracy": "accuracy", "spike-time": "spike_time", "spike-time-99": "spike_time_99"}
    given: dict[str, float] = {}
    for word in text.split(","):
        name, _, value = word.strip().partition("=")
        if name not in known or known[name] in given:
            raise UsageError(
                f"--budget {text!r} names {name!r}; give accuracy=POINTS, spike-time=TIME or "
                "spike-time-99=TIME"
            )
        amount = _number(value) if name == "accuracy" else _seconds(value)
        if amount is None:
            unit = "points, as in accuracy=0.2" if name == "accuracy" else f"a time, as in {name}=1ms"
            raise UsageError(f"--budget {word.strip()!r} needs {unit}")
        given[known[name]] = amount
    return Budget(**given)


def search(
    network: Network,
    target: Target,
    options: CompileOptions,
    budget: Budget,
    measure: Callable[[Program], Measured],
    lower_bits: bool = False,
    source: Mapping[str, str] | None = None,
    progress: Callable[[str], None] = lambda sentence: None,
) -> Found:
    """Find the coarsest ticks, and if wanted the fewest bits, that keep a budget.

    Args:
        network: In a float dialect.
        target: The chip.
        options: All other choices. A given `dt` is kept; of a network in ticks its own is.
        budget: What may be lost.
        measure: Runs a program on samples.
        lower_bits: Whether projections get fewer bits than `options.bits`.
        source: Where the network came from.
        progress: Told what is tried.

    Raises:
        UsageError: Nothing that was tried keeps the budget, or fits the target.
    """
    tried: list[Candidate] = []

    def attempt(dt: float | None, bits_of: Mapping[str, int]) -> tuple[Program, Candidate]:
        chosen = replace(options, dt=dt, bits_of=bits_of)
        few = f", {_bits_text(bits_of)}" if bits_of else ""
        progress(f"search {len(tried) + 1}: ticks of {seconds_text(dt)}{few}")
        program, broken = try_compile(network, target, chosen, None, source)
        measured = None if broken else measure(program)
        excess = float("inf") if measured is None else budget.excess(measured)
        most = options.bits or int(target.formats.weight_bits.value if target.formats else 8)
        bits = {q.name: bits_of.get(q.name, most) for q in network.projections}
        memory = sum(synapse_bytes(q) for q in program.network.projections)
        tried.append(Candidate(program.network.dt, program.n_ticks, bits, memory, measured, excess))
        return program, tried[-1]

    program = None
    for dt in _ticks(network, options):
        program, candidate = attempt(dt, options.bits_of)
        if candidate.fits or _helps_no_more(tried):
            break
    if program is None or not tried[-1].fits:
        raise UsageError(_nearest(budget, tried, options))
    if lower_bits:
        program, candidate = _fewer_bits(program, candidate, network, attempt)
    figures: dict[str, object] = {"budget": str(budget), "tried": len(tried)}
    figures |= {"dt_s": candidate.dt, "synapse_bytes": candidate.synapse_bytes}
    figures |= {f"{name}.bits": b for name, b in candidate.bits.items()}
    figures["pareto"] = [c.to_json() for c in pareto_front(tried)]
    summary = f"{several(len(tried), 'program')} tried; {_cost_text(candidate)}"
    return Found(program.logged(LogEntry("search", False, summary, figures)), candidate, tuple(tried))


def pareto_front(tried: Iterable[Candidate]) -> list[Candidate]:
    """Those for which no other takes less memory, updates and events and loses no more, by their memory."""
    known = [c for c in tried if c.measured is not None]
    kept = [c for c in known if not any(_better(other, c) for other in known)]
    return sorted(kept, key=lambda c: (c.synapse_bytes, c.excess, -c.dt))


def _fewer_bits(
    program: Program,
    candidate: Candidate,
    network: Network,
    attempt: Callable[[float | None, Mapping[str, int]], tuple[Program, Candidate]],
) -> tuple[Program, Candidate]:
    """Take bits from one projection after the other, the largest first, while the budget is kept."""
    dt = None if not isinstance(network.clock, Continuous) else candidate.dt
    order = sorted(network.projections, key=lambda q: -q.connectivity.n_synapses)
    for q in order:
        while candidate.bits[q.name] > 1:
            fewer = {**candidate.bits, q.name: candidate.bits[q.name] - 1}
            tried, cost = attempt(dt, fewer)
            if not cost.fits:
                break
            program, candidate = tried, cost
    return program, candidate


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
    while per_window * duration / window + 1 <= MOST_TICKS:
        if per_window * duration / window >= 8:
            found.append(window / per_window)
        per_window *= 2
    return found or [window]


def _helps_no_more(tried: list[Candidate]) -> bool:
    """Whether finer ticks were no better so many times in a row that what is lost is no longer time's."""
    known = [c.excess for c in tried if c.measured is not None and (c.n_ticks or 0) >= COARSE]
    return len(known) > PATIENCE and min(known[-PATIENCE:]) >= min(known[:-PATIENCE])


def _nearest(budget: Budget, tried: list[Candidate], options: CompileOptions) -> str:
    """That nothing keeps the budget, and what comes nearest."""
    possible = [c for c in tried if c.measured is not None]
    if not possible:
        return f"none of {several(len(tried), 'program')} tried fits the target; `spikec check` says why"
    best = min(possible, key=lambda c: c.excess)
    left = [] if options.parts > 1 or options.dt is not None else ["--parts 2"]
    left += [] if options.split_signs else ["--split-signs"]
    advice = f", or try {' or '.join(left)}" if left else ""
    longest, shortest, nearest = (seconds_text(c.dt) for c in (tried[0], tried[-1], best))
    return (
        f"the budget {budget} cannot be kept with ticks of {longest} to {shortest}; the nearest, with ticks "
        f"of {nearest}: {_cost_text(best)}; allow that{advice}"
    )


def _cost_text(c: Candidate) -> str:
    """What a candidate costs, in words."""
    assert c.measured is not None
    m = c.measured
    lost = "" if m.lost_points is None else f"loses {m.lost_points:.3g} points of accuracy, "
    return (
        f"{lost}spike times off by {seconds_text(m.median)} (99th percentile "
        f"{seconds_text(m.percentile_99)}), {c.synapse_bytes} bytes of synapses"
    )


def _bits_text(bits_of: Mapping[str, int]) -> str:
    return "bits " + " ".join(f"{name}={b}" for name, b in bits_of.items())


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


def _share(got: float | None, limit: float) -> float:
    if got is None:
        return float("inf")
    if limit > 0:
        return max(got, 0.0) / limit
    return 0.0 if got <= 0 else float("inf")


def _seconds(text: str) -> float | None:
    """A time above 0 with a unit, or in seconds."""
    for unit in sorted(UNITS, key=len, reverse=True):
        if text.endswith(unit):
            amount = _number(text[: -len(unit)])
            return None if not amount else amount * UNITS[unit]
    return _number(text) or None


def _number(text: str) -> float | None:
    """A number that is not negative, or None."""
    try:
        value = float(text)
    except ValueError:
        return None
    return value if 0 <= value < float("inf") else None
