"""Runs of a continuous network for its answer alone: each sample ends with the first spike that answers.

No spike depends on a later one, so a run up to a horizon has the spikes of a longer run up to there. A few
samples run in full; where they answer says which horizon is cheapest for the others. Those that have not
answered by then run in full, too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from time import perf_counter

import numpy as np

from spikec.arrays import BoolArray, FloatArray
from spikec.errors import UsageError
from spikec.events import Events, unchecked
from spikec.inputs import check_inputs
from spikec.result import RunResult
from spikec_cpu.exact import ExactExecutable, nothing

TRIED = 16
"""Samples that run in full first."""


class FirstSpikeExecutable:
    """A continuous network that answers with its first spike, made ready for the CPU.

    Args:
        exact: The network, made ready.
        population: Who answers.
        tried: See `TRIED`.
    """

    def __init__(self, exact: ExactExecutable, population: str, tried: int = TRIED) -> None:
        self.exact = exact
        self.population = population
        self.tried = tried

    def run(self, inputs: Mapping[str, Events], until: float, record: Sequence[str] = ()) -> RunResult:
        """See `spikec.backend.Executable.run`; spikes after a sample's first answer are left out.

        Raises:
            EventsError: The inputs do not fit the network.
            NetworkError: The activity explodes.
            UsageError: Membranes are wanted, which would end elsewhere in each sample, or the end is no time.
        """
        if record:
            raise UsageError(
                f"{record[0]} cannot be recorded where each sample ends at its first spike; run it in full"
            )
        began = perf_counter()
        n = check_inputs(self.exact.network, inputs)
        tried = self._run(inputs, np.arange(n) < self.tried, until)
        horizon = _cheapest(self._answers(tried)[: self.tried], _last(inputs, min(n, self.tried)), until)
        rest = self._run(inputs, np.arange(n) >= self.tried, horizon)
        late = (np.arange(n) >= self.tried) & np.isinf(self._answers(rest)) & (horizon < until)
        again = self._run(inputs, late, until)
        spikes = {name: _joined(tried[name], _without(rest[name], late), again[name]) for name in rest}
        ends = self._answers(spikes)
        meta = {
            "backend": "cpu",
            "seconds": perf_counter() - began,
            "threads": self.exact.threads,
            "ends": f"each sample ends with the first spike of {self.population}; all counts are up to there",
        }
        cut = {name: e.keep(e.times <= ends[e.sample_of_event()]) for name, e in spikes.items()}
        return RunResult(cut, {}, None, meta)

    def close(self) -> None:
        """Nothing is held."""

    def _run(self, inputs: Mapping[str, Events], which: BoolArray, until: float) -> Mapping[str, Events]:
        """The spikes of some samples; of the others none."""
        if not which.any():
            return {p.name: _among(nothing(p.n), which) for p in self.exact.network.populations}
        few = {name: _only(e, which) for name, e in inputs.items()}
        spikes = self.exact.run(few, until, numbers=np.flatnonzero(which)).spikes
        return {name: _among(e, which) for name, e in spikes.items()}

    def _answers(self, spikes: Mapping[str, Events]) -> FloatArray:
        return _firsts(spikes[self.population])


def _firsts(events: Events) -> FloatArray:
    """When each sample's first spike is, infinite if there is none."""
    found = np.full(events.n_samples, np.inf)
    some = np.diff(events.sample_starts) > 0
    found[some] = events.times[events.sample_starts[:-1][some]]
    return found


def _cheapest(answers: FloatArray, last: FloatArray, until: float) -> float:
    """The horizon with the least work: up to there, and all of it again for samples that answer later.

    Args:
        answers: When samples answer.
        last: When their inputs end, to which work is taken to grow evenly.
        until: The end of a run in full.
    """
    if not last.size:
        return until
    horizons = np.append(answers[np.isfinite(answers)], until)
    share = np.minimum(horizons[:, np.newaxis] / np.maximum(last, 1e-300), 1.0).mean(axis=1)
    again = (answers > horizons[:, np.newaxis]).mean(axis=1) * (horizons < until)
    return float(horizons[np.argmin(share + again)])


def _last(inputs: Mapping[str, Events], n: int) -> FloatArray:
    """When the inputs of the first samples end."""
    found = np.zeros(n)
    for e in inputs.values():
        within = e.sample_of_event() < n
        np.maximum.at(found, e.sample_of_event()[within], e.times[within])
    return found


def _only(events: Events, which: BoolArray) -> Events:
    """Some samples, without the others."""
    kept = events.keep(which[events.sample_of_event()])
    starts = np.append(kept.sample_starts[:-1][which], kept.n_events)
    return unchecked(kept.times, kept.neurons, starts, events.n_neurons)


def _among(events: Events, which: BoolArray) -> Events:
    """Samples put back where they were, the others silent."""
    sizes = np.zeros(which.size, np.int64)
    sizes[which] = np.diff(events.sample_starts)
    starts = np.concatenate([[0], np.cumsum(sizes)])
    return unchecked(events.times, events.neurons, starts, events.n_neurons)


def _without(events: Events, which: BoolArray) -> Events:
    return events.keep(~which[events.sample_of_event()])


def _joined(*parts: Events) -> Events:
    """Spikes of which each sample has those of one part."""
    samples = np.concatenate([e.sample_of_event() for e in parts])
    order = np.argsort(samples, kind="stable")
    times, neurons = (np.concatenate([getattr(e, k) for e in parts])[order] for k in ("times", "neurons"))
    starts = sum((e.sample_starts for e in parts[1:]), parts[0].sample_starts)
    return unchecked(times, neurons, starts, parts[0].n_neurons)
