"""Whether two runs gave the same, and if not, where they part: the first spike that only one of them has.

*First* is the lowest sample, then the earliest time in it, then the population, then the neuron: every sample
starts from rest, so what differs there can have no cause in what the report leaves out. Runs of different
length are compared as far as both go, and the comparison says so.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass

import numpy as np

from spikec.arrays import AnyArray, BoolArray
from spikec.errors import UsageError
from spikec.events import Events, same
from spikec.pairing import common_populations, common_samples, pair_spikes
from spikec.result import Counters, RunResult

ROUNDING = 1e-9
"""Engines of continuous time that round differently lie less than this apart, seconds."""


@dataclass(frozen=True)
class Difference:
    """A spike that one run has and the other has not, or has at another time.

    Attributes:
        population: Which population.
        neuron: Which of its neurons.
        sample: In which sample.
        time: When, in ticks (int) or seconds (float).
        side: ``"a"`` or ``"b"``: the run that has it.
        other_time: When the same neuron's spike of the same rank comes in the other run; None if it never
            does.
    """

    population: str
    neuron: int
    sample: int
    time: int | float
    side: str
    other_time: int | float | None


@dataclass(frozen=True)
class CounterDifference:
    """A count that differs.

    Attributes:
        where: The population or projection.
        counter: The count's name.
        a: Its value in run a.
        b: Its value in run b.
    """

    where: str
    counter: str
    a: int
    b: int


@dataclass(frozen=True)
class Comparison:
    """What two runs have in common.

    Attributes:
        identical: Whether everything that could be compared is the same, spikes and counts.
        first: The first spike that differs.
        populations: Which populations were compared.
        n_samples: How many samples were compared.
        n_events_a: Spikes of run a among them.
        n_events_b: Spikes of run b.
        counters_identical: Whether all common counts agree; None if they cannot be compared.
        first_counter_difference: The first count that differs.
        accuracy_a: Share of right answers of run a, if known.
        accuracy_b: Of run b.
        notes: What was left out or converted, one sentence each.
    """

    identical: bool
    first: Difference | None
    populations: tuple[str, ...]
    n_samples: int
    n_events_a: int
    n_events_b: int
    counters_identical: bool | None
    first_counter_difference: CounterDifference | None
    accuracy_a: float | None
    accuracy_b: float | None
    notes: tuple[str, ...] = ()

    def description(self, a: str = "a", b: str = "b") -> str:
        """The comparison in one sentence, with the runs' names."""
        if self.first is not None:
            return _describe(self.first, a, b)
        n = len(self.populations)
        same_spikes = f"the same {self.n_events_a} spikes of {n} populations in {self.n_samples} samples"
        worst = self.first_counter_difference
        if worst is not None:
            parts = f"{worst.counter} of {worst.where} is {worst.a} in {a} and {worst.b} in {b}"
            return f"{same_spikes}, but {parts}"
        counts = {True: ", and the same counts", False: "", None: "; counts were not compared"}
        return same_spikes + counts[self.counters_identical]


def compare(a: RunResult, b: RunResult, tolerance: float = 0.0, counts: bool = True) -> Comparison:
    """Compare two runs.

    Args:
        a: One run.
        b: The other.
        tolerance: How far apart, in the runs' own time, two spikes may lie and still be the same. Engines of
            continuous time agree to rounding only; runs in ticks need none.
        counts: Whether counts are compared too; a float network and its program touch other synapses.

    Raises:
        UsageError: They have no population or sample in common, or count time differently, or the tolerance
            is none.
    """
    if not 0 <= tolerance < np.inf:
        raise UsageError(f"a tolerance of {tolerance:g} judges nothing; give 0 or more, in ticks or seconds")
    notes: list[str] = []
    spikes_a, spikes_b = _in_one_time(a, b, notes)
    names = common_populations(spikes_a, spikes_b, notes)
    n_samples, full = common_samples(spikes_a, spikes_b, names, notes)
    n_ticks, full_ticks = _common_ticks(a.counters, b.counters, notes)
    cut_a = {name: _cut(spikes_a[name], n_samples, n_ticks) for name in names}
    cut_b = {name: _cut(spikes_b[name], n_samples, n_ticks) for name in names}
    first = _first_difference(names, cut_a, cut_b, tolerance)
    counters_identical, worst = None, None
    if counts and full and full_ticks and a.counters is not None and b.counters is not None:
        worst = first_counter_difference(a.counters, b.counters, notes)
        counters_identical = worst is None
    return Comparison(
        identical=first is None and worst is None,
        first=first,
        populations=tuple(names),
        n_samples=n_samples,
        n_events_a=sum(e.n_events for e in cut_a.values()),
        n_events_b=sum(e.n_events for e in cut_b.values()),
        counters_identical=counters_identical,
        first_counter_difference=worst,
        accuracy_a=a.meta.get("accuracy"),
        accuracy_b=b.meta.get("accuracy"),
        notes=tuple(notes),
    )


def _in_one_time(a: RunResult, b: RunResult, notes: list[str]) -> tuple[dict[str, Events], dict[str, Events]]:
    """The spikes of both in ticks or of both in seconds."""
    spikes_a, spikes_b = dict(a.spikes), dict(b.spikes)
    ticks_a, ticks_b = _counts_ticks(a), _counts_ticks(b)
    dt_a, dt_b = a.meta.get("dt"), b.meta.get("dt")
    if ticks_a and ticks_b and dt_a and dt_b and dt_a != dt_b:
        raise UsageError(
            f"one run has ticks of {dt_a:g} s, the other of {dt_b:g} s; compile both with one dt"
        )
    if None in (ticks_a, ticks_b) or ticks_a == ticks_b:
        return spikes_a, spikes_b
    dt = dt_a if ticks_a else dt_b
    if not dt:
        raise UsageError(
            "one run is in ticks, the other in seconds, and the ticks' length is not in the result's meta; "
            "compile the continuous network too, or bring its spikes to ticks with Events.to_ticks(dt)"
        )
    notes.append(f"the times of {'b' if ticks_a else 'a'} were rounded to ticks of {dt:g} s")
    rounded = spikes_b if ticks_a else spikes_a
    rounded.update({name: e.to_ticks(dt) for name, e in rounded.items()})
    return spikes_a, spikes_b


def _counts_ticks(result: RunResult) -> bool | None:
    """Whether a run's times are ticks; None if it has no spike to tell by."""
    kinds = {e.in_ticks for e in result.spikes.values() if e.n_events}
    if len(kinds) > 1:
        raise UsageError("a run has some spikes in ticks and others in seconds; it cannot be compared")
    return kinds.pop() if kinds else None


def _common_ticks(a: Counters | None, b: Counters | None, notes: list[str]) -> tuple[int | None, bool]:
    """How many ticks to compare (None: all), and whether both runs have as many."""
    if a is None or b is None or a.n_ticks == b.n_ticks:
        return None, True
    n = min(a.n_ticks, b.n_ticks)
    notes.append(f"one run has {a.n_ticks} ticks, the other {b.n_ticks}; the first {n} are compared")
    return n, False


def _cut(e: Events, n_samples: int, n_ticks: int | None) -> Events:
    """The first samples and ticks."""
    head = e.select(0, n_samples)
    return head if n_ticks is None else head.keep(head.times < n_ticks)


def _first_difference(
    names: Sequence[str], a: dict[str, Events], b: dict[str, Events], tolerance: float
) -> Difference | None:
    found = [_first_of(name, a[name], b[name], tolerance) for name in names]
    place = {name: i for i, name in enumerate(names)}
    return min(
        (d for d in found if d is not None),
        key=lambda d: (d.sample, d.time, place[d.population], d.neuron),
        default=None,
    )


def _first_of(name: str, a: Events, b: Events, tolerance: float) -> Difference | None:
    """The first difference of one population.

    The n-th spike of a neuron in a sample is held against its n-th spike in the other run. The earliest spike
    without an equal partner is then also the earliest that only one run has.
    """
    if same(a, b):
        return None
    in_a, in_b = pair_spikes(a, b)
    other_a, other_b = np.full(a.n_events, np.nan), np.full(b.n_events, np.nan)
    other_a[in_a], other_b[in_b] = b.times[in_b], a.times[in_a]
    rows = []
    for side, e, other in (("a", a, other_a), ("b", b, other_b)):
        differs: BoolArray = ~(np.abs(e.times - other) <= tolerance)
        if differs.any():
            rows.append(_row(name, side, e, int(np.argmax(differs)), other))
    return min(rows, key=lambda d: (d.sample, d.time, d.neuron), default=None)


def _row(name: str, side: str, e: Events, index: int, other: AnyArray) -> Difference:
    partner = None if np.isnan(other[index]) else e.times.dtype.type(other[index]).item()
    return Difference(
        population=name,
        neuron=int(e.neurons[index]),
        sample=int(e.sample_of_event()[index]),
        time=e.times[index].item(),
        side=side,
        other_time=partner,
    )


def first_counter_difference(a: Counters, b: Counters, notes: list[str]) -> CounterDifference | None:
    """The first count that differs; what only one run counts goes to the notes."""
    differences = []
    for kind, of_a, of_b in (
        ("population", a.populations, b.populations),
        ("projection", a.projections, b.projections),
    ):
        alone = sorted(set(of_a) ^ set(of_b))
        if alone:
            notes.append(f"only one run counts {kind} {', '.join(alone)}")
        for name in (n for n in of_a if n in of_b):
            values_a, values_b = asdict(of_a[name]), asdict(of_b[name])
            differences += [
                CounterDifference(f"{kind} {name}", counter, value, values_b[counter])
                for counter, value in values_a.items()
                if value != values_b[counter]
            ]
    return differences[0] if differences else None


def _describe(d: Difference, a: str, b: str) -> str:
    has, lacks = (a, b) if d.side == "a" else (b, a)
    unit = "tick {}" if isinstance(d.time, int) else "{:.9g} s"
    when = unit.format(d.time)
    there = f"not in {lacks}" if d.other_time is None else f"in {lacks} only at {unit.format(d.other_time)}"
    if d.other_time is not None and not isinstance(d.time, int):
        apart = abs(d.other_time - d.time)
        there += f", {apart:.2g} s apart"
        if apart < ROUNDING:
            there += f", which --tolerance {ROUNDING:g} takes for equal"
    who = f"neuron {d.neuron} of {d.population}"
    return f"they part at sample {d.sample}, {when}: {who} spikes in {has}, {there}"
