"""Two runs of one sample, from the first spike that differs back to its causes.

At that spike one membrane is above its threshold and the other is not. Every arrival of one side is held
against the same spike's arrival on the other; what it is worth differs by four parts that add up:

* *weights*: the other weight, at our time, in our neuron,
* *times*: the other's arrival time, with its weight, in our neuron,
* *neurons*: the other's decays and resets, for the same arrival,
* *spikes*: all that it is worth, where only one side has that spike.

With what differs in biases, resets and by rounding, and in the threshold, the sum is the difference of the
membranes above their thresholds: exact where both are integers, to float rounding elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from spikec.causes.arrivals import Arrival, Number, Time, common_name
from spikec.causes.first import FirstDifference, Side, first_difference, usual_tolerance
from spikec.causes.sides import NeuronSide, neuron_side
from spikec.errors import UsageError
from spikec.ir.neurons import If, Lif
from spikec.units import several

PARTS = ("weights", "times", "neurons", "spikes")
"""What can differ of an arrival."""


@dataclass(frozen=True)
class Cause:
    """An arrival, and what it is worth in both membranes; weights and worths in the user's units.

    Attributes:
        projection: The projection that it came through.
        population: Where the spike came from.
        neuron: Which neuron there.
        rank: How many spikes of that neuron came before it.
        weight_a: Of run a, as its membrane (or current) sees it in a tick; None without such an arrival.
        weight_b: Of run b.
        time_a: When it arrives in run a, in that run's time.
        time_b: In run b.
        a: What it is worth in the membrane of run a.
        b: In that of run b.
        parts: What of the difference ``b - a`` comes from what (`PARTS`).
    """

    projection: str
    population: str
    neuron: int
    rank: int
    weight_a: Number | None
    weight_b: Number | None
    time_a: Time | None
    time_b: Time | None
    a: Number
    b: Number
    parts: Mapping[str, Number]

    @property
    def difference(self) -> Number:
        """What the membrane of b has more by it."""
        return self.b - self.a


@dataclass(frozen=True)
class Term:
    """Something else that makes up a membrane, or its threshold, with the opposite sign.

    Attributes:
        name: What it is.
        a: Its worth in run a, the user's units.
        b: In run b.
    """

    name: str
    a: Number
    b: Number

    @property
    def difference(self) -> Number:
        """What b has more by it."""
        return self.b - self.a


@dataclass(frozen=True)
class Half:
    """One run at the moment of the difference.

    Attributes:
        time: When its membrane is looked at, in its own time.
        membrane: The membrane then, before any reset, the user's units; None where it is no sum.
        threshold: Its threshold.
        trace_times: Seconds of the whole sample.
        trace: The membrane then.
    """

    time: Time | None
    membrane: Number | None
    threshold: Number | None
    trace_times: Sequence[float] = ()
    trace: Sequence[float] = ()


@dataclass(frozen=True)
class Diff:
    """Why two runs part.

    Attributes:
        first: The first spike that differs; None if none does.
        tolerance: How far apart spikes may lie and be the same, seconds.
        a: Run a then.
        b: Run b then.
        causes: Every arrival that is worth something, those that differ most first.
        terms: What else makes up the membranes, the threshold last.
        notes: What must be known to read it, one sentence each.
    """

    first: FirstDifference | None
    tolerance: float
    a: Half
    b: Half
    causes: tuple[Cause, ...] = ()
    terms: tuple[Term, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def margin_difference(self) -> Number | None:
        """How much farther b is above its threshold than a."""
        halves = (self.a, self.b)
        if any(h.membrane is None or h.threshold is None for h in halves):
            return None
        margins = [h.membrane - h.threshold for h in halves]  # type: ignore[operator]
        return margins[1] - margins[0]

    def sums(self) -> dict[str, Number]:
        """What of the difference comes from what; together they are `margin_difference`."""
        found: dict[str, Number] = {p: sum((c.parts[p] for c in self.causes), start=0) for p in PARTS}
        for term in self.terms:
            found[term.name] = term.difference
        return {name: value for name, value in found.items() if value}

    def to_json(self) -> dict[str, Any]:
        """Plain values under the attributes' names."""
        return {
            "identical": self.first is None,
            "first": None if self.first is None else asdict(self.first),
            "tolerance": self.tolerance,
            "a": _plain_half(self.a),
            "b": _plain_half(self.b),
            "margin_difference": _real(self.margin_difference),
            "sums": {name: float(value) for name, value in self.sums().items()},
            "causes": [_plain_cause(c) for c in self.causes],
            "terms": [{"name": t.name, "a": float(t.a), "b": float(t.b)} for t in self.terms],
            "notes": list(self.notes),
        }


def diff(a: Side, b: Side, tolerance: float | None = None) -> Diff:
    """Find the first spike that two runs of one sample do not share, and why.

    Args:
        a: One run; a float network, if only one is.
        b: The other.
        tolerance: How far apart spikes may lie and be the same, in ticks, or seconds between two networks in
            continuous time; None for `usual_tolerance`.

    Raises:
        UsageError: The runs have no population in common, or the tolerance is none.
    """
    limit = usual_tolerance(a, b) if tolerance is None else _in_seconds(tolerance, a, b)
    notes: list[str] = []
    first = first_difference(a, b, limit, notes)
    if first is None:
        return Diff(None, limit, Half(None, None, None), Half(None, None, None), notes=tuple(notes))
    name, neuron = first.population, first.neuron
    notes += [
        f"spikes of {name} are {_ticks(side.late(name))} late in {which}, for hops and ticks take time"
        for which, side in (("a", a), ("b", b))
        if a.late(name) != b.late(name) and side.late(name)
    ]
    if any(name in side.program.network.inputs for side in (a, b)):
        notes.append(f"{name} is an input: the runs were given different spikes")
        halves = (Half(first.time_a, None, None), Half(first.time_b, None, None))
        return Diff(first, limit, *halves, notes=tuple(notes))
    ours, theirs = neuron_side(a, b, name, neuron), neuron_side(b, a, name, neuron)
    time_a, time_b = _moments(first, ours, theirs)
    if ours.course is None or theirs.course is None:
        kind = type(ours.population.neuron).__name__
        notes.append(f"the membrane of {kind} is no sum of what reaches it; weights are listed instead")
        ours, theirs = replace(ours, course=None), replace(theirs, course=None)
    causes = _causes(ours, theirs, time_a, time_b)
    return Diff(
        first=first,
        tolerance=limit,
        a=_half(ours, name, time_a),
        b=_half(theirs, name, time_b),
        causes=tuple(sorted(causes, key=_by_difference)),
        terms=tuple(_terms(ours, theirs, time_a, time_b)),
        notes=tuple(notes),
    )


def _ticks(late: float) -> str:
    return several(int(late), "tick") if late == int(late) else f"{late:g} ticks"


def _in_seconds(tolerance: float, a: Side, b: Side) -> float:
    if not 0 <= tolerance < np.inf:
        raise UsageError(f"a tolerance of {tolerance:g} judges nothing; give 0 or more")
    ticks = max(a.dt or 0.0, b.dt or 0.0)
    return tolerance * ticks if ticks else tolerance


def _moments(first: FirstDifference, ours: NeuronSide, theirs: NeuronSide) -> tuple[Time, Time]:
    """When to look at both membranes: where the one that spikes crosses, and at the same moment."""
    spiking, other = (ours, theirs) if first.side == "a" else (theirs, ours)
    left = first.time_a if first.side == "a" else first.time_b
    assert left is not None
    crossed = left - _spike_delay(spiking)
    there = _same_moment(spiking, other, first.population, left)
    times = (_inside(spiking, crossed), _inside(other, there))
    return times if first.side == "a" else (times[1], times[0])


def _same_moment(spiking: NeuronSide, other: NeuronSide, population: str, left: Time) -> Time:
    """When the other run's membrane should have crossed: a tick sees what happened up to its end."""
    late, seconds = other.side.late(population), spiking.side.seconds(population, left)
    dt, other_dt = spiking.side.dt, other.side.dt
    if other_dt is None:
        return seconds if dt is None else seconds + dt / 2
    if dt is None:
        tick = int(np.ceil((seconds - other_dt / 2) / other_dt + late - 1e-9))
    else:
        tick = int(np.rint(seconds / other_dt + late))
    return tick - _spike_delay(other)


def _spike_delay(of: NeuronSide) -> int:
    clock = of.side.program.network.clock
    return 0 if of.side.dt is None else clock.convention.spike_delay  # type: ignore[union-attr]


def _inside(of: NeuronSide, time: Time) -> Time:
    return time if of.course is None else of.course.inside(time)


def _half(of: NeuronSide, population: str, time: Time) -> Half:
    times, values = of.trace(population)
    return Half(time, of.membrane(time), of.threshold(), times, values)


def _terms(ours: NeuronSide, theirs: NeuronSide, time_a: Time, time_b: Time) -> list[Term]:
    """All but arrivals; the threshold with the opposite sign, for it is taken off."""
    of_a, of_b = ours.terms(time_a), theirs.terms(time_b)
    names = dict.fromkeys((*of_a, *of_b))
    found = [Term(name, of_a.get(name, 0), of_b.get(name, 0)) for name in names]
    at = (ours.threshold(), theirs.threshold())
    if at[0] is not None and at[1] is not None:
        found.append(Term("threshold", -1 * at[0], -1 * at[1]))
    return found


def _causes(ours: NeuronSide, theirs: NeuronSide, time_a: Time, time_b: Time) -> list[Cause]:
    named_a, named_b = _named(ours, theirs), _named(theirs, ours)
    stored_a, stored_b = _stored(ours, theirs), _stored(theirs, ours)
    worth_a, worth_b = ours.worth(time_a), theirs.worth(time_b)
    clock = _as_ours(ours, theirs, time_a, time_b)
    found = []
    for key in dict.fromkeys((*named_a, *named_b)):
        x, y = named_a.get(key), named_b.get(key)
        if not _counts(x, time_a) and not _counts(y, time_b):
            continue
        weight_a = None if x is None else ours.weight(x)
        weight_b = None if y is None else theirs.weight(y)
        a = 0 if x is None or weight_a is None else weight_a * worth_a(x.time)
        b = 0 if y is None or weight_b is None else weight_b * worth_b(y.time)
        parts: dict[str, Number] = dict.fromkeys(PARTS, 0)
        if x is not None and y is not None and weight_a is not None and weight_b is not None:
            with_weight = weight_b * worth_a(x.time)
            with_time = weight_b * worth_a(clock(y.time))
            parts |= {"weights": with_weight - a, "times": with_time - with_weight, "neurons": b - with_time}
        elif key[:3] in stored_a and key[:3] in stored_b:
            parts["spikes"] = b - a
        else:
            parts["weights"] = b - a
        times = (None if x is None else x.time, None if y is None else y.time)
        found.append(Cause(*key, weight_a, weight_b, *times, a, b, parts))
    return found


def _by_difference(c: Cause) -> tuple[float, float, str, int]:
    """The largest difference first, then the largest worth."""
    return -abs(float(c.difference)), -abs(float(c.a)), c.projection, c.neuron


def _counts(arrival: Arrival | None, time: Time) -> bool:
    """Whether an arrival comes before the moment that is looked at."""
    return arrival is not None and arrival.time <= time


def _named(of: NeuronSide, other: NeuronSide) -> dict[tuple[str, str, int, int], Arrival]:
    """Arrivals by their keys, projections under names that both sides know.

    Where several synapses of a program stand for one, the later ones keep their own projection's name.
    """
    names = {q.name for q in other.side.program.network.projections}
    names |= {key[0] for key in other.synapses()}
    found: dict[tuple[str, str, int, int], Arrival] = {}
    for a in of.arrivals:
        name = common_name(a.projection, names)
        key = (name, a.population, a.neuron, a.rank)
        found[(a.part, *key[1:]) if key in found else key] = a
    return found


def _stored(of: NeuronSide, other: NeuronSide) -> set[tuple[str, str, int]]:
    """The synapses that lead to the neuron, projections under names that both sides know."""
    names = {q.name for q in other.side.program.network.projections}
    names |= {key[0] for key in other.synapses()}
    return {(common_name(projection, names), *rest) for projection, *rest in of.synapses()}  # type: ignore[misc]


def _as_ours(ours: NeuronSide, theirs: NeuronSide, time_a: Time, time_b: Time) -> Callable[[Time], Time]:
    """The time in run a that lies as long before its moment as a time of run b before that one's."""
    dt_a, dt_b = ours.side.dt, theirs.side.dt
    if dt_a is None and dt_b is None:
        return lambda t: time_a - (time_b - t)
    if dt_a is None:
        assert dt_b is not None
        within = 0 if isinstance(ours.population.neuron, If | Lif) else 1
        return lambda t: time_a - (time_b - t + within) * dt_b if t <= time_b else np.inf
    if dt_b is None:
        within = 0 if isinstance(theirs.population.neuron, If | Lif) else 1
        return lambda t: time_a - int(np.rint((time_b - t) / dt_a)) + within if t <= time_b else np.inf
    ratio = dt_b / dt_a
    return lambda t: time_a - int(np.rint((time_b - t) * ratio))


def _plain_half(half: Half) -> dict[str, Any]:
    return {
        "time": half.time,
        "membrane": _real(half.membrane),
        "threshold": _real(half.threshold),
        "trace_times": list(half.trace_times),
        "trace": list(half.trace),
    }


def _plain_cause(c: Cause) -> dict[str, Any]:
    return {
        "projection": c.projection,
        "population": c.population,
        "neuron": c.neuron,
        "rank": c.rank,
        "weight_a": _real(c.weight_a),
        "weight_b": _real(c.weight_b),
        "time_a": c.time_a,
        "time_b": c.time_b,
        "a": float(c.a),
        "b": float(c.b),
        "difference": float(c.difference),
        "parts": {name: float(value) for name, value in c.parts.items() if value},
    }


def _real(value: Number | None) -> float | None:
    return None if value is None else float(value)
