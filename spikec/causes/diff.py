"""Two runs of one sample, from the first spike that differs back to its causes.

At that spike one membrane is above its threshold and the other is not. Every arrival of one side is held
against the same spike's arrival on the other; what it is worth differs by four parts that add up:

* *weights*: the other weight, at our time, in our neuron,
* *times*: the other's arrival time, with its weight, in our neuron,
* *neurons*: the other's decays and resets, for the same arrival,
* *spikes*: all that it is worth, where only one side has that spike.

With what differs in biases, resets and by rounding, and in the threshold, the sum is the difference of the
membranes above their thresholds: exact where both are integers, to float rounding elsewhere.

The membrane of `Theta` is no sum, but its phase is one (`spikec.causes.phases`): there an arrival is worth
what it moved the phase by, which differs by the *weights*, and by the phase that it met (*times*).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from spikec.causes.arrivals import Arrival, Number, Time, common_name
from spikec.causes.first import FirstDifference, Side, first_difference, usual_tolerance
from spikec.causes.found import PARTS, Cause, Diff, Half, Term
from spikec.causes.sides import NeuronSide, neuron_side
from spikec.errors import UsageError
from spikec.ir.listing import listed
from spikec.ir.neurons import If, Lif
from spikec.units import several


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
    a, b = _listed(a), _listed(b)
    ours, theirs = neuron_side(a, b, name, neuron), neuron_side(b, a, name, neuron)
    time_a, time_b = _moments(first, ours, theirs)
    phases = ours.phases is not None and theirs.phases is not None
    if phases:
        notes.append("phases are shares of a period: 0 after a spike, 1 at the next")
    elif ours.course is None or theirs.course is None:
        kind = type(ours.population.neuron).__name__
        notes.append(f"the membrane of {kind} is no sum of what reaches it; weights are listed instead")
        ours, theirs = (replace(x, course=None, phases=None) for x in (ours, theirs))
    causes = _causes(ours, theirs, time_a, time_b)
    return Diff(
        first=first,
        tolerance=limit,
        a=_half(ours, name, time_a),
        b=_half(theirs, name, time_b),
        causes=tuple(sorted(causes, key=_by_difference)),
        terms=tuple(_terms(ours, theirs, time_a, time_b)),
        notes=tuple(notes),
        quantity="phase" if phases else "membrane",
    )


def _listed(side: Side) -> Side:
    """A side whose synapses can be looked at one by one."""
    network = listed(side.program.network, "explained spike by spike")
    return replace(side, program=replace(side.program, network=network))


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
    course = of.course or of.phases
    return time if course is None else course.inside(time)


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
    of_phases = ours.phases is not None and theirs.phases is not None
    worth_a, worth_b = ours.worth(time_a), theirs.worth(time_b)
    clock = _as_ours(ours, theirs, time_a, time_b)
    found = []
    for key in dict.fromkeys((*named_a, *named_b)):
        x, y = named_a.get(key), named_b.get(key)
        if not _counts(x, time_a) and not _counts(y, time_b):
            continue
        weight_a = None if x is None else ours.weight(x)
        weight_b = None if y is None else theirs.weight(y)
        parts: dict[str, Number] = dict.fromkeys(PARTS, 0)
        a: Number
        b: Number
        if of_phases:
            a, b = _moved(ours, x, time_a), _moved(theirs, y, time_b)
        else:
            a = 0 if x is None or weight_a is None else weight_a * worth_a(x.time)
            b = 0 if y is None or weight_b is None else weight_b * worth_b(y.time)
        if of_phases and x is not None and y is not None:
            parts |= _of_jumps(ours, x, float(theirs.weight(y)), a, b)
        elif x is not None and y is not None and weight_a is not None and weight_b is not None:
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


def _moved(of: NeuronSide, arrival: Arrival | None, time: Time) -> float:
    """What an arrival has moved the phase by at a time."""
    if arrival is None or arrival.time > time:
        return 0.0
    assert of.phases is not None
    return of.phases.of(arrival)[1]


def _of_jumps(ours: NeuronSide, x: Arrival, weight: float, a: Number, b: Number) -> dict[str, Number]:
    """What of two jumps' difference the other weight makes in our phase, and what the other phase does."""
    assert ours.phases is not None
    if not a or not b:
        return {"times": b - a}
    with_weight = ours.phases.jump(ours.phases.of(x)[0], weight)
    return {"weights": with_weight - a, "times": b - with_weight}


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
