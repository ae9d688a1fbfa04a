r"""How far apart the spikes of two runs lie: what a compiled program loses against the exact network.

Tick k of a population stands for the time :math:`(k - l)\,dt`. The compiler knows its mean lateness `l`, and
every run of a program notes it as ``meta["late_ticks"]``: each hop takes a tick, and a crossing is seen in
the first tick after it. Errors are times of the second run minus times of the first. A spike that one run has
after the other's end has nothing to be held against: if it finds no partner, it is counted apart.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any

import numpy as np

from spikec.arrays import FloatArray
from spikec.errors import UsageError
from spikec.events import Events
from spikec.pairing import common_populations, common_samples, pair_spikes
from spikec.result import RunResult
from spikec.units import several


@dataclass(frozen=True)
class TimeErrors:
    """How the spikes of one population, or of several, differ.

    Attributes:
        name: The population, or ``"all"``.
        n_a: Spikes in the first run.
        n_b: Spikes in the second.
        matched: Spikes that have a partner: the n-th of a neuron in a sample belongs to its n-th in the other
            run.
        median: Median of the absolute errors, seconds; None if nothing matched.
        percentile_99: Their 99th percentile, seconds.
        mean: Mean error with its sign, seconds; positive if the second run is late.
        after_a: Spikes of the first run without a partner that come after the end of the second.
        after_b: Of the second, after the end of the first.
    """

    name: str
    n_a: int
    n_b: int
    matched: int
    median: float | None
    percentile_99: float | None
    mean: float | None
    after_a: int = 0
    after_b: int = 0

    @property
    def missed(self) -> int:
        """Spikes that only the first run has, while both go on."""
        return self.n_a - self.matched - self.after_a

    @property
    def extra(self) -> int:
        """Spikes that only the second run has, while both go on."""
        return self.n_b - self.matched - self.after_b


@dataclass(frozen=True)
class SpikeTimes:
    """How the spikes of two runs differ, and their answers.

    Attributes:
        overall: All populations that compute, together.
        populations: Each of them.
        inputs: The sources, apart: they are given, not computed.
        n_samples: How many samples were compared.
        accuracy_a: Share of right answers of the first run, None if unknown.
        accuracy_b: Of the second.
        same_answers: Share of samples with the same answer, None if unknown.
        dt_a: Length of a tick of the first run, seconds; None if it has none.
        dt_b: Of the second.
        late_a: Lateness of the first run's populations that was taken off, ticks.
        late_b: Of the second's.
        notes: What was left out, one sentence each.
    """

    overall: TimeErrors
    populations: tuple[TimeErrors, ...]
    inputs: tuple[TimeErrors, ...]
    n_samples: int
    accuracy_a: float | None
    accuracy_b: float | None
    same_answers: float | None
    dt_a: float | None
    dt_b: float | None
    late_a: Mapping[str, float]
    late_b: Mapping[str, float]
    notes: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain values under the attributes' names, `missed` and `extra` with each population; seconds."""
        return {
            **asdict(self),
            "overall": _plain(self.overall),
            "populations": [_plain(e) for e in self.populations],
            "inputs": [_plain(e) for e in self.inputs],
        }


def spike_times(a: RunResult, b: RunResult) -> SpikeTimes:
    """Measure how far apart the spikes of two runs lie.

    Args:
        a: The run to measure against, for instance of the exact network.
        b: The run to measure, for instance of the compiled program.

    Raises:
        UsageError: They have no population or no sample in common, or a run in ticks does not say how long a
            tick is.
    """
    notes: list[str] = []
    names = common_populations(a.spikes, b.spikes, notes)
    n_samples, _ = common_samples(a.spikes, b.spikes, names, notes)
    sources = _sources(a) | _sources(b)
    found, errors = {}, {}
    for name in names:
        of_a, of_b = (run.spikes[name].select(0, n_samples) for run in (a, b))
        in_a, in_b = pair_spikes(of_a, of_b)
        times_a, times_b = seconds(a, name, of_a), seconds(b, name, of_b)
        errors[name] = times_b[in_b] - times_a[in_a]
        found[name] = replace(
            _measured(name, of_a.n_events, of_b.n_events, errors[name]),
            after_a=int(np.count_nonzero(np.delete(times_a > _ends_of(b, name, of_a), in_a))),
            after_b=int(np.count_nonzero(np.delete(times_b > _ends_of(a, name, of_b), in_b))),
        )
    computed = [found[name] for name in names if name not in sources]
    after_a, after_b = sum(e.after_a for e in found.values()), sum(e.after_b for e in found.values())
    for which, n, other in (("a", after_a, "b"), ("b", after_b, "a")):
        if n:
            notes.append(
                f"{several(n, 'spike')} of {which} after the end of {other}: neither missed nor extra"
            )
    together = np.concatenate([np.zeros(0), *(errors[e.name] for e in computed)])
    return SpikeTimes(
        overall=replace(
            _measured("all", sum(e.n_a for e in computed), sum(e.n_b for e in computed), together),
            after_a=sum(e.after_a for e in computed),
            after_b=sum(e.after_b for e in computed),
        ),
        populations=tuple(computed),
        inputs=tuple(found[name] for name in names if name in sources),
        n_samples=n_samples,
        accuracy_a=_accuracy(a.meta, n_samples),
        accuracy_b=_accuracy(b.meta, n_samples),
        same_answers=_same_answers(a.meta, b.meta, n_samples),
        dt_a=a.meta.get("dt"),
        dt_b=b.meta.get("dt"),
        late_a={name: lateness(a, name) for name in names if lateness(a, name)},
        late_b={name: lateness(b, name) for name in names if lateness(b, name)},
        notes=tuple(notes),
    )


def seconds(run: RunResult, name: str, events: Events) -> FloatArray:
    """When spikes of a run happen, whatever it counts time in; early ticks may lie before 0.

    Args:
        run: The run, for the length of its ticks and its populations' lateness.
        name: The population.
        events: Some of its spikes.

    Returns:
        Seconds, ``(n_events,)``.

    Raises:
        UsageError: They are in ticks, and the run does not say how long a tick is.
    """
    times: FloatArray = events.times.astype(np.float64)
    if not events.in_ticks or not events.n_events:
        return times
    dt = run.meta.get("dt")
    if not dt:
        raise UsageError(
            "a run is in ticks and does not say how long a tick is; run its program again with this spikec"
        )
    return (times - lateness(run, name)) * float(dt)


def lateness(run: RunResult, name: str) -> float:
    """By how many ticks the spikes of a population are late on average, as far as the run tells."""
    return float((run.meta.get("late_ticks") or {}).get(name, 0.0))


def _ends_of(run: RunResult, name: str, events: Events) -> FloatArray:
    """Until when a run shows the sample that each of some spikes belongs to, seconds, ``(n_events,)``."""
    ends = np.full(events.n_samples, _end(run, name))
    if run.meta.get("ends"):  # with the first spike of the population that answers
        answers = run.spikes[run.meta["decoding"]["population"]].select(0, events.n_samples)
        ends = np.minimum(ends, answers.first_times().min(axis=1))
    return np.asarray(ends[events.sample_of_event()])


def _end(run: RunResult, name: str) -> float:
    """Until when a run shows spikes of a population, seconds: in ticks, what its last one stands for."""
    until, dt = run.meta.get("until"), run.meta.get("dt")
    if until is None:
        return np.inf
    return (float(until) - 1 - lateness(run, name)) * float(dt) if dt else float(until)


def _measured(name: str, n_a: int, n_b: int, errors: FloatArray) -> TimeErrors:
    if not errors.size:
        return TimeErrors(name, n_a, n_b, 0, None, None, None)
    median, high = np.percentile(np.abs(errors), (50, 99))
    return TimeErrors(name, n_a, n_b, errors.size, float(median), float(high), float(errors.mean()))


def _sources(run: RunResult) -> set[str]:
    """Which populations are inputs, as far as the run tells."""
    listed = (run.meta.get("facts") or {}).get("populations") or ()
    if listed:
        return {p["name"] for p in listed if p.get("input")}
    counted = run.counters.populations if run.counters is not None else {}
    return {name for name, c in counted.items() if c.neuron_updates == 0}


def _accuracy(meta: Mapping[str, Any], n_samples: int) -> float | None:
    """Over the compared samples, if the answers are there."""
    answers, labels = _answers(meta, n_samples), tuple(meta.get("labels") or ())[:n_samples]
    if not answers or len(answers) != len(labels):
        return meta.get("accuracy")
    return float(np.mean(np.equal(answers, labels)))


def _same_answers(a: Mapping[str, Any], b: Mapping[str, Any], n_samples: int) -> float | None:
    of_a, of_b = _answers(a, n_samples), _answers(b, n_samples)
    if not of_a or len(of_a) != len(of_b):
        return None
    return float(np.mean(np.equal(of_a, of_b)))


def _answers(meta: Mapping[str, Any], n_samples: int) -> Sequence[int]:
    return tuple(meta.get("predictions") or ())[:n_samples]


def _plain(errors: TimeErrors) -> dict[str, Any]:
    return {**asdict(errors), "missed": errors.missed, "extra": errors.extra}
