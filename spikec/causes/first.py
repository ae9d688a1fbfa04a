"""The first spike that two runs of one sample do not share, whatever each counts time in.

The n-th spike of a neuron belongs to its n-th in the other run. Tick k of a population stands for the time
(k - late) dt (`Program.late`), and two spikes are the same if these times lie within a tolerance. *First* is
the earliest, then the population that spikes reach first, then the neuron.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from spikec.arrays import FloatArray, IntArray
from spikec.causes.arrivals import Time, added
from spikec.compare import ROUNDING
from spikec.errors import UsageError
from spikec.events import Events
from spikec.ir.network import Continuous
from spikec.pairing import common_populations, pair_spikes
from spikec.program import Program


@dataclass(frozen=True, eq=False)
class Side:
    """One of two runs of one sample.

    Attributes:
        program: What ran, compiled or not.
        spikes: Its spikes, by the user's names, of one sample.
        until: When the run ended: its number of ticks, or seconds.
    """

    program: Program
    spikes: Mapping[str, Events]
    until: float

    @property
    def dt(self) -> float | None:
        """Length of a tick, seconds; None in continuous time."""
        clock = self.program.network.clock
        return None if isinstance(clock, Continuous) else clock.dt

    def seconds(self, population: str, time: Time) -> float:
        """What a spike's time stands for."""
        return float(time) if self.dt is None else (time - self.late(population)) * self.dt

    def late(self, population: str) -> float:
        """By how many ticks a population's spikes are late on average."""
        return float(self.program.late.get(population, 0.0))

    def end(self, population: str) -> float:
        """Until when spikes of a population are seen, seconds."""
        last = self.until if self.dt is None else self.until - 1
        return self.seconds(population, last)


@dataclass(frozen=True)
class FirstDifference:
    """A spike that comes in one run, and in the other not, or at another time.

    Attributes:
        population: Which population.
        neuron: Which of its neurons.
        side: ``"a"`` or ``"b"``: the run that has it, or has it earlier.
        time_a: When run a has it, in its own time; None if never.
        time_b: When run b has it.
        seconds: What the earlier of the two stands for.
        later: How much later the other run has it, seconds, each run's lateness taken off; None if never.
    """

    population: str
    neuron: int
    side: str
    time_a: Time | None
    time_b: Time | None
    seconds: float
    later: float | None = None


def usual_tolerance(a: Side, b: Side) -> float:
    """How far apart spikes may lie and be the same, seconds, where nobody says.

    None between ticks of one length, a tick where one run has other ticks or none, and rounding between two
    of continuous time.
    """
    if a.dt is None and b.dt is None:
        return ROUNDING
    return 0.0 if a.dt == b.dt else max(a.dt or 0.0, b.dt or 0.0)


def first_difference(a: Side, b: Side, tolerance: float, notes: list[str]) -> FirstDifference | None:
    """Find the first spike that differs by more than a tolerance.

    Args:
        a: One run.
        b: The other, of the same sample.
        tolerance: Seconds.
        notes: What was left out is written here.

    Raises:
        UsageError: The runs have no population in common.
    """
    ours = {name: e for name, e in a.spikes.items() if not added(a.program, name)}
    theirs = {name: e for name, e in b.spikes.items() if not added(b.program, name)}
    names = common_populations(ours, theirs, notes)
    order = [name for component in a.program.network.components() for name in component]
    order += [whole for whole in a.program.shards if whole not in order]
    place = {name: k for k, name in enumerate(order)}
    found = [d for name in names if (d := _first_of(name, a, b, tolerance)) is not None]
    return min(
        found,
        key=lambda d: (round(d.seconds, 12), place.get(d.population, len(place)), d.neuron),
        default=None,
    )


def _first_of(name: str, a: Side, b: Side, tolerance: float) -> FirstDifference | None:
    """The first difference of one population."""
    of_a, of_b = a.spikes[name], b.spikes[name]
    if of_a.n_samples != 1 or of_b.n_samples != 1:
        raise UsageError("one sample of each run is compared; select it first")
    in_a, in_b = pair_spikes(of_a, of_b)
    partner_a, partner_b = np.full(of_a.n_events, -1), np.full(of_b.n_events, -1)
    partner_a[in_a], partner_b[in_b] = in_b, in_a
    times_a, times_b = _seconds(a, name, of_a), _seconds(b, name, of_b)
    limit = tolerance * (1 + 1e-9) + 1e-12 * max(a.dt or 0.0, b.dt or 0.0)
    found = [
        *_alone_or_earlier("a", (of_a, of_b), (times_a, times_b), partner_a, b.end(name), limit),
        *_alone_or_earlier("b", (of_b, of_a), (times_b, times_a), partner_b, a.end(name), limit),
    ]
    if not found:
        return None
    seconds, neuron, side, own, other = min(found)
    time_a, time_b = (own, other) if side == "a" else (other, own)
    later = None if other is None else (b if side == "a" else a).seconds(name, other) - seconds
    return FirstDifference(name, neuron, side, time_a, time_b, seconds, later)


def _alone_or_earlier(
    side: str,
    events: tuple[Events, Events],
    times: tuple[FloatArray, FloatArray],
    partner: IntArray,
    end: float,
    limit: float,
) -> list[tuple[float, int, str, Time, Time | None]]:
    """The first spike of a run that the other has not before its end, or has later by more than the limit."""
    mine, theirs = times
    apart = np.full(mine.size, np.inf)
    paired = partner >= 0
    apart[paired] = theirs[partner[paired]] - mine[paired]
    differs = np.flatnonzero((apart > limit) & (paired | (mine <= end + limit)))
    if not differs.size:
        return []
    k = int(differs[np.lexsort((events[0].neurons[differs], mine[differs]))[0]])
    other = events[1].times[partner[k]].item() if partner[k] >= 0 else None
    return [(float(mine[k]), int(events[0].neurons[k]), side, events[0].times[k].item(), other)]


def _seconds(side: Side, name: str, events: Events) -> FloatArray:
    times: FloatArray = events.times.astype(np.float64)
    return times if side.dt is None else (times - side.late(name)) * side.dt
